# SPDX-License-Identifier: GPL-3.0-or-later
"""What marks of tables tell; no server."""

from __future__ import annotations

import pytest
from fix_fk import untouched

ENDS = [[3, "0a"], [3, "0b"]]


def mark(written=100, made=50, number=None, ends=ENDS):
    return {"written": written, "made": made, "id": number, "ends": ends}


def marks(tables, **more):
    about = {"server": "db/3306/1", "since": 10, "moment": 200.5, "room": True}
    return {**about, "tables": tables, **more}


def compared(before, after, *, names=None, done=(), more=None, passing=(), accepted=()):
    expected: dict = {"names": names or {}, "structure": {"tables": {name: {} for name in done}}}
    later = {"moment": 230.0, **(more or {})}
    return untouched.compare(
        marks(before), marks(after, **later), expected, passing={*passing}, accepted={*accepted}
    )


def test_a_table_that_nobody_wrote_is_kept():
    found = compared({"a": mark(), "b": mark(None)}, {"a": mark(), "b": mark(None)})
    assert found.kept == ["a", "b"] and not found.failed and not found.unknown


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (mark(written=101), "a was written in the window"),
        (mark(written=None), "made anew, rebuilt or closed"),
        (mark(ends=[[2, "0c"], [3, "0b"]]), "other first or last rows"),
        (mark(made=51), "made anew or renamed"),
    ],
)
def test_each_part_of_a_mark_counts(now, told):
    found = compared({"a": mark()}, {"a": now})
    assert told in found.failed["a"] and found.kept == []


def test_the_number_of_a_table_tells_it_from_its_twin():
    assert "another table" in compared({"a": mark(number=1)}, {"a": mark(number=2)}).failed["a"]
    # It is the same one then, whenever its file was touched.
    assert compared({"a": mark(number=1)}, {"a": mark(number=1, made=51)}).kept == ["a"]


def test_a_table_that_is_gone_is_missed():
    assert "gone" in compared({"a": mark()}, {}).failed["a"]


def test_a_table_is_looked_for_under_its_new_name():
    # Another name, or a foreign key that goes, counts as made anew on MariaDB.
    found = compared({"a": mark()}, {"b": mark(made=51)}, names={"a": "b"})
    assert found.kept == ["a"]
    assert compared({"a": mark()}, {"a": mark(made=51)}, done=["a"]).kept == ["a"]
    assert "(now b)" in compared({"a": mark()}, {"b": mark(101)}, names={"a": "b"}).failed["a"]


def test_what_may_change_is_not_held_against_it():
    assert not compared({"a": mark()}, {"a": mark(101)}, passing=["a"]).failed
    found = compared({"a": mark()}, {"a": mark(101)}, accepted=["a"])
    assert not found.failed and "a was written" in found.accepted[0]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"server": "other/3306/2"}, "another server"),
        ({"since": 215}, "started anew"),
        ({"moment": 100.0}, "clock"),
        ({"since": None}, "does not tell"),
    ],
)
def test_a_server_that_may_have_forgotten_proves_nothing(more, told):
    found = compared({"a": mark()}, {"a": mark()}, more=more)
    assert told in found.unknown and found.kept == []


def test_what_was_never_written_may_have_been_closed_where_there_is_no_room():
    found = compared({"a": mark(None), "b": mark()}, {"a": mark(None), "b": mark()},
                     more={"room": False})  # fmt: skip
    assert (found.forgotten, found.kept) == (["a"], ["b"])


def test_a_write_that_left_no_time_is_seen():
    before, after = marks({"migrations": mark()}), marks({"migrations": mark()})
    assert untouched.told_nothing(before, after, "migrations")
    assert not untouched.told_nothing(before, marks({"migrations": mark(101)}), "migrations")
    assert not untouched.told_nothing(marks({}), after, "migrations")


def test_what_this_plan_writes_and_an_interrupted_one_left_alone_is_not_called_failed():
    expected: dict = {"touched": {"tables": ["T"], "whole": ""}}
    before, after = marks({"t": mark(), "u": mark()}), marks({"t": mark(7), "u": mark(7)})
    found = untouched.compare(before, after, expected, passing=set(), accepted=set())
    assert found.unread == ["t"] and [*found.failed] == ["u"]
