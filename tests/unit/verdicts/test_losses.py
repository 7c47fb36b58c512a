# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows that a migration would destroy, or write twice; no server."""

from __future__ import annotations

from cases import REFACTOR, USERS, refused, repaired, table


def units(schema):
    """Another table with rows, which nothing refers to."""
    schema["tables"].append("units")
    schema["details"]["units"] = table(["id"], True)


def test_a_migration_that_drops_rows_when_run_again_is_refused(laravel, schema):
    units(schema)
    laravel["statements"][REFACTOR]["up"].append("drop table `units`")
    result = refused(laravel, schema, "migration_would_lose_rows")
    assert "RENAME TABLE `units` TO `units_kept`" in result["next"]
    laravel["statements"][USERS]["up"].append("create table `units` (`id` bigint)")
    result = refused(laravel, schema, "migration_would_lose_rows")
    assert "remigrate_accept_loss" in result["next"]
    repaired(laravel, schema, "renamed_table_kept_the_name", remigrate_accept_loss=["units"])


UPDATE = "update `users` set `id` = `id` + 1"


def test_rows_written_before_the_failure_are_not_written_again(laravel, schema):
    laravel["statements"][REFACTOR]["up"].insert(0, UPDATE)
    result = refused(laravel, schema, "migration_would_write_again")
    assert '["users"]' in result["next"]
    repaired(laravel, schema, "renamed_table_kept_the_name", remigrate_accept_repeat=["users"])


def test_rows_written_behind_the_failure_were_not_written(laravel, schema):
    laravel["statements"][REFACTOR]["up"].append(UPDATE)
    repaired(laravel, schema, "renamed_table_kept_the_name")
