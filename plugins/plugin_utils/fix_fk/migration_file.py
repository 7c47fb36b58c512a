# SPDX-License-Identifier: GPL-3.0-or-later
"""A migration's file that is rendered: its name, and values as PHP source."""

from __future__ import annotations

import datetime

STAMP = "%Y_%m_%d_%H%M%S"
STAMP_LENGTH = len("2026_01_30_000000")


def php(value, indent: int = 4) -> str:
    """Return strings, None, lists and dictionaries of them as PHP source."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    if isinstance(value, dict):
        items = [f"{php(key)} => {php(item, indent + 4)}" for key, item in value.items()]
    else:
        items = [php(item, indent + 4) for item in value]
        if not any(isinstance(item, (dict, list)) for item in value):
            return f"[{', '.join(items)}]"
    inner = " " * (indent + 4)
    return "[\n" + "".join(f"{inner}{item},\n" for item in items) + " " * indent + "]"


def dated(name: str, last: str, today: str) -> str | None:
    """Return the name with today's date, or with the second after the last migration's."""
    dated = f"{today.replace('-', '_')}_000000_{name}"
    if dated > last:
        return dated
    try:
        moment = datetime.datetime.strptime(last[:STAMP_LENGTH], STAMP)
    except ValueError:
        return None
    return f"{moment + datetime.timedelta(seconds=1):{STAMP}}_{name}"
