# SPDX-License-Identifier: GPL-3.0-or-later
"""What a skipped migration would have made and is not there."""

from __future__ import annotations

from dataclasses import dataclass, field

from .schema.effects import (
    AddColumn,
    AddForeignKey,
    ChangeColumn,
    CreateTable,
    DropColumn,
    DropForeignKey,
    DropTable,
    Effect,
    ForeignKey,
    RenameTable,
)
from .schema.simulation import Schema
from .schema.sql import read


# Not the simulation: it carries a statement out on tables that it knows, under the names that the
# server gives to keys. Here the tables of before are not known (only the statements are in the note
# of a run), and of each only what the migration itself adds is asked for, as it is written.
@dataclass
class Intended:
    """A table as a migration would leave it; columns and keys are those that it adds."""

    name: str
    columns: list[str] = field(default_factory=list)
    keys: list[ForeignKey] = field(default_factory=list)


def intended(statements: list[str]) -> dict[str, Intended]:
    """Return the tables, columns and foreign keys that are there after `statements`."""
    tables: dict[str, Intended] = {}
    for statement in statements:
        for effect in read(statement):
            _intend(tables, effect)
    return tables


def _intend(tables: dict[str, Intended], effect: Effect) -> None:
    name = effect.table.casefold()
    if isinstance(effect, DropTable):
        tables.pop(name, None)
        return
    if isinstance(effect, RenameTable):
        table = tables.pop(name, Intended(effect.table))
        table.name = effect.new_name
        tables[effect.new_name.casefold()] = table
        return
    if isinstance(effect, CreateTable):
        tables[name] = Intended(effect.table, list(effect.columns), list(effect.foreign_keys))
        return
    changes = (AddColumn, ChangeColumn, DropColumn, AddForeignKey)
    if not isinstance(effect, (*changes, DropForeignKey)):
        return
    table = tables.setdefault(name, Intended(effect.table))
    if isinstance(effect, AddForeignKey):
        table.keys.append(effect.foreign_key)
    elif isinstance(effect, DropForeignKey):
        table.keys = [key for key in table.keys if not _same(key.name or "", effect.name)]
    else:
        old = effect.column
        table.columns = [column for column in table.columns if not _same(column, old)]
        if isinstance(effect, AddColumn):
            table.columns.append(effect.column)
        elif isinstance(effect, ChangeColumn):
            table.columns.append(effect.new_name)


def missing(statements: list[str], there: Schema) -> list[dict]:
    """Return what `statements` would have made and `there` does not have.

    Each is {what: "table", "column" or "constraint", name, table, detail}; a constraint has `key`,
    in the shape of the module fk_constraint, as well.
    """
    found = []
    for wanted in intended(statements).values():
        table = there.get(wanted.name)
        if table is None:
            columns = f" ({', '.join(wanted.columns)})" if wanted.columns else ""
            found.append(_lack("table", wanted.name, wanted.name, f"table {wanted.name}{columns}"))
        elif table.columns is not None:
            has = {column.casefold() for column in table.columns}
            found += [
                _lack("column", name, wanted.name, f"column {name} of table {wanted.name}")
                for name in wanted.columns
                if name.casefold() not in has
            ]
        for key in wanted.keys:
            known = table and any(_agree(key, other) for other in table.keys)
            if not known:
                found.append({**_lack_key(wanted.name, key), "key": key.of(wanted.name)})
    return found


def _agree(key: ForeignKey, other: ForeignKey) -> bool:
    """Is this the constraint that was intended? One without a name goes by what it says."""
    if key.name and not _same(key.name, other.name or ""):
        return False
    return (
        _same(key.referenced_table, other.referenced_table)
        and [c.casefold() for c in key.columns] == [c.casefold() for c in other.columns]
        and [c.casefold() for c in key.referenced_columns]
        == [c.casefold() for c in other.referenced_columns]
    )


def _same(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()


def _lack(what: str, name: str, table: str, detail: str) -> dict:
    return {"what": what, "name": name, "table": table, "detail": detail}


def _lack_key(table: str, key: ForeignKey) -> dict:
    name = key.name or "without a name"
    return _lack(
        "constraint",
        name,
        table,
        f"constraint {name}: {table} ({', '.join(key.columns)}) -> "
        f"{key.referenced_table} ({', '.join(key.referenced_columns)})",
    )


def check_skipped(skipped: dict, there: Schema) -> list[dict]:
    """Return one check for each thing that the skipped migration would have made and is missing."""
    return [
        {
            "check": f"missing {item['what']} {item['name']}",
            "ok": True,
            "look": True,
            "detail": f"{item['detail']}: {skipped['migration']} was skipped",
        }
        for item in missing(skipped["statements"], there)
    ]
