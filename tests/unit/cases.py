# SPDX-License-Identifier: GPL-3.0-or-later
"""The incident's names and facts, written by hand, and what a diagnosis must come to."""

from __future__ import annotations

import copy

from fix_fk.engine import diagnose
from fix_fk.inputs import read_inputs

CREATE = "2020_01_01_000000_create_skp_tahunan_table"
REFACTOR = "2026_01_25_000000_total_refactor_skp_system"
USERS = "2014_10_12_000000_create_users_table"
LATER = "2026_02_01_000000_later"

CREATE_USERS = "create table `users` (`id` bigint not null primary key)"
CREATE_SKP = "create table `skp_tahunan` (`id` bigint not null, `user_id` bigint not null)"
ADD_KEY = (
    "alter table `skp_tahunan` add constraint `fk_skp_tahunan_user` "
    "foreign key (`user_id`) references `users` (`id`)"
)
RENAME = "rename table `skp_tahunan` to `skp_tahunan_backup_v1`"
CREATE_NEW = (
    "create table `skp_tahunan` (`id` bigint not null, `user_id` bigint not null, `nilai` int)"
)
DOWN = [
    "drop table if exists `skp_tahunan`",
    "rename table `skp_tahunan_backup_v1` to `skp_tahunan`",
]
ERROR_121 = (
    "SQLSTATE[HY000]: General error: 1005 Can't create table `gaspulco_lkbkanwil`.`skp_tahunan` "
    f'(errno: 121 "Duplicate key on write or update") (SQL: {ADD_KEY})'
)


def statements(up=(), down=(), **more):
    return {
        "up": list(up),
        "up_error": None,
        "up_conditional": [],
        "down": list(down),
        "down_exists": bool(down),
        "down_error": None,
        "down_conditional": [],
        "source_strings": [],
        **more,
    }


def table(columns, rows):
    return {
        "engine": "InnoDB",
        "rows": rows,
        "columns": [
            {
                "name": name,
                "type": "bigint",
                "collation": None,
                "nullable": False,
                "generated": False,
                "required": False,
            }
            for name in columns
        ],
        "indexes": [{"name": "PRIMARY", "columns": ["id"], "unique": True, "kind": ""}],
        "partitioned": False,
    }


def key(name, on, columns=("user_id",), to="users", to_columns=("id",)):
    return {
        "name": name,
        "table": on,
        "columns": list(columns),
        "referenced_schema": "gaspulco_lkbkanwil",
        "referenced_table": to,
        "referenced_columns": list(to_columns),
        "on_update": "RESTRICT",
        "on_delete": "RESTRICT",
    }


def original_back(schema):
    """The database after the rollback, with the constraint still on the original."""
    schema["tables"].remove("skp_tahunan_backup_v1")
    schema["details"]["skp_tahunan"] = schema["details"].pop("skp_tahunan_backup_v1")
    schema["constraints"] = [key("fk_skp_tahunan_user", "skp_tahunan")]


def failed_with(laravel, message, migration=REFACTOR):
    laravel["last_error"] = {"time": "2026-01-30", "message": message, "migration": migration}


def interrupted(laravel):
    """Leave the application as run r1 did, which was to repair the refactor."""
    laravel["maintenance"] = {
        "down": True,
        "by_this_tool": True,
        "run_id": "r1",
        "migration": REFACTOR,
    }


def steps(result):
    return [step["id"] for step in result["steps"]]


def step(result, name):
    return next(step for step in result["steps"] if step["id"] == name)


def refused(laravel, schema, verdict, **values):
    """Diagnose, and require the refusal `verdict` with a paragraph that helps."""
    facts = copy.deepcopy((laravel, schema))
    result = diagnose(laravel, schema, read_inputs(values))
    assert (laravel, schema) == facts, "the diagnosis changed the facts it was given"
    assert result["refused"] and result["verdict"] == verdict, result
    assert result["steps"] == [] and not result["repairs"], result
    assert result["found"] and result["next"] and result["not_changed"], result
    return result


def repaired(laravel, schema, verdict, **values):
    result = diagnose(laravel, schema, read_inputs(values))
    assert result["verdict"] == verdict, result
    assert not result["refused"] and result["repairs"], result
    return result
