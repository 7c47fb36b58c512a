# SPDX-License-Identifier: GPL-3.0-or-later
"""One application and what may be asked about it: the facts, and where its migrations stand."""

from __future__ import annotations

import json
from dataclasses import replace

from . import children, facts, learning, position
from .facts import Laravel
from .holders import Holder
from .inputs import Inputs
from .position import Position
from .records import WrongRecords
from .schema.effects import ForeignKey
from .schema.messages import FailedStatement
from .schema.outcome import Problem
from .schema.simulation import Schema
from .schema.tables import Table
from .verdict import Diagnosis
from .wording import few

from ansible.module_utils.fix_fk.schema.sql import quote_identifier as quote  # isort: skip


# What a migration meets that has done a part of its work before.
LEFT = (
    "table_exists",
    "table_missing",
    "column_exists",
    "column_missing",
    "index_exists",
    "index_missing",
    "constraint_missing",
)


_NOT_LEARNED = "What {} would send was not learned in a scratch schema"


def counted_as(asked: dict) -> str:
    """Return the key under which `counted` in the schema's facts has the answer to a question."""
    return json.dumps(asked, sort_keys=True, ensure_ascii=False)


class Case:
    """One application. `diagnosis` is what has been found about it so far.

    `runs` are the migrations that the plan runs, None for those that are pending. `unrehearsed` is
    why its plan cannot be rehearsed, "" where nothing but the facts speaks against it. `records`
    is what the migrations table does not tell. `migration` is the one that failed.
    """

    runs: list[str] | None = None
    unrehearsed = ""
    records: WrongRecords | None = None
    migration = ""
    # Who holds the names, and what a rollback makes of it: set by the questions in this order.
    holders: tuple[Holder, ...] = ()
    strategy: dict | None = None

    def __init__(self, laravel: Laravel, schema: dict, inputs: Inputs):
        self.schema, self.inputs = schema, inputs
        self.batches = laravel.batches
        self.diagnosis = Diagnosis("", "")
        self.live = facts.live(schema)
        self.artisan = f"{inputs.laravel_php} artisan"
        self._positions: dict[str, Position | None] = {}
        self.repaired = self.final = self.live
        self.drops: list[dict] = []
        self._take(laravel)
        begun = [name for name in laravel.skipped if self._counts_as_pending(name)]
        if begun:
            self._take(Laravel(facts.as_if(laravel.raw, pending=begun)))

    def _counts_as_pending(self, skipped: str) -> bool:
        """Tell whether a migration that `migrate` passes over has been stopped half-way before, may
        have been, or is asked about."""
        found = self.position(skipped)
        logged = (self.laravel.raw.get("last_error") or {}).get("migration") == skipped
        asked = self.inputs.incident_migration == skipped
        return (
            asked or bool(self.stopped(skipped)) or (logged and not (found and not found.agree[0]))
        )

    def _take(self, laravel: Laravel) -> None:
        self.laravel = laravel
        self.sources = facts.requested(laravel, self.inputs)["names"]

    def believe(self, found: WrongRecords) -> None:
        """Go on with the facts as they would be if the migrations table told the truth."""
        self.records = found
        if self.inputs.incident_migration in (found.redo, *found.forget):
            self.inputs = replace(self.inputs, incident_migration=found.failed)
        self._take(Laravel(found.facts))
        self.diagnosis.evidence.append(found.said)

    def to_run(self) -> list[str]:
        """Return the migrations that the plan runs."""
        if self.runs is not None:
            return self.runs
        if self.inputs.rollback_strategy == "literal" and self.inputs.rollback_migration:
            return [self.inputs.rollback_migration, *self.laravel.pending]
        return self.laravel.pending

    def position(self, migration: str) -> Position | None:
        """Return where a pending migration stands, None when the schema does not tell."""
        if migration not in self._positions:
            self._positions[migration] = position.find(self.laravel, self.live, migration)
        return self._positions[migration]

    def stopped(self, migration: str) -> Position | None:
        """Return the position of a migration that certainly began and did not end."""
        found = self.begun(migration)
        return found if found and found.half_run else None

    def begun(self, migration: str) -> Position | None:
        """Return the position of a migration that has begun, and may have come to its end."""
        found = self.position(migration)
        # What another hand may have done as well counts where the log or the operator names it.
        named = (self.laravel.failed_migration(), self.inputs.incident_migration)
        counts = found and found.agree[0] and (not found.inferred or migration in named)
        return found if counts else None

    def half_run(self, migrations: list[str]) -> str | None:
        """Return the first of these that has begun and stopped, log or no log."""
        for migration in migrations:
            found = self.stopped(migration)
            # One that decides by what it finds may have been shown with another branch.
            clear = found and self.laravel.certain(migration, found.agree[-1])
            if found and found.left and (clear or found.renamed or found.added):
                return migration
        return None

    def is_sure(self, migration: str, number: int = 0, laravel: Laravel | None = None) -> bool:
        """Tell whether the statements that are known of a migration are those that are sent; with a
        number, whether so many of the first are."""
        return bool(
            (laravel or self.laravel).certain(migration, number)
            or self.laravel.failed_migration() == migration
            or self.stopped(migration)
        )

    def filled(self, table: str, column: str) -> int | None:
        """Return how many rows have something else than its default in a column that was added;
        None where it is not known."""
        there = self.live.get(table)
        if there and there.rows is False:
            return 0
        asked = {"kind": "filled", "table": table, "columns": [column], "values": {}}
        return self.counted(asked)["rows"]

    def counted(self, asked: dict) -> dict:
        """Return {rows, query} for what is asked as fk_constraint_info takes it.

        What has not been counted yet is noted in the diagnosis, which is made again when it has;
        until then it counts as none.
        """
        known = (self.schema.get("counted") or {}).get(counted_as(asked))
        if known is None and asked not in self.diagnosis.uncounted:
            self.diagnosis.uncounted.append(asked)
        return known or {"rows": 0, "query": ""}

    def insert_triggers(self, table: Table) -> list[str]:
        """Return the triggers that fire when a row is inserted into a table."""
        details = self.schema.get("details") or {}
        return list((details.get(table.identity or "") or {}).get("on_insert") or ())

    def carrying_was_interrupted(self) -> bool:
        """Tell whether a run that was to carry rows over did not come to its end."""
        return bool((self.laravel.maintenance.get("expected") or {}).get("carried"))

    def there_before(self, table: str, old: str) -> dict | None:
        """Return what an interrupted run has noted of the rows that were in both tables before."""
        noted = (self.laravel.maintenance.get("expected") or {}).get("carried") or ()
        for pair in noted:
            if (pair["table"].casefold(), pair["old"].casefold()) == (
                table.casefold(),
                old.casefold(),
            ):
                return pair.get("there") or {}
        return None

    def was_lifted(self, old: str) -> bool:
        """Tell whether a run that was to carry its rows over was interrupted, and the application
        brought up by hand since."""
        names = (self.laravel.maintenance.get("lifted") or {}).get("carried") or ()
        return old.casefold() in [name.casefold() for name in names]

    def colliding(self, migrations: list[str]) -> str | None:
        """Return the first of these migrations that would meet what is there already."""
        trial, laravel = self.live.copy(), self.laravel.ahead
        for migration in migrations:
            for number, statement in enumerate(laravel.up(migration), 1):
                problems = trial.apply([statement]).problems
                met = any(problem.kind in ("name_taken", "table_exists") for problem in problems)
                if met and self.is_sure(migration, number, laravel):
                    return migration
        return None

    def logged(self, migration: str) -> FailedStatement | None:
        """Return the statement at which `migration` failed, if the log knows."""
        return self.laravel.failed if self.laravel.failed_migration() == migration else None

    def stopped_text(self, migration: str) -> str:
        """Say where a migration stopped and what it left, or nothing."""
        found = self.position(migration)
        if not found or not found.agree[0]:
            return ""
        return f" It {found.told}. So {', '.join(found.left) or 'a part of it is there'}."

    def obstacles(self, state: Schema, laravel: Laravel | None = None) -> list[Problem]:
        """What stops the pending migrations on `state` once the taken names are free."""
        trial, laravel = state.copy(), laravel or self.laravel
        return [
            problem
            for migration in laravel.pending
            for number, statement in enumerate(laravel.up(migration), 1)
            for problem in trial.apply([statement]).problems
            if problem.kind not in ("name_taken", "unread")
            if self.is_sure(migration, number, laravel)
            # It asks before it meets what is there already.
            if not (problem.kind in LEFT and laravel.guarded(migration))
            or (laravel.at == "now" and laravel.certain(migration, number))
        ]

    def lost(self, found: WrongRecords) -> list[tuple[str, ForeignKey]]:
        """Return the constraints to add again, with their tables; not those whose names the
        migrations still to be run will take."""
        pending = [name for name in self.laravel.pending if name != found.redo]
        wanted = {
            name.casefold()
            for migration in pending
            for statement in self.laravel.up(migration)
            for name in facts.keys_added(statement)
        }
        return [
            (table, key)
            for table, key in found.lost
            if key.name and key.name.casefold() not in wanted
        ]

    def added_back(self) -> list[tuple[str, ForeignKey]]:
        """Return what a rollback too far has taken from other tables, as lost() has it."""
        return self.lost(self.records) if self.records else []

    def forget(self) -> dict[str, int]:
        """Return {migration: batch} of the records to take back, in that order."""
        names = self.records.forget if self.records else ()
        return {name: self.batches[name] for name in names}

    def missing_expected(self) -> list[str]:
        missing = [f"constraint {name}" for name in self.schema.get("missing") or ()]
        missing.extend(
            f"constraint {item['name']} differs "
            f"({children.differences(item['found'], item['expected'])})"
            for item in self.schema.get("differing") or ()
        )
        return missing + [f"table {' or '.join(names)}" for names in self.missing_tables(self.live)]

    def missing_tables(self, state: Schema) -> list[list[str]]:
        wanted = [
            [entry] if isinstance(entry, str) else list(entry)
            for entry in self.inputs.expected_tables
        ]
        return [names for names in wanted if not any(state.get(name) for name in names)]

    def no_clone(self) -> str:
        """Return why no scratch schema is made, or nothing."""
        if self.inputs.rehearsal_level == "none":
            return "rehearsal_level is none"
        clone = self.schema["rehearsal"]
        if not clone["lacking"] or self.inputs.rehearsal_server != "same":
            return ""
        lacking = "; ".join(
            f"{account['account']} lacks {', '.join(account['rights'])}"
            for account in clone["lacking"]
        )
        accounts = ", ".join(self.account(a["account"]) for a in clone["lacking"])
        return (
            f"that takes all rights on a schema {clone['schema']}, and {lacking}. An "
            f"administrator may give them: GRANT ALL PRIVILEGES ON {quote(clone['pattern'])}.* TO "
            f"{accounts}. Without them it can be rehearsed on a server of its own, with "
            "-e rehearsal_server=embedded"
        )

    def unlearned(self) -> list[str]:
        """Say why it was not learned what pending migrations send that decide by what they find."""
        learned = self.laravel.raw.get("learned") or {}
        now, before = learned.get("now") or {}, learned.get("before") or {}
        laravel = Laravel({**self.laravel.raw, "learned": None})
        wanted = [name for name in laravel.pending if laravel.learns(name)]
        left = [name for name in wanted if name not in now]
        history = learning.no_history(laravel, careful=True) if now else ""
        found = [
            f"What {name} has sent was not learned, as that takes the recorded migrations, run on "
            f"an empty schema: {history}."
            for name in wanted
            if history and name in now and name not in before
        ]
        if left and self.no_clone():
            return [f"{_NOT_LEARNED.format(few(left))}: {self.no_clone()}."]
        for name in laravel.pending:
            why = learning.unfit_to_learn(laravel, name, self.schema["name"])
            after = [one for one in left if one >= name]
            if why and after:
                return [*found, f"{_NOT_LEARNED.format(few(after))} (at {name}: {why})."]
        return found

    def replay_text(self) -> str:
        error = self.laravel.raw.get("replay_error")
        if not error:
            return ""
        return (
            " The recorded migrations were run on an empty schema, to see what they make; that "
            f"ended {error.rstrip('.')}."
        )

    def grant(self, rights: str, account: dict) -> str:
        schema = quote(self.schema["name"])
        return f"GRANT {rights} ON {schema}.* TO {self.account(account['name'])}"

    def account(self, name: str) -> str:
        user, _, host = name.rpartition("@")
        return f"{quote(user)}@{quote(host)}"
