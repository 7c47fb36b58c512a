# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be true when a plan has been carried out."""

from __future__ import annotations

from . import comparison, facts, steps
from . import touched as rows_touched
from .aside import foreseen
from .case import Case
from .schema.simulation import Schema


def conclude(case: Case, planned: list[dict], final: Schema) -> None:
    """Attach the plan, and what must be true when it has been carried out."""
    made = case.to_run()
    pairs = foreseen.count_above(case.laravel, made, case.live, case.schema, final)
    case.diagnosis.steps = _with_ids(planned, pairs)
    anew = foreseen.anew(case.laravel, made, final)
    case.diagnosis.empties = list(anew)
    case.diagnosis.notes = [*foreseen.foretold(anew), *case.diagnosis.notes]
    constraints = {
        (name.casefold(), table.name.casefold()): {
            "name": key.name,
            "table": table.name,
            "columns": list(key.columns),
            "referenced_table": key.referenced_table,
            "referenced_columns": list(key.referenced_columns),
        }
        for migration in case.to_run()
        for statement in case.laravel.up(migration)
        for name in facts.keys_added(statement)
        for table in final.holders(name)
        for key in [table.key(name)]
        if key
    }
    for expected in case.inputs.expected_constraints:
        constraints[(expected["name"].casefold(), expected["table"].casefold())] = dict(expected)
    compared = comparison.expected(case.laravel, case.to_run(), case.live, final)
    case.diagnosis.expected = {
        "migrations": [
            *case.laravel.recorded,
            *(n for n in case.laravel.pending if not case.laravel.may_be_skipped(n)),
        ],
        # Of what was recorded before, these had not run.
        "not_run": [name for name in case.laravel.pending if name in case.batches],
        "constraints": list(constraints.values()),
        "tables": list(case.inputs.expected_tables),
        # Where the rows of each present table are to be found afterwards.
        "names": {
            table.identity: table.name
            for table in final.tables.values()
            if table.identity is not None
        },
        # Of tables whose columns go or change, those that are compared.
        "kept_columns": _kept_columns(case, final),
        "ids": [p for s in case.diagnosis.steps if s["id"] == "ids" for p in pairs],
        "dropped": sorted(table.identity for table in final.dropped if table.identity is not None),
        "changed_columns": {
            table.name: sorted(table.changed_columns)
            for table in final.tables.values()
            if table.changed_columns
        },
        "written": {
            table.name: sorted(table.written)
            for table in final.tables.values()
            if table.written and table.identity is not None
        },
        **compared,
        "touched": rows_touched.touched(case, planned, final, compared["undecided"]),
    }


def _kept_columns(case: Case, final: Schema) -> dict[str, list[str]]:
    """Return {table: the columns that it keeps as they are}, of tables that lose or change some: on
    the way back, or with the migrations that are run afterwards."""
    kept = {}
    for table in case.live.tables.values():
        columns = list(table.columns or ())
        for state in (case.repaired, final):
            then = state.by_identity(table.name)
            if then and then.columns is not None:
                there = {column.casefold() for column in then.columns}
                there -= {column.casefold() for column in then.changed_columns}
                columns = [column for column in columns if column.casefold() in there]
        if len(columns) < len(table.columns or ()):
            kept[table.name] = columns
    return kept


def _with_ids(planned: list[dict], pairs: list[dict]) -> list[dict]:
    """Return the steps with that one, behind what makes the tables; nothing where none is."""
    names = [step["id"] for step in planned]
    if not pairs or "verify" not in names or "empty" in names:
        return planned
    makes = [names.index(name) + 1 for name in ("skip", "remigrate") if name in names]
    at = max(makes, default=names.index("verify"))
    return [*planned[:at], steps.ids(pairs), *planned[at:]]
