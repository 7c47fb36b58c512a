# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes of statements: problems, rows lost, and what the server has to count."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Problem:
    """Why a statement would fail. `kind` is one of KINDS, `name` what it is about (a constraint,
    column, index or table), `error` the server's number where the kind alone does not tell it."""

    kind: str
    statement: str
    detail: str
    table: str = ""
    name: str = ""
    holder: str = ""
    error: int = 0


KINDS = (
    "name_taken",
    "constraint_missing",
    "table_exists",
    "table_missing",
    "table_referenced",
    "column_exists",
    "column_missing",
    "column_needed",
    "column_fixed",
    "index_exists",
    "index_missing",
    "index_needed",
    "parent_missing",
    "parent_column_missing",
    "parent_not_indexed",
    "parent_unfit",
    "child_unfit",
    "columns_differ",
    "set_null",
    "name_unfit",
    "column_unfit",
    "index_unfit",
    "table_unfit",
    "check_unfit",
    "value_unfit",
    "object_exists",
    "online_unfit",
    "right_missing",
    "statement_unfit",
    "unread",
)


@dataclass(frozen=True)
class Question:
    """Rows of a live table that a statement may fail on; the server has to count them.

    `kind`: orphans (they refer to no row), duplicates, nulls, or matching (`condition` is true of
    them; `said` is what they have, `about` the kind of finding, `errors` its numbers). It fails on
    `least` rows or more; at 0, on none. `secret`: values of rows are in it. `table` and `columns`
    have the names that they have on the server now; a column of `values` is not there yet and will
    have that value in every row. `name` is the constraint, index or column that the statement is
    about.
    """

    kind: str
    table: str
    columns: tuple[str, ...]
    statement: str
    name: str
    values: tuple[tuple[str, str], ...] = ()
    referenced_table: str = ""
    referenced_columns: tuple[str, ...] = ()
    sure: bool = True
    condition: str = ""
    said: str = ""
    about: str = ""
    errors: tuple[int, ...] = ()
    least: int = 1
    secret: bool = False


@dataclass(frozen=True)
class Loss:
    """Rows that a statement would drop or empty.

    `kind`: table, rows (all of a table), some (of a table's rows) or column, which is `column`.
    `table` has the name that it has on the server now, "" behind a view.
    """

    kind: str
    table: str
    detail: str
    statement: str
    column: str = ""


@dataclass
class Outcome:
    problems: list[Problem] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    # Foreign keys that will silently not be there.
    ignored: list[Problem] = field(default_factory=list)
