# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables: what keeps one from being created, renamed, dropped or altered."""

from __future__ import annotations

from ..effects import ChangeTable, CreateTable, CreateView, RenameTable
from ..tables import Table
from . import foreign_keys, indexes
from .clause import Clause


def create(clause: Clause, effect: CreateTable) -> None:
    schema, server = clause.schema, clause.schema.server
    if schema.get(effect.table) or effect.table.casefold() in schema.views:
        if not effect.if_not_exists:
            detail = f"a table {effect.table} exists"
            clause.problem("table_exists", detail, name=effect.table)
        return
    source = schema.get(effect.reads) if effect.reads else None
    columns = list(effect.columns)
    if source is not None and source.columns is not None:
        columns.extend(column for column in source.columns if column not in columns)
    unknown = bool(effect.reads) and (source is None or source.columns is None)
    table = Table(
        effect.table,
        None,
        None if unknown else columns,
        [],
        None if effect.reads else list(effect.indexes),
        rows=None if effect.reads else False,
        engine=effect.engine or server.engine,
        collation=server.collation_of(effect.charset, effect.collation)
        if effect.charset or effect.collation
        else server.collation,
    )
    for column in effect.definitions:
        table.definitions[column.name.casefold()] = server.resolve(column, table.collation)
    for index in effect.keys:
        indexes.add(clause, table, index)
    foreign_keys.add(clause, table, effect.foreign_keys)
    if len(table.keys) == len(effect.foreign_keys) or schema.asking:
        schema.tables[effect.table.casefold()] = table


def create_view(clause: Clause, effect: CreateView) -> None:
    folded = effect.table.casefold()
    if not clause.schema.get(effect.table) and folded not in clause.schema.views:
        clause.schema.views.add(folded)
    elif not effect.if_not_exists:
        clause.problem("table_exists", f"a view {effect.table} exists", name=effect.table)


def drop(clause: Clause, table: Table) -> None:
    schema = clause.schema
    for other in schema.referring(table) if schema.foreign_key_checks else ():
        clause.problem("table_referenced", f"table {other.name} refers to {table.name}")
    if clause.lose("table", table, f"drops table {table.name}") and schema.asking:
        return
    schema.drop(table.name)


def rename(clause: Clause, table: Table, effect: RenameTable) -> None:
    if clause.schema.get(effect.new_name):
        detail = f"a table {effect.new_name} exists"
        clause.problem("table_exists", detail, name=effect.new_name)
    else:
        clause.schema.rename(table.name, effect.new_name)


def change(clause: Clause, table: Table, effect: ChangeTable) -> None:
    table.engine = effect.engine or table.engine
    if (effect.engine or "").casefold() in ("blackhole", "memory", "heap"):
        how = f"has an engine that does not keep the rows of {table.name}"
        clause.lose("rows", table, how)
    if effect.converted:
        table.definitions.clear()
