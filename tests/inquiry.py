# SPDX-License-Identifier: GPL-3.0-or-later
"""What a playbook says with -v of an application and does to it, without Ansible.

The modules, the inspection, the steps and the report are the real ones. A playbook takes ten to
twenty times as much time; test_inquiry.py compares both.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, fields

import yaml
from action.check_variables import specs
from driver import Run, StepFailed, filters
from fix_fk import checklist, variables
from fix_fk.inputs import Inputs
from fix_fk.screen import report, text
from fix_fk.verdicts.before_inspection import bad_input
from plans import Access, Fresh, Skip
from sandbox import PROJECT

from ansible.module_utils.fix_fk.refusal import refused  # isort: skip

DIAGNOSE = "playbooks/diagnose.yml"
VERIFY = "playbooks/verify.yml"
OPTION_1 = "playbooks/option_1_rollback.yml"
OPTION_2 = "playbooks/option_2_skip.yml"
OPTION_3 = "playbooks/option_3_fresh.yml"
ACCESS = "playbooks/database_access.yml"
PLANS = {OPTION_2: Skip, OPTION_3: Fresh, ACCESS: Access}
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


def inquire(sandbox, playbook="fix_fk.yml", **given) -> Answer:
    """Return what the playbook says; of a plan, what it says with --check."""
    run = _run(sandbox, playbook, given)
    looks = playbook == DIAGNOSE
    refusal = _misread(playbook, run.given)
    if refusal:
        run.result = refusal
    elif playbook == VERIFY:
        return _verified(run)
    else:
        run.inspect(predicts=looks)
    planned = not looks and bool(run.result["steps"])
    return _answer(run, playbook, check_mode=planned, read_only=looks)


def repair(sandbox, playbook="fix_fk.yml", **given) -> Answer:
    """Carry the plan of the playbook out, and return what it says, also where a step fails."""
    run = _run(sandbox, playbook, given)
    try:
        checks = run.go().checks
        failure = _unmet(checks, run, playbook)
    except StepFailed as failed:
        checks, failure = [], {"message": str(failed), "refusal": failed.result.get("refusal")}
        run.after_failure()
    told = {"task": "", "next": "", **failure} if failure else None
    return _answer(run, playbook, checks=checks, results=run.results, failure=told)


def _verified(run: Run) -> Answer:
    """Go through the checklist, where nothing was repaired before."""
    run.laravel = run.call("laravel_info", statements="all")["laravel"]
    run.result = filters.refusal_before_inspection(run.laravel) or {}
    if run.result:
        return _answer(run, VERIFY, read_only=True)
    keys = run.given.get("expected_constraints") or []
    checks = checklist.go_through(
        run.call, {"constraints": keys}, run.laravel, run.given, route_pattern=run.route_pattern
    )
    told = checklist.not_met(checks)
    failure = None
    if told:
        found = f"The application does not verify: {told}."
        said = refused(found, filters.way_on(checks, VERIFY), again=False)
        failure = {"task": "Verify | Stop when a check failed", "next": "", **_said(said)}
    return _answer(run, VERIFY, read_only=True, checks=checks, failure=failure)


def _run(sandbox, playbook: str, given: dict) -> Run:
    given = {**sandbox.variables(), "rehearsal_level": "none", **_said_by(playbook), **given}
    decided = {one.name: given[one.name] for one in fields(Inputs) if one.name in given}
    run = PLANS.get(playbook, Run)(sandbox, **decided)
    run.given = given
    run.connection |= {name: given[name] for name in CONNECTION if name in given}
    run.route_pattern = given.get("route_pattern") or ""
    return run


def _said_by(playbook: str) -> dict:
    """Return what a playbook itself decides in its operator's place."""
    decided = {one.name for one in fields(Inputs)}
    return {name: value for name, value in _play(playbook)["vars"].items() if name in decided}


def _play(playbook: str) -> dict:
    path = PROJECT / (OPTION_1 if playbook == "fix_fk.yml" else playbook)
    *_, play = yaml.safe_load(path.read_text(encoding="utf-8"))
    return play


def _misread(playbook: str, given: dict) -> dict | None:
    """Return the refusal of variables that have values they cannot have, or None."""
    roles = ["preflight", *_play(playbook)["vars"]["preflight_roles"]]
    options = variables.merge([specs(role) for role in roles])
    values = {name: given[name] for name in options if name in given}
    wrong = variables.problems(options, values)
    return bad_input(". ".join(wrong.values())) if wrong else None


def _unmet(checks: list[dict], run: Run, playbook: str) -> dict | None:
    """Return the failure of the role verify."""
    told = checklist.not_met(checks)
    if not told:
        return None
    backup = (run.results.get("backup") or {}).get("backup") or {}
    out = filters.way_out(checks, playbook, run.schema["name"], backup.get("id", ""))
    found = f"The repair was carried out and does not verify: {told}."
    return {"task": "Verify | Stop when a check failed", **_said(refused(found, out, "", False))}


def _said(told: dict) -> dict:
    return {"message": told["msg"], "refusal": told["refusal"]}


def _typed(playbook: str, given: dict) -> str:
    """Return what to type to run this again."""
    if playbook == OPTION_3 and "fresh_confirm" in given:
        return f"{playbook} -e fresh_confirm={shlex.quote(str(given['fresh_confirm']))}"
    if given.get("forward"):
        named = given.get("incident_migration")
        return f"{playbook} -e forward=true" + (f" -e incident_migration={named}" if named else "")
    typed = {name: value for name, value in given.items() if name.startswith("skip_") and value}
    return f"{playbook} -e {shlex.quote(json.dumps(typed))}" if typed else playbook


def _answer(run: Run, playbook: str, **more) -> Answer:
    data = report.build(
        {
            "host": "app",
            "run_id": "20260101_000000_0000",
            "check_mode": False,
            "read_only": False,
            "diagnosis": run.result or None,
            "prediction": run.prediction,
            "fail_on": None,
            "fail_on_aside": run.given.get("report_fail_on") or [],
            "failure": None,
            "checks": [],
            "command": _typed(playbook, run.given),
            "inventory": "production",
            "window": None,
            "maintenance": run.laravel["maintenance"] if run.laravel else {},
            "schema": run.laravel["connection"]["database"] if run.laravel else "",
            "results": {},
            **more,
        }
    )
    rehearsed = run.results.get("rehearse")
    shown = [text.plan(run.result, "app")] if run.result else []
    shown += [text.rehearsal(rehearsed, "app")] if rehearsed else []
    screen = "\n".join([*shown, text.report(data, verbose=True)])
    rc = 0 if data["ok"] else CODES[(run.prediction or {"outcome": "refused"})["outcome"]]
    return Answer(rc, data, screen, run)
