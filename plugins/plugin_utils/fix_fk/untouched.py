# SPDX-License-Identifier: GPL-3.0-or-later
"""Has nobody written the tables that the plan leaves alone?

Their rows are not read as a whole. Each has a mark (`module_utils/fix_fk/schema/marks.py`), read
when the application had gone down and now: where both are equal, no row of it was written.
`expected` is that of a plan, and says what the tables are called afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass, field

TITLE = "tables that the plan leaves alone"


@dataclass
class Untouched:
    """What the marks tell: tables `kept`, sentences on those that are not with their tables, and
    why for some, or all, nothing can be told."""

    kept: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    accepted: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    # An interrupted run of another plan has left them a mark, and this one writes them.
    unread: list[str] = field(default_factory=list)
    unknown: str = ""


def names_now(marks: dict | None, expected: dict) -> list[str]:
    """Return what the tables with a mark are called afterwards."""
    names = expected.get("names") or {}
    return [names.get(table, table) for table in (marks or {}).get("tables") or ()]


def compare(
    before: dict, after: dict, expected: dict, *, passing: set[str], accepted: set[str]
) -> Untouched:
    """Hold the marks of afterwards against those of before.

    passing: folded names of tables that may be written meanwhile; accepted: of those that may
    differ.
    """
    result = Untouched(unknown=_unknown(before, after))
    if result.unknown:
        return result
    names = expected.get("names") or {}
    done = (expected.get("structure") or {}).get("tables") or {}
    ours = {name.casefold() for name in (expected.get("touched") or {}).get("tables") or ()}
    for table, mark in sorted(before["tables"].items()):
        now = names.get(table, table)
        if table.casefold() in passing:
            continue
        there = after["tables"].get(now)
        said = _differs(table, now, mark, there, alone=now == table and table not in done)
        if said and accepted & {table.casefold(), now.casefold()}:
            result.accepted.append(said)
        elif said and table.casefold() in ours:
            result.unread.append(table)
        elif said:
            result.failed[table] = said
        elif mark["written"] is None and not after["room"]:
            result.forgotten.append(table)
        else:
            result.kept.append(table)
    return result


def _unknown(before: dict, after: dict) -> str:
    """Say why the marks cannot be held against each other, or nothing."""
    if before["server"] != after["server"]:
        return f"another server answers now ({after['server']}, before {before['server']})"
    if before["since"] is None or after["since"] is None:
        return "the server does not tell when it was started"
    # Its clock and its uptime are in whole seconds.
    if after["since"] > before["since"] + 2 or after["moment"] < before["moment"]:
        return "the server was started anew, or its clock was put back, in the window"
    return ""


def _differs(table: str, now: str, before: dict, after: dict | None, alone: bool) -> str:
    """Say by what a table is not as it was, or nothing; alone: the plan does nothing to it."""
    called = table if table == now else f"{table} (now {now})"
    if after is None:
        return f"{called} is gone, or cannot be compared any more"
    known = None not in (before["id"], after["id"])
    if known and before["id"] != after["id"]:
        return f"{called} is another table than before, and the plan does not touch it"
    if before["written"] != after["written"]:
        if after["written"] is None:
            return f"{called} was made anew, rebuilt or closed, and the plan does not touch it"
        return f"{called} was written in the window, and the plan does not touch it"
    if before["ends"] != after["ends"]:
        return f"{called} has other first or last rows, and the plan does not touch it"
    if alone and not known and before["made"] != after["made"]:
        return f"{called} was made anew or renamed, and the plan does not touch it"
    return ""


def told_nothing(before: dict, after: dict, table: str) -> bool:
    """Tell whether the server kept the time of a write that certainly was made to `table`."""
    marks = [marks["tables"].get(table) for marks in (before, after)]
    return None not in marks and marks[0]["written"] == marks[1]["written"]  # type: ignore[index]
