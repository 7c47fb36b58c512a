# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of rows aside, and of the ids that new rows get."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..facts import Laravel
from ..inputs import Inputs
from .pairs import details_of
from .rows import find, is_uncounted
from .words import accepted, advice, said, split

from ansible.module_utils.fix_fk.schema.ids import above, overlaps  # isort: skip

TITLE = "rows aside"


def check_rows_aside(
    laravel: Laravel,
    schema: dict,
    inputs: Inputs,
    raised: Iterable[dict] | None,
    command: Callable[[], tuple[str, str]],
    carried: Iterable[dict] = (),
) -> list[dict]:
    """Return the checks of what is aside, one with `aside` {found, next} when somebody has to act,
    and of the ids that the plan has raised (as count_above() gave them). command: returns what
    carries the rows over, and what its answers mean. carried: of old tables, how many rows were
    found in the new one, one by one."""
    made = [_ids_check(pair, details_of(schema)) for pair in raised or ()]
    open_, meant = split(find(laravel, schema), inputs)
    proven = {one["old"].casefold() for one in carried if one["rows"] == one["same"]}
    open_ = [
        item for item in open_ if not (is_uncounted(item) and item["old"].casefold() in proven)
    ]
    if open_:
        told = {"found": said(open_), "next": advice(open_, *command())}
        made.append(
            {"check": TITLE, "ok": True, "look": True, "detail": told["found"], "aside": told}
        )
    made += [{"check": TITLE, "ok": True, "detail": note} for note in accepted(meant)]
    return made


def _ids_check(pair: dict, details: dict) -> dict:
    new, old = (
        next((d.get("ids") for n, d in details.items() if n.casefold() == name.casefold()), None)
        for name in (pair["table"], pair["old"])
    )
    check = {"check": f"new ids of {pair['table']}", "ok": True}
    if not new or not old:
        return {**check, "detail": "it does not count by itself"}
    detail = f"from {new['next']} on; the highest in {pair['old']} is {old['highest'] or 'none'}"
    if above(new, old) is not None:
        return {**check, "ok": False, "detail": f"not above the old ones: {detail}"}
    if overlaps(new, old):
        detail += f". {new['type']} holds no higher one, so a new row may get the id of an old one"
        return {**check, "look": True, "detail": detail}
    return {**check, "detail": detail}
