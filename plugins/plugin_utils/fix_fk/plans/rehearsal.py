# SPDX-License-Identifier: GPL-3.0-or-later
"""The step that rehearses a plan on a clone."""

from __future__ import annotations

from .. import learning, steps
from ..case import Case
from ..verdict import STATE, Refusal, Verdict


def rehearsal(case: Case, rows: bool = False) -> list[dict]:
    """Return the step that rehearses the plan, or none and a note on why there is none. rows:
    whether it is about rows, which are taken along then."""
    level = "full" if rows else case.inputs.rehearsal_level
    why = _why_unrehearsed(case)
    if not why:
        return [steps.rehearse(case.schema, level, case.inputs)]
    if case.inputs.rehearsal_required:
        raise Refusal(
            "cannot_rehearse",
            f"{case.diagnosis.found} rehearsal_required is set, and the plan cannot be "
            f"rehearsed: {why}.",
            "Clear that, or leave rehearsal_required out; then run this again.",
        )
    case.diagnosis.notes.append(f"Not rehearsed: {why}.")
    return []


def _why_unrehearsed(case: Case) -> str:
    """Return why the plan is not rehearsed, or nothing."""
    if case.unrehearsed:
        return case.unrehearsed
    return case.no_clone() or learning.reaches_out(case.laravel, case.to_run())


VERDICTS = (
    Verdict(
        "cannot_rehearse",
        STATE,
        "`rehearsal_required` is set, and the plan cannot be rehearsed. Why is said.",
        "Clear that (where a right is lacking, `-e rehearsal_server=embedded` takes "
        "none), or leave `rehearsal_required` out. Run it again.",
        proof=("integration/test_rehearsal.py::test_without_the_right_to_make_a_clone_it_says_so",),
    ),
)
