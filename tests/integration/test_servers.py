# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole of the tool on every server with every Laravel: docs/servers.md has the table.

The combination that differs most from this machine's own is part of `make test`, without what
tests no other statement; the rest is marked `matrix`. A new playbook joins with a line in LOOKS.
"""

from __future__ import annotations

import itertools
import subprocess
from pathlib import Path

import pytest
from ansible.module_utils.fix_fk.server.flavour import comparable
from inquiry import inquire
from playbook import play
from sandbox import Sandbox

FAILED = "2026_01_25_000000_total_refactor_skp_system"
NEXT = "2026_01_26_000000_refactor_skp_tahunan_detail"
NAMES = ("fk_skp_tahunan_user", "fk_skp_tahunan_approved_by")
BACKUP = "skp_tahunan_backup_v1"

# What a suite has; of the machine's own it is what Debian 12 has.
SERVERS = {"machine": "10.11.", "trixie": "11.8.", "sid": "9.7."}
LARAVELS = {"machine": "8.83.", "trixie": "10.48.", "sid": "13."}
QUICK = ("sid", "sid")
COMBINATIONS = [
    pytest.param(
        (server, laravel),
        id=f"server_{server}-laravel_{laravel}",
        marks=[
            # One worker has a combination to itself.
            pytest.mark.xdist_group(f"{server}-{laravel}"),
            *([] if (server, laravel) == QUICK else [pytest.mark.matrix]),
        ],
    )
    for server, laravel in itertools.product(SERVERS, LARAVELS)
]


@pytest.fixture(scope="module", params=COMBINATIONS)
def kept(request, tmp_path_factory):
    server, laravel = request.param
    sandbox = Sandbox(tmp_path_factory.mktemp("sandbox"), suite=laravel, server_suite=server)
    sandbox.present()
    yield sandbox
    sandbox.absent()


@pytest.fixture
def broken(kept):
    """The sandbox in the incident, with a view, a trigger, a routine and an event in it."""
    kept.broken()
    as_application(
        kept,
        "CREATE VIEW pegawai AS SELECT id, name FROM users",
        "CREATE TRIGGER jaga BEFORE INSERT ON units FOR EACH ROW SET NEW.id = NEW.id",
        "CREATE PROCEDURE hitung() SELECT COUNT(*) FROM users",
        "CREATE EVENT bersih ON SCHEDULE EVERY 1 YEAR DO DELETE FROM cache",
    )
    return kept


def as_application(sandbox, *statements):
    """Run statements as the application's account, to which what it makes belongs."""
    with sandbox.server.connect(
        user=sandbox.user, password=sandbox.password.encode(), database=sandbox.database
    ) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def state(sandbox):
    """Return every row and definition, and every file: maintenance mode is one of them."""
    return sandbox.schema_dump(), sandbox.files()


def everything(sandbox):
    """Return the dump of all tables, rows, views, triggers, routines and events."""
    dumped = sandbox.server.client(
        sandbox.server.suite.dumper,
        "--routines",
        "--events",
        "--skip-comments",
        "--order-by-primary",
        sandbox.database,
        stdout=subprocess.PIPE,
    )
    return comparable(dumped.decode("utf-8", "replace"))


def test_it_is_that_server_and_that_laravel(kept, request):
    server, laravel = request.node.callspec.params["kept"]
    assert kept.sql("SELECT VERSION()")[0][0].startswith(SERVERS[server])
    said = kept.artisan("--version").stdout
    assert said.startswith(f"Laravel Framework {LARAVELS[laravel]}"), said


def test_option_1_repairs_the_incident(broken):
    before = broken.sql(f"SELECT * FROM {BACKUP} ORDER BY id")
    run = play(broken)
    assert run.rc == 0, run.screen
    assert run.report["outcome"] == "repaired_rows_aside"
    assert run.report["diagnosis"]["verdict"] == "renamed_table_kept_the_name"
    assert broken.sql(f"SELECT * FROM {BACKUP} ORDER BY id") == before
    assert broken.rows("skp_tahunan") == 0
    assert [broken.holders(name) for name in NAMES] == [["skp_tahunan"]] * 2
    assert broken.recorded()[-2:] == [FAILED, NEXT]
    assert all(check["ok"] for check in run.report["checks"])
    assert not run.unplanned()
    assert broken.password not in run.everything()
    after = state(broken)
    again = inquire(broken)
    assert again.rc == 0, again.screen
    assert again.report["outcome"] == "rows_aside" and again.stats("changed") == 0
    assert state(broken) == after


@pytest.mark.matrix
def test_option_1_by_renaming_back(broken):
    before = broken.sql(f"SELECT * FROM {BACKUP} ORDER BY id")
    run = play(broken, rollback_strategy="rename_back")
    assert run.rc == 0, run.screen
    assert run.report["outcome"] == "repaired_rows_aside"
    assert broken.sql(f"SELECT * FROM {BACKUP} ORDER BY id") == before
    assert [broken.holders(name) for name in NAMES] == [["skp_tahunan"]] * 2


# What only looks: (playbook, its exit code in the incident, whether with --check).
LOOKS = {
    "check": ("fix_fk.yml", 0, True),
    "diagnose": ("playbooks/diagnose.yml", 11, False),
}


@pytest.mark.parametrize(("playbook", "code", "check"), LOOKS.values(), ids=LOOKS)
def test_looking_changes_nothing(broken, playbook, code, check):
    before = state(broken)
    run = play(broken, playbook, check=check)
    assert run.rc == code, run.screen
    assert run.stats("changed") == 0 and state(broken) == before
    assert "Drop the colliding constraints" in run.screen


def test_what_will_fail_is_foreseen(kept):
    """The release is there, and nobody has run its migrations yet."""
    kept.present()
    before = state(kept)
    run = play(kept, "playbooks/diagnose.yml")
    assert run.rc == 10, run.screen
    assert run.report["prediction"]["outcome"] == "will_fail"
    assert all(name in str(run.report["prediction"]["findings"]) for name in NAMES)
    assert run.stats("changed") == 0 and state(kept) == before


@pytest.mark.parametrize("where", ["same", pytest.param("embedded", marks=pytest.mark.matrix)])
def test_the_plan_is_rehearsed_first(broken, where):
    before = broken.sql(f"SELECT * FROM {BACKUP} ORDER BY id")
    run = play(broken, rehearsal_server=where, rehearsal_level="full", rehearsal_required=True)
    assert run.rc == 0, run.screen
    assert run.report["outcome"] == "repaired_rows_aside"
    assert run.report["steps"][0]["id"] == "rehearse", run.screen
    assert run.report["steps"][0]["state"] == "passed"
    assert broken.sql(f"SELECT * FROM {BACKUP} ORDER BY id") == before
    assert [name for (name,) in broken.sql("SHOW DATABASES") if "rehearsal" in name] == []


def test_a_refusal_changes_nothing(broken):
    broken.sql("INSERT INTO skp_tahunan (user_id, tahun) SELECT id, 2027 FROM users LIMIT 3")
    before = state(broken)
    run = play(broken)
    assert run.rc == 2 and run.report["outcome"] == "refused", run.screen
    assert run.report["diagnosis"]["verdict"] == "leftover_has_rows"
    assert run.stats("changed") == 0 and state(broken) == before


@pytest.mark.matrix
def test_option_2_skips_it(broken):
    before = broken.sql(f"SELECT * FROM {BACKUP} ORDER BY id")
    Path(broken.app, "database", "migrations", f"{NEXT}.php").unlink()
    broken.add_migration(
        "2026_02_01_000000_catatan",
        "Schema::create('catatan', fn (Blueprint $table) => $table->id());",
    )
    run = play(broken, option=2, skip_accept=FAILED, skip_accept_hidden=[BACKUP])
    assert run.rc == 0, run.screen
    assert run.report["outcome"] == "skipped"
    assert broken.recorded()[-2:] == [FAILED, "2026_02_01_000000_catatan"]
    assert broken.sql(f"SELECT * FROM {BACKUP} ORDER BY id") == before


def test_option_3_builds_it_anew(broken):
    for name in (FAILED, NEXT):
        Path(broken.app, "database", "migrations", f"{name}.php").unlink()
    run = play(broken, option=3, fresh_confirm=broken.database)
    assert run.rc == 0, run.screen
    assert run.report["outcome"] == "rebuilt" and run.report["backup"]["proof_level"] == "L2"
    assert broken.rows(BACKUP) is None and broken.rows("users") == 300
    assert [broken.holders(name) for name in NAMES] == [["skp_tahunan"]] * 2


def test_a_backup_is_put_back(broken):
    before = everything(broken)
    run = play(broken)
    assert run.rc == 0, run.screen
    restored = play(broken, "playbooks/restore.yml", restore_backup=run.report["backup"]["path"])
    assert restored.rc == 0, restored.screen
    assert restored.report["outcome"] == "restored"
    assert everything(broken) == before
