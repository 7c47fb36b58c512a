# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows that a migration has moved aside: said at the end of the repair and by every later run."""

from __future__ import annotations

import re

import pytest
from carried import CARRY
from inquiry import inquire, repair
from playbook import play

TABLES = ("skp_tahunan", "skp_tahunan_detail")
OLD = "skp_tahunan_backup_v1"
CHILD = "rencana_aksi_bulanan"
DIAGNOSE, VERIFY = "playbooks/diagnose.yml", "playbooks/verify.yml"


@pytest.fixture(scope="module")
def repaired(kept):
    """The sandbox after the repair, with the Run as `.run`."""
    kept.broken()
    kept.run = play(kept)
    assert kept.run.rc == 0, kept.run.screen
    return kept


def looks(sandbox, playbook, **variables):
    """Run what finds nothing to do, see that it changed nothing, and return the Run."""
    before = sandbox.schema_dump(), sandbox.files()
    # What a playbook alone can do: exit codes, colours, and refusing variables.
    alone = variables.keys() <= {"accept_rows_aside", "verify_accept_changed"}
    run = (inquire if alone else play)(sandbox, playbook, **variables)
    assert (sandbox.schema_dump(), sandbox.files()) == before
    assert run.stats("changed") == 0
    return run


def carries(run):
    """Tell whether `Next` begins with the command that carries the rows over."""
    begins = f"Carry the rows over:\n    ansible-playbook {CARRY} -i "
    return run.report["next"].startswith(begins) and '-e \'{"carry_drop": [' in run.report["next"]


def test_the_repair_says_it_first_and_is_not_green(repaired):
    run = repaired.run
    assert (run.report["outcome"], run.report["tone"]) == ("repaired_rows_aside", "wait")
    told = run.report["happened"]
    assert told.startswith("The application finds skp_tahunan empty: its 500 rows are in " + OLD)
    assert "skp_tahunan_detail empty: its 1500 rows are in skp_tahunan_detail_backup_v1" in told
    assert f"Still pointing at {OLD}: {CHILD} (" in told
    assert "REPAIRED ROWS ASIDE" in run.screen and 'class="outcome wait"' in run.page
    # The plan has said so before.
    plan = run.screen.partition("Back the schema up")[0]
    foretold = (
        "Afterwards the application finds empty, since the migrations make them anew: skp_tahunan"
    )
    assert foretold in " ".join(plan.split())
    assert carries(run) and "indikator_kinerja_id" in run.report["next"]


def test_no_new_row_gets_the_id_of_an_old_one(repaired):
    for table in TABLES:
        highest = repaired.sql(f"SELECT MAX(id) FROM {table}_backup_v1")[0][0]
        definition = repaired.sql(f"SHOW CREATE TABLE {table}")[0][1]
        assert f"AUTO_INCREMENT={highest + 1} " in definition
    checks = {check["check"]: check for check in repaired.run.report["checks"]}
    assert checks["new ids of skp_tahunan"]["detail"].startswith("from 501 on")
    (step,) = [step for step in repaired.run.report["steps"] if step["id"] == "ids"]
    assert step["state"] == "changed" and len(step["queries"]) == len(step["undo_queries"]) == 2


@pytest.mark.parametrize("playbook", ["fix_fk.yml", DIAGNOSE, VERIFY])
def test_every_later_run_says_it(repaired, playbook):
    run = looks(repaired, playbook)
    assert run.rc == 0, run.screen
    assert (run.report["outcome"], run.report["tone"]) == ("rows_aside", "wait")
    assert "finds skp_tahunan empty: its 500 rows are in" in run.report["happened"]
    assert carries(run) and "HEALTHY" not in run.screen


def test_a_job_may_have_it_fail(repaired):
    run = looks(repaired, DIAGNOSE, diagnose_fail_on="rows_aside", environment=COLOURS)
    assert run.rc == 14, run.screen
    assert re.search("\033\\[0;33mROWS ASIDE +app +run ", run.screen)
    run = looks(repaired, VERIFY, report_fail_on=["rows_aside"])
    assert run.rc == 2 and run.report["outcome"] == "rows_aside", run.screen
    run = looks(repaired, "fix_fk.yml", report_fail_on="healthy")
    assert run.rc == 2 and "report_fail_on has 'healthy'; it takes rows_aside" in run.message()


COLOURS = {"ANSIBLE_NOCOLOR": "", "ANSIBLE_FORCE_COLOR": "1"}


def test_what_is_meant_is_accepted_by_name(repaired):
    run = looks(repaired, VERIFY, accept_rows_aside=["skp_tahunan"])
    assert run.report["outcome"] == "rows_aside"
    assert run.report["happened"].startswith("The application finds skp_tahunan_detail empty")
    accepted = [OLD.upper(), "skp_tahunan_detail"]
    for playbook in ("fix_fk.yml", VERIFY):
        run = looks(repaired, playbook, accept_rows_aside=accepted)
        assert run.rc == 0 and run.report["outcome"] == "healthy", run.screen
        assert "Accepted in accept_rows_aside: The application finds skp_tahunan empty" in (
            " ".join(run.screen.split())
        )
    run = looks(repaired, "fix_fk.yml", accept_rows_aside="skp_tahunan, skp_tahunan_detail")
    assert run.rc == 2 and "accept_rows_aside takes a list" in run.message()


def test_an_id_that_is_given_twice_is_found_and_the_rest_is_as_it_says(repaired):
    """As a repair by hand leaves it: ids from 1 on, rows of the application's own by now."""
    for table in TABLES:
        repaired.sql(f"ALTER TABLE {table} AUTO_INCREMENT = 1")
    repaired.sql(
        "INSERT INTO skp_tahunan (user_id, tahun, created_at) SELECT user_id, 2031, NOW()"
        f" FROM {OLD} ORDER BY id LIMIT 1"
    )
    run = looks(repaired, DIAGNOSE)
    assert run.rc == 0 and run.report["outcome"] == "rows_aside", run.screen
    told = run.report["happened"]
    assert f"does not find 500 rows of {OLD} in skp_tahunan" in told
    assert f"New rows of skp_tahunan get ids from 2 on, which rows of {OLD} have" in told
    refused = repair(repaired, CARRY)
    assert refused.report["diagnosis"]["verdict"] == "carry_in_the_way", refused.screen
    # What can be done at once does it.
    for statement in re.findall(r"ALTER TABLE \S+ AUTO_INCREMENT = \d+", run.report["next"]):
        repaired.sql(statement)
    again = looks(repaired, DIAGNOSE).report
    assert "AUTO_INCREMENT" not in again["next"] and "get ids from" not in again["happened"]
    repaired.sql("DELETE FROM skp_tahunan")
    # And the rows are brought over, which ends it.
    run = repair(repaired, CARRY)
    assert (run.rc, run.report["outcome"]) == (0, "repaired"), run.screen
    assert repaired.sql("SELECT id, user_id, tahun, nilai FROM skp_tahunan ORDER BY id") == (
        repaired.sql(f"SELECT id, user_id, tahun, nilai FROM {OLD} ORDER BY id")
    )
    # What somebody points at the old table again is told until it does not.
    key = "rencana_aksi_bulanan_skp_tahunan_id_foreign"
    repoint(repaired, key, OLD)
    run = looks(repaired, DIAGNOSE)
    assert run.rc == 0 and run.report["outcome"] == "rows_aside", run.screen
    assert run.report["happened"].startswith(f"Still pointing at {OLD}: rencana_aksi_bulanan (")
    assert "The rows have been brought over" in run.report["next"]
    assert repair(repaired, CARRY).report["outcome"] == "repaired"
    run = looks(repaired, DIAGNOSE)
    assert run.rc == 0 and run.report["outcome"] == "healthy", run.screen


def repoint(sandbox, key, parent):
    sandbox.sql(f"ALTER TABLE rencana_aksi_bulanan DROP FOREIGN KEY {key}")
    sandbox.sql(
        f"ALTER TABLE rencana_aksi_bulanan ADD CONSTRAINT {key} FOREIGN KEY (skp_tahunan_id)"
        f" REFERENCES {parent} (id)"
    )


def test_other_rows_with_old_ids_are_no_copies_where_no_time_is_kept(repaired):
    """No created_at tells when a row came to be, so the values that every row has do."""
    for table in ("skp_tahunan", OLD):
        repaired.sql(f"ALTER TABLE {table} DROP COLUMN created_at")
    repaired.sql("UPDATE skp_tahunan SET tahun = tahun + 50")
    meant = {"verify_accept_changed": ["skp_tahunan", OLD]}
    told = looks(repaired, VERIFY, **meant).report["happened"]
    assert f"does not find 500 rows of {OLD} in skp_tahunan" in told
    assert "In the place of 500 of them is a row of the same key and other content" in told
    repaired.sql("UPDATE skp_tahunan SET tahun = tahun - 50")
    told = looks(repaired, VERIFY, **meant).report["happened"]
    assert f"rows of {OLD} in skp_tahunan" not in told


def test_the_largest_id_is_no_way_out_and_is_said(kept):
    highest = 2**64 - 1
    kept.broken()
    kept.sql(
        f"INSERT INTO {OLD} (id, user_id, tahun) SELECT {highest}, user_id, 2032 FROM {OLD}"
        " ORDER BY id LIMIT 1"
    )
    run = play(kept)
    assert run.rc == 0 and run.report["outcome"] == "repaired_rows_aside", run.screen
    checks = {check["check"]: check for check in run.report["checks"]}
    assert checks["new ids of skp_tahunan"]["look"]
    assert "holds no higher one" in checks["new ids of skp_tahunan"]["detail"]
    # The application can still write.
    kept.sql(f"INSERT INTO skp_tahunan (user_id, tahun) SELECT user_id, 2033 FROM {OLD} LIMIT 1")
