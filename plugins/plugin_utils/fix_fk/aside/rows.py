# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the rows of displaced tables are: what to count, what was found."""

from __future__ import annotations

from .. import facts
from ..carry_over.fitting import taken
from ..facts import Laravel
from ..names_back import free_name
from ..schema.effects import Column
from ..schema.simulation import Schema
from .pairs import BIRTH, Pair, displaced_with_rows

from ansible.module_utils.fix_fk.schema.ids import above  # isort: skip
from ansible.module_utils.fix_fk.schema.sql import quote_identifier as quote  # isort: skip


def questions(laravel_facts: dict, schema: dict) -> list[dict]:
    """Return what has to be counted on the server, as fk_constraint_info takes it."""
    pairs = displaced_with_rows(Laravel(laravel_facts), schema)
    read = _read(schema)
    if all(pair.old in read and not pair.details[0]["rows"] for pair in pairs):
        # All rows have been counted already.
        return []
    return [question for pair in pairs for question in _asked(pair)]


def find(laravel: Laravel, schema: dict) -> list[dict]:
    """Return the tables whose rows are aside, of what has been recorded as run.

    schema: fk_constraint_info's, with `aside_counts`, the answers to questions(). Each is {table,
    old, empty (whether the application finds nothing), rows (how many are in the old one alone;
    None: not counted), told (whether that is known), other (how many of them have in the new one a
    row of the same key and other content), children ({table, name} of each constraint that refers
    to the old one), following (the id to count from, where ids are given out that old rows have),
    next (the id that comes now), back (the SQL that exchanges the names, where no recorded
    migration has exchanged them and the new one is empty, or "")}.
    """
    live = facts.live(schema)
    answers = iter(schema.get("aside_counts") or ())
    contents = _read(schema)
    olds = {names[1].casefold() for names in laravel.displaced()}
    found = []
    for pair in displaced_with_rows(laravel, schema):
        counts = _told([answer["rows"] for _, answer in zip(_asked(pair), answers)])
        empty = pair.details[0]["rows"] is False
        if not empty and not counts:
            continue
        if counts and all(count == 0 for count in counts):
            left = _found(pair, live, 0, False, 0)
            # What points at an old table from another old one went aside with it.
            children = [c for c in left["children"] if c["table"].casefold() not in olds]
            if children:
                found.append({**left, "children": children, "following": None})
            continue
        known = [count for count in counts if count is not None]
        rows = max(known, default=None) if len(known) == len(counts) else None
        if rows is None and empty:
            rows = (contents.get(pair.old) or {}).get("rows")
        found.append(_found(pair, live, rows, empty, _others(counts)))
    return _parents_first(found, live)


def is_uncounted(item: dict) -> bool:
    """Tell whether it is for want of time that nobody knows how many rows are aside."""
    return item["rows"] is None and item["told"] and not item["empty"]


def _read(schema: dict) -> dict:
    """Return {table: {rows}} of those whose rows came along when the schema was inspected."""
    marks = (schema.get("marks") or {}).get("tables") or {}
    return {
        **{table: mark for table, mark in marks.items() if "rows" in mark},
        **(schema.get("contents") or {}),
    }


def _told(counts: list[int | None]) -> list[int | None]:
    """Return the answers to _asked(), those about rows without a time of birth put together."""
    known = [count for count in counts if count is not None]
    if len(known) < 4:
        return counts
    absent, other, differs, without = known
    return [absent, max(other, min(differs, without))]


def _others(counts: list[int | None]) -> int:
    """Return how many rows have a row of the same key and other content in the new table."""
    if len(counts) < 2 or None in counts:
        return 0
    return max(counts) - min(counts)  # type: ignore[operator,type-var]


def _asked(pair: Pair) -> list[dict]:
    """Return the questions about one pair."""
    if pair.details[0]["rows"] is False or not pair.key:
        every = [c["name"] for c in pair.details[1]["columns"] if not c["nullable"]][:1]
        return [{"kind": "orphans", "table": pair.old, "columns": every}] if every else []
    asked = []
    compared = [pair.key, *([[*pair.key, *pair.telling]] if pair.telling else [])]
    if pair.telling == [BIRTH] and pair.steady:
        compared.append([*pair.key, *pair.steady])
    asked += [_absent(pair, columns) for columns in compared]
    if len(compared) > 2:
        # Of rows without a time of birth what else they have tells.
        asked.append({"kind": "nulls", "table": pair.old, "columns": [BIRTH]})
    return asked


def _absent(pair: Pair, columns: list[str]) -> dict:
    """Return the question which rows have none in the new table that is the same in these."""
    same = [(name, _taken(pair, name)) for name in columns]
    if all(text == f"c.{quote(name)}" for name, text in same):
        told = {"columns": columns, "referenced_columns": columns}
        return {"kind": "absent", "table": pair.old, "referenced_table": pair.table, **told}
    pairs = " AND ".join(f"p.{quote(name)} <=> {text}" for name, text in same)
    condition = f"NOT EXISTS (SELECT 1 FROM {quote(pair.table)} p WHERE {pairs})"  # noqa: S608 - quoted
    return {"kind": "matching", "table": pair.old, "columns": [], "condition": condition}


def _taken(pair: Pair, name: str) -> str:
    """Return the SQL of a value of the old table as the new one compares its own."""
    new, old = (
        Column(name, collation=pair.columns(which)[name.casefold()]["collation"])
        for which in (0, 1)
    )
    return taken(old, new, f"c.{quote(name)}")


def _found(pair: Pair, live: Schema, rows: int | None, empty: bool, other: int) -> dict:
    new, old = (about.get("ids") for about in pair.details)
    following = above(new, old)
    there = live.get(pair.table)
    alone = empty and pair.stray and there and not live.referring(there)
    aside = free_name(f"{pair.table}_failed", live)
    away = live.get(pair.old)
    return {
        "table": pair.table,
        "old": pair.old,
        "rows": rows,
        "empty": empty,
        "children": [
            {"table": child.name, "name": key.name}
            for child in (live.referring(away) if away else ())
            for key in child.keys
            if key.referenced_table.casefold() == pair.old.casefold()
        ],
        "following": following,
        "next": new["next"] if new else None,
        "told": empty or bool(pair.key),
        "other": other,
        "back": f"RENAME TABLE {quote(pair.table)} TO {quote(aside)}, {quote(pair.old)} TO "
        f"{quote(pair.table)}"
        if alone
        else "",
    }


def _parents_first(found: list[dict], live: Schema) -> list[dict]:
    """Return them so that rows that others refer to are brought over first."""
    left, ordered = list(found), []
    while left:
        names = {item["table"].casefold() for item in left}

        def waits(item: dict, names: set[str] = names) -> bool:
            table = live.get(item["table"])
            to = {key.referenced_table.casefold() for key in table.keys} if table else set()
            return bool((to & names) - {item["table"].casefold()})

        ready = [item for item in left if not waits(item)] or left
        ordered += ready
        left = [item for item in left if item not in ready]
    return ordered
