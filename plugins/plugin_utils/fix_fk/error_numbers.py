# SPDX-License-Identifier: GPL-3.0-or-later
"""The server's error numbers for what is foreseen, the likely one first."""

from __future__ import annotations

from .schema import sql
from .schema.effects import DropTable
from .schema.messages import FailedStatement
from .schema.outcome import Problem, Question

# Errors that say nothing of the migration: a lock, a connection that was lost, a server that went.
MOMENT = (1040, 1053, 1205, 1213, 1317, 1927, 2002, 2006, 2013, 3024, 4031)
# Errors of a failed migration that mean "this name is taken"; 1005 only with errno 121.
NAME_TAKEN = (1826, 1022, 1823)
# Errors that follow from what is in the schema.
FROM_SCHEMA = (1050, 1051, 1060, 1061, 1068, 1091, 1146, 1553, 1828, 1829, *NAME_TAKEN)
# Errors that follow from rows.
FROM_ROWS = (1062, 1138, 1265, 1452)

# Errors on MariaDB and on MySQL. 1005 comes with errno 150, for a taken name with errno 121.
ERRORS: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "name_taken": ((1005, 1826, 1022, 1823), (1826, 1022)),
    "constraint_missing": ((1091,), (1091,)),
    "table_exists": ((1050,), (1050,)),
    "table_missing": ((1146,), (1146,)),
    "table_referenced": ((1451,), (3730,)),
    "column_exists": ((1060,), (1060,)),
    "column_missing": ((1072,), (1072,)),
    "column_needed": ((1553, 1828), (1828, 1829, 1553)),
    "column_fixed": ((1832, 1833), (3780, 1832, 1833)),
    "index_exists": ((1061,), (1061,)),
    "index_missing": ((1091,), (1091,)),
    "index_needed": ((1553, 1025), (1553,)),
    "parent_missing": ((1005,), (1824,)),
    "parent_column_missing": ((1005,), (3734,)),
    "parent_not_indexed": ((1005,), (1822, 6125)),
    "parent_unfit": ((1005,), (1824, 1506)),
    "child_unfit": ((1506,), (1506,)),
    "columns_differ": ((1005,), (3780,)),
    "set_null": ((1830,), (1830,)),
    "name_unfit": ((1059,), (1059,)),
    "column_unfit": ((1067,), (1067,)),
    "index_unfit": ((1071,), (1071,)),
    "table_unfit": ((1118,), (1118,)),
    "check_unfit": ((4025,), (3819,)),
    "value_unfit": ((1366,), (1366,)),
    "object_exists": ((1304, 1359, 1537), (1304, 1359, 1537)),
    "online_unfit": ((1846, 1845), (1846, 1845)),
    "right_missing": ((1227,), (1227,)),
    "statement_unfit": ((1153, 2006), (1153, 2006)),
    "orphans": ((1452,), (1452,)),
    "duplicates": ((1062,), (1062,)),
    "nulls": ((1265, 1138), (1138, 1265)),
}
# Kinds whose name is that of a constraint.
OF_CONSTRAINTS = (
    "name_taken",
    "constraint_missing",
    "parent_missing",
    "parent_column_missing",
    "parent_not_indexed",
    "parent_unfit",
    "child_unfit",
    "columns_differ",
    "column_needed",
    "column_fixed",
    "set_null",
    "orphans",
    "ignored",
)


def is_name_taken(failed: FailedStatement) -> bool:
    return failed.code in NAME_TAKEN or (failed.code == 1005 and failed.errno == 121)


def is_seen(failed: FailedStatement) -> bool:
    """Tell whether what led to an error would show in the schema or its rows, or is over."""
    return failed.code in (*MOMENT, *FROM_SCHEMA, *FROM_ROWS) or is_name_taken(failed)


def of_problem(problem: Problem, mariadb: bool) -> tuple[int, ...]:
    """Return the numbers for a problem; none for a foreign key that is silently not made, and for a
    statement of which nothing is known."""
    if problem.kind in ("ignored", "unread"):
        return ()
    numbers = ERRORS[problem.kind][0 if mariadb else 1]
    dropped = any(isinstance(effect, DropTable) for effect in sql.read(problem.statement))
    if problem.kind == "table_missing" and dropped and not problem.error:
        return (1051,)
    if problem.error in numbers:
        return (problem.error, *(number for number in numbers if number != problem.error))
    return (problem.error,) if problem.error else numbers


def of_question(question: Question, mariadb: bool) -> tuple[int, ...]:
    return question.errors or ERRORS[question.kind][0 if mariadb else 1]
