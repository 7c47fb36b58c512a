# SPDX-License-Identifier: GPL-3.0-or-later
"""What a playbook says of an application and does to it, without Ansible.

The modules, the inspection, the steps and the report are the real ones. A playbook takes ten to
twenty times as much time; test_inquiry.py compares both.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields

from driver import Run, StepFailed
from fix_fk import checklist
from fix_fk.inputs import Inputs
from fix_fk.screen import report, text

DIAGNOSE = "playbooks/diagnose.yml"
# Exit codes of diagnose.yml, as docs/awx.md has them.
CODES = {"would_lose": 13, "has_failed": 11, "will_fail": 10, "refused": 2}
CONNECTION = ("laravel_path", "laravel_php", "laravel_env", "database_connection", "database_host",
              "database_port", "database_socket", "database_user", "database_password")  # fmt: skip


@dataclass
class Answer:
    """What was said; the same names as those of playbook.Run."""

    rc: int
    report: dict
    screen: str
    run: Run
    page: str = ""

    def stats(self, what: str) -> int:
        """The modules that changed something."""
        assert what == "changed"
        return self.run.changed

    def message(self) -> str:
        return self.report["summary"]

    def everything(self) -> str:
        """All text that anyone could read of it."""
        return "\n".join([self.screen, json.dumps(self.report), json.dumps(self.run.calls)])


def inquire(sandbox, playbook="fix_fk.yml", **variables) -> Answer:
    """Return what the playbook says; of a plan, what it says with --check."""
    run = _run(sandbox, variables)
    looks = playbook == DIAGNOSE
    run.inspect(predicts=looks)
    planned = not looks and bool(run.result["steps"])
    return _answer(run, playbook, check_mode=planned, read_only=looks)


def repair(sandbox, **variables) -> Answer:
    """Carry the plan of fix_fk.yml out, without a rehearsal, and return what the playbook says.

    A step that fails raises driver.StepFailed.
    """
    run = _run(sandbox, variables)
    outcome = run.go()
    told = checklist.not_met(outcome.checks)
    if told:
        raise StepFailed(f"verify: {told}")
    return _answer(run, "fix_fk.yml", checks=outcome.checks, results=run.results)


def _run(sandbox, variables: dict) -> Run:
    given = {**sandbox.variables(), "rehearsal_level": "none", **variables}
    run = Run(sandbox, **{one.name: given[one.name] for one in fields(Inputs) if one.name in given})
    run.connection |= {name: given[name] for name in CONNECTION if name in given}
    run.route_pattern = given.get("route_pattern") or ""
    return run


def _answer(run: Run, playbook: str, **more) -> Answer:
    data = report.build(
        {
            "host": "app",
            "run_id": "20260101_000000_0000",
            "check_mode": False,
            "read_only": False,
            "diagnosis": run.result,
            "prediction": run.prediction,
            "fail_on": None,
            "fail_on_aside": [],
            "failure": None,
            "checks": [],
            "command": playbook,
            "inventory": "production",
            "window": None,
            "maintenance": run.laravel["maintenance"],
            "results": {},
            **more,
        }
    )
    screen = "\n".join([text.plan(run.result, "app"), text.report(data)])
    rc = 0 if data["ok"] else CODES[(run.prediction or {"outcome": "refused"})["outcome"]]
    return Answer(rc, data, screen, run)
