# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows: which of them a statement writes or takes away, and what keeps it from that."""

from __future__ import annotations

from ..effects import Effect, WriteRows
from ..outcome import Loss
from ..tables import Table, refers
from . import written
from .clause import Clause


def write(clause: Clause, table: Table, effect: WriteRows) -> None:
    written.judge(clause, table, effect)
    table.written.add(effect.kind)
    if effect.kind in ("truncate", "delete") and table.may_have_rows:
        how = {"truncate": "empties", "delete": "deletes all rows of"}[effect.kind]
        how = "deletes rows of" if effect.some else how
        clause.lose("some" if effect.some else "rows", table, f"{how} {table.name}")
        if effect.kind == "delete" and not effect.some:
            _cascade(clause, table, {table.name})
    elif effect.kind == "insert":
        table.rows = True
    if effect.kind == "truncate" or (effect.kind == "delete" and effect.condition == ""):
        table.emptied = True


def _cascade(clause: Clause, table: Table, seen: set[str]) -> None:
    """Note the rows of children that go with those of `table`."""
    for child in clause.schema.referring(table):
        goes = any(refers(key, table) and key.on_delete == "CASCADE" for key in child.keys)
        if not goes or child.name in seen:
            continue
        seen.add(child.name)
        how = f"deletes the rows of {child.name} that refer to {table.name}"
        clause.lose("rows", child, how)
        _cascade(clause, child, seen)


def write_view(clause: Clause, effect: Effect) -> None:
    """Note what is deleted from the tables behind a view, which are not known here."""
    if isinstance(effect, WriteRows) and effect.kind in ("truncate", "delete"):
        kind = "some" if effect.some else "rows"
        how = f"deletes rows through the view {effect.table}"
        clause.outcome.losses.append(Loss(kind, "", how, clause.statement))
