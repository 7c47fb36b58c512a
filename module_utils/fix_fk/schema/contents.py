# SPDX-License-Identifier: GPL-3.0-or-later
"""How many rows tables have, and a digest that tells whether they are the same rows.

The server does the work, in one pass over each table; one row comes back per table. The digest
does not depend on the order of the rows, the name of the table, the order of its columns, or the
connection's character set and time zone.
"""

from __future__ import annotations

import contextlib
import time

from ansible.module_utils.fix_fk.schema.sql import quote_identifier, quote_table, rows_of

BINARY_TYPES = ("binary", "varbinary", "vector")
TEXT_TYPES = ("char", "varchar", "enum", "set")
LONG_TYPES = (
    "tinytext",
    "text",
    "mediumtext",
    "longtext",
    "tinyblob",
    "blob",
    "mediumblob",
    "longblob",
)
GEOMETRY_TYPES = (
    "geometry",
    "point",
    "linestring",
    "polygon",
    "multipoint",
    "multilinestring",
    "multipolygon",
    "geometrycollection",
    "geomcollection",
)

# A row whose hash the server could not compute adds this to the sum, which true hashes of fewer
# than 10^10 rows cannot reach.
NOT_HASHED = 10**30

# What the period of a system-versioned table is called where nobody named it.
PERIOD = ("row_start", "row_end")


def read_contents(connection, schema, tables, columns=None):
    """Return {table: {rows, digest, columns}} of one moment.

    columns: {table: [names]} restricts a table to these columns (those that exist); others take
    all columns that are not generated. digest: 32 hexadecimal digits, of the columns named in the
    result and in their order, which is alphabetical. Tables of engines without transactions
    (MyISAM) are each read as they are when their turn comes. Raises pymysql.MySQLError, and
    ValueError when the server could not hash a row.
    """
    with snapshot(connection):
        return read_in_snapshot(connection, schema, tables, columns)


@contextlib.contextmanager
def snapshot(connection):
    """Let the connection see one moment of all InnoDB tables, inside the block."""
    with connection.cursor() as cursor:
        # TIMESTAMP columns are shown in the session's time zone.
        cursor.execute("SET @fix_fk_time_zone = @@session.time_zone, time_zone = '+00:00'")
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")
            cursor.execute("SET time_zone = @fix_fk_time_zone")


def read_in_snapshot(connection, schema, tables, columns=None):
    """Like read_contents(), inside of snapshot()."""
    available = columns_of(connection, schema)
    with connection.cursor() as cursor:
        return {
            table: _read_table(
                cursor, schema, table, available.get(table, {}), (columns or {}).get(table)
            )
            for table in tables
        }


def columns_of(connection, schema):
    """Return {table: {column: (data type, whether it is generated)}}."""
    available: dict = {}
    for table, column, kind, extra in rows_of(
        connection,
        "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, EXTRA"
        " FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s",
        (schema,),
    ):
        # MySQL says DEFAULT_GENERATED of a column whose default is an expression.
        generated = "GENERATED" in extra.upper().replace("DEFAULT_GENERATED", "")
        available.setdefault(table, {})[column] = (kind.lower(), generated)
    return available


# Of how many tables, the largest ones, rows are digested to see how long it takes, and how many
# bytes and rows of each.
SAMPLED, SAMPLE_BYTES, SAMPLE_ROWS = 3, 4 * 1024 * 1024, 5000


def digest_time(connection, schema, tables):
    """Return {rows, seconds, tables}: about how many rows there are in `tables`, how long
    read_contents() of them takes, and {table: about how many rows} of every table of the schema.

    A few rows of the largest tables are digested for that. Raises pymysql.MySQLError.
    """
    began = time.monotonic()
    every = {
        name: (int(rows or 0), int(size or 0))
        for name, rows, size in rows_of(
            connection,
            "SELECT TABLE_NAME, TABLE_ROWS, DATA_LENGTH FROM information_schema.TABLES"
            " WHERE TABLE_SCHEMA = %s",
            (schema,),
        )
    }
    about = {name: found for name, found in every.items() if name in tables}
    columns: dict = {}
    for table, column, kind in rows_of(
        connection,
        "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE FROM information_schema.COLUMNS"
        " WHERE TABLE_SCHEMA = %s",
        (schema,),
    ):
        columns.setdefault(table, []).append((column, kind.lower()))
    taken, read = 0.0, 0
    each = time.monotonic() - began
    for name in sorted(about, key=lambda name: -about[name][1])[:SAMPLED]:
        rows, size = about[name]
        if rows:
            limit = max(1, min(rows, SAMPLE_ROWS, SAMPLE_BYTES * rows // max(size, 1)))
            # By their names: a * leaves invisible columns out.
            names = ", ".join(quote_identifier(column) for column, _ in columns[name])
            source = (
                f"(SELECT {names} FROM {quote_table(schema, name)} LIMIT {limit}) fix_fk_sample"  # noqa: S608
            )
            began = time.monotonic()
            rows_of(connection, digest_query(schema, name, columns[name], source), None)
            taken, read = taken + time.monotonic() - began, read + size * limit // rows
    whole = sum(size for _, size in about.values())
    return {
        "rows": sum(rows for rows, _ in about.values()),
        "seconds": round(each + taken * max(1.0, whole / max(read, 1)), 2),
        "tables": {name: rows for name, (rows, _) in every.items()},
    }


def list_versioned(connection, schema):
    """Return {table: (column, column) of its period} of system-versioned tables.

    None instead of the columns where they count transactions, which no dump can hold.
    """
    found: dict = {
        table: PERIOD
        for (table,) in rows_of(
            connection,
            "SELECT TABLE_NAME FROM information_schema.TABLES"
            " WHERE TABLE_SCHEMA = %s AND TABLE_TYPE = 'SYSTEM VERSIONED' ORDER BY TABLE_NAME",
            (schema,),
        )
    }
    if not found:
        return found
    named: dict = {}
    for table, column, kind, row in rows_of(
        connection,
        "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, GENERATION_EXPRESSION"
        " FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s"
        " AND GENERATION_EXPRESSION IN ('ROW START', 'ROW END')",
        (schema,),
    ):
        named.setdefault(table, {})[row] = (column, kind.lower())
    for table, ends in named.items():
        (start, kind), (end, _kind) = ends["ROW START"], ends["ROW END"]
        found[table] = (start, end) if kind == "timestamp" else None
    return found


def read_history(connection, schema, tables, hashed):
    """Return {table: {rows, and when hashed digest}} over all rows that tables have and had.

    tables: {table: its period} of list_versioned(). Inside of snapshot().
    """
    found = {}
    for table, period in tables.items():
        columns = []
        if hashed:
            columns = [
                (column, kind.lower())
                for column, kind, row in rows_of(
                    connection,
                    "SELECT COLUMN_NAME, DATA_TYPE, EXTRA FROM information_schema.COLUMNS"
                    " WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s ORDER BY COLUMN_NAME",
                    (schema, table),
                )
                if "GENERATED" not in row.upper()
            ]
            columns += [(column, "timestamp") for column in period]
        query = digest_query(schema, table, columns) + " FOR SYSTEM_TIME ALL"
        rows, total = rows_of(connection, query, None)[0]
        found[table] = {"rows": rows, **({"digest": f"{int(total or 0):032x}"} if hashed else {})}
    return found


def _read_table(cursor, schema, table, available, asked):
    """Return {rows, digest, columns} of one table."""
    if asked is None:
        used = [name for name, (_kind, generated) in available.items() if not generated]
    else:
        wanted = {name.lower() for name in asked}
        used = [name for name in available if name.lower() in wanted]
    used.sort(key=str.lower)
    query = digest_query(schema, table, [(name, available[name][0]) for name in used])
    rows, digest = digest_row(cursor, table, query)
    return {"rows": rows, "digest": digest, "columns": used}


def digest_row(cursor, table, query):
    """Return (rows, digest) as a digest_query() has them, inside of snapshot()."""
    # Without this the snapshot would keep a metadata lock on every table it has read until the
    # last one is done, and an ALTER of the first would wait, with all new readers behind it.
    cursor.execute("SAVEPOINT fix_fk_table")
    cursor.execute(query)
    rows, total = cursor.fetchone()
    cursor.execute("ROLLBACK TO SAVEPOINT fix_fk_table")
    total = int(total or 0)
    if total >= NOT_HASHED:
        raise ValueError(
            f"the server could not hash a row of '{table}': a row is longer than max_allowed_packet"
        )
    return rows, f"{total:032x}"


def digest_query(schema, table, columns, source=None):
    """Return the query for (rows, sum of the first 64 bits of their hashes).

    columns: [(name, data type)]; source: what is read instead of the whole table.

    A sum, as XOR would not see two equal rows vanish; the server would hash each row twice for two
    sums. SHA2 is the one hash that every server still has (MySQL 9.7 has no MD5).
    """
    source = f"FROM {source or quote_table(schema, table)}"
    if not columns:
        return f"SELECT COUNT(*), 0 {source}"
    values = ", ".join(_value(name, kind) for name, kind in columns)
    row_hash = f"CONV(LEFT(SHA2(CONCAT_WS(',', {values}), 256), 16), 16, 10)"
    return f"SELECT COUNT(*), SUM(IFNULL(CAST({row_hash} AS UNSIGNED), {NOT_HASHED})) {source}"


def _value(name, kind):
    """Return SQL for a column as arguments of CONCAT_WS, such that no two values read the same.

    Numbers, dates and hashes hold no comma and are never '-', which stands for NULL. Other values
    follow their length in bytes; CONCAT_WS leaves a NULL out. Text keeps the bytes it is stored
    with; FLOAT is taken with the six digits that a dump has of it.
    """
    column = quote_identifier(name)
    if kind in BINARY_TYPES or kind in TEXT_TYPES:
        return f"IFNULL(LENGTH({column}), '-'), CAST({column} AS BINARY)"
    if kind in LONG_TYPES:
        # A row must fit in one packet (max_allowed_packet), so long values go in as their hash.
        value = f"SHA2({column}, 256)"
    elif kind in GEOMETRY_TYPES:
        value = f"SHA2(HEX({column}), 256)"
    elif kind == "json":
        value = f"SHA2(CAST({column} AS CHAR CHARACTER SET utf8mb4), 256)"
    elif kind == "bit":
        value = f"{column} + 0"
    else:
        value = f"CAST({column} AS CHAR)"
    return f"IFNULL({value}, '-')"
