# SPDX-License-Identifier: GPL-3.0-or-later
"""Option 1 on servers that are set up otherwise, and on schemas with everything in them."""

from __future__ import annotations

from pathlib import Path

import pytest
from inquiry import inquire, repair
from playbook import play
from release import OURS, TAKEN, fails, migrate
from sandbox import COLLISION, Sandbox

FAILED = "2026_01_25_000000_total_refactor_skp_system"
NAMES = ("fk_skp_tahunan_user", "fk_skp_tahunan_approved_by")
BACKUP = "skp_tahunan_backup_v1"


def content(sandbox, table):
    return sorted(sandbox.sql(f"SELECT * FROM {table}"), key=repr)


def state(sandbox):
    return sandbox.schema_dump(), sandbox.files()


def repairs(sandbox, by=repair, **variables):
    """Repair it, see that all checks pass and that a second run changes nothing."""
    run = by(sandbox, **variables)
    assert run.rc == 0, run.screen
    assert run.report["outcome"] == "repaired_rows_aside"
    assert all(check["ok"] for check in run.report["checks"]), run.report["checks"]
    after = state(sandbox)
    again = inquire(sandbox, **variables)
    assert again.rc == 0 and again.report["outcome"] == "rows_aside", again.screen
    assert again.stats("changed") == 0 and state(sandbox) == after
    return run


def test_table_names_without_case(tmp_path):
    sandbox = Sandbox(tmp_path / "sandbox", settings=["--lower-case-table-names=1"])
    try:
        sandbox.present()
        # The release has capitals in its names, and the server keeps them in lower case.
        path = Path(sandbox.app, "database", "migrations", f"{FAILED}.php")
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("'skp_tahunan", "'SKP_Tahunan"), encoding="utf-8")
        failed = migrate(sandbox)
        assert failed.returncode != 0 and COLLISION in failed.stdout, failed.stdout
        before = content(sandbox, BACKUP)
        assert before and sandbox.rows("skp_tahunan") == 0
        repairs(sandbox)
        assert content(sandbox, BACKUP) == before
        assert [sandbox.holders(name) for name in NAMES] == [["skp_tahunan"]] * 2
    finally:
        sandbox.absent()


MODES = "ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,STRICT_TRANS_TABLES"


@pytest.mark.parametrize("strategy", ["auto", "rename_back"])
def test_a_server_and_an_application_with_ansi_quotes(kept, run_module, strategy):
    kept.present()
    path = Path(kept.app, "config", "database.php")
    text = path.read_text(encoding="utf-8")
    modes = ", ".join(f"'{mode}'" for mode in MODES.split(","))
    assert "'strict' => true," in text
    path.write_text(text.replace("'strict' => true,", f"'modes' => [{modes}],"), encoding="utf-8")
    kept.sql("UPDATE users SET name = %s WHERE id = 1", "\"a\" \\ 'b' || \\n")
    kept.sql("SET GLOBAL sql_mode = %s", MODES)
    try:
        assert migrate(kept).returncode != 0
        before = content(kept, BACKUP), content(kept, "users")
        # A session of the modules on the host gets the server's modes, too.
        run = repairs(kept, play if strategy == "auto" else repair, rollback_strategy=strategy)
        assert (content(kept, BACKUP), content(kept, "users")) == before
        assert [kept.holders(name) for name in NAMES] == [["skp_tahunan"]] * 2
        backup = run.report["backup"]["path"]
        account = {"laravel_path": kept.app, "laravel_php": kept.php}
        restored = run_module("schema_restore", **account, backup=backup)
        assert restored["changed"], restored["msg"]
        assert (content(kept, BACKUP), content(kept, "users")) == before
    finally:
        kept.sql("SET GLOBAL sql_mode = DEFAULT")


PENILAIAN = """Schema::create('penilaian', function (Blueprint $table) {
    $table->unsignedBigInteger('user_id');
    $table->unsignedSmallInteger('tahun');
    $table->unsignedBigInteger('induk_user')->nullable();
    $table->unsignedSmallInteger('induk_tahun')->nullable();
    $table->unsignedBigInteger('cabang_id')->nullable();
    $table->integer('nilai');
    $table->integer('ganda')->storedAs('nilai * 2');
    $table->integer('tambah')->virtualAs('nilai + 1');
    $table->primary(['user_id', 'tahun']);
    $table->foreign(['induk_user', 'induk_tahun'], 'fk_induk')
        ->references(['user_id', 'tahun'])->on('penilaian');
    $table->foreign('user_id', 'fk_pegawai')->references('id')->on('users')->onDelete('cascade');
    $table->foreign('cabang_id', 'fk_cabang')->references('id')->on('lain.cabang');
});
"""
KEYS = ("fk_induk", "fk_pegawai", "fk_cabang")
EXPECTED = [
    {
        "name": "fk_induk",
        "table": "penilaian",
        "columns": ["induk_user", "induk_tahun"],
        "referenced_table": "penilaian",
        "referenced_columns": ["user_id", "tahun"],
    }
]


def everything_at_once(sandbox):
    """Make an incident of a table that refers to itself by two columns and to another schema, is
    referred to from there, and has generated columns; beside it, partitions and MyISAM."""
    sandbox.present()
    sandbox.sql("CREATE DATABASE lain")
    sandbox.sql("CREATE TABLE lain.cabang (id BIGINT UNSIGNED PRIMARY KEY)")
    sandbox.sql("INSERT INTO lain.cabang VALUES (1), (2)")
    sandbox.sql("GRANT SELECT, REFERENCES ON lain.* TO %s@'localhost'", sandbox.user)
    sandbox.withdraw()
    sandbox.add_migration(
        "2025_12_02_000000_penilaian", PENILAIAN, "Schema::dropIfExists('penilaian');"
    )
    made = migrate(sandbox)
    assert made.returncode == 0, made.stdout
    for statement in (
        "INSERT INTO penilaian (user_id, tahun, nilai, cabang_id)"
        " SELECT id, 2024, id, 1 FROM users",
        "INSERT INTO penilaian (user_id, tahun, nilai, induk_user, induk_tahun)"
        " SELECT id, 2025, 7, id, 2024 FROM users",
        "CREATE TABLE lain.banding (id INT PRIMARY KEY, u BIGINT UNSIGNED, t SMALLINT UNSIGNED,"
        f" CONSTRAINT fk_banding FOREIGN KEY (u, t) REFERENCES {sandbox.database}.penilaian"
        " (user_id, tahun))",
        "INSERT INTO lain.banding VALUES (1, 1, 2025)",
        "CREATE TABLE riwayat (id INT, tahun INT) PARTITION BY RANGE (tahun)"
        " (PARTITION lama VALUES LESS THAN (2024), PARTITION kini VALUES LESS THAN MAXVALUE)",
        "INSERT INTO riwayat VALUES (1, 2020), (2, 2025)",
        "CREATE TABLE arsip (id INT PRIMARY KEY, user_id BIGINT UNSIGNED,"
        " CONSTRAINT fk_arsip FOREIGN KEY (user_id) REFERENCES users (id)) ENGINE=MyISAM",
        "INSERT INTO arsip VALUES (1, 99999)",
    ):
        sandbox.sql(statement)
    fails(
        sandbox,
        TAKEN,
        "Schema::rename('penilaian', 'penilaian_lama');\n" + PENILAIAN,
        "Schema::dropIfExists('penilaian'); Schema::rename('penilaian_lama', 'penilaian');",
    )
    assert [sandbox.holders(name) for name in KEYS] == [["penilaian_lama"]] * 3


@pytest.mark.parametrize("strategy", ["auto", "rename_back"])
def test_a_schema_with_everything_in_it(kept, strategy):
    everything_at_once(kept)
    tables = ("penilaian_lama", "riwayat", "arsip", "lain.cabang", "lain.banding")
    before = [content(kept, table) for table in tables]
    assert before[0] and kept.rows("penilaian") == 0
    repairs(
        kept,
        rollback_strategy=strategy,
        expected_constraints=EXPECTED,
        expected_tables=["penilaian", "penilaian_lama", "riwayat", "arsip"],
    )
    assert [content(kept, table) for table in tables] == before
    assert kept.rows("penilaian") == 0
    assert [kept.holders(name) for name in KEYS] == [["penilaian"]] * 3
    assert kept.recorded()[-1] == OURS
