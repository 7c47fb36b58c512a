# SPDX-License-Identifier: GPL-3.0-or-later
"""Loading a dump: its tables through the server's own client, all else statement by statement.

    client = find_load_client(module, "mariadb")
    command = load_command(client, schema, options_path)
    outcome = load(path, compressor, command, folder, exists)       # Loaded
    run_programs(connection, outcome.programs, "schema of the dump", "schema to fill")

A dump holds tables, and views, triggers, routines and events, which are called programs here. They
are kept apart because tables can be loaded into a scratch schema and then moved, while programs
can only be created where they are to be; an event must not even exist in a scratch schema, or it
would run there.
"""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import threading
import time
from dataclasses import dataclass

from ansible.module_utils.fix_fk.dump import (
    CHUNK,
    Client,
    Scanner,
    how_it_ended,
    last_words,
    output_of,
    start_program,
    stderr_file,
)
from ansible.module_utils.fix_fk.sql import quote_identifier

# Where the rows of a table end. Rows hold no line feed: the dump clients write \n.
LAST_ROW = b"\nUNLOCK TABLES;\n"
NEXT_INSERT = b"\nINSERT INTO `"
LOCK = b"LOCK TABLES `"
TABLE_SECTIONS = (
    b"-- Table structure for ",
    b"-- Dumping data for ",
    b"-- Sequence structure for ",
)
# How a line begins that belongs to a trigger in the section of its table.
TRIGGER_LINES = (b"/*!50003 ", b"/*!50032 ", b"ALTER DATABASE ")
# Clients that fill a large table at the same time; one is what a single core of the server can do.
CLIENTS = min(4, os.cpu_count() or 1)
# Bytes of one table that go to one client before the next one has its turn. In smaller turns the
# clients would fill the same pages of the server, which costs more than it brings.
TURN = 8 * CHUNK
# Pieces of about a CHUNK that may wait for a client: what it needs while others have their turn.
WAITING = 2 * TURN // CHUNK
POLL = 0.01
# An empty statement: a comment that this server does not look into.
EMPTY_QUERY = 1065


@dataclass(frozen=True)
class Program:
    """One statement that is not for a table. kind: settings, trigger, event, routine or view."""

    kind: str
    statement: bytes

    def names(self, schema):
        """Whether the statement speaks of a schema by its name: `schema`.x or schema.x."""
        plain = schema.encode("utf-8")
        return any(
            name + b"." in self.statement
            for name in (quote_identifier(schema).encode("utf-8"), plain)
        )


@dataclass(frozen=True)
class Loaded:
    """How a load ended. problem: None, or what went wrong in words, without secrets."""

    problem: str | None
    content: Scanner
    programs: list


class ProgramError(Exception):
    """A program that the server refused: .program, .code and .text of the server's error."""

    def __init__(self, program, code, text):
        super().__init__(text)
        self.program, self.code, self.text = program, code, text


class Splitter:
    """Tells the statements for tables from the programs while a dump goes by.

    feed(chunk) returns [(kind, bytes)] for the client: "settings" of the session, what is for a
    "table" before its rows, an INSERT "statement" that begins, "more" of it. table is the one that
    was locked last; LOCK TABLES itself is left out, as it would keep other clients off. programs
    collects what is not for tables, in order. Rows are passed on without being looked at, so memory
    does not grow with them.
    """

    def __init__(self):
        self.table = ""
        self.programs = []
        self._rest = b""
        self._in_rows = False
        self._rows_kind = "more"
        self._title_next = False
        # None until the first section begins: what stands before it is for both.
        self._section = None
        self._delimiter = b";"
        self._lines = []

    def feed(self, chunk):
        text = self._rest + chunk
        pieces: list = []
        start = 0
        while True:
            if self._in_rows:
                end = text.find(LAST_ROW, start)
                limit = end + 1 if end >= 0 else max(start, len(text) - len(LAST_ROW) + 1)
                self._rows(text, start, limit, pieces)
                start = limit
                if end < 0:
                    break
                self._in_rows = False
            end = text.find(b"\n", start)
            if end < 0:
                break
            line = text[start : end + 1]
            start = end + 1
            if not self._for_table(line):
                continue
            if line.startswith(LOCK):
                name = line[len(LOCK) : line.rindex(b"` WRITE")]
                self.table = name.replace(b"``", b"`").decode("utf-8")
                self._in_rows, self._rows_kind = True, "more"
                # UNLOCK may follow at once, when there is no row.
                start -= 1
            elif not line.startswith(b"UNLOCK TABLES;"):
                pieces.append(("settings" if self._section is None else "table", line))
        self._rest = text[start:]
        return pieces

    def _rows(self, text, start, limit, pieces):
        """Add the rows in text[start:limit], cut where an INSERT begins."""
        while start < limit:
            cut = text.find(NEXT_INSERT, start, limit + len(NEXT_INSERT) - 1)
            end = limit if cut < 0 else cut + 1
            pieces.append((self._rows_kind, text[start:end]))
            self._rows_kind = "more" if cut < 0 else "statement"
            start = end

    def _for_table(self, line):
        """Take one line in; tell whether it is for the client."""
        if self._delimiter == b";" and line.startswith(b"--"):
            title, self._title_next = self._title_next, line == b"--\n"
            if title and not line.startswith(b"-- Host: "):
                self._section = line
            return False
        self._title_next = False
        if line.startswith(b"DELIMITER "):
            self._delimiter = line[len(b"DELIMITER ") :].strip()
            return False
        table = self._section is not None and self._section.startswith(TABLE_SECTIONS)
        apart = self._lines or self._delimiter != b";" or line.startswith(TRIGGER_LINES)
        if table and not apart:
            return True
        if line.strip() or self._lines:
            self._collect(line)
        return self._section is None

    def _collect(self, line):
        self._lines.append(line)
        if line.rstrip().endswith(self._delimiter):
            statement = b"".join(self._lines).rstrip()[: -len(self._delimiter)].rstrip()
            self._lines = []
            self.programs.append(Program(self._kind(), statement))

    def _kind(self):
        section = self._section
        if section is None:
            return "settings"
        if section.startswith(TABLE_SECTIONS):
            return "trigger"
        if section.startswith(b"-- Dumping events"):
            return "event"
        return "routine" if section.startswith(b"-- Dumping routines") else "view"


def find_load_client(module, flavour):
    """Return the Client that loads into a server of this flavour, or end the module."""
    names = ("mariadb", "mysql") if flavour == "mariadb" else ("mysql",)
    for name in names:
        path = module.get_bin_path(name)
        version = output_of([path, "--no-defaults", "--version"]).strip() if path else ""
        if path and ("mariadb" in version.lower()) == (flavour == "mariadb"):
            return Client(path, version, output_of([path, "--no-defaults", "--help"]))
    vendor = "MariaDB" if flavour == "mariadb" else "MySQL"
    return module.fail_json(
        msg=f"The server is {vendor}, and the client program of {vendor} ({' or '.join(names)}) is "
        "not on this host's PATH. Nothing was changed. Install the package "
        f"{'mariadb' if flavour == 'mariadb' else 'mysql'}-client, or add the program's folder to "
        "PATH, and run it again."
    )


def load_command(client, schema, options_path):
    """Return the client's command line as a list; it holds no secret."""
    command = [
        client.path,
        f"--defaults-file={options_path}",
        "--batch",
        "--binary-mode",
        "--default-character-set=utf8mb4",
        "--max-allowed-packet=1G",
    ]
    # Without it, a line in the dump could make MariaDB's client run a command.
    if "--sandbox" in client.options:
        command.append("--sandbox")
    return [*command, "--", schema]


class Feed(threading.Thread):
    """A client, and what it still has to be sent. broken: it ended before all was sent."""

    def __init__(self, command, folder):
        super().__init__(daemon=True)
        self.says = stderr_file(folder)
        self.process = start_program(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=self.says
        )
        self.pieces: queue.Queue = queue.Queue(WAITING)
        self.broken = False
        self.start()

    def run(self):
        for piece in iter(self.pieces.get, None):
            if not self.broken:
                try:
                    self.process.stdin.write(piece)
                except OSError:
                    # Its exit code will say why.
                    self.broken = True
        with contextlib.suppress(OSError):
            self.process.stdin.close()

    def problem(self):
        """Wait for its end; return None or what went wrong."""
        self.pieces.put(None)
        self.join()
        code = self.process.wait()
        if not code and not self.broken:
            return None
        return how_it_ended(
            os.path.basename(self.process.args[0].decode("utf-8")),
            code,
            _error(last_words(self.says)),
        )


def load(path, compressor, command, folder, exists):
    """Send the tables of the dump `path` to clients and return the Loaded.

    folder: a private one for what the programs say on stderr; exists(table): whether it is there
    yet. One client makes the tables, and all of them share the INSERT statements of a large one.
    Memory does not grow with the dump.
    """
    content, splitter = Scanner(), Splitter()
    feeds: list = []
    with open(path, "rb") as file, stderr_file(folder) as unpack_says:
        unpack = start_program(
            compressor.unpack, stdin=file, stdout=subprocess.PIPE, stderr=unpack_says
        )
        try:
            for _number in range(CLIENTS):
                feeds.append(Feed(command, folder))
            spread = Spread(feeds, splitter, exists)
            for chunk in iter(lambda: os.read(unpack.stdout.fileno(), CHUNK), b""):
                content.feed(chunk)
                for kind, piece in splitter.feed(chunk):
                    spread.send(kind, piece)
                if spread.broken:
                    unpack.kill()
                    break
            spread.flush()
            problems = [feed.problem() for feed in feeds]
            unpack_code = unpack.wait()
        finally:
            for process in [unpack, *(feed.process for feed in feeds)]:
                if process.poll() is None:
                    process.kill()
                    process.wait()
            unpack.stdout.close()
        problem = next(filter(None, problems), None)
        if unpack_code and not spread.broken:
            problem = how_it_ended(compressor.name, unpack_code, last_words(unpack_says))
        elif not (content.whole or spread.broken):
            problem = "the dump ends without its last line '-- Dump completed'"
    return Loaded(problem, content, splitter.programs)


class Spread:
    """Gives every piece of a dump to the client that is to have it."""

    def __init__(self, feeds, splitter, exists):
        self.feeds, self.splitter, self.exists = feeds, splitter, exists
        self.turn = 0
        self.sent = 0
        self.spreading = False
        self.waiting = bytearray()

    @property
    def broken(self):
        return any(feed.broken for feed in self.feeds)

    def send(self, kind, piece):
        if kind == "settings":
            for feed in self.feeds:
                feed.pieces.put(piece)
            return
        if kind == "table" and self.turn:
            self.flush()
            self.turn = 0
        if kind == "table":
            self.sent, self.spreading = 0, False
        elif kind == "statement" and self.sent >= TURN and len(self.feeds) > 1:
            self.flush()
            self.turn = (self.turn + 1) % len(self.feeds)
            self.sent = 0
            # The first client makes the table; the others must not come before it.
            while not (self.spreading or self.broken or self.exists(self.splitter.table)):
                time.sleep(POLL)
            self.spreading = True
        self.waiting += piece
        self.sent += len(piece)
        if len(self.waiting) >= CHUNK:
            self.flush()

    def flush(self):
        """Hand what has been collected to the client whose turn it is."""
        if self.waiting:
            self.feeds[self.turn].pieces.put(bytes(self.waiting))
            self.waiting.clear()


def _error(said):
    """Return what the client said without the rows that it repeats before it."""
    return said[max(0, said.rfind("ERROR ")) :] if "ERROR " in said else ""


def run_programs(connection, programs, source, target, pymysql):
    """Run the programs of a dump of the schema `source` in the schema `target`.

    connection: one of its own, as the statements set its character set, time zone and sql_mode.
    Raises ProgramError.
    """
    connection.select_db(target)
    before = b"ALTER DATABASE " + quote_identifier(source).encode("utf-8") + b" "
    after = b"ALTER DATABASE " + quote_identifier(target).encode("utf-8") + b" "
    for program in programs:
        statement = program.statement
        if statement.startswith(before):
            statement = after + statement[len(before) :]
        try:
            # As bytes: a body is in the dump in the character set it was written in.
            connection.query(statement)
        except pymysql.MySQLError as error:
            if error.args[0] != EMPTY_QUERY:
                raise ProgramError(program, error.args[0], str(error.args[-1])) from error
