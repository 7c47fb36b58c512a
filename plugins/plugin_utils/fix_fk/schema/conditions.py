# SPDX-License-Identifier: GPL-3.0-or-later
"""What statements say of rows: literals, and conditions that can be put to the server.

A condition is only put to it where it is made of columns, literals and what compares them: a
function may do anything.
"""

from __future__ import annotations

from sqlglot import exp
from sqlglot.dialects.mysql import MySQL

from .effects import UNKNOWN, Value


class DIALECT(MySQL):
    """MySQL's, with types by any name: not all of both servers are known to it (POINT, INET6)."""

    SUPPORTS_USER_DEFINED_TYPES = True


_PLAIN = (
    *(exp.Column, exp.Identifier, exp.Literal, exp.Null, exp.Boolean, exp.Paren, exp.Neg),
    *(exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.NullSafeEQ, exp.GT, exp.GTE, exp.LT, exp.LTE),
    *(exp.In, exp.Between, exp.Is, exp.Like, exp.Add, exp.Sub, exp.Mul),
    *(exp.Length, exp.Lower, exp.Upper, exp.Trim),
)


def literal(value: exp.Expr | None) -> Value:
    """Return a literal's text, None for NULL, and UNKNOWN for what is neither."""
    if isinstance(value, exp.Paren):
        return literal(value.this) if isinstance(value.this, (exp.Literal, exp.Neg)) else UNKNOWN
    if isinstance(value, exp.Null):
        return None
    if isinstance(value, exp.Literal):
        return value.name
    if isinstance(value, exp.Boolean):
        return str(int(value.this))
    if isinstance(value, exp.Neg):
        inner = literal(value.this)
        return f"-{inner}" if isinstance(inner, str) else UNKNOWN
    return UNKNOWN


def condition(tree: exp.Expr) -> str | None:
    """Return a condition as SQL with every name quoted; None when it is not a plain one."""
    for node in tree.walk():
        if not isinstance(node, _PLAIN):
            return None
        if isinstance(node, exp.Column) and node.args.get("table"):
            return None
        if isinstance(node, exp.In) and node.args.get("query"):
            return None
    return tree.sql(dialect=DIALECT, identify=True)


def columns_in(tree: exp.Expr) -> tuple[str, ...]:
    """Return the columns that a condition names without a table; none of those of a subquery."""
    if tree.find(exp.Query):
        return ()
    names = [column.name for column in tree.find_all(exp.Column) if not column.args.get("table")]
    return tuple(dict.fromkeys(names))


def comparisons(tree: exp.Expr) -> tuple[tuple[str, str, bool], ...]:
    """Return (column, text, whether nothing but this decides) of each column that a condition
    compares with a text. Nothing else does where it is of one column, without OR and without what
    an index can look up."""
    if tree.find(exp.Query):
        return ()
    alone = len(set(columns_in(tree))) == 1 and not tree.find(exp.Or)
    found = []
    for one in tree.find_all(exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE):
        column, text = one.this, one.expression
        plain = isinstance(column, exp.Column) and isinstance(text, exp.Literal)
        if plain and text.is_string:
            found.append((column.name, text.name, alone and not isinstance(one, exp.EQ)))
    return tuple(found)
