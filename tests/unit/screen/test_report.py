# SPDX-License-Identifier: GPL-3.0-or-later
"""The sentence a run leaves behind; no server."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible.module_utils.fix_fk.refusal import refuse, refused
from fix_fk.screen.report import as_typed, build, database_changed, wrote

AGAIN = "ansible-playbook playbooks/again.yml -i production"
STEP = {"id": "backup", "title": "Back the schema up"}


def report(failure, results=None, steps=(STEP,), maintenance=None, refusal=None, next_="", **more):
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
            "failure": {"task": "t", "message": failure, "refusal": refusal, "next": next_},
            "results": results or {},
            "checks": [],
            "command": "playbooks/again.yml",
            "inventory": "production",
            "maintenance": maintenance or {},
            **more,
        }
    )


def test_what_stops_before_the_first_step_is_a_refusal():
    data = report("Validation of arguments failed:\nlaravel_path is missing")
    assert (data["outcome"], data["ok"]) == ("refused", False)
    assert data["summary"] == (
        "Found: Validation of arguments failed: laravel_path is missing. "
        "Nothing was changed. Whether the application is up was not asked. This run wrote nothing "
        "to the database: no table, no row. Next: Correct the variables of this host in the "
        "inventory, then run it again: ansible-playbook playbooks/again.yml -i production"
    )


@pytest.mark.parametrize(
    ("again", "next_", "said"),
    [
        (True, "", f"Give one, then run it again: {AGAIN}"),
        (False, "", "Give one"),
        (True, "Go back", "Go back"),
    ],
)
def test_what_a_module_said_is_taken_as_it_is(again, next_, said):
    """Whatever words are in it: nothing is looked for in them."""
    told = refused("Next: is no word. Another run works on it.", "Give one", "Half of it.", again)
    data = report(told["msg"], refusal=told["refusal"], next_=next_)
    assert data["stopped"] == "Next: is no word. Another run works on it."
    assert (data["did"], data["next"]) == ("Half of it.", said)


def test_what_was_done_before_is_told_beside_what_a_module_did():
    done = {"backup": {"changed": True}}
    told = refused("No.", "Give one")
    assert report(told["msg"], done, refusal=told["refusal"])["did"] == (
        "Nothing was changed. Done before that: back the schema up."
    )
    assert report("Killed", done)["did"] == "Done before that: back the schema up."


def test_a_module_that_cannot_tell_changed_nothing_before_the_first_step():
    told = refused("No.", "Give one", "")
    failed = {"verify": {"failed": True}}
    assert report(told["msg"], refusal=told["refusal"])["did"] == "Nothing was changed."
    assert report(told["msg"], failed, refusal=told["refusal"])["did"] == ""


def test_a_module_says_the_same_in_words():
    ended: dict = {}
    module = SimpleNamespace(fail_json=ended.update)
    refuse(module, "No.", "Give one", queries=[])
    assert ended["msg"] == "No. Nothing was changed. Next: Give one, then run this again."
    assert ended["queries"] == [] and ended["refusal"] == {
        "found": "No.",
        "did": "Nothing was changed.",
        "next": "Give one",
        "again": True,
    }


def test_a_run_that_did_nothing_tells_how_it_found_the_application():
    data = report("No.", {"verify": {"failed": True, "changed": False}}, maintenance={"down": True})
    assert data["state"] == (
        "The application is in maintenance mode, as this run found it. "
        "This run wrote nothing to the database: no table, no row."
    )


NOTED = {"effect": {"maintenance": {"before": False, "after": True}}, "changed": True}
UP = {"down": False}
BACKUP = {"changed": True, "backup": {"id": "b1", "proof_level": "L0"}}
SENT = {"changed": True, "queries": ["ALTER"]}
COUNTED = {"check": "no row went missing", "ok": False, "detail": "users: 2 of 3"}


@pytest.mark.parametrize(
    ("results", "given", "stands"),
    [
        ({}, {"maintenance": UP}, "The application is up, as it was. This run wrote nothing"),
        ({"maintenance": {"failed": True}}, {"maintenance": UP}, "is up is not known."),
        (
            {"maintenance": NOTED},
            {"maintenance": UP},
            "into which this tool put it. This run wrote",
        ),
        (
            {"maintenance": NOTED, "leave_maintenance": {"changed": True}},
            {"maintenance": UP, "window": 3.2},
            "The application is up again, after a window of 3 s. This run wrote nothing to the "
            "schema app: no table, no row.",
        ),
        (
            {"backup": BACKUP, "maintenance": NOTED, "fk_drop": SENT},
            {"maintenance": UP},
            "The schema app is not as it was: what was sent is above, under Steps. Whether every "
            "row is there was not checked; the backup b1 has them as they were.",
        ),
        (
            {"maintenance": NOTED, "fk_drop": SENT, "verify": {"failed": True}},
            {"maintenance": UP, "checks": [COUNTED]},
            "Rows are not as they were: users: 2 of 3.",
        ),
        ({"permanent_fix": SENT}, {"maintenance": UP}, "wrote nothing to the schema app"),
    ],
)
def test_a_failed_run_always_says_how_things_stand(results, given, stands):
    """Application, schema and rows, apart from what ended the run."""
    data = report("It died.", results, schema="app", **given)
    assert stands in data["state"], data["state"]
    assert (data["happened"], data["stopped"][:8]) == ("f", "It died.")
    alone = report("It died.", results, diagnosis=None, schema="app", **given)
    assert alone["happened"].startswith("It died.") and alone["stopped"] == ""


def test_what_stops_in_a_step_is_a_failure():
    data = report("No room.", {"backup": {"failed": True, "changed": False}})
    assert data["outcome"] == "failed" and "Nothing was changed." in data["summary"]


def test_what_another_run_kept_out_was_not_begun():
    kept_out = {"failed": True, "held_by": {"run": "r2"}}
    told = refused("Another run works on the schema app: run r2.", "Wait until it has ended")
    data = report(told["msg"], {"backup": kept_out}, refusal=told["refusal"])
    assert data["outcome"] == "refused" and data["steps"][0]["state"] == "not reached"
    assert data["summary"].endswith(
        "no table, no row. Next: Wait until it has ended, then run it again: ansible-playbook "
        "playbooks/again.yml -i production"
    )
    begun = {"backup": {"changed": True}, "remigrate": kept_out}
    assert report(told["msg"], begun)["outcome"] == "failed"


def test_a_run_may_have_the_lock_when_it_has_begun_to_write():
    kept_out, done = {"failed": True, "held_by": {}}, {"changed": True}
    assert not wrote({"rehearse": {"failed": True}, "backup": {}, "fk_drop": kept_out}, [kept_out])
    assert wrote({"backup": done}, []) and wrote({"backup": {"failed": True}}, [])
    assert wrote({}, [done])


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


def test_a_half_run_migration_is_undone_with_the_backup_and_nothing_else():
    ran = {"failed": True, "changed": True, "queries": ["php artisan migrate"], "effect": {}}
    back = {"changed": True, "backup": {"id": "b1", "proof_level": "L0"}}
    steps = [{**STEP, "do": [], "undo": ["DROP"]}, {**STEP, "id": "remigrate", "undo": ["no"]}]
    data = report("It died.", {"backup": back, "remigrate": ran}, steps)
    assert data["undo"] == [
        "ansible-playbook playbooks/restore.yml -i production -e restore_backup=b1"
    ]


@pytest.mark.parametrize(
    ("words", "typed"),
    [
        ("run fix_fk.yml again", "run ansible-playbook fix_fk.yml -i stage again"),
        ("ansible-playbook playbooks/verify.yml", "ansible-playbook playbooks/verify.yml -i stage"),
        ("playbooks/restore.yml -i x", "playbooks/restore.yml -i x"),
        ("see /srv/fix_fk.yml", "see /srv/fix_fk.yml"),
        ("run fix_fk.laravel.fix_fk", "run ansible-playbook fix_fk.laravel.fix_fk -i stage"),
        ("fix_fk.laravel.restore -i x", "fix_fk.laravel.restore -i x"),
    ],
)
def test_playbooks_are_named_as_one_types_them(words, typed):
    assert as_typed(words, "stage") == typed
