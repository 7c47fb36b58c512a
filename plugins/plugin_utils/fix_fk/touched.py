# SPDX-License-Identifier: GPL-3.0-or-later
"""Of which tables a plan may write, copy or alter rows; all rows of these are read in the window.

The simulation marks a table when a statement does more to it than to rename it or to drop a foreign
key. What follows from foreign keys and triggers is seen on the server, when it is time
(`module_utils/fix_fk/schema/proof.py`).
"""

from __future__ import annotations

from collections.abc import Iterable

from .case import Case
from .facts import Laravel
from .schema.simulation import Schema

# Steps of which the simulation, or the step itself, says all that they do to rows.
KNOWN = {
    *("rehearse", "backup", "maintenance", "forget", "rollback", "add_back", "record", "fk_drop"),
    *("forward", "forward_record", "skip", "complete", "remigrate", "ids"),
    *("verify", "leave_maintenance"),
}
FULL = "verify_contents is full"


def touched(case: Case, planned: Iterable[dict], final: Schema, undecided: dict) -> dict:
    """Return {tables: the names that they have now, whole: why it may be any, or ""}.

    undecided: as comparison.undecided() says.
    """
    planned = list(planned)
    whole = (
        _asked(case)
        or _unforeseen(planned)
        or next((f"{name} {about['why']}" for name, about in undecided.items()), "")
        or _unseen(case.laravel, case.to_run(), _back(planned))
        or final.reach
    )
    adds = {
        key["table"].casefold()
        for step in planned
        if step["id"] in ("add_back", "complete")
        for key in step["arguments"]["constraints"]
    }
    names = {t.identity for t in final.tables.values() if t.touched or t.name.casefold() in adds}
    names |= {t.name for t in case.live.tables.values() if t.name.casefold() in adds}
    names |= {table.identity for table in final.dropped}
    return {"tables": sorted(name for name in names if name), "whole": whole}


def _asked(case: Case) -> str:
    if case.inputs.rows_aside == "stay_down":
        # The run that goes on from there touches others, and has this one's note to hold them to.
        return "rows_aside is stay_down, so that another run goes on with this one"
    return FULL if case.inputs.verify_contents == "full" else ""


def _unforeseen(planned: list[dict]) -> str:
    for step in planned:
        if step["id"] not in KNOWN:
            return f"the step '{step['title']}' writes rows"
    return ""


def _back(planned: list[dict]) -> list[str]:
    """Return the migrations of which the plan runs down()."""
    return [
        step["arguments"]["migration"]
        for step in planned
        if step["id"] == "rollback" and "migration" in step["arguments"]
    ]


def _unseen(laravel: Laravel, runs: list[str], back: list[str]) -> str:
    """Say why a migration may send more than what is known of it, or nothing.

    runs: those of which up() is run; back: those of which down() is.
    """
    for migration in dict.fromkeys([*back, *runs]):
        known = laravel.statements(migration)
        if not known:
            return f"it is not known what {migration} sends"
        others = known.get("other_connections")
        if others:
            return f"{migration} uses the connection {', '.join(others)} as well"
        why = [
            *(f"names {text}, which may go past Laravel" for text in known.get("outside") or ()),
            *(f"decides by what may change ({text})" for text in known.get("varies") or ()),
            *(f"decides by rows ({text})" for text in known.get("counts") or ()),
            *(f"calls {text}" for text in known.get("up_calls") or ()),
        ]
        if migration in back:
            why += [f"decides by what it finds ({t})" for t in known.get("down_conditional") or ()]
            why += [f"calls {text}" for text in known.get("down_calls") or ()]
        if why:
            return f"{migration} {why[0]}"
    return ""
