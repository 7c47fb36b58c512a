# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: S608 - identifiers are quoted, values are bound or escaped by literal()
"""Rows of a table that was renamed away, brought into the one that took its place.

A pair is {table, old, columns: [{column, value}], key: [{column, source, value, place}], compared:
[{new, old, plain}], unordered}: `value` is the SQL of a value for a row `c` of the old table, in a
key as the new column compares it; `place` is the SQL by which rows are put in order. `compared` are
SQL of both for rows `n` of the new one and `c`, of which `plain` says that they are written alike,
`key` that it is of the key, and `born` that it tells whether two rows of one key are the same row,
whatever was changed since. `there` are the rows that were in both before, {sql, values} or {many}.
`unordered` is whether a row may refer to one that comes later, `keep` the tables {table, columns:
[[own, referred to]]} whose rows keep those they refer to. Rows keep their keys, and one that
is there already is not written again: what was interrupted goes on with the same call.
"""

from __future__ import annotations

import contextlib
import time

from ansible.module_utils.fix_fk.schema.sql import quote_columns, quote_identifier, rows_of

# So many rows are in one transaction.
BATCH = 2000
# A row of a tree goes when none below it is left, or a row that came since would go with it.
AGAIN = "/* again and again, until it deletes nothing */ "
# Where a key must not be given anew because it is 0.
KEEPS_ZERO = "SET SESSION sql_mode = CONCAT(@@sql_mode, ',NO_AUTO_VALUE_ON_ZERO')"


def literal(value):
    """Return a value as SQL, as it is read without NO_BACKSLASH_ESCAPES."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, (int, float)):
        return repr(value)
    text = str(value).replace("\\", "\\\\").replace("'", "''").replace("\0", "\\0")
    return f"'{text}'"


def insert(pair, where="TRUE"):
    """Return the statement that brings over the rows that are not there yet."""
    columns = quote_columns([one["column"] for one in pair["columns"]])
    values = ", ".join(one["value"] for one in pair["columns"])
    table, old = quote_identifier(pair["table"]), quote_identifier(pair["old"])
    return (
        f"INSERT INTO {table} ({columns}) SELECT {values} FROM {old} c WHERE {where}"
        f" AND {_absent(pair)}"
    ).replace("WHERE TRUE AND ", "WHERE ")


def take_back(pair):
    """Return the statement that deletes the rows again that are as they were brought over, but for
    those to which rows of the tables in `keep` refer, and those that were there before."""
    many = (pair.get("there") or {}).get("many")
    if many:
        return (
            f"-- {many} rows were in {pair['table']} and in {pair['old']} before, too many to be "
            "named here: put the backup back"
        )
    table, old = quote_identifier(pair["table"]), quote_identifier(pair["old"])
    used, again = "", ""
    for one in pair["keep"]:
        child, columns = one["table"], one["columns"]
        rows = quote_identifier(child)
        if child == pair["table"]:
            # A statement may not read what it deletes from, but for a copy.
            rows = f"(SELECT DISTINCT {quote_columns([a for a, _ in columns])} FROM {rows})"
            again = AGAIN
        same = [f"k.{quote_identifier(a)} = n.{quote_identifier(b)}" for a, b in columns]
        used += f" AND NOT EXISTS (SELECT 1 FROM {rows} k WHERE {' AND '.join(same)})"
    return (
        f"{again}DELETE n FROM {table} n JOIN {old} c ON {same_key(pair)}"
        f" WHERE {same_row(pair)}{used}{_was_there(pair)}"
    )


def _was_there(pair):
    """Return the condition that leaves the rows out that were in both tables before."""
    there = pair.get("there") or {}
    if not there.get("values"):
        return ""
    return f" AND {there['sql']} NOT IN ({', '.join(map(literal, there['values']))})"


def _absent(pair):
    """Return the condition under which a row `c` is not in the new table."""
    table = quote_identifier(pair["table"])
    return f"NOT EXISTS (SELECT 1 FROM {table} n WHERE {same_key(pair)})"


def same_key(pair):
    return " AND ".join(
        f"n.{quote_identifier(one['column'])} = "
        + (one.get("value") or f"c.{quote_identifier(one['source'])}")
        for one in pair["key"]
    )


def same_row(pair):
    """Return the condition under which nothing differs."""
    return _alike(pair["compared"])


def same_origin(pair):
    """Return the condition under which two rows of one key are the same row, perhaps changed."""
    born = [one for one in pair["compared"] if one.get("born")]
    if not born:
        return same_row(pair)
    key = [one for one in pair["compared"] if one.get("key")]
    # Rows without a time of birth, which can be all zeros as well, tell by all that they have.
    known = " AND ".join(f"IFNULL(YEAR({one['old']}), 0) > 0" for one in born)
    return f"{_alike([*key, *born])} AND ({known} OR {same_row(pair)})"


def _alike(compared):
    return " AND ".join(f"{one['new']} <=> {one['old']}" for one in compared) or "TRUE"


class Unlike(Exception):
    """Rows did not come over as they are; the text says which."""


class Carrier:
    """Brings the rows of one pair over; execute(statement, arguments) sends one and waits.

    `moved` is how many rows are over for good, whatever ends it.
    """

    moved = 0

    def __init__(self, connection, pair, execute, batch=BATCH):
        self.connection, self.pair, self.execute, self.batch = connection, pair, execute, batch
        self.key = [one["source"] for one in pair["key"]]
        self.places = [
            one.get("place") or f"c.{quote_identifier(one['source'])}" for one in pair["key"]
        ]
        self.quoted = quote_identifier(pair["old"])

    def total(self):
        return rows_of(self.connection, f"SELECT COUNT(*) FROM {self.quoted}", None)[0][0]

    def left(self):
        """Return how many rows are not in the new table."""
        query = f"SELECT COUNT(*) FROM {self.quoted} c WHERE {_absent(self.pair)}"
        return rows_of(self.connection, query, None)[0][0]

    def carry(self, until):
        """Bring rows over, to the end or to this moment; tell whether it was the end."""
        done = self._from(self._reached(), ">", until)
        if done and self.left():
            # Some are missing before that: from the first of them, so that each call comes further.
            done = self._from(self._first(), ">=", until)
        return done

    def _from(self, at, sign, until):
        """Bring over what is behind (sign: or at) this key; return as carry() does."""
        while True:
            upper = self._upper(at, sign)
            self.moved += self._batch(at, upper, sign)
            if upper is None:
                return True
            at, sign = upper, ">"
            if time.monotonic() > until:
                return False

    def _reached(self):
        """Return the key of the last row that is over, None where there is none."""
        table = quote_identifier(self.pair["table"])
        order = ", ".join(f"n.{quote_identifier(one['column'])} DESC" for one in self.pair["key"])
        found = rows_of(
            self.connection,
            f"SELECT {self._columns()} FROM {table} n JOIN {self.quoted} c ON"
            f" {same_key(self.pair)} ORDER BY {order} LIMIT 1",
            None,
        )
        return list(found[0]) if found else None

    def _first(self):
        """Return the key of the first row that is not over, None where there is none."""
        found = rows_of(
            self.connection,
            f"SELECT {self._columns()} FROM {self.quoted} c WHERE {_absent(self.pair)}"
            f" ORDER BY {self._columns()} LIMIT 1",
            None,
        )
        return list(found[0]) if found else None

    def _columns(self):
        return ", ".join(self.places)

    def _upper(self, at, sign):
        """Return the last key of the batch behind `at`, None where it is the last one."""
        where, values = self._behind(at, sign)
        text = (
            f"SELECT {self._columns()} FROM {self.quoted} c WHERE \0"
            f" ORDER BY {self._columns()} LIMIT 1 OFFSET {self.batch - 1}"
        )
        found = self._asked(text, where, values)
        return list(found[0]) if found else None

    def _behind(self, at, sign=">"):
        """Return the condition that a key is behind (sign: or not behind) another one."""
        if at is None:
            return "TRUE", []
        names = [place.replace("%", "%%") for place in self.places]
        parts, values = [], []
        for number, name in enumerate(names):
            equal = [f"{one} = %s" for one in names[:number]]
            parts.append(" AND ".join([*equal, f"{name} {sign[0]} %s"]))
            values += at[: number + 1]
        if "=" in sign:
            parts.append(" AND ".join(f"{name} = %s" for name in names))
            values += at
        # The server finds the place in the index by the first column alone.
        return f"({names[0]} {sign[0]}= %s AND ({' OR '.join(parts)}))", [at[0], *values]

    def _batch(self, at, upper, sign):
        """Bring one batch over in a transaction of its own, compared before it counts."""
        first, values = self._behind(at, sign)
        last, more = self._behind(upper, "<=")
        where, values = f"{first} AND {last}".replace("TRUE AND ", ""), [*values, *more]
        self.execute("START TRANSACTION", None)
        try:
            before = self._equal(where, values)[1]
            moved = self._send(insert(self.pair, "\0"), where, values)
            rows, equal = self._equal(where, values)
            if rows or equal - before != moved:
                self._name(where, values)
            self.execute("COMMIT", None)
        except Exception:
            with contextlib.suppress(Exception):
                self.execute("ROLLBACK", None)
            raise
        return moved

    def _send(self, text, where, values):
        if values:
            text = text.replace("%", "%%")
        return self.execute(text.replace("\0", where), values or None)

    def _asked(self, text, where, values):
        if values:
            text = text.replace("%", "%%")
        return rows_of(self.connection, text.replace("\0", where), values or None)

    @property
    def _both(self):
        table = quote_identifier(self.pair["table"])
        return f"{self.quoted} c LEFT JOIN {table} n ON {same_key(self.pair)}"

    @property
    def _missing(self):
        return f"n.{quote_identifier(self.pair['key'][0]['column'])} IS NULL"

    def _equal(self, where, values):
        """Return how many rows of the batch are not over, and how many are as they were.

        One that is over and differs was there before, and has been changed since.
        """
        text = f"SELECT SUM({self._missing}), SUM({same_row(self.pair)}) FROM {self._both} WHERE \0"
        missing, equal = self._asked(text, where, values)[0]
        return int(missing or 0), int(equal or 0)

    def _name(self, where, values):
        """Raise Unlike with the first rows of the batch that are not over as they are."""
        differs = f"({self._missing} OR NOT ({same_row(self.pair)}))"
        text = f"SELECT {self._columns()} FROM {self._both} WHERE \0 AND {differs} LIMIT 5"
        keys = "; ".join(", ".join(map(str, row)) for row in self._asked(text, where, values))
        raise Unlike(
            f"Rows of {self.pair['old']} do not come into {self.pair['table']} as they are, "
            f"the first with {', '.join(self.key)} = {keys}: the new table makes something "
            "else of a value"
        )

    def prove(self):
        """Return {table, old, rows, same, equal, digests}: the rows of the old table, those of them
        that are in the new one, and those with equal values; digests is one of each side."""
        table = quote_identifier(self.pair["table"])
        join = f"{self.quoted} c JOIN {table} n ON {same_key(self.pair)}"
        plain = [one for one in self.pair["compared"] if one["plain"]]
        old, new = (
            "SUM(CAST(CONV(LEFT(SHA2(CONCAT_WS(',', "
            + (
                ", ".join(f"IFNULL(SHA2(CAST({one[side]} AS BINARY), 256), '-')" for one in plain)
                or "0"
            )
            + "), 256), 16), 16, 10) AS UNSIGNED))"
            for side in ("old", "new")
        )
        query = f"SELECT COUNT(*), {old} FROM {self.quoted} c"
        rows, one = rows_of(self.connection, query, None)[0]
        same, equal, other = rows_of(
            self.connection,
            f"SELECT COUNT(*), SUM({same_row(self.pair)}), {new} FROM {join}"
            f" WHERE {same_origin(self.pair)}",
            None,
        )[0]
        return {
            "table": self.pair["table"],
            "old": self.pair["old"],
            "rows": rows,
            "same": same,
            "equal": int(equal or 0),
            "digests": [f"{int(one or 0):032x}", f"{int(other or 0):032x}"],
        }
