# SPDX-License-Identifier: GPL-3.0-or-later
"""How many statements of a pending migration have been carried out, told from the schema alone.

MySQL and MariaDB commit every statement that changes the schema. A migration of n statements that
stops leaves the first k of them done. `find` carries its statements out, one by one, on the schema
that the recorded migrations make, and returns each k after which the tables, columns and foreign
keys that the migration touches would be as they are. The log is not asked.
"""

from __future__ import annotations

from dataclasses import dataclass

from .facts import Laravel
from .schema import sql
from .schema.effects import AddColumn, RenameTable
from .schema.redaction import redact
from .schema.simulation import Schema

from ansible.module_utils.fix_fk.schema.sql import quote_identifier  # isort: skip

MAX_NAME = 64
# Problems with which a migration ends for certain, whatever else is known of the tables.
ENDS = ("name_taken", "table_exists", "table_missing", "column_exists", "column_missing")

Thing = tuple[str, str, str]


@dataclass(frozen=True)
class Position:
    """Where a migration stands; `agree` are the numbers of statements that fit, the lowest first.

    What follows is about the lowest of them, and so has been done whichever is right: `renamed`
    (old name, new name) in order, `made` tables, and `added` (table, column).
    """

    migration: str
    statements: tuple[str, ...]
    agree: tuple[int, ...]
    # Whether the statements are known to the last one.
    whole: bool = True
    renamed: tuple[tuple[str, str], ...] = ()
    made: tuple[str, ...] = ()
    added: tuple[tuple[str, str], ...] = ()

    @property
    def half_run(self) -> bool:
        """Whether it has certainly begun, and certainly not come to its end."""
        return self.agree[0] > 0 and (self.agree[-1] < len(self.statements) or not self.whole)

    @property
    def told(self) -> str:
        """Say where it stopped: "stopped after statement 2 of 4: rename table ..."."""
        number = self.agree[0]
        if number == len(self.statements):
            return f"stopped after the last of its {number} known statements"
        text = redact(self.statements[number - 1]) if number else ""
        text = text if len(text) <= 120 else f"{text[:117]}..."
        return f"stopped after statement {number} of {len(self.statements)}: {text}"

    @property
    def left(self) -> list[str]:
        """Name what it has left."""
        return [
            *(f"table {old} is called {new}" for old, new in self.renamed),
            *(f"table {name} is made" for name in self.made),
            *(f"column {column} of {table} is added" for table, column in self.added),
        ]

    def written_since(self, live: Schema) -> list[tuple[str, str]]:
        """Return (table, the name that back() gives it) of those made since that have rows."""
        return [
            (table.name, free_name(f"{old}_failed", live))
            for old, _ in self.renamed
            for table in [live.get(old)]
            if table and table.name in self.made and table.rows
        ]

    def back(self, live: Schema) -> str:
        """Return the statement that gives the tables their names back, "" when none was renamed.

        A table that the migration has made in the place of one is renamed, not dropped.
        """
        moves, aside = [], {}
        for old, new in reversed(self.renamed):
            there = live.get(old)
            if there and there.name in self.made and old not in aside:
                aside[old] = free_name(f"{old}_failed", live)
                moves.append((old, aside[old]))
            moves.append((new, old))
        pairs = ", ".join(
            f"{quote_identifier(one)} TO {quote_identifier(other)}" for one, other in moves
        )
        return f"RENAME TABLE {pairs}" if pairs else ""


def before(laravel: Laravel, live: Schema) -> Schema:
    """Return the schema that the recorded migrations make, as it counts for this server."""
    made = laravel.history.schema
    schema = Schema((), live.scope, live.server, live.views)
    for table in made.tables.values():
        twin = table.copy()
        twin.identity = twin.name
        schema.tables[table.name.casefold()] = twin
    return schema


def find(laravel: Laravel, live: Schema, migration: str) -> Position | None:
    """Return the position of a pending migration; None when it cannot be told from the schema."""
    statements = laravel.up(migration)
    state = before(laravel, live)
    states = [state.copy()]
    for statement in statements:
        problems = state.apply([statement]).problems
        if any(problem.kind == "unread" for problem in problems):
            return None
        if any(problem.kind in ENDS for problem in problems):
            break
        states.append(state.copy())
    every = [_things(one) for one in states]
    touched: set[Thing] = set()
    for one, next_ in zip(every, every[1:], strict=False):
        touched |= one ^ next_
    unknown = {
        folded
        for one in (*states, live)
        for folded, table in one.tables.items()
        if table.columns is None
    }
    touched = {thing for thing in touched if thing[0] == "table" or thing[1] not in unknown}
    if not touched:
        return None
    there = _things(live) & touched
    agree = tuple(number for number, things in enumerate(every) if things & touched == there)
    if not agree:
        return None
    done = [effect for text in statements[: agree[0]] for effect in sql.read(text)]
    now = states[agree[0]]
    added = [
        (effect.table, effect.column)
        for effect in done
        for table in [now.get(effect.table)]
        if isinstance(effect, AddColumn) and table and table.identity
    ]
    return Position(
        migration,
        tuple(statements),
        agree,
        not laravel.statements(migration).get("up_error"),
        tuple((e.table, e.new_name) for e in done if isinstance(e, RenameTable)),
        tuple(table.name for table in now.tables.values() if table.identity is None),
        tuple(added),
    )


def _things(state: Schema) -> set[Thing]:
    """Return what there is, without the constraints that the server named: the numbers in those
    names depend on what there was before."""
    return {
        (what, table, name)
        for what, table, name in state.things()
        if what != "constraint" or not name.startswith(f"{table}_ibfk_")
    }


def free_name(name: str, live: Schema) -> str:
    """Return a name like `name` that no table has."""
    number, found = 1, name[-MAX_NAME:]
    while live.get(found):
        number += 1
        found = f"{name[: MAX_NAME - 4]}_{number}"
    return found
