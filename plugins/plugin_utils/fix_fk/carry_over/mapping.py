# SPDX-License-Identifier: GPL-3.0-or-later
"""How rows of a displaced table come into the one that took its place: column by column.

What cannot be decided is asked for by name, never guessed. What stands in the way of rows is
counted on the server.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ..aside.pairs import BIRTH, DELETED
from ..case import Case
from ..schema import columns as types
from ..schema.effects import PRIMARY, Column
from ..schema.simulation import Schema
from ..schema.tables import Table, has
from .fitting import exact, taken, unfit
from .said import Said

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


class Mapper:
    """Maps the tables of one application; `state` is the schema in which rows are carried over.

    pairs: (table, old), as they are named there. counts: whether rows may be counted, without which
    nothing is known to be in the way.
    """

    def __init__(
        self, case: Case, state: Schema, pairs: list[tuple[str, str]], counts: bool = True
    ):
        self.case, self.state, self.inputs, self.counts = case, state, case.inputs, counts
        self.pairs = {new.casefold(): old for new, old in pairs}
        self.found = [self._map(new, old) for new, old in pairs]

    def _map(self, table: str, old: str) -> Mapping:
        new, away = self.state.get(table), self.state.get(old)
        if not new or not away or not new.known or not away.known:
            mapping = Mapping(table, old, old)
            unknown = table if not new or not new.known else old
            mapping.why_not = f"the columns of {unknown} are not known"
            return mapping
        mapping = Mapping(new.name, away.name, away.identity or away.name)
        self._columns(mapping, new, away)
        self._gone(mapping, new, away)
        self._key(mapping, new, away)
        self._triggers(mapping, new)
        if self.counts and not mapping.asks and not mapping.why_not:
            self._values(mapping, new, away)
            self._unique(mapping, new, away)
            self._parents(mapping, new, away)
            self._missing(mapping, new, away)
            self._there(mapping, new, away)
        return mapping

    # --- which column becomes which --------------------------------------------------------------

    def _columns(self, mapping: Mapping, new: Table, old: Table) -> None:
        said = Said(self.inputs, (mapping.table, mapping.old, mapping.live))
        for name in new.columns or ():
            column = new.column(name)
            if column is None or column.generated:
                continue
            asked = f"{mapping.table}.{name}"
            source = said.source(name) or (name if has(old.columns or (), name) else None)
            if source and not has(old.columns or (), source):
                mapping.asks.append(
                    f"carry_map says that {asked} comes from {source}, and {mapping.old} has no "
                    "such column."
                )
                continue
            told, value = said.value(name)
            if source is None and not told:
                self._unsaid(mapping, column, asked)
                continue
            if source is None:
                mapping.columns.append(Given(name, None, True, value, f"{value!r}, as it is said"))
                continue
            before = old.column(source)
            how = self._how(before, column) if before else None
            if how is None:
                mapping.asks.append(
                    f"{asked} is {types.describe(column)}, and {mapping.old}.{source} is "
                    f"{types.describe(before) if before else 'not known'}: what one makes of the "
                    "other is not for this tool to say. Leave the old column out (carry_drop) and "
                    "let the new one have a value (carry_default), or change its type."
                )
                mapping.answers |= {"carry_drop": [f"{mapping.old}.{source}"]}
                continue
            mapping.columns.append(Given(name, source, told, value, how))

    def _unsaid(self, mapping: Mapping, column: Column, asked: str) -> None:
        """A new column of which nobody has said what it gets."""
        if not column.required:
            mapping.notes.append(f"{asked} is new and gets its default")
            return
        mapping.asks.append(
            f"{asked} is new, takes a value and has no default: which one do the old rows get?"
        )
        mapping.answers.setdefault("carry_default", {})[asked] = "<value>"  # type: ignore[index]

    def _how(self, old: Column, new: Column) -> str | None:
        """Say what becomes of the values; None where it cannot be told."""
        condition = unfit(old, new, "c.x")
        if condition is None:
            return None
        if types.normal(old.type or "") == types.normal(new.type or ""):
            return "same"
        return "narrower" if condition else "wider"

    def _gone(self, mapping: Mapping, new: Table, old: Table) -> None:
        """Ask about the columns that have no counterpart, where a row has something in them."""
        said = Said(self.inputs, (mapping.table, mapping.old, mapping.live))
        used = {one.source.casefold() for one in mapping.columns if one.source}
        for name in old.columns or ():
            column = old.column(name)
            folded = name.casefold()
            if folded in used or column is None or column.generated:
                continue
            if said.dropped(name):
                mapping.left.append(name)
                mapping.notes.append(self._stays(mapping, name))
                continue
            if has(new.columns or (), name) and any(f".{name}" in ask for ask in mapping.asks):
                continue
            counted = self._count("filled", mapping.live, columns=[name])
            if counted["rows"] == 0:
                mapping.notes.append(f"{mapping.old}.{name} stays behind: nothing is in it")
                continue
            rows = _number(counted["rows"])
            if folded == DELETED:
                mapping.asks.append(
                    f"{mapping.old}.{name} marks {rows} as deleted, and {mapping.table} has no "
                    "such column: the application would find them again. Give it one with a "
                    "migration, or say with carry_drop that they may come back."
                )
                if not self.counts:
                    # That is not for a command to say which nobody has thought about.
                    continue
            else:
                mapping.asks.append(
                    f"{mapping.old}.{name} has values in {rows}, and {mapping.table} has no column "
                    "for them."
                )
            mapping.answers.setdefault("carry_drop", []).append(  # type: ignore[attr-defined]
                f"{mapping.old}.{name}"
            )

    def _stays(self, mapping: Mapping, name: str) -> str:
        """Say what becomes of a column that stays behind because it was said."""
        rows = _number(self._count("filled", mapping.live, columns=[name])["rows"])
        if name.casefold() == DELETED:
            return (
                f"{mapping.old}.{name} marks {rows} as deleted, which the application finds again, "
                "as carry_drop says"
            )
        return (
            f"{mapping.old}.{name} has values in {rows}, which stay there alone, as carry_drop says"
        )

    def _key(self, mapping: Mapping, new: Table, old: Table) -> None:
        """Find the columns that tell a row in both tables."""
        for index in sorted(new.keyed.values(), key=lambda one: one.name.upper() != PRIMARY):
            given = [mapping.given(name) for name in index.columns]
            if not index.unique or index.kind or not all(one and one.source for one in given):
                continue
            pairs = [(one.column, one.source) for one in given if one and one.source]
            sources = [source for _, source in pairs]
            if _tells(old, sources) and not any(
                column.nullable for name in sources for column in [old.column(name)] if column
            ):
                mapping.key = pairs
                return
        mapping.why_not = (
            f"no primary key, and no unique key without NULL, tells a row of {mapping.old} from "
            f"the others in {mapping.table} too"
        )

    # --- what stands in the way ------------------------------------------------------------------

    def _count(self, kind: str, table: str, **asked) -> dict:
        question = {"kind": kind, "table": table, "columns": [], "values": {}, **asked}
        return self.case.counted(question) if self.counts else {"rows": None, "query": ""}

    def _conflict(self, mapping: Mapping, said: str, condition: str) -> None:
        found = self._count("matching", mapping.live, condition=condition)
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
        there = self._count("matching", mapping.live, condition=f"EXISTS ({rows} AND {same})")
        absent = self._count("matching", mapping.live, condition=f"NOT EXISTS ({rows})")
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
        found = self._count("matching", mapping.live, condition=f"EXISTS ({rows})", listed=sql)
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
            return self._count("duplicates", mapping.live, columns=names)
        mine, theirs = (
            ", ".join(self._taken(new, old, one, alias) for one in sources) for alias in "cd"
        )
        twice = (
            f"SELECT {theirs} FROM {quote(mapping.live)} d GROUP BY {theirs} HAVING COUNT(*) > 1"  # noqa: S608 - shown
        )
        return self._count("matching", mapping.live, condition=f"({mine}) IN ({twice})")

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

    def _triggers(self, mapping: Mapping, new: Table) -> None:
        accepted = {name.casefold() for name in self.inputs.carry_triggers}
        names = self.case.insert_triggers(new)
        if names and new.name.casefold() not in accepted:
            mapping.asks.append(
                f"{mapping.table} has triggers on INSERT ({', '.join(names)}), which have seen the "
                "old rows already: carried over, each row would have them run again."
            )
            mapping.answers |= {"carry_triggers": [mapping.table]}


def _kind(table: Table, name: str) -> str:
    column = table.column(name)
    return types.base(column.type or "") if column else ""


def _number(rows: int | None) -> str:
    return "rows that could not be counted in time" if rows is None else f"{rows} rows"


def _same_key(mapping: Mapping, new: Table, old: Table) -> str:
    """Return the condition under which rows `n` and `c` have one key."""
    return " AND ".join(
        f"n.{quote(n)} = {taken(old.column(o), new.column(n), f'c.{quote(o)}')}"
        for n, o in mapping.key
    )


def _tells(table: Table, columns: list[str]) -> bool:
    """Tell whether no two rows of a table have the same in these columns."""
    wanted = {name.casefold() for name in columns}
    return any(
        index.unique
        and not index.kind
        and index.columns
        and {name.casefold() for name in index.columns} <= wanted
        for index in table.keyed.values()
    )


def in_order(mappings: list[Mapping], state: Schema) -> list[Mapping]:
    """Return them so that rows that others refer to are carried over first; those that refer to
    each other have their keys checked at the end."""
    left, ordered = list(mappings), []
    while left:
        names = {mapping.table.casefold() for mapping in left}

        def waits(mapping: Mapping, names: set[str] = names) -> bool:
            table = state.get(mapping.table)
            to = {key.referenced_table.casefold() for key in table.keys} if table else set()
            return bool((to & names) - {mapping.table.casefold()})

        ready = [mapping for mapping in left if not waits(mapping)]
        if not ready:
            ready = [replace(mapping, out_of_order=True) for mapping in left]
            left = []
        ordered += ready
        left = [mapping for mapping in left if mapping not in ready]
    return ordered
