# SPDX-License-Identifier: GPL-3.0-or-later
"""Roll the failed migration back and do no more: the previous release works again."""

from __future__ import annotations

from .. import steps
from ..advice import ROLLBACK, written_before
from ..case import Case
from ..expected import conclude
from ..rollback import no_safe_rollback
from ..verdict import WELL, Verdict
from ..verdicts import WHICH_FAILED, ask, corrected, holders, own_code
from .rehearsal import rehearsal
from .repair import other_way, undoing

from ansible.module_utils.fix_fk.refusal import typed  # isort: skip


def nothing_to_roll_back(case: Case) -> bool:
    """Tell whether the failed migration has left nothing."""
    if not case.strategy or case.strategy["steps"] or case.forget():
        return False
    case.diagnosis.verdict = "nothing_to_roll_back"
    case.diagnosis.outcome = "rolled_back"
    case.diagnosis.found = (
        f"Migration {case.migration} has left nothing in the schema: it is as it was before."
        + _rows_written(case)
    )
    case.diagnosis.next = advice(case)
    return True


ORDER = (
    *WHICH_FAILED,
    own_code.migration_unreadable,
    corrected.half_run_before_it_was_corrected,
    holders.names_and_holders,
    no_safe_rollback,
    nothing_to_roll_back,
)


def decide(case: Case) -> None:
    """Come to a verdict, or attach the plan of the rollback."""
    if not ask(case, ORDER):
        plan(case)


def plan(case: Case) -> None:
    """Attach the plan of the rollback, which every verdict has let through."""
    strategy = case.strategy or {}
    case.runs = []
    case.diagnosis.strategies = strategy["considered"]
    case.diagnosis.verdict = "rolls_back"
    case.diagnosis.outcome = "rolled_back"
    case.diagnosis.next = advice(case)
    stays = list(case.laravel.pending)
    case.diagnosis.found += (
        f" It is rolled back and not run again: {', '.join(stays)} "
        f"{'stay' if len(stays) > 1 else 'stays'} pending."
    )
    case.diagnosis.notes += other_way(case)
    case.diagnosis.notes += filter(None, [_rows_written(case).strip()])
    redo = case.records.redo if case.records else None
    planned = [
        *steps.begin(case.artisan, case.schema, case.migration, case.inputs.loses_rows),
        *undoing(case),
        *steps.finish(case.artisan),
    ]
    conclude(case, [*rehearsal(case), *planned], case.repaired)
    stays = [name for name in stays if name != redo]
    recorded = [name for name in case.laravel.recorded if name not in stays]
    case.diagnosis.expected["migrations"] = [*recorded, *([redo] if redo else [])]
    case.diagnosis.expected["stay_pending"] = stays


def _rows_written(case: Case) -> str:
    written = written_before(case, case.migration)
    return (
        f" Rows of {written} that the migration has written stay as they are; run again as it is, "
        "it would write them a second time."
        if written
        else ""
    )


def advice(case: Case) -> str:
    """Return what is left to do once the migration is rolled back."""
    others = [name for name in case.laravel.pending if name != case.migration]
    begun = [name for name in others if case.stopped(name)]
    again = (
        f"{begun[0]} has begun as well. Roll it back, too: "
        f"{ROLLBACK} -e incident_migration={begun[0]} ; then: "
        if begun
        else ""
    )
    return (
        f"{again}Deploy the release from before {case.migration}, which works on this schema; or "
        f"correct the migration, deploy it, and see whether {case.artisan} migrate --force will "
        f"get through:{typed('playbooks/diagnose.yml')}"
    )


VERDICTS = (
    Verdict(
        "rolls_back",
        WELL,
        "Asked for with `playbooks/rollback.yml`: what the failed migration has done is undone. It "
        "is not run again. Amber, exit code 0.",
        "Deploy the previous release, or the corrected migration.",
        proof=("integration/test_rollback.py::test_what_a_migration_did_is_undone",),
    ),
    Verdict(
        "nothing_to_roll_back",
        WELL,
        "Asked for with `playbooks/rollback.yml`: the failed migration has left nothing.",
        "Deploy the previous release, or the corrected migration.",
        proof=("integration/test_rollback.py::test_a_second_run_changes_nothing",),
    ),
)
