# SPDX-License-Identifier: GPL-3.0-or-later
"""Definitions of what a schema has in it, compared by digest."""

from __future__ import annotations

import hashlib
import re

from ansible.module_utils.fix_fk.schema.sql import quote_identifier, quote_table, rows_of
from ansible.module_utils.fix_fk.server.flavour import comparable

# What a schema holds besides tables: {kind: query for (name, what SHOW CREATE calls it, its place
# among others of its kind)}.
OBJECTS = {
    "views": "SELECT TABLE_NAME, 'VIEW', '' FROM information_schema.VIEWS WHERE TABLE_SCHEMA = %s",
    "triggers": "SELECT TRIGGER_NAME, 'TRIGGER', ACTION_ORDER FROM information_schema.TRIGGERS"
    " WHERE TRIGGER_SCHEMA = %s",
    "routines": "SELECT ROUTINE_NAME, ROUTINE_TYPE, '' FROM information_schema.ROUTINES"
    " WHERE ROUTINE_SCHEMA = %s",
    "events": "SELECT EVENT_NAME, 'EVENT', '' FROM information_schema.EVENTS"
    " WHERE EVENT_SCHEMA = %s",
}

AUTO = re.compile(r"[^'\"]*? AUTO_INCREMENT=(\d+)")
# When a trigger was made says nothing of what it is.
PASSING = ("created",)
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

    Of a routine the name is "procedure x". A digest is of the whole definition with its sql_mode
    and character sets, and does not depend on the schema's name; it is "" where the account may
    not read the definition.
    """
    found: dict = {}
    for kind, query in OBJECTS.items():
        found[kind] = {}
        for name, what, place in rows_of(connection, query, (schema,)):
            text = _definition(connection, schema, what, name)
            digest = hashlib.sha256(f"{place}\n{text}".encode()).hexdigest() if text else ""
            found[kind][f"{what.lower()} {name}" if kind == "routines" else name] = digest
    return found


def list_objects(connection, schema):
    """Return {trigger, procedure, function, event: names} of those that the account sees."""
    found: dict = {"trigger": [], "procedure": [], "function": [], "event": []}
    for query in (OBJECTS["triggers"], OBJECTS["routines"], OBJECTS["events"]):
        for name, what, _place in rows_of(connection, query, (schema,)):
            # Others, as a package is, have no foresight.
            found.get(what.lower(), []).append(name)
    return {kind: sorted(names) for kind, names in found.items()}


def _definition(connection, schema, kind, name):
    """Return all that SHOW CREATE says, as one text; None where the account may not see it."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"SHOW CREATE {kind} {quote_table(schema, name)}")
            heads = [column[0].lower() for column in cursor.description]
            row = dict(zip(heads, cursor.fetchone()))
    except connection.Error:
        return None
    if row[next(head for head in heads if head.startswith("create"))] is None:
        return None
    said = [str(row[head]) for head in heads if head not in PASSING]
    return in_schema("\n".join(said), schema, None)


def in_schema(definition, source, target):
    """Return a definition with the names that stand in the schema `source` put into `target`.

    target: None leaves them without a schema. It is for a definition that is compared, or that is
    not carried out where it stands: a text in it may be taken for a name.
    """
    if source == target:
        return definition
    marked = [re.escape(mark + source.replace(mark, mark * 2) + mark) for mark in ("`", '"')]
    plain = rf"(?<![\w$`\".@]){re.escape(source)}(?![\w$`\"])"
    place = "" if target is None else f"{quote_identifier(target)}."
    return re.sub(rf"(?:{'|'.join([*marked, plain])})\s*\.\s*", lambda _: place, definition)


def describe_events(connection, schema):
    """Return {event: digest_of() its CREATE statement}, without those that may not be read."""
    found = {}
    for name, what, _place in rows_of(connection, OBJECTS["events"], (schema,)):
        try:
            text = show_create(connection, schema, what, name)
        except connection.Error:
            continue
        if text:
            found[name] = digest_of(text)
    return found


def digest_of(definition):
    """Return a digest that is the same for what SHOW CREATE says and what a dump has of it."""
    bare = re.sub(r"/\*!\d{5,6}|\*/|\s", "", definition)
    return hashlib.sha256(bare.encode("utf-8")).hexdigest()


def describe_sequences(connection, schema):
    """Return {sequence: {definition: digest, next: its next number, step: what it counts by}}."""
    found = {}
    for name, kind in rows_of(
        connection,
        "SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s",
        (schema,),
    ):
        if kind == "SEQUENCE":
            place = quote_table(schema, name)
            text = rows_of(connection, f"SHOW CREATE SEQUENCE {place}")[0][1]
            ((following, step),) = rows_of(
                connection,
                f"SELECT next_not_cached_value, increment FROM {place}",  # noqa: S608
            )
            found[name] = {
                "definition": hashlib.sha256(text.encode("utf-8")).hexdigest(),
                "next": following,
                "step": step,
            }
    return found


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


def describe_structure(connection, schema, tables, ids=None):
    """Return {table: digest of its CREATE TABLE, without the next AUTO_INCREMENT}.

    ids: filled with {table: its next AUTO_INCREMENT} of those that say one. The connection must
    have the schema selected, or constraints would be shown with it.
    """
    structure = {}
    for table in tables:
        text = rows_of(connection, f"SHOW CREATE TABLE {quote_table(schema, table)}")[0][1]
        columns, _, options = comparable(text).rpartition("\n)")
        # What follows in quotes is a comment.
        said = AUTO.match(options)
        if said and ids is not None:
            ids[table] = int(said.group(1))
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
