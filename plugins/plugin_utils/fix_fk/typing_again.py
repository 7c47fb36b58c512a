# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be typed again of a command line, so that a printed command does the same."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Mapping


def place(root: str, here: str) -> str:
    """Return what stands before a playbook's path for somebody in the folder `here`: nothing in the
    project's own folder, which AWX and README.md go to."""
    well = not here or os.path.realpath(here) == os.path.realpath(root)
    return "" if well else os.path.join(os.path.realpath(root), "")


def inventory(sources: Iterable[str], root: str, here: str) -> str:
    """Return the inventories as they are typed, for what stands behind -i."""
    typed = []
    for source in sources or ("production",):
        relative = os.path.relpath(source, root)
        inside = os.path.isabs(source) and not relative.startswith("..") and not place(root, here)
        typed.append(shlex.quote(relative if inside else source))
    return " -i ".join(typed)


def options(given: Mapping) -> str:
    """Return the options that have to be given again: which hosts, and where the secrets are.

    given: as Ansible keeps its command line. A value itself may be a secret; a file of variables is
    none, but for the one that ansible-runner makes for one job.
    """
    found = []
    if given.get("subset"):
        found += ["--limit", given["subset"]]
    for value in given.get("extra_vars") or ():
        if value.startswith("@") and not value.endswith("/env/extravars"):
            found += ["-e", value]
    if given.get("ask_vault_pass"):
        found.append("--ask-vault-pass")
    for path in given.get("vault_password_files") or ():
        found += ["--vault-password-file", path]
    for identity in given.get("vault_ids") or ():
        found += ["--vault-id", identity]
    return "".join(f" {shlex.quote(part)}" for part in found)
