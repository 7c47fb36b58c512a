# SPDX-License-Identifier: GPL-3.0-or-later
"""The rehearsal on another server: one that is started for it, and one that is named."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections import namedtuple
from pathlib import Path

import pytest
from ansible.module_utils.fix_fk.sandbox.server import Server
from ansible.module_utils.fix_fk.schema.contents import read_contents
from ansible.module_utils.fix_fk.schema.sql import quote_table
from ansible.module_utils.fix_fk.scratch import embedded, servers
from inquiry import inquire, repair
from passwords import ALL
from playbook import Unsafe, play
from sandbox import ON_MARIADB, suite
from test_rehearsal import FAILED, LATER, clones, state

PASSWORD = ALL


def processes(folder):
    """Return the command lines of what runs with something in this folder."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            command = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
            if os.fsencode(str(folder)) in command:
                found.append(command)
    return found


def wait_until(true, seconds=20):
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert true()


@pytest.fixture
def temporary(monkeypatch):
    """The folder for temporary files, short enough for a socket, empty afterwards."""
    folder = tempfile.mkdtemp(prefix="fix_fk_t")
    monkeypatch.setenv("TMPDIR", folder)
    monkeypatch.setattr(tempfile, "tempdir", folder)
    yield Path(folder)
    for left in Path(folder).iterdir():
        embedded.Server(str(left)).stop()
    shutil.rmtree(folder)


@pytest.fixture
def narrow(broken):
    """The incident, with an account that may not make a schema."""
    scratch = f"{broken.database}__fix_fk".replace("_", "\\_") + "%"
    broken.sql(f"REVOKE ALL PRIVILEGES ON `{scratch}`.* FROM {broken.user}@localhost")
    return broken


def nothing_left(sandbox, temporary):
    """Whether the rehearsal is over without a trace."""
    wait_until(lambda: not processes(temporary))
    assert not list(temporary.glob("fix_fk_rehearsal_*"))
    return not clones(sandbox)


# --- embedded -----------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["structure", "full"])
def test_an_account_that_may_not_make_a_schema_rehearses_on_an_embedded_server(
    narrow, temporary, level
):
    narrow.sql("CREATE VIEW pegawai AS SELECT id, name FROM users")
    mend = play if level == "structure" else repair
    given = {"rehearsal_server": "embedded", "rehearsal_required": True}
    run = mend(narrow, rehearsal_level=level, **given)
    assert run.rc == 0, run.screen
    assert (
        run.report["outcome"] == "repaired_rows_aside"
        and run.report["steps"][0]["state"] == "passed"
    )
    assert "REHEARSED" in run.screen and "an embedded server, " in run.screen
    assert "start a server for it" in run.report["steps"][0]["do"][0]
    assert "Left out" not in run.screen
    assert run.report["rehearsal"]["server"].startswith("an embedded server")
    assert narrow.recorded()[-2] == FAILED
    assert nothing_left(narrow, temporary)


def test_a_plan_that_fails_on_the_embedded_clone_is_not_carried_out(narrow, temporary):
    """It fails on rows, so the rows were there; and artisan was, and nowhere else."""
    narrow.add_migration(
        LATER,
        up="if (DB::table('users')->exists()) { throw new \\RuntimeException(DB::select("
        "'SELECT @@socket AS it')[0]->it.' has users'); }",
        down="",
    )
    before = state(narrow)
    run = repair(narrow, rehearsal_level="full", rehearsal_server="embedded")
    assert run.rc == 2 and run.report["outcome"] == "refused", run.screen
    assert "server.sock has users" in run.message() and "Nothing was changed" in run.message()
    assert str(temporary) in run.message()
    assert state(narrow) == before
    assert nothing_left(narrow, temporary)


def test_without_rights_it_says_that_a_server_of_its_own_would_do(narrow):
    before = state(narrow)
    run = inquire(narrow, rehearsal_level="structure", rehearsal_required=True)
    assert run.report["diagnosis"]["verdict"] == "cannot_rehearse"
    assert "rehearsal_server=embedded" in run.message()
    assert state(narrow) == before


def test_check_starts_no_server(narrow, temporary):
    before = state(narrow)
    run = play(narrow, check=True, rehearsal_level="full", rehearsal_server="embedded")
    assert run.rc == 0 and "start a server for it" in run.screen, run.screen
    assert state(narrow) == before and nothing_left(narrow, temporary)


def test_one_that_a_killed_rehearsal_left_is_stopped_by_the_next(schema, run_module, temporary):
    given = {**schema.arguments, "server": "embedded"}
    schema.sql("CREATE TABLE users (id INT PRIMARY KEY)")
    first = run_module("schema_clone", **given)["clone"]
    assert first["refused"] is None, first
    folder = Path(first["connection"]["database_socket"]).parent
    assert folder.parent == temporary and folder.stat().st_mode & 0o777 == 0o700
    pid = embedded.Server(str(folder)).pid()
    assert pid
    second = run_module("schema_clone", **given)["clone"]
    assert second["connection"] == first["connection"]
    assert embedded.Server(str(folder)).pid() not in (None, pid)
    assert not Path(f"/proc/{pid}").exists()
    run_module("schema_clone", **given, state="absent", expected=second["untouched"])
    wait_until(lambda: not processes(folder))
    assert not folder.exists()


def test_it_is_stopped_also_when_the_live_server_does_not_answer(schema, run_module, temporary):
    given = {**schema.arguments, "server": "embedded"}
    assert run_module("schema_clone", **given)["clone"]["refused"] is None
    given["database_password"] = "another"
    assert run_module("schema_clone", **given, state="absent")["failed"]
    wait_until(lambda: not processes(temporary))
    assert not list(temporary.iterdir())


@pytest.mark.usefixtures("temporary")
def test_after_its_time_it_is_gone_with_its_folder(schema, run_module, monkeypatch):
    monkeypatch.setattr(servers, "TIME_LIMIT", 3)
    made = run_module("schema_clone", **schema.arguments, server="embedded")
    folder = Path(made["clone"]["connection"]["database_socket"]).parent
    assert folder.is_dir() and processes(folder)
    wait_until(lambda: not processes(folder) and not folder.exists())


@pytest.mark.usefixtures("temporary")
def test_it_listens_to_nobody_else_and_does_as_the_live_one(schema, run_module):
    root = schema.server.connect()
    with root.cursor() as cursor:
        cursor.execute("SELECT @@global.sql_mode")
        mode = cursor.fetchone()[0]
        cursor.execute("SET GLOBAL sql_mode = 'ANSI_QUOTES,NO_ZERO_DATE'")
        try:
            made = run_module("schema_clone", **schema.arguments, server="embedded")["clone"]
        finally:
            cursor.execute("SET GLOBAL sql_mode = %s", (mode,))
    folder = Path(made["connection"]["database_socket"]).parent
    with contextlib.closing(embedded.Server(str(folder)).connect()) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT @@global.sql_mode, @@skip_networking, @@event_scheduler")
        assert cursor.fetchone() == ("ANSI_QUOTES,NO_ZERO_DATE", 1, "OFF")
    run_module("schema_clone", **schema.arguments, server="embedded", state="absent")
    assert not folder.exists()


# --- every kind of row -----------------------------------------------------------------------

COLUMNS = """
id INT AUTO_INCREMENT PRIMARY KEY, big BIGINT UNSIGNED, small TINYINT, padded INT(6) ZEROFILL,
price DECIMAL(30,10), single FLOAT, two FLOAT(7,2), twice DOUBLE, bits BIT(64), flag BIT(1),
name VARCHAR(50) CHARACTER SET utf8mb4, old VARCHAR(50) CHARACTER SET latin1,
wide VARCHAR(50) CHARACTER SET ucs2, fixed CHAR(10), raw BINARY(5), bytes VARBINARY(300),
small_text TINYTEXT, long_text LONGTEXT, picture LONGBLOB, day DATE, at DATETIME(6),
stamp TIMESTAMP(3) NULL, hour TIME(2), year YEAR, kind ENUM('a', '', 'it''s'),
several SET('x', 'y', 'ü'), document JSON, place POINT, shape GEOMETRY,
twin INT GENERATED ALWAYS AS (small * 2) STORED, `odd ``name, é` INT
""".replace("\n", " ")
GIVEN = (
    "id, big, small, padded, price, single, two, twice, bits, flag, name, old, wide, fixed, raw,"
    " bytes, small_text, long_text, picture, day, at, stamp, hour, year, kind, several, document,"
    " place, shape, `odd ``name, é`"
)
EVERY_BYTE = f"x'{bytes(range(256)).hex()}'"
ROWS = [
    "0, 18446744073709551615, -128, 42, -12345678901234567890.0123456789, 3.14159274, 12345.67,"
    " -1.7976931348623157e308, b'1111111111111111111111111111111111111111111111111111111111111111',"
    f" b'1', '日本 🎉 ''\\\\\"', 'é', 'Ж', ' x ', x'0001', {EVERY_BYTE}, '', REPEAT('ü', 70000),"
    f" CONCAT({EVERY_BYTE}, REPEAT(x'00', 600000)), '0000-00-00', '0000-00-00 00:00:00',"
    " '1970-01-01 00:00:01.001', '-838:59:59', 0, '', 'x,ü', '{\"a\": [1, null, \"é\"]}',"
    " ST_GeomFromText('POINT(1 2)'), ST_GeomFromText('LINESTRING(0 0, 1 1)'), 1",
    "7, 0, 127, 0, 0, 1e-30, 0.1, 2.2250738585072014e-308, b'0', b'0', '', '', '', '', '', '', '"
    "\\t\\n', NULL, '', '2024-02-29', '9999-12-31 23:59:59.999999', '2024-10-27 01:30:00',"
    " '25:00:01.5', 1999, 'it''s', '', 'true', NULL, NULL, NULL",
    "8, " + ", ".join(["NULL"] * 29),
    "9, 1, 1, 1, 1, -0e0, 1, -0e0" + ", NULL" * 22,
]


@pytest.mark.usefixtures("temporary")
def test_every_row_arrives_as_it_is(schema, run_module):
    schema.sql("SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'")
    schema.sql("SET SESSION time_zone = '+00:00'")
    schema.sql(f"CREATE TABLE things ({COLUMNS})")
    for row in ROWS:
        schema.sql(f"INSERT INTO things ({GIVEN}) VALUES ({row})")
    schema.sql("CREATE TABLE aside (id INT, day DATE NOT NULL) ENGINE=MyISAM")
    schema.sql(
        "INSERT INTO aside VALUES (1, '0000-00-00'), (1, '0000-00-00'), (NULL, '1999-12-31')"
    )
    schema.sql("CREATE TABLE nothing (id INT)")
    schema.sql("CREATE TABLE many (id INT AUTO_INCREMENT PRIMARY KEY, word VARCHAR(200))")
    schema.sql(
        "INSERT INTO many (word) WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n"
        " WHERE i < 900) SELECT REPEAT('w', 200) FROM n AS a JOIN (SELECT 1 FROM n LIMIT 20) AS b"
    )
    if ON_MARIADB:
        schema.sql("CREATE TABLE past (id INT PRIMARY KEY, x INT) WITH SYSTEM VERSIONING")
        schema.sql("INSERT INTO past VALUES (1, 1), (2, 2)")
        schema.sql("DELETE FROM past WHERE id = 2")
    given = {**schema.arguments, "level": "full", "server": "embedded"}
    made = run_module("schema_clone", **given)["clone"]
    try:
        assert made["refused"] is None, made
        past = ["the history of table past: only present rows are copied"]
        assert made["left_out"] == (past if ON_MARIADB else [])
        with contextlib.closing(schema.connect()) as connection:
            tables = ["things", "aside", "nothing", "many", *(["past"] if ON_MARIADB else [])]
            live = read_contents(connection, schema.name, tables)
        assert made["contents"] == live
        folder = os.path.dirname(made["connection"]["database_socket"])
        with contextlib.closing(embedded.Server(folder).connect()) as connection:
            cursor = connection.cursor()
            # The digest knows a FLOAT to six digits; the sum knows it in full.
            exact = "SELECT MIN(id), SUM(single + 0e0), SUM(twin) FROM "
            cursor.execute(exact + quote_table(made["schema"], "things"))
            assert cursor.fetchone() == schema.sql(exact + "things")[0]
    finally:
        run_module("schema_clone", **given, state="absent")
    assert not os.path.exists(folder)


def test_a_row_that_the_server_cannot_hand_over_is_said(schema, run_module, temporary):
    schema.sql("CREATE TABLE files (id INT, content LONGBLOB)")
    schema.sql("INSERT INTO files VALUES (1, REPEAT('a', @@max_allowed_packet DIV 2 + 9))")
    given = {**schema.arguments, "level": "full", "server": "embedded"}
    refused = run_module("schema_clone", **given)["clone"]["refused"]
    assert "a row of table files is longer than max_allowed_packet" in refused
    wait_until(lambda: not list(temporary.iterdir()))


# --- a server that is named --------------------------------------------------------------------


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """Another server of the same kind on TCP, with an account that may make what it likes."""
    yield from _server(tmp_path_factory, suite())


def _server(tmp_path_factory, kind):
    running = Server(str(tmp_path_factory.mktemp("other")), outlive=False, suite=kind)
    running.start()
    with contextlib.closing(running.connect()) as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE USER latihan@localhost IDENTIFIED BY %s", (PASSWORD,))
        cursor.execute("GRANT ALL PRIVILEGES ON *.* TO latihan@localhost")
        cursor.execute("CREATE USER kecil@localhost IDENTIFIED BY %s", (PASSWORD,))
        cursor.execute("SELECT @@port")
        running.port = cursor.fetchone()[0]
    yield running
    running.stop()


def on(server, **changed):
    """Return the variables that name a server for the rehearsal."""
    return {
        "rehearsal_server": "other",
        "rehearsal_host": "localhost",
        "rehearsal_port": str(server.port),
        "rehearsal_user": "latihan",
        "rehearsal_password": Unsafe(PASSWORD),
        **changed,
    }


def names_on(server):
    with contextlib.closing(server.connect()) as connection:
        cursor = connection.cursor()
        cursor.execute("SHOW DATABASES")
        return cursor.fetchall()


@pytest.mark.parametrize("explicit", [False, True])
def test_a_named_server_rehearses_and_is_left_as_it_was(narrow, other, explicit):
    """explicit: the live connection is given with the variables database_*, which win over .env."""
    given = {}
    if explicit:
        narrow.sql(
            f"GRANT ALL PRIVILEGES ON {narrow.database}.* TO sempit@localhost IDENTIFIED BY 'x'"
            if suite().flavour == "mariadb"
            else "CREATE USER sempit@localhost IDENTIFIED BY 'x'"
        )
        narrow.sql(f"GRANT ALL PRIVILEGES ON {narrow.database}.* TO sempit@localhost")
        given = {
            "database_socket": narrow.socket,
            "database_user": "sempit",
            "database_password": "x",
        }
    before = names_on(other)
    mend = play if explicit else repair
    run = mend(narrow, rehearsal_level="full", rehearsal_required=True, **given, **on(other))
    assert run.rc == 0, run.screen
    assert (
        run.report["outcome"] == "repaired_rows_aside"
        and run.report["steps"][0]["state"] == "passed"
    )
    assert f"the server at 127.0.0.1:{other.port}" in run.screen
    assert names_on(other) == before
    for secret in (PASSWORD, PASSWORD.replace("\\", "\\\\")):
        assert secret not in run.everything()
    assert "pass;word" not in run.everything()


def test_a_plan_that_fails_on_a_named_server_is_not_carried_out(narrow, other):
    narrow.add_migration(
        LATER,
        up="throw new \\RuntimeException(DB::select('SELECT @@port AS it')[0]->it);",
        down="",
    )
    before, names = state(narrow), names_on(other)
    run = repair(narrow, rehearsal_level="structure", **on(other))
    assert run.rc == 2 and run.report["outcome"] == "refused", run.screen
    assert str(other.port) in run.message()
    assert state(narrow) == before and names_on(other) == names


# --- what cannot be -------------------------------------------------------------------------------


def test_what_is_not_fit_is_refused_and_nothing_changed(narrow, other):
    cases = {
        "'latihan' does not get into": on(other, rehearsal_password="other"),
        "denied": on(other, rehearsal_user="kecil"),
        "does not get into the server at 127.0.0.1:1": on(other, rehearsal_port=1),
        "is the live one": on(narrow, rehearsal_socket=narrow.socket, rehearsal_user=narrow.user,
                              rehearsal_password=Unsafe(narrow.password)),
    }  # fmt: skip
    before, names = state(narrow), names_on(other)
    for why, given in cases.items():
        run = repair(narrow, rehearsal_level="structure", rehearsal_required=True, **given)
        assert run.rc == 2 and run.report["outcome"] == "refused", run.screen
        assert "rehearsal_required is set" in run.message() and why in run.message(), run.message()
        assert state(narrow) == before and names_on(other) == names


def test_without_rehearsal_required_it_is_left_out_and_said(narrow, other):
    given = on(other, rehearsal_password="other")
    run = repair(narrow, rehearsal_level="structure", **given)
    assert run.rc == 0 and "NOT REHEARSED" in run.screen, run.screen
    assert run.report["steps"][0]["state"] == "skipped"


# The suite trixie is there for `make matrix` only.
OTHERS = {"trixie", "sid"} - {os.environ.get("FIX_FK_SUITE")}


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=[pytest.mark.matrix] if kind == "trixie" else [])
        for kind in sorted(OTHERS)
    ],
)
def test_a_server_of_another_kind_proves_nothing(kind, schema, run_module, tmp_path_factory):
    schema.sql("CREATE TABLE users (id INT PRIMARY KEY)")
    for server in _server(tmp_path_factory, suite(kind)):
        given = {"user": "latihan", "password": PASSWORD, "port": server.port}
        names = names_on(server)
        made = run_module("schema_clone", **schema.arguments, server="other", other=given)
        assert "another one would prove nothing" in made["clone"]["refused"]
        assert schema.server.version in made["clone"]["refused"]
        assert not made["changed"] and names_on(server) == names


def test_the_embedded_server_must_be_there_and_the_live_ones_kind(
    schema, run_module, temporary, monkeypatch
):
    def refused():
        made = run_module("schema_clone", **schema.arguments, server="embedded")
        assert not made["changed"] and not list(temporary.iterdir())
        return made["clone"]["refused"]

    monkeypatch.setattr(embedded, "which", lambda _name: None)
    assert "on this host" in refused()
    fake = temporary / "mariadbd"
    monkeypatch.setattr(embedded, "which", lambda _name: str(fake))
    for version, shown in (("5.7.44 for Linux", "MySQL 5.7.44"), ("9.9.9-MariaDB for", "9.9.9-M")):
        fake.write_text(f"#!/bin/sh\nrm $0\necho mysqld  Ver {version}\n", encoding="utf-8")
        fake.chmod(0o755)
        monkeypatch.setitem(embedded.SERVER_PROGRAMS, suite().flavour, ("one",))
        assert shown in (text := refused()) and "would prove nothing" in text


def test_a_disk_without_room_is_refused(schema, run_module, temporary, monkeypatch):
    Disk = namedtuple("Disk", "f_bavail f_frsize")
    monkeypatch.setattr(os, "statvfs", lambda _path: Disk(1000, 4096))
    made = run_module("schema_clone", **schema.arguments, server="embedded")
    assert "has 3 MiB free" in made["clone"]["refused"]
    assert not list(temporary.iterdir())


def test_a_folder_of_somebody_else_is_not_touched(schema, run_module, temporary):
    given = {**schema.arguments, "server": "embedded"}
    folder = Path(servers.Embedded(schema.name).folder)
    mine = temporary / "mine"
    mine.mkdir()
    (mine / "file").touch()
    folder.symlink_to(mine)
    assert "cannot be made" in run_module("schema_clone", **given)["clone"]["refused"]
    run_module("schema_clone", **given, state="absent")
    assert (mine / "file").exists()
    folder.unlink()


HARD_CODED = {
    "host": ("'unix_socket' => env('DB_SOCKET', '')", "'unix_socket' => '{socket}'"),
    "reading": (
        "'unix_socket' => env('DB_SOCKET', '')",
        "'write' => [], 'read' => ['unix_socket' => '{socket}'],"
        " 'unix_socket' => env('DB_SOCKET', '')",
    ),
}


@pytest.mark.parametrize("what", HARD_CODED)
def test_an_application_that_would_use_the_live_server_is_not_rehearsed(narrow, temporary, what):
    config = Path(narrow.app, "config", "database.php")
    text = config.read_text(encoding="utf-8")
    old, new = HARD_CODED[what]
    assert old in text
    config.write_text(text.replace(old, new.format(socket=narrow.socket)), encoding="utf-8")
    try:
        before = state(narrow)
        given = {"rehearsal_level": "structure", "rehearsal_server": "embedded"}
        run = repair(narrow, rehearsal_required=True, **given)
        assert run.rc == 2 and run.report["outcome"] == "refused", run.screen
        assert "do not lead the application to the server of the clone" in run.message()
        assert state(narrow) == before and nothing_left(narrow, temporary)
    finally:
        config.write_text(text, encoding="utf-8")
