# SPDX-License-Identifier: GPL-3.0-or-later
"""Constraints that followed a renamed table; no server."""

from __future__ import annotations

from cases import CREATE, key, repaired, table


def test_children_that_follow_the_displaced_table_are_reported(laravel, schema):
    laravel["statements"][CREATE]["up"] += [
        "create table `anak` (`id` bigint, `skp_id` bigint)",
        "alter table `anak` add constraint `fk_anak` foreign key (`skp_id`) "
        "references `skp_tahunan` (`id`)",
    ]
    schema["tables"].append("anak")
    schema["details"]["anak"] = table(["id", "skp_id"], True)
    schema["constraints"].append(key("fk_anak", "anak", ["skp_id"], "skp_tahunan_backup_v1"))
    result = repaired(laravel, schema, "renamed_table_kept_the_name")
    assert any("fk_anak" in note and "skp_tahunan_backup_v1" in note for note in result["notes"])
