# SPDX-License-Identifier: GPL-3.0-or-later
"""Each statement that was carried out is undone, the last one first."""

from __future__ import annotations

from .. import undo
from ..case import Case
from ..holders import Holder
from ..position import Position
from ..schema.redaction import redact


def strategy(case: Case, _displaced: list[Holder]) -> tuple[dict | None, str]:
    """Return the strategy, or None and why it cannot be taken."""
    position = case.begun(case.migration)
    if position is None:
        return None, "the schema does not tell how far the migration has come"
    inverses = undo.of(position, case.schema)
    if not inverses:
        return None, "it has done nothing that could be undone"
    beyond = beyond_undoing(case, position, inverses)
    if beyond:
        return None, beyond
    accepted = {name.casefold() for name in case.inputs.rollback_accept_loss}
    for inverse in inverses:
        table = case.live.get(inverse.empty) if inverse.empty else None
        if table and table.may_have_rows and table.name.casefold() not in accepted:
            return None, f"table {table.name}, which it made and which would be dropped, has rows"
        for name, column in inverse.held:
            rows = case.filled(name, column)
            if rows != 0 and f"{name}.{column}".casefold() not in accepted:
                return None, (
                    f"column {column} of {name}, which it added and which would be dropped, has "
                    f"values in {'some' if rows is None else rows} row{'' if rows == 1 else 's'}"
                )
    items = [item for inverse in inverses for item in inverse.items]
    return {
        "tables": [],
        "statements": [item["statement"] for item in items],
        "steps": ["inverse"],
        "send": items,
        "redo": [inverse.statement for inverse in reversed(inverses)],
        "accept": sorted(case.inputs.rollback_accept_loss),
        "reason": "undoes what the migration did, the last statement first; nothing is lost",
    }, ""


def beyond_undoing(case: Case, position: Position, inverses: list[undo.Inverse]) -> str:
    """Say what the migration has done, or may have, that nothing takes back; "" for nothing."""
    for statement in undo.unclear(position, case.schema):
        return f"the schema does not tell whether it has done this: {redact(statement)}"
    lost = undo.lost(inverses, case.inputs.rollback_accept_loss)
    return f"only a backup has what it took away: {', '.join(lost)}" if lost else ""
