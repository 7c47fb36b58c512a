# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows carried between two tables with any columns: kept as they are, or refused; never changed."""

from __future__ import annotations

import datetime
from collections import Counter
from decimal import Decimal

import pytest
from ansible.module_utils.fix_fk.schema.carrying import literal
from carried import CARRY, displaced
from hypothesis import given, seed
from hypothesis import strategies as st
from inquiry import inquire, repair
from test_incidents import SEED, options

TEXTS = ["", "a", "A ", "é", "€uro", "ř", "x" * 60, "p", "q", "p,q", "'\\%", "0", "12", "👍"]
NUMBERS = [0, 1, -1, 127, 128, 255, 256, 32767, 65535, 99999, 2**31 - 1, 2**32, -(2**31), 2**63 - 1]
FRACTIONS = ["0.5", "-0.01", "1.2345", "999.99", "99999.9", "-128.5"]
MOMENTS = ["2024-02-29 01:02:03", "2024-02-29 00:00:00", "1970-01-02 00:00:01.5", "2031-12-31"]
# Types, and the values that are tried in them.
KINDS: list[tuple[list[str], list]] = [
    (
        [
            *("tinyint", "smallint unsigned", "int", "int unsigned", "bigint", "decimal(5,2)"),
            *("decimal(9,4)", "decimal(20,0) unsigned", "tinyint(1)"),
        ],
        [*NUMBERS, *FRACTIONS],
    ),
    (
        [
            *("varchar(5)", "varchar(70)", "char(6)", "tinytext", "text", "enum('p','q','')"),
            *("enum('q','p')", "set('p','q')", "varchar(9) character set latin1"),
            *("varchar(9) character set utf8mb3", "text character set latin1"),
            "varchar(9) character set ascii",
        ],
        TEXTS,
    ),
    (["datetime", "datetime(3)", "date", "timestamp null", "time(1)"], MOMENTS),
    (["varbinary(3)", "varbinary(70)", "blob"], TEXTS),
    (["json", "double", "year"], ["1", "2024"]),
]
TYPES: dict[str, list] = {kind: values for kinds, values in KINDS for kind in kinds}


@st.composite
def tables(draw):
    """Return (columns of the old table, of the new one, rows)."""
    old, new, values = [], [], []
    for number in range(draw(st.integers(1, 3))):
        one = draw(st.sampled_from(sorted(TYPES)))
        alike = [kind for kind in sorted(TYPES) if TYPES[kind] is TYPES[one]]
        other = draw(st.sampled_from([*alike, *alike, *sorted(TYPES)]))
        null = " not null" if draw(st.integers(0, 5)) == 0 and "null" not in other else ""
        old.append(f"c{number} {one}")
        new.append(f"c{number} {other}{null}")
        values.append(st.sampled_from([None, *TYPES[one]]))
    rows = draw(st.lists(st.tuples(*values), min_size=1, max_size=4))
    return ", ".join(old), ", ".join(new), rows


def check(sandbox, old, new, rows):
    """Carry the rows over, and hold both tables against each other without the project's code."""
    made = "CREATE TABLE things (id int primary key auto_increment, {})"
    names = ", ".join(f"c{number}" for number in range(len(rows[0])))
    given_rows = ", ".join(f"({', '.join(map(literal, row))})" for row in rows)
    fill = ["SET sql_mode = ''", f"INSERT INTO things ({names}) VALUES {given_rows}"]
    with displaced(sandbox, made.format(old), made.format(new), rows=fill):
        before = sandbox.sql("SELECT * FROM things_old ORDER BY id")
        asked = inquire(sandbox, CARRY)
        verdict = asked.report["diagnosis"]["verdict"]
        if verdict != "carries_over":
            assert verdict in ("carry_undecided", "carry_in_the_way"), asked.screen
            assert sandbox.rows("things") == 0
            return verdict
        run = repair(sandbox, CARRY)
        after = sandbox.sql("SELECT * FROM things ORDER BY id")
        assert sandbox.sql("SELECT * FROM things_old ORDER BY id") == before
        assert [list(map(plain, row)) for row in after] == [list(map(plain, row)) for row in before]
        assert run.rc == 0, run.screen
        return verdict


def plain(value):
    """Return a value so that two are equal only if nothing was lost."""
    if isinstance(value, (int, Decimal)):
        return Decimal(value).normalize()
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return datetime.datetime(value.year, value.month, value.day)
    return value


def some(sandbox, examples, number=None):
    seen: Counter[str] = Counter()

    @options(examples, derandomize=number is None)
    @given(tables())
    def carried(example):
        seen[check(sandbox, *example)] += 1

    (carried if number is None else seed(number)(carried))()
    # Each way is taken.
    assert len(seen) == 3, seen


def test_rows_are_kept_or_refused(kept):
    some(kept, 12)


@pytest.mark.matrix
def test_many_rows_are_kept_or_refused(kept):
    print(f"To have the same columns again: FIX_FK_SEED={SEED}")
    some(kept, 200, SEED)
