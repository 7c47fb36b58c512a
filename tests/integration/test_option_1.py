# SPDX-License-Identifier: GPL-3.0-or-later
"""Option 1 end to end: a real server, a real Laravel, through ansible_runner."""

from __future__ import annotations

from pathlib import Path

from playbook import play
from release import prohibit
from window import Watched

FAILED = "2026_01_25_000000_total_refactor_skp_system"
NEXT = "2026_01_26_000000_refactor_skp_tahunan_detail"
NAMES = ("fk_skp_tahunan_user", "fk_skp_tahunan_approved_by")


def test_the_incident_is_repaired(broken):
    before = broken.sql("SELECT * FROM skp_tahunan_backup_v1 ORDER BY id")
    with Watched(broken) as window:
        run = play(broken, rehearsal_level="structure")
    assert run.rc == 0, run.screen
    assert run.report["outcome"] == "repaired_rows_aside"
    window.agrees_with(run.report)
    # The rows went where the migration moves them, every one of them.
    assert broken.sql("SELECT * FROM skp_tahunan_backup_v1 ORDER BY id") == before
    assert broken.rows("skp_tahunan") == 0
    # New rows will not have their ids.
    highest = broken.sql("SELECT MAX(id) FROM skp_tahunan_backup_v1")[0][0]
    assert f"AUTO_INCREMENT={highest + 1} " in broken.sql("SHOW CREATE TABLE skp_tahunan")[0][1]
    assert [broken.holders(name) for name in NAMES] == [["skp_tahunan"]] * 2
    assert broken.recorded()[-2:] == [FAILED, NEXT]
    assert broken.artisan("list").returncode == 0
    assert not (Path(broken.app) / "storage/framework/down").exists()
    assert all(check["ok"] for check in run.report["checks"])
    # Nothing was sent that the plan did not show.
    assert not run.unplanned()
    # Without doubt about what was run, and at what cost.
    rehearsal = [
        "schema_clone",
        "migration_rollback",
        "fk_constraint",
        "migrate",
        "laravel_info",
        "schema_clone",
    ]
    assert run.modules()[1:7] == rehearsal
    assert len(run.modules()) - len(rehearsal) <= 12, run.modules()
    assert broken.password not in run.everything()


def test_a_second_run_changes_nothing(broken):
    assert play(broken).rc == 0
    before = broken.schema_dump(), broken.files()
    run = play(broken)
    assert run.rc == 0, run.screen
    assert run.report["outcome"] == "rows_aside"
    assert run.stats("changed") == 0
    assert (broken.schema_dump(), broken.files()) == before


def test_check_writes_nothing(broken):
    before = broken.schema_dump(), broken.files()
    run = play(broken, check=True)
    assert run.rc == 0, run.screen
    assert "ALTER TABLE `skp_tahunan` DROP FOREIGN KEY `fk_skp_tahunan_user`" in run.screen
    assert run.stats("changed") == 0
    assert run.reports == {}
    assert (broken.schema_dump(), broken.files()) == before


def test_check_tries_the_backup(broken):
    """What would stop the run at its first step is said before."""
    before = broken.schema_dump(), broken.files()
    run = play(broken, check=True, backup_dir=f"{broken.app}/public/backups")
    assert run.rc == 2, run.screen
    assert "REFUSED" in run.screen and "where a web server publishes files" in run.message()
    assert "backup_dir" in run.message()
    assert (broken.schema_dump(), broken.files()) == before


def test_where_a_rollback_is_prohibited_the_tables_are_renamed_back(broken):
    prohibit(broken)
    run = play(broken)
    assert run.rc == 0 and run.report["outcome"] == "repaired_rows_aside", run.screen
    ways = {way["strategy"]: way for way in run.report["diagnosis"]["strategies"]}
    assert "prohibitDestructiveCommands" in ways["down"]["reason"] and ways["rename_back"]["chosen"]
    assert broken.recorded()[-2:] == [FAILED, NEXT]
