# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads INSERT, UPDATE and DELETE: which columns of which rows get which values."""

from __future__ import annotations

from sqlglot import exp

from .conditions import columns_in, comparisons, condition, literal
from .effects import Effect, ReadRows, Unread, WriteRows


def read(tree: exp.Expr, statement: str) -> list[Effect] | None:
    """Return the effects of a statement that writes rows; None for another one."""
    for kind, read_one in ((exp.Insert, _insert), (exp.Update, _update), (exp.Delete, _delete)):
        if isinstance(tree, kind):
            target = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
            if not isinstance(target, exp.Table):
                return [Unread("", statement)]
            return read_one(tree, target)
    return None


def _insert(tree: exp.Expr, target: exp.Table) -> list[Effect]:
    columns = None
    if isinstance(tree.this, exp.Schema):
        columns = tuple(column.name for column in tree.this.expressions)
    values = tree.expression
    rows: tuple = ()
    if isinstance(values, exp.Values):
        rows = tuple(
            tuple(literal(value) for value in row.expressions)
            for row in values.expressions
            if isinstance(row, exp.Tuple)
        )
    lenient = bool(tree.args.get("ignore") or tree.args.get("conflict"))
    return [
        WriteRows(
            target.name, "insert", columns=columns, rows=rows, lenient=lenient, reads=reads(values)
        )
    ]


def _update(tree: exp.Expr, target: exp.Table) -> list[Effect]:
    pairs = [
        (pair.this.name, literal(pair.expression))
        for pair in tree.expressions
        if isinstance(pair, exp.EQ)
        and isinstance(pair.this, exp.Column)
        and not target.args.get("joins")
    ]
    columns = tuple(name for name, _value in pairs)
    values = tuple(value for _name, value in pairs)
    where = _where(tree, target)
    return [WriteRows(target.name, "update", columns=columns, rows=(values,), **where)]


def _delete(tree: exp.Expr, target: exp.Table) -> list[Effect]:
    where = tree.args.get("where")
    some = bool(where and where.find(exp.Column))
    return [WriteRows(target.name, "delete", some, **_where(tree, target))]


def _where(tree: exp.Expr, target: exp.Table) -> dict:
    """Return what WHERE says; nothing of a statement about several tables."""
    where, sources = tree.args.get("where"), reads(tree)
    several = target.args.get("joins") or any(
        tree.args.get(p) for p in ("from_", "tables", "using")
    )
    if several:
        named = [table.name for table in tree.find_all(exp.Table) if table is not target]
        return {"condition": None, "reads": sources, "joined": tuple(dict.fromkeys(named))}
    if tree.args.get("limit"):
        return {"condition": None, "reads": sources}
    if where is None:
        return {"condition": "", "reads": sources}
    return {
        "condition": condition(where.this),
        "named": columns_in(where.this),
        "compared": comparisons(where.this),
        "reads": sources,
    }


def query(tree: exp.Query) -> ReadRows:
    """Return what a query needs: its tables and, of a query of one table, the columns."""
    tables = reads(tree)
    nested = sum(1 for _ in tree.find_all(exp.Query)) > 1 or tree.find(exp.Join)
    if len(tables) != 1 or nested:
        return ReadRows("", tables)
    given = {alias.alias.casefold() for alias in tree.find_all(exp.Alias)}
    named = dict.fromkeys(
        column.name
        for column in tree.find_all(exp.Column)
        if column.name.casefold() not in given
        and column.args.get("table") is None
        and not isinstance(column.this, exp.Star)
    )
    return ReadRows("", tables, tuple(named))


def reads(tree: exp.Expr | None) -> tuple[str, ...]:
    """Return the tables of the queries in a statement."""
    queries = list(tree.find_all(exp.Query)) if tree is not None else []
    named = {cte.alias for query in queries for cte in query.find_all(exp.CTE)}
    found = [table for query in queries for table in query.find_all(exp.Table)]
    names = [t.name for t in found if not t.db and t.name not in named]
    return tuple(dict.fromkeys(name for name in names if name.casefold() != "dual"))
