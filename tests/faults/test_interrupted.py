# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that was killed at any point is finished by running it again; no row goes missing.

Each half-done state is made by a real run: ansible-playbook is started, watched until it has got
that far, and killed together with every process it started, as when the machine loses power.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import threading
from pathlib import Path

import pytest
from killed import SECONDS, Killed, is_down, reading, rows, waiting
from playbook import play
from window import Watched

FAILED = "2026_01_25_000000_total_refactor_skp_system"
NEXT = "2026_01_26_000000_refactor_skp_tahunan_detail"
NAMES = ("fk_skp_tahunan_user", "fk_skp_tahunan_approved_by")
ROLLBACK_BATCH = 2000000000
LEFTOVER = "skp_tahunan__fix_fk_leftover"


@pytest.fixture
def broken(kept):
    """The sandbox in the incident, with the rows of every table as `.before`."""
    kept.broken()
    for path in Path(kept.dir, "backups").glob("*"):
        path.unlink()
    kept.before = rows(kept)
    return kept


def finishes(sandbox, **variables):
    """Run it again and see that the job is done, whole, with every row there."""
    with Watched(sandbox) as window:
        run = play(sandbox, **variables)
    assert run.rc == 0, run.screen
    assert run.report["outcome"] == "repaired_rows_aside", run.screen
    window.agrees_with(run.report)
    assert all(check["ok"] for check in run.report["checks"]), run.report["checks"]
    expected = dict(sandbox.before)
    expected["skp_tahunan_detail_backup_v1"] = expected["skp_tahunan_detail"]
    now = rows(sandbox)
    for table in expected.keys() - {"migrations", "skp_tahunan_detail"}:
        assert now[table] == expected[table], table
    assert now.keys() == {*expected, "rhk_pimpinan"}
    assert now["skp_tahunan"] == now["skp_tahunan_detail"] == now["rhk_pimpinan"] == []
    assert [sandbox.holders(name) for name in NAMES] == [["skp_tahunan"]] * 2
    assert sandbox.recorded()[-2:] == [FAILED, NEXT]
    assert not sandbox.sql("SELECT 1 FROM migrations WHERE batch >= %s", ROLLBACK_BATCH)
    assert not is_down(sandbox)
    assert not list(Path(sandbox.app, "storage/framework").glob("*fix_fk*"))
    return run


# How far the killed run got: the task that it ended with, and what shows it.
AFTER = {
    "maintenance": (
        "Enter | Enter maintenance mode, remember every table's content, and inspect again",
        lambda sandbox: is_down(sandbox) and sandbox.rows("skp_tahunan") == 0,
    ),
    "rollback": (
        "Rollback | Undo exactly the failed migration",
        lambda sandbox: (
            sandbox.rows("skp_tahunan_backup_v1") is None
            and sandbox.holders(NAMES[0]) == ["skp_tahunan"]
        ),
    ),
    "fk_drop": (
        "Drop | Free the constraint names",
        lambda sandbox: (
            sandbox.rows("skp_tahunan_backup_v1") is None and sandbox.holders(NAMES[0]) == []
        ),
    ),
    "migrate": (
        "Migrate | Run the pending migrations",
        lambda sandbox: sandbox.recorded()[-2:] == [FAILED, NEXT],
    ),
    "verify": (
        "Verify | Go through the checklist",
        lambda sandbox: sandbox.recorded()[-2:] == [FAILED, NEXT],
    ),
}


@pytest.mark.parametrize("step", AFTER)
def test_killed_after(step, broken, tmp_path):
    task, reached = AFTER[step]
    with Killed(broken, tmp_path) as run:
        run.until_done(task)
    assert reached(broken), run.said()
    assert is_down(broken)
    finishes(broken)


def clones(sandbox):
    return [name for (name,) in sandbox.sql("SHOW DATABASES") if "__fix_fk" in name]


def rolled_back(sandbox):
    """Tell whether the clone, which had the renamed table, has it no more."""
    for clone in clones(sandbox):
        tables = {name for (name,) in sandbox.sql(f"SHOW TABLES FROM `{clone}`")}
        if "skp_tahunan_backup_v1" in tables:
            sandbox.seen = clone
        elif getattr(sandbox, "seen", None) == clone and "skp_tahunan" in tables:
            return True
    return False


def test_killed_during_the_rehearsal(broken, tmp_path):
    """The steps are on the clone: the schema is as it was, and the next run drops the clone."""
    before = rows(broken)
    with Killed(broken, tmp_path, rehearsal_level="structure") as run:
        run.until(lambda: rolled_back(broken), "the rollback has been tried on the clone")
    assert rows(broken) == before
    # It has the run's name, so that no other run can take it for its own.
    (clone,) = clones(broken)
    assert re.search(r"__fix_fk_[0-9a-f]{4}_\d{8}_\d{6}_[0-9a-f]{4}$", clone), clone
    assert not is_down(broken)
    run = play(broken, rehearsal_level="structure")
    assert run.rc == 0, run.screen
    assert not clones(broken)


def test_killed_during_the_backup(broken, tmp_path):
    backups = Path(broken.dir, "backups")
    # So many bytes that the dump has not ended before it is seen to have begun.
    broken.sql("CREATE TABLE ballast (id INT AUTO_INCREMENT PRIMARY KEY, text TEXT)")
    broken.sql("INSERT INTO ballast (text) VALUES (REPEAT(UUID(), 120))")
    for _ in range(14):
        broken.sql("INSERT INTO ballast (text) SELECT text FROM ballast")
    with Killed(broken, tmp_path) as run:
        run.until(lambda: list(backups.glob("*.partial")), "the dump has begun")
    broken.sql("DROP TABLE ballast")
    left = set(backups.glob("*"))
    assert left and not [path for path in left if path.suffix in (".zst", ".gz", ".json")]
    assert not is_down(broken)
    report = finishes(broken).report
    whole = Path(report["backup"]["path"])
    assert whole.is_file() and whole not in left


def test_killed_between_recording_and_rolling_back(broken, tmp_path):
    with reading(broken, "skp_tahunan"), Killed(broken, tmp_path) as run:
        run.until(lambda: waiting(broken, "drop table"), "down() is at its first statement")
    assert broken.sql("SELECT migration FROM migrations WHERE batch = %s", ROLLBACK_BATCH) == [
        (FAILED,)
    ]
    assert broken.rows("skp_tahunan") == 0
    finishes(broken)


def test_killed_in_the_middle_of_down(broken, tmp_path):
    with reading(broken, "skp_tahunan_backup_v1"), Killed(broken, tmp_path) as run:
        run.until(lambda: waiting(broken, "rename table"), "down() wants to rename")
    assert broken.rows("skp_tahunan") is None
    assert broken.rows("skp_tahunan_backup_v1") > 0
    finishes(broken)


def test_killed_between_renaming_back_and_dropping_the_leftover(broken, tmp_path):
    """The second run drops what the first set aside, and nothing else."""
    with contextlib.ExitStack() as stack:
        displaced = stack.enter_context(reading(broken, "skp_tahunan_backup_v1"))
        with Killed(broken, tmp_path, rollback_strategy="rename_back") as run:
            run.until(lambda: waiting(broken, "RENAME TABLE"), "the rename waits")
            # It has the lock on the new name already, so whoever reads that is next in the queue.
            reader = threading.Thread(target=lambda: stack.enter_context(reading(broken, LEFTOVER)))
            reader.start()
            run.until(lambda: waiting(broken, "SELECT 1 FROM"), "the next reader waits")
            displaced.rollback()
            reader.join()
            run.until(lambda: waiting(broken, "DROP TABLE"), "the drop waits")
    assert broken.rows(LEFTOVER) == 0
    assert broken.rows("skp_tahunan_backup_v1") is None
    assert broken.rows("skp_tahunan") > 0
    finishes(broken)


def test_killed_in_the_middle_of_the_first_migration(broken, tmp_path):
    connection = broken.server.connect(database=broken.database)
    with contextlib.closing(connection), Killed(broken, tmp_path) as run:
        run.until_done(AFTER["fk_drop"][0])
        # The second table that the migration creates refers to this one.
        connection.cursor().execute("LOCK TABLES sasaran_kegiatan WRITE")
        run.until(lambda: waiting(broken, "alter table `rhk_pimpinan`"), "its keys are wanted")
    assert broken.recorded()[-1] != FAILED
    assert broken.rows("rhk_pimpinan") == 0
    assert broken.holders(NAMES[0]) == ["skp_tahunan"] and broken.rows("skp_tahunan") == 0
    finishes(broken)


def test_killed_between_two_migrations(broken, tmp_path):
    with reading(broken, "skp_tahunan_detail"), Killed(broken, tmp_path) as run:
        run.until(lambda: waiting(broken, "rename table `skp_tahunan_detail`"), "the second begins")
    assert broken.recorded()[-1] == FAILED
    assert is_down(broken)
    finishes(broken)


def test_a_module_killed_on_the_target_keeps_maintenance(broken, tmp_path):
    """The run goes on without it and cannot know how far it came."""
    with reading(broken, "skp_tahunan_backup_v1"), Killed(broken, tmp_path) as run:
        run.until(lambda: waiting(broken, "rename table"), "down() wants to rename")
        (artisan,) = run.processes("artisan\0migrate:rollback")
        module = int(Path(f"/proc/{artisan}/stat").read_text().rpartition(")")[2].split()[1])
        for pid in (module, artisan):
            os.kill(pid, signal.SIGKILL)
        assert run.process.wait(SECONDS) != 0
    assert "stays in maintenance mode" in " ".join(run.said().split())
    assert is_down(broken)
    assert broken.rows("skp_tahunan") is None
    finishes(broken)


def test_killed_twice(broken, tmp_path):
    """What was remembered at the first beginning is what the last run compares with."""
    for step in ("rollback", "migrate"):
        folder = tmp_path / step
        folder.mkdir()
        with Killed(broken, folder) as run:
            run.until_done(AFTER[step][0])
    finishes(broken)


def test_a_row_lost_while_interrupted_is_noticed(broken, tmp_path):
    with Killed(broken, tmp_path) as run:
        run.until_done(AFTER["fk_drop"][0])
    broken.sql("DELETE FROM progres_harian ORDER BY id LIMIT 1")
    run = play(broken)
    assert run.rc != 0
    assert "progres_harian" in run.message()
    assert is_down(broken)


def test_down_before_stays_down_after_success(broken):
    assert broken.artisan("down").returncode == 0
    run = play(broken)
    assert run.rc == 0, run.screen
    assert run.report["outcome"] == "repaired_rows_aside"
    assert is_down(broken)
    assert "stays down" in run.report["summary"]


def test_down_before_stays_down_after_an_interrupted_run(broken, tmp_path):
    assert broken.artisan("down").returncode == 0
    with Killed(broken, tmp_path) as run:
        run.until_done(AFTER["fk_drop"][0])
    run = play(broken)
    assert run.rc == 0, run.screen
    assert all(check["ok"] for check in run.report["checks"]), run.report["checks"]
    assert is_down(broken)


def test_down_before_stays_down_after_a_refusal(broken):
    assert broken.artisan("down").returncode == 0
    broken.sql("INSERT INTO skp_tahunan (user_id, tahun) SELECT id, 2030 FROM users LIMIT 1")
    before = broken.schema_dump(), broken.files()
    run = play(broken)
    assert run.rc != 0
    assert run.report["diagnosis"]["verdict"] == "leftover_has_rows"
    assert is_down(broken)
    assert (broken.schema_dump(), broken.files()) == before
