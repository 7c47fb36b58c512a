# SPDX-License-Identifier: GPL-3.0-or-later
"""A schema in memory, to see what statements would do to it before they are sent.

Used three ways: the recorded migrations on an empty schema say which migration creates
what; a `down()` on the live schema says whether it would lose a row; the pending
migrations on the repaired schema say whether they will now get through.

`tables.py` has the tables, `rules/` what a server does with each kind of clause, `outcome.py` what
comes of it.
"""

from __future__ import annotations

from collections.abc import Iterable

from . import sql
from .effects import (
    AddColumn,
    AddForeignKey,
    AddIndex,
    ChangeColumn,
    ChangeTable,
    CreateTable,
    CreateView,
    DropColumn,
    DropForeignKey,
    DropIndex,
    DropTable,
    DropView,
    Effect,
    ForeignKeyChecks,
    Index,
    ReadRows,
    RenameIndex,
    RenameTable,
    Unread,
    WriteRows,
)
from .outcome import Outcome
from .rules import columns, foreign_keys, indexes, rows, tables
from .rules.clause import Clause
from .tables import Table, Tables


class Schema(Tables):
    """Tables by name, to which effects are applied one statement at a time."""

    def apply(self, statements: Iterable[str]) -> Outcome:
        """Apply SQL texts in order and go on after a problem, so that all are found."""
        outcome = Outcome()
        for statement in statements:
            effects = sql.read(statement)
            # One ALTER TABLE is carried out as a whole: in it a column may go together with the
            # constraint that needs it, in any order. Its constraints are added last.
            for effect in sorted(effects, key=_turn):
                _apply(Clause(self, statement, effect.table, outcome), effect)
        return outcome


def _apply(clause: Clause, effect: Effect) -> None:
    schema = clause.schema
    if isinstance(effect, Unread):
        clause.problem("unread", "this statement could not be read")
    elif isinstance(effect, ReadRows):
        clause.outcome.reads.append(clause.statement)
    elif isinstance(effect, ForeignKeyChecks):
        schema.foreign_key_checks = effect.on
    elif isinstance(effect, CreateTable):
        tables.create(clause, effect)
    elif isinstance(effect, CreateView):
        tables.create_view(clause, effect)
    elif isinstance(effect, DropView):
        schema.views.discard(effect.table.casefold())
    elif effect.table:
        table = schema.get(effect.table)
        if table is not None:
            _alter(clause, table, effect)
        elif effect.table.casefold() in schema.views:
            rows.write_view(clause, effect)
        elif not effect.optional and not (isinstance(effect, DropTable) and effect.if_exists):
            clause.problem("table_missing", f"there is no table {effect.table}")


def _alter(clause: Clause, table: Table, effect: Effect) -> None:
    if isinstance(effect, DropTable):
        tables.drop(clause, table)
    elif isinstance(effect, RenameTable):
        tables.rename(clause, table, effect)
    elif isinstance(effect, ChangeTable):
        tables.change(clause, table, effect)
    elif isinstance(effect, WriteRows):
        rows.write(clause, table, effect)
    elif isinstance(effect, AddForeignKey):
        foreign_keys.add(clause, table, [effect.foreign_key])
    elif isinstance(effect, DropForeignKey):
        foreign_keys.drop(clause, table, effect)
    elif isinstance(effect, AddColumn):
        columns.add(clause, table, effect)
    elif isinstance(effect, (DropColumn, ChangeColumn)):
        columns.drop_or_change(clause, table, effect)
    elif isinstance(effect, AddIndex):
        indexes.add(clause, table, effect.index or Index(effect.name or ""))
    elif isinstance(effect, (DropIndex, RenameIndex)):
        indexes.drop_or_rename(clause, table, effect)


def _turn(effect: Effect) -> int:
    """Tell in which turn a clause of a statement is carried out."""
    turns = {
        DropForeignKey: 0,
        DropIndex: 2,
        DropColumn: 3,
        AddForeignKey: 4,
    }
    return turns.get(type(effect), 1)
