#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""Drops what one schema holds, and nothing of another."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: schema_empty
short_description: Drop the tables, views, routines and events of one MySQL or MariaDB schema
description:
  - Drops everything that the schema of the connection holds, or with O(tables) only these tables
    and views. The schema itself stays, with its character set and its grants.
  - "It makes no backup: M(schema_backup) and M(schema_restore) with C(state=proven) come before."
  - Everything is looked at and refused before the first statement is sent.
  - C(foreign_key_checks) is off while it drops, so that tables that refer to each other can go. So
    it refuses when a table that stays, or one of another schema, refers to one that goes.
options:
  schema:
    description:
      - Name of the schema whose contents are to be lost. It must be the one of the connection.
    type: str
    required: true
  tables:
    description:
      - Names of tables and views to drop; those that do not exist are passed over. Left out, all of
        them, and the routines and events as well.
    type: list
    elements: str
notes:
  - Undo, only M(schema_restore). Idempotent, yes. Atomic, no; run again, it drops the rest.
attributes:
  check_mode:
    support: full
    description: Refuses what a real run would refuse; RV(queries) is what it would send.
  diff_mode:
    support: none
    description: RV(dropped) says what goes.
extends_documentation_fragment:
  - connection
  - locks
  - refusal
seealso:
  - module: schema_backup
  - module: schema_restore
author:
  - The fix_fk authors
"""

EXAMPLES = r"""
- name: See what would be lost
  schema_empty:
    laravel_path: /home/app/gaspul_api
    schema: gaspulco_lkbkanwil
  check_mode: true

- name: Drop two tables
  schema_empty:
    laravel_path: /home/app/gaspul_api
    schema: gaspulco_lkbkanwil
    tables: [skp_tahunan, skp_tahunan_backup_v1]
"""

RETURN = r"""
dropped:
  description: "What was, or in check mode would be, dropped: names under C(tables) (with the
    sequences), C(views), C(routines) (with PROCEDURE or FUNCTION before the name), C(events)."
  returned: success
  type: dict
  sample: {tables: [users], views: [], routines: [PROCEDURE tutup_tahun], events: []}
left:
  description: "What stays, under the same names, and C(constraints): the foreign keys of the tables
    that stay, as M(fk_constraint_info) gives them."
  returned: success
  type: dict
  sample: {tables: [arsip], views: [], routines: [], events: [], constraints: []}
rows:
  description: The tables to drop that have rows, or of which that cannot be told.
  returned: success
  type: list
  elements: str
  sample: [users]
queries:
  description: The statements that were sent and took effect; in check mode those that would be.
  returned: success, and failure after the first of them
  type: list
  elements: str
  sample: ["DROP TABLE IF EXISTS `users`"]
"""

import contextlib
from dataclasses import asdict

from ansible.module_utils.fix_fk.refusal import NOT_CHANGED, refuse
from ansible.module_utils.fix_fk.schema.foreign_keys import list_foreign_keys
from ansible.module_utils.fix_fk.schema.objects import tables_and_sequences
from ansible.module_utils.fix_fk.schema.sql import quote_identifier, rows_of
from ansible.module_utils.fix_fk.schema.tables import list_tables, table_details
from ansible.module_utils.fix_fk.server.about import describe_server
from ansible.module_utils.fix_fk.server.connection import (
    connect,
    connected_module,
    load_pymysql,
    resolve,
)
from ansible.module_utils.fix_fk.server.errors import database_errors
from ansible.module_utils.fix_fk.server.locks import (
    LOCK_SPEC,
    WAITED,
    blockers,
    execute,
    waits_of,
)

SYSTEM_SCHEMAS = ("information_schema", "mysql", "performance_schema", "sys")
KINDS = {"tables": "TABLE", "views": "VIEW", "routines": "", "events": "EVENT"}


def main():
    module = connected_module(
        dict(
            schema={"type": "str", "required": True},
            tables={"type": "list", "elements": "str"},
            **LOCK_SPEC,
        ),
        writes=True,
        supports_check_mode=True,
    )
    waits = waits_of(module)
    parameters = resolve(module)
    timeout = module.params["lock_wait_timeout"]
    connection = connect(module, parameters, lock_wait_timeout=timeout)
    with contextlib.closing(connection), database_errors(module, parameters):
        Task(module, connection, waits).run()


class Task:
    """One schema on its way to being empty."""

    def __init__(self, module, connection, waits):
        self.module, self.connection, self.waits = module, connection, waits
        self.pymysql = load_pymysql(module)
        self.schema = rows_of(connection, "SELECT DATABASE()")[0][0]
        self.queries = []

    def run(self):
        self.refuse_wrong_schema()
        drop, left = self.divide()
        foreign_keys = list_foreign_keys(self.connection, self.schema)
        self.refuse_dangling(drop, foreign_keys)
        tables, _views = list_tables(self.connection, self.schema)
        details = table_details(
            self.connection,
            self.schema,
            {name: about for name, about in tables.items() if name in drop["tables"]},
            self.pymysql,
        )
        left["constraints"] = [
            asdict(key) for key in foreign_keys if key.table not in drop["tables"]
        ]
        statements = [
            f"DROP {KINDS[kind]} IF EXISTS {quote_identifier(name)}"
            for kind in ("events", "views", "tables")
            for name in drop[kind]
        ]
        for routine in drop["routines"]:
            kind, _, name = routine.partition(" ")
            statements.append(f"DROP {kind} IF EXISTS {quote_identifier(name)}")
        if self.module.check_mode:
            self.queries = statements
        else:
            self.drop(statements)
        self.module.exit_json(
            changed=bool(self.queries),
            dropped=drop,
            left=left,
            rows=[name for name, about in details.items() if about["rows"] is not False],
            queries=self.queries,
        )

    def refuse(self, problem, advice):
        done = f"Dropped before that: {len(self.queries)} of them." if self.queries else NOT_CHANGED
        refuse(
            self.module,
            f"The schema {self.schema} is not emptied: {problem}.",
            advice,
            done,
            again=False,
            changed=bool(self.queries),
            queries=self.queries,
        )

    def refuse_wrong_schema(self):
        asked = self.module.params["schema"]
        if self.schema.lower() in SYSTEM_SCHEMAS:
            self.refuse("it is one of the server's own", "point the connection at another one.")
        if asked != self.schema:
            self.refuse(f"{asked} was named", "name the schema of the connection.")
        server = describe_server(self.connection, self.pymysql)
        if server["read_only"] or server["replica"]:
            what = "read-only" if server["read_only"] else "a replica"
            self.refuse(f"the server is {what}", "run it against the primary server.")

    def objects(self):
        """Return {kind: [names]} of all that the schema holds."""
        _tables, views = list_tables(self.connection, self.schema)
        routines = rows_of(
            self.connection,
            "SELECT ROUTINE_TYPE, ROUTINE_NAME FROM information_schema.ROUTINES"
            " WHERE ROUTINE_SCHEMA = %s AND ROUTINE_TYPE IN ('PROCEDURE', 'FUNCTION')"
            " ORDER BY ROUTINE_NAME",
            (self.schema,),
        )
        events = rows_of(
            self.connection,
            "SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = %s"
            " ORDER BY EVENT_NAME",
            (self.schema,),
        )
        return {
            "tables": tables_and_sequences(self.connection, self.schema),
            "views": views,
            "routines": [f"{kind} {name}" for kind, name in routines],
            "events": [name for (name,) in events],
        }

    def divide(self):
        """Return (what is to go, what stays), each {kind: [names]}."""
        there, wanted = self.objects(), self.module.params["tables"]
        if wanted is None:
            return there, {kind: [] for kind in there}
        drop: dict = {kind: [] for kind in there}
        for kind in ("tables", "views"):
            drop[kind] = [name for name in there[kind] if name in wanted]
        return drop, {
            kind: [name for name in names if name not in drop[kind]]
            for kind, names in there.items()
        }

    def refuse_dangling(self, drop, foreign_keys):
        """Refuse when rows that stay would point at nothing."""
        outside = rows_of(
            self.connection,
            "SELECT DISTINCT TABLE_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, REFERENCED_TABLE_NAME"
            " FROM information_schema.KEY_COLUMN_USAGE"
            " WHERE REFERENCED_TABLE_SCHEMA = %s AND TABLE_SCHEMA <> %s"
            " ORDER BY TABLE_SCHEMA, TABLE_NAME",
            (self.schema, self.schema),
        )
        found = [
            f"{schema}.{table} ({name}, to {referenced})"
            for schema, table, name, referenced in outside
            if referenced in drop["tables"]
        ]
        if found:
            self.refuse(
                f"tables of other schemas refer to it: {', '.join(found)}",
                "drop these constraints there first, if that is meant.",
            )
        found = [
            f"{key.table} ({key.name}, to {key.referenced_table})"
            for key in foreign_keys
            if key.table not in drop["tables"]
            and key.referenced_schema == self.schema
            and key.referenced_table in drop["tables"]
        ]
        if found:
            self.refuse(
                f"tables that would stay refer to ones that would go: {', '.join(found)}",
                "name them, too, or drop these constraints first.",
            )

    def drop(self, statements):
        rows_of(self.connection, "SET SESSION foreign_key_checks = 0")
        for statement in statements:
            try:
                execute(self.connection, statement, self.waits, self.pymysql)
            except self.pymysql.MySQLError as error:
                why = f"`{statement}` failed: {error.args[-1]} ({error.args[0]})"
                if error.args[0] in WAITED:
                    tables, _views = list_tables(self.connection, self.schema)
                    why = f"`{statement}` waited for a lock in vain. " + blockers(
                        self.connection, self.schema, tables, self.pymysql
                    ).rstrip(".")
                self.refuse(why, "once the cause is gone, run it again.")
            self.queries.append(statement)
        there = [name for names in self.divide()[0].values() for name in names]
        if there:
            self.refuse(
                f"{', '.join(there)} came in meanwhile",
                "stop whoever makes these (queue workers, other servers), and run it again.",
            )


if __name__ == "__main__":
    main()
