# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether every row is found again after a repair; no server."""

from __future__ import annotations

import pytest
from fix_fk.inputs import read_inputs
from fix_fk.verification import columns_to_compare, verify, way_out

ROWS = "no row went missing"
CHANGED = "rows that a migration may have changed"


def content(rows, digest):
    return {"rows": rows, "digest": digest, "columns": ["id"]}


def rows_check(before, after, accepted=(), **expected):
    """Return the check of the rows, of content {table: (rows, digest)} before and after."""
    return rows_checks(before, after, {"remigrate_accept_loss": list(accepted)}, **expected)[ROWS]


def rows_checks(before, after, given=(), marks=(None, None), recorded=((), ()), **expected):
    """Return all checks by name; given: variables of the operator; marks and recorded migrations
    before and after."""
    checks = verify(
        expected={"migrations": [], "names": {}, "dropped": [], "written": {}, **expected},
        history={"migrations": {"recorded": [*recorded[0]]}},
        laravel_facts={
            "migrations_table": "migrations", "migrations": {"recorded": [*recorded[1]]}
        },
        marks=marks[0],
        schema_facts={
            "name": "s", "tables": [], "server": {"name_scope": "schema"}, "marks": marks[1],
            "contents": {name: content(*what) for name, what in after.items()},
        },
        before={name: content(*what) for name, what in before.items()},
        volatile=["cache"],
        inputs=read_inputs(dict(given)),
    )  # fmt: skip
    return {check["check"]: check for check in checks}


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
        ({"a": (5, "x"), "copy": (5, "x")}, {"a": (0, "0"), "copy": (5, "x")}, {}),
    ],
    ids=["changed", "gone", "dropped", "fewer", "emptied beside a copy"],
)
def test_rows_that_are_not(before, after, expected):
    check = rows_check(before, after, **expected)
    assert not check["ok"] and "a had 5 rows" in check["detail"]


def test_tables_that_exchange_their_rows_are_no_move():
    before = {"a": (5, "x"), "b": (3, "z")}
    after = {"a": (3, "z"), "b": (5, "x")}
    check = rows_check(before, after)
    assert not check["ok"] and "the rows of a are in b" in check["detail"]
    assert rows_check(before, after, names={"a": "b", "b": "a"})["ok"]
    undecided = {"m": {"why": "decides by rows", "tables": ["a", "b"]}}
    checks = rows_checks(before, after, undecided=undecided)
    assert checks[ROWS]["ok"] and "the rows of a are in b" in checks[CHANGED]["detail"]


ALONE = "tables that the plan leaves alone"


def marked(moment=20.0, **tables):
    mark: dict = {"made": 1, "id": None, "ends": []}
    return {
        "server": "db", "since": 1, "moment": moment, "room": True, "why": {}, "whole": "",
        "tables": {name: {**mark, "written": when} for name, when in tables.items()},
    }  # fmt: skip


def test_a_copy_that_was_not_read_is_not_where_the_rows_went():
    marks = (marked(copy=100), marked(moment=30.0, copy=100))
    checks = rows_checks({"a": (5, "x")}, {"a": (0, "0"), "copy": (5, "x")}, marks=marks)
    assert not checks[ROWS]["ok"] and checks[ALONE]["ok"]
    assert checks[ROWS]["proof"]["digested"] == ["a"]
    assert checks[ROWS]["proof"]["marked"] == ["copy"]


def test_marks_are_not_believed_of_a_server_that_keeps_no_time():
    one, two = [{"name": "m", "batch": 1}], [{"name": "m", "batch": 1}, {"name": "n", "batch": 2}]
    still = (marked(a=100, migrations=100), marked(moment=30.0, a=100, migrations=100))
    check = rows_checks({}, {}, marks=still, recorded=(one, two))[ALONE]
    assert not check["ok"] and check["unknown"] and "kept no time" in check["detail"]
    assert rows_checks({}, {}, marks=still, recorded=(one, one))[ALONE]["ok"]
    moved = (still[0], marked(moment=30.0, a=100, migrations=110))
    assert rows_checks({}, {}, marks=moved, recorded=(one, two))[ALONE]["ok"]
    given = {"verify_accept_unknown": "s"}
    check = rows_checks({}, {}, given, marks=still, recorded=(one, two))[ALONE]
    assert check["ok"] and check["look"]


def test_marks_that_were_not_read_again_prove_nothing():
    assert not rows_checks({}, {}, marks=(marked(a=100), None))[ALONE]["ok"]


def test_only_a_table_that_was_named_and_is_dropped_may_go():
    before = {"a": (5, "x"), "b": (3, "z")}
    check = rows_check(before, {"b": (3, "z")}, accepted=["A"], dropped=["a"])
    assert check["ok"] and check["detail"].startswith("3 rows of 2 tables found again; a and its 5")
    assert not rows_check(before, {"b": (3, "z")}, accepted=["a"])["ok"]


def decides(*tables):
    return {"undecided": {"m": {"why": "up(), line 1: foreach", "tables": list(tables) or None}}}


@pytest.mark.parametrize(
    "after, expected, looked_at",
    [
        ((5, "y"), decides("a"), True),
        ((3, "y"), decides("A"), True),
        # A table without a row is never only looked at.
        ((0, "y"), decides("a"), False),
        ((5, "y"), decides(), True),
        # Fewer rows want a migration that names the table.
        ((4, "y"), decides(), False),
        ((5, "y"), decides("b"), False),
        (None, decides("a"), False),
        ((3, "y"), {"written": {"a": ["delete"]}}, True),
    ],
)
def test_rows_that_a_migration_may_have_changed(after, expected, looked_at):
    checks = rows_checks({"a": (5, "x")}, {"a": after} if after else {}, **expected)
    assert checks[ROWS]["ok"] == looked_at == (CHANGED in checks)
    if looked_at:
        assert (
            checks[CHANGED]["look"] and f"a had 5 rows, now {after[0]}" in checks[CHANGED]["detail"]
        )


def test_what_is_not_met_names_the_command_that_ends_it():
    before, after = {"a": (5, "x"), "b": (1, "z")}, {"a": (4, "y")}
    wrong = rows_checks(before, after)
    told = way_out(list(wrong.values()), "fix_fk.yml", "s", "backup_1")
    accept = """fix_fk.yml -e '{"verify_accept_changed": ["a", "b"]}'"""
    assert told.endswith(accept) and "restore.yml -e restore_backup=backup_1 ;" in told
    assert "backup" not in way_out(list(wrong.values()), "fix_fk.yml", "s", None)
    given = {"verify_accept_changed": ["a", "B"]}
    right = rows_checks(before, after, given)
    assert right[ROWS]["ok"] and "a had 5 rows" in right["rows accepted by name"]["detail"]
    part = rows_checks(before, after, {"verify_accept_changed": ["a"]})
    assert not part[ROWS]["ok"] and part[ROWS]["accept"] == ["b"]


def test_a_constraint_and_a_table_that_are_expected_can_be_accepted_by_name():
    expected = {
        "names": {},
        "tables": [["u", "v"]],
        "constraints": [
            {"name": "k", "table": "t", "columns": ["a"], "referenced_table": "u",
             "referenced_columns": ["id"]}
        ],
    }  # fmt: skip

    def checked(*names):
        return verify(
            expected=expected,
            history={"migrations": {}},
            laravel_facts={"migrations_table": "m", "migrations": {}},
            schema_facts={"name": "s", "tables": [], "missing": ["k"],
                          "contents": {}, "server": {"name_scope": "schema"}},
            before={},
            volatile=[],
            inputs=read_inputs({"verify_accept_changed": names}),
        )  # fmt: skip

    told = way_out(checked(), "fix_fk.yml", "s", "")
    assert told.endswith("""fix_fk.yml -e '{"verify_accept_changed": ["t", "u", "v"]}'""")
    assert all(check["ok"] for check in checked("t", "u", "v"))
    assert not all(check["ok"] for check in checked("t"))


def test_a_table_that_goes_does_not_say_what_is_compared_of_the_one_that_gets_its_name():
    before = {"old": {"columns": ["id", "name"]}, "users": {"columns": ["id"]}}
    expected = {"names": {"old": "users"}, "changed_columns": {}}
    assert columns_to_compare(before, expected) == {"users": ["id", "name"]}


def test_where_nothing_was_carried_out_no_columns_are_compared():
    assert columns_to_compare({}, {"constraints": []}) == {}
