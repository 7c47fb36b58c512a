# SPDX-License-Identifier: GPL-3.0-or-later
"""Option 3 on a real server and application: what is lost, what is built, and the way back."""

from __future__ import annotations

from pathlib import Path

import pytest
from inquiry import DIAGNOSE, OPTION_3, inquire, repair
from playbook import play
from release import OURS, create, prohibit
from window import Watched

FAILED = "2026_01_25_000000_total_refactor_skp_system"
CREATE = "2025_12_01_000000_create_skp_tahunan_table"


@pytest.fixture
def present(kept):
    """The application before the release that fails, with what no migration makes."""
    reset(kept)
    as_application(
        kept,
        "CREATE TABLE arsip (id INT PRIMARY KEY)",
        "INSERT INTO arsip VALUES (7)",
        "CREATE VIEW pegawai AS SELECT id, name FROM users",
        "CREATE PROCEDURE hitung() SELECT COUNT(*) FROM users",
        "CREATE EVENT bersih ON SCHEDULE EVERY 1 YEAR DO DELETE FROM cache",
    )
    return kept


def as_application(sandbox, *statements):
    """Run statements as the application's account, to which what it makes belongs."""
    with sandbox.server.connect(
        user=sandbox.user, password=sandbox.password.encode(), database=sandbox.database
    ) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        connection.commit()


def reset(sandbox, state="present"):
    """Bring the sandbox into the state, with another schema beside the application's.

    "present" comes without the release whose migrations collide on an empty schema too.
    """
    getattr(sandbox, state)()
    if state == "present":
        sandbox.withdraw()
    sandbox.sql("CREATE DATABASE tetangga")
    sandbox.sql("CREATE TABLE tetangga.users (id BIGINT UNSIGNED PRIMARY KEY)")
    sandbox.sql("INSERT INTO tetangga.users VALUES (1), (2)")


def fresh(sandbox, by=repair, **variables):
    return by(sandbox, OPTION_3, **variables)


def state(sandbox):
    """Return every row and definition, and every file: maintenance mode is one of them."""
    return sandbox.schema_dump(), sandbox.files()


def up(sandbox):
    return not Path(sandbox.app, "storage", "framework", "down").exists()


def objects(sandbox):
    """Return (views, routines, events) of the schema."""
    return tuple(
        len(sandbox.sql(f"SELECT 1 FROM information_schema.{where} = %s", sandbox.database))
        for where in (
            "views WHERE table_schema",
            "routines WHERE routine_schema",
            "events WHERE event_schema",
        )
    )


def neighbour(sandbox):
    return sandbox.sql("SELECT id FROM tetangga.users"), sandbox.sql("SHOW TABLES FROM tetangga")


def test_it_is_emptied_built_and_seeded(present):
    beside = neighbour(present)
    present.sql("UPDATE users SET name = 'Lain'")
    present.sql("DELETE FROM jobs")
    run = fresh(present, play, fresh_confirm=present.database)
    assert run.rc == 0, run.screen
    report = run.report
    assert report["outcome"] == "rebuilt" and report["backup"]["proof_level"] == "L2"
    assert "backup_before_fix_" in report["backup"]["path"]
    # Only what the migrations make is there, with the seeder's rows.
    assert present.rows("arsip") is None and objects(present) == (0, 0, 0)
    assert present.rows("users") == 300 and present.sql(
        "SELECT COUNT(*) FROM users WHERE name = 'Lain'"
    ) == [(0,)]
    assert present.holders("fk_skp_tahunan_user") == ["skp_tahunan"]
    assert neighbour(present) == beside and up(present)
    assert [name for (name,) in present.sql("SHOW DATABASES") if "__fix_fk" in name] == []
    for told in ("arsip", "pegawai", "PROCEDURE hitung", "bersih"):
        assert told in run.screen, told
    assert len(run.modules()) <= 14, run.modules()
    assert present.password not in run.everything()


def test_the_option_and_its_playbook_are_the_same_and_no_seeder_is_run(present):
    with Watched(present) as window:
        run = play(present, option="3", fresh_confirm=present.database, fresh_seed=False)
    assert run.rc == 0 and run.report["outcome"] == "rebuilt", run.screen
    window.agrees_with(run.report)
    assert present.rows("users") == 0


def test_only_the_list_goes(kept):
    reset(kept)
    as_application(
        kept,
        "CREATE TABLE arsip (id INT PRIMARY KEY)",
        "INSERT INTO arsip VALUES (7)",
        "CREATE VIEW pegawai AS SELECT id, nama FROM units",
        "ALTER TABLE units ADD COLUMN lama INT",
        "CREATE VIEW basi AS SELECT id, lama FROM units",
    )
    listed = [
        name for (name,) in kept.sql("SHOW TABLES") if name not in ("arsip", "pegawai", "basi")
    ]
    run = fresh(kept, fresh_confirm=kept.database, fresh_tables=[*listed, "tidak_ada"])
    assert run.rc == 0, run.screen
    assert kept.rows("arsip") == 1 and kept.rows("users") == 300
    assert objects(kept)[0] == 2 and kept.rows("pegawai") == 24
    assert "Left over, outside fresh_tables: arsip" in run.screen
    (left,) = [check for check in run.report["checks"] if "left over" in check["check"]]
    assert left["look"] and "arsip" in left["detail"]
    assert left["detail"].endswith("not there: basi")


def test_an_empty_schema_needs_no_proof(kept):
    reset(kept)
    kept.sql(f"DROP DATABASE `{kept.database}`")
    kept.sql(f"CREATE DATABASE `{kept.database}`")
    run = fresh(kept, fresh_confirm=kept.database)
    assert run.rc == 0, run.screen
    assert kept.rows("users") == 300
    assert "prove" not in [step["id"] for step in run.report["steps"]]


def test_check_writes_nothing(present):
    before = state(present)
    run = fresh(present, play, check=True, fresh_confirm=present.database)
    assert run.rc == 0, run.screen
    assert "DROP TABLE IF EXISTS `users`" in run.screen
    assert run.stats("changed") == 0 and run.reports == {} and state(present) == before


# --- the way back -----------------------------------------------------------------------------


def restore(sandbox, run):
    """Carry out the restore that the run names next."""
    told = run.report["next"]
    assert "ansible-playbook playbooks/restore.yml -i " in told, told
    variable, _, value = told.rpartition("-e ")[2].partition("=")
    assert variable == "restore_backup"
    return play(sandbox, "playbooks/restore.yml", restore_backup=value)


def test_what_fails_after_the_drop_is_put_back(kept):
    """The full circle: broken, Option 3, restore, and the diagnosis is what it was."""
    reset(kept, "broken")
    before, diagnosis = kept.schema_dump(), inquire(kept, DIAGNOSE).report["diagnosis"]
    run = fresh(kept, play, fresh_confirm=kept.database, fresh_anyway=kept.database)
    assert run.rc != 0 and run.report["outcome"] == "failed"
    assert kept.rows("users") == 0 and not up(kept)
    assert "fk_skp_tahunan_user" in run.report["summary"]
    back = restore(kept, run)
    assert back.rc == 0, back.screen
    assert kept.schema_dump() == before and up(kept)
    assert inquire(kept, DIAGNOSE).report["diagnosis"] == diagnosis


def test_a_seeder_that_fails_leads_back_too(present):
    before = present.schema_dump()
    seeder = Path(present.app, "database", "seeders", "DatabaseSeeder.php")
    seeder.write_text(
        seeder.read_text(encoding="utf-8").replace("mt_srand(", "throw new \\Exception('benih');("),
        encoding="utf-8",
    )
    run = fresh(present, play, fresh_confirm=present.database)
    assert run.rc != 0 and "benih" in run.report["summary"], run.report["summary"]
    # The schema is as the migrations make it, and no failed migration would be found in it.
    left = state(present)
    other = inquire(present)
    assert other.rc != 0 and other.report["diagnosis"]["verdict"] == "fresh_unfinished"
    assert "playbooks/restore.yml -i" in other.message() and state(present) == left
    assert restore(present, run).rc == 0
    assert present.schema_dump() == before and up(present)


# --- refusals ---------------------------------------------------------------------------------


def refused(sandbox, verdict, *words, by=inquire, **variables):
    """See that it refuses in one paragraph and changes nothing; return what was said."""
    before, beside = state(sandbox), neighbour(sandbox)
    run = fresh(sandbox, by, **variables)
    assert run.rc != 0, run.screen
    assert state(sandbox) == before and neighbour(sandbox) == beside
    assert run.stats("changed") == 0
    report = run.report
    told = report["summary"]
    assert (report["outcome"], report["diagnosis"]["verdict"]) == ("refused", verdict), told
    assert told.startswith(f"[{verdict}] ") and run.message() == told and "\n" not in told
    assert told.index("Found: ") < told.index("Nothing was changed") < told.index("Next: "), told
    assert told.count("Next: ") == 1
    for word in words:
        assert word in told, (word, told)
    assert "Traceback" not in run.screen and sandbox.password not in run.everything()
    return run


def test_it_wants_the_schemas_name_and_shows_what_would_be_lost(present):
    confirmed = f"-e fresh_confirm={present.database}"
    run = refused(present, "fresh_not_confirmed", confirmed, by=play)
    for told in ("arsip", "pegawai", "PROCEDURE hitung", "bersih"):
        assert told in run.screen, told
    refused(present, "fresh_not_confirmed", "tetangga", fresh_confirm="tetangga")


def test_migrations_that_collide_with_themselves_are_foreseen(kept):
    reset(kept, "broken")
    refused(
        kept, "fresh_would_fail", FAILED, CREATE, "fk_skp_tahunan_user",
        "playbooks/option_3_fresh.yml -i", f"-e fresh_anyway={kept.database}",
    )  # fmt: skip
    refused(kept, "fresh_would_fail", fresh_confirm=kept.database)
    refused(
        kept, "fresh_would_fail", fresh_confirm=kept.database, fresh_anyway="tetangga",
    )  # fmt: skip


def test_what_the_migrations_do_not_build_is_not_expected_afterwards(present):
    missed = {"name": "fk_x", "table": "users", "columns": ["id"], "referenced_table": "users",
              "referenced_columns": ["id"]}  # fmt: skip
    refused(
        present, "would_not_verify", "fk_x of users", "expected_constraints",
        fresh_confirm=present.database, expected_constraints=[missed],
    )  # fmt: skip


def test_prohibited_commands_are_respected(kept):
    reset(kept)
    prohibit(kept)
    refused(
        kept, "destructive_commands_prohibited", "prohibitDestructiveCommands",
        fresh_confirm=kept.database,
    )  # fmt: skip


def test_a_read_only_server_is_refused(kept):
    reset(kept)
    kept.sql("SET GLOBAL read_only = 1")
    try:
        refused(kept, "not_writable", "read-only", fresh_confirm=kept.database)
    finally:
        kept.sql("SET GLOBAL read_only = 0")


def test_a_schema_of_the_servers_own_is_refused(kept):
    reset(kept)
    kept.sql(f"GRANT SELECT ON mysql.* TO {kept.user}@localhost")
    kept.set_dotenv(DB_DATABASE="mysql")
    try:
        refused(kept, "system_schema", "mysql", "DB_DATABASE", fresh_confirm="mysql")
    finally:
        kept.set_dotenv(DB_DATABASE=kept.database)
        kept.sql(f"REVOKE SELECT ON mysql.* FROM {kept.user}@localhost")


def test_a_list_without_the_migrations_table_is_refused(kept):
    reset(kept)
    refused(
        kept, "migrations_table_not_listed", "migrations", fresh_confirm=kept.database,
        fresh_tables=["users"],
    )  # fmt: skip


def test_a_seeder_that_is_not_there_is_refused(kept):
    reset(kept)
    Path(kept.app, "database", "seeders", "DatabaseSeeder.php").unlink()
    refused(kept, "no_seeder", fresh_confirm=kept.database, fresh_seed="true")


def test_variables_of_the_wrong_type_are_refused(kept):
    reset(kept)
    refused(kept, "bad_input", "fresh_confirm is not text", fresh_confirm=83)


def stopped(sandbox, *words, by=repair, **variables):
    """See that a module stops it, before anything is dropped and with nothing left behind."""
    before, beside = sandbox.schema_dump(), neighbour(sandbox)
    run = fresh(sandbox, by, fresh_confirm=sandbox.database, **variables)
    assert run.rc != 0, run.screen
    assert sandbox.schema_dump() == before and neighbour(sandbox) == beside and up(sandbox)
    told = run.report["summary"]
    assert "\n" not in told and told.count("Next: ") == 1, told
    for word in words:
        assert word in told, (word, told)
    return run


def test_a_backup_that_cannot_be_proven_is_not_enough(kept):
    reset(kept)
    account = f"'{kept.user}'@'localhost'"
    scratch = f"{kept.database}__fix_fk".replace("_", "\\_") + "%"
    kept.sql(f"REVOKE ALL PRIVILEGES ON `{scratch}`.* FROM {account}")
    try:
        stopped(kept, "cannot be proven", "GRANT ALL PRIVILEGES ON", by=play)
    finally:
        kept.sql(f"GRANT ALL PRIVILEGES ON `{scratch}`.* TO {account}")


def test_what_would_point_at_nothing_is_refused(kept):
    reset(kept)
    kept.sql(
        "CREATE TABLE lampiran (id BIGINT UNSIGNED PRIMARY KEY,"
        " CONSTRAINT fk_lampiran FOREIGN KEY (id) REFERENCES users (id))"
    )
    stopped(kept, "lampiran (fk_lampiran, to users)", fresh_tables=["users", "migrations"])


def test_another_schema_that_refers_to_it_is_refused(kept):
    reset(kept)
    kept.sql(
        "CREATE TABLE tetangga.anak (id BIGINT UNSIGNED PRIMARY KEY, CONSTRAINT fk_anak"
        f" FOREIGN KEY (id) REFERENCES `{kept.database}`.users (id))"
    )
    kept.sql(f"GRANT SELECT, REFERENCES ON tetangga.* TO '{kept.user}'@'localhost'")
    try:
        stopped(kept, "tetangga.anak (fk_anak, to users)")
    finally:
        kept.sql("DROP TABLE tetangga.anak")
        kept.sql(f"REVOKE ALL PRIVILEGES ON tetangga.* FROM '{kept.user}'@'localhost'")


def test_a_migration_that_cannot_follow_what_is_left(kept):
    reset(kept)
    kept.add_migration(OURS, create("arsip"))
    kept.sql("CREATE TABLE arsip (id INT PRIMARY KEY)")
    listed = [name for (name,) in kept.sql("SHOW TABLES") if name != "arsip"]
    refused(
        kept, "fresh_would_fail", OURS, "arsip", fresh_confirm=kept.database, fresh_tables=listed
    )


@pytest.mark.parametrize("schema", ["mysql", "tetangga"])
def test_the_module_empties_only_the_schema_that_is_named(kept, run_module, schema):
    reset(kept)
    before = kept.schema_dump()
    told = run_module(
        "schema_empty",
        database_socket=kept.socket,
        database_user=kept.server.user,
        database_name="mysql" if schema == "mysql" else kept.database,
        schema=schema,
    )
    assert (
        told["failed"] and "is not emptied" in told["msg"] and "Nothing was changed" in told["msg"]
    )
    assert kept.schema_dump() == before
