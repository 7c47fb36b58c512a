# SPDX-License-Identifier: GPL-3.0-or-later
"""What to change by hand in a migration of which no patch is certain."""

from __future__ import annotations

# By the kind of problem that the simulation sees.
BY_KIND = {
    "table_exists": "another migration makes that table already: take one of the two out, or ask "
    "Schema::hasTable() before",
    "table_missing": "no migration before it makes that table: give the one that does an earlier "
    "date",
    "column_exists": "the column is there already: take one of the two additions out, or ask "
    "Schema::hasColumn() before",
    "column_missing": "no migration before it adds that column: add it before, or correct its name",
    "index_exists": "the index is there already: give one of the two another name, or take it out",
    "parent_missing": "the table that is referred to is not there yet: give the migration that "
    "makes it an earlier date, or add the constraint in a later one",
    "parent_column_missing": "the column that is referred to is not there: add it before, or "
    "correct its name",
    "parent_not_indexed": "the column that is referred to has no index: make it unique, or refer "
    "to the primary key",
    "columns_differ": "both columns have to be of one type: write the same for the one that "
    "refers as for the one that is referred to (unsignedBigInteger() for an id())",
    "parent_unfit": "what is referred to cannot be: it has to be an InnoDB table of this schema "
    "that has no partitions",
    "set_null": "onDelete('set null') wants the column to be nullable()",
}
# By the server's error number, where the simulation sees nothing.
BY_NUMBER = {
    150: BY_KIND["columns_differ"],
    3780: BY_KIND["columns_differ"],
    1050: BY_KIND["table_exists"],
    1060: BY_KIND["column_exists"],
    1061: BY_KIND["index_exists"],
    1146: BY_KIND["table_missing"],
    1824: BY_KIND["parent_missing"],
    1054: BY_KIND["column_missing"],
}


def advice(told: dict, ways: list[list[dict]], lines: list[int]) -> str:
    """Return which line to change and how.

    told: what is said of the fault; ways: the edits that would have ended it; lines: those in
    question, where one could not be made.
    """
    shown = sorted(set(lines)) or ([told["line"]] if told["line"] else [])
    many = "lines" if len(shown) > 1 else "line"
    where = f"{told['path']}, {many} {', '.join(map(str, shown))}" if shown else told["path"]
    return f"In {where}: {_how(told, ways)}."


def _how(told: dict, ways: list[list[dict]]) -> str:
    if ways:
        return " or ".join("; ".join(map(_edit, way)) for way in ways)
    kind = (told.get("problem") or {}).get("kind")
    if kind in BY_KIND:
        return BY_KIND[kind]
    for number, words in BY_NUMBER.items():
        if f"errno: {number} " in told["error"] or f" {number} " in told["error"]:
            return words
    return "correct what the server says"


def _edit(edit: dict) -> str:
    table = edit["table"]
    if edit["do"] == "free":
        names = ", ".join(f"dropForeign('{key['name']}')" for key in edit["keys"])
        return f"before the rename of {table}, Schema::table('{table}', ...) with {names}"
    columns = ", ".join(edit["columns"])
    if edit["do"] == "unindex":
        return f"take index() from the foreign key ({columns}) of {table}, of which it is the name"
    what = "constraint" if edit["kind"] == "foreign" else "index"
    return (
        f"give the {what} ({columns}) of {table} the name '{edit['new']}', as the second argument "
        f"of {edit['kind']}()"
    )
