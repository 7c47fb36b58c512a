# SPDX-License-Identifier: GPL-3.0-or-later
"""Sees from the facts that the migrations table does not tell what has run.

The commands that are usually typed after a failed migration leave that behind:

- the failed migration is recorded by hand, "to skip it": it counts as run, and has not;
- `migrate:rollback --step=1` undoes the last recorded migration instead of the failed one, which
  is not recorded: it does not count as run any more, and the table that it made lives on, with its
  rows, under the name that the failed migration gave it.

Where that is proven, the diagnosis goes on with the facts as they would be if the table told the
truth. Where it is only likely, it refuses, and says in SQL what puts it right.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import facts
from .facts import Laravel
from .schema import sql
from .schema.effects import (
    AddColumn,
    AddForeignKey,
    AddIndex,
    CreateTable,
    DropForeignKey,
    Effect,
    ForeignKey,
    ForeignKeyChecks,
    Harmless,
    Unread,
    WriteRows,
)
from .schema.simulation import Schema
from .schema.statements import made_anew
from .schema.tables import Table


@dataclass(frozen=True)
class WrongRecords:
    """What the migrations table does not tell.

    `facts` are the application's as they would be if it did. `forget` are migrations that are
    recorded and have not run, the last one first; `redo` is one that has run and is not recorded,
    `table` what it made, `displaced` where that is now (None when it is back), and `lost` are the
    (table, foreign key) that its down() took from other tables. `doubt` is why it is not certain.
    """

    verdict: str
    failed: str
    said: str
    facts: dict
    forget: tuple[str, ...] = ()
    redo: str | None = None
    table: str = ""
    displaced: str | None = None
    lost: tuple[tuple[str, ForeignKey], ...] = ()
    doubt: str = ""


def find(laravel: Laravel, live: Schema) -> WrongRecords | None:
    """Return what the migrations table does not tell, or None."""
    return _recorded_by_hand(laravel, live) or _rolled_back_too_far(laravel, live)


def there_in_full(laravel: Laravel, live: Schema, migration: str) -> list[Table]:
    """Return the live tables that `migration` creates, when all that it makes is there.

    What leaves no trace that is looked for (rows, checks, triggers, what could not be read) may not
    have been done, and then nothing is said.
    """
    untold = (WriteRows, Unread, Harmless)
    if any(isinstance(effect, untold) for effect in laravel.effects(migration)):
        return []
    before = laravel.history.schema
    after = before.copy()
    # A name that the simulation could not give, since it is held, was given if it has run.
    refused = {
        ("constraint", problem.table.casefold(), problem.name.casefold())
        for problem in after.apply(laravel.up(migration)).problems
        if problem.kind == "name_taken"
    }
    things = after.things() - before.things() | refused
    if not things or not all(_is_there(thing, live) for thing in things):
        return []
    if any(_lacks_index(after, live, name) for _, name, _ in things):
        return []
    return [
        table
        for name in _tables_made(laravel.up(migration))
        for table in [live.get(name)]
        if table and ("table", name, "") in things
    ]


def _lacks_index(after: Schema, live: Schema, name: str) -> bool:
    """Tell whether a live table has not every index that it is to have."""
    wanted, there = after.get(name), live.get(name)
    if not wanted or not there or wanted.indexes is None or there.indexes is None:
        return False
    names = {index.casefold() for index in there.indexes}
    return any(index.casefold() not in names for index in wanted.indexes)


def nothing_there(laravel: Laravel, live: Schema) -> list[str]:
    """Return the recorded migrations of which nothing is there that should be."""
    state, found = Schema(), []
    last = laravel.history.schema.things()
    for migration in laravel.recorded:
        before = state.copy()
        state.apply(laravel.up(migration))
        things = (state.things() - before.things()) & last
        if things and not any(_is_there(thing, live) for thing in things):
            found.append(migration)
    return found


def given_twice(laravel: Laravel, live: Schema) -> list[tuple[str, str, str, str]]:
    """Return (constraint, holder, table, migration) of the names that the recorded migrations give
    to two tables, of which only the holder has it; migration is the one that gives it to table."""
    found = []
    for migration, problem in laravel.history.taken:
        holder, table = live.get(problem.holder), live.get(problem.table)
        kept = laravel.history.schema.get(problem.table)
        there = table and table.key(problem.name)
        later = laravel.recorded[laravel.recorded.index(migration) + 1 :]
        if not (kept and holder and holder.key(problem.name)) or there:
            continue
        if problem.name.casefold() not in _keys_dropped(laravel, later):
            found.append((problem.name, holder.name, kept.name, migration))
    return found


# --- recorded, and has not run ---------------------------------------------------------------


def _recorded_by_hand(laravel: Laravel, live: Schema) -> WrongRecords | None:
    recorded = laravel.recorded
    for number, migration in enumerate(recorded):
        for table, displaced in made_anew(laravel.up(migration)):
            away, anew = live.get(displaced), live.get(table)
            if away is None:
                continue
            names = [name for name in _keys_given(laravel.up(migration), table) if away.key(name)]
            # A migration that has run to its end gave these to the new table.
            later = _keys_dropped(laravel, recorded[number + 1 :])
            if not names or any((anew and anew.key(n)) or n.casefold() in later for n in names):
                continue
            others, doubt = _not_run_either(laravel, live, recorded, number)
            forget = (*reversed(others), migration)
            held = f"{'are' if len(names) > 1 else 'is'} held by {displaced}"
            said = (
                f"Migration {migration} is recorded as run, and has not run to its end: the "
                f"constraint{'s' if len(names) > 1 else ''} {', '.join(names)}, which it gives to "
                f"the new {table}, {held}, to which it renamed the original"
                + (f", and {table} has none of them." if anew else f", and there is no {table}.")
                + " It was recorded by hand, or by Option 2."
            )
            if others:
                said += f" Recorded and not run either: {', '.join(others)}."
            return WrongRecords(
                "recorded_without_having_run",
                migration,
                said,
                facts.as_if(laravel.raw, pending=forget),
                forget=forget,
                doubt=doubt,
            )
    return None


def _keys_dropped(laravel: Laravel, migrations: list[str]) -> set[str]:
    """Return the names of the foreign keys that these migrations drop, folded."""
    return {
        effect.name.casefold()
        for migration in migrations
        for effect in _effects(laravel.up(migration))
        if isinstance(effect, DropForeignKey)
    }


def _not_run_either(
    laravel: Laravel, live: Schema, recorded: list[str], number: int
) -> tuple[list[str], str]:
    """Return those recorded after `number` of which nothing is there, and a doubt about one."""
    state = Schema()
    for migration in recorded[: number + 1]:
        state.apply(laravel.up(migration))
    found = []
    for migration in recorded[number + 1 :]:
        before = state.copy()
        state.apply(laravel.up(migration))
        there = {thing: _is_there(thing, live) for thing in state.things() - before.things()}
        if not there or all(there.values()):
            continue
        if any(there.values()):
            return [], f"{migration}, recorded after it, has made only a part of what it makes"
        if any(isinstance(effect, WriteRows) for effect in _effects(laravel.up(migration))):
            return [], f"{migration}, recorded after it, writes rows, and may have done so"
        found.append(migration)
    return found, ""


def _is_there(thing: tuple[str, str, str], live: Schema) -> bool:
    what, folded, name = thing
    table = live.get(folded)
    if table is None or what == "table":
        return table is not None
    # Of a table that was not looked at, nothing can be said to be missing.
    if table.columns is None:
        return True
    if what == "constraint":
        return table.key(name) is not None
    return name in {column.casefold() for column in table.columns}


# --- has run, and is not recorded any more ---------------------------------------------------


def _rolled_back_too_far(laravel: Laravel, live: Schema) -> WrongRecords | None:
    for number, failed in enumerate(laravel.pending):
        for table, displaced in made_anew(laravel.up(failed)):
            for earlier in laravel.pending[:number]:
                if table.casefold() in _tables_made(laravel.up(earlier)):
                    found = _undone(laravel, live, earlier, failed, table, displaced)
                    if found:
                        return found
    return None


def _undone(
    laravel: Laravel, live: Schema, earlier: str, failed: str, table: str, displaced: str
) -> WrongRecords | None:
    """Judge whether `earlier` made what is `displaced` now, before `failed` renamed it."""
    history = laravel.history.schema
    if history.get(table) or history.get(displaced):
        return None
    after = history.copy()
    after.apply(laravel.up(earlier))
    made = after.get(table)
    away = live.get(displaced)
    # A run of this tool that was interrupted may have given it its name back already.
    ours = laravel.maintenance.get("run_id") and laravel.maintenance.get("migration") == failed
    original = away or (live.get(table) if ours else None)
    if made is None or original is None:
        return None
    fits = _fits(made, original)
    names = [key.name for key in made.keys if key.name and original.key(key.name)]
    if not fits and not names:
        return None
    doubt = ""
    if not fits:
        doubt = f"{original.name} lacks columns that {earlier} gives {table}"
    elif not names and any(key.name for key in made.keys):
        doubt = f"{original.name} has none of the constraints that {earlier} gives {table}"
    else:
        doubt = _more_than_tables(laravel, live, earlier, table)
    has = f"the columns and the constraints {', '.join(names)}" if names else "the columns"
    said = (
        f"Migration {earlier} is not recorded as run, and it has run: {original.name} has {has} "
        f"that it gives {table}"
    )
    if away:
        said += f", and only {failed}, which comes after it, renames {table} to {displaced}"
    said += (
        f". So it was rolled back after {failed} had failed: a failed migration is not recorded, "
        "and migrate:rollback undoes the last one that is."
    )
    return WrongRecords(
        "rolled_back_too_far",
        failed,
        said,
        facts.as_if(laravel.raw, recorded=earlier),
        redo=earlier,
        table=table,
        displaced=away.name if away else None,
        lost=_lost(laravel, live, earlier, table),
        doubt=doubt,
    )


def _fits(made: Table, original: Table) -> bool:
    if made.columns is None or original.columns is None:
        return False
    return {c.casefold() for c in made.columns} <= {c.casefold() for c in original.columns}


def _more_than_tables(laravel: Laravel, live: Schema, migration: str, table: str) -> str:
    """Return what of a migration cannot be known to be there still after its down()."""
    known = laravel.statements(migration)
    if known.get("up_error") or known.get("up_conditional"):
        return f"what {migration} sends is not known in full"
    made = _tables_made(laravel.up(migration))
    for effect in _effects(laravel.up(migration)):
        folded = effect.table.casefold()
        if isinstance(effect, (CreateTable, AddForeignKey)) or folded == table.casefold():
            continue
        if isinstance(effect, ForeignKeyChecks) or folded in made:
            continue
        there = live.get(effect.table)
        if isinstance(effect, AddIndex):
            name, names = effect.name, there.indexes if there else None
        elif isinstance(effect, AddColumn):
            name, names = effect.column, there.columns if there else None
        else:
            name = names = None
        if name and names and name.casefold() in {one.casefold() for one in names}:
            continue
        what = effect.table or "the schema"
        return f"{migration} changes {what} as well, and its down() may have taken that back"
    return ""


def _lost(
    laravel: Laravel, live: Schema, migration: str, table: str
) -> tuple[tuple[str, ForeignKey], ...]:
    """Return the foreign keys that `migration` gives to other tables, and that are not there."""
    return tuple(
        (effect.table, effect.foreign_key)
        for effect in _effects(laravel.up(migration))
        if isinstance(effect, AddForeignKey) and effect.table.casefold() != table.casefold()
        for there in [live.get(effect.table)]
        if there and not there.key(effect.foreign_key.name or "")
    )


# --- statements ------------------------------------------------------------------------------


def _effects(statements: list[str]) -> list[Effect]:
    return [effect for statement in statements for effect in sql.read(statement)]


def _tables_made(statements: list[str]) -> set[str]:
    return {e.table.casefold() for e in _effects(statements) if isinstance(e, CreateTable)}


def _keys_given(statements: list[str], table: str) -> list[str]:
    """Return the names of the foreign keys that the statements give to the table."""
    keys = []
    for effect in _effects(statements):
        if effect.table.casefold() != table.casefold():
            continue
        if isinstance(effect, AddForeignKey):
            keys.append(effect.foreign_key.name)
        elif isinstance(effect, CreateTable):
            keys.extend(key.name for key in effect.foreign_keys)
    return [name for name in keys if name]
