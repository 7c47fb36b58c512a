# SPDX-License-Identifier: GPL-3.0-or-later
"""Which migration failed; no server."""

from __future__ import annotations

from cases import (
    CREATE,
    ERROR_121,
    LATER,
    REFACTOR,
    failed_with,
    interrupted,
    key,
    original_back,
    refused,
    repaired,
    statements,
    step,
    steps,
)
from fix_fk.engine import diagnose
from fix_fk.inputs import read_inputs


def test_interrupted_between_two_migrations_runs_the_rest(laravel, schema):
    following = "2026_01_26_000000_following"
    laravel["migrations"]["recorded"].append({"name": REFACTOR, "batch": 2})
    laravel["migrations"]["pending"] = [following]
    laravel["statements"][following] = statements(["create table `more` (`id` bigint not null)"])
    schema["constraints"] = [key("fk_skp_tahunan_user", "skp_tahunan")]
    interrupted(laravel)
    result = repaired(laravel, schema, "nothing_in_the_way")
    assert steps(result)[1:] == [
        "backup",
        "maintenance",
        "remigrate",
        "verify",
        "leave_maintenance",
    ]
    assert step(result, "remigrate")["arguments"]["migrations"] == [following]
    assert "run r1 of this tool was interrupted" in result["found"]


def test_log_lost_but_our_maintenance_mode_names_the_migration(laravel, schema):
    original_back(schema)
    schema["constraints"] = []
    laravel["last_error"] = None
    interrupted(laravel)
    repaired(laravel, schema, "nothing_in_the_way")


def test_a_collision_ahead_needs_no_log(laravel, schema):
    laravel["last_error"] = None
    repaired(laravel, schema, "renamed_table_kept_the_name")


def test_an_old_error_of_a_recorded_migration_is_not_an_incident(laravel, schema):
    original_back(schema)
    laravel["migrations"]["pending"] = []
    failed_with(laravel, ERROR_121, CREATE)
    assert diagnose(laravel, schema, read_inputs({}))["verdict"] == "healthy"
    # What it failed at is not there: it was recorded by hand.
    schema["constraints"] = []
    assert diagnose(laravel, schema, read_inputs({}))["verdict"] == "recorded_half_run"


def test_an_incident_migration_that_is_recorded_is_refused(laravel, schema):
    refused(laravel, schema, "not_pending", incident_migration=CREATE)


def test_the_first_pending_migration_that_collides_is_the_incident(laravel, schema):
    """Its record was removed by hand, and the log only knows the one that failed after it."""
    laravel["statements"][LATER] = statements(["create table `baru` (`id` bigint not null)"])
    laravel["migrations"]["pending"].append(LATER)
    failed_with(laravel, "SQLSTATE[HY000]: General error: 1005 x (errno: 150 y) (SQL: z)", LATER)
    assert repaired(laravel, schema, "renamed_table_kept_the_name")["migration"] == REFACTOR
