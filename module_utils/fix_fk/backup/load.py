# SPDX-License-Identifier: GPL-3.0-or-later
"""Loading a dump, statement by statement and without a client program.

    loaded = load(path, compressor, connections, folder, fence, large, read)    # Loaded
    run_program(connection, program, "schema of the dump", "schema to fill")

A dump holds tables, and views, triggers, routines and events, which are called programs here. They
are kept apart because tables can be loaded into a scratch schema and then moved, while programs
can only be created where they are to be; an event must not even exist in a scratch schema, or it
would run there.

A large table gets its secondary indexes when its rows are there: sorting them once takes the
server a fraction of what it takes to keep them in order row by row. Meanwhile the next table is
loaded, and the one before is read and compared. Foreign keys come last, as one needs an index of
another table.
"""

from __future__ import annotations

import os
import queue
import re
import subprocess
import threading
from dataclasses import dataclass

from ansible.module_utils.fix_fk.backup.dump import (
    CHUNK,
    Chain,
    Scanner,
    how_it_ended,
    last_words,
    stderr_file,
)
from ansible.module_utils.fix_fk.backup.fence import Astray
from ansible.module_utils.fix_fk.schema.objects import in_schema
from ansible.module_utils.fix_fk.schema.sql import quote_identifier

# Where a statement with rows ends. Rows hold no line feed: the dump clients write \n.
END = b";\n"
LOCK = re.compile(rb"LOCK TABLES `((?:[^`]|``)+)` WRITE;\n")
UNLOCK = b"UNLOCK TABLES"
CREATE = b"CREATE TABLE `"
TABLE_SECTIONS = (
    b"-- Table structure for ",
    b"-- Dumping data for ",
    b"-- Sequence structure for ",
)
# How a line begins that belongs to a trigger in the section of its table.
TRIGGER_LINES = (b"/*!50003 ", b"/*!50032 ", b"ALTER DATABASE ")
# Lines of CREATE TABLE that begin with a column, and those of indexes that can be added later.
COLUMN, PRIMARY, CONSTRAINT = b"  `", b"  PRIMARY KEY (", b"  CONSTRAINT `"
KEYS = (b"  KEY `", b"  UNIQUE KEY `")
# Statements that may wait for the server, which are of about a CHUNK each.
WAITING = 2
# An empty statement: a comment that this server does not look into.
EMPTY_QUERY = 1065


@dataclass(frozen=True)
class Program:
    """One statement that is not for a table. kind: settings, trigger, event, routine or view."""

    kind: str
    statement: bytes


@dataclass(frozen=True)
class Loaded:
    """How a load ended. problem: None, or what went wrong in words, without secrets.

    found: {table: what read() gave}, of the tables whose end could be seen.
    """

    problem: str | None
    content: Scanner
    programs: list
    found: dict


class Splitter:
    """Tells the statements for tables from the programs while a dump goes by.

    feed(chunk) returns [(kind, statement)]: "settings" of the session, "create" of a table, other
    "statement" for one, and the name of a table where its rows "end". LOCK and UNLOCK TABLES are
    left out, as they would keep other connections off. programs collects what is not for tables,
    in order. Not more than one statement is kept, so memory does not grow with the dump.
    """

    def __init__(self):
        self.programs = []
        self._rest = b""
        # The table whose rows go by, and the beginning of the statement that does.
        self._table = None
        self._rows = []
        self._title_next = False
        # None until the first section begins: what stands before it is for both.
        self._section = None
        self._delimiter = b";"
        self._lines = []

    def feed(self, chunk):
        text = self._rest + chunk
        found: list = []
        start = 0
        while True:
            if self._table is None:
                end = text.find(b"\n", start)
                if end < 0:
                    break
                self._line(text[start : end + 1], found)
                start = end + 1
                continue
            end = text.find(END, start)
            if end < 0:
                # The last byte may be the half of END.
                cut = max(start, len(text) - 1)
                self._rows.append(text[start:cut])
                start = cut
                break
            statement = b"".join([*self._rows, text[start:end]])
            self._rows = []
            start = end + len(END)
            if statement == UNLOCK:
                found.append(("end", self._table))
                self._table = None
            else:
                found.append(("statement", statement))
        self._rest = text[start:]
        return found

    def _line(self, line, found):
        """Take one line in, and add to found what ends with it."""
        if self._delimiter == b";" and line.startswith(b"--"):
            title, self._title_next = self._title_next, line == b"--\n"
            if title and not line.startswith(b"-- Host: "):
                self._section = line
            return
        self._title_next = False
        if line.startswith(b"DELIMITER "):
            self._delimiter = line[len(b"DELIMITER ") :].strip()
            return
        table = self._section is not None and self._section.startswith(TABLE_SECTIONS)
        if not self._lines:
            if not line.strip():
                return
            self._apart = not table or self._delimiter != b";" or line.startswith(TRIGGER_LINES)
            locked = not self._apart and LOCK.fullmatch(line)
            if locked:
                self._table = locked.group(1).replace(b"``", b"`")
                return
        self._lines.append(line)
        if not line.rstrip().endswith(self._delimiter):
            return
        statement = b"".join(self._lines).rstrip()[: -len(self._delimiter)].rstrip()
        self._lines = []
        if self._apart:
            self.programs.append(Program(self._kind(), statement))
        if self._section is None:
            found.append(("settings", statement))
        elif not self._apart:
            found.append(("create" if statement.startswith(CREATE) else "statement", statement))

    def _kind(self):
        section = self._section
        if section is None:
            return "settings"
        if section.startswith(TABLE_SECTIONS):
            return "trigger"
        if section.startswith(b"-- Dumping events"):
            return "event"
        return "routine" if section.startswith(b"-- Dumping routines") else "view"


class Guarded:
    """A Splitter that gives only what a Fence lets through: feed() and programs as there.

    feed() raises Astray.
    """

    def __init__(self, fence):
        self.programs = []
        self._fence, self._splitter = fence, Splitter()

    def feed(self, chunk):
        found = [
            (kind, statement)
            for kind, statement in self._splitter.feed(chunk)
            if kind == "end" or self._fence.check(kind, statement)
        ]
        programs = self._splitter.programs
        self.programs += [
            program for program in programs if self._fence.check(program.kind, program.statement)
        ]
        programs.clear()
        return found


class Inspection(Scanner):
    """What a Scanner sees of a dump, and .astray: None, or the Astray of its first statement that
    a fence does not let through."""

    def __init__(self, fence):
        super().__init__()
        self.astray = None
        self._guarded = Guarded(fence)

    def feed(self, chunk):
        super().feed(chunk)
        if self.astray is None:
            try:
                self._guarded.feed(chunk)
            except Astray as astray:
                self.astray = astray


def take_apart(create, large):
    """Return (table, CREATE TABLE without them, ALTERs for its keys, ALTERs for its constraints).

    Keys are those that can be added later, when large(table) says so, and constraints the foreign
    keys; either list has one statement at most. All indexes keep their order.
    """
    first, *lines = create.split(b"\n")
    quoted = first[len(CREATE) - 1 : first.rindex(b"`") + 1]
    table = quoted[1:-1].replace(b"``", b"`").decode("utf-8")
    end = next((number for number, line in enumerate(lines) if line.startswith(b")")), None)
    if end is None:
        return table, create, [], []
    body, tail = [line[:-1] if line.endswith(b",") else line for line in lines[:end]], lines[end:]
    constraints = [line for line in body if _is_foreign_key(line)]
    keys = [line for line in body if line.startswith(KEYS)]
    if not (large(table) and tail[0].startswith(b") ENGINE=InnoDB") and _may_wait(body)):
        keys = []
    kept = [line for line in body if line not in keys and line not in constraints]
    return (
        table,
        b"\n".join([first, b",\n".join(kept), *tail]),
        *(
            [b"ALTER TABLE " + quoted + b" ADD " + b", ADD ".join(line.strip() for line in lines)]
            if lines
            else []
            for lines in (keys, constraints)
        ),
    )


def _is_foreign_key(line):
    """Whether a line of CREATE TABLE is a foreign key, and not a check."""
    rest = line[len(CONSTRAINT) :].replace(b"``", b"")
    return line.startswith(CONSTRAINT) and rest.partition(b"`")[2].startswith(b" FOREIGN KEY (")


def _may_wait(body):
    """Whether the rows of a table with these lines can be there before its secondary indexes."""
    primary = next((line for line in body if line.startswith(PRIMARY)), None)
    # Without a primary key, InnoDB would order the rows by one of the others.
    if primary is None:
        return False
    for line in body:
        if line.startswith(COLUMN):
            column = line[2 : line.index(b"` ", len(COLUMN)) + 1]
            if b" AUTO_INCREMENT" in line and not primary.startswith(PRIMARY + column):
                return False
        elif not line.startswith((PRIMARY, CONSTRAINT, *KEYS)):
            # A full-text or spatial index, or what a later version may think of.
            return False
    return True


class Worker(threading.Thread):
    """Runs jobs on a connection of its own, one after the other, until one goes wrong.

    problem: None or the exception.
    """

    def __init__(self, connection, waiting=0):
        super().__init__(daemon=True)
        self.connection = connection
        self.problem = None
        self._jobs: queue.Queue = queue.Queue(waiting)
        self.start()

    def do(self, job, *arguments):
        self._jobs.put((job, arguments))

    def query(self, statement):
        self.do(send, self.connection, statement)

    def run(self):
        for job, arguments in iter(self._jobs.get, None):
            if self.problem is None:
                try:
                    job(*arguments)
                except Exception as error:  # told by load(), whatever it is
                    self.problem = error

    def finish(self):
        """Wait until all is done; return None or what went wrong, in words."""
        self._jobs.put(None)
        self.join()
        if self.problem is None:
            return None
        arguments = self.problem.args
        return " ".join(str(part) for part in reversed(arguments)) or repr(self.problem)


def send(connection, statement):
    """Run one statement of a dump. As bytes: what is in it is in the character set it says."""
    try:
        connection.query(statement)
    except connection.Error as error:
        if error.args[0] != EMPTY_QUERY:
            raise


class Load:
    """Three connections to one schema: for rows, for indexes and for reading what is complete.

    large(table): whether its secondary indexes are added later; read(connection, table): called
    when a table is complete but for its foreign keys.
    """

    def __init__(self, connections, large, read):
        self.rows = Worker(connections[0], WAITING)
        self.indexes, self.reader = (Worker(connection) for connection in connections[1:])
        self.large, self.read = large, read
        self.found = {}
        self._keys = {}
        self._constraints = []

    @property
    def broken(self):
        return any(worker.problem for worker in (self.rows, self.indexes, self.reader))

    def take(self, kind, statement):
        """Take what Splitter.feed() gave."""
        if kind == "end":
            # Once the rows before it are there.
            self.rows.do(self.indexes.do, self._index, statement.decode("utf-8"))
            return
        if kind == "settings":
            self.indexes.query(statement)
        if kind == "create":
            table, short, keys, constraints = take_apart(statement, self.large)
            self._keys[table] = keys
            self._constraints += constraints
            statement = short
        self.rows.query(statement)

    def _index(self, table):
        for statement in self._keys.pop(table, ()):
            send(self.indexes.connection, statement)
        self.reader.do(self._read, table)

    def _index_rest(self):
        for statements in self._keys.values():
            for statement in statements:
                send(self.indexes.connection, statement)

    def _read(self, table):
        self.found[table] = self.read(self.reader.connection, table)

    def finish(self, whole):
        """Wait for all that is under way; whole: add what is left to add. Return the problem."""
        problem = self.rows.finish()
        if whole and not problem:
            self.indexes.do(self._index_rest)
        problem = problem or self.indexes.finish() or self.reader.finish()
        if whole and not problem:
            # Not before: a table that is being read keeps its foreign keys waiting.
            last = Worker(self.indexes.connection)
            for statement in self._constraints:
                last.query(statement)
            problem = last.finish()
        return problem


def load(path, compressor, connections, folder, fence, large, read):
    """Fill the schema of the connections with the tables of the dump `path`; return the Loaded.

    connections, large, read: as in Load; folder: a private one for what a program says on stderr.
    Memory does not grow with the dump.
    """
    content, splitter = Scanner(), Guarded(fence)
    astray = None
    work = Load(connections, large, read)
    with open(path, "rb") as file, stderr_file(folder) as says:
        unpack = Chain(compressor.unpacking, stdin=file, stdout=subprocess.PIPE, stderr=says)
        try:
            for chunk in iter(lambda: os.read(unpack.stdout.fileno(), CHUNK), b""):
                content.feed(chunk)
                try:
                    for kind, statement in splitter.feed(chunk):
                        work.take(kind, statement)
                except Astray as found:
                    astray = str(found)
                if astray or work.broken:
                    unpack.kill()
                    break
            code = unpack.wait()
            problem = work.finish(content.whole and not (astray or code))
            problem = astray or problem
        finally:
            if unpack.poll() is None:
                unpack.kill()
                unpack.wait()
            unpack.stdout.close()
        if not problem and code:
            problem = how_it_ended(compressor.name, code, last_words(says))
        elif not (problem or content.whole):
            problem = "the dump ends without its last line '-- Dump completed'"
    return Loaded(problem, content, splitter.programs, work.found)


def run_program(connection, program, source, target):
    """Run one program of a dump of the schema `source` in the schema `target`, which is selected.

    connection: one for all programs, as they set its character set, time zone and sql_mode. Raises
    pymysql.MySQLError.
    """
    statement = program.statement
    before, after = (
        b"ALTER DATABASE " + quote_identifier(name).encode("utf-8") + b" "
        for name in (source, target)
    )
    if statement.startswith(before):
        statement = after + statement[len(before) :]
    # As latin1, any byte is a letter and comes out as it was.
    mine, others = (name.encode("utf-8").decode("latin1") for name in (source, target))
    moved = in_schema(statement.decode("latin1"), mine, others)
    send(connection, moved.encode("latin1"))
