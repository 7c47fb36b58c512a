# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the project's playbooks as AWX does, through ansible_runner, and look at what came of it."""

from __future__ import annotations

import json
import os
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

import ansible_runner
import yaml

PROJECT = Path(__file__).resolve().parent.parent
# Actions that stay on the controller; every other task sends a module to the host.
CONTROLLER_ACTIONS = {
    "ansible.builtin.assert",
    "ansible.builtin.fail",
    "ansible.builtin.import_role",
    "ansible.builtin.include_role",
    "ansible.builtin.include_tasks",
    "ansible.builtin.set_fact",
    "ansible.builtin.set_stats",
    "ansible.builtin.validate_argument_spec",
    "check_variables",
    "controller_file",
    "progress",
}

# Those of this process: another one may be of another version of the modules.
ARCHIVES = tempfile.TemporaryDirectory(prefix="fix_fk_archives_")
ENDED = ("runner_on_ok", "runner_on_failed")


@dataclass
class Run:
    """What a playbook did: exit code, screen, events, and the report of each host."""

    rc: int
    screen: str
    events: list[dict]
    reports: dict[str, dict]
    pages: dict[str, str]
    # {name of the file: its text, its mode}
    patches: dict[str, tuple[str, int]]

    @property
    def report(self) -> dict:
        """The report of the only host."""
        (report,) = self.reports.values()
        return report

    @property
    def page(self) -> str:
        (page,) = self.pages.values()
        return page

    def unplanned(self) -> set[str]:
        """What was sent and the plan did not show; of an id only the highest old one tells."""
        return {
            query
            for step in self.report["steps"]
            for query in step["queries"]
            if query.split(" AUTO_INCREMENT = ")[0]
            not in {line.strip().split(" AUTO_INCREMENT = ")[0] for line in step["do"]}
        }

    def stats(self, what: str) -> int:
        """Sum of ok, changed, failures, rescued or skipped over all hosts."""
        final = [e for e in self.events if e["event"] == "playbook_on_stats"][-1]
        return sum(final["event_data"][what].values())

    def modules(self) -> list[str]:
        """The modules that were sent to hosts, in order, by tasks and by actions in between."""
        ended = [e["event_data"] for e in self.events if e["event"] in ENDED]
        return [
            module
            for data in ended
            if data["resolved_action"] not in CONTROLLER_ACTIONS
            for module in data["res"].get("sent", [data["resolved_action"]])
        ]

    def message(self) -> str:
        """What the last failed host has to say: its summary, or what the last failed task said."""
        failed = [e["event_data"] for e in self.events if e["event"] == "runner_on_failed"]
        if not failed:
            return ""
        for artifact in (self.events[-1]["event_data"].get("artifact_data") or {}).values():
            if artifact["host"] == failed[-1]["host"]:
                return artifact["summary"]
        return failed[-1]["res"]["msg"]

    def everything(self) -> str:
        """All text that anyone could read of this run."""
        return "\n".join(
            [self.screen, json.dumps(self.events), json.dumps(self.reports), *self.pages.values()]
        )


class Unsafe(str):
    """A text that is given with !unsafe, so that braces in it are no template."""


class Dumper(yaml.SafeDumper):
    """Writes variables as an operator does."""


Dumper.add_representer(Unsafe, lambda dumper, text: dumper.represent_scalar("!unsafe", text, "'"))


def play(
    hosts,
    playbook="fix_fk.yml",
    check=False,
    limit=None,
    environment=None,
    verbosity=None,
    **variables,
):
    """Run a playbook against `hosts`, {host name: its variables}, all in the group laravel.

    A sandbox stands for {"app": sandbox.variables()}. `variables` are given as -e @file. Returns a
    Run.
    """
    if not isinstance(hosts, dict):
        # The host's PATH is the one of this process; the server's own clients have to be on it.
        environment = {"PATH": hosts.server.suite.path, **(environment or {})}
        hosts = {"app": hosts.variables()}
    folder = tempfile.mkdtemp(prefix="fix_fk_")
    try:
        inventory = {"all": {"children": {"laravel": {"hosts": hosts}}}}
        reports = Path(folder, "reports")
        # A rehearsal takes as long as the repair; those who ask for it test it.
        extra = {"report_dir": str(reports), "rehearsal_level": "none", **variables}
        for name, content in (("inventory/hosts.yml", inventory), ("env/extravars", extra)):
            Path(folder, name).parent.mkdir()
            Path(folder, name).write_text(
                yaml.dump(content, Dumper=Dumper, allow_unicode=True), encoding="utf-8"
            )
        result = ansible_runner.run(
            private_data_dir=folder,
            project_dir=str(PROJECT),
            playbook=playbook,
            inventory=os.path.join(folder, "inventory", "hosts.yml"),
            cmdline="--check" if check else None,
            verbosity=verbosity,
            limit=limit,
            envvars={
                "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"),
                "ANSIBLE_NOCOLOR": "1",
                "ANSIBLE_CALLBACK_PLUGINS": str(PROJECT / "tests" / "callback"),
                "ANSIBLE_CALLBACKS_ENABLED": "module_archives",
                "FIX_FK_ARCHIVES": ARCHIVES.name,
                "PYTHONDONTWRITEBYTECODE": "",
                # A module would be read by single bytes.
                "PYTHONUNBUFFERED": "",
                **(environment or {}),
            },
            quiet=True,
        )
        written = sorted(reports.glob("*")) if reports.is_dir() else []
        data = {
            path.stem: json.loads(path.read_text(encoding="utf-8"))
            for path in written
            if path.suffix == ".json"
        }
        return Run(
            result.rc,
            result.stdout.read(),
            list(result.events),
            {report["host"]: report for report in data.values()},
            {
                data[path.stem]["host"]: path.read_text(encoding="utf-8")
                for path in written
                if path.suffix == ".html"
            },
            {
                path.name: (path.read_text(encoding="utf-8"), stat.S_IMODE(path.stat().st_mode))
                for path in written
                if path.suffix == ".patch"
            },
        )
    finally:
        shutil.rmtree(folder)
