# SPDX-License-Identifier: GPL-3.0-or-later
"""A migration that works on another connection than the one looked at."""

from __future__ import annotations

from .. import migrator
from ..case import Case
from ..verdict import CODE, Cause, Refusal, Verdict


def another_connection(case: Case) -> None:
    """Refuse pending migrations that work on another connection than the one looked at."""
    for migration in case.laravel.pending:
        known = case.laravel.statements(migration)
        other = known.get("connection") or (
            known.get("up_error") and ", ".join(known.get("other_connections") or ())
        )
        if not other:
            continue
        raise Refusal(
            "another_connection",
            f"Migration {migration} is pending and works on the database connection {other}; "
            f"this looks at {(case.laravel.raw.get('connection') or {}).get('name')} alone. "
            "What it will meet there, and what a failed attempt has left there, is not known.",
            f"Show what it sends: {case.artisan} migrate --pretend "
            f"{migrator.path_option(case.laravel, migration)}. Compare that with the schema of the "
            f"connection {other}, back that schema up, and put right there what is in the way. "
            "Once the migration is recorded, run this again.",
        )


VERDICTS = (
    Verdict(
        "another_connection",
        CODE,
        "A pending migration works on another database connection than the one looked at.",
        "See there what it meets. Once it is recorded, run this again.",
        causes=(
            Cause(
                "A pending migration works on another database connection",
                "any",
                "The connection is named.",
                ("integration/test_half_run.py::test_another_connection_is_named",),
            ),
        ),
    ),
)
