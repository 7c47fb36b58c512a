# SPDX-License-Identifier: GPL-3.0-or-later
"""Columns: what keeps one from being added, changed or dropped, and what becomes of it."""

from __future__ import annotations

from dataclasses import replace

from .. import columns as types
from ..effects import PRIMARY, AddColumn, ChangeColumn, Column, DropColumn, ForeignKey, SetDefault
from ..tables import Table, Tables, has, refers
from . import definitions, foreign_keys, names, sizes, values
from .clause import Clause


def add(clause: Clause, table: Table, effect: AddColumn) -> None:
    if table.columns is None:
        return
    if not has(table.columns, effect.column):
        names.judge(clause, "column", effect.column)
        table.columns.append(effect.column)
        if effect.definition:
            _behind(clause, table, effect.definition)
            _define(clause.schema, table, effect.definition, None)
            defined = table.definitions[effect.column.casefold()]
            definitions.judge(clause, table, defined)
            definitions.added(clause, table, defined)
            for key in table.keys if defined.stored else ():
                foreign_keys.judge_generated(clause, table, key)
    elif not effect.if_not_exists:
        clause.problem(
            "column_exists",
            f"table {table.name} has a column {effect.column}",
            name=effect.column,
        )


def set_default(clause: Clause, table: Table, effect: SetDefault) -> None:
    column = table.column(effect.column)
    if table.columns is not None and not has(table.columns, effect.column):
        _missing(clause, table, effect.column, 1054)
    elif column is not None:
        definitions.default(clause, table, column, effect.default)


def _missing(clause: Clause, table: Table, column: str, error: int) -> None:
    detail = f"table {table.name} has no column {column}"
    clause.problem("column_missing", detail, name=column, error=error)


def _behind(clause: Clause, table: Table, column: Column) -> None:
    if column.after and table.columns is not None and not has(table.columns, column.after):
        _missing(clause, table, column.after, 1054)


def drop_or_change(clause: Clause, table: Table, effect: DropColumn | ChangeColumn) -> None:
    table.changed_columns.add(effect.column)
    if table.columns is not None and not has(table.columns, effect.column):
        if not (isinstance(effect, DropColumn) and effect.if_exists):
            error = 1091 if isinstance(effect, DropColumn) else 1054
            _missing(clause, table, effect.column, error)
    elif isinstance(effect, ChangeColumn):
        _change(clause, table, effect)
    else:
        _drop(clause, table, effect.column)


def _drop(clause: Clause, table: Table, column: str) -> None:
    _needed(clause, table, column)
    _depended_on(clause, table, column, clause.schema.server.of(1054, 3108), alone=False)
    table.checks = {
        name: columns
        for name, columns in table.checks.items()
        if [one.casefold() for one in columns or ()] != [column.casefold()]
    }
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
    if renamed:
        names.judge(clause, "column", new, renames=effect.definition is None)
        if clause.schema.server.mysql:
            _depended_on(clause, table, old, 3108)
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
        _behind(clause, table, effect.definition)
        definitions.judge(clause, table, after)
        _judge(clause, table, before, after)
    if renamed:
        _rename(clause.schema, table, old, new)
    if effect.definition is not None:
        for index in table.keyed.values():
            if has((part.partition("(")[0] for part in index.columns), new) and not index.implied:
                sizes.judge_index(clause, table, index)


def _judge(clause: Clause, table: Table, before: Column, after: Column) -> None:
    """Judge a column's new definition against its constraints and rows."""
    server, checked = clause.schema.server, clause.schema.foreign_key_checks
    error = types.change_refused(before, after, server, checked)
    if error:
        for other, key in _keys_on(clause.schema, table, before.name):
            refers_to = other is table and has(key.columns, before.name)
            own = error if server.mysql else 1832 if refers_to else 1833
            clause.problem(
                "column_fixed",
                f"column {before.name} of {table.name} is part of the foreign key {key.name} "
                f"of {other.name}, so it cannot become {types.describe(after)}",
                name=key.name or "",
                holder=other.name,
                error=own,
            )
    if before.live and server.strict:
        _fit(clause, table, before, after)
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
    if before.live and table.identity and table.may_have_rows and not server.lenient:
        # MariaDB gives these the present time.
        if not server.mysql and types.base(after.type or "") == "timestamp":
            return
        in_place = types.same_place(before, after)
        errors = (1138, 1265) if server.mysql and in_place else (1265, 1138)
        if not table.emptied:
            sure = not table.written
            clause.ask("nulls", table, (before.live,), after.name, sure=sure, errors=errors)


def _fit(clause: Clause, table: Table, before: Column, after: Column) -> None:
    live = replace(before, name=before.live or before.name)
    found = values.misfit(live, after, clause.schema.server)
    if found and table.identity and table.may_have_rows and not table.emptied:
        condition, error = found
        clause.ask(
            "matching",
            table,
            (live.name,),
            before.name,
            condition=condition,
            about="value_unfit",
            said=f"have a value in {before.name} that does not fit {types.describe(after)}",
            errors=(error,),
            sure=not table.written,
        )


def _depended_on(clause: Clause, table: Table, column: str, error: int, alone: bool = True) -> None:
    """See whether a generated column or a CHECK needs a column; alone: whether one that is about
    that column alone counts."""
    for other in table.definitions.values():
        if has(other.made_of, column) and other.name.casefold() != column.casefold():
            detail = f"column {other.name} of {table.name} is made of column {column}"
            clause.problem("column_needed", detail, name=other.name, error=error)
            return
    for name, columns in table.checks.items():
        if has(columns or (), column) and (alone or len(columns or ()) > 1):
            detail = f"the check {name} of {table.name} is about column {column}"
            error = clause.schema.server.of(1054, 3959)
            clause.problem("column_needed", detail, name=name, error=error)
            return


def _rename(schema: Tables, table: Table, old: str, new: str) -> None:
    def name(column: str) -> str:
        return new if column.casefold() == old.casefold() else column

    table.keys = [
        replace(key, columns=tuple(name(column) for column in key.columns)) for key in table.keys
    ]
    table.checks = {
        check: None if columns is None else tuple(map(name, columns))
        for check, columns in table.checks.items()
    }
    for folded, column in table.definitions.items():
        if column.made_of:
            table.definitions[folded] = replace(column, made_of=tuple(map(name, column.made_of)))
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
    server = clause.schema.server
    for other, key in _keys_on(clause.schema, table, column):
        error = server.of(1553, 1828)
        if refers(key, table) and has(key.referenced_columns, column):
            covering = table.covering(key.referenced_columns)
            primary = covering is None or any(index.name == PRIMARY for index in covering)
            error = server.of(1829 if primary else 1553, 1829)
        clause.problem(
            "column_needed",
            f"column {column} of {table.name} is part of the foreign key {key.name} of "
            f"{other.name}",
            name=key.name or "",
            holder=other.name,
            error=error,
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
