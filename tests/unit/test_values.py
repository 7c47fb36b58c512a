# SPDX-License-Identifier: GPL-3.0-or-later
"""Which values fit which columns, and which conditions are put to a server; no server.

tests/integration/test_foresight.py has what a real server says.
"""

from __future__ import annotations

import pytest
from fix_fk.schema.columns import Server, keeps
from fix_fk.schema.effects import UNKNOWN, AddCheck, Column, WriteRows
from fix_fk.schema.rules.values import misfit, unfit
from fix_fk.schema.sql import read

STRICT = Server("mysql", modes=("STRICT_TRANS_TABLES", "NO_ZERO_DATE"))


@pytest.mark.parametrize(
    ("kind", "value", "error"),
    [
        ("int", "5", None),
        ("int", " 5e2 ", None),
        ("int", "", 1366),
        ("tinyint(1)", "127.4", None),
        ("tinyint(1)", "127.5", 1264),
        ("int unsigned", "-1", 1264),
        ("decimal(4,2)", "99.99", None),
        ("decimal(4,2)", "99.995", 1264),
        ("varchar(3)", "abc  ", None),
        ("varchar(3)", "abcd", 1406),
        ("enum('a','B')", "b", None),
        ("enum('a','B')", "1", None),
        ("enum('a','B')", "c", 1265),
        ("date", "2024-02-29", None),
        ("date", "2023-02-29", 1292),
        ("date", "0000-00-00", 1292),
        ("date", "20230229", None),
        ("datetime", "soon", 1292),
        ("json", "{}", None),
        ("json", "{", 3140),
        ("point", "x", None),
    ],
)
def test_a_value_fits_its_column_or_not(kind, value, error):
    assert unfit(Column("x", kind), value, STRICT) == error


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("varchar(10)", "varchar(10)"),
        ("varchar(10)", "varchar(200)"),
        ("varchar(10)", "text"),
        ("smallint(6)", "int(11)"),
        ("decimal(8,2)", "decimal(10,2)"),
        ("enum('a','b')", "enum('b','c','a')"),
        ("text", "longtext"),
        ("point", "int"),
    ],
)
def test_nothing_is_asked_where_all_values_fit(before, after):
    assert misfit(Column("x", before), Column("x", after), STRICT) is None


@pytest.mark.parametrize(
    ("check", "condition"),
    [
        ("n > 0 and m in ('a', 'b')", "`n` > 0 AND `m` IN ('a', 'b')"),
        ("sleep(100) > 0", None),
        ("n > (select 1)", None),
        ("load_file('/etc/passwd') is null", None),
        ("n > @@port", None),
        ("other.t.n > 0", None),
    ],
)
def test_only_a_plain_condition_is_put_to_the_server(check, condition):
    (effect,) = read(f"alter table `t` add constraint `k` check ({check})")
    assert isinstance(effect, AddCheck) and effect.check.condition == condition


def test_what_an_insert_does_not_tell_is_unknown():
    (effect,) = read("insert into `t` (`a`, `b`, `c`) values (null, now(), -3)")
    assert isinstance(effect, WriteRows) and effect.columns == ("a", "b", "c")
    assert effect.rows == ((None, UNKNOWN, "-3"),)


@pytest.mark.parametrize(
    "old, new, kept",
    [
        ("int(11)", "int", True),
        ("int", "bigint unsigned", True),
        ("bigint", "int", True),
        ("int", "decimal(8,2)", True),
        ("int", "double", False),
        ("varchar(9)", "text", True),
        ("text", "varchar(9)", True),
        ("varchar(9)", "int", False),
        ("decimal(8,2)", "decimal(9,3)", True),
        ("decimal(8,2)", "decimal(9,1)", False),
        ("decimal(8,2)", "int", False),
        ("double", "decimal(9,2)", False),
        ("datetime", "datetime(6)", True),
        ("datetime(6)", "datetime", False),
        ("datetime", "date", False),
        ("date", "datetime", True),
        ("binary(4)", "varbinary(4)", False),
        ("blob", "longblob", True),
        (None, "int", False),
        ("int", None, False),
    ],
)
def test_values_that_may_be_rounded_without_a_word(old, new, kept):
    assert keeps(old, new) is kept
