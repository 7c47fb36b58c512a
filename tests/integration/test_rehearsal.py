# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan, carried out on a clone first: what fails there is not done."""

from __future__ import annotations

from pathlib import Path

import pytest
from playbook import play
from release import BACKUP, RENAME, RENAME_BACK, TAKEN, fails

FAILED = "2026_01_25_000000_total_refactor_skp_system"
LATER = "2026_01_27_000000_fails_on_rows"


@pytest.fixture
def later(broken):
    """One more pending migration, which fails as soon as there are rows."""
    broken.add_migration(
        LATER,
        up="if (DB::table('users')->exists()) { throw new \\RuntimeException('users has rows'); }",
        down="",
    )
    return broken


def clone(sandbox):
    return f"{sandbox.database}__fix_fk_rehearsal"


def schemas(sandbox):
    return [row[0] for row in sandbox.sql("SHOW DATABASES")]


def state(sandbox):
    return sandbox.schema_dump(), sandbox.files()


def test_a_plan_that_holds_is_carried_out_and_the_clone_is_gone(broken):
    broken.sql("CREATE VIEW pegawai AS SELECT id, name FROM users")
    broken.sql("CREATE TRIGGER catat BEFORE UPDATE ON users FOR EACH ROW SET NEW.name = NEW.name")
    broken.sql(
        f"CREATE TRIGGER sendiri BEFORE DELETE ON users FOR EACH ROW"
        f" DELETE FROM {broken.database}.sessions WHERE user_id = OLD.id"
    )
    run = play(broken, rehearsal_level="full")
    assert run.rc == 0, run.screen
    assert run.report["outcome"] == "repaired"
    assert run.report["steps"][0]["state"] == "passed"
    assert "REHEARSED" in run.screen and "expect about" in run.screen
    assert "were run on an empty schema" in " ".join(run.report["diagnosis"]["evidence"])
    assert "trigger sendiri: it names the schema" in run.screen and "catat" not in run.screen
    assert clone(broken) not in schemas(broken)
    assert broken.recorded()[-2] == FAILED


@pytest.mark.parametrize("level, outcome", [("structure", "failed"), ("full", "refused")])
def test_a_plan_that_fails_on_the_clone_is_not_carried_out(later, level, outcome):
    """Without rows the clone cannot show it; with them it does, before anything is done."""
    before = state(later)
    run = play(later, rehearsal_level=level)
    assert run.rc == 2
    assert run.report["outcome"] == outcome, run.screen
    assert clone(later) not in schemas(later)
    if outcome == "refused":
        assert "users has rows" in run.message() and "Nothing was changed" in run.message()
        assert state(later) == before
        assert "The application stays in maintenance mode" not in run.screen


def test_without_a_replay_what_was_read_counts(broken):
    """An old migration does not run on an empty schema; the incident is plain all the same."""
    (path,) = Path(broken.app, "database", "migrations").glob("*_create_skp_tahunan_table.php")
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace("public function up()", "public function up() { $this->do(); if (\\"
        "Illuminate\\Support\\Facades\\DB::table('users')->doesntExist()) throw new"
        " \\RuntimeException('old'); } public function do()"),
        encoding="utf-8",
    )  # fmt: skip
    run = play(broken, rehearsal_level="full")
    assert run.rc == 0, run.screen
    assert run.report["outcome"] == "repaired"
    notes = " ".join(run.report["diagnosis"]["notes"])
    assert f"that ended at {path.stem}: old" in notes and "are read counts" in notes
    assert clone(broken) not in schemas(broken)


def test_a_rehearsal_that_was_killed_leaves_nothing_that_matters(broken):
    broken.sql(f"CREATE DATABASE {clone(broken)}")
    broken.sql(f"CREATE TABLE {clone(broken)}.users (id INT)")
    run = play(broken, rehearsal_level="structure")
    assert run.rc == 0, run.screen
    assert clone(broken) not in schemas(broken)


def test_a_hard_coded_schema_cannot_be_rehearsed(broken):
    config = Path(broken.app, "config", "database.php")
    text = config.read_text(encoding="utf-8")
    config.write_text(
        text.replace("env('DB_DATABASE', 'forge')", f"'{broken.database}'"), encoding="utf-8"
    )
    try:
        before = state(broken)
        run = play(broken, rehearsal_level="structure", rehearsal_required="true")
        assert run.rc == 2 and run.report["outcome"] == "refused", run.screen
        assert "environment variables do not change the schema" in run.message()
        assert state(broken) == before
        run = play(broken, rehearsal_level="structure")
        assert run.rc == 0, run.screen
        assert "NOT REHEARSED" in run.screen
        assert run.report["steps"][0]["state"] == "skipped"
    finally:
        config.write_text(text, encoding="utf-8")


def test_without_the_right_to_make_a_clone_it_says_so(broken):
    user = "sempit"
    broken.sql(f"CREATE USER {user}@localhost IDENTIFIED BY 'rahasia'")
    broken.sql(f"GRANT ALL PRIVILEGES ON {broken.database}.* TO {user}@localhost")
    given = {"database_user": user, "database_password": "rahasia"}
    before = state(broken)
    run = play(broken, rehearsal_level="structure", rehearsal_required=True, **given)
    assert run.rc == 2 and run.report["diagnosis"]["verdict"] == "cannot_rehearse", run.screen
    assert "lacks SELECT" in run.message() and "GRANT ALL PRIVILEGES ON" in run.message()
    assert state(broken) == before
    run = play(broken, rehearsal_level="structure", **given)
    assert run.rc == 0, run.screen
    assert "Not rehearsed:" in " ".join(run.report["diagnosis"]["notes"])
    assert run.report["steps"][0]["id"] == "backup"


def test_check_makes_no_clone(broken):
    before = state(broken)
    run = play(broken, check=True, rehearsal_level="full")
    assert run.rc == 0, run.screen
    assert run.reports == {}
    assert "Rehearse on a clone" in run.screen and "CREATE DATABASE" in run.screen
    assert state(broken) == before and clone(broken) not in schemas(broken)


# --- the replay -------------------------------------------------------------------------------


@pytest.fixture
def unreadable(kept):
    """--pretend does not take the branch that makes the original, and there is no leftover."""
    kept.present()
    inline = (
        "CREATE TABLE skp_tahunan (id BIGINT UNSIGNED PRIMARY KEY, user_id BIGINT UNSIGNED,"
        " approved_by BIGINT UNSIGNED,"
        " CONSTRAINT fk_skp_tahunan_user FOREIGN KEY (user_id) REFERENCES users (id),"
        " CONSTRAINT fk_skp_tahunan_approved_by FOREIGN KEY (approved_by) REFERENCES users (id))"
    )
    fails(kept, TAKEN, f"{RENAME} DB::statement('{inline}');", RENAME_BACK)
    (path,) = Path(kept.app, "database", "migrations").glob("*_create_skp_tahunan_table.php")
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace("Schema::create(", "if (Schema::hasTable('users')) Schema::create(", 1),
        encoding="utf-8",
    )
    return kept, path


@pytest.mark.parametrize("server", ["same", "embedded"])
def test_a_replay_tells_what_the_statements_do_not(unreadable, server):
    sandbox, _path = unreadable
    before = state(sandbox)
    run = play(sandbox, rehearsal_level="none")
    assert run.report["diagnosis"]["verdict"] == "holder_not_identified", run.screen
    assert state(sandbox) == before
    run = play(sandbox, rehearsal_level="structure", rehearsal_server=server)
    assert run.rc == 0, run.screen
    assert run.report["outcome"] == "repaired"
    assert "were run on an empty schema" in " ".join(run.report["diagnosis"]["evidence"])
    assert sandbox.rows(BACKUP) == 500 and sandbox.rows("skp_tahunan") == 0
    assert clone(sandbox) not in schemas(sandbox)


def test_a_history_that_no_longer_runs_says_where(unreadable):
    sandbox, path = unreadable
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace(
            "if (Schema::hasTable('users'))",
            "if (\\Illuminate\\Support\\Facades\\DB::table('users')->doesntExist())"
            " throw new \\RuntimeException('stop'); else",
            1,
        ),
        encoding="utf-8",
    )
    before = state(sandbox)
    run = play(sandbox, rehearsal_level="structure")
    assert run.rc == 2 and run.report["diagnosis"]["verdict"] == "holder_not_identified"
    assert f"that ended at {path.stem}" in run.message() and ": stop" in run.message(), run.screen
    assert state(sandbox) == before and clone(sandbox) not in schemas(sandbox)
