# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows over which a migration, rolled back and run again, would fail."""

from __future__ import annotations

from .. import advice, prediction, rollback
from ..case import Case
from ..verdict import DATA, Cause, Refusal, Verdict


def rows_in_the_way(case: Case) -> None:
    """Refuse migrations that would fail over rows when they are run again."""
    mariadb = case.schema["server"].get("flavour") != "mysql"
    trial = case.repaired.copy()
    for migration in case.to_run():
        for statement in case.laravel.up(migration):
            for question in trial.apply([statement]).questions:
                answer = case.counted(prediction.count_of(question))
                found = prediction.rows_met(migration, question, answer, mariadb)
                if not found:
                    continue
                if not found["will_fail"] or not case.is_sure(migration):
                    case.diagnosis.notes.append(found["sentence"])
                    continue
                raise Refusal(
                    "rows_in_the_way",
                    f"{case.diagnosis.found} Run again: {found['sentence']}",
                    f"List these rows: {found['query']} ; put them right, then run: fix_fk.yml"
                    + _meanwhile(case),
                )


def _meanwhile(case: Case) -> str:
    if rollback.undone(case) is None:
        return ""
    return (
        " ; if the release of before is to work meanwhile, undo what the migration has done: "
        + advice.ROLLBACK
    )


VERDICTS = (
    Verdict(
        "rows_in_the_way",
        DATA,
        "Rolled back and run again, the migration would fail over rows: they refer to nothing, are "
        "there twice, or have NULL where that is to be forbidden. They are counted.",
        "List them with the query that is shown. Put them right. Run it again.",
        causes=(
            Cause(
                "The taken name is not all: rows would stop the migration at a later statement",
                "1005 (121), 1826; 1062, 1452 or 1138 after the repair",
                "The rows are counted before anything is done; the query lists them.",
                ("integration/test_rollback.py::test_rows_that_would_stop_it_again_are_counted",),
            ),
        ),
    ),
)
