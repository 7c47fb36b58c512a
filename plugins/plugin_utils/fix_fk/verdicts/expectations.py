# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inventory expects and the migrations do not bring about."""

from __future__ import annotations

from .. import steps
from ..case import Case
from ..verdict import STATE, Refusal, Verdict


def would_not_verify(case: Case) -> None:
    """Refuse what the inventory expects, and the migrations to be run do not bring about."""
    start, final = case.repaired, case.final
    trial = start.copy()
    for migration in case.to_run():
        known = case.laravel.statements(migration)
        outcome = trial.apply(case.laravel.up(migration))
        unread = any(problem.kind == "unread" for problem in outcome.problems)
        if known.get("up_conditional") or known.get("up_error") or outcome.reads or unread:
            return
    wanting = [f"table {' or '.join(names)}" for names in case.missing_tables(final)]
    mend: list[str] = []
    for expected in case.inputs.expected_constraints:
        key = {**expected, "referenced_schema": case.schema["name"]}
        table, holders = final.get(key["table"]), final.holders(key["name"])
        if table and table.key(key["name"]):
            continue
        where = f", which {holders[0].name} has" if holders else ""
        wanting.append(f"constraint {key['name']} of {key['table']}{where}")
        if not start.get(key["table"]):
            continue
        if holders and final.scope == "schema":
            held = {"name": key["name"], "table": holders[0].name}
            mend += steps.drop_statements(case.schema, [{**key, **held}])
        mend += steps.add_statements(case.schema, [key])
    if not wanting:
        return
    add = f"Put that right first ({'; '.join(mend)}), or take" if mend else "Take"
    raise Refusal(
        "would_not_verify",
        f"{case.diagnosis.found} The inventory expects more than the migrations bring about: "
        f"{'; '.join(wanting)}. The application would stay down afterwards for that.",
        f"{add} it out of expected_constraints and expected_tables if it is not meant. Then "
        "run this again.",
    )


VERDICTS = (
    Verdict(
        "would_not_verify",
        STATE,
        "The inventory expects a constraint or a table that is not there and that no "
        "migration to be run makes; after the repair the checklist would fail on it.",
        "Put it right with the SQL that is shown, or take it out of the inventory. Run it again.",
        proof=("integration/test_causes.py::test_the_way_out_of_an_online_schema_change",),
    ),
)
