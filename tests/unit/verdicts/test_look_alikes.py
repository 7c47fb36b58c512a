# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors that are about something else than a taken name; no server."""

from __future__ import annotations

import pytest
from cases import ADD_KEY, REFACTOR, failed_with, original_back, refused, repaired


@pytest.mark.parametrize("code", ["1005", "3780"])
def test_150_is_not_this_incident(laravel, schema, code):
    original_back(schema)
    failed_with(
        laravel,
        f"SQLSTATE[HY000]: General error: {code} Can't create table `a`.`b` (errno: 150 "
        f'"Foreign key constraint is incorrectly formed") (SQL: {ADD_KEY})',
    )
    assert "type" in refused(laravel, schema, "columns_do_not_match")["found"]


def test_1452_is_not_this_incident(laravel, schema):
    original_back(schema)
    failed_with(
        laravel,
        "SQLSTATE[23000]: Integrity constraint violation: 1452 Cannot add or update a child row: "
        f"a foreign key constraint fails (SQL: {ADD_KEY})",
    )
    refused(laravel, schema, "orphan_rows")


def test_1061_is_not_this_incident(laravel, schema):
    failed_with(
        laravel,
        "SQLSTATE[42000]: Syntax error or access violation: 1061 Duplicate key name 'x' "
        "(SQL: alter table `skp_tahunan` add index `x`(`id`))",
    )
    refused(laravel, schema, "index_name_taken")


def test_a_lock_wait_is_not_this_incident_and_names_the_blocker(laravel, schema):
    failed_with(
        laravel,
        "SQLSTATE[HY000]: General error: 1205 Lock wait timeout exceeded; try restarting "
        f"transaction (SQL: {ADD_KEY})",
    )
    schema["locks"] = [
        {"table": "users", "connection": 42, "user": "report", "host": "web2", "seconds": 90},
        # Which table, and whose session, is not always for the account to see.
        {"table": None, "connection": 43, "user": None, "host": None, "seconds": 1},
    ]
    found = refused(laravel, schema, "lock_wait")["found"]
    assert "connection 42 of report from web2 on users, for 90 s; connection 43, for 1 s." in found
    schema["locks"] = []
    repaired(laravel, schema, "renamed_table_kept_the_name")
    schema["locks"] = None
    repaired(laravel, schema, "renamed_table_kept_the_name")
    laravel["statements"][REFACTOR]["up_conditional"] = ["if"]
    assert "not for this account to see" in refused(laravel, schema, "lock_wait")["found"]
    schema["locks"] = []
    assert "Nobody holds one" in refused(laravel, schema, "lock_wait")["found"]


def test_an_unknown_error_is_not_repaired(laravel, schema):
    failed_with(
        laravel,
        "SQLSTATE[42S22]: Column not found: 1054 Unknown column 'x' in 'field list' "
        "(SQL: update `users` set `x` = 1)",
    )
    refused(laravel, schema, "another_error")


@pytest.mark.parametrize(
    "code, errno", [(1005, " (errno: 28 x)"), (1005, " (errno: 135 x)"), (1021, ""), (1114, "")]
)
def test_a_full_disk_is_not_this_incident(laravel, schema, code, errno):
    failed_with(laravel, f"SQLSTATE[HY000]: General error: {code} Can't create{errno} (SQL: x)")
    result = refused(laravel, schema, "disk_full")
    assert f"incident_migration={REFACTOR}" in result["next"]
    repaired(laravel, schema, "renamed_table_kept_the_name", incident_migration=REFACTOR)
