# SPDX-License-Identifier: GPL-3.0-or-later
"""Who holds the names that the pending migrations will create."""

from __future__ import annotations

from . import leftovers
from .case import Case
from .holders import Holder, classify


def find(case: Case) -> tuple[Holder, ...]:
    """Return who holds each name that the pending migrations will create."""
    found: list[Holder] = []
    seen: set[str] = set()
    trial = case.live.copy()
    trial.asking = True
    for name in case.laravel.pending:
        for statement in case.laravel.up(name):
            for problem in trial.apply([statement]).problems:
                if problem.kind != "name_taken" or problem.name.casefold() in seen:
                    continue
                # Nothing is dropped for a branch that may not be taken.
                if not case.is_sure(name):
                    continue
                seen.add(problem.name.casefold())
                # Where the name sits now, before the migration's own renames.
                tables = case.live.holders(problem.name)
                if not tables:
                    continue
                holder = classify(
                    case.laravel,
                    case.live,
                    case.migration,
                    problem,
                    tables[0].name,
                    leftovers.creating(case, case.migration),
                )
                given_up = {table.casefold() for table in case.inputs.fk_drop_from}
                if holder.kind in ("unknown", "shadow") and holder.table.casefold() in given_up:
                    holder.kind = "given_up"
                    holder.evidence.append(f"fk_drop_from names {holder.table}.")
                found.append(holder)
    return tuple(found)
