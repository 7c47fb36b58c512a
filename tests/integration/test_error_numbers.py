# SPDX-License-Identifier: GPL-3.0-or-later
"""Failures that nothing foresees: what an operator reads, and that what is advised is true."""

from __future__ import annotations

import contextlib
import threading
import time

import pytest
from half_run import OURS, ROWS, fails, orders
from inquiry import DIAGNOSE, inquire, repair
from sandbox import ON_MARIADB

COLUMN = "Schema::table('orders', function (Blueprint $t) { $t->string('note')->nullable(); });"
TAGS = "Schema::create('tags', function (Blueprint $t) { $t->id(); });"
LAST = "Schema::table('orders', function (Blueprint $t) { $t->string('title')->nullable(); });"


def deadlocked(app):
    """Another session has what this one wants, and the other way round."""
    with contextlib.closing(app.server.connect(database=app.database)) as other:
        cursor = other.cursor()
        cursor.execute("SET SESSION innodb_lock_wait_timeout = 30")
        other.begin()
        # More rows than the migration has changed: it is the one that the server gives up.
        cursor.execute("UPDATE orders SET user_id = user_id WHERE id BETWEEN 1 AND 100")
        cursor.execute("UPDATE skp_tahunan SET tahun = tahun + 0")

        def meets():
            time.sleep(1.5)
            with contextlib.suppress(Exception):
                cursor.execute("UPDATE orders SET user_id = user_id WHERE id = 200")

        thread = threading.Thread(target=meets)
        thread.start()
        fails(
            app,
            TAGS,
            "DB::statement('SET SESSION innodb_lock_wait_timeout = 20');"
            "DB::transaction(function () {"
            " DB::table('orders')->where('id', 200)->update(['user_id' => 1]);"
            " DB::table('orders')->where('id', 1)->update(['user_id' => 1]); });",
            LAST,
        )
        thread.join()
        other.rollback()


def said(app, **given):
    """Return what all playbooks agree on: the verdict, and what is done next."""
    run, looked = inquire(app, **given), inquire(app, DIAGNOSE, **given)
    assert run.report["diagnosis"]["verdict"] == looked.report["diagnosis"]["verdict"]
    return run


def is_rolled_back(app, *columns):
    assert [row[0] for row in app.sql("SHOW COLUMNS FROM orders")] == ["id", "user_id", *columns]
    assert app.rows("orders") == ROWS


def test_a_deadlock_asks_about_the_rows(app):
    orders(app)
    deadlocked(app)
    run = said(app)
    assert run.rc == 2 and run.report["diagnosis"]["verdict"] == "migration_would_write_again"
    assert "failed with error 1213: Deadlock found" in run.screen.replace("\n            ", " ")
    assert '{"remigrate_accept_repeat": ["orders"]}' in run.report["next"]
    run = repair(app, remigrate_accept_repeat=["orders"])
    assert run.rc == 0 and run.report["outcome"] == "repaired", run.screen
    assert OURS in app.recorded()
    is_rolled_back(app, "title")


@contextlib.contextmanager
def ending(app, statement):
    """End every connection that is sending such a statement, for as long as this lasts."""
    over = threading.Event()

    def ends():
        with contextlib.closing(app.server.connect()) as other:
            cursor = other.cursor()
            while not over.is_set():
                cursor.execute(
                    "SELECT ID FROM information_schema.PROCESSLIST WHERE INFO LIKE %s", (statement,)
                )
                for (number,) in cursor.fetchall():
                    with contextlib.suppress(Exception):
                        cursor.execute(f"KILL {number}")
                time.sleep(0.1)

    thread = threading.Thread(target=ends)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_a_lost_connection_is_tried_again(app):
    """A statement waits for another session when its connection ended; Laravel tries again."""
    orders(app)
    with contextlib.closing(app.server.connect(database=app.database)) as other:
        other.begin()
        other.cursor().execute("SELECT 1 FROM units LIMIT 1")
        with ending(app, "alter table `units`%"):
            done = fails(app, COLUMN, LAST.replace("orders", "units"))
    assert any(number in done.stdout for number in (" 2006 ", " 2013 ", " 1317 ")), done.stdout
    run = said(app)
    assert run.report["diagnosis"]["verdict"] == "can_run_again", run.screen
    run = repair(app)
    assert run.rc == 0 and run.report["outcome"] == "repaired", run.screen
    is_rolled_back(app, "note")


def test_a_lost_connection_whose_migration_cannot_be_read_is_not_taken_for_its_fault(app):
    orders(app)
    with ending(app, "do sleep%"):
        fails(app, COLUMN, "DB::unprepared('do sleep(5)');", LAST)
    run = said(app)
    assert run.rc == 2 and run.report["diagnosis"]["verdict"] == "error_of_the_moment", run.screen
    assert "and not about the migration" in run.report["summary"]
    assert "See that the server answers" in run.report["next"]


LONG = "DB::statement('set @a = \"' . str_repeat('x', 2000000) . '\"');"


def test_a_statement_that_is_too_long_is_foreseen(app):
    """The server ends the connection, each time."""
    orders(app)
    app.sql("SET GLOBAL max_allowed_packet = 1048576")
    app.add_migration(OURS, LONG)
    run = inquire(app, DIAGNOSE)
    assert run.rc == 10 and run.report["outcome"] == "will_fail", run.screen
    (finding,) = run.report["prediction"]["findings"]
    assert finding["errors"] == [1153, 2006]
    assert "max_allowed_packet (1048576)" in finding["sentence"]
    told = " ".join(app.artisan("migrate", "--force").stdout.split())
    assert " 1153 " in told or " 2006 " in told
    assert "migrate --force" not in inquire(app).report["next"]


def test_a_right_that_a_variable_takes_is_named(app):
    orders(app)
    app.add_migration(OURS, COLUMN + "DB::statement('SET SESSION sql_log_bin = 0');" + LAST)
    run = inquire(app, DIAGNOSE)
    assert run.rc == 10, run.screen
    told = "error 1227: its account may not set sql_log_bin"
    assert told in " ".join(f["sentence"] for f in run.report["prediction"]["findings"])
    assert " 1227 " in app.artisan("migrate", "--force").stdout
    run = said(app)
    assert run.rc == 2 and run.report["diagnosis"]["verdict"] == "right_was_missing", run.screen
    run = said(app, incident_migration=OURS)
    assert run.rc == 2 and "Nothing that is known stops it" not in run.screen
    assert run.report["next"].startswith("First undo what it has done")
    assert (
        f"playbooks/rollback.yml -i production -e incident_migration={OURS}" in run.report["next"]
    )
    run = repair(app, rollback_only=True)
    assert run.report["outcome"] == "rolled_back", run.screen
    is_rolled_back(app)


@pytest.mark.skipif(ON_MARIADB, reason="MariaDB says 1901")
def test_a_key_on_what_a_stored_column_is_made_of(app):
    orders(app)
    app.sql("ALTER TABLE orders ADD x BIGINT UNSIGNED, ADD g BIGINT UNSIGNED AS (x) STORED")
    fails(app, "Schema::table('orders', function (Blueprint $t) { $t->foreign('x')"
               "->references('id')->on('users')->cascadeOnDelete(); });")  # fmt: skip
    run = said(app)
    assert run.rc == 2 and run.report["diagnosis"]["verdict"] == "columns_do_not_match"
    assert "failed with 1215: Cannot add foreign key constraint" in run.report["summary"]


def test_an_index_that_there_is_under_another_name_is_no_failure(app):
    """MySQL warns of it (1831)."""
    orders(app)
    index = "Schema::table('orders', function (Blueprint $t) { $t->index('user_id', '%s'); });"
    app.add_migration(OURS, index % "one" + index % "two")
    assert inquire(app, DIAGNOSE).report["outcome"] == "healthy"
    assert app.artisan("migrate", "--force").returncode == 0
