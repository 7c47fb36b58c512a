# SPDX-License-Identifier: GPL-3.0-or-later
"""Which names are freed, and which the code gives twice; no server."""

from __future__ import annotations

from cases import (
    ADD_KEY,
    CREATE,
    CREATE_NEW,
    CREATE_SKP,
    REFACTOR,
    RENAME,
    key,
    original_back,
    refused,
    repaired,
    statements,
    step,
)


def test_all_names_of_one_create_statement_are_freed(laravel, schema):
    """With its constraints inline the CREATE fails as a whole, at the first of the taken names."""
    schema["tables"].remove("skp_tahunan")
    del schema["details"]["skp_tahunan"]
    names = ["fk_skp_tahunan_user", "fk_skp_tahunan_approved_by"]
    laravel["statements"][CREATE]["up"] = [CREATE_SKP, ADD_KEY, ADD_KEY.replace(names[0], names[1])]
    schema["constraints"] = [key(name, "skp_tahunan_backup_v1") for name in names]
    inline = [f"constraint `{n}` foreign key (`user_id`) references `users` (`id`)" for n in names]
    create = f"{CREATE_NEW[:-1]}, {', '.join(inline)})"
    laravel["statements"][REFACTOR]["up"] = [RENAME, create]
    result = repaired(laravel, schema, "renamed_table_kept_the_name")
    assert [c["name"] for c in step(result, "fk_drop")["arguments"]["constraints"]] == names


def test_one_name_twice_in_one_create_statement_is_the_codes_fault(laravel, schema):
    inline = "constraint `fk_a` foreign key (`user_id`) references `users` (`id`)"
    laravel["statements"][REFACTOR] = statements(
        [f"create table `nilai` (`user_id` bigint, {inline}, {inline})"]
    )
    original_back(schema)
    refused(laravel, schema, "names_collide_in_the_code", incident_migration=REFACTOR)


def test_two_tables_of_the_code_that_share_a_name_are_refused(laravel, schema):
    laravel["statements"][REFACTOR]["up"].append(ADD_KEY.replace("skp_tahunan`", "users`", 1))
    refused(laravel, schema, "names_collide_in_the_code")
