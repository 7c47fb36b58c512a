# SPDX-License-Identifier: GPL-3.0-or-later
"""CHECK constraints: whether a name is free, and whether columns and rows are as it says."""

from __future__ import annotations

from ..effects import Check, DropCheck, DropForeignKey
from ..tables import Table, has
from . import names
from .clause import Clause


def add(clause: Clause, table: Table, check: Check, creates: bool = False) -> None:
    server = clause.schema.server
    missing = [
        column
        for column in check.columns
        if table.columns is not None and not has(table.columns, column)
    ]
    others = [c for c in check.columns if check.column and c.casefold() != check.column.casefold()]
    named = f"the check {check.name}" if check.name else "a check"
    names.judge(clause, "constraint", check.name)
    if server.mysql and others:
        detail = f"{named} of column {check.column} is about {others[0]} as well"
        clause.problem("check_unfit", detail, name=check.name, error=3813)
    elif missing:
        error = 3820 if server.mysql and creates else 1054
        detail = f"table {table.name} has no column {missing[0]} for {named}"
        clause.problem("check_unfit", detail, name=check.name, error=error)
    elif _taken(clause, table, check.name):
        detail = f"a check {check.name} exists"
        clause.problem("check_unfit", detail, name=check.name, error=server.of(1826, 3822))
    elif check.condition and (server.mysql or not check.column):
        said = f"are not as {named} says"
        condition = f"NOT ({check.condition})"
        error = server.of(4025, 3819)
        clause.match(table, condition, check.columns, "check_unfit", said, error)
    if check.name:
        table.checks[check.name.casefold()] = check.columns


def _taken(clause: Clause, table: Table, name: str) -> bool:
    tables = clause.schema.tables.values() if clause.schema.server.mysql else (table,)
    return bool(name) and any(name.casefold() in one.checks for one in (table, *tables))


def drop(clause: Clause, table: Table, effect: DropCheck | DropForeignKey) -> None:
    server = clause.schema.server
    if isinstance(effect, DropCheck) and not server.mysql:
        detail = "MariaDB does not read DROP CHECK, only DROP CONSTRAINT"
        clause.problem("check_unfit", detail, name=effect.name, error=1064)
    elif effect.name.casefold() in table.checks:
        del table.checks[effect.name.casefold()]
    elif not effect.if_exists:
        error = 3821 if isinstance(effect, DropCheck) else server.of(1091, 3940)
        detail = f"table {table.name} has no constraint {effect.name}"
        clause.problem("constraint_missing", detail, name=effect.name, error=error)
