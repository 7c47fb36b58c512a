# SPDX-License-Identifier: GPL-3.0-or-later
"""The permanent fix on a real server and application: rendered, executed, taken back, pulled."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from inquiry import inquire
from playbook import play
from window import Watched

PLAYBOOK = "playbooks/permanent_fix.yml"
RENDER = {"permanent_fix_source": "render"}
NAME = "fix_duplicate_foreign_key_constraint"
USER, APPROVED = "fk_skp_tahunan_user", "fk_skp_tahunan_approved_by"
BACKUP = "skp_tahunan_backup_v1"
REFACTOR = "2026_01_25_000000_total_refactor_skp_system"
DETAIL = "2026_01_26_000000_refactor_skp_tahunan_detail"
CREATE = "2025_12_01_000000_create_skp_tahunan_table"


@pytest.fixture
def healthy(kept):
    """The seeded schema, without the release that fails: nothing is pending."""
    kept.present()
    for name in (REFACTOR, DETAIL):
        Path(kept.app, "database", "migrations", f"{name}.php").unlink()
    return kept


def migration(sandbox):
    """Return the path of the rendered migration."""
    (path,) = Path(sandbox.app, "database", "migrations").glob(f"*_{NAME}.php")
    return path


def keys(sandbox):
    """Return {constraint: (table, columns, rule)} of the two constraints, wherever they are."""
    found = {}
    for name, table, columns, rule in sandbox.sql(
        "SELECT k.constraint_name, k.table_name, GROUP_CONCAT(k.column_name), MAX(r.delete_rule)"
        " FROM information_schema.key_column_usage k"
        " JOIN information_schema.referential_constraints r"
        "  ON r.constraint_schema = k.constraint_schema AND r.table_name = k.table_name"
        "  AND r.constraint_name = k.constraint_name"
        " WHERE k.table_schema = %s AND k.constraint_name IN (%s, %s)"
        " GROUP BY k.table_name, k.constraint_name",
        sandbox.database,
        USER,
        APPROVED,
    ):
        found[name] = (table, columns, rule)
    return found


RIGHT = {
    USER: ("skp_tahunan", "user_id", "CASCADE"),
    APPROVED: ("skp_tahunan", "approved_by", "SET NULL"),
}


def drop(sandbox, name, table="skp_tahunan"):
    sandbox.sql(f"ALTER TABLE {table} DROP FOREIGN KEY {name}")


def add(sandbox, name, column, table="skp_tahunan", rule="CASCADE"):
    sandbox.sql(
        f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY ({column})"
        f" REFERENCES users (id) ON DELETE {rule}"
    )


# --- the rendered PHP, run by the real Laravel -------------------------------------------------


@pytest.fixture(scope="module")
def rendered(kept):
    """The text of the migration that the playbook renders for the sandbox's inventory."""
    kept.present()
    for name in (REFACTOR, DETAIL):
        Path(kept.app, "database", "migrations", f"{name}.php").unlink()
    run = play(kept, PLAYBOOK, **RENDER)
    assert run.rc == 0, run.screen
    return migration(kept).name, migration(kept).read_text(encoding="utf-8")


@pytest.fixture
def placed(rendered, healthy):
    """Put the migration, with other values where asked for, among the others."""

    def place(old="", new=""):
        name, text = rendered
        assert old in text
        path = Path(healthy.app, "database", "migrations", name)
        path.write_text(text.replace(old, new) if old else text, encoding="utf-8")

    place()
    return place


def up(sandbox):
    return sandbox.artisan("migrate", "--force")


def down(sandbox):
    return sandbox.artisan("migrate:rollback", "--step=1", "--force")


def absent(sandbox):
    drop(sandbox, USER)
    drop(sandbox, APPROVED)


def right(_sandbox):
    pass


def other_columns(sandbox):
    """The index that the server made for the key keeps the key's name."""
    absent(sandbox)
    sandbox.sql(f"ALTER TABLE skp_tahunan DROP INDEX {APPROVED}")
    sandbox.sql(f"ALTER TABLE skp_tahunan ADD INDEX {APPROVED} (user_id)")
    add(sandbox, APPROVED, "user_id")
    add(sandbox, USER, "user_id")


def other_case(sandbox):
    """Names of constraints do not differ by case."""
    drop(sandbox, USER)
    add(sandbox, USER.upper(), "approved_by", rule="SET NULL")


def held_by_another(sandbox):
    absent(sandbox)
    sandbox.sql(f"CREATE TABLE {BACKUP} LIKE skp_tahunan")
    add(sandbox, USER, "user_id", BACKUP)
    add(sandbox, APPROVED, "approved_by", BACKUP, "SET NULL")


TAKE = ("TAKE_FROM = []", f"TAKE_FROM = ['{BACKUP}']")


@pytest.mark.parametrize("state", [absent, right, other_columns, other_case, held_by_another])
def test_up_repairs_and_down_puts_back_twice(placed, healthy, state):
    placed(*TAKE)
    state(healthy)
    tables = [name for (name,) in healthy.sql("SHOW TABLES")]
    before = keys(healthy)
    places = {name: found[:2] for name, found in RIGHT.items()}
    for _ in range(2):
        result = up(healthy)
        assert result.returncode == 0, result.stdout
        after = keys(healthy)
        assert {name: found[:2] for name, found in after.items()} == places
        # A rule that the inventory does not name stays the one that was there.
        if state in (right, held_by_another):
            assert after == RIGHT
        result = down(healthy)
        assert result.returncode == 0, result.stdout
        assert keys(healthy) == before
        assert [name for (name,) in healthy.sql("SHOW TABLES")] == tables


@pytest.mark.parametrize("state", [absent, right, other_columns, held_by_another])
def test_up_run_again_changes_nothing(placed, healthy, state):
    placed(*TAKE)
    state(healthy)
    assert up(healthy).returncode == 0
    before = keys(healthy)
    healthy.sql("DELETE FROM migrations WHERE migration LIKE %s", f"%{NAME}")
    result = up(healthy)
    assert result.returncode == 0, result.stdout
    assert keys(healthy) == before


def test_a_holder_that_was_not_named_keeps_its_constraint(placed, healthy):  # noqa: ARG001
    held_by_another(healthy)
    drop(healthy, APPROVED, BACKUP)
    before = healthy.schema_dump()
    result = up(healthy)
    assert result.returncode != 0
    told = " ".join(result.stdout.split())
    assert f"{USER}, which table skp_tahunan needs, is held by table {BACKUP}" in told, told
    assert "permanent_fix_take_from" in told
    # Nor was the other one, which is free, added before.
    assert healthy.schema_dump() == before


def test_a_constraint_that_cannot_be_made_leaves_what_was_there(placed, healthy):
    placed(*TAKE)
    held_by_another(healthy)
    healthy.sql("SET FOREIGN_KEY_CHECKS = 0")
    (user,) = healthy.sql("SELECT MAX(id) FROM users")[0]
    healthy.sql("UPDATE skp_tahunan SET user_id = %s ORDER BY id DESC LIMIT 1", user + 1000)
    before = healthy.schema_dump()
    result = up(healthy)
    assert result.returncode != 0 and "1452" in result.stdout
    assert keys(healthy)[USER][0] == BACKUP
    healthy.sql(f"DROP TABLE IF EXISTS {NAME}_notes")
    assert healthy.schema_dump() == before


def test_an_empty_database_is_migrated_with_it(placed, healthy):  # noqa: ARG001
    for command in ("migrate:fresh", "migrate:refresh"):
        result = healthy.artisan(command, "--force")
        assert result.returncode == 0, result.stdout
        assert keys(healthy) == RIGHT
        assert healthy.recorded()[-1].endswith(NAME)
    result = healthy.artisan("migrate:reset", "--force")
    assert result.returncode == 0, result.stdout
    assert [name for (name,) in healthy.sql("SHOW TABLES")] == ["migrations"]


def test_a_database_without_the_tables_is_left_alone(placed, healthy):  # noqa: ARG001
    assert healthy.artisan("migrate:reset", "--force").returncode == 0
    for path in Path(healthy.app, "database", "migrations").glob("*.php"):
        if not path.stem.endswith(NAME):
            path.unlink()
    assert up(healthy).returncode == 0
    assert down(healthy).returncode == 0


def test_the_prefix_of_the_connection_is_respected(placed, healthy):  # noqa: ARG001
    config = Path(healthy.app, "config", "database.php")
    config.write_text(config.read_text().replace("'prefix' => ''", "'prefix' => 'gp_'"))
    result = healthy.artisan("migrate:fresh", "--force")
    assert result.returncode == 0, result.stdout
    drop(healthy, USER, "gp_skp_tahunan")
    healthy.sql("DELETE FROM gp_migrations WHERE migration LIKE %s", f"%{NAME}")
    assert up(healthy).returncode == 0
    assert keys(healthy)[USER][:2] == ("gp_skp_tahunan", "user_id")
    assert down(healthy).returncode == 0 and USER not in keys(healthy)


def test_pretending_shows_what_it_asks_and_changes_nothing(placed, healthy):  # noqa: ARG001
    before = healthy.schema_dump()
    result = healthy.artisan("migrate", "--force", "--pretend")
    assert result.returncode == 0 and "information_schema" in result.stdout, result.stdout
    assert healthy.schema_dump() == before


# --- the playbook -----------------------------------------------------------------------------


def play_fix(sandbox, **variables):
    return play(sandbox, PLAYBOOK, **{**RENDER, **variables})


def state(sandbox):
    """Return every row and definition, and every file; git may fetch into its own folder."""
    files = sandbox.files()
    return sandbox.schema_dump(), {k: v for k, v in files.items() if "/.git/" not in k}


def refused(sandbox, *words, by=play, **variables):
    """Run it, see that it refuses in one paragraph and changed nothing; return the Run."""
    before = state(sandbox)
    run = by(sandbox, PLAYBOOK, **{**RENDER, **variables})
    assert run.rc != 0, run.screen
    assert state(sandbox) == before
    told = run.message()
    assert told.count("Nothing was changed") == 1 and "\n" not in told, told
    assert "Traceback" not in run.screen
    for word in words:
        assert word in told, told
    assert sandbox.password not in run.everything()
    return run


def test_rendered_where_nothing_is_missing_it_is_idle(healthy):
    with Watched(healthy) as window:
        run = play_fix(healthy)
    assert run.rc == 0 and run.report["outcome"] == "rendered", run.screen
    assert window.seconds is None and run.report["backup"] is None
    assert "no-op" in run.report["happened"] and "REPAIRED" not in run.screen
    assert healthy.recorded()[-1] == migration(healthy).stem
    healthy.sql("DELETE FROM migrations WHERE migration LIKE %s", f"%{NAME}")
    run = play_fix(healthy)
    assert run.report["outcome"] == "rendered" and healthy.recorded()[-1].endswith(NAME)
    run = play_fix(healthy)
    assert (run.report["outcome"], run.stats("changed")) == ("healthy", 0), run.screen


def test_the_fix_is_rendered_migrated_and_verified(healthy):
    drop(healthy, USER)
    healthy.sql(f"CREATE TABLE {BACKUP} LIKE skp_tahunan")
    add(healthy, USER, "user_id", BACKUP)
    rows = healthy.rows("skp_tahunan")
    told = refused(healthy, USER, BACKUP, "permanent_fix_take_from").report
    assert told["diagnosis"]["verdict"] == "name_held_by_another_table"
    before = state(healthy)
    run = play(healthy, PLAYBOOK, check=True, permanent_fix_take_from=[BACKUP], **RENDER)
    assert run.rc == 0 and "render database/migrations/" in run.screen, run.screen
    assert state(healthy) == before
    with Watched(healthy) as window:
        run = play_fix(healthy, permanent_fix_take_from=[BACKUP])
    assert run.rc == 0, run.screen
    window.agrees_with(run.report)
    assert run.report["outcome"] == "repaired" and all(c["ok"] for c in run.report["checks"])
    assert keys(healthy)[USER] == ("skp_tahunan", "user_id", "CASCADE")
    assert healthy.rows("skp_tahunan") == rows
    assert healthy.recorded()[-1] == migration(healthy).stem
    assert not Path(healthy.app, "storage/framework/down").exists()
    assert healthy.password not in run.everything()
    # Once more: the same file, no second one, nothing to do.
    before = state(healthy)
    run = play_fix(healthy, permanent_fix_take_from=[BACKUP])
    assert (run.rc, run.stats("changed")) == (0, 0), run.screen
    assert run.report["outcome"] == "healthy"
    assert state(healthy) == before
    # What has run does not run again, so another one is rendered beside it.
    drop(healthy, USER)
    told = refused(healthy, USER, "permanent_fix_name=").report
    assert told["diagnosis"]["verdict"] == "fix_has_run"


def test_it_sorts_after_a_migration_of_the_future(healthy):
    healthy.add_migration("2099_12_31_235959_later", "DB::statement('select 1');", "")
    run = play_fix(healthy)
    assert run.rc == 0, run.screen
    assert migration(healthy).stem == f"2100_01_01_000000_{NAME}"
    assert healthy.recorded()[-2:] == ["2099_12_31_235959_later", migration(healthy).stem]


def test_a_fix_of_the_developers_is_run_and_kept(healthy):
    name = f"2026_01_30_000000_{NAME}"
    healthy.add_migration(name, "DB::statement('select 1');", "")
    text = Path(healthy.app, "database", "migrations", f"{name}.php").read_text()
    run = play_fix(healthy, rehearsal_level="structure", rehearsal_required=True)
    assert run.rc == 0, run.screen
    assert run.report["steps"][0]["id"] == "rehearse" and "REHEARSED" in run.screen
    assert migration(healthy).read_text() == text and healthy.recorded()[-1] == name


def test_a_fix_that_fails_on_the_clone_is_not_run(healthy):
    up = "collect(DB::connection()->pretending())->reject(fn ($it) => $it)->each("
    up += "fn () => throw new \\Exception('not here'));"
    healthy.add_migration(f"2026_01_30_000000_{NAME}", up, "")
    run = refused(healthy, "not here", rehearsal_level="structure")
    assert run.report["outcome"] == "refused"


def test_code_that_comes_with_the_run_cannot_be_rehearsed_before(healthy):
    drop(healthy, USER)
    given = {"rehearsal_level": "structure"}
    told = refused(healthy, "comes with this run", **given, rehearsal_required=True).report
    assert told["diagnosis"]["verdict"] == "cannot_rehearse"
    run = play_fix(healthy, **given)
    assert run.rc == 0 and "Not rehearsed: the code to run comes" in run.screen, run.screen


def test_after_the_incident_was_hidden_the_fix_repairs(kept):
    """The state that the runbook's option 2 leaves: recorded, and no constraint on the table."""
    kept.broken()
    kept.sql("INSERT INTO migrations (migration, batch) VALUES (%s, 2), (%s, 2)", REFACTOR, DETAIL)
    run = play(
        kept,
        PLAYBOOK,
        **RENDER,
        permanent_fix_take_from=[BACKUP],
        expected_tables=["users", "skp_tahunan", BACKUP],
    )
    assert run.rc == 0, run.screen
    assert {name: found[:2] for name, found in keys(kept).items()} == {
        name: found[:2] for name, found in RIGHT.items()
    }


def test_the_incident_comes_first(kept):
    kept.broken()
    run = refused(kept, "fix_fk.yml", REFACTOR)
    assert run.report["diagnosis"]["verdict"] == "incident_first"


def test_the_fix_in_the_code_does_not_stand_in_the_way_of_the_repair(placed, healthy, rendered):
    healthy.broken()
    placed()
    run = play(healthy)
    assert run.rc == 0, run.screen
    assert {name: found[:2] for name, found in keys(healthy).items()} == {
        name: found[:2] for name, found in RIGHT.items()
    }
    assert healthy.recorded()[-1] == rendered[0][: -len(".php")]


@pytest.mark.parametrize(
    "variables, word",
    [
        ({"permanent_fix_source": "svn"}, "permanent_fix_source takes one of patch, render, git"),
        ({"permanent_fix_source": "git"}, "permanent_fix_branch"),
        ({"permanent_fix_name": "../evil"}, "permanent_fix_name takes"),
        ({"permanent_fix_take_from": "skp"}, "permanent_fix_take_from"),
        ({"expected_constraints": []}, "names no expected_constraints"),
    ],
)
def test_a_variable_that_does_not_fit_is_refused(healthy, variables, word):
    # These two are for the plan to judge, all others before it.
    planned = {"expected_constraints", "permanent_fix_name"} & {*variables}
    by = play if planned else inquire
    refused(healthy, word, by=by, **variables)


# --- git --------------------------------------------------------------------------------------


def git(folder, *arguments):
    identity = {
        f"GIT_{who}_{what}": "x@example.org"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    return subprocess.run(
        ["git", "-c", "init.defaultBranch=main", "-C", str(folder), *arguments],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **identity},
    ).stdout.strip()


@pytest.fixture
def cloned(healthy, rendered, tmp_path):
    """The application as a checkout that is one commit, with the fix, behind its remote."""
    app = Path(healthy.app)
    git(app, "init", "-q", "-b", "main")
    (app / ".git" / "info" / "exclude").write_text(
        ".env\n/bootstrap/cache/*\n/storage/framework/sessions/*\n/storage/logs/*\n"
    )
    git(app, "add", "-A")
    git(app, "commit", "-q", "-m", "Deployed")
    remote, work = tmp_path / "remote.git", tmp_path / "work"
    git(tmp_path, "clone", "-q", "--bare", str(app), str(remote))
    git(tmp_path, "clone", "-q", str(remote), str(work))
    git(app, "remote", "add", "origin", str(remote))
    name, text = rendered
    (work / "database" / "migrations" / name).write_text(text)
    git(work, "add", "-A")
    git(work, "commit", "-q", "-m", "Repair the foreign keys")
    git(work, "push", "-q", "origin", "main")
    healthy.work = work
    yield healthy
    subprocess.run(["rm", "-rf", str(app / ".git")], check=True)


GIT = {"permanent_fix_source": "git", "permanent_fix_branch": "main"}


def test_the_branch_is_pulled_and_migrated(cloned, rendered):
    old, new = git(cloned.app, "rev-parse", "HEAD"), git(cloned.work, "rev-parse", "HEAD")
    drop(cloned, USER)
    before = state(cloned)
    run = play(cloned, PLAYBOOK, check=True, **GIT)
    assert run.rc == 0, run.screen
    assert state(cloned) == before
    run = play_fix(cloned, **GIT)
    assert run.rc == 0, run.screen
    assert git(cloned.app, "rev-parse", "HEAD") == new
    assert f"git reset --hard {old}" in str(run.report["steps"])
    assert "Repair the foreign keys" in str(run.report["steps"])
    assert keys(cloned)[USER][:2] == ("skp_tahunan", "user_id")
    assert cloned.recorded()[-1] == rendered[0][: -len(".php")]
    before = state(cloned)
    run = play_fix(cloned, **GIT)
    assert (run.rc, run.stats("changed")) == (0, 0), run.screen
    assert state(cloned) == before


def test_code_that_meets_the_incident_is_pulled_and_not_migrated(cloned):
    cloned.work.joinpath("database/migrations/2026_02_01_000000_collides.php").write_text(
        "<?php\nuse Illuminate\\Database\\Migrations\\Migration;\n"
        "use Illuminate\\Support\\Facades\\Schema;\n"
        "return new class extends Migration { public function up() {"
        " Schema::rename('skp_tahunan', 'skp_lama');"
        " Schema::create('skp_tahunan', function ($t) { $t->id();"
        f" $t->unsignedBigInteger('user_id'); $t->foreign('user_id', '{USER}')"
        "->references('id')->on('users'); }); } };\n"
    )
    git(cloned.work, "add", "-A")
    git(cloned.work, "commit", "-q", "-m", "Collide")
    git(cloned.work, "push", "-q", "origin", "main")
    old, before = git(cloned.app, "rev-parse", "HEAD"), cloned.schema_dump()
    run = play_fix(cloned, **GIT)
    assert run.rc != 0
    told = run.message()
    assert "incident_first" in told and f"git reset --hard {old}" in told, told
    assert cloned.schema_dump() == before
    assert cloned.artisan("up").returncode == 0


def detached(sandbox):
    git(sandbox.app, "checkout", "-q", "--detach")


def dirty(sandbox):
    Path(sandbox.app, "routes", "api.php").write_text("<?php\n// by hand\n")
    Path(sandbox.app, "neu.php").write_text("<?php\n")


def diverged(sandbox):
    Path(sandbox.app, "hotfix.php").write_text("<?php\n")
    git(sandbox.app, "add", "-A")
    git(sandbox.app, "commit", "-q", "-m", "Only here")


def another_branch(sandbox):
    git(sandbox.app, "checkout", "-q", "-b", "hotfix")


def no_checkout(sandbox):
    git(sandbox.app, "rev-parse", "HEAD")
    Path(sandbox.app, ".git").rename(Path(sandbox.app).parent / ".git_away")


def no_remote(sandbox):
    git(sandbox.app, "remote", "set-url", "origin", "https://me:s3cr3t-token@127.0.0.1:9/x.git")


@pytest.mark.parametrize(
    "arrange, words",
    [
        (detached, ["head is detached"]),
        (dirty, ["routes/api.php", "neu.php", "not clean"]),
        (diverged, ["diverged", "Only here"]),
        (another_branch, ["branch hotfix is checked out"]),
        (no_checkout, ["no git checkout"]),
        (no_remote, ["ls-remote"]),
    ],
)
def test_a_checkout_that_cannot_be_pulled_is_refused(cloned, arrange, words):
    arrange(cloned)
    run = refused(cloned, *words, **GIT)
    assert "s3cr3t" not in run.everything()
    away = Path(cloned.app).parent / ".git_away"
    if away.exists():
        away.rename(Path(cloned.app) / ".git")
