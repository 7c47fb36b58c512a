# SPDX-License-Identifier: GPL-3.0-or-later
"""What a migration sent in a scratch schema, in the place of what --pretend shows."""

from __future__ import annotations

import pytest
from fix_fk import learned, learning
from fix_fk.facts import Laravel

IF = "up(), line 12: if"
TRY = "up(), line 13: try"
ASKS = "select * from information_schema.tables where table_name = 'a'"
ADD = "alter table `a` add `b` int null"
KEY = "alter table `a` add constraint `k` foreign key (`b`) references `c` (`id`)"
DROP = "alter table `a` drop foreign key `old`"
UPDATE = "update `a` set `b` = 1"
KNOWN = {
    "source_strings": ["live_events", "alive"],
    "up": [ASKS, ADD, KEY],
    "up_error": None,
    "up_conditional": [IF, f"up() asks: {ASKS}"],
}


def answer(*done, failed="", error=None, **more):
    statements = [{"sql": text, "done": True} for text in done]
    statements += [{"sql": failed, "done": False}] if failed else []
    return {"statements": statements, "error": error, "unseen": 0, "stopped": None, **more}


def applied(told, conditional=(IF,), **more):
    known = {**KNOWN, "up_conditional": [*conditional, f"up() asks the database: {ASKS}"], **more}
    return learned.applied(known, told)


def test_what_the_schema_decides_is_known():
    found = applied(answer(ASKS, DROP))
    assert found["up"] == [DROP] and not found["up_conditional"]
    assert found["up_certain"] == 1 and not found.get("up_met")


def test_without_an_answer_nothing_changes():
    assert learned.applied(KNOWN, None) == KNOWN


@pytest.mark.parametrize(
    "told",
    [
        answer(DROP, stopped="it did not end within 15 s"),
        answer(DROP, unseen=1),
        answer(DROP, unseen=-1),
        # Without rows there is no first one.
        answer(ASKS, "select * from `a` limit 1", error="Attempt to read property on null"),
    ],
)
def test_what_was_not_seen_to_the_end_stays_as_it_was_with_the_reason(told):
    found = applied(told)
    assert found["up"] == KNOWN["up"] and "up_certain" not in found
    assert len(found["up_conditional"]) == 3


@pytest.mark.parametrize(
    ("asked", "rows"),
    [
        ("select * from information_schema.statistics where table_name = 'a'", False),
        ("select exists (select 1 from information_schema.tables) as `exists`", False),
        ("select table_name, (data_length + index_length) as `size` from information_schema.tables",
         False),
        ("select database() as name", False),
        ("SHOW INDEX FROM a", False),
        ("show full columns from `a`", False),
        ("select table_rows from information_schema.tables where table_name = 'a'", True),
        ("select auto_increment from information_schema.tables", True),
        ("SHOW TABLE STATUS LIKE 'a'", True),
        ("select count(*) as aggregate from `a`", True),
        ("select 1 from information_schema.tables where exists (select 1 from a)", True),
        ("with x as (select * from a) select * from x", True),
        ("(select * from `a`)", True),
    ],
)  # fmt: skip
def test_which_questions_rows_answer(asked, rows):
    found = applied(answer(asked, DROP))
    assert bool(found["up_conditional"]) is rows
    assert found["up_certain"] == (0 if rows else 1)


@pytest.mark.parametrize(
    ("statement", "rows"),
    [
        (DROP, False),
        (ADD, False),
        ("alter table `a` add `b` date not null", True),
        ("alter table `a` add index `i`(`b`)", False),
        ("alter table `a` add unique `i`(`b`)", True),
        (KEY, True),
        ("alter table `a` modify `b` int not null", True),
        (UPDATE, True),
        ("rename table `a` to `d`", False),
    ],
)
def test_what_a_try_may_catch_on_rows(statement, rows):
    assert bool(applied(answer(statement), (TRY,))["up_conditional"]) is rows


def test_a_table_that_it_has_made_has_no_rows_to_catch():
    made = "create table `a` (`b` int)"
    assert not applied(answer(made, KEY), (TRY,))["up_conditional"]


def test_how_many_rows_were_changed_may_decide():
    counts = ["line 14: by the rows that update() has changed"]
    assert applied(answer(UPDATE, DROP), counts=counts)["up_conditional"] == counts
    assert not applied(answer(DROP), counts=counts)["up_conditional"]
    assert not applied(answer(UPDATE, DROP), counts=[])["up_conditional"]


def test_what_is_another_at_another_time_stays_uncertain():
    assert applied(answer(DROP), varies=["line 3: by now"])["up_conditional"]


def test_where_it_ends_is_certain_and_what_follows_is_not():
    found = applied(answer(ASKS, DROP, failed=ADD, error="SQLSTATE[42S21]: 1060 Duplicate"))
    assert found["up"] == [DROP, ADD, KEY] and found["up_certain"] == 2
    assert found["up_met"] and found["up_conditional"] and not found["up_error"]


def test_where_it_ends_elsewhere_than_shown_the_rest_is_unknown():
    other = "alter table `a` drop `x`"
    found = applied(answer(DROP, failed=other, error="SQLSTATE[42000]: 1091 Can't DROP"))
    assert found["up"] == [DROP, other] and found["up_error"]


def test_the_statements_differ_before_and_now():
    raw = {
        "statements": {"m": {**KNOWN, "source_strings": []}},
        "learned": {"before": {"m": answer(ADD)}, "now": {"m": answer(DROP)}},
    }
    laravel = Laravel(raw)
    assert laravel.up("m") == [ADD] and laravel.ahead.up("m") == [DROP]
    assert Laravel({"statements": raw["statements"]}).ahead.up("m") == KNOWN["up"]


def test_a_drop_in_another_branch_counts_when_it_is_run_again():
    known = {**KNOWN, "up_drops": ["gone"]}
    raw = {
        "statements": {"m": known},
        "learned": {"before": {"m": answer(ADD)}, "now": {"m": answer(ADD)}},
    }
    assert Laravel(raw).unshown_drops("m") == ["gone"]
    assert Laravel(raw).ahead.unshown_drops("m") == []


@pytest.mark.parametrize(
    "more",
    [
        {"outside": ["Http"]},
        {"connection": "second"},
        {"other_connections": ["second"]},
        {"source_strings": ["drop table live.a"]},
        {"source_strings": ["Live"]},
        {"up": ["drop table `other`.`a`"]},
    ],
)
def test_what_reaches_out_is_not_run_nor_what_follows(more):
    raw = {
        "migrations": {"pending": ["a", "b", "c"]},
        "statements": {"a": KNOWN, "b": {**KNOWN, **more}, "c": KNOWN},
    }
    assert learning.to_learn(raw, "live") == ["a"]


@pytest.mark.parametrize(("decides", "learned"), [(KNOWN, ["a", "b"]), ({}, [])])
def test_plain_migrations_are_run_only_before_one_that_decides(decides, learned):
    plain = {**KNOWN, "up_conditional": []}
    raw = {
        "migrations": {"pending": ["a", "b", "c"]},
        "statements": {"a": plain, "b": {**plain, **decides}, "c": plain},
    }
    assert learning.to_learn(raw, "live") == learned
