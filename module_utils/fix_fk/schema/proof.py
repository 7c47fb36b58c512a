# SPDX-License-Identifier: GPL-3.0-or-later
"""How it is going to be proven of each table that no row went missing: by a digest of all its rows,
or by a mark, which takes no time.

The plan says whose rows its statements may write, copy or alter. What follows from that on the
server is seen here: rules of foreign keys write rows of children, and a trigger any row.
"""

from __future__ import annotations

import json

from ansible.module_utils.fix_fk.schema import marks
from ansible.module_utils.fix_fk.schema.sql import rows_of

# Rules that write no row.
KEEPING = ("RESTRICT", "NO ACTION")


def choose(connection, schema, structure, touched):
    """Return {marked: [tables], why: {digested table: why it is}, whole: why all tables are
    digested, or ""}.

    structure: as read_structure() has it. touched: {tables, whole} as the plan has it, or None.
    Raises pymysql.MySQLError.
    """
    whole = touched["whole"] if touched else "the plan does not say what it touches"
    if not whole:
        structures = {table: json.loads(text) for table, text in structure.items()}
        reached = reach(structures, touched["tables"])
        whole = _trigger(connection, schema, reached) or marks.no_marks(connection)
    if whole:
        return _chosen(structure, {}, whole)
    return _chosen(structure, {**marks.unmarkable(connection, schema, structures), **reached})


def _chosen(tables, why, whole=""):
    return {
        "marked": [] if whole else [table for table in tables if table not in why],
        "why": {table: said for table, said in why.items() if table in tables},
        "whole": whole,
    }


def reach(structures, tables):
    """Return {table: why} of tables whose rows are written when those of `tables` are."""
    names = {table.casefold(): table for table in structures}
    found = {
        names[table.casefold()]: "the plan touches it"
        for table in tables
        if table.casefold() in names
    }
    left = list(found)
    while left:
        parent = left.pop().casefold()
        for child, structure in structures.items():
            for name, _columns, elsewhere, referenced, _other, *rules in structure["keys"]:
                writes = any(rule not in KEEPING for rule in rules)
                points = elsewhere is None and referenced.casefold() == parent
                if points and writes and child not in found:
                    found[child] = f"{name} writes it together with {referenced}"
                    left.append(child)
    return found


def _trigger(connection, schema, tables):
    """Return which trigger may write any table when these are written, or ""."""
    folded = {table.casefold() for table in tables}
    for name, table in rows_of(
        connection,
        "SELECT TRIGGER_NAME, EVENT_OBJECT_TABLE FROM information_schema.TRIGGERS"
        " WHERE EVENT_OBJECT_SCHEMA = %s ORDER BY TRIGGER_NAME",
        (schema,),
    ):
        if table.casefold() in folded:
            return f"the trigger {name} of {table} may write any table"
    return ""
