# SPDX-License-Identifier: GPL-3.0-or-later
"""Send the rest of a half-run migration, record it, and run the other pending ones."""

from __future__ import annotations

from .. import forward, rollback, steps, taken
from ..advice import ROLLBACK, written_before
from ..case import Case
from ..expected import conclude
from ..schema.redaction import redact
from ..verdict import WELL, Verdict
from ..verdicts import ORDER, WHICH_FAILED, ask, other_connection, own_code, which
from . import repair
from .rehearsal import rehearsal


def which_is_done(case: Case) -> None:
    """Take the first pending migration that has come to its end and is not recorded, where none
    has failed otherwise."""
    if case.migration:
        return
    for name in case.laravel.pending:
        found = case.begun(name)
        if found and found.agree[-1] == len(found.statements):
            case.migration = case.diagnosis.migration = name
            return


_AT = WHICH_FAILED.index(which.which_failed) + 1
# What `migrate` meets besides, which runs the other pending ones.
THEN = (
    own_code.does_not_load,
    own_code.passes_itself_over,
    other_connection.would_run_elsewhere,
)
FIRST = (*WHICH_FAILED[:_AT], which_is_done, *WHICH_FAILED[_AT:])


def decide(case: Case) -> None:
    """Come to a verdict, or attach the plan."""
    if ask(case, FIRST):
        if case.diagnosis.verdict == "healthy":
            case.diagnosis.found += " No migration has stopped half-way, so nothing is sent."
        return
    if _is_forwarded(case):
        if not ask(case, ORDER[len(WHICH_FAILED) :]):
            repair.plan(case)
        return
    if not ask(case, THEN):
        plan(case, forward.of(case))


def _is_forwarded(case: Case) -> bool:
    """Tell whether an interrupted run had come so far that its migration is recorded."""
    ours = case.laravel.maintenance
    return bool(ours.get("run_id")) and ours.get("migration") not in case.laravel.pending


def plan(case: Case, rest: forward.Rest) -> None:
    """Attach the plan of sending the rest, which has been tried in memory."""
    laravel, migration = case.laravel, case.migration
    case.repaired, case.final = case.live, rest.final
    case.diagnosis.verdict = "goes_forward"
    case.diagnosis.typed = forward.command(case)
    case.diagnosis.found = f"{forward.told(case)} {_does(case, rest)}"
    case.diagnosis.notes += rest.notes
    hidden = forward.stopped_by_hidden(case)
    if hidden and rest.statements:
        case.diagnosis.notes.append(
            f"Whether the cause of error {hidden} is gone does not show in the schema. If it is "
            "not, the statement fails again, and nothing is lost by that."
        )
    case.diagnosis.notes += _other_way(case)
    written = written_before(case, migration)
    if written:
        case.diagnosis.notes.append(
            f"Rows of {written} that it writes in its first {rest.done} statements count as "
            "written, and are not written again."
        )
    others = [name for name in laravel.pending if name != migration]
    batch = laravel.next_batch
    planned = [
        *steps.begin(case.artisan, case.schema, migration, case.inputs.loses_rows),
        *([_send(case, rest)] if rest.statements else []),
        steps.record_done(laravel.raw["migrations_table"], migration, batch),
        *([steps.migrate(case.artisan, laravel, others, batch + 1)] if others else []),
        *steps.finish(case.artisan),
    ]
    conclude(case, [*rehearsal(case), *planned], rest.final)


def _does(case: Case, rest: forward.Rest) -> str:
    left = len(rest.statements)
    does = "It is recorded."
    if left:
        does = f"Its last {f'{left} statements are' if left > 1 else 'statement is'} sent, and it "
        does += "is recorded."
    others = [name for name in case.laravel.pending if name != case.migration]
    return does + (f" Then the other pending ones are run: {', '.join(others)}." if others else "")


def _other_way(case: Case) -> list[str]:
    """Return a note on how to go back instead of on, where that loses nothing either."""
    found = rollback.choose(case, taken.find(case), again=False)
    if not found.strategy or not found.strategy["steps"]:
        return []
    how = rollback.IN_WORDS[found.strategy["name"]]
    return [
        f"This goes on. Going back loses nothing either: {ROLLBACK} takes back what it has done "
        f"(to {how}), and does not run it again."
    ]


def _send(case: Case, rest: forward.Rest) -> dict:
    """Return the step that sends the rest."""
    items, session = rest.items(case.schema), forward.session_of(case, rest)
    back: list[str] = []
    for inverse in rest.inverses(case.schema):
        if inverse:
            lost = [f"put the backup back: {text}" for text in inverse.lost]
            back = [*map(redact, inverse.send), *lost, *back]
    return steps.forward(rest.done, rest.known, items, session, back, forward.charset_of(case))


VERDICTS = (
    Verdict(
        "goes_forward",
        WELL,
        "Asked for with `-e forward=true`: the statements that the failed migration has not come "
        "to are sent, and it is recorded. Then the other pending ones are run.",
        "Nothing.",
        proof=("integration/test_forward.py::test_the_rest_is_sent_and_recorded",),
    ),
)
