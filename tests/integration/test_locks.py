# SPDX-License-Identifier: GPL-3.0-or-later
"""Another connection stands on a table that Option 1 wants to change.

The run waits for seconds, fails, names who is in the way, and ends nobody. Once the lock is gone
a second run finishes the job.
"""

from __future__ import annotations

import contextlib
import re
import threading
import time
from pathlib import Path

import pymysql
import pytest
from playbook import play
from sandbox import ON_MARIADB

FAILED = "2026_01_25_000000_total_refactor_skp_system"
NEXT = "2026_01_26_000000_refactor_skp_tahunan_detail"
NAMES = ("fk_skp_tahunan_user", "fk_skp_tahunan_approved_by")
# Seconds that a run may take, of which at most 4 are spent waiting in each test.
BOUND = 60
SHORT = {
    "rollback_lock_wait_timeout": 1,
    "rollback_retries": 1,
    "fk_drop_lock_wait_timeout": 1,
    "fk_drop_retries": 1,
    "remigrate_lock_wait_timeout": 2,
}


class Blocker:
    """A session of the application's own account, or of another, with an open transaction.

    `id` is its connection id; it can be asked whether it still lives.
    """

    def __init__(self, sandbox, user=None):
        account = {"user": user} if user else {"user": sandbox.user, "password": sandbox.password}
        if "password" in account:
            account["password"] = account["password"].encode()
        self.connection = pymysql.connect(
            unix_socket=sandbox.socket, database=sandbox.database, charset="utf8mb4", **account
        )
        self.id = self.connection.thread_id()

    def read(self, table):
        self.connection.begin()
        self.connection.cursor().execute(f"SELECT 1 FROM `{table}` LIMIT 1")

    def lives(self):
        with contextlib.suppress(pymysql.MySQLError):
            self.connection.cursor().execute("SELECT 1")
            return True
        return False

    def release(self):
        self.connection.rollback()


@pytest.fixture
def blocker(broken):
    """A session of the application's own account, as of a worker that somebody forgot."""
    made = Blocker(broken)
    yield made
    made.connection.close()


def blocked(sandbox, blocker, **variables):
    """Run Option 1 into the lock; see that it ends in time, names the blocker, and lets it live."""
    started = time.monotonic()
    run = play(sandbox, **{**SHORT, **variables})
    assert time.monotonic() - started < BOUND
    assert run.rc != 0, run.screen
    assert run.report["outcome"] == "failed"
    assert f"connection {blocker.id} of {sandbox.user}" in run.message(), run.message()
    assert "Next: " in run.message() and "ansible-playbook fix_fk.yml" in run.message()
    assert blocker.lives()
    assert not waiting(sandbox)
    return run


def schema(sandbox):
    """Return the schema and its rows; that a number was given out and taken back is no change."""
    return re.sub(r" AUTO_INCREMENT=\d+", "", sandbox.schema_dump())


def waiting(sandbox):
    return sandbox.sql(
        "SELECT info FROM information_schema.processlist"
        " WHERE state = 'Waiting for table metadata lock'"
    )


def is_down(sandbox):
    return Path(sandbox.app, "storage/framework/down").exists()


def finishes(sandbox, rows, **variables):
    run = play(sandbox, **variables)
    assert run.rc == 0, run.screen
    assert run.report["outcome"] == "repaired_rows_aside"
    assert all(check["ok"] for check in run.report["checks"]), run.report["checks"]
    assert sandbox.sql("SELECT * FROM skp_tahunan_backup_v1 ORDER BY id") == rows
    assert sandbox.rows("skp_tahunan") == 0
    assert [sandbox.holders(name) for name in NAMES] == [["skp_tahunan"]] * 2
    assert sandbox.recorded()[-2:] == [FAILED, NEXT]
    assert not is_down(sandbox)


def original_rows(sandbox):
    return sandbox.sql("SELECT * FROM skp_tahunan_backup_v1 ORDER BY id")


def test_a_lock_before_the_first_write_leaves_all_as_it_was(broken, blocker):
    rows, before = original_rows(broken), schema(broken)
    blocker.read("skp_tahunan_backup_v1")
    run = blocked(broken, blocker, rollback_strategy="rename_back")
    assert schema(broken) == before
    assert not is_down(broken)
    assert "The application is up again, after a window of " in run.message()
    blocker.release()
    finishes(broken, rows)


def test_a_lock_while_its_own_down_runs(broken, blocker):
    """Artisan's statement waits as long as the server lets it, a day; here it does not."""
    rows, before = original_rows(broken), schema(broken)
    blocker.read("skp_tahunan")
    run = blocked(broken, blocker)
    assert "drop table if exists `skp_tahunan`" in run.message()
    # How far down() came is not known here, so nobody is let in.
    assert is_down(broken) and "stays in maintenance mode" in run.message()
    # Nothing is left of it: neither its record, nor a statement that would be done later.
    blocker.release()
    time.sleep(1.5)
    assert schema(broken) == before
    finishes(broken, rows)


def test_a_lock_on_the_constraints_keeps_maintenance_and_tells_the_undo(broken, blocker):
    """The rollback is done by then; what takes it back is in the paragraph."""
    rows = original_rows(broken)
    over = threading.Event()

    def read_when_it_is_back():
        while not over.wait(0.005):
            with contextlib.suppress(pymysql.MySQLError):
                if is_down(broken) and broken.rows("skp_tahunan"):
                    blocker.read("skp_tahunan")
                    return

    reader = threading.Thread(target=read_when_it_is_back)
    reader.start()
    try:
        run = blocked(broken, blocker)
    finally:
        over.set()
        reader.join()
    assert broken.rows("skp_tahunan_backup_v1") is None
    assert broken.holders(NAMES[0]) == ["skp_tahunan"]
    assert is_down(broken)
    assert "stays in maintenance mode" in run.message()
    assert "roll the failed migration back" in run.message()
    (rollback,) = [step for step in run.report["steps"] if step["id"] == "rollback"]
    assert rollback["undo_queries"] and all(
        line in run.message() for line in rollback["undo_queries"]
    )
    blocker.release()
    finishes(broken, rows)


@pytest.mark.skipif(not ON_MARIADB, reason="MySQL stops before: it locks a parent's children too")
def test_a_lock_in_the_middle_of_the_migrations(broken, blocker):
    rows = original_rows(broken)
    blocker.read("skp_tahunan_detail")
    run = blocked(broken, blocker)
    assert "rename table `skp_tahunan_detail`" in run.message()
    assert broken.recorded()[-1] == FAILED
    assert is_down(broken) and "stays in maintenance mode" in run.message()
    assert f"{FAILED} is recorded now" in run.message()
    blocker.release()
    time.sleep(1.5)
    assert broken.rows("skp_tahunan_detail_backup_v1") is None
    finishes(broken, rows)


def test_a_lock_of_another_account_is_named_with_the_right_to_see_it(broken):
    rows = original_rows(broken)
    other = Blocker(broken, broken.server.user)
    try:
        other.read("skp_tahunan_backup_v1")
        run = play(broken, rollback_strategy="rename_back", **SHORT)
        assert run.rc != 0 and "PROCESS" in run.message(), run.message()
        broken.sql("GRANT PROCESS ON *.* TO %s@'localhost'", broken.user)
        run = play(broken, rollback_strategy="rename_back", **SHORT)
        assert run.rc != 0
        assert f"connection {other.id} of {broken.server.user}" in run.message(), run.message()
        assert other.lives()
        other.release()
        finishes(broken, rows)
    finally:
        other.connection.close()
