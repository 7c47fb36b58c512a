# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing is left to be rolled back."""

from __future__ import annotations

from .. import facts, leftovers
from ..case import Case
from ..holders import Holder


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
    reason = "the failed migration left nothing behind"
    return {"tables": [], "statements": [], "steps": [], "reason": reason}, ""
