# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking a server, and quoting. Values are never put into SQL text: they are bound."""

from __future__ import annotations

# Up to this many names the server opens only the tables that are named; with more, all.
NAMED = 1000


def quote_identifier(name):
    """Return a name as MySQL and MariaDB read it in any sql_mode: a`b -> `a``b`.

    Raises ValueError for what no server accepts as a name: an empty string or one with a NUL.
    """
    if not isinstance(name, str) or not name or "\0" in name:
        raise ValueError(f"not a name that a table, column or constraint can have: {name!r}")
    return "`" + name.replace("`", "``") + "`"


def quote_table(schema, table):
    """Return `schema`.`table`, or just `table` when schema is None."""
    if schema is None:
        return quote_identifier(table)
    return quote_identifier(schema) + "." + quote_identifier(table)


def quote_columns(columns):
    """Return the names as a comma-separated list: ["a", "b"] -> `a`, `b`."""
    return ", ".join(quote_identifier(column) for column in columns)


def quarantine(table):
    """Return the name under which rename_back sets a leftover aside, and the diagnosis finds it."""
    suffix = "__fix_fk_leftover"
    return table[: 64 - len(suffix)] + suffix


def rows_of(connection, query, arguments=()):
    """Return all rows of a query as tuples."""
    with connection.cursor() as cursor:
        # Without arguments PyMySQL must not look for % in it: a name may have one.
        cursor.execute(query, arguments or None)
        return cursor.fetchall()


def rows_about(connection, query, schema, tables):
    """Return the rows of a query on one schema, at least those about these tables."""
    if not tables:
        return ()
    if len(tables) > NAMED:
        return rows_of(connection, query, (schema,))
    return rows_of(connection, f"{query} AND TABLE_NAME IN %s", (schema, sorted(tables)))
