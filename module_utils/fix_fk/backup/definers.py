# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose views, triggers, routines and events these are, and whether this account may create them.

definers = list_definers(connection, schema)            # {"view v": "root@localhost"}
refused = refused_definers(connection, definers, pymysql)   # {"root@localhost": "SET USER"}
describe_refused(definers, refused)                     # "view v is of root@localhost"
"""

from __future__ import annotations

import re

from ansible.module_utils.fix_fk.schema.sql import rows_of

# Two columns of one name: a server that lets the definer pass refuses it for that, and makes none.
IMPOSSIBLE = "CREATE DEFINER = {} VIEW fix_fk_definer AS SELECT 1 AS a, 1 AS a"
RIGHT_MISSING, TABLE_RIGHT_MISSING = 1227, 1142
WANTED = re.compile(r"need \(at least one of\) the (.+) privilege")
# What lets an account create in the name of another, by server and version.
RIGHTS = ("SUPER", "SET USER", "SET_USER_ID", "SET_ANY_DEFINER", "ALL PRIVILEGES")

DEFINERS = (
    "SELECT 'view', TABLE_NAME, DEFINER FROM information_schema.VIEWS WHERE TABLE_SCHEMA = %s",
    "SELECT 'trigger', TRIGGER_NAME, DEFINER FROM information_schema.TRIGGERS"
    " WHERE TRIGGER_SCHEMA = %s",
    "SELECT LOWER(ROUTINE_TYPE), ROUTINE_NAME, DEFINER FROM information_schema.ROUTINES"
    " WHERE ROUTINE_SCHEMA = %s",
    "SELECT 'event', EVENT_NAME, DEFINER FROM information_schema.EVENTS WHERE EVENT_SCHEMA = %s",
)


def list_definers(connection, schema):
    """Return {"kind name": "user@host"} of what the account sees in a schema."""
    return {
        f"{kind} {name}": definer
        for query in DEFINERS
        for kind, name, definer in rows_of(connection, query, (schema,))
    }


def refused_definers(connection, definers, pymysql):
    """Return {"user@host": right it takes} of the definers in whose name the account may not act.

    The server is asked, as it knows accounts that are gone and those that only a system account
    may name. Nothing is made. A schema must be selected.
    """
    refused = {}
    own = rows_of(connection, "SELECT CURRENT_USER()")[0][0]
    for definer in sorted(set(definers.values()) - {own}):
        user, at, host = definer.rpartition("@")
        name = "@".join(_quote(part) for part in ((user, host) if at else (host,)))
        try:
            with connection.cursor() as cursor:
                cursor.execute(IMPOSSIBLE.format(name))
        except pymysql.MySQLError as error:
            if error.args[0] == RIGHT_MISSING:
                refused[definer] = _right(str(error.args[-1]))
            elif error.args[0] == TABLE_RIGHT_MISSING and not _may_name_others(connection):
                refused[definer] = RIGHTS[1]
    return refused


def _quote(name):
    # Of a role the host is empty, which no other name may be.
    return "`" + name.replace("`", "``") + "`"


def _right(message):
    """Return the smallest right that a refusal names: SUPER is the largest."""
    found = WANTED.search(message)
    rights = re.split(r" or |, ", found.group(1)) if found else ["SUPER"]
    return next((right for right in rights if right != "SUPER"), rights[0])


def _may_name_others(connection):
    """What SHOW GRANTS says, for an account that may not create a view."""
    grants = [grant for (grant,) in rows_of(connection, "SHOW GRANTS")]
    return any(right in grant for grant in grants if " ON *.* " in grant for right in RIGHTS)


def describe_refused(definers, refused):
    """Return "view v and trigger t are of root@localhost" for each definer that is refused."""
    listed = []
    for definer in refused:
        objects = sorted(what for what, whose in definers.items() if whose == definer)
        listed.append(f"{', '.join(objects)} {'is' if len(objects) == 1 else 'are'} of {definer}")
    return "; ".join(listed)


def grant(account, refused):
    """Return the GRANT that lets an account, "user@host", act in the name of these."""
    user, _, host = account.rpartition("@")
    quoted = "@".join(
        "'" + part.replace("\\", "\\\\").replace("'", "\\'") + "'" for part in (user, host)
    )
    return f"GRANT {', '.join(sorted(set(refused.values())))} ON *.* TO {quoted}"
