# SPDX-License-Identifier: GPL-3.0-or-later
"""A dump on its way into a schema: its tables, and what calls them."""

from __future__ import annotations

import contextlib

from ansible.module_utils.fix_fk.backup.comparison import Comparison
from ansible.module_utils.fix_fk.backup.load import (
    load,
    run_program,
)
from ansible.module_utils.fix_fk.schema.objects import in_schema
from ansible.module_utils.fix_fk.schema.sql import quote_table, rows_of
from ansible.module_utils.fix_fk.server.connection import (
    connect,
)

# Rows from which on a table is filled faster when its secondary indexes come after them.
LARGE = 10000
NO_SUCH_ROUTINE = 1305
PACKAGES = ("PACKAGE", "PACKAGE BODY")


class Loading(Comparison):
    """Loads a backup into a schema, and makes room in the live one for what it brings."""

    def load_into(self, schema):
        """Load the tables of the dump into a schema; return its programs and what read() found."""
        # The connection that holds the lock is silent for long, and some hosts end such a one.
        rows_of(self.connection, "SET SESSION wait_timeout = 86400")
        with self.timed("load"), contextlib.ExitStack() as stack:
            connections = [
                stack.enter_context(
                    contextlib.closing(connect(self.module, self.parameters, database=schema))
                )
                for _number in range(3)
            ]
            try:
                loaded = load(
                    self.path,
                    self.compressor,
                    connections,
                    self.module.tmpdir,
                    self.fence,
                    lambda table: self.manifest["tables"].get(table, 0) > LARGE,
                    lambda connection, table: self.read(connection, schema, [table])[table],
                )
            except BaseException:
                # What they are at would go on without this process, and keep the schema locked.
                for connection in connections:
                    with contextlib.suppress(self.pymysql.MySQLError):
                        rows_of(self.connection, f"KILL {connection.thread_id()}")
                raise
        if loaded.problem:
            self.refuse(f"it does not load: {loaded.problem}", "mend that, or take another backup.")
        self.check_content(loaded.content)
        return loaded.programs, loaded.found

    def run_programs(self, programs, schema):
        """Create the dump's views, triggers, routines and events in a schema.

        Return {"view v"} of those that call what the backup does not hold, and that only the live
        schema has.
        """
        hidden = None in self.manifest["routines_as_text"].values()
        left_out = set()
        connection = connect(
            self.module,
            self.parameters,
            lock_wait_timeout=self.given["lock_wait_timeout"],
        )
        with contextlib.closing(connection):
            connection.select_db(schema)
            for program in programs:
                try:
                    run_program(connection, program, self.manifest["schema"], schema)
                except self.pymysql.MySQLError as error:
                    named = self.fence.named(program.statement)
                    if hidden and schema != self.live and error.args[0] == NO_SUCH_ROUTINE:
                        left_out.add(named)
                        continue
                    statement = " ".join(program.statement.decode("utf-8", "replace").split())
                    self.refuse(
                        f"the server refuses a {program.kind} of it: {error.args[-1]} "
                        f"({error.args[0]}), in: {statement[:300]}",
                        "if a right is missing, name an account that has it (database_user, "
                        "database_password), and run it again.",
                    )
        if left_out:
            self.warnings.append(
                f"{', '.join(sorted(left_out))} cannot be tried before it is put in place: it calls"
                " a routine whose definition the backup does not hold."
            )
        return left_out

    def drop_programs(self):
        """Drop the live views, events and routines, except those that the backup does not hold."""
        for name in names(self.connection, "EVENT", self.live):
            self.change(f"DROP EVENT {quote_table(self.live, name)}")
        for name in names(self.connection, "TABLE", self.live):
            self.change(f"DROP VIEW {quote_table(self.live, name)}")
        mode = rows_of(self.connection, "SELECT @@sql_mode")[0][0]
        for kind, name in rows_of(
            self.connection,
            "SELECT ROUTINE_TYPE, ROUTINE_NAME FROM information_schema.ROUTINES"
            " WHERE ROUTINE_SCHEMA = %s",
            (self.live,),
        ):
            if self.manifest["routines_as_text"].get(f"{kind.lower()} {name}", "") is not None:
                # Only so does every MariaDB know what a package is.
                if kind in PACKAGES:
                    rows_of(self.connection, "SET SESSION sql_mode = 'ORACLE'")
                self.change(f"DROP {kind} IF EXISTS {quote_table(self.live, name)}")
        rows_of(self.connection, "SET SESSION sql_mode = %s", (mode,))

    def create_from_text(self, kind, schema):
        """Create what the dump could not hold and the manifest has as text, as far as possible.

        kind: "routine" or "view", which may rest on another one, so what failed is tried again as
        long as that helps.
        """
        part = f"{kind}s_as_text"
        left = sorted(self.manifest[part].items())
        modes = self.manifest.get("routine_modes") or {}
        before: int | None = None
        problems: list = []
        with contextlib.closing(connect(self.module, self.parameters)) as connection:
            connection.select_db(schema)
            default = rows_of(connection, "SELECT @@sql_mode")[0][0]
            while left and len(left) != before:
                before, tried, left, problems = len(left), left, [], []
                for name, text in tried:
                    problem = "the backup does not hold its definition"
                    try:
                        if text:
                            mode = modes.get(name, default)
                            rows_of(connection, "SET SESSION sql_mode = %s", (mode,))
                            rows_of(connection, in_schema(text, self.manifest["schema"], schema))
                            continue
                    except self.pymysql.MySQLError as error:
                        problem = f"{error.args[-1]}. Its text is in {self.path}.json, {part}"
                    left.append((name, text))
                    what = name if kind == "routine" else f"{kind} {name}"
                    problems.append(f"The {what} was not put back: {problem}.")
        if schema == self.live:
            self.losses.pop(f"{kind}s", None)
            self.warnings += problems


def names(connection, kind, schema):
    """Return the names of a schema's triggers (kind TRIGGER), events (EVENT) or views (TABLE)."""
    source = "VIEWS" if kind == "TABLE" else f"{kind}S"
    query = (
        f"SELECT {kind}_NAME FROM information_schema.{source}"  # noqa: S608
        f" WHERE {kind}_SCHEMA = %s"
    )
    return [name for (name,) in rows_of(connection, query, (schema,))]
