# SPDX-License-Identifier: GPL-3.0-or-later
"""The names that a half-run migration has taken from tables, given back: pure functions."""

from __future__ import annotations

from .position import Position
from .schema.effects import CreateTable, DropTable, RenameTable
from .schema.simulation import Schema

from ansible.module_utils.fix_fk.schema.sql import quote_identifier  # isort: skip

MAX_NAME = 64


def written_since(position: Position, live: Schema) -> list[tuple[str, str]]:
    """Return (table, the name that it has after statement()) of those made since that have rows and
    get another name."""
    called = {name: name for name in position.made}
    for one, other in _moves(position, live):
        called = {name: other if now == one else now for name, now in called.items()}
    return [
        (name, now)
        for name, now in called.items()
        for table in [live.get(name)]
        if now != name and table and table.rows
    ]


def statement(position: Position, live: Schema) -> str:
    """Return the statement that gives the tables their names back, "" when none of those that
    were there before was renamed.

    A table that the migration has made in the place of one is renamed, not dropped.
    """
    moves = _moves(position, live)
    pairs = ", ".join(
        f"{quote_identifier(one)} TO {quote_identifier(other)}" for one, other in moves
    )
    return f"RENAME TABLE {pairs}" if pairs else ""


def _moves(position: Position, live: Schema) -> list[tuple[str, str]]:
    """Return (name, new name), in this order, of what gives the tables their names back."""
    moves: list[tuple[str, str]] = []
    taken = {table.name.casefold(): table.name for table in live.tables.values()}
    for old, new in reversed(_renames_that_last(position)):
        if old.casefold() in taken and new.casefold() != old.casefold():
            aside = free_name(f"{old}_failed", live)
            moves.append((taken.pop(old.casefold()), aside))
            taken[aside.casefold()] = aside
        moves.append((taken.pop(new.casefold(), new), old))
        taken[old.casefold()] = old
    alike = [table.identity for table in position.now.tables.values() if table.identity]
    return moves if any(_is_renamed(position, name) for name in alike) else []


def _renames_that_last(position: Position) -> list[tuple[str, str]]:
    """Return (old name, new name) of the renames of tables that have not been dropped since."""
    called = {folded: folded for folded in position.before.tables}
    renames: list[tuple[str, str, str]] = []
    for number, effect in enumerate(position.done):
        name = effect.table.casefold()
        if isinstance(effect, RenameTable) and name in called:
            which = called[effect.new_name.casefold()] = called.pop(name)
            renames.append((which, effect.table, effect.new_name))
        elif isinstance(effect, CreateTable):
            called.setdefault(name, f"{name} {number}")
        elif isinstance(effect, DropTable):
            called.pop(name, None)
    return [(old, new) for which, old, new in renames if which in called.values()]


def _is_renamed(position: Position, identity: str) -> bool:
    now = position.now.by_identity(identity)
    return now is not None and now.name.casefold() != identity.casefold()


def free_name(name: str, live: Schema) -> str:
    """Return a name like `name` that no table has."""
    number, found = 1, name[-MAX_NAME:]
    while live.get(found):
        number += 1
        found = f"{name[: MAX_NAME - 4]}_{number}"
    return found
