# SPDX-License-Identifier: GPL-3.0-or-later
"""A migration that is corrected and deployed while it is half run."""

from __future__ import annotations

from pathlib import Path

import pytest
from inquiry import DIAGNOSE, inquire, repair
from test_fault_in_code import REFACTOR, patch_file, prove

OLD = "skp_tahunan_backup_v1"
FREED = "it frees fk_skp_tahunan_approved_by, fk_skp_tahunan_user now, which has not been done"


@pytest.fixture
def patched(kept):
    """The incident, and the proven patch in the place of the file that failed."""

    def deploy(log="single"):
        kept.broken()
        kept.set_dotenv(LOG_CHANNEL=log)
        (patch,) = prove(kept)["patch"]
        if log == "null":
            for path in Path(kept.app, "storage", "logs").glob("*.log"):
                path.unlink()
        patch_file(kept, patch)
        return kept

    yield deploy
    kept.present()


@pytest.mark.parametrize("log", ["single", "null"])
def test_the_patch_was_deployed_before_the_repair(patched, log):
    sandbox = patched(log)
    rows = sandbox.rows(OLD)
    assert inquire(sandbox, DIAGNOSE).rc == 11
    run = repair(sandbox, rehearsal_level="structure")
    assert run.report["diagnosis"]["verdict"] == "corrected_half_run", run.screen
    assert FREED in run.report["happened"]
    assert (run.rc, run.report["outcome"]) == (0, "repaired_rows_aside"), run.screen
    assert run.report["rehearsal"]["level"] == "structure"
    assert sandbox.rows(OLD) == rows == 500 and REFACTOR in sandbox.recorded()
    assert sandbox.holders("fk_skp_tahunan_user") == ["skp_tahunan"]
    assert inquire(sandbox).report["outcome"] == "rows_aside"


def test_it_is_rolled_back_alone(patched):
    sandbox = patched()
    run = repair(sandbox, rollback_only=True)
    assert (run.rc, run.report["outcome"]) == (0, "rolled_back"), run.screen
    assert FREED in run.report["happened"]
    assert sandbox.rows("skp_tahunan") == 500 and sandbox.rows(OLD) is None
    assert sandbox.artisan("migrate", "--force").returncode == 0


def test_rows_written_since_are_kept(patched):
    """The new table has a row by now: nothing is dropped, and what was found is said."""
    sandbox = patched()
    sandbox.sql("INSERT INTO skp_tahunan (user_id, tahun) VALUES (1, 2031)")
    dump = sandbox.schema_dump()
    run = repair(sandbox)
    assert (run.rc, run.report["diagnosis"]["verdict"]) == (2, "leftover_has_rows"), run.screen
    assert FREED in " ".join(run.report["diagnosis"]["notes"])
    assert sandbox.schema_dump() == dump
