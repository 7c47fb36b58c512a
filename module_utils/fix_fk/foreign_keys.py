# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: S608 - identifiers are quoted by quote_identifier(), values are bound
"""Foreign keys and tables of one schema, as the server's own dictionary tells them.

Everything here only reads. `connection` is a PyMySQL connection whose cursors give tuples.
"""

from __future__ import annotations

import contextlib
from dataclasses import asdict, dataclass, field

from ansible.module_utils.fix_fk.flavour import (
    UNNAMED_RULE,
    dictionary_table,
    limited,
    name_key,
)
from ansible.module_utils.fix_fk.sql import quote_columns, quote_identifier, quote_table

NO_SUCH_TABLE = 1146

# How many tables one query asks for a row. More saves little, and a table that cannot be read
# makes its whole batch be asked again one by one.
EXISTS_BATCH = 100

# Up to this many names the server opens only the tables that are named; with more, all.
NAMED = 1000


@dataclass
class ForeignKey:
    """One constraint. columns[i] refers to referenced_columns[i]; rules are as the server says,
    for example "CASCADE", or None when the account may not see them."""

    name: str
    table: str
    referenced_schema: str
    referenced_table: str
    columns: list = field(default_factory=list)
    referenced_columns: list = field(default_factory=list)
    on_update: str | None = None
    on_delete: str | None = None


def referenced(key, schema):
    """Return the quoted table a ForeignKey of this schema refers to."""
    elsewhere = key.referenced_schema != schema
    return quote_table(key.referenced_schema if elsewhere else None, key.referenced_table)


def add_statement(key, schema, flavour):
    """Return the ALTER TABLE that adds a ForeignKey to a table of this schema."""
    text = (
        f"ALTER TABLE {quote_identifier(key.table)} ADD CONSTRAINT {quote_identifier(key.name)}"
        f" FOREIGN KEY ({quote_columns(key.columns)}) REFERENCES {referenced(key, schema)}"
        f" ({quote_columns(key.referenced_columns)})"
    )
    for clause, rule in (("ON DELETE", key.on_delete), ("ON UPDATE", key.on_update)):
        if rule and rule != UNNAMED_RULE[flavour]:
            text += f" {clause} {rule}"
    return text


def drop_statement(key):
    """Return the ALTER TABLE that drops a ForeignKey."""
    return (
        f"ALTER TABLE {quote_identifier(key.table)} DROP FOREIGN KEY {quote_identifier(key.name)}"
    )


def rows_of(connection, query, arguments=()):
    """Return all rows of a query as tuples."""
    with connection.cursor() as cursor:
        # Without arguments PyMySQL must not look for % in it: a name may have one.
        cursor.execute(query, arguments or None)
        return cursor.fetchall()


def list_foreign_keys(connection, schema):
    """Return every ForeignKey of the schema, ordered by table and name."""
    return with_rules(connection, schema, list_usage(connection, schema))


def list_usage(connection, schema):
    """Return every ForeignKey of the schema, ordered by table and name, without its rules.

    Each of the server's two lists has it open every table, so that one pass over one of them is
    what looking costs. Joined on the server they take ten times as long, and compare names without
    regard to case.
    """
    usage = rows_of(
        connection,
        "SELECT TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION, COLUMN_NAME,"
        " REFERENCED_TABLE_SCHEMA, REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME"
        " FROM information_schema.KEY_COLUMN_USAGE"
        " WHERE TABLE_SCHEMA = %s AND CONSTRAINT_SCHEMA = %s"
        " AND REFERENCED_TABLE_NAME IS NOT NULL",
        (schema, schema),
    )
    found: dict = {}
    for table, name, _position, column, *reference in sorted(usage):
        key = found.get((table, name))
        if key is None:
            key = ForeignKey(name, table, reference[0], reference[1])
            found[table, name] = key
        key.columns.append(column)
        key.referenced_columns.append(reference[2])
    return list(found.values())


def with_rules(connection, schema, foreign_keys):
    """Return the foreign keys, with on_update and on_delete filled in."""
    rules = {
        (table, name): (on_update, on_delete)
        for table, name, on_update, on_delete in _rows_about(
            connection,
            "SELECT TABLE_NAME, CONSTRAINT_NAME, UPDATE_RULE, DELETE_RULE"
            " FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = %s",
            schema,
            {key.table for key in foreign_keys},
        )
    }
    for key in foreign_keys:
        key.on_update, key.on_delete = rules.get((key.table, key.name), (None, None))
    return foreign_keys


def _rows_about(connection, query, schema, tables):
    """Return the rows of a query on one schema, at least those about these tables."""
    if not tables:
        return ()
    if len(tables) > NAMED:
        return rows_of(connection, query, (schema,))
    return rows_of(connection, f"{query} AND TABLE_NAME IN %s", (schema, sorted(tables)))


def holders(foreign_keys, names, flavour):
    """Return {asked name: [tables that own a constraint of that name]}."""
    owners: dict = {}
    for key in foreign_keys:
        owners.setdefault(name_key(key.name, flavour), []).append(key.table)
    return {name: owners.get(name_key(name, flavour), []) for name in names}


def compare(foreign_keys, expected, flavour, same_table):
    """Return (missing names, [{name, expected, found}]) for a list of expected constraints.

    An expected one is a dict with name and any of table, columns, referenced_table,
    referenced_columns, on_delete, on_update; what it leaves out is not compared. same_table(a, b)
    says whether the server takes two table names for one.
    """
    by_name: dict = {}
    for key in foreign_keys:
        by_name.setdefault(name_key(key.name, flavour), []).append(key)
    missing, differing = [], []
    for wanted in expected:
        wanted = {part: value for part, value in wanted.items() if value is not None}
        candidates = by_name.get(name_key(wanted["name"], flavour), [])
        if not candidates:
            missing.append(wanted["name"])
        elif not any(_agrees(key, wanted, same_table) for key in candidates):
            # Where names belong to tables, the one on the expected table is the one that is meant.
            nearest = next(
                (key for key in candidates if same_table(key.table, wanted.get("table", ""))),
                candidates[0],
            )
            differing.append({"name": wanted["name"], "expected": wanted, "found": asdict(nearest)})
    return missing, differing


def _agrees(key, wanted, same_table):
    """Whether a ForeignKey is what is wanted, as far as the dict says."""
    for part in ("table", "referenced_table"):
        if part in wanted and not same_table(getattr(key, part), wanted[part]):
            return False
    columns = [column.lower() for column in wanted.get("columns", key.columns)]
    referenced = [
        column.lower() for column in wanted.get("referenced_columns", key.referenced_columns)
    ]
    if len(columns) != len(referenced):
        return False
    # (a, b) to (x, y) and (b, a) to (y, x) say the same.
    found = zip(map(str.lower, key.columns), map(str.lower, key.referenced_columns))
    if sorted(zip(columns, referenced)) != sorted(found):
        return False
    return all(
        part not in wanted or _rule(getattr(key, part)) == _rule(wanted[part])
        for part in ("on_update", "on_delete")
    )


def _rule(text):
    """Return a rule as one word for what InnoDB does: NO ACTION is RESTRICT to it."""
    rule = " ".join((text or "").upper().split())
    return "RESTRICT" if rule == "NO ACTION" else rule


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
    """Return {table: {engine, partitioned, collation, columns, indexes, rows, ids}} of these.

    rows: whether the table has any, asked of the table itself (TABLE_ROWS is an estimate that is
    0 for a table with a row); None when it cannot be read. ids: as read_ids() has it, or None.
    """
    details: dict = {}
    described = _rows_about(
        connection,
        "SELECT TABLE_NAME, ENGINE, CREATE_OPTIONS, TABLE_COLLATION"
        " FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s",
        schema,
        set(tables),
    )
    for table, engine, options, collation in sorted(described, key=lambda row: row[0]):
        if table in tables:
            details[table] = {
                "engine": engine,
                "partitioned": "partitioned" in (options or "").split(),
                "collation": collation,
                "columns": [],
                "indexes": [],
            }
    for table, _position, column, kind, nullable, collation, default, extra in sorted(
        _rows_about(
            connection,
            "SELECT TABLE_NAME, ORDINAL_POSITION, COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE,"
            " COLLATION_NAME, COLUMN_DEFAULT, EXTRA FROM information_schema.COLUMNS"
            " WHERE TABLE_SCHEMA = %s",
            schema,
            details.keys(),
        ),
        key=lambda row: row[:2],
    ):
        if table in details:
            about = {"name": column, "type": kind, "nullable": nullable == "YES"}
            extra = extra.lower().replace("default_generated", "")
            about["generated"] = "generated" in extra
            about["required"] = not (
                about["nullable"]
                or about["generated"]
                or default is not None
                or "auto_increment" in extra
            )
            details[table]["columns"].append(dict(about, collation=collation))
    indexes: dict = {}
    for table, name, _position, column, length, repeated, kind in sorted(
        _rows_about(
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
    names = list(details)
    for start in range(0, len(names), EXISTS_BATCH):
        batch = names[start : start + EXISTS_BATCH]
        for name, has_rows in zip(batch, _have_rows(connection, schema, batch, pymysql)):
            details[name]["rows"] = has_rows
    ids = read_ids(connection, schema, names, pymysql) if len(names) <= NAMED else {}
    for name in names:
        details[name]["ids"] = ids.get(name)
    return details


def read_ids(connection, schema, tables, pymysql):
    """Return {table: {column, type, next, highest}} of those of these tables that count by
    themselves (AUTO_INCREMENT).

    next: the id of the next row. highest: that of a row that is there, None without one, or when
    it cannot be read.
    """
    columns = _rows_about(
        connection,
        "SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE FROM information_schema.COLUMNS"
        " WHERE EXTRA LIKE '%%auto_increment%%' AND TABLE_SCHEMA = %s",
        schema,
        tables,
    )
    ids = {table: {"column": column, "type": kind} for table, column, kind in columns}
    if not ids:
        return {}
    with contextlib.suppress(pymysql.MySQLError):
        # MySQL 8 and newer answer from a cache otherwise.
        rows_of(connection, "SET SESSION information_schema_stats_expiry = 0")
    query = "SELECT TABLE_NAME, AUTO_INCREMENT FROM information_schema.TABLES"
    for table, following in _rows_about(
        connection, f"{query} WHERE TABLE_SCHEMA = %s", schema, ids.keys()
    ):
        if table in ids:
            ids[table]["next"] = int(following or 1)
    for table, about in ids.items():
        about.setdefault("next", 1)
        about["highest"] = None
        with contextlib.suppress(pymysql.MySQLError):
            column, name = quote_identifier(about["column"]), quote_table(schema, table)
            highest = rows_of(connection, f"SELECT MAX({column}) FROM {name}")[0][0]
            about["highest"] = None if highest is None else int(highest)
    return ids


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


def find_orphans(connection, schema, server, known, tables):
    """Return (orphans, outside) of what read_dictionary() gave before `tables` were listed.

    orphans: [{name, table}] constraints in InnoDB's dictionary whose table does not exist.
    outside: [{name, schema, table, referenced_table}] of other schemas that refer to this one.
    Both are None when the dictionary is.
    """
    if known is None:
        return None, None
    fold = str if server["lower_case_table_names"] == 0 else str.lower
    there = {fold(table) for table in tables}
    outside, lost = [], []
    for row in sorted(known):
        name, owner, table, referenced_table = row
        if owner != schema:
            about = {"name": name, "schema": owner, "table": table}
            outside.append(dict(about, referenced_table=referenced_table))
        elif fold(table) not in there:
            lost.append(row)
    # A table that was being dropped meanwhile leaves no orphan.
    still = _dictionary(connection, schema, server) if lost else ()
    orphans = [{"name": row[0], "table": row[2]} for row in lost if row in still]
    return orphans, outside


def read_dictionary(connection, schema, server, pymysql):
    """Return _dictionary(), or None when the account lacks the right PROCESS."""
    try:
        return _dictionary(connection, schema, server)
    except pymysql.MySQLError:
        return None


def _dictionary(connection, schema, server):
    """Return {(constraint, schema, table, referenced table)} that InnoDB knows on or to a schema.

    Raises pymysql.MySQLError, among others for an account without the right PROCESS.
    """
    dictionary, readable = dictionary_table(server["flavour"], server["version_number"])
    question = f"SELECT ID, FOR_NAME, REF_NAME FROM {dictionary}"
    if readable:
        found = rows_of(connection, question)
        rows = [
            (_split(name, schema)[1], *_split(table, schema), *_split(referenced, schema))
            for name, table, referenced in found
        ]
    else:
        # Not what other schemas have among themselves: there may be many.
        folder = _encode(connection, schema)
        found = rows_of(
            connection,
            f"{question} WHERE LEFT(FOR_NAME, %s) = %s OR LEFT(REF_NAME, %s) = %s",
            (len(folder), folder) * 2,
        )
        pieces = [(name, *table.split("/"), *other.split("/")) for name, table, other in found]
        plain = _decode(connection, {piece for row in pieces for piece in row[1:]})
        # MariaDB from 12.1 shows the bare name, others put the schema before it.
        scoped = server["name_scope"] == "schema"
        rows = [
            (name.partition("/")[2] if scoped else name, *(plain[piece] for piece in names))
            for name, *names in pieces
        ]
    return {
        (name, owner, table, referenced_table)
        for name, owner, table, referenced_schema, referenced_table in rows
        if schema in (owner, referenced_schema)
    }


def _encode(connection, schema):
    """Return the folder of a schema with the slash behind it, as InnoDB's dictionary writes it."""
    query = "SELECT CAST(CONVERT(%s USING filename) AS BINARY)"
    return rows_of(connection, query, (schema,))[0][0].decode("ascii") + "/"


def _decode(connection, names):
    """Return {name as a file has it: name}, read by the server that wrote it (@002d, @0p, ...)."""
    # A name with # is one of its own making (#sql-...) and not encoded.
    plain = {name: name for name in names}
    coded = sorted(name for name in names if "@" in name and "#" not in name)
    for start in range(0, len(coded), NAMED):
        batch = coded[start : start + NAMED]
        query = ", ".join(
            ["CONVERT(CONVERT(CAST(%s AS BINARY) USING filename) USING utf8mb4)"] * len(batch)
        )
        plain.update(zip(batch, rows_of(connection, f"SELECT {query}", batch)[0]))
    return plain


def _split(name, schema):
    """Return (schema, rest) of "schema/rest", where both may have a slash."""
    if name.startswith(schema + "/"):
        return schema, name[len(schema) + 1 :]
    owner, _slash, rest = name.partition("/")
    return owner, rest


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
            " 'character_set_collations', 'restrict_fk_on_non_standard_key')",
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
    return {
        "engine": variables.get("default_storage_engine"),
        "collation": own[0][0] if own else None,
        "collations": collations,
        "unique_parent": variables.get("restrict_fk_on_non_standard_key") == "ON",
    }


def count_rows(connection, schema, question, seconds, flavour, pymysql):
    """Return {rows, query}: how many rows are as the question says, and the SQL that lists them.

    question: {kind, table, columns, values, referenced_table, referenced_columns} as the option
    `counts` of fk_constraint_info has it. rows is None when they cannot be counted, or not within
    these seconds.
    """
    values = question["values"] or {}
    own = [
        connection.escape(values[column]) if column in values else f"c.{quote_identifier(column)}"
        for column in question["columns"]
    ]
    live = [text for column, text in zip(question["columns"], own) if column not in values]
    table = f"{quote_table(schema, question['table'])} c"
    given = "".join(f" AND {text} IS NOT NULL" for text in live)
    if question["kind"] == "rows":
        listed = f"SELECT c.* FROM {table}"
    elif question["kind"] == "nulls":
        listed = f"SELECT c.* FROM {table} WHERE {' OR '.join(f'{text} IS NULL' for text in live)}"
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
    except pymysql.MySQLError:
        rows = None
    return {"rows": rows, "query": listed}
