# SPDX-License-Identifier: GPL-3.0-or-later
"""Option 1: roll the failed migration back, free the names, and migrate again."""

from __future__ import annotations

from .. import comparison, steps
from ..case import Case
from ..expected import conclude
from .rehearsal import rehearsal


def plan(case: Case) -> None:
    """Attach the plan of the repair, which every verdict has let through."""
    strategy, final, lost = case.strategy or {}, case.final, case.added_back()
    case.diagnosis.strategies = strategy["considered"]
    planned = steps.option_1(
        artisan=case.artisan,
        schema=case.schema,
        laravel=case.laravel,
        migration=case.migration,
        strategy=strategy,
        drops=case.drops,
        forget=case.forget(),
        redo=case.records.redo if case.records else None,
        lost=[key.of(table) for table, key in lost],
    )
    conclude(case, [*rehearsal(case), *planned], final)
    given_up = {table.casefold() for table in case.inputs.fk_drop_from}
    case.diagnosis.expected["structure"]["unguarded"] = comparison.unguarded(
        [drop for drop in case.drops if drop["table"].casefold() not in given_up],
        case.repaired,
        final,
    )
    # The migrations may rename their tables, and those that they refer to.
    case.diagnosis.expected["constraints"] += [
        key.of(table.name)
        for name, added in lost
        for table in [final.by_identity(name)]
        for key in [table.key(added.name or "") if table else None]
        if table and key
    ]
