# SPDX-License-Identifier: GPL-3.0-or-later
"""The incident in its other shapes: each is repaired, with every row still there."""

from __future__ import annotations

from pathlib import Path

import pytest
from inquiry import repair
from playbook import play
from release import BACKUP, KEYS, RENAME, RENAME_AND_CREATE, RENAME_BACK, TAKEN, fails, migrate

NAMES = ("fk_skp_tahunan_user", "fk_skp_tahunan_approved_by")


def rows(sandbox):
    """Return {table: its rows in order} of all tables that have rows, but the migrations."""
    tables = [name for (name,) in sandbox.sql("SHOW TABLES") if name != "migrations"]
    found = {name: sorted(map(repr, sandbox.sql(f"SELECT * FROM `{name}`"))) for name in tables}
    return {name: content for name, content in found.items() if content}


def aside(sandbox):
    """Tell whether rows are where the application does not look."""
    tables = ("skp_tahunan", "skp_tahunan_detail")
    return any(sandbox.rows(f"{name}_backup_v1") and not sandbox.rows(name) for name in tables)


def repaired(sandbox, verdict, way, moved, mend=repair, **variables):
    """Repair, and find every row again, in the tables of `moved` under their new name."""
    before = rows(sandbox)
    run = mend(sandbox, **variables)
    assert run.rc == 0, run.screen
    assert run.report["outcome"] == ("repaired_rows_aside" if aside(sandbox) else "repaired")
    assert run.report["diagnosis"]["verdict"] == verdict
    taken = [
        choice["strategy"] for choice in run.report["diagnosis"]["strategies"] if choice["chosen"]
    ]
    assert taken == [way]
    assert rows(sandbox) == {moved.get(name, name): content for name, content in before.items()}
    nothing = sandbox.artisan("migrate", "--pretend", "--force")
    assert nothing.stdout.strip().endswith("Nothing to migrate.")
    assert [sandbox.holders(name) for name in NAMES] == [["skp_tahunan"]] * 2
    assert not Path(sandbox.app, "storage", "framework", "down").exists()
    return run


# --- each brings the sandbox into the incident ------------------------------------------------


def both_tables_empty(sandbox):
    """Nothing but the evidence tells them apart."""
    sandbox.present()
    for table in ("progres_harian", "rencana_aksi_bulanan", "skp_tahunan_detail", "skp_tahunan"):
        sandbox.sql(f"DELETE FROM {table}")
    assert migrate(sandbox).returncode != 0


def tried_again(sandbox):
    sandbox.broken()
    result = migrate(sandbox)
    assert result.returncode != 0 and "1050" in result.stdout


def without_down(sandbox):
    sandbox.present()
    fails(sandbox, TAKEN, RENAME_AND_CREATE)


def down_that_drops_the_rows(sandbox):
    sandbox.present()
    fails(sandbox, TAKEN, RENAME_AND_CREATE, f"Schema::dropIfExists('{BACKUP}'); {RENAME_BACK}")


def down_with_a_condition(sandbox):
    """Under --pretend hasTable() is false, so what the branch does is not to be seen."""
    sandbox.present()
    down = f"if (Schema::hasTable('{BACKUP}')) {{ {RENAME_BACK} }}"
    fails(sandbox, TAKEN, RENAME_AND_CREATE, down)


def without_a_leftover(sandbox):
    sandbox.present()
    create = (
        "CREATE TABLE skp_tahunan (id BIGINT UNSIGNED PRIMARY KEY, user_id BIGINT UNSIGNED,"
        " approved_by BIGINT UNSIGNED,"
        " CONSTRAINT fk_skp_tahunan_user FOREIGN KEY (user_id) REFERENCES users (id),"
        " CONSTRAINT fk_skp_tahunan_approved_by FOREIGN KEY (approved_by) REFERENCES users (id))"
    )
    fails(sandbox, TAKEN, f"{RENAME} DB::statement('{create}');", RENAME_BACK)
    assert sandbox.rows("skp_tahunan") is None


def on_the_same_table(sandbox):
    sandbox.present()
    up = f"Schema::table('skp_tahunan', function (Blueprint $table) {{ {' '.join(KEYS)} }});"
    fails(sandbox, "", up)


REPAIRS = [
    (both_tables_empty, "renamed_table_kept_the_name", "down",
     {"skp_tahunan_detail": "skp_tahunan_detail_backup_v1"}),
    (tried_again, "renamed_table_kept_the_name_retried", "down",
     {"skp_tahunan_detail": "skp_tahunan_detail_backup_v1"}),
    (without_down, "renamed_table_kept_the_name", "rename_back", {}),
    (down_that_drops_the_rows, "renamed_table_kept_the_name", "rename_back", {}),
    (down_with_a_condition, "renamed_table_kept_the_name", "rename_back", {}),
    (without_a_leftover, "renamed_table_kept_the_name", "down", {}),
    (on_the_same_table, "table_already_has_the_constraint", "nothing", {}),
]  # fmt: skip


@pytest.mark.parametrize(
    "arrange, verdict, way, moved", REPAIRS, ids=[case[0].__name__ for case in REPAIRS]
)
def test_the_incident_is_repaired(kept, arrange, verdict, way, moved):
    arrange(kept)
    # By the playbook once for each way.
    played = arrange in (tried_again, without_down, on_the_same_table)
    repaired(kept, verdict, way, moved, play if played else repair)


def test_rows_go_only_from_the_table_that_was_named(kept):
    kept.present()
    fails(kept, TAKEN, RENAME_AND_CREATE + "Schema::drop('progres_harian');", RENAME_BACK)
    before = rows(kept)
    run = play(kept, remigrate_accept_loss=["progres_harian"], expected_tables=[])
    assert run.rc == 0, run.screen
    assert before.pop("progres_harian") and rows(kept) == before
