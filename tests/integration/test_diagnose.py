# SPDX-License-Identifier: GPL-3.0-or-later
"""playbooks/diagnose.yml: tells what a repair would do, writes nothing, and its exit code tells."""

from __future__ import annotations

import glob
import os

from playbook import play

PLAYBOOK = "playbooks/diagnose.yml"


def looks(sandbox, **options):
    """Run the diagnosis, see that it changed nothing, and return the Run."""
    before = sandbox.schema_dump(), sandbox.files()
    run = play(sandbox, PLAYBOOK, **options)
    assert (sandbox.schema_dump(), sandbox.files()) == before
    assert run.stats("changed") == 0
    assert set(run.modules()) <= {"laravel_info", "fk_constraint_info"}
    assert sandbox.password not in run.everything()
    return run


def test_a_needed_repair_is_planned_and_not_made(kept):
    kept.broken()
    run = looks(kept)
    assert run.rc == 11, run.screen
    assert run.report["outcome"] == "needs_repair" and run.report["steps"]
    assert run.report["prediction"]["outcome"] == "has_failed"
    assert {step["state"] for step in run.report["steps"]} == {"planned"}
    planned = [line for step in run.report["steps"] for line in step["do"]]
    assert "ALTER TABLE `skp_tahunan` DROP FOREIGN KEY `fk_skp_tahunan_user`" in planned
    assert "NEEDS REPAIR" in run.screen and "needs repair" in run.page
    told = run.report["summary"]
    assert "\n" not in told
    assert told.index("Nothing was changed") < told.index(": ansible-playbook fix_fk.yml -i ")


def test_a_collision_is_foreseen_before_a_deployment(kept):
    """The release is there and was not migrated: the log holds no error."""
    kept.present()
    run = looks(kept)
    assert run.rc == 10, run.screen
    assert run.report["outcome"] == "will_fail"
    assert {
        (finding["kind"], finding["constraint"]) for finding in run.report["prediction"]["findings"]
    } == {
        ("name_taken", "fk_skp_tahunan_user"),
        ("name_taken", "fk_skp_tahunan_approved_by"),
    }
    assert "fk_skp_tahunan_user" in run.report["summary"]


def test_in_check_mode_it_does_the_same(kept):
    kept.broken()
    run = looks(kept, check=True)
    assert run.rc == 11, run.screen
    assert "needs repair" in run.screen.casefold() and run.reports == {}


def test_when_all_is_well_it_exits_with_0(kept):
    kept.broken()
    assert play(kept).rc == 0
    run = looks(kept, accept_rows_aside=["skp_tahunan", "skp_tahunan_detail"])
    assert run.rc == 0, run.screen
    assert run.report["outcome"] == "healthy" and run.report["diagnosis"]["verdict"] == "healthy"
    assert run.report["prediction"] == {"outcome": "clean", "findings": [], "notes": []}


def test_what_may_wait_for_a_deployment_is_no_failure(kept):
    kept.present()
    for path in glob.glob(os.path.join(kept.app, "database/migrations/2026_*.php")):
        os.remove(path)
    body = "Schema::create('baru', function (Blueprint $table) { $table->id(); });"
    kept.add_migration("2027_01_01_000000_baru", body)
    run = looks(kept)
    assert run.rc == 0, run.screen
    assert run.report["prediction"]["outcome"] == "clean"


def test_a_refusal_exits_with_2_and_its_paragraph(kept):
    kept.broken()
    kept.set_dotenv(DB_DATABASE="elsewhere")
    run = looks(kept)
    assert run.rc == 2, run.screen
    assert run.report["outcome"] == "refused"
    assert run.report["summary"].startswith("[no_connection] Found: ")


def test_two_hosts_of_one_database_are_both_diagnosed(kept):
    kept.broken()
    run = play({"one": kept.variables(), "two": kept.variables()}, PLAYBOOK)
    assert run.rc == 11, run.screen
    assert [report["outcome"] for report in run.reports.values()] == ["needs_repair"] * 2


def test_a_host_that_cannot_be_judged_outweighs_one_that_will_fail(kept):
    kept.present()
    hosts = {"one": kept.variables(), "two": {**kept.variables(), "laravel_path": "/nowhere"}}
    run = play(hosts, PLAYBOOK)
    assert run.rc == 2, run.screen
    assert {host: report["outcome"] for host, report in run.reports.items()} == {
        "one": "will_fail",
        "two": "refused",
    }


def test_no_host_is_no_success():
    run = play({}, PLAYBOOK)
    assert run.rc != 0
    assert "no host in the group laravel" in run.message()
