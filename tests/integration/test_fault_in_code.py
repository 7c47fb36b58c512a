# SPDX-License-Identifier: GPL-3.0-or-later
"""The fault in the code on a real server, with real artisan: proven, patched, and proven again."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from action import fault_in_code
from driver import Run, act
from sandbox import ON_MARIADB, PROJECT

REFACTOR = "2026_01_25_000000_total_refactor_skp_system"
PROGRAM = PROJECT / "module_utils" / "fix_fk" / "laravel" / "patch.php"


def prove(sandbox, **inputs):
    """Return what the action comes to; the application's own schema is not touched."""
    run = Run(sandbox, rehearsal_level="structure", **inputs)
    run.inspect()
    before = sandbox.schema_dump(), sandbox.files()
    found = act(
        fault_in_code,
        run.send,
        inputs=run.inputs,
        program=PROGRAM.read_text(encoding="utf-8"),
        **run.place(),
    )["code"]
    assert (sandbox.schema_dump(), sandbox.files()) == before
    scratch = [name for (name,) in sandbox.sql("SHOW DATABASES") if "__fix_fk" in name]
    assert scratch == []
    return found


def patch_file(sandbox, patch):
    """Put what was made in the place of the file, and return it as it was."""
    path = Path(sandbox.app, patch["path"])
    assert path.read_text(encoding="utf-8") == patch["source"]
    path.write_text(patch["patched"], encoding="utf-8")


def test_a_renamed_table_kept_explicit_names(kept):
    kept.present()
    found = prove(kept)
    fault, (patch,) = found["fault"], found["patch"]
    assert (fault["migration"], fault["number"], fault["statement"]) == (REFACTOR, 13, 4), fault
    assert "skp_tahunan_user" in fault["sql"] and ("121" in fault["error"]) == ON_MARIADB
    assert "dropForeign('fk_skp_tahunan_user')" in patch["patched"]
    assert "->foreign('approved_by', 'fk_skp_tahunan_approved_by')" in patch["patched"]
    assert found["proof"]["round_trip"] and found["proof"]["before"] == "live"
    patch_file(kept, patch)
    assert kept.artisan("migrate", "--force").returncode == 0
