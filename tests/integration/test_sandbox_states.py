# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox: its incident is the measured one, and it leaves nothing behind."""

import json
import os
import signal
import socket
import stat
import subprocess
from pathlib import Path

import pymysql
import pytest
from sandbox import PROJECT, Sandbox, shared

FAILING = "2026_01_25_000000_total_refactor_skp_system"
FOLLOWING = "2026_01_26_000000_refactor_skp_tahunan_detail"
NAMES = ("fk_skp_tahunan_user", "fk_skp_tahunan_approved_by")


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    sandbox = Sandbox(tmp_path_factory.mktemp("sandbox"))
    sandbox.present()
    yield sandbox
    sandbox.absent()


def free_the_names(sandbox):
    for name in NAMES:
        sandbox.sql(f"ALTER TABLE skp_tahunan DROP FOREIGN KEY {name}")


def test_present_is_the_schema_before_the_release(sandbox):
    sandbox.present()
    assert sandbox.recorded()[-1] == "2025_12_01_000000_create_skp_tahunan_table"
    assert sandbox.rows("skp_tahunan") == 500
    assert [sandbox.holders(name) for name in NAMES] == [["skp_tahunan"]] * 2
    assert sandbox.present() is False


def test_rows_are_believable(sandbox):
    sandbox.present()
    assert sandbox.sql("SELECT COUNT(*) FROM progres_harian WHERE catatan IS NULL")[0][0] > 100
    notes = [row[0] for row in sandbox.sql("SELECT DISTINCT catatan FROM progres_harian")]
    assert "Selesai tepat waktu 👍" in notes


def test_rows_are_the_same_in_another_sandbox(sandbox, tmp_path):
    other = Sandbox(tmp_path / "other")
    try:
        other.present()
        sandbox.present()
        assert other.schema_dump() == sandbox.schema_dump()
        assert other.password != sandbox.password
    finally:
        other.absent()


def test_broken_is_the_incident_as_measured(sandbox):
    result = sandbox.broken()
    said = "".join(result.stdout.split())
    assert result.returncode == 1
    assert "1005Can'tcreatetable`gaspulco_lkbkanwil`.`skp_tahunan`(errno:121" in said
    assert sandbox.rows("skp_tahunan") == 0
    assert sandbox.rows("skp_tahunan_backup_v1") == 500
    assert "CONSTRAINT" not in sandbox.sql("SHOW CREATE TABLE skp_tahunan")[0][1]
    assert [sandbox.holders(name) for name in NAMES] == [["skp_tahunan_backup_v1"]] * 2
    assert FAILING not in sandbox.recorded()
    log = Path(sandbox.app, "storage/logs/laravel.log").read_text(encoding="utf-8")
    assert f"/database/migrations/{FAILING}.php(" in log


def test_children_follow_the_renamed_table(sandbox):
    sandbox.broken()
    children = sandbox.sql(
        "SELECT table_name FROM information_schema.referential_constraints WHERE"
        " constraint_schema = 'gaspulco_lkbkanwil'"
        " AND referenced_table_name = 'skp_tahunan_backup_v1' ORDER BY table_name"
    )
    assert children == [("rencana_aksi_bulanan",), ("skp_tahunan_detail",)]


def test_migrate_again_meets_the_backup_table(sandbox):
    sandbox.broken()
    assert "1050" in sandbox.artisan("migrate", "--force").stdout


def test_its_own_down_and_freed_names_let_it_through(sandbox):
    sandbox.present()
    before_migrate = sandbox.schema_dump()
    sandbox.broken()
    sandbox.sql("INSERT INTO migrations (migration, batch) VALUES (%s, 99)", FAILING)
    assert sandbox.artisan("migrate:rollback", "--step=1", "--force").returncode == 0
    sandbox.sql("ALTER TABLE migrations AUTO_INCREMENT = 1")
    assert sandbox.schema_dump() == before_migrate
    free_the_names(sandbox)
    assert sandbox.artisan("migrate", "--force").returncode == 0
    assert sandbox.recorded()[-2:] == [FAILING, FOLLOWING]
    assert [sandbox.holders(name) for name in NAMES] == [["skp_tahunan"]] * 2
    assert len(sandbox.sql("SHOW TABLES")) == 20
    for entry in sandbox.variables()["expected_tables"]:
        alternatives = entry if isinstance(entry, list) else [entry]
        assert any(sandbox.rows(table) is not None for table in alternatives)


def test_present_undoes_whatever_was_done(sandbox):
    sandbox.present()
    schema, files = sandbox.schema_dump(), sandbox.files()
    sandbox.broken()
    sandbox.sql("CREATE DATABASE other_one")
    sandbox.sql("CREATE USER somebody@localhost")
    sandbox.sql("REVOKE DROP ON gaspulco_lkbkanwil.* FROM gaspul_user@localhost")
    sandbox.set_dotenv(DB_HOST="nowhere")
    sandbox.use_tcp()
    sandbox.artisan("down")
    sandbox.add_migration("2026_02_01_000000_extra", "Schema::dropIfExists('x');")
    Path(sandbox.app, "database/migrations", FAILING + ".php").write_text("<?php", "utf-8")
    assert sandbox.present() is True
    assert (sandbox.schema_dump(), sandbox.files()) == (schema, files)
    assert sandbox.present() is False


def test_an_open_transaction_does_not_hold_up_the_way_back(sandbox):
    sandbox.broken()
    other = sandbox.server.connect(database=sandbox.database)
    cursor = other.cursor()
    cursor.execute("BEGIN")
    cursor.execute("SELECT * FROM users LIMIT 1")
    assert sandbox.present() is True
    with pytest.raises(pymysql.OperationalError):
        cursor.execute("SELECT 1")


def test_any_password_over_tcp(sandbox):
    sandbox.present()
    sandbox.set_password("a'b\"c $HOME #x \\ `%")
    sandbox.use_tcp()
    assert sandbox.artisan("migrate:status").returncode == 0


def test_a_password_the_server_does_not_know_is_mended(sandbox):
    sandbox.present()
    sandbox.set_dotenv(DB_PASSWORD="unknown")
    assert sandbox.artisan("migrate:status").returncode != 0
    assert sandbox.present() is True
    assert sandbox.artisan("migrate:status").returncode == 0


def test_the_application_may_do_anything_with_its_schema_and_nothing_else(sandbox):
    sandbox.present()
    grants = sandbox.sql("SHOW GRANTS FOR gaspul_user@localhost")
    assert [grant.partition(" TO ")[0] for (grant,) in grants] == [
        "GRANT USAGE ON *.*",
        "GRANT ALL PRIVILEGES ON `gaspulco_lkbkanwil`.*",
        # Where a backup is staged before it is put back.
        r"GRANT ALL PRIVILEGES ON `gaspulco\_lkbkanwil\_\_fix\_fk%`.*",
    ]


def test_root_cannot_come_in_over_tcp(sandbox):
    with pytest.raises(pymysql.OperationalError):
        pymysql.connect(host="127.0.0.1", port=sandbox.port, user=sandbox.server.user)


def test_the_password_is_only_in_a_private_file(sandbox):
    sandbox.present()
    dotenv = Path(sandbox.app, ".env")
    assert stat.S_IMODE(dotenv.stat().st_mode) == 0o600
    quoted = shared.dotenv_quote(sandbox.password)[1:-1].encode()
    for path, (content, _) in shared.read_tree(sandbox.dir, without=["data"]).items():
        if path != "app/.env":
            assert sandbox.password.encode() not in content, path
            assert quoted not in content, path


@pytest.mark.parametrize("again", ["present", "broken"])
def test_a_killed_server_is_started_again(sandbox, again):
    sandbox.present()
    os.kill(sandbox.server.pid(), signal.SIGKILL)
    getattr(sandbox, again)()
    assert sandbox.rows("users") == 300


def test_absent_leaves_nothing(tmp_path):
    # Too deep for a socket, with what neither a shell nor an option file likes.
    folder = tmp_path / ("deep folder # 'é' " * 4) / "sandbox"
    sandbox = Sandbox(folder)
    sandbox.present()
    assert sandbox.artisan("migrate:status").returncode == 0
    pid, port = sandbox.server.pid(), sandbox.port
    assert sandbox.absent() is True
    assert not folder.exists()
    assert not os.path.exists(os.path.dirname(sandbox.socket))
    assert sandbox.server.pid() is None
    assert not os.path.exists(f"/proc/{pid}")
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
    assert sandbox.absent() is False


def test_a_folder_that_is_not_a_sandbox_is_refused_and_left(tmp_path):
    (tmp_path / "precious").write_text("x", "utf-8")
    sandbox = Sandbox(tmp_path)
    for state in (sandbox.present, sandbox.broken, sandbox.absent):
        with pytest.raises(shared.SandboxError, match="is not a sandbox"):
            state()
    assert os.listdir(tmp_path) == ["precious"]


def test_a_missing_program_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(shared.shutil, "which", lambda *_, **__: None)
    with pytest.raises(shared.SandboxError, match=r"mariadb-install-db .* mariadb-server-core"):
        Sandbox(tmp_path / "sandbox").present()


def test_playbook_goes_through_its_states(tmp_path):
    def play(state):
        result = subprocess.run(
            [
                "ansible-playbook",
                "playbooks/sandbox.yml",
                "-i",
                "inventory/sandbox",
                "-e",
                json.dumps({"sandbox_state": state, "sandbox_dir": str(tmp_path / "s")}),
            ],
            cwd=PROJECT,
            env={
                **os.environ,
                "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"),
                "ANSIBLE_STDOUT_CALLBACK": "default",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    try:
        assert "changed=1" in play("present")
        assert "changed=0" in play("present")
        assert "errno: 121" in play("broken")
        assert "changed=1" in play("stopped")
        assert "changed=1" in play("broken")
    finally:
        assert "changed=1" in play("absent")
    assert "changed=0" in play("absent")
    assert os.listdir(tmp_path) == []
