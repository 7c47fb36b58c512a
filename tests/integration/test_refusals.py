# SPDX-License-Identifier: GPL-3.0-or-later
"""Every refusal of a run, provoked on a real server and application: what the operator is told,
that the run fails, and that nothing changed.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from pathlib import Path

import pytest
from inquiry import inquire, repair
from playbook import play
from release import (
    BACKUP,
    OURS,
    RENAME_AND_CREATE,
    RENAME_BACK,
    TAKEN,
    create,
    fails,
    foreign,
    migrate,
)
from sandbox import ON_MARIADB

FAILED = "2026_01_25_000000_total_refactor_skp_system"
CREATE = "2025_12_01_000000_create_skp_tahunan_table"
# Columns that do not go together.
UNLIKE = 1005 if ON_MARIADB else 3780
# How to make a replica, and no replica, and the right to see that it is one.
REPLICA = (
    ("CHANGE MASTER TO MASTER_HOST = '127.0.0.1'", "RESET SLAVE ALL", "SLAVE MONITOR")
    if ON_MARIADB
    else (
        "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1'",
        "RESET REPLICA ALL",
        "REPLICATION CLIENT",
    )
)


def state(sandbox):
    """Return every row and definition, and every file: maintenance mode is one of them."""
    return sandbox.schema_dump(), sandbox.files()


def refused(sandbox, verdict, *words, ask=inquire, **variables):
    """Run the repair, see that it refuses and changed nothing; return what was said."""
    before = state(sandbox)
    run = ask(sandbox, **variables)
    assert state(sandbox) == before
    assert run.rc != 0, run.screen
    assert run.stats("changed") == 0
    report = run.report
    assert report["diagnosis"]["verdict"] == verdict, report["summary"]
    helpful(run, report, *words)
    assert run.message() == report["summary"] and report["summary"].startswith(f"[{verdict}] ")
    assert sandbox.password not in run.everything()
    return run


def helpful(run, report, *words):
    """See that a refusal is one paragraph that says what was found, left and is to be done."""
    told = report["summary"]
    assert (report["outcome"], report["ok"]) == ("refused", False)
    assert "\n" not in told and "Traceback" not in run.screen
    assert told.index("Found: ") < told.index("Nothing was changed") < told.index("Next: "), told
    assert told.count("Nothing was changed") == told.count("Next: ") == 1, told
    for word in words:
        assert word in told


def grant_only(sandbox, rights, *tables):
    """Leave the application's account these rights on its schema, or on single tables of it."""
    account = f"'{sandbox.user}'@'localhost'"
    sandbox.sql(f"REVOKE ALL PRIVILEGES, GRANT OPTION FROM {account}")
    for table in tables or ("*",):
        sandbox.sql(f"GRANT {rights} ON `{sandbox.database}`.{table} TO {account}")


# --- what stands in the way: each brings the sandbox there, and may return variables ----------


def leftover_has_rows(sandbox):
    sandbox.broken()
    sandbox.sql("INSERT INTO skp_tahunan (user_id, tahun) SELECT id, 2027 FROM users LIMIT 3")
    # An application that is down stays down.
    assert sandbox.artisan("down").returncode == 0


def live_by_its_migration(sandbox):
    sandbox.present()
    made = "2025_12_24_000000_create_pemeriksaan_table"
    sandbox.add_migration(made, create("pemeriksaan", foreign("fk_penilai")))
    assert migrate(sandbox, made).returncode == 0
    fails(sandbox, TAKEN, create("penilaian", foreign("fk_penilai")))


def live_by_the_code(sandbox):
    """No migration made the holder, but the application's code names it."""
    sandbox.present()
    made_by_hand(sandbox)
    model = Path(sandbox.app, "app", "Models", "Arsip.php")
    model.parent.mkdir(exist_ok=True)
    model.write_text("<?php\nclass Arsip { protected $table = 'arsip'; }\n", encoding="utf-8")


def made_by_hand(sandbox):
    sandbox.present()
    sandbox.sql(
        "CREATE TABLE arsip (id BIGINT UNSIGNED PRIMARY KEY, user_id BIGINT UNSIGNED,"
        " CONSTRAINT fk_penilai FOREIGN KEY (user_id) REFERENCES users (id))"
    )
    fails(sandbox, TAKEN, create("penilaian", foreign("fk_penilai")))


def renamed_by_hand(sandbox):
    """That it was renamed is certain; that the failed migration did it is said by nobody."""
    sandbox.present()
    sandbox.sql("RENAME TABLE skp_tahunan TO skp_arsip")
    key = foreign("fk_skp_tahunan_user")
    fails(sandbox, TAKEN, create("skp_tahunan", key), "Schema::dropIfExists('skp_tahunan');")


def renamed_before_the_history(sandbox):
    """The migration that would tell is recorded and its file is gone."""
    renamed_by_hand(sandbox)
    Path(sandbox.app, "database", "migrations", f"{CREATE}.php").unlink()


def rights_on_tables_only(sandbox):
    sandbox.broken()
    grant_only(sandbox, "ALL PRIVILEGES", "migrations", "skp_tahunan", "users")


def right_to_select_only(sandbox):
    sandbox.broken()
    grant_only(sandbox, "SELECT")


def rights_missing(sandbox):
    sandbox.broken()
    grant_only(sandbox, "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, LOCK TABLES")


def rights_missing_for_artisan(sandbox):
    """Another account has every right, and artisan has the application's own in any case."""
    rights_missing(sandbox)
    sandbox.sql("CREATE USER 'admin'@'localhost' IDENTIFIED BY 'other'")
    sandbox.sql(f"GRANT ALL PRIVILEGES ON `{sandbox.database}`.* TO 'admin'@'localhost'")
    return {"database_user": "admin", "database_password": "other"}


def columns_of_other_types(sandbox):
    sandbox.present()
    key = foreign("fk_units", "nama")
    fails(sandbox, UNLIKE, f"Schema::table('units', function (Blueprint $table) {{ {key} }});")


def rows_without_a_parent(sandbox):
    sandbox.present()
    up = (
        "Schema::create('penilaian', function (Blueprint $table) {"
        " $table->id(); $table->unsignedBigInteger('user_id'); });"
        "DB::table('penilaian')->insert(['user_id' => 999999]);"
        "Schema::table('penilaian', function (Blueprint $table) {" + foreign("fk_penilai") + "});"
    )
    fails(sandbox, 1452, up)


def index_name_taken(sandbox):
    sandbox.present()
    up = (
        "Schema::table('skp_tahunan', function (Blueprint $table) {"
        " $table->index('status', 'skp_tahunan_user_id_tahun_unique'); });"
    )
    fails(sandbox, 1061, up)


def column_missing(sandbox):
    sandbox.present()
    fails(sandbox, 1054, "DB::table('users')->update(['tidak_ada' => 'rahasia']);")


def migration_drops_rows(sandbox):
    sandbox.present()
    fails(sandbox, TAKEN, RENAME_AND_CREATE + "Schema::drop('progres_harian');", RENAME_BACK)


def migration_drops_a_parent(sandbox):
    """Run again it would get further, and fail with 1451."""
    sandbox.present()
    fails(sandbox, TAKEN, RENAME_AND_CREATE + "Schema::drop('indikator_kinerja');", RENAME_BACK)
    return {"remigrate_accept_loss": ["indikator_kinerja"]}


def leftover_is_referred_to(sandbox):
    sandbox.present()
    fails(sandbox, TAKEN, RENAME_AND_CREATE)
    sandbox.sql(
        "CREATE TABLE lampiran (id BIGINT UNSIGNED PRIMARY KEY, skp_id BIGINT UNSIGNED,"
        " CONSTRAINT fk_lampiran FOREIGN KEY (skp_id) REFERENCES skp_tahunan (id))"
    )


def literal_without_a_name(sandbox):
    sandbox.broken()
    return {"rollback_strategy": "literal"}


def literal_by_name(sandbox):
    sandbox.broken()
    return {"rollback_strategy": "literal", "rollback_migration": CREATE}


def not_pending(sandbox):
    sandbox.broken()
    return {"incident_migration": CREATE}


def not_in_the_code(sandbox):
    sandbox.broken()
    return {"incident_migration": "2026_01_25_000000_total_refactor_skp"}


def a_number_for_a_name(sandbox):
    """As AWX hands over the survey's answer '0083'."""
    sandbox.broken()
    return {"incident_migration": 83}


def migration_unreadable(sandbox):
    sandbox.present()
    fails(sandbox, "", "\\App\\Hilang::jalan();")
    return {"incident_migration": OURS}


def one_name_twice_in_the_code(sandbox):
    sandbox.present()
    up = create("penilaian", foreign("fk_penilai")) + create("penilaian_b", foreign("fk_penilai"))
    down = "Schema::dropIfExists('penilaian'); Schema::dropIfExists('penilaian_b');"
    fails(sandbox, TAKEN, up, down)


def password_is_another(sandbox):
    sandbox.broken()
    sandbox.set_dotenv(DB_PASSWORD="bukan kata sandinya")


def database_is_another(sandbox):
    sandbox.broken()
    sandbox.set_dotenv(DB_DATABASE="gaspulco_lama")


REFUSALS = [
    (leftover_has_rows, "leftover_has_rows", ["skp_tahunan", BACKUP, "artisan down"]),
    (live_by_its_migration, "live_table_holds_the_name",
     ["pemeriksaan is created", "2025_12_24_000000_create_pemeriksaan_table"]),
    (live_by_the_code, "live_table_holds_the_name", ["app/Models/Arsip.php"]),
    (made_by_hand, "holder_not_identified", ["missing: a migration that creates arsip"]),
    (renamed_by_hand, "holder_not_identified",
     ["skp_arsip is skp_tahunan, renamed", "missing: a migration that creates skp_arsip"]),
    (renamed_before_the_history, "holder_not_identified", [f"{CREATE} is recorded but"]),
    (rights_on_tables_only, "cannot_see", ["on single tables only", "GRANT ALL PRIVILEGES"]),
    (right_to_select_only, "cannot_see", ["only SELECT", "GRANT ALL PRIVILEGES"]),
    (rights_missing, "missing_rights", ["GRANT DROP, REFERENCES ON `gaspulco_lkbkanwil`.*"]),
    (rights_missing_for_artisan, "missing_rights",
     ["gaspul_user@localhost lacks DROP, REFERENCES"]),
    (columns_of_other_types, "columns_do_not_match", [str(UNLIKE), "SHOW CREATE TABLE", "`nama`"]),
    (rows_without_a_parent, "orphan_rows",
     ["1452", "SELECT c.* FROM `penilaian` c WHERE NOT EXISTS", "`fk_penilai`"]),
    (index_name_taken, "index_name_taken", ["1061", "skp_tahunan_user_id_tahun_unique"]),
    (column_missing, "another_error", ["1054", "tidak_ada", f"incident_migration={OURS}"]),
    (migration_drops_rows, "migration_would_lose_rows",
     ["drop table `progres_harian`", '{"remigrate_accept_loss": ["progres_harian"]}']),
    (migration_drops_a_parent, "no_safe_rollback",
     ["the migration would still fail: table ", "refers to indikator_kinerja"]),
    (leftover_is_referred_to, "no_safe_rollback",
     ["no down()", "lampiran refers to skp_tahunan"]),
    (literal_without_a_name, "no_safe_rollback", [f"rollback_migration={CREATE}"]),
    (literal_by_name, "no_safe_rollback", ["migrate:rollback --step=1 as it stands: "]),
    (not_pending, "not_pending", [f"{CREATE}, which is recorded as run", FAILED]),
    (not_in_the_code, "not_pending", ["which is not in the code", FAILED]),
    (a_number_for_a_name, "bad_input", ["incident_migration is not text"]),
    (migration_unreadable, "migration_unreadable", ["Hilang", "migrate --pretend"]),
    (one_name_twice_in_the_code, "names_collide_in_the_code", ["fk_penilai", "penilaian_b"]),
    (password_is_another, "no_connection", ["1045", "DB_PASSWORD"]),
    (database_is_another, "no_connection", ["gaspulco_lama", "DB_DATABASE"]),
]  # fmt: skip


# The playbook says the same as the inquiry; what only it can do is to read variables.
PLAYED = (leftover_has_rows, rows_without_a_parent, a_number_for_a_name, password_is_another)


@pytest.mark.parametrize(
    "arrange, verdict, words", REFUSALS, ids=[case[0].__name__ for case in REFUSALS]
)
def test_the_run_refuses(kept, arrange, verdict, words):
    variables = arrange(kept) or {}
    run = refused(kept, verdict, *words, ask=play if arrange in PLAYED else inquire, **variables)
    # The values of rows are not for a report.
    assert "rahasia" not in "".join([run.screen, run.page, str(run.report)])


def test_a_copy_made_by_hand_is_given_up_by_its_name(kept):
    """What Next says is done as it stands: the key goes, the rows of the copy stay."""
    made_by_hand(kept)
    kept.sql("INSERT INTO arsip SELECT id, id FROM users LIMIT 3")
    told = refused(kept, "holder_not_identified", "fk_drop_from", ask=inquire)
    given = json.loads(told.report["next"].split("'")[-2])
    run = repair(kept, **given)
    assert run.rc == 0, run.screen
    assert kept.rows("arsip") == 3 and kept.holders("fk_penilai") == ["penilaian"]


@pytest.mark.parametrize(
    "right, told",
    [
        ("USAGE", "Whether one stands now is not for this account to see"),
        ("PROCESS", "Standing now: connection {} of {} from localhost"),
    ],
)
def test_a_lock_wait_names_the_blocker_if_it_may_be_seen(kept, right, told):
    kept.present()
    kept.sql(f"GRANT {right} ON *.* TO '{kept.user}'@'localhost'")
    with contextlib.closing(kept.server.connect(database=kept.database)) as blocker:
        blocker.begin()
        with blocker.cursor() as cursor:
            cursor.execute("SELECT 1 FROM units LIMIT 1")
        up = (
            "DB::statement('SET SESSION lock_wait_timeout = 1');"
            "Schema::table('units', function (Blueprint $table) { $table->integer('luas'); });"
        )
        fails(kept, 1205, up)
        refused(kept, "lock_wait", told.format(blocker.thread_id(), kept.server.user))


def test_a_cached_configuration_that_differs(kept):
    """Which side is meant is for the operator to say; passwords are on neither side."""
    kept.broken()
    password = kept.password
    assert kept.artisan("config:cache").returncode == 0
    kept.set_dotenv(DB_DATABASE="gaspulco_baru", DB_PASSWORD="kata sandi baru")
    run = refused(
        kept,
        "configuration_differs",
        ".database is gaspulco_lkbkanwil in the cached configuration and gaspulco_baru in .env",
        ".password is (not shown) in the cached configuration and (not shown) in .env",
        "config:cache",
    )
    assert password not in run.everything()


def test_a_server_that_is_down(kept):
    kept.broken()
    dump, files = state(kept)
    kept.server.stop()
    try:
        run = play(kept)
        assert run.rc != 0 and kept.files() == files
    finally:
        kept.server.start()
    assert kept.schema_dump() == dump
    assert run.report["diagnosis"]["verdict"] == "no_connection"
    helpful(run, run.report, "2002")


@pytest.mark.parametrize(
    "make, undo, right, told",
    [
        ("SET GLOBAL read_only = 1", "SET GLOBAL read_only = 0", "USAGE", "is read-only"),
        (*REPLICA, "is a replica"),
    ],
    ids=["read_only", "replica"],
)  # fmt: skip
def test_a_server_that_is_not_to_be_written(kept, make, undo, right, told):
    kept.broken()
    kept.sql(f"GRANT {right} ON *.* TO '{kept.user}'@'localhost'")
    kept.sql(make)
    try:
        refused(kept, "not_writable", told, "DB_HOST")
    finally:
        kept.sql(undo)


@pytest.mark.skipif(not ON_MARIADB, reason="MySQL holds table and constraint in one dictionary")
def test_constraints_of_tables_that_do_not_exist(kept):
    """InnoDB still knows the table; its definition was lost, as a crash or a bad copy leaves it."""
    kept.broken()
    kept.sql(f"GRANT PROCESS ON *.* TO '{kept.user}'@'localhost'")
    kept.sql(
        "CREATE TABLE hilang (id BIGINT UNSIGNED PRIMARY KEY,"
        " CONSTRAINT fk_hilang FOREIGN KEY (id) REFERENCES users (id))"
    )
    kept.sql("FLUSH TABLES")
    os.unlink(os.path.join(kept.server.data, kept.database, "hilang.frm"))
    refused(kept, "orphan_dictionary_rows", "fk_hilang", "administrator")


# --- runs that cannot even begin --------------------------------------------------------------


def test_hosts_of_which_nothing_can_be_learned(kept):
    """Each is refused by itself, in one run; their variables are what AWX or a slip makes them."""
    kept.broken()
    given = kept.variables()
    wrong = "bukan kata sandinya"
    constraint = given["expected_constraints"][0]
    hosts = {
        "no_application": ({"laravel_path": kept.dir}, "There is no Laravel application in"),
        "no_php": ({"laravel_php": "/opt/php9/bin/php"}, "no PHP to run '/opt/php9/bin/php'"),
        "no_connection": ({"database_connection": "arsip"}, "[arsip] not configured"),
        "no_path": ({"laravel_path": None}, "laravel_path"),
        "refused": ({"database_user": "orang_lain", "database_password": wrong}, "'orang_lain'"),
        "unanswered": ({"database_host": "127.0.0.1", "database_port": 1}, "127.0.0.1:1"),
        "strategy": ({"rollback_strategy": "force"}, "rollback_strategy takes one of"),
        "boolean": ({"rollback_strategy": False}, "rollback_strategy takes one of"),
        "template": ({"incident_migration": "{{ yang_mana }}"}, "'yang_mana' is undefined"),
        "port": ({"database_port": "abc"}, "database_port"),
        "number": ({"database_password": 838383838383, "database_user": "x"}, "database_password"),
        "text": ({"remigrate_accept_loss": "users"}, "remigrate_accept_loss takes a list"),
        "tables": ({"expected_tables": ["users", 83]}, "expected_tables has the entry 83"),
        "constraint": ({"expected_constraints": [{**constraint, "name": 83}]},
                       "expected_constraints, entry 1: name is not text but 83"),
        "columns": ({"expected_constraints": [{**constraint, "columns": [1]}]},
                    "expected_constraints, entry 1: columns has the entry 1"),
    }  # fmt: skip
    before = state(kept)
    run = play({name: {**given, **other} for name, (other, _) in hosts.items()})
    assert state(kept) == before
    assert run.rc != 0 and run.stats("changed") == 0
    assert set(run.reports) == set(hosts)
    for name, (_, told) in hosts.items():
        helpful(run, run.reports[name], told)
    for secret in (kept.password, wrong, "838383838383"):
        assert secret not in run.everything()


@pytest.mark.parametrize("check", [False, True])
def test_two_hosts_that_share_one_database(kept, check):
    """A repair is made once for a database, whatever the paths that lead to it."""
    kept.broken()
    over_tcp = {"database_host": "127.0.0.1", "database_port": kept.port}
    before = state(kept)
    run = play({"web1": kept.variables(), "web2": {**kept.variables(), **over_tcp}}, check=check)
    assert state(kept) == before
    assert run.rc != 0 and run.stats("changed") == 0
    assert "web2 use the same schema gaspulco_lkbkanwil" in run.screen
    for host in () if check else ("web1", "web2"):
        helpful(run, run.reports[host], "the same schema gaspulco_lkbkanwil", "--limit")


def test_an_inventory_without_a_host(kept):
    before = state(kept)
    run = play({})
    assert run.rc != 0 and run.reports == {}
    assert "no host in the group laravel" in run.message() and "-i production" in run.message()
    run = play(kept, fix_fk_group="produksi")
    assert run.rc != 0 and "no host in the group produksi" in run.message()
    assert state(kept) == before


def test_a_plan_that_no_longer_fits_stops_in_the_window(kept):
    """The application wrote into the leftover between the plan and maintenance mode."""
    kept.broken()
    late = "INSERT INTO skp_tahunan (user_id, tahun) SELECT id, 2027 FROM users LIMIT 1"
    php = Path(kept.dir, "php")
    php.write_text(
        '#!/bin/sh\nphp "$@" || exit\n'
        f'[ "$2" != down ] || mariadb --no-defaults --socket="{kept.socket}" '
        f'--user="{kept.server.user}" {kept.database} --execute="{late}"\n',
        encoding="utf-8",
    )
    php.chmod(0o755)
    try:
        files = kept.files()
        run = play(kept, laravel_php=str(php))
        left = {path for path in kept.files() if path not in files}
    finally:
        php.unlink()
        shutil.rmtree(os.path.join(kept.dir, "backups"))
    assert run.rc != 0 and run.report["outcome"] == "failed"
    assert "no longer fits" in run.message() and "Next: " in run.message()
    assert kept.rows("skp_tahunan") == 1 and kept.holders("fk_skp_tahunan_user") == [BACKUP]
    assert FAILED not in kept.recorded()
    # The application is up again, and the backup is what is left.
    assert left and all(path.startswith("backups/") for path in left)
