# SPDX-License-Identifier: GPL-3.0-or-later
"""When a migration's own down() is taken; no server."""

from __future__ import annotations

import pytest
from cases import CREATE, DOWN, REFACTOR, key, refused, repaired, step


@pytest.mark.parametrize(
    "why, change",
    [
        ("no down()", {"down": [], "down_exists": False}),
        ("down() decides", {"down_conditional": ["if"]}),
        ("unreadable", {"down_error": "Class not found"}),
        ("loses rows", {"down": ["drop table `skp_tahunan_backup_v1`"]}),
        ("loses rows after a rename", {"down": [*DOWN, "drop table `skp_tahunan`"]}),
        ("empties", {"down": ["truncate table `skp_tahunan_backup_v1`", *DOWN]}),
        ("deletes", {"down": ["delete from `users`", *DOWN]}),
        ("rewrites", {"down": ["update `users` set `id` = ?", *DOWN]}),
        ("drops a column", {"down": [*DOWN, "alter table `users` drop `id`"]}),
        ("does not put it back", {"down": ["drop table if exists `skp_tahunan`"]}),
        ("would fail", {"down": ["drop table `not_there`", *DOWN]}),
        ("cannot be read", {"down": [*DOWN, "call tidy_up()"]}),
    ],
)
def test_a_down_that_is_not_safe_is_not_taken(laravel, schema, why, change):
    laravel["statements"][REFACTOR].update(change)
    result = repaired(laravel, schema, "renamed_table_kept_the_name")
    rollback = step(result, "rollback")
    assert rollback["arguments"]["strategy"] == "rename_back", why
    assert rollback["arguments"]["tables"] == [
        {"original": "skp_tahunan", "displaced": "skp_tahunan_backup_v1", "leftover": True}
    ]
    assert not result["strategies"][1]["chosen"] and result["strategies"][1]["reason"]


def test_a_down_that_drops_a_table_others_refer_to_is_not_taken(laravel, schema):
    schema["tables"].append("anak")
    schema["constraints"].append(key("fk_child", "anak", ["skp_id"], "skp_tahunan"))
    result = refused(laravel, schema, "no_safe_rollback")
    assert (
        "run the migration's own down(): it would fail: table anak refers to skp_tahunan"
        in result["found"]
    )


def test_where_rollbacks_are_prohibited_none_is_planned(laravel, schema):
    laravel["destructive_commands_prohibited"] = True
    result = repaired(laravel, schema, "renamed_table_kept_the_name")
    assert [way["strategy"] for way in result["strategies"] if way["chosen"]] == ["rename_back"]
    given = {"rollback_strategy": "literal", "rollback_migration": CREATE}
    assert "forbids" in refused(laravel, schema, "no_safe_rollback", **given)["found"]
