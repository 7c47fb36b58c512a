# SPDX-License-Identifier: GPL-3.0-or-later
"""The permanent fix on a real server and application: rendered, executed, taken back, pulled."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from playbook import play
from sandbox import Sandbox

PLAYBOOK = "playbooks/permanent_fix.yml"
NAME = "fix_duplicate_foreign_key_constraint"
USER, APPROVED = "fk_skp_tahunan_user", "fk_skp_tahunan_approved_by"
BACKUP = "skp_tahunan_backup_v1"
REFACTOR = "2026_01_25_000000_total_refactor_skp_system"
DETAIL = "2026_01_26_000000_refactor_skp_tahunan_detail"
CREATE = "2025_12_01_000000_create_skp_tahunan_table"


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    sandbox = Sandbox(tmp_path_factory.mktemp("sandbox"))
    sandbox.present()
    yield sandbox
    sandbox.absent()


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
    run = play(kept, PLAYBOOK)
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


def test_pretending_shows_the_most_and_changes_nothing(placed, healthy):  # noqa: ARG001
    before = healthy.schema_dump()
    result = healthy.artisan("migrate", "--force", "--pretend")
    assert f"drop foreign key `{USER}`" in result.stdout
    assert f"add constraint `{APPROVED}`" in result.stdout
    assert healthy.schema_dump() == before
