# SPDX-License-Identifier: GPL-3.0-or-later
"""Is every column, index and foreign key where it was, or where the plan has put it?

`expectation` says before the repair what the plan does to tables, from the simulation; `compare`
holds what the server says afterwards against what it said before. A table that nothing of the plan
names has to be exactly as it was. Of the others only what the simulation knows is held against
them.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from .facts import Laravel
from .inputs import Inputs
from .schema import sql
from .schema.effects import ForeignKey, ReadRows, Unread
from .schema.simulation import Schema
from .schema.statements import tables_of
from .schema.tables import Table

# The parts of a table, as they are called, and of an entry of each what is compared where the plan
# does something to the table: {part: (name in words, positions)}.
PARTS = {
    "columns": ("column", (1, 2)),
    "indexes": ("index", (1, 3)),
    "keys": ("foreign key", (1, 2, 3, 4, 5, 6)),
}


def expected(laravel: Laravel, migrations: list[str], start: Schema, final: Schema) -> dict:
    """Return what a plan that runs these migrations is to be held against, as plain data.

    structure: as expectation() says. undecided: as undecided() says. ran: {migration: digest of
    what it sends}, by which a later run sees whether this still holds.
    """
    tables = {t.name for t in start.tables.values()} | {t.name for t in final.tables.values()}
    named = {
        name
        for migration in (*migrations, *laravel.pending)
        for statement in (*laravel.up(migration), *laravel.down(migration))
        for name in tables_of(statement)
    }
    return {
        "structure": expectation(start, final, named),
        "undecided": undecided(laravel, migrations, sorted(tables)),
        "ran": {migration: _sends(laravel, migration) for migration in migrations},
    }


def _sends(laravel: Laravel, migration: str) -> str:
    return hashlib.sha256("\n".join(laravel.up(migration)).encode()).hexdigest()


def noted(expected: dict, inputs: Inputs) -> dict:
    """Return what is to be noted of the expectation of a plan, for a run that goes on with it.

    What the inventory expects it says itself, then as now.
    """
    names = expected.get("names") or {}
    inventory = [(key["name"], key["table"]) for key in inputs.expected_constraints]
    constraints = [
        key for key in expected["constraints"] if (key["name"], key["table"]) not in inventory
    ]
    changed = {old: new for old, new in names.items() if old != new}
    return {**expected, "names": changed, "constraints": constraints}


def going_on(expected: dict, laravel_facts: dict) -> dict:
    """Return the expectation of a run that may go on with an interrupted one.

    What that one noted counts, since the content from before was noted with it, unless other
    migrations were, or are, to be run than then.
    """
    note = laravel_facts["maintenance"].get("expected")
    laravel = Laravel(laravel_facts)
    if not note or laravel_facts["maintenance"].get("baseline") is None:
        return expected
    ran = note.get("ran") or {}
    skipped = (expected.get("skipped") or {}).get("migration")
    if (
        expected.get("emptied")
        or skipped in ran
        or not set(expected.get("ran") or ()) <= set(ran)
        or any(_sends(laravel, migration) != digest for migration, digest in ran.items())
    ):
        return {**expected, "structure": None}
    keys = {(key["name"], key["table"]): key for key in note.get("constraints") or ()}
    keys.update({(key["name"], key["table"]): key for key in expected["constraints"]})
    return {
        **expected,
        **{
            part: note[part]
            for part in ("names", "anew", "dropped", "changed_columns")
            if part in note
        },
        "written": {**(note.get("written") or {}), **(expected.get("written") or {})},
        "constraints": list(keys.values()),
        "structure": _joined(note, expected),
        "undecided": note.get("undecided"),
    }


def _joined(note: dict, expected: dict) -> dict | None:
    """Return what becomes of tables by the noted run and by this one, which goes on with it, by
    the names that they had before both."""
    before, now = note.get("structure"), expected.get("structure")
    if not before or not now:
        return before
    first = {new: old for old, new in (note.get("names") or {}).items()}
    tables = dict(before["tables"])
    for name, told in now["tables"].items():
        old = first.get(name, name)
        known = tables.get(old) or {}
        tables[old] = {
            part: None if part in known and known[part] is None else _both(known.get(part), done)
            for part, done in told.items()
        }
    return {**before, "tables": tables}


def _both(one: dict | None, other: dict | None) -> dict | None:
    if one is None or other is None:
        return other
    return {what: sorted({*one[what], *other[what]}) for what in one}


def expectation(start: Schema, final: Schema, named: Iterable[str]) -> dict:
    """Return what becomes of tables between two states of the simulation, as plain data.

    named: the tables that statements name. The result is {tables: {name at the start: {part: {gone,
    new, loose} or None}}, made: {table: {columns, indexes}}}: only tables to which something is
    done; None where the simulation does not know; `loose` is there and may differ.
    """
    said = {name.casefold() for name in named}
    tables: dict[str, dict] = {}
    made: dict[str, dict] = {}
    for table in final.tables.values():
        if table.identity is None:
            made[table.name] = {
                "columns": list(table.columns or ()),
                "indexes": [
                    name
                    for name in table.indexes or ()
                    for index in [table.keyed.get(name.casefold())]
                    if index is None or not index.implied
                ],
            }
            continue
        before = start.get(table.identity)
        if before is None:
            continue
        told = _done(before, table, start, final)
        if said & {table.identity.casefold(), table.name.casefold()} or any(
            part and any(part.values()) for part in told.values()
        ):
            tables[table.identity] = told
    return {"tables": tables, "made": made}


def _done(before: Table, after: Table, start: Schema, final: Schema) -> dict:
    """Return what has been done to one table: {part: {gone, new, loose} or None}."""
    columns = {name.casefold() for name in after.changed_columns}
    loose_columns = {
        name
        for name in _folded(after.columns)
        if name in columns or before.definitions.get(name) != after.definitions.get(name)
    }
    loose_indexes = {
        name for name in _folded(after.indexes) if before.keyed.get(name) != after.keyed.get(name)
    }
    keys = [{(key.name or "").casefold(): key for key in t.keys} for t in (before, after)]
    loose_keys = {
        name
        for name in keys[0].keys() & keys[1].keys()
        for one, other in [(keys[0][name], keys[1][name])]
        if (one.columns, one.referenced_columns, one.on_delete, one.on_update)
        != (other.columns, other.referenced_columns, other.on_delete, other.on_update)
        or _parent(start, one) != _parent(final, other)
    }
    return {
        "columns": _delta(before.columns, after.columns, loose_columns),
        "indexes": _delta(before.indexes, after.indexes, loose_indexes),
        "keys": _delta(keys[0], keys[1], loose_keys),
    }


def _parent(state: Schema, key: ForeignKey) -> str | None:
    """Return the name that the table to which a key refers had before; its own where unknown."""
    table = None if key.referenced_schema else state.get(key.referenced_table)
    return table.identity if table else key.referenced_table


def _delta(before, after, loose: set[str]) -> dict | None:
    if before is None or after is None:
        return None
    one, other = _folded(before), _folded(after)
    return {
        "gone": sorted(one - other),
        "new": sorted(other - one),
        "loose": sorted(loose & one),
    }


def _folded(names: Iterable[str] | None) -> set[str]:
    return {name.casefold() for name in names or ()}


def unguarded(drops: list[dict], start: Schema, final: Schema) -> list[dict]:
    """Return those of the foreign keys that the plan drops whose table stays in use without it.

    start: before the migrations; final: after them. A table that the migrations move aside, to a
    name that no table had, loses its key rightly. One that takes the name of another table does
    not.
    """
    found = []
    for key in drops:
        before = start.get(key["table"])
        after = final.by_identity(before.identity) if before and before.identity else None
        if before is None or after is None or after.key(key["name"]):
            continue
        if after.name.casefold() in start.tables:
            found.append({"name": key["name"], "table": after.name})
    return found


def undecided(laravel: Laravel, migrations: Iterable[str], tables: Iterable[str]) -> dict:
    """Return {migration: {why, tables}} of those whose statements are not all known beforehand.

    tables: those that its source or its statements name; None when they name none that there is, so
    that it may be any.
    """
    known_tables, found = list(tables), {}
    prefix = laravel.prefix.casefold()
    for migration in migrations:
        known, statements = laravel.statements(migration), laravel.up(migration)
        effects = [effect for text in statements for effect in sql.read(text)]
        why = [
            f"decides by what it finds: {reason}" for reason in known.get("up_conditional") or ()
        ]
        if known.get("up_error"):
            why.append("could not be read to its end")
        if any(isinstance(effect, ReadRows) for effect in effects):
            why.append("decides by rows that it reads")
        if any(isinstance(effect, Unread) for effect in effects):
            why.append("sends a statement that could not be read")
        if not why:
            continue
        text = "\n".join([*(known.get("source_strings") or ()), *statements]).casefold()
        words = set(re.findall(r"\w+", text))
        named = [name for name in known_tables if _names(text, words, name.casefold(), prefix)]
        found[migration] = {"why": why[0], "tables": named or None}
    return found


def _names(text: str, words: set[str], table: str, prefix: str) -> bool:
    forms = {table, table[len(prefix) :] if table.startswith(prefix) else table} - {""}
    return any(form in (words if re.fullmatch(r"\w+", form) else text) for form in forms)


@dataclass
class Undecided:
    """Which migrations may have done more than is known, and to which tables."""

    migrations: dict

    def naming(self, *names: str) -> list[str]:
        """Return those that name one of these tables."""
        wanted = _folded(names)
        return [m for m, about in self.migrations.items() if wanted & _folded(about["tables"])]

    def anywhere(self) -> list[str]:
        """Return those of which it cannot be told."""
        return [m for m, about in self.migrations.items() if about["tables"] is None]

    def told(self, migrations: list[str]) -> str:
        return ", ".join(f"{name} {self.migrations[name]['why']}" for name in migrations)


@dataclass
class Comparison:
    """What differs: sentences by what they mean for the repair, and the tables of the failures."""

    failed: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    look: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)


def compare(before: dict, after: dict, expected: dict, accepted: set[str]) -> Comparison:
    """Hold the structure of every table ({table: text}) against that of before.

    expected: as a diagnosis has it. accepted: folded names of tables that may differ.
    """
    return _Comparing(before, after, expected, accepted).result


class _Comparing:
    def __init__(self, before: dict, after: dict, expected: dict, accepted: set[str]):
        self.after, self.accepted = after, accepted
        self.folded = {name.casefold(): name for name in after}
        self.names = {old.casefold(): new for old, new in (expected.get("names") or {}).items()}
        self.undecided = Undecided(expected.get("undecided") or {})
        self.done = (expected.get("structure") or {}).get("tables") or {}
        self.result = Comparison()
        dropped = _folded(expected.get("dropped"))
        for table, text in before.items():
            if table.casefold() not in dropped:
                self._table(table, text)
        for table, about in ((expected.get("structure") or {}).get("made") or {}).items():
            self._made(table, about)
        for key in (expected.get("structure") or {}).get("unguarded") or ():
            keys = self._read(key["table"]).get("keys") or {}
            if key["name"].casefold() not in keys:
                self._say(
                    f"foreign key {key['name']} of {key['table']} is gone: the plan dropped it, "
                    "and no migration gives the table another one of that name",
                    [key["table"]],
                )

    def _now(self, table: str) -> str:
        return self.names.get(table.casefold(), table)

    def _text(self, table: str) -> str | None:
        name = table if table in self.after else self.folded.get(table.casefold())
        return None if name is None else self.after[name]

    def _read(self, table: str) -> dict:
        return _parts(self._text(table) or "{}")

    def _say(self, sentence: str, tables: list[str], kind: str = "gone") -> None:
        """Note a difference. kind: gone, changed or new; tables: the names that it had and has."""
        result = self.result
        if self.accepted & _folded(tables):
            result.accepted.append(sentence)
            return
        by = self.undecided.naming(*tables)
        if by and kind == "new":
            return
        if not by and kind != "gone":
            by = self.undecided.anywhere()
        if by:
            result.look.append(f"{sentence} ({self.undecided.told(by)})")
            return
        result.failed.append(sentence)
        if tables[-1] not in result.tables:
            result.tables.append(tables[-1])

    def _table(self, table: str, text: str) -> None:
        now = self._now(table)
        there = self._text(now)
        if there is None:
            self._say(f"table {now} is gone", [table, now])
            return
        done = self.done.get(table)
        if there == text and done is None:
            return
        one, other = _parts(text), _parts(there)
        for part in PARTS:
            self._part(part, (table, now), one[part], other[part], (done or {}).get(part, {}))
        same_names = [*one["columns"]] != [*other["columns"]] and set(one["columns"]) == set(
            other["columns"]
        )
        if done is None and same_names:
            self._say(f"the columns of {now} are in another order", [table, now], "changed")

    def _part(self, part: str, names, before: dict, after: dict, done: dict | None) -> None:
        """Compare the columns, indexes or keys of a table; done is {} where nothing is done to it,
        and None where it is not known what is."""
        if done is None:
            return
        word, positions = PARTS[part]
        now = names[1]
        for name in sorted(before.keys() - after.keys() - set(done.get("gone", ()))):
            entry = before[name]
            if part == "indexes" and done and _covered(entry, after):
                continue
            self._say(f"{word} {entry[0]} of {now} is gone{self._where(part, entry)}", [*names])
        for name in sorted(after.keys() - before.keys() - set(done.get("new", ()))):
            # The server makes an index for a foreign key.
            if part == "indexes" and done:
                continue
            entry = after[name]
            self._say(f"{word} {entry[0]} of {now} is there, and nothing made it", [*names], "new")
        # Foreign keys have a check each.
        for name in sorted(set(done.get("new", ())) - after.keys()):
            if part == "columns":
                self._say(f"{word} {name} of {now} was not made", [*names], "changed")
        for name in sorted(before.keys() & after.keys() - set(done.get("loose", ()))):
            one, other = before[name], after[name]
            if part == "keys":
                other = self._as_before(one, other)
            compared = positions if done or part == "keys" else range(1, len(one))
            if any(one[place] != other[place] for place in compared):
                self._say(
                    f"{word} {one[0]} of {now} was {_shown(part, one)} and is "
                    f"{_shown(part, other)}",
                    [*names],
                    "changed",
                )

    def _where(self, part: str, entry: list) -> str:
        """Say which table has a foreign key of that name now."""
        if part != "keys":
            return ""
        for table in self.after:
            if entry[0].casefold() in self._read(table)["keys"]:
                return f"; {table} has one of that name"
        return ""

    def _as_before(self, one: list, other: list) -> list:
        """Return a foreign key with what may rightly have changed as it was before."""
        other = list(other)
        if one[2] is None and other[2] is None:
            parent = one[3].casefold()
            if other[3].casefold() in (self._now(one[3]).casefold(), parent):
                other[3] = one[3]
            columns = (self.done.get(one[3]) or {}).get("columns", {})
            if columns is None or any(columns.get(what) for what in ("gone", "new", "loose")):
                other[4] = one[4]
        for place in (5, 6):
            if None in (one[place], other[place]) or {one[place], other[place]} <= _RESTRICT:
                other[place] = one[place]
        return other

    def _made(self, table: str, about: dict) -> None:
        text = self._text(table)
        if text is None:
            self._say(f"table {table} was not made", [table])
            return
        there = _parts(text)
        for part, names in about.items():
            for name in names:
                if name.casefold() not in there[part]:
                    self._say(f"{PARTS[part][0]} {name} of {table} was not made", [table])


_RESTRICT = {"RESTRICT", "NO ACTION"}


@lru_cache(maxsize=1000)
def _parts(text: str) -> dict:
    """Return {part: {folded name: entry}} of a table's text."""
    read = json.loads(text)
    return {part: {entry[0].casefold(): entry for entry in read.get(part) or ()} for part in PARTS}


def _covered(index: list, others: dict) -> bool:
    """Tell whether another index begins with the columns of this one, which the server may then
    have dropped as it had made it for a foreign key."""
    return not index[1] and any(other[3][: len(index[3])] == index[3] for other in others.values())


def _shown(part: str, entry: list) -> str:
    """Return an entry in words."""
    if part == "columns":
        _name, kind, nullable, default, extra, collation, expression = entry
        words = [kind, "NULL" if nullable == "YES" else "NOT NULL"]
        words += [f"DEFAULT {default}"] if default is not None else []
        return " ".join([*words, *filter(None, (extra, collation, expression))])
    if part == "indexes":
        _name, unique, kind, columns = entry
        return f"{'unique ' if unique else ''}{kind} ({', '.join(columns)})"
    _name, columns, schema, table, referenced, on_update, on_delete = entry
    parent = f"{schema}.{table}" if schema else table
    return (
        f"({', '.join(columns)}) -> {parent} ({', '.join(referenced)}), ON UPDATE {on_update}, "
        f"ON DELETE {on_delete}"
    )
