# SPDX-License-Identifier: GPL-3.0-or-later
"""Options 2 and 3, killed one step further each time: the last run ends as an undisturbed one.

Up to the backup they do what Option 1 does, and test_interrupted.py kills that. One sandbox goes
through all of it, as each run has to cope with what all before it left.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path

import pytest
from killed import Killed, is_down, rows
from playbook import play
from release import BACKUP, OURS, RENAME_AND_CREATE, RENAME_BACK, create, fails, foreign

# What a migration waits for in the middle of artisan, and what gives it free.
TURN = "DB::select(\"SELECT GET_LOCK('fix_fk_test', 60)\");"
LATER = "2026_01_21_000000_catatan"
WAIT = "2026_01_20_500000_antre"
NAMES = ("fk_skp_tahunan_user", "fk_skp_tahunan_approved_by")


@pytest.fixture
def sandbox(kept):
    kept.present()
    shutil.rmtree(Path(kept.dir, "backups"), ignore_errors=True)
    return kept


class Chain:
    """Runs with the same variables that are killed one after the other."""

    def __init__(self, sandbox, folder, **variables):
        self.sandbox, self.folder, self.variables = sandbox, folder, variables
        self.number = 0

    def kill(self, reached):
        """Start a run and kill it when reached(run) returns; return what it said."""
        self.number += 1
        folder = self.folder / str(self.number)
        folder.mkdir()
        extra = ["-e", f"option={self.variables['option']}"]
        with Killed(self.sandbox, folder, extra=extra, **self.variables) as run:
            reached(run)
        return run.said()

    def after(self, *tasks):
        for task in tasks:
            self.kill(lambda run, task=task: run.until_done(task))

    def in_artisan(self):
        """Kill a run while a migration waits for its turn."""
        with contextlib.closing(self.sandbox.server.connect()) as connection:
            connection.cursor().execute("SELECT GET_LOCK('fix_fk_test', 1)")
            return self.kill(
                lambda run: run.until(
                    lambda: self.sandbox.sql(
                        "SELECT 1 FROM information_schema.processlist WHERE state = 'User lock'"
                        " AND user = %s",
                        self.sandbox.user,
                    ),
                    "the migration waits for its turn",
                )
            )

    def finish(self):
        return play(self.sandbox, **self.variables)


def backups(sandbox):
    """Return the manifests of all backups, oldest first."""
    folder = Path(sandbox.dir, "backups")
    found = [json.loads(path.read_text("utf-8")) for path in folder.glob("*.json")]
    return sorted(found, key=lambda manifest: manifest["id"])


def test_option_2_killed_at_every_step(sandbox, tmp_path):
    fails(sandbox, 1005, RENAME_AND_CREATE, RENAME_BACK)
    sandbox.add_migration(WAIT, TURN)
    sandbox.add_migration(LATER, create("catatan", foreign("fk_catatan")))
    before = rows(sandbox)
    chain = Chain(
        sandbox, tmp_path, option=2, skip_accept=OURS, skip_accept_hidden=[BACKUP],
        skip_complete=True,
    )  # fmt: skip
    chain.after("Skip | Record the migration as run, without running it")
    assert sandbox.recorded()[-1] == OURS and is_down(sandbox)
    chain.in_artisan()
    assert sandbox.recorded()[-1] == OURS
    chain.after("Drop | Free the constraint names")
    run = chain.finish()
    assert run.rc == 0 and run.report["outcome"] == "skipped", run.screen
    assert sandbox.recorded()[-3:] == [OURS, WAIT, LATER]
    assert [sandbox.holders(name) for name in NAMES] == [["skp_tahunan"]] * 2
    now = rows(sandbox)
    assert {table: now[table] for table in before if table != "migrations"} == {
        table: found for table, found in before.items() if table != "migrations"
    }
    assert now["catatan"] == [] and not is_down(sandbox)


def test_option_3_killed_at_every_step_leads_back_to_the_first_backup(sandbox, tmp_path):
    migrations = Path(sandbox.app, "database", "migrations")
    for path in migrations.glob("2026_*.php"):
        path.unlink()
    sandbox.sql("CREATE TABLE arsip (id INT PRIMARY KEY)")
    sandbox.sql("INSERT INTO arsip VALUES (7)")
    sandbox.sql("UPDATE users SET name = 'Lain'")
    before = sandbox.schema_dump()
    sandbox.add_migration(WAIT, TURN)
    chain = Chain(sandbox, tmp_path, option=3, fresh_confirm=sandbox.database)
    chain.after("Enter | Enter maintenance mode, remember every table's content, and inspect again")
    assert is_down(sandbox)
    chain.after("Prove | Load the backup into a scratch schema and compare it")
    proven = [found["id"] for found in backups(sandbox) if found["proof_level"] == "L2"]
    assert len(proven) == 1 and sandbox.schema_dump() == before
    chain.after("Fresh | Drop what the schema holds")
    assert rows(sandbox) == {}
    chain.in_artisan()
    assert sandbox.rows("users") == 0
    chain.after("Fresh | Run all migrations")
    run = chain.finish()
    assert run.rc == 0 and run.report["outcome"] == "rebuilt", run.screen
    assert sandbox.rows("users") == 300 and sandbox.rows("arsip") is None
    assert sandbox.recorded()[-1] == WAIT and not is_down(sandbox)
    assert [name for (name,) in sandbox.sql("SHOW DATABASES") if "__fix_fk" in name] == []
    # None of the later ones has the data.
    assert run.report["backup"]["id"] == proven[0] and "which was interrupted" in run.everything()
    back = play(sandbox, "playbooks/restore.yml", restore_backup=run.report["backup"]["id"])
    assert back.rc == 0, back.screen
    assert sandbox.schema_dump() == before


def test_a_permanent_fix_that_was_killed_before_it_ran_is_finished_by_the_repair(sandbox, tmp_path):
    """The rendered migration is pending, and the application is in maintenance mode."""
    sandbox.withdraw()
    sandbox.sql(f"ALTER TABLE skp_tahunan DROP FOREIGN KEY {NAMES[0]}")
    before = rows(sandbox)
    given = {"permanent_fix_source": "render"}
    with Killed(sandbox, tmp_path, "playbooks/permanent_fix.yml", **given) as run:
        run.until_done("Act | Render the migration")
    (fix,) = Path(sandbox.app, "database", "migrations").glob("*_fix_duplicate_*.php")
    assert is_down(sandbox) and fix.stem not in sandbox.recorded()
    run = play(sandbox)
    assert run.rc == 0, run.screen
    assert sandbox.recorded()[-1] == fix.stem and not is_down(sandbox)
    assert [sandbox.holders(name) for name in NAMES] == [["skp_tahunan"]] * 2
    now = rows(sandbox)
    # The migration notes in a table of its own what its down() puts back.
    assert {table: now[table] for table in before if table != "migrations"} == {
        table: found for table, found in before.items() if table != "migrations"
    }
