# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables in memory, with what is known of each.

Names are compared as the server compares constraint names: case-insensitively. A table
whose rows are not known counts as having rows.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from . import columns as types
from .columns import Server
from .effects import PRIMARY, Column, ForeignKey, Index

_Tables = TypeVar("_Tables", bound="Tables")


@dataclass
class Table:
    """A table; `identity` is the name it had when the simulation began (None: made in it).

    What is None is not known. `definitions` and `keyed` go further into `columns` and `indexes`, by
    the folded name; what is not in them is not known either. `checks` has the columns of each CHECK
    constraint, by the folded name. `emptied`: no row of before is there.
    `triggered`: a trigger may give rows their values. `touched`: a statement may have written,
    copied or altered its rows, which another name and a foreign key that goes leave alone.
    """

    name: str
    identity: str | None = None
    columns: list[str] | None = None
    keys: list[ForeignKey] = field(default_factory=list)
    indexes: list[str] | None = None
    rows: bool | None = None
    changed_columns: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)
    definitions: dict[str, Column] = field(default_factory=dict)
    keyed: dict[str, Index] = field(default_factory=dict)
    engine: str | None = None
    collation: str | None = None
    partitioned: bool = False
    row_format: str | None = None
    emptied: bool = False
    triggered: bool = False
    touched: bool = False
    checks: dict[str, tuple[str, ...] | None] = field(default_factory=dict)

    @property
    def may_have_rows(self) -> bool:
        return self.rows is not False

    def copy(self) -> Table:
        twin = copy.copy(self)
        twin.columns = None if self.columns is None else list(self.columns)
        twin.keys = list(self.keys)
        twin.indexes = None if self.indexes is None else list(self.indexes)
        twin.changed_columns, twin.written = set(self.changed_columns), set(self.written)
        twin.definitions, twin.keyed = dict(self.definitions), dict(self.keyed)
        twin.checks = dict(self.checks)
        return twin

    def column(self, name: str) -> Column | None:
        return self.definitions.get(name.casefold())

    def covering(self, columns: Iterable[str]) -> list[Index] | None:
        """Return the indexes that begin with these columns; None when not all are known.

        InnoDB ends every index with the columns of the primary key.
        """
        if self.indexes is None or len(self.keyed) < len(self.indexes):
            return None
        wanted = [column.casefold() for column in columns]
        primary = self.keyed.get(PRIMARY.casefold())
        tail = primary.columns if primary else ()
        return [
            index
            for index in self.keyed.values()
            if not index.kind
            and [c.casefold() for c in (*index.columns, *tail)][: len(wanted)] == wanted
        ]

    @property
    def known(self) -> bool:
        """Tell whether the definition of every column is known."""
        return self.columns is not None and all(map(self.column, self.columns))

    def key(self, name: str) -> ForeignKey | None:
        for key in self.keys:
            if key.name and key.name.casefold() == name.casefold():
                return key
        return None

    def live_columns(self, names: Iterable[str]):
        """Return the present names of columns, with the values of those that are not there yet.

        The names are None when one of the columns will be NULL in every row; None when it cannot
        be told from the live table at all.
        """
        if self.identity is None:
            return None
        live, values = [], []
        for name in names:
            column = self.column(name)
            if column is None:
                return None
            if column.live is None:
                value = types.implicit_default(column)
                if value is None:
                    return (None, ()) if column.nullable else None
                values.append((column.name, value))
            live.append(column.live or column.name)
        return tuple(live), tuple(values)


class Tables:
    """The tables and views of a schema by name."""

    def __init__(
        self,
        tables: Iterable[Table] = (),
        scope: str = "schema",
        server: Server | None = None,
        views: Iterable[str] = (),
    ):
        self.tables = {table.name.casefold(): table for table in tables}
        self.views = {view.casefold() for view in views}
        # Those of the session alone, which hide others of their names.
        self.temporary: set[str] = set()
        self.scope = scope
        self.server = server or Server()
        # For asking who is in the way: a table with rows is there even if a statement drops it, and
        # one that could not be created is, without the constraints whose names are taken.
        self.asking = False
        self.foreign_key_checks = True
        # (trigger, procedure, function or event, name) of those that are seen.
        self.objects: set[tuple[str, str]] = set()
        self.dropped: list[Table] = []
        # Why rows of any table may have been written, "" where that is known.
        self.reach = ""

    def copy(self: _Tables) -> _Tables:
        """Return a schema that can be changed on its own; a thousand tables take milliseconds."""
        other = type(self)((), self.scope, self.server, self.views)
        other.tables = {name: table.copy() for name, table in self.tables.items()}
        other.asking, other.foreign_key_checks = self.asking, self.foreign_key_checks
        other.temporary, other.objects = set(self.temporary), set(self.objects)
        other.reach = self.reach
        other.dropped = [table.copy() for table in self.dropped]
        return other

    def get(self, name: str) -> Table | None:
        return self.tables.get(name.casefold())

    def can_read(self, name: str) -> bool:
        """Tell whether there is a table or a view of this name."""
        folded = name.casefold()
        return any(folded in names for names in (self.tables, self.views, self.temporary))

    def holders(self, name: str) -> list[Table]:
        """Return the tables that own a foreign key called `name`."""
        return [table for table in self.tables.values() if table.keys and table.key(name)]

    def referring(self, table: Table) -> list[Table]:
        """Return the other tables with a foreign key that refers to `table`."""
        return [
            other
            for other in self.tables.values()
            if other is not table and any(refers(key, table) for key in other.keys)
        ]

    def by_identity(self, identity: str) -> Table | None:
        for table in self.tables.values():
            if table.identity == identity:
                return table
        return None

    def things(self) -> set[tuple[str, str, str]]:
        """Return every table, column and constraint, as (what, table, name), folded."""
        return {
            (what, folded, name.casefold())
            for folded, table in self.tables.items()
            for what, names in (
                ("table", [""]),
                ("column", table.columns or []),
                ("constraint", [key.name for key in table.keys if key.name]),
            )
            for name in names
        }

    def drop_key(self, name: str, table: str) -> None:
        found = self.get(table)
        if found:
            found.keys = [key for key in found.keys if key is not found.key(name)]

    def add_key(self, table: str, key: ForeignKey) -> None:
        found = self.get(table)
        if found:
            found.keys.append(key)
            found.touched = True

    def rename(self, old: str, new: str) -> None:
        table = self.tables.pop(old.casefold())
        # The server renames generated constraint names with the table, typed ones not.
        table.keys = [_renamed_key(key, table.name, new) for key in table.keys]
        for other in self.tables.values():
            other.keys = [
                _repointed(key, table.name, new) if key.referenced_schema is None else key
                for key in other.keys
            ]
        table.name = new
        self.tables[new.casefold()] = table

    def drop(self, name: str) -> None:
        self.dropped.append(self.tables.pop(name.casefold()))


def refers(key: ForeignKey, table: Table) -> bool:
    same = key.referenced_table.casefold() == table.name.casefold()
    return key.referenced_schema is None and same


def has(names: Iterable[str], name: str) -> bool:
    return any(item.casefold() == name.casefold() for item in names)


def _renamed_key(key: ForeignKey, old: str, new: str) -> ForeignKey:
    prefix = f"{old}_ibfk_"
    if key.name and key.name.casefold().startswith(prefix.casefold()):
        return replace(key, name=f"{new}_ibfk_{key.name[len(prefix) :]}")
    return _repointed(key, old, new) if key.referenced_schema is None else key


def _repointed(key: ForeignKey, old: str, new: str) -> ForeignKey:
    if key.referenced_table.casefold() == old.casefold():
        return replace(key, referenced_table=new)
    return key
