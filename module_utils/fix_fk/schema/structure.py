# SPDX-License-Identifier: GPL-3.0-or-later
"""Every column, index and foreign key of a schema, each table's as one text.

Two texts of one table are equal exactly when nothing of this differs. Comments and AUTO_INCREMENT
values are not part of it.
"""

from __future__ import annotations

import json

from ansible.module_utils.fix_fk.schema.foreign_keys import list_foreign_keys
from ansible.module_utils.fix_fk.schema.sql import rows_of


def read_structure(connection, schema):
    """Return {table: JSON text of {columns, indexes, keys}} of all base tables.

    columns: [[name, type, nullable, default, extra, collation, expression]] in order.
    indexes: [[name, unique, kind, [parts]]] by name. keys: [[name, [columns], referenced schema
    (null: this one), referenced table, [referenced columns], on_update, on_delete]] by name. Each
    list of the server is asked for once, whatever the number of tables. Raises pymysql.MySQLError.
    """
    found = {
        table: ""
        for (table,) in rows_of(
            connection,
            "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s"
            " AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')",
            (schema,),
        )
    }
    # One list after the other is made text, so that of many tables no more is held than that.
    for part, read in (("columns", _columns), ("indexes", _indexes), ("keys", _keys)):
        listed = read(connection, schema)
        for table in found:
            # A default may be bytes.
            text = json.dumps(listed.pop(table, []), ensure_ascii=False, default=repr)
            found[table] += f'{", " if found[table] else ""}"{part}": {text}'
    return {table: f"{{{text}}}" for table, text in found.items()}


def _columns(connection, schema):
    """Return {table: columns}."""
    found: dict = {}
    for table, _position, *column in sorted(
        rows_of(
            connection,
            "SELECT TABLE_NAME, ORDINAL_POSITION, COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE,"
            " COLUMN_DEFAULT, EXTRA, COLLATION_NAME, GENERATION_EXPRESSION"
            " FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s",
            (schema,),
        ),
        key=lambda row: row[:2],
    ):
        found.setdefault(table, []).append(column)
    return found


def _indexes(connection, schema):
    """Return {table: indexes}."""
    found: dict = {}
    known: dict = {}
    for table, name, _position, column, length, repeated, kind, order in sorted(
        rows_of(
            connection,
            "SELECT TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX, COLUMN_NAME, SUB_PART, NON_UNIQUE,"
            " INDEX_TYPE, COLLATION FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = %s",
            (schema,),
        ),
        key=lambda row: row[:3],
    ):
        if (table, name) not in known:
            known[table, name] = [name, not repeated, kind, []]
            found.setdefault(table, []).append(known[table, name])
        # A part that is an expression has no column.
        part = (column or "") + (f"({length})" if length else "")
        known[table, name][3].append(f"{part} DESC" if order == "D" else part)
    return found


def _keys(connection, schema):
    """Return {table: foreign keys}."""
    found: dict = {}
    for key in list_foreign_keys(connection, schema):
        elsewhere = None if key.referenced_schema == schema else key.referenced_schema
        about = [key.name, key.columns, elsewhere, key.referenced_table, key.referenced_columns]
        about += [key.on_update, key.on_delete]
        found.setdefault(key.table, []).append(about)
    return found
