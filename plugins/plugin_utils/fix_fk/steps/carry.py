# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps that bring rows of displaced tables into those that took their places."""

from __future__ import annotations

from .kind import Call, Kind, step, waits

from ansible.module_utils.fix_fk.schema import carrying  # isort: skip

# Seconds of one call, after which it is said how far it has come.
SLICE = 8


def carry(pairs: list[dict]) -> dict:
    """Return the step that copies the rows. pairs: as module_utils/.../carrying.py has them."""
    return step(
        "carry",
        "Carry the rows over",
        "the application looks for them in the new tables",
        [carrying.insert(pair) + "    (in batches, each compared)" for pair in pairs],
        [carrying.take_back(pair) for pair in reversed(pairs)],
        "rows and a digest of the mapped columns are the same on both sides; the old tables stay",
        tables=pairs,
    )


def children(do: list[str], undo: list[str], old: list[dict], new: list[dict]) -> dict:
    """Return the step that points constraints at the new tables; old and new are the constraints
    as fk_constraint takes them."""
    return step(
        "carry_children",
        "Point the children at the new tables",
        "their rows belong to those that were carried over, and new ones must be able to",
        do,
        undo,
        "each is read again",
        old=old,
        new=new,
    )


def drop_old(pairs: list[dict]) -> dict:
    """Return the step that drops the old tables, asked for by name."""
    return step(
        "carry_drop",
        "Drop the old tables",
        "asked for by carry_over_drop_old, by name",
        [
            f"DROP TABLE `{pair['old']}`    (only if every row is in {pair['table']})"
            for pair in pairs
        ],
        ["put the backup back"],
        "every row is compared once more, with both tables locked",
        tables=pairs,
    )


def _call_carry(given: dict, _plan: dict, options: dict) -> list[Call]:
    return [("carry_rows", {"tables": given["tables"], "seconds": SLICE, **waits(options)})]


def _call_children(given: dict, _plan: dict, options: dict) -> list[Call]:
    named = [{"name": key["name"], "table": key["table"]} for key in given["old"]]
    return [
        ("fk_constraint", {"state": "absent", "constraints": named, **waits(options)}),
        ("fk_constraint", {"constraints": given["new"], **waits(options)}),
    ]


def _call_drop(given: dict, _plan: dict, options: dict) -> list[Call]:
    return [("carry_rows", {"state": "dropped", "tables": given["tables"], **waits(options)})]


KINDS = {
    "carry": Kind("carry over", _call_carry, goes_on=True),
    "carry_children": Kind("point children", _call_children),
    "carry_drop": Kind("drop the old", _call_drop),
}
