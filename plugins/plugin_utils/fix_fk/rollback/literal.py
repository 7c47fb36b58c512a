# SPDX-License-Identifier: GPL-3.0-or-later
"""The last recorded migration is rolled back, as the runbook has it."""

from __future__ import annotations

from .. import migrator
from ..case import Case
from ..holders import Holder
from .down import ALL_FILES, PROHIBITED


def strategy(case: Case, _displaced: list[Holder]) -> tuple[dict | None, str]:
    """Return the strategy, or None and why it cannot be taken."""
    name = case.inputs.rollback_migration
    if case.laravel.raw.get("destructive_commands_prohibited"):
        return None, PROHIBITED
    if migrator.declared_twice(case.laravel):
        return None, f"{ALL_FILES}, and {migrator.declared_twice(case.laravel)}"
    last = case.laravel.recorded[-1] if case.laravel.recorded else None
    if not name or name != last:
        return None, (
            "rollback_strategy=literal undoes the last recorded migration, "
            f"{last}; name it (rollback_migration={last}) to say that this is meant"
        )
    return {
        "tables": [],
        "statements": case.laravel.down(name),
        "steps": ["literal"],
        "reason": f"asked for by name: undoes {name}",
    }, ""
