# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a table counts its ids from, and how to have it count from above those of another."""

from __future__ import annotations

import contextlib

from ansible.module_utils.fix_fk.schema.sql import (
    quote_identifier,
    quote_table,
    rows_about,
    rows_of,
)

BITS = {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}


def largest(kind):
    """Return the largest id that a column of this type can hold; None for one of no integers."""
    words = kind.lower().replace("(", " ").split()
    bits = BITS.get(words[0])
    return None if bits is None else 2 ** (bits - ("unsigned" not in words)) - 1


def above(table, old):
    """Return the id from which `table` has to count so that no new row gets an id of `old`.

    Both are {column, type, next, highest} or None. None when there is nothing to do, and where
    there is no such id: see beyond().
    """
    if not overlaps(table, old):
        return None
    wanted, limit = _free(old), largest(table["type"])
    # The largest of all is never given out.
    return None if limit is None or wanted >= limit else wanted


def overlaps(table, old):
    """Tell whether a new row of `table` may get an id that `old` has had."""
    if not table or not old or table["column"].lower() != old["column"].lower():
        return False
    return table["next"] < _free(old)


def _free(old):
    return max(old["next"], (old["highest"] or 0) + 1)


def read_ids(connection, schema, tables, pymysql):
    """Return {table: {column, type, next, highest}} of those of these tables that count by
    themselves (AUTO_INCREMENT).

    next: the id of the next row. highest: that of a row that is there, None without one, or when
    it cannot be read.
    """
    columns = rows_about(
        connection,
        "SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE FROM information_schema.COLUMNS"
        " WHERE EXTRA LIKE '%%auto_increment%%' AND TABLE_SCHEMA = %s",
        schema,
        tables,
    )
    ids = {table: {"column": column, "type": kind} for table, column, kind in columns}
    if not ids:
        return {}
    with contextlib.suppress(pymysql.MySQLError):
        # MySQL 8 and newer answer from a cache otherwise.
        rows_of(connection, "SET SESSION information_schema_stats_expiry = 0")
    query = "SELECT TABLE_NAME, AUTO_INCREMENT FROM information_schema.TABLES"
    for table, following in rows_about(
        connection, f"{query} WHERE TABLE_SCHEMA = %s", schema, ids.keys()
    ):
        if table in ids:
            ids[table]["next"] = int(following or 1)
    for table, about in ids.items():
        about.setdefault("next", 1)
        about["highest"] = None
        with contextlib.suppress(pymysql.MySQLError):
            column, name = quote_identifier(about["column"]), quote_table(schema, table)
            highest = rows_of(connection, f"SELECT MAX({column}) FROM {name}")[0][0]  # noqa: S608
            about["highest"] = None if highest is None else int(highest)
    return ids


def raise_ids(connection, schema, pairs, execute, pymysql):
    """Let each (table, old table) count above; execute(statement) sends one.

    Returns {changed, queries, undo}. Tables that are not there, or do not count, are left alone.
    Raises pymysql.MySQLError.
    """
    queries: list = []
    undo: list = []
    # A server may keep names in small letters only.
    names = {spelled for pair in pairs for name in pair for spelled in (name, name.lower())}
    known = read_ids(connection, schema, names, pymysql)
    for pair in pairs:
        table, old = (name if name in known else name.lower() for name in pair)
        wanted = above(known.get(table), known.get(old))
        if wanted is None:
            continue
        alter = f"ALTER TABLE {quote_identifier(table)} AUTO_INCREMENT = "
        execute(f"{alter}{wanted}")
        queries.append(f"{alter}{wanted}")
        undo.insert(0, f"{alter}{known[table]['next']}")
    return {"changed": bool(queries), "queries": queries, "undo": undo}
