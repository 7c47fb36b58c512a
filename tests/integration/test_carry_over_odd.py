# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows that are carried over with what belongs to them in other ways than by one plain key."""

from __future__ import annotations

from pathlib import Path

import pytest
from carried import CARRY, MOVED, displaced, send
from inquiry import inquire, repair

from ansible.module_utils.fix_fk.schema import tables  # isort: skip

TABLE = (
    "CREATE TABLE things (id int unsigned primary key auto_increment, a varchar(9),"
    " created_at timestamp null, deleted_at timestamp null)"
)
ROWS = (
    "INSERT INTO things (a, created_at, deleted_at) VALUES ('x', '2024-01-01', NULL),"
    " ('y', '2024-01-01', '2024-02-02'), ('z', '2024-01-01', NULL)"
)


def test_children_without_a_key_find_their_parents(kept):
    """A polymorphic child has a type and an id, and no constraint that could follow."""
    notes = [
        "CREATE TABLE things_notes (id int primary key, noted_type varchar(30), noted_id bigint)",
        "INSERT INTO things_notes VALUES (1, 'App\\\\Models\\\\Thing', 1), (2, 'things', 3)",
    ]
    with displaced(kept, TABLE, TABLE, rows=[ROWS, *notes]):
        before = kept.sql("SELECT * FROM things_notes")
        assert repair(kept, CARRY).report["outcome"] == "repaired"
        found = kept.sql(
            "SELECT n.id, t.a FROM things_notes n JOIN things t ON t.id = n.noted_id ORDER BY 1"
        )
        assert found == [(1, "x"), (2, "z")]
        assert kept.sql("SELECT * FROM things_notes") == before


def test_rows_that_are_deleted_softly_stay_deleted(kept):
    with displaced(kept, TABLE, TABLE, rows=ROWS):
        run = repair(kept, CARRY)
        assert (run.rc, run.report["outcome"]) == (0, "repaired"), run.screen
        assert kept.sql("SELECT id FROM things WHERE deleted_at IS NOT NULL") == [(2,)]
        # What users have deleted or brought back since stays so.
        kept.sql("UPDATE things SET deleted_at = '2026-01-01' WHERE id = 3")
        kept.sql("UPDATE things SET deleted_at = NULL WHERE id = 2")
        assert inquire(kept, CARRY).report["outcome"] == "healthy"
        run = repair(kept, CARRY, carry_over_drop_old=["things_old"])
        assert run.rc == 0, run.screen
        assert kept.sql("SELECT id FROM things WHERE deleted_at IS NOT NULL") == [(3,)]


COMPOSITE = (
    "CREATE TABLE things (k varchar(5), n int, a int, PRIMARY KEY (k, n){})",
    "CREATE TABLE things_of (id int primary key, k varchar(5), n int,"
    " CONSTRAINT of_both FOREIGN KEY (k, n) REFERENCES things (k, n) ON DELETE CASCADE)",
)


def test_children_with_a_key_of_two_columns_follow(kept):
    rows = [
        "INSERT INTO things VALUES ('a', 1, 1), ('a', 2, 2), ('b', 1, 3), ('c', 9, 4)",
        "INSERT INTO things_of VALUES (1, 'a', 2), (2, 'b', 1), (3, NULL, 7)",
    ]
    made, child = COMPOSITE
    with displaced(kept, made.format(""), made.format(", KEY (n)"), rows=rows, after=[child]):
        dump = kept.schema_dump()
        run = repair(kept, CARRY)
        assert (run.rc, run.report["outcome"]) == (0, "repaired"), run.screen
        kept.sql("INSERT INTO things VALUES ('d', 1, 5)")
        kept.sql("INSERT INTO things_of VALUES (4, 'd', 1), (5, 'c', 9)")
        kept.sql("DELETE FROM things_of WHERE id = 4")
        kept.sql("DELETE FROM things WHERE k = 'd'")
        kept.sql("DELETE FROM things_of WHERE id = 5")
        assert kept.rows("things_of") == 3
        steps = {step["id"]: step for step in run.report["steps"]}
        for step in ("carry_children", "carry"):
            for statement in steps[step]["undo_queries"]:
                kept.sql(statement)
        assert kept.schema_dump() == dump


def test_tables_with_a_prefix(kept):
    kept.withdraw()
    config = Path(kept.app, "config", "database.php")
    text = config.read_text(encoding="utf-8")
    names = [name for (name,) in kept.sql("SHOW TABLES")]
    body = "Schema::create('things', function (Blueprint $t) { $t->id(); $t->string('a'); });"
    child = (
        "Schema::create('thing_notes', function (Blueprint $t) { $t->id();"
        " $t->foreignId('thing_id')->constrained('things'); });"
    )
    try:
        send(kept, [f"RENAME TABLE `{name}` TO `x_{name}`" for name in names])
        config.write_text(text.replace("'prefix' => ''", "'prefix' => 'x_'"), encoding="utf-8")
        kept.add_migration("2027_01_01_000000_make_things", body + child)
        assert kept.artisan("migrate", "--force").returncode == 0
        send(
            kept,
            [
                "INSERT INTO x_things (a) VALUES ('x'), ('y')",
                "INSERT INTO x_thing_notes (thing_id) VALUES (2)",
            ],
        )
        kept.add_migration(MOVED, f"Schema::rename('things', 'things_old'); {body}")
        assert kept.artisan("migrate", "--force").returncode == 0
        none: dict = {"expected_tables": [], "expected_constraints": []}
        asked = inquire(kept, **none)
        assert asked.report["outcome"] == "rows_aside", asked.screen
        run = repair(kept, CARRY, **none)
        assert (run.rc, run.report["outcome"]) == (0, "repaired"), run.screen
        assert kept.sql("SELECT a FROM x_things ORDER BY id") == [("x",), ("y",)]
        assert inquire(kept, **none).report["outcome"] == "healthy"
    finally:
        kept.present()


def test_a_deleted_mark_that_the_new_table_has_not_is_asked_about(kept):
    new = TABLE.replace(", deleted_at timestamp null", "")
    with displaced(kept, TABLE, new, rows=ROWS):
        told = inquire(kept).report["next"]
        assert "deleted_at" not in told, told
        run = inquire(kept, CARRY)
        assert run.report["diagnosis"]["verdict"] == "carry_undecided", run.screen
        assert "marks 1 rows as deleted" in run.report["happened"], run.report["happened"]
        run = repair(kept, CARRY, carry_drop=["things_old.deleted_at"])
        assert (run.rc, run.report["outcome"]) == (0, "repaired"), run.screen


MANY = (
    "INSERT INTO things (a) SELECT 'a' FROM (SELECT id FROM progres_harian LIMIT 100) a,"
    " (SELECT id FROM progres_harian LIMIT 1000) b"
)


@pytest.fixture
def slow(monkeypatch):
    """The server counts ten thousand times as slowly: ten seconds are a millisecond."""
    limited = tables.limited
    monkeypatch.setattr(
        tables, "limited", lambda query, seconds, flavour: limited(query, seconds / 1e4, flavour)
    )


# (the new table, what is in it, what is said of it)
UNCOUNTED = {
    "narrower": (TABLE.replace("varchar(9)", "varchar(8)"), [], "varchar(8)"),
    "begun": (TABLE, ["INSERT INTO things SELECT * FROM things_old LIMIT 5000"], "deleted there"),
}


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("kind", UNCOUNTED)
def test_what_cannot_be_counted_in_time_is_given_more(kept, kind):
    new, then, told = UNCOUNTED[kind]
    with displaced(kept, TABLE, new, rows=[ROWS, MANY], then=then):
        dump = kept.schema_dump()
        run = repair(kept, CARRY)
        assert run.report["diagnosis"]["verdict"] == "carry_in_the_way", run.screen
        assert "Not counted in time, whether: " in run.report["happened"]
        assert told in run.report["happened"]
        assert run.report["next"].startswith("Give the counting more time:\n"), run.report["next"]
        assert '"count_seconds": 600}' in run.report["next"]
        assert kept.schema_dump() == dump
        said = {"carry_missing": ["things"]} if then else {}
        run = repair(kept, CARRY, count_seconds=80000, **said)
        assert (run.rc, run.report["outcome"]) == (0, "repaired"), run.screen
        assert kept.rows("things") == kept.rows("things_old") == 100_003


@pytest.mark.usefixtures("slow")
def test_rows_that_are_over_are_not_said_to_be_aside(kept):
    """Too many to be counted in time, and each was compared when it was carried over."""
    with displaced(kept, TABLE, TABLE, rows=[ROWS, MANY]):
        run = repair(kept, CARRY)
        assert (run.rc, run.report["outcome"]) == (0, "repaired"), run.screen
        run = inquire(kept)
        assert run.report["outcome"] == "rows_aside", run.screen
        assert "It could not be counted in time whether all rows" in run.report["happened"]
        assert run.report["next"].startswith("Give the counting more time"), run.report["next"]
        assert '"count_seconds": 600' in run.report["next"]
        for playbook in ("fix_fk.yml", CARRY):
            run = inquire(kept, playbook, count_seconds=80000)
            assert (run.rc, run.report["outcome"]) == (0, "healthy"), run.screen


# (table, rows, those that are in both before)
BOTH = {
    "numbers": (
        "CREATE TABLE things (id bigint primary key, a int)",
        "INSERT INTO things VALUES (-5, 1), (1, 2), (9007199254740993, 3), (9007199254740992, 4)",
        "id IN (-5, 9007199254740993)",
    ),
    "texts": (
        "CREATE TABLE things (k varchar(9), n decimal(5,2), a int, PRIMARY KEY (k, n))",
        "INSERT INTO things VALUES ('é', 1.5, 1), ('é', 2, 2), ('it''s %', 0, 3), ('\\\\', 0, 4)",
        "a IN (2, 3)",
    ),
}


@pytest.mark.parametrize("kind", BOTH)
def test_what_was_there_before_is_not_taken_back(kept, kind):
    """Rows that were equal in both tables are none that were carried over."""
    made, rows, both = BOTH[kind]
    then = [f"INSERT INTO things SELECT * FROM things_old WHERE {both}"]
    with displaced(kept, made, made, rows=rows, then=then):
        dump = kept.schema_dump()
        run = repair(kept, CARRY, carry_missing=["things"])
        assert (run.rc, kept.rows("things")) == (0, 4), run.screen
        (step,) = [step for step in run.report["steps"] if step["id"] == "carry"]
        for statement in step["undo_queries"]:
            kept.sql(statement)
        assert kept.schema_dump() == dump


def test_too_many_to_be_named_are_not_taken_back_either(kept):
    then = ["INSERT INTO things SELECT * FROM things_old WHERE id <> 7"]
    with displaced(
        kept, TABLE, TABLE, rows=[ROWS, MANY, "DELETE FROM things WHERE id > 1500"], then=then
    ):
        run = repair(kept, CARRY, carry_missing=["things"])
        assert run.rc == 0, run.screen
        (step,) = [step for step in run.report["steps"] if step["id"] == "carry"]
        (told,) = step["undo_queries"]
        assert told.startswith("-- 1499 rows were in things and in things_old before"), told
        assert "put the backup back" in told


def test_rows_that_a_migration_taken_out_again_has_left_are_carried_over(kept):
    """Nobody that is there tells that the old table is one: the window has to ask for it again."""
    with displaced(kept, TABLE, TABLE, rows=ROWS):
        Path(kept.app, "database", "migrations", f"{MOVED}.php").unlink()
        assert inquire(kept).report["outcome"] == "rows_aside"
        run = repair(kept, CARRY)
        assert (run.rc, run.report["outcome"]) == (0, "repaired"), run.screen
        assert kept.rows("things") == 3
