# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: S608 - identifiers are quoted by quote_identifier(), values are bound
"""Foreign keys and tables of one schema, as the server's own dictionary tells them.

Everything here only reads. `connection` is a PyMySQL connection whose cursors give tuples.
"""

from __future__ import annotations

import unicodedata
from dataclasses import asdict, dataclass, field

from ansible.module_utils.fix_fk.sql import quote_columns, quote_identifier, quote_table

NO_SUCH_TABLE = 1146

# How many tables one query asks for a row. More saves little, and a table that cannot be read
# makes its whole batch be asked again one by one.
EXISTS_BATCH = 100


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
    # What each server calls the rule of a constraint that names none.
    unnamed = "RESTRICT" if flavour == "mariadb" else "NO ACTION"
    for clause, rule in (("ON DELETE", key.on_delete), ("ON UPDATE", key.on_update)):
        if rule and rule != unnamed:
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


def name_key(name, flavour):
    """Return what two constraint names share exactly when the server takes them for one.

    MariaDB folds the case of ASCII letters only; MySQL 8 and newer also take "fk_ü" for "fk_U".
    """
    if flavour == "mariadb":
        return name.encode("utf-8").lower().decode("utf-8")
    letters = unicodedata.normalize("NFD", name)
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).casefold()


def list_foreign_keys(connection, schema):
    """Return every ForeignKey of the schema, ordered by table and name.

    KEY_COLUMN_USAGE and REFERENTIAL_CONSTRAINTS are read one after the other, each with a
    constant schema, and joined here: a join inside MariaDB takes ten times as long (0.5 s instead
    of 0.05 s for 2,000 constraints), and compares names without regard to case.
    """
    rules = {
        (table, name): (on_update, on_delete)
        for table, name, on_update, on_delete in rows_of(
            connection,
            "SELECT TABLE_NAME, CONSTRAINT_NAME, UPDATE_RULE, DELETE_RULE"
            " FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = %s",
            (schema,),
        )
    }
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
            key.on_update, key.on_delete = rules.get((table, name), (None, None))
            found[table, name] = key
        key.columns.append(column)
        key.referenced_columns.append(reference[2])
    return list(found.values())


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


def table_details(connection, schema, tables, pymysql):
    """Return {table: {engine, partitioned, columns, indexes, rows}} for tables of list_tables().

    rows: whether the table has any, asked of the table itself (TABLE_ROWS is an estimate that is
    0 for a table with a row); None when it cannot be read.
    """
    details = {name: dict(about, columns=[], indexes=[]) for name, about in tables.items()}
    if not details:
        return {}
    # One IN list is faster than a query per table up to a few hundred names; with more, all.
    some, arguments = "", [schema]
    if len(details) <= EXISTS_BATCH:
        some, arguments = " AND TABLE_NAME IN %s", [schema, list(details)]
    for table, column, kind, nullable in rows_of(
        connection,
        "SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE"
        f" FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s{some}"
        " ORDER BY TABLE_NAME, ORDINAL_POSITION",
        arguments,
    ):
        if table in details:
            details[table]["columns"].append(
                {"name": column, "type": kind, "nullable": nullable == "YES"}
            )
    for table, index in rows_of(
        connection,
        "SELECT DISTINCT TABLE_NAME, INDEX_NAME"
        f" FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = %s{some}"
        " ORDER BY TABLE_NAME, INDEX_NAME",
        arguments,
    ):
        if table in details:
            details[table]["indexes"].append(index)
    names = list(details)
    for start in range(0, len(names), EXISTS_BATCH):
        batch = names[start : start + EXISTS_BATCH]
        for name, has_rows in zip(batch, _have_rows(connection, schema, batch, pymysql)):
            details[name]["rows"] = has_rows
    return details


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


def list_orphans(connection, schema, server, pymysql):
    """Return (orphans, outside), or (None, None) when the account lacks the right PROCESS.

    orphans: [{name, table}] constraints in InnoDB's dictionary whose table does not exist.
    outside: [{name, schema, table, referenced_table}] of other schemas that refer to this one.
    """
    try:
        known = _dictionary(connection, schema, server)
    except pymysql.MySQLError:
        return None, None
    # A table that is being created or dropped meanwhile is no orphan: only what is still in the
    # dictionary after the tables have been listed counts.
    fold = str if server["lower_case_table_names"] == 0 else str.lower
    tables = {fold(table) for table in list_tables(connection, schema)[0]}
    outside, lost = [], []
    for name, owner, table, referenced_table in known:
        if owner != schema:
            about = {"name": name, "schema": owner, "table": table}
            outside.append(dict(about, referenced_table=referenced_table))
        elif fold(table) not in tables:
            lost.append((name, owner, table, referenced_table))
    still = _dictionary(connection, schema, server) if lost else ()
    orphans = [{"name": row[0], "table": row[2]} for row in lost if row in still]
    return orphans, outside


def _dictionary(connection, schema, server):
    """Return {(constraint, schema, table, referenced table)} that InnoDB knows on or to a schema.

    Raises pymysql.MySQLError, among others for an account without the right PROCESS.
    """
    if server["flavour"] == "mysql" and server["version_number"] >= [8, 0, 0]:
        found = rows_of(
            connection, "SELECT ID, FOR_NAME, REF_NAME FROM information_schema.INNODB_FOREIGN"
        )
        rows = [
            (_split(name, schema)[1], *_split(table, schema), *_split(referenced, schema))
            for name, table, referenced in found
        ]
    else:

        def part(column, which):
            # The server's own character set `filename` reads what it wrote (@002d, @0p, ...). A
            # name with # is one of its own making (#sql-...) and not encoded.
            piece = f"SUBSTRING_INDEX({column}, '/', {which})"
            decoded = f"CONVERT(CONVERT(CAST({piece} AS BINARY) USING filename) USING utf8mb4)"
            return f"IF(LOCATE('#', {piece}), {piece}, {decoded})"

        found = rows_of(
            connection,
            f"SELECT ID, {part('FOR_NAME', 1)}, {part('FOR_NAME', -1)}, {part('REF_NAME', 1)},"
            f" {part('REF_NAME', -1)} FROM information_schema.INNODB_SYS_FOREIGN",
        )
        # MariaDB from 12.1 shows the bare name, others put the schema before it.
        scoped = server["name_scope"] == "schema"
        rows = [(row[0].partition("/")[2] if scoped else row[0], *row[1:]) for row in found]
    return {
        (name, owner, table, referenced_table)
        for name, owner, table, referenced_schema, referenced_table in rows
        if schema in (owner, referenced_schema)
    }


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
