# SPDX-License-Identifier: GPL-3.0-or-later
"""A migration whose result is there already."""

from __future__ import annotations

from .. import pending, records
from ..case import Case
from ..schema.effects import AddForeignKey, AddIndex, CreateTable, Effect
from ..verdict import CODE, DATA, STATE, Cause, Refusal, Verdict
from ..wording import few

from ansible.module_utils.fix_fk.schema.sql import quote_identifier as quote  # isort: skip


def made_by_whom(case: Case) -> None:
    """Refuse to take an empty table for a leftover where others have tables in the schema, and
    nothing but its form speaks for that.

    What is left of a migration that the log or the operator names, or that has left more than new
    tables, is its own.
    """
    laravel, migration = case.laravel, case.migration
    named = (laravel.failed_migration(), case.inputs.incident_migration)
    if not migration or migration in named or laravel.maintenance.get("run_id"):
        return
    found = case.position(migration)
    if found and found.agree[0] and len(found.left) > len(found.made):
        return
    wanted = {
        effect.table.casefold()
        for name in laravel.pending
        for effect in laravel.effects(name)
        if isinstance(effect, CreateTable)
    }
    known = {*laravel.history.schema.tables, str(laravel.raw["migrations_table"]).casefold()}
    there = {
        effect.table
        for effect in laravel.effects(migration)
        if isinstance(effect, CreateTable) and effect.table.casefold() not in known
        for table in [case.live.get(effect.table)]
        if table and table.rows is False
    }
    others = sorted(
        table.name for folded, table in case.live.tables.items() if folded not in known | wanted
    )
    if not there or not others:
        return
    raise Refusal(
        "made_by_whom",
        f"Migration {migration} is to create {few(sorted(there))}, which is there already and "
        "empty. No log tells that the migration has begun, and the schema has tables that no "
        f"recorded migration makes ({few(others)}): another application, or a person, may have "
        "made it. Nothing is dropped on that.",
        "If this migration has failed and left it, name the migration: "
        f"fix_fk.yml -e incident_migration={migration}. If it belongs to something else, give the "
        "table another name in the migration, deploy it, and run this again.",
    )


def made_by_a_recorded_migration(case: Case) -> None:
    """Refuse a migration that creates a table of a recorded one: that table is alive."""
    migration = case.migration
    made = pending.made_already(case.laravel, case.live, migration)
    if not made or not case.is_sure(migration):
        return
    table, creator = made
    more = not all(_is_there(case, table, effect) for effect in case.laravel.effects(migration))
    record = (
        f"INSERT INTO {quote(case.laravel.raw['migrations_table'])} "  # noqa: S608 - shown
        f"(`migration`, `batch`) VALUES ('{migration}', {case.laravel.next_batch})"
    )
    raise Refusal(
        "made_by_a_recorded_migration",
        f"Migration {migration} is to create the table {table}, which the recorded migration "
        f"{creator} has made. So {table} is in use, whatever it holds, and is neither dropped "
        "nor made anew.",
        f"If {migration} is a copy of {creator} under another date, delete its file and deploy "
        "that"
        + ("" if more else f", or record it: {record}")
        + ". If another table is meant, give it another name in the migration. Then run this "
        "again.",
    )


def _is_there(case: Case, name: str, effect: Effect) -> bool:
    """Tell whether a statement is about this table, and what it makes is there."""
    table = case.live.get(name)
    if not table or effect.table.casefold() != name.casefold():
        return False
    if isinstance(effect, AddForeignKey):
        return bool(effect.foreign_key.name and table.key(effect.foreign_key.name))
    if isinstance(effect, AddIndex):
        return (effect.name or "").casefold() in {i.casefold() for i in table.indexes or ()}
    return isinstance(effect, CreateTable)


def has_run_and_is_not_recorded(case: Case) -> None:
    """Refuse the failed migration where everything is there that it makes, with rows."""
    refuse_what_has_run(case, case.migration)


def refuse_what_has_run(case: Case, migration: str) -> None:
    """Refuse a migration of which everything is there, with rows."""
    tables = records.there_in_full(case.laravel, case.live, migration)
    rows = [table.name for table in tables if table.rows]
    if not rows:
        return
    record = (
        f"INSERT INTO {quote(case.laravel.raw['migrations_table'])} "  # noqa: S608 - shown
        f"(`migration`, `batch`) VALUES ('{migration}', {case.laravel.next_batch})"
    )
    raise Refusal(
        "has_run_and_is_not_recorded",
        f"Migration {migration} is pending, and everything that it makes is there, with rows "
        f"in {', '.join(rows)}. It has run. Its record is gone: a backup from before it was "
        "put back over a database that had not been emptied, or the record was removed.",
        f"If these rows are to stay, record the migration: {record}; then run this again. If "
        "what was in the backup is wanted alone, put it back with playbooks/restore.yml, which "
        "leaves nothing over.",
    )


VERDICTS = (
    Verdict(
        "made_by_whom",
        STATE,
        "A pending migration is to create a table that is there, empty, in a schema where others "
        "have tables too, and no log tells that the migration has begun.",
        "Name the migration if it is its leftover: `-e incident_migration=...`. Otherwise give the "
        "table another name in it.",
        causes=(
            Cause(
                "A second application in the schema has an empty table of the same name",
                "1050, or nothing",
                "It is not dropped, unless the migration is named.",
                ("integration/test_half_run.py::test_an_empty_table_of_others_is_not_dropped",),
                refused=True,
            ),
        ),
    ),
    Verdict(
        "made_by_a_recorded_migration",
        CODE,
        "The migration creates a table that a recorded one has made. The table is in use, "
        "empty or not.",
        "Delete the migration if it is a copy, or record it with the SQL that is shown. "
        "Run it again.",
        causes=(
            Cause(
                "A recorded migration creates the same table (a copy under another date)",
                "1050",
                "The table is in use, empty or not: it is never dropped.",
                (
                    "integration/test_half_run.py::test_a_table_of_a_recorded_migration_is_never_made_anew",
                ),
            ),
        ),
    ),
    Verdict(
        "has_run_and_is_not_recorded",
        DATA,
        "Everything that the migration makes is there, with rows. A backup from before it "
        "was put back over it, or its record was removed.",
        "Record it with the SQL that is shown, or put the backup back with "
        "`playbooks/restore.yml`. Run it again.",
        causes=(
            Cause(
                "A backup was put back over a database that had not been emptied",
                "1050",
                "The SQL that records the migration is shown, and the way to the backup alone.",
                (
                    "integration/test_causes.py::backup_over_what_was_there",
                    "integration/test_causes.py::test_the_way_out_of_a_backup_over_what_was_there",
                ),
            ),
        ),
    ),
)
