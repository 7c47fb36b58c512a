# SPDX-License-Identifier: GPL-3.0-or-later
"""A migrations table that does not tell what has run."""

from __future__ import annotations

from .. import records, steps
from ..case import Case
from ..records import WrongRecords
from ..verdict import Refusal
from .rights import rights
from .server import refuse_unwritable

from ansible.module_utils.fix_fk.sql import quote_identifier as quote  # isort: skip


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
