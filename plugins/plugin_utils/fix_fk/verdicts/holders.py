# SPDX-License-Identifier: GPL-3.0-or-later
"""Who holds the names that are taken."""

from __future__ import annotations

import json

from .. import again, taken
from ..case import Case
from ..verdict import CODE, DATA, REPAIRS, STATE, Cause, Refusal, Verdict

from ansible.module_utils.fix_fk.schema.sql import quote_identifier as quote  # isort: skip


def names_and_holders(case: Case) -> None:
    """Find who holds the names that the pending migrations will create, and say so."""
    if case.strategy:
        # What was freed since is not in the way.
        return
    case.holders = taken.find(case)
    _describe(case)


def _describe(case: Case) -> None:
    migration, holders = case.migration, case.holders
    diagnosis = case.diagnosis
    failed = case.logged(migration)
    diagnosis.names = [
        {
            "name": holder.name,
            "holder": holder.table,
            "wanted_by": holder.target,
            "is": holder.kind,
            "learned_from": case.sources.get(holder.name, ["pretend"]),
        }
        for holder in holders
    ]
    for holder in holders:
        diagnosis.evidence.extend(e for e in holder.evidence if e not in diagnosis.evidence)
    sentence = f"Migration {migration} "
    if failed:
        sentence += f"failed with error {failed.code}"
        sentence += f" (errno {failed.errno})" if failed.errno else ""
        sentence += f": {failed.shown}."
    elif case.laravel.maintenance.get("run_id"):
        sentence += (
            f"is pending: run {case.laravel.maintenance['run_id']} of this tool "
            "was interrupted, or failed, before it had run it."
        )
    elif diagnosis.stopped:
        sentence += f"has {diagnosis.stopped}; the log holds no error of it."
    else:
        sentence += "is pending and cannot run; the log holds no error of it."
    held: dict[tuple[str, str], list[str]] = {}
    for holder in holders:
        held.setdefault((holder.table, holder.kind), []).append(holder.name)
    what = {
        "displaced": "the original table that the migration renamed away",
        "same": "the very table that the migration wants to give it to",
        "live": "a table that is in use",
        "other": "the very table, for a constraint on other columns",
        "shadow": "a table that a program has made beside the one it works on",
        "given_up": "a table whose constraint may go, as fk_drop_from says",
        "unknown": "a table of which it is not known whether it is in use",
    }
    for (table, kind), names in held.items():
        plural = "s" if len(names) > 1 else ""
        sentence += (
            f" The constraint name{plural} {', '.join(names)} "
            f"{'are' if plural else 'is'} held by {table}, {what[kind]}."
        )
    kinds = {holder.kind for holder in holders}
    retried = bool(failed and failed.code == 1050)
    diagnosis.found = sentence
    if "displaced" in kinds:
        leftover = any(holder.leftover for holder in holders)
        diagnosis.verdict = "renamed_table_kept_the_name"
        if retried:
            diagnosis.verdict += "_retried"
            diagnosis.found += " The migration was tried again and met its own leftovers."
        if not leftover:
            diagnosis.found += " The new table was not created."
    elif "same" in kinds:
        diagnosis.verdict = "table_already_has_the_constraint"
    elif not holders:
        named = not failed or failed.code == 1050 or again.is_name_taken(failed)
        corrected = again.corrected(case)
        if corrected or (case.stopped(migration) and (not named or not failed)):
            diagnosis.verdict = "can_run_again"
            if corrected:
                diagnosis.found += " The statement that failed is not in the migration any more."
            # The log or the operator names it: whether it gets through, the strategies tell.
            ends = ""
            if not case.inputs.incident_migration or again.gets_through(case):
                ends = " Nothing that is known stops it any more once it is rolled back."
        else:
            diagnosis.verdict = "nothing_in_the_way"
            ends = " No constraint name stands in its way any more."
        # Rolled back alone, it is not asked whether it would get through.
        diagnosis.found += "" if case.inputs.rollback_only else ends
    if case.records:
        diagnosis.verdict = case.records.verdict
        diagnosis.found = f"{case.records.said} {diagnosis.found}"


def not_to_be_freed(case: Case) -> None:
    """Refuse to take a name from a table that may be in use."""
    holders = case.holders
    live = [holder for holder in holders if holder.kind == "live"]
    if live:
        raise Refusal(
            "live_table_holds_the_name",
            f"{case.diagnosis.found} {' '.join(live[0].evidence)} Dropping the constraint of "
            "a table that is in use is damage, not repair.",
            f"Give the constraint another name in the migration that wants {live[0].name} "
            f"(for instance {live[0].target}_{live[0].name}), deploy it, and run this again.",
        )
    other = [holder for holder in holders if holder.kind == "other"]
    if other:
        raise Refusal(
            "constraint_is_another",
            f"{case.diagnosis.found} The migration gives that name to another one. To drop the "
            f"one that is there would leave the rows of {other[0].table} unguarded.",
            "Give the constraint another name in the migration (for instance "
            f"fk_{other[0].name}), deploy it, and run this again.",
        )
    shadow = [holder for holder in holders if holder.kind == "shadow"]
    if shadow:
        key = f"ALTER TABLE {quote(shadow[0].table)} DROP FOREIGN KEY "
        key += quote(shadow[0].name)
        raise Refusal(
            "shadow_table_holds_the_name",
            f"{case.diagnosis.found} {' '.join(shadow[0].evidence)} Whether that program is "
            "still at work, and whether rows are only there, cannot be told from here.",
            f"See whether {shadow[0].tool.rstrip(',')} is running (SHOW PROCESSLIST, SHOW "
            "TRIGGERS), and let it end or clean up. If it was broken off, free the name "
            f"without losing a row: {key}; then run this again. Drop {shadow[0].table} only "
            "when you know that its rows are elsewhere.",
        )
    unknown = [holder for holder in holders if holder.kind == "unknown"]
    if unknown:
        raise Refusal(
            "holder_not_identified",
            " ".join([case.diagnosis.found, *unknown[0].evidence])
            + f" What is missing: {unknown[0].missing}."
            + case.replay_text(),
            "Find out where the table comes from (its rows, the deployment's history). If it "
            "is the original renamed away, rename it back by hand and run this again; if it "
            "is in use, give the migration's constraint another name. If it is a copy that nobody "
            "needs a constraint on, have that dropped, which loses no row: fix_fk.yml -e "
            f"'{json.dumps({'fk_drop_from': [unknown[0].table]}, ensure_ascii=False)}'",
        )
    for holder in holders:
        if holder.leftover_rows:
            raise Refusal(
                "leftover_has_rows",
                f"{case.diagnosis.found} The table {holder.original} that the failed "
                f"migration created has rows of its own by now, and the original rows are in "
                f"{holder.table}: the application has gone on writing.",
                f"End the writing first: {case.artisan} down. Then decide which rows of "
                f"{holder.original} are to be kept, move them into {holder.table} (or "
                f"elsewhere), empty {holder.original}, and run this again. It leaves the "
                f"maintenance mode to you: {case.artisan} up",
            )


VERDICTS = (
    Verdict(
        "renamed_table_kept_the_name",
        REPAIRS,
        "The failed migration renamed the original table away. That table kept its "
        "constraints, and so their names.",
        "Rolls back, drops the constraints, migrates again.",
        causes=(
            Cause(
                "A renamed table kept the name",
                "1005 (121), 1826, 1022",
                "Rolled back, names freed, migrated again.",
                (
                    "integration/test_verdicts.py::without_down",
                    "integration/test_verdicts.py::without_a_leftover",
                ),
            ),
            Cause(
                "It renamed a table and stopped, and no log tells of it (none, another "
                "one, emptied, JSON)",
                "nothing; another `migrate` would drop the only rows",
                "Where it stopped is told from the schema. Rolled back and migrated again.",
                (
                    "integration/test_half_run.py::test_a_table_that_was_renamed_away_is_never_dropped",
                    "integration/test_half_run.py::test_a_deployment_that_was_killed_after_the_rename_is_rolled_back",
                ),
                also=("nothing_in_the_way",),
            ),
            Cause(
                "Several names collide at once",
                "1005 (121), for the first of them",
                "All are found before anything is done, and freed in one step.",
                (
                    "integration/test_verdicts.py::both_tables_empty",
                    "unit/verdicts/test_names.py::test_all_names_of_one_create_statement_are_freed",
                ),
            ),
            Cause(
                "The names differ only in case",
                "1005 (121), 1826",
                "Names are compared as the server compares them.",
                (
                    "integration/test_causes.py::other_case",
                    "unit/verdicts/test_holders.py::test_names_are_compared_without_case",
                ),
            ),
            Cause(
                "A backup was loaded over the failed state and stopped at the taken name",
                "1005 (121), 1826, from the client",
                "The displaced table has the rows and gets its name back.",
                ("integration/test_verdicts.py::without_a_leftover",),
            ),
        ),
    ),
    Verdict(
        "renamed_table_kept_the_name_retried",
        REPAIRS,
        "The same as `renamed_table_kept_the_name`, and somebody ran `migrate` again "
        "since. It met its own leftovers (error 1050).",
        "Rolls back, drops the constraints, migrates again.",
        causes=(
            Cause(
                "The same, and `migrate` was tried again",
                "1050",
                "The same.",
                ("integration/test_verdicts.py::tried_again",),
            ),
        ),
    ),
    Verdict(
        "table_already_has_the_constraint",
        REPAIRS,
        "The table that is to get the constraint has one of that name already.",
        "Rolls back what the migration left, drops the constraint, migrates again.",
        causes=(
            Cause(
                "An earlier attempt got as far as the constraint; the table has it",
                "1005 (121), 1826",
                "The constraint is dropped and made again.",
                (
                    "integration/test_causes.py::partial_run",
                    "integration/test_verdicts.py::on_the_same_table",
                ),
            ),
        ),
    ),
    Verdict(
        "nothing_in_the_way",
        REPAIRS,
        "The migration failed with a name that was taken, and nobody holds the name any more.",
        "Rolls back what the migration left, migrates again.",
        causes=(
            Cause(
                "The constraint was dropped by hand meanwhile; the tables are still in "
                "the wrong place",
                "1005 (121), 1826, in the log",
                "Rolled back and migrated again.",
                ("integration/test_causes.py::dropped_by_hand",),
            ),
        ),
    ),
    Verdict(
        "can_run_again",
        REPAIRS,
        "What stopped the migration is gone: a lock, a connection that was lost, a disk that was "
        "full, a leftover of an earlier try.",
        "Rolls back what the migration has done, migrates again.",
        causes=(
            Cause(
                "A lock, a lost connection, a full disk, a killed deployment stopped it half-way",
                "1205, 1213, 2006, 2013, 1114, or no log",
                "Where it stopped is told from the schema. Rolled back and migrated again.",
                ("integration/test_rollback.py::test_what_was_of_the_moment_is_tried_again",),
            ),
            Cause(
                "The migration was corrected and deployed since",
                "any of the server's, in the log",
                "Rolled back to before the first try, migrated again.",
                ("integration/test_rollback.py::test_a_corrected_migration_is_run_again",),
            ),
            Cause(
                "It was tried again and met what the first try had left",
                "1050, 1060, 1061, 1091, 1146",
                "Rolled back to before the first try, migrated again.",
                ("integration/test_rollback.py::test_a_retry_met_what_the_first_try_had_left",),
            ),
        ),
    ),
    Verdict(
        "live_table_holds_the_name",
        CODE,
        "The name belongs to a table that is in use. Dropping its constraint would be damage.",
        "Give the constraint another name in the migration. Deploy. Run it again.",
        causes=(
            Cause(
                "Two applications in one schema: the tables have prefixes, the constraint "
                "names have not",
                "1005 (121), 1826",
                "The other application is left alone; the migration needs another name.",
                ("integration/test_causes.py::another_application",),
            ),
        ),
    ),
    Verdict(
        "constraint_is_another",
        CODE,
        "The table has a constraint of that name already, on other columns. Dropping it "
        "would leave rows unguarded.",
        "Give the constraint another name in the migration. Deploy. Run it again.",
        causes=(
            Cause(
                "An explicit `<table>_ibfk_<number>` is what the server has generated for "
                "other columns",
                "1005 (121), 1826",
                "Dropping it would leave rows unguarded; the migration needs another name.",
                ("integration/test_causes.py::generated_name",),
            ),
        ),
    ),
    Verdict(
        "shadow_table_holds_the_name",
        STATE,
        "By its name, the holder belongs to an online schema change or a sync.",
        "Let that program end or clean up, or free the name with the SQL that is shown. "
        "Run it again.",
        causes=(
            Cause(
                "A table of an online schema change or a sync (`_t_new`, `_t_old`, "
                "`_t_gho`, `t_tmp`, `#sql-...`)",
                "1005 (121), 1826",
                "The program is named, and the SQL that frees the name without losing a row.",
                (
                    "integration/test_causes.py::online_schema_change",
                    "integration/test_causes.py::shadow_table",
                    "unit/verdicts/test_holders.py::test_tables_of_programs_are_known_by_their_names",
                ),
            ),
        ),
    ),
    Verdict(
        "holder_not_identified",
        CODE,
        "It is not proven whether the holder is the original renamed away or a table in use.",
        "Find out where that table comes from. Rename it back by hand if it is the "
        "original. Rename the constraint in the migration if it is in use. Run it again.",
        causes=(
            Cause(
                "The table came from somewhere else, by hand or with a dump",
                "1005 (121), 1826",
                "What would tell is said.",
                (
                    "integration/test_refusals.py::made_by_hand",
                    "integration/test_refusals.py::renamed_by_hand",
                ),
            ),
            Cause(
                "The server is about to generate a name that another table has explicitly",
                "1005 (121)",
                "As for any table that may be in use.",
                ("integration/test_causes.py::name_that_will_be_generated",),
                also=("live_table_holds_the_name",),
            ),
        ),
    ),
    Verdict(
        "leftover_has_rows",
        DATA,
        "The application went on writing: the new table has rows of its own, the old ones "
        "are in the displaced table.",
        "`php artisan down`. Decide which of the new rows to keep, move them, empty the "
        "new table. Run it again.",
        causes=(
            Cause(
                "The application went on writing into the new table",
                "any of those above",
                "Which rows are to stay is for a person to decide.",
                (
                    "integration/test_refusals.py::leftover_has_rows",
                    "integration/test_causes.py::test_option_2_by_hand_for_all_that_was_pending",
                ),
            ),
        ),
    ),
)
