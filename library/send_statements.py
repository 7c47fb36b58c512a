#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""A half-run migration is taken back, or carried on, one statement after the other."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: send_statements
short_description: Take back or carry on a half-run migration, without losing a row or a value
description:
  - Sends the statements in their order and stops at the first that the server refuses, or that
    would lose something.
  - Before a table is dropped, or a column, the table is locked for others and read for the last
    time. A table with rows, and a column that has something else than its default, stays.
options:
  statements:
    description:
      - The statements.
    type: list
    elements: dict
    required: true
    suboptions:
      statement:
        description: The SQL to send.
        type: str
        required: true
      empty:
        description: The table that it drops, which must have no row.
        type: str
      defaults:
        description:
          - The columns that it drops, as O(statements[].table) has them, which must hold nothing
            but their default.
        type: list
        elements: str
        default: []
      table:
        description: The table that has O(statements[].defaults).
        type: str
      redo:
        description: The SQL that takes it back. A table that is dropped is made again as it was.
        type: list
        elements: str
        default: []
  accept:
    description:
      - Tables, and columns as C(table.column), that may go with what is in them.
    type: list
    elements: str
    default: []
  session:
    description:
      - What is said before, and holds for the connection alone. It is not among RV(queries).
    type: list
    elements: str
    default: []
  charset:
    description:
      - The character set in which the statements are sent.
    type: str
    default: utf8mb4
attributes:
  check_mode:
    support: full
    description: Refuses what a real run would refuse at the first statement that drops something;
      RV(queries) is what it would send.
  diff_mode:
    support: none
    description: RV(queries) says what is sent.
extends_documentation_fragment:
  - connection
  - locks
  - refusal
seealso:
  - module: rename_back
author:
  - The fix_fk authors
"""

EXAMPLES = r"""
- name: Take back a key, a column and a table
  send_statements:
    laravel_path: /home/app/gaspul_api
    statements:
      - statement: ALTER TABLE `orders` DROP FOREIGN KEY `fk_customer`, DROP INDEX `fk_customer`
        redo:
          - alter table `orders` add constraint `fk_customer` foreign key (`customer_id`)
            references `customers` (`id`)
      - statement: ALTER TABLE `orders` DROP COLUMN `customer_id`
        table: orders
        defaults: [customer_id]
        redo: [alter table `orders` add `customer_id` bigint unsigned null]
      - statement: DROP TABLE `customers`
        empty: customers

- name: Send what a migration had left to do
  send_statements:
    laravel_path: /home/app/gaspul_api
    session:
      - SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci
      - SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION'
    statements:
      - statement: alter table `orders` add `note` varchar(255) null
        redo: [ALTER TABLE `orders` DROP COLUMN `note`]
"""

RETURN = r"""
queries:
  description: The statements that were sent and took effect; in check mode those that would be.
  returned: always, once the server was reached
  type: list
  elements: str
  sample: ["ALTER TABLE `orders` DROP COLUMN `customer_id`"]
undo:
  description: The statements that put it back, in the order in which to run them.
  returned: always, once the server was reached
  type: list
  elements: str
  sample: ["alter table `orders` add `customer_id` bigint unsigned null"]
"""

import contextlib

from ansible.module_utils.fix_fk.refusal import NOT_CHANGED, refuse
from ansible.module_utils.fix_fk.schema.sql import quote_identifier, rows_of
from ansible.module_utils.fix_fk.schema.tables import count_rows
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

# Seconds, for a look at all rows of a table that is locked meanwhile.
COUNT_SECONDS = 60


def main():
    module = connected_module(
        {
            "statements": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "statement": {"type": "str", "required": True},
                    "empty": {"type": "str"},
                    "table": {"type": "str"},
                    "defaults": {"type": "list", "elements": "str", "default": []},
                    "redo": {"type": "list", "elements": "str", "default": []},
                },
            },
            "accept": {"type": "list", "elements": "str", "default": []},
            "session": {"type": "list", "elements": "str", "default": []},
            "charset": {"type": "str", "default": "utf8mb4"},
            **LOCK_SPEC,
        },
        writes=True,
        supports_check_mode=True,
    )
    waits = waits_of(module)
    parameters = resolve(module)
    connection = connect(
        module,
        parameters,
        lock_wait_timeout=module.params["lock_wait_timeout"],
        charset=module.params["charset"],
    )
    pymysql = load_pymysql(module)
    with contextlib.closing(connection), database_errors(module, parameters):
        work = Work(module, connection, parameters.database, waits, pymysql)
        for text in ("SET SESSION foreign_key_checks = 1", *module.params["session"]):
            work.say(text)
        for item in module.params["statements"]:
            work.send(item)
    module.exit_json(changed=bool(work.queries), queries=work.queries, undo=work.undo)


class Work:
    """What has been sent so far, and how to take it back."""

    def __init__(self, module, connection, schema, waits, pymysql):
        self.module, self.connection, self.schema = module, connection, schema
        self.waits, self.pymysql = waits, pymysql
        self.accept = {name.casefold() for name in module.params["accept"]}
        self.queries, self.undo = [], []

    def say(self, text):
        """Say what holds for the connection."""
        try:
            rows_of(self.connection, text)
        except self.pymysql.MySQLError as error:
            self.fail(*self.why(text, None, error))

    def send(self, item):
        """Send one statement, or end the module; what would lose something is not sent."""
        table = item["empty"] or (item["table"] if item["defaults"] else None)
        redo = item["redo"]
        try:
            if table:
                if not self.module.check_mode:
                    quoted = quote_identifier(table)
                    # count_rows() calls it c, and a name that is not locked is not read.
                    lock = f"LOCK TABLES {quoted} WRITE, {quoted} AS c WRITE"
                    execute(self.connection, lock, self.waits, self.pymysql)
                self.check(item)
            if item["empty"]:
                shown = f"SHOW CREATE TABLE {quote_identifier(table)}"
                redo = [rows_of(self.connection, shown, None)[0][1]]
            if not self.module.check_mode:
                execute(self.connection, item["statement"], self.waits, self.pymysql)
        except self.pymysql.MySQLError as error:
            self.fail(*self.why(item["statement"], table, error))
        finally:
            if table and not self.module.check_mode:
                with contextlib.suppress(self.pymysql.MySQLError):
                    rows_of(self.connection, "UNLOCK TABLES")
        self.queries.append(item["statement"])
        self.undo = redo + self.undo

    def check(self, item):
        """End the module when the statement would lose something that is not accepted."""
        if item["empty"] and item["empty"].casefold() not in self.accept:
            query = f"SELECT 1 FROM {quote_identifier(item['empty'])} LIMIT 1"  # noqa: S608 - quoted
            if rows_of(self.connection, query, None):
                self.fail(
                    f"The table {item['empty']}, which would be dropped, has rows by now",
                    "See what they are and where they belong, and move them there",
                )
        for column in item["defaults"]:
            if f"{item['table']}.{column}".casefold() in self.accept:
                continue
            flavour = describe_server(self.connection, self.pymysql)["flavour"]
            question = {
                "kind": "filled",
                "table": item["table"],
                "columns": [column],
                "values": {},
                "referenced_table": None,
            }
            found = count_rows(
                self.connection, self.schema, question, COUNT_SECONDS, flavour, self.pymysql
            )
            if found["rows"] != 0:
                rows = "rows" if found["rows"] is None else f"{found['rows']} rows"
                self.fail(
                    f"The column {column} of {item['table']}, which would be dropped, has values "
                    f"in {rows} by now ({found['query']})",
                    "See whether they are needed, and keep them elsewhere",
                )

    def why(self, statement, table, error):
        """Return (found, what is next) for a statement that the server refused."""
        code, text = error.args[0], str(error.args[-1])
        if code in WAITED:
            tables = [table] if table else []
            return (
                f"A table is locked: '{statement}' waited "
                f"{self.module.params['lock_wait_timeout']} s, "
                f"{self.module.params['retries'] + 1} times. "
                + blockers(self.connection, self.schema, tables, self.pymysql).rstrip("."),
                "Wait for them, or end them",
            )
        return f"The server refused '{statement}': {text} ({code})", "Correct that"

    def fail(self, found, next_):
        done = f"Done, and put back by the statements in undo: {'; '.join(self.queries)}."
        refuse(
            self.module,
            f"{found}.",
            next_,
            done if self.queries else NOT_CHANGED,
            changed=bool(self.queries),
            queries=self.queries,
            undo=self.undo,
        )


if __name__ == "__main__":
    main()
