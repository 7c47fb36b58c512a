# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells the holder of a constraint name apart: displaced, live, or the same table.

Rows, names and dates are hints and are not looked at here. What counts, strongest first:
which migration creates what (the recorded migrations, read in order), the renames that the
failed migration itself sends, and the columns. A table that is taken for displaced has its
constraint dropped, so every doubt ends in "unknown", which the diagnosis refuses.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from .facts import Laravel
from .schema import sql
from .schema.effects import AddForeignKey, CreateTable, RenameTable
from .schema.outcome import Problem
from .schema.simulation import Schema


@dataclass
class Holder:
    """Who holds the constraint `name` that `target` is to get.

    kind: displaced, same (the constraint is the one that the migration gives the table again),
    given_up (the operator names its table), other (the table's own, and another one), live, shadow
    (of the program `tool`) or unknown; the last four are refused. `original` is the name that a
    displaced table had, `leftover` whether a table has taken that name since, `missing` what would
    settle it.
    """

    name: str
    table: str
    target: str
    kind: str
    original: str | None = None
    leftover: bool = False
    leftover_rows: bool = False
    evidence: list[str] = field(default_factory=list)
    missing: str = ""
    tool: str = ""


# What programs put around the name of a table that they copy, sync or set aside.
TOOLS = {
    ("_", "_new"): "pt-online-schema-change",
    ("_", "_old"): "pt-online-schema-change",
    ("_", "_gho"): "gh-ost",
    ("_", "_ghc"): "gh-ost",
    ("_", "_del"): "gh-ost",
    ("", "_tmp"): "a program that syncs or imports",
    ("tmp_", ""): "a program that syncs or imports",
    ("", "_shadow"): "a program that syncs or imports",
}


def classify(
    laravel: Laravel,
    live: Schema,
    migration: str,
    problem: Problem,
    table: str,
    creating: dict[str, list[str]],
) -> Holder:
    """Return what the table `table`, which holds the name of `problem`, is.

    `creating` are the migrations that may have made a leftover, with their statements.
    """
    holder = Holder(problem.name, table, problem.table, "unknown")
    if table.casefold() == problem.table.casefold():
        holder.kind = "same" if _replaced(laravel, live, problem, table) else "other"
        holder.evidence.append(
            f"{table} holds {problem.name} itself; the migration gives it to that same name."
        )
        return holder
    history = laravel.history
    creator = history.creators.get(table.casefold())
    created = history.schema.get(table) is not None
    sent = [statement for name in laravel.pending for statement in laravel.up(name)]
    if laravel.failed and laravel.failed_migration():
        sent.append(laravel.failed.sql)
    renames = {
        effect.new_name.casefold(): effect.table
        for statement in sent
        for effect in sql.read(statement)
        if isinstance(effect, RenameTable)
    }
    made_by = f"the recorded migration {creator}" if creator else "the recorded migrations"
    if history.replayed:
        holder.evidence.append(
            f"The {len(laravel.recorded)} recorded migrations were run on an empty schema, and "
            "what they made there is what is compared."
        )
    used_by = (laravel.raw.get("model_tables") or {}).get(table)
    if created:
        holder.kind = "live"
        holder.evidence.append(
            f"{table} is created under that name by {made_by}, so it is in use and not a table "
            "renamed away."
        )
        return holder
    # A release that renames a table may well come with code that reads it under the new name.
    if used_by and table.casefold() not in renames:
        holder.kind = "live"
        holder.evidence.append(f"The application's code reads {table} ({used_by}).")
        return holder
    if table.casefold() not in renames:
        stranger = _stranger(laravel, live, table)
        if stranger:
            holder.kind = "live"
            holder.evidence.append(stranger)
            return holder
        holder.tool = _tool(table, problem.table, live)
        if holder.tool:
            holder.kind = "shadow"
            holder.evidence.append(f"A table called {table} is what {holder.tool} makes.")
            return holder
    owner = next((t.name for t in history.schema.holders(problem.name)), None)
    renamed_from = renames.get(table.casefold())
    mentions = laravel.mentioned_by(table, laravel.recorded)
    if owner:
        giver = history.creators.get(owner.casefold(), "the recorded migrations")
        holder.evidence.append(
            f"No recorded migration creates {table}, and {problem.name} was given to {owner} by "
            f"{giver}: {table} is {owner}, renamed."
        )
    if renamed_from:
        holder.evidence.append(f"Migration {migration} renames {renamed_from} to {table}.")
    if mentions and not history.replayed:
        holder.evidence.append(f"But recorded migration {mentions[0]} names {table} too.")
        holder.missing = f"whether {mentions[0]} made {table} what it is"
        return holder
    if owner and renamed_from and owner.casefold() != renamed_from.casefold():
        holder.evidence.append("These two do not agree on where it comes from.")
        holder.missing = f"whether {table} was {owner} or {renamed_from}"
        return holder
    # By hand, or by a migration? What was renamed by hand may well be in use.
    named = laravel.mentioned_by(table, laravel.pending)
    if named and not renamed_from:
        holder.evidence.append(f"Migration {named[0]} names {table}.")
    original = renamed_from or (owner if history.conclusive and named else None)
    if original is None:
        gaps = "; ".join(history.gaps)
        holder.missing = (
            f"a migration that creates {table}, or one that renames another table to it"
            + (f" (the history has gaps: {gaps})" if gaps else "")
        )
        return holder
    holder.original = original
    agrees, said = _columns(laravel, live, migration, holder, creating)
    holder.evidence.extend(said)
    if agrees is False or (agrees is None and owner is None):
        holder.missing = f"columns of {table} and {original} that agree with the migrations"
        return holder
    there = live.get(original)
    holder.kind = "displaced"
    holder.leftover = there is not None
    holder.leftover_rows = bool(there and there.may_have_rows)
    return holder


def _replaced(laravel: Laravel, live: Schema, problem: Problem, table: str) -> bool:
    """Tell whether the table's constraint is made again, or goes away with the table's name."""
    there = live.get(table)
    held = there.key(problem.name) if there else None
    for statement in (text for name in laravel.pending for text in laravel.up(name)):
        for effect in sql.read(statement):
            if isinstance(effect, RenameTable) and effect.table.casefold() == table.casefold():
                return True
    wanted = [
        key
        for effect in sql.read(problem.statement)
        for key in (
            [effect.foreign_key]
            if isinstance(effect, AddForeignKey)
            else effect.foreign_keys
            if isinstance(effect, CreateTable)
            else []
        )
        if key.name and key.name.casefold() == problem.name.casefold()
    ]
    return held is None or any(_set(key.columns) == _set(held.columns) for key in wanted)


def _stranger(laravel: Laravel, live: Schema, table: str) -> str:
    """Return why the table belongs to another application in the same schema, or nothing."""
    own = ((laravel.raw.get("connection") or {}).get("prefix") or "").casefold()
    if own and not table.casefold().startswith(own):
        return (
            f"{table} does not begin with {own}, the prefix of this application's tables: it is "
            "another application's."
        )
    for name in live.tables:
        prefix = name[: -len("migrations")] if name.endswith("migrations") else ""
        if prefix and prefix != own and table.casefold().startswith(prefix):
            return (
                f"{table} begins like {name}, the list of migrations of another application in "
                "this schema: it is that one's."
            )
    return ""


def _tool(table: str, target: str, live: Schema) -> str:
    """Return the program whose table, made while it works on another one, this is by its name."""
    folded = table.casefold()
    if folded.startswith(("#sql", "#mysql50##sql")):
        return "the server, for an ALTER TABLE that did not end,"
    for (before, after), tool in TOOLS.items():
        middle = folded[len(before) : len(folded) - len(after)]
        whole = folded == f"{before}{middle}{after}"
        if middle and whole and (live.get(middle) or middle == target.casefold()):
            return tool
    return ""


def _columns(
    laravel: Laravel, live: Schema, migration: str, holder: Holder, creating: dict[str, list[str]]
) -> tuple[bool | None, list[str]]:
    """Compare columns with the migrations; (agree, sentences), None when nothing is known."""
    said: list[str] = []
    verdicts: list[bool] = []
    earlier = laravel.history.schema.get(holder.original or "")
    displaced = live.get(holder.table)
    if earlier and earlier.columns is not None and displaced and displaced.columns is not None:
        # A column added by hand since does not speak against it; one that is gone does.
        same = _set(earlier.columns) <= _set(displaced.columns)
        verdicts.append(same)
        said.append(
            f"{holder.table} {'has' if same else 'lacks some of'} the columns that the earlier "
            f"migrations gave {holder.original}."
        )
    leftover = live.get(holder.original or "")
    made = _created_columns(creating, holder.original or "")
    if leftover and leftover.columns is not None:
        if not made:
            verdicts.append(False)
            said.append(f"{holder.original} exists, and {migration} does not create it.")
        else:
            by = [name for name, columns in made if columns == _set(leftover.columns)]
            verdicts.append(bool(by))
            said.append(
                f"{leftover.name} has {'the' if by else 'other'} columns "
                f"{'that' if by else 'than'} {by[0] if by else migration} creates it with."
            )
    if not verdicts:
        return None, said
    return all(verdicts), said


def _created_columns(creating: dict[str, list[str]], table: str) -> list[tuple[str, set[str]]]:
    """Return (migration, columns) for each time that one of them creates `table`."""
    return [
        (name, _set(effect.columns))
        for name, statements in creating.items()
        for statement in statements
        for effect in sql.read(statement)
        if isinstance(effect, CreateTable) and effect.table.casefold() == table.casefold()
    ]


def _set(names: Iterable[str]) -> set[str]:
    return {name.casefold() for name in names}
