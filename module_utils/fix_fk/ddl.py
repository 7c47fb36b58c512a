# SPDX-License-Identifier: GPL-3.0-or-later
"""Changing tables that others use: bounded waiting, the blocker named, nobody killed."""

from __future__ import annotations

import time

from ansible.module_utils.fix_fk.server import describe_lock, list_idle, list_locks

LOCK_SPEC = {
    "lock_wait_timeout": {"type": "int", "default": 5},
    "retries": {"type": "int", "default": 3},
    "retry_delay": {"type": "int", "default": 2},
}

# Lock wait timeout and deadlock: the statement did nothing and may be sent again.
WAITED = (1205, 1213)


def waits_of(module):
    """Return (retries, retry_delay) or end the module: negative ones make no sense."""
    params = module.params
    if params["lock_wait_timeout"] < 1 or params["retries"] < 0 or params["retry_delay"] < 0:
        module.fail_json(
            msg="lock_wait_timeout must be at least 1 (seconds), retries and retry_delay at least "
            f"0; given are {params['lock_wait_timeout']}, {params['retries']} and "
            f"{params['retry_delay']}. Nothing was changed."
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
