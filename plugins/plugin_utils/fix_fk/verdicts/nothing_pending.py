# SPDX-License-Identifier: GPL-3.0-or-later
"""All migrations are recorded."""

from __future__ import annotations

from .. import advice, facts, position, records, steps
from ..case import Case
from ..expected import conclude
from ..facts import Laravel
from ..position import Position
from ..schema import sql
from ..schema.effects import AddColumn, AddForeignKey, CreateTable, DropTable, RenameTable
from ..schema.redaction import redact
from ..schema.tables import has
from ..verdict import REPAIRS, STATE, WELL, Cause, Refusal, Verdict

from ansible.module_utils.fix_fk.schema.sql import quote_identifier as quote  # isort: skip


def unfinished(case: Case) -> bool:
    """Tell whether an interrupted run has only its end left."""
    maintenance, diagnosis = case.laravel.maintenance, case.diagnosis
    if case.laravel.pending or not maintenance.get("run_id"):
        return False
    diagnosis.verdict = "unfinished"
    diagnosis.migration = maintenance.get("migration")
    diagnosis.found = (
        "Every migration is recorded, and the application is still in maintenance mode: "
        f"run {maintenance['run_id']} of this tool was interrupted before it could verify "
        "its work. What is left is to verify it and to end the maintenance."
    )
    conclude(case, steps.finish(case.artisan), case.live)
    return True


def constraints_missing(case: Case) -> None:
    """Refuse where all is recorded, and what is expected is not there."""
    missing = [] if case.laravel.pending else case.missing_expected()
    if missing:
        raise Refusal(
            "constraints_missing",
            "Every migration is recorded as run, and yet what they should have made is not "
            f"there: {'; '.join(missing)}. A migration was recorded without having run, or "
            "the constraints were dropped by hand.",
            _recover(case),
        )


def all_is_well(case: Case) -> bool:
    """Tell whether nothing is pending."""
    if case.laravel.pending:
        return False
    case.diagnosis.verdict = "healthy"
    every = "Every migration that is to run" if case.laravel.skipped else "Every migration"
    case.diagnosis.found = f"{every} is recorded as run and every expected constraint exists."
    gone = [
        table.name
        for table in case.laravel.history.schema.tables.values()
        if not case.live.get(table.name)
    ]
    if gone:
        case.diagnosis.notes.append(
            f"Not there: {', '.join(sorted(gone))}, which the recorded migrations make and, as "
            "far as they can be read, do not drop. Name a table in expected_tables to have it "
            "missed."
        )
    return True


def given_twice(case: Case) -> None:
    """Refuse recorded migrations that cannot have run to their end on this server."""
    if case.migration or case.live.scope != "schema":
        return
    migrations = quote(case.laravel.raw["migrations_table"])
    for name, holder, table, migration in records.given_twice(case.laravel, case.live):
        forget = (
            f"DELETE FROM {migrations} WHERE `migration` = '{migration}'; "  # noqa: S608 - shown
            f"{advice.then_migrate(case, migration, [migration])}"
        )
        found = (
            f"The recorded migrations give the constraint name {name} to {holder} and to "
            f"{table}. {holder} has it, and {table} "
        )
        if case.live.get(table):
            raise Refusal(
                "constraints_missing",
                f"{found}has not: here a name is taken for the whole schema, so {migration}, "
                f"which gives it to {table}, failed at that, and was recorded by hand; what "
                "it does after that has not been done either. (Or its file was changed after "
                "it had run.)",
                f"Give the constraint of {table} another name in {migration}, deploy it, drop "
                f"what it made while that is empty, and take its record back: {forget}.",
            )
        raise Refusal(
            "names_per_table",
            f"{found}is not there: that only works where a name is taken for one table "
            "(MariaDB 12.1 and newer), where the data seems to come from. Here a name is taken "
            "for the whole schema, and loading stopped at the second.",
            f"Give the constraint of {table} another name where the data comes from, make the "
            "dump again and load it into an empty schema. Or use MariaDB 12.1 or newer here. "
            f"If {migration} was recorded by hand here, give the constraint another name in it "
            f"and take its record back: {forget}.",
        )


def recorded_half_run(case: Case) -> None:
    """Refuse where the migration that was recorded last has certainly not come to its end."""
    if case.migration or not case.laravel.recorded:
        return
    last = case.laravel.recorded[-1]
    laravel = Laravel(facts.as_if(case.laravel.raw, pending=[last]))
    found = position.find(laravel, case.live, last)
    if not found or not laravel.certain(last, len(found.statements)):
        return
    if found.inferred or not found.half_run or not _is_missed(case, last, found):
        return
    migrations = quote(case.laravel.raw["migrations_table"])
    raise Refusal(
        "recorded_half_run",
        f"Migration {last} is recorded as run, and it {found.told}. What comes after that is not "
        f"there, from this on: {redact(found.statements[found.agree[-1]])}. It was recorded by "
        "hand after it had failed, or somebody has taken that away since.",
        f"If it was recorded by hand, take its record back: DELETE FROM {migrations} "  # noqa: S608
        f"WHERE `migration` = '{last}'; then run this again, which says how to go back or on. If "
        "it was taken away on purpose, a migration that says so ends this.",
    )


def _is_missed(case: Case, migration: str, found: Position) -> bool:
    """Tell whether a table or a column is not there that a recorded migration has yet to make. A
    constraint may have been dropped on purpose, where the log does not say that the migration
    failed."""
    rest = [e for text in found.statements[found.agree[-1] :] for e in sql.read(text)]
    gone = {e.table.casefold() for e in rest if isinstance(e, (DropTable, RenameTable))}
    failed = (case.laravel.raw.get("last_error") or {}).get("migration") == migration
    for effect in rest:
        table = case.live.get(effect.table)
        if effect.table.casefold() in gone:
            continue
        if isinstance(effect, CreateTable) and not table:
            return True
        if not table or table.columns is None:
            continue
        if isinstance(effect, AddColumn) and not has(table.columns, effect.column):
            return True
        if failed and isinstance(effect, AddForeignKey):
            name = effect.foreign_key.name
            if name and not table.key(name):
                return True
    return False


def _recover(case: Case) -> str:
    """Return what to do when all is recorded and something is missing."""
    not_run = records.nothing_there(case.laravel, case.live)
    migrations = quote(case.laravel.raw["migrations_table"])
    if not_run:
        deletes = "; ".join(
            f"DELETE FROM {migrations} WHERE `migration` = '{name}'"  # noqa: S608 - shown
            for name in reversed(not_run)
        )
        return (
            f"Nothing of what {', '.join(not_run)} makes is there. If it was recorded by hand, "
            f"take its record back: {deletes}; {advice.then_migrate(case, not_run[0], not_run)}."
        )
    if case.missing_tables(case.live):
        return (
            "See where the tables went (a backup has them: playbooks/restore.yml lists those "
            "there are). No migration makes them again while it is recorded."
        )
    return (
        "Add the constraints again: playbooks/permanent_fix.yml -e permanent_fix_source=render "
        "makes a migration that does, "
        "and says which rows are in the way."
    )


VERDICTS = (
    Verdict(
        "recorded_half_run",
        STATE,
        "The migration that was recorded last has done a part of its statements alone: it was "
        "recorded by hand, or what it made was taken away.",
        "Take the record back with the SQL that is shown, and run it again.",
        causes=(
            Cause(
                "A migration failed half-way and was recorded by hand",
                "nothing",
                "Where it stopped is told from the schema; the SQL that takes the record back is "
                "shown.",
                (
                    "integration/test_ways_back.py::test_a_half_run_migration_recorded_by_hand_is_not_healthy",
                ),
                refused=True,
            ),
        ),
    ),
    Verdict(
        "unfinished",
        REPAIRS,
        "Everything is migrated, but the application is still in the maintenance mode of "
        "a run that was interrupted.",
        "Verifies, and lifts maintenance mode.",
        proof=("faults/test_interrupted.py::test_killed_after",),
    ),
    Verdict(
        "constraints_missing",
        STATE,
        "Every migration is recorded, and yet expected tables or constraints are not "
        "there. One was recorded without having run (also when it could not, because "
        "another table has its constraint's name), or something was dropped by hand.",
        "Take the record back with the SQL that is shown, or add the constraints with "
        "`playbooks/permanent_fix.yml -e permanent_fix_source=render`.",
        causes=(
            Cause(
                "A constraint was dropped by hand while all was well, or a migration "
                "recorded by hand that renames nothing",
                "nothing",
                "The playbook that adds it again, or the SQL that takes the record back, is shown.",
                (
                    "integration/test_causes.py::constraint_dropped_when_well",
                    "integration/test_causes.py::recorded_and_not_run",
                    "integration/test_causes.py::recorded_and_taken",
                ),
            ),
        ),
    ),
    Verdict(
        "names_per_table",
        STATE,
        "The recorded migrations give one name to two tables, and only the first has it: "
        "the dump of a server with names per table (MariaDB 12.1 and newer).",
        "Rename one where the dump comes from. Load it into an empty schema.",
        causes=(
            Cause(
                "The dump of a server with names per table (MariaDB 12.1 and newer) on another one",
                "1005 (121), 1826, from the client; a table is missing",
                "Both tables are named; the dump needs another name for one of them.",
                ("integration/test_causes.py::names_per_table",),
            ),
        ),
    ),
    Verdict(
        "healthy",
        WELL,
        "Every migration is recorded and every expected constraint exists. Or migrations "
        "are pending, none has failed as far as can be told, and no constraint name "
        "stands in their way; `diagnose.yml` has looked for everything listed under "
        "[Foreseen](#foreseen).",
        "Nothing. With pending migrations deploy as usual: `php artisan migrate --force`. "
        "If one of them did fail and the log does not tell, name it: `-e "
        "incident_migration=...`",
        proof=("integration/test_diagnose.py::test_when_all_is_well_it_exits_with_0",),
    ),
)
