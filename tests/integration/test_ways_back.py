# SPDX-License-Identifier: GPL-3.0-or-later
"""What a way back does not bring, and what is said of it before it is taken.

Each incident is brought about on a real server; what the last line says is carried out.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml
from half_run import ANEW, OURS, ROWS, TABLE, fails, orders, recorded
from inquiry import inquire, repair

OF_TAGS = "Schema::table('tags', function (Blueprint $table) {{ {} }});"
NOTE = "$table->string('note')->nullable();"
STOPS = "DB::statement('ALTER TABLE tags ADD INDEX x (nothing)');"


@pytest.fixture
def tags(app):
    """The application with a table of two rows, which a recorded migration has made."""
    recorded(app, TABLE.format("tags", "$table->string('a')->nullable();"))
    app.sql("INSERT INTO tags (a) VALUES ('one'), ('two')")
    return app


def back(app, **given):
    return repair(app, rollback_only=True, **given)


def given_up(run):
    """Return the variables that a refusal says to give, as a shell takes them."""
    assert run.rc == 2, run.screen
    (typed,) = re.findall(
        r"rollback\.yml -i production -e (\S+ \S+'|\"[^\"]*\")", run.report["next"]
    )
    return yaml.safe_load(shlex.split(typed)[0])


DESTROYED = {
    "column": (
        OF_TAGS.format("$table->dropColumn('a');"),
        OF_TAGS.format("$table->string('a')->nullable();"),
        ["tags.a"],
    ),
    "rows": ("DB::table('tags')->where('id', 1)->delete();", "", ["tags"]),
}


@pytest.mark.parametrize("up, down, names", DESTROYED.values(), ids=DESTROYED)
def test_what_the_migration_destroyed_is_not_called_rolled_back(tags, up, down, names):
    """Its own down() makes the column anew, and has not its values."""
    added = OF_TAGS.format(NOTE)
    fails(tags, up, added, STOPS, down=OF_TAGS.format("$table->dropColumn('note');") + down)
    said = inquire(tags).report
    assert "nothing is lost" not in said["next"], said["next"]
    run = back(tags)
    assert "only a backup has what it took away" in run.report["summary"]
    assert given_up(run) == {"rollback_accept_loss": names}
    assert back(tags, **given_up(run)).report["outcome"] == "rolled_back"


def test_what_the_application_wrote_is_given_up_by_name(tags):
    fails(tags, OF_TAGS.format(NOTE), STOPS)
    tags.sql("UPDATE tags SET note = 'new' WHERE id = 1")
    before = tags.schema_dump()
    run = back(tags)
    assert tags.schema_dump() == before
    assert "note of tags, which has values in 1 row" in run.report["next"]
    assert given_up(run) == {"rollback_accept_loss": ["tags.note"]}
    assert back(tags, **given_up(run)).report["outcome"] == "rolled_back"


def test_the_only_copy_of_what_was_destroyed_is_not_offered(tags):
    """The values are in the new table now; down() drops it and makes an empty column."""
    moves = (
        TABLE.format("notes", "$table->string('a')->nullable();"),
        "DB::statement('INSERT INTO notes (id, a) SELECT id, a FROM tags');",
        DESTROYED["column"][0],
    )
    fails(tags, *moves, STOPS, down=DESTROYED["column"][1] + "Schema::drop('notes');")
    run = back(tags)
    assert run.rc == 2 and "rollback_accept_loss" not in run.report["next"], run.screen
    assert tags.rows("notes") == 2


def test_a_column_that_it_added_and_changed_goes(tags):
    changes = "DB::statement('ALTER TABLE tags MODIFY note VARCHAR(20) NULL');"
    before = tags.schema_dump()
    fails(tags, OF_TAGS.format(NOTE), changes, STOPS)
    assert back(tags).report["outcome"] == "rolled_back"
    assert tags.schema_dump() == before


def test_a_column_exchanged_for_another_of_its_name_is_not_as_before(tags):
    exchange = (
        OF_TAGS.format("$table->uuid('uuid')->nullable();"),
        "DB::statement('UPDATE tags SET uuid = UUID()');",
        OF_TAGS.format("$table->dropColumn('id');"),
        "DB::statement('ALTER TABLE tags CHANGE uuid id CHAR(36) NOT NULL PRIMARY KEY');",
    )
    fails(tags, *exchange, STOPS)
    found = inquire(tags).report["diagnosis"]
    assert "stopped after statement 4 of 5" in found["found"], found["found"]
    run = back(tags)
    assert run.report["outcome"] == "refused", run.screen


def test_the_names_of_an_original_and_its_copy_are_given_back(tags):
    recorded(
        tags,
        TABLE.format("kids", "$table->foreignId('tag_id')->constrained();"),
        "2025_12_26_000000_kids",
    )
    copies = (
        TABLE.format("fresh", "$table->string('a')->nullable();" + NOTE),
        "DB::statement('INSERT INTO fresh (id, a) SELECT id, a FROM tags');",
        "Schema::rename('tags', 'tags_old'); Schema::rename('fresh', 'tags');",
    )
    fails(tags, *copies, "Schema::drop('tags_old');")
    said = inquire(tags).report["next"]
    (statement,) = re.findall(r"RENAME TABLE [^;]*", said)
    assert "the rows that tags has by now are in fresh then" in said
    tags.sql(statement)
    assert (tags.rows("tags"), tags.rows("fresh")) == (2, 2)
    assert OURS not in tags.recorded()


@pytest.mark.parametrize("unique", [True, False])
def test_rows_over_which_the_way_back_would_fail_are_counted(tags, unique):
    """The application has written since what the index, or the constraint, does not let in."""
    recorded(
        tags,
        TABLE.format(
            "kids",
            "$table->foreignId('tag_id')->constrained(); $table->string('n')->unique();",
        ),
        "2025_12_26_000000_kids",
    )
    tags.sql("INSERT INTO kids (tag_id, n) VALUES (1, 'x')")
    drops = "$table->dropUnique(['n']);" if unique else "$table->dropForeign(['tag_id']);"
    fails(tags, f"Schema::table('kids', function (Blueprint $table) {{ {drops} }});", STOPS)
    tags.sql(
        "INSERT INTO kids (tag_id, n) VALUES (%s, %s)", 1 if unique else 9, "x" if unique else "y"
    )
    before = tags.schema_dump()
    assert "rollback.yml" not in inquire(tags).report["next"]
    run = back(tags)
    assert run.report["outcome"] == "refused" and tags.schema_dump() == before, run.screen
    (query,) = set(re.findall(r"list them: (SELECT .*?)\)[;.]", run.report["summary"]))
    assert len(tags.sql(query)) == 1
    tags.sql("DELETE FROM kids WHERE id = 2")
    assert back(tags).report["outcome"] == "rolled_back"


def test_what_comes_after_the_way_back_is_not_another_failure(tags):
    """Somebody made by hand, and otherwise, what the migration has not come to."""
    fails(tags, OF_TAGS.format(NOTE), STOPS, OF_TAGS.format("$table->integer('n')->nullable();"))
    tags.sql("ALTER TABLE tags ADD n BIGINT NULL")
    said = inquire(tags).report["next"]
    assert "rollback.yml" in said and "migrate --force" not in said, said


@pytest.mark.parametrize(
    "rest, log",
    [
        (OF_TAGS.format("$table->string('n')->nullable();"), "null"),
        (OF_TAGS.format("$table->foreign('note')->references('id')->on('users');"), "single"),
    ],
)
def test_a_half_run_migration_recorded_by_hand_is_not_healthy(tags, rest, log):
    assert inquire(tags).report["outcome"] == "healthy"
    fails(tags, OF_TAGS.format(NOTE), *([STOPS] if log == "null" else []), rest, log=log)
    tags.sql("INSERT INTO migrations (migration, batch) VALUES (%s, 9)", OURS)
    run = inquire(tags)
    assert run.report["diagnosis"]["verdict"] == "recorded_half_run", run.screen
    tags.sql(re.findall(r"DELETE FROM [^;]*", run.report["next"])[0])
    assert back(tags).report["outcome"] == "rolled_back"


def test_a_table_that_it_has_made_is_not_renamed_out_of_its_way(app):
    """The record is lost of a migration that drops its table before it makes it."""
    made = "2025_12_27_000000_labels"
    recorded(app, "Schema::dropIfExists('labels');" + TABLE.format("labels", ""), made)
    app.sql("INSERT INTO labels VALUES (1)")
    app.sql("DELETE FROM migrations WHERE migration = %s", made)
    run = inquire(app)
    assert run.report["diagnosis"]["verdict"] == "has_run_and_is_not_recorded", run.screen
    app.sql(re.findall(r"INSERT INTO [^;]*", run.report["next"])[0])
    assert inquire(app).report["outcome"] == "healthy" and app.rows("labels") == 1


@pytest.mark.parametrize(
    "way, made",
    [
        ("unprepared", "CREATE TRIGGER tr BEFORE INSERT ON tags FOR EACH ROW SET NEW.a = 1"),
        ("statement", "ALTER TABLE tags ADD CONSTRAINT one CHECK (id > 0)"),
    ],
)
def test_what_no_look_shows_is_not_made_twice(tags, way, made):
    fails(tags, f"DB::{way}('{made}');", STOPS)
    said = inquire(tags).report["next"]
    assert "migrate --force" not in said, said


def test_a_check_that_it_dropped_is_not_called_rolled_back(app):
    recorded(
        app,
        "DB::statement('CREATE TABLE tags (id INT PRIMARY KEY, CONSTRAINT one CHECK (id > 0))');",
    )
    drops = "DB::statement('ALTER TABLE tags DROP CONSTRAINT one');"
    fails(app, drops, OF_TAGS.format(NOTE), STOPS)
    run = back(app)
    assert run.report["outcome"] == "refused", run.screen
    assert "the check one of tags was dropped" in run.report["summary"]


def test_rows_that_it_wrote_are_not_called_nothing(tags):
    fails(
        tags, "DB::table('tags')->insert(['id' => 7]);", "DB::table('tags')->insert(['id' => 1]);"
    )
    run = back(tags)
    assert run.report["diagnosis"]["verdict"] == "nothing_to_roll_back"
    assert "Rows of tags that the migration has written stay" in run.screen


def test_another_one_that_has_begun_is_named(tags):
    later = "2026_01_21_000000_later"
    before = tags.schema_dump()
    fails(tags, OF_TAGS.format(NOTE), STOPS, name=later)
    fails(tags, OF_TAGS.format("$table->string('n')->nullable();"), STOPS)
    run = back(tags)
    assert (
        run.report["outcome"] == "rolled_back"
        and f"{later} has begun as well" in run.report["next"]
    )
    assert f"rollback.yml -i production -e incident_migration={later}" in run.report["next"]
    run = back(tags, incident_migration=later)
    assert run.report["outcome"] == "rolled_back" and "begun" not in run.report["next"]
    assert tags.schema_dump() == before


def test_names_that_no_recorded_migration_exchanged_are_given_back(app):
    """The migration that failed was taken out of the release again."""
    orders(app)
    before = app.schema_dump()
    fails(app, *ANEW)
    Path(app.app, "database", "migrations", f"{OURS}.php").unlink()
    run = inquire(app)
    assert run.report["outcome"] == "rows_aside", run.screen
    app.sql(re.findall(r"RENAME TABLE [^;]*", run.report["next"])[0])
    assert app.rows("orders") == ROWS
    assert inquire(app).report["outcome"] == "healthy"
    app.sql("DROP TABLE orders_failed")
    assert app.schema_dump() == before


def test_a_rename_that_has_not_come_yet_is_not_taken_back(app):
    """Killed before the exchange of two tables, one of which it has made itself."""
    orders(app)
    made = TABLE.format("tags", "$table->string('a')->nullable();")
    renames = ["('orders', 'tmp')", "('tags', 'orders')", "('tmp', 'tags')"]
    exchange = [f"Schema::rename{names};" for names in renames]
    fails(app, made, "exit(9);", *exchange)
    app.add_migration(OURS, " ".join([made, *exchange]))
    rows = app.sql("SELECT * FROM orders ORDER BY id")
    run = repair(app, carry_drop=[])
    assert run.rc == 0 and OURS in app.recorded(), run.screen
    assert app.sql("SELECT * FROM tags ORDER BY id") == rows
