# SPDX-License-Identifier: GPL-3.0-or-later
"""schema_backup on a real server: what is in the file, what kills it, and what never stays."""

from __future__ import annotations

import hashlib
import json
import os
import re
import resource
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import schema_backup
from ansible.module_utils.fix_fk.backup import writing
from ansible.module_utils.fix_fk.schema.sql import quote_identifier, quote_table
from sandbox import ON_MARIADB, suite

DUMPER = os.path.basename(suite().dumper)

TABLES = """
CREATE TABLE `t ``é 100%` (id INT PRIMARY KEY AUTO_INCREMENT, e VARCHAR(50), b LONGBLOB, n INT,
  f TEXT, g INT GENERATED ALWAYS AS (n + 1) VIRTUAL, h INT GENERATED ALWAYS AS (n * 2) STORED)
  CHARACTER SET utf8mb4;
CREATE TABLE child (id INT PRIMARY KEY, t INT,
  CONSTRAINT `fk é` FOREIGN KEY (t) REFERENCES `t ``é 100%` (id));
CREATE TABLE empty_one (id INT PRIMARY KEY);
CREATE TABLE gone (id INT);
CREATE VIEW `broken é` AS SELECT id FROM gone;
CREATE VIEW good AS SELECT id FROM child;
DROP TABLE gone;
CREATE TRIGGER tr BEFORE INSERT ON child FOR EACH ROW SET NEW.t = NEW.t;
CREATE EVENT ev ON SCHEDULE EVERY 1 YEAR DO SELECT 1;
INSERT INTO child VALUES (1, NULL);
"""
NASTY = "-- Dump completed\nCREATE TABLE `data` (\n';\\\n\\! false\n\tDELIMITER ;;\n"


@pytest.fixture
def filled(schema):
    schema.run(TABLES)
    table = quote_identifier("t `é 100%").replace("%", "%%")
    # The account reads its own routines; of others' it sees the names only.
    schema.sql(
        "CREATE DEFINER=%s@'localhost' PROCEDURE pr() CREATE TABLE `zz` (\n  a INT)", schema.user
    )
    for e, b, n, f in (
        ("😀 Siti Nurhaliza ñ", bytes(range(256)), 0, NASTY),
        (None, None, None, None),
        ("", b"", -1, "\\N"),
    ):
        schema.sql(f"INSERT INTO {table} (e, b, n, f) VALUES (%s, %s, %s, %s)", e, b, n, f)
    schema.sql("INSERT INTO child VALUES (2, 1)")
    return schema


@pytest.fixture
def backup(run_module, filled, tmp_path):
    def run(**more):
        given = {**filled.arguments, "dir": str(tmp_path / "backups"), **more}
        return run_module("schema_backup", **given)

    return run


def files(tmp_path):
    folder = tmp_path / "backups"
    return sorted(os.listdir(folder)) if folder.exists() else []


def rows_of(schema, name):
    found = {}
    with schema.root.cursor() as cursor:
        for table in ("t `é 100%", "child", "empty_one"):
            cursor.execute(f"SELECT * FROM {quote_table(name, table)} ORDER BY id")
            found[table] = cursor.fetchall()
    return found


def load(schema, path, name):
    """Load a backup into a new schema with the server's own client, as an administrator would."""
    with schema.root.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {quote_identifier(name)} CHARACTER SET latin1")
    unpack = ["zstd", "-dc"] if path.endswith("zst") else ["gzip", "-dc"]
    with open(path, "rb") as file:
        text = subprocess.run([*unpack], stdin=file, stdout=subprocess.PIPE, check=True).stdout
    schema.server.client(schema.server.suite.loader, "--", name, input=text)
    return text


@pytest.mark.parametrize("compression", ["zstd", "gzip"])
def test_the_dump_loads_into_an_empty_schema_with_every_row(backup, filled, tmp_path, compression):
    filled.grant("SUPER", "*.*")
    result = backup(compression=compression, run_id="run-1")
    assert not result["failed"], result["msg"]
    assert result["changed"]
    made = result["backup"]
    assert made["tables"] == {"t `é 100%": 3, "child": 2, "empty_one": 0}
    assert made["views_as_text"] == ["broken é"]
    assert made["proof_level"] == "L0"

    content = Path(made["path"]).read_bytes()
    assert made["bytes"] == len(content)
    assert made["sha256"] == hashlib.sha256(content).hexdigest()
    ending = {"zstd": "zst", "gzip": "gz"}[compression]
    assert re.fullmatch(
        rf"backup_before_fix_\d{{8}}_\d{{6}}\.sql\.{ending}", os.path.basename(made["path"])
    )
    assert files(tmp_path) == [os.path.basename(made[key]) for key in ("path", "manifest")]
    assert stat.S_IMODE(os.stat(tmp_path / "backups").st_mode) == 0o700
    for key in ("path", "manifest"):
        assert stat.S_IMODE(os.stat(made[key]).st_mode) == 0o600

    text = Path(made["manifest"]).read_text(encoding="utf-8")
    assert filled.password not in text
    manifest = json.loads(text)
    assert manifest["schema"] == filled.name
    assert (manifest["run_id"], manifest["id"]) == ("run-1", made["id"])
    assert manifest["server"] == {
        "flavour": filled.server.flavour,
        "version": filled.server.version,
    }
    assert manifest["charset"] == "utf8mb4"
    assert "gone" in manifest["views_as_text"]["broken é"]

    copy = filled.name + "x"
    try:
        text = load(filled, made["path"], copy)
        assert hashlib.sha256(text).hexdigest() == manifest["content"]["sha256"]
        assert len(text) == manifest["content"]["bytes"]
        assert rows_of(filled, copy) == rows_of(filled, filled.name)
        assert "😀" in rows_of(filled, copy)["t `é 100%"][0][1]
        for table, column in (
            ("TRIGGERS", "TRIGGER"),
            ("ROUTINES", "ROUTINE"),
            ("EVENTS", "EVENT"),
            ("VIEWS", "TABLE"),
        ):
            seen = filled.sql(
                f"SELECT {column}_NAME FROM information_schema.{table} WHERE {column}_SCHEMA = %s",
                copy,
            )
            assert len(seen) == 1, (table, seen)
    finally:
        filled.sql(f"DROP DATABASE IF EXISTS {quote_identifier(copy)}".replace("%", "%%"))


def test_check_mode_writes_nothing(backup, tmp_path):
    result = backup(check_mode=True, diff=True)
    assert result["changed"] and not (tmp_path / "backups").exists()
    assert result["backup"]["bytes"] is None and result["backup"]["path"] in result["diff"]["after"]
    assert result["backup"]["command"][1].startswith("--defaults-file=")


def test_two_backups_in_one_second_do_not_collide(backup, tmp_path, monkeypatch):
    class Clock(schema_backup.datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2026, 1, 30, 8, 15, 0, tzinfo=tz)

    monkeypatch.setattr(schema_backup.datetime, "datetime", Clock)
    first, second = backup()["backup"], backup()["backup"]
    assert first["id"] == "backup_before_fix_20260130_081500"
    assert second["id"] == "backup_before_fix_20260130_081500_2"
    assert len(files(tmp_path)) == 4
    assert hashlib.sha256(Path(first["path"]).read_bytes()).hexdigest() == first["sha256"]


def test_option_files_of_the_login_have_no_say(backup, tmp_path, monkeypatch):
    """A where= in my.cnf silently shrinks every dump."""
    (tmp_path / ".my.cnf").write_text("[client]\npassword=wrong\n[mysqldump]\nwhere=1=0\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MYSQL_PWD", "wrong")
    result = backup(compression="gzip")
    text = subprocess.run(
        ["gzip", "-dc", result["backup"]["path"]], stdout=subprocess.PIPE, check=True
    ).stdout
    assert b"Siti Nurhaliza" in text


def failing(result, tmp_path, *words):
    """The backup failed in one paragraph, and nothing that looks like one is there."""
    assert result["failed"]
    for word in words:
        assert word in result["msg"], result["msg"]
    assert files(tmp_path) == []


def stand_in(tmp_path, monkeypatch, name, text):
    """Put a program of this name before all others; {real} is the real one."""
    folder = tmp_path / "bin"
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text("#!/bin/sh\n" + text.replace("{real}", shutil.which(name)))
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


VERSION = 'case "$*" in *--version*|*--help*) exec {real} "$@";; esac\n'


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        (DUMPER, '{real} "$@" | head -c 900; kill -9 $$', ["killed by signal 9"]),
        (DUMPER, '{real} "$@" | head -c 900', ["without its last line"]),
        (DUMPER, '{real} "$@"; echo broken >&2; exit 3', ["exit code 3", "broken"]),
        (
            DUMPER,
            '{real} "$@" | sed "/^CREATE TABLE .child/,/^) ENGINE/d"',
            ["in the schema and not in the dump: child"],
        ),
        (DUMPER, "sleep 60", ["sent nothing for 1 seconds", "lock"]),
        ("zstd", 'case "$*" in *-d*) exec {real} "$@";; esac; head -c 100; exit 1', ["zstd"]),
        (
            "zstd",
            'case "$*" in *-d*) exec {real} "$@";; esac; sed s/Siti/Sita/ | {real} "$@"',
            ["read back from disk", "SHA-256"],
        ),
        ("zstd", 'case "$*" in *-d*) exit 1;; esac; exec {real} "$@"', ["cannot be read back"]),
    ],
    ids=[
        "killed",
        "cut",
        "error",
        "a table missing",
        "waits",
        "compressor",
        "altered",
        "unreadable",
    ],
)
def test_a_dead_dump_leaves_nothing(backup, tmp_path, monkeypatch, name, text, words):
    stand_in(tmp_path, monkeypatch, name, VERSION + text)
    monkeypatch.setattr(
        "ansible.module_utils.fix_fk.backup.dump.ENVIRONMENT",
        {"PATH": os.environ["PATH"], "LC_ALL": "C"},
    )
    failing(backup(stall_timeout=1), tmp_path, *words, "What was written of it is removed")


def test_a_table_made_while_it_ran_is_found_out(backup, filled, tmp_path, monkeypatch):
    stream = writing.stream

    def meanwhile(*arguments):
        outcome = stream(*arguments)
        filled.sql("CREATE TABLE late (id INT)")
        return outcome

    monkeypatch.setattr(writing, "stream", meanwhile)
    failing(backup(), tmp_path, "late")


def test_a_full_disk_leaves_nothing(backup, filled, tmp_path):
    filled.sql("INSERT INTO `t ``é 100%%` (b) VALUES (%s)", os.urandom(1 << 20))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 19, before[1]))
    try:
        result = backup()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    failing(result, tmp_path, "zstd", "removed")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_small_disk_is_refused_or_leaves_nothing(backup, filled, tmp_path):
    """The estimate comes from statistics, which may be old: then the disk fills up for real."""
    disk = tmp_path / "backups"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=17m,mode=700", "none", disk], check=True)
    try:
        filled.sql("CREATE TABLE big (b LONGBLOB) STATS_AUTO_RECALC = 0, STATS_PERSISTENT = 1")
        filled.sql("ANALYZE TABLE big")
        for _ in range(20):
            filled.sql("INSERT INTO big VALUES (%s)", os.urandom(1 << 20))
        failing(backup(), tmp_path, "zstd", "No space left on device", "removed")
        filled.sql("ANALYZE TABLE big")
        failing(backup(), tmp_path, "has 17 MiB free", "Make room", "No backup was made")
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_wrong_password_makes_nothing(backup, tmp_path):
    failing(backup(database_password="wrong"), tmp_path, "refused", "Nothing was changed")
    assert not (tmp_path / "backups").exists()


ALONE = """
import json, sys
sys.path.insert(0, sys.argv[1] + "/library")
import ansible.module_utils
ansible.module_utils.__path__.append(sys.argv[1] + "/module_utils")
from ansible.module_utils.testing import patch_module_args
import schema_backup
with patch_module_args(json.load(sys.stdin)):
    schema_backup.main()
"""


# A process counts what the one that started it had in memory as its own, so this small one does it.
MEASURED = """
import resource, subprocess, sys
code = subprocess.run([sys.executable, "-c", *sys.argv[1:]], stdout=subprocess.DEVNULL).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


def start(arguments, measured=False):
    """Start the module in a process of its own; measured: it writes the kB of memory it took."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            *([MEASURED] if measured else []),
            ALONE,
            str(Path(__file__).parents[2]),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE if measured else subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin
    process.stdin.write(json.dumps(arguments).encode())
    process.stdin.close()
    return process


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_module_that_is_ended_leaves_no_file_that_looks_whole(filled, tmp_path, how):
    blocker = filled.connect()
    with blocker.cursor() as cursor:
        cursor.execute("LOCK TABLES child WRITE")
    process = start({**filled.arguments, "dir": str(tmp_path / "backups")})
    deadline = time.monotonic() + 20
    while not files(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)
    assert [name for name in files(tmp_path) if name.endswith(".partial")]
    process.send_signal(how)
    process.wait(20)
    blocker.close()
    left = files(tmp_path)
    assert left == [] if how != signal.SIGKILL else all(n.endswith(".partial") for n in left)


def test_the_password_is_never_on_a_command_line_and_its_file_is_private_and_has_no_name(
    backup, filled, tmp_path, monkeypatch
):
    seen = tmp_path / "seen"
    stand_in(
        tmp_path,
        monkeypatch,
        DUMPER,
        VERSION + f'tr "\\0" "\\n" < /proc/$$/cmdline > {seen}; env >> {seen}\n'
        f'f="${{1#--defaults-file=}}"; stat -L -c %a "$f" >> {seen}; readlink "$f" > {seen}.path\n'
        'exec {real} "$@"',
    )
    result = backup()
    assert not result["failed"], result["msg"]
    text = seen.read_text()
    assert "--defaults-file=" in text and filled.password not in text and "#pass" not in text
    assert text.splitlines()[-1] == "600"
    assert (tmp_path / "seen.path").read_text().strip().endswith(" (deleted)")
    assert filled.password not in json.dumps(result, ensure_ascii=False)


@pytest.mark.parametrize(
    "password",
    [
        "",
        " lead and trail ",
        "a\\nb\\\\c\\s",
        "'\"`$(x)${y}",
        "#;[client]",
        "tab\there\nline",
        "ü😀",
    ],
)
def test_any_password_reaches_the_client(backup, filled, password):
    for host in ("localhost", "127.0.0.1"):
        filled.sql("ALTER USER %s@%s IDENTIFIED BY %s", filled.user, host, password)
    result = backup(database_password=password)
    assert not result["failed"], result["msg"]


def test_over_tcp(backup, server):
    result = backup(database_socket=None, database_host="127.0.0.1", database_port=server.port)
    assert not result["failed"], result["msg"]


def test_what_the_account_may_not_read_is_said_and_does_not_kill_the_dump(backup, filled):
    filled.sql("CREATE PROCEDURE hidden() SELECT 2")
    filled.only("SELECT, LOCK TABLES, SHOW VIEW, EXECUTE")
    result = backup()
    assert not result["failed"], result["msg"]
    warnings = " ".join(result["backup"]["warnings"])
    assert "No routine is in the dump" in warnings and "definition of procedure hidden;" in warnings
    manifest = json.loads(Path(result["backup"]["manifest"]).read_text(encoding="utf-8"))
    assert manifest["routines_as_text"]["procedure hidden"] is None
    assert "CREATE TABLE `zz`" in manifest["routines_as_text"]["procedure pr"]
    assert "right EVENT" in warnings and "right TRIGGER" in warnings


def test_other_engines_are_named_and_history_is_dumped(backup, filled):
    filled.sql("CREATE TABLE mine (a INT) ENGINE=MyISAM")
    if ON_MARIADB:
        filled.sql("CREATE TABLE versions (a INT) WITH SYSTEM VERSIONING")
        filled.sql("CREATE SEQUENCE numbers")
    result = backup()
    assert not result["failed"], result["msg"]
    warnings = " ".join(result["backup"]["warnings"])
    assert "not InnoDB: mine." in warnings
    assert "history" not in warnings
    assert ("--dump-history" in result["backup"]["command"]) == ON_MARIADB
    assert "numbers" not in result["backup"]["tables"]


@pytest.mark.parametrize("check_mode", [True, False])
def test_folders_that_are_refused(backup, tmp_path, check_mode, monkeypatch):
    open_one = tmp_path / "open"
    open_one.mkdir(mode=0o755)
    result = backup(dir=str(open_one), check_mode=check_mode)
    assert "0755" in result["msg"] and f"chmod 0700 {open_one}" in result["msg"]
    assert not list(open_one.iterdir())
    result = backup(dir=str(tmp_path / "public_html" / "b"), check_mode=check_mode)
    assert "web server" in result["msg"] and not (tmp_path / "public_html").exists()
    (tmp_path / "file").write_text("")
    result = backup(dir=str(tmp_path / "file"), check_mode=check_mode)
    assert "not a folder" in result["msg"]
    for below, why in (("file/below", f"{tmp_path}/file is no folder"), ("a" * 300, "is too long")):
        result = backup(dir=str(tmp_path / below), check_mode=check_mode)
        assert result["failed"] and why in result["msg"] and "No backup was made" in result["msg"]
    # A right, or a disk that is mounted to be read: this login may write everywhere.
    monkeypatch.setattr(writing.os, "access", lambda *_: False)
    result = backup(dir=str(tmp_path / "new"), check_mode=check_mode)
    assert f"this login may not write into {tmp_path}" in result["msg"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "open"]


def test_the_public_folder_of_the_application_is_refused_through_a_link_too(tmp_path):
    class Module:
        def fail_json(self, msg, refusal):
            raise SystemExit(msg if refusal["did"] in msg else "")

    (tmp_path / "app" / "public").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "app" / "public")
    check = writing.check_folder
    for folder in (tmp_path / "app/public/backups", tmp_path / "link" / "b", tmp_path / "link"):
        with pytest.raises(SystemExit, match="web server publishes"):
            check(Module(), str(folder), str(tmp_path / "app"))
    beside = tmp_path / "app" / "public2"
    assert check(Module(), str(beside), str(tmp_path / "app")) == str(beside)


@pytest.mark.parametrize("prefix", ["", "a/b", ".hidden", "a\nb"])
def test_prefixes_that_are_no_file_names(backup, tmp_path, prefix):
    failing(backup(name_prefix=prefix), tmp_path, "name_prefix")


def test_a_missing_client_is_one_paragraph(backup, tmp_path, monkeypatch):
    monkeypatch.setattr("ansible.module_utils.basic.AnsibleModule.get_bin_path", lambda *_: None)
    words = ("mariadb-dump or mysqldump", "mariadb-client")
    failing(backup(), tmp_path, *(words if ON_MARIADB else ("mysqldump", "mysql-client")))


def test_the_other_vendors_client_is_not_used(backup, tmp_path, monkeypatch):
    version = "8.0.36 for Linux on x86_64" if ON_MARIADB else "10.19 Distrib 10.11.19-MariaDB"
    for name in ("mariadb-dump", "mysqldump"):
        stand_in(tmp_path, monkeypatch, name, f"echo 'mysqldump  Ver {version}'")
    failing(backup(), tmp_path, "The other vendor's program is not used", version)


def test_a_row_that_the_server_would_not_take_back_is_told(backup, filled):
    """--hex-blob doubles a blob: it dumps, and does not load."""
    size = filled.sql("SELECT @@max_allowed_packet")[0][0]
    filled.sql("INSERT INTO `t ``é 100%%` (b) VALUES (REPEAT('x', %s))", size * 3 // 4)
    result = backup()
    assert not result["failed"], result["msg"]
    assert any("max_allowed_packet" in text for text in result["backup"]["warnings"])


def test_memory_does_not_grow_with_the_data(filled, tmp_path):
    """100 MB of SQL, in lines of 16 MB."""
    for _ in range(6):
        filled.sql("INSERT INTO `t ``é 100%%` (b) VALUES (REPEAT('x', %s))", 8_000_000)
    process = start({**filled.arguments, "dir": str(tmp_path / "backups")}, measured=True)
    assert process.stdout
    assert int(process.stdout.read()) < 150_000
    assert process.wait() == 0 and len(files(tmp_path)) == 2


def test_a_lock_that_is_held_ends_the_backup_in_time(backup, filled, tmp_path):
    blocker = filled.connect()
    with blocker.cursor() as cursor:
        cursor.execute("LOCK TABLES child WRITE")
    timer = threading.Timer(20, blocker.close)
    timer.start()
    started = time.monotonic()
    try:
        failing(backup(stall_timeout=1), tmp_path, "sent nothing for 1 seconds", "metadata lock")
        assert time.monotonic() - started < 10
    finally:
        timer.cancel()
        blocker.close()
