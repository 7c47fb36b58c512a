# SPDX-License-Identifier: GPL-3.0-or-later
"""Definitions and rows of a schema, read here and made there."""

from __future__ import annotations

import contextlib
import hashlib
import json

from ansible.module_utils.fix_fk.schema.inspect import run_of
from ansible.module_utils.fix_fk.schema.objects import (
    describe_objects,
    describe_structure,
    show_create,
)
from ansible.module_utils.fix_fk.schema.sql import (
    quote_columns,
    quote_identifier,
    quote_table,
    rows_of,
)
from ansible.module_utils.fix_fk.schema.tables import list_tables
from ansible.module_utils.fix_fk.scratch.schemas import (
    clone_name,
)
from ansible.module_utils.fix_fk.scratch.servers import (
    Unfit,
)
from ansible.module_utils.fix_fk.scratch.transfer import (
    copy_table,
    prepare_reader,
    writing,
)
from ansible.module_utils.fix_fk.server.about import describe_server
from ansible.module_utils.fix_fk.server.connection import (
    load_pymysql,
    open_connection,
)

# Of them those that are read without locking anything.
TRANSACTIONAL = ("InnoDB", "ROCKSDB")


def without_definer(text, kind):
    """Return a CREATE statement without what stands between CREATE and the kind of object.

    There are ALGORITHM, DEFINER and SQL SECURITY; to name another definer takes a right of its own,
    and the account that rehearses is the one to act.
    """
    return f"CREATE {kind} {text.partition(f' {kind} ')[2]}"


class Copy:
    """A schema, and its clone on the same server or another one."""

    def __init__(self, module, parameters, connection, place):
        self.module, self.parameters, self.connection = module, parameters, connection
        self.place, self.there = place, connection
        self.pymysql = load_pymysql(module)
        self.schema = rows_of(connection, "SELECT DATABASE()")[0][0]
        self.tables, self.views = list_tables(connection, self.schema)
        self.server = describe_server(connection, self.pymysql)
        self.queries = []
        self.clone = {
            "schema": clone_name(self.schema, self.server, run_of(module)),
            "server": "",
            "connection": {},
            "refused": None,
            "left_out": [],
            "contents": {},
            "structure": {},
            "untouched": self.untouched(),
            "seconds": 0.0,
        }

    def untouched(self):
        """Return a digest over what the rehearsal must leave as it is."""
        table = self.module.params["migrations_table"]
        recorded = []
        if table in self.tables:
            recorded = rows_of(self.connection, f"SELECT * FROM {quote_identifier(table)}")  # noqa: S608
        known = [
            describe_structure(self.connection, self.schema, self.tables),
            describe_objects(self.connection, self.schema),
            sorted(map(str, recorded)),
        ]
        return hashlib.sha256(json.dumps(known, sort_keys=True).encode("utf-8")).hexdigest()

    def send(self, statement, shown=True):
        with self.there.cursor() as cursor:
            cursor.execute(statement)
        if shown:
            self.queries.append(statement)

    def select(self, schema):
        self.there.select_db(schema)

    def leave_out(self, what, why):
        self.clone["left_out"].append(f"{what}: {why}")

    def definitions(self):
        """Return {(kind, name): CREATE statement} of what the clone is to have."""
        found = {}
        named = quote_identifier(self.schema)
        for name in self.tables:
            text = show_create(self.connection, self.schema, "TABLE", name)
            if named in text:
                raise Unfit(f"the definition of table {name} names the schema {self.schema} itself")
            found["TABLE", name] = text
        for kind, name in [("VIEW", name) for name in self.views] + self.programs():
            what = f"{kind.lower()} {name}"
            try:
                text = show_create(self.connection, self.schema, kind, name)
            except self.pymysql.MySQLError as error:
                self.leave_out(what, error.args[-1])
                continue
            if not text:
                self.leave_out(what, "the account may not see its definition")
            elif self.schema in text:
                self.leave_out(what, f"it names the schema {self.schema} itself")
            else:
                found[kind, name] = without_definer(text, kind)
        return found

    def programs(self):
        """Return [(kind, name)] of triggers and routines, the triggers in their order."""
        triggers = rows_of(
            self.connection,
            "SELECT 'TRIGGER', TRIGGER_NAME FROM information_schema.TRIGGERS"
            " WHERE TRIGGER_SCHEMA = %s ORDER BY ACTION_ORDER, TRIGGER_NAME",
            (self.schema,),
        )
        routines = rows_of(
            self.connection,
            "SELECT ROUTINE_TYPE, ROUTINE_NAME FROM information_schema.ROUTINES WHERE"
            " ROUTINE_SCHEMA = %s AND ROUTINE_TYPE IN ('FUNCTION', 'PROCEDURE')"
            " ORDER BY ROUTINE_TYPE, ROUTINE_NAME",
            (self.schema,),
        )
        return [*routines, *triggers]

    def columns_of(self, name):
        """Return [(name, data type)] of a table's columns that are not generated."""
        return [
            (column, kind.lower())
            for column, kind, extra in rows_of(
                self.connection,
                "SELECT COLUMN_NAME, DATA_TYPE, EXTRA FROM information_schema.COLUMNS"
                " WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s ORDER BY ORDINAL_POSITION",
                (self.schema, name),
            )
            if "GENERATED" not in extra.upper().replace("DEFAULT_GENERATED", "")
        ]

    def copy_rows(self, name):
        """Let the server copy a table's rows into the clone beside it."""
        listed = quote_columns([column for column, _kind in self.columns_of(name)])
        self.send(
            f"INSERT INTO {quote_identifier(name)} ({listed})"  # noqa: S608 - quoted
            f" SELECT {listed} FROM {quote_table(self.schema, name)}"
        )

    def send_rows(self, tables):
        """Send the rows of these tables to the clone on another server."""
        reading = open_connection(self.pymysql, self.parameters)
        reader = reading.cursor(self.pymysql.cursors.SSCursor)
        try:
            prepare_reader(reader)
            with self.there.cursor() as writer, writing(writer):
                for name in tables:
                    buffered = self.tables[name]["engine"] not in TRANSACTIONAL
                    columns = self.columns_of(name)
                    copy_table(reader, writer, self.schema, name, columns, buffered)
                    self.queries.append(f"-- {name}: its rows, from the live server")
        finally:
            # Otherwise closing it would read on to the end of the table.
            with contextlib.suppress(self.pymysql.MySQLError), self.connection.cursor() as cursor:
                cursor.execute(f"KILL {reading.thread_id():d}")
            with contextlib.suppress(self.pymysql.MySQLError, OSError):
                reader.close()

    def make_programs(self, definitions):
        """Create routines, views and triggers; a view may need another one first."""
        open_ = [(key, text) for key, text in definitions.items() if key[0] != "TABLE"]
        open_.sort(key=lambda item: ("FUNCTION", "PROCEDURE", "VIEW", "TRIGGER").index(item[0][0]))
        while open_:
            failed = []
            for key, text in open_:
                try:
                    self.send(text, shown=False)
                except self.pymysql.MySQLError as error:
                    failed.append((key, text, error.args[-1]))
            if len(failed) == len(open_):
                for (kind, name), _text, why in failed:
                    self.leave_out(f"{kind.lower()} {name}", why)
                return
            open_ = [(key, text) for key, text, _why in failed]
