# SPDX-License-Identifier: GPL-3.0-or-later
"""An inquiry without Ansible says what the playbook says."""

from __future__ import annotations

import re

import pytest
from inquiry import DIAGNOSE, inquire
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


def _plain(value):
    """Leave out the inventory's path, the only thing in which they may differ."""
    if isinstance(value, str):
        return re.sub(r"-i \S+", "-i", value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value
