# SPDX-License-Identifier: GPL-3.0-or-later
"""All that the sandbox's server holds: as text, and gone."""

from __future__ import annotations

import contextlib

from ansible.module_utils.fix_fk.schema.sql import quote_identifier, quote_table
from ansible.module_utils.fix_fk.server.flavour import comparable

SYSTEM_SCHEMAS = ("information_schema", "mysql", "performance_schema", "sys")
SYSTEM_ACCOUNTS = (
    "mariadb.sys",
    "mysql",
    "mysql.infoschema",
    "mysql.session",
    "mysql.sys",
    "PUBLIC",
    "root",
)

LOCK_SECONDS = 20


def describe(connection, database, own):
    """Return everything the server holds as text, the same text for the same contents.

    Names of the schemas, and of the application's, `database`: definitions of tables, views,
    triggers and routines, the accounts' rights, and every row in order. own: the account that asks,
    which is left out.
    """
    cursor = connection.cursor()

    def rows(query, *values):
        cursor.execute(query, values or None)
        return list(cursor.fetchall())

    # UTC and no conversion: the text is independent of the session.
    rows("SET time_zone = '+00:00'")
    lines = [f"schemas: {sorted(name for (name,) in rows('SHOW DATABASES'))}"]
    if database in lines[0]:
        lines += _describe(rows, database)
    for user, host in rows("SELECT user, host FROM mysql.user ORDER BY user, host"):
        if user not in SYSTEM_ACCOUNTS and user != own:
            for (grant,) in rows("SHOW GRANTS FOR %s@%s", user, host):
                lines.append(grant.partition(" IDENTIFIED ")[0])
    return "\n".join(lines) + "\n"


def _describe(rows, database):
    """Return the lines of describe() for the application's schema."""
    lines = []
    tables = rows(
        "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = %s",
        database,
    )
    # Sorted here: to the server, names that differ in case are in no order.
    for table, kind in sorted(tables):
        name = quote_table(database, table)
        lines.append(comparable(rows(f"SHOW CREATE TABLE {name}")[0][1]))
        if kind == "BASE TABLE":
            lines += sorted(repr(row) for row in rows(f"SELECT * FROM {name}"))  # noqa: S608
    lines += map(
        repr,
        rows(
            "SELECT trigger_name, event_object_table, action_timing, event_manipulation,"
            " action_statement FROM information_schema.triggers"
            " WHERE trigger_schema = %s ORDER BY trigger_name",
            database,
        ),
    )
    lines += map(
        repr,
        rows(
            "SELECT routine_type, routine_name, routine_definition"
            " FROM information_schema.routines"
            " WHERE routine_schema = %s ORDER BY routine_type, routine_name",
            database,
        ),
    )
    return lines


def empty(connection, database, own, errors):
    """Leave one empty schema, `database`, and no account but the server's and `own`.

    errors: what the driver raises for a session that has ended by itself.
    """
    cursor = connection.cursor()
    cursor.execute(f"SET SESSION lock_wait_timeout = {LOCK_SECONDS:d}")
    # An open transaction elsewhere would block every DROP below.
    cursor.execute(
        "SELECT id FROM information_schema.processlist"
        " WHERE id <> CONNECTION_ID() AND user NOT IN ('system user', 'event_scheduler')"
    )
    for (connection_id,) in cursor.fetchall():
        with contextlib.suppress(*errors):
            cursor.execute(f"KILL {connection_id:d}")
    cursor.execute("SET SESSION foreign_key_checks = 0")
    cursor.execute("SHOW DATABASES")
    for (name,) in cursor.fetchall():
        if name not in SYSTEM_SCHEMAS:
            cursor.execute(f"DROP DATABASE {quote_identifier(name)}")
    cursor.execute("SELECT user, host FROM mysql.user")
    for user, host in cursor.fetchall():
        if user not in SYSTEM_ACCOUNTS and user != own:
            cursor.execute("DROP USER %s@%s", [user, host])
    cursor.execute(
        f"CREATE DATABASE {quote_identifier(database)}"
        " CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"
    )
