# SPDX-License-Identifier: GPL-3.0-or-later
"""How tables get their names back; no server."""

from __future__ import annotations

from cases import DOWN, REFACTOR, original_back, repaired, step, table


def test_without_a_leftover_the_table_is_only_renamed(laravel, schema):
    schema["tables"].remove("skp_tahunan")
    del schema["details"]["skp_tahunan"]
    laravel["statements"][REFACTOR].update(down=["drop table `skp_tahunan`", DOWN[1]])
    result = repaired(laravel, schema, "renamed_table_kept_the_name")
    assert step(result, "rollback")["arguments"]["tables"] == [
        {"original": "skp_tahunan", "displaced": "skp_tahunan_backup_v1", "leftover": False}
    ]
    assert "The new table was not created" in result["found"]


def test_interrupted_before_the_set_aside_leftover_was_dropped(laravel, schema):
    original_back(schema)
    schema["tables"].append("skp_tahunan__fix_fk_leftover")
    schema["details"]["skp_tahunan__fix_fk_leftover"] = table(["id", "user_id", "nilai"], False)
    result = repaired(laravel, schema, "table_already_has_the_constraint")
    assert step(result, "rollback")["arguments"]["tables"] == [
        {"original": "skp_tahunan", "displaced": None, "leftover": False}
    ]
