# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a migration can fail on a name, or seem to: each cause with its verdict and its proof.

docs/causes.md is made from this:  python plugins/plugin_utils/fix_fk/causes.py > docs/causes.md
A test compares both, the verdicts with those of the diagnosis, and the proofs with the tests.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cause:
    """A cause; `shows` is how it is met, `proof` are functions of tests as file::function."""

    cause: str
    shows: str
    verdicts: tuple[str, ...]
    done: str
    proof: tuple[str, ...]


_CAUSES = "tests/integration/test_causes.py::"
_VERDICTS = "tests/integration/test_verdicts.py::"
_REFUSALS = "tests/integration/test_refusals.py::"
_HALF_RUN = "tests/integration/test_half_run.py::"
_UNIT = "tests/unit/test_diagnosis.py::"

REPAIRED = (
    Cause(
        "A renamed table kept the name",
        "1005 (121), 1826, 1022",
        ("renamed_table_kept_the_name",),
        "Rolled back, names freed, migrated again.",
        (_VERDICTS + "without_down", _VERDICTS + "without_a_leftover"),
    ),
    Cause(
        "The same, and `migrate` was tried again",
        "1050",
        ("renamed_table_kept_the_name_retried",),
        "The same.",
        (_VERDICTS + "tried_again",),
    ),
    Cause(
        "It renamed a table and stopped, and no log tells of it (none, another one, emptied, JSON)",
        "nothing; another `migrate` would drop the only rows",
        ("renamed_table_kept_the_name", "nothing_in_the_way"),
        "Where it stopped is told from the schema. Rolled back and migrated again.",
        (
            _HALF_RUN + "test_a_table_that_was_renamed_away_is_never_dropped",
            _HALF_RUN + "test_a_deployment_that_was_killed_after_the_rename_is_rolled_back",
        ),
    ),
    Cause(
        "Several names collide at once",
        "1005 (121), for the first of them",
        ("renamed_table_kept_the_name",),
        "All are found before anything is done, and freed in one step.",
        (
            _VERDICTS + "both_tables_empty",
            _UNIT + "test_all_names_of_one_create_statement_are_freed",
        ),
    ),
    Cause(
        "The names differ only in case",
        "1005 (121), 1826",
        ("renamed_table_kept_the_name",),
        "Names are compared as the server compares them.",
        (_CAUSES + "other_case", _UNIT + "test_names_are_compared_without_case"),
    ),
    Cause(
        "An earlier attempt got as far as the constraint; the table has it",
        "1005 (121), 1826",
        ("table_already_has_the_constraint",),
        "The constraint is dropped and made again.",
        (_CAUSES + "partial_run", _VERDICTS + "on_the_same_table"),
    ),
    Cause(
        "The constraint was dropped by hand meanwhile; the tables are still in the wrong place",
        "1005 (121), 1826, in the log",
        ("nothing_in_the_way",),
        "Rolled back and migrated again.",
        (_CAUSES + "dropped_by_hand",),
    ),
    Cause(
        "A backup was loaded over the failed state and stopped at the taken name",
        "1005 (121), 1826, from the client",
        ("renamed_table_kept_the_name",),
        "The displaced table has the rows and gets its name back.",
        (_VERDICTS + "without_a_leftover",),
    ),
    Cause(
        "The failed migration was recorded by hand (the old runbook's Option 2)",
        "nothing, or the next migration fails with 1005 (150), 1824",
        ("recorded_without_having_run",),
        "The record is taken back, then as with the first cause. A migration that failed on top of "
        "it is rolled back with it.",
        (
            _CAUSES + "test_option_2_by_hand_is_taken_back",
            _CAUSES + "test_option_2_by_hand_for_all_that_was_pending",
        ),
    ),
    Cause(
        "`migrate:rollback --step=1` was run (the old runbook's Option 1) and undid the migration "
        "before the failed one",
        "1146, then 1005 (121), 1826 one migration further back",
        ("rolled_back_too_far",),
        "The table gets its name back, the constraints of other tables are added again, the "
        "migration is recorded again; then as with the first cause.",
        (_CAUSES + "test_option_1_by_hand_is_taken_back",),
    ),
)

REFUSED = (
    Cause(
        "The same, and what is left does not prove whose rows they are",
        "1452, 1050",
        ("rolled_back_too_far",),
        "The SQL that puts table, constraints and record back is shown.",
        (_CAUSES + "test_option_1_by_hand_with_the_constraints_dropped_as_well",),
    ),
    Cause(
        "The application went on writing into the new table",
        "any of those above",
        ("leftover_has_rows",),
        "Which rows are to stay is for a person to decide.",
        (
            _REFUSALS + "leftover_has_rows",
            _CAUSES + "test_option_2_by_hand_for_all_that_was_pending",
        ),
    ),
    Cause(
        "Two tables in the code share a name",
        "1005 (121), 1826",
        ("names_collide_in_the_code", "live_table_holds_the_name"),
        "One of them needs another name, in the migration.",
        (_REFUSALS + "one_name_twice_in_the_code", _REFUSALS + "live_by_its_migration"),
    ),
    Cause(
        "Two applications in one schema: the tables have prefixes, the constraint names have not",
        "1005 (121), 1826",
        ("live_table_holds_the_name",),
        "The other application is left alone; the migration needs another name.",
        (_CAUSES + "another_application",),
    ),
    Cause(
        "A table of an online schema change or a sync (`_t_new`, `_t_old`, `_t_gho`, `t_tmp`, "
        "`#sql-...`)",
        "1005 (121), 1826",
        ("shadow_table_holds_the_name",),
        "The program is named, and the SQL that frees the name without losing a row.",
        (
            _CAUSES + "online_schema_change",
            _CAUSES + "shadow_table",
            _UNIT + "test_tables_of_programs_are_known_by_their_names",
        ),
    ),
    Cause(
        "The table came from somewhere else, by hand or with a dump",
        "1005 (121), 1826",
        ("holder_not_identified",),
        "What would tell is said.",
        (_REFUSALS + "made_by_hand", _REFUSALS + "renamed_by_hand"),
    ),
    Cause(
        "A backup was put back over a database that had not been emptied",
        "1050",
        ("has_run_and_is_not_recorded",),
        "The SQL that records the migration is shown, and the way to the backup alone.",
        (
            _CAUSES + "backup_over_what_was_there",
            _CAUSES + "test_the_way_out_of_a_backup_over_what_was_there",
        ),
    ),
    Cause(
        "An explicit `<table>_ibfk_<number>` is what the server has generated for other columns",
        "1005 (121), 1826",
        ("constraint_is_another",),
        "Dropping it would leave rows unguarded; the migration needs another name.",
        (_CAUSES + "generated_name",),
    ),
    Cause(
        "The server is about to generate a name that another table has explicitly",
        "1005 (121)",
        ("holder_not_identified", "live_table_holds_the_name"),
        "As for any table that may be in use.",
        (_CAUSES + "name_that_will_be_generated",),
    ),
    Cause(
        "The dump of a server with names per table (MariaDB 12.1 and newer) on another one",
        "1005 (121), 1826, from the client; a table is missing",
        ("names_per_table",),
        "Both tables are named; the dump needs another name for one of them.",
        (_CAUSES + "names_per_table",),
    ),
    Cause(
        "InnoDB's dictionary has rows of tables that do not exist",
        "1005 (121), 1050, and no table to be seen",
        ("orphan_dictionary_rows",),
        "The rows are listed for the server's administrator.",
        (_REFUSALS + "test_constraints_of_tables_that_do_not_exist",),
    ),
    Cause(
        "The name of an index is taken",
        "1061",
        ("index_name_taken",),
        "No constraint is concerned; the index is named.",
        (_REFUSALS + "index_name_taken",),
    ),
    Cause(
        "A pending migration would drop or empty a table that has rows",
        "nothing",
        ("migration_would_lose_rows",),
        "The rows are counted. The table is named if they may go, and renamed if it is not known.",
        (
            _HALF_RUN + "test_a_migration_that_would_lose_rows_is_not_healthy",
            _HALF_RUN + "test_rows_of_a_table_that_nobody_made_may_be_the_only_ones",
        ),
    ),
    Cause(
        "The records of the migrations are gone, and a schema dump is there to be loaded",
        "nothing; `migrate` would drop every table of the dump",
        ("would_load_schema_dump",),
        "Refused, in every step that migrates as well.",
        (_HALF_RUN + "test_a_schema_dump_is_not_loaded_over_live_tables",),
    ),
    Cause(
        "A recorded migration creates the same table (a copy under another date)",
        "1050",
        ("made_by_a_recorded_migration",),
        "The table is in use, empty or not: it is never dropped.",
        (_HALF_RUN + "test_a_table_of_a_recorded_migration_is_never_made_anew",),
    ),
    Cause(
        "The migration exchanges two tables and stops",
        "1005 (121), 1826, and any other",
        ("tables_exchanged",),
        "The SQL that gives the tables their names back is shown; no constraint is dropped.",
        (
            _HALF_RUN
            + "test_exchanged_tables_keep_their_constraints_until_it_is_known_which_is_which",
        ),
    ),
    Cause(
        "An error in the migration's own PHP code",
        "no number; the file and the line",
        ("migration_threw",),
        "What it left is listed.",
        (_HALF_RUN + "test_an_error_in_the_migrations_own_code_is_a_failure",),
    ),
    Cause(
        "A pending migration works on another database connection",
        "any",
        ("another_connection",),
        "The connection is named.",
        (_HALF_RUN + "test_another_connection_is_named",),
    ),
    Cause(
        "The columns do not go together",
        "1005 (150), 3780, 1822, 1824",
        ("columns_do_not_match",),
        "The statement is shown.",
        (_REFUSALS + "columns_of_other_types",),
    ),
    Cause(
        "Rows refer to rows that do not exist",
        "1452",
        ("orphan_rows",),
        "The statement is shown. First it is looked whether the rows have only been renamed away.",
        (
            _REFUSALS + "rows_without_a_parent",
            _CAUSES + "test_option_1_by_hand_with_the_constraints_dropped_as_well",
        ),
    ),
    Cause(
        "The names of two tables differ only in case",
        "1005 (121), 1826",
        ("tables_differ_in_case",),
        "What to rename is shown: which of them is in use cannot be known for certain.",
        (_CAUSES + "twins",),
    ),
    Cause(
        "The server's disk was full",
        "1005 (135, 28), 1021, 1114",
        ("disk_full",),
        "Once there is room, `incident_migration` lets the rest be repaired.",
        (
            _CAUSES + "test_a_disk_without_room_is_told",
            _UNIT + "test_a_full_disk_is_not_this_incident",
        ),
    ),
    Cause(
        "The account lacked a right",
        "1142, 1044, 1005 (13)",
        ("missing_rights", "right_was_missing"),
        "The right is named; whether it is there now is looked at.",
        (_REFUSALS + "rights_missing", _CAUSES + "right_was_missing"),
    ),
    Cause(
        "Several migrations failed in a row",
        "the error of the last one",
        ("recorded_without_having_run", "no_safe_rollback"),
        "The first one is the incident. They are rolled back together, or not at all.",
        (
            _CAUSES + "test_option_2_by_hand_is_taken_back",
            _UNIT + "test_a_later_pending_migration_that_fails_closes_every_way",
        ),
    ),
    Cause(
        "The migration changed rows before the statement that failed",
        "1005 (121), 1826",
        ("migration_would_write_again", "migration_would_lose_rows"),
        "It would do that a second time; wants `remigrate_accept_repeat`, or another migration.",
        (
            _CAUSES + "rows_written_before",
            _CAUSES + "test_rows_may_be_written_again_when_that_is_said",
            _REFUSALS + "migration_drops_rows",
        ),
    ),
    Cause(
        "A constraint was dropped by hand while all was well, or a migration recorded by hand that "
        "renames nothing",
        "nothing",
        ("constraints_missing",),
        "The playbook that adds it again, or the SQL that takes the record back, is shown.",
        (
            _CAUSES + "constraint_dropped_when_well",
            _CAUSES + "recorded_and_not_run",
            _CAUSES + "recorded_and_taken",
        ),
    ),
    Cause(
        "A migration renamed a table away, made it anew and copied no row",
        "nothing",
        ("rows_aside",),
        "Not refused and not green: the statements that bring the rows over are shown.",
        ("tests/integration/test_aside.py::test_every_later_run_says_it",),
    ),
)

HEAD = """\
# Causes

Why a migration stops at a foreign key name, or seems to: how it shows (error, with the engine's own
number in brackets), what the tool calls it, what it does, and which test makes it for real.
[verdicts.md](verdicts.md) says what to do next for each verdict.

Made by `python plugins/plugin_utils/fix_fk/causes.py > docs/causes.md`.
"""


def page() -> str:
    """Return docs/causes.md."""
    parts = [HEAD]
    for title, causes in (("Repaired", REPAIRED), ("Refused, with the way out", REFUSED)):
        parts.append(f"\n## {title}\n\n| Cause | Shows | Verdict | What is done | Proof |\n")
        parts.append("|---|---|---|---|---|\n")
        parts += [
            f"| {one.cause} | {one.shows} | {_spans(one.verdicts)} | {one.done} "
            f"| {_spans(name.rpartition('/')[2] for name in one.proof)} |\n"
            for one in causes
        ]
    return "".join(parts)


def _spans(names) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    print(page(), end="")
