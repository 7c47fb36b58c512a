# SPDX-License-Identifier: GPL-3.0-or-later
"""How rows of a displaced table come into the one that took its place: column by column.

What cannot be decided is asked for by name, never guessed. What stands in the way of rows is
counted on the server.
"""

from __future__ import annotations

from dataclasses import replace

from ..aside.pairs import DELETED
from ..case import Case
from ..schema import columns as types
from ..schema.effects import PRIMARY, Column
from ..schema.simulation import Schema
from ..schema.tables import Table, has
from .conflicts import Conflicts, Given, Mapping
from .fitting import unfit
from .said import Said


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
        self.conflicts = Conflicts(case, state, self.pairs, counts)
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
            self.conflicts.find(mapping, new, away)
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
            counted = self.conflicts.count("filled", mapping.live, columns=[name])
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
        rows = _number(self.conflicts.count("filled", mapping.live, columns=[name])["rows"])
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

    def _triggers(self, mapping: Mapping, new: Table) -> None:
        accepted = {name.casefold() for name in self.inputs.carry_triggers}
        names = self.case.insert_triggers(new)
        if names and new.name.casefold() not in accepted:
            mapping.asks.append(
                f"{mapping.table} has triggers on INSERT ({', '.join(names)}), which have seen the "
                "old rows already: carried over, each row would have them run again."
            )
            mapping.answers |= {"carry_triggers": [mapping.table]}


def _number(rows: int | None) -> str:
    return "rows that could not be counted in time" if rows is None else f"{rows} rows"


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
