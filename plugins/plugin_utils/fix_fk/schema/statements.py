# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be asked about statements: which tables they name, rename, empty and make anew."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .effects import (
    AddForeignKey,
    AddIndex,
    CreateTable,
    CreateView,
    DropForeignKey,
    DropTable,
    Effect,
    ReadRows,
    RenameTable,
    Unread,
    WriteRows,
)
from .sql import read

from ansible.module_utils.fix_fk.schema.sql import quote_identifier as quote  # isort: skip


def tables_of(statement: str) -> set[str]:
    """Return every table name that `statement` names as a table."""
    return {
        name
        for effect in read(statement)
        for name in (effect.table, *_other_tables(effect))
        if name
    }


def altered(statements: Iterable[str]) -> list[str] | None:
    """Return the tables, as they are named before, whose rows these statements may have to go
    through; what only gives a table another name, or takes a name away, does not. None where one
    of them cannot be read."""
    called: dict[str, str] = {}
    found = set()
    for effect in (effect for text in statements for effect in read(text)):
        if isinstance(effect, Unread):
            return None
        name = called.get(effect.table.casefold(), effect.table)
        if isinstance(effect, RenameTable):
            called[effect.new_name.casefold()] = name
            called[effect.table.casefold()] = ""
        elif isinstance(effect, CreateTable):
            called[effect.table.casefold()] = ""
        elif not isinstance(effect, (DropTable, DropForeignKey)) and name:
            found.add(name)
    return sorted(found)


def read_by(statement: str) -> set[str]:
    """Return the tables whose rows a statement reads."""
    return {
        name
        for effect in read(statement)
        if isinstance(effect, (ReadRows, WriteRows, CreateView))
        for name in effect.reads
    }


_EMPTIES = re.compile(r"\b(?:drop\s+table|truncate\s|delete\s+from|replace\s+into)", re.IGNORECASE)


def is_statement(text: str) -> bool:
    """Tell whether a text, which may break off, is SQL that drops or empties something."""
    return bool(_EMPTIES.search(text))


_RENAMES = re.compile(
    r"\s*(?:rename\s+table|alter\s+table\b.*\brename)\b", re.IGNORECASE | re.DOTALL
)


def query_of_rows(statement: str) -> str:
    """Return the query that lists the rows over which a statement fails: those that refer to no
    row, or share a value that is to be unique. "" where the statement says of neither."""
    for effect in read(statement):
        key = effect.foreign_key if isinstance(effect, AddForeignKey) else None
        index = effect.index if isinstance(effect, AddIndex) else None
        if key:
            same = " AND ".join(
                f"p.{quote(to)} = c.{quote(own)}"
                for own, to in zip(key.columns, key.referenced_columns)
            )
            given = "".join(f" AND c.{quote(column)} IS NOT NULL" for column in key.columns)
            return (
                f"SELECT c.* FROM {quote(effect.table)} c WHERE NOT EXISTS (SELECT 1 FROM "  # noqa: S608 - shown
                f"{quote(key.referenced_table)} p WHERE {same}){given}"
            )
        if index and index.unique and not any("(" in column for column in index.columns):
            columns = ", ".join(map(quote, index.columns))
            return (
                f"SELECT {columns}, COUNT(*) FROM {quote(effect.table)} GROUP BY {columns} "  # noqa: S608 - shown
                "HAVING COUNT(*) > 1"
            )
    return ""


def is_rename(text: str) -> bool:
    """Tell whether a text is SQL that may rename a table."""
    return bool(_RENAMES.match(text))


def emptied_by(statement: str) -> set[str]:
    """Return the tables, folded, that `statement` drops, or of which it deletes all rows."""
    return {
        effect.table.casefold()
        for effect in read(statement)
        if isinstance(effect, DropTable)
        or (
            isinstance(effect, WriteRows)
            and effect.kind in ("delete", "truncate")
            and not effect.some
        )
    } - {""}


def made_anew(statements: Iterable[str]) -> list[tuple[str, str]]:
    """Return (table, new name) of the tables that are renamed away and then created again."""
    away: dict[str, tuple[str, str]] = {}
    found = []
    for statement in statements:
        for effect in read(statement):
            if isinstance(effect, RenameTable):
                away[effect.table.casefold()] = (effect.table, effect.new_name)
            elif isinstance(effect, CreateTable) and effect.table.casefold() in away:
                found.append(away[effect.table.casefold()])
    return found


def displaced(statements: Iterable[str]) -> list[tuple[str, str]]:
    """Return (table, where the one is now that it came in the place of), both as named at the end.

    Unlike made_anew(), also across migrations, and of a new table that is renamed into its place.
    """
    names: dict[str, list[str]] = {}
    vacated: dict[str, list[str]] = {}
    pairs: list[tuple[list[str], list[str]]] = []

    def comes(table: list[str]) -> None:
        folded = table[0].casefold()
        names[folded] = table
        old = vacated.pop(folded, None)
        if old is not None and old is not table:
            pairs.append((table, old))

    # A table is a list with its present name, and without one when it is gone.
    for effect in (effect for statement in statements for effect in read(statement)):
        folded = effect.table.casefold()
        made = _made(effect)
        if made and made.casefold() not in names:
            comes([made])
        elif isinstance(effect, RenameTable):
            table = names.pop(folded, None) or [effect.table]
            vacated[folded] = table
            table[0] = effect.new_name
            comes(table)
        elif isinstance(effect, DropTable) and folded in names:
            gone = names.pop(folded)
            # What comes in its place comes in that of the one before.
            before = next((old for new, old in pairs if new is gone), None)
            if before is not None:
                vacated[folded] = before
            gone.clear()
    return [(new[0], old[0]) for new, old in pairs if new and old]


_CREATES = re.compile(
    r"(?:\s|/\*.*?\*/|(?:--\s|\#)[^\n]*\n)*create\s+(?:or\s+replace\s+)?table\s+"
    r"(?:if\s+not\s+exists\s+)?(?:`((?:[^`]|``)+)`|([\w$]+))(?![\w$]|\s*\.)",
    re.IGNORECASE | re.DOTALL,
)


def _made(effect: Effect) -> str:
    """Return the table that a statement makes, also where nothing else of it can be read: with
    partitions, of which history is kept. "" where it makes none."""
    if isinstance(effect, Unread):
        found = _CREATES.match(effect.text)
        return (found[1] or "").replace("``", "`") or found[2] if found else ""
    return effect.table if isinstance(effect, CreateTable) else ""


def _other_tables(effect: Effect) -> tuple[str, ...]:
    if isinstance(effect, RenameTable):
        return (effect.new_name,)
    if isinstance(effect, AddForeignKey):
        return (effect.foreign_key.referenced_table,)
    if isinstance(effect, CreateTable):
        return tuple(key.referenced_table for key in effect.foreign_keys)
    return ()
