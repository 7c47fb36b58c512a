# SPDX-License-Identifier: GPL-3.0-or-later
"""Migrations that work in another schema than the application's own."""

from __future__ import annotations

from .. import advice, elsewhere, migrator, names_back
from ..case import Case
from ..elsewhere import Place
from ..verdict import CODE, Cause, Refusal, Verdict


def stopped_elsewhere(case: Case) -> None:
    """Find the migration that stopped half-way in another schema, if one did."""
    if case.migration:
        return
    for place in elsewhere.places(case.laravel):
        there = _seen_from(case, place)
        stopped = there.half_run(list(place.migrations)) if there else None
        if there and stopped:
            case.migration = case.diagnosis.migration = stopped
            found = there.stopped(stopped)
            case.diagnosis.stopped = found.told if found else ""
            return


def failed_elsewhere(case: Case) -> None:
    """Refuse to undo a failed migration that works in another schema as well."""
    places = elsewhere.used_by(case.laravel, case.migration)
    if not places:
        return
    failed = case.logged(case.migration)
    raise Refusal(
        "another_connection",
        f"Migration {case.migration} failed{_error(failed)}. It works in the "
        f"{' and in the '.join(place.named for place in places)}; only the application's own "
        f"schema, {case.schema['name']}, is repaired. "
        f"There: {' '.join(_stands(case, place) for place in places)} Here:"
        f"{case.stopped_text(case.migration) or ' Nothing tells that it has begun.'}",
        f"Back the {places[0].named} up. {' '.join(filter(None, _back(case, places)))}"
        "Undo by hand what is listed, in both schemas, or let the migration pass over it (if (! "
        f"Schema::connection('{places[0].connection}')->hasTable(...))). Correct what stopped it, "
        "deploy it, then run this again.",
    )


def would_fail_elsewhere(case: Case) -> None:
    """Refuse pending migrations, none of which has failed, of which it is not known what they meet
    in another schema, or that would destroy rows there."""
    places = [] if case.migration else elsewhere.places(case.laravel)
    for place in places:
        if place.dangers():
            raise Refusal(
                "migration_would_lose_rows",
                f"No migration has failed so far. {' '.join(place.dangers())}",
                "Correct the migration, deploy it, and run this again. If these rows may go, back "
                f"the {place.named} up and run that migration by itself: {case.artisan} migrate "
                f"--force {migrator.path_option(case.laravel, place.migrations[0])}",
            )
    for place in places:
        if place.schema is None:
            raise _not_known(case, place)


def would_run_elsewhere(case: Case) -> None:
    """Refuse a repair whose migrations may not get through in another schema."""
    for place in elsewhere.places(case.laravel):
        doubts = place.doubts()
        if doubts:
            raise Refusal(
                "another_connection",
                f"Migration {case.migration} failed{_error(case.logged(case.migration))}, and a "
                f"repair ends with {case.artisan} migrate, which runs what else is pending. It is "
                f"not certain that this gets through: {' '.join(doubts)}"
                f"{case.stopped_text(case.migration)}",
                f"{advice.way_out(case, 'Put right what is named', deploy=False, asks=True)}.",
            )
        case.diagnosis.notes.append(
            f"{', '.join(place.migrations)} will run in the {place.named} as well. As far as can "
            "be seen nothing is in the way there. That schema is not backed up or verified here."
        )


def _not_known(case: Case, place: Place) -> Refusal:
    return Refusal(
        "another_connection",
        f"Migration {place.migrations[0]} is pending and works on the database connection "
        f"{place.connection}. {elsewhere.unknown(place)} Nor is it known what a failed attempt has "
        "left there. No other migration has failed so far.",
        f"Show what it sends: {case.artisan} migrate --pretend "
        f"{migrator.path_option(case.laravel, place.migrations[0])}. Compare that with the "
        f"{place.named}, back that up, and put right there what is in the way. "
        "Once the migration is recorded, run this again.",
    )


def _seen_from(case: Case, place: Place) -> Case | None:
    """Return the application as it is seen from there."""
    return Case(place.laravel, place.schema, case.inputs) if place.schema else None


def _stands(case: Case, place: Place) -> str:
    """Say what stands there."""
    there = _seen_from(case, place)
    if there is None:
        return elsewhere.unknown(place)
    told = there.stopped_text(case.migration).strip()
    return f"{told or 'Nothing tells that it has begun.'} (In the {place.named}.)"


def _back(case: Case, places: list[Place]) -> list[str]:
    """Return what gives the tables there their names back."""
    found = []
    for place in places:
        there = _seen_from(case, place)
        stopped = there.stopped(case.migration) if there else None
        back = names_back.statement(stopped, there.live) if there and stopped else ""
        found.append(f"In it, the tables get their names back by: {back}; " if back else "")
    return found


def _error(failed) -> str:
    return f" with error {failed.code}" if failed and failed.code else ""


VERDICTS = (
    Verdict(
        "another_connection",
        CODE,
        "A pending migration works on another database connection than the application's own. "
        "Either its schema cannot be read (another server, another kind of database, no right to "
        "see it), or the migration has failed, or a repair would run it and it is not certain "
        "that it gets through there.",
        "See there what it meets, and put that right. Once the migration is recorded, run this "
        "again.",
        causes=(
            Cause(
                "A pending migration works on another database connection",
                "any",
                "A schema of the same server is read: what the migration will run into there is "
                "foreseen, and where nothing is in its way it stops no repair. Any other is named.",
                (
                    "integration/test_elsewhere.py::test_what_it_meets_in_another_schema_is_foreseen",
                    "integration/test_elsewhere.py::test_what_cannot_be_read_is_named",
                ),
            ),
            Cause(
                "A migration stopped half-way in another schema",
                "any",
                "Where it stopped there is told. Nothing is undone.",
                ("integration/test_elsewhere.py::test_where_it_stopped_there_is_told",),
            ),
        ),
    ),
)
