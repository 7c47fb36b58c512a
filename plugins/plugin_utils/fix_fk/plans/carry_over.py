# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry the rows of displaced tables over into those that took their places."""

from __future__ import annotations

from .. import steps
from ..aside import rows, words
from ..carry_over import work
from ..carry_over.said import command
from ..case import Case
from ..expected import conclude
from ..verdict import CARRIED, WELL, Refusal, Verdict
from ..verdicts import ask
from .rehearsal import rehearsal

# In the place of a migration, in the note of a run.
CARRY = "carry_over"


def decide(case: Case) -> None:
    """Come to a verdict, or attach the plan."""
    if not ask(case):
        raise Refusal(
            "repair_first",
            f"{case.diagnosis.found} Rows are carried over when that is repaired.",
            "fix_fk.yml -e carry_over=true repairs it and carries the rows over; with --check it "
            "shows both.",
        )
    decide_when_well(case)


def decide_when_well(case: Case) -> None:
    """Attach the plan where nothing has failed, or an interrupted run has only its end left."""
    if case.diagnosis.verdict in ("healthy", "unfinished"):
        plan(case)


def plan(case: Case) -> None:
    """Attach the plan to carry over what is aside, where there is something."""
    case.runs = []
    final = case.live.copy()
    done = work.work(case, final, [])
    if not done.steps:
        return
    case.diagnosis.verdict = "carries_over"
    case.diagnosis.outcome = "repaired"
    case.diagnosis.typed = command(case.inputs)
    found = rows.find(case.laravel, case.schema)
    away = [item["old"] for item in found if item["rows"] != 0]
    case.diagnosis.found = (
        f"The application looks for the rows of {', '.join(away)} in the tables that took their "
        f"places. {work.told(done.mappings)}"
        if away
        else "The rows are where the application looks, and children point at the old tables."
    )
    case.diagnosis.notes += [words.said(found), *done.notes] if found else done.notes
    planned = [
        *rehearsal(case, rows=True),
        *steps.begin(case.artisan, case.schema, CARRY, case.inputs.loses_rows),
        *done.steps,
        *steps.finish(case.artisan),
    ]
    conclude(case, planned, final)
    work.expect(case, done)


VERDICTS = (
    Verdict(
        "carries_over",
        WELL,
        "Asked for with `playbooks/carry_over.yml` or `-e carry_over=true`: rows that a migration "
        "has left in a table renamed away are copied into the one that took its place.",
        "Nothing. The old table stays; `carry_over_drop_old` drops it, by name.",
        proof=("integration/test_carry_over.py::test_the_application_has_its_rows_back",),
    ),
    Verdict(
        "repair_first",
        CARRIED,
        "Rows are to be carried over, and a migration has failed.",
        "Repair that first, or both in one go: `fix_fk.yml -e carry_over=true`.",
        proof=("integration/test_carry_over.py::test_what_failed_is_repaired_first",),
    ),
    Verdict(
        "carry_undecided",
        CARRIED,
        "Rows are to be carried over, and of some columns nobody has said what they get: a new one "
        "without a default, an old one without a counterpart, types that do not match. Triggers "
        "that would run again, and rows that may have been deleted since, are asked about as well.",
        "Answer by name, as `Next` shows: `carry_map`, `carry_default`, `carry_drop`, "
        "`carry_triggers`, `carry_missing`.",
        proof=("integration/test_carry_over.py::test_what_cannot_be_decided_is_asked_for",),
    ),
    Verdict(
        "carry_in_the_way",
        CARRIED,
        "Rows are to be carried over, and the new table would not take some of them as they are: "
        "values that do not fit, keys given twice, rows that refer to nothing. Each is counted, "
        "with its query.",
        "Correct these rows. Run it again.",
        proof=("integration/test_carry_over.py::test_rows_that_do_not_fit_are_counted",),
    ),
    Verdict(
        "carry_impossible",
        CARRIED,
        "Rows are to be carried over, and no key tells them in both tables, or a constraint cannot "
        "be pointed at the new one.",
        "Write a migration that carries them over, or accept that they stay aside.",
        proof=("integration/test_carry_over.py::test_without_a_key_it_refuses",),
    ),
)
