#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""Displaced tables get their names back, and empty leftovers go, without a race."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: rename_back
short_description: Rename displaced tables back and drop the empty tables that stand in their place
description:
  - A failed migration has renamed a table away (the displaced table) and created another one under
    its name (the leftover). This takes both back, for any number of tables at once.
  - One C(RENAME TABLE) sets every leftover aside, under the name C(<original>__fix_fk_leftover),
    and gives every displaced table its name back; for other connections both happen at the same
    moment. Only a leftover that is set aside, where nobody writes to it any more, is looked at for
    the last time. When it has rows, or a foreign key refers to it, one C(RENAME TABLE) puts all
    names back and the module fails. Else it is dropped.
  - What an interrupted run has left behind is recognised and finished.
  - Foreign keys of other tables that followed the displaced table follow it back.
options:
  tables:
    description:
      - The tables.
    type: list
    elements: dict
    required: true
    suboptions:
      original:
        description:
          - The name that the table had before the migration.
        type: str
        required: true
      displaced:
        description:
          - The name it has now. Left out when there was no table before the migration, so that
            there is only a leftover to drop, or only an interrupted run to finish.
        type: str
      leftover:
        description:
          - Whether the original name is now taken by a table that the migration created. When it
            is taken and this is V(false), the module refuses.
        type: bool
        default: false
notes:
  - "A crash of the server between the statements leaves a state that a second call finishes.
    C(RENAME TABLE) itself is atomic with MySQL 8.0 and MariaDB 10.6 or newer."
attributes:
  check_mode:
    support: full
    description: Refuses what a real run would refuse; RV(queries) is what it would send.
  diff_mode:
    support: full
    description: The names before and after.
extends_documentation_fragment:
  - connection
  - locks
  - refusal
seealso:
  - module: fk_constraint
  - module: schema_backup
author:
  - The fix_fk authors
"""

EXAMPLES = r"""
- name: Undo what the failed migration did to the table names
  rename_back:
    laravel_path: /home/app/gaspul_api
    tables:
      - original: skp_tahunan
        displaced: skp_tahunan_backup_v1
        leftover: true

- name: Drop an empty table that the failed migration created
  rename_back:
    laravel_path: /home/app/gaspul_api
    tables:
      - original: skp_tahunan_detail
        leftover: true
"""

RETURN = r"""
queries:
  description: The statements that were sent and took effect; in check mode those that would be.
  returned: always, once the schema has been read
  type: list
  elements: str
  sample:
    - "RENAME TABLE `skp_tahunan` TO `skp_tahunan__fix_fk_leftover`,
      `skp_tahunan_backup_v1` TO `skp_tahunan`"
    - "DROP TABLE `skp_tahunan__fix_fk_leftover`"
undo:
  description: The statements that put everything back, in the order in which to run them. Dropped
    tables and their triggers are created again as they were.
  returned: always, once the schema has been read
  type: list
  elements: str
  sample:
    - "RENAME TABLE `skp_tahunan` TO `skp_tahunan_backup_v1`"
    - "CREATE TABLE `skp_tahunan` (...)"
followed:
  description: Foreign keys of other tables that referred to a displaced table and refer to it
    under its original name again.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the constraint.
      type: str
    table:
      description: The table that has it.
      type: str
    referenced_table:
      description: The original name that it refers to.
      type: str
"""

import contextlib
from dataclasses import dataclass

from ansible.module_utils.fix_fk.refusal import NOT_CHANGED, refuse
from ansible.module_utils.fix_fk.schema.foreign_keys import list_foreign_keys
from ansible.module_utils.fix_fk.schema.sql import (
    quarantine,
    quote_identifier,
    quote_table,
    rows_of,
)
from ansible.module_utils.fix_fk.schema.tables import list_tables
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

# A foreign key refers to the table: MariaDB, and MySQL before and since 8.0.
REFERRED_TO = (1451, 1217, 3730)


class Refusal(Exception):
    """Why nothing is done: found, a sentence or two without the final stop, and what is next."""


@dataclass
class Leftover:
    """A table to drop. name: what it is called now; aside: its name when it is dropped."""

    name: str
    aside: str
    create: list


def main():
    module = connected_module(
        dict(
            tables={
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "original": {"type": "str", "required": True},
                    "displaced": {"type": "str"},
                    "leftover": {"type": "bool", "default": False},
                },
            },
            **LOCK_SPEC,
        ),
        writes=True,
        supports_check_mode=True,
    )
    waits = waits_of(module)
    parameters = resolve(module)
    timeout = module.params["lock_wait_timeout"]
    connection = connect(module, parameters, lock_wait_timeout=timeout)
    pymysql = load_pymysql(module)
    with contextlib.closing(connection), database_errors(module, parameters):
        # It is the server that knows of foreign keys in other schemas, and only checks on tell.
        rows_of(connection, "SET SESSION foreign_key_checks = 1")
        work = Work(module, connection, parameters.database, waits, pymysql)
        try:
            work.plan(module.params["tables"])
        except (Refusal, ValueError) as error:
            found, next_ = error.args if isinstance(error, Refusal) else (error, "Correct the name")
            refuse(module, f"{sentence(found)}.", next_, changed=False, queries=[], undo=[])
        work.carry_out()
    module.exit_json(
        changed=bool(work.queries),
        queries=work.queries,
        undo=work.undo(),
        followed=work.followed,
        diff=work.diff(),
    )


def sentence(problem):
    text = str(problem)
    return text[:1].upper() + text[1:]


def renaming(moves):
    pairs = [f"{quote_identifier(old)} TO {quote_identifier(new)}" for old, new in moves]
    return f"RENAME TABLE {', '.join(pairs)}"


class Work:
    """What is to be done, what has been done, and how to take it back.

    moves: [(old name, new name)] of the one RENAME TABLE; leftovers: the tables to drop after it,
    and stale: those before it, in an order in which nothing refers to the first.
    """

    def __init__(self, module, connection, schema, waits, pymysql):
        self.module = module
        self.connection = connection
        self.schema = schema
        self.waits = waits
        self.pymysql = pymysql
        self.moves, self.stale, self.leftovers, self.followed = [], [], [], []
        self.queries, self.moved, self.dropped = [], [], []

    def plan(self, wanted):
        """Fill in what is to be done, or raise Refusal; nothing is changed."""
        tables, views = list_tables(self.connection, self.schema)
        if rows_of(self.connection, "SELECT @@lower_case_table_names")[0][0] == 1:
            wanted = [
                dict(
                    pair, **{part: (pair[part] or "").lower() for part in ("original", "displaced")}
                )
                for pair in wanted
            ]
        names = [name for pair in wanted for name in (pair["original"], pair["displaced"]) if name]
        asides = {quarantine(pair["original"]) for pair in wanted}
        if len(set(names)) < len(names) or len(asides) < len(wanted) or asides & set(names):
            raise Refusal(f"a table is named twice among {', '.join(names)}", "Name each one once")
        seen = [name for name in names if name in views]
        if seen:
            raise Refusal(
                f"{', '.join(seen)} is a view, and not the table that was meant",
                "Run the diagnosis again",
            )
        stale: list[tuple] = []
        leftovers: list[tuple] = []
        for pair in wanted:
            original, displaced = pair["original"], pair["displaced"]
            aside = quarantine(original)
            quote_identifier(original)
            taken = original in tables
            moving = displaced in tables
            if displaced and not moving and not taken:
                raise Refusal(
                    f"neither {displaced} nor {original} is there",
                    "Run the diagnosis again: the plan was made for another state",
                )
            if taken and moving and not pair["leftover"]:
                raise Refusal(
                    f"{displaced} is to get the name {original} back, and that name is taken by a "
                    "table that the plan does not know as a leftover",
                    "Run the diagnosis again",
                )
            # Without a displaced table that is still there, a taken name is the original itself,
            # back in its place; only a leftover that never had an original is dropped then.
            dropping = taken and pair["leftover"] and (moving or not displaced)
            if aside in tables:
                (stale if dropping else leftovers).append((aside, aside))
            if dropping:
                leftovers.append((original, aside))
                self.moves.append((original, aside))
            if moving:
                self.moves.append((displaced, original))
        keys = list_foreign_keys(self.connection, self.schema)
        going = {name for name, _aside in stale + leftovers}
        for name in sorted(going):
            self.check_unused(name, keys, going)
        back = dict(self.moves)
        self.followed = [
            {"name": key.name, "table": key.table, "referenced_table": back[key.referenced_table]}
            for key in keys
            if key.referenced_schema == self.schema
            and key.referenced_table in back
            and key.referenced_table not in going
            and key.table != key.referenced_table
        ]
        self.stale = self.in_order(stale, keys)
        self.leftovers = self.in_order(leftovers, keys)

    def check_unused(self, name, keys, going, called=None):
        """Raise Refusal when the table has rows, or a table that stays refers to it."""
        called = called or name
        query = f"SELECT 1 FROM {quote_table(self.schema, name)} LIMIT 1"  # noqa: S608 - quoted
        if rows_of(self.connection, query, None):
            raise Refusal(
                f"the table {called}, which would be dropped, has rows",
                "See what they are and where they belong, and move them there",
            )
        referring = [
            f"{key.name} of {key.table}"
            for key in keys
            if key.referenced_schema == self.schema
            and key.referenced_table == name
            and key.table not in going
        ]
        if referring:
            raise Refusal(
                f"the table {called}, which would be dropped, is referred to by the foreign key "
                f"{', '.join(referring)}",
                "Find out why, and drop that constraint or point it elsewhere",
            )

    def in_order(self, names, keys):
        """Return Leftovers so that none is dropped while another of them refers to it."""
        waiting = dict(names)
        ordered = []
        while waiting:
            free = [
                name
                for name in waiting
                if not any(
                    key.referenced_table == name and key.table in waiting and key.table != name
                    for key in keys
                )
            ]
            if not free:
                raise Refusal(
                    f"the tables {', '.join(sorted(waiting))}, which would be dropped, refer to "
                    "each other in a circle",
                    "Drop one of these foreign keys",
                )
            ordered += [Leftover(name, waiting.pop(name), self.create(name)) for name in free]
        return ordered

    def create(self, name):
        """Return the statements that make the table and its triggers again."""
        quoted = quote_table(self.schema, name)
        statements = [rows_of(self.connection, f"SHOW CREATE TABLE {quoted}", None)[0][1]]
        for (trigger,) in rows_of(
            self.connection,
            "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = %s"
            " AND EVENT_OBJECT_TABLE = %s ORDER BY ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER",
            (self.schema, name),
        ):
            quoted = quote_table(self.schema, trigger)
            statements.append(rows_of(self.connection, f"SHOW CREATE TRIGGER {quoted}", None)[0][2])
        return statements

    def carry_out(self):
        for leftover in self.stale:
            self.drop(leftover)
        if self.moves:
            self.run(renaming(self.moves))
            self.moved = self.moves
        if not self.module.check_mode:
            self.check_aside()
        for leftover in self.leftovers:
            self.drop(leftover)
        if self.queries and not self.module.check_mode:
            self.verify()

    def check_aside(self):
        """Look at the leftovers once more, now that nobody writes to them."""
        going = {leftover.aside for leftover in self.leftovers}
        keys = list_foreign_keys(self.connection, self.schema)
        try:
            for leftover in self.leftovers:
                self.check_unused(leftover.aside, keys, going, called=leftover.name)
        except Refusal as refusal:
            self.move_back(*refusal.args)

    def drop(self, leftover):
        self.run(f"DROP TABLE {quote_identifier(leftover.aside)}", leftover)
        self.dropped.append(leftover)

    def run(self, statement, leftover=None):
        """Send one statement, or end the module; a leftover in use gets its name back first."""
        if not self.module.check_mode:
            try:
                execute(self.connection, statement, self.waits, self.pymysql)
            except self.pymysql.MySQLError as error:
                found, next_ = self.why(statement, error)
                if leftover and error.args[0] in REFERRED_TO and not self.gone:
                    self.move_back(found, next_)
                self.fail(found, next_)
        self.queries.append(statement)

    def move_back(self, found, next_):
        """Give all tables the names they had when this call began, and end the module."""
        if self.moved:
            statement = renaming([(new, old) for old, new in reversed(self.moved)])
            try:
                execute(self.connection, statement, self.waits, self.pymysql)
            except self.pymysql.MySQLError as error:
                too, next_ = self.why(statement, error)
                self.fail(f"{found}. Putting the names back failed, too: {too}", next_)
            self.queries.append(statement)
            self.moved = []
            found += ". All names were put back"
        self.fail(found, next_)

    def why(self, statement, error):
        """Return (found, what is next) for a statement that the server refused."""
        code, text = error.args[0], str(error.args[-1])
        if code in WAITED:
            tables = sorted({name for move in self.moves for name in move})
            return (
                "a table is locked: "
                f"'{statement}' waited {self.module.params['lock_wait_timeout']} s, "
                f"{self.module.params['retries'] + 1} times. "
                + blockers(self.connection, self.schema, tables, self.pymysql).rstrip("."),
                "Wait for them, or end them",
            )
        if code in REFERRED_TO:
            return (
                f"a foreign key that this account cannot see refers to the leftover: {text} "
                f"({code})",
                "Find out why, and drop that constraint",
            )
        return f"the server refused '{statement}': {text} ({code})", "Correct that"

    def fail(self, found, next_):
        undo = self.undo()
        done = f"Done, and taken back by the statements in undo: {'; '.join(self.queries)}."
        refuse(
            self.module,
            f"{sentence(found)}.",
            next_,
            done if undo else NOT_CHANGED,
            changed=bool(undo),
            queries=self.queries,
            undo=undo,
        )

    @property
    def gone(self):
        """The names of leftovers that this call has set aside and dropped."""
        return {leftover.aside for leftover in self.dropped if leftover.name != leftover.aside}

    def undo(self):
        """Return the statements that take back what has been done so far."""
        names = [(new, old) for old, new in reversed(self.moved) if new not in self.gone]
        statements = [renaming(names)] if names else []
        for leftover in reversed(self.dropped):
            statements += leftover.create
        return statements

    def verify(self):
        """End the module when a table is not where it belongs now."""
        tables, _views = list_tables(self.connection, self.schema)
        gone = {old for old, _new in self.moves} | {leftover.aside for leftover in self.dropped}
        there = {new for _old, new in self.moves} - {leftover.aside for leftover in self.dropped}
        if there - set(tables) or (gone - there) & set(tables):
            self.fail(
                "the tables are not where they belong after the renames succeeded: expected "
                f"{', '.join(sorted(there))} and none of {', '.join(sorted(gone - there))}. "
                "Somebody else is changing the schema",
                "Find out who, and run the diagnosis again",
            )

    def diff(self):
        before = [old for old, _new in self.moves] + [leftover.name for leftover in self.dropped]
        after = [new for _old, new in self.moves if new not in self.gone]
        return {
            part: "".join(f"{name}\n" for name in sorted(set(names)))
            for part, names in (("before", before), ("after", after))
        }


if __name__ == "__main__":
    main()
