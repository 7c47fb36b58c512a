# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes by in a dump, how the clients are called, and pipes whose ends die."""

import gzip
import hashlib
import resource
import shutil
import sys

import pytest
from ansible.module_utils.fix_fk.backup import dump
from ansible.module_utils.fix_fk.server.connection import ConnectionParameters, Tls

HEAD = b"-- MariaDB dump\n\nDROP TABLE IF EXISTS `a`;\nCREATE TABLE `a` (\n  `id` int\n);\n"
TRAILER = b"-- Dump completed on 2026-01-30  8:15:00\n"
BODY = b"DELIMITER ;;\nCREATE PROCEDURE `p`()\nBEGIN\nCREATE TABLE `no` (a int) ;;\nDELIMITER ;\n"


def scan(text, size=None):
    scanner = dump.Scanner()
    step = size or len(text)
    for start in range(0, len(text), step):
        scanner.feed(text[start : start + step])
    return scanner


@pytest.mark.parametrize("size", [1, 7, 64, None])
def test_tables_are_found_however_the_stream_is_cut(size):
    odd = "CREATE TABLE `we``ird `` (é` (\n".encode()
    data = b"INSERT INTO `a` VALUES\n('-- Dump completed\\nCREATE TABLE `data` (');\n"
    text = HEAD + data + BODY + b"CREATE TABLE `b` (\n" + odd + TRAILER
    scanner = scan(text, size)
    assert scanner.tables == {"a", "b", "we`ird ` (é"}
    assert scanner.whole
    assert scanner.bytes == len(text)
    assert scanner.sha256 == hashlib.sha256(text).hexdigest()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        HEAD,
        HEAD + TRAILER[:-1],
        HEAD + TRAILER + b"INSERT INTO `a` VALUES (1);\n",
        HEAD + b"INSERT INTO `a` VALUES ('" + TRAILER.strip() + b"');\n",
    ],
    ids=["empty", "no trailer", "cut in the trailer", "trailer not last", "trailer in data"],
)
def test_a_dump_that_does_not_end_with_its_trailer_is_not_whole(text):
    assert not scan(text, 16).whole


def test_a_line_of_many_chunks_is_measured_and_not_kept():
    scanner = dump.Scanner()
    scanner.feed(HEAD + b"INSERT INTO `a` VALUES (0x")
    for _ in range(64):
        scanner.feed(b"F" * dump.CHUNK)
        assert len(scanner._rest) <= dump.LINE_HEAD
    scanner.feed(b");\nCREATE TABLE `b` (\n" + TRAILER)
    assert scanner.longest_line == 64 * dump.CHUNK + len("INSERT INTO `a` VALUES (0x);")
    assert scanner.tables == {"a", "b"}
    assert scanner.whole


def test_the_option_file_quotes_every_value():
    parameters = ConnectionParameters(user='u"1', database="d", password="a#b\\c 'd\" $e;\n[x]")
    text = dump.option_file(parameters, "mariadb", encrypted=False)
    assert 'user="u\\"1"\n' in text
    assert 'password="a#b\\\\c \'d\\" $e;\\n[x]"\n' in text
    assert text.count("[x]") == 1 and "\n[x]" not in text


@pytest.mark.parametrize(
    ("flavour", "tls", "encrypted", "lines"),
    [
        ("mariadb", None, False, ["ssl=0", "ssl-verify-server-cert=0"]),
        ("mariadb", Tls(ca="/ca"), True, ['ssl-ca="/ca"', "ssl=1", "ssl-verify-server-cert=1"]),
        ("mariadb", Tls(ca="/ca", verify=False), True, ["ssl=1", "ssl-verify-server-cert=0"]),
        ("mysql", None, False, ["ssl-mode=PREFERRED"]),
        ("mysql", Tls(cert="/c", key="/k"), True, ['ssl-cert="/c"', "ssl-mode=REQUIRED"]),
        ("mysql", Tls(verify=True), True, ["ssl-mode=VERIFY_IDENTITY"]),
    ],
)
def test_the_client_is_encrypted_as_the_connection_is(flavour, tls, encrypted, lines):
    parameters = ConnectionParameters(user="u", database="d", host="db", port=3307, tls=tls)
    text = dump.option_file(parameters, flavour, encrypted)
    assert {"protocol=tcp", 'host="db"', "port=3307", *lines} <= set(text.splitlines())


def test_the_command_reads_no_other_option_file_and_holds_no_password():
    client = dump.Client("/usr/bin/mysqldump", "8.0", "--column-statistics")
    command = dump.dump_command(client, "mysql", "-d", "options", ["v"], routines=False)
    assert command[1] == "--defaults-file=options"
    assert command[-2:] == ["--", "-d"]
    assert {"--set-gtid-purged=OFF", "--no-tablespaces", "--column-statistics=0"} <= set(command)
    assert {"--ignore-table=-d.v", "--skip-routines", "--events"} <= set(command)
    older = dump.dump_command(dump.Client("x", "5.7", ""), "mysql", "d", "options")
    assert not any("column-statistics" in part for part in older)
    other = dump.dump_command(dump.Client("x", "10", "--column-statistics"), "mariadb", "d", "o")
    assert not any("gtid" in part or "statistics" in part for part in other)


GZIP = dump.Compressor(
    "gzip", "gz", (shutil.which("gzip"), "-c"), (shutil.which("gzip"), "-d", "-c")
)


def program(tmp_path, text):
    """Return the command of a stand-in for the dump client."""
    path = tmp_path / "client.py"
    path.write_text("import os, sys, time\nout = sys.stdout.buffer\n" + text)
    return [sys.executable, str(path)]


def run(tmp_path, text, compressor=GZIP, stall_timeout=20):
    with open(tmp_path / "file", "wb") as file:
        return dump.stream(program(tmp_path, text), compressor, file, tmp_path, stall_timeout)


def test_a_whole_dump_is_streamed_and_reads_back_equal(tmp_path):
    outcome = run(tmp_path, f"out.write({HEAD + TRAILER!r}); sys.stderr.write('a\\nb\\n')")
    assert (outcome.problem, outcome.stalled, outcome.messages) == (None, False, "a; b")
    proof = dump.read_back(tmp_path / "file", GZIP, tmp_path, dump.Scanner())
    assert proof.problem is None
    assert proof.content.sha256 == outcome.content.sha256
    assert proof.content.tables == {"a"}
    content = (tmp_path / "file").read_bytes()
    assert (proof.bytes, proof.sha256) == (len(content), hashlib.sha256(content).hexdigest())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"out.write({HEAD + TRAILER!r}); sys.stderr.write('no'); sys.exit(2)", "exit code 2"),
        (f"out.write({HEAD!r}); out.flush(); os.kill(os.getpid(), 9)", "killed by signal 9"),
        (f"out.write({HEAD!r})", "without its last line"),
    ],
)
def test_a_dead_dump_is_a_problem(tmp_path, text, problem):
    assert problem in run(tmp_path, text).problem


def test_a_dump_that_waits_is_stopped(tmp_path):
    outcome = run(tmp_path, f"out.write({HEAD!r}); out.flush(); time.sleep(60)", stall_timeout=0.3)
    assert outcome.stalled
    assert "sent nothing for 0.3 seconds" in outcome.problem


def test_a_compressor_that_dies_is_the_problem_and_ends_the_dump(tmp_path):
    """The disk is full: here, a file may not grow beyond a limit."""
    text = "while True: out.write(os.urandom(65536))"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, before[1]))
    try:
        outcome = run(tmp_path, text)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert outcome.problem.startswith("gzip ")


def test_a_damaged_file_does_not_read_back(tmp_path):
    run(tmp_path, f"out.write({HEAD * 100 + TRAILER!r})")
    content = bytearray((tmp_path / "file").read_bytes())
    content[len(content) // 2] ^= 0xFF
    (tmp_path / "file").write_bytes(content)
    assert dump.read_back(tmp_path / "file", GZIP, tmp_path).problem


def test_children_see_neither_password_nor_defaults_of_the_login(tmp_path, monkeypatch):
    monkeypatch.setenv("MYSQL_PWD", "secret")
    monkeypatch.setenv("GZIP", "--no-such-option")
    text = "out.write(repr(sorted(os.environ)).encode() + b'\\n')"
    run(tmp_path, text)
    seen = gzip.decompress((tmp_path / "file").read_bytes())
    assert b"MYSQL_PWD" not in seen and b"GZIP" not in seen and b"MYSQL_TEST_LOGIN_FILE" in seen
