# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing is left to be rolled back."""

from __future__ import annotations

from .. import facts, leftovers, undo
from ..case import Case
from ..holders import Holder
from ..position import differences
from ..schema.effects import ForeignKeyChecks, ReadRows, WriteRows
from ..schema.redaction import redact


def strategy(case: Case, displaced: list[Holder]) -> tuple[dict | None, str]:
    """Return the strategy, or None and why it cannot be taken."""
    if displaced:
        tables = ", ".join(sorted({holder.table for holder in displaced}))
        return None, f"the original rows are in {tables}"
    for begun in leftovers.begun(case, case.migration):
        found = case.stopped(begun)
        if found and found.renamed:
            return None, f"{begun} {found.told}"
    for name in leftovers.set_aside(case):
        return None, f"{facts.quarantine(name)}, set aside by an interrupted run, has to go"
    if case.inputs.rollback_only and _leaves_traces(case):
        position = case.position(case.migration)
        if position is None:
            told = "; ".join(differences(case.laravel, case.live, case.migration))
            return None, (
                "the schema does not tell that the migration has done nothing"
                + (f" (not as before it: {told})" if told else "")
            )
        if position.agree[0]:
            return None, f"the migration {position.told}"
        for statement in undo.unclear(position, case.schema):
            return None, f"the schema does not tell whether it has done this: {redact(statement)}"
    reason = "the failed migration left nothing behind"
    return {"tables": [], "statements": [], "steps": [], "reason": reason}, ""


def _leaves_traces(case: Case) -> bool:
    """Tell whether the migration does anything that a look at the schema would show."""
    traceless = (WriteRows, ReadRows, ForeignKeyChecks)
    return any(not isinstance(e, traceless) for e in case.laravel.effects(case.migration))
