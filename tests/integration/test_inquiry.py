# SPDX-License-Identifier: GPL-3.0-or-later
"""An inquiry without Ansible says what the playbook says."""

from __future__ import annotations

import json
import re

import pytest
from inquiry import DIAGNOSE, inquire, repair
from playbook import play

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


@pytest.mark.parametrize(
    "arrange, playbook", [(refused, "fix_fk.yml"), (planned, DIAGNOSE), (ahead, DIAGNOSE)]
)
def test_it_says_what_the_playbook_says(kept, arrange, playbook):
    arrange(kept)
    answer, run = inquire(kept, playbook), play(kept, playbook)
    assert answer.rc == run.rc, run.screen
    for name in SAID:
        assert _plain(answer.report[name]) == _plain(run.report[name]), name
    assert answer.report["diagnosis"]["expected"] == run.report["diagnosis"]["expected"]


def test_it_does_what_the_playbook_does(kept):
    planned(kept)
    answer, dump = repair(kept), kept.schema_dump()
    planned(kept)
    run = play(kept)
    assert run.rc == answer.rc == 0, run.screen
    assert _schema(kept.schema_dump()) == _schema(dump)
    for name in ("outcome", "happened", "next", "undo", "steps", "checks"):
        assert _timeless(answer.report[name]) == _timeless(run.report[name]), name


def _timeless(value):
    """Leave out the names of backups and runs besides, which have the time in them."""
    return re.sub(r"\d{8}_\d{6}\w*|route:list\S*", "", json.dumps(_plain(value), sort_keys=True))


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
