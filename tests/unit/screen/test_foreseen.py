# SPDX-License-Identifier: GPL-3.0-or-later
"""What a screen shows of what is foreseen."""

from __future__ import annotations

from fix_fk.screen.foreseen import KINDS, every, lines
from fix_fk.wording import few


def finding(number, kind="orphans", detail="rows", will=False, guarded=False, loses=False, **more):
    name = f"2026_01_{number:02}_000000_m"
    return {
        "kind": kind,
        "migration": name,
        "errors": [1452],
        "sentence": f"Migration {name} meets {detail}. All of it.",
        "brief": f"Migration {name} meets {detail}.",
        "detail": detail,
        "guarded": guarded,
        "query": None,
        "will_fail": will,
        "may_fail": will or kind != "unseen",
        "loses": loses,
        **more,
    }


def shown(*findings, notes=()):
    return lines({"findings": list(findings), "notes": list(notes)})


def test_a_few_names_are_all_said():
    assert few(["a", "b", "a", None]) == "a, b"
    assert few("abcd") == "a, b, c, d"
    assert few("abcde") == "a, b, c and 2 more"


def test_one_finding_is_said_as_it_is():
    assert shown(finding(1)) == [("may fail", "Migration 2026_01_01_000000_m meets rows.")]


def test_what_is_certain_comes_first_and_all_of_it():
    others = [finding(n, kind=f"k{n}") for n in range(1, KINDS + 4)]
    certain = [finding(n, detail=f"table {n}", will=True) for n in range(20, 40)]
    loss = finding(50, kind="loss", detail="drops t", loses=True)
    told = shown(*others, *certain, loss)
    words = [word for word, _ in told]
    assert words[:22] == ["LOSES ROWS", *["WILL FAIL"] * 20, "may fail"]
    assert words.count("may fail") == KINDS
    assert "3 findings of other kinds" in told[-2][1] and "All 29 findings" in told[-1][1]


def test_what_is_the_same_for_certain_is_said_once_with_the_names():
    told = shown(*(finding(n, will=True, detail="no table t") for n in range(1, 9)))
    assert len(told) == 2
    assert "01_000000_m meets no table t. So will 2026_01_02" in told[0][1]
    assert told[0][1].endswith("and 4 more.")


def test_what_a_guard_may_hide_is_one_line():
    guarded = [finding(n, kind=f"k{n % 4}", detail=f"d{n}", guarded=True) for n in range(1, 13)]
    unseen = [finding(n, kind="unseen", errors=[], guarded=True) for n in range(1, 25)]
    told = shown(*guarded, *unseen)
    assert [word for word, _ in told] == ["may fail", "look", "note"]
    assert told[0][1].startswith("12 migrations decide by what they find")
    assert told[1][1].startswith("24 migrations decide by what they find")


def test_all_of_it_is_shown_with_its_query_when_asked_for():
    first, second = finding(1, query="SELECT 1"), finding(2)
    told = every({"findings": [first, second], "notes": ["n"]})
    assert told == [
        ("may fail", first["sentence"]),
        ("", "SELECT 1"),
        ("may fail", second["sentence"]),
        ("note", "n"),
    ]
