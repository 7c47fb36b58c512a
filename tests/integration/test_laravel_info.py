# SPDX-License-Identifier: GPL-3.0-or-later
"""laravel_info on a real application and a real server."""

import json
import os
import shutil
from pathlib import Path
from unittest import mock

import pytest
from ansible.module_utils.fix_fk.laravel import probe
from sandbox import COLLISION

FAILED = "2026_01_25_000000_total_refactor_skp_system"
FOLLOWING = "2026_01_26_000000_refactor_skp_tahunan_detail"
ODD_PASSWORDS = ["a 'b' \"c\" $d ${e} #f \\g `h`", "\\", "#", "é%s;&|<>", "trailing\\\\"]


@pytest.fixture
def app(sandbox):
    """The sandbox with the seeded schema, its files as they should be."""
    sandbox.present()
    return sandbox


@pytest.fixture
def ask(run_module, app):
    """Run laravel_info and return its `laravel`."""

    def run(**arguments):
        result = run_module("laravel_info", **{"laravel_path": app.app, **arguments})
        assert not result["failed"], result.get("msg")
        assert result["changed"] is False
        return result["laravel"]

    return run


def replace(app, path, old, new):
    """Change a file of the application; present() puts it back."""
    file = Path(app.app, path)
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def add_connections(app, **more):
    """Add connections to the configuration that differ from mysql in PHP array entries."""
    text = "".join(
        f"'{name}' => array_merge((require __DIR__.'/fix_fk_base.php')['connections']['mysql'],"
        f" [{entries}]),\n"
        for name, entries in more.items()
    )
    shutil.copy(Path(app.app, "config/database.php"), Path(app.app, "config/fix_fk_base.php"))
    replace(app, "config/database.php", "'connections' => [", f"'connections' => [\n{text}")


def test_incident_is_told_with_one_start_of_php(app, ask, monkeypatch):
    app.broken()
    before, files = app.schema_dump(), app.files()
    starts = mock.Mock(wraps=probe.run_php)
    monkeypatch.setattr(probe, "run_php", starts)
    told = ask(checklist=True, route_pattern="skp", check_mode=True)
    assert starts.call_count == 1
    assert told["version"].split(".")[0].isdigit()
    assert told["environment"] == "production"
    assert told["connection"]["name"] == "mysql"
    assert told["connection"]["socket"] == app.socket
    assert told["connection"]["database"] == app.database
    assert told["connection"]["tls"] is None
    assert told["configuration"] == {"cached": False, "differences": []}
    assert told["database_error"] is None and told["boot_error"] is None
    assert (told["migrations_table"], told["migrations_table_exists"]) == ("migrations", True)
    assert [row["name"] for row in told["migrations"]["recorded"]] == app.recorded()
    assert told["migrations"]["pending"] == [FAILED, FOLLOWING]
    assert told["migrations"]["missing"] == []
    assert set(told["statements"]) == {file["name"] for file in told["migrations"]["files"]}
    failed = told["statements"][FAILED]
    assert failed["up"][0] == "rename table `skp_tahunan` to `skp_tahunan_backup_v1`"
    assert failed["down"][-1] == "rename table `skp_tahunan_backup_v1` to `skp_tahunan`"
    assert failed["down_exists"] and not failed["down_conditional"] and not failed["up_conditional"]
    assert "skp_tahunan_backup_v1" in failed["source_strings"]
    assert told["last_error"]["migration"] == FAILED
    assert COLLISION in told["last_error"]["message"]
    assert told["last_error"]["message"].endswith("on delete cascade)")
    assert told["checklist"]["migration_status_ok"] is True
    assert {"methods": ["GET", "HEAD"], "uri": "api/skp", "name": "skp.index"} in (
        told["checklist"]["routes"]
    )
    assert 0 < len(told["checklist"]["routes"]) < told["checklist"]["routes_total"]
    assert told["python"]["pymysql"]
    assert app.password not in json.dumps(told)
    assert app.schema_dump() == before
    assert app.files() == files


def test_chosen_statements(ask):
    assert set(ask(statements="pending")["statements"]) == {FAILED, FOLLOWING}
    assert ask(statements="none")["statements"] == {}


WRITERS = {
    "other_pdo": "DB::connection('other')->getPdo()->exec('DELETE FROM progres_harian');",
    "raw_pdo": "DB::connection()->getPdo()->exec('DELETE FROM progres_harian');",
    "raw_ddl": "DB::connection()->getPdo()->exec('DROP TABLE progres_harian');",
    "registered_at_run_time": (
        "config(['database.connections.tenant' => config('database.connections.mysql')]);"
        " DB::connection('tenant')->statement('CREATE TABLE tenant_only (id int)');"
    ),
    "read_side": "DB::connection('split')->getReadPdo()->exec('DELETE FROM progres_harian');",
    "persistent": "DB::connection('persistent')->getPdo()->exec('DELETE FROM progres_harian');",
}


@pytest.mark.parametrize("body", WRITERS.values(), ids=WRITERS)
def test_migration_that_reaches_past_the_pretence_cannot_write(app, ask, body):
    add_connections(
        app,
        other="",
        split=f"'read' => ['unix_socket' => '{app.socket}'], 'write' => ['host' => 'nowhere']",
        persistent="'options' => [PDO::ATTR_PERSISTENT => true]",
    )
    app.add_migration("2026_09_01_000000_writes", body, down="")
    before = app.schema_dump()
    told = ask(statements="pending")
    assert "READ ONLY transaction" in told["statements"]["2026_09_01_000000_writes"]["up_error"]
    assert told["statements"][FAILED]["up_error"] is None
    assert app.schema_dump() == before
    # The proof that these bodies do write: without the protection they would.
    result = app.artisan("migrate", "--force", "--pretend", "--path=database/migrations")
    assert app.schema_dump() != before, result.stdout


def test_statements_for_other_connections_are_told_apart_and_none_is_sent(app, ask):
    add_connections(app, other="'database' => 'nowhere', 'prefix' => 'o_'", alias="")
    app.add_migration(
        "2026_09_01_000000_writes",
        "Schema::drop('a'); DB::connection('other')->transaction(function () {"
        " DB::connection('other')->table('users')->update(['name' => 'x']); });"
        " Schema::connection('alias')->drop('b'); Schema::drop('c');"
        " Schema::connection('other')->drop('d');",
    )
    before = app.schema_dump()
    told = ask(statements="pending")["statements"]["2026_09_01_000000_writes"]
    assert told["up_error"] is not None and "nowhere" in told["up_error"]
    replace(app, "config/database.php", "'database' => 'nowhere', ", "'database' => 'mysql', ")
    app.sql(f"GRANT SELECT ON mysql.* TO '{app.user}'@'localhost'")
    told = ask(statements="pending")["statements"]["2026_09_01_000000_writes"]
    assert told["up_error"] is None and told["up_conditional"] == []
    assert told["up"] == ["drop table `a`", "drop table `b`", "drop table `c`"]
    assert told["up_elsewhere"] == {
        "other": ["update `o_users` set `name` = 'x'", "drop table `o_d`"]
    }
    assert told["other_connections"] == ["alias", "other"]
    app.sql(f"REVOKE SELECT ON mysql.* FROM '{app.user}'@'localhost'")
    assert app.schema_dump() == before


BROKEN = {
    "throws": ("Schema::drop('a'); throw new Exception('no luck');", "no luck"),
    "exits": ("Schema::drop('a'); exit(3);", "it ended PHP"),
    "dies_after_output": (
        "Schema::drop('a'); while (ob_get_level()) { ob_end_clean(); } "
        "fwrite(STDOUT, '{\"done\": true}'); die('x');",
        "it ended PHP",
    ),
    "dumps": ("Schema::drop('a'); dd('look');", "it ended PHP"),
    "fatal": ("Schema::drop('a'); eval('function a() {} function a() {}');", "Cannot redeclare"),
    "memory": (
        "Schema::drop('a'); ini_set('memory_limit', '64M'); $x = str_repeat('x', 1 << 30);",
        "Allowed memory size",
    ),
    "loops": ("Schema::drop('a'); while (true) {}", "did not end within 1 s"),
    "sleeps": ("Schema::drop('a'); sleep(600);", "did not end within 1 s"),
    "swallows": (
        "Schema::drop('a'); while (true) { try { while (true) {} } catch (Throwable $e) {} }",
        "",
    ),
}


@pytest.mark.parametrize(("body", "error"), BROKEN.values(), ids=BROKEN)
def test_broken_migration_costs_only_its_own_statements(app, ask, monkeypatch, body, error):
    monkeypatch.setattr(probe, "MIGRATION_TIMEOUT", 1)
    app.add_migration("2026_01_01_000000_bad", body, down="Schema::drop('b');")
    told = ask(timeout=4)
    bad = told["statements"]["2026_01_01_000000_bad"]
    assert error in bad["up_error"]
    if "swallows" not in os.environ["PYTEST_CURRENT_TEST"]:
        assert bad["up"] == ["drop table `a`"]
    assert bad["down"] == ["drop table `b`"] and bad["down_error"] is None
    assert len(told["statements"]) == len(told["migrations"]["files"]) == 15
    assert all(len(one["up"]) for one in told["statements"].values() if one is not bad)
    assert told["migrations"]["pending"] == ["2026_01_01_000000_bad", FAILED, FOLLOWING]


def test_too_many_broken_migrations_are_told(app, ask, monkeypatch):
    monkeypatch.setattr(probe, "MAX_STARTS", 2)
    for number in range(3):
        app.add_migration(f"2026_09_01_00000{number}_bad", "exit;")
    told = ask()["statements"]
    assert told["2026_09_01_000001_bad"]["up_error"] == "it ended PHP"
    assert told["2026_09_01_000002_bad"]["up_error"] == "migrations ended PHP too often"
    assert told["2026_09_01_000002_bad"]["up_conditional"]


def test_output_of_a_migration_spoils_nothing(app, ask):
    app.add_migration(
        "2026_09_01_000000_prints",
        "echo '{\"done\": true}'.PHP_EOL; dump('x'); ob_start(); ob_start(); print_r([1]);"
        " fwrite(STDOUT, 'raw'); fwrite(STDERR, 'raw'); Schema::drop('a');",
    )
    told = ask(statements="pending")["statements"]["2026_09_01_000000_prints"]
    assert (told["up"], told["up_error"]) == (["drop table `a`"], None)
    assert (told["down_exists"], told["down"]) == (False, [])


def test_file_that_is_not_php(app, ask):
    Path(app.app, "database/migrations/2026_09_01_000000_bad.php").write_text("<?php this is not")
    told = ask()
    assert "syntax error" in told["statements"]["2026_09_01_000000_bad"]["up_error"]
    assert told["statements"][FAILED]["up_error"] is None


def test_named_class_and_own_connection(app, ask):
    add_connections(app, other="'prefix' => 'own_'")
    Path(app.app, "database/migrations/2026_09_01_000000_make_things.php").write_text(
        "<?php\nuse Illuminate\\Database\\Migrations\\Migration;\n"
        "use Illuminate\\Support\\Facades\\Schema;\n"
        "class MakeThings extends Migration {\n    protected $connection = 'other';\n"
        "    public function up() { $this->helper(); }\n"
        "    private function helper() { Schema::drop('a'); }\n}\n"
    )
    told = ask(statements="pending")["statements"]["2026_09_01_000000_make_things"]
    # It leads to the same schema.
    assert told["up"] == ["drop table `own_a`"] and told["up_elsewhere"] == {}
    assert told["up_conditional"] == []


CONDITIONAL = {
    "if": ("if (true) { Schema::drop('a'); }", "if"),
    "ternary": ("Schema::drop(rand() ? 'a' : 'b');", "?:"),
    "coalesce": ("Schema::drop(null ?? 'b');", "??"),
    "nullsafe": ("DB::connection()?->statement('x');", "?->"),
    "loop": ("foreach (['a'] as $t) { Schema::drop($t); }", "foreach"),
    "and": ("rand() && Schema::drop('a');", "&&"),
    "word": ("rand() or Schema::drop('a');", "or"),
    "try": ("try { Schema::drop('a'); } catch (Exception $e) {}", "try"),
    "match": ("Schema::drop(match (true) { default => 'a' });", "match"),
    "while": ("while (false) { }", "while"),
    "when": ("DB::table('a')->when(true, fn ($q) => $q)->delete();", "when()"),
}


def test_control_flow_makes_a_list_conditional(app, ask):
    for name, (body, _reason) in CONDITIONAL.items():
        app.add_migration(f"2026_09_01_000000_{name}", body, down="Schema::drop('a');")
    statements = ask(statements="pending")["statements"]
    for name, (_body, reason) in CONDITIONAL.items():
        told = statements[f"2026_09_01_000000_{name}"]
        assert len(told["up_conditional"]) == 1, name
        assert told["up_conditional"][0].startswith("up(), line ")
        assert told["up_conditional"][0].endswith(": " + reason)
        assert told["down_conditional"] == []


def test_plain_source_is_not_conditional(app, ask):
    app.add_migration(
        "2026_09_01_000000_plain",
        "// if this && that? or while\n        $f = function (?string $a, ?int $b = null): ?int "
        "{ return $b; };\n        $if = 'if ? :';\n        Schema::drop(\"a{$f(null)}\");",
    )
    told = ask(statements="pending")["statements"]["2026_09_01_000000_plain"]
    assert told["up_conditional"] == []
    assert told["up"] == ["drop table `a`"]


def test_helpers_traits_and_parents_count_for_both_directions(app, ask):
    Path(app.app, "database/migrations/2026_09_01_000000_helped.php").write_text(
        "<?php\nuse Illuminate\\Database\\Migrations\\Migration;\n"
        "use Illuminate\\Support\\Facades\\Schema;\n"
        "trait FixFkHelps {\n    private function helps() { if (true) { Schema::drop('a'); } }\n}\n"
        "abstract class FixFkParent extends Migration {\n"
        "    protected function parental() { return 1 ?: 2; }\n}\n"
        "return new class extends FixFkParent {\n    use FixFkHelps;\n"
        "    public function up() { $this->helps(); }\n"
        "    public function down() { switch (1) { } }\n"
        "    public function shouldRun(): bool { return false; }\n};\n"
    )
    told = ask(statements="pending")["statements"]["2026_09_01_000000_helped"]
    assert sorted(told["up_conditional"]) == [
        "helps(), line 5: if",
        "parental(), line 8: ?:",
    ]
    assert sorted(told["down_conditional"]) == [
        "down(), line 13: switch",
        "helps(), line 5: if",
        "parental(), line 8: ?:",
    ]


def test_question_to_the_database_makes_a_list_conditional(app, ask):
    app.add_migration("2026_09_01_000000_asks", "$x = DB::table('users')->get();")
    told = ask(statements="pending")["statements"]["2026_09_01_000000_asks"]
    assert told["up"] == ["select * from `users`"]
    assert told["up_conditional"] == ["up() asks the database: select * from `users`"]


@pytest.mark.parametrize("password", ODD_PASSWORDS)
def test_odd_password_is_read_as_the_application_reads_it(app, ask, run_module, password):
    app.set_password(password)
    told = ask(statements="none")
    assert told["database_error"] is None
    assert password not in told["connection"].values()
    # What the probe says is what PyMySQL gets in with.
    result = run_module("artisan", laravel_path=app.app, command="migrate:status")
    assert not result["failed"], result


def test_everything_else_is_known_without_a_database(app, ask):
    app.broken()
    app.set_dotenv(DB_SOCKET="/nonexistent/socket")
    told = ask(checklist=True)
    assert told["database_error"]["code"] == 2002
    assert told["migrations_table_exists"] is None
    assert told["migrations"]["recorded"] is None and told["migrations"]["pending"] is None
    assert len(told["migrations"]["files"]) == 14
    assert told["statements"][FAILED]["up_error"] is None
    assert len(told["statements"][FAILED]["up"]) > 5
    assert told["checklist"]["migration_status_ok"] is False
    assert told["checklist"]["routes_total"] > 0
    assert told["last_error"]["migration"] == FAILED


def test_wrong_password_is_told_by_its_code(app, ask):
    app.set_dotenv(DB_PASSWORD="wrong one")
    told = ask(statements="none")
    assert told["database_error"]["code"] == 1045
    assert "wrong one" not in json.dumps(told)


def test_provider_that_needs_the_database_hides_nothing_else(app, ask):
    app.set_dotenv(DB_SOCKET="/nonexistent/socket")
    replace(
        app,
        "app/Providers/AppServiceProvider.php",
        "public function boot(): void\n    {",
        "public function boot(): void\n    {\n        app('db')->table('users')->count();",
    )
    told = ask()
    assert "QueryException" in told["boot_error"]
    assert told["database_error"]["code"] == 2002
    assert len(told["statements"][FAILED]["up"]) > 5


def test_cached_configuration_that_differs(app, ask):
    assert app.artisan("config:cache").returncode == 0
    told = ask(statements="none")
    assert told["configuration"] == {"cached": True, "differences": []}
    app.set_dotenv(DB_HOST="db.example.org", DB_PASSWORD="another one", APP_ENV="staging")
    told = ask(statements="none")
    assert told["connection"]["host"] == "127.0.0.1"
    assert told["configuration"]["differences"] == [
        {"key": "app.env", "cached": "production", "dotenv": "staging"},
        {
            "key": "database.connections.mysql.host",
            "cached": "127.0.0.1",
            "dotenv": "db.example.org",
        },
        {
            "key": "database.connections.mysql.password",
            "cached": "(not shown)",
            "dotenv": "(not shown)",
        },
    ]
    assert "another one" not in json.dumps(told)
    app.set_dotenv(DB_CONNECTION="nonexistent")
    assert ask(statements="none")["configuration"]["differences"][0]["key"] == "application"


def test_environment_wins_over_dotenv(ask):
    told = ask(statements="none", laravel_env={"DB_DATABASE": "elsewhere"})
    assert told["connection"]["database"] == "elsewhere"
    assert told["database_error"]["code"] in (1044, 1049)


@pytest.mark.parametrize("form", ["'own_migrations'", "['table' => 'own_migrations']"])
def test_prefix_and_name_of_the_migrations_table(app, ask, form):
    replace(app, "config/database.php", "'migrations' => 'migrations'", f"'migrations' => {form}")
    replace(app, "config/database.php", "'prefix' => ''", "'prefix' => 'x_'")
    told = ask(statements="pending")
    assert told["migrations_table"] == "x_own_migrations"
    assert told["migrations_table_exists"] is False
    assert told["connection"]["prefix"] == "x_"
    assert len(told["migrations"]["pending"]) == 14
    app.sql("CREATE TABLE x_own_migrations AS SELECT * FROM migrations")
    told = ask(statements="pending")
    assert told["migrations"]["pending"] == [FAILED, FOLLOWING]
    assert told["statements"][FAILED]["up"][0].startswith("rename table `x_skp_tahunan`")


def test_url_hosts_and_read_write_split_are_resolved_as_laravel_does(app, ask):
    url = f"'url' => 'mysql://us%40er:p%23w@db.example.org:3307/{app.database}', "
    add_connections(
        app,
        url=url + "'unix_socket' => ''",
        split="'unix_socket' => '', 'read' => ['host' => ['r1', 'r2']],"
        " 'write' => ['host' => ['w1', 'w2'], 'port' => '3309', 'username' => 'writer']",
        tls="'options' => [PDO::MYSQL_ATTR_SSL_CA => '/etc/ca.pem',"
        " PDO::MYSQL_ATTR_SSL_VERIFY_SERVER_CERT => false]",
    )
    found = {
        name: ask(statements="none", database_connection=name, timeout=30)["connection"]
        for name in ("url", "split", "tls")
    }
    assert (found["url"]["host"], found["url"]["port"]) == ("db.example.org", 3307)
    assert (found["url"]["username"], found["url"]["socket"]) == ("us@er", None)
    assert (found["split"]["host"], found["split"]["port"]) == ("w1", 3309)
    assert found["split"]["username"] == "writer"
    assert found["tls"]["tls"] == {"ca": "/etc/ca.pem", "cert": None, "key": None, "verify": False}


def test_migrations_of_packages_are_found(app, ask):
    folder = Path(app.app, "packages/acme/migrations")
    folder.mkdir(parents=True)
    shutil.copy(
        Path(app.app, f"database/migrations/{FAILED}.php"), folder / "2026_10_01_000000_acme.php"
    )
    replace(
        app,
        "app/Providers/AppServiceProvider.php",
        "public function boot(): void\n    {",
        "public function boot(): void\n    {\n        $this->loadMigrationsFrom("
        "base_path('packages/acme/migrations'));",
    )
    told = ask()
    assert told["migrations"]["pending"][-1] == "2026_10_01_000000_acme"
    assert Path(told["migrations"]["files"][-1]["path"]).samefile(
        folder / "2026_10_01_000000_acme.php"
    )
    assert told["statements"]["2026_10_01_000000_acme"]["up"]


def test_recorded_without_a_file(app, ask):
    app.sql("INSERT INTO migrations (migration, batch) VALUES ('2020_gone', 1)")
    assert ask(statements="none")["migrations"]["missing"] == ["2020_gone"]


def test_application_that_does_not_start_is_told_in_one_paragraph(run_module, app):
    app.set_dotenv(**{"not a name": "x"})
    result = run_module("laravel_info", laravel_path=app.app)
    assert result["failed"] and "does not start: The environment file is invalid!" in result["msg"]
    assert "Nothing was changed." in result["msg"] and "\n" not in result["msg"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"laravel_path": "/nonexistent"}, "There is no Laravel application in /nonexistent"),
        ({"laravel_php": "no-such-php"}, "There is no PHP to run 'no-such-php' with"),
        ({"database_connection": "pgsql"}, "cannot say how it connects"),
        ({"timeout": 0}, "less than a second"),
    ],
)
def test_refusals(run_module, app, arguments, message):
    result = run_module("laravel_info", **{"laravel_path": app.app, **arguments})
    assert result["failed"] and message in result["msg"]


def test_explicit_password_is_never_shown(run_module, app):
    result = run_module("laravel_info", laravel_path=app.app, database_password="users")
    assert "create_users_table" in json.dumps(result["laravel"])
    assert result["invocation"]["module_args"]["database_password"] != "users"


def test_it_logs_nothing(app, ask):
    log = Path(app.app, "storage/logs/laravel.log")
    app.add_migration(
        "2026_09_01_000000_logs",
        "logger('from a migration'); report(new Exception('reported')); exit;",
    )
    before = log.read_text() if log.exists() else None
    ask()
    assert (log.read_text() if log.exists() else None) == before
