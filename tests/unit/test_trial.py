# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between two schemas, in words; no server."""

from __future__ import annotations

import json

from fix_fk.trial import differences


def table(**parts):
    whole = {"columns": [["id", "int"]], "indexes": [], "keys": [], **parts}
    return json.dumps(whole)


def test_every_part_is_compared():
    one = {"a": table(), "b": table(), "c": table(), "d": table(), "e": table()}
    other = {
        "a": table(columns=[["id", "bigint"]]),
        "b": table(indexes=[["i", True]]),
        "c": table(keys=[["k", ["id"]]]),
        "d": table(),
    }
    assert differences(one, other) == [
        "column id of a",
        "index i of b",
        "foreign key k of c",
        "table e is in one of them alone",
    ]
    assert differences(one, one) == []
    assert differences(one, other, {"d"}.__contains__) == []


def test_the_order_of_columns_counts():
    columns = [["a", "int"], ["b", "int"]]
    one, other = {"t": table(columns=columns)}, {"t": table(columns=columns[::-1])}
    assert differences(one, other) == ["the order of the columns of t"]
