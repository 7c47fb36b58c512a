# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors that are about something else than a name that is taken."""

from __future__ import annotations

from .. import advice, again
from ..case import Case
from ..error_numbers import MOMENT
from ..schema.redaction import redact_logged
from ..schema.statements import query_of_rows
from ..verdict import ALIKE, Cause, Refusal, Verdict

from ansible.module_utils.fix_fk.server.locks import describe_lock  # isort: skip

# The errors that are taken for it: {code: verdict}.
LOOK_ALIKES = {
    1061: "index_name_taken",
    1452: "orphan_rows",
    3780: "columns_do_not_match",
    1215: "columns_do_not_match",
    1822: "columns_do_not_match",
    1824: "columns_do_not_match",
    6125: "columns_do_not_match",
    1205: "lock_wait",
}


def look_alikes(case: Case) -> None:
    """Refuse an error that is about something else than a name, and is taken for it."""
    migration = case.migration
    failed = case.logged(migration)
    if not failed:
        return
    kind = LOOK_ALIKES.get(failed.code)
    if failed.code == 1005 and failed.errno in (150, 140):
        kind = "columns_do_not_match"
    locks = case.schema.get("locks")
    # Where it has done nothing, nothing is gained by running it against a lock that may stand.
    held = kind == "lock_wait" and (locks or (locks is None and not case.begun(migration)))
    if not kind or (again.gets_through(case) and not held):
        return
    where = f"Migration {migration} failed with {failed.code}: {failed.shown}."
    if failed.sql:
        where += f" The statement was: {redact_logged(failed.sql)}."
    told, next_ = {
        "index_name_taken": (
            "An index of this name exists on the table; it is not a constraint name that is "
            "taken, and dropping constraints would not help.",
            advice.way_out(
                case,
                "Compare the index with the migration: if an earlier attempt made it, drop it, or "
                "take that line out of the migration",
            ),
        ),
        "orphan_rows": (
            "Rows of the child table point at rows that do not exist in the parent. No "
            "constraint name is taken; the data has to be put right first.",
            advice.way_out(
                case,
                f"List the offending rows ({_rows(failed.sql)}) and decide what they should point "
                "at",
                deploy=False,
            ),
        ),
        "columns_do_not_match": (
            "The referencing and the referenced column differ (type, sign, length, character "
            "set, engine), or the referenced one has no index. No constraint name is taken.",
            advice.way_out(case, "Compare both with SHOW CREATE TABLE and correct the migration"),
        ),
        "lock_wait": (
            "It waited for a lock that another connection held. No constraint name is taken."
            + _lock_text(case),
            advice.way_out(case, "See that the blocking connection has ended", deploy=False),
        ),
    }[kind]
    raise Refusal(kind, f"{where} {told}{case.stopped_text(migration)}", next_)


def _rows(statement: str) -> str:
    """Say how to list the rows over which a statement failed."""
    return query_of_rows(statement) or (
        "with a LEFT JOIN of the child on the parent WHERE the parent's key IS NULL"
    )


def _lock_text(case: Case) -> str:
    locks = case.schema.get("locks")
    if locks is None:
        return " Whether one stands now is not for this account to see: that takes PROCESS."
    if not locks:
        return " Nobody holds one on these tables now."
    return f" Standing now: {'; '.join(map(describe_lock, locks))}."


def another_error(case: Case) -> None:
    """Refuse an error that has nothing to do with a taken name."""
    migration = case.migration
    failed = case.logged(migration)
    if not failed or case.inputs.incident_migration:
        return
    if again.is_name_taken(failed) or failed.code == 1050 or again.gets_through(case):
        return
    look = f"then look at what the migration has left: fix_fk.yml -e incident_migration={migration}"
    told = f"Migration {migration} failed with {failed.code}: {failed.shown}."
    if again.is_disk_full(failed):
        raise Refusal(
            "disk_full",
            f"{told} The server had no room left. No constraint name is taken.",
            "Let the server's administrator make room (df -h on the server, in its data and "
            f"its temporary folder), {look}",
        )
    if again.is_right_missing(failed):
        account = case.schema.get("application_account") or case.schema["account"]
        raise Refusal(
            "right_was_missing",
            f"{told} The account lacked a right. Those that a repair needs it has now.",
            "See that it has the one that the message names: SHOW GRANTS FOR "
            f"{case.account(account['name'])}; {look}",
        )
    if failed.code in MOMENT:
        raise Refusal(
            "error_of_the_moment",
            f"{told} That is about the connection or the server, and not about the migration; "
            "whether it gets through now cannot be told from here." + case.stopped_text(migration),
            advice.way_out(case, "See that the server answers and stays up", deploy=False),
        )
    query = query_of_rows(failed.sql) if failed.code == 1062 else ""
    rows = f" (these rows: {query})" if query else ""
    raise Refusal(
        "another_error",
        f"Migration {migration} failed with {failed.code}: {failed.shown}. That is not a "
        "constraint name that is taken, and not what this tool repairs."
        + case.stopped_text(migration),
        f"{advice.way_out(case, f'Correct what the message names{rows}')}. If the "
        "log is out of date, name the migration instead: "
        f"fix_fk.yml -e incident_migration={migration}",
    )


VERDICTS = (
    Verdict(
        "columns_do_not_match",
        ALIKE,
        "Error 150, 1215, 1822, 1824, 3780 or 6125: the two columns differ, or the "
        "referenced one has no index.",
        "Compare them with `SHOW CREATE TABLE`. Correct the migration. `php artisan "
        "migrate --force`",
        causes=(
            Cause(
                "The columns do not go together",
                "1005 (150), 1215, 3780, 1822, 1824, 6125",
                "The statement is shown.",
                ("integration/test_refusals.py::columns_of_other_types",),
            ),
        ),
    ),
    Verdict(
        "orphan_rows",
        ALIKE,
        "Error 1452: rows point at rows that do not exist.",
        "Find them, decide what they should point at. `php artisan migrate --force`",
        causes=(
            Cause(
                "Rows refer to rows that do not exist",
                "1452",
                "The statement is shown. First it is looked whether the rows have only "
                "been renamed away.",
                (
                    "integration/test_refusals.py::rows_without_a_parent",
                    "integration/test_causes.py::test_option_1_by_hand_with_the_constraints_dropped_as_well",
                ),
            ),
        ),
    ),
    Verdict(
        "index_name_taken",
        ALIKE,
        "Error 1061: an index has that name, not a constraint.",
        "Drop the index if an earlier attempt made it, or take the line out. `php artisan "
        "migrate --force`",
        causes=(
            Cause(
                "The name of an index is taken",
                "1061",
                "No constraint is concerned; the index is named.",
                ("integration/test_refusals.py::index_name_taken",),
            ),
        ),
    ),
    Verdict(
        "disk_full",
        ALIKE,
        "Error 1021, 1114, or 1005 with errno 28: the server had no room left.",
        "Make room. Run it again with `-e incident_migration=...`",
        causes=(
            Cause(
                "The server's disk was full",
                "1005 (135, 28), 1021, 1114",
                "Once there is room, `incident_migration` lets the rest be repaired.",
                (
                    "integration/test_causes.py::test_a_disk_without_room_is_told",
                    "unit/verdicts/test_look_alikes.py::test_a_full_disk_is_not_this_incident",
                ),
            ),
        ),
    ),
    Verdict(
        "right_was_missing",
        ALIKE,
        "Error 1142, 1044, 1227 or a neighbour: the account lacked a right that a repair does "
        "not need, or has by now.",
        "Grant what the message names. Run it again with `-e incident_migration=...`",
        proof=("integration/test_causes.py::right_was_missing",),
    ),
    Verdict(
        "lock_wait",
        ALIKE,
        "Error 1205: the migration waited for a lock. Who holds one now is named, where "
        "the account may see it.",
        "Wait for that connection to end. Run it again.",
        causes=(
            Cause(
                "The migration waited for a lock of another connection",
                "1205",
                "Who holds one now is named, where the account may see it.",
                (
                    "integration/test_refusals.py::test_a_lock_wait_names_the_blocker_if_it_may_be_seen",
                ),
            ),
        ),
    ),
    Verdict(
        "error_of_the_moment",
        ALIKE,
        "Error 1213, 2006, 2013 or a neighbour: a deadlock, or a connection or a server that was "
        "lost. What the migration sends cannot be told in full, or what is left cannot be rolled "
        "back.",
        "See that the server stays up. What is left is said, and how it is undone.",
        causes=(
            Cause(
                "A deadlock, a connection that was lost, a server that went",
                "1213, 2006, 2013",
                "Rolled back and migrated again where all that it sends is known "
                "(`can_run_again`). Rows that it had written by then are asked about.",
                (
                    "integration/test_error_numbers.py::test_a_deadlock_asks_about_the_rows",
                    "integration/test_error_numbers.py::test_a_lost_connection_is_tried_again",
                ),
            ),
        ),
    ),
    Verdict(
        "another_error",
        ALIKE,
        "The migration failed with an error that is none of these.",
        "Correct what it names. If the log is out of date: `-e incident_migration=...`",
        causes=(
            Cause(
                "Any other error",
                "any",
                "Where it stopped and what it left are said.",
                ("integration/test_refusals.py::column_missing",),
            ),
        ),
    ),
)
