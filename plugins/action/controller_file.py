# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""Writes a small file on the controller without the cost of a module."""

from __future__ import annotations

import os

from ansible.plugins.action import ActionBase

DOCUMENTATION = r"""
name: controller_file
author: fix_fk contributors
short_description: Write a text file on the controller
version_added: 0.1.0
description:
  - Writes text to a file on the controller, readable by its owner only. A report is a record of
    the run and not a change of the host, so the task never reports changed.
  - When the folder cannot be written (a read-only project of AWX), the task returns
    RV(written=false) and the reason as RV(problem), for the report to show. A report that cannot be
    kept must not fail a repair that was made. It is no warning, because the warnings of a task that
    is ok are not shown where ok tasks are not.
options:
  dest:
    description: Path of the file. Missing folders are created.
    type: path
    required: true
  content:
    description: The text.
    type: str
    required: true
"""


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True
    _VALID_ARGS = frozenset(("dest", "content"))

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        dest = os.path.abspath(os.path.expanduser(str(self._task.args["dest"])))
        result.update(changed=False, dest=dest, written=False)
        if self._task.check_mode:
            return result
        try:
            os.makedirs(os.path.dirname(dest), mode=0o700, exist_ok=True)
            handle = os.open(dest, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as target:
                target.write(str(self._task.args["content"]))
        except OSError as error:
            result["problem"] = f"The report could not be written to {dest}: {error.strerror}."
            return result
        result["written"] = True
        return result
