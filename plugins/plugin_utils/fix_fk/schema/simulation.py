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
from dataclasses import replace

from . import sql
from .effects import (
    AddCheck,
    AddColumn,
    AddForeignKey,
    AddIndex,
    ChangeColumn,
    ChangeTable,
    CreateProgram,
    CreateTable,
    CreateTemporary,
    CreateView,
    DropCheck,
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
    SetDefault,
    SetVariable,
    Unread,
    WriteRows,
)
from .outcome import Outcome
from .rules import checks, columns, copying, foreign_keys, indexes, rows, sizes, tables
from .rules import objects as programs
from .rules import variables as settings
from .rules.clause import Clause
from .rules.whole import judge, measure
from .tables import Table, Tables

# What may leave a table that the server refuses as a whole.
_SHAPING = (
    *(CreateTable, ChangeTable, AddColumn, ChangeColumn, DropColumn),
    *(AddIndex, DropIndex, AddForeignKey),
)


class Schema(Tables):
    """Tables by name, to which effects are applied one statement at a time."""

    def apply(self, statements: Iterable[str]) -> Outcome:
        """Apply SQL texts in order and go on after a problem, so that all are found."""
        outcome = Outcome()
        for statement in statements:
            effects = sql.read(statement)
            whole = Clause(self, statement, "", outcome)
            names = {effect.table for effect in effects if isinstance(effect, _SHAPING)}
            before = {name: measure(whole, self.get(name)) for name in names}
            was = [table.copy() for table in filter(None, map(self.get, names))]
            met = len(outcome.problems)
            sizes.judge_statement(whole, statement)
            programs.carry_out(whole, statement)
            if len(outcome.problems) > met:
                continue
            # One ALTER TABLE is carried out as a whole: in it a column may go together with the
            # constraint that needs it, in any order. Its constraints are added last.
            added = {effect.name for effect in effects if isinstance(effect, AddIndex)}
            for effect in sorted(effects, key=lambda effect: _turn(self, effect, added)):
                _apply(Clause(self, statement, effect.table, outcome), effect)
            for one in was if len(outcome.problems) == met else ():
                copying.judge(Clause(self, statement, one.name, outcome), one, effects)
            for name in names if len(outcome.problems) == met else ():
                table = self.get(name)
                if table is not None:
                    judge(Clause(self, statement, name, outcome), table, before[name])
        return outcome


def _apply(clause: Clause, effect: Effect) -> None:
    schema = clause.schema
    if isinstance(effect, Unread):
        schema.reach = schema.reach or "a statement could not be read"
        clause.problem("unread", "what the server makes of a statement is not known")
    elif isinstance(effect, ReadRows):
        clause.outcome.reads.append(clause.statement)
        rows.read(clause, effect)
    elif isinstance(effect, ForeignKeyChecks):
        schema.foreign_key_checks = effect.on
    elif isinstance(effect, SetVariable):
        settings.judge(clause, effect)
        if not effect.shared:
            _set(schema, effect)
    elif isinstance(effect, CreateProgram):
        schema.reach = schema.reach or "a trigger, event or routine is made, which may write rows"
    elif isinstance(effect, CreateTemporary):
        schema.temporary.add(effect.table.casefold())
    elif effect.table.casefold() in schema.temporary:
        if isinstance(effect, DropTable):
            schema.temporary.discard(effect.table.casefold())
    elif isinstance(effect, CreateTable):
        _touch(schema, effect)
        tables.create(clause, effect)
    elif isinstance(effect, CreateView):
        tables.create_view(clause, effect)
    elif isinstance(effect, DropView):
        tables.drop_view(clause, effect)
    elif effect.table:
        _touch(schema, effect)
        table = schema.get(effect.table)
        if table is not None:
            _alter(clause, table, effect)
        elif effect.table.casefold() in schema.views:
            tables.judge_view(clause, effect)
            rows.write_view(clause, effect)
        elif not effect.optional and not (isinstance(effect, DropTable) and effect.if_exists):
            clause.problem("table_missing", f"there is no table {effect.table}")


# What leaves the rows of a table as they are, without a look at them.
_ALOOF = (RenameTable, DropForeignKey)


def _touch(schema: Tables, effect: Effect) -> None:
    """Note whose rows an effect may write, copy or alter."""
    joined = effect.joined if isinstance(effect, WriteRows) else ()
    for name in (effect.table, *joined):
        table = schema.get(name)
        if table is not None and not isinstance(effect, _ALOOF):
            table.touched = True
        if name.casefold() in schema.views and isinstance(effect, WriteRows):
            schema.reach = schema.reach or f"rows are written through the view {name}"


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
    elif isinstance(effect, AddCheck):
        checks.add(clause, table, effect.check)
    elif isinstance(effect, DropCheck):
        checks.drop(clause, table, effect)
    elif isinstance(effect, SetDefault):
        columns.set_default(clause, table, effect)
    elif isinstance(effect, AddColumn):
        columns.add(clause, table, effect)
    elif isinstance(effect, (DropColumn, ChangeColumn)):
        columns.drop_or_change(clause, table, effect)
    elif isinstance(effect, AddIndex):
        indexes.add(clause, table, effect.index or Index(effect.name or ""))
    elif isinstance(effect, (DropIndex, RenameIndex)):
        indexes.drop_or_rename(clause, table, effect)


def _set(schema: Tables, effect: SetVariable) -> None:
    """Follow what a migration sets for its session."""
    server = schema.server
    if effect.name == "sql_mode":
        modes = effect.value.upper().split(",")
        schema.server = replace(server, modes=tuple(filter(None, modes)))
    elif effect.name == "sql_require_primary_key":
        schema.server = replace(server, primary_key=effect.value in ("1", "on"))
    elif effect.name == "innodb_strict_mode":
        schema.server = replace(server, innodb_strict=effect.value in ("1", "on"))


def _turn(schema: Tables, effect: Effect, added: set[str | None]) -> int:
    """Tell in which turn a clause of a statement is carried out; added: the indexes it adds."""
    if isinstance(effect, DropIndex) and effect.name in added:
        return 1
    if isinstance(effect, DropColumn):
        # What is made of a column may go together with it.
        table = schema.get(effect.table)
        column = table.column(effect.column) if table else None
        return 0 if column and column.generated else 1
    turns = {
        DropForeignKey: 0,
        DropCheck: 0,
        DropIndex: 3,
        AddForeignKey: 4,
        AddCheck: 4,
    }
    return turns.get(type(effect), 2)
