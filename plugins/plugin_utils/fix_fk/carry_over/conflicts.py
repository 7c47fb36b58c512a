# SPDX-License-Identifier: GPL-3.0-or-later
"""What is given to a column of the new table, and what stands in the way of rows, as counted."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..aside.pairs import BIRTH
from ..case import Case
from ..schema import columns as types
from ..schema.simulation import Schema
from ..schema.tables import Table
from .fitting import exact, taken, unfit

from ansible.module_utils.fix_fk.schema.carrying import literal, same_origin  # isort: skip
from ansible.module_utils.fix_fk.schema.sql import quote_identifier as quote  # isort: skip


@dataclass(frozen=True)
class Given:
    """A column of the new table and where its values come from.

    `source` is a column of the old table, None where `value` is all that it gets. `value` takes the
    place of NULL where there is a source; `told` is whether there is one.
    """

    column: str
    source: str | None
    told: bool = False
    value: str | int | float | None = None
    how: str = ""

    def sql(self, alias: str = "c") -> str:
        """Return the SQL of the value, for a row `alias` of the old table."""
        source = f"{alias}.{quote(self.source)}" if self.source else ""
        if not self.told:
            return source
        return f"COALESCE({source}, {literal(self.value)})" if source else literal(self.value)


@dataclass
class Mapping:
    """The columns that are given, what is asked for, and what stands in the way.

    `table` and `old` are named as they are when the rows are carried over, `live` as the old one is
    named now. `key` are the columns that tell a row, as (new, old). `notes` say what is not plain.
    `asks` are sentences, `answers` the variables that answer them. `rows` and `conflicts` are
    (sentence, rows or None, query). `why_not` is why nothing can be carried over at all.
    """

    table: str
    old: str
    live: str
    columns: list[Given] = field(default_factory=list)
    key: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    # Columns of the old table that stay behind because it was said.
    left: list[str] = field(default_factory=list)
    asks: list[str] = field(default_factory=list)
    answers: dict[str, object] = field(default_factory=dict)
    conflicts: list[tuple[str, int | None, str]] = field(default_factory=list)
    why_not: str = ""
    # Whether a row may refer to one that comes later, so that foreign keys are checked at the end.
    out_of_order: bool = False
    # The columns in which two rows are held against each other: {new, old} SQL of both, {plain}.
    compared: list[dict] = field(default_factory=list)
    # The rows that are in both tables before, as carrying.py has them.
    there: dict = field(default_factory=dict)

    def given(self, column: str) -> Given | None:
        wanted = column.casefold()
        return next((one for one in self.columns if one.column.casefold() == wanted), None)


class Conflicts:
    """Counts the rows that the new table would not take; `pairs` are {new, folded: old}.

    counts: whether rows may be counted.
    """

    def __init__(self, case: Case, state: Schema, pairs: dict[str, str], counts: bool):
        self.case, self.state, self.pairs, self.counts = case, state, pairs, counts
        self.inputs = case.inputs

    def find(self, mapping: Mapping, new: Table, old: Table) -> None:
        """Note in a mapping what is in the way of its rows."""
        self._values(mapping, new, old)
        self._unique(mapping, new, old)
        self._parents(mapping, new, old)
        self._missing(mapping, new, old)
        self._there(mapping, new, old)

    def count(self, kind: str, table: str, **asked) -> dict:
        question = {"kind": kind, "table": table, "columns": [], "values": {}, **asked}
        return self.case.counted(question) if self.counts else {"rows": None, "query": ""}

    def _conflict(self, mapping: Mapping, said: str, condition: str) -> None:
        found = self.count("matching", mapping.live, condition=condition)
        if found["rows"] != 0:
            mapping.conflicts.append((said, found["rows"], found["query"]))

    def _values(self, mapping: Mapping, new: Table, old: Table) -> None:
        for one in mapping.columns:
            column, before = new.column(one.column), old.column(one.source or "")
            if not column or not before or not one.source:
                continue
            at = f"{mapping.old}.{one.source}"
            condition = unfit(before, column, one.sql())
            if condition:
                self._conflict(
                    mapping,
                    f"a value of {at} that {mapping.table}.{one.column}, {types.describe(column)}, "
                    "cannot hold as it is",
                    f"{one.sql()} IS NOT NULL AND ({condition})",
                )
            if before.nullable and not column.nullable and not one.told:
                self._conflict(
                    mapping,
                    f"NULL in {at}, and {mapping.table}.{one.column} wants a value (carry_default "
                    "gives them one)",
                    f"{one.sql()} IS NULL",
                )
            kind = types.base(column.type or "")
            mapping.compared.append(
                {
                    "new": exact(kind, f"n.{quote(one.column)}"),
                    "old": exact(types.base(before.type or ""), one.sql()),
                    "plain": one.how == "same",
                    "key": one.column in {column for column, _ in mapping.key},
                    "born": one.column.casefold() == one.source.casefold() == BIRTH,
                }
            )

    def _unique(self, mapping: Mapping, new: Table, old: Table) -> None:
        """Count the rows that a unique key of the new table allows once only."""
        key = _same_key(mapping, new, old)
        there = new.identity is not None and new.may_have_rows
        if there and mapping.compared:
            same = same_origin({"compared": mapping.compared})
            self._conflict(
                mapping,
                f"a row of {mapping.old} whose key another row of {mapping.table} has by now (give "
                "that one another key, with all that means it)",
                f"EXISTS (SELECT 1 FROM {quote(new.identity or '')} n WHERE {key} AND NOT ({same}))",  # noqa: E501,S608 - shown
            )
        for index in new.keyed.values():
            given = [mapping.given(name) for name in index.columns]
            if not index.unique or index.kind:
                continue
            sources = [one for one in given if one and one.source]
            own = [one.column for one in given if one] == [column for column, _ in mapping.key]
            if own and not self._collated(new, old, sources):
                continue
            constant = [one for one in given if one is None or not one.source]
            if any(
                one is None and self._null(new, name) for one, name in zip(given, index.columns)
            ):
                # NULL is never the same as NULL.
                continue
            if not sources or any("(" in name for name in index.columns):
                mapping.notes.append(f"{index.name} of {mapping.table} is judged by the server")
                continue
            columns = [one.source for one in sources]
            found = self._twice(mapping, new, old, sources)
            if found["rows"] != 0:
                mapping.conflicts.append(
                    (
                        f"values of {', '.join(map(str, columns))} that more than one row of "
                        f"{mapping.old} has, and {index.name} of {mapping.table} allows once",
                        found["rows"],
                        found["query"],
                    )
                )
            if there and not constant and not own:
                same = " AND ".join(
                    f"n.{quote(one.column)} = {self._taken(new, old, one)}" for one in sources
                )
                self._conflict(
                    mapping,
                    f"a row whose {', '.join(map(str, columns))} another row of {mapping.table} "
                    f"has, which {index.name} allows once",
                    f"EXISTS (SELECT 1 FROM {quote(new.identity or '')} n WHERE {same} AND NOT ({key}))",  # noqa: E501,S608 - shown
                )

    def _taken(self, new: Table, old: Table, one: Given, alias: str = "c") -> str:
        return taken(old.column(one.source or ""), new.column(one.column), one.sql(alias))

    def _collated(self, new: Table, old: Table, columns: list[Given]) -> bool:
        """Tell whether the new table takes other texts for the same than the old one."""
        return any(self._taken(new, old, one) != one.sql() for one in columns)

    def _missing(self, mapping: Mapping, new: Table, old: Table) -> None:
        """Ask about rows that are not in the new table where others are: a row that was deleted
        there does not come back unasked."""
        accepted = {name.casefold() for name in self.inputs.carry_missing}
        lifted = self.case.was_lifted(mapping.old)
        if new.identity is None or self.case.carrying_was_interrupted():
            return
        if not new.may_have_rows and not lifted:
            return
        if {mapping.table.casefold(), mapping.old.casefold()} & accepted:
            return
        rows = f"SELECT 1 FROM {quote(new.identity)} n WHERE {_same_key(mapping, new, old)}"  # noqa: S608 - shown
        same = same_origin({"compared": mapping.compared})
        there = self.count("matching", mapping.live, condition=f"EXISTS ({rows} AND {same})")
        absent = self.count("matching", mapping.live, condition=f"NOT EXISTS ({rows})")
        if absent["rows"] == 0 or (there["rows"] == 0 and not lifted):
            return
        if None in (there["rows"], absent["rows"]):
            mapping.conflicts.append(
                (
                    f"a row of {mapping.old} that is not in {mapping.table}, where others are: if "
                    "it was deleted there since, it would come back",
                    None,
                    absent["query"],
                )
            )
            return
        mapping.asks.append(
            f"{absent['rows']} rows of {mapping.old} are not in {mapping.table}, and "
            f"{there['rows']} are"
            + ", after a run that was interrupted, and an application that was brought up by hand"
            * lifted
            + f": what was deleted there since would come back ({absent['query']})."
        )
        mapping.answers |= {"carry_missing": [mapping.table]}

    def _there(self, mapping: Mapping, new: Table, old: Table) -> None:
        """Note the rows that are in both tables already, which are not to be taken back."""
        if new.identity is None or not new.may_have_rows:
            return
        noted = self.case.there_before(mapping.table, mapping.old)
        if noted is not None:
            mapping.there = noted
            return
        plain = len(mapping.key) == 1 and types.family(_kind(old, mapping.key[0][1])) == "integer"
        names = [f"c.{quote(source)}" for _, source in mapping.key]
        # Of any other kind of key its bytes tell, and more than one number keeps a row.
        sql = (
            names[0]
            if plain
            else f"CONCAT_WS(',', {', '.join(f'HEX(CAST({name} AS BINARY))' for name in names)})"
        )
        rows = f"SELECT 1 FROM {quote(new.identity)} n WHERE {_same_key(mapping, new, old)}"  # noqa: S608 - shown
        found = self.count("matching", mapping.live, condition=f"EXISTS ({rows})", listed=sql)
        values = found.get("values")
        if found["rows"] == 0:
            return
        mapping.there = (
            {"many": found["rows"] or "some"}
            if values is None
            else {"sql": sql, "values": list(map(int, values)) if plain else values}
        )

    def _twice(self, mapping: Mapping, new: Table, old: Table, sources: list[Given]) -> dict:
        """Count the values that more than one row of the old table has."""
        if not self._collated(new, old, sources):
            names = [one.source for one in sources]
            return self.count("duplicates", mapping.live, columns=names)
        mine, theirs = (
            ", ".join(self._taken(new, old, one, alias) for one in sources) for alias in "cd"
        )
        twice = (
            f"SELECT {theirs} FROM {quote(mapping.live)} d GROUP BY {theirs} HAVING COUNT(*) > 1"  # noqa: S608 - shown
        )
        return self.count("matching", mapping.live, condition=f"({mine}) IN ({twice})")

    def _null(self, new: Table, name: str) -> bool:
        """Tell whether a column that nobody gives a value is NULL then."""
        column = new.column(name)
        if not column or column.generated:
            return False
        return column.nullable and types.implicit_default(column) is None

    def _parents(self, mapping: Mapping, new: Table, old: Table) -> None:
        """Count the rows that would refer to nothing."""
        for key in new.keys:
            given = [mapping.given(name) for name in key.columns]
            sources = [one for one in given if one and one.source]
            own = key.referenced_table.casefold() == new.name.casefold()
            mapping.out_of_order |= own
            if key.referenced_schema or len(sources) < len(key.columns):
                continue
            there = self._rows_of(key.referenced_table, key.referenced_columns)
            absent = [
                f"NOT EXISTS (SELECT 1 FROM {quote(table)} p WHERE "  # noqa: S608 - shown
                + " AND ".join(
                    f"{one} = {self._taken(new, old, two)}" for one, two in zip(columns, sources)
                )
                + ")"
                for table, columns in there
            ]
            filled = [f"{one.sql()} IS NOT NULL" for one in sources]
            names = ", ".join(str(one.source) for one in sources)
            self._conflict(
                mapping,
                f"a row whose {names} refers to no row of {key.referenced_table}, which "
                f"{key.name or 'a foreign key'} of {mapping.table} asks for",
                " AND ".join([*filled, *absent]),
            )

    def _rows_of(self, table: str, columns) -> list[tuple[str, list[str]]]:
        """Return the tables, as they are named now, whose rows are those of `table` then, with the
        SQL of the columns in each."""
        found = []
        then = self.state.get(table)
        if then and then.identity is not None:
            found.append((then.identity, [f"p.{quote(c)}" for c in columns]))
        away = self.state.get(self.pairs.get(table.casefold(), ""))
        if away and away.identity is not None:
            found.append((away.identity, [f"p.{quote(c)}" for c in columns]))
        return found


def _kind(table: Table, name: str) -> str:
    column = table.column(name)
    return types.base(column.type or "") if column else ""


def _same_key(mapping: Mapping, new: Table, old: Table) -> str:
    """Return the condition under which rows `n` and `c` have one key."""
    return " AND ".join(
        f"n.{quote(n)} = {taken(old.column(o), new.column(n), f'c.{quote(o)}')}"
        for n, o in mapping.key
    )
