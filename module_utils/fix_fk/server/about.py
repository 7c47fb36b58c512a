# SPDX-License-Identifier: GPL-3.0-or-later
"""What kind of server this is, and what the account may see and do."""

from __future__ import annotations

import hashlib

from ansible.module_utils.fix_fk.schema.sql import rows_of
from ansible.module_utils.fix_fk.server.flavour import (
    flavour_of,
    name_scope,
    replica_question,
    version_number,
)

# What a repair needs.
RIGHTS_NEEDED = (
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "CREATE",
    "DROP",
    "ALTER",
    "INDEX",
    "REFERENCES",
    "LOCK TABLES",
)

# The server shows constraints to an account with any right on the table other than SELECT, and
# their columns to one with a right on the columns.
TABLE_RIGHTS = frozenset(
    (
        "INSERT",
        "UPDATE",
        "DELETE",
        "CREATE",
        "DROP",
        "ALTER",
        "INDEX",
        "REFERENCES",
        "CREATE VIEW",
        "SHOW VIEW",
        "TRIGGER",
    )
)
COLUMN_RIGHTS = frozenset(("SELECT", "INSERT", "UPDATE", "REFERENCES"))

GRANT_TABLES_SKIPPED = 1290


OFF = (None, "", "OFF", "0")


def describe_server(connection, pymysql):
    """Return the facts about the server: see RETURN of fk_constraint_info, schema.server.

    replica is None when the account may not ask. id is the same for every address of one server.
    """
    version = rows_of(connection, "SELECT VERSION()")[0][0]
    variables = dict(
        rows_of(
            connection,
            "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('hostname', 'port', 'datadir',"
            " 'socket', 'server_uuid', 'server_uid', 'read_only', 'super_read_only',"
            " 'innodb_read_only', 'transaction_read_only', 'tx_read_only', 'wsrep_on',"
            " 'lower_case_table_names', 'version_comment')",
        )
    )
    about = version + variables.get("version_comment", "")
    flavour = flavour_of(about)
    number = version_number(version)
    if variables.get("server_uuid"):
        identity = variables["server_uuid"]
    else:
        known = "\0".join(
            variables.get(name, "") for name in ("hostname", "port", "datadir", "socket")
        )
        identity = hashlib.sha256(known.encode("utf-8")).hexdigest()[:32]
    return {
        "flavour": flavour,
        "version": version,
        "version_number": number,
        "name_scope": name_scope(flavour, number),
        "read_only": any(
            variables.get(name) not in OFF
            for name in (
                "read_only",
                "super_read_only",
                "innodb_read_only",
                "transaction_read_only",
                "tx_read_only",
            )
        ),
        "replica": _is_replica(connection, flavour, number, pymysql),
        "galera": variables.get("wsrep_on") not in OFF,
        "id": identity,
        "lower_case_table_names": int(variables.get("lower_case_table_names", 0)),
    }


def _is_replica(connection, flavour, number, pymysql):
    """Whether the server copies from another one; None when the account may not know."""
    try:
        return bool(rows_of(connection, replica_question(flavour, number)))
    except pymysql.MySQLError:
        running = rows_of(connection, "SHOW GLOBAL STATUS LIKE 'Slaves_running'")
        return True if running and running[0][1] not in OFF else None


def describe_account(connection, schema, pymysql):
    """Return {name, sees_all, reason, missing_rights, sets} of the account for one schema."""
    name = rows_of(connection, "SELECT CURRENT_USER()")[0][0]
    try:
        grants = [row[0] for row in rows_of(connection, "SHOW GRANTS")]
    except pymysql.MySQLError as error:
        if error.args[0] != GRANT_TABLES_SKIPPED:
            raise
        rights, tables = set(TABLE_RIGHTS | set(RIGHTS_NEEDED)), False
        sets = {"session": True, "global": True}
    else:
        # Only MySQL 8 and newer has the variable; there an active role's rights are the account's.
        literal = rows_of(connection, "SHOW GLOBAL VARIABLES LIKE 'partial_revokes'")
        merged = bool(literal) and rows_of(connection, "SELECT CURRENT_ROLE()")[0][0] != "NONE"
        wildcards = not literal or literal[0][1] in OFF
        rights, tables = rights_on(grants, schema, wildcards, merged)
        sets = settable(grants)
    sees_all = bool(rights & TABLE_RIGHTS) and bool(rights & COLUMN_RIGHTS)
    held = ", ".join(sorted(rights))
    if sees_all:
        reason = f"{name} holds {held} on the whole schema"
    elif rights:
        reason = (
            f"{name} holds only {held} on the whole schema; the server hides foreign keys from "
            "such an account"
        )
    elif tables:
        reason = f"{name} holds rights on single tables only; what is on the others stays hidden"
    else:
        reason = f"{name} holds no right on the schema"
    return {
        "name": name,
        "sees_all": sees_all,
        "reason": reason,
        "missing_rights": [right for right in RIGHTS_NEEDED if right not in rights],
        "sets": sets,
    }


def settable(grants):
    """Return {session, global}: whether the account may set those variables of its session that
    take a right, and those of the server. grants: the lines of SHOW GRANTS."""
    held = set()
    for grant in grants:
        verb, _, rest = grant.partition(" ")
        listed, _, rest = rest.partition(" ON ")
        if verb == "GRANT" and rest.startswith("*.* "):
            held |= {right.strip() for right in listed.split(",")}
    everything = bool(held & {"SUPER", "ALL", "ALL PRIVILEGES", "SYSTEM_VARIABLES_ADMIN"})
    # MariaDB asks for another right for each group of variables.
    some = any(right.endswith(" ADMIN") for right in held)
    return {
        "session": everything or some or "SESSION_VARIABLES_ADMIN" in held,
        "global": everything or some,
    }


def rights_on(grants, schema, wildcards=True, merged=False):
    """Return (rights held on the whole schema, whether there are rights on single tables in it).

    grants: the lines of SHOW GRANTS, which cover the account and its active roles. wildcards:
    whether _ and % in a schema's name stand for other characters (not with partial_revokes).
    merged: whether all patterns that fit count (MySQL with an active role), and not just the most
    exact one of each grantee.
    """
    everywhere: set = set()
    revoked: set = set()
    fitting: dict = {}
    single = False
    for grant in grants:
        verb, _, rest = grant.partition(" ")
        listed, _, rest = rest.partition(" ON ")
        rights = _expand(listed)
        if verb == "GRANT" and rest.startswith("*.* "):
            everywhere |= rights
        if verb not in ("GRANT", "REVOKE") or not rest.startswith("`"):
            continue
        pattern, rest = _unquote(rest)
        if not rest.startswith(".* "):
            single = single or pattern == schema
        elif verb == "REVOKE":
            revoked |= rights if pattern == schema else set()
        elif pattern == schema or (wildcards and matches(pattern, schema)):
            grantee = None if merged else rest.partition(" TO ")[2].partition(" WITH ")[0]
            fitting.setdefault(grantee, {})[pattern] = rights
    held = everywhere
    for patterns in fitting.values():
        if merged and not (schema in patterns and exactness(schema) > len(schema)):
            held = held.union(*patterns.values())
        else:
            best = max(patterns, key=exactness if wildcards else len)
            held |= patterns[best]
    return held - revoked, single


def exactness(pattern):
    """Return how many characters of a LIKE pattern stand before its first wildcard, and one more
    when it has none."""
    length, escaped = 0, False
    for letter in pattern:
        if letter in "_%" and not escaped:
            return length
        escaped = letter == "\\" and not escaped
        length += not escaped
    return length + 1


def _expand(listed):
    """Return the rights of "SELECT, LOCK TABLES" as a set, ALL PRIVILEGES as what it stands for."""
    rights = {right.strip() for right in listed.split(",")} - {"USAGE"}
    if "ALL PRIVILEGES" in rights or "ALL" in rights:
        return set(TABLE_RIGHTS | set(RIGHTS_NEEDED))
    return rights


def _unquote(text):
    """Return (name, what follows) of text that begins with a name in backticks."""
    end = 1
    while True:
        end = text.index("`", end)
        if text[end + 1 : end + 2] != "`":
            return text[1:end].replace("``", "`"), text[end + 1 :]
        end += 2


def matches(pattern, name):
    """Whether a schema name fits a LIKE pattern, in which a backslash escapes."""
    if not pattern:
        return not name
    mark = pattern[0]
    if mark == "%":
        return any(matches(pattern[1:], name[start:]) for start in range(len(name) + 1))
    if mark == "\\" and len(pattern) > 1:
        pattern, mark = pattern[1:], pattern[1]
    elif mark == "_":
        return bool(name) and matches(pattern[1:], name[1:])
    return name[:1] == mark and matches(pattern[1:], name[1:])
