# SPDX-License-Identifier: GPL-3.0-or-later
"""A schema in memory, to see what statements would do to it before they are sent.

Used three ways: the recorded migrations on an empty schema say which migration creates
what; a `down()` on the live schema says whether it would lose a row; the pending
migrations on the repaired schema say whether they will now get through.

Names are compared as the server compares constraint names: case-insensitively. A table
whose rows are not known counts as having rows.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from . import sql
from .sql import ForeignKey


@dataclass
class Table:
    """A table; `identity` is the name it had when the simulation began (None: made in it)."""

    name: str
    identity: str | None = None
    columns: list[str] | None = None
    keys: list[ForeignKey] = field(default_factory=list)
    indexes: list[str] | None = None
    rows: bool | None = None
    changed_columns: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)

    @property
    def may_have_rows(self) -> bool:
        return self.rows is not False

    def key(self, name: str) -> ForeignKey | None:
        for key in self.keys:
            if key.name and key.name.casefold() == name.casefold():
                return key
        return None


@dataclass(frozen=True)
class Problem:
    """Why a statement would fail. `kind`: name_taken, table_exists, table_missing,
    table_referenced, column_exists, column_missing, index_exists, constraint_missing, unread."""

    kind: str
    statement: str
    detail: str
    table: str = ""
    name: str = ""
    holder: str = ""


@dataclass(frozen=True)
class Loss:
    """Rows that a statement would drop or empty. `kind`: table, rows, column."""

    kind: str
    table: str
    detail: str
    statement: str


@dataclass
class Outcome:
    problems: list[Problem] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)


class Schema:
    """Tables by name, to which effects are applied one statement at a time."""

    def __init__(self, tables: Iterable[Table] = (), scope: str = "schema"):
        self.tables = {table.name.casefold(): table for table in tables}
        self.scope = scope
        # For asking who is in the way: a table with rows is there even if a statement drops it, and
        # one that could not be created is, without the constraints whose names are taken.
        self.asking = False
        self.foreign_key_checks = True
        self.dropped: list[Table] = []

    def copy(self) -> Schema:
        return copy.deepcopy(self)

    def get(self, name: str) -> Table | None:
        return self.tables.get(name.casefold())

    def holders(self, name: str) -> list[Table]:
        """Return the tables that own a foreign key called `name`."""
        return [table for table in self.tables.values() if table.key(name)]

    def referring(self, table: Table) -> list[Table]:
        """Return the other tables with a foreign key that refers to `table`."""
        return [
            other
            for other in self.tables.values()
            if other is not table
            and any(
                key.referenced_schema is None
                and key.referenced_table.casefold() == table.name.casefold()
                for key in other.keys
            )
        ]

    def by_identity(self, identity: str) -> Table | None:
        for table in self.tables.values():
            if table.identity == identity:
                return table
        return None

    def apply(self, statements: Iterable[str]) -> Outcome:
        """Apply SQL texts in order and go on after a problem, so that all are found."""
        outcome = Outcome()
        for statement in statements:
            for effect in sql.read(statement):
                self._apply(effect, statement, outcome)
        return outcome

    def drop_key(self, name: str, table: str) -> None:
        found = self.get(table)
        if found:
            found.keys = [key for key in found.keys if key is not found.key(name)]

    def add_key(self, table: str, key: ForeignKey) -> None:
        found = self.get(table)
        if found:
            found.keys.append(key)

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

    # --- effects -------------------------------------------------------------------------

    def _apply(self, effect: sql.Effect, statement: str, outcome: Outcome) -> None:
        def problem(kind: str, detail: str, **more: str) -> None:
            outcome.problems.append(Problem(kind, statement, detail, effect.table, **more))

        if isinstance(effect, sql.Unread):
            problem("unread", "this statement could not be read")
            return
        if isinstance(effect, sql.ReadRows):
            outcome.reads.append(statement)
            return
        if isinstance(effect, sql.ForeignKeyChecks):
            self.foreign_key_checks = effect.on
            return
        if isinstance(effect, sql.CreateTable):
            self._create(effect, problem)
            return
        table = self.get(effect.table) if effect.table else None
        if table is None:
            tolerated = isinstance(effect, sql.DropTable) and effect.if_exists
            if effect.table and not tolerated:
                problem("table_missing", f"there is no table {effect.table}")
            return
        if isinstance(effect, sql.DropTable):
            for other in self.referring(table) if self.foreign_key_checks else ():
                problem("table_referenced", f"table {other.name} refers to {table.name}")
            if table.may_have_rows and table.identity is not None:
                outcome.losses.append(
                    Loss("table", table.identity, f"drops table {table.name}", statement)
                )
                if self.asking:
                    return
            self.drop(table.name)
        elif isinstance(effect, sql.RenameTable):
            if self.get(effect.new_name):
                problem("table_exists", f"a table {effect.new_name} exists", name=effect.new_name)
            else:
                self.rename(table.name, effect.new_name)
        elif isinstance(effect, sql.WriteRows):
            self._write(table, effect, statement, outcome)
        else:
            self._alter(table, effect, statement, outcome, problem)

    def _create(self, effect: sql.CreateTable, problem) -> None:
        if self.get(effect.table):
            if not effect.if_not_exists:
                problem("table_exists", f"a table {effect.table} exists", name=effect.table)
            return
        source = self.get(effect.reads) if effect.reads else None
        columns = list(effect.columns)
        if source is not None and source.columns is not None:
            columns.extend(column for column in source.columns if column not in columns)
        table = Table(effect.table, None, columns, [], list(effect.indexes), rows=False)
        for key in effect.foreign_keys:
            if not self._taken(key.name, table, problem):
                table.keys.append(key)
        if len(table.keys) == len(effect.foreign_keys) or self.asking:
            self.tables[effect.table.casefold()] = table

    def _taken(self, name: str | None, table: Table, problem) -> bool:
        if not name:
            return False
        holders = self.holders(name) if self.scope == "schema" else []
        # A table that is being created is not among them yet.
        if table.key(name):
            holders.append(table)
        if not holders:
            return False
        problem(
            "name_taken",
            f"the constraint name {name} is held by table {holders[0].name}",
            name=name,
            holder=holders[0].name,
        )
        return True

    def _write(self, table: Table, effect: sql.WriteRows, statement: str, outcome: Outcome) -> None:
        table.written.add(effect.kind)
        if effect.kind in ("truncate", "delete") and table.may_have_rows:
            if table.identity is not None:
                outcome.losses.append(
                    Loss("rows", table.identity, f"{effect.kind}s rows of {table.name}", statement)
                )
        elif effect.kind == "insert":
            table.rows = True

    def _alter(self, table, effect, statement, outcome, problem) -> None:
        columns = table.columns
        if isinstance(effect, sql.AddForeignKey):
            if not self._taken(effect.foreign_key.name, table, problem):
                if not self.get(effect.foreign_key.referenced_table) and (
                    effect.foreign_key.referenced_schema is None
                ):
                    problem(
                        "table_missing",
                        f"there is no table {effect.foreign_key.referenced_table} to refer to",
                    )
                table.keys.append(effect.foreign_key)
        elif isinstance(effect, sql.DropForeignKey):
            if table.key(effect.name):
                self.drop_key(effect.name, table.name)
            elif not effect.if_exists:
                problem(
                    "constraint_missing",
                    f"table {table.name} has no constraint {effect.name}",
                    name=effect.name,
                )
        elif isinstance(effect, sql.AddColumn):
            if columns is not None and _has(columns, effect.column):
                if not effect.if_not_exists:
                    problem(
                        "column_exists",
                        f"table {table.name} has a column {effect.column}",
                        name=effect.column,
                    )
            elif columns is not None:
                columns.append(effect.column)
        elif isinstance(effect, (sql.DropColumn, sql.ChangeColumn)):
            table.changed_columns.add(effect.column)
            if columns is not None and not _has(columns, effect.column):
                if not getattr(effect, "if_exists", False):
                    problem(
                        "column_missing",
                        f"table {table.name} has no column {effect.column}",
                        name=effect.column,
                    )
                return
            new = effect.new_name if isinstance(effect, sql.ChangeColumn) else None
            if columns is not None:
                table.columns = [
                    new if column.casefold() == effect.column.casefold() else column
                    for column in columns
                    if new or column.casefold() != effect.column.casefold()
                ]
            if new is None and table.may_have_rows and table.identity is not None:
                outcome.losses.append(
                    Loss(
                        "column",
                        table.identity,
                        f"drops column {effect.column} of {table.name}",
                        statement,
                    )
                )
        elif isinstance(effect, sql.AddIndex):
            if table.indexes is not None and effect.name:
                if _has(table.indexes, effect.name):
                    problem(
                        "index_exists",
                        f"table {table.name} has an index {effect.name}",
                        name=effect.name,
                    )
                else:
                    table.indexes.append(effect.name)
        elif isinstance(effect, sql.DropIndex) and table.indexes is not None:
            table.indexes = [i for i in table.indexes if i.casefold() != effect.name.casefold()]


def _has(names: list[str], name: str) -> bool:
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
