# SPDX-License-Identifier: GPL-3.0-or-later
"""Foreign keys: whether a name is free, and whether the tables fit each other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from .. import columns as types
from ..effects import DropForeignKey, DropIndex, ForeignKey, Index
from ..outcome import Problem
from ..tables import Table, has
from . import checks, indexes, names
from .clause import Clause


def add(clause: Clause, table: Table, keys: Iterable[ForeignKey]) -> None:
    """Add those foreign keys to `table` whose names are free."""
    keys = list(keys)
    for given, key in zip(keys, _named(keys, table)):
        if given.name:
            names.judge(clause, "constraint", key.name)
        else:
            names.generated(clause, key.name or "")
        if not _taken(clause, key.name, table):
            _refer(clause, table, key)
            table.keys.append(key)


def drop(clause: Clause, table: Table, effect: DropForeignKey) -> None:
    if table.key(effect.name):
        clause.schema.drop_key(effect.name, table.name)
    elif effect.any_kind and table.indexes and has(table.indexes, effect.name):
        indexes.drop_or_rename(clause, table, DropIndex(effect.table, effect.name))
    elif effect.any_kind:
        checks.drop(clause, table, effect)
    elif not effect.if_exists:
        clause.problem(
            "constraint_missing",
            f"table {table.name} has no constraint {effect.name}",
            name=effect.name,
        )


def _refer(clause: Clause, table: Table, key: ForeignKey) -> None:
    """Judge a foreign key that is being added to `table`, and give it its index."""
    name = key.name or ""
    missing = [
        column
        for column in key.columns
        if table.columns is not None and not has(table.columns, column)
    ]
    for column in missing[:1]:
        clause.problem(
            "column_missing",
            f"table {table.name} has no column {column} for the foreign key {name}",
            name=column,
        )
    if table.partitioned:
        clause.problem("child_unfit", f"table {table.name} has partitions", name=name)
    elif table.engine is not None and table.engine.casefold() != "innodb":
        detail = (
            f"table {table.name} is {table.engine}, which takes the statement and makes no "
            f"foreign key of it: {name} will not be there"
        )
        clause.outcome.ignored.append(
            Problem("ignored", clause.statement, detail, table.name, name)
        )
        return
    if missing or key.referenced_schema is not None:
        return
    server = clause.schema.server
    for own in filter(None, map(table.column, key.columns)):
        if types.family(own.type) == "long":
            detail = f"column {own.name} of {table.name} is {own.type}, which refers to nothing"
            clause.problem("columns_differ", detail, name=name, error=server.of(1005, 1170))
            return
    if key.referenced_columns and len(key.columns) != len(key.referenced_columns):
        detail = f"the foreign key {name} has another number of columns than it refers to"
        clause.problem("columns_differ", detail, name=name, error=1239)
        return
    _set_null(clause, table, key)
    judge_generated(clause, table, key)
    parent = clause.schema.get(key.referenced_table)
    if key.referenced_table.casefold() == table.name.casefold():
        parent = table
    if clause.schema.foreign_key_checks:
        if parent is None:
            detail = f"there is no table {key.referenced_table} to refer to"
            clause.problem("parent_missing", detail, name=name)
        elif clause.schema.server.exact_names and parent.name != key.referenced_table:
            detail = (
                f"there is no table {key.referenced_table} to refer to (the server tells it "
                f"from {parent.name})"
            )
            clause.problem("parent_missing", detail, name=name)
        else:
            if _fits(clause, table, key, parent):
                _ask_for_orphans(clause, table, key, parent)
    _imply_index(clause, table, key)


def judge_generated(clause: Clause, table: Table, key: ForeignKey) -> None:
    """Judge a foreign key on columns that are generated, or of which others are."""
    server, rules = clause.schema.server, (key.on_delete, key.on_update)
    changes = "SET NULL" in rules or (server.mysql and "CASCADE" in rules)
    for column in filter(None, map(table.column, key.columns)):
        if column.generated and server.mysql and not column.stored:
            detail = f"column {column.name} of {table.name} is generated, and its values not stored"
            clause.problem("child_unfit", detail, name=key.name or "", error=3733)
            return
        if column.generated and (key.on_delete == "SET NULL" or key.on_update == "CASCADE"):
            detail = f"the foreign key {key.name} is to change {column.name}, which is generated"
            clause.problem("child_unfit", detail, name=key.name or "", error=server.of(1905, 3104))
            return
        for other in table.definitions.values() if changes else ():
            if other.stored and has(other.made_of, column.name):
                detail = (
                    f"the foreign key {key.name} is to change {table.name}.{column.name}, of which "
                    f"the stored column {other.name} is made"
                )
                error = server.of(1901, 1215)
                clause.problem("child_unfit", detail, name=key.name or "", error=error)
                return


def _set_null(clause: Clause, table: Table, key: ForeignKey) -> None:
    if "SET NULL" not in (key.on_delete, key.on_update):
        return
    for column in filter(None, map(table.column, key.columns)):
        if not column.nullable:
            clause.problem(
                "set_null",
                f"the foreign key {key.name} is to set {table.name}.{column.name} to NULL, "
                "which is NOT NULL",
                name=key.name or "",
                error=clause.schema.server.of(1005, 1830),
            )


def _fits(clause: Clause, table: Table, key: ForeignKey, parent: Table) -> bool:
    """Tell whether the columns referred to are there, alike, and indexed."""
    found = _misfit(clause, table, key, parent)
    if found:
        strict = clause.schema.server.unique_parent and found[0] == "parent_not_indexed"
        clause.problem(*found, name=key.name or "", error=6125 if strict else 0)
    return found is None


def _misfit(clause: Clause, table: Table, key: ForeignKey, parent: Table) -> tuple[str, str] | None:
    """Return (kind, detail) of the problem that the columns referred to make."""
    if parent.partitioned or (parent.engine or "InnoDB").casefold() != "innodb":
        how = "has partitions" if parent.partitioned else f"is {parent.engine}"
        return "parent_unfit", f"table {parent.name}, to which it refers, {how}"
    for column in key.referenced_columns:
        if parent.columns is not None and not has(parent.columns, column):
            detail = f"table {parent.name} has no column {column} to refer to"
            return "parent_column_missing", detail
    for own, other in zip(key.columns, key.referenced_columns):
        child, referenced = table.column(own), parent.column(other)
        differs = child and referenced and types.difference(child, referenced)
        if child and referenced and differs:
            return "columns_differ", (
                f"{table.name}.{own} ({types.describe(child)}) and {parent.name}.{other} "
                f"({types.describe(referenced)}), to which it refers, differ in {differs}"
            )
    covering = parent.covering(key.referenced_columns)
    if covering is None:
        return None
    columns = ", ".join(key.referenced_columns)
    if not covering:
        return "parent_not_indexed", (
            f"{parent.name} has no index that begins with {columns}, to which it refers"
        )
    if clause.schema.server.unique_parent and not any(
        index.unique and len(index.columns) == len(key.referenced_columns) for index in covering
    ):
        return "parent_not_indexed", (
            f"{parent.name} has no unique index on {columns}, to which it refers"
        )
    return None


def _ask_for_orphans(clause: Clause, table: Table, key: ForeignKey, parent: Table) -> None:
    known = table.live_columns(key.columns)
    if known is None or known[0] is None or table.rows is False or table.emptied:
        return
    referenced = parent.live_columns(key.referenced_columns)
    if parent.identity is None and (parent.written or parent.rows is not False):
        return
    if parent.identity is not None and (referenced is None or referenced[1]):
        return
    clause.ask(
        "orphans",
        table,
        known[0],
        key.name or "",
        values=known[1],
        # A table that is only being made has no row to refer to.
        referenced_table=parent.identity or "",
        referenced_columns=referenced[0] if referenced else (),
        sure=not table.written and not parent.written,
    )


def _imply_index(clause: Clause, table: Table, key: ForeignKey) -> None:
    """Add the index that the server makes for a foreign key, named like it. It takes the place of
    one on the same columns that was made for another key."""
    covering = table.covering(key.columns)
    if covering is None or not key.name:
        return
    for index in covering:
        if not index.implied or len(index.columns) != len(key.columns):
            return
    for index in covering:
        indexes.forget(table, index.name)
    if table.indexes is not None and has(table.indexes, key.name):
        clause.problem(
            "index_exists",
            f"table {table.name} has an index {key.name} on other columns, and the foreign key "
            "needs one of its own name",
            name=key.name,
        )
        return
    table.keyed[key.name.casefold()] = Index(key.name, key.columns, implied=True)
    if table.indexes is not None:
        table.indexes.append(key.name)


def _taken(clause: Clause, name: str | None, table: Table) -> bool:
    if not name:
        return False
    holders = clause.schema.holders(name) if clause.schema.scope == "schema" else []
    # A table that is being created is not among them yet.
    if table.key(name):
        holders.append(table)
    if not holders:
        return False
    holder = holders[0]
    detail = f"the constraint name {name} is held by table {holder.name}"
    if holder.identity and holder.identity.casefold() != holder.name.casefold():
        detail += f" (now {holder.identity})"
    schema = clause.schema
    # MariaDB says it in another way where it does not check keys, of a table that is there.
    unchecked = schema.server.flavour == "mariadb" and not schema.foreign_key_checks
    error = 1823 if unchecked and schema.get(table.name) and holder is not table else 0
    clause.problem("name_taken", detail, name=name, holder=holder.name, error=error)
    return True


def _named(keys: Iterable[ForeignKey], table: Table) -> list[ForeignKey]:
    """Return the keys, those without a name with the one that the server generates."""
    prefix = f"{table.name}_ibfk_".casefold()
    taken = [key.name.casefold() for key in table.keys if key.name]
    numbers = [name[len(prefix) :] for name in taken if name.startswith(prefix)]
    number, named = max((int(n) for n in numbers if n.isdecimal()), default=0), []
    for key in keys:
        if not key.name:
            number += 1
        named.append(key if key.name else replace(key, name=f"{table.name}_ibfk_{number}"))
    return named
