# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tables are old ones that others came in the place of.

Who is displaced is told by the statements of the migrations, the rest by the live tables and their
rows; nothing is remembered.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..facts import Laravel
from ..schema import sql
from ..schema.effects import PRIMARY, CreateTable, RenameTable, WriteRows
from ..schema.statements import tables_of

# Laravel sets it once, so a row that was copied has it still.
BIRTH = "created_at"
# A row that has a value in it is one that the application does not find (soft deletes).
DELETED = "deleted_at"
# What every write of a row sets.
TOUCHED = "updated_at"
# Equal values of these need not compare as equal.
_INEXACT = ("float", "double", "json", "geometry", "point", "linestring", "polygon", "blob")


@dataclass(frozen=True)
class Pair:
    """A table and the old one in whose place it came; `details` as fk_constraint_info has them.

    stray: no recorded migration has renamed the old one.
    """

    table: str
    old: str
    details: tuple[dict, dict]
    stray: bool = False

    def columns(self, which: int) -> dict[str, dict]:
        return {c["name"].casefold(): c for c in self.details[which]["columns"]}

    @property
    def key(self) -> list[str]:
        """The columns that tell a row in both tables, or none."""
        for index in self.details[1]["indexes"]:
            if index["name"] == PRIMARY:
                names = list(index["columns"])
                there = self.columns(0)
                return names if all(name.casefold() in there for name in names) else []
        return []

    @property
    def telling(self) -> list[str]:
        """The columns that tell whether two rows of one key are the same row."""
        born = all(BIRTH in self.columns(which) for which in (0, 1))
        return [BIRTH] if born else self.steady

    @property
    def steady(self) -> list[str]:
        """The columns of both whose values can be compared, without those that every write sets.

        A row may be given a value later where it may be without one, so those come last.
        """
        new = self.columns(0)
        same = [
            column
            for name, column in self.columns(1).items()
            if name in new
            and name not in (TOUCHED, BIRTH)
            and not column["generated"]
            and all(column[part] == new[name][part] for part in ("type", "collation"))
            and not any(word in column["type"].casefold() for word in _INEXACT)
            and column["name"] not in self.key
        ]
        steady = [
            column["name"]
            for column in same
            if not (column["nullable"] or new[column["name"].casefold()]["nullable"])
        ]
        return steady or [
            column["name"]
            for column in same
            # NULL may have been given a value on the way.
            if not column["nullable"] or new[column["name"].casefold()]["nullable"]
        ]


def tables(laravel_facts: dict) -> list[str]:
    """Return the tables that have to be inspected, whichever of the migrations have run."""
    laravel = Laravel(laravel_facts)
    pairs = laravel.displaced([*laravel.recorded, *laravel.pending])
    return sorted({name for pair in pairs for name in pair})


def suspects(laravel: Laravel, names: Iterable[str], every: bool) -> list[str]:
    """Return the tables to inspect because nobody made one of them: it may have another's rows.

    names: all tables. every: whether to inspect all that the migrations make; otherwise only
    those of which a name is a part of the other's.
    """
    made = laravel.history.schema.tables.keys() - _copies(laravel)
    known = [name for name in names if name.casefold() in made]
    strays = _nobodys(laravel, names)
    if not every:
        text = _one_text(strays)
        known = [name for name in known if name.casefold() in text]
        parts = [name.casefold() for name in known]
        strays = [name for name in strays if any(part in name.casefold() for part in parts)]
    return [*known, *strays] if known and strays else []


def _nobodys(laravel: Laravel, names: Iterable[str]) -> list[str]:
    """Return those of these tables that no recorded migration makes, but as a copy of another, and
    that no pending one is about: what those come to is not known yet."""
    passed = laravel.history.schema.tables.keys() - _copies(laravel)
    passed = passed | {(laravel.raw.get("migrations_table") or "").casefold()}
    statements = [text for migration in laravel.pending for text in laravel.up(migration)]
    passed |= {table.casefold() for text in statements for table in tables_of(text)}
    mentioned = _one_text(
        text
        for migration in laravel.pending
        for text in laravel.statements(migration).get("source_strings") or ()
    )
    return [
        name for name in names if name.casefold() not in passed and name.casefold() not in mentioned
    ]


def _one_text(texts: Iterable[str]) -> str:
    """Return texts as one, folded, in which a name is searched once; no name has a NUL."""
    return "\0".join(texts).casefold()


def _copies(laravel: Laravel) -> set[str]:
    """Return the tables, folded, that recorded migrations make as a copy of another one: it has no
    use of its own, whoever made it."""
    return {
        effect.table.casefold()
        for migration in laravel.recorded
        for effect in laravel.effects(migration)
        if isinstance(effect, CreateTable) and effect.reads
    }


def _strays(laravel: Laravel, details: dict[str, tuple[str, dict]]) -> list[tuple[str, str]]:
    """Return (empty table of a recorded migration, one of its shape with rows that nobody made).

    However the rows got there: a rename in a branch, a copy, a name that somebody typed.
    """
    held = {name: about for name, about in details.values() if about["rows"]}
    shapes = {
        name: {column["name"].casefold() for column in held[name]["columns"]}
        for name in _nobodys(laravel, held)
    }
    own = (laravel.raw.get("migrations_table") or "").casefold()
    found = []
    for folded, (name, about) in details.items() if shapes else ():
        made = laravel.history.schema.get(name)
        if made is None or about["rows"] is not False or folded == own:
            continue
        shape = {column["name"].casefold() for column in about["columns"]}
        for stray, its in shapes.items():
            # One column says little, unless the name says it too.
            enough = len(its & shape) > 1 or (its & shape and folded in stray.casefold())
            if enough and (its <= shape or shape <= its):
                found.append((name, stray))
                break
    return found


def displaced_with_rows(laravel: Laravel, schema: dict) -> list[Pair]:
    """Return those of the displaced tables that have rows which may be nowhere else."""
    details = {name.casefold(): (name, about) for name, about in details_of(schema).items()}
    if not details:
        return []
    statements = [text for migration in laravel.recorded for text in laravel.up(migration)]
    pairs = []
    told = laravel.displaced()
    known = {name.casefold() for names in told for name in names}
    strays = [names for names in _strays(laravel, details) if names[0].casefold() not in known]
    for names in [*told, *strays]:
        there = [details[name.casefold()] for name in names if name.casefold() in details]
        if len(there) < 2 or there[1][1]["rows"] is False:
            continue
        (table, new), (old, about) = there
        if new["rows"] and _copied(statements, table, old):
            continue
        pairs.append(Pair(table, old, (new, about), stray=names in strays))
    return pairs


def details_of(schema: dict) -> dict:
    return schema.get("details") or {}


def _copied(statements: Iterable[str], table: str, old: str) -> bool:
    """Tell whether a migration has copied rows of the old table into the new one, since the old
    one got its name."""
    found = False
    for text in statements:
        for effect in sql.read(text):
            if isinstance(effect, RenameTable) and effect.new_name.casefold() == old.casefold():
                found = False
            elif (
                isinstance(effect, WriteRows)
                and effect.kind == "insert"
                and effect.table.casefold() == table.casefold()
                and old.casefold() in text.casefold()
            ):
                found = True
    return found
