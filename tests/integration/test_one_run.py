# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time on one schema: the second is told who is at work, and changes nothing."""

from __future__ import annotations

import concurrent.futures
import contextlib
import os
import signal
import socket
import time
import uuid
from pathlib import Path

import pytest
from ansible.module_utils.fix_fk.server import one_run
from killed import Killed, is_down, until
from playbook import play

# Seconds that a run may take; the machine may be busy.
PATIENCE = 180
LATER = "2026_01_27_000000_later"
# The test's turn, while it has this lock.
WAIT = "DB::select(\"SELECT GET_LOCK('fix_fk_test', 60)\");"
FAIL = "if (DB::table('users')->exists()) { throw new \\RuntimeException('users has rows'); }"


@pytest.fixture
def broken(kept):
    kept.broken()
    for path in Path(kept.dir, "backups").glob("*"):
        path.unlink()
    return kept


def lock(sandbox):
    return one_run.lock_name(sandbox.database, lower_case=False)


def is_free(sandbox):
    return sandbox.sql("SELECT IS_FREE_LOCK(%s)", lock(sandbox))[0][0] == 1


def holders(mark):
    """Return the ids of the processes that keep a lock for runs with this in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (path / "comm").read_text().strip() == one_run.PROCESS and mark.encode() in (
                path / "environ"
            ).read_bytes():
                found.append(int(path.name))
    return found


def state(sandbox):
    names = [path.name for path in Path(sandbox.dir, "backups").glob("*")]
    return sandbox.schema_dump(), sandbox.files(), sandbox.sql("SHOW DATABASES"), names


def refused(run):
    """See that a run was kept out by another one, and return what it says."""
    assert run.rc == 2 and run.report["outcome"] == "refused", run.screen
    said = run.message()
    assert "Another run works on the schema" in said and "Nothing was changed" in said, said
    assert "Next: Wait until it has ended, then run " in said, said
    return said


@contextlib.contextmanager
def turn(sandbox):
    """The test's turn: what WAIT waits for; ends with the block."""
    with contextlib.closing(sandbox.server.connect(database=sandbox.database)) as connection:
        connection.cursor().execute("SELECT GET_LOCK('fix_fk_test', 5)")
        yield


def waits(sandbox):
    return sandbox.sql(
        "SELECT 1 FROM information_schema.processlist WHERE info LIKE 'SELECT GET_LOCK(%'"
    )


def test_a_second_run_is_refused_until_the_first_has_ended(broken, tmp_path):
    broken.add_migration(LATER, up=WAIT, down="")
    with Killed(broken, tmp_path) as first:
        with turn(broken):
            first.until(lambda: waits(broken), "the last migration waits")
            (backup,) = Path(broken.dir, "backups").glob("*.json")
            restore = {"playbook": "playbooks/restore.yml", "restore_backup": backup.stem}
            with contextlib.closing(broken.server.connect()) as connection:
                holder = one_run.who(connection, lock(broken))
            assert holder["host"] == socket.gethostname() and holder["idle"] == 30
            before = state(broken)
            for given in ({}, restore):
                began = time.monotonic()
                second = play(broken, **given)
                # It takes three; the machine may be busy.
                assert time.monotonic() - began < 60
                said = refused(second)
                assert holder["said"] in said and "it lets go within 30 s" in said
                assert second.report["diagnosis"]["verdict"] == "another_run"
            assert state(broken) == before and is_down(broken)
        assert first.process.wait(PATIENCE) == 0, first.said()
        assert f"REPAIRED ROWS ASIDE   app   run {holder['run']}" in first.said()
        assert not holders(first.mark)
    assert is_free(broken) and not is_down(broken)
    run = play(broken, **restore)
    assert run.rc == 0 and run.report["outcome"] == "restored", run.screen
    assert is_free(broken)


@pytest.mark.parametrize("level", ["structure", "none"])
def test_one_that_comes_between_the_look_and_the_first_step(level, broken, tmp_path):
    """A rehearsal that is kept out is no plan that failed: nothing else is tried."""
    before = state(broken)
    with contextlib.closing(broken.server.connect()) as connection:
        with Killed(broken, tmp_path, rehearsal_level=level) as run:
            run.until_done("Verdict | Name the steps to take")
            assert one_run.take(connection, lock(broken))
            assert run.process.wait(PATIENCE) == 2
            said = " ".join(run.said().split())
            assert not holders(run.mark)
        assert "REFUSED app run" in said and "Another run works on the schema" in said
        # Of another account's session there is no more to be seen.
        assert f"connection {connection.thread_id()} of the database server" in said
        assert "Next: Wait until it has ended, then run it again: ansible-playbook fix_fk" in said
        assert "Done before that" not in said and "Another way" not in said
        assert state(broken) == before and not is_down(broken)
    run = play(broken, rehearsal_level=level)
    assert run.rc == 0 and run.report["outcome"] == "repaired_rows_aside", run.screen


def test_of_two_that_begin_at_once_one_repairs(broken):
    mark = {"FIX_FK_TEST_RUN": str(uuid.uuid4())}
    with concurrent.futures.ThreadPoolExecutor() as pool:
        both = [
            pool.submit(play, broken, environment=mark, rehearsal_level="structure")
            for _ in range(2)
        ]
        runs = sorted((run.result() for run in both), key=lambda run: run.rc)
    assert [run.rc for run in runs] == [0, 2], runs[1].screen
    assert runs[0].report["outcome"] == "repaired_rows_aside", runs[0].screen
    assert f"run {runs[0].report['run_id']} on host {socket.gethostname()}" in refused(runs[1])
    assert not is_down(broken) and is_free(broken)
    assert not holders(mark["FIX_FK_TEST_RUN"])
    assert not [name for (name,) in broken.sql("SHOW DATABASES") if "__fix_fk" in name]


def test_a_killed_controller_keeps_others_out_for_a_while(broken, tmp_path):
    with Killed(broken, tmp_path, preflight_run_idle=8) as first:
        first.until_done("Drop | Free the constraint names")
        # All but the holder, which may not die of it.
        for pid in {*first.processes(), first.process.pid} - {*holders(first.mark)}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        first.process.wait()
        assert len(holders(first.mark)) == 1
        said = refused(play(broken))
        assert "it lets go within 8 s" in said
        assert is_down(broken) and not is_free(broken)
        until(lambda: not holders(first.mark), "the holder has let go")
    assert is_free(broken)
    run = play(broken)
    assert run.rc == 0 and run.report["outcome"] == "repaired_rows_aside", run.screen
    assert not is_down(broken) and is_free(broken)


def test_a_killed_holder_is_replaced(broken, tmp_path):
    broken.add_migration(LATER, up=WAIT, down="")
    with Killed(broken, tmp_path) as run:
        with turn(broken):
            run.until(lambda: waits(broken), "the last migration waits")
            (old,) = holders(run.mark)
            os.kill(old, signal.SIGKILL)
            until(lambda: is_free(broken), "the server has noticed")
        run.until(lambda: [pid for pid in holders(run.mark) if pid != old], "there is another one")
        assert run.process.wait(PATIENCE) == 0, run.said()
        assert not holders(run.mark)
    assert is_free(broken) and not is_down(broken)


def test_a_step_is_not_done_when_another_run_has_the_lock_by_then(broken, tmp_path):
    broken.add_migration(LATER, up=WAIT, down="")
    with contextlib.closing(broken.server.connect()) as other, Killed(broken, tmp_path) as run:
        with turn(broken):
            run.until(lambda: waits(broken), "the last migration waits")
            (old,) = holders(run.mark)
            os.kill(old, signal.SIGKILL)
            other.cursor().execute("SELECT GET_LOCK(%s, 10)", (lock(broken),))
        assert run.process.wait(PATIENCE) == 2
        said = " ".join(run.said().split())
        assert "FAILED app run" in said and "Another run works on the schema" in said
        # Maintenance mode is that run's to lift.
        assert is_down(broken) and not holders(run.mark)
    run = play(broken)
    assert run.rc == 0 and not is_down(broken), run.screen


@pytest.mark.parametrize("level, outcome", [("full", "refused"), ("none", "failed")])
def test_a_run_that_does_not_end_well_lets_go(level, outcome, broken):
    broken.add_migration(LATER, up=FAIL, down="")
    mark = {"FIX_FK_TEST_RUN": str(uuid.uuid4())}
    run = play(broken, environment=mark, rehearsal_level=level)
    assert run.rc == 2 and run.report["outcome"] == outcome, run.screen
    assert run.modules()[-1] == "run_lock" and run.modules().count("run_lock") == 1
    assert is_free(broken) and not holders(mark["FIX_FK_TEST_RUN"])


def test_a_run_that_ends_well_or_does_nothing_takes_no_call_more(broken):
    mark = {"FIX_FK_TEST_RUN": str(uuid.uuid4())}
    for given in ({"check": True}, {}, {"playbook": "playbooks/verify.yml"}):
        run = play(broken, environment=mark, **given)
        assert run.rc == 0 and "run_lock" not in run.modules(), run.screen
        assert is_free(broken) and not holders(mark["FIX_FK_TEST_RUN"])


def test_a_lock_that_the_other_node_does_not_know_holds_on_the_host(kept, server, run_module):
    """Two servers in the place of two nodes of a cluster, each with its own GET_LOCK."""
    kept.broken()
    with contextlib.closing(server.connect()) as root, root.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE IF NOT EXISTS `{kept.database}`")
        node = {"database_socket": server.socket, "database_user": root.user.decode()}

        def run_lock(run, state="held", **more):
            given = {"id": run, "idle": 5, "rehearses": False}
            return run_module("run_lock", laravel_path=kept.app, run=given, state=state, **more)

        there = {**node, "database_name": kept.database, "database_password": ""}
        here = {"database_socket": kept.socket, "database_user": kept.user}
        here |= {"database_password": kept.password, "database_name": kept.database}
        assert run_lock("r1", **here)["changed"]
        try:
            began = time.monotonic()
            refused_there = run_lock("r2", **there)
            assert refused_there["failed"] and time.monotonic() - began < 5, refused_there
            assert "run r1 on host" in refused_there["msg"] and ", since " in refused_there["msg"]
            assert refused_there["held_by"]["run"] == "r1"
        finally:
            run_lock("r1", "released", **here)
        taken = run_lock("r2", **there)
        assert taken["changed"], taken
        run_lock("r2", "released", **there)
        cursor.execute(f"DROP DATABASE `{kept.database}`")
