# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes: indexes and rows that are too long, and too many of something."""

from __future__ import annotations

import re

import sqlglot
from sqlglot import exp

from .. import columns as types
from ..conditions import DIALECT
from ..effects import PRIMARY, Column, Index
from ..tables import Table
from . import values
from .clause import Clause

INDEXES = 64
COLUMNS = 1017
ROW = 65_535
# Bytes of a row that InnoDB keeps in one place: half a page.
PAGE = 8_125
# Bytes that a row has besides its columns.
_HEADER = 24
INDEX, COLUMN = 3072, 767
PARTS = {"mariadb": 32, "mysql": 16}
_FIXED = {"date": 3, "time": 3, "timestamp": 4, "datetime": 5, "year": 1, "float": 4, "double": 8}
_LONG = {
    "tiny": 9,
    "": 10,
    "medium": 11,
    "long": 12,
}


def judge_statement(clause: Clause, statement: str) -> None:
    """Judge the length of a statement, of which the server takes no more than so many bytes."""
    most, length = clause.schema.server.packet, len(statement.encode("utf-8"))
    if most and length >= most:
        detail = (
            f"a statement of {length} bytes is longer than max_allowed_packet ({most}), and the "
            "server ends the connection"
        )
        clause.problem("statement_unfit", detail)


def judge_index(clause: Clause, table: Table, index: Index) -> None:
    """Judge the parts of an index, and how long they are together."""
    found = _misfit(clause.schema.server, table, index)
    if found:
        error, detail = found
        detail = f"the index {index.name} of {table.name} {detail}"
        clause.problem("index_unfit", detail, name=index.name, error=error)


def _misfit(server: types.Server, table: Table, index: Index) -> tuple[int, str] | None:
    if "" in index.columns:
        if not server.mysql:
            return 1064, "is on an expression, which MariaDB does not read"
        if index.name == PRIMARY:
            return 3756, "is a primary key on an expression"
        return next(filter(None, (_expression(table, text) for text in index.made_of)), None)
    if len(index.columns) > PARTS.get(server.flavour, 32):
        return 1070, f"has more than {PARTS[server.flavour]} parts"
    folded = [part.partition("(")[0].casefold() for part in index.columns]
    if len(set(folded)) < len(folded):
        return 1060, "has a column twice"
    for part in index.columns:
        name, prefix = _split(part)
        column = table.column(name)
        if column is None or not column.type:
            return None
        found = _part(server, index, column, prefix)
        if found:
            return found
    return None if index.kind else _long(server, table, index)


def _expression(table: Table, text: str) -> tuple[int, str] | None:
    """Return what MySQL refuses of an expression in an index."""
    inner = sqlglot.parse_one(text, dialect=DIALECT).unnest()
    if isinstance(inner, exp.Column):
        return 3762, f"is on column {inner.name} in brackets, which MySQL takes for an expression"
    if isinstance(inner, exp.JSONExtractScalar):
        return 3757, "is on a text of any length, which wants a CAST"
    if isinstance(inner, exp.JSONExtract):
        return 3753, "is on JSON, which wants a CAST"
    if isinstance(inner, (exp.Lower, exp.Upper, exp.Trim)) and isinstance(inner.this, exp.Column):
        column = table.column(inner.this.name)
        if column and types.family(column.type) == "long":
            return 3757, f"is on {column.name}, a text of any length, which wants a CAST"
    return None


def _part(
    server: types.Server, index: Index, column: Column, prefix: int | None
) -> tuple[int, str] | None:
    family, name = types.family(column.type), types.base(column.type or "")
    if index.kind == "FULLTEXT":
        text = family in ("string", "long") and name != "json" and "blob" not in name
        return None if text else (1283, f"is FULLTEXT, and {column.name} is {name}")
    if index.kind:
        flat = family in ("integer", "string", "bytes", "long", "fixed", "float", "double", "date")
        unfit = server.of(1210, 1687), f"is SPATIAL, and {column.name} is {name}"
        return unfit if flat else None
    if family == "long" and prefix is None:
        if server.mysql and name == "json":
            return 3152, f"is on {column.name}, which is JSON"
        if server.mysql or index.name == PRIMARY:
            return 1170, f"is on {column.name}, which is {name}, and says no length"
    most = types.length(column.type or "") if family == "string" else 0
    known = family in ("integer", "string", "float", "double", "date", "fixed")
    if prefix is not None and known and prefix > most:
        return 1089, f"is on more of {column.name} than there is"
    return None


def _long(server: types.Server, table: Table, index: Index) -> tuple[int, str] | None:
    if (table.engine or "").casefold() != "innodb":
        return None
    old = (table.row_format or "").casefold() in ("compact", "redundant")
    hashed = not server.mysql and index.unique and index.name != PRIMARY
    strict = server.strict or index.unique
    total = 0
    for part in index.columns:
        name, prefix = _split(part)
        bytes_ = _bytes_of_key(table.column(name), prefix)
        if bytes_ is None:
            return None
        if old and bytes_ > COLUMN:
            if server.mysql:
                return (1071, f"has more than {COLUMN} bytes of {name}") if strict else None
            return 1709, f"has more than {COLUMN} bytes of {name}"
        if bytes_ > INDEX:
            if server.mysql and strict:
                return 1071, f"has more than {INDEX} bytes of {name}"
            if not index.unique:
                bytes_ = INDEX
        total += bytes_
    if total > INDEX and not hashed:
        return 1071, f"has more than {INDEX} bytes"
    return None


def _split(part: str) -> tuple[str, int | None]:
    name, bracket, rest = part.partition("(")
    digits = rest.rstrip(")")
    return name, int(digits) if bracket and digits.isdigit() else None


def _bytes_of_key(column: Column | None, prefix: int | None) -> int | None:
    if column is None or not column.type:
        return None
    name, width = types.base(column.type), types.letter_bytes(column)
    if types.family(column.type) == "string":
        return (prefix or types.length(column.type)) * width if width else None
    if types.family(column.type) == "long":
        if "blob" in name:
            width = 1
        return prefix * width if prefix and width else INDEX if prefix is None else None
    if types.family(column.type) == "bytes":
        return prefix or types.length(column.type)
    return _bytes(column)


def _bytes(column: Column) -> int | None:
    """Return the bytes that a row has room for in a column; None when not known."""
    kind = column.type or ""
    name, width = types.base(kind), types.letter_bytes(column)
    if types.family(kind) == "integer":
        return types.size(kind)
    if name == "char" or name == "binary":
        width = 1 if name == "binary" else width
        return types.length(kind) * width if width else None
    if name in ("varchar", "varbinary"):
        width = 1 if name == "varbinary" else width
        if not width:
            return None
        bytes_ = types.length(kind) * width
        return bytes_ + (1 if bytes_ < 256 else 2)
    if name == "json":
        return _LONG["long"]
    if types.family(kind) == "long":
        return _LONG[re.sub("text|blob", "", name)]
    if name == "decimal":
        digits, places = values.precision(kind)
        parts = (digits - places, places)
        left = (0, 1, 1, 2, 2, 3, 3, 4, 4, 4)
        return sum(4 * (part // 9) + left[part % 9] for part in parts)
    if name == "enum":
        return 1 if len(values.options(kind)) < 256 else 2
    return _FIXED.get(name)


def row_bytes(table: Table) -> int:
    """Return the bytes that a row has room for at least; what is not known counts nothing."""
    known = table.definitions.values()
    nullable = sum(column.nullable for column in known)
    return sum(_bytes(column) or 0 for column in known) + (nullable + 7) // 8


def page_bytes(table: Table, server: types.Server) -> int:
    """Return the bytes of a row that InnoDB cannot put elsewhere."""
    row_format = (table.row_format or server.row_format or "").casefold()
    known = table.definitions.values()
    nullable = sum(column.nullable for column in known)
    return (
        _HEADER + (nullable + 7) // 8 + sum(_kept(column, row_format, server) for column in known)
    )


def _kept(column: Column, row_format: str, server: types.Server) -> int:
    """Return the bytes of a column that are kept in the row itself."""
    kind, width = column.type or "int", types.letter_bytes(column)
    name, text = types.base(kind), types.family(kind) in ("string", "bytes")
    long = types.family(kind) == "long"
    if long or name in ("varchar", "varbinary") or (text and width and width > 1):
        most = ROW if long else types.length(kind) * (width or 1)
        if row_format in ("compact", "redundant"):
            return min(most, 768) + 1
        if server.mysql:
            return min(most, 40) + 1
        return most + 1 if most < 256 else 21
    return _bytes(column) or 0
