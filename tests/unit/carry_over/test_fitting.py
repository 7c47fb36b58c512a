# SPDX-License-Identifier: GPL-3.0-or-later
"""Which values a column cannot hold, as the condition that is put to the server."""

from __future__ import annotations

import pytest
from fix_fk.carry_over.fitting import unfit
from fix_fk.schema.effects import Column


@pytest.mark.parametrize(
    "old, new, condition",
    [
        ("int", "bigint", ""),
        ("int(11)", "int", ""),
        ("bigint unsigned", "int", "v NOT BETWEEN -2147483648 AND 2147483647"),
        ("int", "smallint unsigned", "v NOT BETWEEN 0 AND 65535"),
        ("tinyint", "decimal(5,2)", ""),
        ("decimal(8,2)", "decimal(10,2)", ""),
        ("decimal(8,4)", "decimal(8,2)", "v <> ROUND(v, 2)"),
        ("decimal(8,2)", "decimal(4,2)", "v NOT BETWEEN -99.99 AND 99.99"),
        ("decimal(8,2)", "int", "v <> ROUND(v, 0)"),
        ("varchar(20)", "varchar(9)", "CHAR_LENGTH(v) > 9"),
        ("char(9)", "text", ""),
        ("longtext", "text", "LENGTH(v) > 65535"),
        ("enum('a','b')", "enum('b','a','c')", ""),
        ("set('a','b')", "set('b','a')", "CAST(CONVERT(v USING utf8mb4) AS BINARY) NOT IN ('', 'b', 'a')"),  # noqa: E501
        ("datetime(6)", "datetime(3)", "MICROSECOND(v) % 1000 <> 0"),
        ("date", "datetime", ""),
        ("blob", "varbinary(4)", "LENGTH(v) > 4"),
        # What one makes of the other is for a person to say.
        ("varchar(9)", "int", None),
        ("int", "varchar(9)", None),
        ("timestamp", "datetime", None),
        ("float", "double", None),
        ("json", "text", None),
        ("binary(4)", "binary(8)", None),
    ],
)  # fmt: skip
def test_what_does_not_fit(old, new, condition):
    assert unfit(Column("a", old), Column("a", new), "v") == condition


def test_another_character_set_is_asked_letter_by_letter():
    latin, wide = (
        Column("a", "varchar(9)", collation=f"{name}_bin") for name in ("latin1", "utf8mb4")
    )
    assert unfit(latin, wide, "v") == ""
    assert "USING latin1" in (unfit(wide, latin, "v") or "")
