# SPDX-License-Identifier: GPL-3.0-or-later
"""Which migration failed."""

from __future__ import annotations

from ..case import Case
from ..verdict import STATE, Refusal, Verdict


def which_failed(case: Case) -> None:
    """Find the migration that failed, if one did."""
    if not case.laravel.pending:
        return
    case.migration = failed(case) or ""
    case.diagnosis.migration = case.migration or None
    stopped = case.stopped(case.migration) if case.migration else None
    case.diagnosis.stopped = stopped.told if stopped else ""


def failed(case: Case) -> str | None:
    """Return the pending migration that failed, or None; refuse a name that is not pending."""
    asked = case.inputs.incident_migration
    if asked:
        if asked in case.laravel.pending:
            return asked
        state = "is recorded as run" if asked in case.laravel.recorded else "is not in the code"
        raise Refusal(
            "not_pending",
            f"incident_migration names {asked}, which {state}; a failed migration is one "
            f"that is pending. Pending are: {', '.join(case.laravel.pending)}.",
            "Name one of these, or leave incident_migration out.",
        )
    logged = case.laravel.failed_migration()
    if logged:
        earlier = case.laravel.pending[: case.laravel.pending.index(logged)]
        return case.half_run(earlier) or case.colliding(earlier) or logged
    ours = case.laravel.maintenance
    if ours.get("run_id"):
        # An interrupted run stands for all that was pending in it, also what it never began.
        begun = ours.get("migration")
        return begun if begun in case.laravel.pending else case.laravel.pending[0]
    return case.half_run(case.laravel.pending) or case.colliding(case.laravel.pending)


VERDICTS = (
    Verdict(
        "not_pending",
        STATE,
        "`incident_migration` names a migration that is not pending.",
        "Name one of those listed, or leave it out.",
        proof=(
            "integration/test_refusals.py::not_pending",
            "integration/test_refusals.py::not_in_the_code",
        ),
    ),
)
