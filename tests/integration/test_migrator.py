# SPDX-License-Identifier: GPL-3.0-or-later
"""`artisan migrate` as it is: which files it takes, what ends it, and what it passes over."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from fix_fk.verdicts import own_code
from half_run import ANEW, ORDERS, OURS, ROWS, TABLE, orders
from inquiry import DIAGNOSE, inquire, repair
from sandbox import Sandbox

# As Laravel logs it.
OLD_ERROR = (
    "[2026-01-20 10:11:12] production.ERROR: SQLSTATE[42S01]: Base table or view already exists:"
    " 1050 Table 'new_one' already exists (SQL: create table `new_one` (`id` int))"
    ' {{"exception":"[object] (QueryException(code: 42S01): SQLSTATE[42S01]: Base table or view'
    " already exists at /srv/vendor/Connection.php:712)\n[stacktrace]\n"
    '#0 /srv/app/database/migrations/{name}.php(12): up()\n"}}\n'
)
PACKAGE = "packages/acme/migrations"


@pytest.fixture
def package(app):
    """The application with a package whose provider registers a folder of migrations."""
    provider = Path(app.app, "app/Providers/AppServiceProvider.php")
    text = provider.read_text(encoding="utf-8")
    begin = "public function boot(): void\n    {"
    assert begin in text
    load = f"$this->loadMigrationsFrom(base_path('{PACKAGE}'));"
    provider.write_text(text.replace(begin, f"{begin}\n        {load}"), encoding="utf-8")
    Path(app.app, PACKAGE).mkdir(parents=True, exist_ok=True)
    return app


def move(app, name, folder=PACKAGE):
    """Put a migration of the application into another folder."""
    text = Path(app.app, "database/migrations", f"{name}.php")
    return text.rename(Path(app.app, folder, f"{name}.php"))


# --- packages' folders -----------------------------------------------------------------------


def test_migrations_of_a_package_are_pending_recorded_and_missing_as_artisan_says(package):
    first, second, third = (f"2025_12_2{n}_000000_acme{n}" for n in (1, 2, 3))
    for name in (first, second, third):
        package.add_migration(name, TABLE.format(name[-5:], ""))
        move(package, name)
    for name in (first, second):
        path = f"--path={PACKAGE}/{name}.php"
        assert package.artisan("migrate", "--force", path).returncode == 0
    Path(package.app, PACKAGE, f"{second}.php").unlink()
    known = inquire(package, DIAGNOSE).run.laravel["migrations"]
    assert known["pending"] == [third] and known["missing"] == [second]
    assert {first, second} < {row["name"] for row in known["recorded"]}
    # That is what artisan takes as well.
    assert package.artisan("migrate", "--force").returncode == 0
    assert third in package.recorded()


def test_an_incident_in_a_package_s_migration_is_repaired(package):
    orders(package)
    move(package, "2025_12_25_000000_earlier")
    package.add_migration(OURS, " ".join(ANEW))
    move(package, OURS)
    assert package.artisan("migrate", "--force").returncode != 0
    done = repair(package)
    assert done.rc == 0, done.screen
    assert (package.rows("orders_old"), package.rows("orders")) == (ROWS, 0)
    assert OURS in package.recorded() and package.holders("fk_orders_user") == ["orders"]


def test_what_is_to_be_typed_names_the_package_s_own_path(package):
    package.add_migration(OURS, "throw new Exception('no');")
    path = move(package, OURS)
    result = inquire(package, incident_migration=OURS).report["diagnosis"]
    assert result["verdict"] == "migration_unreadable"
    assert f"--path={path.relative_to(package.app)}" in result["next"]


# --- files that PHP cannot take --------------------------------------------------------------

HEAD = (
    "<?php\nuse Illuminate\\Database\\Migrations\\Migration;\n"
    "use Illuminate\\Database\\Schema\\Blueprint;\nuse Illuminate\\Support\\Facades\\Schema;\n"
)
FIRST, SECOND = "2026_01_01_000000_create_foo_table", "2026_01_02_000000_create_foo_table"


def written(app, name, text, folder="database/migrations"):
    """Write a migration's file as it is given."""
    path = Path(app.app, folder, f"{name}.php")
    path.write_text(text, encoding="utf-8")
    return path


def named(name, table):
    """Return the PHP of a migration that has a class of this name and makes a table."""
    return (
        f"{HEAD}class {name} extends Migration {{\n"
        f"    public function up() {{ {TABLE.format(table, '')} }}\n"
        f"    public function down() {{ Schema::dropIfExists('{table}'); }}\n}}\n"
    )


# {what is wrong: (the file's name, its text, the line, whether the one before it runs)}
BROKEN = {
    "syntax": (SECOND, f"{HEAD}this is not", 5, False),
    "class_declared_twice": (SECOND, named("CreateFooTable", "foo2"), 5, False),
    "class_of_another_name": (SECOND.replace("foo", "bar"), named("CreateBaz", "foo2"), 5, True),
    "no_class": (SECOND.replace("foo", "bar"), "<?php\n", None, True),
    "function_beside_a_class_without_a_name": (
        SECOND.replace("foo", "bar"),
        f"{HEAD}function acme() {{}}\nreturn new class extends Migration {{}};\n",
        5,
        True,
    ),
}


@pytest.mark.parametrize(("name", "text", "line", "runs"), BROKEN.values(), ids=BROKEN)
def test_what_ends_migrate_at_a_file_is_foreseen(app, name, text, line, runs):
    written(app, FIRST, named("CreateFooTable", "foo"))
    written(app, name, text)
    for playbook, code in (("fix_fk.yml", 2), (DIAGNOSE, 10)):
        said = inquire(app, playbook)
        assert said.rc == code, said.screen
        found = said.report["diagnosis"]
        assert (found["verdict"], found["steps"]) == ("migration_does_not_load", [])
        assert f"{name}.php" + (f", line {line}" if line else "") in found["found"]
        assert f"Correct database/migrations/{name}.php" in found["next"]
    (finding,) = (f for f in said.report["prediction"]["findings"] if f["will_fail"])
    assert (finding["kind"], finding["migration"]) == ("unloaded", name)
    # That is what comes.
    assert app.artisan("migrate", "--force").returncode != 0
    assert (FIRST in app.recorded()) == runs and name not in app.recorded()
    assert inquire(app).report["diagnosis"]["verdict"] == "migration_does_not_load"


def test_a_class_that_a_recorded_migration_has_too_ends_no_migrate(app):
    written(app, FIRST, named("CreateFooTable", "foo"))
    assert app.artisan("migrate", "--force").returncode == 0
    written(app, SECOND, named("CreateFooTable", "foo2"))
    said = inquire(app, DIAGNOSE)
    assert said.report["diagnosis"]["verdict"] == "healthy", said.screen
    assert {len(said.run.laravel["statements"][name]["up"]) for name in (FIRST, SECOND)} == {1}
    assert app.artisan("migrate", "--force").returncode == 0
    # A rollback takes both.
    assert app.artisan("migrate:rollback", "--force").returncode != 0


def test_where_a_rollback_would_end_at_a_class_none_is_planned(app):
    """The incident is repaired without down()."""
    orders(app)
    written(app, FIRST, named("CreateFooTable", "foo"))
    assert app.artisan("migrate", "--force").returncode == 0
    rename = "Schema::rename('orders', 'orders_old');"
    text = named("CreateFooTable", "orders").replace(TABLE.format("orders", ""), rename + ANEW[-1])
    back = "Schema::dropIfExists('orders'); Schema::rename('orders_old', 'orders');"
    written(app, SECOND, text.replace("Schema::dropIfExists('orders');", back))
    assert app.artisan("migrate", "--force").returncode != 0
    done = repair(app)
    assert done.rc == 0, done.screen
    ways = {way["strategy"]: way for way in done.report["diagnosis"]["strategies"]}
    assert "the class CreateFooTable is in" in ways["down"]["reason"]
    assert SECOND in app.recorded() and app.rows("orders_old") == ROWS


def test_a_half_run_migration_beside_a_file_that_does_not_load_is_rolled_back_only(app):
    orders(app)
    app.add_migration(OURS, " ".join(ANEW))
    assert app.artisan("migrate", "--force").returncode != 0
    written(app, "2026_02_01_000000_later", "<?php\n\nthis is not")
    said = inquire(app)
    result = said.report["diagnosis"]
    assert (result["verdict"], result["migration"]) == ("migration_does_not_load", OURS)
    assert (
        "later.php, line 3" in result["found"] and "orders is called orders_old" in result["found"]
    )
    assert "playbooks/rollback.yml" in result["next"]
    assert inquire(app, DIAGNOSE).rc == 11
    done = repair(app, rollback_only=True)
    assert done.rc == 0, done.screen
    assert (app.rows("orders_old"), app.rows("orders")) == (None, ROWS)


@pytest.mark.parametrize("alike", [True, False])
def test_of_two_files_of_one_name_the_last_folder_s_is_taken(package, alike):
    package.add_migration(OURS, TABLE.format("of_the_package", ""))
    path = move(package, OURS)
    package.add_migration(OURS, TABLE.format("of_the_package" if alike else "of_the_app", ""))
    said = inquire(package, DIAGNOSE)
    assert said.run.laravel["migrations"]["pending"] == [OURS]
    told = [note for note in said.report["diagnosis"]["notes"] if str(path) in note]
    assert len(told) == (0 if alike else 1), told
    assert said.rc == 0
    assert package.artisan("migrate", "--force").returncode == 0
    assert (package.rows("of_the_app"), package.rows("of_the_package")) == (
        (None, 0) if alike else (0, None)
    )
    assert len([n for n in inquire(package).report["diagnosis"]["notes"] if str(path) in n]) == len(
        told
    )


# --- migrations that pass themselves over ----------------------------------------------------


@pytest.fixture(scope="module")
def sandbox_13(tmp_path_factory):
    """A sandbox with Laravel 13, which has shouldRun(), on the tests' own server."""
    server = os.environ.get("FIX_FK_SUITE", "machine")
    sandbox = Sandbox(tmp_path_factory.mktemp("sandbox"), suite="sid", server_suite=server)
    sandbox.present()
    yield sandbox
    sandbox.absent()


@pytest.fixture
def newest(sandbox_13):
    """The same without the failing release."""
    sandbox_13.present()
    sandbox_13.withdraw()
    return sandbox_13


def skips(app, name, says="false"):
    """Give a migration that is there a shouldRun()."""
    path = Path(app.app, "database/migrations", f"{name}.php")
    begin = "extends Migration\n{\n"
    text = path.read_text(encoding="utf-8")
    assert begin in text
    method = f"    public function shouldRun(): bool {{ return {says}; }}\n"
    path.write_text(text.replace(begin, begin + method), encoding="utf-8")


@pytest.mark.parametrize("says", ["false", "config('app.none') === 1"])
def test_a_migration_that_is_skipped_is_no_failure(newest, says):
    """It stays pending for ever, and migrate ends with 0."""
    newest.add_migration(OURS, TABLE.format("new_one", ""))
    skips(newest, OURS, says)
    for _ in range(2):
        for playbook in ("fix_fk.yml", DIAGNOSE):
            said = inquire(newest, playbook)
            assert (said.rc, said.report["outcome"]) == (0, "healthy"), said.screen
            assert f"Migration {OURS} says itself that it is not to run" in said.screen
        # Not even where the log has an old error of it.
        assert newest.artisan("migrate", "--force").returncode == 0
        assert OURS not in newest.recorded()
        log = Path(newest.app, "storage/logs/laravel.log")
        log.write_text(OLD_ERROR.format(name=OURS), encoding="utf-8")


def test_an_incident_beside_a_skipped_migration_is_repaired(newest):
    orders(newest)
    newest.add_migration("2026_01_19_000000_skipped", TABLE.format("users", ""))
    skips(newest, "2026_01_19_000000_skipped")
    newest.add_migration("2026_01_21_000000_asks", TABLE.format("users", ""))
    skips(newest, "2026_01_21_000000_asks", "DB::table('users')->count() === 0")
    newest.add_migration(OURS, " ".join(ANEW))
    assert newest.artisan("migrate", "--force").returncode != 0
    done = repair(newest)
    assert done.rc == 0, done.screen
    assert newest.recorded()[-1] == OURS and newest.holders("fk_orders_user") == ["orders"]
    (told,) = (c["detail"] for c in done.report["checks"] if "migrate:status" in c["check"])
    assert told.endswith("passes itself over: 2026_01_19_000000_skipped, 2026_01_21_000000_asks")


def test_what_a_skipped_migration_left_is_told(newest):
    """It failed, and was then told not to run: what it did is still there."""
    orders(newest)
    newest.add_migration(OURS, " ".join(ANEW))
    assert newest.artisan("migrate", "--force").returncode != 0
    skips(newest, OURS)
    assert newest.artisan("migrate", "--force").returncode == 0
    said = inquire(newest)
    result = said.report["diagnosis"]
    assert (result["verdict"], result["migration"]) == ("migration_skips_itself", OURS), said.screen
    assert "orders is called orders_old" in result["found"]
    assert "playbooks/rollback.yml" in result["next"]
    done = repair(newest, rollback_only=True)
    assert done.rc == 0, done.screen
    assert (newest.rows("orders_old"), newest.rows("orders")) == (None, ROWS)
    assert inquire(newest).report["outcome"] == "healthy"


@pytest.mark.parametrize("says", ["false", "true", "DB::table('users')->count() === 0"])
def test_the_module_says_what_was_skipped(newest, run_module, says):
    newest.add_migration(OURS, TABLE.format("new_one", ""))
    skips(newest, OURS, says)
    done = run_module("migrate", laravel_path=newest.app, laravel_php=newest.php, migrations=[OURS])
    assert not done["failed"], done
    ran = says == "true"
    assert (OURS in newest.recorded()) == ran == done["changed"]
    assert done["effect"].get("skipped") == (None if ran else [OURS])


def test_before_laravel_12_nobody_asks_whether_it_is_to_run(app):
    app.add_migration(OURS, TABLE.format("new_one", ""))
    skips(app, OURS)
    known = inquire(app).run.laravel
    honoured = int(known["version"].split(".")[0]) > 11
    assert known["migrations"]["pending"] == ([] if honoured else [OURS])
    assert app.artisan("migrate", "--force").returncode == 0
    assert (OURS in app.recorded()) != honoured


# --- a lock that keeps migrate from running --------------------------------------------------


@pytest.fixture
def locked(newest):
    """A deployment with --isolated was killed: its lock is still there."""
    script = (
        "require 'vendor/autoload.php'; $app = require 'bootstrap/app.php';"
        " $app->make('Illuminate\\\\Contracts\\\\Console\\\\Kernel')->bootstrap();"
        " exit($app['cache']->store()->getStore()->lock('framework/command-migrate', 3600)->get()"
        " ? 0 : 1);"
    ).replace("\\\\", "\\")
    done = subprocess.run([newest.php, "-r", script], cwd=newest.app, check=False)
    assert done.returncode == 0
    yield newest
    subprocess.run([newest.php, "-r", own_code.RELEASE], cwd=newest.app, check=False)


def test_a_held_lock_is_told_and_is_no_failure(locked, run_module):
    locked.add_migration(OURS, TABLE.format("new_one", ""))
    for playbook in ("fix_fk.yml", DIAGNOSE):
        said = inquire(locked, playbook)
        assert (said.rc, said.report["outcome"]) == (0, "healthy"), said.screen
        assert "The lock of artisan migrate --isolated is held" in str(said.report["diagnosis"])
    # It is still there, and does what is said of it.
    assert locked.artisan("migrate", "--force", "--isolated").returncode == 0
    assert OURS not in locked.recorded()
    where = {"laravel_path": locked.app, "laravel_php": locked.php}
    failed = run_module("migrate", **where, arguments=["--isolated"])
    assert failed["failed"] and "another deployment has the lock" in failed["msg"], failed
    assert not run_module("migrate", **where, migrations=[OURS])["failed"]
    assert OURS in locked.recorded()


def test_what_a_deployment_is_doing_is_not_undone(locked):
    orders(locked)
    locked.add_migration(OURS, " ".join(ANEW))
    assert locked.artisan("migrate", "--force").returncode != 0
    for given in ({}, {"rollback_only": True}):
        result = inquire(locked, **given).report["diagnosis"]
        assert (result["verdict"], result["steps"]) == ("deployment_has_the_lock", [])
        assert "orders is called orders_old" in result["found"]
    assert inquire(locked, DIAGNOSE).rc == 11
    (command,) = re.findall(r"\S+ -r '[^']+'", result["next"])
    assert subprocess.run(shlex.split(command), cwd=locked.app, check=False).returncode == 0
    done = repair(locked)
    assert done.rc == 0, done.screen
    assert OURS in locked.recorded() and locked.rows("orders_old") == ROWS


# --- a prefix of the tables ------------------------------------------------------------------


@pytest.fixture
def prefixed(app):
    """The application whose connection has a prefix, as have its tables."""
    config = Path(app.app, "config", "database.php")
    text = config.read_text(encoding="utf-8")
    assert "'prefix' => ''" in text
    config.write_text(text.replace("'prefix' => ''", "'prefix' => 'x_'"), encoding="utf-8")
    tables = app.sql(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
    )
    app.sql("RENAME TABLE " + ", ".join(f"`{name}` TO `x_{name}`" for (name,) in tables))
    return app


def applied(app):
    return [name for (name,) in app.sql("SELECT migration FROM x_migrations ORDER BY id")]


@pytest.mark.parametrize("log", ["single", "null"])
@pytest.mark.parametrize("undo", [False, True])
def test_with_a_prefix_what_stopped_half_way_is_undone_and_repaired(prefixed, undo, log):
    prefixed.set_dotenv(LOG_CHANNEL=log)
    prefixed.add_migration("2025_12_25_000000_earlier", ORDERS.replace("{}", ""))
    assert prefixed.artisan("migrate", "--force").returncode == 0
    prefixed.sql("INSERT INTO x_orders (user_id) SELECT id FROM x_users LIMIT 3")
    prefixed.add_migration(OURS, " ".join(ANEW))
    assert prefixed.artisan("migrate", "--force").returncode != 0
    none: dict = {"expected_tables": [], "expected_constraints": []}
    found = inquire(prefixed, DIAGNOSE, **none)
    assert found.rc == 11, found.screen
    assert "stopped after statement 3 of 4: create table `x_orders`" in str(found.report)
    done = repair(prefixed, rollback_only=undo, **none)
    assert done.rc == 0, done.screen
    rows = [prefixed.rows("x_orders_old"), prefixed.rows("x_orders")]
    assert rows == ([None, 3] if undo else [3, 0])
    assert (OURS in applied(prefixed)) != undo
