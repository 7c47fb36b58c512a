# SPDX-License-Identifier: GPL-3.0-or-later
"""A migrations table that does not tell what has run."""

from __future__ import annotations

from .. import records, steps
from ..case import Case
from ..records import WrongRecords
from ..verdict import REPAIRS, Cause, Refusal, Verdict
from .rights import rights
from .server import refuse_unwritable

from ansible.module_utils.fix_fk.schema.sql import quote_identifier as quote  # isort: skip


def wrong_records(case: Case) -> None:
    """Go on with what has run in truth, or refuse where that is only likely."""
    found = records.find(case.laravel, case.live)
    if not found:
        return
    refuse_unwritable(case)
    rights(case)
    if found.doubt:
        raise Refusal(
            found.verdict,
            f"{found.said} That is likely and not certain: {found.doubt}.",
            _by_hand(case, found),
        )
    case.believe(found)


def _by_hand(case: Case, found: WrongRecords) -> str:
    """Return what makes the migrations table tell the truth, for whom it is certain."""
    migrations = quote(case.laravel.raw["migrations_table"])
    if not found.redo:
        deletes = "; ".join(
            f"DELETE FROM {migrations} WHERE `migration` = '{name}'"  # noqa: S608 - shown
            for name in found.forget
        )
        return (
            f"Find out what of {found.doubt.split(',')[0]} has run. When it is as if it had "
            f"not, remove its record, and then that of the migration that failed: {deletes}. "
            "Then run this again. Or put a backup back that was made before: "
            "playbooks/restore.yml lists them."
        )
    table = quote(found.table)
    commands = []
    if found.displaced:
        if case.live.get(found.table):
            commands.append(f"DROP TABLE {table} (only while it is empty)")
        commands.append(f"RENAME TABLE {quote(found.displaced)} TO {table}")
    lost = [key.of(table) for table, key in case.lost(found)]
    commands += steps.add_statements(case.schema, lost)
    commands.append(
        f"INSERT INTO {migrations} (`migration`, `batch`) "  # noqa: S608 - shown, not sent
        f"VALUES ('{found.redo}', {case.laravel.next_batch})"
    )
    return (
        f"See whether the rows of {found.displaced or found.table} are those of "
        f"{found.table}. If they are, make a backup and put them back: {'; '.join(commands)}. "
        "Then run this again."
    )


VERDICTS = (
    Verdict(
        "recorded_without_having_run",
        REPAIRS,
        'The failed migration was recorded by hand ("Option 2" of the old runbook). Its '
        "rows are in the displaced table.",
        "Takes the record back, then as with `renamed_table_kept_the_name`.",
        causes=(
            Cause(
                "The failed migration was recorded by hand (the old runbook's Option 2)",
                "nothing, or the next migration fails with 1005 (150), 1824",
                "The record is taken back, then as with the first cause. A migration that "
                "failed on top of it is rolled back with it.",
                (
                    "integration/test_causes.py::test_option_2_by_hand_is_taken_back",
                    "integration/test_causes.py::test_option_2_by_hand_for_all_that_was_pending",
                ),
            ),
            Cause(
                "Several migrations failed in a row",
                "the error of the last one",
                "The first one is the incident. They are rolled back together, or not at all.",
                (
                    "integration/test_causes.py::test_option_2_by_hand_is_taken_back",
                    "unit/rollback/test_no_safe_rollback.py::test_a_later_pending_migration_that_fails_closes_every_way",
                ),
                also=("no_safe_rollback",),
                refused=True,
            ),
        ),
    ),
    Verdict(
        "rolled_back_too_far",
        REPAIRS,
        '`migrate:rollback --step=1` ("Option 1" of the old runbook) undid the migration '
        "before the failed one. Its table lives on under the name that the failed one "
        "gave it.",
        "Gives the table its name back, adds the constraints of other tables again, "
        "records the migration, then as with `renamed_table_kept_the_name`. Where the "
        "rows do not prove whose they are, it refuses and shows the SQL.",
        causes=(
            Cause(
                "`migrate:rollback --step=1` was run (the old runbook's Option 1) and "
                "undid the migration before the failed one",
                "1146, then 1005 (121), 1826 one migration further back",
                "The table gets its name back, the constraints of other tables are added "
                "again, the migration is recorded again; then as with the first cause.",
                ("integration/test_causes.py::test_option_1_by_hand_is_taken_back",),
            ),
            Cause(
                "The same, and what is left does not prove whose rows they are",
                "1452, 1050",
                "The SQL that puts table, constraints and record back is shown.",
                (
                    "integration/test_causes.py::test_option_1_by_hand_with_the_constraints_dropped_as_well",
                ),
                refused=True,
            ),
        ),
    ),
)
