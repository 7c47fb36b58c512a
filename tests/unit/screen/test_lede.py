# SPDX-License-Identifier: GPL-3.0-or-later
"""The first sentences of the page; no server."""

from __future__ import annotations

import re

import pytest
from fix_fk.screen.lede import OUTCOMES, lede
from fix_fk.screen.report import TONES


def said(outcome="repaired", **more):
    return lede({"outcome": outcome, "checks": [], **more})


def test_every_outcome_has_its_words():
    assert TONES.keys() < OUTCOMES.keys()
    for outcome in OUTCOMES:
        assert not re.search(r"\d|constraint|foreign key|migrat", said(outcome)), outcome


@pytest.mark.parametrize(
    "seconds, words", [(0.4, "1 second,"), (6.2, "6 seconds,"), (600, "10 minutes,")]
)
def test_how_long_it_was_away(seconds, words):
    assert f"away for {words} from " in said(down={"since": 1e9, "until": 1e9 + seconds})


@pytest.mark.parametrize(
    "check, words",
    [
        ({"ok": True}, "Every row is still there."),
        ({"ok": False}, "Not every row was found again."),
        ({"ok": True, "skipped": True}, "repaired."),
    ],
)
def test_whether_the_rows_are_there(check, words):
    assert said(checks=[{"check": "no row went missing", **check}]).endswith(words)
