# SPDX-License-Identifier: GPL-3.0-or-later
"""Option 1: roll the failed migration back, free the names, and migrate again."""

from __future__ import annotations

from .. import comparison, forward, steps
from ..carry_over.work import Work, expect, work
from ..case import Case
from ..expected import conclude
from .rehearsal import rehearsal


def plan(case: Case) -> None:
    """Attach the plan of the repair, which every verdict has let through."""
    strategy, final, lost = case.strategy or {}, case.final, case.added_back()
    case.diagnosis.strategies = strategy["considered"]
    case.diagnosis.notes += other_way(case)
    names = list(case.laravel.pending)
    if strategy["steps"] == ["literal"]:
        names.insert(0, case.laravel.recorded[-1])
    carried = Work()
    if case.inputs.carry_over:
        final = final.copy()
        carried = work(case, final, case.to_run())
        case.diagnosis.notes += carried.notes
    planned = [
        *steps.begin(case.artisan, case.schema, case.migration, case.inputs.loses_rows),
        *undoing(case),
        *([steps.drop(case.schema, case.drops)] if case.drops else []),
        steps.migrate(case.artisan, case.laravel, names),
        *carried.steps,
        *steps.finish(case.artisan),
    ]
    conclude(case, [*rehearsal(case, bool(carried.steps)), *planned], final)
    expect(case, carried)
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


def other_way(case: Case) -> list[str]:
    """Return a note on how to go on instead of back, where both lose nothing."""
    back = bool((case.strategy or {}).get("steps"))
    onward = forward.instead(case) if back and case.stopped(case.migration) else ""
    return (
        [f"This goes back first. Going on loses nothing either: ansible-playbook {onward}."]
        if onward
        else []
    )


def undoing(case: Case) -> list[dict]:
    """Return the steps that undo the migration, and what was done about it by hand."""
    table, batches = case.laravel.raw["migrations_table"], case.forget()
    lost = [key.of(table) for table, key in case.added_back()]
    redo = case.records.redo if case.records else None
    return [
        *([steps.forget(table, batches)] if batches else []),
        *steps.rollback(case.artisan, case.laravel, case.migration, case.strategy or {}),
        *([steps.add_back(case.schema, lost)] if lost else []),
        *([steps.record(table, redo, case.laravel.next_batch - 1)] if redo else []),
    ]
