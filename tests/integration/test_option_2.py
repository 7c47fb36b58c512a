# SPDX-License-Identifier: GPL-3.0-or-later
"""Option 2 on a real server and application: what is skipped, what is missing, what is refused."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from inquiry import OPTION_2, inquire, repair
from playbook import play
from release import (
    BACKUP,
    KEYS,
    OURS,
    RENAME_AND_CREATE,
    RENAME_BACK,
    TAKEN,
    create,
    fails,
    foreign,
    migrate,
)
from window import Watched

FAILED = "2026_01_25_000000_total_refactor_skp_system"
NEXT = "2026_01_26_000000_refactor_skp_tahunan_detail"
NAMES = ("fk_skp_tahunan_user", "fk_skp_tahunan_approved_by")
ADDED = "Schema::table('users', fn (Blueprint $table) => $table->string('pangkat')->nullable());"
LATER = "2026_01_21_000000_catatan"


@pytest.fixture
def failed(kept):
    """The incident with one more table and column to make, and a later migration of its own."""
    kept.present()
    fails(kept, TAKEN, RENAME_AND_CREATE + ADDED + create("pangkat"), RENAME_BACK)
    kept.add_migration(LATER, create("catatan", foreign("fk_catatan")))
    return kept


def skip(sandbox, by=repair, **variables):
    return by(sandbox, OPTION_2, **variables)


def accepted(**variables):
    return {"skip_accept": OURS, "skip_accept_hidden": [BACKUP], **variables}


def state(sandbox):
    """Return every row and definition, and every file: maintenance mode is one of them."""
    return sandbox.schema_dump(), sandbox.files()


def up(sandbox):
    return not Path(sandbox.app, "storage", "framework", "down").exists()


def test_it_skips_migrates_the_rest_and_says_what_is_missing(failed):
    rows = failed.sql(f"SELECT * FROM {BACKUP} ORDER BY id")
    run = skip(failed, play, **accepted())
    assert run.rc == 0, run.screen
    report = run.report
    assert report["outcome"] == "skipped"
    assert failed.recorded()[-2:] == [OURS, LATER]
    batches = dict(failed.sql("SELECT migration, batch FROM migrations"))
    assert batches[LATER] == batches[OURS] + 1 == max(batches.values())
    assert failed.rows("catatan") == 0 and failed.holders("fk_catatan") == ["catatan"]
    # Nothing of the skipped one was done, and nothing of what was there is gone.
    assert failed.rows("pangkat") is None and failed.rows("skp_tahunan") == 0
    assert failed.sql(f"SELECT * FROM {BACKUP} ORDER BY id") == rows
    assert [failed.holders(name) for name in NAMES] == [[BACKUP]] * 2
    looks = [check["check"] for check in report["checks"] if check.get("look")]
    for missing in (
        "column pangkat",
        "table pangkat",
        "constraint fk_skp_tahunan_user",
        "constraint fk_skp_tahunan_approved_by",
    ):
        assert f"missing {missing}" in looks
        assert missing in report["summary"]
    assert "not recommended" in report["summary"] and BACKUP in report["summary"]
    assert up(failed)
    assert len(run.modules()) <= 12, run.modules()
    assert failed.password not in run.everything()


def test_the_option_and_its_playbook_are_the_same(failed):
    with Watched(failed) as window:
        run = play(failed, "fix_fk.yml", option=2, **accepted())
    assert run.rc == 0 and run.report["outcome"] == "skipped"
    window.agrees_with(run.report)
    assert failed.recorded()[-2:] == [OURS, LATER]


def test_a_second_run_changes_nothing(failed):
    assert skip(failed, **accepted()).rc == 0
    before = state(failed)
    run = skip(failed, play, **accepted())
    assert run.rc == 0 and run.report["outcome"] == "skipped", run.screen
    assert run.stats("changed") == 0 and state(failed) == before
    assert "column pangkat" in run.report["summary"]


def test_the_record_is_undone_by_what_the_report_says(failed):
    before = failed.sql("SELECT * FROM migrations ORDER BY id")
    Path(failed.app, "database", "migrations", f"{LATER}.php").unlink()
    run = skip(failed, **accepted())
    assert run.rc == 0, run.screen
    (undo,) = [step["undo_queries"] for step in run.report["steps"] if step["id"] == "skip"]
    assert failed.sql("SELECT * FROM migrations ORDER BY id") != before
    for query in undo:
        failed.sql(query)
    assert failed.sql("SELECT * FROM migrations ORDER BY id") == before


def test_a_run_that_stopped_half_way_is_finished_by_running_it_again(failed):
    # Nothing that can be foreseen.
    failed.add_migration(LATER, "DB::statement('DO belum()');")
    run = skip(failed, play, **accepted())
    assert run.rc != 0 and "belum" in run.report["summary"]
    assert failed.recorded()[-1] == OURS and not up(failed)
    assert OURS in run.report["next"] and BACKUP in run.report["next"]
    failed.add_migration(LATER, create("catatan", foreign("fk_catatan")))
    run = skip(failed, play, **accepted())
    assert run.rc == 0, run.screen
    assert failed.recorded()[-2:] == [OURS, LATER] and up(failed)


def test_the_module_takes_its_record_back(kept, run_module):
    kept.present()
    before = kept.recorded()
    options = {"laravel_path": kept.app, "migration": FAILED}
    made = run_module("migration_record", **options)
    assert made["changed"] and kept.recorded() == [*before, FAILED]
    assert not run_module("migration_record", **options)["changed"]
    wrong = run_module("migration_record", **options, state="absent", batch=made["batch"] + 1)
    assert wrong["failed"] and "Nothing was changed" in wrong["msg"]
    gone = run_module("migration_record", **options, state="absent", batch=made["batch"])
    assert gone["changed"] and kept.recorded() == before
    assert not run_module("migration_record", **options, state="absent")["changed"]
    unknown = run_module("migration_record", laravel_path=kept.app, migration="tidak_ada")
    assert unknown["failed"] and "has no migration tidak_ada" in unknown["msg"]


def test_it_makes_the_migrations_table_where_there_is_none(kept):
    kept.present()
    kept.sql(f"DROP DATABASE `{kept.database}`")
    kept.sql(f"CREATE DATABASE `{kept.database}`")
    for path in Path(kept.app, "database", "migrations").glob("*.php"):
        path.unlink()
    kept.sql("CREATE TABLE users (id BIGINT UNSIGNED PRIMARY KEY)")
    kept.add_migration(OURS, create("users"))
    run = skip(
        kept,
        skip_accept=OURS,
        incident_migration=OURS,
        expected_tables=["users"],
        expected_constraints=[],
    )
    assert run.rc == 0, run.screen
    assert kept.recorded() == [OURS]


def test_check_writes_nothing(failed):
    before = state(failed)
    run = skip(failed, play, check=True, **accepted())
    assert run.rc == 0, run.screen
    assert "INSERT INTO `migrations`" in run.screen and "pangkat" in run.screen
    assert run.stats("changed") == 0 and run.reports == {} and state(failed) == before


# --- the missing constraints ------------------------------------------------------------------


def test_the_missing_constraints_are_added(failed):
    run = skip(failed, play, **accepted(skip_complete="true"))
    assert run.rc == 0, run.screen
    assert [failed.holders(name) for name in NAMES] == [["skp_tahunan"]] * 2
    looks = [check["check"] for check in run.report["checks"] if check.get("look")]
    assert "missing table pangkat" in looks and not [x for x in looks if "constraint" in x]
    assert up(failed)


def test_they_can_be_added_by_a_later_run(failed):
    assert skip(failed, **accepted()).rc == 0
    run = skip(failed, **accepted(skip_complete=True))
    assert run.rc == 0, run.screen
    assert [failed.holders(name) for name in NAMES] == [["skp_tahunan"]] * 2


def test_rules_are_added_as_the_migration_has_them(kept):
    kept.present()
    keys = KEYS[0].replace("->references", "->onDelete('cascade')->references") + KEYS[1]
    body = RENAME_AND_CREATE.replace(" ".join(KEYS), keys)
    assert "cascade" in body
    fails(kept, TAKEN, body, RENAME_BACK)
    run = skip(kept, **accepted(skip_complete=True))
    assert run.rc == 0, run.screen
    rules = kept.sql(
        "SELECT delete_rule FROM information_schema.referential_constraints"
        " WHERE constraint_schema = %s AND constraint_name = %s",
        kept.database,
        NAMES[0],
    )
    assert rules == [("CASCADE",)]


def test_rows_in_the_way_are_listed_and_the_others_added(failed):
    failed.sql(
        "INSERT INTO skp_tahunan (user_id, approved_by) VALUES (999001, 1), (999002, 2), (1, NULL)"
    )
    run = skip(failed, play, **accepted(skip_complete=True))
    assert run.rc != 0
    summary = run.report["summary"]
    assert run.report["outcome"] == "failed" and "999001, 999002" in summary, summary
    assert "2 rows of skp_tahunan" in summary
    assert failed.holders(NAMES[0]) == [] and failed.holders(NAMES[1]) == ["skp_tahunan"]
    assert failed.rows("skp_tahunan") == 3 and up(failed)
    assert "The application is up" in summary
    # The cause gone, the same command finishes.
    failed.sql("DELETE FROM skp_tahunan WHERE user_id > 999000")
    run = skip(failed, **accepted(skip_complete=True))
    assert run.rc == 0, run.screen
    assert failed.holders(NAMES[0]) == ["skp_tahunan"] and up(failed)


# --- refusals ---------------------------------------------------------------------------------


def refused(sandbox, verdict, *words, by=inquire, **variables):
    """See that it refuses in one paragraph and changes nothing; return what was said."""
    before = state(sandbox)
    run = skip(sandbox, by, **variables)
    assert run.rc != 0, run.screen
    assert state(sandbox) == before and run.stats("changed") == 0
    report = run.report
    told = report["summary"]
    assert (report["outcome"], report["diagnosis"]["verdict"]) == ("refused", verdict), told
    assert told.startswith(f"[{verdict}] ") and run.message() == told and "\n" not in told
    assert told.index("Found: ") < told.index("Nothing was changed") < told.index("Next: "), told
    assert told.count("Next: ") == 1
    for word in words:
        assert word in told, (word, told)
    assert "Traceback" not in run.screen and sandbox.password not in run.everything()
    return run


def test_it_wants_the_name_and_shows_what_would_be_missing(failed):
    words = ("playbooks/option_2_skip.yml -i", "table pangkat")
    run = refused(failed, "skip_not_accepted", *words, by=play)
    assert "create table `pangkat`" in run.screen
    assert "Will be missing: constraint fk_skp_tahunan_user" in run.screen
    assert f"Run on top of it: {LATER}" in run.screen
    # What it tells one to type is all there is to type.
    typed = shlex.split(run.message().split("playbooks/option_2_skip.yml ")[1])
    assert typed[:1] + typed[2:3] == ["-i", "-e"]
    run = skip(failed, **json.loads(typed[3]))
    assert run.rc == 0 and run.report["outcome"] == "skipped", run.screen
    assert "takes the skip back" in run.report["next"] and "undoes batch 3" in run.screen
    # And taken back. Of the children it is said that they follow the old rows.
    run = repair(failed)
    assert run.rc == 0 and run.report["outcome"] == "repaired_rows_aside", run.screen
    assert "Still pointing at " in run.report["happened"]


def test_one_that_has_run_was_not_skipped(kept):
    kept.present()
    kept.add_migration(LATER, create("catatan", foreign("fk_catatan")))
    for path in Path(kept.app, "database", "migrations").glob("2026_01_2[56]*.php"):
        path.unlink()
    assert migrate(kept).returncode == 0
    run = skip(kept, skip_accept=LATER)
    assert run.rc == 0 and run.report["outcome"] == "healthy", run.screen
    assert "it was not skipped" in run.report["summary"]


def test_another_name_is_refused(failed):
    refused(failed, "skip_names_another", LATER, OURS, skip_accept=LATER)


def test_hidden_rows_are_refused(failed):
    refused(failed, "skip_hides_rows", BACKUP, "skip_accept_hidden", skip_accept=OURS)
    refused(failed, "skip_hides_rows", BACKUP, skip_accept=OURS, skip_accept_hidden=["users"])


def test_a_second_incident_is_foreseen(kept):
    kept.broken()
    refused(
        kept, "remaining_would_fail", NEXT, "rhk_pimpinan", "fix_fk.yml",
        skip_accept=FAILED, skip_accept_hidden=[BACKUP],
    )  # fmt: skip


def test_nothing_is_dropped_from_a_live_table(kept):
    kept.present()
    fails(kept, TAKEN, create("penilaian", foreign("fk_skp_tahunan_user")))
    refused(
        kept, "live_table_holds_the_name", "skp_tahunan", "penilaian",
        skip_accept=OURS, skip_complete=True,
    )  # fmt: skip
    run = skip(kept, skip_accept=OURS)
    assert run.rc == 0 and kept.holders("fk_skp_tahunan_user") == ["skp_tahunan"]


def test_nothing_failed(kept):
    kept.present()
    kept.withdraw()
    refused(kept, "nothing_to_skip", OURS, skip_accept=OURS)


def test_lost_rows_in_the_rest_are_refused(kept):
    kept.present()
    fails(kept, TAKEN, RENAME_AND_CREATE, RENAME_BACK)
    kept.add_migration(LATER, "Schema::drop('personal_access_tokens');")
    refused(kept, "migration_would_lose_rows", "personal_access_tokens", **accepted())


@pytest.mark.parametrize(
    "variables, words",
    [
        ({"skip_accept": 83}, "skip_accept is not text"),
        ({"skip_accept": OURS, "skip_accept_hidden": BACKUP}, "skip_accept_hidden takes a list"),
        ({"skip_accept": OURS, "skip_complete": "maybe"}, "skip_complete takes one of true, false"),
    ],
)
def test_variables_of_the_wrong_type_are_refused(failed, variables, words):
    refused(failed, "bad_input", words, **variables)


@pytest.mark.parametrize("option", ["4", None, [2]])
def test_another_option_is_refused(failed, option):
    before = state(failed)
    run = play(failed, option=option, **accepted())
    assert run.rc != 0 and state(failed) == before
    assert "There is no option" in run.message() and "Nothing was changed" in run.message()
    assert run.modules() == []
