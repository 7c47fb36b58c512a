# SPDX-License-Identifier: GPL-3.0-or-later
"""Carrying rows over, killed at any moment: the same command goes on, no row is lost or doubled."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time

import pytest
from ansible.module_utils.fix_fk.schema.carrying import Carrier
from carried import CARRY, displaced
from inquiry import inquire
from killed import Killed, is_down
from playbook import PROJECT, play

ROWS = 200_000
TABLE = (
    "CREATE TABLE things (id bigint unsigned primary key auto_increment, a varchar(40), "
    "b decimal(9,3), created_at timestamp null)"
)
NEW = TABLE.replace("varchar(40)", "varchar(80) not null default ''")
CHILD = (
    "CREATE TABLE things_of (id int primary key, thing_id bigint unsigned, "
    "CONSTRAINT of_thing FOREIGN KEY (thing_id) REFERENCES things (id))"
)
FILL = [
    "INSERT INTO things (a, b, created_at) SELECT CONCAT('row ', a.id * 1000 + b.id), a.id / 7,"
    " '2024-05-06 07:08:09' FROM (SELECT id FROM progres_harian LIMIT 200) a,"
    " (SELECT id FROM progres_harian LIMIT 1000) b",
    "INSERT INTO things_of SELECT id, id * 3 FROM things LIMIT 500",
]
SEED = 20261127
# Runs the module in a process of its own, which can be killed as one.
ALONE = """
import json, sys
sys.path[:0] = json.loads(sys.argv[1])
import sandbox
from modules import run_module
run_module("carry_rows", **json.loads(sys.argv[2]))
"""


def parent_of_the_child(sandbox):
    """Return the table to which the constraint of the child refers."""
    return sandbox.sql(
        "SELECT referenced_table_name FROM information_schema.referential_constraints"
        " WHERE constraint_schema = %s AND constraint_name = 'of_thing'",
        sandbox.database,
    )[0][0]


@pytest.fixture
def aside(kept):
    with displaced(kept, TABLE, NEW, rows=FILL, after=[CHILD]):
        assert kept.rows("things_old") == ROWS
        yield kept


def test_killed_again_and_again_it_ends_with_every_row(aside, tmp_path):
    """The playbook once, then the module ten times at random."""
    plan = inquire(aside, CARRY).run.result
    tables = next(step for step in plan["steps"] if step["id"] == "carry")["arguments"]["tables"]
    with Killed(aside, tmp_path, CARRY) as run:
        run.until(lambda: aside.rows("things"), "rows are carried over")
    assert is_down(aside)
    chance, seen = random.Random(SEED), [aside.rows("things")]
    connection = {"laravel_path": aside.app, "laravel_php": aside.php}
    paths = [str(PROJECT / name) for name in ("tests", "library", "plugins")]
    for _ in range(10):
        given = {"tables": tables, "batch": 500, "connection": connection}
        alone = subprocess.Popen(
            [sys.executable, "-c", ALONE, json.dumps(paths), json.dumps(given)],
            stdout=subprocess.DEVNULL,
        )
        until = time.monotonic() + 30
        while aside.rows("things") == seen[-1] and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(chance.random() / 4)
        alone.send_signal(signal.SIGKILL)
        alone.wait()
        seen.append(aside.rows("things"))
    assert sorted(set(seen)) == seen and seen[-1] < ROWS, seen
    run = play(aside, CARRY)
    assert (run.rc, run.report["outcome"]) == (0, "repaired"), run.screen
    (check,) = [c for c in run.report["checks"] if c["check"] == "rows carried into things"]
    assert f"{ROWS} of {ROWS} rows of things_old, with the same values" in check["detail"]
    assert aside.rows("things") == aside.rows("things_old") == ROWS
    assert parent_of_the_child(aside) == "things" and not is_down(aside)
    again = play(aside, CARRY)
    assert again.rc == 0 and again.stats("changed") == 0, again.screen


AFTER = {
    "Rows | Carry them over": "fix_fk.yml",
    "Rows | Point the children at the new tables": CARRY,
}


@pytest.mark.parametrize("task", AFTER)
def test_killed_after_a_step(kept, task, tmp_path):
    """Whichever of the two playbooks is typed then."""
    few = [FILL[0].replace("LIMIT 200", "LIMIT 2"), FILL[1]]
    with displaced(kept, TABLE, NEW, rows=few, after=[CHILD]):
        with Killed(kept, tmp_path, CARRY) as run:
            run.until_done(task)
        assert is_down(kept)
        run = play(kept, AFTER[task])
        assert run.rc == 0, run.screen
        assert not is_down(kept)
        assert kept.rows("things") == 2000 and parent_of_the_child(kept) == "things"


def test_brought_up_by_hand_what_was_deleted_does_not_come_back(kept, tmp_path):
    """All that was over when the run was killed was deleted by users."""
    few = [FILL[0].replace("LIMIT 200", "LIMIT 2"), FILL[1]]
    with displaced(kept, TABLE, NEW, rows=few, after=[CHILD]):
        with Killed(kept, tmp_path, CARRY) as run:
            run.until_done("Rows | Carry them over")
        assert is_down(kept) and kept.artisan("up").returncode == 0
        kept.sql("DELETE FROM things")
        run = inquire(kept, CARRY)
        assert run.report["diagnosis"]["verdict"] == "carry_undecided", run.screen
        assert "brought up by hand: what was deleted there since" in run.report["happened"]
        assert '"carry_missing": ["things"]' in run.report["next"]
        assert kept.rows("things") == 0
        run = play(kept, CARRY, carry_missing=["things"])
        assert run.rc == 0 and kept.rows("things") == 2000, run.screen


def test_gone_on_with_it_takes_back_what_the_killed_run_brought(kept, tmp_path):
    """And not what was in both before that."""
    then = ["INSERT INTO things SELECT * FROM things_old WHERE id < 4"]
    with displaced(kept, TABLE, NEW, rows=FILL[:1], then=then):
        with Killed(kept, tmp_path, CARRY, carry_missing=["things"]) as run:
            run.until(lambda: kept.rows("things") > 3, "rows are carried over")
        assert 3 < kept.rows("things") < ROWS
        plan = inquire(kept, CARRY, carry_missing=["things"]).run.result
        (step,) = [step for step in plan["steps"] if step["id"] == "carry"]
        for statement in step["undo"]:
            kept.sql(statement)
        assert kept.sql("SELECT id FROM things ORDER BY id") == [(1,), (2,), (3,)]
    kept.present()


def test_a_row_that_does_not_come_over_as_it_is_undoes_its_batch(kept):
    """A trigger that somebody made since the plan."""
    spoil = "CREATE TRIGGER things_spoil BEFORE INSERT ON things FOR EACH ROW SET NEW.a = 'x'"
    with displaced(kept, TABLE, NEW, rows=[FILL[0].replace("LIMIT 200", "LIMIT 1")]):
        plan = inquire(kept, CARRY).run.result
        tables = next(s for s in plan["steps"] if s["id"] == "carry")["arguments"]["tables"]
        kept.sql(spoil)
        with kept.server.connect(database=kept.database) as connection, pytest.raises(
            Exception, match="do not come into things as they are, the first with id = 1; 2; 3"
        ):
            Carrier(connection, tables[0], executing(connection)).carry(float("inf"))
        assert kept.rows("things") == 0


def executing(connection):
    def execute(statement, arguments):
        with connection.cursor() as cursor:
            cursor.execute(statement, arguments)
            return cursor.rowcount

    return execute
