# SPDX-License-Identifier: GPL-3.0-or-later
"""Statements fit to be shown: without the values of rows."""

from __future__ import annotations

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from .sql import DIALECT
from .statements import tables_of


def redact(statement: str) -> str:
    """Return `statement` fit to be shown: the values of rows replaced by `?`.

    Statements that write or read rows carry the application's data (a seeded password
    hash, for one); statements that change the schema are shown as they are.
    """
    try:
        tree = sqlglot.parse_one(statement, dialect=DIALECT)
    except (SqlglotError, RecursionError):
        return _head(statement)
    if isinstance(tree, exp.Command) and _word(statement) not in _SCHEMA_WORDS:
        return _head(statement)
    if not isinstance(tree, (exp.Insert, exp.Update, exp.Delete, exp.Select)):
        return statement

    def hide(node: exp.Expr) -> exp.Expr:
        return exp.Placeholder() if isinstance(node, exp.Literal) else node

    return tree.transform(hide).sql(dialect=DIALECT)


_SCHEMA_WORDS = ("alter", "create", "drop", "rename", "set", "truncate")


def redact_logged(statement: str) -> str:
    """Return a statement from the application's log fit to be shown.

    Laravel before version 12 puts values into it without quotes, so that nothing tells them from
    names: of a statement that is about rows only its verb and its tables are left.
    """
    if _word(statement) in _SCHEMA_WORDS:
        return redact(statement)
    tables = ", ".join(sorted(tables_of(statement) - {""}))
    return _head(statement) + (f" ({tables})" if tables else "")


def _word(statement: str) -> str:
    return statement.lstrip(" \t\r\n(").split(None, 1)[0].casefold() if statement.strip() else ""


def _head(statement: str) -> str:
    """Return what can be shown of a statement that cannot be read."""
    if _word(statement) in _SCHEMA_WORDS:
        return statement.split("(", 1)[0].strip() + " ..."
    return f"{_word(statement)} ..."
