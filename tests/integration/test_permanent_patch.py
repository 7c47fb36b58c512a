# SPDX-License-Identifier: GPL-3.0-or-later
"""The permanent fix as a patch: where a developer gets it, and what is said until it is there."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from inquiry import inquire, repair
from playbook import play
from sandbox import Sandbox
from test_fault_in_code import LATER, REFACTOR, table

PLAYBOOK = "playbooks/permanent_fix.yml"
VERIFY = "playbooks/verify.yml"
DIAGNOSE = "playbooks/diagnose.yml"
OPTION_3 = "playbooks/option_3_fresh.yml"
FILE = f"database/migrations/{REFACTOR}.php"


def run(*arguments, cwd):
    done = subprocess.run(
        arguments,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            **{
                f"GIT_{who}_{what}": "x@example.org"
                for who in ("AUTHOR", "COMMITTER")
                for what in ("NAME", "EMAIL")
            },
        },
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.fixture
def checkout(kept, tmp_path):
    """A git checkout of the application before the failed deployment, on this controller."""
    kept.present()
    folder = tmp_path / "checkout"
    run("cp", "-r", kept.app, str(folder), cwd=tmp_path)
    run("git", "-c", "init.defaultBranch=main", "init", "-q", cwd=folder)
    run("git", "add", "-A", "-f", "database", "app", cwd=folder)
    run("git", "commit", "-q", "-m", "Deployed", cwd=folder)
    return folder


def of(report):
    return report["diagnosis"]["code"]


def test_the_patch_is_where_a_developer_gets_it(kept, checkout, tmp_path):
    before = kept.schema_dump(), kept.files()
    made = play(kept, PLAYBOOK, permanent_fix_branch_in=str(checkout))
    assert made.rc == 0, made.screen
    assert (kept.schema_dump(), kept.files()) == before
    assert made.stats("changed") == 0
    report, screen = made.report, made.screen
    assert (report["outcome"], report["tone"]) == ("fault_in_code", "wait")
    assert "FAULT IN CODE" in screen and "migration 13 of 14" in report["happened"]
    assert "at statement 4" in report["happened"], report["happened"]
    ((name, (text, mode)),) = made.patches.items()
    assert (name, mode) == (f"app_{report['run_id']}_{REFACTOR}.patch", 0o600)
    assert text == of(report)["diff"] and f"+++ b/{FILE}" in text
    assert "$table-&gt;dropForeign(&#39;fk_skp_tahunan_user&#39;)" in made.page
    assert report["patch"]["file"] in screen and report["patch"]["file"].endswith(name)
    assert "dropForeign('fk_skp_tahunan_user')" in screen
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    # The branch has it, and what is checked out is as it was.
    assert run("git", "status", "--porcelain", "-uno", cwd=checkout) == ""
    assert run("git", "branch", "--show-current", cwd=checkout) == "main"
    assert f"push origin fix/{REFACTOR}" in screen
    shown = run("git", "show", f"fix/{REFACTOR}:{FILE}", cwd=checkout)
    # git and patch take the file, from the application's root.
    run("git", "apply", str(file), cwd=checkout)
    assert Path(checkout, FILE).read_text().strip() == shown
    run("git", "checkout", "-q", FILE, cwd=checkout)
    run("patch", "-p1", "-i", str(file), cwd=checkout)
    assert Path(checkout, FILE).read_text().strip() == shown
    assert kept.password not in made.everything() + text


def test_the_commands_that_are_shown_commit_it(kept, checkout, tmp_path):
    made = play(kept, PLAYBOOK)
    apply, add, commit, push = made.report["patch"]["commands"]
    assert push == "git push" and f"            {add}\n" in made.screen, made.screen
    assert apply == f"git apply {made.report['patch']['file']}"
    apply = f"git apply {tmp_path}/x.patch"
    (tmp_path / "x.patch").write_text(made.report["patch"]["diff"], encoding="utf-8")
    for command in (apply, add, commit):
        run("bash", "-c", command, cwd=checkout)
    assert run("git", "show", "--stat", "--format=%s", "HEAD", cwd=checkout).startswith(
        f"Let {REFACTOR} run on an empty schema"
    )


@pytest.mark.parametrize(
    "arrange, words",
    [
        (lambda folder: Path(folder, FILE).write_text("<?php\n"), "uncommitted changes"),
        (lambda folder: run("git", "rm", "-q", FILE, cwd=folder), "uncommitted changes"),
        (lambda folder: run("git", "branch", f"fix/{REFACTOR}", cwd=folder), "with something else"),
        (lambda folder: run("rm", "-rf", ".git", cwd=folder), "not a git repository"),
    ],
)
def test_a_checkout_that_does_not_fit_is_left_alone(checkout, arrange, words):
    from action.patch_branch import Unfit, commit_on

    source = Path(checkout, FILE).read_text()
    arrange(checkout)
    patch = {"migration": REFACTOR, "path": FILE, "source": source, "patched": f"{source}//\n"}
    with pytest.raises(Unfit, match=words):
        commit_on(str(checkout), f"fix/{REFACTOR}", [patch], "x")


def test_the_code_is_changed_by_name_alone(kept):
    kept.present()
    before = kept.schema_dump(), kept.files()
    other = play(kept, PLAYBOOK, permanent_fix_apply=LATER)
    assert other.rc != 0 and f"permanent_fix_apply={REFACTOR}" in other.report["next"]
    assert (kept.schema_dump(), kept.files()) == before
    made = play(kept, PLAYBOOK, permanent_fix_apply=REFACTOR)
    assert made.rc == 0 and made.report["outcome"] == "patched", made.screen
    assert "git pull would stop" in made.report["next"]
    changed = {path for path, digest in kept.files().items() if before[1].get(path) != digest}
    assert [path for path in changed if path.endswith(".php")] == [f"app/{FILE}"]
    assert kept.schema_dump() == before[0]
    # Option 3, which an empty schema stopped, goes through now, and nothing is left to do.
    again = play(kept, PLAYBOOK)
    assert (again.rc, again.report["outcome"]) == (0, "healthy"), again.screen


def test_a_patch_over_two_migrations_wants_both_names(kept):
    """Neither is changed for the name of the other."""
    kept.present()
    kept.withdraw()
    files = {f"2026_02_0{number}_000000_t{number}": f"t{number}" for number in (1, 2, 3)}
    for name, made in files.items():
        key = "$table->foreign('user_id', 'fk_owner')->references('id')->on('users');"
        kept.add_migration(name, table(made, key))
    first, second = list(files)[1:]
    before = kept.files()
    for given in (first, second):
        other = play(kept, PLAYBOOK, permanent_fix_apply=given)
        assert other.rc == 2 and f"permanent_fix_apply={first},{second}" in other.report["next"]
        assert kept.files() == before
    made = play(kept, PLAYBOOK, permanent_fix_apply=f"{first},{second}")
    assert (made.rc, made.report["outcome"]) == (0, "patched"), made.screen
    changed = {path for path, digest in kept.files().items() if before.get(path) != digest}
    assert sorted(path for path in changed if path.endswith(".php")) == [
        f"app/database/migrations/{name}.php" for name in (first, second)
    ]
    ((patch, _mode),) = made.patches.values()
    assert patch.count("+++ b/database/migrations/") == 2
    assert kept.artisan("migrate", "--force").returncode == 0


def test_what_stopped_half_way_comes_before_the_code(kept):
    kept.broken()
    before = kept.schema_dump(), kept.files()
    made = play(kept, PLAYBOOK, permanent_fix_apply=REFACTOR)
    assert made.rc != 0 and "[incident_first]" in made.message(), made.screen
    assert "playbooks/rollback.yml" in made.report["next"]
    assert (kept.schema_dump(), kept.files()) == before


def test_without_a_fault_it_takes_nothing_down(kept):
    kept.present()
    kept.withdraw()
    before = kept.schema_dump(), kept.files()
    made = play(kept, PLAYBOOK)
    assert (made.rc, made.report["outcome"], made.stats("changed")) == (0, "healthy", 0), (
        made.screen
    )
    assert "There is no fault in the code: all 12 migrations" in made.report["happened"]
    assert (kept.schema_dump(), kept.files()) == before


def test_without_a_patch_it_says_what_to_change(kept):
    kept.present()
    kept.withdraw()
    key = "$table->foreign('user_id', 'fk_skp_tahunan_'.'user')->references('id')->on('users');"
    kept.add_migration(LATER, table("b", key))
    made = play(kept, PLAYBOOK)
    assert (made.rc, made.report["outcome"]) == (0, "fault_in_code"), made.screen
    told = made.report["next"]
    assert f"In database/migrations/{LATER}.php, line" in told and "'b_user_id_foreign'" in told
    assert made.report["patch"] is None


def test_check_makes_no_scratch_schema(kept):
    kept.present()
    before = kept.schema_dump(), kept.files()
    made = play(kept, PLAYBOOK, check=True)
    assert made.rc == 0 and "FAULT IN CODE" in made.screen, made.screen
    assert "--check makes no scratch schema" in made.screen
    assert (kept.schema_dump(), kept.files()) == before


def test_without_a_scratch_schema_it_says_why(kept):
    kept.present()
    kept.withdraw()
    kept.add_migration(LATER, "\\Illuminate\\Support\\Facades\\Http::get('http://127.0.0.1:9');")
    made = play(kept, PLAYBOOK)
    assert made.rc != 0 and "[fault_not_provable]" in made.message(), made.screen


# --- until it is in the code ----------------------------------------------------------------------

STILL = "The fault is still in the code: on an empty schema"
ENDS = "ansible-playbook playbooks/permanent_fix.yml -i production"


@pytest.fixture(scope="module")
def repaired(tmp_path_factory):
    sandbox = Sandbox(tmp_path_factory.mktemp("sandbox"))
    sandbox.broken()
    sandbox.answer = repair(sandbox)
    yield sandbox
    sandbox.absent()


def test_a_repair_says_that_the_fault_is_still_there(repaired):
    told = repaired.answer.report
    assert told["outcome"] == "repaired_rows_aside", repaired.answer.screen
    assert STILL in told["next"] and ENDS in told["next"], told["next"]
    assert f"{REFACTOR} (migration 13 of 14) fails at statement 4" in told["next"]


@pytest.mark.parametrize("playbook", [DIAGNOSE, VERIFY, "fix_fk.yml"])
def test_every_later_run_says_it(repaired, playbook):
    answer = inquire(repaired, playbook, accept_rows_aside=["skp_tahunan", "skp_tahunan_detail"])
    assert answer.rc == 0 and answer.report["outcome"] == "healthy", answer.screen
    assert STILL in answer.report["next"] and ENDS in answer.report["next"]


@pytest.mark.parametrize("playbook", [DIAGNOSE, VERIFY])
def test_accepted_by_name_it_is_a_note(repaired, playbook):
    answer = inquire(repaired, playbook, accept_fault_in_code=[REFACTOR])
    assert answer.rc == 0 and STILL not in answer.report["next"], answer.screen
    assert "Accepted in accept_fault_in_code" in answer.screen


def test_with_the_patch_nothing_is_said_and_option_3_goes_through(repaired):
    path = Path(repaired.app, FILE)
    text = path.read_text(encoding="utf-8")
    confirm = {"fresh_confirm": repaired.database}
    assert "fresh_would_fail" in inquire(repaired, OPTION_3, **confirm).message()
    names = ("fk_skp_tahunan_user", "fk_skp_tahunan_approved_by")
    lines = "".join(f"$table->dropForeign('{name}');" for name in names)
    free = f"Schema::table('skp_tahunan', function (Blueprint $table) {{ {lines} }});\n"
    path.write_text(text.replace("Schema::rename", f"{free}Schema::rename", 1), encoding="utf-8")
    try:
        assert STILL not in inquire(repaired, DIAGNOSE).report["next"]
        done = repair(repaired, OPTION_3, **confirm)
        assert done.report["outcome"] == "rebuilt", done.screen
        assert STILL not in done.report["next"]
        # Its monthly plans still point at the old table, as the release leaves them.
        looks = {c["check"]: c["detail"] for c in done.report["checks"] if c.get("look")}
        assert "Still pointing at skp_tahunan_backup_v1: rencana" in looks["rows aside"], looks
        # The seeder's rows are where the application looks, children included.
        assert repaired.rows("skp_tahunan") == 500 and repaired.rows("progres_harian") == 2000
        assert repaired.sql(
            "SELECT COUNT(*) FROM rencana_aksi_bulanan r JOIN skp_tahunan s"
            " ON s.id = r.skp_tahunan_id"
        ) == [(1500,)]
    finally:
        path.write_text(text, encoding="utf-8")
