# SPDX-License-Identifier: GPL-3.0-or-later
"""Foreign keys dropped and added: what is in the way, and proof that it is done."""

from __future__ import annotations

from ansible.module_utils.fix_fk.refusal import NOT_CHANGED, refuse
from ansible.module_utils.fix_fk.schema.foreign_keys import (
    ForeignKey,
    add_statement,
    compare,
    drop_statement,
    list_foreign_keys,
    referenced,
)
from ansible.module_utils.fix_fk.schema.sql import quote_identifier, quote_table, rows_of
from ansible.module_utils.fix_fk.schema.tables import list_tables
from ansible.module_utils.fix_fk.server.about import describe_account, describe_server
from ansible.module_utils.fix_fk.server.flavour import name_key
from ansible.module_utils.fix_fk.server.locks import (
    WAITED,
    blockers,
)

RULES = ["RESTRICT", "CASCADE", "SET NULL", "NO ACTION"]
NEEDED = ("table", "columns", "referenced_table", "referenced_columns")

# Error codes of servers: the name is taken; the two sides do not fit; rows refer to nothing.
NAME_TAKEN = (1826, 1022, 1823)
MISFIT = (3780, 1822, 1215, 1824, 1825, 3734, 6125)
ORPHANS = 1452
CLEAR_ORPHANS = "Correct or remove them"

# Values to name of those that refer to nothing.
SAMPLES = 10
CONNECTION_LOST = (2006, 2013)


class Refusal(Exception):
    """Why nothing is sent: found, a sentence or two without the final stop, and what is next."""


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
            f"there is no table {schema}.{name}",
            "See playbooks/diagnose.yml for the tables that are there",
        )

    def indexes(self, table):
        return {
            row[2]
            for row in rows_of(
                self.connection, f"SHOW INDEX FROM {quote_table(self.name, table)}", None
            )
        }


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
                    f"is held by {tables_of(held)}",
                    "Run the diagnosis again: the plan was made for another state",
                )
            held = there
        elif len(held) > 1:
            raise Refusal(
                f"the foreign key name {name} is held by {tables_of(held)} (names belong to tables "
                "on this server), and no table is given",
                "Say which one with the option table",
            )
        if any(key.on_delete is None for key in held):
            raise Refusal(
                f"this account may not see the rules (ON DELETE, ON UPDATE) of the foreign key "
                f"{name}, so it could not be put back as it was",
                "Use an account with all rights on the schema",
            )
        keys += [key for key in held if key not in keys]
    if unseen:
        account = describe_account(schema.connection, schema.name, schema.pymysql)
        if not account["sees_all"]:
            raise Refusal(
                f"no foreign key {', '.join(unseen)} is visible in the schema {schema.name}, and "
                f"that may be because this account is not allowed to see it: {account['reason']}",
                "Use an account with all rights on the schema",
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
                f"{', '.join(missing)}",
                "Give them",
            )
        key = wish(schema, want)
        if len(key.columns) != len(key.referenced_columns):
            raise Refusal(
                f"the foreign key {key.name} has {len(key.columns)} columns and refers to "
                f"{len(key.referenced_columns)}",
                "Name as many on both sides",
            )
        if agreeing(schema, want):
            continue
        check_name(schema, key, keys)
        check_tables(schema, key)
        lost = orphan_rows(schema, key)
        if lost and left_out is None:
            raise Refusal(orphans(schema, key, lost), CLEAR_ORPHANS)
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
                f"{definition(schema, other)}. Wanted: {definition(schema, key)}",
                "Drop it first (state absent), or correct what is wanted",
            )
        if schema.server["name_scope"] == "schema":
            raise Refusal(
                f"the name {key.name} is to be used on the table {key.table}, and the table "
                f"{other.table} holds it ({definition(schema, other)})",
                "Run playbooks/diagnose.yml to see whether that table is in use, before anything "
                "is dropped from it",
            )


def check_tables(schema, key):
    """Raise Refusal when one of the two tables cannot take part in a foreign key."""
    for owner, table in ((schema.name, key.table), (key.referenced_schema, key.referenced_table)):
        name, about = schema.table(owner, table)
        if (about["engine"] or "").lower() not in ("innodb", "ndbcluster"):
            raise Refusal(
                f"the table {name} has the engine {about['engine']}, which ignores foreign keys "
                f"silently; {key.name} would not exist",
                f"Convert it first: ALTER TABLE {quote_identifier(name)} ENGINE=InnoDB",
            )
        if about["partitioned"]:
            raise Refusal(
                f"the table {name} is partitioned, and InnoDB takes no foreign keys with "
                f"partitions (1506), so {key.name} cannot be added",
                "Leave this one out, or take the partitions away (REMOVE PARTITIONING)",
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
        f"{orphan_query(schema, key, 'child.*')} LIMIT 10"
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
    """Return what refuse() takes, for a statement that the server refused."""
    code, text = error.args[0], str(error.args[-1])
    if code in CONNECTION_LOST:
        return {
            "found": f"The connection was lost during '{statement}' ({text}).",
            "did": f"It may or may not have been done. {told(done) if done else ''}".strip(),
            "next_": "See that the server is up: the state is read anew",
        }
    if code in WAITED:
        tries = module.params["retries"] + 1
        tables = [key.table, key.referenced_table]
        found = (
            f"the table is locked: '{statement}' waited {module.params['lock_wait_timeout']} s, "
            f"{tries} times. "
            + blockers(schema.connection, schema.name, tables, schema.pymysql).rstrip(".")
        )
        next_ = "Wait for them, or end them"
    elif code == ORPHANS:
        lost = rows_of(schema.connection, orphan_query(schema, key, "COUNT(*)"), None)[0][0]
        found, next_ = orphans(schema, key, lost), CLEAR_ORPHANS
    elif code in NAME_TAKEN or "errno: 121" in text:
        found = (
            f"the server says that the name {key.name} is taken ({text}), and no table that this "
            "account can see holds it"
        )
        next_ = "Run playbooks/diagnose.yml with an account that sees the whole schema"
    elif code in MISFIT or "errno: 150" in text:
        found = f"the server refused '{statement}': {text} ({code}). {sides(schema, key)}"
        next_ = (
            "The columns must have the same type, sign, character set and collation, and those "
            "referred to need an index that begins with them. Correct that"
        )
    else:
        found, next_ = f"the server refused '{statement}': {text} ({code})", "Correct that"
    return {"found": f"{sentence(found)}.", "did": told(done), "next_": next_}


def told(done):
    if not done:
        return NOT_CHANGED
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
        refuse(
            module,
            f"The foreign key {key.name} of the table {key.table} {what}, although the server "
            "reported success.",
            "Look at the table's engine (SHOW CREATE TABLE) and at who else is changing the schema",
            told(queries),
            changed=True,
            queries=queries,
            undo=undo,
        )
