# SPDX-License-Identifier: GPL-3.0-or-later
"""Migrations that decide by what they find: what they send is learned in a scratch schema.

Each incident is brought about on a real server, without a log, and repaired.
"""

from __future__ import annotations

from half_run import ORDERS, OURS, RENAME, ROWS, fails, orders
from inquiry import repair

# In a branch that --pretend does not take: every hasTable() is false in it.
GUARDED = f"if (Schema::hasTable('orders')) {{ {RENAME} }}", ORDERS.replace("{}", "")


def mend(app, playbook="fix_fk.yml", **given):
    """Let the playbook do what it does, with a rehearsal."""
    run = repair(app, playbook, **{"rehearsal_level": "structure", **given})
    assert app.password not in run.everything() and "Traceback" not in run.screen
    assert not [name for (name,) in app.sql("SHOW DATABASES") if "__fix_fk" in name]
    return run


def test_a_guarded_rename_without_a_log_is_repaired(app):
    orders(app)
    fails(app, *GUARDED, log="null")
    run = mend(app)
    assert run.rc == 0 and run.report["outcome"] == "repaired_rows_aside", run.screen
    assert OURS in app.recorded()
    assert app.rows("orders") == 0 and app.rows("orders_old") == ROWS
    assert app.holders("fk_orders_user") == ["orders"]


def test_a_guarded_rename_without_a_log_is_rolled_back(app):
    orders(app)
    before = app.schema_dump()
    fails(app, *GUARDED, log="null")
    run = mend(app, rollback_only=True)
    assert run.rc == 0 and run.report["outcome"] == "rolled_back", run.screen
    assert app.schema_dump() == before


TABLE_ORDERS = "Schema::table('orders', function (Blueprint $table) { $table->%s; });"
COLUMN = (
    "if (! Schema::hasColumn('orders', 'note')) { "
    + TABLE_ORDERS % "string('note')->nullable()"
    + " }"
)
# The column is there before: --pretend shows that it is added, and it is not.
GONE = (
    "if (Schema::hasColumn('orders', 'user_id')) { "
    + TABLE_ORDERS % "dropForeign('fk_orders_user')"
    + TABLE_ORDERS % "renameColumn('user_id', 'owner_id')"
    + " }"
)
KEY = TABLE_ORDERS % "foreign('note', 'fk_orders_note')->references('id')->on('users')"


def test_a_guarded_column_before_what_fails_is_taken_back(app):
    orders(app)
    before = app.schema_dump()
    fails(app, COLUMN, KEY, log="null")
    run = mend(app, rollback_only=True)
    assert run.rc == 0 and run.report["outcome"] == "rolled_back", run.screen
    assert app.schema_dump() == before
    assert app.rows("orders") == ROWS


def test_what_fails_whatever_the_rows_is_said(app):
    orders(app)
    app.add_migration(OURS, COLUMN + KEY)
    run = mend(app)
    assert run.report["outcome"] == "will_fail", run.screen
    assert "may fail" not in run.screen and "1005" in run.report["happened"], run.screen
    assert app.artisan("migrate", "--force").returncode != 0


def test_a_guard_on_a_key_of_an_earlier_migration_is_no_incident(app):
    orders(app)
    app.add_migration(
        OURS,
        'if (! DB::select("SELECT 1 FROM information_schema.table_constraints'
        " WHERE constraint_schema = DATABASE() AND constraint_name = 'fk_orders_user'\")) { "
        + TABLE_ORDERS % "foreign('user_id', 'fk_orders_user')->references('id')->on('users')"
        + " }",
    )
    run = mend(app)
    assert run.rc == 0 and run.report["outcome"] == "healthy", run.screen
    assert app.artisan("migrate", "--force").returncode == 0


def test_what_a_try_catches_is_known(app):
    orders(app)
    before = app.schema_dump()
    gone = TABLE_ORDERS % "dropForeign('never_there')"
    fails(
        app,
        f"try {{ {gone} }} catch (\\Throwable $e) {{ {TABLE_ORDERS % 'integer(chr(99))->nullable()'} }}",
        RENAME,
        ORDERS.replace("{}", ""),
        log="null",
    )
    run = mend(app, rollback_only=True)
    assert run.rc == 0 and run.report["outcome"] == "rolled_back", run.screen
    assert "never_there" not in run.report["diagnosis"]["found"]
    assert app.schema_dump() == before
