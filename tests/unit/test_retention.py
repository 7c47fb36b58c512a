# SPDX-License-Identifier: GPL-3.0-or-later
"""Which backups are kept."""

from __future__ import annotations

import datetime
import itertools

from ansible.module_utils.fix_fk.backup.retention import Rules, judge, remove

NOW = datetime.datetime(2026, 3, 1, tzinfo=datetime.timezone.utc)


def backup(days, level="L0", run=None, **more):
    created = (NOW - datetime.timedelta(days=days)).isoformat(timespec="seconds")
    return {
        "id": f"d{days}", "created": created, "proof_level": level, "run_id": run, "problem": None,
        "bytes": 5, **more,
    }  # fmt: skip


def gone(backups, **rules):
    return [name for name, why in judge(backups, Rules(**rules), NOW).items() if why is None]


DAILY = [backup(days) for days in range(6)]


def test_none_goes_where_nothing_is_said():
    assert gone(DAILY) == gone(DAILY, runs=("a",)) == []


def test_the_newest_stay_and_the_young_ones():
    assert gone(DAILY, keep=4) == ["d4", "d5"]
    assert gone(DAILY, days=2) == ["d2", "d3", "d4", "d5"]
    assert gone(DAILY, keep=4, days=2) == gone(DAILY, keep=2, days=4) == ["d4", "d5"]
    # Also when it is old: somebody has set the clock, or makes one a year.
    assert gone([backup(400), backup(800)], days=2) == ["d800"]


def test_the_newest_proven_one_stays():
    proven = [backup(0), backup(1), backup(2, "L1"), backup(3, "L2"), backup(4, "L2")]
    assert gone(proven, keep=1) == ["d1", "d2", "d4"]
    assert gone([backup(0), backup(1, "L1"), backup(2, "L1")], keep=1) == ["d2"]


def test_what_an_unfinished_run_may_need_stays():
    runs = [backup(0), backup(1, run="b"), backup(2), backup(3, run="a"), backup(4)]
    assert gone(runs, keep=1, runs=("a",)) == ["d4"]
    assert gone(runs, keep=1, runs=("b", "")) == ["d2", "d3", "d4"]
    runs[2]["goes_on_with"] = "x"
    assert gone(runs, keep=1, runs=("x",)) == ["d3", "d4"]


def test_while_rows_are_aside_all_stay():
    assert gone(DAILY, keep=1, days=1, rows_aside=True) == []


def test_what_cannot_be_read_is_for_a_person_and_counts_as_none():
    backups = [backup(0, problem="x"), *DAILY[1:]]
    assert gone(backups, keep=2) == ["d3", "d4", "d5"]


def test_whatever_is_said_the_newest_and_the_newest_proven_one_stay():
    levels = itertools.product(("L0", "L1", "L2"), repeat=4)
    for these, keep, days in itertools.product(levels, range(3), range(3)):
        backups = [backup(10 * number, level) for number, level in enumerate(these)]
        lost = gone(backups, keep=keep, days=days)
        assert "d0" not in lost
        best = next((b["id"] for b in backups if b["proof_level"] == "L2"), None)
        assert best not in lost


def test_removed_is_the_dump_first_and_what_cannot_be_is_told(tmp_path):
    backups = [dict(backup(days), path=str(tmp_path / f"d{days}.sql.gz")) for days in range(3)]
    for one in backups[:2]:
        (tmp_path / f"{one['id']}.sql.gz").write_text("x")
        (tmp_path / f"{one['id']}.sql.gz.json").write_text("{}")
    removed, problems = remove(backups, {"d0": "new", "d1": None, "d2": None})
    assert removed == [{"id": "d1", "bytes": 5}]
    assert len(problems) == 1 and "d2 cannot be removed" in problems[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d0.sql.gz", "d0.sql.gz.json"]
