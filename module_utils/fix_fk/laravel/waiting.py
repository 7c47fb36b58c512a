# SPDX-License-Identifier: GPL-3.0-or-later
"""Who keeps artisan waiting for a table, and that it does not wait on when it is ended."""

from __future__ import annotations

import contextlib
import time

from ansible.module_utils.fix_fk.schema.sql import quote_identifier
from ansible.module_utils.fix_fk.schema.tables import list_tables
from ansible.module_utils.fix_fk.server.locks import blockers

CHANGES_OF_TABLES = ("alter", "create", "drop", "rename", "truncate")

# Until the server has noticed that a client is gone, what it waited for may still be done.
NOTICE_SECONDS = 10


class Waiting:
    """What artisan has waiting for table locks, seen from another connection of its account."""

    def __init__(self, connection, schema, limit, pymysql):
        """limit: seconds that one statement may wait."""
        self.connection = connection
        self.schema = schema
        self.limit = limit
        self.pymysql = pymysql
        # Since when (time.monotonic()) which session waits.
        self.since: dict[int, float] = {}

    def waits(self):
        """Return {session: statement} of what waits now.

        Its sessions are younger than this one, and of the same account, so that they are seen
        without any right. Workers of the application send no such statements.
        """
        with self.connection.cursor() as cursor:
            cursor.execute(
                "SELECT ID, INFO FROM information_schema.PROCESSLIST WHERE DB = DATABASE()"
                " AND ID > CONNECTION_ID() AND STATE = 'Waiting for table metadata lock'"
            )
            return {
                session: text
                for session, text in cursor.fetchall()
                if (text or "").lstrip().partition(" ")[0].lower() in CHANGES_OF_TABLES
            }

    def too_long(self):
        """Return what waits and who is in its way, once that has lasted long enough, or None."""
        now = time.monotonic()
        try:
            waits = self.waits()
            self.since = {session: self.since.get(session, now) for session in waits}
            long = [session for session, since in self.since.items() if now - since >= self.limit]
            if not long:
                return None
            text = waits[long[0]]
            tables, _views = list_tables(self.connection, self.schema)
            return (
                f"a table is locked: '{text}' waited {self.limit} s and artisan was ended. "
                + blockers(
                    self.connection,
                    self.schema,
                    [table for table in tables if quote_identifier(table) in text],
                    self.pymysql,
                    without=waits,
                )
            )
        except self.pymysql.MySQLError:
            return None

    def until_gone(self):
        """Wait until what waited is gone from the server, too.

        MariaDB notices that the client is gone. MySQL lets the statement wait on, and carries it
        out once the lock is free; so artisan's own session is ended, for which its account needs
        no right.
        """
        deadline = time.monotonic() + NOTICE_SECONDS
        while self.waits() and time.monotonic() < deadline:
            for session in self.waits().keys() & self.since.keys():
                with contextlib.suppress(self.pymysql.MySQLError):
                    self.connection.cursor().execute("KILL %s", (session,))
            time.sleep(0.1)
