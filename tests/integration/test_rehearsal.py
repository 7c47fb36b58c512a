# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan, carried out on a clone first: what fails there is not done."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pymysql
import pytest
from ansible.module_utils.fix_fk.scratch.schemas import clone_name
from ansible.module_utils.fix_fk.server.about import describe_server
from inquiry import OPTION_2, OPTION_3, inquire, repair
from playbook import play
from release import (
    BACKUP,
    OURS,
    RENAME,
    RENAME_AND_CREATE,
    RENAME_BACK,
    TAKEN,
    create,
    fails,
)

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


def clones(sandbox):
    names = [row[0] for row in sandbox.sql("SHOW DATABASES")]
    return [name for name in names if name.startswith(f"{sandbox.database}__fix_fk")]


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
    assert run.report["outcome"] == "repaired_rows_aside"
    assert run.report["steps"][0]["state"] == "passed"
    assert "REHEARSED" in run.screen
    (window,) = [line for line in run.report["steps"][0]["details"] if "expect about" in line]
    assert run.screen.count("expect about") == 1 and window in run.page
    assert "were run on an empty schema" in " ".join(run.report["diagnosis"]["evidence"])
    assert "trigger sendiri: it names the schema" in run.screen
    assert "trigger catat:" not in run.screen
    assert not clones(broken)
    assert broken.recorded()[-2] == FAILED


@pytest.mark.parametrize("level", ["structure", "full"])
@pytest.mark.parametrize("read", ["touched", "full"])
def test_the_window_to_expect_grows_with_the_rows_that_are_read(broken, level, read):
    """Where all are read, the digests are most of it: half a million rows take longer than all
    steps together. Where those are that the plan touches, there are none."""
    broken.sql("CREATE TABLE besar (id INT PRIMARY KEY AUTO_INCREMENT, isi VARCHAR(400), n INT)")
    broken.sql("INSERT INTO besar (isi, n) VALUES (REPEAT('gaspul ', 40), 1)")
    for _ in range(19):
        broken.sql("INSERT INTO besar (isi, n) SELECT isi, n + 1 FROM besar")
    broken.sql("ANALYZE TABLE besar")
    try:
        run = play(broken, rehearsal_level=level, verify_contents=read)
        took = broken.sql("SELECT COUNT(*) FROM besar")[0][0]
    finally:
        broken.sql("DROP TABLE besar")
    assert run.rc == 0 and took == 2**19, run.screen
    (told,) = [line for line in run.report["steps"][0]["details"] if "expect about" in line]
    seconds, digests = (int(number) for number in re.findall(r"(\d+) s[, ]", told)[:2])
    window = run.report["window"]
    if read == "touched":
        assert digests == 0 and "to read 0 rows twice" in told
    else:
        assert window > 4 and digests >= 2, (window, told)
    # On a machine that does other things as well; without the digests it would be a third of it.
    assert 0.5 * window <= seconds <= 3 * window + 1, (window, told)


@pytest.mark.parametrize("level, outcome", [("structure", "failed"), ("full", "refused")])
def test_a_plan_that_fails_on_the_clone_is_not_carried_out(later, level, outcome):
    """Without rows the clone cannot show it; with them it does, before anything is done."""
    before = state(later)
    run = repair(later, rehearsal_level=level)
    assert run.rc == 2
    assert run.report["outcome"] == outcome, run.screen
    assert not clones(later)
    if outcome == "refused":
        assert "users has rows" in run.message() and "Nothing was changed" in run.message()
        assert state(later) == before
        assert "The application stays in maintenance mode" not in run.screen


# What neither --pretend nor the source shows of a down(): it deletes rows, or fails.
REALLY = "collect(DB::connection()->pretending())->reject(fn ($it) => $it)->each"
HIDDEN = {
    "full": f"{REALLY}(fn () => DB::delete('DELETE FROM {BACKUP} WHERE id > 9'));",
    "structure": f"{REALLY}(fn () => throw new \\RuntimeException('not here'));",
}


@pytest.mark.parametrize("level", HIDDEN)
def test_a_way_that_does_not_hold_on_the_clone_gives_place_to_the_next(kept, level):
    kept.present()
    rows = kept.sql("SELECT * FROM skp_tahunan ORDER BY id")
    fails(kept, TAKEN, RENAME_AND_CREATE, f"{HIDDEN[level]} {RENAME_BACK}")
    mend = play if level == "structure" else repair
    run = mend(kept, rehearsal_level=level)
    assert run.rc == 0, run.screen
    ways = {way["strategy"]: way for way in run.report["diagnosis"]["strategies"]}
    assert ways["rename_back"]["chosen"] and not ways["down"]["chosen"]
    said = {"full": "skp_tahunan", "structure": "not here"}[level]
    assert "tried on a clone" in ways["down"]["reason"] and said in ways["down"]["reason"]
    assert "Changed by this" not in ways["down"]["reason"] and "#0 " not in run.screen
    assert kept.sql(f"SELECT * FROM {BACKUP} ORDER BY id") == rows
    assert kept.recorded()[-1] == OURS and not clones(kept)
    assert run.report["steps"][0]["state"] == "passed"


def test_a_way_that_is_asked_for_gives_place_to_none(kept):
    kept.present()
    fails(kept, TAKEN, RENAME_AND_CREATE, f"{HIDDEN['structure']} {RENAME_BACK}")
    before = state(kept)
    run = repair(kept, rehearsal_level="structure", rollback_strategy="down")
    assert run.rc == 2 and run.report["outcome"] == "refused", run.screen
    assert "not here" in run.message() and "Nothing was changed" in run.message()
    assert state(kept) == before and not clones(kept)


# --- the other options ----------------------------------------------------------------------

ACCEPTED = {"skip_accept": OURS, "skip_accept_hidden": [BACKUP]}
LAST = "2026_01_21_000000_catatan"


@pytest.mark.parametrize("level", ["structure", "full"])
def test_option_2_is_rehearsed(kept, level):
    kept.present()
    fails(kept, TAKEN, RENAME_AND_CREATE, RENAME_BACK)
    kept.add_migration(LAST, create("catatan"))
    mend = play if level == "structure" else repair
    run = mend(kept, OPTION_2, rehearsal_level=level, **ACCEPTED)
    assert run.rc == 0, run.screen
    assert "REHEARSED" in run.screen and run.report["steps"][0]["id"] == "rehearse"
    assert run.report["outcome"] == "skipped" and kept.recorded()[-2:] == [OURS, LAST]
    assert not clones(kept)


def test_option_2_that_fails_on_the_clone_is_not_carried_out(kept):
    kept.present()
    fails(kept, TAKEN, RENAME_AND_CREATE, RENAME_BACK)
    kept.add_migration(LAST, f"{REALLY}(fn () => throw new \\Exception('no'));")
    before = state(kept)
    run = repair(kept, OPTION_2, rehearsal_level="structure", **ACCEPTED)
    assert run.rc == 2 and run.report["outcome"] == "refused", run.screen
    assert LAST in run.message() and "Nothing was changed" in run.message()
    assert state(kept) == before and not clones(kept)


def test_what_rows_stand_in_the_way_of_on_the_clone_is_tried_on_the_schema_all_the_same(kept):
    """The clone with its rows narrows what is expected of it, and of nothing else."""
    kept.present()
    fails(kept, TAKEN, RENAME_AND_CREATE, RENAME_BACK)
    kept.sql("INSERT INTO skp_tahunan (user_id) VALUES (999001)")
    given = {"rehearsal_level": "full", **ACCEPTED, "skip_complete": True}
    run = play(kept, OPTION_2, **given)
    assert "REHEARSED" in run.screen, run.screen
    assert run.rc == 2 and run.report["outcome"] == "failed"
    assert "999001" in run.message() and "The application is up" in run.message()
    assert kept.recorded()[-1] == OURS and kept.rows("skp_tahunan") == 1


def fresh(sandbox, mend, **variables):
    given = {"rehearsal_level": "structure", "fresh_confirm": sandbox.database, **variables}
    return mend(sandbox, OPTION_3, **given)


@pytest.fixture
def buildable(kept):
    """The application before the release whose migrations collide on an empty schema as well."""
    kept.present()
    kept.withdraw()
    return kept


def test_option_3_is_rehearsed_seeder_and_all(buildable):
    run = fresh(buildable, play)
    assert run.rc == 0, run.screen
    assert "REHEARSED" in run.screen and "its proof take" in run.screen
    assert run.report["steps"][0]["state"] == "passed" and run.report["outcome"] == "rebuilt"
    assert not clones(buildable)


@pytest.mark.parametrize("what", ["migration", "seeder"])
def test_option_3_that_fails_on_the_clone_loses_nothing(buildable, what):
    seeder = Path(buildable.app, "database", "seeders", "DatabaseSeeder.php")
    text = seeder.read_text(encoding="utf-8")
    failing = "function run() { throw new \\Exception('not on empty'); }"
    if what == "migration":
        buildable.add_migration(LAST, f"{REALLY}(fn () => throw new \\Exception('not on empty'));")
    else:
        seeder.write_text(
            text.replace("function run(", f"{failing} public function never(", 1), encoding="utf-8"
        )
    try:
        before = state(buildable)
        run = fresh(buildable, repair)
        assert run.rc == 2 and run.report["outcome"] == "refused", run.screen
        assert "not on empty" in run.message() and "Nothing was changed" in run.message()
        assert "restore.yml" not in run.message()
        assert state(buildable) == before and not clones(buildable)
    finally:
        seeder.write_text(text, encoding="utf-8")


def test_what_is_foreseen_to_fail_and_asked_for_all_the_same_is_not_rehearsed(broken):
    run = fresh(broken, inquire, fresh_anyway=broken.database)
    assert "fresh_anyway asks for it all the same" in run.screen, run.screen
    assert run.report["steps"][0]["id"] == "maintenance"
    before = state(broken)
    run = fresh(broken, inquire, fresh_anyway=broken.database, rehearsal_required=True)
    assert run.rc == 2 and run.report["diagnosis"]["verdict"] == "cannot_rehearse", run.screen
    assert state(broken) == before


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
    run = repair(broken, rehearsal_level="full")
    assert run.rc == 0, run.screen
    assert run.report["outcome"] == "repaired_rows_aside"
    notes = " ".join(run.report["diagnosis"]["notes"])
    assert f"that ended at {path.stem}: old" in notes and "are read counts" in notes
    assert not clones(broken)


def test_a_rehearsal_that_was_killed_leaves_nothing_that_matters(broken):
    with contextlib.closing(broken.server.connect()) as connection:
        server = describe_server(connection, pymysql)
    left = clone_name(broken.database, server, "20260101_000000_abcd")
    # What a restore has put aside, and the clone of another server's schema of that name.
    others = [f"{broken.database}__fix_fk_{tail}" for tail in ("0123abcd_old", "zzzz_rehearsal")]
    for name in (left, *others):
        broken.sql(f"CREATE DATABASE {name}")
        broken.sql(f"CREATE TABLE {name}.users (id INT)")
    # Of the clone's name a part is the run's, which only a playbook has.
    run = play(broken, rehearsal_level="structure")
    assert run.rc == 0, run.screen
    assert f"{broken.database}__fix_fk" in left and clones(broken) == others


def test_a_hard_coded_schema_cannot_be_rehearsed(broken):
    config = Path(broken.app, "config", "database.php")
    text = config.read_text(encoding="utf-8")
    config.write_text(
        text.replace("env('DB_DATABASE', 'forge')", f"'{broken.database}'"), encoding="utf-8"
    )
    try:
        before = state(broken)
        run = repair(broken, rehearsal_level="structure", rehearsal_required=True)
        assert run.rc == 2 and run.report["outcome"] == "refused", run.screen
        assert "environment variables do not change the schema" in run.message()
        assert state(broken) == before
        run = repair(broken, rehearsal_level="structure")
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
    run = inquire(broken, rehearsal_level="structure", rehearsal_required=True, **given)
    assert run.rc == 2 and run.report["diagnosis"]["verdict"] == "cannot_rehearse", run.screen
    assert "lacks SELECT" in run.message() and "GRANT ALL PRIVILEGES ON" in run.message()
    assert state(broken) == before
    run = repair(broken, rehearsal_level="structure", **given)
    assert run.rc == 0, run.screen
    assert "Not rehearsed:" in " ".join(run.report["diagnosis"]["notes"])
    assert run.report["steps"][0]["id"] == "backup"


def test_check_makes_no_clone(broken):
    before = state(broken)
    run = play(broken, check=True, rehearsal_level="full")
    assert run.rc == 0, run.screen
    assert run.reports == {}
    assert "Rehearse on a clone" in run.screen and "CREATE DATABASE" in run.screen
    assert state(broken) == before and not clones(broken)


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
    run = inquire(sandbox, rehearsal_level="none")
    assert run.report["diagnosis"]["verdict"] == "holder_not_identified", run.screen
    assert state(sandbox) == before
    mend = play if server == "same" else repair
    run = mend(sandbox, rehearsal_level="structure", rehearsal_server=server)
    assert run.rc == 0, run.screen
    assert run.report["outcome"] == "repaired_rows_aside"
    assert "were run on an empty schema" in " ".join(run.report["diagnosis"]["evidence"])
    assert sandbox.rows(BACKUP) == 500 and sandbox.rows("skp_tahunan") == 0
    assert not clones(sandbox)


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
    run = repair(sandbox, rehearsal_level="structure")
    assert run.rc == 2 and run.report["diagnosis"]["verdict"] == "holder_not_identified"
    assert f"that ended at {path.stem}" in run.message() and ": stop" in run.message(), run.screen
    assert state(sandbox) == before and not clones(sandbox)
