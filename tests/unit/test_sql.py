# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read in a statement; no server."""

from __future__ import annotations

import pytest
from fix_fk.schema import sql


@pytest.mark.parametrize(
    ("statement", "leaves"),
    [
        ("alter table `a` add constraint `x` foreign key (`b`) references `c` (`id`)", False),
        ("alter table `a` add constraint `x` foreign key (`b`) references `s`.`c` (`id`)", True),
        ("drop table if exists `s`.`a`", True),
        ("rename table `a` to `b`", False),
        ("rename table `a` to `s`.`b`", True),
        ("update `a` set `a`.`b` = 1", False),
        ("select * from information_schema.tables where table_schema = ?", False),
        ("insert into s.a select * from information_schema.tables", True),
        ("this is no (statement", True),
    ],
)
def test_a_table_that_is_named_with_its_schema_is_seen(statement, leaves):
    assert sql.leaves_schema(statement) is leaves
