# SPDX-License-Identifier: GPL-3.0-or-later
"""From facts to a verdict and a plan: a pure function, no server and no files.

`diagnose` asks the verdicts in their ORDER. The first that applies ends it: as a refusal that says
what was found and what to do next, or as a verdict that needs no plan. Where none does, the failed
migration can be repaired, and the plan says how.
"""

from __future__ import annotations

from .case import Case
from .conclusion import concluded
from .facts import Laravel
from .inputs import Inputs
from .plans import carry_over, forward, repair, rollback_only
from .verdicts import ask


def diagnose(laravel_facts: dict, schema_facts: dict, inputs: Inputs) -> dict:
    """Return the diagnosis of one application as a dictionary."""
    case = Case(Laravel(laravel_facts), schema_facts, inputs)
    if inputs.rollback_only:
        return concluded(case, lambda: rollback_only.decide(case))
    if inputs.forward:
        return concluded(case, lambda: forward.decide(case))
    if inputs.carry_only:
        return concluded(case, lambda: carry_over.decide(case))
    return concluded(case, lambda: _repair(case))


def _repair(case: Case) -> None:
    if not ask(case):
        repair.plan(case)
    elif case.inputs.carry_over or case.carrying_was_interrupted():
        carry_over.decide_when_well(case)
