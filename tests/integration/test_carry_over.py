# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows that a migration left in a table renamed away are brought where the application looks."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from carried import CARRY, displaced, values
from inquiry import inquire, repair
from playbook import play

OLD, DETAIL = "skp_tahunan_backup_v1", "skp_tahunan_detail_backup_v1"
DROPPED = {"carry_drop": [f"{DETAIL}.indikator_kinerja_id"]}

# What a user of the application does: the SKP of one person, its plans, its days.
LOOK = r"""<?php
require $argv[1].'/vendor/autoload.php';
$app = require $argv[1].'/bootstrap/app.php';
$app->make(Illuminate\Contracts\Console\Kernel::class)->bootstrap();
class Skp extends Illuminate\Database\Eloquent\Model {
    protected $table = 'skp_tahunan';
    protected $guarded = [];
    public function details() { return $this->hasMany(Detail::class, 'skp_tahunan_id'); }
    public function plans() { return $this->hasMany(Plan::class, 'skp_tahunan_id'); }
}
class Detail extends Illuminate\Database\Eloquent\Model { protected $table = 'skp_tahunan_detail'; }
class Plan extends Illuminate\Database\Eloquent\Model {
    protected $table = 'rencana_aksi_bulanan';
    protected $guarded = [];
    public function skp() { return $this->belongsTo(Skp::class, 'skp_tahunan_id'); }
}
$seen = ['skp' => Skp::count(), 'orphans' => Plan::whereDoesntHave('skp')->count()];
foreach (Skp::where('user_id', 30)->orderBy('id')->get() as $skp) {
    $seen['of 30'][] = [$skp->id, $skp->tahun, $skp->nilai, $skp->catatan,
        $skp->details->sum('target'), $skp->plans->pluck('rencana')->all()];
}
if (($argv[2] ?? '') === 'write') {
    $skp = Skp::create(['user_id' => 30, 'tahun' => 2031]);
    $plan = Plan::create(['skp_tahunan_id' => $skp->id, 'bulan' => 1, 'rencana' => 'x', 'target' => 1]);
    $seen['new'] = [$skp->id > 500, $plan->fresh()->skp->tahun];
    $plan->delete(); $skp->delete();
}
echo json_encode($seen);
"""


def used(sandbox, *what):
    """Return what the application's own models see, and do."""
    path = Path(sandbox.dir, "look.php")
    path.write_text(LOOK, encoding="utf-8")
    said = subprocess.run(
        [sandbox.php, path, sandbox.app, *what],
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stdout + said.stderr
    return json.loads(said.stdout)


def test_the_application_has_its_rows_back(kept):
    """Repaired and carried over in one go, by the playbook; a second run changes nothing."""
    kept.present()
    before = used(kept)
    kept.broken()
    asked = inquire(kept, carry_over=True)
    assert asked.rc == 2 and asked.report["diagnosis"]["verdict"] == "carry_undecided"
    run = play(kept, carry_over=True, **DROPPED)
    assert (run.rc, run.report["outcome"], run.report["tone"]) == (0, "repaired", "good"), (
        run.screen
    )
    assert used(kept) == before and before["skp"] == 500 and before["orphans"] == 0
    assert used(kept, "write")["new"] == [True, 2031]
    checks = {check["check"]: check for check in run.report["checks"]}
    assert checks["rows carried into skp_tahunan"]["detail"].startswith("500 of 500 rows of " + OLD)
    assert not any(check.get("look") for check in run.report["checks"]), checks
    # The old table is kept.
    assert kept.rows(OLD) == 500 and kept.rows(DETAIL) == 1500
    dump = kept.schema_dump()
    for playbook in ("fix_fk.yml", CARRY, "playbooks/diagnose.yml", "playbooks/verify.yml"):
        again = inquire(kept, playbook)
        assert (again.rc, again.report["outcome"]) == (0, "healthy"), again.screen
    assert kept.schema_dump() == dump


@pytest.fixture(scope="module")
def repaired(kept):
    """Repaired, and nothing carried over."""
    kept.broken()
    assert repair(kept).rc == 0
    return kept


def test_what_cannot_be_decided_is_asked_for(repaired):
    dump = repaired.schema_dump()
    run = inquire(repaired, CARRY)
    assert run.rc == 2 and run.report["diagnosis"]["verdict"] == "carry_undecided", run.screen
    assert f"{DETAIL}.indikator_kinerja_id has values in 1200 rows" in run.report["happened"]
    typed = (
        f"ansible-playbook {CARRY} -i production -e "
        f'\'{{"carry_drop": ["{DETAIL}.indikator_kinerja_id"]}}\''
    )
    assert run.report["next"].startswith(typed)
    # Every later run says the same, before anything else.
    for playbook in ("fix_fk.yml", "playbooks/diagnose.yml", "playbooks/verify.yml"):
        said = inquire(repaired, playbook).report["next"]
        assert said.startswith(f"Carry the rows over: {typed} ;"), said
    assert repaired.schema_dump() == dump


def test_it_is_carried_over_later_and_taken_back(repaired):
    dump = repaired.schema_dump()
    run = repair(repaired, CARRY, rehearsal_level="structure", **DROPPED)
    assert (run.rc, run.report["outcome"]) == (0, "repaired"), run.screen
    assert run.report["rehearsal"]["level"] == "full"
    assert run.report["happened"].startswith("The application finds skp_tahunan empty: its 500")
    assert used(repaired)["orphans"] == 0
    # What takes it back is shown, and does.
    steps = {step["id"]: step for step in run.report["steps"]}
    for step in ("carry_children", "carry"):
        for statement in steps[step]["undo_queries"]:
            repaired.sql(statement)
    assert repaired.schema_dump() == dump


def test_the_old_table_is_dropped_by_its_name(repaired):
    assert repair(repaired, CARRY, **DROPPED).rc == 0
    # The application works on, and a row is not as it was.
    repaired.sql("UPDATE skp_tahunan SET nilai = 55 WHERE id = 7")
    run = repair(repaired, CARRY, carry_over_drop_old=[OLD], **DROPPED)
    # The other old table still refers to it.
    assert run.rc == 2 and DETAIL in run.report["happened"], run.screen
    run = repair(repaired, CARRY, carry_over_drop_old=[OLD, DETAIL], **DROPPED)
    assert run.rc == 0, run.screen
    assert repaired.rows(OLD) is None and repaired.rows("skp_tahunan") == 500


def test_what_failed_is_repaired_first(kept):
    kept.broken()
    dump = kept.schema_dump()
    run = inquire(kept, CARRY)
    assert run.rc == 2 and run.report["diagnosis"]["verdict"] == "repair_first", run.screen
    assert "fix_fk.yml -i production -e carry_over=true" in run.report["next"]
    assert kept.schema_dump() == dump
    kept.present()


PLAIN = "CREATE TABLE things (id bigint unsigned primary key auto_increment, a {})"
TWO = "INSERT INTO things (a) VALUES " + values(("one",), ("two",))


def test_without_a_key_it_refuses(kept):
    before, rows = "CREATE TABLE things (a int)", "INSERT INTO things VALUES (1)"
    with displaced(kept, before, PLAIN.format("int"), rows=rows):
        run = inquire(kept, CARRY)
        assert run.report["diagnosis"]["verdict"] == "carry_impossible", run.screen
        assert "no primary key" in run.report["happened"]


# (columns of the old table, of the new one, rows, what the operator says, rows of the new one)
WELL = {
    "the same": ("a varchar(9)", "a varchar(9)", [("x",), (None,), (" y ",)], {}, None),
    "wider": (
        "a int, b varchar(5), c decimal(5,2), d datetime, e enum('p','q'), f tinytext",
        "a bigint, b text, c decimal(9,4), d datetime(3), e enum('p','r','q'), f longtext",
        [(7, "é€", 1.25, "2024-02-29 01:02:03", "q", "ß"), (None,) * 6],
        {},
        None,
    ),
    "narrower, and all of it fits": (
        "a bigint, b text, c decimal(9,4), d datetime(3), e varchar(9), f varchar(30)",
        "a smallint unsigned, b varchar(3), c decimal(5,2), d datetime, e enum('p','q'), f char(4)",
        [(65535, "abc", 999.99, "2024-02-29 01:02:03", "q", "abcd")],
        {},
        None,
    ),
    "another character set": (
        "a varchar(9) character set latin1, b varchar(9)",
        "a varchar(9) character set utf8mb4, b varchar(9) character set latin1",
        [("für", "für")],
        {},
        None,
    ),
    "new with a default": ("a int", "a int, b int not null default 4", [(1,)], {}, [(1, 4)]),
    "new, and said": (
        "a int",
        "a int, b varchar(9) not null",
        [(1,)],
        {"carry_default": {"things.b": "it's \\ 50%"}},
        [(1, "it's \\ 50%")],
    ),
    "NULL, and said": (
        "a int",
        "a int not null",
        [(1,), (None,)],
        {"carry_default": {"things.a": 9}},
        [(1,), (9,)],
    ),
    "another name": (
        "a int",
        "b int not null",
        [(1,)],
        {"carry_map": {"things.b": "a"}},
        [(1,)],
    ),
    "left behind": ("a int, z int", "a int", [(1, 2)], {"carry_drop": ["things_old.z"]}, [(1,)]),
    "generated": (
        "a int, b int generated always as (a + 1) stored",
        "a int, b int generated always as (a * 2) stored",
        [(3,)],
        {},
        [(3, 6)],
    ),
    "bytes and odd values": (
        "a varbinary(9), b blob, c bit(3), d double, e json, f year, g time, h point",
        "a varbinary(20), b mediumblob, c bit(3), d double, e json, f year, g time, h point",
        [("\0'\\", "x\0y", None, 0.1, '{"k": [1]}', 2024, "10:11:12", None)],
        {},
        None,
    ),
}


@pytest.mark.parametrize("kind", WELL)
def test_rows_come_over_as_they_are(kept, kind):
    old, new, rows, said, wanted = WELL[kind]
    names = [part.split()[0] for part in _parts(old) if " generated " not in part]
    given = f"INSERT INTO things ({', '.join(names)}) VALUES " + values(*rows)
    with displaced(kept, _table(old), _table(new), rows=given):
        run = repair(kept, CARRY, **said)
        assert (run.rc, run.report["outcome"]) == (0, "repaired"), run.screen
        columns = ", ".join(part.split()[0] for part in _parts(new))
        found = kept.sql(f"SELECT {columns} FROM things ORDER BY id")
        here = kept.sql(f"SELECT {columns} FROM things_old ORDER BY id") if not wanted else wanted
        assert list(found) == list(here)
        ids = kept.sql("SELECT id FROM things ORDER BY id")
        assert ids == kept.sql("SELECT id FROM things_old ORDER BY id")
        again = inquire(kept, CARRY)
        assert (again.rc, again.report["outcome"]) == (0, "healthy"), again.screen
        for step in reversed(run.report["steps"]):
            for statement in step["undo_queries"] if step["id"] == "carry" else ():
                kept.sql(statement)
        assert kept.rows("things") == 0


def _table(columns):
    return f"CREATE TABLE things (id int unsigned primary key auto_increment, {columns})"


def _parts(columns):
    """Split at the commas that are in no brackets."""
    parts, depth = [""], 0
    for letter in columns:
        depth += (letter == "(") - (letter == ")")
        parts[-1] += letter if letter != "," or depth else ""
        if letter == "," and not depth:
            parts.append("")
    return [part.strip() for part in parts]


# (columns of the old table, of the new one, rows, what is said, what the operator reads)
CLASHES = {
    "a number too large": ("a int", "a tinyint", [(127,), (128,)], "carry_in_the_way", "1 times: a value of things_old.a"),
    "a text too long": ("a text", "a varchar(3)", [("abcd",), ("abc",)], "carry_in_the_way", "1 times: a value of things_old.a"),
    "digits lost": ("a decimal(8,4)", "a decimal(8,2)", [(1.2345,), (1.25,)], "carry_in_the_way", "1 times"),
    "seconds lost": ("a datetime(3)", "a datetime", [("2024-01-01 00:00:00.5",)], "carry_in_the_way", "1 times"),
    "no such value in the list": ("a varchar(9)", "a enum('p','q')", [("P",), ("q",)], "carry_in_the_way", "1 times"),
    "a letter that is not there": ("a varchar(9)", "a varchar(9) character set latin1", [("€",), ("ř",)], "carry_in_the_way", "1 times"),
    "a blank at the end": ("a varchar(9)", "a char(9)", [("x ",), ("x",)], "carry_in_the_way", "1 times"),
    "NULL": ("a int", "a int not null", [(None,)], "carry_in_the_way", "NULL in things_old.a"),
    "given twice": ("a int", "a int unique", [(1,), (1,)], "carry_in_the_way", "allows once"),
    "text to a number": ("a varchar(9)", "a int", [("012",)], "carry_undecided", "not for this tool to say"),
    "a time zone": ("a timestamp null", "a datetime", [("2024-01-01 00:00:00",)], "carry_undecided", "not for this tool to say"),
    "new and required": ("a int", "a int, b int not null", [(1,)], "carry_undecided", "things.b is new"),
    "gone": ("a int, z int", "a int", [(1, 2)], "carry_undecided", "things_old.z has values in 1 rows"),
}  # fmt: skip


@pytest.mark.parametrize("kind", CLASHES)
def test_rows_that_do_not_fit_are_counted(kept, kind):
    old, new, rows, verdict, told = CLASHES[kind]
    names = ", ".join(part.split()[0] for part in _parts(old))
    given = f"INSERT INTO things ({names}) VALUES " + values(*rows)
    with displaced(kept, _table(old), _table(new), rows=given):
        dump = kept.schema_dump()
        run = repair(kept, CARRY)
        assert run.rc == 2 and run.report["diagnosis"]["verdict"] == verdict, run.screen
        assert told in run.report["happened"]
        assert kept.schema_dump() == dump
