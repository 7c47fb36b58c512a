# SPDX-License-Identifier: GPL-3.0-or-later
"""Columns: what keeps one from being added, changed or dropped, and what becomes of it."""

from __future__ import annotations

from dataclasses import replace

from .. import columns as types
from ..effects import AddColumn, ChangeColumn, Column, DropColumn, ForeignKey
from ..tables import Table, Tables, has, refers
from .clause import Clause


def add(clause: Clause, table: Table, effect: AddColumn) -> None:
    if table.columns is None:
        return
    if not has(table.columns, effect.column):
        table.columns.append(effect.column)
        if effect.definition:
            _define(clause.schema, table, effect.definition, None)
    elif not effect.if_not_exists:
        clause.problem(
            "column_exists",
            f"table {table.name} has a column {effect.column}",
            name=effect.column,
        )


def drop_or_change(clause: Clause, table: Table, effect: DropColumn | ChangeColumn) -> None:
    table.changed_columns.add(effect.column)
    if table.columns is not None and not has(table.columns, effect.column):
        if not (isinstance(effect, DropColumn) and effect.if_exists):
            clause.problem(
                "column_missing",
                f"table {table.name} has no column {effect.column}",
                name=effect.column,
            )
    elif isinstance(effect, ChangeColumn):
        _change(clause, table, effect)
    else:
        _drop(clause, table, effect.column)


def _drop(clause: Clause, table: Table, column: str) -> None:
    _needed(clause, table, column)
    if table.columns is not None:
        table.columns = [name for name in table.columns if name.casefold() != column.casefold()]
    table.definitions.pop(column.casefold(), None)
    _forget(table, column)
    clause.lose("column", table, f"drops column {column} of {table.name}", column)


def _define(schema: Tables, table: Table, column: Column, live: str | None) -> None:
    resolved = schema.server.resolve(column, table.collation)
    table.definitions[column.name.casefold()] = replace(resolved, live=live)


def _change(clause: Clause, table: Table, effect: ChangeColumn) -> None:
    old, new = effect.column, effect.new_name
    renamed = old.casefold() != new.casefold()
    if renamed and table.columns is not None and has(table.columns, new):
        clause.problem("column_exists", f"table {table.name} has a column {new}", name=new)
        return
    if table.columns is not None:
        table.columns = [
            new if column.casefold() == old.casefold() else column for column in table.columns
        ]
    before = table.definitions.pop(old.casefold(), None)
    if before is not None and effect.definition is None:
        table.definitions[new.casefold()] = replace(before, name=new)
    elif before is not None and effect.definition is not None:
        _define(clause.schema, table, effect.definition, before.live)
        after = table.definitions[new.casefold()]
        _judge(clause, table, before, after)
    if renamed:
        _rename(clause.schema, table, old, new)


def _judge(clause: Clause, table: Table, before: Column, after: Column) -> None:
    """Judge a column's new definition against its constraints and rows."""
    if clause.schema.foreign_key_checks and types.changes_type(before, after):
        for other, key in _keys_on(clause.schema, table, before.name):
            clause.problem(
                "column_fixed",
                f"column {before.name} of {table.name} is part of the foreign key {key.name} "
                f"of {other.name}, so it cannot become {types.describe(after)}",
                name=key.name or "",
                holder=other.name,
            )
    if not before.nullable or after.nullable:
        return
    for key in table.keys:
        if has(key.columns, before.name) and "SET NULL" in (
            key.on_delete,
            key.on_update,
        ):
            clause.problem(
                "set_null",
                f"column {before.name} of {table.name} cannot become NOT NULL: the foreign key "
                f"{key.name} sets it to NULL",
                name=key.name or "",
            )
    if before.live and table.identity and table.may_have_rows:
        sure = not table.written
        clause.ask("nulls", table, (before.live,), after.name, sure=sure)


def _rename(schema: Tables, table: Table, old: str, new: str) -> None:
    def name(column: str) -> str:
        return new if column.casefold() == old.casefold() else column

    table.keys = [
        replace(key, columns=tuple(name(column) for column in key.columns)) for key in table.keys
    ]
    for folded, index in table.keyed.items():
        columns = tuple(name(column) for column in index.columns)
        table.keyed[folded] = replace(index, columns=columns)
    for other in (table, *schema.referring(table)):
        other.keys = [
            replace(key, referenced_columns=tuple(map(name, key.referenced_columns)))
            if refers(key, table)
            else key
            for key in other.keys
        ]


def _keys_on(schema: Tables, table: Table, column: str) -> list[tuple[Table, ForeignKey]]:
    """Return the foreign keys, with their tables, of which a column of `table` is a part."""
    return [(table, key) for key in table.keys if has(key.columns, column)] + [
        (other, key)
        for other in (table, *schema.referring(table))
        for key in other.keys
        if refers(key, table) and has(key.referenced_columns, column)
    ]


def _needed(clause: Clause, table: Table, column: str) -> None:
    for other, key in _keys_on(clause.schema, table, column):
        clause.problem(
            "column_needed",
            f"column {column} of {table.name} is part of the foreign key {key.name} of "
            f"{other.name}",
            name=key.name or "",
            holder=other.name,
        )


def _forget(table: Table, column: str) -> None:
    """Take a dropped column out of the indexes; one without columns goes."""
    for folded, index in list(table.keyed.items()):
        rest = tuple(
            part for part in index.columns if part.partition("(")[0].casefold() != column.casefold()
        )
        table.keyed[folded] = replace(index, columns=rest)
        if not rest and table.indexes is not None:
            del table.keyed[folded]
            table.indexes = [name for name in table.indexes if name.casefold() != folded]
