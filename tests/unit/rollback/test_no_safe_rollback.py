# SPDX-License-Identifier: GPL-3.0-or-later
"""Which way of rolling back is taken, and when none is; no server."""

from __future__ import annotations

from cases import REFACTOR, key, refused, repaired, statements, steps


def test_a_migration_that_drops_a_table_others_refer_to_would_fail_again(laravel, schema):
    laravel["statements"][REFACTOR]["up"].append("drop table `users`")
    result = refused(laravel, schema, "no_safe_rollback", remigrate_accept_loss=["users"])
    assert "still fail: table skp_tahunan_backup_v1 refers to users" in result["found"]
    laravel["statements"][REFACTOR]["up"][-1:] = [
        "SET FOREIGN_KEY_CHECKS=0;", "drop table `users`", "SET FOREIGN_KEY_CHECKS=1;",
    ]  # fmt: skip
    refused(laravel, schema, "migration_would_lose_rows")


def test_a_first_drop_of_an_old_backup_table_is_harmless_after_the_rollback(laravel, schema):
    laravel["statements"][REFACTOR]["up"].insert(0, "drop table if exists `skp_tahunan_backup_v1`")
    result = repaired(laravel, schema, "renamed_table_kept_the_name")
    assert steps(result)[3] == "rollback"


def test_no_safe_way_is_refused_with_each_reason(laravel, schema):
    laravel["statements"][REFACTOR].update(down=[], down_exists=False)
    schema["constraints"].append(key("fk_child", "anak", ["skp_id"], "skp_tahunan"))
    schema["tables"].append("anak")
    result = refused(laravel, schema, "no_safe_rollback")
    assert "anak refers to skp_tahunan" in result["found"]
    named = [one["strategy"] for one in result["strategies"]]
    assert named == ["nothing", "down", "rename_back", "inverse"]


def test_a_later_pending_migration_that_fails_closes_every_way(laravel, schema):
    later = "2026_02_01_000000_add_nilai"
    laravel["migrations"]["pending"].append(later)
    laravel["statements"][later] = statements(["alter table `not_there` add `x` int"])
    assert "not_there" in refused(laravel, schema, "no_safe_rollback")["found"]


def test_a_way_that_did_not_hold_on_the_clone_is_not_chosen_again(laravel, schema):
    first = repaired(laravel, schema, "renamed_table_kept_the_name")
    (way,) = [item["strategy"] for item in first["strategies"] if item["chosen"]]
    second = repaired(laravel, schema, "renamed_table_kept_the_name", unproven={way: "it failed"})
    assert {item["strategy"]: item["reason"] for item in second["strategies"]}[way] == "it failed"
    (other,) = [item["strategy"] for item in second["strategies"] if item["chosen"]]
    assert other != way and steps(second)[0] == "rehearse"
    unproven = {way: "it failed", other: "so did it", "inverse": "nor did this"}
    refusal = refused(laravel, schema, "no_safe_rollback", unproven=unproven)
    assert "it failed" in refusal["found"] and "so did it" in refusal["found"]
