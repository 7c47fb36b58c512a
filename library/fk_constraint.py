#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""Foreign keys present or absent by name, with the SQL that takes the change back."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: fk_constraint
short_description: Drop or add foreign keys of a MySQL or MariaDB schema by name
description:
  - With O(state=absent), drops foreign keys from whichever tables hold their names; with
    O(state=present), adds them and verifies that they exist.
  - Many in one call. Everything is looked at and refused before the first statement is sent.
  - Names are compared as the server compares them, without regard to case.
  - A statement waits O(lock_wait_timeout) seconds for other connections, is sent again O(retries)
    times, and then the module fails and names who is in the way. It kills nobody.
  - A failure after the first statement returns RV(queries) and RV(undo) of what was done.
options:
  state:
    description:
      - Whether the constraints are to be there.
    type: str
    choices: [present, absent]
    default: present
  constraints:
    description:
      - The foreign keys.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Name of the constraint.
        type: str
        required: true
      table:
        description:
          - The table that has the constraint. Required with O(state=present).
          - With O(state=absent), the only table it may be dropped from; when another one holds the
            name, the module refuses. Left out, it is dropped from whichever table holds it.
        type: str
      columns:
        description:
          - Its columns, in order. Required with O(state=present), not looked at otherwise.
        type: list
        elements: str
      referenced_table:
        description:
          - The table referred to. Required with O(state=present), not looked at otherwise.
        type: str
      referenced_schema:
        description:
          - The schema of that table; the connection's own when left out.
        type: str
      referenced_columns:
        description:
          - The columns referred to, in the order of O(constraints[].columns). Required with
            O(state=present), not looked at otherwise.
        type: list
        elements: str
      on_delete:
        description:
          - What happens when a row that is referred to is deleted. Left out, the server's default
            is used, and a constraint with any rule will do.
        type: str
        choices: [RESTRICT, CASCADE, SET NULL, NO ACTION]
      on_update:
        description:
          - The same for a change of its key.
        type: str
        choices: [RESTRICT, CASCADE, SET NULL, NO ACTION]
  leave_out_orphans:
    description:
      - "With O(state=present): add the constraints that rows do not stand in the way of, and return
        the others in RV(left_out). Otherwise one such row is reason to refuse all."
    type: bool
    default: false
notes:
  - Dropping a foreign key leaves its index, which usually has the same name.
  - Adding one makes an index when no usable one is there; RV(undo) then drops it, too.
  - "From MariaDB 12.1 on, names belong to tables. There O(state=absent) without a table refuses
    when several tables hold the name."
  - C(foreign_key_checks) is on. Rows that refer to nothing are counted before anything is added.
attributes:
  check_mode:
    support: full
    description: Refuses what a real run would refuse; RV(queries) is what it would send.
  diff_mode:
    support: full
    description: The definitions before and after.
extends_documentation_fragment:
  - connection
  - locks
seealso:
  - module: fk_constraint_info
  - module: rename_back
author:
  - The fix_fk authors
"""

EXAMPLES = r"""
- name: Free the names, whichever tables hold them
  fk_constraint:
    laravel_path: /home/app/gaspul_api
    state: absent
    constraints:
      - name: fk_skp_tahunan_user
      - name: fk_skp_tahunan_approved_by

- name: Drop a constraint, but from this table only
  fk_constraint:
    laravel_path: /home/app/gaspul_api
    state: absent
    constraints:
      - name: fk_skp_tahunan_user
        table: skp_tahunan
    lock_wait_timeout: 2

- name: Put a constraint back
  fk_constraint:
    laravel_path: /home/app/gaspul_api
    constraints:
      - name: fk_skp_tahunan_user
        table: skp_tahunan
        columns: [user_id]
        referenced_table: users
        referenced_columns: [id]
        on_delete: CASCADE
"""

RETURN = r"""
queries:
  description: The statements that were sent and took effect; in check mode those that would be.
  returned: always, once the schema has been read
  type: list
  elements: str
  sample: ["ALTER TABLE `skp_tahunan` DROP FOREIGN KEY `fk_skp_tahunan_user`"]
undo:
  description: The statements that put everything back, in the order in which to run them.
  returned: always, once the schema has been read
  type: list
  elements: str
  sample: ["ALTER TABLE `skp_tahunan` ADD CONSTRAINT `fk_skp_tahunan_user` FOREIGN KEY (`user_id`)
    REFERENCES `users` (`id`) ON DELETE CASCADE"]
left_out:
  description: With O(leave_out_orphans=true), the constraints that were not added, as rows refer to
    nothing.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Its name.
      type: str
    table:
      description: The table that was to have it.
      type: str
    rows:
      description: How many rows of that table refer to nothing.
      type: int
    reason:
      description: That in words, with the query that shows them and the first values.
      type: str
constraints:
  description: The foreign keys that were dropped (absent), or that are there now (present; in
    check mode, that would be).
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Its name as the server spells it.
      type: str
    table:
      description: The table that has, or had, it.
      type: str
    columns:
      description: Its columns in order.
      type: list
      elements: str
    referenced_schema:
      description: Schema of the table referred to.
      type: str
    referenced_table:
      description: The table referred to.
      type: str
    referenced_columns:
      description: The columns referred to, in the order of columns.
      type: list
      elements: str
    on_update:
      description: Rule, such as V(RESTRICT).
      type: str
    on_delete:
      description: Rule, such as V(CASCADE).
      type: str
"""

import contextlib
from dataclasses import asdict

from ansible.module_utils.fix_fk.connection import (
    connect,
    connected_module,
    database_errors,
    load_pymysql,
    resolve,
)
from ansible.module_utils.fix_fk.ddl import LOCK_SPEC, WAITED, blockers, execute, waits_of
from ansible.module_utils.fix_fk.flavour import name_key
from ansible.module_utils.fix_fk.foreign_keys import (
    ForeignKey,
    add_statement,
    compare,
    drop_statement,
    list_foreign_keys,
    list_tables,
    referenced,
    rows_of,
)
from ansible.module_utils.fix_fk.server import describe_account, describe_server
from ansible.module_utils.fix_fk.sql import quote_identifier, quote_table

RULES = ["RESTRICT", "CASCADE", "SET NULL", "NO ACTION"]
NEEDED = ("table", "columns", "referenced_table", "referenced_columns")

# Error codes of servers: the name is taken; the two sides do not fit; rows refer to nothing.
NAME_TAKEN = (1826, 1022, 1823)
MISFIT = (3780, 1822, 1215, 1824, 1825, 3734, 6125)
ORPHANS = 1452
# Values to name of those that refer to nothing.
SAMPLES = 10
CONNECTION_LOST = (2006, 2013)


class Refusal(Exception):
    """Why nothing is sent, as a sentence or two: found, and next command."""


class Schema:
    """The schema as it is: what both check mode and the writer decide by."""

    def __init__(self, connection, name, pymysql):
        self.connection = connection
        self.name = name
        self.pymysql = pymysql
        self.server = describe_server(connection, pymysql)
        self.flavour = self.server["flavour"]
        self._tables = {}
        self.read()

    def read(self):
        self.keys = list_foreign_keys(self.connection, self.name)

    def held(self, name):
        wanted = name_key(name, self.flavour)
        return [key for key in self.keys if name_key(key.name, self.flavour) == wanted]

    def same_table(self, one, other):
        if self.server["lower_case_table_names"]:
            return one.lower() == other.lower()
        return one == other

    def table(self, schema, name):
        """Return (name as the server spells it, {engine, partitioned}) or raise Refusal."""
        if schema not in self._tables:
            self._tables[schema] = list_tables(self.connection, schema)[0]
        for spelled, about in self._tables[schema].items():
            if self.same_table(spelled, name):
                return spelled, about
        raise Refusal(
            f"there is no table {schema}.{name}. See playbooks/diagnose.yml for the tables that "
            "are there"
        )

    def indexes(self, table):
        return {
            row[2]
            for row in rows_of(
                self.connection, f"SHOW INDEX FROM {quote_table(self.name, table)}", None
            )
        }


def main():
    module = connected_module(
        dict(
            state={"type": "str", "choices": ["present", "absent"], "default": "present"},
            constraints={
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "table": {"type": "str"},
                    "columns": {"type": "list", "elements": "str"},
                    "referenced_table": {"type": "str"},
                    "referenced_schema": {"type": "str"},
                    "referenced_columns": {"type": "list", "elements": "str"},
                    "on_delete": {"type": "str", "choices": RULES},
                    "on_update": {"type": "str", "choices": RULES},
                },
            },
            leave_out_orphans={"type": "bool", "default": False},
            **LOCK_SPEC,
        ),
        writes=True,
        supports_check_mode=True,
    )
    state, wanted = module.params["state"], module.params["constraints"]
    waits = waits_of(module)
    parameters = resolve(module)
    timeout = module.params["lock_wait_timeout"]
    connection = connect(module, parameters, lock_wait_timeout=timeout)
    pymysql = load_pymysql(module)
    with contextlib.closing(connection), database_errors(module, parameters):
        # A server's own default may be off, and then it would add what does not hold.
        rows_of(connection, "SET SESSION foreign_key_checks = 1")
        schema = Schema(connection, parameters.database, pymysql)
        queries: list[str] = []
        undo: list[str] = []
        left_out: list[dict] | None = [] if module.params["leave_out_orphans"] else None
        try:
            keys = (
                to_drop(schema, wanted) if state == "absent" else to_add(schema, wanted, left_out)
            )
        except (Refusal, ValueError) as refusal:
            module.fail_json(
                msg=f"{sentence(refusal)}. Nothing was changed.", queries=queries, undo=undo
            )
        for key in keys:
            change = drop if state == "absent" else add
            statement, back = change(schema, key)
            if not module.check_mode:
                indexes = schema.indexes(key.table)
                try:
                    execute(connection, statement, waits, pymysql)
                except pymysql.MySQLError as error:
                    module.fail_json(
                        msg=failed(module, schema, key, statement, error, queries),
                        changed=bool(queries),
                        queries=queries,
                        undo=undo,
                    )
                made = sorted(schema.indexes(key.table) - indexes) if state == "present" else []
                back += "".join(f", DROP INDEX {quote_identifier(name)}" for name in made)
            queries.append(statement)
            undo.insert(0, back)
        if not module.check_mode:
            verify(module, schema, state, keys, queries, undo)
        if state == "present":
            without = {(item["name"], item["table"]) for item in left_out or ()}
            wanted = [want for want in wanted if (want["name"], want["table"]) not in without]
            there = [agreeing(schema, want) for want in wanted]
            keys = [key or wish(schema, want) for key, want in zip(there, wanted)]
    texts = "".join(
        f"{back if state == 'absent' else text};\n" for text, back in zip(queries, reversed(undo))
    )
    diff = {"before": "", "after": texts} if state == "present" else {"before": texts, "after": ""}
    module.exit_json(
        changed=bool(queries),
        queries=queries,
        undo=undo,
        constraints=[asdict(key) for key in keys],
        left_out=left_out or [],
        diff=diff,
    )


def sentence(problem):
    text = str(problem)
    return text[:1].upper() + text[1:]


def to_drop(schema, wanted):
    """Return the ForeignKeys to drop for the constraints wanted absent, or raise Refusal."""
    keys = []
    unseen = []
    for want in wanted:
        name, table = want["name"], want["table"]
        quote_identifier(name)
        held = schema.held(name)
        if not held:
            unseen.append(name)
        if table:
            there = [key for key in held if schema.same_table(key.table, table)]
            if held and not there and schema.server["name_scope"] == "schema":
                raise Refusal(
                    f"the foreign key {name} is to be dropped from the table {table} only, and it "
                    f"is held by {tables_of(held)}. Run the diagnosis again: the plan was made for "
                    "another state"
                )
            held = there
        elif len(held) > 1:
            raise Refusal(
                f"the foreign key name {name} is held by {tables_of(held)} (names belong to tables "
                "on this server), and no table is given. Say which one with the option table"
            )
        if any(key.on_delete is None for key in held):
            raise Refusal(
                f"this account may not see the rules (ON DELETE, ON UPDATE) of the foreign key "
                f"{name}, so it could not be put back as it was. Use an account with all rights on "
                "the schema"
            )
        keys += [key for key in held if key not in keys]
    if unseen:
        account = describe_account(schema.connection, schema.name, schema.pymysql)
        if not account["sees_all"]:
            raise Refusal(
                f"no foreign key {', '.join(unseen)} is visible in the schema {schema.name}, and "
                f"that may be because this account is not allowed to see it: {account['reason']}. "
                "Use an account with all rights on the schema"
            )
    return keys


def tables_of(keys):
    return ", ".join(sorted({key.table for key in keys}))


def to_add(schema, wanted, left_out=None):
    """Return the ForeignKeys to add for the constraints wanted present, or raise Refusal.

    Those that rows stand in the way of are put into the list left_out, when there is one.
    """
    keys: list[ForeignKey] = []
    for want in wanted:
        missing = [part for part in NEEDED if not want[part]]
        if missing:
            raise Refusal(
                f"to add the foreign key {want['name']}, these have to be given, too: "
                f"{', '.join(missing)}"
            )
        key = wish(schema, want)
        if len(key.columns) != len(key.referenced_columns):
            raise Refusal(
                f"the foreign key {key.name} has {len(key.columns)} columns and refers to "
                f"{len(key.referenced_columns)}"
            )
        if agreeing(schema, want):
            continue
        check_name(schema, key, keys)
        check_tables(schema, key)
        lost = orphan_rows(schema, key)
        if lost and left_out is None:
            raise Refusal(orphans(schema, key, lost))
        if lost:
            left_out.append(
                {
                    "name": key.name,
                    "table": key.table,
                    "rows": lost,
                    "reason": f"{orphans(schema, key, lost)}. {samples(schema, key)}",
                }
            )
            continue
        keys.append(key)
    return keys


def wish(schema, want):
    """Return the ForeignKey that a wanted constraint describes."""
    parts = {part: want[part] for part in ("columns", "referenced_columns")}
    return ForeignKey(
        want["name"],
        want["table"],
        want["referenced_schema"] or schema.name,
        want["referenced_table"],
        on_update=want["on_update"],
        on_delete=want["on_delete"],
        **parts,
    )


def agreeing(schema, want):
    """Return the ForeignKey that is there as wanted, or None."""
    referenced = want["referenced_schema"] or schema.name
    for key in schema.held(want["name"]):
        missing, differing = compare([key], [want], schema.flavour, schema.same_table)
        if not missing and not differing and schema.same_table(key.referenced_schema, referenced):
            return key
    return None


def check_name(schema, key, others):
    """Raise Refusal when the name is taken, by what is there or by what this call adds."""
    for other in schema.held(key.name) + others:
        if name_key(other.name, schema.flavour) != name_key(key.name, schema.flavour):
            continue
        if schema.same_table(other.table, key.table):
            raise Refusal(
                f"the foreign key {key.name} exists with another definition. There is: "
                f"{definition(schema, other)}. Wanted: {definition(schema, key)}. Drop it first "
                "(state absent), or correct what is wanted"
            )
        if schema.server["name_scope"] == "schema":
            raise Refusal(
                f"the name {key.name} is to be used on the table {key.table}, and the table "
                f"{other.table} holds it ({definition(schema, other)}). Run playbooks/diagnose.yml "
                "to see whether that table is in use, before anything is dropped from it"
            )


def check_tables(schema, key):
    """Raise Refusal when one of the two tables cannot take part in a foreign key."""
    for owner, table in ((schema.name, key.table), (key.referenced_schema, key.referenced_table)):
        name, about = schema.table(owner, table)
        if (about["engine"] or "").lower() not in ("innodb", "ndbcluster"):
            raise Refusal(
                f"the table {name} has the engine {about['engine']}, which ignores foreign keys "
                f"silently; {key.name} would not exist. Convert it first: "
                f"ALTER TABLE {quote_identifier(name)} ENGINE=InnoDB"
            )
        if about["partitioned"]:
            raise Refusal(
                f"the table {name} is partitioned, and InnoDB takes no foreign keys with "
                f"partitions (1506), so {key.name} cannot be added"
            )


def orphan_rows(schema, key):
    """Return how many rows of the table refer to nothing; the server would say 1452."""
    try:
        return rows_of(schema.connection, orphan_query(schema, key, "COUNT(*)"), None)[0][0]
    except schema.pymysql.MySQLError:
        # Columns that cannot even be compared: the ALTER will say which and why.
        return 0


def samples(schema, key):
    """Return the first values that refer to nothing, in words."""
    columns = ", ".join(f"child.{quote_identifier(column)}" for column in key.columns)
    query = orphan_query(schema, key, f"DISTINCT {columns}")
    found = rows_of(schema.connection, f"{query} ORDER BY {columns} LIMIT {SAMPLES}", None)
    values = ", ".join(" / ".join(str(value) for value in row) for row in found)
    return f"They refer to {', '.join(key.columns)} {values}"


def orphans(schema, key, lost):
    return (
        f"the foreign key {key.name} cannot be added (1452): {lost} rows of {key.table} refer to "
        f"rows that are not in {key.referenced_table}. See them with: "
        f"{orphan_query(schema, key, 'child.*')} LIMIT 10. Correct or remove them and run it again"
    )


def orphan_query(schema, key, what):
    pairs = [
        (f"child.{quote_identifier(one)}", f"parent.{quote_identifier(other)}")
        for one, other in zip(key.columns, key.referenced_columns)
    ]
    return (
        f"SELECT {what} FROM {quote_identifier(key.table)} AS child"  # noqa: S608 - quoted
        f" LEFT JOIN {referenced(key, schema.name)} AS parent"
        f" ON {' AND '.join(f'{one} = {other}' for one, other in pairs)}"
        f" WHERE {pairs[0][1]} IS NULL AND {' AND '.join(f'{one} IS NOT NULL' for one, _ in pairs)}"
    )


def definition(schema, key):
    return add_statement(key, schema.name, schema.flavour)


def drop(schema, key):
    return drop_statement(key), definition(schema, key)


def add(schema, key):
    return definition(schema, key), drop_statement(key)


def failed(module, schema, key, statement, error, done):
    """Return the paragraph for a statement that the server refused."""
    code, text = error.args[0], str(error.args[-1])
    if code in CONNECTION_LOST:
        return (
            f"The connection was lost during '{statement}' ({text}), which may or may not have "
            f"been done. {told(done) if done else ''} Run it again: the state is read anew."
        )
    if code in WAITED:
        tries = module.params["retries"] + 1
        why = (
            f"the table is locked: '{statement}' waited {module.params['lock_wait_timeout']} s, "
            f"{tries} times. "
            + blockers(
                schema.connection, schema.name, [key.table, key.referenced_table], schema.pymysql
            )
            + " Wait for them, or end them, and run it again"
        )
    elif code == ORPHANS:
        lost = rows_of(schema.connection, orphan_query(schema, key, "COUNT(*)"), None)[0][0]
        why = orphans(schema, key, lost)
    elif code in NAME_TAKEN or "errno: 121" in text:
        why = (
            f"the server says that the name {key.name} is taken ({text}), and no table that this "
            "account can see holds it. Run playbooks/diagnose.yml with an account that sees the "
            "whole schema"
        )
    elif code in MISFIT or "errno: 150" in text:
        why = (
            f"the server refused '{statement}': {text} ({code}). {sides(schema, key)}. The columns "
            "must have the same type, sign, character set and collation, and those referred to "
            "need an index that begins with them"
        )
    else:
        why = f"the server refused '{statement}': {text} ({code}). Correct that and run it again"
    return f"{sentence(why)}. {told(done)}"


def told(done):
    if not done:
        return "Nothing was changed."
    return f"Done before that, and taken back by the statements in undo: {'; '.join(done)}."


def sides(schema, key):
    """Return what the server says about the columns of both sides, and its own warnings."""
    warnings = [row[2] for row in rows_of(schema.connection, "SHOW WARNINGS")]
    parts = []
    for owner, table, columns in (
        (schema.name, key.table, key.columns),
        (key.referenced_schema, key.referenced_table, key.referenced_columns),
    ):
        known = {
            name.lower(): " ".join(part for part in about if part)
            for name, *about in rows_of(
                schema.connection,
                "SELECT COLUMN_NAME, COLUMN_TYPE, CHARACTER_SET_NAME, COLLATION_NAME"
                " FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
                (owner, table),
            )
        }
        parts += [
            f"{table}.{column} is {known.get(column.lower(), 'not there')}" for column in columns
        ]
    return ". ".join([", ".join(parts), *warnings[1:]])


def verify(module, schema, state, keys, queries, undo):
    """Read the constraints again and end the module when one is not as it was to be."""
    schema.read()
    for key in keys:
        there = [
            other for other in schema.held(key.name) if schema.same_table(other.table, key.table)
        ]
        if bool(there) == (state == "present"):
            continue
        what = "is not there after it was added" if state == "present" else "is still there"
        module.fail_json(
            msg=f"The foreign key {key.name} of the table {key.table} {what}, although the server "
            "reported success. Look at the table's engine (SHOW CREATE TABLE) and at who else is "
            f"changing the schema. {told(queries)}",
            changed=True,
            queries=queries,
            undo=undo,
        )


if __name__ == "__main__":
    main()
