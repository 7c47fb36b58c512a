# SPDX-License-Identifier: GPL-3.0-or-later
"""What a statement writes into rows: columns that are not there, values that do not fit, and rows
of other tables that refer, or are referred to."""

from __future__ import annotations

from collections.abc import Iterable

from .. import columns as types
from ..effects import ForeignKey, Unknown, Value, WriteRows
from ..tables import Table, has, refers
from . import values
from .clause import Clause

from ansible.module_utils.fix_fk.schema.sql import quote_identifier as quote  # isort: skip

_FREE = ("CASCADE", "SET NULL", "SET DEFAULT")


def judge(clause: Clause, table: Table, effect: WriteRows) -> None:
    schema = clause.schema
    for name in effect.reads:
        if not schema.can_read(name):
            clause.problem("table_missing", f"there is no table {name}", name=name)
            return
    named = (*(effect.columns or ()), *effect.named)
    for name in named:
        if table.columns is not None and not has(table.columns, name):
            detail = f"table {table.name} has no column {name}"
            clause.problem("column_missing", detail, name=name, error=1054)
            return
    if _compares(clause, table, effect):
        return
    if effect.kind == "truncate":
        _truncate(clause, table)
    elif effect.kind == "delete" and schema.foreign_key_checks:
        _leave_children(clause, table, effect.condition, "on_delete")
    elif effect.kind == "insert":
        _insert(clause, table, effect)
    elif effect.kind == "update":
        _update(clause, table, effect)


def _compares(clause: Clause, table: Table, effect: WriteRows) -> bool:
    """Tell whether a number is compared with a text that is none, which a SELECT may; say so.

    MySQL says it of the statement, but for '' beside an integer; MariaDB of a row, in an UPDATE.
    """
    server = clause.schema.server
    for name, text, alone in effect.compared if server.strict else ():
        column = table.column(name)
        if column is None or column.type is None or values.is_number(text):
            continue
        whole = types.family(column.type) == "integer"
        if not whole and types.base(column.type) != "decimal":
            continue
        detail = f"column {name} of {table.name} is compared with a text that is no number"
        if server.mysql and (text or not whole):
            clause.problem("value_unfit", detail, name=name, error=1292)
            return True
        if not server.mysql and effect.kind == "update" and alone:
            said = f"are compared in {name} with a text that is no number"
            condition = f"{quote(name)} IS NOT NULL"
            clause.match(table, condition, (name,), "value_unfit", said, 1292)
    return False


def _truncate(clause: Clause, table: Table) -> None:
    for other in clause.schema.referring(table) if clause.schema.foreign_key_checks else ():
        detail = f"table {other.name} refers to {table.name}"
        clause.problem("table_referenced", detail, holder=other.name, error=1701)
        return


def _leave_children(
    clause: Clause, table: Table, condition: str | None, rule: str, *changed: str, sure: bool = True
) -> None:
    """Ask for rows of children whose parents go, or change in these columns."""
    if condition is None or table.identity is None or table.written or table.changed_columns:
        return
    for child in clause.schema.referring(table):
        for key in child.keys:
            if not refers(key, table) or getattr(key, rule) in _FREE:
                continue
            if changed and not any(has(key.referenced_columns, column) for column in changed):
                continue
            pairs = [
                f"p.{quote(to)} = c.{quote(own)}"
                for own, to in zip(key.columns, key.referenced_columns)
            ]
            if condition:
                pairs.append(f"({condition})")
            parents = f"SELECT 1 FROM {quote(table.identity)} p WHERE {' AND '.join(pairs)}"  # noqa: S608 - names are quoted
            said = f"refer to rows of {table.name} that go, by the foreign key {key.name}"
            if changed:
                said = f"refer to rows of {table.name} that change, by the foreign key {key.name}"
            exists = f"EXISTS ({parents})"
            sure = sure and not child.written
            clause.match(child, exists, key.columns, "value_unfit", said, 1451, sure=sure)


# --- what rows are given ---------------------------------------------------------------------


def _insert(clause: Clause, table: Table, effect: WriteRows) -> None:
    columns = effect.columns
    wanted = columns if columns is not None else table.columns
    if wanted is not None and any(len(row) != len(wanted) for row in effect.rows):
        detail = f"a row for {table.name} has another number of values than of columns"
        clause.problem("value_unfit", detail, error=1136)
        return
    if columns is None or effect.lenient:
        return
    if _lacking(clause, table, columns):
        return
    for row in effect.rows:
        given = dict(zip(columns, row))
        if _unfit(clause, table, given):
            return
    _unique(clause, table, columns, effect.rows)
    for row in effect.rows:
        for key in table.keys:
            _parent(clause, table, key, dict(zip(columns, row)))


def _lacking(clause: Clause, table: Table, columns: Iterable[str]) -> bool:
    """Tell whether a column gets no value that wants one, and say so."""
    if not clause.schema.server.strict or table.triggered:
        return False
    for column in table.definitions.values():
        if column.required and not has(columns, column.name):
            detail = f"column {column.name} of {table.name} gets no value and has no default"
            clause.problem("value_unfit", detail, name=column.name, error=1364)
            return True
    return False


def _unfit(clause: Clause, table: Table, given: dict[str, Value]) -> bool:
    """Tell whether a value does not fit its column, and say so."""
    for name, value in given.items():
        error = _misfit(clause, table, name, value)
        if error:
            said = "is not to be NULL" if value is None else "gets a value that does not fit it"
            detail = f"column {name} of {table.name} {said}"
            clause.problem("value_unfit", detail, name=name, error=error)
            return True
    return False


def _misfit(clause: Clause, table: Table, name: str, value: Value) -> int | None:
    server, column = clause.schema.server, table.column(name)
    if column is None or isinstance(value, Unknown) or not server.strict or table.triggered:
        return None
    if column.generated:
        return server.of(1906, 3105) if value is not None else None
    if value is None:
        free = column.nullable or column.auto or types.base(column.type or "") == "timestamp"
        return None if free else 1048
    return values.unfit(column, value, server)


def _unique(
    clause: Clause, table: Table, columns: tuple[str, ...], rows: tuple[tuple[Value, ...], ...]
) -> None:
    """Ask whether rows have already what is to be there once."""
    for index in table.keyed.values():
        if not index.unique or not all(has(columns, part) for part in index.columns):
            continue
        places = [_place(columns, part) for part in index.columns]
        keys = [tuple(row[place] for place in places) for row in rows]
        known = [key for key in keys if all(isinstance(part, str) for part in key)]
        if len(set(known)) < len(known):
            detail = f"two new rows of {table.name} share what the index {index.name} has once"
            clause.problem("value_unfit", detail, name=index.name, error=1062)
            continue
        if not known or table.written - {"insert"}:
            continue
        condition = " OR ".join(_same(index.columns, key) for key in known)
        said = f"have what a new row is to have and the index {index.name} has once"
        clause.match(table, condition, index.columns, "value_unfit", said, 1062, secret=True)


def _parent(clause: Clause, table: Table, key: ForeignKey, given: dict[str, Value]) -> None:
    """Ask whether there is the row to which a new one refers."""
    folded = {name.casefold(): value for name, value in given.items()}
    told = [folded.get(column.casefold()) for column in key.columns]
    parent = clause.schema.get(key.referenced_table)
    if not clause.schema.foreign_key_checks or parent is None or parent is table:
        return
    if parent.written or key.referenced_schema or not all(isinstance(one, str) for one in told):
        return
    said = f"are what a new row of {table.name} refers to, by the foreign key {key.name}"
    condition = _same(key.referenced_columns, told)
    columns = key.referenced_columns
    if parent.rows is False:
        detail = f"no row of {parent.name} is there for a new row of {table.name} to refer to"
        clause.problem("value_unfit", detail, name=key.name or "", error=1452)
    else:
        clause.match(parent, condition, columns, "value_unfit", said, 1452, least=0, secret=True)


def _same(columns: Iterable[str], values_: Iterable[Value]) -> str:
    pairs = [f"c.{quote(column)} = {_text(value)}" for column, value in zip(columns, values_)]
    return f"({' AND '.join(pairs)})"


def _text(value: Value) -> str:
    return "'" + str(value).replace("\\", "\\\\").replace("'", "''") + "'"


def _place(columns: tuple[str, ...], name: str) -> int:
    return next(n for n, column in enumerate(columns) if column.casefold() == name.casefold())


# --- what rows are changed to ----------------------------------------------------------------


def _update(clause: Clause, table: Table, effect: WriteRows) -> None:
    columns, row = effect.columns or (), effect.rows[0] if effect.rows else ()
    given = dict(zip(columns, row))
    told = effect.condition
    condition, sure = (told or "TRUE"), not table.written and told is not None
    for name, value in given.items():
        error = _misfit(clause, table, name, value)
        if error:
            said = "is not to be NULL" if value is None else "gets a value that does not fit it"
            said = f"are to be changed, and column {name} {said}"
            about = (*effect.named, name)
            clause.match(table, condition, about, "value_unfit", said, error, sure=sure)
            return
    if told is None:
        return
    for index in table.keyed.values():
        fixed = [isinstance(given.get(part), str) for part in index.columns]
        if index.unique and fixed and all(fixed):
            said = f"are to get the same value, which the index {index.name} has once"
            about = (*effect.named, *index.columns)
            clause.match(table, condition, about, "value_unfit", said, 1062, least=2)
    if not clause.schema.foreign_key_checks:
        return
    for key in table.keys:
        _refer(clause, table, key, given, effect)
    # What is computed may be what is there already.
    plain = all(isinstance(value, str) for value in given.values())
    _leave_children(clause, table, told, "on_update", *columns, sure=plain)


def _refer(
    clause: Clause, table: Table, key: ForeignKey, given: dict[str, Value], effect: WriteRows
) -> None:
    told = [given.get(column) for column in key.columns]
    parent = clause.schema.get(key.referenced_table)
    if parent is None or parent is table or parent.identity is None:
        return
    if parent.written or parent.changed_columns:
        return
    if key.referenced_schema or not all(isinstance(one, str) for one in told):
        return
    pairs = _same(key.referenced_columns, told).replace("c.", "p.")
    parents = f"SELECT 1 FROM {quote(parent.identity)} p WHERE {pairs}"  # noqa: S608 - names are quoted
    condition = f"({effect.condition or 'TRUE'}) AND NOT EXISTS ({parents})"
    said = f"are to refer to a row that is not there, by the foreign key {key.name}"
    about = (*effect.named, *key.columns)
    clause.match(table, condition, about, "value_unfit", said, 1452, secret=True)
