# SPDX-License-Identifier: GPL-3.0-or-later
"""Definitions of columns: which types and defaults a server does not take."""

from __future__ import annotations

from .. import columns as types
from ..effects import Column
from ..tables import Table
from . import values
from .clause import Clause

_LONG = ("text", "blob", "json", "geometry", "point", "linestring", "polygon")
SHAPES = (
    *("geometry", "point", "linestring", "polygon", "multipoint", "multilinestring"),
    *("multipolygon", "geometrycollection"),
)
_DATES = ("date", "datetime")


def judge(clause: Clause, table: Table, column: Column) -> None:
    """Judge a column's definition by itself."""
    found = _misfit(clause.schema.server, column)
    if found:
        error, detail = found
        detail = f"column {column.name} of {table.name} {detail}"
        clause.problem("column_unfit", detail, name=column.name, error=error)


def default(clause: Clause, table: Table, column: Column, value: str) -> None:
    """Judge a default that a column is given."""
    found = _default(clause.schema.server, column, value)
    if found:
        error, detail = found
        detail = f"column {column.name} of {table.name} {detail}"
        clause.problem("column_unfit", detail, name=column.name, error=error)


def added(clause: Clause, table: Table, column: Column) -> None:
    """Ask for rows where a column comes that has to have a date in each of them."""
    server = clause.schema.server
    wants = column.required and types.base(column.type or "int") in _DATES
    if wants and not server.zero_dates:
        said = f"get no date in the new column {column.name}, which is NOT NULL without a default"
        clause.match(table, "TRUE", (), "value_unfit", said, 1292)


def _misfit(server: types.Server, column: Column) -> tuple[int, str] | None:
    if not column.type:
        return None
    name = types.base(column.type)
    if column.null_default and not column.nullable:
        return 1067, "is NOT NULL and has the default NULL"
    found = column.default is not None and _default(server, column, column.default)
    if found:
        return found
    if server.mysql and column.now is not None:
        digits = types.length(column.type) if "(" in column.type else 0
        if name not in ("datetime", "timestamp") or digits != column.now:
            return 1067, f"is {column.type} and has a default of another kind"
    if column.auto and types.family(column.type) in ("string", "bytes", "long", "date", "fixed"):
        return 1063, f"is {column.type} and cannot count by itself"
    width = types.letter_bytes(column)
    if name == "varchar" and width and server.strict:
        most = 65_535 // width
        if types.length(column.type) > most:
            return 1074, f"has more than {most} letters"
    if name in ("datetime", "timestamp", "time") and types.length(column.type) > 6:
        return 1426, "has more than 6 digits of a second"
    listed = values.options(column.type) if name == "enum" else []
    if server.strict and len(set(listed)) < len(listed):
        return 1291, "lists a value twice"
    if name == "char" and server.strict and types.length(column.type) > 255:
        return 1074, "has more than 255 letters"
    if name == "decimal":
        digits, places = values.precision(column.type)
        if digits > 65:
            return 1426, "has more than 65 digits"
        if places > digits:
            return 1427, "has more digits after the point than altogether"
    return None


def _default(server: types.Server, column: Column, value: str) -> tuple[int, str] | None:
    name = types.base(column.type or "")
    if server.mysql and any(name.endswith(long) for long in _LONG):
        if value == "" and name.endswith(("text", "blob")) and not server.strict:
            # The server leaves it out, with a warning.
            return None
        return 1101, f"is {name}, which takes no default on MySQL but an expression"
    if name == "json":
        return None
    if name in SHAPES:
        return 1416, f"is {name}, and its default is none"
    if values.unfit(column, value, server):
        return 1067, "has a default that does not fit it"
    return None
