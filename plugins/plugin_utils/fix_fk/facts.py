# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules found on the target, as the diagnosis reads it.

`laravel` is the return value of the module laravel_info, `schema` that of
fk_constraint_info; their documentation gives the shape of every field.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from . import learned
from .inputs import Inputs
from .schema import found, sql
from .schema.effects import (
    AddForeignKey,
    CreateTable,
    Effect,
    ForeignKey,
    Index,
    RenameTable,
    WriteRows,
)
from .schema.messages import FailedStatement, read_message
from .schema.outcome import Problem
from .schema.simulation import Schema
from .schema.statements import (
    displaced,
    emptied_by,
    is_rename,
    is_statement,
    made_anew,
    read_by,
    tables_of,
)
from .schema.tables import Table

from ansible.module_utils.fix_fk.schema.sql import quarantine  # isort: skip


# What Laravel sets where a connection is configured to be strict.
STRICT = ("STRICT_TRANS_TABLES", "NO_ZERO_IN_DATE", "NO_ZERO_DATE")

# What a maintenance marker of Option 3 names instead of a migration.
FRESH = "migrate:fresh"


@dataclass(frozen=True)
class History:
    """The schema that the recorded migrations describe, and who made each table.

    `conclusive` is False when a recorded migration could not be read in full, so that
    "no migration creates this table" is not proven by it; `gaps` says which and why.
    `replayed` is True when the migrations were run on an empty schema instead of read.
    """

    schema: Schema
    creators: dict[str, str]
    gaps: tuple[str, ...]
    replayed: bool = False
    # (migration, problem) of the names given a second time, which fails where a name is taken for
    # a whole schema.
    taken: tuple[tuple[str, Problem], ...] = ()
    # Tables of the statements that could not be carried out as they are shown.
    not_followed: tuple[str, ...] = ()

    @property
    def conclusive(self) -> bool:
        return not self.gaps


@dataclass
class Laravel:
    """The application's facts. The statements of a migration are those at the schema `at` which
    it begins: "before" it, or as it is "now"."""

    raw: dict
    at: str = "before"
    failed: FailedStatement | None = field(init=False)

    def __post_init__(self) -> None:
        error = self.raw.get("last_error")
        self.failed = read_message(error["message"]) if error else None

    @property
    def pending(self) -> list[str]:
        return list((self.raw.get("migrations") or {}).get("pending") or [])

    @property
    def skipped(self) -> list[str]:
        """Return the migrations that `migrate` passes over, as their shouldRun() says no."""
        return list((self.raw.get("migrations") or {}).get("skipped") or [])

    def may_be_skipped(self, migration: str) -> bool:
        """Tell whether `migrate` may pass a migration over and leave it pending."""
        says = (self.raw.get("migrations") or {}).get("should_run") or {}
        return not says.get(migration, True)

    @property
    def recorded(self) -> list[str]:
        rows = (self.raw.get("migrations") or {}).get("recorded") or []
        return [row["migration"] if "migration" in row else row["name"] for row in rows]

    @property
    def batches(self) -> dict[str, int]:
        """Return {recorded migration: its batch}."""
        rows = (self.raw.get("migrations") or {}).get("recorded") or []
        return dict(zip(self.recorded, (int(row["batch"]) for row in rows)))

    @property
    def next_batch(self) -> int:
        rows = (self.raw.get("migrations") or {}).get("recorded") or []
        return max((int(row["batch"]) for row in rows), default=0) + 1

    @property
    def prefix(self) -> str:
        """Return what the connection puts before the names of tables."""
        return (self.raw.get("connection") or {}).get("prefix") or ""

    def modes(self, own: Iterable[str] | None) -> tuple[str, ...] | None:
        """Return the SQL mode of the connection; own: what a connection has that sets none. None
        where it is not known."""
        connection = self.raw.get("connection") or {}
        if connection.get("modes") is not None:
            return tuple(connection["modes"])
        if connection.get("strict") is None:
            return None if own is None else tuple(own)
        return STRICT if connection["strict"] else ()

    @property
    def maintenance(self) -> dict:
        return self.raw.get("maintenance") or {}

    def conditional(self, migration: str) -> list[str]:
        """Return why what `migration` sends may depend on what it finds."""
        return list(self.statements(migration).get("up_conditional") or [])

    def dumped(self) -> list[str] | None:
        """Return the tables that `migrate` would load from a schema dump; None: all of them."""
        dump = self.raw.get("schema_dump")
        return [] if self.recorded or not dump else dump["tables"]

    def _may_hide(self, migration: str) -> bool:
        """Tell whether a migration may do more than is known. What it did on an empty schema is no
        proof: what somebody made by hand since may lead it elsewhere."""
        known = self.statements(migration)
        more = self.at == "before" and self.learns(migration)
        return bool(more or known.get("up_conditional") or known.get("up_error"))

    def unshown_drops(self, migration: str) -> list[str]:
        """Return the tables that a migration may drop or empty and that --pretend did not show.

        "" stands for one whose name is known only when it runs.
        """
        known = self.statements(migration)
        if not self._may_hide(migration):
            return []
        shown = {table for text in self.up(migration) for table in emptied_by(text)}
        named: set[str] = set()
        for text in known.get("up_drops") or ():
            if is_statement(text):
                effects = sql.read(text)
                some = any(isinstance(e, WriteRows) and e.some for e in effects)
                tables = emptied_by(text) or (set() if some else {""})
                # What is put into a string is known only when it runs.
                named |= {"" if {"$", "{"} & {*table} else table for table in tables}
            else:
                named.add(self.prefix + text if text else "")
        # What is shown and not written out is what a variable stood for.
        if shown - {name.casefold() for name in named}:
            named.discard("")
        return sorted(name for name in named if name.casefold() not in shown)

    def unshown_renames(self, migration: str) -> list[tuple[str, str]]:
        """Return (old, new) of the tables that a migration may rename and that --pretend did not
        show, without those whose new name another table has been given by a migration."""
        known = self.statements(migration)
        if not self._may_hide(migration):
            return []
        shown = {
            effect.new_name.casefold()
            for effect in self.effects(migration)
            if isinstance(effect, RenameTable)
        }
        pairs = [
            (self.prefix + old, self.prefix + new) for old, new in known.get("up_renames") or ()
        ]
        pairs += [
            (effect.table, effect.new_name)
            for text in known.get("source_strings") or ()
            if is_rename(text)
            for effect in sql.read(text)
            if isinstance(effect, RenameTable)
        ]
        passed = shown | self.history.creators.keys()
        return [pair for pair in pairs if pair[1].casefold() not in passed]

    def unshown_writes(self, migration: str) -> list[str]:
        """Return the tables of which a migration may write rows and --pretend did not show it;
        "" stands for one whose name is known only when it runs."""
        known = self.statements(migration)
        if not known.get("up_conditional"):
            return []
        shown = {
            effect.table.casefold()
            for effect in self.effects(migration)
            if isinstance(effect, WriteRows)
        }
        names = {self.prefix + name if name else "" for name in known.get("up_writes") or ()}
        if shown - {name.casefold() for name in names}:
            names.discard("")
        return sorted(name for name in names if name.casefold() not in shown)

    def guarded(self, migration: str) -> bool:
        """Tell whether a migration asks what the schema has before it acts."""
        known = (self.raw.get("statements") or {}).get(migration) or {}
        asked = known.get("up_conditional") or ()
        return any("information_schema" in why.casefold() for why in asked)

    def learns(self, migration: str) -> bool:
        """Tell whether running a migration tells more of what it sends than --pretend did."""
        known = (self.raw.get("statements") or {}).get(migration) or {}
        return bool(known.get("up_conditional") or known.get("up_error"))

    def learned(self, migration: str) -> bool:
        """Tell whether its statements are those that it sent in a scratch schema."""
        return "up_certain" in self.statements(migration)

    def certain(self, migration: str, number: int) -> bool:
        """Tell whether it is certain that a migration sends the first `number` statements."""
        known = self.statements(migration)
        return not known.get("up_conditional") or 0 < number <= (known.get("up_certain") or 0)

    def met(self, migration: str) -> str:
        """Return the error that a migration certainly ends with, whatever rows there are; "" where
        none is known."""
        return self.statements(migration).get("up_met") or ""

    @cached_property
    def ahead(self) -> Laravel:
        """The facts, with what migrations would send as the schema is now."""
        return Laravel(self.raw, "now")

    @cached_property
    def _statements(self) -> dict:
        sent = (self.raw.get("learned") or {}).get(self.at) or {}
        known = self.raw.get("statements") or {}
        return {name: learned.applied(one, sent.get(name)) for name, one in known.items()}

    def statements(self, migration: str) -> dict:
        return self._statements.get(migration) or {}

    def up(self, migration: str) -> list[str]:
        return list(self.statements(migration).get("up") or [])

    def effects(self, migration: str) -> list[Effect]:
        """Return what the statements of a migration's up() do, in order."""
        return [effect for text in self.up(migration) for effect in sql.read(text)]

    def down(self, migration: str) -> list[str]:
        return list(self.statements(migration).get("down") or [])

    def displaced(self, migrations: Iterable[str] | None = None) -> list[tuple[str, str]]:
        """Return (table, where the one is now that it came in the place of), by the statements of
        these migrations; without any, of the recorded ones."""
        ran = list(self.recorded if migrations is None else migrations)
        found = displaced(text for migration in ran for text in self.up(migration))
        known = {name.casefold() for pair in found for name in pair}
        return found + [
            pair
            for migration in ran
            for pair in self.unshown_renames(migration)
            if not known & {name.casefold() for name in pair}
        ]

    def failed_migration(self) -> str | None:
        """Return the pending migration that the log's last error belongs to, if any."""
        error = self.raw.get("last_error")
        if not error:
            return None
        if error.get("migration"):
            return error["migration"] if error["migration"] in self.pending else None
        if not self.failed:
            return None
        for migration in self.pending:
            shown = (self.raw.get("statements") or {}).get(migration, {}).get("up") or []
            sent = [*self.up(migration), *self.ahead.up(migration), *shown]
            if self.failed.sql and self.failed.sql in sent:
                return migration
        return None

    @cached_property
    def history(self) -> History:
        schema, creators, gaps, taken, lost = Schema(), {}, [], [], set()
        for migration in self.recorded:
            known = self.statements(migration)
            if not known:
                gaps.append(f"{migration} is recorded but its file is not there")
                continue
            if known.get("up_error"):
                gaps.append(f"{migration} could not be read: {known['up_error']}")
            before = {table.name for table in schema.tables.values()}
            outcome = schema.apply(known.get("up") or [])
            gaps.extend(
                f"{migration} sends a statement that could not be read"
                for problem in outcome.problems
                if problem.kind == "unread"
            )
            taken += [(migration, p) for p in outcome.problems if p.kind == "name_taken"]
            for problem in outcome.problems:
                lost |= tables_of(problem.statement) if problem.kind != "name_taken" else set()
            for table in schema.tables.values():
                if table.name not in before:
                    creators[table.name.casefold()] = migration
        replay = self.raw.get("replay")
        if replay:
            return History(live(replay), creators, (), replayed=True)
        return History(
            schema, creators, tuple(gaps), taken=tuple(taken), not_followed=tuple(sorted(lost))
        )

    def mentioned_by(self, table: str, migrations: list[str]) -> list[str]:
        """Return those of `migrations` whose source has a string that contains `table`."""
        return [
            migration
            for migration in migrations
            if any(
                table.casefold() in text.casefold()
                for text in self.statements(migration).get("source_strings") or ()
            )
        ]


def as_if(laravel: dict, pending: Iterable[str] = (), recorded: str | None = None) -> dict:
    """Return the application's facts as if these migrations were pending, and that one recorded."""
    migrations = laravel["migrations"]
    rows = migrations.get("recorded") or []
    name = "migration" if rows and "migration" in rows[0] else "name"
    batch = Laravel(laravel).next_batch
    return {
        **{part: value for part, value in laravel.items() if part not in ("replay", "learned")},
        "migrations": {
            **migrations,
            "recorded": [row for row in rows if row[name] not in pending]
            + ([{name: recorded, "batch": batch}] if recorded else []),
            "pending": sorted({*(migrations.get("pending") or ()), *pending} - {recorded}),
            "skipped": [
                n for n in migrations.get("skipped") or () if n not in (*pending, recorded)
            ],
        },
    }


def recorded_in_doubt(laravel: Laravel) -> list[str]:
    """Return the recorded migrations that may have been recorded by hand: those from the first one
    on that renames a table away and makes it anew."""
    for number, migration in enumerate(laravel.recorded):
        if made_anew(laravel.up(migration)):
            return laravel.recorded[number:]
    return []


def live(schema: dict) -> Schema:
    """Build the simulated schema from fk_constraint_info's `schema`."""
    details = schema.get("details") or {}
    tables = {}
    for name in schema["tables"]:
        known = details.get(name) or {}
        tables[name] = Table(
            name,
            name,
            [column["name"] for column in known["columns"]] if known else None,
            [],
            [index["name"] for index in known.get("indexes") or ()] if known else None,
            known.get("rows") if known else None,
            definitions={
                column["name"].casefold(): found.column(column)
                for column in known.get("columns") or ()
            },
            keyed={
                index["name"].casefold(): Index(
                    index["name"], tuple(index["columns"]), index["unique"], index["kind"]
                )
                for index in known.get("indexes") or ()
            },
            engine=known.get("engine"),
            collation=known.get("collation"),
            partitioned=bool(known.get("partitioned")),
            row_format=known.get("row_format"),
            triggered=bool(known.get("triggers")),
            checks=found.checks(known),
        )
    for key in schema.get("constraints") or ():
        if key["table"] in tables:
            foreign = key["referenced_schema"]
            tables[key["table"]].keys.append(
                ForeignKey(
                    key["name"],
                    tuple(key["columns"]),
                    key["referenced_table"],
                    tuple(key["referenced_columns"]),
                    None if foreign in (None, schema["name"]) else foreign,
                    key.get("on_delete"),
                    key.get("on_update"),
                )
            )
    views = schema.get("views") or ()
    state = Schema(tables.values(), schema["server"]["name_scope"], found.server(schema), views)
    state.objects = found.objects(schema)
    return state


def requested(laravel: Laravel, inputs: Inputs) -> dict:
    """Say what to ask of the server.

    Returns {names: {constraint name: [where it was learned]}, tables: [names]}, the
    sources being "pretend", "scratch", "log" and "inventory".
    """
    names: dict[str, list[str]] = {}
    tables: set[str] = set()

    def note(name: str | None, source: str) -> None:
        if name and source not in names.setdefault(name, []):
            names[name].append(source)

    # What was skipped counts as if it were still to be run.
    skipped = [inputs.skip_accept] if inputs.skip_accept in laravel.recorded else []
    for migration in [*laravel.pending, *laravel.skipped, *skipped]:
        for statement in [*laravel.up(migration), *laravel.ahead.up(migration)]:
            tables |= tables_of(statement) | read_by(statement)
            for name in keys_added(statement):
                note(name, "scratch" if laravel.learned(migration) else "pretend")
        for statement in laravel.down(migration):
            tables |= tables_of(statement)
        tables |= {*laravel.unshown_drops(migration)} - {""}
    tables |= {*(laravel.dumped() or ())}
    if laravel.failed and laravel.failed_migration():
        tables |= tables_of(laravel.failed.sql)
        for name in keys_added(laravel.failed.sql):
            note(name, "log")
    # What was recorded by hand has not run, and then this tells.
    for migration in dict.fromkeys([*recorded_in_doubt(laravel), *laravel.recorded[-1:]]):
        for statement in laravel.up(migration):
            tables |= tables_of(statement)
    tables.update(name for pair in laravel.displaced() for name in pair)
    for _migration, problem in laravel.history.taken:
        tables |= {problem.holder, problem.table}
    for expected in inputs.expected_constraints:
        note(expected["name"], "inventory")
        tables.add(expected["table"])
    for name in names:
        tables |= {table.name for table in laravel.history.schema.holders(name)}
    tables |= {quarantine(table) for table in tables}
    return {"names": names, "tables": sorted(tables)}


def keys_added(statement: str) -> list[str]:
    """Return the names of the foreign keys that the SQL text `statement` adds."""
    names: list[str | None] = []
    for effect in sql.read(statement) if statement else ():
        if isinstance(effect, AddForeignKey):
            names.append(effect.foreign_key.name)
        elif isinstance(effect, CreateTable):
            names.extend(key.name for key in effect.foreign_keys)
    return [name for name in names if name]
