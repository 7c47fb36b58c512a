# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables get their names back, and what is left of the migration goes."""

from __future__ import annotations

from collections import Counter

from .. import leftovers
from ..case import Case
from ..holders import Holder


def strategy(case: Case, displaced: list[Holder]) -> tuple[dict | None, str]:
    """Return the strategy, or None and why it cannot be taken."""
    made: list[str] = []
    renamed: dict[str, str] = {}
    for begun in leftovers.begun(case, case.migration):
        made += leftovers.made_by(case, begun)
        renamed.update(leftovers.renamed_by(case, begun))
    for holder in displaced:
        if holder.original:
            renamed[holder.original] = holder.table
    if not renamed and not made and not leftovers.set_aside(case):
        return None, "the migration renamed and created no table that is there now"
    for name, times in Counter(renamed.values()).items():
        if times > 1 or name in renamed:
            return None, f"the migration renames {name} more than once"
    pairs = [
        {"original": name, "displaced": None, "leftover": False}
        for name in leftovers.set_aside(case)
    ]
    for original in sorted({*renamed, *made}):
        table = case.live.get(original)
        if table and table.may_have_rows:
            return None, f"table {original}, which would be dropped, has rows"
        if table and table.name not in made:
            return None, f"table {original} exists and the migration does not create it"
        if table:
            pointing = [
                other.name for other in case.live.referring(table) if other.name not in made
            ]
            if pointing:
                return None, f"table {pointing[0]} refers to {original}, which would be dropped"
        pairs.append(
            {
                "original": table.name if table else original,
                "displaced": renamed.get(original),
                "leftover": table is not None,
            }
        )
    names = ", ".join(
        f"{pair['displaced']} to {pair['original']}" for pair in pairs if pair["displaced"]
    )
    return {
        "tables": pairs,
        "statements": [],
        "steps": ["rename_back"],
        "reason": f"what it created is empty and nobody refers to it; renames {names} back"
        if names
        else "what it created is empty and nobody refers to it",
    }, ""
