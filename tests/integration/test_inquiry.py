# SPDX-License-Identifier: GPL-3.0-or-later
"""An inquiry without Ansible says what the playbook says."""

from __future__ import annotations

import json
import re

import pytest
from inquiry import ACCESS, DIAGNOSE, OPTION_2, OPTION_3, VERIFY, inquire, repair
from playbook import play
from release import OURS, RENAME_AND_CREATE, RENAME_BACK, TAKEN, create, fails

SAID = ("outcome", "tone", "ok", "summary", "happened", "did", "state", "next", "undo", "about",
        "prediction", "steps", "checks")  # fmt: skip


def refused(sandbox):
    sandbox.broken()
    sandbox.sql("INSERT INTO skp_tahunan (user_id, tahun) SELECT id, 2027 FROM users LIMIT 3")


def planned(sandbox):
    sandbox.broken()


def ahead(sandbox):
    sandbox.present()
    sandbox.add_migration("2027_02_01_000000_lagi", "Schema::create('users', fn ($t) => $t->id());")


def lost(sandbox):
    sandbox.present()
    sandbox.sql("ALTER TABLE users DROP COLUMN name")
    return {"route_pattern": "no-such-route"}


def misread(sandbox):
    sandbox.broken()
    return {"skip_accept": 83}


def hides_rows(sandbox):
    sandbox.present()
    fails(sandbox, TAKEN, RENAME_AND_CREATE, RENAME_BACK)
    return {"skip_accept": OURS}


def not_confirmed(sandbox):
    sandbox.present()
    return {"fresh_seed": False}


def no_access(sandbox):
    sandbox.present()
    sandbox.sql(f"REVOKE ALL PRIVILEGES, GRANT OPTION FROM {sandbox.user}@localhost")


@pytest.mark.parametrize(
    "arrange, playbook",
    [
        (no_access, ACCESS),
        (refused, "fix_fk.yml"),
        (planned, DIAGNOSE),
        (planned, VERIFY),
        (lost, VERIFY),
        (no_access, VERIFY),
        (ahead, DIAGNOSE),
        (misread, OPTION_2),
        (hides_rows, OPTION_2),
        (not_confirmed, OPTION_3),
    ],
)
def test_it_says_what_the_playbook_says(kept, arrange, playbook):
    given = arrange(kept) or {}
    answer, run = inquire(kept, playbook, **given), play(kept, playbook, **given)
    assert answer.rc == run.rc, run.screen
    for name in SAID:
        assert _plain(answer.report[name]) == _plain(run.report[name]), name
    wanted = ((one.report["diagnosis"] or {}).get("expected") for one in (answer, run))
    assert next(wanted) == next(wanted)


def rehearsed(sandbox):
    sandbox.broken()
    return {"rehearsal_level": "structure"}


def fails_on_the_clone(sandbox):
    up = "if (DB::table('users')->exists()) { throw new \\RuntimeException('users has rows'); }"
    sandbox.broken()
    sandbox.add_migration("2026_01_27_000000_fails", up)
    return {"rehearsal_level": "full"}


def does_not_verify(sandbox):
    sandbox.broken()
    return {"route_pattern": "no-such-route"}


def skipped(sandbox):
    hides_rows(sandbox)
    sandbox.add_migration("2026_01_21_000000_catatan", create("catatan"))
    accepted = {"skip_accept": OURS, "skip_accept_hidden": ["skp_tahunan_backup_v1"]}
    return {**accepted, "skip_complete": True}


def built_anew(sandbox):
    sandbox.present()
    sandbox.withdraw()
    return {"fresh_confirm": sandbox.database}


@pytest.mark.parametrize(
    "arrange, playbook, rc",
    [
        (rehearsed, "fix_fk.yml", 0),
        (fails_on_the_clone, "fix_fk.yml", 2),
        (does_not_verify, "fix_fk.yml", 2),
        (skipped, OPTION_2, 0),
        (built_anew, OPTION_3, 0),
    ],
)
def test_it_does_what_the_playbook_does(kept, arrange, playbook, rc):
    given = arrange(kept)
    answer, dump = repair(kept, playbook, **given), kept.schema_dump()
    arrange(kept)
    run = play(kept, playbook, **given)
    assert run.rc == answer.rc == rc, (run.screen, answer.screen)
    assert _schema(kept.schema_dump()) == _schema(dump)
    for name in ("outcome", "happened", "next", "undo", "steps", "checks"):
        assert _timeless(answer.report[name]) == _timeless(run.report[name]), name


def _timeless(value):
    """Leave out how long it took, and the names of backups, clones and runs, which have the time
    in them."""
    told = json.dumps(_plain(value), sort_keys=True)
    return re.sub(r"\d{8}_\d{6}\w*|route:list\S*|__fix_fk_\w+|[\d.]+ s\b", "", told)


def _schema(dump):
    """Leave out when migrations ran."""
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "", str(dump))


def _plain(value):
    """Leave out the inventory's path, the only thing in which they may differ."""
    if isinstance(value, str):
        return re.sub(r"-i \S+", "-i", value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value
