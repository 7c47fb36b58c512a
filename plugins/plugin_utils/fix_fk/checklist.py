# SPDX-License-Identifier: GPL-3.0-or-later
"""Goes through the runbook's checklist: asks the application and the server, and judges."""

from __future__ import annotations

from . import drift, inspection, untouched, verification
from .aside import pairs
from .carrying_out import Send
from .facts import Laravel
from .inputs import read_inputs


def go_through(
    send: Send,
    expected: dict,
    laravel: dict,
    inputs: dict,
    *,
    plan: dict | None = None,
    before: dict | None = None,
    structure: dict | None = None,
    marks: dict | None = None,
    volatile: list[str] = [],  # noqa: B006 - it is not changed
    route_pattern: str = "",
) -> list[dict]:
    """Return the checks, as verification.verify() does.

    plan: what was carried out; without one, nothing was, and contents are not compared. before,
    structure and marks are those of the tables before it, laravel the application's facts.
    """
    keys = expected["constraints"]
    names = plan["names"] if plan else []
    found = send(
        "laravel_info",
        statements="none",
        checklist=True,
        route_pattern=route_pattern,
        inspect={
            "names": [key["name"] for key in keys],
            "tables": [
                *(key["table"] for key in keys),
                *(name[part] for part in ("holder", "wanted_by") for name in names),
                *((expected.get("skipped") or {}).get("tables") or ()),
                *pairs.tables(laravel),
                *drift.tables(Laravel(laravel)),
            ],
            "expected": keys,
            "contents": plan is not None,
            "contents_columns": verification.columns_to_compare(before or {}, expected),
            "marks": untouched.names_now(marks, expected),
            "marks_counted": pairs.tables(laravel),
        },
    )
    now = {**laravel, "migrations": found["laravel"]["migrations"]}
    given = read_inputs(inputs)
    ask = inspection.patient(
        lambda **options: send("fk_constraint_info", **options)["schema"], given
    )
    schema = inspection.counted(ask, now, found["schema"])
    carried = expected.get("carried")
    if carried:
        carried = send("carry_rows", state="proven", tables=carried).get("carried") or ()
    return verification.verify(
        expected={**expected, "carried": carried},
        history=laravel,
        laravel_facts=found["laravel"],
        schema_facts=schema,
        before=before,
        structure=structure,
        marks=marks,
        volatile=volatile,
        inputs=given,
    )


def not_met(checks: list[dict]) -> str:
    """Return in words what is not as it should be, nothing when all is."""
    failed = [check for check in checks if not check["ok"]]
    return "; ".join(f"{check['check']}: {check['detail']}" for check in failed)
