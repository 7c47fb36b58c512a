# SPDX-License-Identifier: GPL-3.0-or-later
"""What an inquiry into one application comes to, as plain data."""

from __future__ import annotations

from collections.abc import Callable

from .aside import rows, words
from .carry_over import work
from .case import Case
from .code import fault
from .verdict import WELL, Cause, Refusal, Verdict


def concluded(case: Case, decide: Callable[[], None]) -> dict:
    """Return what `decide` comes to, which may be the refusal that it raises, as plain data."""
    diagnosis = case.diagnosis
    try:
        decide()
    except Refusal as refusal:
        diagnosis.verdict, diagnosis.found = refusal.verdict, refusal.found
        diagnosis.refused, diagnosis.next = True, refusal.next
        diagnosis.not_changed = refusal.not_changed
        diagnosis.steps = []
    else:
        if case.replay_text():
            told = case.replay_text().strip()
            diagnosis.notes.append(f"{told} What they say when they are read counts instead.")
    diagnosis.notes += case.unlearned()
    _tell_aside(case)
    _tell_standing(case)
    diagnosis.pending = case.laravel.pending
    return diagnosis.as_dict()


def _tell_standing(case: Case) -> None:
    """Say whether the code has a fault that an empty schema meets, whatever was repaired here."""
    if not case.schema.get("server"):
        return
    scope = case.schema["server"]["name_scope"]
    found, note = fault.standing(case.laravel, scope, case.inputs)
    case.diagnosis.standing = found
    case.diagnosis.notes += [note] if note else []


def _tell_aside(case: Case) -> None:
    """Say which rows are aside; what is well but for that is not simply well."""
    diagnosis = case.diagnosis
    diagnosis.aside, meant = words.split(rows.find(case.laravel, case.schema), case.inputs)
    diagnosis.notes += words.accepted(meant)
    if not diagnosis.aside or diagnosis.verdict == "carries_over":
        return
    told = words.said(diagnosis.aside)
    if diagnosis.verdict != "healthy":
        diagnosis.notes.append(told)
        return
    diagnosis.verdict = "rows_aside"
    command = work.suggested(case.laravel, case.schema, case.inputs)
    diagnosis.found = f"{told} {diagnosis.found}".strip()
    diagnosis.next = f"{words.advice(diagnosis.aside, *command)} {diagnosis.next}".strip()


VERDICTS = (
    Verdict(
        "rows_aside",
        WELL,
        "All is well but for this: the application does not find rows. A migration "
        "renamed their table away and made a new one in its place. Amber, exit code 0.",
        "`playbooks/carry_over.yml` brings them over; `Next` has it in full. Are they meant to "
        "stay aside? Name the table in `accept_rows_aside`. See "
        "[below](#rows-aside).",
        causes=(
            Cause(
                "A migration renamed a table away, made it anew and copied no row",
                "nothing",
                "Not refused and not green: the command that carries the rows over is shown.",
                ("integration/test_aside.py::test_every_later_run_says_it",),
            ),
        ),
    ),
)
