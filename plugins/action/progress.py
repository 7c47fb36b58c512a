# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""Prints text to the operator as it is, from the controller."""

from __future__ import annotations

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

DOCUMENTATION = r"""
name: progress
author: fix_fk contributors
short_description: Show a text to the operator
version_added: 0.1.0
description:
  - Prints a text on the screen as it is, with its line breaks and without quotes, whatever the
    stdout callback makes of results. Runs on the controller; the target is not contacted.
options:
  text:
    description: What to print.
    type: str
    required: true
  line:
    description: A line of it that has a colour, where Ansible uses colours.
    type: str
  color:
    description: That colour.
    type: str
"""


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True
    _VALID_ARGS = frozenset(("text", "line", "color"))

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        text = str(self._task.args.get("text", ""))
        line, color = (str(self._task.args.get(name) or "") for name in ("line", "color"))
        before, marked, after = text.partition(f"\n{line}\n") if line else (text, "", "")
        # A line of each of many hosts is a list.
        many = len((task_vars or {}).get("ansible_play_hosts_all") or ()) > 1
        listed = many and "\n" not in text.strip()
        if text:
            Display().display(text.strip() if listed else "\n" + before)
            marked = "" if listed else marked
        if marked:
            Display().display(line, color=color)
            Display().display(after)
        result.update(changed=False, text=text)
        return result
