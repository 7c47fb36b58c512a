# SPDX-License-Identifier: GPL-3.0-or-later
"""Migrations that work in another schema than the application's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from half_run import ANEW, EARLIER, OURS, ROWS, TABLE, orders
from inquiry import DIAGNOSE, inquire, repair
from playbook import play

LATER = "2026_01_21_000000_later"
SAME = "'unix_socket' => env('DB_SOCKET'), 'host' => env('DB_HOST'), 'port' => env('DB_PORT'),"
# {connection: its entries in the configuration}
CONNECTIONS = {
    "second": f"{SAME} 'database' => 'second'",
    "prefixed": f"{SAME} 'database' => 'second', 'prefix' => 'x_'",
    "alias": f"{SAME} 'database' => env('DB_DATABASE')",
    "absent": f"{SAME} 'database' => 'third'",
    "far": "'host' => 'db.example.org', 'database' => 'second'",
}
SECOND = "Schema::connection('second')->create('{}', function (Blueprint $table) {{ {} }});"
ID = "$table->id();"


@pytest.fixture
def two(app):
    """The application with more connections; the account has all rights on the schema of one."""
    app.sql("CREATE DATABASE second CHARACTER SET utf8mb4")
    app.sql(f"GRANT ALL PRIVILEGES ON second.* TO '{app.user}'@'localhost'")
    config = Path(app.app, "config", "database.php")
    text = config.read_text(encoding="utf-8")
    account = "'username' => env('DB_USERNAME'), 'password' => env('DB_PASSWORD'), 'strict' => true"
    more = "".join(
        f"'{name}' => ['driver' => 'mysql', {given}, {account}],"
        for name, given in CONNECTIONS.items()
    )
    more += "'lite' => ['driver' => 'sqlite', 'database' => '/nowhere/a.sqlite'],"
    begin = "'connections' => ["
    assert begin in text
    config.write_text(text.replace(begin, begin + more, 1), encoding="utf-8")
    yield app
    app.sql("DROP DATABASE IF EXISTS second")


def on(app, connection, name=OURS):
    """Give a migration that is there a connection of its own."""
    path = Path(app.app, "database", "migrations", f"{name}.php")
    begin = "extends Migration\n{\n"
    text = path.read_text(encoding="utf-8")
    assert begin in text
    path.write_text(text.replace(begin, f"{begin}    protected $connection = '{connection}';\n"))


def said(app, playbook, code, outcome):
    """Ask, with nothing changed in either schema."""
    before = app.schema_dump(), app.files()
    run = inquire(app, playbook)
    assert (app.schema_dump(), app.files()) == before
    assert (run.rc, run.report["outcome"]) == (code, outcome), run.screen
    return run


def both(app, code, outcome):
    return [said(app, playbook, code, outcome).report for playbook in ("fix_fk.yml", DIAGNOSE)]


# --- what is foreseen ------------------------------------------------------------------------

MEETS = {
    "a table that is there": (
        ["CREATE TABLE second.logs (id INT)"], TABLE.format("logs", ""), 1050, "second"),
    "a name that is taken there": (
        ["CREATE TABLE second.p (id BIGINT UNSIGNED PRIMARY KEY)",
         "CREATE TABLE second.c (p_id BIGINT UNSIGNED, CONSTRAINT taken FOREIGN KEY (p_id)"
         " REFERENCES second.p (id))"],
        "Schema::create('d', function (Blueprint $table) { $table->unsignedBigInteger('p_id');"
        " $table->foreign('p_id', 'taken')->references('id')->on('p'); });", (1005, 1826),
        "second"),
    "a table that is here alone": (
        [], "Schema::table('users', function (Blueprint $table) { $table->string('x'); });",
        1146, "second"),
    "the prefix of that connection": (
        ["CREATE TABLE second.x_logs (id INT)"], TABLE.format("logs", ""), 1050, "prefixed"),
    "rows there": (
        ["CREATE TABLE second.logs (id INT)", "INSERT INTO second.logs VALUES (1), (1)"],
        "Schema::table('logs', function (Blueprint $table) { $table->unique('id'); });", 1062,
        "second"),
}  # fmt: skip


@pytest.mark.parametrize(("there", "up", "error", "connection"), MEETS.values(), ids=MEETS)
@pytest.mark.parametrize("how", ["own", "named"])
def test_what_it_meets_in_another_schema_is_foreseen(two, there, up, error, connection, how):
    for statement in there:
        two.sql(statement)
    if how == "own":
        two.add_migration(OURS, up)
        on(two, connection)
    else:
        two.add_migration(OURS, up.replace("Schema::", f"Schema::connection('{connection}')->"))
    errors = error if isinstance(error, tuple) else (error,)
    for report in both(two, 10, "will_fail"):
        assert f"That is in the schema second (connection {connection})." in report["happened"]
    (finding,) = (f for f in report["prediction"]["findings"] if f["will_fail"])
    assert set(finding["errors"]) & set(errors), finding
    # That is what comes.
    result = two.artisan("migrate", "--force")
    assert result.returncode != 0 and any(f"{code} " in result.stdout for code in errors)


def test_where_nothing_is_in_its_way_it_is_well(two):
    """The same names are taken in the application's own schema."""
    two.add_migration(OURS, TABLE.format("users", "") + TABLE.format("units", ""))
    on(two, "second")
    two.add_migration(
        LATER,
        SECOND.format("jobs", ID) + TABLE.format("here", "") + "DB::connection('second')"
        "->table('users')->insert(['id' => 7]); DB::table('cache')->where('key', 'no')->delete();",
    )
    for report in both(two, 0, "healthy"):
        assert OURS in report["happened"]
    result = two.artisan("migrate", "--force")
    assert result.returncode == 0, result.stdout
    said(two, "fix_fk.yml", 0, "healthy")
    said(two, DIAGNOSE, 0, "healthy")


@pytest.mark.parametrize("up", ["Schema::drop('logs');", "DB::table('logs')->truncate();"])
def test_rows_that_would_go_there_are_told(two, up):
    two.sql("CREATE TABLE second.logs (id INT)")
    two.sql("INSERT INTO second.logs VALUES (1), (2)")
    two.add_migration(OURS, up)
    on(two, "second")
    for report in both(two, 13, "would_lose"):
        assert "logs, which has 2 rows. That is in the schema second" in report["happened"]


def test_rows_that_a_branch_not_shown_would_lose_there_are_told(two):
    two.sql("CREATE TABLE second.logs (id INT)")
    two.sql("INSERT INTO second.logs VALUES (1)")
    two.add_migration(
        OURS, "if (Schema::hasTable('users')) { Schema::connection('second')->drop('logs'); }"
    )
    assert "That is in the schema second" in both(two, 13, "would_lose")[0]["happened"]


def test_a_connection_that_is_only_asked_for_its_kind_is_not_used(two):
    two.sql("CREATE TABLE second.here (id INT)")
    two.add_migration(
        OURS,
        "if (DB::connection('lite')->getDriverName() !== 'second') {"
        f" {TABLE.format('second', '')} }}",
    )
    for report in both(two, 0, "healthy"):
        assert "lite" not in report["happened"]


def test_a_connection_to_the_same_schema_is_the_application_s_own(two):
    two.sql("CREATE TABLE vacant (id INT)")
    two.add_migration(
        OURS, "Schema::connection('alias')->drop('vacant');" + TABLE.format("vacant", "")
    )
    assert said(two, DIAGNOSE, 0, "healthy").run.laravel["connections"] == {}
    two.add_migration(LATER, TABLE.format("users", ""))
    on(two, "alias", LATER)
    (finding,) = (
        f for f in inquire(two, DIAGNOSE).report["prediction"]["findings"] if f["will_fail"]
    )
    assert finding["errors"][0] == 1050 and "connection" not in finding["sentence"]


UNKNOWN = {
    "another kind": (
        "lite",
        "schema /nowhere/a.sqlite (connection lite) is not known: it is sqlite",
    ),
    "another server": ("far", "it is on another server, db.example.org"),
    "no such schema": ("absent", "schema third (connection absent) is not known"),
}


@pytest.mark.parametrize(("connection", "why"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_cannot_be_read_is_named(two, connection, why):
    two.add_migration(OURS, TABLE.format("logs", ""))
    on(two, connection)
    for report in both(two, 2, "refused"):
        assert report["diagnosis"]["verdict"] == "another_connection"
        assert why in report["happened"] and OURS in report["happened"]
    # What is known of another one is said all the same.
    two.add_migration(LATER, TABLE.format("users", ""))
    report = inquire(two, DIAGNOSE).report
    assert report["prediction"]["outcome"] in ("will_fail", "has_failed")
    assert [f["migration"] for f in report["prediction"]["findings"] if f["will_fail"]] == [LATER]


def test_what_the_account_may_not_see_is_not_taken_for_well(two):
    two.sql(f"REVOKE ALL PRIVILEGES ON second.* FROM '{two.user}'@'localhost'")
    two.sql("CREATE TABLE second.logs (id INT)")
    two.sql(f"GRANT SELECT ON second.logs TO '{two.user}'@'localhost'")
    two.add_migration(OURS, SECOND.format("logs", ID))
    assert "schema second (connection second)" in both(two, 2, "refused")[0]["happened"]


def test_what_reaches_past_the_pretence_there_is_not_taken_for_well(two):
    two.add_migration(
        OURS, "DB::connection('second')->getPdo()->exec('CREATE TABLE logs (id INT)');"
    )
    assert "what is sent there was not learned" in both(two, 2, "refused")[0]["happened"]


# --- what has failed -------------------------------------------------------------------------


@pytest.mark.parametrize("log", ["single", "null"])
def test_where_it_stopped_there_is_told(two, log):
    two.set_dotenv(LOG_CHANNEL=log)
    two.add_migration(EARLIER, SECOND.format("orders", ID))
    assert two.artisan("migrate", "--force").returncode == 0
    two.sql("INSERT INTO second.orders VALUES (1)")
    two.add_migration(
        OURS,
        "Schema::rename('orders', 'orders_old');"
        + TABLE.format("orders", "")
        + "DB::statement('ALTER TABLE nowhere ADD x INT');",
    )
    on(two, "second")
    assert two.artisan("migrate", "--force").returncode != 0
    for playbook, code in (("fix_fk.yml", 2), (DIAGNOSE, 11)):
        report = inquire(two, playbook).report
        assert inquire(two, playbook).rc == code, report
        assert report["diagnosis"]["verdict"] == "another_connection"
        assert report["diagnosis"]["migration"] == OURS
        found = report["diagnosis"]["found"]
        assert "stopped after statement 2 of 3" in found and "(In the schema second" in found
        assert "table orders is called orders_old" in found
        assert "Here: Nothing tells that it has begun." in found
        assert "RENAME TABLE `orders` TO `orders_failed`, `orders_old` TO" in report["next"]
    report = inquire(two, rollback_only=True).report
    assert report["diagnosis"]["verdict"] == "another_connection"


def test_one_that_stopped_between_both_schemas_is_told_of_both(two):
    orders(two)
    two.add_migration(OURS, SECOND.format("logs", ID) + " ".join(ANEW))
    assert two.artisan("migrate", "--force").returncode != 0
    result = inquire(two).report["diagnosis"]
    assert (result["verdict"], result["steps"]) == ("another_connection", [])
    there, here = result["found"].split(" Here: ")
    assert "In the schema second (connection second)" in there
    assert "orders is called orders_old" in here
    assert two.rows("orders_old") == ROWS


def test_a_repair_runs_what_gets_through_elsewhere(two):
    """Through the playbook: what it takes with it to each task is enough for the plan to hold."""
    orders(two)
    two.add_migration(OURS, " ".join(ANEW))
    assert two.artisan("migrate", "--force").returncode != 0
    two.add_migration(LATER, TABLE.format("users", ""))
    on(two, "second", LATER)
    run = play(two)
    assert run.rc == 0, run.screen
    assert two.recorded()[-2:] == [OURS, LATER]
    assert two.sql("SELECT COUNT(*) FROM second.users") == [(0,)]
    told = " ".join(run.report["diagnosis"]["notes"])
    assert f"{LATER} will run in the schema second" in told and "not backed up" in told


def test_a_repair_does_not_run_what_may_fail_elsewhere(two):
    orders(two)
    two.sql("CREATE TABLE second.users (id INT)")
    two.add_migration(OURS, " ".join(ANEW))
    assert two.artisan("migrate", "--force").returncode != 0
    two.add_migration(LATER, TABLE.format("users", ""))
    on(two, "second", LATER)
    run = inquire(two)
    assert run.report["diagnosis"]["verdict"] == "another_connection", run.screen
    assert run.report["diagnosis"]["migration"] == OURS
    assert "1050" in run.report["happened"] and "playbooks/rollback.yml" in run.report["next"]
    done = repair(two, rollback_only=True)
    assert done.rc == 0, done.screen
    assert (two.rows("orders_old"), two.rows("orders")) == (None, ROWS)
