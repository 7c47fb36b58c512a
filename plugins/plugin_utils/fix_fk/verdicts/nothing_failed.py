# SPDX-License-Identifier: GPL-3.0-or-later
"""Migrations are pending, and none has failed."""

from __future__ import annotations

from .. import advice, overtaken, pending
from ..case import Case
from ..verdict import Refusal
from ..wording import few
from .made_already import refuse_what_has_run


def would_lose_rows(case: Case) -> None:
    """Refuse pending migrations, none of which has failed, that would destroy rows."""
    if case.migration:
        return
    laravel, accepted = case.laravel.ahead, case.inputs.remigrate_accept_loss
    dangers = pending.dangers(laravel, case.live, accepted)
    for danger in dangers:
        # What it would drop and make anew, it has made: the rows belong where they are.
        refuse_what_has_run(case, danger.migration)
    if dangers:
        raise Refusal(
            "migration_would_lose_rows",
            f"No migration has failed so far. {' '.join(d.sentence() for d in dangers)}",
            advice.keep_or_accept(case, dangers),
        )


def nothing_failed(case: Case) -> bool:
    """Tell whether none of the pending migrations has failed."""
    if case.migration:
        return False
    laravel = case.laravel.ahead
    case.diagnosis.notes += pending.parts(laravel, case.live)
    accepted = " ".join(d.sentence() for d in pending.dangers(laravel, case.live))
    if accepted:
        accepted = f" Accepted in remigrate_accept_loss: {accepted}"
    case.diagnosis.verdict = "healthy"
    names = few(case.laravel.pending)
    told = overtaken.said(case.laravel.raw)
    tried = "recorded" if told else "tried yet as far as the log says"
    case.diagnosis.found = (
        f"{told or 'No failed migration was found.'} Pending, and not {tried}: "
        f"{names}. No constraint name stands in their way, so nothing is repaired and nothing is "
        f"migrated here.{accepted}"
    )
    case.diagnosis.next = (
        f"{'Back the schema up. Then: ' if accepted else ''}{case.artisan} migrate --force, "
        "or name the migration that failed: "
        f"fix_fk.yml -e incident_migration={case.laravel.pending[0]}"
    )
    return True
