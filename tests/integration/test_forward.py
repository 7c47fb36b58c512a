# SPDX-License-Identifier: GPL-3.0-or-later
"""The rest of a half-run migration is sent, and it is recorded; no row goes missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from half_run import EARLIER, OURS, fails, orders, recorded
from inquiry import inquire, repair
from playbook import play
from test_rollback import CHANGES, changes, everything, made
from window import Watched

NEXT = "2026_01_21_000000_next"
BREAKS = 'DB::statement("alter table `nowhere` add `x` int");'
COLUMN = changes('$table->string("note")->nullable();')
INDEX = changes('$table->index("user_id", "by_user");')


def stops(app, done, rest, log="single"):
    """Deploy a migration that stops between these lines, and the correct one afterwards."""
    fails(app, *done, BREAKS, *rest, log=log)
    app.add_migration(OURS, " ".join([*done, *rest]))


def state(app):
    return app.schema_dump(), app.files()


def refused(app, verdict="cannot_go_forward", **given):
    """Going on is refused and changes nothing; return the report."""
    before = state(app)
    run = repair(app, forward=True, **given)
    assert state(app) == before
    assert run.rc == 2 and run.report["diagnosis"]["verdict"] == verdict, run.screen
    assert "Traceback" not in run.screen and run.report["outcome"] == "refused"
    return run.report


@pytest.mark.parametrize("log", ["single", "null"])
def test_the_rest_is_sent_and_recorded(app, log):
    orders(app)
    stops(app, [made("tags"), COLUMN], [INDEX, made("labels")], log)
    app.sql("INSERT INTO tags () VALUES (), ()")
    app.sql("UPDATE orders SET note = 'x' WHERE id < 4")
    before = everything(app)
    run = repair(app, forward=True)
    assert run.rc == 0 and run.report["outcome"] == "repaired", run.screen
    after = everything(app)
    assert after["orders"][1] == before["orders"][1] and after["tags"] == before["tags"]
    assert "KEY `by_user` (`user_id`)" in str(after["orders"][0]) and after["labels"]
    assert OURS in app.recorded()


def test_a_whole_run_goes_on_to_the_other_pending_ones(app):
    """The playbook, rehearsed; a second run changes nothing."""
    orders(app)
    stops(app, [made("tags")], [made("labels")])
    app.add_migration(NEXT, made("later"))
    app.sql("INSERT INTO tags () VALUES (), ()")
    with Watched(app) as window:
        run = play(app, forward=True, rehearsal_level="structure")
    window.agrees_with(run.report)
    assert run.rc == 0 and run.report["outcome"] == "repaired", run.screen
    assert [step["id"] for step in run.report["steps"]] == [
        *("rehearse", "backup", "maintenance", "forward", "forward_record", "remigrate"),
        *("verify", "leave_maintenance"),
    ]
    assert run.report["steps"][3]["undo_queries"] == ["DROP TABLE `labels`"]
    assert app.rows("tags") == 2 and app.rows("labels") == app.rows("later") == 0
    batches = dict(app.sql("SELECT migration, batch FROM migrations"))
    assert batches[NEXT] == batches[OURS] + 1 == 4
    # The record is written in words of its own.
    assert all(query.startswith("INSERT INTO `migrations`") for query in run.unplanned())
    before = everything(app)
    again = play(app, forward=True)
    assert again.rc == 0 and again.report["outcome"] == "healthy", again.screen
    assert "nothing is sent" in again.report["happened"]
    assert again.stats("changed") == 0 and everything(app) == before


@pytest.mark.parametrize("log", ["single", "null"])
def test_one_that_has_done_everything_is_recorded(app, log):
    orders(app)
    app.set_dotenv(LOG_CHANNEL=log)
    recorded(app, COLUMN + made("tags"), OURS)
    app.sql("INSERT INTO tags () VALUES (), ()")
    app.sql("DELETE FROM migrations WHERE migration = %s", OURS)
    before = everything(app)
    run = repair(app, forward=True)
    assert run.rc == 0 and run.report["outcome"] == "repaired", run.screen
    assert "forward=true" not in [step["id"] for step in run.report["steps"]]
    assert everything(app) == before and OURS in app.recorded()


def test_the_connection_is_set_as_the_migrations_was(app):
    """What it said on its connection before it stopped holds for the rest as well."""
    orders(app)
    checks = "Schema::disableForeignKeyConstraints();"
    key = changes('$table->foreign("n", "fk_n")->references("id")->on("users");')
    done = [checks, changes('$table->unsignedBigInteger("n")->default(99999);')]
    zero = "DB::statement(\"create table `t` (`d` date not null default '0000-00-00')\");"
    config = Path(app.app, "config", "database.php")
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("'strict' => true", "'strict' => false"), encoding="utf-8")
    try:
        stops(app, done, [key, zero])
        run = repair(app, forward=True)
    finally:
        config.write_text(text, encoding="utf-8")
    assert run.rc == 0 and run.report["outcome"] == "repaired", run.screen
    assert app.holders("fk_n") == ["orders"] and app.rows("t") == 0


def test_a_column_without_values_and_a_table_without_rows_go(app):
    orders(app)
    recorded(app, made("empty") + changes('$table->string("spare")->nullable();'), EARLIER + "_2")
    drops = [changes('$table->dropColumn("spare");'), "Schema::drop('empty');"]
    stops(app, [made("tags")], drops)
    app.sql("INSERT INTO tags () VALUES (), ()")
    run = repair(app, forward=True)
    assert run.rc == 0 and run.report["outcome"] == "repaired", run.screen
    assert app.rows("empty") is None and app.rows("tags") == 2
    sent = next(step for step in run.report["steps"] if step["id"] == "forward")
    assert sent["undo_queries"][0].startswith("CREATE TABLE `empty`")


# --- refused -----------------------------------------------------------------------------------

WRITE = 'DB::table("orders")->insert(["user_id" => 2]);'
UNFIT = {
    "a condition": ([COLUMN], ['if (true) { Schema::drop("nothing"); }'], "decides by what it"),
    "its own code": ([COLUMN], ["null->boom();"], "could not be learned to its end"),
    "other code": (
        [COLUMN],
        [INDEX, 'event("done"); Illuminate\\Support\\Facades\\Cache::forget("x");'],
        "it calls event(), Cache::forget(), and",
    ),
    "rows in the rest": ([COLUMN], [WRITE, INDEX], "cannot be sent twice: INSERT"),
    "rows after": ([COLUMN], [INDEX, WRITE], "rows of orders are written by statement 3 of 3"),
    "rows in doubt": ([COLUMN, WRITE], [INDEX], "does not tell whether statement 2 of 3"),
    "a truncate": ([COLUMN], [INDEX, 'DB::table("users")->truncate();'], "rows of users are wri"),
    "a table with rows": (
        [COLUMN],
        [INDEX, 'Schema::rename("orders", "o"); Schema::drop("o");'],
        "drops table o, which has rows, by statement 4 of 4",
    ),
    "a column with values": (
        [made("tags")],
        [changes('$table->dropColumn("spare");')],
        "drops column spare of orders, which has values in 300 rows",
    ),
    "a taken name": (
        [COLUMN],
        [
            changes(
                '$table->foreign("user_id", "fk_skp_tahunan_user")->references("id")->on("users");'
            )
        ],
        "statement 2 of 2 would fail: the constraint name fk_skp_tahunan_user is held by",
    ),
    "rows in the way": (
        [COLUMN],
        [changes('$table->unique("spare", "one");')],
        "there more than once",
    ),
    "several at once": (
        [COLUMN],
        ['DB::unprepared("create table a (id int); create table b (id int)");'],
        "several statements are sent at once",
    ),
    "what cannot be read": ([COLUMN], [INDEX, 'DB::unprepared("flush tables");'], "not be read"),
    "another schema": (
        [COLUMN],
        [INDEX, 'DB::statement("create table if not exists mysql.x (id int)");'],
        "names a table together with its schema",
    ),
    "a temporary table": (
        ['DB::statement("create temporary table `t` (`id` int)");', COLUMN],
        [INDEX],
        "gone with its connection",
    ),
}


@pytest.mark.parametrize("case", UNFIT)
def test_what_cannot_be_sent_is_refused(app, case):
    orders(app)
    recorded(app, changes('$table->string("spare")->nullable();'), EARLIER + "_2")
    app.sql("UPDATE orders SET spare = 'x'")
    done, rest, told = UNFIT[case]
    stops(app, done, rest)
    report = refused(app)
    assert told in report["diagnosis"]["found"], report["diagnosis"]["found"]
    assert "ansible-playbook fix_fk.yml -i" in report["next"], report["next"]
    assert "forward=true" not in inquire(app).report["next"]
    # What is said next is no dead end.
    named = re.search(r"-e incident_migration=(\S+)", report["next"])
    given = {"incident_migration": named[1]} if named else {}
    assert inquire(app, **given).report["diagnosis"]["verdict"] != "cannot_go_forward"


def test_values_are_not_cut_off(app):
    """Where the connection is not strict, the server shortens what does not fit."""
    orders(app)
    recorded(app, changes('$table->string("spare")->nullable();'), EARLIER + "_2")
    app.sql("UPDATE orders SET spare = 'quite long'")
    config = Path(app.app, "config", "database.php")
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("'strict' => true", "'strict' => false"), encoding="utf-8")
    try:
        shorter = 'DB::statement("alter table `orders` modify `spare` varchar(3)");'
        stops(app, [COLUMN], [INDEX, shorter])
        assert "cut off without a word" in refused(app)["diagnosis"]["found"]
    finally:
        config.write_text(text, encoding="utf-8")


def test_what_has_not_begun_is_not_sent(app):
    orders(app)
    stops(app, [], [COLUMN])
    assert "Nothing of it has been carried out" in refused(app, "nothing_to_forward")["happened"]
    assert repair(app, incident_migration=OURS).rc == 0
    again = repair(app, forward=True)
    assert again.rc == 0 and again.report["outcome"] == "healthy", again.screen


def test_without_a_failed_one_there_is_nothing_to_send(app):
    orders(app)
    app.add_migration(OURS, COLUMN)
    before = state(app)
    run = repair(app, forward=True)
    assert run.rc == 0 and run.report["outcome"] == "healthy" and state(app) == before, run.screen
    assert "nothing is sent" in run.report["happened"]


def test_where_the_schema_does_not_tell_it_is_refused(app):
    orders(app)
    stops(app, [COLUMN], [changes('$table->string("title")->nullable();')])
    app.sql("ALTER TABLE orders DROP COLUMN note, ADD title varchar(255)")
    assert "does not tell how far" in refused(app)["diagnosis"]["found"]


def test_a_table_that_no_migration_makes_wants_the_name(app):
    """Its column may have been there before."""
    orders(app)
    stops(app, [COLUMN], [INDEX], "null")
    Path(app.app, "database", "migrations", f"{EARLIER}.php").unlink()
    before = everything(app)
    run = repair(app, forward=True)
    assert everything(app) == before, run.screen
    run = repair(app, forward=True, incident_migration=OURS)
    assert run.rc == 0 and run.report["outcome"] == "repaired", run.screen


@pytest.mark.parametrize(
    "up, told",
    [
        ("Schema::drop('users');", "behind it"),
        (
            changes('$table->string("user_id");'),
            "behind it, migration 2026_01_21_000000_next would fail",
        ),
        (changes('$table->unique("user_id", "one");'), "there more than once"),
    ],
)
def test_the_other_pending_ones_have_to_get_through(app, up, told):
    orders(app)
    app.sql("UPDATE orders SET user_id = 1 WHERE id < 10")
    stops(app, [COLUMN], [INDEX])
    app.add_migration(NEXT, up)
    assert told in refused(app)["diagnosis"]["found"]


def test_two_that_have_begun_are_not_told_apart(app):
    orders(app)
    stops(app, [COLUMN], [INDEX])
    app.add_migration(NEXT, made("tags") + made("labels"))
    app.sql("CREATE TABLE tags (id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY)")
    assert f"{NEXT} has begun as well" in refused(app)["diagnosis"]["found"]


def test_going_on_and_going_back_contradict_each_other(app):
    orders(app)
    stops(app, [COLUMN], [INDEX])
    before = state(app)
    told = inquire(app, forward=True, rollback_only=True).report
    assert told["diagnosis"]["verdict"] == "bad_input" and "contradict" in told["happened"]
    run = play(app, "playbooks/rollback.yml", forward=True)
    assert run.rc == 2 and "contradict" in run.report["happened"], run.screen
    run = play(app, option=2, forward=True)
    assert run.rc != 0 and "belongs to option 1" in run.screen
    assert state(app) == before


# --- named where it helps ----------------------------------------------------------------------


def typed(report):
    """Return the variables of the command that goes on, as it is named behind Next."""
    found = re.search(r"ansible-playbook fix_fk\.yml -i \S+ -e forward=true", report["next"])
    assert found, report["next"]
    return {"forward": True}


def test_where_no_way_back_is_safe_going_on_is_named(app):
    """What is named is carried out."""
    orders(app)
    stops(app, [made("tags")], [made("labels")])
    app.sql("INSERT INTO tags () VALUES (), ()")
    back = inquire(app, rollback_only=True)
    assert back.report["diagnosis"]["verdict"] == "no_safe_rollback"
    run = repair(app, **typed(back.report))
    assert run.rc == 0 and run.report["outcome"] == "repaired", run.screen
    assert app.rows("tags") == 2 and app.rows("labels") == 0


def test_where_going_on_would_lose_as_well_it_is_not_named(app):
    orders(app)
    stops(app, [made("tags")], ["Schema::drop('orders');"])
    app.sql("INSERT INTO tags () VALUES (), ()")
    back = inquire(app, rollback_only=True)
    assert back.report["diagnosis"]["verdict"] == "no_safe_rollback"
    assert "forward=true" not in back.report["next"]


def test_rows_that_it_has_written_are_not_written_again(app):
    """Run again it would write them twice; going on does not."""
    orders(app)
    stops(app, [COLUMN, WRITE, made("tags")], [INDEX], "null")
    rows = app.rows("orders")
    told = inquire(app).report
    assert told["diagnosis"]["verdict"] == "migration_would_write_again", told["summary"]
    run = repair(app, **typed(told))
    assert run.rc == 0 and app.rows("orders") == rows, run.screen
    assert any("not written again" in note for note in run.report["diagnosis"]["notes"])


HOLDER = made(
    "holder",
    '$table->unsignedBigInteger("user_id");',
    '$table->foreign("user_id", "fk_x")->references("id")->on("users");',
)
KEY = CHANGES.replace("orders", "sales").format(
    '$table->foreign("user_id", "fk_x")->references("id")->on("users");'
)


@pytest.mark.parametrize("way", ["back", "on"])
def test_once_the_name_is_given_up_both_ways_are_shown(app, way):
    orders(app)
    recorded(app, HOLDER, EARLIER + "_2")
    app.sql("INSERT INTO holder (user_id) VALUES (1)")
    done = [changes('$table->dropForeign("fk_orders_user");'), 'Schema::rename("orders", "sales");']
    fails(app, *done, KEY)
    rows = app.sql("SELECT * FROM sales")
    assert "held by table holder" in refused(app)["diagnosis"]["found"]
    app.sql("ALTER TABLE holder DROP FOREIGN KEY fk_x")
    back, on = inquire(app), inquire(app, forward=True)
    assert "Going on loses nothing either: ansible-playbook fix_fk.yml -e forward=true sends " in (
        " ".join(back.report["diagnosis"]["notes"])
    )
    assert "`sales` TO `orders`" in back.screen and "`sales` TO `orders`" not in on.screen
    assert "Going back loses nothing either: ansible-playbook playbooks/rollback.yml" in (
        " ".join(on.report["diagnosis"]["notes"])
    )
    run = repair(app, **({"forward": True} if way == "on" else {}))
    assert run.rc == 0 and run.report["outcome"] == "repaired", run.screen
    assert app.sql("SELECT * FROM sales") == rows and app.holders("fk_x") == ["sales"]
    assert OURS in app.recorded()
