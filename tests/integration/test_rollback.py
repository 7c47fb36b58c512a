# SPDX-License-Identifier: GPL-3.0-or-later
"""A failed migration is rolled back, whatever it has done, and not run again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from half_run import ANEW, OURS, fails, orders, recorded
from inquiry import DIAGNOSE, inquire, repair
from playbook import play
from window import Watched

ROLLBACK = "playbooks/rollback.yml"
BREAKS = 'DB::statement("alter table `nowhere` add `x` int");'
CHANGES = 'Schema::table("orders", function (Blueprint $table) {{ {} }});'


def changes(*lines):
    return CHANGES.format(" ".join(lines))


def made(name, *lines):
    return (
        f'Schema::create("{name}", function (Blueprint $table) {{ $table->id(); '
        f"{' '.join(lines)} }});"
    )


DONE = {
    "table": [made("tags")],
    "tables that refer to each other": [
        made("tags"),
        made(
            "order_tag",
            '$table->foreignId("tag_id")->constrained();',
            '$table->foreignId("order_id")->constrained();',
        ),
    ],
    "columns": [
        changes('$table->string("note")->nullable();', '$table->integer("n")->default(3);')
    ],
    "required column": [changes('$table->string("title");')],
    "column with a key": [
        changes(
            '$table->unsignedBigInteger("second_id")->nullable();',
            '$table->foreign("second_id", "fk_second")->references("id")->on("users");',
        )
    ],
    "index": [changes('$table->index("user_id", "by_user");')],
    "unique index": [changes('$table->unique(["id", "user_id"], "by_both");')],
    "dropped key": [changes('$table->dropForeign("fk_orders_user");')],
    "dropped key and its index": [
        changes('$table->dropForeign("fk_orders_user");', '$table->dropIndex("fk_orders_user");')
    ],
    "rename": ['Schema::rename("orders", "sales");'],
    "rename and a column": [
        'Schema::rename("orders", "sales");',
        CHANGES.replace("orders", "sales").format('$table->string("note")->nullable();'),
    ],
    "exchange": [
        'Schema::rename("orders", "tmp");',
        'Schema::rename("users", "orders");',
        'Schema::rename("tmp", "users");',
    ],
    "anew": [
        'Schema::rename("orders", "orders_old");',
        made("orders", '$table->string("note")->nullable();'),
    ],
}


def everything(app):
    """Return {table: (its definition in no order, its rows)}, without the migrations."""
    return {
        name: (
            sorted(
                line.rstrip(",")
                for line in app.sql(f"SHOW CREATE TABLE `{name}`")[0][1].split("\n")
            ),
            sorted(map(repr, app.sql(f"SELECT * FROM `{name}`"))),
        )
        for (name,) in app.sql("SHOW TABLES")
        if name != "migrations"
    }


@pytest.mark.parametrize("log", ["single", "null"])
@pytest.mark.parametrize("done", DONE.values(), ids=DONE.keys())
def test_what_a_migration_did_is_undone(app, done, log):
    orders(app)
    before = everything(app)
    fails(app, *done, BREAKS, log=log)
    assert everything(app) != before
    run = repair(app, rollback_only=True)
    assert run.rc == 0 and run.report["outcome"] == "rolled_back", run.screen
    assert everything(app) == before
    assert OURS not in app.recorded() and not Path(app.app, "storage", "framework", "down").exists()


def test_one_that_has_done_everything_and_is_not_recorded_is_undone(app):
    """The process was killed before it wrote to the migrations table."""
    orders(app)
    before = everything(app)
    recorded(app, made("labels"), OURS)
    app.sql("DELETE FROM migrations WHERE migration = %s", OURS)
    run = repair(app, rollback_only=True)
    assert run.rc == 0 and run.report["outcome"] == "rolled_back", run.screen
    assert everything(app) == before


def test_a_table_that_is_to_get_its_new_name_twice_is_renamed_once(app):
    orders(app)
    before = everything(app)
    again = [("users", "tmp"), ("orders_old", "users"), ("tmp", "orders_old")]
    fails(app, *DONE["anew"], BREAKS, *(f'Schema::rename("{a}", "{b}");' for a, b in again))
    run = repair(app, rollback_only=True)
    assert run.rc == 0 and run.report["outcome"] == "rolled_back", run.screen
    assert everything(app) == before


@pytest.mark.parametrize(
    "done",
    [
        "alter table `orders` alter column `user_id` set default 1",
        "alter table `orders` modify `user_id` bigint unsigned not null comment 'whose'",
    ],
)
@pytest.mark.parametrize("first", ["table", "rename"])
@pytest.mark.parametrize("then", [[], [made("labels")]], ids=["last", "in the middle"])
def test_what_no_look_at_the_schema_shows_is_not_called_undone(app, done, first, then):
    orders(app)
    done = done.replace("orders", "sales") if first == "rename" else done
    fails(app, *DONE[first], f'DB::statement("{done}");', *then, BREAKS)
    before = everything(app)
    run = repair(app, rollback_only=True)
    assert run.rc == 2 and run.report["diagnosis"]["verdict"] == "no_safe_rollback", run.screen
    assert everything(app) == before


@pytest.mark.parametrize(
    "rest",
    [
        "alter table `users` rename column `name` to `title`",
        "alter table `users` modify `name` text null",
        "alter table `users` drop `name`",
    ],
)
def test_columns_that_the_rest_of_it_changes_are_not_missed(app, rest):
    orders(app)
    rest = f'DB::statement("{rest}");'
    fails(app, *DONE["column with a key"], BREAKS, rest, log="null")
    app.add_migration(OURS, " ".join([*DONE["column with a key"], rest]))
    run = repair(app)
    assert run.rc == 0 and run.report["outcome"] == "repaired", run.screen
    assert OURS in app.recorded()


def test_a_second_run_changes_nothing(app):
    orders(app)
    fails(app, *DONE["columns"], BREAKS)
    with Watched(app) as window:
        first = play(app, ROLLBACK)
    window.agrees_with(first.report)
    assert first.rc == 0 and first.report["outcome"] == "rolled_back", first.screen
    before = everything(app)
    second = play(app, ROLLBACK)
    assert second.rc == 0 and second.report["outcome"] == "rolled_back", second.screen
    assert second.report["diagnosis"]["verdict"] == "nothing_to_roll_back"
    assert everything(app) == before


def test_asked_of_the_repair_it_says_how_to_carry_it_out(app):
    orders(app)
    fails(app, *DONE["columns"], BREAKS)
    run = play(app, check=True, rollback_only=True)
    told = " ".join(run.screen.split())
    assert run.rc == 0 and "PLANNED" in told
    assert " -e rollback_only=true" in told.partition("PLANNED")[2], run.screen
    # It is not run again, so nothing is said of that.
    assert "stops it any more" not in told


def test_where_it_stands_cannot_be_told(app):
    """Half of what it did was undone by hand, and something else in its place."""
    orders(app)
    fails(app, made("tags"), *DONE["columns"], 'Schema::rename("orders", "sales");', BREAKS)
    app.sql("DROP TABLE tags")
    app.sql("ALTER TABLE sales DROP COLUMN n")
    before = everything(app)
    run = inquire(app, rollback_only=True)
    assert run.rc == 2 and run.report["diagnosis"]["verdict"] == "no_safe_rollback", run.screen
    told = "table orders is not there; table sales is there"
    assert f"(not as before it: {told})" in run.report["happened"], run.screen
    assert everything(app) == before


@pytest.mark.parametrize("wrong", ["nowhere();", "}} }}"])
def test_what_it_sends_cannot_be_learned(app, wrong):
    """It did something, and its file is now one that PHP cannot take, or that ends at once."""
    orders(app)
    fails(app, made("tags"), BREAKS)
    app.add_migration(OURS, wrong)
    before = everything(app)
    run = inquire(app, rollback_only=True)
    assert run.rc == 2 and run.report["outcome"] == "refused", run.screen
    assert "migrate --force" not in run.report["next"], run.screen
    assert everything(app) == before


COLUMN = [changes('$table->string("note")->nullable();')]
LAST = changes('$table->string("title")->nullable();')


def cut_off(app, *done):
    """The deployment is killed, or its connection lost, after these statements."""
    app.set_dotenv(LOG_CHANNEL="null")
    app.add_migration(OURS, " ".join([*done, "exit(1);", LAST]))
    assert app.artisan("migrate", "--force").returncode == 1
    app.add_migration(OURS, " ".join([*done, LAST]))


def is_done(app):
    columns = [row[0] for row in app.sql("SHOW COLUMNS FROM orders")]
    assert "title" in columns and OURS in app.recorded()


@pytest.mark.parametrize("done", [COLUMN, DONE["table"], DONE["index"]])
def test_what_was_of_the_moment_is_tried_again(app, done):
    orders(app)
    rows = app.sql("SELECT id, user_id FROM orders")
    cut_off(app, *done)
    run = repair(app)
    assert run.rc == 0 and run.report["outcome"] == "repaired", run.screen
    assert run.report["diagnosis"]["verdict"] == "can_run_again"
    is_done(app)
    assert app.sql("SELECT id, user_id FROM orders") == rows


def test_a_retry_met_what_the_first_try_had_left(app):
    """The log holds the error of the second try alone."""
    orders(app)
    cut_off(app, *COLUMN)
    app.set_dotenv(LOG_CHANNEL="single")
    assert "1060" in app.artisan("migrate", "--force").stdout
    run = repair(app)
    assert run.rc == 0 and run.report["diagnosis"]["verdict"] == "can_run_again", run.screen
    is_done(app)


CORRECTED = {
    "after a rename": [
        'Schema::rename("orders", "sales");',
        'Schema::table("sales", fn ($t) => $t->dropForeign(["owner_id"]));',
    ],
    "after a column": [*COLUMN, changes('$table->index("nowhere");')],
}
AT_ONCE = changes('$table->dropColumn("nowhere");')


def later(app):
    """What was deployed was deployed after the log's last entry, whose clock has seconds."""
    path = Path(app.app, "database", "migrations", f"{OURS}.php")
    os.utime(path, (path.stat().st_atime, path.stat().st_mtime + 5))


@pytest.mark.parametrize("done", CORRECTED.values(), ids=CORRECTED)
def test_a_corrected_migration_is_run_again(app, done):
    orders(app)
    rows = app.sql("SELECT id, user_id FROM orders")
    *well, wrong = done
    fails(app, *well, wrong)
    later(app)
    # Deployed once more as it is, nothing is gained.
    run = inquire(app)
    assert run.rc == 2 and run.report["outcome"] == "refused", run.screen
    table = "sales" if "sales" in wrong else "orders"
    app.add_migration(OURS, " ".join([*well, LAST.replace("orders", table)]))
    later(app)
    run = repair(app)
    assert run.rc == 0 and run.report["outcome"] == "repaired", run.screen
    told = run.report["diagnosis"]
    assert told["verdict"] == "can_run_again"
    assert "The statement that failed is not in the migration any more." in told["found"]
    assert OURS in app.recorded() and "title" in str(app.sql(f"SHOW COLUMNS FROM {table}"))
    assert app.sql(f"SELECT id, user_id FROM {table}") == rows


def test_one_that_failed_at_once_and_was_corrected_has_not_begun(app):
    orders(app)
    fails(app, AT_ONCE)
    later(app)
    assert inquire(app).rc == 2
    app.add_migration(OURS, LAST)
    later(app)
    for run in inquire(app), inquire(app, DIAGNOSE):
        assert run.rc == 0 and run.report["outcome"] == "healthy", run.screen
        assert "artisan migrate --force" in run.report["next"]


@pytest.mark.parametrize("log", ["single", "daily", "json"])
def test_the_log_tells_the_error(app, log):
    orders(app)
    fails(app, *COLUMN, changes('$table->dropColumn("nowhere");'), log=log)
    told = inquire(app).report["diagnosis"]["found"]
    assert (
        f"Migration {OURS} failed with 1091: " in told and "stopped after statement 1 of 2" in told
    )


def test_a_statement_that_pretend_does_not_show_was_not_taken_out(app):
    """The file is as old as the log says: what failed may be sent out of sight."""
    orders(app)
    hidden = 'DB::connection()->getPdo()->exec("alter table `orders` drop column `nowhere`");'
    fails(app, *COLUMN, hidden)
    later(app)
    assert inquire(app).report["outcome"] == "refused"


def test_rows_that_would_stop_it_again_are_counted(app):
    orders(app)
    app.sql("UPDATE orders SET user_id = 1 WHERE id < 10")
    before = everything(app)
    fails(app, *ANEW, 'Schema::table("orders_old", fn ($t) => $t->unique("user_id", "one"));')
    run = inquire(app)
    assert run.rc == 2 and run.report["diagnosis"]["verdict"] == "rows_in_the_way", run.screen
    assert "there more than once" in run.report["happened"] and ROLLBACK in run.report["next"]
    query = run.report["next"].split("these rows: ")[1].split(" ; ")[0]
    assert app.sql(query)
    assert repair(app, rollback_only=True).report["outcome"] == "rolled_back"
    assert everything(app) == before


BLAMED = {
    "another_error": ('DB::table("orders")->update(["nowhere" => 1]);', "nowhere"),
    "migration_threw": ("null->boom();", "boom"),
    "columns_do_not_match": (
        changes('$table->integer("n"); $table->foreign("n")->references("id")->on("users");'),
        "SHOW CREATE TABLE",
    ),
}


@pytest.mark.parametrize("verdict", BLAMED)
@pytest.mark.parametrize("done", [COLUMN, DONE["table"], DONE["rename"], DONE["exchange"]])
def test_where_code_is_to_blame_the_rollback_comes_first(app, done, verdict):
    """What is said is done: undone first, corrected then, and it gets through."""
    orders(app)
    before = everything(app)
    wrong, told = BLAMED[verdict]
    fails(app, *done, wrong if done is not DONE["rename"] else wrong.replace("orders", "sales"))
    run = inquire(app)
    assert run.rc == 2 and told in run.report["summary"], run.screen
    assert "First undo what it has done" in run.report["next"], run.screen
    assert f"ansible-playbook {ROLLBACK} -i" in run.report["next"], run.screen
    assert repair(app, rollback_only=True).report["outcome"] == "rolled_back"
    assert everything(app) == before
    app.add_migration(OURS, " ".join(done))
    assert app.artisan("migrate", "--force").returncode == 0


def test_rows_that_it_has_written_are_not_written_twice(app):
    orders(app)
    write = 'DB::table("orders")->insert(["user_id" => 2]);'
    fails(app, *COLUMN, write, "null->boom();")
    run = inquire(app)
    assert "take out of it what it has written before (rows of orders)" in run.report["next"]
    undone = repair(app, rollback_only=True)
    assert any("Rows of orders" in note for note in undone.report["diagnosis"]["notes"])


def test_a_killed_migration_does_not_write_its_rows_twice(app):
    orders(app)
    cut_off(app, *COLUMN, 'DB::table("orders")->insert(["user_id" => 2]);')
    run = inquire(app)
    assert run.report["diagnosis"]["verdict"] == "migration_would_write_again", run.screen


def test_what_comes_after_the_place_where_it_stopped_was_not_written(app):
    orders(app)
    app.set_dotenv(LOG_CHANNEL="null")
    write = 'DB::table("orders")->insert(["user_id" => 2]);'
    app.add_migration(OURS, " ".join([*COLUMN, "exit(1);", LAST, write]))
    assert app.artisan("migrate", "--force").returncode == 1
    app.add_migration(OURS, " ".join([*COLUMN, LAST, write]))
    rows = app.rows("orders")
    run = repair(app)
    assert run.report["diagnosis"]["verdict"] == "can_run_again", run.screen
    assert app.rows("orders") == rows + 1


def test_what_has_been_written_since_goes_only_when_it_is_named(app):
    orders(app)
    before = everything(app)
    fails(app, *DONE["table"], *COLUMN, BREAKS)
    app.sql("INSERT INTO tags () VALUES (), ()")
    app.sql("UPDATE orders SET note = 'x' WHERE id < 4")
    stands = everything(app)
    run = inquire(app, rollback_only=True)
    assert run.rc == 2 and run.report["diagnosis"]["verdict"] == "no_safe_rollback", run.screen
    told = run.report["diagnosis"]["found"]
    assert (
        "column note of orders, which it added and which would be dropped, has values in 3" in told
    )
    given = {"rollback_accept_loss": ["orders.note"]}
    run = inquire(app, rollback_only=True, **given)
    assert (
        "table tags, which it made and which would be dropped, has rows" in run.report["happened"]
    )
    assert everything(app) == stands
    given["rollback_accept_loss"].append("tags")
    run = repair(app, rollback_only=True, **given)
    assert run.rc == 0 and run.report["outcome"] == "rolled_back", run.screen
    assert everything(app) == before


ENDS = {
    "foreseen": (BREAKS, "error 1146"),
    "not foreseen": ("DB::unprepared(\"SIGNAL SQLSTATE '45000'\");", "error 1644"),
    "code": ("$nothing->call();", "ours.php"),
}


@pytest.mark.parametrize("breaks, told", ENDS.values(), ids=ENDS.keys())
def test_after_a_rollback_it_has_not_failed_and_will(app, breaks, told):
    """The log has the error still; all playbooks say the same, until the file is corrected."""
    orders(app)
    fails(app, made("tags"), breaks)
    assert inquire(app, DIAGNOSE).report["outcome"] in ("needs_repair", "refused")
    assert repair(app, rollback_only=True).report["outcome"] == "rolled_back"
    for run in inquire(app, DIAGNOSE), inquire(app):
        assert run.report["outcome"] == "will_fail", run.screen
        assert told in " ".join(
            run.screen.split()
        ) and "nothing of what it does is there" in " ".join(run.screen.split())
        assert "migrate --force" not in run.report["next"]
    assert inquire(app, DIAGNOSE).rc == 10
    app.add_migration(OURS, made("tags"))
    later(app)
    for run in inquire(app, DIAGNOSE), inquire(app):
        assert run.rc == 0 and run.report["outcome"] == "healthy", run.screen
        assert "artisan migrate --force" in run.report["next"]
    assert app.artisan("migrate", "--force").returncode == 0
