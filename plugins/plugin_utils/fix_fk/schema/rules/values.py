# SPDX-License-Identifier: GPL-3.0-or-later
"""Values: which do not fit a column, one that a statement gives and those that rows have."""

from __future__ import annotations

import datetime
import json
import re
from decimal import Decimal, InvalidOperation

from .. import columns as types
from ..effects import Column

from ansible.module_utils.fix_fk.schema.sql import quote_identifier as quote  # isort: skip

_NUMBER = re.compile(r"\s*[-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?\s*", re.IGNORECASE)
_SQL_NUMBER = "^[[:space:]]*[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][-+]?[0-9]+)?[[:space:]]*$"
_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})([ T](\d{1,2}):(\d\d)(:(\d\d)(\.\d*)?)?)?")
_LONG = {"tinytext": 255, "text": 65_535, "mediumtext": 16_777_215}
_DATES = ("date", "datetime", "timestamp")
_CHARACTERS = ("varchar", "char")


def unfit(column: Column, value: str, server: types.Server) -> int | None:
    """Return the error number of a literal that does not fit a column in strict mode.

    None where it fits, and where that is not known.
    """
    name = types.base(column.type) if column.type else ""
    if types.family(column.type) == "integer" or name == "decimal":
        if not _NUMBER.fullmatch(value):
            return 1366
        low, high = limits(column.type or "")
        try:
            return None if low <= _rounded(value, column.type or "") <= high else 1264
        except InvalidOperation:
            return None
    if name in _CHARACTERS:
        return 1406 if len(value.rstrip(" ")) > types.length(column.type or "") else None
    if name in _DATES:
        return _unfit_date(value, server)
    if name == "enum":
        known = [one.casefold() for one in options(column.type or "")]
        fits = value.rstrip(" ").casefold() in known or value.isdigit()
        return None if fits or not known or not value.isascii() else 1265
    if name == "json":
        try:
            json.loads(value)
        except ValueError:
            return server.of(4025, 3140)
    return None


def is_number(text: str) -> bool:
    return bool(_NUMBER.fullmatch(text))


def _rounded(value: str, kind: str) -> Decimal:
    places = 0 if types.family(kind) == "integer" else precision(kind)[1]
    return Decimal(value.strip()).quantize(Decimal(1).scaleb(-places), rounding="ROUND_HALF_UP")


def _unfit_date(value: str, server: types.Server) -> int | None:
    if value == "0":
        return None if server.zero_dates else 1292
    found = _DATE.fullmatch(value.strip())
    if not found:
        return None if any(letter.isdigit() for letter in value) else 1292
    year, month, day = (int(found[part]) for part in (1, 2, 3))
    if not (year or month or day):
        return None if server.zero_dates else 1292
    if not (month and day):
        return None
    try:
        datetime.datetime(year or 4, month, day, int(found[5] or 0), int(found[6] or 0))
    except ValueError:
        return 1292
    return None


def limits(kind: str) -> tuple[Decimal, Decimal]:
    """Return the least and the greatest number of an integer or decimal type."""
    unsigned = "unsigned" in kind.casefold()
    if types.family(kind) == "integer":
        bits = 8 * types.size(kind)
        low, high = (0, 2**bits - 1) if unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        return Decimal(low), Decimal(high)
    digits, places = precision(kind)
    most = Decimal(10 ** (digits - places)) - Decimal(1).scaleb(-places)
    return Decimal(0) if unsigned else -most, most


def precision(kind: str) -> tuple[int, int]:
    """Return the digits of a decimal type, and how many of them are after the point."""
    numbers = [int(number) for number in re.findall(r"\d+", kind)]
    return (numbers + [10, 0][len(numbers) :])[0], (numbers + [10, 0][len(numbers) :])[1]


def options(kind: str) -> list[str]:
    """Return the values of an ENUM."""
    found = re.findall(r"'((?:[^']|'')*)'", kind)
    return [text.replace("''", "'") for text in found]


def misfit(before: Column, after: Column, server: types.Server) -> tuple[str, int] | None:
    """Return (condition, error number) of the rows whose value does not fit a column any more.

    None where all fit, and where that cannot be told.
    """
    if not before.type or not after.type:
        return None
    name = quote(before.name)
    old, new = types.base(before.type), types.base(after.type)
    text = old in (*_CHARACTERS, *_LONG, "longtext", "enum")
    if new in _CHARACTERS:
        return _shorter(before, after, name)
    if new in _LONG and text:
        least = _LONG.get(old, 0 if old in _CHARACTERS else None)
        longer = least is None or least > _LONG[new] or types.length(before.type) > _LONG[new]
        return (f"LENGTH({name}) > {_LONG[new]}", 1406) if longer and old != "enum" else None
    if types.family(after.type) == "integer" or new == "decimal":
        return _smaller(before, after, name, server)
    if new in ("double", "float") and text and old != "enum":
        return f"{name} NOT REGEXP '{_SQL_NUMBER}'", server.of(1292, 1366)
    if new in _DATES and (text or types.family(before.type) == "integer"):
        return f"CAST({name} AS DATETIME) IS NULL", 1292
    if new in _DATES and old in _DATES and new != old and not server.zero_dates:
        return f"CAST({name} AS CHAR) LIKE '0000-00-00%'", 1292
    if new == "json" and text and old != "enum":
        return f"NOT JSON_VALID({name})", server.of(4025, 3140)
    if new == "enum" and text:
        return _listed(before, after, name)
    return None


def _shorter(before: Column, after: Column, name: str) -> tuple[str, int] | None:
    old, new = types.base(before.type or ""), types.base(after.type or "")
    most = types.length(after.type or "")
    if old == "varchar" and new == "varchar":
        fits = types.length(before.type or "") <= most
        return _encoded(before, after, name) if fits else (f"CHAR_LENGTH({name}) > {most}", 1265)
    if old == "char" and types.length(before.type or "") <= most:
        return _encoded(before, after, name)
    counted = (*_CHARACTERS, *_LONG, "longtext", "enum", "decimal")
    if old in counted or types.family(before.type) == "integer":
        return f"CHAR_LENGTH(RTRIM({name})) > {most}", 1406
    return None


def _encoded(before: Column, after: Column, name: str) -> tuple[str, int] | None:
    """Return the rows with letters that the new character set lacks."""
    one, other = types.charset_of(before), types.charset_of(after)
    if not one or not other or one == other or other.startswith("utf8mb4"):
        return None
    back = f"CONVERT(CONVERT({name} USING {other}) USING utf8mb4)"
    return f"CAST({back} AS BINARY) <> CAST(CONVERT({name} USING utf8mb4) AS BINARY)", 1366


def _smaller(
    before: Column, after: Column, name: str, server: types.Server
) -> tuple[str, int] | None:
    low, high = limits(after.type or "")
    old = types.base(before.type or "")
    if types.family(before.type) == "integer" or old == "decimal":
        least, most = limits(before.type or "")
        if low <= least and most <= high:
            return None
        places = 0 if types.family(after.type) == "integer" else precision(after.type or "")[1]
        value = name if types.family(before.type) == "integer" else f"ROUND({name}, {places})"
        return f"({value} < {low:f} OR {value} > {high:f})", 1264
    if old in _CHARACTERS or old in _LONG or old == "longtext":
        return f"{name} NOT REGEXP '{_SQL_NUMBER}'", server.of(1292, 1366)
    return None


def _listed(before: Column, after: Column, name: str) -> tuple[str, int] | None:
    known = options(after.type or "")
    if set(options(before.type or "")) <= set(known) and types.base(before.type or "") == "enum":
        return None
    texts = ", ".join("'" + one.replace("\\", "\\\\").replace("'", "''") + "'" for one in known)
    return f"{name} NOT IN ({texts})", 1265
