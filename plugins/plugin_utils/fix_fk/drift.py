# SPDX-License-Identifier: GPL-3.0-or-later
"""Is the schema as the recorded migrations make it?

Asked of each table, column, index and foreign key that they make. What is there besides is
somebody's own, and is not named. A table of which they do not tell everything (they decide by what
they find, a file is gone, a pending migration names it) is not asked about.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .comparison import Undecided, undecided
from .facts import Laravel, live
from .position import shape
from .schema.effects import ForeignKey
from .schema.simulation import Schema
from .schema.statements import tables_of
from .schema.tables import Table, has

TITLE = "schema as the recorded migrations make it"


@dataclass(frozen=True)
class Drift:
    """What is not as a migration makes it. serious: the application cannot do without it."""

    table: str
    sentence: str
    serious: bool = True


def tables(laravel: Laravel) -> list[str]:
    """Return the tables that the recorded migrations make, to be read on the server."""
    return sorted(table.name for table in laravel.history.schema.tables.values())


def checks(laravel: Laravel, schema_facts: dict, *, alone: bool) -> list[dict]:
    """Return the check, as verification has them, and what wants a person's eye.

    alone: nothing was repaired before, so that what is serious is not met.
    """
    made = tables(laravel)
    doubt = _Doubt(laravel, made)
    if not made:
        return []
    if doubt.everywhere:
        detail = f"cannot be told: {doubt.everywhere}"
        return [{"check": TITLE, "ok": True, "detail": detail, "skipped": True}]
    found = list(find(laravel, live(schema_facts), doubt))
    serious = [one for one in found if one.serious] if alone else []
    asked = sum(not doubt.about(name) for name in made)
    check = {
        "check": TITLE,
        "ok": not serious,
        "detail": "; ".join(one.sentence for one in serious)
        or f"{asked} of the {len(made)} tables that they make were compared",
    }
    if serious:
        check["accept"] = list(dict.fromkeys(one.table for one in serious))
    others = [one.sentence for one in found if one not in serious]
    return [
        check,
        *(
            [{"check": f"not the {TITLE}", "ok": True, "look": True, "detail": "; ".join(others)}]
            if others
            else []
        ),
    ]


class _Doubt:
    """Of which tables the recorded migrations do not tell everything, and why."""

    def __init__(self, laravel: Laravel, made: list[str]):
        self.laravel, history = laravel, laravel.history
        names = [] if history.replayed else laravel.recorded
        self._by = Undecided(undecided(laravel, [*names, *laravel.pending], made))
        anywhere = self._by.anywhere()
        self.everywhere = next(iter(history.gaps), "") or (
            self._by.told(anywhere[:1]) if anywhere else ""
        )
        self._named = {
            table.casefold()
            for migration in laravel.pending
            for statement in (*laravel.up(migration), *laravel.down(migration))
            for table in tables_of(statement)
        } | {table.casefold() for table in history.not_followed}

    def about(self, table: str) -> bool:
        return table.casefold() in self._named or bool(self._by.naming(table))


def find(laravel: Laravel, there: Schema, doubt: _Doubt) -> Iterator[Drift]:
    """Yield what the recorded migrations make and `there` does not have."""
    # A child whose key is led back to the table that the application uses is as it should be.
    back = {(old.casefold(), table.casefold()) for table, old in laravel.displaced()}
    # Of two tables that are given one name the older one gives it up.
    given_up = {
        (problem.holder.casefold(), problem.name.casefold())
        for _migration, problem in laravel.history.taken
    }
    for table in laravel.history.schema.tables.values():
        if doubt.about(table.name) or table.name.casefold() in there.views:
            continue
        now = there.get(table.name)
        if now is None:
            maker = laravel.history.creators.get(table.name.casefold())
            yield Drift(table.name, f"table {table.name}, which {maker} makes, is not there")
            continue
        yield from _columns(laravel, table, now)
        yield from _indexes(table, now)
        if (now.engine or "InnoDB").casefold() == "innodb" and not now.partitioned:
            yield from (
                _lost_key(laravel, table, key, now, there)
                for key in table.keys
                if (table.name.casefold(), (key.name or "").casefold()) not in given_up
                and not any(_alike(key, other, back) for other in now.keys)
            )


def _columns(laravel: Laravel, made: Table, now: Table) -> Iterator[Drift]:
    if made.columns is None or now.columns is None:
        return
    for name in made.columns:
        if not has(now.columns, name):
            by = _maker(laravel, made.name, name)
            yield Drift(made.name, f"column {name} of {made.name}{by} is not there")
            continue
        one, other = made.column(name), now.column(name)
        if one and other and one.type and other.type and shape(one) != shape(other):
            yield Drift(
                made.name,
                f"column {name} of {made.name} is {shape(other)}, and the migrations make it "
                f"{shape(one)}",
                serious=False,
            )


def _indexes(made: Table, now: Table) -> Iterator[Drift]:
    if made.indexes is None or now.indexes is None:
        return
    for index in made.keyed.values():
        if index.implied or not index.columns:
            continue
        columns = [name.casefold() for name in index.columns]
        if not any(
            [name.casefold() for name in other.columns][: len(columns)] == columns
            and ((len(other.columns) == len(columns) and other.unique) or not index.unique)
            for other in now.keyed.values()
        ):
            word = "unique index" if index.unique else "index"
            yield Drift(
                made.name,
                f"{word} {index.name} ({', '.join(index.columns)}) of {made.name} is not there",
                serious=index.unique,
            )


def _lost_key(laravel: Laravel, made: Table, key: ForeignKey, now: Table, there: Schema) -> Drift:
    name = key.name or ""
    words = (
        f"foreign key {name} ({', '.join(key.columns)}) of {made.name}, to {key.referenced_table}"
        f"{_maker(laravel, made.name, name)}"
    )
    other = now.key(name) if name else None
    if other:
        leads = f"({', '.join(other.columns)}), to {other.referenced_table}"
        return Drift(made.name, f"{words} is another: {leads}")
    holder = next((t.name for t in there.holders(name) if name and t is not now), "")
    also = f"; {holder} has one of that name" if holder else ""
    return Drift(made.name, f"{words} is not there{also}")


def _alike(one: ForeignKey, other: ForeignKey, back: set[tuple[str, str]]) -> bool:
    parents = one.referenced_table.casefold(), other.referenced_table.casefold()
    return (parents[0] == parents[1] or parents in back) and all(
        [name.casefold() for name in names] == [name.casefold() for name in others]
        for names, others in (
            (one.columns, other.columns),
            (one.referenced_columns, other.referenced_columns),
        )
    )


def _maker(laravel: Laravel, table: str, name: str) -> str:
    """Return which recorded migration makes that of a table, in words, "" when none says so."""
    for migration in reversed(laravel.recorded):
        for statement in laravel.up(migration):
            names = {one.casefold() for one in tables_of(statement)}
            if name and table.casefold() in names and name.casefold() in statement.casefold():
                return f", which {migration} makes,"
    return ""
