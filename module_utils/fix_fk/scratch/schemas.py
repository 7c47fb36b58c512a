# SPDX-License-Identifier: GPL-3.0-or-later
"""Schemas that this project makes beside an application's own, for a time: their names, who may
make them, and the definitions that they are made from."""

from __future__ import annotations

import hashlib
import re

from ansible.module_utils.fix_fk.schema.sql import quote_identifier, rows_of
from ansible.module_utils.fix_fk.server.about import describe_account

NAME_LENGTH = 64
MARK = "__fix_fk"
# Letters that are kept free behind MARK: "_", eight and "_old" for a restore, "_", four, "_" and
# seven for a clone.
TAIL = 13
# What the names of clones have in them, and no application's schema.
CLONE = re.compile(r"__fix_fk_[0-9a-f]{4}_.")


def scratch_name(schema, tail):
    """Return the name of a scratch schema; tail: at most TAIL letters if it must not be cut."""
    return _begin(schema) + tail


def scratch_pattern(schema):
    """Return what a GRANT has to name, unquoted, to cover all scratch schemas of a schema."""
    return _begin(schema).replace("_", "\\_").replace("%", "\\%") + "%"


def _begin(schema):
    return schema[: NAME_LENGTH - len(MARK) - TAIL] + MARK


def clone_prefix(schema, server):
    """Return what the names of a schema's clones begin with, those of every run.

    server: what describe_server() returns of the live one. Another schema has another prefix, also
    when both names are cut to the same letters, and so has one of that name on another server,
    whose clones may be on the same server for rehearsals.
    """
    known = schema.lower() if server["lower_case_table_names"] else schema
    digest = hashlib.sha256(f"{server['id']}/{known}".encode()).hexdigest()
    return f"{_begin(known)}_{digest[:4]}_"


def clone_name(schema, server, run):
    """Return the name of the schema in which a run (its id, or None) rehearses."""
    run = run or "rehearsal"
    prefix = clone_prefix(schema, server)
    if len(prefix) + len(run) <= NAME_LENGTH:
        return prefix + run
    return prefix + hashlib.sha256(run.encode("utf-8")).hexdigest()[:7]


def drop_left_clones(connection, schema, server, own):
    """Drop the clones that killed runs left, and return the statements; own: this run's.

    Only for who has the schema's lock: then no other run is alive.
    """
    prefix = clone_prefix(schema, server)
    names = [name for (name,) in rows_of(connection, "SHOW DATABASES")]
    left = [name for name in names if name.startswith(prefix) and name != own]
    return [drop_schema(connection, name) for name in left]


def describe_rehearsal(connection, schema, server, run, pymysql):
    """Return {schema, pattern, lacking: [{account, rights}]}: may this account make a clone?

    pattern: what a GRANT has to name, unquoted.
    """
    clone = clone_name(schema, server, run)
    account = describe_account(connection, clone, pymysql)
    missing = account["missing_rights"]
    return {
        "schema": clone,
        "pattern": scratch_pattern(schema),
        "lacking": [{"account": account["name"], "rights": missing}] if missing else [],
    }


def drop_schema(connection, name):
    """Drop a scratch schema; return the statement, or None where there was none."""
    known = "SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s"
    if not rows_of(connection, known, (name,)):
        return None
    statement = f"DROP DATABASE IF EXISTS {quote_identifier(name)}"
    rows_of(connection, statement)
    return statement
