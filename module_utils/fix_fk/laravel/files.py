# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing a file of the application in one step."""

from __future__ import annotations

import contextlib
import os
import tempfile


def write(path, text, like, mode):
    """Give path this content and mode, and the owner of `like` (os.stat_result). Raises OSError.

    text may have surrogates for bytes that are no UTF-8. AnsibleModule.atomic_move() would put a
    new file in its place with the mode of the umask, which a copy of .env must not have, and would
    go on where it may not give the file to its owner.
    """
    # Begins as the file does: a rule that keeps .env from being published holds for it as well.
    folder, name = os.path.split(path)
    handle, partial = tempfile.mkstemp(prefix=f"{name}.partial_", dir=folder)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            own = os.fstat(handle)
            if (own.st_uid, own.st_gid) != (like.st_uid, like.st_gid):
                os.fchown(handle, like.st_uid, like.st_gid)
            os.fchmod(handle, mode)
            file.write(text)
            file.flush()
            os.fsync(handle)
        os.replace(partial, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(partial)
