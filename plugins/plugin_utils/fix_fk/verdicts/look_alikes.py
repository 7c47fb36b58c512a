# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors that are about something else than a name that is taken."""

from __future__ import annotations

from .. import advice
from ..case import Case
from ..schema import sql
from ..verdict import Refusal

from ansible.module_utils.fix_fk.server import describe_lock  # isort: skip

# Errors of a failed migration that mean "this name is taken"; 1005 only with errno 121.
NAME_TAKEN = {1826, 1022, 1823}
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
DISK_FULL = (1021, 1114)
# ENOSPC, EDQUOT, and what InnoDB makes of the first when a table cannot be made.
DISK_FULL_ERRNO = (28, 122, 135)
RIGHT_MISSING = (1044, 1142, 1143, 1227, 1410)


def look_alikes(case: Case) -> None:
    """Refuse an error that is about something else than a name, and is taken for it."""
    migration = case.migration
    failed = case.logged(migration)
    if not failed:
        return
    kind = LOOK_ALIKES.get(failed.code)
    if failed.code == 1005 and failed.errno in (150, 140):
        kind = "columns_do_not_match"
    if not kind:
        return
    where = f"Migration {migration} failed with {failed.code}: {failed.shown}."
    if failed.sql:
        where += f" The statement was: {sql.redact_logged(failed.sql)}."
    again = advice.then_migrate(case, migration)
    told, next_ = {
        "index_name_taken": (
            "An index of this name exists on the table; it is not a constraint name that is "
            "taken, and dropping constraints would not help.",
            "Compare the index with the migration: if an earlier attempt made it, drop it or "
            f"take that line out of the migration, {again}",
        ),
        "orphan_rows": (
            "Rows of the child table point at rows that do not exist in the parent. No "
            "constraint name is taken; the data has to be put right first.",
            "List the offending rows with a LEFT JOIN of the child on the parent WHERE the "
            f"parent's key IS NULL, decide what they should point at, {again}",
        ),
        "columns_do_not_match": (
            "The referencing and the referenced column differ (type, sign, length, character "
            "set, engine), or the referenced one has no index. No constraint name is taken.",
            f"Compare both with SHOW CREATE TABLE, correct the migration, {again}",
        ),
        "lock_wait": (
            "It waited for a lock that another connection held. No constraint name is taken."
            + _lock_text(case),
            f"See that the blocking connection has ended, {again}",
        ),
    }[kind]
    raise Refusal(kind, f"{where} {told}{case.stopped_text(migration)}", next_)


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
    taken = failed.code in NAME_TAKEN or (failed.code == 1005 and failed.errno == 121)
    if taken or failed.code == 1050:
        return
    again = (
        f"then run this again with -e incident_migration={migration}, which looks at what the "
        "migration has left"
    )
    told = f"Migration {migration} failed with {failed.code}: {failed.shown}."
    if failed.code in DISK_FULL or failed.errno in DISK_FULL_ERRNO:
        raise Refusal(
            "disk_full",
            f"{told} The server had no room left. No constraint name is taken.",
            "Let the server's administrator make room (df -h on the server, in its data and "
            f"its temporary folder), {again}.",
        )
    if failed.code in RIGHT_MISSING or failed.errno == 13:
        account = case.schema.get("application_account") or case.schema["account"]
        raise Refusal(
            "right_was_missing",
            f"{told} The account lacked a right. Those that a repair needs it has now.",
            "See that it has the one that the message names: SHOW GRANTS FOR "
            f"{case.account(account['name'])}; {again}.",
        )
    raise Refusal(
        "another_error",
        f"Migration {migration} failed with {failed.code}: {failed.shown}. That is not a "
        "constraint name that is taken, and not what this tool repairs."
        + case.stopped_text(migration),
        f"Correct what the message names, {advice.then_migrate(case, migration)}. If the "
        "log is out of date, name the migration instead: "
        f"-e incident_migration={migration}",
    )
