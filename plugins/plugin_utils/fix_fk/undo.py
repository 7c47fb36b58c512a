# SPDX-License-Identifier: GPL-3.0-or-later
"""The inverse of what a migration has done: pure functions, from its position to SQL.

Each statement that has been carried out has an inverse, computed from the schema before and after
it. It is exact, or loses what only a backup has, or is not known. The last statement is undone
first. What the server makes of one statement in one piece is undone in one piece, so that a run
that is killed between two leaves a position again.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace

from .position import Position, shape
from .schema import sql
from .schema.effects import (
    PRIMARY,
    ChangeColumn,
    ChangeTable,
    Column,
    CreateTable,
    CreateView,
    DropTable,
    DropView,
    Effect,
    Harmless,
    Index,
    RenameTable,
    WriteRows,
)
from .schema.redaction import redact
from .schema.simulation import Schema
from .schema.tables import Table, has

from ansible.module_utils.fix_fk.schema.foreign_keys import (  # isort: skip
    ForeignKey,
    add_statement,
)
from ansible.module_utils.fix_fk.schema.sql import quote_identifier as quote  # isort: skip


# A trigger, a procedure, a function or an event.
_OBJECT = re.compile(r"\s*(?:create|drop|alter)\s+(?!temporary\b)", re.IGNORECASE)


@dataclass(frozen=True)
class Inverse:
    """What undoes `statement`: SQL that is sent in this order.

    empty: the table that is dropped, and must have no row then. defaults: (table, column) of those
    that are dropped, and must hold nothing but their default; held: the same, with the table's name
    on the server. lost: what cannot be brought back, a part of a sentence each.
    """

    statement: str
    send: tuple[str, ...] = ()
    empty: str = ""
    defaults: tuple[tuple[str, str], ...] = ()
    held: tuple[tuple[str, str], ...] = ()
    lost: tuple[str, ...] = ()
    # Of lost, the rows and values that no way back brings: (as rollback_accept_loss names it, the
    # part of a sentence, whether all else can be undone).
    destroyed: tuple[tuple[str, str, bool], ...] = ()

    @property
    def items(self) -> list[dict]:
        """Return it as the module send_statements takes it."""
        found: list[dict] = [{"statement": text} for text in self.send]
        if found and self.empty:
            found[0]["empty"] = self.empty
        if found and self.defaults:
            found[0]["table"] = self.defaults[0][0]
            found[0]["defaults"] = [column for _table, column in self.defaults]
        if found and not self.empty:
            found[-1]["redo"] = [self.statement]
        return found


@dataclass
class _Own:
    """Tables that the migration itself has made, by their folded names at this point of the way
    back. gone: it has dropped them again. only_dropped: what it has taken from them is not brought
    back, for they have no row and are dropped in the end."""

    gone: set[str] = field(default_factory=set)
    only_dropped: set[str] = field(default_factory=set)
    # (table of before, column, folded) that it has added: whatever becomes of them, they go.
    columns: frozenset[tuple[str, str]] = frozenset()

    def rename(self, new: str, old: str) -> None:
        for names in (self.gone, self.only_dropped):
            if new in names:
                names.discard(new)
                names.add(old)


def of(position: Position, schema: dict) -> list[Inverse]:
    """Return the inverse of each statement that was carried out, the last one first.

    schema: as fk_constraint_info has it.
    """
    found = []
    own = _Own()
    added = _added_columns(position)
    for number in range(position.agree[0], 0, -1):
        own.columns = added[number - 1]
        before, after = position.states[number - 1], position.states[number]
        inverse = _inverse(position.statements[number - 1], before, after, schema, own)
        held = tuple(
            (now.name, column)
            for table, column in inverse.defaults
            for now in [position.now.by_identity(after.tables[table.casefold()].identity or "")]
            if now
        )
        found.append(replace(inverse, held=held))
    return [inverse for inverse in found if inverse.send or inverse.lost]


def destroyed(inverses: list[Inverse], accepted: Collection[str]) -> dict[str, str]:
    """Return {name: in words} of the rows and values that are gone, whatever the way back, and that
    nobody has given up by name."""
    given_up = {name.casefold() for name in accepted}
    return {
        name: said
        for inverse in inverses
        for name, said, _undone in inverse.destroyed
        if name.casefold() not in given_up
    }


def lost(inverses: list[Inverse], accepted: Collection[str]) -> list[str]:
    """Return what the inverses do not bring back, in words; without deleted rows that somebody has
    given up by name."""
    given_up = {name.casefold() for name in accepted}
    found = []
    for inverse in inverses:
        fine = {
            said
            for name, said, undone in inverse.destroyed
            if undone and name.casefold() in given_up
        }
        found += [text for text in inverse.lost if text not in fine]
    return found


def unclear(position: Position, schema: dict) -> list[str]:
    """Return the statements that the schema does not tell to have been carried out or not, and that
    would have to be undone."""
    found = []
    for number in range(position.agree[0] + 1, position.agree[-1] + 1):
        before, after = position.states[number - 1], position.states[number]
        statement = position.statements[number - 1]
        inverse = _inverse(statement, before, after, schema, _Own())
        if inverse.send or inverse.lost:
            found.append(statement)
    return found


def _added_columns(position: Position) -> list[frozenset[tuple[str, str]]]:
    """Return, of each state, the columns that the migration has added to tables of before."""
    found: list[frozenset[tuple[str, str]]] = [frozenset()]
    for number, text in enumerate(position.statements[: position.agree[0]]):
        then, now = found[-1], set()
        for table in position.states[number + 1].tables.values():
            was = position.states[number].by_identity(table.identity or "")
            if was is None or was.columns is None:
                continue
            effects = [e for e in sql.read(text) if e.table.casefold() == was.name.casefold()]
            origin = {new.casefold(): old for old, new in _renamed_columns(was, effects)}
            for column in map(str.casefold, table.columns or ()):
                first = origin.get(column, column).casefold()
                if not has(was.columns, first) or (was.identity, first) in then:
                    now.add((was.identity or "", column))
        found.append(frozenset(now))
    return found


def _inverse(statement: str, before: Schema, after: Schema, schema: dict, own: _Own) -> Inverse:
    effects = sql.read(statement)
    names = {effect.table.casefold() for effect in effects}
    renames = [e for e in effects if isinstance(e, RenameTable)]
    # ALTER TABLE IF EXISTS does nothing where there is no such table.
    renames = [e for e in renames if not e.optional or before.get(e.table)]
    gone, lost, send, empty = own.gone, [], [], ""
    destroyed: list[tuple[str, str, bool]] = []
    defaults: list[tuple[str, str]] = []
    for effect in effects:
        there, is_now = before.get(effect.table), after.get(effect.table)
        if isinstance(effect, CreateTable) and there is None and is_now is not None:
            if effect.table.casefold() in gone:
                gone.discard(effect.table.casefold())
                continue
            send.append(f"DROP TABLE {quote(is_now.name)}")
            empty = is_now.name
        elif isinstance(effect, DropTable) and there is not None:
            if there.identity is None:
                gone.add(effect.table.casefold())
            else:
                destroyed.append((there.identity, f"table {there.name} was dropped", False))
        elif isinstance(effect, WriteRows) and there is not None:
            if effect.kind in ("delete", "truncate") and there.identity:
                destroyed.append((there.identity, f"rows of {there.name} were deleted", True))
        elif isinstance(effect, ChangeTable) and there and there.identity and effect.converted:
            lost.append(f"the character set of {there.name} was changed")
        elif _is_hidden(effect, statement, there, is_now) and not _of_own_column(
            effect, there, own
        ):
            lost.append(f"what this changed: {redact(statement)}")
        elif isinstance(effect, (CreateView, DropView)):
            if isinstance(effect, DropView):
                lost.append(f"view {effect.table} was dropped")
            else:
                send.append(f"DROP VIEW IF EXISTS {quote(effect.table)}")
    pairs = []
    for e in reversed(renames):
        if e.new_name.casefold() not in gone:
            pairs.append(f"{quote(e.new_name)} TO {quote(e.table)}")
        own.rename(e.new_name.casefold(), e.table.casefold())
    if pairs:
        send.append(f"RENAME TABLE {', '.join(pairs)}")
    for name in sorted(names - gone):
        was, now = before.get(name), after.get(name)
        if was is not None and now is not None and not renames:
            renamed = _renamed_columns(was, [e for e in effects if e.table.casefold() == name])
            clauses, additions, missing = _altered(was, now, renamed, schema)
            ours = [
                _changed(now, first, column)
                for first, column in _changed_columns(was, now, dict(renamed))
                if (was.identity, first.name.casefold()) in own.columns
            ]
            missing = [text for text in missing if text not in ours]
            if now.identity is None and (missing or name in own.only_dropped):
                own.only_dropped.add(name)
                clauses, additions, missing = _dropped_keys(was, now), [], []
            lost += missing
            destroyed += [
                (f"{was.identity}.{column}", _column_gone(was, column), False)
                for column in _dropped_columns(was, now, renamed)
                if was.identity and _column_gone(was, column) in missing
            ]
            others = [new for _old, new in renamed]
            defaults += [
                (now.name, column)
                for column in now.columns or ()
                if now.identity is not None
                and was.columns is not None
                and not has(was.columns, column)
                and not has(others, column)
            ]
            if clauses:
                send.append(f"ALTER TABLE {quote(now.name)} {', '.join(clauses)}")
            send += additions
    said = (text for _name, text, _undone in destroyed)
    lost = list(dict.fromkeys([*lost, *said]))
    return Inverse(
        statement,
        tuple(send),
        empty,
        tuple(defaults),
        lost=tuple(lost),
        destroyed=tuple(destroyed),
    )


def _of_own_column(effect: Effect, was: Table | None, own: _Own) -> bool:
    return (
        isinstance(effect, ChangeColumn)
        and was is not None
        and (was.identity, effect.column.casefold()) in own.columns
    )


def _is_hidden(effect: Effect, statement: str, was: Table | None, now: Table | None) -> bool:
    """Tell whether an effect may change something that was there before and that is not known: a
    default, a comment, a trigger."""
    if isinstance(effect, Harmless):
        return bool(was.identity if was else _OBJECT.match(statement))
    if not (isinstance(effect, ChangeColumn) and effect.definition and was and was.identity):
        return False
    first, then = was.column(effect.column), now.column(effect.new_name) if now else None
    renamed = effect.column.casefold() != effect.new_name.casefold()
    return not renamed and not (first and then and _told(first) != _told(then))


def _altered(
    was: Table, now: Table, renamed: list[tuple[str, str]], schema: dict
) -> tuple[list[str], list[str], list[str]]:
    """Return (clauses of one ALTER TABLE, statements after it, what is lost) that make a table what
    it was."""
    clauses = _dropped_keys(was, now)
    lost: list[str] = []
    clauses += [
        "DROP PRIMARY KEY" if name.upper() == PRIMARY else f"DROP INDEX {quote(name)}"
        for name in now.indexes or ()
        if was.indexes is not None and not has(was.indexes, name)
    ]
    clauses += [f"RENAME COLUMN {quote(new)} TO {quote(old)}" for old, new in renamed]
    new_names = {new.casefold() for _old, new in renamed}
    if was.columns is not None and now.columns is not None:
        clauses += [
            f"DROP COLUMN {quote(column)}"
            for column in now.columns
            if not has(was.columns, column) and column.casefold() not in new_names
        ]
        lost += [_column_gone(was, column) for column in _dropped_columns(was, now, renamed)]
    lost += [
        _changed(now, first, column) for first, column in _changed_columns(was, now, dict(renamed))
    ]
    for name in was.indexes or ():
        if now.indexes is not None and not has(now.indexes, name):
            index = was.keyed.get(name.casefold())
            if index is None or not index.columns:
                lost.append(f"index {name} of {was.name} was dropped")
            else:
                clauses.append(_add_index(index))
    lost += [
        f"the check {name} of {was.name} was dropped"
        for name in was.checks
        if name not in now.checks
    ]
    if was.engine and now.engine and was.engine.casefold() != now.engine.casefold():
        lost.append(f"the engine of {now.name} was changed from {was.engine} to {now.engine}")
    added = [
        add_statement(
            ForeignKey(**{"referenced_schema": schema["name"], **key.of(was.name)}),
            schema["name"],
            schema["server"]["flavour"],
        )
        for key in was.keys
        if key.name and key.columns and not now.key(key.name)
    ]
    lost += [
        f"constraint {key.name or ''} of {was.name} was dropped"
        for key in was.keys
        if not key.columns and key.name and not now.key(key.name)
    ]
    return clauses, added, lost


def _dropped_columns(was: Table, now: Table, renamed: list[tuple[str, str]]) -> list[str]:
    if was.columns is None or now.columns is None:
        return []
    old_names = {old.casefold() for old, _new in renamed}
    return [
        column
        for column in was.columns
        if not has(now.columns, column) and column.casefold() not in old_names
    ]


def _column_gone(was: Table, column: str) -> str:
    return f"column {column} of {was.name} was dropped"


def _dropped_keys(was: Table, now: Table) -> list[str]:
    return [
        f"DROP FOREIGN KEY {quote(key.name)}"
        for key in now.keys
        if key.name and not was.key(key.name)
    ]


def _renamed_columns(was: Table, effects: list[Effect]) -> list[tuple[str, str]]:
    """Return (old, new) of the columns that were given another name."""
    return [
        (e.column, e.new_name)
        for e in effects
        if isinstance(e, ChangeColumn)
        and e.column.casefold() != e.new_name.casefold()
        and has(was.columns or (), e.column)
    ]


def _changed_columns(
    was: Table, now: Table, renamed: dict[str, str]
) -> Iterator[tuple[Column, Column]]:
    for folded, first in was.definitions.items():
        name = next((n for o, n in renamed.items() if o.casefold() == folded), folded)
        column = now.definitions.get(name.casefold())
        if not (column and first.type and column.type):
            continue
        if _told(first) != _told(column):
            yield first, column


def _changed(table: Table, was: Column, now: Column) -> str:
    return f"column {now.name} of {table.name} was changed from {_told(was)} to {_told(now)}"


def _told(column: Column) -> str:
    return shape(column) + ("" if column.default is None else f" DEFAULT {column.default}")


def _add_index(index: Index) -> str:
    columns = ", ".join(
        f"{quote(part.partition('(')[0])}{'(' if '(' in part else ''}{part.partition('(')[2]}"
        for part in index.columns
    )
    if index.name.upper() == PRIMARY:
        return f"ADD PRIMARY KEY ({columns})"
    kind = "UNIQUE INDEX" if index.unique else f"{index.kind} INDEX".strip()
    return f"ADD {kind} {quote(index.name)} ({columns})"
