# SPDX-License-Identifier: GPL-3.0-or-later
"""A migration that stopped half-way, and of which no log says why."""

from __future__ import annotations

from .. import advice, again
from ..case import Case
from ..verdict import CODE, Cause, Refusal, Verdict


def stopped_half_way(case: Case) -> None:
    """Refuse a migration that changed columns and stopped, where no name is taken."""
    if case.strategy:
        return
    migration, stopped = case.migration, case.stopped(case.migration)
    told = case.logged(migration) or case.inputs.incident_migration
    interrupted = case.laravel.maintenance.get("run_id")
    if not stopped or stopped.renamed or told or interrupted or case.holders or case.records:
        return
    if again.gets_through(case):
        return
    trial = case.live.copy()
    left = stopped.statements[stopped.agree[0] :]
    met = next((problem.detail for problem in trial.apply(left).problems), "")
    said = case.laravel.met(migration).rstrip(".")
    what = "that" if met or said else "what stopped it"
    raise Refusal(
        "stopped_half_way",
        f"Migration {migration} has {stopped.told}; the log holds no error of it. So "
        f"{', '.join(stopped.left)}."
        + (f" What comes next in it would fail: {met}." if met else "")
        + (f" Run on an empty schema, it ended with: {said}." if said and not met else ""),
        f"{advice.way_out(case, f'Correct {what}')}. "
        f"If it has not begun, name it: fix_fk.yml -e incident_migration={migration}",
    )


VERDICTS = (
    Verdict(
        "stopped_half_way",
        CODE,
        "The migration has changed columns and stopped; no log says why. What it left, and what "
        "comes next in it, is said.",
        "Correct the migration. What comes next is said.",
        causes=(
            Cause(
                "It changed columns and stopped, and no log tells of it",
                "any",
                "Where it stopped is told from the schema.",
                ("integration/test_half_run.py::test_columns_changed_without_a_log_are_a_failure",),
            ),
        ),
    ),
)
