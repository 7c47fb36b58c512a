# SPDX-License-Identifier: GPL-3.0-or-later
"""What the migrations that were begun have left in the schema."""

from __future__ import annotations

from . import facts, position
from .case import Case
from .schema import sql
from .schema.effects import CreateTable, RenameTable


def set_aside(case: Case) -> list[str]:
    """Return the tables whose leftover an interrupted run has set aside and not dropped."""
    return sorted(
        table.name
        for table in case.live.tables.values()
        if case.live.get(facts.quarantine(table.name))
    )


def renamed_by(case: Case, migration: str) -> dict[str, str]:
    """Return {original: displaced} of the renames that have happened already."""
    pairs = {}
    stopped = case.stopped(migration)
    # What comes behind the statement at which it stopped has not happened.
    statements = case.laravel.up(migration)[: stopped.agree[-1] if stopped else None]
    for statement in statements:
        for effect in sql.read(statement):
            if isinstance(effect, RenameTable):
                there = case.live.get(effect.new_name)
                known = case.laravel.history.creators
                if there and effect.new_name.casefold() not in known:
                    pairs[effect.table] = there.name
    return pairs


def made_by(case: Case, migration: str) -> list[str]:
    """Return the tables that `migration` creates, that exist, and that are its own."""
    made = []
    renamed = {name.casefold() for name in renamed_by(case, migration)}
    statements = [text for texts in creating(case, migration).values() for text in texts]
    for effect in (effect for text in statements for effect in sql.read(text)):
        if not isinstance(effect, CreateTable):
            continue
        there = case.live.get(effect.table)
        known = case.laravel.history.schema.get(effect.table)
        if there is None or there.columns != list(effect.columns):
            continue
        # Someone else's table of that name is not ours to drop; nor is one that a migration may
        # have made whose file is gone, or with more indexes, unless this one has surely begun.
        begun = case.laravel.failed_migration() or case.laravel.maintenance.get("run_id")
        own = {name.casefold() for name in _indexes_of(case, statements, effect)}
        alike = {name.casefold() for name in there.indexes or ()} <= own
        alike = alike and not _in_use(case, there.name)
        nobodys = known is None and (begun or (case.laravel.history.conclusive and alike))
        if nobodys or effect.table.casefold() in renamed:
            made.append(there.name)
    return sorted(set(made))


def _in_use(case: Case, table: str) -> bool:
    """Tell whether an empty table has had rows: it has given ids out."""
    ids = ((case.schema.get("details") or {}).get(table) or {}).get("ids") or {}
    return (ids.get("next") or 1) > 1


def _indexes_of(case: Case, statements: list[str], made: CreateTable) -> list[str]:
    """Return the indexes that a table may have after these statements."""
    state = position.before(case.laravel, case.live)
    state.tables.pop(made.table.casefold(), None)
    state.foreign_key_checks = False
    state.apply(statements)
    table = state.get(made.table)
    names = (table.indexes if table else None) or []
    keys = [name for text in statements for name in facts.keys_added(text)]
    return [*names, *made.indexes, *keys]


def begun(case: Case, migration: str) -> list[str]:
    """Return the pending migrations that have left something: `migration`, and one that failed
    after it, because somebody had recorded the first as run."""
    return [
        name
        for name in case.laravel.pending
        if name == migration or name == case.laravel.failed_migration() or renamed_by(case, name)
    ]


def creating(case: Case, migration: str) -> dict[str, list[str]]:
    """Return the statements, by migration, that may have made what is in the way of
    `migration`: its own, and those of one that was rolled back and then tried again."""
    redo = case.records.redo if case.records else None
    return {name: case.laravel.up(name) for name in (migration, redo) if name}
