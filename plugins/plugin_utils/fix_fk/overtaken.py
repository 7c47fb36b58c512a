# SPDX-License-Identifier: GPL-3.0-or-later
"""The log still has the error of a migration that has been undone since. Pure functions.

What it had done before it failed is not there any more: it has not begun. It will fail again
where nothing has changed, and that is foreseen, like anything else that is pending.
"""

from __future__ import annotations

from . import facts, position
from .error_numbers import FROM_ROWS, FROM_SCHEMA, MOMENT, is_name_taken
from .facts import Laravel
from .schema import sql
from .schema.effects import Harmless, ReadRows, Unread, WriteRows
from .schema.messages import read_message
from .schema.simulation import Schema


def judged(laravel_facts: dict, schema_facts: dict) -> dict:
    """Return the application's facts; with the log's error as `overtaken` in the place of
    `last_error` where the schema tells that its migration has been undone."""
    laravel = Laravel(laravel_facts)
    migration = laravel.failed_migration()
    if not migration or laravel.maintenance.get("run_id"):
        return laravel_facts
    state = facts.live(schema_facts)
    found = position.find(laravel, state, migration)
    if found.agree[-1] if found else not _is_as_before(laravel, state, migration):
        return laravel_facts
    failed = laravel.failed
    if failed:
        sent = [_plain(text) for text in laravel.up(migration)]
        if _plain(failed.sql) in sent:
            # The first met what another try of it had left, and meets it no more.
            again = failed.code not in FROM_SCHEMA or state.copy().apply([failed.sql]).problems
            if not sent.index(_plain(failed.sql)) and again:
                return laravel_facts
        elif not _newer(laravel_facts, migration, laravel_facts["last_error"]):
            return laravel_facts
    return {**laravel_facts, "last_error": None, "overtaken": laravel_facts["last_error"]}


def _is_as_before(laravel: Laravel, state: Schema, migration: str) -> bool:
    """Tell whether nothing is there of a migration with a statement that cannot be read; where what
    comes before that would be seen."""
    failed = laravel.failed
    sent = [_plain(text) for text in laravel.up(migration)]
    number = sent.index(_plain(failed.sql)) if failed and _plain(failed.sql) in sent else 0
    traceless = (Harmless, ReadRows, Unread, WriteRows)
    shown = [e for text in sent[:number] for e in sql.read(text) if not isinstance(e, traceless)]
    return bool(shown) and not position.differences(laravel, state, migration)


def said(laravel_facts: dict) -> str:
    """Say that there is such an error, or nothing."""
    error = laravel_facts.get("overtaken")
    if not error:
        return ""
    failed = read_message(error["message"])
    number = f" with error {failed.code}" if failed else ""
    name = _migration(laravel_facts, error)
    return f"Migration {name} failed{number}, and nothing of what it does is there now."


def stays(laravel_facts: dict) -> tuple[str, int, str] | None:
    """Return (migration, error number or 0, in words) where it will end as it did, whatever the
    schema tells."""
    error = laravel_facts.get("overtaken")
    if not error:
        return None
    migration, failed = _migration(laravel_facts, error), read_message(error["message"])
    newer = _newer(laravel_facts, migration, error)
    if not failed:
        return None if newer else (migration, 0, _ends(migration, "", error["message"], error))
    sent = [_plain(text) for text in Laravel(laravel_facts, "now").up(migration)]
    if failed.code in MOMENT or (newer and failed.sql and _plain(failed.sql) not in sent):
        return None
    effects = sql.read(failed.sql) if failed.sql else ()
    told = effects and not any(isinstance(e, (Unread, ReadRows, Harmless)) for e in effects)
    known = failed.code in (*FROM_SCHEMA, *FROM_ROWS) or is_name_taken(failed)
    if told and known:
        return None
    number = f" with error {failed.code}"
    return migration, failed.code, _ends(migration, number, failed.shown, error)


def _ends(migration: str, number: str, message: str, error: dict) -> str:
    place = f" ({error['place']})" if error.get("place") else ""
    return (
        f"Migration {migration} will fail{number}: it did when it was tried, and nothing shows "
        f"that it was corrected: {message.rstrip('.')}{place}."
    )


def _newer(laravel_facts: dict, migration: str, error: dict) -> bool:
    """Tell whether a migration's file was changed after it had failed."""
    files = (laravel_facts.get("migrations") or {}).get("files") or ()
    changed = next((f.get("changed") for f in files if f["name"] == migration), None)
    return None not in (changed, error.get("at")) and changed > error["at"] + 1


def _migration(laravel_facts: dict, error: dict) -> str:
    return Laravel({**laravel_facts, "last_error": error}).failed_migration() or ""


def _plain(text: str) -> str:
    return " ".join(text.split())
