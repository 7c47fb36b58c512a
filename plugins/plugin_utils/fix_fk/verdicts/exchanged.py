# SPDX-License-Identifier: GPL-3.0-or-later
"""A migration that gives tables the names of others."""

from __future__ import annotations

from .. import advice, again, names_back, pending, rollback
from ..case import Case
from ..verdict import CODE, Cause, Refusal, Verdict


def tables_exchanged(case: Case) -> None:
    """Refuse a migration that gives a table the name of another one."""
    migration = case.migration
    pairs = pending.exchanged(case.laravel, case.live, migration)
    if not pairs:
        return
    logged = case.logged(migration)
    undone = rollback.undone(case)
    if undone and not (logged and again.is_name_taken(logged)):
        return
    told = ", ".join(f"{old} to {new}" for old, new in pairs)
    found = case.position(migration)
    said, next_ = (
        "How far it has come cannot be told from the schema.",
        "Compare SHOW CREATE TABLE of these tables with the migrations that make them, and "
        "give each its own name back. Let nobody run artisan migrate before: it would exchange "
        "them again. Then run this again.",
    )
    if undone and found:
        said = f"It {found.told}."
        next_ = (
            "Let nobody run artisan migrate before that: it would exchange them again. "
            + advice.way_out(
                case,
                "Give the constraint at which it stopped another name in the migration",
                asks=True,
            )
        )
    elif case.stopped(migration) and found:
        said = f"It {found.told}."
        next_ = (
            f"Give the tables their names back: {names_back.statement(found, case.live)}. Let "
            "nobody run artisan migrate before: it would exchange them again. Then give the "
            "constraint at which it stopped another name in the migration, deploy it, and run "
            "this again."
        )
    elif found and found.agree == (0,):
        said = "Nothing of it has been carried out so far."
        next_ = (
            "Give the constraint at which it stops another name in the migration, deploy it, "
            "and run this again."
        )
    why = f" It failed with {logged.code}: {logged.shown}." if logged else ""
    raise Refusal(
        "tables_exchanged",
        f"Migration {migration} exchanges tables: it renames {told}, names that other tables "
        f"have.{why} {said} No constraint is dropped while it is not certain which table is "
        "which.",
        next_,
    )


VERDICTS = (
    Verdict(
        "tables_exchanged",
        CODE,
        "The migration gives a table the name of another one, and stopped on the way.",
        "Give the tables their names back with the SQL that is shown. Correct the "
        "migration. Run it again.",
        causes=(
            Cause(
                "The migration exchanges two tables and stops",
                "1005 (121), 1826, and any other",
                "The SQL that gives the tables their names back is shown; no constraint "
                "is dropped.",
                (
                    "integration/test_half_run.py::test_exchanged_tables_keep_their_constraints_until_it_is_known_which_is_which",
                ),
            ),
        ),
    ),
)
