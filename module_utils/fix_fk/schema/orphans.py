# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: S608 - identifiers are quoted by quote_identifier(), values are bound
"""Foreign keys that only the dictionary of InnoDB still knows, and those that come from outside."""

from __future__ import annotations

from ansible.module_utils.fix_fk.schema.sql import NAMED, rows_of
from ansible.module_utils.fix_fk.server.flavour import dictionary_table


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
