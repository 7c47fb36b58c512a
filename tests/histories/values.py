# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows for any table, and the statements that were sent with their values in them."""

from __future__ import annotations

import re

ROWS = 3

_SPATIAL = re.compile(r"(geometry|point|linestring|polygon|multi\w+)", re.IGNORECASE)
_DATED = {
    **dict.fromkeys(("date", "datetime", "timestamp"), "2020-01-0{}"),
    **{"time": "0{}:00:00", "year": "202{}"},
}


def row(columns: list[tuple[str, str]], number: int) -> tuple[str, str]:
    """Return the names and the values, as SQL, of the row of this number of a table whose columns
    have these types. Each value is the number, so that rows refer to each other."""
    wanted = [(name, kind) for name, kind in columns if not _SPATIAL.match(kind)]
    names = ", ".join(f"`{name}`" for name, _ in wanted)
    return names, ", ".join(_value(kind, number) for _, kind in wanted)


def _value(kind: str, number: int) -> str:
    if kind.startswith(("enum", "set")):
        return kind[kind.index("(") + 1 : -1].split("','")[0].rstrip("'") + "'"
    word = re.match(r"\w+", kind)
    return "'" + _DATED.get(word[0] if word else "", "{}").format(number) + "'"


_MARKS = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`|\?", re.DOTALL)


def filled(text: str, values: list) -> str:
    """Return SQL with its values in the places of its marks."""
    left = iter(values)

    def put(found: re.Match) -> str:
        if found[0] != "?" or not values:
            return found[0]
        value = next(left, "?")
        if value is None or isinstance(value, bool):
            return "NULL" if value is None else str(int(value))
        if isinstance(value, (int, float)):
            return str(value)
        return "'" + str(value).replace("\\", "\\\\").replace("'", "''") + "'"

    return _MARKS.sub(put, text)
