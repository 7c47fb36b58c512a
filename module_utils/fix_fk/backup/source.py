# SPDX-License-Identifier: GPL-3.0-or-later
"""What there is to back up, and what of it a dump can hold."""

from __future__ import annotations

import contextlib

from ansible.module_utils.fix_fk.backup.definers import (
    describe_refused,
    grant,
    list_definers,
    refused_definers,
)
from ansible.module_utils.fix_fk.schema.contents import (
    list_versioned,
)
from ansible.module_utils.fix_fk.schema.objects import (
    describe_events,
    describe_objects,
    describe_sequences,
    describe_structure,
)
from ansible.module_utils.fix_fk.schema.sql import quote_identifier, quote_table, rows_of
from ansible.module_utils.fix_fk.schema.tables import list_tables
from ansible.module_utils.fix_fk.server.about import describe_server, rights_on
from ansible.module_utils.fix_fk.server.flavour import dumps_history, version_number


def read_schema(connection, name, pymysql):
    """Return what is to be in the dump and what cannot be.

    {name, flavour, server_version, encrypted, charset, collation, max_allowed_packet, tables:
    [names], data_bytes, index_bytes, objects, structure, ids, sequences, event_texts,
    views_as_text: {view: its SQL or None}, routines_as_text: {"procedure x": its SQL or None},
    routine_modes: {"procedure x": its sql_mode}, events: bool, warnings: [sentences], losses:
    {kind: that of them that says what will not come back as it is}}
    """
    server = describe_server(connection, pymysql)
    charset, collation = rows_of(
        connection,
        "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME"
        " FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s",
        (name,),
    )[0]
    data_bytes = rows_of(
        connection,
        "SELECT COALESCE(SUM(DATA_LENGTH), 0), COALESCE(SUM(INDEX_LENGTH), 0)"
        " FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s",
        (name,),
    )[0]
    tables, views = list_tables(connection, name)
    ids: dict = {}
    structure = describe_structure(connection, name, sorted(tables), ids)
    unreadable = unreadable_views(connection, name, views, pymysql)
    routines, modes = unreadable_routines(connection, name, pymysql)
    events = answers(connection, f"SHOW EVENTS FROM {quote_identifier(name)}", pymysql)
    warnings = limits(connection, name, tables, pymysql)
    losses = approximate(connection, name, pymysql)
    if unreadable:
        losses["views"] = (
            "Views that cannot be read, kept as text in the manifest, which come back when what "
            f"they read is there: {', '.join(sorted(unreadable))}."
        )
    if routines:
        hidden = [routine for routine, text in routines.items() if text is None]
        losses["routines"] = (
            "No routine is in the dump, as the account may not read the definition of "
            f"{', '.join(hidden)}; the others are kept as text in the manifest."
        )
    if not events:
        losses["events"] = "No event is in the dump, as the account lacks the right EVENT."
    definers = list_definers(connection, name)
    refused = refused_definers(connection, definers, pymysql)
    if refused:
        account = rows_of(connection, "SELECT CURRENT_USER()")[0][0]
        warnings.append(
            f"{account} cannot put this backup back, as it may not create what belongs to others: "
            f"{describe_refused(definers, refused)}. It takes: {grant(account, refused)}."
        )
    return {
        "name": name,
        "flavour": server["flavour"],
        "server_version": server["version"],
        "encrypted": bool(rows_of(connection, "SHOW SESSION STATUS LIKE 'Ssl_cipher'")[0][1]),
        "charset": charset,
        "collation": collation,
        "max_allowed_packet": rows_of(connection, "SELECT @@max_allowed_packet")[0][0],
        "tables": sorted(tables),
        "data_bytes": int(data_bytes[0]),
        "index_bytes": int(data_bytes[1]),
        "objects": describe_objects(connection, name),
        "structure": structure,
        "ids": ids,
        "sequences": describe_sequences(connection, name),
        "event_texts": describe_events(connection, name),
        "views_as_text": unreadable,
        "routines_as_text": routines,
        "routine_modes": modes,
        "events": events,
        "warnings": [*warnings, *losses.values()],
        "losses": losses,
    }


def take_history(connection, schema, client):
    """Set schema["history"] to {table: its period} of what has a past that the dump can hold."""
    versioned = list_versioned(connection, schema["name"])
    number = version_number(schema["server_version"])
    known = dumps_history(schema["flavour"], number, client.options)
    counted = sorted(table for table, period in versioned.items() if period is None)
    schema["history"] = versioned if known and not counted else {}
    if versioned and not schema["history"]:
        why = (
            f"{', '.join(counted)} counts transactions"
            if counted
            else "that takes MariaDB 10.11 and a dump program with the option --dump-history"
        )
        schema["warnings"].append(
            "Of these system-versioned tables only the present rows are in the dump, not their "
            f"history: {', '.join(versioned)} ({why}). It cannot be put back from it."
        )


def approximate(connection, schema, pymysql):
    """Return {"floats": sentence} on FLOAT values with more digits than a dump has, or {}."""
    lost = []
    for table, column in rows_of(
        connection,
        "SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS JOIN"
        " information_schema.TABLES USING (TABLE_SCHEMA, TABLE_NAME) WHERE TABLE_SCHEMA = %s"
        " AND DATA_TYPE = 'float' AND TABLE_TYPE <> 'VIEW' ORDER BY TABLE_NAME, ORDINAL_POSITION",
        (schema,),
    ):
        place, value = quote_table(schema, table), quote_identifier(column)
        query = (
            f"SELECT COUNT(*) FROM {place} WHERE {value} <> CAST(CAST({value} AS CHAR) AS FLOAT)"  # noqa: S608
        )
        try:
            count = rows_of(connection, query, None)[0][0]
        except pymysql.MySQLError:
            # An older server knows no such CAST.
            count = "some"
        if count:
            lost.append(f"{table}.{column} ({count} rows)")
    if not lost:
        return {}
    return {
        "floats": "FLOAT values with more than the six digits that a dump has of them, which come "
        f"back rounded to these: {', '.join(lost)}."
    }


def limits(connection, schema, tables, pymysql):
    """Return sentences on what a dump of these tables by this account does not cover."""
    warnings = []
    others = sorted(table for table, about in tables.items() if about["engine"] != "InnoDB")
    if others:
        warnings.append(
            "Not part of the consistent snapshot, as their engine is not InnoDB: "
            f"{', '.join(others)}. They are in the dump as they were when it came to them."
        )
    try:
        grants = [grant for (grant,) in rows_of(connection, "SHOW GRANTS")]
    except pymysql.MySQLError:
        # A server without accounts (skip-grant-tables) hides nothing.
        return warnings
    rights, single = rights_on(grants, schema)
    if single and not rights:
        warnings.append(
            "The account holds rights on single tables only; tables it has no right on are not in "
            "the dump."
        )
    if "TRIGGER" not in rights:
        warnings.append(
            "The account lacks the right TRIGGER on the schema, so triggers that it cannot see are "
            "not in the dump."
        )
    return warnings


def answers(connection, query, pymysql):
    """Whether the server answers the query to this account."""
    try:
        rows_of(connection, query, None)
    except pymysql.MySQLError:
        return False
    return True


def unreadable_views(connection, schema, views, pymysql):
    """Return {view: CREATE VIEW or None} of those that the dump client would die on."""
    unreadable = {}
    for name in views:
        quoted = quote_table(schema, name)
        text = None
        try:
            # In this order: a view on a table that is gone still has a text, and no columns.
            text = rows_of(connection, f"SHOW CREATE VIEW {quoted}", None)[0][1]
            rows_of(connection, f"SHOW FIELDS FROM {quoted}", None)
        except pymysql.MySQLError:
            unreadable[name] = text
    return unreadable


def unreadable_routines(connection, schema, pymysql):
    """Return ({"procedure x": its SQL or None}, {"procedure x": its sql_mode}) of all routines, or
    ({}, {}) when the account may read every one it sees.

    The dump client dies on one that it may not read, and can only leave out all.
    """
    texts: dict = {}
    modes = {}
    for kind, name in rows_of(
        connection,
        "SELECT ROUTINE_TYPE, ROUTINE_NAME FROM information_schema.ROUTINES"
        " WHERE ROUTINE_SCHEMA = %s ORDER BY ROUTINE_NAME, ROUTINE_TYPE",
        (schema,),
    ):
        what = f"{kind.lower()} {name}"
        texts[what] = None
        with contextlib.suppress(pymysql.MySQLError):
            _, modes[what], texts[what] = rows_of(
                connection, f"SHOW CREATE {kind} {quote_table(schema, name)}", None
            )[0][:3]
    return (texts, modes) if None in texts.values() else ({}, {})
