# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""The screen of a run: a line a step with its seconds, and nothing of Ansible's own around it."""

from __future__ import annotations

import re
import sys
import textwrap
import time

from ansible import constants as C
from ansible import context
from ansible.plugins.callback.default import CallbackModule as Default

DOCUMENTATION = r"""
name: fix_fk
type: stdout
short_description: Show a run as a line a step
description:
  - Shows each part of a run while it is done, with its seconds, and what the tasks of this project
    print. Of several hosts it shows a table at the end. With C(-v) the screen is Ansible's own.
  - Where another callback writes the screen, as in AWX, what the tasks print is there as well.
extends_documentation_fragment:
  - default_callback
  - result_format_callback
"""

# How playbooks name their parts: (4/10) Back up.
PART = re.compile(r"\((\d+)/(\d+)\) (.+)")
# The last one prints the report, and takes no time worth a line.
REPORT = "Report"
COLORS = {"good": C.COLOR_OK, "wait": C.COLOR_CHANGED, "bad": C.COLOR_ERROR}
WIDTH = 100
# A command that stands alone behind Next.
TYPED = re.compile(r"^ {4}(\S.*)$", re.MULTILINE)


class CallbackModule(Default):
    """Ansible's own with -v; without it only what an operator acts upon."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "fix_fk"

    def __init__(self):
        super().__init__()
        self._part = ""
        self._begun = 0.0
        self._failed = []
        self._hosts = set()

    @property
    def brief(self) -> bool:
        return self._display.verbosity == 0

    def v2_playbook_on_play_start(self, play):
        self._play = play
        if not self.brief:
            super().v2_playbook_on_play_start(play)

    def v2_playbook_on_task_start(self, task, is_conditional):
        if not self.brief:
            super().v2_playbook_on_task_start(task, is_conditional)

    def v2_runner_on_start(self, host, task):
        self._hosts.add(host.get_name())
        if not self.brief:
            super().v2_runner_on_start(host, task)

    def v2_playbook_on_include(self, included_file):
        """Begin a part; a role is included for several hosts at once."""
        if not self.brief:
            super().v2_playbook_on_include(included_file)
            return
        found = PART.fullmatch(included_file._task.name or "")
        if found and found[3] != self._part:
            self._end()
            self._begin(found[3])

    def v2_runner_on_ok(self, result):
        if not self.brief or result.task.action in C._ACTION_DEBUG:
            super().v2_runner_on_ok(result)
        else:
            self._handle_warnings(result.result)

    def v2_runner_on_skipped(self, result):
        if not self.brief:
            super().v2_runner_on_skipped(result)

    def v2_runner_item_on_ok(self, result):
        if not self.brief:
            super().v2_runner_item_on_ok(result)

    def v2_runner_item_on_skipped(self, result):
        if not self.brief:
            super().v2_runner_item_on_skipped(result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        """Keep it: the report of the host says it, where there is one."""
        if not self.brief:
            super().v2_runner_on_failed(result, ignore_errors)
        elif not ignore_errors:
            self._failed.append((result, super().v2_runner_on_failed))

    def v2_runner_on_unreachable(self, result):
        if not self.brief:
            super().v2_runner_on_unreachable(result)
        elif not result.task.ignore_unreachable:
            self._failed.append((result, self._unreachable))

    def v2_playbook_on_stats(self, stats):
        self._end()
        if not self.brief:
            super().v2_playbook_on_stats(stats)
            return
        reports = {
            artifact["host"]: artifact
            for artifact in stats.custom.get("_run", {}).values()
            if isinstance(artifact, dict) and "host" in artifact
        }
        for result, show in self._failed:
            if result.host.get_name() not in reports:
                show(result)
        if len(reports) > 1:
            self._table(reports)

    def _begin(self, part):
        if part == REPORT:
            return
        self._part, self._begun = part, time.monotonic()
        # Whatever one host prints meanwhile begins with a line break.
        if self._moves():
            sys.stdout.write(f"  {part} ...")
            sys.stdout.flush()

    def _moves(self) -> bool:
        return sys.stdout.isatty() and len(self._hosts) == 1

    def _end(self):
        if not self._part:
            return
        if self._moves():
            sys.stdout.write("\r")
            sys.stdout.flush()
        seconds = time.monotonic() - self._begun
        self._display.display(f"  {self._part:<44}{seconds:7.1f} s")
        self._part = ""

    def _unreachable(self, result):
        host = result.host.get_name()
        why = " ".join(str(result.result.get("msg", "")).split())
        self._display.display(f"\nUNREACHABLE   {host}", color=C.COLOR_UNREACHABLE)
        for label, told in (
            ("Happened", f"Ansible could not reach it, or not log in: {why}"),
            ("Done", "Nothing more was done there. What came before is above."),
            ("Next", "See that this answers, then run it again:"),
        ):
            self._display.display(
                textwrap.fill(f"{label:<12}{told}", WIDTH, subsequent_indent=" " * 12)
            )
        typed = f"ansible {host} -i {' -i '.join(_sources())} -m ansible.builtin.ping"
        self._display.display(" " * 16 + typed)

    def _table(self, reports):
        """Show a line a host, and the first command that is left to do there."""
        width = max(len(host) for host in reports)
        self._display.display("")
        for host, one in sorted(reports.items()):
            outcome = one["outcome"].replace("_", " ").upper()
            window = f"down {one['window']:.0f} s" if one.get("window") is not None else ""
            typed = TYPED.search(one.get("next") or "")
            told = typed[1] if typed else one["summary"] if one.get("tone") == "bad" else ""
            told = told if typed else textwrap.shorten(told, WIDTH, placeholder=" ...")
            self._display.display(
                f"{host:<{width}}  {outcome:<20} {window:<10} {told}".rstrip(),
                color=COLORS.get(one.get("tone")),
            )


def _sources():
    return context.CLIARGS.get("inventory") or ("production",)
