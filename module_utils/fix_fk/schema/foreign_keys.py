# SPDX-License-Identifier: GPL-3.0-or-later
"""The foreign keys of a schema: what there are, what ought to be, and the SQL for one."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from ansible.module_utils.fix_fk.schema.sql import (
    quote_columns,
    quote_identifier,
    quote_table,
    rows_about,
    rows_of,
)
from ansible.module_utils.fix_fk.server.flavour import UNNAMED_RULE, name_key


@dataclass
class ForeignKey:
    """One constraint. columns[i] refers to referenced_columns[i]; rules are as the server says,
    for example "CASCADE", or None when the account may not see them."""

    name: str
    table: str
    referenced_schema: str
    referenced_table: str
    columns: list = field(default_factory=list)
    referenced_columns: list = field(default_factory=list)
    on_update: str | None = None
    on_delete: str | None = None


def referenced(key, schema):
    """Return the quoted table a ForeignKey of this schema refers to."""
    elsewhere = key.referenced_schema != schema
    return quote_table(key.referenced_schema if elsewhere else None, key.referenced_table)


def add_statement(key, schema, flavour):
    """Return the ALTER TABLE that adds a ForeignKey to a table of this schema."""
    text = (
        f"ALTER TABLE {quote_identifier(key.table)} ADD CONSTRAINT {quote_identifier(key.name)}"
        f" FOREIGN KEY ({quote_columns(key.columns)}) REFERENCES {referenced(key, schema)}"
        f" ({quote_columns(key.referenced_columns)})"
    )
    for clause, rule in (("ON DELETE", key.on_delete), ("ON UPDATE", key.on_update)):
        if rule and rule != UNNAMED_RULE[flavour]:
            text += f" {clause} {rule}"
    return text


def drop_statement(key):
    """Return the ALTER TABLE that drops a ForeignKey."""
    return (
        f"ALTER TABLE {quote_identifier(key.table)} DROP FOREIGN KEY {quote_identifier(key.name)}"
    )


def list_foreign_keys(connection, schema):
    """Return every ForeignKey of the schema, ordered by table and name."""
    return with_rules(connection, schema, list_usage(connection, schema))


def list_usage(connection, schema):
    """Return every ForeignKey of the schema, ordered by table and name, without its rules.

    Each of the server's two lists has it open every table, so that one pass over one of them is
    what asking costs. Joined on the server they take ten times as long, and compare names without
    regard to case.
    """
    usage = rows_of(
        connection,
        "SELECT TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION, COLUMN_NAME,"
        " REFERENCED_TABLE_SCHEMA, REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME"
        " FROM information_schema.KEY_COLUMN_USAGE"
        " WHERE TABLE_SCHEMA = %s AND CONSTRAINT_SCHEMA = %s"
        " AND REFERENCED_TABLE_NAME IS NOT NULL",
        (schema, schema),
    )
    found: dict = {}
    for table, name, _position, column, *reference in sorted(usage):
        key = found.get((table, name))
        if key is None:
            key = ForeignKey(name, table, reference[0], reference[1])
            found[table, name] = key
        key.columns.append(column)
        key.referenced_columns.append(reference[2])
    return list(found.values())


def with_rules(connection, schema, foreign_keys):
    """Return the foreign keys, with on_update and on_delete filled in."""
    rules = {
        (table, name): (on_update, on_delete)
        for table, name, on_update, on_delete in rows_about(
            connection,
            "SELECT TABLE_NAME, CONSTRAINT_NAME, UPDATE_RULE, DELETE_RULE"
            " FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = %s",
            schema,
            {key.table for key in foreign_keys},
        )
    }
    for key in foreign_keys:
        key.on_update, key.on_delete = rules.get((key.table, key.name), (None, None))
    return foreign_keys


def holders(foreign_keys, names, flavour):
    """Return {asked name: [tables that own a constraint of that name]}."""
    owners: dict = {}
    for key in foreign_keys:
        owners.setdefault(name_key(key.name, flavour), []).append(key.table)
    return {name: owners.get(name_key(name, flavour), []) for name in names}


def compare(foreign_keys, expected, flavour, same_table):
    """Return (missing names, [{name, expected, found}]) for a list of expected constraints.

    An expected one is a dict with name and any of table, columns, referenced_table,
    referenced_columns, on_delete, on_update; what it leaves out is not compared. same_table(a, b)
    says whether the server takes two table names for one.
    """
    by_name: dict = {}
    for key in foreign_keys:
        by_name.setdefault(name_key(key.name, flavour), []).append(key)
    missing, differing = [], []
    for wanted in expected:
        wanted = {part: value for part, value in wanted.items() if value is not None}
        candidates = by_name.get(name_key(wanted["name"], flavour), [])
        if not candidates:
            missing.append(wanted["name"])
        elif not any(_agrees(key, wanted, same_table) for key in candidates):
            # Where names belong to tables, the one on the expected table is the one that is meant.
            nearest = next(
                (key for key in candidates if same_table(key.table, wanted.get("table", ""))),
                candidates[0],
            )
            differing.append({"name": wanted["name"], "expected": wanted, "found": asdict(nearest)})
    return missing, differing


def _agrees(key, wanted, same_table):
    """Whether a ForeignKey is what is wanted, as far as the dict says."""
    for part in ("table", "referenced_table"):
        if part in wanted and not same_table(getattr(key, part), wanted[part]):
            return False
    columns = [column.lower() for column in wanted.get("columns", key.columns)]
    referenced = [
        column.lower() for column in wanted.get("referenced_columns", key.referenced_columns)
    ]
    if len(columns) != len(referenced):
        return False
    # (a, b) to (x, y) and (b, a) to (y, x) say the same.
    found = zip(map(str.lower, key.columns), map(str.lower, key.referenced_columns))
    if sorted(zip(columns, referenced)) != sorted(found):
        return False
    return all(
        part not in wanted or _rule(getattr(key, part)) == _rule(wanted[part])
        for part in ("on_update", "on_delete")
    )


def _rule(text):
    """Return a rule as one word for what InnoDB does: NO ACTION is RESTRICT to it."""
    rule = " ".join((text or "").upper().split())
    return "RESTRICT" if rule == "NO ACTION" else rule
