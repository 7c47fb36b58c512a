# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows that a migration, run again, would destroy or write twice."""

from __future__ import annotations

from .. import advice, pending
from ..case import Case
from ..schema import sql
from ..verdict import Refusal


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
                    f"{loss.detail}, which has rows: {sql.redact(loss.statement)}.",
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
                    f"{sql.redact(problem.statement)}"
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
    trial = case.repaired.copy()
    for statement in case.laravel.up(migration):
        stands = {name for name, table in trial.tables.items() if table.identity}
        problems = trial.apply([statement]).problems
        if failed and statement == failed.sql and failed.code != 1050:
            return
        if any(problem.kind != "unread" for problem in problems):
            return
        for effect in sql.read(statement):
            if (
                isinstance(effect, sql.WriteRows)
                and effect.kind in ("insert", "update")
                and effect.table.casefold() in stands - accepted
            ):
                raise Refusal(
                    "migration_would_write_again",
                    f"{case.diagnosis.found} Before it failed, it had written rows of "
                    f"{effect.table}: {sql.redact(statement)}. No rollback takes that back, "
                    "and run again, it would write them a second time.",
                    "If that does no harm (an UPDATE that sets a fixed value), say so by the "
                    f'table\'s name: -e \'{{"remigrate_accept_repeat": ["{effect.table}"]}}\'. '
                    "If it does (rows are inserted, something is added up), take that "
                    "statement out of the migration, deploy it, and run this again.",
                )
