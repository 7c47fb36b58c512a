# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: S608 - identifiers are quoted by quote_identifier(), values are bound
"""The tables of a schema and what the server tells of each."""

from __future__ import annotations

import contextlib

from ansible.module_utils.fix_fk.schema.ids import read_ids
from ansible.module_utils.fix_fk.schema.objects import users_of
from ansible.module_utils.fix_fk.schema.sql import (
    NAMED,
    quote_identifier,
    quote_table,
    rows_about,
    rows_of,
)
from ansible.module_utils.fix_fk.server.flavour import limited

NO_SUCH_TABLE = 1146

NUMBERS = ("tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "float", "double", "bit")
TEXTS = ("char", "varchar", "tinytext", "text", "mediumtext", "longtext", "binary", "varbinary")

# How many tables one query asks for a row. More saves little, and a table that cannot be read
# makes its whole batch be asked again one by one.
EXISTS_BATCH = 100
# So many values of what was counted are returned.
LISTED = 1000


def list_tables(connection, schema):
    """Return (tables, views): {table: {engine, partitioned}} of base tables, names of views."""
    tables, views = {}, []
    for name, kind, engine, options in rows_of(
        connection,
        "SELECT TABLE_NAME, TABLE_TYPE, ENGINE, CREATE_OPTIONS"
        " FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s ORDER BY TABLE_NAME",
        (schema,),
    ):
        if kind == "VIEW":
            views.append(name)
        elif kind != "SEQUENCE":
            partitioned = "partitioned" in (options or "").split()
            tables[name] = {"engine": engine, "partitioned": partitioned}
    return tables, views


def list_names(connection, schema):
    """Return (names of base tables, names of views). No table is opened for that."""
    tables, views = [], []
    for name, kind in rows_of(
        connection,
        "SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES"
        " WHERE TABLE_SCHEMA = %s ORDER BY TABLE_NAME",
        (schema,),
    ):
        if kind == "VIEW":
            views.append(name)
        elif kind != "SEQUENCE":
            tables.append(name)
    return tables, views


def table_details(connection, schema, tables, pymysql):
    """Return {table: {engine, partitioned, collation, row_format, columns, indexes, checks,
    conditions, triggers, on_insert, rows, ids}} of these.

    rows: whether the table has any, asked of the table itself (TABLE_ROWS is an estimate that is
    0 for a table with a row); None when it cannot be read. ids: as read_ids() has it, or None.
    """
    details: dict = {}
    described = rows_about(
        connection,
        "SELECT TABLE_NAME, ENGINE, CREATE_OPTIONS, TABLE_COLLATION, ROW_FORMAT"
        " FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s",
        schema,
        set(tables),
    )
    for table, engine, options, collation, row_format in sorted(described, key=lambda row: row[0]):
        if table in tables:
            details[table] = {
                "engine": engine,
                "partitioned": "partitioned" in (options or "").split(),
                "collation": collation,
                "row_format": row_format,
                "columns": [],
                "indexes": [],
                "checks": [],
                "conditions": {},
                "triggers": False,
                "on_insert": [],
            }
    for table, _position, column, kind, nullable, collation, default, extra, made_of in sorted(
        rows_about(
            connection,
            "SELECT TABLE_NAME, ORDINAL_POSITION, COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE,"
            " COLLATION_NAME, COLUMN_DEFAULT, EXTRA, GENERATION_EXPRESSION"
            " FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s",
            schema,
            details.keys(),
        ),
        key=lambda row: row[:2],
    ):
        if table in details:
            about = {"name": column, "type": kind, "nullable": nullable == "YES"}
            extra = extra.lower().replace("default_generated", "")
            about["generated"] = "generated" in extra
            if about["generated"]:
                about["made_of"] = made_of or ""
                about["stored"] = "stored" in extra or "persistent" in extra
            about["auto"] = "auto_increment" in extra
            about["required"] = not (
                about["nullable"] or about["generated"] or default is not None or about["auto"]
            )
            details[table]["columns"].append(dict(about, collation=collation))
    indexes: dict = {}
    for table, name, _position, column, length, repeated, kind in sorted(
        rows_about(
            connection,
            "SELECT TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX, COLUMN_NAME, SUB_PART, NON_UNIQUE,"
            " INDEX_TYPE FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = %s",
            schema,
            details.keys(),
        ),
        key=lambda row: row[:3],
    ):
        if (table, name) not in indexes and table in details:
            kind = kind if kind in ("FULLTEXT", "SPATIAL") else ""
            indexes[table, name] = {"name": name, "columns": [], "unique": not repeated}
            indexes[table, name]["kind"] = kind
            details[table]["indexes"].append(indexes[table, name])
        if table in details:
            # A part that is an expression has no column.
            part = column or ""
            columns = indexes[table, name]["columns"]
            columns.append(f"{part}({length})" if length and not kind else part)
    for table, check, condition in _list_checks(connection, schema, details.keys(), pymysql):
        if table in details:
            details[table]["checks"].append(check)
            details[table]["conditions"][check] = condition
    for table, trigger, timing, event in sorted(
        rows_about(
            connection,
            "SELECT * FROM (SELECT EVENT_OBJECT_TABLE AS TABLE_NAME, TRIGGER_NAME, ACTION_TIMING,"
            " EVENT_MANIPULATION FROM information_schema.TRIGGERS"
            " WHERE EVENT_OBJECT_SCHEMA = %s) firing WHERE TRUE",
            schema,
            details.keys(),
        )
    ):
        if table in details:
            details[table]["triggers"] |= timing == "BEFORE"
            if event == "INSERT":
                details[table]["on_insert"].append(trigger)
    names = list(details)
    for start in range(0, len(names), EXISTS_BATCH):
        batch = names[start : start + EXISTS_BATCH]
        for name, has_rows in zip(batch, _have_rows(connection, schema, batch, pymysql)):
            details[name]["rows"] = has_rows
    ids = read_ids(connection, schema, names, pymysql) if len(names) <= NAMED else {}
    for name in names:
        details[name]["ids"] = ids.get(name)
    return details


# The CHECK constraints of MariaDB, whose names are those of a table, and of MySQL.
_CHECKS = (
    "SELECT TABLE_NAME, CONSTRAINT_NAME, CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS"
    " WHERE CONSTRAINT_SCHEMA = %s",
    "SELECT * FROM (SELECT t.TABLE_NAME, t.CONSTRAINT_NAME, c.CHECK_CLAUSE"
    " FROM information_schema.TABLE_CONSTRAINTS t JOIN information_schema.CHECK_CONSTRAINTS c"
    " USING (CONSTRAINT_SCHEMA, CONSTRAINT_NAME)"
    " WHERE t.CONSTRAINT_TYPE = 'CHECK' AND t.TABLE_SCHEMA = %s) checked WHERE TRUE",
)


def _list_checks(connection, schema, names, pymysql):
    """Return (table, name, condition) of the CHECK constraints of these tables, by name; none of a
    server that does not tell of them."""
    for query in _CHECKS:
        with contextlib.suppress(pymysql.MySQLError):
            return sorted(rows_about(connection, query, schema, names))
    return []


def _have_rows(connection, schema, names, pymysql):
    """Return, for each table, whether it has a row, or None when it cannot be read."""
    query = " UNION ALL ".join(
        f"SELECT {number}, EXISTS (SELECT 1 FROM {quote_table(schema, name)})"
        for number, name in enumerate(names)
    )
    try:
        answers = dict(rows_of(connection, query))
    except pymysql.MySQLError:
        if len(names) == 1:
            return [None]
        return [_have_rows(connection, schema, [name], pymysql)[0] for name in names]
    return [bool(answers[number]) for number in range(len(names))]


def read_recorded(connection, schema, table, pymysql):
    """Return [{name, batch}] of a migrations table in the order they ran; None without one."""
    try:
        rows = rows_of(
            connection,
            f"SELECT migration, batch FROM {quote_table(schema, table)} ORDER BY batch, migration",
        )
    except pymysql.MySQLError as error:
        if error.args[0] == NO_SUCH_TABLE:
            return None
        raise
    return [{"name": name, "batch": batch} for name, batch in rows]


def read_defaults(connection, schema):
    """Return what the server makes of a table that leaves it open: see RETURN, schema.defaults."""
    variables = dict(
        rows_of(
            connection,
            "SHOW VARIABLES WHERE Variable_name IN ('default_storage_engine',"
            " 'character_set_collations', 'restrict_fk_on_non_standard_key', 'innodb_strict_mode',"
            " 'innodb_default_row_format', 'sql_require_primary_key', 'max_allowed_packet')",
        )
    )
    collations = dict(
        rows_of(
            connection,
            "SELECT CHARACTER_SET_NAME, COLLATION_NAME FROM information_schema.COLLATIONS"
            " WHERE IS_DEFAULT = 'Yes' AND CHARACTER_SET_NAME IS NOT NULL",
        )
    )
    # MariaDB from 11.2: "utf8mb3=utf8mb3_uca1400_ai_ci,..." stands above that list.
    pairs = (variables.get("character_set_collations") or "").split(",")
    collations.update(pair.partition("=")[::2] for pair in pairs if pair)
    own = rows_of(
        connection,
        "SELECT DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s",
        (schema,),
    )
    mode = rows_of(connection, "SELECT @@GLOBAL.sql_mode")[0][0]
    return {
        "sql_mode": mode.split(",") if mode else [],
        "innodb_strict": variables.get("innodb_strict_mode") != "OFF",
        "row_format": variables.get("innodb_default_row_format"),
        "primary_key": variables.get("sql_require_primary_key") == "ON",
        "packet": int(variables.get("max_allowed_packet") or 0),
        "engine": variables.get("default_storage_engine"),
        "collation": own[0][0] if own else None,
        "collations": collations,
        "unique_parent": variables.get("restrict_fk_on_non_standard_key") == "ON",
    }


def _filled(connection, schema, table, columns, pymysql):
    """Return the SQL that tells whether one of these columns of a row `c` has something else than
    what a row has in it that says nothing about it."""
    known = {}
    with contextlib.suppress(pymysql.MySQLError):
        known = {
            name.casefold(): rest
            for name, *rest in rows_of(
                connection,
                "SELECT COLUMN_NAME, DATA_TYPE, IS_NULLABLE, COLUMN_DEFAULT, EXTRA"
                " FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
                (schema, table),
            )
        }
    parts = []
    for column in columns:
        kind, nullable, default, extra = known.get(column.casefold(), ("", "", None, ""))
        quoted = f"c.{quote_identifier(column)}"
        if "GENERATED" in extra.upper() and "DEFAULT_GENERATED" not in extra.upper():
            parts.append("FALSE")
        elif nullable == "YES" and default in (None, "NULL"):
            parts.append(f"{quoted} IS NOT NULL")
        elif default is not None:
            parts.append(f"NOT ({quoted} <=> DEFAULT({quoted}))")
        elif kind in NUMBERS:
            parts.append(f"{quoted} <> 0")
        elif kind in TEXTS:
            parts.append(f"{quoted} <> ''")
        else:
            parts.append("TRUE")
    return " OR ".join(parts) or "FALSE"


def _compared(question, column):
    """Return a column as SQL; of the part of one that an index has, "name(length)", its letters."""
    name, _, length = column.rstrip(")").rpartition("(")
    if question["kind"] == "duplicates" and name and length.isdigit() and column.endswith(")"):
        return f"LEFT(c.{quote_identifier(name)}, {length})"
    return f"c.{quote_identifier(column)}"


def count_rows(connection, schema, question, seconds, flavour, pymysql):
    """Return {rows, query, values}: how many rows are as the question says, and the SQL that lists
    them; values as the question asks for them, if it does.

    question: {kind, table, columns, values, condition, listed, referenced_table,
    referenced_columns} as the option `counts` of fk_constraint_info has it. rows is None when they
    cannot be counted, or not within these seconds.
    """
    if question["kind"] == "users":
        found = users_of(connection, schema, question["table"])
        return {"rows": len(found), "query": "", "values": found}
    values = question["values"] or {}
    own = [
        connection.escape(values[column]) if column in values else _compared(question, column)
        for column in question["columns"]
    ]
    live = [text for column, text in zip(question["columns"], own) if column not in values]
    table = f"{quote_table(schema, question['table'])} c"
    given = "".join(f" AND {text} IS NOT NULL" for text in live)
    if question["kind"] == "matching":
        listed = f"SELECT c.* FROM {table} WHERE {question['condition']}"
    elif question["kind"] == "rows":
        listed = f"SELECT c.* FROM {table}"
    elif question["kind"] == "nulls":
        listed = f"SELECT c.* FROM {table} WHERE {' OR '.join(f'{text} IS NULL' for text in live)}"
    elif question["kind"] == "filled":
        filled = _filled(connection, schema, question["table"], question["columns"], pymysql)
        listed = f"SELECT c.* FROM {table} WHERE {filled}"
    elif question["kind"] == "duplicates":
        groups = f" GROUP BY {', '.join(live)}" if live else ""
        listed = (
            f"SELECT {', '.join([*live, 'COUNT(*)'])} FROM {table} WHERE TRUE{given}{groups}"
            " HAVING COUNT(*) > 1"
        )
    elif question["referenced_table"]:
        absent = question["kind"] == "absent"
        pairs = " AND ".join(
            f"p.{quote_identifier(column)} {'<=>' if absent else '='} {text}"
            for column, text in zip(question["referenced_columns"], own)
        )
        parent = quote_table(schema, question["referenced_table"])
        listed = (
            f"SELECT c.* FROM {table} WHERE NOT EXISTS (SELECT 1 FROM {parent} p WHERE {pairs})"
            + ("" if absent else given)
        )
    else:
        listed = f"SELECT c.* FROM {table} WHERE TRUE{given}"
    count = f"SELECT COUNT(*) FROM ({listed}) counted"
    if question["kind"] != "duplicates":
        count = listed.replace("SELECT c.*", "SELECT COUNT(*)", 1)
    try:
        rows = rows_of(connection, limited(count, seconds, flavour))[0][0]
        wanted = question.get("listed")
        if not wanted or not rows or rows > LISTED:
            return {"rows": rows, "query": listed}
        text = listed.replace("SELECT c.*", f"SELECT {wanted}", 1)
        values = [str(row[0]) for row in rows_of(connection, limited(text, seconds, flavour))]
    except pymysql.MySQLError:
        return {"rows": None, "query": listed}
    return {"rows": rows, "query": listed, "values": values}
