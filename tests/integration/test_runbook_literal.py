# SPDX-License-Identifier: GPL-3.0-or-later
"""The runbook's own commands, run word for word on the incident, and why they are not what runs.

A migration that failed is never recorded, so "roll back the last migration" rolls back another
one; and a constraint keeps its name when its table is renamed, so it is not where the runbook
looks for it. Recording the failed migration makes Laravel believe in a schema that is not there.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from ansible.module_utils.fix_fk.scratch.embedded import program
from sandbox import COLLISION

FAILED = "2026_01_25_000000_total_refactor_skp_system"
NEXT = "2026_01_26_000000_refactor_skp_tahunan_detail"
CREATED = "2025_12_01_000000_create_skp_tahunan_table"
NAMES = ("fk_skp_tahunan_user", "fk_skp_tahunan_approved_by")
KEYS_OF = (
    "SELECT CONSTRAINT_NAME, COLUMN_NAME, REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME"
    " FROM information_schema.KEY_COLUMN_USAGE WHERE TABLE_SCHEMA = 'gaspulco_lkbkanwil'"
    " AND TABLE_NAME = 'skp_tahunan' AND REFERENCED_TABLE_NAME IS NOT NULL"
)


def prompt(sandbox, statement):
    """Type a statement at the prompt of `mysql -u gaspul_user -p gaspulco_lkbkanwil`; leave."""
    return subprocess.run(
        [
            program("mariadb", "mariadb-client"),
            "--no-defaults",
            f"--socket={sandbox.socket}",
            "-u",
            sandbox.user,
            f"-p{sandbox.password}",
            sandbox.database,
        ],
        input=statement,
        capture_output=True,
        text=True,
        check=False,
    )


def test_option_1_as_written_makes_it_worse(broken):
    rows = broken.sql("SELECT * FROM skp_tahunan_backup_v1 ORDER BY id")
    assert len(rows) > 0 and broken.recorded()[-1] == CREATED

    rolled_back = broken.artisan("migrate:rollback", "--step=1", "--force")
    # Not the migration that failed: the last one that succeeded, and with it the new table.
    assert rolled_back.returncode == 0
    assert CREATED in rolled_back.stdout and FAILED not in rolled_back.stdout
    assert CREATED not in broken.recorded()
    assert broken.rows("skp_tahunan") is None

    for name in NAMES:
        dropped = prompt(broken, f"ALTER TABLE skp_tahunan DROP FOREIGN KEY {name};\n")
        assert dropped.returncode == 1
        assert "ERROR 1146" in dropped.stderr
        # They are where the rename took them.
        assert broken.holders(name) == ["skp_tahunan_backup_v1"]

    migrated = broken.artisan("migrate", "--force")
    # The same error, one migration further back: the database is farther from well than before.
    assert migrated.returncode != 0
    assert COLLISION in migrated.stdout
    assert CREATED not in broken.recorded() and FAILED not in broken.recorded()
    assert broken.rows("skp_tahunan") == 0
    assert broken.sql(KEYS_OF) == []
    # And the keys of the child tables that pointed at these rows are gone.
    assert broken.holders("skp_tahunan_detail_skp_tahunan_id_foreign") == []
    assert broken.sql("SELECT * FROM skp_tahunan_backup_v1 ORDER BY id") == rows


def test_option_2_as_written_hides_an_empty_table(broken):
    rows = broken.sql("SELECT * FROM skp_tahunan_backup_v1 ORDER BY id")
    assert broken.artisan("migrate:install").returncode != 0
    inserted = prompt(
        broken,
        "INSERT INTO migrations (migration, batch)\n"
        "VALUES ('2026_01_25_000000_total_refactor_skp_system', 2);\n",
    )
    assert inserted.returncode == 0, inserted.stderr

    migrated = broken.artisan("migrate", "--force")
    # The next migration refers to a table that the recorded one never came to create.
    assert migrated.returncode != 0, migrated.stdout
    assert "rhk_pimpinan" in migrated.stdout
    assert broken.rows("rhk_pimpinan") is None
    assert NEXT not in broken.recorded()
    # The table that the application uses is empty and has no constraint; all rows are elsewhere.
    assert broken.rows("skp_tahunan") == 0
    assert broken.sql(KEYS_OF) == []
    assert broken.sql("SELECT * FROM skp_tahunan_backup_v1 ORDER BY id") == rows


def test_option_2_as_written_ends_well_and_is_not(broken):
    """Without a further migration in the release nothing tells that anything is wrong."""
    (path,) = [path for path in broken.files() if path.endswith(f"{NEXT}.php")]
    (Path(broken.dir) / path).unlink()
    prompt(
        broken,
        "INSERT INTO migrations (migration, batch)\n"
        "VALUES ('2026_01_25_000000_total_refactor_skp_system', 2);\n",
    )
    migrated = broken.artisan("migrate", "--force")
    assert (migrated.returncode, "Nothing to migrate" in migrated.stdout) == (0, True)
    assert FAILED in broken.recorded()
    assert broken.rows("skp_tahunan") == 0
    assert broken.sql(KEYS_OF) == []
    assert [broken.holders(name) for name in NAMES] == [["skp_tahunan_backup_v1"]] * 2
    assert broken.rows("skp_tahunan_backup_v1") > 0


def test_migrate_again_meets_its_own_leftovers(broken):
    before = broken.sql("SELECT * FROM skp_tahunan_backup_v1 ORDER BY id")
    again = broken.artisan("migrate", "--force")
    assert again.returncode != 0
    assert "1050" in again.stdout
    assert broken.sql("SELECT * FROM skp_tahunan_backup_v1 ORDER BY id") == before
