# SPDX-License-Identifier: GPL-3.0-or-later
"""Migrations of which all is there already; no server."""

from __future__ import annotations

from cases import CREATE_NEW, REFACTOR, failed_with, key, refused, statements, table
from fix_fk.engine import diagnose
from fix_fk.inputs import read_inputs


def test_a_migration_of_which_all_is_there_has_run(laravel, schema):
    laravel["statements"][REFACTOR] = statements(
        [CREATE_NEW.replace("skp_tahunan", "baru")], ["drop table `baru`"]
    )
    schema["tables"].append("baru")
    schema["details"]["baru"] = table(["id", "user_id", "nilai"], True)
    failed_with(laravel, "SQLSTATE[42S01]: x: 1050 Table 'baru' already exists (SQL: x)")
    result = refused(laravel, schema, "has_run_and_is_not_recorded")
    assert f"VALUES ('{REFACTOR}', 2)" in result["next"]


def test_a_migration_that_gives_one_name_twice_has_not_run_to_its_end(laravel, schema):
    create = CREATE_NEW.replace("skp_tahunan", "baru")
    given = "alter table `{}` add constraint `k` foreign key (`user_id`) references `users` (`id`)"
    both = [create, given.format("baru"), create.replace("baru", "dua"), given.format("dua")]
    laravel["statements"][REFACTOR] = statements(both)
    for name in ("baru", "dua"):
        schema["tables"].append(name)
        schema["details"][name] = table(["id", "user_id", "nilai"], True)
    schema["constraints"].append(key("k", "baru"))
    schema["holders"] = {"k": ["baru"]}
    result = diagnose(laravel, schema, read_inputs({}))
    assert result["refused"] and result["verdict"] != "has_run_and_is_not_recorded", result
