# SPDX-License-Identifier: GPL-3.0-or-later
"""Every cause of docs/causes.md that no other test makes for real: what is told, and what is done.

What was typed by hand after the failure is repaired here to the end; of the other causes that are
repaired the plan is looked at, since test_verdicts.py carries such plans out.
"""

from __future__ import annotations

import os
import subprocess

import pytest
from inquiry import DIAGNOSE, inquire
from playbook import play
from release import (
    BACKUP,
    KEYS,
    OURS,
    RENAME,
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
NEXT = "2026_01_26_000000_refactor_skp_tahunan_detail"
CREATED = "2025_12_01_000000_create_skp_tahunan_table"
NAMES = ("fk_skp_tahunan_user", "fk_skp_tahunan_approved_by")
CHILDREN = (
    "skp_tahunan_detail_skp_tahunan_id_foreign",
    "rencana_aksi_bulanan_skp_tahunan_id_foreign",
)
# Its key is taken, and its table is made: create(table, key).
PENILAIAN = create("penilaian", foreign("fk_penilai"))


def rows(sandbox):
    """Return {table: its rows in order} of all tables that have rows, but the migrations."""
    tables = [name for (name,) in sandbox.sql("SHOW TABLES") if name != "migrations"]
    found = {name: sorted(map(repr, sandbox.sql(f"SELECT * FROM `{name}`"))) for name in tables}
    return {name: content for name, content in found.items() if content}


def state(sandbox):
    return sandbox.schema_dump(), sandbox.files()


def refused(sandbox, verdict, *words, **variables):
    """See that a run refuses, says so in a paragraph, and changed nothing; return what is next."""
    before = state(sandbox)
    run = inquire(sandbox, **variables)
    assert state(sandbox) == before
    assert run.rc != 0 and run.stats("changed") == 0, run.screen
    told = run.report["summary"]
    assert run.report["diagnosis"]["verdict"] == verdict, told
    assert "Nothing was changed" in told and "\n" not in told
    for word in words:
        assert word in told, told
    return run.report["diagnosis"]["next"]


def planned(sandbox, verdict, way, *words, **variables):
    """See that a run would repair in this way; looking changes nothing."""
    before = state(sandbox)
    run = inquire(sandbox, DIAGNOSE, **variables)
    assert state(sandbox) == before
    assert run.report["outcome"] == "needs_repair", run.screen
    assert run.report["diagnosis"]["verdict"] == verdict
    assert [one["strategy"] for one in run.report["diagnosis"]["strategies"] if one["chosen"]] == [
        way
    ]
    for word in words:
        assert word in str(run.report["steps"]), run.screen


def repaired(sandbox, verdict, **variables):
    """Repair, and find every row again; return the report."""
    before = rows(sandbox)
    run = play(sandbox, **variables)
    assert run.rc == 0, run.screen
    assert run.report["outcome"] == "repaired_rows_aside"
    assert run.report["diagnosis"]["verdict"] == verdict
    moved = "skp_tahunan_detail", "skp_tahunan_detail_backup_v1"
    if moved[0] in before:
        before[moved[1]] = before.pop(moved[0])
    assert rows(sandbox) == before
    assert {FAILED, NEXT, CREATED} <= set(sandbox.recorded())
    assert len(sandbox.recorded()) == len(set(sandbox.recorded()))
    assert [sandbox.holders(name) for name in NAMES] == [["skp_tahunan"]] * 2
    assert sandbox.holders(CHILDREN[0]) == ["skp_tahunan_detail_backup_v1"]
    assert sandbox.holders(CHILDREN[1]) == ["rencana_aksi_bulanan"]
    assert migrate(sandbox).stdout.strip() == "Nothing to migrate."
    return run.report


# --- what was typed by hand after the failure -------------------------------------------------


def test_option_2_by_hand_is_taken_back(kept):
    """The old runbook's Option 2, word for word: a second migration fails on top of the first."""
    kept.broken()
    kept.sql("INSERT INTO migrations (migration, batch) VALUES (%s, 2)", FAILED)
    assert migrate(kept).returncode != 0
    assert kept.holders("fk_detail_v2_skp_tahunan") == ["skp_tahunan_detail"]
    report = repaired(kept, "recorded_without_having_run", rehearsal_level="structure")
    steps = {step["id"]: step for step in report["steps"]}
    assert steps["rehearse"]["state"] == "passed"
    assert FAILED in steps["forget"]["queries"][0] and FAILED in steps["forget"]["undo_queries"][0]


def test_option_2_by_hand_for_all_that_was_pending(kept):
    """Nothing is pending, and artisan has nothing to say."""
    kept.broken()
    query = "INSERT INTO migrations (migration, batch) VALUES (%s, 2), (%s, 2)"
    kept.sql(query, FAILED, NEXT)
    planned(kept, "recorded_without_having_run", "down", f"{NEXT}' AND `batch` = 2")
    kept.sql("INSERT INTO skp_tahunan (user_id, tahun) SELECT id, 2027 FROM users LIMIT 1")
    refused(kept, "leftover_has_rows", "recorded by hand, or by Option 2", "skp_tahunan", BACKUP)


def test_option_1_by_hand_is_taken_back(kept):
    """The old runbook's Option 1, word for word: the wrong migration is rolled back."""
    kept.broken()
    assert kept.artisan("migrate:rollback", "--step=1", "--force").returncode == 0
    planned(kept, "rolled_back_too_far", "rename_back", f"VALUES ('{CREATED}', ")
    assert migrate(kept).returncode != 0
    assert not kept.holders(CHILDREN[1]) and CREATED not in kept.recorded()
    report = repaired(kept, "rolled_back_too_far")
    steps = [step["id"] for step in report["steps"]]
    assert steps.index("rollback") < steps.index("add_back") < steps.index("record")


def test_option_1_by_hand_with_the_constraints_dropped_as_well(kept):
    """What is left does not prove where the rows come from. The SQL that is shown leads out."""
    kept.broken()
    assert kept.artisan("migrate:rollback", "--step=1", "--force").returncode == 0
    for name in NAMES:
        kept.sql(f"ALTER TABLE {BACKUP} DROP FOREIGN KEY {name}")
    # The children's rows refer to rows that are not where they were.
    assert "1452" in migrate(kept).stdout
    told = refused(kept, "rolled_back_too_far", "not certain", f"RENAME TABLE `{BACKUP}`")
    commands = told.split("put them back: ")[1].split(". Then")[0].split("; ")
    for command in commands:
        kept.sql(command.replace("(only while it is empty)", ""))
    assert kept.holders(CHILDREN[1]) == ["rencana_aksi_bulanan"]
    run = play(kept, "playbooks/diagnose.yml")
    assert run.report["outcome"] == "healthy", run.screen
    assert migrate(kept).returncode == 0 and kept.rows(BACKUP) > 0


# --- causes that are repaired: each brings the sandbox there ----------------------------------


def partial_run(sandbox):
    """The first attempt stopped behind a constraint; corrected, the second meets it."""
    sandbox.present()
    key = foreign("fk_penilai")
    up = (
        "Schema::table('master_atasan', function (Blueprint $table) {"
        " $table->foreign('user_id', 'fk_penilai')->references('id')->on('users'); });"
    )
    fails(sandbox, 1146, f"{up} DB::statement('ALTER TABLE hilang ADD x INT');")
    fails(sandbox, TAKEN, up + create("penilaian", key.replace("fk_penilai", "fk_lain")))


def other_case(sandbox):
    sandbox.present()
    keys = [key.replace("'fk_skp_", "'FK_SKP_") for key in KEYS]
    fails(sandbox, TAKEN, RENAME + create("skp_tahunan", *keys), RENAME_BACK)


def dropped_by_hand(sandbox):
    """Somebody looked for the names and found them; the rows are still in the wrong place."""
    sandbox.broken()
    for name in NAMES:
        sandbox.sql(f"ALTER TABLE {BACKUP} DROP FOREIGN KEY {name}")


PLANS = [
    (partial_run, "table_already_has_the_constraint", "inverse",
     "ALTER TABLE `master_atasan` DROP FOREIGN KEY `fk_penilai`"),
    (other_case, "renamed_table_kept_the_name", "down", "DROP FOREIGN KEY `fk_skp_tahunan_user`"),
    (dropped_by_hand, "nothing_in_the_way", "down", "rename table"),
]  # fmt: skip


@pytest.mark.parametrize(
    "arrange, verdict, way, word", PLANS, ids=[case[0].__name__ for case in PLANS]
)
def test_the_cause_is_planned_for(kept, arrange, verdict, way, word):
    arrange(kept)
    planned(kept, verdict, way, word)


# --- causes that are refused ------------------------------------------------------------------


def holds(sandbox, table, name="fk_penilai", **more):
    """Make a table that holds the name, as something other than a migration does."""
    sandbox.present()
    for statement in more.values():
        sandbox.sql(statement)
    sandbox.sql(
        f"CREATE TABLE `{table}` (id BIGINT UNSIGNED PRIMARY KEY, user_id BIGINT UNSIGNED,"
        f" CONSTRAINT `{name}` FOREIGN KEY (user_id) REFERENCES users (id))"
    )


def another_application(sandbox):
    """It has a prefix for its tables, which its constraints do not have."""
    holds(sandbox, "lama_penilaian", other="CREATE TABLE lama_migrations (id INT PRIMARY KEY)")
    fails(sandbox, TAKEN, PENILAIAN)


def shadow_table(sandbox):
    holds(sandbox, "_penilaian_gho")
    fails(sandbox, TAKEN, PENILAIAN)


def online_schema_change(sandbox):
    """pt-online-schema-change has kept the old table, and with it the name of the constraint."""
    sandbox.present()
    sandbox.sql("CREATE OR REPLACE USER dba@localhost IDENTIFIED BY 'dba'")
    sandbox.sql("GRANT ALL PRIVILEGES ON *.* TO dba@localhost")
    subprocess.run(
        ["pt-online-schema-change", "--execute", "--no-drop-old-table", "--no-version-check",
         "--alter=ADD COLUMN urutan INT", "--alter-foreign-keys-method=rebuild_constraints",
         f"--socket={sandbox.socket}", f"D={sandbox.database},t=skp_tahunan,u=dba,p=dba"],
        check=True,
    )  # fmt: skip
    sandbox.sql("DROP USER dba@localhost")
    fails(sandbox, TAKEN, f"Schema::table('skp_tahunan', function ($table) {{ {KEYS[0]} }});")


def backup_over_what_was_there(sandbox):
    """The list of migrations is older than the tables."""
    sandbox.present()
    sandbox.add_migration(OURS, PENILAIAN, "Schema::dropIfExists('penilaian');")
    assert migrate(sandbox, OURS).returncode == 0
    sandbox.sql("INSERT INTO penilaian (user_id) SELECT id FROM users LIMIT 3")
    sandbox.sql("DELETE FROM migrations WHERE migration = %s", OURS)
    fails(sandbox, 1050, PENILAIAN, "Schema::dropIfExists('penilaian');")


def generated_name(sandbox):
    """The server has called the constraint on one column what the migration calls another."""
    sandbox.present()
    unnamed = create("penilaian").replace(
        "});", "}); DB::statement('ALTER TABLE penilaian ADD FOREIGN KEY (user_id)"
        " REFERENCES users (id)');", 1
    )  # fmt: skip
    made = "2025_12_24_000000_create_penilaian_table"
    sandbox.add_migration(made, unnamed)
    assert migrate(sandbox, made).returncode == 0
    key = foreign("penilaian_ibfk_1", "approved_by")
    fails(sandbox, TAKEN, f"Schema::table('penilaian', function (Blueprint $table) {{ {key} }});")


def name_that_will_be_generated(sandbox):
    """Another table has explicitly what the server is about to generate."""
    holds(sandbox, "arsip", "penilaian_ibfk_1")
    up = (
        "DB::statement('CREATE TABLE penilaian (id BIGINT UNSIGNED PRIMARY KEY,"
        " user_id BIGINT UNSIGNED, FOREIGN KEY (user_id) REFERENCES users (id))');"
    )
    fails(sandbox, TAKEN, up)


def without_a_release(sandbox):
    """Nothing is pending."""
    sandbox.present()
    sandbox.withdraw()


def names_per_table(sandbox):
    """The dump of a server on which this worked; here the second table could not be loaded."""
    without_a_release(sandbox)
    for path in ("2025_12_24_000000_create_a", "2025_12_25_000000_create_b"):
        sandbox.add_migration(path, create(f"nilai{path[-2:]}", foreign("fk_penilai")))
        sandbox.sql("INSERT INTO migrations (migration, batch) VALUES (%s, 2)", path)
    sandbox.sql(
        "CREATE TABLE nilai_a (id BIGINT UNSIGNED PRIMARY KEY, user_id BIGINT UNSIGNED,"
        " CONSTRAINT fk_penilai FOREIGN KEY (user_id) REFERENCES users (id))"
    )
    return {"expected_tables": ["nilai_a", "nilai_b"]}


def right_was_missing(sandbox):
    sandbox.present()
    account = f"'{sandbox.user}'@'localhost'"
    sandbox.sql(f"REVOKE CREATE ON `{sandbox.database}`.* FROM {account}")
    fails(sandbox, 1142, PENILAIAN)
    sandbox.sql(f"GRANT CREATE ON `{sandbox.database}`.* TO {account}")


def rows_written_before(sandbox):
    sandbox.present()
    up = "DB::table('users')->where('id', 1)->increment('id', 0);"
    fails(sandbox, TAKEN, up + RENAME + create("skp_tahunan", *KEYS), RENAME_BACK)


def constraint_dropped_when_well(sandbox):
    without_a_release(sandbox)
    sandbox.sql(f"ALTER TABLE skp_tahunan DROP FOREIGN KEY {NAMES[0]}")


def recorded_and_not_run(sandbox):
    """Recorded by hand, of a migration that renames nothing."""
    without_a_release(sandbox)
    sandbox.add_migration(OURS, PENILAIAN)
    sandbox.sql("INSERT INTO migrations (migration, batch) VALUES (%s, 2)", OURS)
    return {"expected_tables": ["penilaian"]}


def recorded_and_taken(sandbox):
    """Recorded by hand, of a migration whose constraint another recorded one has given away."""
    without_a_release(sandbox)
    earlier, later = "2025_12_24_000000_create_a", "2025_12_25_000000_create_b"
    sandbox.add_migration(earlier, create("nilai_a", foreign("fk_penilai")))
    assert migrate(sandbox, earlier).returncode == 0
    sandbox.add_migration(later, create("nilai_b", foreign("fk_penilai")))
    assert migrate(sandbox, later).returncode != 0
    sandbox.sql("INSERT INTO migrations (migration, batch) VALUES (%s, 2)", later)


def twins(sandbox):
    """Left by the dump of a server that takes them for one."""
    holds(sandbox, "arsip")
    sandbox.sql("CREATE TABLE `Penilaian` (id INT PRIMARY KEY)")
    fails(sandbox, TAKEN, PENILAIAN)


REFUSALS = [
    (another_application, "live_table_holds_the_name",
     ["lama_migrations", "another application", "penilaian_fk_penilai"]),
    (shadow_table, "shadow_table_holds_the_name",
     ["gh-ost", "ALTER TABLE `_penilaian_gho` DROP FOREIGN KEY `fk_penilai`"]),
    (online_schema_change, "shadow_table_holds_the_name",
     ["pt-online-schema-change",
      f"ALTER TABLE `_skp_tahunan_old` DROP FOREIGN KEY `{NAMES[0]}`"]),
    (backup_over_what_was_there, "has_run_and_is_not_recorded",
     [f"VALUES ('{OURS}', 2)", "playbooks/restore.yml"]),
    (generated_name, "constraint_is_another", ["penilaian_ibfk_1", "another name"]),
    (name_that_will_be_generated, "holder_not_identified", ["penilaian_ibfk_1", "arsip"]),
    (names_per_table, "names_per_table", ["nilai_a", "nilai_b", "12.1"]),
    (right_was_missing, "right_was_missing", ["1142", "SHOW GRANTS"]),
    (rows_written_before, "migration_would_write_again",
     ["users", '{"remigrate_accept_repeat": ["users"]}']),
    (constraint_dropped_when_well, "constraints_missing",
     [NAMES[0], "playbooks/permanent_fix.yml"]),
    (recorded_and_not_run, "constraints_missing",
     [f"DELETE FROM `migrations` WHERE `migration` = '{OURS}'"]),
    (recorded_and_taken, "constraints_missing",
     ["fk_penilai to nilai_a and to nilai_b", "WHERE `migration` = '2025_12_25_000000_create_b'"]),
    (twins, "tables_differ_in_case", ["Penilaian and penilaian", "rename the other"]),
]  # fmt: skip


@pytest.mark.parametrize(
    "arrange, verdict, words", REFUSALS, ids=[case[0].__name__ for case in REFUSALS]
)
def test_the_cause_is_refused(kept, arrange, verdict, words):
    variables = arrange(kept) or {}
    if not ON_MARIADB and arrange is name_that_will_be_generated:
        pytest.skip("MySQL counts on until it finds a name that is free")
    refused(kept, verdict, *words, **variables)


@pytest.mark.skipif(os.geteuid() != 0 or not ON_MARIADB, reason="only root can mount a small disk")
def test_a_disk_without_room_is_told(kept, tmp_path):
    kept.present()
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=777", "none", disk], check=True)
    try:
        (disk / "full").write_bytes(bytes(65536))
        kept.sql(f"GRANT FILE ON *.* TO '{kept.user}'@'localhost'")
        up = f"DB::statement(\"CREATE TABLE besar (id INT PRIMARY KEY) DATA DIRECTORY='{disk}'\");"
        fails(kept, 1005, up + RENAME_AND_CREATE, RENAME_BACK)
        told = refused(kept, "disk_full", "No more room")
        assert "incident_migration" in told
    finally:
        subprocess.run(["umount", disk], check=True)


def test_the_way_out_of_an_online_schema_change(kept):
    online_schema_change(kept)
    before = rows(kept)
    told = refused(kept, "shadow_table_holds_the_name")
    kept.sql("ALTER TABLE" + told.split("ALTER TABLE")[1].split(";")[0])
    told = refused(kept, "would_not_verify", f"{NAMES[1]} of skp_tahunan, which _skp_tahunan_old")
    for statement in told.split("first (")[1].split("), or take")[0].split("; "):
        kept.sql(statement)
    run = play(kept)
    assert run.rc == 0 and run.report["outcome"] == "repaired", run.screen
    assert rows(kept) == before and kept.holders(NAMES[0]) == ["skp_tahunan"]


def test_the_way_out_of_a_backup_over_what_was_there(kept):
    backup_over_what_was_there(kept)
    told = refused(kept, "has_run_and_is_not_recorded")
    kept.sql(told.split("record the migration: ")[1].split("; then")[0])
    run = play(kept)
    assert run.rc == 0 and run.report["outcome"] == "healthy", run.screen


def test_rows_may_be_written_again_when_that_is_said(kept):
    rows_written_before(kept)
    planned(kept, "renamed_table_kept_the_name", "down", remigrate_accept_repeat=["users"])
