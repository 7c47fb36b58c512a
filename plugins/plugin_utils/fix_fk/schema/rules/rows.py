# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows: which of them a statement writes or takes away, and what keeps it from that."""

from __future__ import annotations

from dataclasses import replace

from ..effects import Effect, ReadRows, WriteRows
from ..outcome import Loss
from ..tables import Table, has, refers
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


def read(clause: Clause, effect: ReadRows) -> None:
    """Judge whether a query finds its tables, and the columns of its table."""
    for name in effect.reads:
        if not clause.schema.can_read(name):
            named = replace(clause, table=name)
            named.problem("table_missing", f"there is no table {name}", name=name)
            return
    table = clause.schema.get(effect.reads[0]) if len(effect.reads) == 1 else None
    if table is None or table.columns is None or table.name.casefold() in clause.schema.temporary:
        return
    for name in effect.named:
        if not has(table.columns, name):
            detail = f"table {table.name} has no column {name}"
            named = replace(clause, table=table.name)
            named.problem("column_missing", detail, name=name, error=1054)
            return


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
