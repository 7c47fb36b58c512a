# SPDX-License-Identifier: GPL-3.0-or-later
"""The sentence a run leaves behind; no server."""

from __future__ import annotations

import pytest
from fix_fk.report import build, database_changed

STEP = {"id": "backup", "title": "Back the schema up"}


def report(failure, results=None, steps=(STEP,)):
    """Build the report of a run that stopped with `failure`."""
    diagnosis = {
        "verdict": "v",
        "found": "f",
        "steps": list(steps),
        "notes": [],
        "refused": False,
        "next": "",
    }
    return build(
        {
            "host": "app",
            "run_id": "r",
            "check_mode": False,
            "diagnosis": diagnosis,
            "failure": {"task": "t", "message": failure},
            "results": results or {},
            "checks": [],
            "command": "again",
        }
    )


def test_what_stops_before_the_first_step_is_a_refusal():
    data = report("Validation of arguments failed:\nlaravel_path is missing")
    assert (data["outcome"], data["ok"]) == ("refused", False)
    assert data["summary"] == (
        "Found: Validation of arguments failed: laravel_path is missing. (In: t.) "
        "Nothing was changed. Next: Once the cause is gone, run it again: again"
    )


@pytest.mark.parametrize(
    "told, once",
    [
        ("No PHP. Nothing was changed. Give one.", "Nothing was changed"),
        ("Shared. Nothing was changed. Next: run it for one", "Next: "),
    ],
)
def test_what_a_module_said_is_not_said_again(told, once):
    assert report(told)["summary"].count(once) == 1


def test_what_stops_in_a_step_is_a_failure():
    data = report("No room.", {"backup": {"failed": True, "changed": False}})
    assert data["outcome"] == "failed" and "Nothing was changed." in data["summary"]


@pytest.mark.parametrize(
    ("result", "changed"),
    [
        ({"changed": True, "queries": ["DROP"]}, True),
        ({"failed": True, "changed": False, "queries": ["DROP"], "invocation": {}}, True),
        ({"failed": True, "changed": False, "msg": "refused", "invocation": {}}, False),
        ({"failed": True, "changed": False, "msg": "locked", "queries": []}, False),
        # Killed: what Ansible then puts together itself.
        ({"failed": True, "changed": False, "module_stdout": "", "rc": 137}, True),
        ({"skipped": True}, False),
        ({}, False),
    ],
)
def test_a_module_that_could_not_say_what_it_did_may_have_written(result, changed):
    assert database_changed({"rollback": result}) is changed
    assert database_changed({"backup": result}) is False
