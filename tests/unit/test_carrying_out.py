# SPDX-License-Identifier: GPL-3.0-or-later
"""A step that is carried out in several calls."""

from __future__ import annotations

import pytest
from fix_fk import carrying_out

PLAN = {"steps": [{"id": "carry", "arguments": {"tables": [{"table": "a"}]}}]}


def answers(*results):
    """Return what hands out these results, one a call, and the list of the calls."""
    calls: list = []

    def send(module, **options):
        calls.append((module, options))
        result = results[len(calls) - 1]
        if result.get("failed"):
            raise carrying_out.Failed(result)
        return result

    return send, calls


def moved(rows, left, **more):
    told = {"changed": bool(rows), "queries": ["INSERT"], "undo": ["DELETE"], "rate": 50.0}
    return {**told, "moved": rows, "left": left, "total": 300, **more}


def test_it_is_called_again_for_as_long_as_something_is_left():
    send, calls = answers(moved(100, 200), moved(150, 50), moved(50, 0, carried=[{"rows": 300}]))
    told: list = []
    result = carrying_out.take(send, PLAN, "carry", {"retries": 7}, told.append)
    assert [module for module, _ in calls] == ["carry_rows"] * 3
    assert calls[0][1]["seconds"] == 8 and calls[0][1]["retries"] == 7
    assert result["changed"] and result["queries"] == ["INSERT"] and result["undo"] == ["DELETE"]
    assert result["carried"] == [{"rows": 300}] and result["left"] == 0
    assert [carrying_out.so_far(one) for one in told] == [
        "100 of 300 rows (33 %), 50 a second, 4 s left",
        "250 of 300 rows (83 %), 50 a second, 1 s left",
    ]


def test_one_that_comes_no_further_is_not_called_for_ever():
    send, calls = answers(moved(0, 200), moved(0, 200))
    assert carrying_out.take(send, PLAN, "carry")["left"] == 200 and len(calls) == 1


def test_what_was_done_before_a_failure_is_to_be_taken_back_as_well():
    failure = {"failed": True, "msg": "the disk is full", "queries": [], "undo": []}
    send, _ = answers(moved(100, 200), failure)
    with pytest.raises(carrying_out.Failed, match="the disk is full") as failed:
        carrying_out.take(send, PLAN, "carry")
    assert failed.value.result["undo"] == ["DELETE"] and failed.value.result["changed"]
