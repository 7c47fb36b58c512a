# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan says of rows that will be aside, and which tables it has count from above them."""

from __future__ import annotations

from ..facts import Laravel
from ..schema.simulation import Schema
from ..schema.tables import Table
from .pairs import details_of

from ansible.module_utils.fix_fk.schema.ids import above  # isort: skip


def anew(laravel: Laravel, migrations: list[str], final: Schema) -> dict[str, str]:
    """Return {table that is new and empty after the migrations: where its rows are then}."""
    found = {}
    for table, old in laravel.displaced(migrations):
        new, away = final.get(table), final.get(old)
        if new and away and not new.written and away.may_have_rows:
            found[new.name] = away.name
    return found


def foretold(found: dict[str, str]) -> list[str]:
    """Return what a plan says of the tables that the application will find empty."""
    if not found:
        return []
    where = ", ".join(f"{name} (its rows are in {old} then)" for name, old in found.items())
    return [
        f"Afterwards the application finds empty, since the migrations make them anew: {where}; "
        "-e carry_over=true brings the rows over in the same run."
    ]


def count_above(
    laravel: Laravel, migrations: list[str], live: Schema, schema: dict, final: Schema
) -> list[dict]:
    """Return the tables, as the module artisan takes them, that have to count from above the old
    ones: those that these migrations make, and those made before that give ids out twice now."""
    details = details_of(schema)
    pairs = []
    for table, old in laravel.displaced(migrations):
        away = final.get(old)
        before = details.get(away.identity or "") if away else None
        if before and before.get("ids"):
            pairs.append({"table": table, "old": old})
    for table, old in laravel.displaced():
        new, away = live.get(table), live.get(old)
        if _overlap(details, new, away):
            pairs.append({"table": new.name, "old": away.name})  # type: ignore[union-attr]
    return pairs


def _overlap(details: dict, new: Table | None, away: Table | None) -> bool:
    if not new or not away:
        return False
    mine, theirs = (((details.get(t.name)) or {}).get("ids") for t in (new, away))
    return above(mine, theirs) is not None
