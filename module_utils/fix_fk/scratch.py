# SPDX-License-Identifier: GPL-3.0-or-later
"""Schemas that this project makes beside an application's own, for a time: their names, who may
make them, and the definitions that they are made from."""

from __future__ import annotations

from ansible.module_utils.fix_fk.foreign_keys import rows_of
from ansible.module_utils.fix_fk.server import describe_account
from ansible.module_utils.fix_fk.sql import quote_identifier, quote_table

NAME_LENGTH = 64


def scratch_name(schema, suffix):
    """Return the name of a scratch schema, at most 64 characters long."""
    return schema[: NAME_LENGTH - len(suffix)] + suffix


def clone_name(schema):
    """Return the name of the schema in which a rehearsal takes place."""
    return scratch_name(schema, "__fix_fk_rehearsal")


def describe_rehearsal(connection, schema, pymysql):
    """Return {schema, lacking: [{account, rights}]}: may this account make and use a clone?"""
    clone = clone_name(schema)
    account = describe_account(connection, clone, pymysql)
    missing = account["missing_rights"]
    return {
        "schema": clone,
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


def show_create(connection, schema, kind, name):
    """Return the CREATE statement of a TABLE, VIEW, TRIGGER, EVENT, FUNCTION or PROCEDURE.

    None where the account may not see it. Names of the selected schema come without it.
    """
    row = rows_of(connection, f"SHOW CREATE {kind} {quote_table(schema, name)}")[0]
    # TRIGGER, PROCEDURE and FUNCTION have their sql_mode before it, EVENT that and its time zone.
    return row[{"TABLE": 1, "VIEW": 1, "EVENT": 3}.get(kind, 2)]
