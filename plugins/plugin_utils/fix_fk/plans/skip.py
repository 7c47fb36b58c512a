# SPDX-License-Identifier: GPL-3.0-or-later
"""Option 2: record the failed migration as run, without running it, and go on with the others.

What the migration was to make is then missing, and its rows may be out of the application's
sight. So it wants the migration's name, and the name of each table whose rows would be hidden;
`missing` says afterwards what is not there.
"""

from __future__ import annotations

import json
import shlex

from .. import facts, leftovers, steps
from ..case import Case
from ..conclusion import concluded
from ..expected import conclude
from ..facts import Laravel
from ..holders import Holder
from ..inputs import Inputs
from ..missing import intended, missing
from ..schema.effects import (
    ForeignKey,
)
from ..schema.redaction import redact
from ..schema.simulation import Schema
from ..verdict import OPTION_2, Refusal, Verdict
from ..verdicts import (
    PRELIMINARY,
    ask,
    look_alikes,
    losses,
    other_connection,
    own_code,
    rights,
    which,
)
from ..verdicts import holders as taken
from .rehearsal import rehearsal

from ansible.module_utils.parsing.convert_bool import boolean  # isort: skip

PLAYBOOK = "playbooks/option_2_skip.yml"
BETTER = "Option 1 repairs this without a loss: ansible-playbook fix_fk.yml"


def decide(laravel_facts: dict, schema: dict, inputs: Inputs, given: dict) -> dict:
    """Return the diagnosis, as `diagnose` does, with the steps of Option 2.

    given: accept (the migration to skip), accept_hidden (tables whose rows may go out of sight) and
    complete (whether the missing constraints are to be added), as the operator wrote them.
    """
    skipped = given["accept"] or ""
    already = skipped in Laravel(laravel_facts).recorded
    case = Case(
        Laravel(facts.as_if(laravel_facts, [skipped]) if already else laravel_facts),
        schema,
        inputs,
    )
    return concluded(case, lambda: _Skip(case).decide(given, already))


# --- the decision -----------------------------------------------------------------------------


class _Skip:
    """One application on the way to Option 2."""

    def __init__(self, case: Case):
        self.case = case
        self.laravel, self.schema = case.laravel, case.schema
        self.live, self.artisan, self.diagnosis = case.live, case.artisan, case.diagnosis

    def decide(self, given: dict, already: bool) -> None:
        accept, hidden, complete = self._given(given)
        ask(self.case, PRELIMINARY)
        self.migration = self._which(accept, already)
        self.case.migration = self.diagnosis.migration = self.migration
        rights.rights(self.case)
        if not already:
            other_connection.failed_elsewhere(self.case)
        own_code.migration_unreadable(self.case)
        if not already:
            look_alikes.look_alikes(self.case)
            look_alikes.another_error(self.case)
        taken.names_and_holders(self.case)
        holders = list(self.case.holders)
        if already:
            self.diagnosis.found = f"Migration {self.migration} is recorded as run."
        statements = self.laravel.up(self.migration)
        others = [name for name in self.laravel.pending if name != self.migration]
        if others and (self.laravel.raw.get("loading") or {}).get("migration") not in (
            None,
            self.migration,
        ):
            own_code.does_not_load(self.case)
        if others:
            other_connection.would_run_elsewhere(self.case)
        self.case.runs = others
        final = self.live.copy()
        adds: list[dict] = []
        drops: list[dict] = []
        failing = self._apply(final, others)
        if complete:
            drops, adds = self._completion(statements, final, holders)
        lacking = missing(statements, final)
        self._show(statements, lacking, holders)
        if failing:
            name, problem = failing
            raise Refusal(
                "remaining_would_fail",
                f"{self.diagnosis.found} Without it, migration {name}, which comes after it, would "
                f"fail: {problem}. That would be a second incident on top of this one.",
                f"{BETTER}. Or take out of {name} what it needs of {self.migration}, deploy that, "
                "and run this again.",
            )
        unseen = [] if already else self._hidden(holders)
        if accept is None:
            raise Refusal(
                "skip_not_accepted",
                f"{self.diagnosis.found} {self.diagnosis.warning}",
                f"{BETTER}. If the migration is to be skipped all the same, say so by the names of "
                f"what is lost: {self._command(unseen, complete)}",
            )
        self._check_hidden(unseen, hidden, complete)
        losses.migration_would_lose_rows(self.case)
        unfinished = bool(self.laravel.maintenance.get("run_id"))
        batch = self.laravel.next_batch + (not already)
        work = [
            *([] if already else [steps.skip(self.artisan, self.laravel, self.migration)]),
            *([steps.migrate(self.artisan, self.laravel, others, batch)] if others else []),
            *([steps.drop(self.schema, drops)] if drops else []),
            *([steps.complete(self.schema, adds)] if adds else []),
        ]
        self.diagnosis.outcome = "skipped"
        if not work and not unfinished:
            self.diagnosis.verdict = "skipped_already"
            if not lacking:
                self.diagnosis.outcome, self.diagnosis.warning = "healthy", ""
                self.diagnosis.found += " All that it makes is there, so it was not skipped."
            return
        self.diagnosis.verdict = "skip_unfinished" if already else self.diagnosis.verdict
        begin = (
            steps.begin(self.artisan, self.schema, self.migration, self.case.inputs.loses_rows)
            if work
            else []
        )
        rehearsed = rehearsal(self.case) if work else []
        conclude(self.case, [*rehearsed, *begin, *work, *steps.finish(self.artisan)], final)
        self._expect(adds, final, lacking)

    def _given(self, given: dict) -> tuple[str | None, list[str], bool]:
        """Return what the operator accepts."""
        complete = boolean(given["complete"] or False)
        return given["accept"] or None, given["accept_hidden"] or [], complete

    def _which(self, accept: str | None, already: bool) -> str:
        """Return the migration to skip, or refuse."""
        failed = self.laravel.failed_migration()
        if already:
            # In an unfinished run of this option, the log may tell of what stopped it.
            ours = self.laravel.maintenance.get("migration") == accept
            if failed and failed != accept and not ours:
                raise Refusal(
                    "skip_names_another",
                    f"skip_accept names {accept}, which is recorded as run; the migration that "
                    f"failed is {failed}.",
                    f"{BETTER}. If {failed} is to be skipped, name it: {PLAYBOOK} "
                    f"-e skip_accept={failed}",
                )
            return accept or ""
        migration = which.failed(self.case) if self.laravel.pending else None
        if migration is None:
            raise Refusal(
                "nothing_to_skip",
                "No failed migration was found, so there is none to skip"
                + (f", and skip_accept names {accept}." if accept else "."),
                f"See what is pending: {self.artisan} migrate:status. If the log does not tell "
                "which one failed, name it: -e incident_migration=<name>",
            )
        if accept is not None and accept != migration:
            raise Refusal(
                "skip_names_another",
                f"skip_accept names {accept}; the migration that failed is {migration}.",
                f"{BETTER}. If {migration} is to be skipped, name it: {PLAYBOOK} "
                f"-e skip_accept={migration}",
            )
        return migration

    def _apply(self, final: Schema, others: list[str]) -> tuple[str, str] | None:
        """Run the other migrations on `final`; return (migration, why) of the first that fails."""
        failing = None
        for name in others:
            for problem in final.apply(self.laravel.up(name)).problems:
                if problem.kind != "unread" and failing is None:
                    failing = (name, problem.detail)
        return failing

    def _completion(
        self, statements: list[str], final: Schema, holders: list[Holder]
    ) -> tuple[list[dict], list[dict]]:
        """Return (constraints to drop, constraints to add), and carry both out on `final`."""
        drops, adds = [], []
        kinds = {holder.name.casefold(): holder for holder in holders}
        for item in missing(statements, final):
            if item["what"] != "constraint" or not item["key"]["name"]:
                continue
            key = item["key"]
            table, parent = final.get(key["table"]), final.get(key["referenced_table"])
            if not table or not (parent or key.get("referenced_schema")):
                continue
            if not _has_columns(table, key["columns"]):
                continue
            taken = [table for table in final.holders(key["name"]) if final.scope == "schema"]
            for holder in taken or [t for t in [table] if t.key(key["name"])]:
                known = kinds.get(key["name"].casefold())
                if known is None or known.kind != "displaced" or known.table != holder.name:
                    raise Refusal(
                        "live_table_holds_the_name",
                        f"{self.diagnosis.found} skip_complete would give the constraint name "
                        f"{key['name']} to {key['table']}, and {holder.name}, which holds it, is "
                        "not known to be a table renamed away: nothing is dropped from a table "
                        "that may be in use.",
                        "Leave skip_complete out; the constraint is then missing. Or give it "
                        "another name in the migration, deploy that, and run Option 1.",
                    )
                drops.append(self._definition(key["name"], holder.name))
                final.drop_key(key["name"], holder.name)
            adds.append(key)
            final.add_key(key["table"], _foreign_key(key))
        return drops, adds

    def _definition(self, name: str, table: str) -> dict:
        """Return the live constraint; a pending migration may give its table another name."""
        constraints = self.schema["constraints"]
        named = [key for key in constraints if key["name"].casefold() == name.casefold()]
        exact = [key for key in named if key["table"].casefold() == table.casefold()]
        return {**(exact or named)[0], "table": table}

    def _show(self, statements: list[str], lacking: list[dict], holders: list[Holder]) -> None:
        """Say what is skipped, and what will be missing."""
        notes = self.diagnosis.notes
        notes.append(f"When {self.migration} is run, it sends:")
        notes += [f"    {redact(text)}" for text in statements]
        for reason in self.laravel.statements(self.migration).get("up_conditional") or ():
            notes.append(f"It decides by what it finds ({reason}): that may not be all of it.")
        notes += [f"Will be missing: {item['detail']}" for item in lacking]
        others = ", ".join(self.case.to_run())
        if others:
            notes.append(
                f"Run on top of it: {others}. What they make may stand in the way of taking "
                "the skip back; the backup is the sure way."
            )
        hidden = self._hidden(holders)
        notes += [f"Out of the application's sight: the rows of {table}" for table in hidden]
        what = ", ".join(f"{item['what']} {item['name']}" for item in lacking)
        self.diagnosis.warning = (
            "Option 2 is not recommended: the code expects what a skipped migration makes. "
            + (f"Missing: {what}." if lacking else "Nothing that it would have made is missing.")
        )
        if hidden:
            self.diagnosis.warning += f" Out of sight: the rows of {', '.join(hidden)}."

    def _hidden(self, holders: list[Holder]) -> list[str]:
        """Return the tables with rows that were renamed away, or of which that is not known."""
        renamed = set(leftovers.renamed_by(self.case, self.migration).values())
        renamed |= {h.table for h in holders if h.kind in ("displaced", "unknown")}
        tables = [self.live.get(name) for name in renamed]
        return sorted(table.name for table in tables if table and table.may_have_rows)

    def _check_hidden(self, unseen: list[str], accepted: list[str], complete: bool) -> None:
        names = {name.casefold() for name in accepted}
        hidden = [name for name in unseen if name.casefold() not in names]
        if hidden:
            raise Refusal(
                "skip_hides_rows",
                f"{self.diagnosis.found} With the migration skipped, the original rows stay in "
                f"{', '.join(hidden)}, which the application does not read: its data would be out "
                "of sight although it is there.",
                f"{BETTER}. If its data may be out of sight, say so by name: "
                f"{self._command(unseen, complete)}",
            )

    def _command(self, hidden: list[str], complete: bool) -> str:
        """Return what to type to have the migration skipped, with all that is lost."""
        given: dict = {"skip_accept": self.migration}
        if not (hidden or complete):
            return f"{PLAYBOOK} -e skip_accept={self.migration}"
        given |= {"skip_accept_hidden": hidden} if hidden else {}
        given |= {"skip_complete": True} if complete else {}
        return f"{PLAYBOOK} -e {shlex.quote(json.dumps(given))}"

    def _expect(self, adds: list[dict], final: Schema, lacking: list[dict]) -> None:
        """Expect what is added, and do not expect what will be missing."""
        expected = self.diagnosis.expected
        added = {key["name"].casefold() for key in adds}
        gone = {item["name"].casefold() for item in lacking if item["what"] == "constraint"}
        expected["constraints"] = [
            key for key in expected["constraints"] if key["name"].casefold() not in gone | added
        ] + adds
        expected["tables"] = [
            entry
            for entry in expected["tables"]
            if any(final.get(name) for name in ([entry] if isinstance(entry, str) else entry))
        ]
        statements = self.laravel.up(self.migration)
        expected["skipped"] = {
            "migration": self.migration,
            "statements": statements,
            "tables": [table.name for table in intended(statements).values()],
        }


def _has_columns(table, columns: list[str]) -> bool:
    has = {column.casefold() for column in table.columns or ()}
    return table.columns is None or {column.casefold() for column in columns} <= has


def _foreign_key(key: dict) -> ForeignKey:
    return ForeignKey(
        key["name"],
        tuple(key["columns"]),
        key["referenced_table"],
        tuple(key["referenced_columns"]),
        key.get("referenced_schema"),
    )


VERDICTS = (
    Verdict(
        "skip_not_accepted",
        OPTION_2,
        "What would be skipped and missing is shown; nobody has accepted it.",
        "Option 1. Or accept it by name: `-e skip_accept=<migration>`",
        proof=(
            "integration/test_option_2.py::test_it_wants_the_name_and_shows_what_would_be_missing",
        ),
    ),
    Verdict(
        "skip_names_another",
        OPTION_2,
        "`skip_accept` names another migration than the one that failed.",
        "Name the one that is shown.",
        proof=("integration/test_option_2.py::test_another_name_is_refused",),
    ),
    Verdict(
        "nothing_to_skip",
        OPTION_2,
        "No failed migration was found.",
        "`php artisan migrate:status`",
        proof=("integration/test_option_2.py::test_nothing_failed",),
    ),
    Verdict(
        "skip_hides_rows",
        OPTION_2,
        "The original rows are only in a displaced table. The application would not see them.",
        "Option 1. Or accept it by name: `skip_accept_hidden`",
        proof=("integration/test_option_2.py::test_hidden_rows_are_refused",),
    ),
    Verdict(
        "remaining_would_fail",
        OPTION_2,
        "A later migration needs what the skipped one would have made.",
        "Option 1.",
        proof=("integration/test_option_2.py::test_a_second_incident_is_foreseen",),
    ),
    Verdict(
        "skip_unfinished",
        OPTION_2,
        "An interrupted run of this option is gone on with.",
        "Nothing.",
        proof=(
            "integration/test_option_2.py::test_a_run_that_stopped_half_way_is_finished_by_running_it_again",
        ),
    ),
    Verdict(
        "skipped_already",
        OPTION_2,
        "The migration is recorded. Nothing is left to do.",
        "Nothing.",
        proof=("integration/test_option_2.py::test_a_second_run_changes_nothing",),
    ),
)
