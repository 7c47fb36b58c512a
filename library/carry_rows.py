#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""Rows of tables that were renamed away are brought into those that took their places."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: carry_rows
short_description: Bring rows of a table that was renamed away into the one that took its place
description:
  - Rows keep their keys. They go over in batches by key, each in a transaction of its own, and are
    compared with what was there before the batch counts. A row that is there already is not
    written again, so that what was interrupted goes on with the same call.
  - The old table is read, never written.
options:
  state:
    description:
      - V(present) brings the rows over.
      - V(proven) counts and compares both sides, and changes nothing.
      - V(dropped) does that too, with both tables locked, and drops the old table where every row
        is over.
    type: str
    default: present
    choices: [present, proven, dropped]
  tables:
    description:
      - The pairs of tables, those that others refer to first.
    type: list
    elements: dict
    required: true
    suboptions:
      table:
        description: The new table.
        type: str
        required: true
      old:
        description: The table that has the rows.
        type: str
        required: true
      columns:
        description: The columns that are given, and the SQL of the value for a row C(c) of the old
          table.
        type: list
        elements: dict
        required: true
      key:
        description: The columns that tell a row, C(column) of the new and C(source) of the old
          table. Where these are not compared, or put in order, as they are, C(value) and C(place)
          are the SQL by which they are, for a row C(c) of the old table.
        type: list
        elements: dict
        required: true
      compared:
        description: SQL of both sides, C(new) for a row C(n) and C(old) for a row C(c), whose
          values have to be the same; C(plain) where both are written alike, so that a digest tells,
          C(key) where it is of the key, and C(born) where it tells that two rows of one key are the
          same row, changed or not.
        type: list
        elements: dict
        required: true
      unordered:
        description: Whether a row may refer to one that comes later. Foreign keys are then checked
          at the end, by O(tables[].orphaned).
        type: bool
        default: false
      orphaned:
        description: SQL conditions for a row C(n) of the new table that refers to nothing.
        type: list
        elements: str
        default: []
      there:
        description: Of rows that were in both tables before, C(values) of the SQL C(sql), or
          C(many), their number. They are not taken back.
        type: dict
        default: {}
      keep:
        description: Tables whose rows keep those they refer to where the rows are taken back,
          each with the pairs of their columns.
        type: list
        elements: dict
        default: []
  batch:
    description: Rows of one transaction.
    type: int
    default: 2000
  seconds:
    description: How long one call may work; RV(left) says what is left then. 0 is to the end.
    type: int
    default: 0
attributes:
  check_mode:
    support: full
    description: Changes nothing.
  diff_mode:
    support: none
    description: RV(queries) says what is sent.
extends_documentation_fragment:
  - connection
  - locks
  - refusal
seealso:
  - module: fk_constraint_info
author:
  - The fix_fk authors
"""

EXAMPLES = r"""
- name: Bring the rows of the displaced table over
  carry_rows:
    laravel_path: /home/app/gaspul_api
    tables:
      - table: skp_tahunan
        old: skp_tahunan_backup_v1
        columns:
          - {column: id, value: c.`id`}
          - {column: tahun, value: c.`tahun`}
        key:
          - {column: id, source: id}
        compared:
          - {new: n.`id`, old: c.`id`, plain: true}
          - {new: n.`tahun`, old: c.`tahun`, plain: true}
"""

RETURN = r"""
queries:
  description: What was sent, each statement once and without the bounds of its batches.
  returned: always, once the server was reached
  type: list
  elements: str
undo:
  description: The statements that put it back, in the order in which to run them. A row that was
    changed since, or that others refer to by now, stays.
  returned: always, once the server was reached
  type: list
  elements: str
moved:
  description: Rows that this call has brought over.
  returned: always, once the server was reached
  type: int
left:
  description: Rows that are not over yet.
  returned: always, once the server was reached
  type: int
total:
  description: Rows of the old tables.
  returned: always, once the server was reached
  type: int
carried:
  description: Of each pair C(table), C(old), C(rows) of the old one, C(same) those of them that are
    in the new one with the same values, C(digests) of both sides.
  returned: where nothing is left, and with O(state=proven)
  type: list
  elements: dict
"""

import contextlib
import time

from ansible.module_utils.fix_fk.refusal import NOT_CHANGED, refuse
from ansible.module_utils.fix_fk.schema import carrying
from ansible.module_utils.fix_fk.schema.objects import users_of
from ansible.module_utils.fix_fk.schema.sql import quote_identifier, rows_of
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


def main():
    dicts = {"type": "list", "elements": "dict"}
    module = connected_module(
        {
            "state": {
                "type": "str",
                "default": "present",
                "choices": ["present", "proven", "dropped"],
            },
            "tables": {
                **dicts,
                "required": True,
                "options": {
                    "table": {"type": "str", "required": True},
                    "old": {"type": "str", "required": True},
                    "columns": {**dicts, "required": True},
                    "key": {**dicts, "required": True, "no_log": False},
                    "compared": {**dicts, "required": True},
                    "unordered": {"type": "bool", "default": False},
                    "orphaned": {"type": "list", "elements": "str", "default": []},
                    "keep": {**dicts, "default": []},
                    "there": {"type": "dict", "default": {}},
                },
            },
            "batch": {"type": "int", "default": carrying.BATCH},
            "seconds": {"type": "int", "default": 0},
            **LOCK_SPEC,
        },
        writes=True,
        supports_check_mode=True,
    )
    waits = waits_of(module)
    parameters = resolve(module)
    connection = connect(module, parameters, lock_wait_timeout=module.params["lock_wait_timeout"])
    pymysql = load_pymysql(module)
    with contextlib.closing(connection), database_errors(module, parameters):
        work = Work(module, connection, parameters.database, waits, pymysql)
        result = work.drop() if module.params["state"] == "dropped" else work.carry()
    module.exit_json(changed=bool(work.queries), queries=work.queries, undo=work.undo, **result)


class Work:
    """What has been brought over so far, and how to take it back."""

    def __init__(self, module, connection, schema, waits, pymysql):
        self.module, self.connection, self.schema = module, connection, schema
        self.waits, self.pymysql = waits, pymysql
        self.queries, self.undo = [], []
        self.pairs = module.params["tables"]
        self.carriers = [
            carrying.Carrier(connection, pair, self.send, max(1, module.params["batch"]))
            for pair in self.pairs
        ]

    def send(self, statement, arguments=None):
        """Send one statement and return the rows that it changed; locks are waited for."""
        with self.connection.cursor() as cursor:
            cursor.execute(statement, arguments)
            return cursor.rowcount

    def carry(self):
        """Bring over what may be in this call; return what is left."""
        seconds = self.module.params["seconds"]
        began = time.monotonic()
        until = began + seconds if seconds else float("inf")
        total = sum(carrier.total() for carrier in self.carriers)
        moved, done = 0, True
        if self.module.params["state"] == "present" and not self.module.check_mode:
            rows_of(self.connection, carrying.KEEPS_ZERO)
            rows_of(self.connection, "SET SESSION time_zone = '+00:00'")
            for carrier in self.carriers:
                rows, done = self._carry(carrier, until)
                moved += rows
                if not done:
                    break
        left = sum(carrier.left() for carrier in self.carriers)
        took = time.monotonic() - began
        rate = moved / took if took > 0 else 0.0
        found = {"moved": moved, "total": total, "left": left, "rate": rate}
        proven = self.module.params["state"] == "proven"
        if done and left and not proven and not self.module.check_mode:
            self.fail(
                f"{left} rows are not in the new tables, though the server refused none",
                "See which by what is in queries",
            )
        if proven or (done and not left):
            self.check_parents()
            found["carried"] = [carrier.prove() for carrier in self.carriers]
        return found

    def _carry(self, carrier, until):
        pair = carrier.pair
        checked = int(not pair["unordered"])
        rows_of(self.connection, f"SET SESSION foreign_key_checks = {checked}")
        retries, delay = self.waits
        while True:
            try:
                done = carrier.carry(until)
                break
            except carrying.Unlike as unlike:
                self.note(carrier, failed=True)
                self.fail(str(unlike), "See these rows in both tables")
            except self.pymysql.MySQLError as error:
                if error.args[0] in WAITED and retries:
                    retries -= 1
                    time.sleep(delay)
                    continue
                self.note(carrier, failed=True)
                self.fail(*self.why(pair, error))
        rows_of(self.connection, "SET SESSION foreign_key_checks = 1")
        self.note(carrier)
        return carrier.moved, done

    def note(self, carrier, failed=False):
        """Note what has been sent; of a batch that failed, some engines keep what was written."""
        pair = carrier.pair
        if carrier.moved or (failed and not self._takes_back(pair["table"])):
            self.queries.append(carrying.insert(pair))
            self.undo.insert(0, carrying.take_back(pair))

    def _takes_back(self, table):
        """Tell whether a table is as before where a transaction is taken back; in doubt not."""
        query = (
            "SELECT ENGINE FROM information_schema.TABLES"
            " WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s"
        )
        with contextlib.suppress(self.pymysql.MySQLError):
            found = rows_of(self.connection, query, (self.schema, table))
            return bool(found) and (found[0][0] or "").lower() == "innodb"
        return False

    def check_parents(self):
        """End the module when a row that went over without a check refers to nothing."""
        # Also where the call before this one has brought the last row.
        writes = self.module.params["state"] == "present" and not self.module.check_mode
        for pair in self.pairs if writes else ():
            for condition in pair["orphaned"] if pair["unordered"] else ():
                table = quote_identifier(pair["table"])
                query = f"SELECT COUNT(*) FROM {table} n WHERE {condition}"  # noqa: S608 - quoted
                rows = rows_of(self.connection, query, None)[0][0]
                if rows:
                    self.fail(
                        f"{rows} rows of {pair['table']} refer to nothing ({query})",
                        "Correct them in the old table, and take the rows back as undo says",
                    )

    def check_users(self, pair):
        """End the module when something names the old table that would fail without it."""
        names = users_of(self.connection, self.schema, pair["old"])
        if names:
            self.fail(
                f"{pair['old']} is named by {', '.join(names)}, so it was not dropped",
                "Let them name the new table, or leave carry_over_drop_old out",
            )

    def drop(self):
        """Drop the old tables whose rows are all over, with nobody writing meanwhile."""
        proven = []
        for carrier in self.carriers:
            self.check_users(carrier.pair)
        for carrier in self.carriers:
            table, old = (quote_identifier(carrier.pair[part]) for part in ("table", "old"))
            lock = f"LOCK TABLES {table} WRITE, {table} AS n WRITE, {old} WRITE, {old} AS c WRITE"
            try:
                if not self.module.check_mode:
                    execute(self.connection, lock, self.waits, self.pymysql)
                proof = carrier.prove()
                if proof["rows"] != proof["same"]:
                    self.fail(
                        f"{proof['rows'] - proof['same']} rows of {proof['old']} are not in "
                        f"{proof['table']} as they are, so it was not dropped",
                        "Bring them over first, or leave carry_over_drop_old out",
                    )
                if not self.module.check_mode:
                    execute(self.connection, f"DROP TABLE {old}", self.waits, self.pymysql)
            except self.pymysql.MySQLError as error:
                self.fail(*self.why(carrier.pair, error))
            finally:
                with contextlib.suppress(self.pymysql.MySQLError):
                    rows_of(self.connection, "UNLOCK TABLES")
            proven.append(proof)
            self.queries.append(f"DROP TABLE {old}")
        return {"carried": proven, "left": 0, "moved": 0, "total": 0, "rate": 0.0, "gone": True}

    def why(self, pair, error):
        """Return (found, what is next) for what the server refused."""
        code, text = error.args[0], str(error.args[-1])
        if code in WAITED:
            said = blockers(
                self.connection, self.schema, [pair["table"], pair["old"]], self.pymysql
            )
            return (
                f"A table is locked: {pair['old']} could not be read, or {pair['table']} written. "
                + said.rstrip("."),
                "Wait for them, or end them",
            )
        return (
            f"The server refused rows of {pair['old']} for {pair['table']}: {text} ({code})",
            "Correct that",
        )

    def fail(self, found, next_):
        done = (
            "Each batch is whole or not there; what is over stays, and the same command goes on. "
            "The old tables are as they were."
        )
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
