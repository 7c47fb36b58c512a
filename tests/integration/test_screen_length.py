# SPDX-License-Identifier: GPL-3.0-or-later
"""However many migrations are pending, what diagnose.yml shows fits a screen."""

from __future__ import annotations

import pytest
from playbook import play

PLAYBOOK = "playbooks/diagnose.yml"
PLAIN = "Schema::create('tabel_{0}', function (Blueprint $t) {{ $t->id(); }});"
GUARDED = "if (! Schema::hasColumn('users', 'k{0}')) {{ Schema::table('users', fn ($t) => {1}); }}"
LOSES = "Schema::drop('progres_harian');"
FAILS = "Schema::table('tiada', fn ($t) => $t->string('x'));"


def migrations():
    """Return {name: up} of 70 pending migrations; four of them are certain."""
    found = {}
    for number in range(22):
        found[f"2027_01_{number + 1:02}_000000_tabel"] = PLAIN.format(number)
        adds = "$t->string('name')" if number % 2 else f"$t->string('k{number}')"
        found[f"2027_02_{number + 1:02}_000000_jika"] = GUARDED.format(number, adds)
        found[f"2027_03_{number + 1:02}_000000_baca"] = "DB::table('users')->get();"
    for number in range(2):
        found[f"2027_04_{number + 1:02}_000000_hilang"] = FAILS
    found["2027_00_01_000000_buang"] = LOSES
    found["2027_05_02_000000_lain"] = FAILS.replace("tiada", "bukan")
    return found


@pytest.fixture
def many(kept):
    kept.present()
    kept.withdraw()
    for name, up in migrations().items():
        kept.add_migration(name, up)
    return kept


def _at(lines, word):
    return next(number for number, line in enumerate(lines) if line.startswith(word))


def test_what_is_pending_fits_a_screen(many):
    run = play(many, PLAYBOOK, rehearsal_level="structure")
    assert run.report["outcome"] == "would_lose"
    shown = [line for line in run.screen.splitlines() if line.strip()]
    # What comes then is Ansible's own, as AWX shows it.
    shown = shown[: _at(shown, "TASK [report : Report | Fail")]
    assert len(shown) <= 35, run.screen
    assert len(shown[_at(shown, "Foreseen") : _at(shown, "Report  ")]) <= 25, run.screen
    for certain in ("progres_harian", "tiada", "bukan"):
        assert certain in run.screen
    assert run.screen.index("LOSES ROWS") < run.screen.index("WILL FAIL")
    assert run.screen.index("WILL FAIL") < run.screen.index("may fail")


def test_nothing_is_left_out_of_the_data_and_the_page(many):
    run = play(many, PLAYBOOK)
    every = migrations()
    assert run.report["diagnosis"]["pending"] == sorted(every)
    assert all(name in run.page for name in every)
    told = {finding["migration"] for finding in run.report["prediction"]["findings"]}
    assert told == {name for name in every if not name.endswith("_tabel")}


def test_more_is_shown_when_it_is_asked_for(many):
    run = play(many, PLAYBOOK, verbosity=1)
    for finding in run.report["prediction"]["findings"]:
        assert finding["migration"] in run.screen
