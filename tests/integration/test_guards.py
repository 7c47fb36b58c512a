# SPDX-License-Identifier: GPL-3.0-or-later
"""Migrations that decide by what they find: what they send is learned in a scratch schema.

Each incident is brought about on a real server, without a log, and repaired.
"""

from __future__ import annotations

import pytest
from half_run import ORDERS, OURS, RENAME, ROWS, TABLE, fails, orders, recorded
from inquiry import DIAGNOSE, repair
from playbook import play
from sandbox import ON_MARIADB

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


@pytest.mark.parametrize("server", ["same", "embedded"])
def test_a_guarded_rename_without_a_log_is_rolled_back(app, server):
    orders(app)
    before = app.schema_dump()
    fails(app, *GUARDED, log="null")
    run = mend(app, rollback_only=True, rehearsal_server=server)
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
    number = "1005" if ON_MARIADB else "3780"
    assert "may fail" not in run.screen and number in run.report["happened"], run.screen
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
    instead = TABLE_ORDERS % "integer('instead')->nullable()"
    fails(
        app,
        f"try {{ {gone} }} catch (\\Throwable $e) {{ {instead} }}",
        RENAME,
        ORDERS.replace("{}", ""),
        log="null",
    )
    run = mend(app, rollback_only=True)
    assert run.rc == 0 and run.report["outcome"] == "rolled_back", run.screen
    assert "never_there" not in run.report["diagnosis"]["found"]
    assert app.schema_dump() == before


def test_code_of_its_own_that_fails_after_a_guard_is_taken_back(app):
    """Laravel 8 wants a package for renameColumn; later ones fail at the key."""
    orders(app)
    before = app.schema_dump()
    fails(app, GONE, KEY, log="null")
    run = mend(app, rollback_only=True)
    assert run.rc == 0 and run.report["outcome"] == "rolled_back", run.screen
    assert app.schema_dump() == before


BY_ROWS = {
    "exists": "if (DB::table('orders')->exists()) {{ {} }}",
    "count": "$n = DB::table('orders')->count(); if ($n > 0) {{ {} }}",
    "foreach": "foreach (DB::table('orders')->limit(1)->get() as $one) {{ {} }}",
    "changed": "if (DB::table('orders')->where('id', '<', 9)->update(['id' => DB::raw('id')]))"
    " {{ {} }} Schema::table('orders', function (Blueprint $table) {{ }});",
    "caught": "try {{ Schema::table('orders', function (Blueprint $table) {{"
    " $table->unique('user_id', 'one_each'); }}); }} catch (\\Throwable $e) {{ {} }}",
}


@pytest.mark.parametrize("up", BY_ROWS.values(), ids=BY_ROWS)
def test_what_rows_decide_stays_uncertain(app, up):
    orders(app)
    app.add_migration(OURS, up.format("Schema::drop('orders');"))
    before = app.schema_dump()
    run = mend(app)
    assert run.report["diagnosis"]["verdict"] == "migration_would_lose_rows", run.screen
    assert "orders" in run.report["happened"] and app.schema_dump() == before


def test_without_the_right_to_make_a_schema_it_is_unknown(app):
    orders(app)
    fails(app, *GUARDED, log="null")
    app.sql("CREATE USER sempit@localhost IDENTIFIED BY 'rahasia'")
    app.sql(f"GRANT ALL PRIVILEGES ON {app.database}.* TO sempit@localhost")
    before = app.schema_dump()
    run = mend(app, database_user="sempit", database_password="rahasia")
    assert app.schema_dump() == before
    app.sql("DROP USER sempit@localhost")
    assert run.report["outcome"] == "may_fail", run.screen
    assert f"What {OURS} would send was not learned" in " ".join(run.report["diagnosis"]["notes"])


REACHES = {
    "pdo": "DB::connection()->getPdo()->exec('DROP TABLE orders');",
    "connection": "config(['database.connections.o' => config('database.connections.mysql')]);"
    " DB::connection('o')->statement('DROP TABLE orders');",
    "schema": "DB::statement('DROP TABLE ' . strrev('liwnakbkl_oclupsag') . '.orders');",
    "http": "Http::get('http://127.0.0.1:9/');",
    "caught": "try { DB::statement('USE ' . strrev('liwnakbkl_oclupsag')); }"
    " catch (\\Throwable $e) { Schema::dropIfExists('orders'); }",
}


@pytest.mark.parametrize("does", REACHES.values(), ids=REACHES)
def test_what_would_reach_out_of_the_scratch_schema_is_not_done(app, does):
    orders(app)
    app.add_migration(OURS, f"if (Schema::hasTable('orders')) {{ {does} }}")
    before = app.schema_dump()
    run = mend(app)
    assert app.schema_dump() == before and app.rows("orders") == ROWS
    # The screen is brief about what decides by what it finds; the report has all of it.
    told = f"{run.report['prediction']} {' '.join(run.screen.split())}"
    assert "in a scratch schema" in told and "--pretend" in told, run.screen


def test_a_guard_that_passes_on_the_schema_as_it_is_now_is_no_failure(app):
    """Somebody has added by hand what the migration adds."""
    orders(app)
    app.add_migration(OURS, COLUMN)
    app.sql("ALTER TABLE orders ADD note VARCHAR(255) NULL")
    run = mend(app)
    assert run.rc == 0 and run.report["outcome"] == "healthy", run.screen
    assert app.artisan("migrate", "--force").returncode == 0


def test_a_drop_that_only_the_schema_as_it_is_now_brings_about_is_seen(app):
    orders(app)
    app.sql("CREATE TABLE by_hand (id INT PRIMARY KEY)")
    app.add_migration(
        OURS, "if (Schema::hasTable('by_hand')) { $t = 'ord'.'ers'; Schema::drop($t); }"
    )
    before = app.schema_dump()
    run = mend(app)
    assert run.report["diagnosis"]["verdict"] == "migration_would_lose_rows", run.screen
    assert "table orders" in run.report["happened"] and app.schema_dump() == before


def test_the_playbook_learns_it_and_repairs(app):
    orders(app)
    before = app.schema_dump()
    fails(app, *GUARDED, log="null")
    state = app.schema_dump()
    for given in ({"check": True, "rehearsal_level": "structure"}, {"playbook": DIAGNOSE}):
        run = play(app, **given)
        assert "may fail" in run.screen and app.schema_dump() == state, run.screen
    run = play(app, "playbooks/rollback.yml", rehearsal_level="structure")
    assert run.rc == 0 and run.report["outcome"] == "rolled_back", run.screen
    assert app.schema_dump() == before


def test_an_error_that_no_rule_foresees_is_met_in_the_scratch_schema(app):
    orders(app)
    trigger = "CREATE TRIGGER t BEFORE INSERT ON nowhere FOR EACH ROW SET @a = 1"
    app.add_migration(OURS, f"if (Schema::hasTable('orders')) {{ DB::statement('{trigger}'); }}")
    run = mend(app)
    assert run.report["outcome"] == "will_fail" and "error 1146" in run.report["happened"]
    assert "__fix_fk" not in run.screen
    assert app.artisan("migrate", "--force").returncode != 0


def test_what_was_made_by_hand_may_lead_it_elsewhere_when_it_runs_again(app):
    """On an empty schema it drops nothing; here it would, once it gets there."""
    orders(app)
    app.sql("CREATE TABLE by_hand (id INT PRIMARY KEY)")
    recorded(
        app,
        TABLE.format("child", "$table->unsignedBigInteger('order_id');"),
        "2025_12_26_000000_child",
    )
    app.sql("INSERT INTO child VALUES (1, 99999)")
    child = (
        "Schema::table('child', function (Blueprint $table) { $table->foreign('order_id',"
        " 'fk_child')->references('id')->on('orders'); });"
    )
    fails(
        app,
        COLUMN,
        f"if (Schema::hasTable('child')) {{ {child} }}",
        "if (Schema::hasTable('by_hand')) { $t = 'ord'.'ers'; Schema::drop($t); }",
        log="null",
    )
    app.sql("DELETE FROM child")
    before = app.schema_dump()
    run = mend(app)
    assert run.rc == 2 and app.schema_dump() == before, run.screen
    assert app.rows("orders") == ROWS
