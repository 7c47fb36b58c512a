# SPDX-License-Identifier: GPL-3.0-or-later
"""Indexes: what keeps one from being added, renamed or dropped."""

from __future__ import annotations

from dataclasses import replace

from .. import columns as types
from ..effects import PRIMARY, Column, DropIndex, Index, RenameIndex
from ..tables import Table, has, refers
from . import names, sizes
from .clause import Clause
from .definitions import SHAPES


def add(clause: Clause, table: Table, index: Index) -> None:
    """Add an index, which is not in table.indexes yet unless the table is being created."""
    if not index.name and index.columns:
        index = replace(index, name=_generated(index.columns[0], table.keyed))
    if index.name == PRIMARY and not index.unique:
        clause.problem("name_unfit", f"an index is named {PRIMARY}", name=PRIMARY, error=1280)
        return
    there = table.keyed.get(index.name.casefold())
    taken = table.identity is not None or clause.schema.tables.get(table.name.casefold()) is table
    if there is None and taken and table.indexes is not None and has(table.indexes, index.name):
        there = Index(index.name)
    # One that was only made for a foreign key gives way.
    if there is not None and not there.implied:
        clause.problem(
            "index_exists",
            f"table {table.name} has an index {index.name}",
            name=index.name,
            error=_taken(table, index),
        )
        return
    missing = [
        part.partition("(")[0]
        for part in index.columns
        if table.columns is not None and not has(table.columns, part.partition("(")[0])
    ]
    # An index may also be on an expression, which has no name.
    if missing and all(missing):
        clause.problem(
            "column_missing",
            f"table {table.name} has no column {missing[0]} for the index {index.name}",
            name=missing[0],
        )
        return
    for column in map(table.column, index.columns if index.kind == "SPATIAL" else ()):
        if column and column.nullable and types.base(column.type or "?") in SHAPES:
            detail = (
                f"column {column.name} of {table.name} takes NULL, and a spatial index does not"
            )
            clause.problem("column_unfit", detail, name=column.name, error=1252)
            return
    names.judge(clause, "index", index.name)
    sizes.judge_index(clause, table, index)
    if index.name and table.indexes is not None and not has(table.indexes, index.name):
        table.indexes.append(index.name)
    if index.columns:
        _replace_implied(table, index)
        table.keyed[index.name.casefold()] = index
    if index.name == PRIMARY:
        for part in index.columns:
            column = table.column(part)
            if column is not None:
                _filled(clause, table, column)
                table.definitions[part.casefold()] = replace(column, nullable=False)
    if index.unique:
        _unique(clause, table, index)


def _taken(table: Table, index: Index) -> int:
    """Return the error number for an index whose name there is."""
    if index.name != PRIMARY:
        return 1061
    counting = sum(column.auto for column in table.definitions.values())
    return 1075 if counting > 1 else 1068


def _filled(clause: Clause, table: Table, column: Column) -> None:
    """Ask for rows with NULL in a column that becomes part of the primary key."""
    server, there = clause.schema.server, table.identity and not table.emptied
    if column.nullable and column.live and there and not server.lenient:
        errors = (1138, 1265) if server.mysql else (1265, 1138)
        sure = not table.written
        clause.ask("nulls", table, (column.live,), column.name, sure=sure, errors=errors)


def _replace_implied(table: Table, index: Index) -> None:
    """Take away the index that was only made for a foreign key which `index` serves as well."""
    for one in list(table.keyed.values()):
        same = [part.casefold() for part in index.columns[: len(one.columns)]]
        if one.implied and not index.kind and same == [part.casefold() for part in one.columns]:
            forget(table, one.name)


def forget(table: Table, name: str) -> None:
    """Take an index away that the server takes away by itself."""
    table.keyed.pop(name.casefold(), None)
    if table.indexes is not None:
        table.indexes = [one for one in table.indexes if one.casefold() != name.casefold()]


def _unique(clause: Clause, table: Table, index: Index) -> None:
    parts = [column.partition("(") for column in index.columns]
    known = table.live_columns(name for name, _, _ in parts)
    if known is None or table.rows is False or table.emptied:
        return
    live, values = known
    if live is None:
        return
    new = dict(values)
    # Of a part of a column, its first letters are compared.
    asked = tuple(
        name + (f"({length}" if length and name not in new else "")
        for name, (_, _, length) in zip(live, parts, strict=True)
    )
    clause.ask("duplicates", table, asked, index.name, values=values, sure=not table.written)


def drop_or_rename(clause: Clause, table: Table, effect: DropIndex | RenameIndex) -> None:
    if table.indexes is None:
        return
    if not has(table.indexes, effect.name):
        if not (isinstance(effect, DropIndex) and effect.if_exists):
            clause.problem(
                "index_missing",
                f"table {table.name} has no index {effect.name}",
                name=effect.name,
                error=1176 if isinstance(effect, RenameIndex) else 1091,
            )
        return
    folded = effect.name.casefold()
    if isinstance(effect, RenameIndex):
        if has(table.indexes, effect.new_name):
            detail = f"table {table.name} has an index {effect.new_name}"
            clause.problem("index_exists", detail, name=effect.new_name)
            return
        names.judge(clause, "index", effect.new_name)
        table.indexes = [
            effect.new_name if name.casefold() == folded else name for name in table.indexes
        ]
        index = table.keyed.pop(folded, None)
        if index is not None:
            table.keyed[effect.new_name.casefold()] = replace(index, name=effect.new_name)
        return
    if clause.schema.foreign_key_checks:
        _needed(clause, table, effect.name)
    forget(table, effect.name)


def _needed(clause: Clause, table: Table, name: str) -> None:
    sides = [(table, key, key.columns) for key in table.keys] + [
        (other, key, key.referenced_columns)
        for other in (table, *clause.schema.referring(table))
        for key in other.keys
        if refers(key, table)
    ]
    for other, key, columns in sides:
        covering = table.covering(columns)
        if covering is not None and [i.name.casefold() for i in covering] == [name.casefold()]:
            clause.problem(
                "index_needed",
                f"index {name} of {table.name} is needed by the foreign key {key.name} of "
                f"{other.name}",
                name=name,
                holder=other.name,
                error=clause.schema.server.of(1025, 1553) if name == PRIMARY else 1553,
            )


def _generated(column: str, taken: dict[str, Index]) -> str:
    """Return the name that the server gives to an index without one."""
    names = [column, *(f"{column}_{number}" for number in range(2, 65))]
    return next(name for name in names if name.casefold() not in taken)
