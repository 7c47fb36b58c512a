# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows that a migration, run again, would destroy or write twice."""

from __future__ import annotations

import json

from .. import advice, forward, pending
from ..case import Case
from ..schema import sql
from ..schema.effects import WriteRows
from ..schema.redaction import redact
from ..verdict import DATA, FORESEEN, Cause, Refusal, Verdict


def migration_would_lose_rows(case: Case) -> None:
    """Refuse to run migrations that would destroy rows; note what they may do besides."""
    trial = case.repaired.copy()
    accepted = {name.casefold() for name in case.inputs.remigrate_accept_loss}
    for migration in case.to_run():
        known = case.laravel.statements(migration)
        outcome = trial.apply(known.get("up") or [])
        for loss in outcome.losses:
            if loss.kind == "column":
                case.diagnosis.notes.append(f"Migration {migration} {loss.detail}.")
            elif (loss.table or migration).casefold() not in accepted:
                raise Refusal(
                    "migration_would_lose_rows",
                    f"{case.diagnosis.found} Run again, migration {migration} itself "
                    f"{loss.detail}, which has rows: {redact(loss.statement)}.",
                    pending.way_out(case.laravel, case.live, [loss.table]),
                )
        hidden = [*(known.get("up_conditional") or []), *(["SELECT"] if outcome.reads else [])]
        if hidden:
            case.diagnosis.notes.append(
                f"Migration {migration} decides by what it finds ({', '.join(hidden)}): "
                "--pretend does not show every statement it may send."
            )
        for problem in outcome.problems:
            if problem.kind == "unread":
                case.diagnosis.notes.append(
                    f"Migration {migration} sends a statement that could not be read: "
                    f"{redact(problem.statement)}"
                )
    # And what they may destroy where --pretend does not show it.
    hidden = pending.dangers(
        case.laravel, case.repaired, case.inputs.remigrate_accept_loss, case.to_run()
    )
    if hidden:
        raise Refusal(
            "migration_would_lose_rows",
            f"{case.diagnosis.found} Run again: {' '.join(d.sentence() for d in hidden)}",
            advice.keep_or_accept(case, hidden),
        )


def migration_would_write_again(case: Case) -> None:
    """Refuse to write rows twice that the failed migration wrote before it failed."""
    migration = case.migration
    accepted = {name.casefold() for name in case.inputs.remigrate_accept_repeat}
    failed = case.logged(migration)
    _hidden_writes(case, accepted)
    trial = case.repaired.copy()
    position = case.begun(migration)
    for statement in case.laravel.up(migration)[: position.agree[-1] if position else None]:
        stands = {name for name, table in trial.tables.items() if table.identity}
        problems = trial.apply([statement]).problems
        if failed and statement == failed.sql and failed.code != 1050:
            return
        if any(problem.kind != "unread" for problem in problems):
            return
        for effect in sql.read(statement):
            if (
                isinstance(effect, WriteRows)
                and effect.kind in ("insert", "update")
                and effect.table.casefold() in stands - accepted
            ):
                raise Refusal(
                    "migration_would_write_again",
                    f"{case.diagnosis.found} Before it failed, it had written rows of "
                    f"{effect.table}: {redact(statement)}. No rollback takes that back, "
                    "and run again, it would write them a second time.",
                    f"{_onward(case)}If that does no harm (an UPDATE that sets a fixed value), "
                    "say so by the table's name: "
                    f'-e \'{{"remigrate_accept_repeat": ["{effect.table}"]}}\'. '
                    "If it does (rows are inserted, something is added up), take that "
                    "statement out of the migration, deploy it, and run this again.",
                )


def _onward(case: Case) -> str:
    onward = forward.instead(case)
    return f"Going on writes nothing twice: {onward}. Or: " if onward else ""


def _hidden_writes(case: Case, accepted: set[str]) -> None:
    """Refuse a migration that may have written rows where --pretend does not show it."""
    migration = case.migration
    if migration.casefold() in accepted or not case.diagnosis.names:
        return
    stands = {name for name, table in case.repaired.tables.items() if table.identity}
    tables = [
        name
        for name in case.laravel.unshown_writes(migration)
        if not name or name.casefold() in stands - accepted
    ]
    if not tables:
        return
    given = [name or migration for name in tables]
    named = ", ".join(name or "a table whose name is known only when it runs" for name in tables)
    raise Refusal(
        "migration_would_write_again",
        f"{case.diagnosis.found} Before it failed, it may have written rows of {named}, in what "
        "--pretend does not show. No rollback takes that back, and run again, it would write them "
        "a second time.",
        "See whether it had come to that. If it had not, or if it does no harm, say so by name: "
        f"-e '{json.dumps({'remigrate_accept_repeat': given})}'. If it does, take that out of the "
        "migration, deploy it, and run this again.",
    )


VERDICTS = (
    Verdict(
        "migration_would_lose_rows",
        FORESEEN,
        "A pending migration would drop or empty a table that has rows, whether one has "
        "failed or not. They are counted.",
        "May they go? Name the table in `remigrate_accept_loss`, or the migration where "
        "it cannot be told which table it empties. If no recorded migration makes the "
        "table, its rows may be the only ones: rename it out of the way, with the SQL "
        "that is shown.",
        causes=(
            Cause(
                "A pending migration would drop or empty a table that has rows",
                "nothing",
                "The rows are counted. The table is named if they may go, and renamed if "
                "it is not known.",
                (
                    "integration/test_half_run.py::test_a_migration_that_would_lose_rows_is_not_healthy",
                    "integration/test_half_run.py::test_rows_of_a_table_that_nobody_made_may_be_the_only_ones",
                ),
            ),
        ),
    ),
    Verdict(
        "migration_would_write_again",
        DATA,
        "Before it failed, the migration had inserted or updated rows, and would do so again.",
        "Does that no harm? Name the table in `remigrate_accept_repeat`. Otherwise take "
        "that statement out of the migration and deploy it.",
        causes=(
            Cause(
                "The migration changed rows before the statement that failed",
                "1005 (121), 1826",
                "It would do that a second time; wants `remigrate_accept_repeat`, or "
                "another migration.",
                (
                    "integration/test_causes.py::rows_written_before",
                    "integration/test_causes.py::test_rows_may_be_written_again_when_that_is_said",
                    "integration/test_refusals.py::migration_drops_rows",
                ),
                also=("migration_would_lose_rows",),
            ),
        ),
    ),
)
