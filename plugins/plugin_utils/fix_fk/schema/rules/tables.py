# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables: what keeps one from being created, renamed, dropped or altered."""

from __future__ import annotations

from .. import sql
from ..effects import (
    AddColumn,
    AddIndex,
    ChangeColumn,
    ChangeTable,
    CreateTable,
    CreateView,
    DropColumn,
    DropIndex,
    DropTable,
    DropView,
    Effect,
    RenameTable,
)
from ..tables import Table
from . import checks, definitions, foreign_keys, indexes, names
from .clause import Clause


def create(clause: Clause, effect: CreateTable) -> None:
    schema, server = clause.schema, clause.schema.server
    if schema.get(effect.table) or effect.table.casefold() in schema.views:
        if not effect.if_not_exists:
            detail = f"a table {effect.table} exists"
            clause.problem("table_exists", detail, name=effect.table)
        return
    names.judge(clause, "table", effect.table)
    source = schema.get(effect.reads) if effect.reads else None
    if effect.reads and source is None and effect.reads.casefold() not in schema.views:
        clause.problem("table_missing", f"there is no table {effect.reads}", name=effect.reads)
    if effect.listed is not None and not effect.columns:
        _without_columns(clause, effect)
        return
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
        row_format=effect.row_format or server.row_format,
    )
    seen: set[str] = set()
    for column in effect.definitions:
        resolved = server.resolve(column, table.collation)
        table.definitions[column.name.casefold()] = resolved
        names.judge(clause, "column", column.name)
        definitions.judge(clause, table, resolved)
        if column.name.casefold() in seen:
            detail = f"table {table.name} gets a column {column.name} twice"
            clause.problem("column_exists", detail, name=column.name)
        seen.add(column.name.casefold())
    if sum(column.auto for column in effect.definitions) > 1:
        detail = f"table {effect.table} has more than one column that counts by itself"
        clause.problem("table_unfit", detail, effect.table, error=1075)
    for index in effect.keys:
        indexes.add(clause, table, index)
    for check in effect.checks:
        checks.add(clause, table, check, creates=True)
    foreign_keys.add(clause, table, effect.foreign_keys)
    if len(table.keys) == len(effect.foreign_keys) or schema.asking:
        schema.tables[effect.table.casefold()] = table


def _without_columns(clause: Clause, effect: CreateTable) -> None:
    server = clause.schema.server
    error = 1064
    if effect.keys:
        error = server.of(1113, 1072)
    elif not effect.listed:
        error = server.of(1113, 4028)
    clause.problem("table_unfit", f"table {effect.table} has no column", effect.table, error=error)


def create_view(clause: Clause, effect: CreateView) -> None:
    folded = effect.table.casefold()
    names.judge(clause, "table", effect.table)
    for name in effect.reads:
        if not clause.schema.can_read(name):
            clause.problem("table_missing", f"there is no table {name}", name=name)
            return
    if not clause.schema.get(effect.table) and folded not in clause.schema.views:
        clause.schema.views.add(folded)
    elif not effect.if_not_exists:
        clause.problem("table_exists", f"a view {effect.table} exists", name=effect.table)


def drop_view(clause: Clause, effect: DropView) -> None:
    schema, folded = clause.schema, effect.table.casefold()
    if folded not in schema.views and not effect.if_exists:
        there = schema.get(effect.table) is not None
        error = schema.server.of(4092, 1347 if there else 1051)
        clause.problem("table_missing", f"there is no view {effect.table}", error=error)
    schema.views.discard(folded)


def judge_view(clause: Clause, effect: Effect) -> None:
    """Judge what is done to a view as if it were a table."""
    server = clause.schema.server
    if isinstance(effect, DropTable) and not (effect.if_exists and server.mysql):
        detail = f"{effect.table} is a view"
        clause.problem("table_missing", detail, error=server.of(1965, 1051))
    elif isinstance(effect, (AddColumn, ChangeColumn, DropColumn, AddIndex, DropIndex)):
        clause.problem("table_missing", f"{effect.table} is a view", error=1347)


def drop(clause: Clause, table: Table) -> None:
    schema = clause.schema
    together = _dropped_with(clause) if schema.server.mysql else set()
    for other in schema.referring(table) if schema.foreign_key_checks else ():
        if other.name.casefold() in together:
            continue
        clause.problem("table_referenced", f"table {other.name} refers to {table.name}")
    if clause.lose("table", table, f"drops table {table.name}") and schema.asking:
        return
    schema.drop(table.name)


def _dropped_with(clause: Clause) -> set[str]:
    """Return the tables that one statement drops: MySQL looks at all of them together."""
    effects = sql.read(clause.statement)
    return {effect.table.casefold() for effect in effects if isinstance(effect, DropTable)}


def rename(clause: Clause, table: Table, effect: RenameTable) -> None:
    names.judge(clause, "table", effect.new_name)
    if clause.schema.get(effect.new_name):
        detail = f"a table {effect.new_name} exists"
        clause.problem("table_exists", detail, name=effect.new_name)
    else:
        if clause.schema.server.mysql:
            prefix = f"{table.name}_ibfk_".casefold()
            for key in table.keys:
                if (key.name or "").casefold().startswith(prefix):
                    names.generated(clause, effect.new_name + (key.name or "")[len(table.name) :])
        clause.schema.rename(table.name, effect.new_name)


def change(clause: Clause, table: Table, effect: ChangeTable) -> None:
    table.engine = effect.engine or table.engine
    table.row_format = effect.row_format or table.row_format
    if (effect.engine or "").casefold() in ("blackhole", "memory", "heap"):
        how = f"has an engine that does not keep the rows of {table.name}"
        clause.lose("rows", table, how)
    if effect.converted:
        table.definitions.clear()
