# SPDX-License-Identifier: GPL-3.0-or-later
"""How many statements of a pending migration have been carried out, told from the schema alone.

MySQL and MariaDB commit every statement that changes the schema. A migration of n statements that
stops leaves the first k of them done. `find` carries its statements out, one by one, on the schema
that the recorded migrations make, and returns each k after which what the migration touches would
be as it is: tables, columns and their types, indexes, foreign keys. The log is not asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from .facts import Laravel, keys_added
from .schema import sql
from .schema.columns import normal
from .schema.effects import (
    AddColumn,
    AddForeignKey,
    AddIndex,
    ChangeColumn,
    Column,
    CreateTable,
    DropColumn,
    DropForeignKey,
    DropIndex,
    Effect,
    ForeignKey,
    Index,
    RenameIndex,
    RenameTable,
)
from .schema.redaction import redact
from .schema.simulation import Schema
from .schema.statements import read_by, tables_of
from .schema.tables import Table, has

# Problems with which a migration ends for certain, whatever else is known of the tables.
ENDS = (
    "name_taken",
    "table_exists",
    "table_missing",
    "column_exists",
    "column_missing",
    "constraint_missing",
    "index_exists",
    "index_missing",
)
# What is compared, from all that is known to what is known of any table. A server names indexes,
# and writes types, in ways of its own: where no number agrees with all of it, less is asked.
KINDS = ("definition", "index", "table", "column", "constraint")

Thing = tuple[str, str, str]


@dataclass(frozen=True)
class Position:
    """Where a migration stands; `agree` are the numbers of statements that fit, the lowest first.

    `states` are the schema before it and after each of its statements. What follows is about the
    lowest number, and so has been done whichever is right: `renamed` (old name, new name) in order,
    `made` tables, and `added` (table, column).
    """

    migration: str
    statements: tuple[str, ...]
    agree: tuple[int, ...]
    # Whether the statements are known to the last one.
    whole: bool = True
    # Whether it changes a table of which no recorded migration tells how it was.
    inferred: bool = False
    states: tuple[Schema, ...] = field(default=(), repr=False, compare=False)

    @property
    def half_run(self) -> bool:
        """Whether it has certainly begun, and certainly not come to its end."""
        return self.agree[0] > 0 and (self.agree[-1] < len(self.statements) or not self.whole)

    @property
    def before(self) -> Schema:
        return self.states[0]

    @property
    def now(self) -> Schema:
        return self.states[self.agree[0]]

    @cached_property
    def done(self) -> list[Effect]:
        """What has been done."""
        return [effect for text in self.statements[: self.agree[0]] for effect in sql.read(text)]

    @cached_property
    def renamed(self) -> tuple[tuple[str, str], ...]:
        return tuple((e.table, e.new_name) for e in self.done if isinstance(e, RenameTable))

    @cached_property
    def made(self) -> tuple[str, ...]:
        return tuple(table.name for table in self.now.tables.values() if table.identity is None)

    @cached_property
    def added(self) -> tuple[tuple[str, str], ...]:
        return tuple(
            (effect.table, effect.column)
            for effect in self.done
            for table in [self.now.get(effect.table)]
            if isinstance(effect, AddColumn) and table and table.identity
        )

    @property
    def told(self) -> str:
        """Say where it stopped: "stopped after statement 2 of 4: rename table ..."."""
        first, last, known = self.agree[0], self.agree[-1], len(self.statements)
        if first == known:
            return f"stopped after the last of its {known} known statements"
        text = redact(self.statements[first - 1]) if first else ""
        text = text if len(text) <= 120 else f"{text[:117]}..."
        if first != last:
            # What leaves no trace in the schema may have been done as well.
            return f"stopped after statement {first} to {last} of {known}; {first} is: {text}"
        return f"stopped after statement {first} of {known}: {text}"

    @property
    def left(self) -> list[str]:
        """Name what it has left."""
        return [
            *(f"table {old} is called {new}" for old, new in self.renamed),
            *(f"table {name} is made" for name in self.made),
            *(f"column {column} of {table} is added" for table, column in self.added),
            *self._other_traces(),
        ]

    def _other_traces(self) -> Iterator[str]:
        """Name what tables that were there before have gained and lost, but for added columns."""
        for table in self.before.tables.values():
            if self.now.by_identity(table.identity or table.name) is None:
                yield f"table {table.name} of before is dropped"
        for table in self.now.tables.values():
            was = self.before.by_identity(table.identity or "")
            if was is None:
                continue
            for what, before, now in (
                ("column", was.columns or [], table.columns or []),
                ("index", was.indexes or [], table.indexes or []),
                ("constraint", _names_of_keys(was), _names_of_keys(table)),
            ):
                gone = [name for name in before if not has(now, name)]
                new = [name for name in now if not has(before, name)]
                yield from (f"{what} {name} of {table.name} is gone" for name in gone)
                if what != "column":
                    yield from (f"{what} {name} of {table.name} is added" for name in new)
            yield from (
                f"column {column.name} of {table.name} is changed"
                for folded, column in table.definitions.items()
                for first in [was.definitions.get(folded)]
                if first and first.type and column.type and shape(first) != shape(column)
            )

    def differs(self, state: Schema) -> list[Thing]:
        """Return what `state`, which was reached from `now`, does not have as it was before."""
        differs = _things(state, KINDS[1:]) ^ _things(self.before, KINDS[1:])
        # Of tables that are alike, each has to have its own name.
        for folded, table in self.before.tables.items():
            then = state.by_identity(table.name)
            if then is None or then.name.casefold() != folded:
                differs.add(("table", table.name, ""))
        return sorted(differs)


def before(laravel: Laravel, live: Schema, names: set[str] | None = None) -> Schema:
    """Return the schema that the recorded migrations make, as it counts for this server; `names`:
    of these tables, folded, alone."""
    made = laravel.history.schema
    schema = Schema((), live.scope, live.server, live.views)
    for folded, table in made.tables.items():
        if names is not None and folded not in names:
            continue
        twin = table.copy()
        twin.identity = twin.name
        schema.tables[table.name.casefold()] = twin
    return schema


def find(laravel: Laravel, live: Schema, migration: str) -> Position | None:
    """Return the position of a pending migration; None when it cannot be told from the schema."""
    statements = laravel.up(migration)
    names = _concerned(laravel, live, migration)
    state, live = before(laravel, live, names), _part(live, names)
    inferred = _complete(state, live, statements)
    if inferred is None:
        return None
    states = [state.copy()]
    for statement in statements:
        problems = state.apply([statement]).problems
        if any(problem.kind == "unread" for problem in problems):
            return None
        if any(problem.kind in ENDS for problem in problems):
            break
        states.append(state.copy())
    unknown = {
        folded
        for one in (*states, live)
        for folded, table in one.tables.items()
        if table.columns is None
    }
    for kinds in (KINDS, KINDS[1:], KINDS[2:]):
        every = [_things(one, kinds) for one in states]
        touched = {t for t in _changing(every) if t[0] == "table" or t[1] not in unknown}
        there = _things(live, kinds) & touched
        agree = tuple(
            number
            for number, things in enumerate(every)
            if things & touched == there and not _contradicted(states, number, live)
        )
        if touched and agree:
            whole = not laravel.statements(migration).get("up_error")
            _correct_implied(states, live, agree[0])
            return Position(migration, tuple(statements), agree, whole, inferred, tuple(states))
    return None


def _contradicted(states: list[Schema], number: int, live: Schema) -> bool:
    """Tell whether a column is as another state has it and not as this one: of the same name, and
    another column. A type that no state has is only written in the server's own way."""
    for folded, there in live.tables.items():
        for name, column in there.definitions.items():
            shapes = [_shape_in(state, folded, name) for state in states]
            if not column.type or not shapes[number]:
                continue
            if shape(column) != shapes[number] and shape(column) in shapes:
                return True
    return False


def differences(laravel: Laravel, live: Schema, migration: str) -> list[str]:
    """Return what of that which a migration touches is not as before it, in words."""
    names = _concerned(laravel, live, migration)
    state, live = before(laravel, live, names), _part(live, names)
    if _complete(state, live, laravel.up(migration)) is None:
        return ["tables that no recorded migration makes have been exchanged"]
    every = [_things(state, KINDS[2:])]
    for statement in laravel.up(migration):
        state.apply([statement])
        every.append(_things(state, KINDS[2:]))
    touched, there = _changing(every), _things(live, KINDS[2:])
    other = (every[0] ^ there) & touched
    whole = {table for what, table, _name in other if what == "table"}
    return [
        f"{what if what == 'table' else f'{what} {name} of'} {table} is "
        f"{'there' if (what, table, name) in there else 'not there'}"
        for what, table, name in sorted(other)
        if what == "table" or table not in whole
    ]


def _correct_implied(states: list[Schema], live: Schema, done: int) -> None:
    """Give the states the indexes of foreign keys that the server has, where it has others.

    One that a dump has brought along is no longer the server's own: it stays where another key
    comes, and serves that key.
    """
    for folded, there in live.tables.items():
        now = states[done].get(folded)
        if now is None or now.indexes is None or there.indexes is None:
            continue
        for index in [*now.keyed.values()]:
            if index.implied and not has(there.indexes, index.name):
                for state in states:
                    _set_index(_same(state, now), index, there=False)
        was = _same(states[0], now)
        for index in [*was.keyed.values()] if was else []:
            if has(there.indexes, index.name) and not has(now.indexes, index.name):
                for state in states[1 : done + 1] if index.implied else ():
                    _set_index(_same(state, now), index, there=True)


def _same(state: Schema, table: Table) -> Table | None:
    return state.by_identity(table.identity) if table.identity else state.get(table.name)


def _set_index(table: Table | None, index: Index, there: bool) -> None:
    if table is None or table.indexes is None or has(table.indexes, index.name) == there:
        return
    if there:
        table.indexes.append(index.name)
        table.keyed[index.name.casefold()] = index
    else:
        table.indexes = [name for name in table.indexes if not has([name], index.name)]
        table.keyed.pop(index.name.casefold(), None)


def _concerned(laravel: Laravel, live: Schema, migration: str) -> set[str]:
    """Return the tables, folded, that bear on what a migration does: those that it names, that have
    a constraint whose name it gives, or that refer to one of them."""
    texts = [*laravel.up(migration), *laravel.down(migration)]
    names = {name.casefold() for text in texts for name in tables_of(text) | read_by(text)}
    keys = {name.casefold() for text in texts for name in keys_added(text)}
    return names | {
        folded
        for schema in (laravel.history.schema, live)
        for folded, table in schema.tables.items()
        for key in table.keys
        if (key.name or "").casefold() in keys or key.referenced_table.casefold() in names
    }


def _part(schema: Schema, names: set[str]) -> Schema:
    """Return a schema of these tables alone, which are not copied."""
    part = Schema((), schema.scope, schema.server, schema.views)
    part.tables = {name: table for name, table in schema.tables.items() if name in names}
    return part


def _complete(state: Schema, live: Schema, statements: list[str]) -> bool | None:
    """Give `state` the tables that no recorded migration makes and that these statements change,
    as they must have been: what a statement adds was not there, what it takes away was. Tell
    whether there are any; None where these are exchanged, so that any may be which.

    So it is where a schema was squashed, or made by hand: the files of old migrations are gone.
    """
    completed = False
    first: dict[str, list[Effect]] = {}
    called: dict[str, str] = {}
    made: set[str] = set()
    for effect in (effect for text in statements for effect in sql.read(text)):
        name = effect.table.casefold()
        if isinstance(effect, CreateTable):
            made.add(name)
        elif isinstance(effect, RenameTable) and name in made:
            made.remove(name)
            made.add(effect.new_name.casefold())
        elif isinstance(effect, RenameTable):
            origin = called.pop(name, name)
            first.setdefault(origin, [])
            called[effect.new_name.casefold()] = origin
        elif _thing(effect)[1] and name not in made:
            first.setdefault(called.get(name, name), []).append(effect)
    for origin, effects in first.items():
        if state.get(origin):
            continue
        if origin in called:
            return None
        ends = [new for new, old in called.items() if old == origin]
        there = next((live.get(n) for n in ends if live.get(n)), None) or live.get(origin)
        if there is None or (live.get(origin) is None and not ends):
            continue
        twin = there.copy()
        completed = True
        _take_back(twin, effects)
        state.tables[origin] = twin
        twin.name = origin if twin.name.casefold() != origin else twin.name
        twin.identity = twin.name
    return completed


def _thing(effect: Effect) -> tuple[str, str, bool]:
    """Return (what, name, whether it is added) of what an effect adds to a table or takes away;
    "" where it does neither."""
    if isinstance(effect, (AddColumn, DropColumn, ChangeColumn)):
        return "column", effect.column, isinstance(effect, AddColumn)
    if isinstance(effect, (AddIndex, DropIndex, RenameIndex)):
        return "index", effect.name or "", isinstance(effect, AddIndex)
    if isinstance(effect, AddForeignKey):
        return "constraint", effect.foreign_key.name or "", True
    if isinstance(effect, DropForeignKey):
        return "constraint", effect.name, False
    return "", "", False


def _take_back(table: Table, effects: list[Effect]) -> None:
    """Leave a table as it must have been before these effects; the first on each thing tells."""
    seen: set[tuple[str, str]] = set()
    for effect in effects:
        what, name, adds = _thing(effect)
        folded = name.casefold()
        if not name or (what, folded) in seen:
            continue
        seen.add((what, folded))
        if what == "column" and table.columns is not None:
            if isinstance(effect, ChangeColumn):
                seen.add((what, effect.new_name.casefold()))
                if not has(table.columns, name) and has(table.columns, effect.new_name):
                    table.columns.append(name)
                    adds, folded = True, effect.new_name.casefold()
            table.columns = [c for c in table.columns if not adds or c.casefold() != folded]
            if not adds and not has(table.columns, name):
                table.columns.append(name)
            table.definitions.pop(folded, None)
        elif what == "index" and table.indexes is not None:
            table.indexes = [i for i in table.indexes if not adds or i.casefold() != folded]
            if adds:
                table.keyed.pop(folded, None)
            elif not has(table.indexes, name):
                table.indexes.append(name)
        elif what == "constraint":
            table.keys = [k for k in table.keys if not adds or (k.name or "").casefold() != folded]
            if not adds and not table.key(name):
                table.keys.append(ForeignKey(name, (), "", ()))


def _changing(every: list[set[Thing]]) -> set[Thing]:
    """Return the things that are not the same in all of these."""
    changing: set[Thing] = set()
    for one, other in zip(every, every[1:], strict=False):
        changing |= one ^ other
    return changing


def _things(state: Schema, kinds: tuple[str, ...]) -> set[Thing]:
    """Return what there is, without the constraints that the server named: the numbers in those
    names depend on what there was before."""
    found = {
        (what, table, name)
        for what, table, name in state.things()
        if what in kinds and (what != "constraint" or not name.startswith(f"{table}_ibfk_"))
    }
    for folded, table in state.tables.items():
        if "index" in kinds:
            # A key comes with an index of its name, or without one where another serves.
            implied = {(key.name or "").casefold() for key in table.keys}
            names = {name.casefold() for name in table.indexes or ()} - implied
            found |= {("index", folded, name) for name in names}
        if "definition" in kinds:
            found |= {
                ("definition", folded, f"{name} {shape(column)}")
                for name, column in table.definitions.items()
                if column.type
            }
    return found


def shape(column: Column) -> str:
    """Return what a column is, in words: "int NOT NULL"."""
    return f"{normal(column.type or '')} {'NULL' if column.nullable else 'NOT NULL'}"


def _shape_in(state: Schema, table: str, column: str) -> str:
    """Return what a column is in a state, "" where that is not known."""
    there = state.get(table)
    known = there.column(column) if there else None
    return shape(known) if known and known.type else ""


def _names_of_keys(table: Table) -> list[str]:
    return [key.name for key in table.keys if key.name]
