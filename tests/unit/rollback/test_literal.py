# SPDX-License-Identifier: GPL-3.0-or-later
"""The runbook's rollback, asked for by name; no server."""

from __future__ import annotations

from cases import CREATE, refused


def test_the_literal_rollback_wants_the_name_of_what_it_undoes(laravel, schema):
    result = refused(laravel, schema, "no_safe_rollback", rollback_strategy="literal")
    assert f"rollback_migration={CREATE}" in result["found"]


def test_the_literal_rollback_still_may_not_lose_rows(laravel, schema):
    laravel["statements"][CREATE]["down"] = ["drop table `skp_tahunan_backup_v1`"]
    result = refused(
        laravel, schema, "no_safe_rollback",
        rollback_strategy="literal", rollback_migration=CREATE,
    )  # fmt: skip
    assert "lose data" in result["found"]
