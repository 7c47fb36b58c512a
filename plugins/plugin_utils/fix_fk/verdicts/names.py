# SPDX-License-Identifier: GPL-3.0-or-later
"""Two tables of the code that share a name."""

from __future__ import annotations

from ..case import Case
from ..verdict import CODE, Cause, Refusal, Verdict


def names_collide_in_the_code(case: Case) -> None:
    """Free the names in memory, and refuse where the pending migrations take one twice."""
    repaired = case.repaired
    for table, key in case.added_back():
        repaired.add_key(table, key)
    allowed = {holder.name.casefold() for holder in case.holders}
    definitions = {
        (key["name"].casefold(), key["table"].casefold()): key for key in case.schema["constraints"]
    }
    drops: list[dict] = []
    while True:
        trial = repaired.copy()
        taken = None
        for migration in case.to_run():
            outcome = trial.apply(case.laravel.up(migration))
            taken = next((p for p in outcome.problems if p.kind == "name_taken"), None)
            if taken and case.is_sure(migration):
                break
            taken = None
        if taken is None:
            case.drops, case.final = drops, trial
            return
        holder = repaired.holders(taken.name)
        if not holder or taken.name.casefold() not in allowed:
            raise Refusal(
                "names_collide_in_the_code",
                f"The pending migrations give the constraint name {taken.name} to two "
                f"tables ({taken.holder} and {taken.table}); the second will always fail.",
                "Give one of them another name in its migration, deploy it, and run this again.",
            )
        held = holder[0]
        identity = (held.identity or held.name).casefold()
        definition = definitions[(taken.name.casefold(), identity)]
        drops.append({**definition, "table": held.name})
        repaired.drop_key(taken.name, held.name)


VERDICTS = (
    Verdict(
        "names_collide_in_the_code",
        CODE,
        "The pending migrations give one name to two tables. The second will always fail.",
        "Give one of them another name. Deploy. Run it again.",
        causes=(
            Cause(
                "Two tables in the code share a name",
                "1005 (121), 1826",
                "One of them needs another name, in the migration.",
                (
                    "integration/test_refusals.py::one_name_twice_in_the_code",
                    "integration/test_refusals.py::live_by_its_migration",
                ),
                also=("live_table_holds_the_name",),
            ),
        ),
    ),
)
