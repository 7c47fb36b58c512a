#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""A copy of one schema, on the same server, for the time of a rehearsal."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: schema_clone
short_description: Clone a MySQL or MariaDB schema into a scratch schema of the same server
description:
  - Makes a schema C(SCHEMA__fix_fk_rehearsal) with the tables, views, triggers and routines of the
    connection's schema and the rows of its migrations table, or drops that clone again. The server
    copies by itself; no row travels.
  - Events are never created in it, since they would run.
  - Views, triggers and routines are made without their definer. What names the schema itself, so
    that it would reach out of the clone, and what the account may not make, is left out and named
    in RV(clone.left_out).
  - "With O(laravel_env_clone), the application is asked first whether its connection can be pointed
    at the clone by environment variables. When it cannot, or when the account may not do what is
    needed, nothing is made and RV(clone.refused) says why."
  - A clone that an interrupted rehearsal left behind is dropped first.
options:
  state:
    description: Make the clone, or drop it.
    type: str
    choices: [present, absent]
    default: present
  level:
    description:
      - V(structure) copies definitions and the rows of O(migrations_table) only; V(full) all rows,
        from one moment of each table, without locking them.
      - V(empty) makes an empty schema.
    type: str
    choices: [empty, structure, full]
    default: structure
  migrations_table:
    description: Name of the migrations table, with its prefix.
    type: str
    default: migrations
  laravel_env_clone:
    description:
      - Environment variables with which the application uses the clone.
    type: dict
    default: {}
  expected:
    description:
      - With O(state=absent), the RV(clone.untouched) of the call that made the clone. If the
        schema is another now, the module fails after it has dropped the clone.
    type: str
notes:
  - The statements are replicated, like all others.
  - Undo, O(state=absent). Idempotent, yes (a clone is made anew). Atomic, no.
attributes:
  check_mode:
    support: full
    description: Nothing is made or dropped.
  diff_mode:
    support: none
    description: RV(clone) says what was made.
extends_documentation_fragment:
  - connection
seealso:
  - module: schema_restore
author:
  - The fix_fk authors
"""

EXAMPLES = r"""
- name: Clone the definitions
  schema_clone:
    laravel_path: /home/app/gaspul_api
    laravel_env_clone:
      DB_DATABASE: gaspulco_lkbkanwil__fix_fk_rehearsal
  register: cloned

- name: Drop the clone, and see that the schema is as it was
  schema_clone:
    laravel_path: /home/app/gaspul_api
    state: absent
    expected: "{{ cloned.clone.untouched }}"
"""

RETURN = r"""
clone:
  description: What was made.
  returned: success
  type: dict
  contains:
    schema:
      description: Name of the clone.
      type: str
      sample: gaspulco_lkbkanwil__fix_fk_rehearsal
    refused:
      description: Why nothing was made, in a sentence, or null.
      type: str
    left_out:
      description: What the clone lacks, each with the reason.
      type: list
      elements: str
      sample: ["trigger catat: it names the schema itself"]
    contents:
      description: C(rows), C(digest) and C(columns) by table of the clone, with O(level=full).
      type: dict
    untouched:
      description: Digest over the definitions and the recorded migrations of the schema that was
        cloned.
      type: str
    seconds:
      description: How long it took.
      type: float
queries:
  description: The statements that were sent; those that copy tables in one line.
  returned: success
  type: list
  elements: str
  sample: ["CREATE DATABASE `gaspulco_lkbkanwil__fix_fk_rehearsal`"]
"""

import contextlib
import hashlib
import json
import os
import time

from ansible.module_utils.fix_fk.backups import describe_objects, describe_structure
from ansible.module_utils.fix_fk.connection import (
    connect,
    connected_module,
    database_errors,
    load_pymysql,
    resolve,
)
from ansible.module_utils.fix_fk.contents import read_contents
from ansible.module_utils.fix_fk.foreign_keys import list_tables, rows_of
from ansible.module_utils.fix_fk.laravel import resolve_connection
from ansible.module_utils.fix_fk.scratch import clone_name, show_create
from ansible.module_utils.fix_fk.sql import quote_columns, quote_identifier, quote_table

# Those that keep their rows on this server, and nowhere else.
ENGINES = ("InnoDB", "MyISAM", "Aria", "MEMORY", "ROCKSDB")

# Seconds that it waits for a lock: a clone is no reason to stand in anybody's way.
LOCK_WAIT_TIMEOUT = 2


class Unfit(Exception):
    """Why there can be no clone, in a sentence."""


def main():
    module = connected_module(
        {
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "level": {
                "type": "str",
                "choices": ["empty", "structure", "full"],
                "default": "structure",
            },
            "migrations_table": {"type": "str", "default": "migrations"},
            "laravel_env_clone": {"type": "dict", "default": {}},
            "expected": {"type": "str"},
        },
        supports_check_mode=True,
    )
    parameters = resolve(module)
    connection = connect(module, parameters, lock_wait_timeout=LOCK_WAIT_TIMEOUT)
    with contextlib.closing(connection), database_errors(module, parameters):
        task = Task(module, parameters, connection)
        task.make() if module.params["state"] == "present" else task.drop()


class Task:
    """One schema and its clone."""

    def __init__(self, module, parameters, connection):
        self.module, self.parameters, self.connection = module, parameters, connection
        self.pymysql = load_pymysql(module)
        self.schema = rows_of(connection, "SELECT DATABASE()")[0][0]
        self.tables, self.views = list_tables(connection, self.schema)
        self.queries = []
        self.clone = {
            "schema": clone_name(self.schema),
            "refused": None,
            "left_out": [],
            "contents": {},
            "untouched": self.untouched(),
            "seconds": 0.0,
        }

    def send(self, statement, shown=True):
        with self.connection.cursor() as cursor:
            cursor.execute(statement)
        if shown:
            self.queries.append(statement)

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

    def make(self):
        began = time.monotonic()
        if not self.module.check_mode:
            try:
                self.refuse_unfit()
                self.fill()
            except (Unfit, self.pymysql.MySQLError) as error:
                self.clone["refused"] = str(error.args[-1])
                self.select(self.schema)
                with contextlib.suppress(self.pymysql.MySQLError):
                    self.remove()
        self.clone["seconds"] = round(time.monotonic() - began, 2)
        made = self.module.check_mode or not self.clone["refused"]
        self.module.exit_json(changed=made, clone=self.clone, queries=self.queries)

    def drop(self):
        there = rows_of(
            self.connection,
            "SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s",
            (self.clone["schema"],),
        )
        if there and not self.module.check_mode:
            self.remove()
        expected = self.module.params["expected"]
        if expected and expected != self.clone["untouched"]:
            self.module.fail_json(
                msg=f"The schema {self.schema} is not as it was before the rehearsal: "
                "its definitions or its recorded migrations have changed meanwhile, by the "
                "rehearsal or by somebody else. The clone was dropped. Next: run "
                "playbooks/diagnose.yml, which shows how things stand.",
                changed=bool(there),
                queries=self.queries,
            )
        self.module.exit_json(changed=bool(there), clone=self.clone, queries=self.queries)

    def remove(self):
        self.send(f"DROP DATABASE IF EXISTS {quote_identifier(self.clone['schema'])}")

    def select(self, schema):
        self.connection.select_db(schema)

    def refuse_unfit(self):
        """Raise Unfit for what would reach beyond the clone, or fill the disk."""
        given = self.module.params
        if given["laravel_env_clone"]:
            found = resolve_connection(
                self.module,
                given["laravel_path"],
                given["laravel_php"],
                dict(given["laravel_env"], **given["laravel_env_clone"]),
                given["database_connection"],
            )["database"]
            if found != self.clone["schema"]:
                names = ", ".join(sorted(given["laravel_env_clone"]))
                raise Unfit(
                    "environment variables do not change the schema that the application uses: "
                    f"with {names} set it still uses {found}"
                )
        odd = [
            f"{name} ({about['engine']})"
            for name, about in self.tables.items()
            if about["engine"] not in ENGINES
        ]
        if odd and given["level"] != "empty":
            raise Unfit(f"these tables keep their rows elsewhere: {', '.join(odd)}")
        if given["level"] == "full":
            self.refuse_full_disk()

    def refuse_full_disk(self):
        """Raise Unfit when the server's disk, where it can be seen, cannot take the rows again."""
        needed = rows_of(
            self.connection,
            "SELECT SUM(DATA_LENGTH + INDEX_LENGTH) FROM information_schema.TABLES"
            " WHERE TABLE_SCHEMA = %s",
            (self.schema,),
        )[0][0]
        datadir = rows_of(self.connection, "SELECT @@datadir")[0][0]
        if not (self.parameters.is_local and os.path.isdir(datadir)):
            return
        disk = os.statvfs(datadir)
        free = disk.f_bavail * disk.f_frsize
        if free < 2 * int(needed or 0):
            raise Unfit(
                f"the disk under {datadir} has {free // 2**20} MiB free, and the rows take "
                f"{int(needed) // 2**20} MiB"
            )

    def fill(self):
        level, clone = self.module.params["level"], self.clone["schema"]
        charset, collation = rows_of(
            self.connection,
            "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME"
            " FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s",
            (self.schema,),
        )[0]
        definitions = {} if level == "empty" else self.definitions()
        self.remove()
        self.send(
            f"CREATE DATABASE {quote_identifier(clone)} CHARACTER SET {charset} COLLATE {collation}"
        )
        if level == "empty":
            return
        self.select(clone)
        self.send("SET SESSION foreign_key_checks = 0", shown=False)
        # An id of 0 stays 0.
        self.send(
            "SET SESSION sql_mode = CONCAT(@@sql_mode, ',NO_AUTO_VALUE_ON_ZERO')", shown=False
        )
        # Rows are read without locking them.
        self.send("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", shown=False)
        for name in self.tables:
            self.send(definitions["TABLE", name], shown=False)
        self.queries.append(f"-- {len(self.tables)} tables as SHOW CREATE TABLE has them")
        for name in self.tables:
            if level == "full" or name == self.module.params["migrations_table"]:
                self.copy_rows(name)
        self.make_programs(definitions)
        if level == "full":
            self.clone["contents"] = read_contents(self.connection, clone, self.tables)

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

    def leave_out(self, what, why):
        self.clone["left_out"].append(f"{what}: {why}")

    def copy_rows(self, name):
        columns = [
            column
            for column, extra in rows_of(
                self.connection,
                "SELECT COLUMN_NAME, EXTRA FROM information_schema.COLUMNS"
                " WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s ORDER BY ORDINAL_POSITION",
                (self.schema, name),
            )
            if "GENERATED" not in extra.upper().replace("DEFAULT_GENERATED", "")
        ]
        listed = quote_columns(columns)
        self.send(
            f"INSERT INTO {quote_identifier(name)} ({listed})"  # noqa: S608 - quoted
            f" SELECT {listed} FROM {quote_table(self.schema, name)}"
        )

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


def without_definer(text, kind):
    """Return a CREATE statement without what stands between CREATE and the kind of object.

    There are ALGORITHM, DEFINER and SQL SECURITY; to name another definer takes a right of its own,
    and the account that rehearses is the one to act.
    """
    return f"CREATE {kind} {text.partition(f' {kind} ')[2]}"


if __name__ == "__main__":
    main()
