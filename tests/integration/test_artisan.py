# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that run artisan, on a real application and a real server."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

import pytest
from ansible.module_utils.fix_fk.laravel import artisan, probe
from ansible.module_utils.fix_fk.laravel.artisan import is_busy
from ansible.module_utils.fix_fk.laravel.php import run_php
from ansible.module_utils.fix_fk.laravel.records import ROLLBACK_BATCH
from fix_fk.verdicts.before_inspection import before_inspection
from sandbox import COLLISION, PROJECT

FAILED = "2026_01_25_000000_total_refactor_skp_system"
FOLLOWING = "2026_01_26_000000_refactor_skp_tahunan_detail"
LAST = "2025_12_01_000000_create_skp_tahunan_table"
NAMES = ("fk_skp_tahunan_user", "fk_skp_tahunan_approved_by")
DOWN = [
    "drop table if exists `rhk_pimpinan`",
    "drop table if exists `skp_tahunan`",
    "rename table `skp_tahunan_backup_v1` to `skp_tahunan`",
]


@pytest.fixture
def app(sandbox):
    """The sandbox with the seeded schema, its files as they should be."""
    sandbox.present()
    yield sandbox
    for name in ("down", "down_by_fix_fk.json", "maintenance.php"):
        Path(sandbox.app, "storage/framework", name).unlink(missing_ok=True)


@pytest.fixture
def broken(app):
    app.broken()
    return app


@pytest.fixture
def run(run_module, app):
    """Run a command with the module that it is for: run(command, **arguments)."""

    def call(command, **arguments):
        module, given = module_of(command, arguments)
        result = run_module(module, **{"laravel_path": app.app, **given, **arguments})
        assert app.password not in json.dumps(result)
        return result

    return call


def module_of(command, arguments):
    """Return (module, the option that says which command)."""
    if command in ("down", "up"):
        return "maintenance", {"state": command}
    if command == "migrate":
        return "migrate", {}
    if command == "migrate:rollback" and "migration" in arguments:
        return "migration_rollback", {}
    return "artisan", {"command": command}


def test_only_one_artisan_at_a_time_even_when_its_module_was_killed(broken, run, run_module):
    broken.add_migration("2026_03_01_000000_slow", "DB::connection()->pretending() || sleep(4);")
    broken.sql(
        "INSERT INTO migrations (migration, batch) VALUES (%s, 2), (%s, 2)", FAILED, FOLLOWING
    )
    module = start("migrate", {"laravel_path": broken.app})
    _until(lambda: is_busy(broken.app))
    module.kill()
    module.wait()
    facts = run_module("laravel_info", laravel_path=broken.app)["laravel"]
    assert facts["busy"] and before_inspection(facts)["verdict"] == "artisan_is_running"
    before = state(broken)
    refused = run("migrate")
    assert refused["failed"] and "still running" in refused["msg"]
    assert state(broken) == before
    _until(lambda: not is_busy(broken.app))
    assert "2026_03_01_000000_slow" in broken.recorded()
    assert not run("migrate")["failed"]


def test_a_schema_dump_is_not_loaded_over_tables_that_are_there(app, run):
    folder = Path(app.app, "database", "schema")
    folder.mkdir(exist_ok=True)
    dump = folder / "mysql-schema.sql"
    dump.write_text("DROP TABLE IF EXISTS `Users`;\nCREATE TABLE `Users` (`id` int);\n", "utf-8")
    records = app.sql("SELECT migration, batch FROM migrations")
    # A record that only an interrupted rollback made is taken back before the command is run.
    app.sql("UPDATE migrations SET batch = 2000000000 LIMIT 1")
    app.sql("DELETE FROM migrations WHERE batch < 2000000000")
    before = state(app)
    refused = run("migrate")
    assert refused["failed"] and str(dump) in refused["msg"] and "users" in refused["msg"]
    assert "Nothing was run or changed" in refused["msg"]
    assert state(app) == before
    dump.unlink()
    app.sql("DELETE FROM migrations")
    for record in records:
        app.sql("INSERT INTO migrations (migration, batch) VALUES (%s, %s)", *record)


def start(module, given):
    """Start a module in a process of its own, to be killed."""
    source = (
        "import sys, ansible.module_utils\n"
        f"ansible.module_utils.__path__.append({str(PROJECT / 'module_utils')!r})\n"
        f"sys.path.insert(0, {str(PROJECT / 'library')!r})\n"
        "from ansible.module_utils.testing import patch_module_args\n"
        f"import {module}\n"
        f"with patch_module_args({given!r}):\n    {module}.main()\n"
    )
    return subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.DEVNULL)


def _until(condition):
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def state(app):
    return app.schema_dump(), app.files()


def down_file(app):
    return Path(app.app, "storage/framework/down")


def marker(app):
    path = Path(app.app, "storage/framework/down_by_fix_fk.json")
    return json.loads(path.read_text()) if path.exists() else None


def batches(app):
    return dict(app.sql("SELECT migration, batch FROM migrations"))


def free_the_names(app):
    for name in NAMES:
        app.sql(f"ALTER TABLE skp_tahunan DROP FOREIGN KEY {name}")


# Maintenance mode


def test_down_and_up(app, run):
    before = state(app)
    planned = run("down", run_id="r1", check_mode=True)
    assert planned["changed"] and planned["queries"] == ["php artisan down"]
    assert not planned["failed"] and state(app) == before
    done = run("down", run_id="r1", migration=FAILED)
    since = done["effect"]["maintenance"]["since"]
    assert done["changed"] and abs(down_file(app).stat().st_mtime - since) < 0.01
    expected = {"before": False, "after": True, "since": since, "until": None}
    assert done["effect"]["maintenance"] == expected
    assert done["undo"] == ["php artisan up"]
    assert down_file(app).exists()
    assert (marker(app)["run_id"], marker(app)["migration"]) == ("r1", FAILED)
    again = run("down", run_id="r2")
    assert not again["changed"] and not again["undo"] and not again["failed"]
    assert marker(app)["took_down"] is True
    planned = run("up", only_own=True, check_mode=True)
    assert planned["changed"] and down_file(app).exists()
    done = run("up", only_own=True)
    until = done["effect"]["maintenance"]["until"]
    assert done["changed"] and since < until <= time.time()
    expected = {"before": True, "after": False, "since": since, "until": until}
    assert done["effect"]["maintenance"] == expected
    assert not down_file(app).exists() and marker(app) is None
    assert not run("up")["changed"]


def test_who_took_it_down_lifts_it(app, run):
    assert app.artisan("down").returncode == 0
    assert not run("down", run_id="r1")["changed"]
    left = run("up", only_own=True)
    assert not left["changed"] and not left["failed"]
    assert down_file(app).exists() and marker(app) is None
    assert run("up")["changed"]
    assert not down_file(app).exists()


def test_maintenance_entered_by_another_after_ours_stays(app, run):
    run("down", run_id="r1")
    app.artisan("up")
    time.sleep(0.02)
    app.artisan("down")
    assert not run("up", only_own=True)["changed"]
    assert down_file(app).exists()


def test_arguments_of_down_are_passed(app, run):
    done = run("down", arguments=["--retry=60", "--secret=a 'b' $c"])
    assert json.loads(down_file(app).read_text())["secret"] == "a 'b' $c"
    assert done["queries"] == ["php artisan down --retry=60 '--secret=a '\"'\"'b'\"'\"' $c'"]


def test_command_that_says_it_worked_and_did_not(app, run):
    kernel = Path(app.app, "app/Console/Kernel.php")
    kernel.write_text(
        kernel.read_text().replace(
            "extends ConsoleKernel\n{",
            "extends ConsoleKernel\n{\n    protected function commands() {\n"
            "        foreach (['up', 'down'] as $name) {\n"
            "            $this->command($name, function () { $this->info('All done.'); });\n"
            "        }\n    }\n",
        )
    )
    failed = run("down", run_id="r1")
    assert failed["failed"] and failed["rc"] == 0 and not failed["changed"]
    assert "not down afterwards" in failed["msg"] and "All done." in failed["msg"]
    assert marker(app) is None
    down_file(app).write_text("{}")
    failed = run("up")
    assert failed["failed"] and failed["rc"] == 0
    assert "still down afterwards" in failed["msg"]


def test_contents_are_read_in_the_window(app, run):
    done = run("down", contents=True)
    assert done["contents"]["skp_tahunan"]["rows"] == 500
    shown = app.sql("SHOW FULL TABLES WHERE Table_type = 'BASE TABLE'")
    assert set(done["contents"]) == {name for name, _kind in shown}
    again = run("down", contents=True)
    assert not again["changed"] and again["contents"] == done["contents"]
    assert "contents" not in run("down", contents=True, check_mode=True)


# migrate


def test_migrate_is_judged_by_what_is_recorded(app, run):
    free_the_names(app)
    before = state(app)
    planned = run("migrate", migrations=[FAILED], check_mode=True)
    assert planned["changed"] and planned["effect"]["recorded"] == [FAILED, FOLLOWING]
    assert state(app) == before
    done = run("migrate", migrations=[FAILED, FOLLOWING])
    assert done["changed"] and done["effect"]["recorded"] == [FAILED, FOLLOWING]
    assert done["queries"] == ["php artisan migrate --force"]
    assert done["undo"] == ["php artisan migrate:rollback --step=2 --force"]
    again = run("migrate", migrations=[FAILED, FOLLOWING])
    assert not again["failed"] and not again["changed"]
    assert not run("migrate")["changed"]


def test_failed_migrate_is_one_paragraph(run):
    failed = run("migrate", migrations=[FAILED])
    assert failed["failed"] and failed["rc"] == 1
    assert f"{FAILED} is not recorded afterwards" in failed["msg"]
    assert COLLISION in failed["msg"] and "SQL: alter table" in failed["msg"]
    assert "\n" not in failed["msg"]
    assert failed["queries"] == ["php artisan migrate --force"]
    assert failed["effect"]["recorded"] == []


def test_part_of_the_migrations_ran(app, run):
    app.add_migration("2026_01_01_000000_first", "Schema::create('a', fn ($t) => $t->id());")
    failed = run("migrate")
    assert failed["failed"] and failed["changed"]
    assert failed["effect"]["recorded"] == ["2026_01_01_000000_first"]
    assert failed["undo"] == ["php artisan migrate:rollback --step=1 --force"]
    assert "2026_01_01_000000_first is recorded now" in failed["msg"]


def replace_migrate(app, body):
    """Let `artisan migrate` do something else: what exits with 0 in other versions of Laravel."""
    kernel = Path(app.app, "app/Console/Kernel.php")
    kernel.write_text(
        kernel.read_text().replace(
            "extends ConsoleKernel\n{",
            "extends ConsoleKernel\n{\n    protected function commands() {\n"
            f"        $this->command('migrate {{--force}}', function () {{ {body} }});\n    }}\n",
        )
    )


@pytest.mark.parametrize(
    "said",
    [
        "Nothing to migrate.",
        "The [migrate] command is already running.",
        "SQLSTATE[HY000]: swallowed by --graceful",
    ],
)
@pytest.mark.parametrize("names", [[FAILED], []])
def test_exit_code_0_is_no_proof(app, run, said, names):
    replace_migrate(app, f"$this->info('{said}'); return 0;")
    failed = run("migrate", migrations=names)
    assert failed["failed"] and failed["rc"] == 0 and not failed["changed"]
    assert FAILED in failed["msg"] and said in failed["msg"]


def test_password_in_the_output_is_not_returned(app, run):
    app.set_password("se'cr\"et $pa#ss\\word/é")
    replace_migrate(
        app,
        "$p = config('database.connections.mysql.password'); $this->line($p);"
        " $this->line(json_encode($p)); $this->line(escapeshellarg($p));"
        " $this->error('mysql://u:'.rawurlencode($p).'@h'); return 1;",
    )
    failed = run("migrate")
    assert failed["failed"] and "cr" not in failed["stdout"] + failed["stderr"]
    assert "word" not in json.dumps(failed["msg"])
    assert "***" in failed["stdout"]


def test_one_path_is_asked_for(app, run):
    app.add_migration("2026_09_01_000000_one", "Schema::create('a', fn ($t) => $t->id());", "")
    done = run("migrate", arguments=["--path=database/migrations/2026_09_01_000000_one.php"])
    assert not done["failed"] and done["effect"]["recorded"] == ["2026_09_01_000000_one"]


def test_pretended_migrate_changes_nothing(app, run):
    before = app.schema_dump()
    done = run("migrate", arguments=["--pretend"])
    assert not done["failed"] and not done["changed"]
    assert "rename table" in done["stdout"]
    assert app.schema_dump() == before


def test_timeout_ends_it_and_says_so(app, run):
    replace_migrate(app, "sleep(60);")
    begun = time.monotonic()
    failed = run("migrate", timeout=1)
    assert failed["failed"] and "ended after 1 s" in failed["msg"]
    assert time.monotonic() - begun < 30


def test_migrate_with_a_prefix_and_another_table(app, run):
    config = Path(app.app, "config/database.php")
    config.write_text(
        config.read_text()
        .replace("'migrations' => 'migrations'", "'migrations' => 'own migrations'")
        .replace("'prefix' => ''", "'prefix' => 'x_'")
    )
    free_the_names(app)
    for name in (FAILED, FOLLOWING):
        Path(app.app, f"database/migrations/{name}.php").unlink()
    done = run("migrate", arguments=["--step"])
    assert not done["failed"], done["msg"]
    assert len(done["effect"]["recorded"]) == 12
    assert app.sql("SELECT COUNT(*) FROM `x_own migrations`")[0][0] == 12


# migrate:rollback of exactly the failed migration


def test_rollback_of_exactly_the_failed_migration(broken, run):
    before, records = broken.schema_dump(), batches(broken)
    files = broken.files()
    planned = run("migrate:rollback", migration=FAILED, expected_statements=DOWN, check_mode=True)
    assert planned["changed"] and planned["effect"]["forgotten"] == [FAILED]
    assert planned["queries"][-1] == "php artisan migrate:rollback --step=1 --force"
    assert (broken.schema_dump(), broken.files()) == (before, files)
    done = run("migrate:rollback", migration=FAILED, expected_statements=DOWN)
    assert done["changed"] and done["queries"] == planned["queries"]
    assert done["effect"]["forgotten"] == [FAILED]
    assert batches(broken) == records
    assert broken.rows("skp_tahunan") == 500
    assert broken.rows("skp_tahunan_backup_v1") is None
    assert broken.holders(NAMES[0]) == ["skp_tahunan"]


@pytest.mark.parametrize(
    "expected", [[], DOWN[:-1], [*DOWN, "drop table `users`"], ["drop table `users`"]]
)
def test_another_preview_than_expected_is_refused(broken, run, expected):
    before = state(broken)
    failed = run("migrate:rollback", migration=FAILED, expected_statements=expected)
    assert failed["failed"] and "its down() would send: drop table if exists" in failed["msg"]
    assert "Nothing was run or changed." in failed["msg"]
    assert state(broken) == before


@pytest.mark.parametrize(
    ("down", "message"),
    [
        (None, "has no down()"),
        ("throw new Exception('no way back');", "fails already while pretending: no way back"),
        ("exit;", "fails already while pretending: it ended PHP"),
    ],
)
def test_down_that_cannot_run_is_refused(broken, run, down, message):
    broken.add_migration(FAILED, "Schema::drop('users');", down)
    before = state(broken)
    failed = run("migrate:rollback", migration=FAILED)
    assert failed["failed"] and message in failed["msg"]
    assert state(broken) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"migration": LAST}, "is recorded as run, in batch 1"),
        ({"migration": "2026_no_such"}, "has no migration 2026_no_such"),
        ({"migration": FAILED, "recorded": True}, f"would undo {LAST} and not {FAILED}"),
        ({"migration": FAILED, "database_name": "mysql"}, "artisan would work on the schema"),
        ({"arguments": ["--database=x"]}, "give database_connection instead"),
        ({"migration": ""}, "is empty"),
    ],
)
def test_refusals_change_nothing(broken, run, arguments, message):
    before = state(broken)
    failed = run("migrate:rollback", **arguments)
    assert failed["failed"] and message in failed["msg"]
    assert "othing was run or changed" in failed["msg"]
    assert state(broken) == before


def test_higher_batch_than_ours_is_refused(broken, run):
    broken.sql("UPDATE migrations SET batch = 2100000000 WHERE migration = %s", LAST)
    before = state(broken)
    failed = run("migrate:rollback", migration=FAILED)
    assert failed["failed"] and LAST in failed["msg"]
    assert state(broken) == before


def test_failed_rollback_takes_its_record_out_again(broken, run):
    broken.add_migration(FAILED, "", "Schema::drop('rhk_pimpinan_not_there');")
    records = batches(broken)
    failed = run("migrate:rollback", migration=FAILED)
    assert failed["failed"] and failed["rc"] == 1
    assert "was not rolled back" in failed["msg"] and "1051" in failed["msg"]
    assert "may have run in part" in failed["msg"]
    assert failed["msg"].startswith("`php artisan migrate:rollback")
    assert batches(broken) == records and "is recorded now" not in failed["msg"]
    assert failed["queries"][-1].startswith("DELETE FROM `migrations` WHERE migration = ")


def test_rollback_that_says_it_worked_and_did_not(broken, run):
    kernel = Path(broken.app, "app/Console/Kernel.php")
    kernel.write_text(
        kernel.read_text().replace(
            "extends ConsoleKernel\n{",
            "extends ConsoleKernel\n{\n    protected function commands() {\n"
            "        $this->command('migrate:rollback {--step=} {--force}',"
            " function () { $this->info('Rolled back.'); });\n    }\n",
        )
    )
    records = batches(broken)
    failed = run("migrate:rollback", migration=FAILED)
    assert failed["failed"] and failed["rc"] == 0 and "Rolled back." in failed["msg"]
    assert batches(broken) == records


def test_interrupted_rollback_is_finished_by_running_it_again(broken, run, run_module):
    records = batches(broken)
    broken.sql("INSERT INTO migrations (migration, batch) VALUES (%s, %s)", FAILED, ROLLBACK_BATCH)
    told = run_module("laravel_info", laravel_path=broken.app)["laravel"]["migrations"]
    assert told["pending"] == [FAILED, FOLLOWING] and told["to_roll_back"] == [FAILED]
    done = run("migrate:rollback", migration=FAILED, expected_statements=DOWN)
    assert done["changed"] and not done["failed"]
    assert batches(broken) == records


def test_record_of_an_interrupted_rollback_does_not_count_as_run(app, run):
    free_the_names(app)
    app.sql("INSERT INTO migrations (migration, batch) VALUES (%s, %s)", FAILED, ROLLBACK_BATCH)
    done = run("migrate", migrations=[FAILED])
    assert not done["failed"] and done["effect"]["recorded"] == [FAILED, FOLLOWING]
    assert done["queries"][0] == "DELETE FROM `migrations` WHERE batch = 2000000000"
    assert batches(app)[FAILED] == 2


def test_killed_rollback_leaves_a_record_that_says_what_it_is(broken, run):
    """The process ends for good between the record and the rollback, as with a lost connection."""
    records = batches(broken)
    php = Path(broken.dir, "slow php")
    pid = Path(broken.dir, "pid")
    php.write_text(
        f'#!/bin/sh\ncase "$1" in artisan) echo $$ > "{pid}"; exec sleep 30;; '
        '*) exec php "$@";; esac\n',
        encoding="utf-8",
    )
    php.chmod(0o755)
    process = start(
        "migration_rollback",
        {"laravel_path": broken.app, "laravel_php": str(php), "migration": FAILED},
    )
    _until(lambda: FAILED in batches(broken) and pid.exists() and pid.read_text())
    process.kill()
    process.wait()
    os.kill(int(pid.read_text()), signal.SIGKILL)
    _until(lambda: not is_busy(broken.app))
    assert batches(broken) == {**records, FAILED: ROLLBACK_BATCH}
    php.unlink()
    assert not run("migrate:rollback", migration=FAILED)["failed"]
    assert batches(broken) == records


def test_rollback_of_a_recorded_migration_by_name(app, run):
    before = batches(app)
    done = run("migrate:rollback", migration=LAST, recorded=True)
    assert done["changed"] and done["effect"]["forgotten"] == [LAST]
    before.pop(LAST)
    assert batches(app) == before
    assert len(done["queries"]) == 1


# Any other command


def test_other_commands(app, run):
    before = state(app)
    for command in ("migrate:status", "route:list", "db:seed"):
        assert not run(command, check_mode=True)["failed"]
    assert state(app) == before
    assert LAST in run("migrate:status")["stdout"]
    listed = run("route:list")
    assert "api/skp" in listed["stdout"] and not listed["changed"]
    failed = run("no:such")
    assert failed["failed"] and failed["rc"] == 1 and "no:such" in failed["msg"]
    assert run("migrate:rollback", arguments=["--step=1"])["effect"]["forgotten"] == [LAST]


def test_commands_without_a_database_need_none(app, run):
    app.set_dotenv(DB_SOCKET="/nonexistent/socket")
    assert not run("route:list")["failed"]
    assert run("down")["changed"] and run("up")["changed"]
    failed = run("migrate")
    assert failed["failed"] and "Nothing was changed" in failed["msg"]


def test_one_start_of_php_beside_artisan_itself(app, run, monkeypatch):
    app.broken()
    starts = mock.Mock(wraps=run_php)
    for module in (artisan, probe):
        monkeypatch.setattr(module, "run_php", starts)
    run("down", contents=True)
    run("migrate:rollback", migration=FAILED)
    run("up")
    assert starts.call_count == 6


@pytest.mark.parametrize("command", ["", "--version", "a\nb"])
def test_names_that_are_no_commands(run, command):
    failed = run(command)
    assert failed["failed"] and "not the name of an artisan command" in failed["msg"]


@pytest.mark.parametrize("command", ["down", "up", "migrate"])
def test_a_command_that_has_a_module_of_its_own_is_refused(app, run_module, command):
    failed = run_module("artisan", laravel_path=app.app, command=command)
    assert failed["failed"] and "which is for the module m" in failed["msg"]
