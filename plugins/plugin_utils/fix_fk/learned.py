# SPDX-License-Identifier: GPL-3.0-or-later
"""What migrations sent in a scratch schema, in the place of what --pretend shows: pure functions.

A scratch schema has the tables and no rows. So what a migration decides by the schema is decided
there as it is here; what it decides by rows stays uncertain.
"""

from __future__ import annotations

import re

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from .schema import sql
from .schema.conditions import DIALECT
from .schema.effects import (
    AddColumn,
    AddIndex,
    CreateTable,
    CreateView,
    DropColumn,
    DropForeignKey,
    DropIndex,
    DropTable,
    DropView,
    Effect,
    ForeignKeyChecks,
    RenameIndex,
    RenameTable,
    WriteRows,
)

# What information_schema and SHOW tell of rows.
_ROWS_TOLD = re.compile(
    r"\b(?:table_rows|avg_row_length|(?:data|index|max_data)_length|data_free|auto_increment"
    r"|cardinality|update_time|check_time|checksum)\b|\bshow\s+table\s+status\b",
    re.IGNORECASE,
)
# Laravel asks for the size of every table, and has no use for it.
_SIZE = re.compile(r"\(\s*data_length\s*\+\s*index_length\s*\)\s+as\s+`?size`?", re.IGNORECASE)
_ASKS = re.compile(r"\s*\(*\s*(?:select|show|with|describe|desc|explain|table|values)\b", re.I)
_SHOWS = re.compile(r"\s*(?:show|describe|desc)\b", re.IGNORECASE)
# What no row keeps from being carried out.
_WHATEVER_ROWS = (
    *(CreateView, DropColumn, DropForeignKey, DropIndex, DropTable, DropView, ForeignKeyChecks),
    *(RenameIndex, RenameTable),
)
_CATCHES = re.compile(r": .*\btry\b")


def applied(known: dict, answer: dict | None) -> dict:
    """Return what is known of a migration's statements, with what it sent in a scratch schema.

    `known` is laravel_info's, `answer` migration_statements'. `up_certain` is how many of the first
    statements are certain, `up_met` the error with which it certainly ends then.
    """
    if not known or answer is None:
        return known
    why = _useless(answer)
    sent = answer["statements"]
    rows = rows_asked(sent)
    error = answer["error"]
    if error and rows and not why:
        why = f"in a scratch schema, which has no rows, it ended with: {error}"
    if why:
        return {**known, "up_conditional": [*(known.get("up_conditional") or ()), why]}
    done = [one["sql"] for one in sent if one["done"] and not _asks_schema(one["sql"])]
    control = [why for why in known.get("up_conditional") or () if not why.startswith("up() asks")]
    if not error:
        reasons = [f"up() asks the database: {text}" for text in rows]
        reasons += _by_rows(known, control, done)
        certain = 0 if reasons else len(done)
        return {
            **known,
            **{"up": done, "up_error": None, "up_conditional": reasons, "up_certain": certain},
        }
    failing = [one["sql"] for one in sent[-1:] if not one["done"]]
    later = rest(known.get("up") or [], failing)
    reached = [*done, *failing]
    by_rows = _by_rows(known, control, reached)
    return {
        **known,
        "up": [*reached, *(later or ())],
        # Its own code failed, or what follows is not known.
        "up_error": error if later is None else known.get("up_error"),
        "up_certain": 0 if by_rows else len(reached),
        "up_met": "" if by_rows else error,
    }


def _useless(answer: dict) -> str:
    """Say why it is not known what the migration sends, or nothing."""
    if answer["stopped"]:
        return f"it was not run to its end in a scratch schema: {answer['stopped']}"
    if answer["unseen"]:
        return "it sends statements past Laravel"
    return ""


def is_question(text: str) -> bool:
    """Tell whether a statement asks, and changes nothing."""
    return bool(_ASKS.match(text))


def rows_asked(sent: list[dict]) -> list[str]:
    """Return the questions that rows answer."""
    texts = [one["sql"] for one in sent]
    return list(dict.fromkeys(t for t in texts if _ASKS.match(t) and not _asks_schema(t)))


def _asks_schema(text: str) -> bool:
    """Tell whether a statement is a question that the schema answers, whatever rows there are."""
    if not _ASKS.match(text) or _ROWS_TOLD.search(_SIZE.sub("", text)):
        return False
    if _SHOWS.match(text):
        return True
    try:
        trees = sqlglot.parse(text, dialect=DIALECT)
    except (SqlglotError, RecursionError):
        return False
    tables = [table for tree in trees if tree for table in tree.find_all(exp.Table)]
    return all(isinstance(tree, exp.Query) for tree in trees) and all(
        table.db.casefold() == "information_schema" for table in tables
    )


def _by_rows(known: dict, control: list[str], statements: list[str]) -> list[str]:
    """Return those of the reasons that the schema alone does not decide."""
    found = [why for why in control if why.startswith("shouldRun()")]
    found += known.get("varies") or ()
    effects = [effect for text in statements for effect in sql.read(text)]
    made = {e.table.casefold() for e in effects if isinstance(e, CreateTable)}
    may_fail = any(e.table.casefold() not in made and _rows_decide(e) for e in effects)
    if may_fail:
        found += [why for why in control if _CATCHES.search(why)]
    writes = any(isinstance(e, WriteRows) and e.table.casefold() not in made for e in effects)
    if writes and control:
        found += list(known.get("counts") or ())
    return list(dict.fromkeys(found))


def _rows_decide(effect: Effect) -> bool:
    """Tell whether rows may keep a statement from being carried out."""
    if isinstance(effect, AddColumn):
        return not (effect.definition and effect.definition.nullable)
    if isinstance(effect, AddIndex):
        return not effect.index or effect.index.unique
    if isinstance(effect, CreateTable):
        return bool(effect.reads)
    return not isinstance(effect, _WHATEVER_ROWS)


def rest(pretended: list[str], failing: list[str]) -> list[str] | None:
    """Return what --pretend shows after the statement at which it ended; None when not known."""
    if not failing or failing[0] not in pretended:
        return None
    place = len(pretended) - 1 - pretended[::-1].index(failing[0])
    return pretended[place + 1 :]
