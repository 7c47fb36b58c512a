# SPDX-License-Identifier: GPL-3.0-or-later
"""Would a migration that failed get through now? Pure functions.

It would where the error was one of the moment, or one that follows from the schema and its rows,
or where the statement was taken out since, and nothing stops it any more once it is rolled back.
Any other error is one to correct first: of its own code, of a disk or of a right it is for a person
to say that it is gone.
"""

from __future__ import annotations

from . import prediction, rollback, taken
from .case import Case
from .error_numbers import FROM_ROWS, FROM_SCHEMA, MOMENT, is_name_taken
from .schema import sql
from .schema.effects import Harmless, ReadRows, Unread, WriteRows
from .schema.messages import FailedStatement, read_message
from .schema.simulation import Schema
from .schema.statements import tables_of

DISK_FULL = (1021, 1114)
# ENOSPC, EDQUOT, and what InnoDB makes of the first when a table cannot be made.
DISK_FULL_ERRNO = (28, 122, 135)
RIGHT_MISSING = (1044, 1142, 1143, 1227, 1410)


def is_disk_full(failed: FailedStatement) -> bool:
    return failed.code in DISK_FULL or failed.errno in DISK_FULL_ERRNO


def is_right_missing(failed: FailedStatement) -> bool:
    return failed.code in RIGHT_MISSING or failed.errno == 13


def gets_through(case: Case) -> bool:
    """Tell whether nothing that is known stops the failed migration once it is rolled back."""
    migration = case.migration
    known = case.laravel.statements(migration)
    failed = case.logged(migration)
    error = case.laravel.raw.get("last_error") or {}
    if known.get("up_error") or case.laravel.conditional(migration):
        return False
    met = read_message(case.laravel.met(migration))
    if case.laravel.met(migration) and not (met and (is_name_taken(met) or met.code in MOMENT)):
        return False
    if error.get("migration") == migration and error.get("place"):
        return False
    if not failed and not case.stopped(migration):
        return False
    found = rollback.choose(case, case.holders or taken.find(case), again=True)
    if not found.strategy:
        return False
    if not failed or failed.code in MOMENT or corrected(case):
        return True
    effects = sql.read(failed.sql) if failed.sql in case.laravel.up(migration) else []
    if not effects or any(isinstance(e, (Unread, ReadRows, Harmless)) for e in effects):
        return False
    if failed.code in FROM_SCHEMA or is_name_taken(failed):
        return True
    return failed.code in FROM_ROWS and _rows_are_gone(case, found.state.copy(), failed.sql)


def corrected(case: Case) -> bool:
    """Tell whether the statement that failed was taken out of the migration since."""
    failed, error = case.logged(case.migration), case.laravel.raw.get("last_error") or {}
    files = (case.laravel.raw.get("migrations") or {}).get("files") or ()
    changed = next((f.get("changed") for f in files if f["name"] == case.migration), None)
    if not failed or not failed.sql or None in (changed, error.get("at")):
        return False
    effects = sql.read(failed.sql)
    # Of rows the log shows the values, and --pretend may not.
    if not effects or any(isinstance(e, (Unread, ReadRows, WriteRows, Harmless)) for e in effects):
        return False
    sent = {" ".join(text.split()) for text in case.laravel.up(case.migration)}
    return changed > error["at"] + 1 and " ".join(failed.sql.split()) not in sent


def _rows_are_gone(case: Case, state: Schema, statement: str) -> bool:
    """Tell whether the rows over which a statement failed can be counted, and there are none."""
    for text in case.laravel.up(case.migration):
        if text == statement:
            # Of a table without rows nothing is asked.
            for name in tables_of(text):
                table = state.get(name)
                if table and table.identity:
                    table.rows = True
        questions = state.apply([text]).questions
        if text == statement:
            return bool(questions) and all(
                question.sure and case.counted(prediction.count_of(question))["rows"] == 0
                for question in questions
            )
    return False
