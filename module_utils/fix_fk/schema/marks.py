# SPDX-License-Identifier: GPL-3.0-or-later
"""Marks of tables: what stays as it is as long as nobody writes a row of a table.

A mark takes as long for ten million rows as for ten. It has the time of the last write, which the
server keeps for each InnoDB table: whoever writes, by a statement, a trigger, a cascade or an
event, moves it; another name and a foreign key that goes do not. TRUNCATE does not move it on
MariaDB, and neither does the exchange of two tables' names, so the first and the last rows are part
of the mark, and what tells the table itself from another.
"""

from __future__ import annotations

import time

from ansible.module_utils.fix_fk.schema.contents import (
    columns_of,
    digest_query,
    digest_row,
    snapshot,
)
from ansible.module_utils.fix_fk.schema.sql import quote_columns, quote_table, rows_of
from ansible.module_utils.fix_fk.server.flavour import flavour_of, version_number

# From these on the server tells the time of the last write of an InnoDB table.
SINCE = {"mariadb": [10, 2, 2], "mysql": [5, 7, 2]}
# How many rows at each end of a table are a part of its mark.
END_ROWS = 20
# Of the tables that the server keeps open, this share may be taken: what it closes, it forgets.
ROOM = 0.9
UNKNOWN_VARIABLE = 1193
# Seconds of the server's clock that are waited for at most.
SETTLES = 2


def no_marks(connection):
    """Return why the server's time of the last write proves nothing here, or ""."""
    version = rows_of(connection, "SELECT VERSION()")[0][0]
    flavour = flavour_of(version)
    if version_number(version) < SINCE[flavour]:
        return "the server does not tell when a table was written"
    if not has_room(connection):
        return (
            "the server has about as many tables open as it can keep (table_definition_cache), and "
            "forgets when one was written that it closes"
        )
    return ""


def has_room(connection):
    """Tell whether the server needs to close no table; asked when all of the schema are open."""
    status = rows_of(connection, "SHOW GLOBAL STATUS LIKE 'Open_table_definitions'")
    kept = rows_of(connection, "SELECT @@global.table_definition_cache")[0][0]
    return bool(status) and int(status[0][1]) <= ROOM * int(kept)


def unmarkable(connection, schema, structures):
    """Return {table: why it has no mark that proves anything}.

    structures: {table: its structure, as read_structure() has it, read from its text}.
    """
    found = {}
    for table, engine, options, kind in rows_of(
        connection,
        "SELECT TABLE_NAME, ENGINE, CREATE_OPTIONS, TABLE_TYPE FROM information_schema.TABLES"
        " WHERE TABLE_SCHEMA = %s",
        (schema,),
    ):
        if table not in structures:
            continue
        if (engine or "").lower() != "innodb":
            found[table] = f"its engine is {engine}"
        elif "partitioned" in (options or "").lower():
            found[table] = "it is partitioned"
        elif kind == "SYSTEM VERSIONED":
            found[table] = "it is system-versioned"
        elif not key_of(structures[table]):
            found[table] = "it has no primary key that its rows can be read by"
    return found


def key_of(structure):
    """Return the columns of a primary key in whose order rows can be read; [] for none."""
    for name, _unique, _kind, parts in structure.get("indexes") or ():
        if name == "PRIMARY":
            plain = all(part and "(" not in part and not part.endswith(" DESC") for part in parts)
            return parts if plain else []
    return []


def read_marks(connection, schema, structures, settle=False):
    """Return {moment, server, since, room, tables: {table: mark}} of tables that may have one.

    moment: the server's clock (seconds since 1970) when this was read; since: when the server was
    started; server: what tells it from another; room: as has_room() says. A mark is {written, made,
    id, ends: [[rows, digest], [rows, digest]]}: the time of the last write (None: not since the
    server was started) and of when the table was made, its number in InnoDB's dictionary (None:
    not shown to this account), and its first and last rows.

    settle: wait until each write from now on has a later time than those read, which are in whole
    seconds. Tables that are written all along come back as `busy`, without a mark.
    """
    ends = _ends(connection, schema, structures)
    ids = _ids(connection, schema)
    for attempt in range(SETTLES + 1):
        moment, times = _times(connection, schema)
        busy = [t for t in structures if times.get(t, (None, None))[1] == int(moment)]
        if not (settle and busy) or attempt == SETTLES:
            break
        time.sleep(int(moment) + 1.05 - float(moment))
    marks = {
        table: {
            "written": times[table][1],
            "made": times[table][0],
            "id": ids.get(table),
            "ends": ends[table],
        }
        for table in structures
        if table in times and table in ends and not (settle and table in busy)
    }
    return {
        **_server(connection),
        "moment": float(moment),
        "room": has_room(connection),
        "tables": marks,
        "busy": busy if settle else [],
    }


def _server(connection):
    uptime = rows_of(connection, "SHOW GLOBAL STATUS LIKE 'Uptime'")
    row = rows_of(connection, "SELECT @@hostname, @@port, @@server_id, UNIX_TIMESTAMP()")[0]
    since = int(row[3]) - int(uptime[0][1]) if uptime else None
    return {"server": "/".join(str(part) for part in row[:3]), "since": since}


def _times(connection, schema):
    """Return (the server's clock, {table: (when made, when last written)}), seconds since 1970."""
    with connection.cursor() as cursor:
        _ask_afresh(connection, cursor)
        # UNIX_TIMESTAMP reads a time of day in the session's zone, in which an hour may come twice.
        cursor.execute("SET @fix_fk_time_zone = @@session.time_zone, time_zone = '+00:00'")
        try:
            # Before the times: what is written in between is then seen as written later.
            cursor.execute("SELECT UNIX_TIMESTAMP(NOW(6))")
            moment = cursor.fetchone()[0]
            cursor.execute(
                "SELECT TABLE_NAME, UNIX_TIMESTAMP(CREATE_TIME), UNIX_TIMESTAMP(UPDATE_TIME)"
                " FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s",
                (schema,),
            )
            found = cursor.fetchall()
        finally:
            cursor.execute("SET time_zone = @fix_fk_time_zone")
    return moment, {name: (_whole(made), _whole(written)) for name, made, written in found}


def _whole(seconds):
    return None if seconds is None else int(seconds)


def _ask_afresh(connection, cursor):
    """Have MySQL look at the tables themselves; it keeps what it saw for a day."""
    try:
        cursor.execute("SET SESSION information_schema_stats_expiry = 0")
    except connection.Error as error:
        if not error.args or error.args[0] != UNKNOWN_VARIABLE:
            raise


def _ids(connection, schema):
    """Return {table: its number in InnoDB's dictionary}, {} where this account may not see it.

    Of names only that are written in the dictionary as they are.
    """
    found = {}
    for listed in ("INNODB_SYS_TABLES", "INNODB_TABLES"):
        try:
            rows = rows_of(connection, f"SELECT NAME, TABLE_ID FROM information_schema.{listed}")  # noqa: S608
        except connection.Error:
            # Without the right, or without that list.
            continue
        for name, number in rows:
            place, _, table = name.partition("/")
            if place == schema and "@" not in table:
                found[table] = int(number)
    return found


def _ends(connection, schema, structures):
    """Return {table: [[rows, digest]] of its first and of its last rows}."""
    found = {}
    with snapshot(connection):
        available = columns_of(connection, schema)
        with connection.cursor() as cursor:
            for table, structure in structures.items():
                kinds = [
                    (name, kind)
                    for name, (kind, generated) in sorted(available.get(table, {}).items())
                    if not generated
                ]
                if kinds:
                    found[table] = [
                        list(digest_row(cursor, table, query))
                        for query in _end_queries(schema, table, key_of(structure), kinds)
                    ]
    return found


def _end_queries(schema, table, key, kinds):
    names = quote_columns([name for name, _kind in kinds])
    for order in ("", " DESC"):
        by = ", ".join(quote_columns([column]) + order for column in key)
        yield digest_query(
            schema,
            table,
            kinds,
            f"(SELECT {names} FROM {quote_table(schema, table)} FORCE INDEX (PRIMARY)"  # noqa: S608
            f" ORDER BY {by} LIMIT {END_ROWS}) fix_fk_end",
        )
