# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows from one server to another, as they are.

    copy_table(reader, writer, schema, table, columns, buffered)

The server that has them writes each row as the values of an INSERT, so this side only passes text
on, a batch at a time, and never looks into it. Text and binary data travel as the bytes that are
stored.
"""

from __future__ import annotations

import contextlib

from ansible.module_utils.fix_fk.schema.contents import (
    BINARY_TYPES,
    GEOMETRY_TYPES,
    LONG_TYPES,
)
from ansible.module_utils.fix_fk.schema.sql import (
    quote_columns,
    quote_identifier,
    quote_table,
)

# Characters of one INSERT; a longer row makes one by itself.
BATCH = 512 * 1024

PLAIN_TYPES = ("tinyint", "smallint", "mediumint", "int", "bigint", "decimal")
# Written as their number: bits, and the place in the list of what the column may hold.
NUMBERED_TYPES = ("bit", "enum", "set")
BYTE_TYPES = ("char", "varchar", *BINARY_TYPES, *LONG_TYPES, *GEOMETRY_TYPES)

# Seconds. The reader waits while the other server writes.
WAIT = 3600


def prepare_reader(cursor):
    """Let this session read without locking, and wait for whoever it sends to."""
    cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
    cursor.execute(f"SET SESSION time_zone = '+00:00', net_write_timeout = {WAIT:d}")


@contextlib.contextmanager
def writing(cursor):
    """Let this session take every value as it is, inside the block: an id of 0, a date of zeros."""
    cursor.execute(
        "SET @fix_fk_sql_mode = @@session.sql_mode, @fix_fk_time_zone = @@session.time_zone,"
        " sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES', time_zone = '+00:00'"
    )
    yield
    cursor.execute("SET sql_mode = @fix_fk_sql_mode, time_zone = @fix_fk_time_zone")


def copy_table(reader, writer, schema, table, columns, buffered=False):
    """Insert the rows of a table into the table of that name that the other cursor's schema has.

    reader: a cursor that does not keep what it reads, prepared; writer: a cursor inside of
    writing(). columns: [(name, data type)] without generated ones. buffered: whether the server
    sets the rows aside first, so that a table of an engine without transactions is not locked
    meanwhile. Raises the driver's errors, and ValueError for a row that is too long to be sent.
    """
    names = [name for name, _kind in columns]
    # Of a value that got too long the server makes NULL; then the whole row is, not the value.
    values = ", ',', ".join(
        f"IF({quote_identifier(name)} IS NULL, 'NULL', {literal(name, kind)})"
        for name, kind in columns
    )
    aside = "SQL_BUFFER_RESULT " if buffered else ""
    insert = f"INSERT INTO {quote_identifier(table)} ({quote_columns(names)}) VALUES "  # noqa: S608
    reader.execute(f"SELECT {aside}CONCAT({values}) FROM {quote_table(schema, table)}")  # noqa: S608
    batch, length = [], 0
    # Not by iterating, which would fetch all of them.
    row = reader.fetchone()
    while row:
        (text,) = row
        if text is None:
            raise ValueError(f"a row of table {table} is longer than max_allowed_packet")
        batch.append(f"({text})")
        length += len(text)
        row = reader.fetchone()
        if length > BATCH or not row:
            writer.execute(insert + ",".join(batch))
            batch, length = [], 0


def literal(name, kind):
    """Return SQL that gives the value of a column as a literal."""
    column = quote_identifier(name)
    if kind in PLAIN_TYPES:
        return column
    if kind in NUMBERED_TYPES:
        return f"{column} + 0"
    if kind in BYTE_TYPES:
        return f"CONCAT('x''', HEX({column}), '''')"
    # A FLOAT is shown with six digits, and kept with more.
    shown = f"{column} * 1e0" if kind == "float" else column
    return f"CONCAT('_utf8mb4 x''', HEX(CAST({shown} AS CHAR CHARACTER SET utf8mb4)), '''')"
