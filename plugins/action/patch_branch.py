# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""Commits a patch on a branch of its own in a git checkout on the controller."""

from __future__ import annotations

import os
import subprocess
import tempfile

from ansible.plugins.action import ActionBase

DOCUMENTATION = r"""
name: patch_branch
author: fix_fk contributors
short_description: Commit a patch on a branch of its own, in a checkout on the controller
version_added: 0.2.0
description:
  - Makes the branch C(fix/MIGRATION) with one commit behind what is checked out. Neither the work
    tree nor the index nor the branch that is checked out is touched.
  - Where a file has uncommitted changes, is not in the last commit as it is on the server, or the
    branch is there with something else, nothing is made and RV(problem) says why.
options:
  checkout:
    description: The application's folder in the checkout.
    type: path
    required: true
  patches:
    description: The files, each with C(migration), C(path), C(source) and C(patched).
    type: list
    elements: dict
    required: true
  message:
    description: The message of the commit.
    type: str
    required: true
"""


class Unfit(Exception):
    """The branch cannot be made; the text says why."""


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True
    _VALID_ARGS = frozenset(("checkout", "patches", "message"))

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        given = self._task.args
        folder = os.path.abspath(os.path.expanduser(str(given["checkout"])))
        name = f"fix/{given['patches'][0]['migration']}"
        result.update(changed=False, branch=name, checkout=folder, problem="", commit="")
        if self._task.check_mode:
            return result
        try:
            result["commit"] = commit_on(folder, name, given["patches"], str(given["message"]))
        except Unfit as why:
            result["problem"] = f"The branch {name} was not made in {folder}: {why}."
        return result


def commit_on(folder: str, branch: str, patches: list[dict], message: str) -> str:
    """Return the commit of the branch, which may be there already. Raises Unfit."""
    prefix = _git(folder, "rev-parse", "--show-prefix")
    head = _git(folder, "rev-parse", "--verify", "HEAD")
    with tempfile.TemporaryDirectory(prefix="fix_fk_") as place:
        index = {"GIT_INDEX_FILE": os.path.join(place, "index")}
        _git(folder, "read-tree", head, env=index)
        for patch in patches:
            path = f"{prefix}{patch['path']}"
            _refuse_other(folder, head, path, patch)
            blob = _git(folder, "hash-object", "-w", "--stdin", text=str(patch["patched"]))
            mode = _git(folder, "ls-tree", "--full-tree", head, path).split()[0]
            entry = f"{mode},{blob},{path}"
            _git(folder, "update-index", "--cacheinfo", entry, env=index)
        tree = _git(folder, "write-tree", env=index)
    reference = f"refs/heads/{branch}"
    there = _run(folder, ["rev-parse", "--verify", "--quiet", reference]).stdout.strip()
    if there:
        if _git(folder, "rev-parse", f"{there}^{{tree}}") == tree:
            return there
        raise Unfit("a branch of that name is there, with something else")
    commit = _git(folder, "commit-tree", tree, "-p", head, "-m", message)
    _git(folder, "update-ref", reference, commit, "0" * len(commit))
    return commit


def _refuse_other(folder: str, head: str, path: str, patch: dict) -> None:
    if _git(folder, "status", "--porcelain", "--", f":/{path}"):
        raise Unfit(f"{path} has uncommitted changes there")
    known = _run(folder, ["show", f"{head}:{path}"])
    if known.returncode:
        raise Unfit(f"{path} is not in what is checked out there")
    if known.stdout != patch["source"]:
        raise Unfit(f"{path} is another there than on the server")


def _git(folder: str, *arguments: str, text: str | None = None, env: dict | None = None) -> str:
    """Return what git says. Raises Unfit."""
    done = _run(folder, list(arguments), text, env)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise Unfit((said or ["git failed"])[-1].removeprefix("fatal: ").rstrip("."))
    return done.stdout.strip()


def _run(folder, arguments, text=None, env=None):
    try:
        done = subprocess.run(
            ["git", "-C", folder, *arguments],  # noqa: S607 - the operator's own
            input=None if text is None else text.encode(),
            capture_output=True,
            check=False,
            env={**os.environ, "LC_ALL": "C.UTF-8", **(env or {})},
        )
    except OSError as error:
        raise Unfit(f"git cannot be run: {error.strerror}") from error
    decoded = [out.decode("utf-8", "replace") for out in (done.stdout, done.stderr)]
    return subprocess.CompletedProcess(done.args, done.returncode, *decoded)
