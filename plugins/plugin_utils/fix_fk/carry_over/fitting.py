# SPDX-License-Identifier: GPL-3.0-or-later
"""Which values of a column another one cannot hold as they are.

A type is as a server writes it ("decimal(8,2) unsigned"). Kinds of value that are not told apart
here do not fit: what a server makes of one is for a person to decide.
"""

from __future__ import annotations

import re
from decimal import Decimal

from ..schema import columns as types
from ..schema.effects import Column

_TEXTS = {
    "tinytext": 2**8 - 1,
    "text": 2**16 - 1,
    "mediumtext": 2**24 - 1,
    "longtext": 2**32 - 1,
}
_BLOBS = {
    "tinyblob": 2**8 - 1,
    "blob": 2**16 - 1,
    "mediumblob": 2**24 - 1,
    "longblob": 2**32 - 1,
}
_LETTERS = ("char", "varchar")
_TIMED = ("datetime", "timestamp", "time")
# Character sets of which each is in the next one.
_WIDER = ("ascii", "utf8mb3", "utf8mb4")


def unfit(old: Column, new: Column, value: str) -> str | None:
    """Return the SQL condition under which `value`, the SQL of a value of the column `old`, cannot
    be taken by `new` as it is.

    "" when every value can, None when it cannot be told. NULL is not asked about.
    """
    if not old.type or not new.type:
        return None
    one, other = types.base(old.type), types.base(new.type)
    alike = types.normal(old.type) == types.normal(new.type)
    if _is_text(one) and _is_text(other):
        return _text(old, new, value)
    if alike and one == other:
        return ""
    if _is_number(one) and _is_number(other):
        return _number(old.type, new.type, value)
    if one in (*_BLOBS, "varbinary") and other in (*_BLOBS, "varbinary"):
        room, had = _bytes(new.type), _bytes(old.type)
        return "" if had <= room else f"LENGTH({value}) > {room}"
    if one == "date" and other == "datetime":
        return ""
    if one == "datetime" and other == "date":
        return f"TIME({value}) <> '00:00:00'"
    if one == other and one in _TIMED:
        had, digits = _digits(old.type), _digits(new.type)
        return "" if had <= digits else f"MICROSECOND({value}) % {10 ** (6 - digits)} <> 0"
    return None


def exact(kind: str, value: str) -> str:
    """Return the SQL of a value in the form in which two are the same only if nothing differs.

    kind: the name of its type, as information_schema has it in DATA_TYPE.
    """
    if _is_text(kind):
        return f"CAST(CONVERT({value} USING utf8mb4) AS BINARY)"
    if kind in ("vector", "geomcollection") or kind in _GEOMETRY:
        return f"HEX({value})"
    return value


def taken(old: Column | None, new: Column | None, value: str) -> str:
    """Return the SQL of a value of `old` so that it is compared as `new` compares its own.

    Two collations cannot be compared, and some letters are the same in one of them only.
    """
    if not old or not new or not old.collation or not new.collation:
        return value
    charset = types.charset_of(new)
    if old.collation == new.collation or not charset:
        return value
    return f"CONVERT({value} USING {charset}) COLLATE {new.collation}"


def place(column: Column | None, value: str) -> str:
    """Return the SQL by which rows are put in order, so that a value that was read is found again.

    A list is put in order by its numbers and compared by its texts, FLOAT is read with fewer digits
    than it has, BIT as bytes.
    """
    kind = types.base(column.type or "") if column else ""
    return f"({value} + 0)" if kind in ("enum", "set", "bit", "float") else value


_GEOMETRY = (
    *("geometry", "point", "linestring", "polygon", "multipoint", "multilinestring"),
    *("multipolygon", "geometrycollection"),
)


def _is_text(kind: str) -> bool:
    return kind in _LETTERS or kind in _TEXTS or kind in ("enum", "set")


def _is_number(kind: str) -> bool:
    return types.family(kind) == "integer" or kind == "decimal"


def _number(old: str, new: str, value: str) -> str:
    """Compare what two exact numbers can hold."""
    low, high, digits = _range(new)
    least, most, had = _range(old)
    conditions = []
    if had > digits:
        conditions.append(f"{value} <> ROUND({value}, {digits})")
    if least < low or most > high:
        conditions.append(f"{value} NOT BETWEEN {low} AND {high}")
    return " OR ".join(conditions)


def _range(kind: str) -> tuple[Decimal, Decimal, int]:
    """Return (least, most, digits behind the point) of an exact number."""
    unsigned = "unsigned" in kind.casefold() or "zerofill" in kind.casefold()
    if types.family(kind) == "integer":
        most = Decimal(2 ** (8 * types.size(kind) - (not unsigned)) - 1)
        return (Decimal(0) if unsigned else -most - 1, most, 0)
    found = re.search(r"\((\d+)(?:,\s*(\d+))?\)", kind)
    whole, behind = (int(found[1]), int(found[2] or 0)) if found else (10, 0)
    most = Decimal(10**whole - 1).scaleb(-behind)
    return (Decimal(0) if unsigned else -most, most, behind)


def _text(old: Column, new: Column, value: str) -> str:
    one, other = types.base(old.type or ""), types.base(new.type or "")
    conditions = []
    charset, had = types.charset_of(new), types.charset_of(old)
    if charset and had and charset != had and not _is_wider(charset, had):
        back = f"CONVERT(CONVERT({value} USING {charset}) USING utf8mb4)"
        exactly = f"CAST(CONVERT({value} USING utf8mb4) AS BINARY)"
        conditions.append(f"CAST({back} AS BINARY) <> {exactly}")
    if other in ("enum", "set"):
        conditions += _listed(old, new, value)
    elif other in _LETTERS:
        limit = types.length(new.type or "")
        if one in _TEXTS or one in ("enum", "set") or types.length(old.type or "") > limit:
            conditions.append(f"CHAR_LENGTH({value}) > {limit}")
        if other == "char" and one != "char":
            # It gives back a text without the blanks at its end.
            conditions.append(f"RIGHT({value}, 1) = ' '")
    else:
        most = _TEXTS[other]
        width = 4 if had != charset else types.letter_bytes(old) or 4
        room = types.length(old.type or "") * width if one in _LETTERS else _TEXTS.get(one, 2**16)
        same_set = had == charset or one in _LETTERS
        if room > most or not same_set:
            told = f"CONVERT({value} USING {charset})" if charset else value
            conditions.append(f"LENGTH({told}) > {most}")
    return " OR ".join(conditions)


def _is_wider(charset: str, had: str) -> bool:
    if charset == "utf8mb4":
        return True
    order = {name: number for number, name in enumerate(_WIDER)}
    return charset in order and had in order and order[charset] > order[had]


def _listed(old: Column, new: Column, value: str) -> list[str]:
    """Compare the values that a list takes; of SET, each value is a part."""
    wanted, had = _values(new.type or ""), _values(old.type or "")
    kinds = types.base(old.type or ""), types.base(new.type or "")
    if kinds[0] == kinds[1] and set(had) <= set(wanted) and _same_order(had, wanted, kinds[1]):
        return []
    if kinds[1] == "set":
        # Only a single value of a list is told apart with certainty.
        wanted = ["", *wanted]
    quoted = ", ".join(_quoted(text) for text in wanted)
    return [f"CAST(CONVERT({value} USING utf8mb4) AS BINARY) NOT IN ({quoted})"]


def _same_order(had: list[str], wanted: list[str], kind: str) -> bool:
    """The values of a SET are given back in the order of its list."""
    return kind == "enum" or [text for text in wanted if text in had] == had


def _values(kind: str) -> list[str]:
    """Return the values of an ENUM or a SET as they are written in SQL, without their quotes."""
    return re.findall(r"'((?:[^'\\]|''|\\.)*)'", kind)


def _quoted(text: str) -> str:
    return f"'{text}'"


def _bytes(kind: str) -> int:
    name = types.base(kind)
    return _BLOBS[name] if name in _BLOBS else types.length(kind)


def _digits(kind: str) -> int:
    return types.length(kind) if "(" in kind else 0
