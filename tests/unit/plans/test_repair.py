# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of Option 1; no server."""

from __future__ import annotations

from cases import DOWN, REFACTOR, repaired, step, steps


def test_the_incident_is_rolled_back_with_its_own_down(laravel, schema):
    result = repaired(laravel, schema, "renamed_table_kept_the_name")
    assert steps(result) == [
        "rehearse", "backup", "maintenance", "rollback", "fk_drop", "remigrate", "verify",
        "leave_maintenance",
    ]  # fmt: skip
    rollback = step(result, "rollback")
    assert rollback["arguments"]["strategy"] == "down"
    assert rollback["arguments"]["expected_statements"] == DOWN
    assert rollback["do"][0] == (
        f"INSERT INTO `migrations` (`migration`, `batch`) VALUES ('{REFACTOR}', 2000000000)"
    )
    # After the rollback the name sits on the table of the original name.
    assert step(result, "fk_drop")["do"] == [
        "ALTER TABLE `skp_tahunan` DROP FOREIGN KEY `fk_skp_tahunan_user`"
    ]
    assert step(result, "fk_drop")["undo"] == [
        "ALTER TABLE `skp_tahunan` ADD CONSTRAINT `fk_skp_tahunan_user` "
        "FOREIGN KEY (`user_id`) REFERENCES `users` (`id`)"
    ]
    assert step(result, "remigrate")["arguments"]["migrations"] == [REFACTOR]
    assert result["expected"]["names"]["skp_tahunan_backup_v1"] == "skp_tahunan_backup_v1"
    assert result["expected"]["dropped"] == ["skp_tahunan"]
    assert [c["table"] for c in result["expected"]["constraints"]] == ["skp_tahunan"]
    assert result["names"][0]["learned_from"] == ["pretend", "log"]


def test_every_step_of_a_plan_can_be_read(laravel, schema):
    for item in repaired(laravel, schema, "renamed_table_kept_the_name")["steps"]:
        assert item["title"] and item["reason"] and item["do"] and item["undo"] and item["proof"]
