# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""Says, after ctrl-C, whether the application is up or down, and what to type."""

from __future__ import annotations

import atexit
import os
import shlex
import sys
from pathlib import Path

from ansible import context
from ansible.plugins.callback import CallbackBase

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "plugin_utils"))
try:
    from fix_fk import typing_again
except ImportError:
    # Beside a part of the project alone it says less.
    typing_again = None  # type: ignore[assignment]

DOCUMENTATION = r"""
name: fix_fk_interrupted
type: aggregate
short_description: Tell after ctrl-C how the application stands
description:
  - Ansible ends at once where somebody presses ctrl-C, and no report is written. This says, for
    each host, whether the run had taken its application down, as far as the results tell that had
    come by then, and what to type to go on from there.
  - It is only loaded for the playbooks that it lies beside, or where C(callbacks_enabled) names it
    as a part of a collection, and says nothing where a run comes to its end.
"""

UNKNOWN = (
    "it was about to be taken down or brought up: whether it is up is not known to this machine"
)
WORDS = {
    "ours": "in maintenance mode, into which this run put it",
    "found": "in maintenance mode, as this run found it",
    "up": "up again",
    "before": "as it was: this run had not come to maintenance mode",
    "unknown": UNKNOWN,
}


def standing(result: dict) -> str:
    """Return how the application stands after the module maintenance, as WORDS has it."""
    effect = (result.get("effect") or {}).get("maintenance") or {}
    if effect.get("after") is None:
        return "unknown"
    if not effect["after"]:
        return "up"
    return "found" if effect.get("before") else "ours"


def said(hosts: dict[str, str], given: dict) -> list[str]:
    """Return the lines; hosts: {name: how its application stands}; given: the command line, as
    Ansible keeps it."""
    lines = ["", "Interrupted before it had come to its end; no report was written."]
    lines += [f"  {host}: the application is {WORDS[how]}." for host, how in hosts.items()]
    if any(how in ("ours", "unknown") for how in hosts.values()):
        lines.append("The same command goes on from there, and ends the maintenance mode:")
    else:
        lines.append("The same command goes on from what there is:")
    lines.append(f"    {typed(given, list(given.get('args') or ()))}")
    lines.append("This tells what there is, and changes nothing:")
    inspecting = {**given, "check": False, "extra_vars": _files(given)}
    lines.append(f"    {typed(inspecting, [_diagnose(*(given.get('args') or ('',))[:1])])}")
    return lines


def _diagnose(playbook: str) -> str:
    """Return the playbook that only inspects, as it is found beside this one."""
    name = os.path.basename(playbook)
    if not name.endswith((".yml", ".yaml")):
        # A playbook of a collection has its full name.
        return f"{playbook.rpartition('.')[0]}.diagnose"
    folder = os.path.dirname(playbook)
    if os.path.basename(folder) != "playbooks":
        folder = os.path.join(folder, "playbooks")
    return os.path.join(folder, "diagnose.yml")


def _files(given: dict) -> list[str]:
    return [value for value in given.get("extra_vars") or () if value.startswith("@")]


def typed(given: dict, playbooks: list[str]) -> str:
    """Return a command line, without values that may be secret."""
    words = ["ansible-playbook", *playbooks]
    for source in given.get("inventory") or ():
        words += ["-i", source]
    command = shlex.join(words) + (typing_again.options(given) if typing_again else "")
    command += " --check" if given.get("check") else ""
    left = len(given.get("extra_vars") or ()) - len(_files(given))
    return command + (" -e ...    (with the variables as before)" if left else "")


class CallbackModule(CallbackBase):
    """Follows maintenance mode, and speaks at the end of the process if nobody else has."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "fix_fk_interrupted"

    def __init__(self):
        super().__init__()
        self.hosts: dict[str, str] = {}
        # How it stood before the task that is about it.
        self.earlier: dict[str, str] = {}
        self.ended = True

    def v2_playbook_on_start(self, _playbook):
        self.ended, self.process = False, os.getpid()
        atexit.register(self.end)

    def v2_playbook_on_stats(self, _stats):
        self.ended = True

    def v2_runner_on_start(self, host, task):
        name = host.get_name()
        if self._is_about(task):
            self.earlier[name] = self.hosts.get(name, "before")
            self.hosts[name] = "unknown"
        elif "preflight :" in task.get_name():
            # Not of a playbook that is about something else.
            self.hosts.setdefault(name, "before")

    def v2_runner_on_ok(self, result):
        self._follow(result)

    def v2_runner_on_failed(self, result, ignore_errors=False):  # noqa: ARG002 - Ansible's own
        self._follow(result)

    def v2_runner_on_skipped(self, result):
        self._follow(result)

    @staticmethod
    def _is_about(task) -> bool:
        return str(task.action).rpartition(".")[2] == "maintenance"

    def _follow(self, result):
        task, host = _part(result, "task"), _part(result, "host").get_name()
        if not self._is_about(task):
            return
        found = _part(result, "result")
        before = self.earlier.get(host, "before")
        self.hosts[host] = before if found.get("skipped") else standing(found)

    def end(self):
        """Speak, where the playbook was interrupted."""
        if self.ended or os.getpid() != self.process or not self.hosts:
            return
        for line in said(self.hosts, dict(context.CLIARGS)):
            self._display.display(line)


def _part(result, name: str):
    """Return a part of a task's result; older versions of Ansible have it under another name."""
    return getattr(result, name, None) or getattr(result, f"_{name}")
