# SPDX-License-Identifier: GPL-3.0-or-later
"""An ALTER TABLE for which the server copies all rows: whether it may, and whether they pass."""

from __future__ import annotations

from collections.abc import Iterable

from .. import columns as types
from .. import sql
from ..effects import (
    AddForeignKey,
    AddIndex,
    ChangeColumn,
    ChangeTable,
    Column,
    DropColumn,
    Effect,
)
from ..tables import Table, has
from .clause import Clause

from ansible.module_utils.fix_fk.schema.sql import quote_identifier as quote  # isort: skip

_DATES = ("date", "datetime", "timestamp")


def judge(clause: Clause, table: Table, effects: Iterable[Effect]) -> None:
    """Judge a statement by the table as it was before it."""
    effects = [effect for effect in effects if effect.table == clause.table]
    copies = _copies(clause, table, effects)
    _judge_algorithm(clause, table, effects, copies)
    if copies:
        _ask_for_zero_dates(clause, table, effects)


def _copies(clause: Clause, table: Table, effects: list[Effect]) -> str:
    """Say for what all rows are certainly copied; "" where they may not be."""
    checked = clause.schema.foreign_key_checks
    if checked and any(isinstance(effect, AddForeignKey) for effect in effects):
        return "a foreign key is added"
    for effect in effects:
        before = table.column(effect.column) if isinstance(effect, ChangeColumn) else None
        after = effect.definition if isinstance(effect, ChangeColumn) else None
        if before and after and _other_type(clause, before, after):
            return f"column {before.name} gets another type"
    return ""


def _other_type(clause: Clause, before: Column, after: Column) -> bool:
    old, new = before.type, after.type
    if not old or not new:
        return False
    one, other = types.base(old), types.base(new)
    known = ("integer", "string", "fixed", "date", "long")
    if types.family(old) not in known or types.family(new) not in known:
        return False
    if one == other == "varchar":
        told = clause.schema.server.mysql and types.letter_bytes(before)
        if told and not types.same_place(before, after):
            return True
        return types.length(new) < types.length(old)
    if one == other == "char":
        return False
    return types.normal(old) != types.normal(new)


def _judge_algorithm(clause: Clause, table: Table, effects: list[Effect], copies: str) -> None:
    algorithm, lock = sql.online(clause.statement)
    if not algorithm and not lock:
        return
    server = clause.schema.server
    engine = (table.engine or "InnoDB").casefold()
    added = [effect.index for effect in effects if isinstance(effect, AddIndex)]
    asked = f"ALGORITHM={algorithm}" if algorithm else f"LOCK={lock}"

    def refuse(error: int, why: str) -> None:
        detail = f"table {table.name} cannot be altered with {asked}: {why}"
        clause.problem("online_unfit", detail, table.name, error=error)

    if engine != "innodb" or algorithm == "DEFAULT":
        return
    if algorithm == "NOCOPY" and server.mysql:
        refuse(1800, "MySQL has no such algorithm")
    elif algorithm in ("INSTANT", "INPLACE", "NOCOPY") and copies:
        refuse(1846, f"its rows are copied where {copies}")
    elif algorithm == "INSTANT" and added:
        refuse(server.of(1846, 1845), "an index is added")
    elif algorithm == "INSTANT" and any(isinstance(e, ChangeTable) and e.engine for e in effects):
        refuse(1845, "it is made anew")
    elif lock == "NONE" and (algorithm == "COPY" or (copies and not algorithm)):
        asked = "LOCK=NONE"
        refuse(1846, "its rows are copied")
    elif lock == "NONE" and any(index and index.kind for index in added):
        asked = "LOCK=NONE"
        refuse(1846, "such an index locks the table")


def _ask_for_zero_dates(clause: Clause, table: Table, effects: list[Effect]) -> None:
    """Ask for dates that are none, which the rows of a strict connection are not copied with."""
    server = clause.schema.server
    if server.zero_dates:
        return
    # A column that is changed or dropped is judged where that is.
    apart = [e.column for e in effects if isinstance(e, (ChangeColumn, DropColumn))]
    dates = [
        column.name
        for column in table.definitions.values()
        if types.base(column.type or "?") in _DATES
        and not column.generated
        and not has(apart, column.name)
    ]
    none = "%-00%" if "NO_ZERO_IN_DATE" in (server.modes or ()) else "0000-00-00%"
    for name in dates:
        said = f"have a date in {name} that is none, and all rows are copied"
        condition = f"CAST({quote(name)} AS CHAR) LIKE '{none}'"
        clause.match(table, condition, (name,), "value_unfit", said, 1292)
