# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that fk_constraint_info returns, put together."""

from __future__ import annotations

import json
from dataclasses import asdict

from ansible.module_utils.fix_fk.refusal import refuse
from ansible.module_utils.fix_fk.schema.contents import read_contents
from ansible.module_utils.fix_fk.schema.foreign_keys import (
    ForeignKey,
    compare,
    holders,
    list_usage,
    with_rules,
)
from ansible.module_utils.fix_fk.schema.marks import read_marks
from ansible.module_utils.fix_fk.schema.objects import list_objects
from ansible.module_utils.fix_fk.schema.orphans import find_orphans, read_dictionary
from ansible.module_utils.fix_fk.schema.sql import quote_table, rows_of
from ansible.module_utils.fix_fk.schema.structure import read_structure
from ansible.module_utils.fix_fk.schema.tables import (
    count_rows,
    list_names,
    read_defaults,
    read_recorded,
    table_details,
)
from ansible.module_utils.fix_fk.scratch.schemas import describe_rehearsal
from ansible.module_utils.fix_fk.server.about import describe_account, describe_server
from ansible.module_utils.fix_fk.server.connection import (
    load_pymysql,
    open_connection,
    resolve,
)
from ansible.module_utils.fix_fk.server.errors import database_errors
from ansible.module_utils.fix_fk.server.flavour import name_key
from ansible.module_utils.fix_fk.server.locks import list_locks

# What fk_constraint_info can be asked. Modules that act take the same as their option `inspect`, so
# that acting and asking is one call.
INSPECT_SPEC: dict = {
    "names": {"type": "list", "elements": "str", "default": []},
    "tables": {"type": "list", "elements": "str"},
    "expected": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "table": {"type": "str"},
            "columns": {"type": "list", "elements": "str"},
            "referenced_table": {"type": "str"},
            "referenced_columns": {"type": "list", "elements": "str"},
            "on_delete": {"type": "str"},
            "on_update": {"type": "str"},
        },
    },
    "contents": {"type": "bool", "default": False},
    "contents_columns": {"type": "dict", "default": {}},
    "marks": {"type": "list", "elements": "str", "default": []},
    "marks_counted": {"type": "list", "elements": "str", "default": []},
    "migrations_table": {"type": "str"},
}

# What is asked to have all of it.
EVERYTHING: dict = {
    "names": [],
    "tables": None,
    "expected": [],
    "contents": False,
    "contents_columns": {},
    "marks": [],
    "marks_counted": [],
    "migrations_table": None,
}

# Seconds, for each of the counts, where nobody has said how many.
COUNT_SECONDS = 10

# How an inspection connects. No schema is selected, so that a missing one is an answer, no error;
# and it must not queue behind an ALTER for long (seconds).
CONNECTING: dict = {"database": None, "lock_wait_timeout": 2}

UNKNOWN_SCHEMA = 1049
VIEW_INVALID = 1356


def broken_views(connection, schema, views, pymysql):
    """Return those views that refer to a table or column that is not there."""
    broken = []
    for view in views:
        try:
            rows_of(connection, f"SELECT 1 FROM {quote_table(schema, view)} LIMIT 0", None)  # noqa: S608
        except pymysql.MySQLError as error:
            # Of one that cannot be read for another reason, nothing is known.
            if error.args[0] == VIEW_INVALID:
                broken.append(view)
    return broken


def inspect(module, asked, kept=None):
    """Return the dict `schema` of fk_constraint_info; asked: the options of INSPECT_SPEC.

    Takes the connection from the module's parameters, and ends the module with a paragraph when
    the server cannot be reached or read. kept: what the module then returns of what it did before.
    """
    parameters = resolve(module)
    pymysql = load_pymysql(module)
    errors = database_errors(module, parameters, kept)
    with errors, open_connection(pymysql, parameters, **CONNECTING) as connection:
        try:
            schema = describe_schema(connection, parameters.database, asked, pymysql)
        except ValueError as error:
            refuse(
                module,
                f"The schema '{parameters.database}' could not be read to the end: {error}.",
                "Correct the name, or leave this table out",
                **(kept or {}),
            )
        of_run = (schema["name"], schema["server"], run_of(module), pymysql)
        schema["rehearsal"] = describe_rehearsal(connection, *of_run)
    schema["application_account"] = None
    if module.params["database_user"] and module.params["laravel_path"]:
        own = resolve(module, as_application=True)
        errors = database_errors(module, own, kept)
        with errors, open_connection(pymysql, own, **CONNECTING) as theirs:
            schema["application_account"] = describe_account(theirs, schema["name"], pymysql)
            lacking = describe_rehearsal(theirs, *of_run)["lacking"]
            schema["rehearsal"]["lacking"] += lacking
    return schema


def run_of(module):
    """Return the id of the run that the module is a part of, or None."""
    return (module.params["run"] or {}).get("id")


def inspect_if_small(module, limit):
    """Return what inspect() gives for EVERYTHING when the schema has at most `limit` tables.

    None for a larger one, and whenever the server cannot be asked: inspect() then says why.
    """
    if module.params["database_user"]:
        return None
    parameters = resolve(module)
    pymysql = load_pymysql(module)
    count = "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s"
    try:
        with open_connection(pymysql, parameters, **CONNECTING) as connection:
            if rows_of(connection, count, (parameters.database,))[0][0] > limit:
                return None
            schema = describe_schema(connection, parameters.database, EVERYTHING, pymysql)
            schema["rehearsal"] = describe_rehearsal(
                connection, schema["name"], schema["server"], run_of(module), pymysql
            )
    except (pymysql.MySQLError, OSError, RuntimeError, ValueError):
        return None
    return dict(schema, application_account=None)


def restrict(schema, asked):
    """Return what describe_schema() answers to names, tables and expected of `asked`, from its
    answer to EVERYTHING."""
    # On the controller lists are Ansible's own, which cannot be copied as such.
    keys = [
        ForeignKey(
            **{
                part: list(value) if part.endswith("columns") else value
                for part, value in key.items()
            }
        )
        for key in schema["constraints"]
    ]
    held, chosen, told, compared = _select(schema, schema["tables"], keys, asked)
    missing, differing = _compare(schema, compared, asked)
    return {
        **schema,
        "details": {name: about for name, about in schema["details"].items() if name in chosen},
        "constraints": [asdict(key) for key in told],
        "holders": held,
        "missing": missing,
        "differing": differing,
        "locks": None
        if schema["locks"] is None
        else [lock for lock in schema["locks"] if lock["table"] is None or lock["table"] in chosen],
    }


def _table_key(server):
    return str if server["lower_case_table_names"] == 0 else str.lower


def _select(schema, tables, foreign_keys, asked):
    """Return (holders, tables to tell of, foreign keys to tell, foreign keys to compare).

    schema: {name, server, ...}; tables: names of all; asked: as inspect() has it.
    """
    flavour, table_key = schema["server"]["flavour"], _table_key(schema["server"])
    held = holders(foreign_keys, asked["names"], flavour)
    everything = asked["tables"] is None and not asked["names"]
    wanted = {table_key(table) for table in asked["tables"] or ()}
    wanted.update(table_key(table) for owners in held.values() for table in owners)
    chosen = {table for table in tables if everything or table_key(table) in wanted}
    names = {name_key(asked_name, flavour) for asked_name in asked["names"]}
    expected = {name_key(wish["name"], flavour) for wish in asked["expected"]}
    told, compared = [], []
    for key in foreign_keys:
        folded = name_key(key.name, flavour)
        if (
            everything
            or folded in names
            or key.table in chosen
            or (key.referenced_schema == schema["name"] and key.referenced_table in chosen)
        ):
            told.append(key)
        if folded in expected:
            compared.append(key)
    return held, chosen, told, compared


def _compare(schema, foreign_keys, asked):
    table_key = _table_key(schema["server"])
    return compare(
        foreign_keys,
        asked["expected"],
        schema["server"]["flavour"],
        lambda one, other: table_key(one) == table_key(other),
    )


def describe_schema(connection, name, asked, pymysql):
    """Return the dict `schema` of fk_constraint_info; asked: as inspect() has it.

    connection has no schema selected. Raises pymysql.MySQLError, and ValueError for what no
    server accepts as a name and for a row that could not be hashed.
    """
    server = describe_server(connection, pymysql)
    exists = True
    try:
        connection.select_db(name)
        name = rows_of(connection, "SELECT DATABASE()")[0][0]
    except pymysql.MySQLError as error:
        if error.args[0] != UNKNOWN_SCHEMA:
            raise
        exists = False

    # In this order: what is in the dictionary, and not among the tables listed later, is an orphan.
    known = read_dictionary(connection, name, server, pymysql)
    tables, views = list_names(connection, name) if exists else ([], [])
    foreign_keys = list_usage(connection, name) if exists else []
    about = {"name": name, "server": server}
    held, chosen, told, compared = _select(about, tables, foreign_keys, asked)
    with_rules(connection, name, [*told, *compared])
    missing, differing = _compare(about, compared, asked)
    orphans, outside = find_orphans(connection, name, server, known, tables)
    recorded = contents = structure = marks = broken = None
    seconds = asked.get("count_seconds") or COUNT_SECONDS
    if exists and asked["migrations_table"]:
        recorded = read_recorded(connection, name, asked["migrations_table"], pymysql)
    # Before rows are read, since that may wait for one of these to go.
    locks = list_locks(connection, name, chosen, pymysql)
    details = table_details(connection, name, chosen, pymysql)
    if asked["contents"]:
        structure = read_structure(connection, name)
        marked = {
            table: json.loads(structure[table]) for table in asked["marks"] if table in structure
        }
        marks = read_marks(connection, name, marked)
        for table in marks["tables"].keys() & {*asked["marks_counted"]}:
            every = {"kind": "rows", "table": table, "columns": [], "values": {}}
            counted = count_rows(connection, name, every, COUNT_SECONDS, server["flavour"], pymysql)
            marks["tables"][table]["rows"] = counted["rows"]
        left = [table for table in tables if table not in marks["tables"]]
        contents = read_contents(connection, name, left, asked["contents_columns"])
        broken = broken_views(connection, name, views, pymysql)
    return {
        "server": server,
        "account": describe_account(connection, name, pymysql),
        "name": name,
        "exists": exists,
        "defaults": read_defaults(connection, name),
        "tables": tables,
        "views": views,
        "broken_views": broken,
        "objects": list_objects(connection, name),
        "details": details,
        "constraints": [asdict(key) for key in told],
        "holders": held,
        "missing": missing,
        "differing": differing,
        "orphans": orphans,
        "referred_from_outside": outside,
        "recorded": recorded,
        "locks": locks,
        "contents": contents,
        "marks": marks,
        "structure": structure,
        "counts": [
            count_rows(connection, name, question, seconds, server["flavour"], pymysql)
            for question in asked.get("counts") or ()
        ],
    }
