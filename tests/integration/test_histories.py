# SPDX-License-Identifier: GPL-3.0-or-later
"""scripts/histories holds what is foreseen against what the migrations of an application do."""

from __future__ import annotations

import subprocess
import sys

import pytest
from sandbox import PROJECT

HEAD = (
    "<?php\nuse Illuminate\\Database\\Schema\\Blueprint;\nreturn new class extends"
    " Illuminate\\Database\\Migrations\\Migration { public function up() {\n"
)
CREATE = "Schema::create('{0}', function (Blueprint $t) {{ $t->id(); $t->string('x'); }});"
ADDS = "".join(f"Schema::table('{{0}}', fn ($t) => $t->integer('{name}'));" for name in "yz")


def write(folder, ups):
    place = folder / "ours" / "database" / "migrations"
    place.mkdir(parents=True)
    for number, up in enumerate(ups):
        path = place / f"2025_01_{number + 1:02}_000000_m{number}.php"
        path.write_text(f"{HEAD}{up}\n}} }};\n", encoding="utf-8")


def hold(folder):
    """Run it; return (exit code, output, {column: what it says of the application})."""
    run = subprocess.run(
        [sys.executable, str(PROJECT / "scripts" / "histories"), str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    head, row = run.stdout.splitlines()[-3:-1]
    names = [name.strip() for name in head.split("  ") if name.strip()]
    return run.returncode, run.stdout + run.stderr, dict(zip(names, row.split(), strict=True))


@pytest.fixture(scope="module")
def ups():
    return [CREATE.format(f"t{n}") for n in range(10)] + [ADDS.format("t1"), ADDS.format("t2")]


def test_what_is_foreseen_is_counted_and_what_cannot_run_is_not(tmp_path, ups):
    write(tmp_path, [*ups, "\\Nowhere\\Thing::act();", "Schema::drop('tiada');"])
    code, said, told = hold(tmp_path)
    assert code == 0, said
    assert (told["migrations"], told["ran"], told["left out"]) == ("14", "12", "2"), said
    # What is known to fail, and each of two that is tried again after it has stopped.
    assert told["foreseen right"] == "3" and told["stops"] == "2", said
    assert told["misses"] == told["false alarms"] == "0", said
    assert "left out: 2025_01_13_000000_m12" in said


def test_a_miss_is_named_and_fails(tmp_path, ups):
    write(tmp_path, [*ups, "DB::statement('CALL not_there()');"])
    code, said, told = hold(tmp_path)
    assert code == 1 and told["misses"] == "1", said
    assert "MISS: on an empty schema: 2025_01_13_000000_m12 fails: SQLSTATE" in said
