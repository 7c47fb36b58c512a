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

from . import columns as types
from . import sql
from .columns import Server
from .sql import PRIMARY, Column, ForeignKey, Index


@dataclass
class Table:
    """A table; `identity` is the name it had when the simulation began (None: made in it).

    What is None is not known. `definitions` and `keyed` go further into `columns` and `indexes`, by
    the folded name; what is not in them is not known either.
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

    def key(self, name: str) -> ForeignKey | None:
        for key in self.keys:
            if key.name and key.name.casefold() == name.casefold():
                return key
        return None


@dataclass(frozen=True)
class Problem:
    """Why a statement would fail. `kind` is one of KINDS, `name` what it is about (a constraint,
    column, index or table)."""

    kind: str
    statement: str
    detail: str
    table: str = ""
    name: str = ""
    holder: str = ""


KINDS = (
    "name_taken",
    "constraint_missing",
    "table_exists",
    "table_missing",
    "table_referenced",
    "column_exists",
    "column_missing",
    "column_needed",
    "column_fixed",
    "index_exists",
    "index_missing",
    "index_needed",
    "parent_missing",
    "parent_column_missing",
    "parent_not_indexed",
    "parent_unfit",
    "child_unfit",
    "columns_differ",
    "set_null",
    "unread",
)


@dataclass(frozen=True)
class Question:
    """Rows of a live table that a statement may fail on; the server has to count them.

    `kind`: orphans (they refer to no row), duplicates or nulls. `table` and `columns` have the
    names that they have on the server now; a column of `values` is not there yet and will have that
    value in every row. `name` is the constraint, index or column that the statement is about.
    """

    kind: str
    table: str
    columns: tuple[str, ...]
    statement: str
    name: str
    values: tuple[tuple[str, str], ...] = ()
    referenced_table: str = ""
    referenced_columns: tuple[str, ...] = ()
    sure: bool = True


@dataclass(frozen=True)
class Loss:
    """Rows that a statement would drop or empty.

    `kind`: table, rows (all of a table), some (of a table's rows) or column, which is `column`.
    `table` has the name that it has on the server now, "" behind a view.
    """

    kind: str
    table: str
    detail: str
    statement: str
    column: str = ""


@dataclass
class Outcome:
    problems: list[Problem] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    # Foreign keys that will silently not be there.
    ignored: list[Problem] = field(default_factory=list)


class Schema:
    """Tables by name, to which effects are applied one statement at a time."""

    def __init__(
        self,
        tables: Iterable[Table] = (),
        scope: str = "schema",
        server: Server | None = None,
        views: Iterable[str] = (),
    ):
        self.tables = {table.name.casefold(): table for table in tables}
        self.views = {view.casefold() for view in views}
        self.scope = scope
        self.server = server or Server()
        # For asking who is in the way: a table with rows is there even if a statement drops it, and
        # one that could not be created is, without the constraints whose names are taken.
        self.asking = False
        self.foreign_key_checks = True
        self.dropped: list[Table] = []

    def copy(self) -> Schema:
        """Return a schema that can be changed on its own; a thousand tables take milliseconds."""
        other = Schema((), self.scope, self.server, self.views)
        other.tables = {name: table.copy() for name, table in self.tables.items()}
        other.asking, other.foreign_key_checks = self.asking, self.foreign_key_checks
        other.dropped = [table.copy() for table in self.dropped]
        return other

    def get(self, name: str) -> Table | None:
        return self.tables.get(name.casefold())

    def holders(self, name: str) -> list[Table]:
        """Return the tables that own a foreign key called `name`."""
        return [table for table in self.tables.values() if table.keys and table.key(name)]

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

    def apply(self, statements: Iterable[str]) -> Outcome:
        """Apply SQL texts in order and go on after a problem, so that all are found."""
        outcome = Outcome()
        for statement in statements:
            effects = sql.read(statement)
            # One ALTER TABLE is carried out as a whole: in it a column may go together with the
            # constraint that needs it, in any order. Its constraints are added last.
            for effect in sorted(effects, key=_turn):
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
            self._create(effect, statement, outcome, problem)
            return
        if isinstance(effect, sql.CreateView):
            if self.get(effect.table) or effect.table.casefold() in self.views:
                if not effect.if_not_exists:
                    problem("table_exists", f"a view {effect.table} exists", name=effect.table)
            else:
                self.views.add(effect.table.casefold())
            return
        if isinstance(effect, sql.DropView):
            self.views.discard(effect.table.casefold())
            return
        table = self.get(effect.table) if effect.table else None
        if table is None:
            tolerated = effect.optional or (isinstance(effect, sql.DropTable) and effect.if_exists)
            if effect.table.casefold() in self.views:
                self._write_view(effect, statement, outcome)
            elif effect.table and not tolerated:
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

    def _create(self, effect: sql.CreateTable, statement, outcome, problem) -> None:
        if self.get(effect.table) or effect.table.casefold() in self.views:
            if not effect.if_not_exists:
                problem("table_exists", f"a table {effect.table} exists", name=effect.table)
            return
        source = self.get(effect.reads) if effect.reads else None
        columns = list(effect.columns)
        if source is not None and source.columns is not None:
            columns.extend(column for column in source.columns if column not in columns)
        server = self.server
        unknown = bool(effect.reads) and (source is None or source.columns is None)
        table = Table(
            effect.table,
            None,
            None if unknown else columns,
            [],
            None if effect.reads else list(effect.indexes),
            rows=None if effect.reads else False,
            engine=effect.engine or server.engine,
            collation=server.collation_of(effect.charset, effect.collation)
            if effect.charset or effect.collation
            else server.collation,
        )
        for column in effect.definitions:
            table.definitions[column.name.casefold()] = server.resolve(column, table.collation)
        for index in effect.keys:
            self._index(table, index, statement, outcome, problem)
        for key in _named(effect.foreign_keys, table):
            if not self._taken(key.name, table, problem):
                self._refer(table, key, statement, outcome, problem)
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
        holder = holders[0]
        detail = f"the constraint name {name} is held by table {holder.name}"
        if holder.identity and holder.identity.casefold() != holder.name.casefold():
            detail += f" (now {holder.identity})"
        problem("name_taken", detail, name=name, holder=holder.name)
        return True

    def _write(self, table: Table, effect: sql.WriteRows, statement: str, outcome: Outcome) -> None:
        table.written.add(effect.kind)
        if effect.kind in ("truncate", "delete") and table.may_have_rows:
            if table.identity is not None:
                kind = "some" if effect.some else "rows"
                how = {"truncate": "empties", "delete": "deletes all rows of"}[effect.kind]
                how = "deletes rows of" if effect.some else how
                outcome.losses.append(Loss(kind, table.identity, f"{how} {table.name}", statement))
            if effect.kind == "delete" and not effect.some:
                self._cascade(table, statement, outcome, {table.name})
        elif effect.kind == "insert":
            table.rows = True

    def _cascade(self, table: Table, statement: str, outcome: Outcome, seen: set[str]) -> None:
        """Note the rows of children that go with those of `table`."""
        for child in self.referring(table):
            goes = any(_refers(key, table) and key.on_delete == "CASCADE" for key in child.keys)
            if not goes or child.name in seen:
                continue
            seen.add(child.name)
            if child.may_have_rows and child.identity is not None:
                how = f"deletes the rows of {child.name} that refer to {table.name}"
                outcome.losses.append(Loss("rows", child.identity, how, statement))
            self._cascade(child, statement, outcome, seen)

    def _write_view(self, effect: sql.Effect, statement: str, outcome: Outcome) -> None:
        """Note what is deleted from the tables behind a view, which are not known here."""
        if isinstance(effect, sql.WriteRows) and effect.kind in ("truncate", "delete"):
            kind = "some" if effect.some else "rows"
            how = f"deletes rows through the view {effect.table}"
            outcome.losses.append(Loss(kind, "", how, statement))

    def _alter(self, table, effect, statement, outcome, problem) -> None:
        columns = table.columns
        if isinstance(effect, sql.AddForeignKey):
            (key,) = _named([effect.foreign_key], table)
            if not self._taken(key.name, table, problem):
                self._refer(table, key, statement, outcome, problem)
                table.keys.append(key)
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
                if effect.definition:
                    self._define(table, effect.definition, None)
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
            if isinstance(effect, sql.ChangeColumn):
                self._change(table, effect, statement, outcome, problem)
                return
            self._needed(table, effect.column, problem)
            if columns is not None:
                table.columns = [c for c in columns if c.casefold() != effect.column.casefold()]
            table.definitions.pop(effect.column.casefold(), None)
            self._forget(table, effect.column)
            if table.may_have_rows and table.identity is not None:
                outcome.losses.append(
                    Loss(
                        "column",
                        table.identity,
                        f"drops column {effect.column} of {table.name}",
                        statement,
                        effect.column,
                    )
                )
        elif isinstance(effect, sql.AddIndex):
            index = effect.index or Index(effect.name or "")
            self._index(table, index, statement, outcome, problem)
        elif isinstance(effect, (sql.DropIndex, sql.RenameIndex)):
            self._drop_index(table, effect, problem)
        elif isinstance(effect, sql.ChangeTable):
            table.engine = effect.engine or table.engine
            discards = (effect.engine or "").casefold() in ("blackhole", "memory", "heap")
            if discards and table.may_have_rows and table.identity is not None:
                how = f"has an engine that does not keep the rows of {table.name}"
                outcome.losses.append(Loss("rows", table.identity, how, statement))
            if effect.converted:
                table.definitions.clear()

    # --- columns -------------------------------------------------------------------------

    def _define(self, table: Table, column: Column, live: str | None) -> None:
        resolved = self.server.resolve(column, table.collation)
        table.definitions[column.name.casefold()] = replace(resolved, live=live)

    def _change(self, table: Table, effect: sql.ChangeColumn, statement, outcome, problem) -> None:
        old, new = effect.column, effect.new_name
        renamed = old.casefold() != new.casefold()
        if renamed and table.columns is not None and _has(table.columns, new):
            problem("column_exists", f"table {table.name} has a column {new}", name=new)
            return
        if table.columns is not None:
            table.columns = [
                new if column.casefold() == old.casefold() else column for column in table.columns
            ]
        before = table.definitions.pop(old.casefold(), None)
        if before is not None and effect.definition is None:
            table.definitions[new.casefold()] = replace(before, name=new)
        elif before is not None and effect.definition is not None:
            self._define(table, effect.definition, before.live)
            after = table.definitions[new.casefold()]
            self._changed(table, before, after, statement, outcome, problem)
        if renamed:
            self._rename_column(table, old, new)

    def _changed(self, table, before, after, statement, outcome, problem) -> None:
        """Judge a column's new definition against its constraints and rows."""
        if self.foreign_key_checks and types.changes_type(before, after):
            for other, key in self._keys_on(table, before.name):
                problem(
                    "column_fixed",
                    f"column {before.name} of {table.name} is part of the foreign key {key.name} "
                    f"of {other.name}, so it cannot become {types.describe(after)}",
                    name=key.name or "",
                    holder=other.name,
                )
        if not before.nullable or after.nullable:
            return
        for key in table.keys:
            if _has(key.columns, before.name) and "SET NULL" in (
                key.on_delete,
                key.on_update,
            ):
                problem(
                    "set_null",
                    f"column {before.name} of {table.name} cannot become NOT NULL: the foreign key "
                    f"{key.name} sets it to NULL",
                    name=key.name or "",
                )
        if before.live and table.identity and table.may_have_rows:
            sure = not table.written
            outcome.questions.append(
                Question("nulls", table.identity, (before.live,), statement, after.name, sure=sure)
            )

    def _rename_column(self, table: Table, old: str, new: str) -> None:
        def name(column: str) -> str:
            return new if column.casefold() == old.casefold() else column

        table.keys = [
            replace(key, columns=tuple(name(column) for column in key.columns))
            for key in table.keys
        ]
        for folded, index in table.keyed.items():
            columns = tuple(name(column) for column in index.columns)
            table.keyed[folded] = replace(index, columns=columns)
        for other in (table, *self.referring(table)):
            other.keys = [
                replace(key, referenced_columns=tuple(map(name, key.referenced_columns)))
                if _refers(key, table)
                else key
                for key in other.keys
            ]

    def _keys_on(self, table: Table, column: str) -> list[tuple[Table, ForeignKey]]:
        """Return the foreign keys, with their tables, of which a column of `table` is a part."""
        return [(table, key) for key in table.keys if _has(key.columns, column)] + [
            (other, key)
            for other in (table, *self.referring(table))
            for key in other.keys
            if _refers(key, table) and _has(key.referenced_columns, column)
        ]

    def _needed(self, table: Table, column: str, problem) -> None:
        for other, key in self._keys_on(table, column):
            problem(
                "column_needed",
                f"column {column} of {table.name} is part of the foreign key {key.name} of "
                f"{other.name}",
                name=key.name or "",
                holder=other.name,
            )

    def _forget(self, table: Table, column: str) -> None:
        """Take a dropped column out of the indexes; one without columns goes."""
        for folded, index in list(table.keyed.items()):
            rest = tuple(
                part
                for part in index.columns
                if part.partition("(")[0].casefold() != column.casefold()
            )
            table.keyed[folded] = replace(index, columns=rest)
            if not rest and table.indexes is not None:
                del table.keyed[folded]
                table.indexes = [name for name in table.indexes if name.casefold() != folded]

    # --- indexes -------------------------------------------------------------------------

    def _index(self, table: Table, index: Index, statement, outcome, problem) -> None:
        """Add an index, which is not in table.indexes yet unless the table is being created."""
        if not index.name and index.columns:
            index = replace(index, name=_generated(index.columns[0], table.keyed))
        there = table.keyed.get(index.name.casefold())
        taken = table.identity is not None or self.tables.get(table.name.casefold()) is table
        if (
            there is None
            and taken
            and table.indexes is not None
            and _has(table.indexes, index.name)
        ):
            there = Index(index.name)
        # One that was only made for a foreign key gives way.
        if there is not None and not there.implied:
            problem(
                "index_exists", f"table {table.name} has an index {index.name}", name=index.name
            )
            return
        missing = [
            part.partition("(")[0]
            for part in index.columns
            if table.columns is not None and not _has(table.columns, part.partition("(")[0])
        ]
        # An index may also be on an expression, which has no name.
        if missing and all(missing):
            problem(
                "column_missing",
                f"table {table.name} has no column {missing[0]} for the index {index.name}",
                name=missing[0],
            )
            return
        if index.name and table.indexes is not None and not _has(table.indexes, index.name):
            table.indexes.append(index.name)
        if index.columns:
            table.keyed[index.name.casefold()] = index
        if index.name == PRIMARY:
            for part in index.columns:
                column = table.column(part)
                if column is not None:
                    table.definitions[part.casefold()] = replace(column, nullable=False)
        if index.unique:
            self._unique(table, index, statement, outcome)

    def _unique(self, table: Table, index: Index, statement, outcome) -> None:
        known = self._live_columns(table, index.columns)
        if known is None or table.rows is False:
            return
        live, values = known
        if live is None:
            return
        outcome.questions.append(
            Question(
                "duplicates",
                table.identity or "",
                live,
                statement,
                index.name,
                values,
                sure=not table.written,
            )
        )

    def _live_columns(self, table: Table, names: Iterable[str]):
        """Return the present names of columns, with the values of those that are not there yet.

        The names are None when one of the columns will be NULL in every row; None when it cannot
        be told from the live table at all.
        """
        if table.identity is None:
            return None
        live, values = [], []
        for name in names:
            column = table.column(name)
            if column is None:
                return None
            if column.live is None:
                value = types.implicit_default(column)
                if value is None:
                    return (None, ()) if column.nullable else None
                values.append((column.name, value))
            live.append(column.live or column.name)
        return tuple(live), tuple(values)

    def _drop_index(self, table: Table, effect, problem) -> None:
        if table.indexes is None:
            return
        if not _has(table.indexes, effect.name):
            if not getattr(effect, "if_exists", False):
                problem(
                    "index_missing",
                    f"table {table.name} has no index {effect.name}",
                    name=effect.name,
                )
            return
        folded = effect.name.casefold()
        if isinstance(effect, sql.RenameIndex):
            if _has(table.indexes, effect.new_name):
                detail = f"table {table.name} has an index {effect.new_name}"
                problem("index_exists", detail, name=effect.new_name)
                return
            table.indexes = [
                effect.new_name if name.casefold() == folded else name for name in table.indexes
            ]
            index = table.keyed.pop(folded, None)
            if index is not None:
                table.keyed[effect.new_name.casefold()] = replace(index, name=effect.new_name)
            return
        if self.foreign_key_checks:
            self._index_needed(table, effect.name, problem)
        table.indexes = [name for name in table.indexes if name.casefold() != folded]
        table.keyed.pop(folded, None)

    def _index_needed(self, table: Table, name: str, problem) -> None:
        sides = [(table, key, key.columns) for key in table.keys] + [
            (other, key, key.referenced_columns)
            for other in (table, *self.referring(table))
            for key in other.keys
            if _refers(key, table)
        ]
        for other, key, columns in sides:
            covering = table.covering(columns)
            if covering is not None and [i.name.casefold() for i in covering] == [name.casefold()]:
                problem(
                    "index_needed",
                    f"index {name} of {table.name} is needed by the foreign key {key.name} of "
                    f"{other.name}",
                    name=name,
                    holder=other.name,
                )

    # --- foreign keys --------------------------------------------------------------------

    def _refer(self, table: Table, key: ForeignKey, statement, outcome, problem) -> None:
        """Judge a foreign key that is being added to `table`, and give it its index."""
        name = key.name or ""
        missing = [
            column
            for column in key.columns
            if table.columns is not None and not _has(table.columns, column)
        ]
        for column in missing[:1]:
            problem(
                "column_missing",
                f"table {table.name} has no column {column} for the foreign key {name}",
                name=column,
            )
        if table.partitioned:
            problem("child_unfit", f"table {table.name} has partitions", name=name)
        elif table.engine is not None and table.engine.casefold() != "innodb":
            detail = (
                f"table {table.name} is {table.engine}, which takes the statement and makes no "
                f"foreign key of it: {name} will not be there"
            )
            outcome.ignored.append(Problem("ignored", statement, detail, table.name, name))
            return
        if missing or key.referenced_schema is not None:
            return
        self._set_null(table, key, problem)
        parent = self.get(key.referenced_table)
        if key.referenced_table.casefold() == table.name.casefold():
            parent = table
        if self.foreign_key_checks:
            if parent is None:
                detail = f"there is no table {key.referenced_table} to refer to"
                problem("parent_missing", detail, name=name)
            elif self.server.exact_names and parent.name != key.referenced_table:
                detail = (
                    f"there is no table {key.referenced_table} to refer to (the server tells it "
                    f"from {parent.name})"
                )
                problem("parent_missing", detail, name=name)
            else:
                if self._fits(table, key, parent, problem):
                    self._ask_for_orphans(table, key, parent, statement, outcome)
        self._imply_index(table, key, problem)

    def _set_null(self, table: Table, key: ForeignKey, problem) -> None:
        if "SET NULL" not in (key.on_delete, key.on_update):
            return
        for column in filter(None, map(table.column, key.columns)):
            if not column.nullable:
                problem(
                    "set_null",
                    f"the foreign key {key.name} is to set {table.name}.{column.name} to NULL, "
                    "which is NOT NULL",
                    name=key.name or "",
                )

    def _fits(self, table: Table, key: ForeignKey, parent: Table, problem) -> bool:
        """Tell whether the columns referred to are there, alike, and indexed."""
        found = self._misfit(table, key, parent)
        if found:
            problem(*found, name=key.name or "")
        return found is None

    def _misfit(self, table: Table, key: ForeignKey, parent: Table) -> tuple[str, str] | None:
        """Return (kind, detail) of the problem that the columns referred to make."""
        if parent.partitioned or (parent.engine or "InnoDB").casefold() != "innodb":
            how = "has partitions" if parent.partitioned else f"is {parent.engine}"
            return "parent_unfit", f"table {parent.name}, to which it refers, {how}"
        for column in key.referenced_columns:
            if parent.columns is not None and not _has(parent.columns, column):
                detail = f"table {parent.name} has no column {column} to refer to"
                return "parent_column_missing", detail
        for own, other in zip(key.columns, key.referenced_columns):
            child, referenced = table.column(own), parent.column(other)
            differs = child and referenced and types.difference(child, referenced)
            if child and referenced and differs:
                return "columns_differ", (
                    f"{table.name}.{own} ({types.describe(child)}) and {parent.name}.{other} "
                    f"({types.describe(referenced)}), to which it refers, differ in {differs}"
                )
        covering = parent.covering(key.referenced_columns)
        if covering is None:
            return None
        columns = ", ".join(key.referenced_columns)
        if not covering:
            return "parent_not_indexed", (
                f"{parent.name} has no index that begins with {columns}, to which it refers"
            )
        if self.server.unique_parent and not any(
            index.unique and len(index.columns) == len(key.referenced_columns) for index in covering
        ):
            return "parent_not_indexed", (
                f"{parent.name} has no unique index on {columns}, to which it refers"
            )
        return None

    def _ask_for_orphans(self, table, key: ForeignKey, parent: Table, statement, outcome) -> None:
        known = self._live_columns(table, key.columns)
        if known is None or known[0] is None or table.rows is False:
            return
        referenced = self._live_columns(parent, key.referenced_columns)
        if parent.identity is None and (parent.written or parent.rows is not False):
            return
        if parent.identity is not None and (referenced is None or referenced[1]):
            return
        outcome.questions.append(
            Question(
                "orphans",
                table.identity,
                known[0],
                statement,
                key.name or "",
                known[1],
                # A table that is only being made has no row to refer to.
                parent.identity or "",
                referenced[0] if referenced else (),
                sure=not table.written and not parent.written,
            )
        )

    def _imply_index(self, table: Table, key: ForeignKey, problem) -> None:
        """Add the index that the server makes for a foreign key, named like it."""
        covering = table.covering(key.columns)
        if covering is None or covering or not key.name:
            return
        if table.indexes is not None and _has(table.indexes, key.name):
            problem(
                "index_exists",
                f"table {table.name} has an index {key.name} on other columns, and the foreign key "
                "needs one of its own name",
                name=key.name,
            )
            return
        table.keyed[key.name.casefold()] = Index(key.name, key.columns, implied=True)
        if table.indexes is not None:
            table.indexes.append(key.name)


def _named(keys: Iterable[ForeignKey], table: Table) -> list[ForeignKey]:
    """Return the keys, those without a name with the one that the server generates."""
    prefix = f"{table.name}_ibfk_".casefold()
    taken = [key.name.casefold() for key in table.keys if key.name]
    numbers = [name[len(prefix) :] for name in taken if name.startswith(prefix)]
    number, named = max((int(n) for n in numbers if n.isdecimal()), default=0), []
    for key in keys:
        if not key.name:
            number += 1
        named.append(key if key.name else replace(key, name=f"{table.name}_ibfk_{number}"))
    return named


def _turn(effect: sql.Effect) -> int:
    """Tell in which turn a clause of a statement is carried out."""
    turns = {sql.DropForeignKey: 0, sql.DropIndex: 2, sql.DropColumn: 3, sql.AddForeignKey: 4}
    return turns.get(type(effect), 1)


def _generated(column: str, taken: dict[str, Index]) -> str:
    """Return the name that the server gives to an index without one."""
    names = [column, *(f"{column}_{number}" for number in range(2, 65))]
    return next(name for name in names if name.casefold() not in taken)


def _refers(key: ForeignKey, table: Table) -> bool:
    same = key.referenced_table.casefold() == table.name.casefold()
    return key.referenced_schema is None and same


def _has(names: Iterable[str], name: str) -> bool:
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
