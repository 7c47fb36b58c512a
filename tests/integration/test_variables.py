# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator gives: a wrong value is refused before anything is done, in every playbook."""

from __future__ import annotations

import json
import re

import pytest
from playbook import play

# {playbook: variables of roles that it comes to late, or not at all in this state}
LATE: dict[str, dict] = {
    "fix_fk.yml": {"fk_drop_retries": "abc", "remigrate_lock_wait_timeout": 0},
    "playbooks/option_2_skip.yml": {"skip_migration_retries": -1, "skip_complete": "maybe"},
    "playbooks/option_3_fresh.yml": {"fresh_retries": "abc", "fresh_confirm": 83},
    "playbooks/permanent_fix.yml": {"permanent_fix_source": "svn", "backup_contents": "maybe"},
    "playbooks/restore.yml": {"restore_backup": 83, "backup_compression": "bz2"},
    "playbooks/database_access.yml": {
        "database_access_admin_port": 0,
        "database_access_migrate": "maybe",
    },
    "playbooks/diagnose.yml": {"diagnose_fail_on": "always", "database_port": "abc"},
    "playbooks/verify.yml": {"verify_json": "maybe", "verify_volatile_tables": "a,b"},
    "playbooks/support_bundle.yml": {"support_bundle_runs": "many", "laravel_php": 8},
}


def state(sandbox):
    return sandbox.schema_dump(), sandbox.files()


@pytest.fixture(scope="module")
def failed(kept):
    """The incident, which no test here may change."""
    kept.broken()
    return kept


@pytest.mark.parametrize(
    "playbook, check", [("fix_fk.yml", True), *((playbook, False) for playbook in LATE)]
)
def test_every_wrong_variable_is_named_before_anything_is_done(failed, playbook, check):
    before = state(failed)
    run = play(failed, playbook, check=check, **LATE[playbook], database_password=8383838)
    assert run.rc == 2, run.screen
    assert run.modules() == [] and run.stats("changed") == 0
    assert state(failed) == before
    for name in (*LATE[playbook], "database_password"):
        assert name in run.message(), name
    assert run.message().startswith("[bad_input] Found: ")
    assert "Nothing was changed" in run.message() and "Correct that in" in run.message()
    assert not run.reports or run.report["outcome"] == "refused"
    assert "8383838" not in run.everything()


def test_a_mistyped_name_is_not_passed_over(failed):
    before = state(failed)
    given = {**failed.variables(), "backup_dri": "/x", "mysql_users": [], "laravel_phps": "8"}
    given |= {"database_name": "{{ vault_schema }}", "variables_of_others": ["laravel_phps"]}
    mistyped = {"optoin": 2, "rehearsal_requird": True, "my_own": "x", "vault_schema": "s"}
    run = play({"app": given}, check=True, **mistyped, awx_job_id=7, ansible_verbosity=0)
    assert run.rc == 2 and state(failed) == before, run.screen
    assert run.message().startswith(
        "[bad_input] Found: backup_dri is no variable of this tool; backup_dir is one that looks "
        "like it. my_own is no variable of this tool. optoin is no variable of this tool; option "
        "is one that looks like it. rehearsal_requird is no variable of this tool; "
        "rehearsal_required is one that looks like it. Nothing was changed"
    ), run.message()
    # As it is typed.
    (others,) = re.findall(r"-e '(.*?)'", run.message())
    named = json.loads(others)["variables_of_others"]
    assert named == ["backup_dri", "my_own", "optoin", "rehearsal_requird"]
    given |= {"variables_of_others": [*named, "laravel_phps"], "database_name": failed.database}
    del mistyped["vault_schema"]
    run = play({"app": given}, check=True, **mistyped)
    assert run.rc == 0 and state(failed) == before, run.screen


def test_corrected_it_goes_on(failed):
    strings = {"fk_drop_retries": "5", "rehearsal_required": "false", "backup_contents": "false"}
    run = play(failed, check=True, **strings)
    assert run.rc == 0, run.screen
    assert "PLANNED" in run.screen
