# SPDX-License-Identifier: GPL-3.0-or-later
"""Definitions of what a schema has in it, compared by digest."""

from __future__ import annotations

import hashlib
import re

from ansible.module_utils.fix_fk.schema.sql import quote_table, rows_of
from ansible.module_utils.fix_fk.server.flavour import comparable

# What a schema holds besides tables: {kind: query for (name, digest of its definition)}.
OBJECTS = {
    "views": "SELECT TABLE_NAME, SHA2(CONCAT_WS('\n', VIEW_DEFINITION, DEFINER, SECURITY_TYPE,"
    " CHECK_OPTION), 256) FROM information_schema.VIEWS WHERE TABLE_SCHEMA = %s",
    "triggers": "SELECT TRIGGER_NAME, SHA2(CONCAT_WS('\n', EVENT_OBJECT_TABLE, ACTION_TIMING,"
    " EVENT_MANIPULATION, ACTION_ORDER, ACTION_STATEMENT, SQL_MODE, DEFINER), 256)"
    " FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = %s",
    "routines": "SELECT CONCAT(LOWER(ROUTINE_TYPE), ' ', ROUTINE_NAME), SHA2(CONCAT_WS('\n',"
    " DTD_IDENTIFIER, ROUTINE_DEFINITION, SQL_MODE, DEFINER, SECURITY_TYPE), 256)"
    " FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = %s",
    "events": "SELECT EVENT_NAME, SHA2(CONCAT_WS('\n', EVENT_DEFINITION, EVENT_TYPE, EXECUTE_AT,"
    " INTERVAL_VALUE, INTERVAL_FIELD, STATUS, DEFINER, TIME_ZONE), 256)"
    " FROM information_schema.EVENTS WHERE EVENT_SCHEMA = %s",
}

# What may name a table: {kind: query for (name, its text, the table that it belongs to)}.
USERS = {
    "the view": "SELECT TABLE_NAME, VIEW_DEFINITION, NULL FROM information_schema.VIEWS"
    " WHERE TABLE_SCHEMA = %s",
    "the trigger": "SELECT TRIGGER_NAME, ACTION_STATEMENT, EVENT_OBJECT_TABLE"
    " FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = %s",
    "the routine": "SELECT ROUTINE_NAME, ROUTINE_DEFINITION, NULL"
    " FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = %s",
    "the event": "SELECT EVENT_NAME, EVENT_DEFINITION, NULL FROM information_schema.EVENTS"
    " WHERE EVENT_SCHEMA = %s",
}


def describe_objects(connection, schema):
    """Return {kind: {name: digest}} of views, triggers, routines and events that the account sees.

    A digest is "" where the account may not read the definition.
    """
    return {
        kind: {name: digest or "" for name, digest in rows_of(connection, query, (schema,))}
        for kind, query in OBJECTS.items()
    }


def users_of(connection, schema, table):
    """Return ["the view x", ...] of all whose text names a table, or may not be read: in doubt it
    does. A trigger of that table goes with it."""
    return [
        f"{kind} {name}" + ("" if text else ", whose text this account may not read")
        for kind, query in USERS.items()
        for name, text, owner in rows_of(connection, query, (schema,))
        if (not text or _names(text, table)) and (owner or "").lower() != table.lower()
    ]


def _names(text, table):
    """Tell whether SQL has the name of a table as a word."""
    pattern = rf"(?<![\w$]){re.escape(table.replace('`', '``'))}(?![\w$])"
    return bool(re.search(pattern, text, re.IGNORECASE))


def describe_structure(connection, schema, tables):
    """Return {table: digest of its CREATE TABLE, without the next AUTO_INCREMENT}.

    The connection must have the schema selected, or constraints would be shown with it.
    """
    structure = {}
    for table in tables:
        text = rows_of(connection, f"SHOW CREATE TABLE {quote_table(schema, table)}")[0][1]
        columns, _, options = comparable(text).rpartition("\n)")
        words = [word for word in options.split(" ") if not word.startswith("AUTO_INCREMENT=")]
        plain = columns + " ".join(words)
        structure[table] = hashlib.sha256(plain.encode("utf-8")).hexdigest()
    return structure


def tables_and_sequences(connection, schema):
    """Return the names of all that is not a view: what can be moved to another schema."""
    return sorted(
        name
        for name, kind in rows_of(
            connection,
            "SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s",
            (schema,),
        )
        if kind != "VIEW"
    )


def show_create(connection, schema, kind, name):
    """Return the CREATE statement of a TABLE, VIEW, TRIGGER, EVENT, FUNCTION or PROCEDURE.

    None where the account may not see it. Names of the selected schema come without it.
    """
    row = rows_of(connection, f"SHOW CREATE {kind} {quote_table(schema, name)}")[0]
    # TRIGGER, PROCEDURE and FUNCTION have their sql_mode before it, EVENT that and its time zone.
    return row[{"TABLE": 1, "VIEW": 1, "EVENT": 3}.get(kind, 2)]
