# SPDX-License-Identifier: GPL-3.0-or-later
"""What the operator says of rows that are carried over, and the command that says it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable

from ..inputs import Inputs

# Seconds to count in, where the usual ones are not enough.
PATIENT = 600


class Said:
    """What the operator says of one pair of tables."""

    def __init__(self, inputs: Inputs, tables: Iterable[str]):
        self.inputs = inputs
        self.tables = {name.casefold() for name in tables}

    def _of(self, name: str) -> str | None:
        """Return the column of a name TABLE.COLUMN, folded, if it is of these tables."""
        table, _, column = name.rpartition(".")
        return column.casefold() if table.casefold() in self.tables else None

    def source(self, column: str) -> str | None:
        for name, source in self.inputs.carry_map.items():
            if self._of(name) == column.casefold():
                return source
        return None

    def value(self, column: str):
        """Return (whether it is said, the value)."""
        for name, value in self.inputs.carry_default.items():
            if self._of(name) == column.casefold():
                return True, value
        return False, None

    def dropped(self, column: str) -> bool:
        return any(self._of(name) == column.casefold() for name in self.inputs.carry_drop)


def more_time(inputs: Inputs) -> dict:
    """Return the answer where something could not be counted in time."""
    return {"count_seconds": min(max(PATIENT, inputs.count_seconds * 10), 86400)}


def command(inputs: Inputs, answers: Iterable[dict] = ()) -> str:
    """Return what to type to have the rows carried over, with what was said and what is asked."""
    base = "playbooks/carry_over.yml" if inputs.carry_only else "fix_fk.yml"
    return base + typed(inputs, answers)


def typed(inputs: Inputs, answers: Iterable[dict] = ()) -> str:
    """Return the variables of that command, with a blank before them."""
    given: dict = {
        name: dict(value) if isinstance(value, dict) else list(value)
        for name in (
            *("carry_map", "carry_default", "carry_drop", "carry_triggers", "carry_missing"),
            "carry_over_drop_old",
        )
        for value in [getattr(inputs, name)]
        if value
    }
    if inputs.count_seconds != Inputs.count_seconds:
        given["count_seconds"] = inputs.count_seconds
    for answered in answers:
        for name, value in answered.items():
            if isinstance(value, dict):
                given[name] = {**given.get(name, {}), **value}
            elif isinstance(value, int):
                given[name] = value
            else:
                given[name] = [*given.get(name, []), *value]  # type: ignore[misc]
    text = "" if inputs.carry_only else " -e carry_over=true"
    return text + (f" -e {shlex.quote(json.dumps(given, ensure_ascii=False))}" if given else "")
