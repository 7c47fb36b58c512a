# SPDX-License-Identifier: GPL-3.0-or-later
"""Definitions of what a schema has in it, compared by digest."""

from __future__ import annotations

import hashlib

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


def describe_objects(connection, schema):
    """Return {kind: {name: digest}} of views, triggers, routines and events that the account sees.

    A digest is "" where the account may not read the definition.
    """
    return {
        kind: {name: digest or "" for name, digest in rows_of(connection, query, (schema,))}
        for kind, query in OBJECTS.items()
    }


def list_objects(connection, schema):
    """Return {trigger, procedure, function, event: names} of those that the account sees."""
    found: dict = {"trigger": [], "procedure": [], "function": [], "event": []}
    for kind, name in rows_of(
        connection,
        "SELECT 'trigger', TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = %s"
        " UNION ALL SELECT LOWER(ROUTINE_TYPE), ROUTINE_NAME FROM information_schema.ROUTINES"
        " WHERE ROUTINE_SCHEMA = %s AND ROUTINE_TYPE IN ('PROCEDURE', 'FUNCTION')"
        " UNION ALL SELECT 'event', EVENT_NAME FROM information_schema.EVENTS"
        " WHERE EVENT_SCHEMA = %s",
        (schema, schema, schema),
    ):
        found[kind].append(name)
    return {kind: sorted(names) for kind, names in found.items()}


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
