# SPDX-License-Identifier: GPL-3.0-or-later
"""What to change in a migration that fails on an empty schema, so that it does not.

Pure: from what the migration sends, and the schema before it. Each way is a list of edits as
module_utils/fix_fk/laravel/patch.php takes them; the first is the one that leaves a new schema like
one on which the failure was repaired.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

from ..schema import sql
from ..schema.effects import (
    AddForeignKey,
    AddIndex,
    CreateTable,
    ForeignKey,
    Index,
    RenameTable,
)
from ..schema.outcome import Problem
from ..schema.simulation import Schema
from . import names

# The name that `->index()` behind a foreign key gives it.
INDEX_TRUE = "1"
KINDS = ("name_taken", "name_unfit")


@dataclass(frozen=True)
class Sent:
    """What a migration sends: the statements in order, the prefix of the connection's tables, what
    its down() sends, and whether this Laravel's constrained() takes a name."""

    statements: tuple[str, ...]
    down: tuple[str, ...] = ()
    prefix: str = ""
    takes_name: bool = False

    def bare(self, table: str) -> str:
        """Return a table's name as the source has it."""
        return table[len(self.prefix) :] if table.startswith(self.prefix) else table


@dataclass(frozen=True)
class Wanted:
    """A constraint or an index that a migration wants to make, and why it cannot."""

    problem: Problem
    table: str
    kind: str
    columns: tuple[str, ...]


def problems(before: Schema, sent: Sent) -> list[Wanted]:
    """Return the names that the migration cannot give, in order."""
    state, found = before.copy(), []
    for statement in sent.statements:
        effects = sql.read(statement)
        for problem in state.apply([statement]).problems:
            if problem.kind in KINDS and problem.name:
                found += [Wanted(problem, *one) for one in _named(effects, problem.name)][:1]
    return found


def ways(before: Schema, sent: Sent) -> list[list[dict]]:
    """Return the ways to change the migration, none where there is no certain one."""
    found = problems(before, sent)
    if not found:
        return []
    naming = [_naming(before, sent, wanted) for wanted in found]
    freed, rest = _freed(before, sent, found)
    if not freed:
        return [naming]
    return [[*freed, *(_naming(before, sent, wanted) for wanted in rest)], naming]


def _named(effects: Iterable, name: str) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return (table, kind, columns) of what these effects give that name."""
    found = []
    for effect in effects:
        keys: tuple[ForeignKey | Index, ...] = ()
        if isinstance(effect, AddForeignKey):
            keys = (effect.foreign_key,)
        elif isinstance(effect, AddIndex) and effect.index:
            keys = (effect.index,)
        elif isinstance(effect, CreateTable):
            keys = (*effect.foreign_keys, *effect.keys)
        for key in keys:
            if key.name and key.name.casefold() == name.casefold():
                unique = isinstance(key, Index) and key.unique
                kind = "foreign" if isinstance(key, ForeignKey) else "unique" if unique else "index"
                found.append((effect.table, kind, key.columns))
    return found


def _naming(before: Schema, sent: Sent, wanted: Wanted) -> dict:
    """Return the edit that gives what cannot have its name another."""
    table, old = sent.bare(wanted.table), wanted.problem.name
    if old == INDEX_TRUE and wanted.kind == "foreign":
        return {"do": "unindex", "table": table, "columns": list(wanted.columns)}
    own = {
        name.casefold()
        for statement in sent.statements
        for effect in sql.read(statement)
        for name in _names_of(effect)
    }

    def taken(name: str) -> bool:
        return bool(before.holders(name)) or name.casefold() in own

    is_generated = old == names.generated(wanted.table, wanted.columns, wanted.kind)
    return {
        "do": "name",
        "kind": wanted.kind,
        "table": table,
        "columns": list(wanted.columns),
        "old": None if is_generated else old,
        "new": names.another(wanted.table, wanted.columns, wanted.kind, taken, old),
        "statement": wanted.problem.statement,
        "takes_name": sent.takes_name,
    }


def _names_of(effect) -> list[str]:
    if isinstance(effect, AddForeignKey):
        return [effect.foreign_key.name or ""]
    if isinstance(effect, CreateTable):
        return [key.name or "" for key in effect.foreign_keys]
    return []


def _freed(before: Schema, sent: Sent, found: list[Wanted]) -> tuple[list[dict], list[Wanted]]:
    """Return (edits that drop names of tables before these are renamed away, what is left)."""
    renames = _renames(before, sent.statements)
    by_table: dict[str, list[ForeignKey]] = {}
    rest = []
    for wanted in found:
        origin = _origin(renames, wanted.problem.holder)
        table = before.get(origin) if origin else None
        key = table.key(wanted.problem.name) if table else None
        if wanted.problem.kind == "name_taken" and table and key:
            by_table.setdefault(table.name, []).append(key)
        else:
            rest.append(wanted)
    return [_freeing(sent, renames, table, keys) for table, keys in by_table.items()], rest


def _renames(before: Schema, statements: Iterable[str]) -> dict[str, tuple[str, str, str]]:
    """Return {new name, folded: (old name, new name, statement)} of tables from before."""
    found = {}
    for statement in statements:
        for effect in sql.read(statement):
            if isinstance(effect, RenameTable) and before.get(effect.table):
                pair = (effect.table, effect.new_name, statement)
                found[effect.new_name.casefold()] = pair
    return found


def _origin(renames: dict, holder: str) -> str | None:
    pair = renames.get(holder.casefold())
    return pair[0] if pair else None


def _freeing(sent: Sent, renames: dict, table: str, keys: list[ForeignKey]) -> dict:
    _, to, statement = next(pair for pair in renames.values() if pair[0] == table)
    one = len(keys) == 1
    return {
        "do": "free",
        "owner": table,
        "table": sent.bare(table),
        "to": sent.bare(to),
        "statement": statement,
        "back": _back(sent, table, to),
        "why": f"The renamed table would keep {'this name' if one else 'these names'}, which the "
        f"new one needs.",
        "keys": [_key(sent, table, key) for key in keys],
    }


def _back(sent: Sent, table: str, to: str) -> str:
    """Return the statement with which down() gives the table its name back."""
    for statement in sent.down:
        for effect in sql.read(statement):
            if isinstance(effect, RenameTable) and (effect.table, effect.new_name) == (to, table):
                return statement
    return ""


def _key(sent: Sent, table: str, key: ForeignKey) -> dict:
    rules = {
        rule: None if (value or "").upper() in ("", "RESTRICT", "NO ACTION") else value
        for rule, value in (("on_delete", key.on_delete), ("on_update", key.on_update))
    }
    return {
        **dataclasses.asdict(key),
        **rules,
        "columns": list(key.columns),
        "referenced_columns": list(key.referenced_columns),
        "generated": key.name == names.generated(table, key.columns, "foreign"),
        "prefixed": key.referenced_table,
        "referenced_table": sent.bare(key.referenced_table),
    }
