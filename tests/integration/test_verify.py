# SPDX-License-Identifier: GPL-3.0-or-later
"""playbooks/verify.yml: the checklist at any time, for a person and for monitoring."""

from __future__ import annotations

import json

import pytest
from playbook import play
from sandbox import Sandbox

PLAYBOOK = "playbooks/verify.yml"
NOT_COMPARED = "no row went missing"


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    sandbox = Sandbox(tmp_path_factory.mktemp("sandbox"))
    sandbox.broken()
    yield sandbox
    sandbox.absent()


@pytest.fixture(scope="module")
def well(kept):
    """The sandbox, repaired."""
    assert play(kept).rc == 0
    return kept


def looks(sandbox, **options):
    """Run the checklist, see that it changed nothing; return the Run and its checks by name."""
    before = sandbox.schema_dump(), sandbox.files()
    run = play(sandbox, PLAYBOOK, **options)
    assert (sandbox.schema_dump(), sandbox.files()) == before
    assert run.stats("changed") == 0
    assert set(run.modules()) <= {"laravel_info", "fk_constraint_info"}
    return run, {check["check"]: check for check in run.report["checks"]} if run.reports else {}


def test_the_incident_does_not_verify(kept):
    kept.broken()
    run, checks = looks(kept)
    assert run.rc == 2, run.screen
    assert run.report["outcome"] == "failed"
    assert not checks["php artisan migrate:status"]["ok"]
    assert not checks["constraint fk_skp_tahunan_user"]["ok"]
    assert checks["expected tables"]["ok"]
    told = run.message()
    assert "\n" not in told and told.count("Nothing was changed") == 1
    assert "Next: run ansible-playbook playbooks/diagnose.yml -i " in told


def test_a_repaired_application_verifies(well):
    run, checks = looks(well)
    assert run.rc == 0, run.screen
    assert run.report["outcome"] == "rows_aside"
    assert all(check["ok"] for check in checks.values())
    assert {"constraint fk_skp_tahunan_approved_by", "php artisan route:list"} <= set(checks)
    # What could not be compared does not look as if it had been.
    assert checks[NOT_COMPARED]["skipped"] and "not compared" in checks[NOT_COMPARED]["detail"]
    assert "skipped      no row went missing" in run.screen
    assert well.password not in run.everything()


def test_json_for_a_program(well):
    run, checks = looks(well, verify_json="true")
    (line,) = [line for line in run.screen.splitlines() if line.startswith("{")]
    told = json.loads(line)
    assert (told["outcome"], told["ok"]) == ("rows_aside", True)
    assert {check["check"] for check in told["checks"]} == set(checks)


def test_in_check_mode_it_does_the_same(well):
    run, _ = looks(well, check=True)
    assert run.rc == 0, run.screen
    assert "ROWS ASIDE" in run.screen


def test_a_table_and_a_route_that_are_missing_fail_it(well):
    tables = [["users"], ["arsip", "arsip_lama"]]
    run, checks = looks(well, expected_tables=tables, route_pattern="no-such-route")
    assert run.rc == 2, run.screen
    assert checks["expected tables"]["detail"] == "missing: arsip or arsip_lama"
    assert not checks["php artisan route:list"]["ok"]


def test_without_anything_expected_in_the_inventory(well):
    run, _ = looks(well, expected_tables=[], expected_constraints=[])
    assert run.rc == 0, run.screen


def test_a_server_that_cannot_be_asked_fails_it(well):
    well.set_dotenv(DB_DATABASE="elsewhere")
    try:
        run, _ = looks(well)
    finally:
        well.set_dotenv(DB_DATABASE=well.database)
    assert run.rc == 2, run.screen
    assert run.report["outcome"] == "refused" and "[no_connection] Found: " in run.message()
