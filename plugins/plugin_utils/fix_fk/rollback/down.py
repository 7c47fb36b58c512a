# SPDX-License-Identifier: GPL-3.0-or-later
"""The migration's own down() rolls it back."""

from __future__ import annotations

from .. import migrator
from ..case import Case
from ..holders import Holder

PROHIBITED = "DB::prohibitDestructiveCommands() forbids migrate:rollback in this application"
ALL_FILES = "migrate:rollback takes the files of all migrations"


def strategy(case: Case, _displaced: list[Holder]) -> tuple[dict | None, str]:
    """Return the strategy, or None and why it cannot be taken."""
    known = case.laravel.statements(case.migration)
    if case.laravel.raw.get("destructive_commands_prohibited"):
        return None, PROHIBITED
    if migrator.declared_twice(case.laravel):
        return None, f"{ALL_FILES}, and {migrator.declared_twice(case.laravel)}"
    if not known.get("down_exists") or not known.get("down"):
        return None, "the migration has no down() that does anything"
    if known.get("down_error"):
        return None, f"its down() could not be read: {known['down_error']}"
    if known.get("down_conditional"):
        return None, (
            "its down() decides by what it finds "
            f"({', '.join(known['down_conditional'])}), so --pretend does not show all of it"
        )
    return {
        "tables": [],
        "statements": known["down"],
        "steps": ["down"],
        "reason": "its own down() puts the schema back and drops nothing that has rows",
    }, ""
