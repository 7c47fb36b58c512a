# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether every row is found again after a repair; no server."""

from __future__ import annotations

import pytest
from fix_fk.facts import inputs
from fix_fk.verification import verify


def content(rows, digest):
    return {"rows": rows, "digest": digest, "columns": ["id"]}


def rows_check(before, after, accepted=(), **expected):
    """Return the check of the rows, of content {table: (rows, digest)} before and after."""
    checks = verify(
        expected={"migrations": [], "names": {}, "dropped": [], "written": {}, **expected},
        history={"migrations": {}},
        laravel_facts={"migrations_table": "migrations", "migrations": {}},
        schema_facts={
            "name": "s", "tables": [], "server": {"name_scope": "schema"},
            "contents": {name: content(*what) for name, what in after.items()},
        },
        before={name: content(*what) for name, what in before.items()},
        volatile=["cache"],
        inputs=inputs({"remigrate_accept_loss": list(accepted)}),
    )  # fmt: skip
    return next(check for check in checks if check["check"] == "no row went missing")


@pytest.mark.parametrize(
    "before, after, expected",
    [
        ({"a": (5, "x")}, {"a": (5, "x")}, {}),
        ({"a": (5, "x")}, {"b": (5, "x")}, {"names": {"a": "b"}}),
        ({"a": (0, "x")}, {}, {}),
        ({"cache": (5, "x")}, {"cache": (1, "y")}, {}),
        ({"a": (5, "x")}, {"a": (7, "y")}, {"written": {"a": ["insert"]}}),
    ],
    ids=["same", "renamed", "empty", "passing", "inserted"],
)
def test_rows_that_are_found_again(before, after, expected):
    assert rows_check(before, after, **expected)["ok"]


@pytest.mark.parametrize(
    "before, after, expected",
    [
        ({"a": (5, "x")}, {"a": (4, "y")}, {}),
        ({"a": (5, "x")}, {}, {}),
        ({"a": (5, "x")}, {}, {"dropped": ["a"]}),
        ({"a": (5, "x")}, {"a": (4, "y")}, {"written": {"a": ["insert"]}}),
    ],
    ids=["changed", "gone", "dropped", "fewer"],
)
def test_rows_that_are_not(before, after, expected):
    check = rows_check(before, after, **expected)
    assert not check["ok"] and "a had 5 rows" in check["detail"]


def test_only_a_table_that_was_named_and_is_dropped_may_go():
    before = {"a": (5, "x"), "b": (3, "z")}
    check = rows_check(before, {"b": (3, "z")}, accepted=["A"], dropped=["a"])
    assert check["ok"] and check["detail"].startswith("3 rows of 2 tables found again; a and its 5")
    assert not rows_check(before, {"b": (3, "z")}, accepted=["a"])["ok"]
