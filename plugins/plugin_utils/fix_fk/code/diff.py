# SPDX-License-Identifier: GPL-3.0-or-later
"""The patch as `git apply` and `patch -p1` take it, and what is typed to have it in the code."""

from __future__ import annotations

import difflib
import shlex

# Lines of the patch that the screen shows.
SHOWN = 24


def unified(patches: list[dict]) -> str:
    """Return the unified diff of the files, from the application's root; the `source` of a new one
    is None."""
    return "".join(map(_of_file, patches))


def _of_file(patch: dict) -> str:
    path = patch["path"].lstrip("/")
    new = patch["source"] is None
    lines = difflib.unified_diff(
        [] if new else _lines(patch["source"]),
        _lines(patch["patched"]),
        "/dev/null" if new else f"a/{path}",
        f"b/{path}",
    )
    head = f"diff --git a/{path} b/{path}\nnew file mode 100644\n" if new else ""
    return head + "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def _lines(text: str) -> list[str]:
    """Return the lines with their ends, which are \\n alone: others are a part of the line."""
    lines = [f"{line}\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return [line for line in lines if line]


def brief(diff: str) -> list[str]:
    """Return the changed lines, as far as the screen has room for them."""
    changed = [
        line.rstrip("\r")
        for line in diff.split("\n")
        if line[:1] in "+-" and line and line[:4] not in ("+++ ", "--- ")
    ]
    more = len(changed) - SHOWN
    return [*changed[:SHOWN], *([f"... {more} lines more"] if more > 0 else [])]


def commands(patches: list[dict], file: str) -> list[str]:
    """Return what brings the patch into the code, one command a line, from a checkout's folder."""
    paths = shlex.join(patch["path"] for patch in patches)
    name = patches[0]["migration"]
    message = patches[0].get("message") or f"Let {name} run on an empty schema"
    return [
        f"git apply {shlex.quote(file)}",
        f"git add {paths}",
        f"git commit -m {shlex.quote(message)}",
        "git push",
    ]
