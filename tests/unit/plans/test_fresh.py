# SPDX-License-Identifier: GPL-3.0-or-later
"""What Option 3 foresees on an empty schema, and what it refuses; no server."""

from __future__ import annotations

import pytest
from fix_fk.inputs import Inputs
from fix_fk.plans.fresh import decide, unfit

USERS = "2014_10_12_000000_create_users_table"
CREATE = "2020_01_01_000000_create_skp_table"
REFACTOR = "2026_01_25_000000_refactor"
KEY = "alter table `{}` add constraint `fk_skp` foreign key (`u`) references `users` (`id`)"
UP = {
    USERS: ["create table `users` (`id` int primary key)"],
    CREATE: ["create table `skp` (`id` int, `u` int)", KEY.format("skp")],
    REFACTOR: [
        "rename table `skp` to `skp_v1`",
        "create table `skp` (`id` int, `u` int)",
        KEY.format("skp"),
    ],
}


@pytest.fixture
def laravel():
    return {
        "connection": {"database": "kantor"},
        "migrations_table": "migrations",
        "migrations": {
            "files": [{"name": name, "path": name} for name in UP],
            "recorded": [],
            "pending": [],
        },
        "statements": {name: {"up": up} for name, up in UP.items()},
        "seeder": "Database\\Seeders\\DatabaseSeeder",
        "destructive_commands_prohibited": False,
    }


@pytest.fixture
def schema():
    return {
        "name": "kantor",
        "tables": ["users", "skp", "arsip"],
        "server": {
            "flavour": "mariadb",
            "name_scope": "schema",
            "read_only": False,
            "replica": False,
        },
        "account": {"name": "u@h", "sees_all": True, "reason": "", "missing_rights": []},
        "constraints": [],
        "referred_from_outside": None,
        "rehearsal": {
            "schema": "kantor__fix_fk_1a2b_r1",
            "pattern": "kantor\\_\\_fix\\_fk%",
            "lacking": [],
        },
    }


def given(left=(), **more):
    """Return what the operator said, and what schema_empty saw."""
    empty: dict = {"tables": [], "views": [], "routines": [], "events": []}
    return {
        "confirm": "kantor",
        "anyway": None,
        "tables": None,
        "seed": "auto",
        "inspected": {
            "dropped": {**empty, "tables": ["users", "skp", "arsip"]},
            "left": {**empty, "tables": list(left), "constraints": []},
            "rows": ["users"],
            "queries": ["DROP TABLE IF EXISTS `users`"],
        },
        **more,
    }


def decided(laravel, schema, **more):
    return decide(laravel, schema, Inputs(), given(**more))


def without_refactor(laravel):
    laravel["migrations"]["files"] = laravel["migrations"]["files"][:2]


def test_a_history_that_collides_with_itself_is_foreseen(laravel, schema):
    result = decided(laravel, schema)
    assert result["verdict"] == "fresh_would_fail" and not result["steps"]
    assert REFACTOR in result["found"] and CREATE in result["found"] and "fk_skp" in result["found"]


def test_it_can_be_tried_all_the_same(laravel, schema):
    assert decided(laravel, schema, anyway="kantor")["verdict"] == "fresh"
    assert decided(laravel, schema, anyway="lain")["refused"]


def test_names_that_belong_to_tables_do_not_collide(laravel, schema):
    schema["server"]["name_scope"] = "table"
    assert decided(laravel, schema)["verdict"] == "fresh"


@pytest.mark.parametrize(
    "more, steps",
    [
        ({}, "build seed"),
        ({"seed": "false"}, "build"),
    ],
)
def test_the_backup_is_made_and_proven_before_anything_is_dropped(laravel, schema, more, steps):
    without_refactor(laravel)
    assert " ".join(s["id"] for s in decided(laravel, schema, **more)["steps"]) == (
        f"rehearse maintenance backup prove empty {steps} verify leave_maintenance"
    )


def test_what_is_left_counts(laravel, schema):
    without_refactor(laravel)
    result = decided(laravel, schema, left=["skp"], tables=["users", "migrations"])
    assert result["verdict"] == "fresh_would_fail" and "a table skp exists" in result["found"]


def test_what_no_migration_creates_is_named(laravel, schema):
    without_refactor(laravel)
    assert any("do not come back: arsip" in note for note in decided(laravel, schema)["notes"])


@pytest.mark.parametrize(
    "change, verdict",
    [
        ({"connection": {"database": "mysql"}}, "system_schema"),
        ({"destructive_commands_prohibited": True}, "destructive_commands_prohibited"),
    ],
)
def test_what_is_refused_before_the_server_is_asked(laravel, change, verdict):
    result = unfit({**laravel, **change}, given(inspected=None))
    assert result and result["verdict"] == verdict


def test_nothing_speaks_against_looking(laravel):
    assert unfit(laravel, given(inspected=None)) is None


@pytest.mark.parametrize("change", [{"read_only": True}, {"replica": True}])
def test_only_the_primary_is_emptied(laravel, schema, change):
    schema["server"].update(change)
    assert decided(laravel, schema)["verdict"] == "not_writable"


def test_what_other_schemas_refer_to_stays(laravel, schema):
    schema["referred_from_outside"] = [{"schema": "x", "table": "t", "name": "fk_t"}]
    result = decided(laravel, schema)
    assert result["verdict"] == "referred_from_outside" and "x.t (fk_t)" in result["found"]
