# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows that a migration left in a table renamed away are brought where the application looks."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from carried import CARRY, displaced, send, values
from inquiry import inquire, repair
from playbook import play
from sandbox import ON_MARIADB

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
    $plan = ['bulan' => 1, 'rencana' => 'x', 'target' => 1];
    $plan = Plan::create($plan + ['skp_tahunan_id' => $skp->id]);
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
    asked = inquire(kept, carry_over=True, carry_drop=[])
    assert asked.rc == 2 and asked.report["diagnosis"]["verdict"] == "carry_undecided"
    run = play(kept, carry_over=True, **DROPPED)
    assert (run.rc, run.report["outcome"], run.report["tone"]) == (0, "repaired", "good"), (
        run.screen
    )
    assert used(kept) == before and before["skp"] == 500 and before["orphans"] == 0
    assert used(kept, "write")["new"] == [True, 2031]
    checks = {check["check"]: check for check in run.report["checks"]}
    assert checks["rows carried into skp_tahunan"]["detail"].startswith("500 of 500 rows of " + OLD)
    looks = [check["check"] for check in run.report["checks"] if check.get("look")]
    assert looks == ["fault in the code"]
    # The same as a migration is beside the report.
    ((patch, _mode),) = run.patches.values()
    assert "+++ b/database/migrations/" in patch and "_carry_over_skp_tahunan.php" in patch
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
    run = inquire(repaired, CARRY, carry_drop=[])
    assert run.rc == 2 and run.report["diagnosis"]["verdict"] == "carry_undecided", run.screen
    assert f"{DETAIL}.indikator_kinerja_id has values in 1200 rows" in run.report["happened"]
    typed = (
        f"ansible-playbook {CARRY} -i production -e "
        f'\'{{"carry_drop": ["{DETAIL}.indikator_kinerja_id"]}}\''
    )
    assert run.report["next"].startswith(f"Say it:\n    {typed}\n")
    # Every later run says the same, before anything else.
    for playbook in ("fix_fk.yml", "playbooks/diagnose.yml", "playbooks/verify.yml"):
        said = inquire(repaired, playbook, carry_drop=[]).report["next"]
        assert said.startswith(f"Carry the rows over:\n    {typed}\n"), said
        assert f"The values of indikator_kinerja_id stay in {DETAIL} alone" in said
    assert repaired.schema_dump() == dump


def test_it_is_carried_over_later_and_taken_back(repaired):
    dump = repaired.schema_dump()
    run = repair(repaired, CARRY, rehearsal_level="structure", **DROPPED)
    assert (run.rc, run.report["outcome"]) == (0, "repaired"), run.screen
    assert run.report["rehearsal"]["level"] == "full"
    assert run.report["happened"].startswith(f"The application looks for the rows of {OLD}, ")
    assert "Rows carried over: 500 of 500 into skp_tahunan, 1500 of 1500" in run.report["did"]
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


def test_the_application_may_stay_down_until_its_rows_are_there(kept):
    """Asked for in the inventory; what brings the rows over brings it up."""
    kept.broken()
    run = play(kept, rows_aside="stay_down", rehearsal_level="none")
    assert (run.rc, run.report["outcome"]) == (0, "repaired_rows_aside"), run.screen
    assert "the application stays down, as rows_aside says" in run.report["state"]
    assert is_down(kept)
    again = play(kept, rows_aside="stay_down", rehearsal_level="none")
    assert again.rc == 0 and is_down(kept), again.screen
    run = play(kept, CARRY, rows_aside="stay_down", rehearsal_level="none")
    assert (run.rc, run.report["outcome"]) == (0, "repaired"), run.screen
    assert not is_down(kept)
    kept.present()


def is_down(sandbox):
    return Path(sandbox.app, "storage/framework/down").exists()


PLAIN = "CREATE TABLE things (id bigint unsigned primary key auto_increment, a {})"
TWO = "INSERT INTO things (a) VALUES " + values(("one",), ("two",))


def test_without_a_key_it_refuses(kept):
    before, rows = "CREATE TABLE things (a int)", "INSERT INTO things VALUES (1)"
    with displaced(kept, before, PLAIN.format("int"), rows=rows):
        run = inquire(kept, CARRY)
        assert run.report["diagnosis"]["verdict"] == "carry_impossible", run.screen
        assert "no primary key" in run.report["happened"]


@pytest.mark.parametrize("tail", ["PARTITION BY HASH (id) PARTITIONS 3", "WITH SYSTEM VERSIONING"])
def test_a_table_is_seen_whose_statement_cannot_be_read_in_full(kept, tail):
    """What comes behind the columns hid that it came in the place of another."""
    if "SYSTEM" in tail and not ON_MARIADB:
        pytest.skip("MariaDB alone")
    table = PLAIN.format("varchar(9)")
    with displaced(kept, table, f"{table} {tail}", rows=TWO):
        assert inquire(kept).report["outcome"] == "rows_aside"
        run = repair(kept, CARRY)
        assert (run.rc, run.report["outcome"]) == (0, "repaired"), run.screen
        assert kept.sql("SELECT a FROM things ORDER BY id") == [("one",), ("two",)]


# (columns of the old table, of the new one, rows, what the operator says, rows of the new one)
WELL: dict[str, tuple] = {
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
        "a int, b varchar(19) not null",
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
        here = wanted or kept.sql(f"SELECT {columns} FROM things_old ORDER BY id")
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


WAY, ASKED = "carry_in_the_way", "carry_undecided"
MOMENT = [("2024-01-01 00:00:00.5",)]
LATIN = "a varchar(9) character set latin1"
# (columns of the old table, of the new one, rows, verdict, what the operator reads)
CLASHES: dict[str, tuple] = {
    "a number too large": ("a int", "a tinyint", [(127,), (128,)], WAY, "1 times: a value of thi"),
    "a text too long": ("a text", "a varchar(3)", [("abcd",), ("abc",)], WAY, "1 times: a value"),
    "digits lost": ("a decimal(8,4)", "a decimal(8,2)", [(1.2345,), (1.25,)], WAY, "1 times"),
    "seconds lost": ("a datetime(3)", "a datetime", MOMENT, WAY, "1 times"),
    "not in the list": ("a varchar(9)", "a enum('p','q')", [("P",), ("q",)], WAY, "1 times"),
    "a letter that is not there": ("a varchar(9)", LATIN, [("€",), ("ř",)], WAY, "1 times"),
    "a blank at the end": ("a varchar(9)", "a char(9)", [("x ",), ("x",)], WAY, "1 times"),
    "NULL": ("a int", "a int not null", [(None,)], WAY, "NULL in things_old.a"),
    "given twice": ("a int", "a int unique", [(1,), (1,)], WAY, "allows once"),
    "text to a number": ("a varchar(9)", "a int", [("012",)], ASKED, "not for this tool to say"),
    "a time zone": ("a timestamp null", "a datetime", MOMENT, ASKED, "not for this tool to say"),
    "new and required": ("a int", "a int, b int not null", [(1,)], ASKED, "things.b is new"),
    "gone": ("a int, z int", "a int", [(1, 2)], ASKED, "things_old.z has values in 1 rows"),
}


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


KEYS: dict[str, tuple] = {
    "of two columns": (
        "CREATE TABLE things (k varchar(9), n int, a int, PRIMARY KEY (k, n))",
        [("a", 1, 1), ("a", 2, 2), ("B", 1, 3), ("ß", 0, 4), ("%s", 5, 5)],
    ),
    "of bytes": (
        "CREATE TABLE things (id binary(4) PRIMARY KEY, a int)",
        [("\\0abc", 1), ("%d'x", 2), ("zzzz", 3)],
    ),
    "of a list": (
        "CREATE TABLE things (k enum('z', 'm', 'a'), n int, PRIMARY KEY (k, n))",
        [("z", 1), ("z", 2), ("m", 1), ("a", 1), ("a", 2)],
    ),
    "of bits": (
        "CREATE TABLE things (k bit(4), n int, PRIMARY KEY (k, n))",
        [(1, 1), (0, 2), (1, 3), (2, 2)],
    ),
    "inexact": (
        "CREATE TABLE things (k float, n int, PRIMARY KEY (k, n))",
        [(0.1, 1), (0.1, 2), (2.7, 1), (-1e20, 1)],
    ),
    "of a strange name": (
        "CREATE TABLE things (`i``d%s` int PRIMARY KEY, `a %` int, `ü'` int)",
        [(1, 1, 1), (2, 2, 2), (3, 3, 3)],
    ),
    "a uuid": (
        "CREATE TABLE things (id char(36) character set ascii PRIMARY KEY, a int)",
        [("7c2f0d1e-0000-4000-8000-00000000000a", 1), ("ffffffff-0000-4000-8000-000000000000", 2)],
    ),
    "zero": ("CREATE TABLE things (id int primary key auto_increment, a int)", [(0, 1), (-5, 2)]),
    "without transactions": (
        "CREATE TABLE things (id int primary key, a int) ENGINE=MyISAM",
        [(1, 1), (2, 2)],
    ),
    "a tree": (
        "CREATE TABLE things (id int primary key, up int, KEY (up), "
        "CONSTRAINT {} FOREIGN KEY (up) REFERENCES things (id))",
        [(1, 3), (2, 1), (3, None)],
    ),
}


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("batch", [1, 2])
def test_rows_of_any_key_come_over_in_batches(kept, kind, batch, monkeypatch):
    """Also after some are there already."""
    made, rows = KEYS[kind]
    given = [
        "SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO', foreign_key_checks = 0",
        f"INSERT INTO things VALUES {values(*rows)}",
    ]
    monkeypatch.setattr("ansible.module_utils.fix_fk.schema.carrying.BATCH", batch)
    with displaced(kept, made.format("up_1"), made.format("up_2"), rows=given):
        if kind != "a tree":
            send(kept, [given[0], "INSERT INTO things SELECT * FROM things_old LIMIT 1 OFFSET 1"])
        run = repair(kept, CARRY, carry_missing=["things"])
        assert (run.rc, run.report["outcome"]) == (0, "repaired"), run.screen
        found = [kept.sql(f"SELECT * FROM {name}") for name in ("things", "things_old")]
        assert sorted(map(repr, found[0])) == sorted(map(repr, found[1]))


def test_the_same_is_a_migration_for_other_machines(kept, tmp_path):
    """It carries rows over where there are some, and leaves an empty schema alike."""
    child = (
        "CREATE TABLE things_of (id int primary key, thing int unsigned, "
        "CONSTRAINT of_thing FOREIGN KEY (thing) REFERENCES things (id))"
    )
    fill = [
        "INSERT INTO things (a) SELECT CONCAT('it''s ', id) FROM progres_harian",
        "INSERT INTO progres_harian (rencana_aksi_bulanan_id, user_id, tanggal, uraian) SELECT"
        " rencana_aksi_bulanan_id, user_id, tanggal, uraian FROM progres_harian",
        "INSERT INTO things (a) SELECT uraian FROM progres_harian",
        "INSERT INTO things_of VALUES (1, 7)",
    ]
    made = _table("a text")
    with displaced(kept, made, made, rows=fill, after=[child]):
        diff = inquire(kept, CARRY).run.result["code"]["diff"]
        (tmp_path / "x.patch").write_text(diff, encoding="utf-8")
        applied = [
            "git",
            "apply",
            "--unsafe-paths",
            f"--directory={kept.app}",
            tmp_path / "x.patch",
        ]
        subprocess.run(applied, cwd="/", check=True)
        assert kept.rows("things_old") > 2 * 2000
        ran = kept.artisan("migrate", "--force")
        assert ran.returncode == 0, ran.stdout
        assert kept.sql("SELECT * FROM things ORDER BY id") == (
            kept.sql("SELECT * FROM things_old ORDER BY id")
        )
        done = inquire(kept, CARRY)
        assert (done.rc, done.report["outcome"]) == (0, "healthy"), done.screen
        # Where it has been done already, what users have deleted since stays deleted.
        kept.sql("DELETE FROM things WHERE id = 5")
        kept.sql("DELETE FROM migrations ORDER BY id DESC LIMIT 1")
        ran = kept.artisan("migrate", "--force")
        assert ran.returncode == 0, ran.stdout
        assert not kept.sql("SELECT 1 FROM things WHERE id = 5")
        ran = kept.artisan("migrate:fresh", "--force")
        assert ran.returncode == 0, ran.stdout
        (parent,) = kept.sql(
            "SELECT referenced_table_name FROM information_schema.referential_constraints"
            " WHERE constraint_schema = %s AND constraint_name = 'of_thing'",
            kept.database,
        )
        assert parent == ("things",) and kept.rows("things") == 0
    kept.present()


def test_what_is_over_is_said_where_it_stops(kept, monkeypatch):
    """The server refuses the third batch; two are there, and the same call goes on."""
    monkeypatch.setattr("ansible.module_utils.fix_fk.schema.carrying.BATCH", 2)
    rows = "INSERT INTO things (a) VALUES (1), (2), (3), (4), (5), (6)"
    new = _table("a int, CONSTRAINT small CHECK (a < 6)")
    with displaced(kept, _table("a int"), new, rows=rows):
        run = repair(kept, CARRY)
        assert run.rc == 2 and run.report["outcome"] == "failed", run.screen
        assert "Nothing was changed" not in run.report["did"]
        assert kept.rows("things") == 4 and "maintenance mode" in run.report["state"]
        assert any("DELETE n FROM `things`" in line for line in run.report["undo"])
        kept.sql("UPDATE things_old SET a = 0 WHERE a = 6")
        run = repair(kept, CARRY)
        assert (run.rc, run.report["outcome"]) == (0, "repaired"), run.screen
        assert kept.rows("things") == 6


def test_triggers_are_asked_about(kept):
    table = _table("a int")
    trigger = "CREATE TRIGGER things_seen AFTER INSERT ON things FOR EACH ROW SET @seen = 1"
    rows = "INSERT INTO things (a) VALUES (1), (2)"
    with displaced(kept, table, table, rows=rows, then=[trigger]):
        run = inquire(kept, CARRY)
        assert run.report["diagnosis"]["verdict"] == "carry_undecided", run.screen
        assert "triggers on INSERT (things_seen)" in run.report["happened"]
        assert '"carry_triggers": ["things"]}' in run.report["next"]
        assert repair(kept, CARRY, carry_triggers=["things"]).report["outcome"] == "repaired"


def test_an_id_that_is_given_twice_is_counted(kept):
    table = _table("a varchar(9), created_at timestamp null")
    rows = "INSERT INTO things (a, created_at) VALUES ('old', '2024-01-01'), ('too', '2024-01-01')"
    new = ["INSERT INTO things VALUES (2, 'new', '2025-01-01'), (9, 'newer', '2025-01-01')"]
    with displaced(kept, table, table, rows=rows, then=new):
        dump = kept.schema_dump()
        run = repair(kept, CARRY)
        assert run.report["diagnosis"]["verdict"] == "carry_in_the_way", run.screen
        assert "1 times: a row of things_old whose key another row" in run.report["happened"]
        assert kept.schema_dump() == dump
        # Moved to another id, as a person would, it stays beside the old ones.
        kept.sql("UPDATE things SET id = 10 WHERE id = 2")
        assert repair(kept, CARRY).report["outcome"] == "repaired"
        assert [row[1] for row in kept.sql("SELECT * FROM things ORDER BY id")] == (
            ["old", "too", "newer", "new"]
        )
        kept.sql("INSERT INTO things (a) VALUES ('next')")
        assert kept.sql("SELECT MAX(id) FROM things")[0][0] == 11


def test_a_row_without_a_time_of_birth_is_told_by_what_it_has(kept):
    """Another row of the same key, and neither knows when it was made: the old one is not there."""
    table = _table("a varchar(9), created_at datetime null")
    for born in ("NULL", "'0000-00-00'"):
        rows = ["SET sql_mode = ''", f"INSERT INTO things VALUES (1, 'old', {born})"]
        rows.append(f"INSERT INTO things VALUES (2, 'too', {born})")
        new = ["SET sql_mode = ''", f"INSERT INTO things VALUES (2, 'new', {born})"]
        with displaced(kept, table, table, rows=rows, then=new):
            run = repair(kept, CARRY, carry_over_drop_old=["things_old"])
            assert run.report["diagnosis"]["verdict"] == "carry_in_the_way", run.screen
            assert kept.rows("things_old") == 2


TEXT_KEY = "CREATE TABLE things (id varchar(9) {} primary key, a int, created_at datetime null)"


@pytest.mark.parametrize("old", ["collate utf8mb4_general_ci", "character set latin1"])
def test_keys_of_another_collation_are_compared_as_the_new_table_does(kept, old):
    before, made = TEXT_KEY.format(old), TEXT_KEY.format("collate utf8mb4_unicode_ci")
    rows = "INSERT INTO things (id, a) VALUES ('a', 1), ('ü', 2), ('B', 3)"
    with displaced(kept, before, made, rows=rows):
        run = repair(kept, CARRY)
        assert (run.rc, run.report["outcome"]) == (0, "repaired"), run.screen
        assert kept.rows("things") == 3 and inquire(kept).report["outcome"] == "healthy"


@pytest.mark.parametrize("old", ["collate utf8mb4_bin", "collate latin1_bin"])
def test_keys_that_the_new_table_takes_for_one_are_counted(kept, old, monkeypatch):
    before, made = TEXT_KEY.format(old), TEXT_KEY.format("collate utf8mb4_general_ci")
    rows = "INSERT INTO things VALUES ('A', 1, '2024-01-01'), ('a', 2, '2024-01-01')"
    monkeypatch.setattr("ansible.module_utils.fix_fk.schema.carrying.BATCH", 1)
    with displaced(kept, before, made, rows=rows):
        run = repair(kept, CARRY, carry_over_drop_old=["things_old"])
        assert run.report["diagnosis"]["verdict"] == "carry_in_the_way", run.screen
        assert "2 times: values of id that more than one row" in run.report["happened"]
        assert kept.rows("things_old") == 2


def test_a_row_that_was_deleted_does_not_come_back_unasked(kept):
    table = _table("a varchar(9), created_at datetime null")
    rows = "INSERT INTO things (a, created_at) VALUES ('x', '2024-01-01'), ('y', '2024-01-01')"
    with displaced(kept, table, table, rows=rows):
        assert repair(kept, CARRY).report["outcome"] == "repaired"
        kept.sql("DELETE FROM things WHERE id = 1")
        run = repair(kept, CARRY)
        assert run.report["diagnosis"]["verdict"] == "carry_undecided", run.screen
        assert "1 rows of things_old are not in things, and 1 are" in run.report["happened"]
        assert '"carry_missing": ["things"]' in run.report["next"]
        assert kept.rows("things") == 1
        assert repair(kept, CARRY, carry_missing=["things"]).report["outcome"] == "repaired"
        assert kept.rows("things") == 2


@pytest.mark.parametrize("rule", ["CASCADE", "RESTRICT"])
def test_rows_of_a_tree_are_taken_back_but_for_those_that_are_used(kept, rule):
    table = (
        "CREATE TABLE things (id int primary key, up int, CONSTRAINT {} FOREIGN KEY (up) "
        f"REFERENCES things (id) ON DELETE {rule})"
    )
    rows = "INSERT INTO things VALUES (1, NULL), (2, 1), (3, NULL), (4, 3), (5, 4)"
    with displaced(kept, table.format("up_1"), table.format("up_2"), rows=rows):
        run = repair(kept, CARRY)
        kept.sql("INSERT INTO things VALUES (9, 2)")
        (step,) = [step for step in run.report["steps"] if step["id"] == "carry"]
        (statement,) = step["undo_queries"]
        assert statement.startswith("/* again and again")
        for _ in range(4):
            kept.sql(statement)
        assert kept.sql("SELECT id FROM things ORDER BY id") == [(1,), (2,), (9,)]


NAMES_IT = {
    "the view seen_of": "CREATE DEFINER={} VIEW seen_of AS SELECT a FROM things_old",
    "the trigger things_also": "CREATE DEFINER={} TRIGGER things_also AFTER INSERT ON things"
    " FOR EACH ROW UPDATE things_old SET a = 0",
}


@pytest.mark.parametrize("what", NAMES_IT)
def test_an_old_table_that_something_names_is_not_dropped(kept, what):
    table, rows = _table("a int"), "INSERT INTO things (a) VALUES (1)"
    with displaced(kept, table, table, rows=rows):
        assert repair(kept, CARRY).rc == 0
        try:
            kept.sql(NAMES_IT[what].format(f"`{kept.user}`@localhost"))
            asked = {"carry_over_drop_old": ["things_old"], "carry_triggers": ["things"]}
            run = inquire(kept, CARRY, **asked)
            assert run.report["diagnosis"]["verdict"] == "carry_impossible", run.screen
            assert f"names things_old, which is named by {what}" in run.report["happened"]
            # Before any row is carried over, too.
            kept.sql("DELETE FROM things")
            run = repair(kept, CARRY, **asked)
            assert run.rc == 2 and kept.rows("things") == 0, run.screen
            assert kept.rows("things_old") == 1
        finally:
            kept.sql("DROP VIEW IF EXISTS seen_of")


def test_what_a_row_refers_to_has_to_be_there(kept):
    parent = "CREATE TABLE things_of (id int primary key)"
    key = ", part int, CONSTRAINT of_1 FOREIGN KEY (part) REFERENCES things_of (id)"
    rows = [
        "INSERT INTO things_of VALUES (1)",
        "INSERT INTO things (a, part) VALUES (1, 1), (2, 5)",
    ]
    with displaced(
        kept, _table("a int, part int"), _table("a int" + key), rows=rows, more=[parent]
    ):
        run = inquire(kept, CARRY)
        assert run.report["diagnosis"]["verdict"] == "carry_in_the_way", run.screen
        assert "1 times: a row whose part refers to no row of things_of" in run.report["happened"]
        kept.sql("UPDATE things_old SET part = NULL WHERE part = 5")
        assert repair(kept, CARRY).report["outcome"] == "repaired"
