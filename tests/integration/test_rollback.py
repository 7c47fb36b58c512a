# SPDX-License-Identifier: GPL-3.0-or-later
"""A failed migration is rolled back, whatever it has done, and not run again."""

from __future__ import annotations

from pathlib import Path

import pytest
from half_run import OURS, fails, orders, recorded
from inquiry import repair
from playbook import play

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
    first = play(app, ROLLBACK)
    assert first.rc == 0 and first.report["outcome"] == "rolled_back", first.screen
    before = everything(app)
    second = play(app, ROLLBACK)
    assert second.rc == 0 and second.report["outcome"] == "rolled_back", second.screen
    assert second.report["diagnosis"]["verdict"] == "nothing_to_roll_back"
    assert everything(app) == before
