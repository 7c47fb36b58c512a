# SPDX-License-Identifier: GPL-3.0-or-later
"""Changing tables that others use: bounded waiting, the blocker named, nobody killed."""

from __future__ import annotations

import time

from ansible.module_utils.fix_fk.refusal import refuse
from ansible.module_utils.fix_fk.schema.sql import rows_of

LOCK_SPEC = {
    "lock_wait_timeout": {"type": "int", "default": 5},
    "retries": {"type": "int", "default": 3},
    "retry_delay": {"type": "int", "default": 2},
}

# Lock wait timeout and deadlock: the statement did nothing and may be sent again.
WAITED = (1205, 1213)
AGE = "TIMESTAMPDIFF(SECOND, trx_started, NOW())"
TRANSACTIONS = "FROM information_schema.INNODB_TRX"


def waits_of(module):
    """Return (retries, retry_delay) or end the module: negative ones make no sense."""
    params = module.params
    if params["lock_wait_timeout"] < 1 or params["retries"] < 0 or params["retry_delay"] < 0:
        refuse(
            module,
            "lock_wait_timeout must be at least 1 (seconds), retries and retry_delay at least 0; "
            f"given are {params['lock_wait_timeout']}, {params['retries']} and "
            f"{params['retry_delay']}.",
            "Correct that",
        )
    return params["retries"], params["retry_delay"]


def execute(connection, statement, waits, pymysql):
    """Run one statement; after a lock wait, again, as often as waits = (retries, delay) say.

    Raises pymysql.MySQLError; code 1205 or 1213 means that it was in vain each time.
    """
    retries, delay = waits
    while True:
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
            return
        except pymysql.MySQLError as error:
            if error.args[0] not in WAITED or not retries:
                raise
        retries -= 1
        time.sleep(delay)


def blockers(connection, schema, tables, pymysql, without=()):
    """Return a sentence that names who stands on the tables, as far as the account may see.

    without: sessions (ids) that wait themselves. When no one else is to be seen, idle
    sessions are named: that one of them has a transaction open is not for this account to see.
    """
    locks = list_locks(connection, schema, tables, pymysql) or []
    locks = [lock for lock in locks if lock["connection"] not in without]
    locks = locks or list_idle(connection, schema)
    if not locks:
        return (
            "Who holds the lock is not visible to this account: ask an account with the right "
            "PROCESS for SHOW FULL PROCESSLIST and information_schema.INNODB_TRX."
        )
    named = []
    for lock in locks:
        doing = f"running: {lock['statement']}" if lock["statement"] else "between two statements"
        named.append(f"{describe_lock(lock)}, {doing}")
    who = "In the way: " if locks[0]["table"] else "Open at the moment, and so perhaps in the way: "
    return f"{who}{'; '.join(named)}. Nobody was killed."


def list_locks(connection, schema, tables, pymysql):
    """Return who stands on the tables, or None when the account may not see others' locks.

    [{table, connection, user, host, seconds, statement}], the longest first: sessions, other than
    this one, that hold a metadata lock on one of the tables, or have a transaction open. table is
    None where the server does not say which tables a transaction uses; seconds counts from the
    transaction's begin where that is visible; statement is None between two statements; user and
    host are None for a session that the account may not look at.
    """
    for ask in (_metadata_locks, _transactions, _own_statements):
        try:
            locks = ask(connection, schema)
        except pymysql.MySQLError:
            continue
        if locks is None:
            continue
        wanted = set(tables)
        found = [lock for lock in locks if lock["table"] is None or lock["table"] in wanted]
        try:
            begun = dict(rows_of(connection, f"SELECT trx_mysql_thread_id, {AGE} {TRANSACTIONS}"))
        except pymysql.MySQLError:
            begun = {}
        for lock in found:
            lock["seconds"] = max(lock["seconds"], begun.get(lock["connection"], 0))
        return sorted(found, key=lambda lock: (-lock["seconds"], lock["connection"]))
    return None


def describe_lock(lock):
    """Return who an entry of list_locks() is, in words, as far as that is known."""
    who = f" of {lock['user']} from {lock['host']}" if lock["user"] else ""
    where = f" on {lock['table']}" if lock["table"] else ""
    return f"connection {lock['connection']}{who}{where}, for {lock['seconds']} s"


def _lock(table, connection, user, host, seconds, statement):
    return {
        "table": table,
        "connection": int(connection),
        "user": user,
        "host": host and host.partition(":")[0],
        "seconds": int(seconds or 0),
        "statement": statement,
    }


def _metadata_locks(connection, schema):
    """From the performance schema, where it watches metadata locks (MySQL does, MariaDB can)."""
    watched = rows_of(
        connection,
        "SELECT 1 FROM performance_schema.setup_instruments"
        " WHERE NAME = 'wait/lock/metadata/sql/mdl' AND ENABLED = 'YES'",
    )
    if not watched:
        return None
    rows = rows_of(
        connection,
        "SELECT DISTINCT m.OBJECT_NAME, t.PROCESSLIST_ID, t.PROCESSLIST_USER, t.PROCESSLIST_HOST,"
        " t.PROCESSLIST_TIME, t.PROCESSLIST_INFO FROM performance_schema.metadata_locks m"
        " JOIN performance_schema.threads t ON t.THREAD_ID = m.OWNER_THREAD_ID"
        " WHERE m.OBJECT_TYPE = 'TABLE' AND m.OBJECT_SCHEMA = %s AND m.LOCK_STATUS = 'GRANTED'"
        " AND t.PROCESSLIST_ID <> CONNECTION_ID()",
        (schema,),
    )
    return [_lock(*row) for row in rows]


def _transactions(connection, schema):
    """From InnoDB's list of transactions: who, but not which tables. Needs the right PROCESS."""
    # MySQL asks for the right only when it comes to reading the list, which a join without a
    # session in sight does not; "none" would then be a guess.
    rows_of(connection, f"SELECT 1 {TRANSACTIONS} LIMIT 1")
    rows = rows_of(
        connection,
        f"SELECT NULL, p.ID, p.USER, p.HOST, {AGE}, p.INFO {TRANSACTIONS}"
        " JOIN information_schema.PROCESSLIST p ON p.ID = trx_mysql_thread_id"
        " WHERE p.ID <> CONNECTION_ID() AND (p.DB = %s OR p.DB IS NULL)",
        (schema,),
    )
    return [_lock(*row) for row in rows]


def _own_statements(connection, schema):
    """Statements that the account's own sessions are running. Seeing none proves nothing."""
    rows = rows_of(
        connection,
        "SELECT NULL, ID, USER, HOST, TIME, INFO FROM information_schema.PROCESSLIST"
        " WHERE ID <> CONNECTION_ID() AND COMMAND <> 'Sleep' AND DB = %s AND TIME > 0",
        (schema,),
    )
    return [_lock(*row) for row in rows] or None


def list_idle(connection, schema):
    """Return the sessions in the schema that run nothing, as list_locks() does; at least those of
    the account itself, the longest idle first, at most ten."""
    rows = rows_of(
        connection,
        "SELECT NULL, ID, USER, HOST, TIME, NULL FROM information_schema.PROCESSLIST"
        " WHERE ID <> CONNECTION_ID() AND COMMAND = 'Sleep' AND DB = %s"
        " ORDER BY TIME DESC, ID LIMIT 10",
        (schema,),
    )
    return [_lock(*row) for row in rows]
