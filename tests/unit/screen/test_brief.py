# SPDX-License-Identifier: GPL-3.0-or-later
"""What a screen without -v leaves out, and what it never does; no server."""

from __future__ import annotations

import pytest
from fix_fk.screen import brief, layout, text


def step(title="Drop them", undo=(), state="changed"):
    return {
        "id": "x",
        "title": title,
        "undo": list(undo),
        "state": state,
        "reason": "or leave it out",
        "queries": ["DROP x"],
        "details": [],
    }


def diagnosis(**changes):
    return {
        "verdict": "v",
        "found": "It failed. More of it.",
        "names": [],
        "evidence": ["One.", "Two."],
        "notes": [],
        "refused": False,
        "steps": [step()],
        **changes,
    }


def data(**changes):
    return {
        "outcome": "repaired",
        "tone": "good",
        "host": "app",
        "run_id": "1",
        "diagnosis": diagnosis(),
        "steps": [step()],
        "checks": [],
        "happened": "It failed. More of it.",
        "did": "d",
        "state": "",
        "next": "n",
        "undo": [],
        **changes,
    }


@pytest.mark.parametrize(
    "undo, words",
    [
        (["nothing to undo: a file was added"], "nothing to undo"),
        (["php artisan up"], "undo: php artisan up"),
        (["-- `t` was empty; it is made again"], "undo: -- `t` was empty; it is made again"),
        (["RENAME TABLE " + "x" * 80], "undo: 1 statement"),
        (["A", "-- b", "C"], "undo: 2 statements"),
    ],
)
def test_a_step_is_a_line_with_its_undo(undo, words):
    shown = brief.plan(diagnosis(steps=[step(undo=undo)]), "app")
    (line,) = [line for line in shown.splitlines() if "Drop them" in line]
    assert line.split("Drop them")[1].strip() == words


def test_of_notes_with_a_plan_the_rest_is_counted():
    shown = brief.plan(diagnosis(notes=[f"Note {n}. Left out." for n in range(9)]), "app")
    assert shown.count("- Note") == brief.NOTES and "Left out" not in shown
    assert "4 more: with -v" in shown


def test_what_somebody_is_asked_to_agree_to_is_whole():
    notes = [f"Would be lost: {n}. All of it." for n in range(12)]
    shown = brief.plan(diagnosis(notes=notes, steps=[], refused=True), "app")
    assert shown.startswith(f"{layout.RULE}\nREFUSED   app   v\n")
    assert shown.count("All of it.") == 12 and "more" not in shown


def test_a_holder_is_named_where_the_sentence_has_not():
    name = {"name": "fk_a", "holder": "old", "is": "displaced", "wanted_by": "new"}
    assert "fk_a by old (displaced), wanted by new" in brief.plan(diagnosis(names=[name]), "app")
    told = diagnosis(names=[name], found="The name fk_a is held by old.")
    assert "displaced" not in brief.plan(told, "app")


@pytest.mark.parametrize("state, shown", [("changed", False), ("failed", True)])
def test_the_steps_are_shown_again_where_one_failed(state, shown):
    said = text.report(data(steps=[step(state=state)], outcome="failed", tone="bad"))
    assert ("DROP x" in said) == ("or leave it out" in said) == shown
    assert "DROP x" in text.report(data(steps=[step(state=state)]), verbose=True)


def test_a_check_that_wants_a_person_is_shown_once():
    checks = [
        {"check": "good", "ok": True, "detail": "d"},
        {"check": "bad", "ok": False, "detail": "d"},
        {"check": "odd", "ok": True, "look": True, "detail": "d"},
        {"check": "told", "ok": True, "look": True, "detail": "d", "standing": {"found": "f"}},
    ]
    assert [c["check"] for c in brief.checks(data(checks=checks))] == ["bad", "odd"]
    assert brief.checks(data(checks=checks, steps=[])) == checks


def test_what_the_plan_has_said_is_one_sentence_at_the_end():
    assert brief.happened(data()) == "It failed."
    assert brief.happened(data(tone="bad")) == "It failed. More of it."


def test_from_when_to_when_it_was_down():
    said = text.report(data(down={"since": 1_000_000_000, "until": 1_000_000_009}))
    (line,) = [line for line in said.splitlines() if line.startswith("Down")]
    assert "6:40 to " in line and line.endswith(", 9 s")


def test_one_of_many_is_a_line():
    said = text.of_many(data(files=["/r/app.html", "/r/app.json"]))
    assert said == "REPAIRED   app   /r/app.html\n"
