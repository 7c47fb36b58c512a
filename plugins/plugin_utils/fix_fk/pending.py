# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pending migrations would destroy, and which tables are not theirs: pure functions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from . import names_back, position
from .facts import Laravel
from .schema import sql
from .schema.effects import CreateTable, Harmless, Unread
from .schema.outcome import Loss
from .schema.redaction import redact
from .schema.simulation import Schema
from .schema.statements import emptied_by
from .schema.tables import Table

from ansible.module_utils.fix_fk.schema.sql import quote_identifier  # isort: skip

# What may destroy rows in a statement that could not be read.
_DESTROYS = re.compile(
    r"\b(?:drop\s+(?:tables?|database|schema|partition|everything)|truncate|delete|replace\s+into"
    r"|execute|call|prepare|load\s+data|(?:exchange|reorganize)\s+partition|drop\s+system\s+versioning"
    r"|alter\s+(?:online\s+)?ignore)\b",
    re.IGNORECASE,
)


# Problems that end a migration for certain before the statement has done anything.
_ENDS = (*position.ENDS, "table_referenced")


@dataclass(frozen=True)
class Danger:
    """Rows that a pending migration would destroy.

    `table` has the name that it has on the server now ("" where the statement could not be read);
    `doubt` is why it is not certain, "" when it is.
    """

    migration: str
    table: str
    does: str
    statement: str = ""
    doubt: str = ""

    def sentence(self, rows: int | None = None) -> str:
        """Say it, with the number of the rows where they were counted."""
        verb = "may lose rows: it" if self.doubt else ""
        what = " ".join(part for part in (f"Migration {self.migration}", verb, self.does) if part)
        held = "has rows" if rows is None else f"has {rows} row{'' if rows == 1 else 's'}"
        what += f", which {held}" if self.table else ""
        return f"{what}. {self.doubt}".strip()


def dangers(
    laravel: Laravel,
    live: Schema,
    accepted: Iterable[str] = (),
    migrations: Iterable[str] | None = None,
) -> list[Danger]:
    """Return what `artisan migrate` would destroy, without the tables that are accepted by name.

    A migration of which it is not known which table it empties is accepted by its own name. What
    comes after a statement that certainly fails is left out: it is not reached.
    """
    passed = {name.casefold() for name in accepted}
    wanted = laravel.pending if migrations is None else list(migrations)
    all_of = [name for name in wanted if name.casefold() in passed]
    state, found, ended = live.copy(), [], False
    # {new name: the table} of renames in branches that --pretend does not take.
    moved: dict[str, Table] = {}
    for migration in wanted:
        reasons = laravel.conditional(migration)
        decides = f"It decides by what it finds ({', '.join(reasons)})." if reasons else ""
        for old, new in laravel.unshown_renames(migration):
            table = live.get(old)
            if table and table.may_have_rows:
                moved[new.casefold()] = table
        for number, statement in enumerate(laravel.up(migration), 1):
            doubt = "" if laravel.certain(migration, number) else decides
            outcome = state.apply([statement])
            # What was made by hand since the recorded migrations may lead it elsewhere.
            sure = not doubt and not (laravel.at == "before" and laravel.learns(migration))
            ended = sure and any(problem.kind in _ENDS for problem in outcome.problems)
            if ended:
                break
            found += [
                Danger(migration, loss.table, loss.detail, statement, doubt)
                for loss in outcome.losses
                if is_whole(loss) and (loss.table or migration).casefold() not in passed
            ]
            for name in emptied_by(statement) & moved.keys():
                table = moved[name]
                if not state.get(name) and table.name.casefold() not in passed:
                    does = f"drops or empties table {name} (now {table.name})"
                    why = doubt or "An earlier one renames it where that is not shown."
                    found.append(Danger(migration, table.name, does, statement, why))
            if may_destroy(statement) and migration not in all_of:
                does = f"sends a statement that could not be read: {redact(statement)}"
                found.append(Danger(migration, "", does, statement, "It may destroy rows."))
        if ended:
            break
        for name in laravel.unshown_drops(migration):
            if not name and migration not in all_of:
                does = "drops or empties a table whose name is known only when it runs"
                found.append(Danger(migration, "", does, "", decides or "It was not read."))
            # By then it may be called so, or not any more.
            for table in filter(None, (live.get(name), state.get(name))):
                now = table.identity or ""
                if now and table.may_have_rows and not {name.casefold(), now.casefold()} & passed:
                    does = f"drops or empties table {name}"
                    does += "" if now.casefold() == name.casefold() else f" (now {now})"
                    found.append(Danger(migration, now, does, "", decides or "It was not read."))
                    break
    return found


def may_destroy(statement: str) -> bool:
    """Tell whether a statement that could not be read may destroy rows."""
    unread = all(isinstance(e, (Unread, Harmless)) for e in sql.read(statement))
    return unread and bool(_DESTROYS.search(statement))


def parts(laravel: Laravel, live: Schema) -> list[str]:
    """Return a note on each column, and on some of a table's rows, that would go."""
    state = live.copy()
    return [
        f"Migration {migration} {loss.detail}, which has rows."
        for migration in laravel.pending
        for loss in state.apply(laravel.up(migration)).losses
        if not is_whole(loss)
    ]


def is_whole(loss: Loss) -> bool:
    """Tell whether a table is dropped or emptied, and not only some rows or a column."""
    return loss.kind in ("table", "rows")


def way_out(
    laravel: Laravel, live: Schema, tables: Iterable[str], unknown: Iterable[str] = ()
) -> str:
    """Return what to do about migrations that would drop or empty these tables.

    The loss can be accepted by name only for tables that a recorded migration makes: of any other
    it is not known whether its rows are the only ones. `unknown` are the migrations of which it is
    not known which tables they empty.
    """
    parts, known = [], []
    for name in dict.fromkeys(unknown):
        named = json.dumps({"remigrate_accept_loss": [name]}, ensure_ascii=False)
        parts.append(
            f"Read {name}, or let it run on a copy of the schema: which rows it destroys cannot be "
            f"told from here. If they may go, say so by its name: -e '{named}'. If not, correct "
            "it, deploy it, and run this again."
        )
    for name in filter(None, dict.fromkeys(tables)):
        if laravel.history.schema.get(name):
            known.append(name)
            continue
        back = _renamed_by_pending(laravel, live, name)
        if back:
            parts.append(back)
            continue
        used = (laravel.raw.get("model_tables") or {}).get(name)
        if used:
            parts.append(
                f"The application's code reads {name} ({used}): correct the migration, deploy it, "
                "and run this again."
            )
            continue
        kept = names_back.free_name(f"{name}_kept", live)
        parts.append(
            f"No recorded migration makes {name}, so its rows may be the only ones of a table that "
            "was renamed. Keep them out of the migration's way: RENAME TABLE "
            f"{quote_identifier(name)} TO {quote_identifier(kept)}; then run this again."
        )
    if known:
        named = json.dumps({"remigrate_accept_loss": known}, ensure_ascii=False)
        parts.append(
            f"If the rows of {', '.join(known)} may go, say so by name: -e '{named}'. If not, "
            "correct the migration, deploy it, and run this again."
        )
    return " ".join(parts) or (
        "Read the migration. Let it run on a copy of the schema, and correct it where it would "
        "lose rows; deploy it, and run this again."
    )


def _renamed_by_pending(laravel: Laravel, live: Schema, name: str) -> str:
    """Return what gives a table its name back that a pending migration has renamed already."""
    for migration in laravel.pending:
        found = position.find(laravel, live, migration)
        if not found or not found.half_run:
            continue
        back = names_back.statement(found, live)
        for old, new in found.renamed if back else ():
            if new.casefold() == name.casefold():
                return (
                    f"{name} is {old}, which {migration} has renamed. Give it its name back: "
                    f"{back}; then run this again."
                )
    return ""


def made_already(laravel: Laravel, live: Schema, migration: str) -> tuple[str, str] | None:
    """Return (table, recorded migration) of one that `migration` creates a second time."""
    state = position.before(laravel, live)
    for name in laravel.pending[: laravel.pending.index(migration) + 1]:
        for problem in state.apply(laravel.up(name)).problems:
            creator = laravel.history.creators.get(problem.name.casefold())
            if name != migration or problem.kind != "table_exists" or not creator:
                continue
            creates = any(isinstance(e, CreateTable) for e in sql.read(problem.statement))
            if creates and _is_the_recorded(laravel, live, problem.name):
                return problem.name, creator
    return None


def _is_the_recorded(laravel: Laravel, live: Schema, name: str) -> bool:
    """Tell whether the table of this name is the one that the recorded migrations make."""
    there, made = live.get(name), laravel.history.schema.get(name)
    if there is None or made is None:
        return False
    # One whose original was renamed away lacks columns of it, or constraints that another has now.
    columns = {column.casefold() for column in there.columns or made.columns or ()}
    lacks = {column.casefold() for column in made.columns or ()} - columns
    taken = any(
        key.name and not there.key(key.name) and live.holders(key.name) for key in made.keys
    )
    return not lacks and not taken


def exchanged(laravel: Laravel, live: Schema, migration: str) -> list[tuple[str, str]]:
    """Return (name before, name after) of the tables to which `migration` gives the name of
    another table that the recorded migrations make."""
    start = position.before(laravel, live)
    state = start.copy()
    state.apply(laravel.up(migration))
    return sorted(
        (table.identity, table.name)
        for table in state.tables.values()
        if table.identity and table.identity != table.name and start.get(table.name)
    )
