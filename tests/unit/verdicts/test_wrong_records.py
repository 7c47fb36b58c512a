# SPDX-License-Identifier: GPL-3.0-or-later
"""A migrations table that does not tell the truth; no server."""

from __future__ import annotations

import pytest
from cases import (
    CREATE,
    ERROR_121,
    LATER,
    REFACTOR,
    USERS,
    failed_with,
    interrupted,
    key,
    original_back,
    refused,
    repaired,
    statements,
    step,
    steps,
    table,
)
from fix_fk.engine import diagnose
from fix_fk.inputs import read_inputs


def recorded_by_hand(laravel, *others):
    laravel["migrations"]["recorded"] += [{"name": n, "batch": 2} for n in (REFACTOR, *others)]
    laravel["migrations"]["pending"] = []


def test_a_migration_recorded_by_hand_is_not_believed(laravel, schema):
    recorded_by_hand(laravel)
    result = repaired(laravel, schema, "recorded_without_having_run", rehearsal_level="none")
    assert steps(result)[2:5] == ["forget", "rollback", "fk_drop"]
    assert step(result, "forget")["do"] == [
        f"DELETE FROM `migrations` WHERE `migration` = '{REFACTOR}' AND `batch` = 2"
    ]
    assert step(result, "forget")["arguments"]["records"] == [{"migration": REFACTOR, "batch": 2}]
    assert result["expected"]["migrations"] == [USERS, CREATE, REFACTOR]


def test_a_record_is_believed_when_the_new_table_has_its_constraint(laravel, schema):
    recorded_by_hand(laravel)
    schema["constraints"] = [key("fk_skp_tahunan_user", "skp_tahunan")]
    assert diagnose(laravel, schema, read_inputs({}))["verdict"] == "rows_aside"


def test_a_record_is_believed_where_both_tables_may_have_the_name(laravel, schema):
    recorded_by_hand(laravel)
    schema["server"]["name_scope"] = "table"
    schema["constraints"].append(key("fk_skp_tahunan_user", "skp_tahunan"))
    assert diagnose(laravel, schema, read_inputs({}))["verdict"] == "rows_aside"


def test_a_record_is_believed_when_a_later_migration_took_the_constraint_away(laravel, schema):
    drop = "alter table `skp_tahunan` drop foreign key `fk_skp_tahunan_user`"
    laravel["statements"][LATER] = statements([drop])
    recorded_by_hand(laravel, LATER)
    assert diagnose(laravel, schema, read_inputs({}))["verdict"] == "rows_aside"


@pytest.mark.parametrize(
    "up, live, forgotten",
    [
        (["create table `baru` (`id` bigint not null)"], False, [LATER, REFACTOR]),
        (["create table `baru` (`id` bigint not null)"], True, [REFACTOR]),
        (["update `users` set `id` = `id`"], False, [REFACTOR]),
    ],
)
def test_what_was_recorded_after_it_is_judged_by_itself(laravel, schema, up, live, forgotten):
    laravel["statements"][LATER] = statements(up)
    recorded_by_hand(laravel, LATER)
    if live:
        schema["tables"].append("baru")
        schema["details"]["baru"] = table(["id"], False)
    result = repaired(laravel, schema, "recorded_without_having_run")
    records = step(result, "forget")["arguments"]["records"]
    assert [record["migration"] for record in records] == forgotten


@pytest.mark.parametrize(
    "up, doubt",
    [
        (["create table `baru` (`id` int)", "create table `users_b` (`id` int)"], "only a part"),
        (["create table `b` (`id` int)", "insert into `users` (`id`) values (1)"], "writes rows"),
    ],
)
def test_half_of_a_later_migration_is_a_doubt(laravel, schema, up, doubt):
    laravel["statements"][LATER] = statements(up)
    recorded_by_hand(laravel, LATER)
    schema["tables"].append("baru")
    schema["details"]["baru"] = table(["id"], False)
    result = refused(laravel, schema, "recorded_without_having_run")
    assert doubt in result["found"]
    assert f"DELETE FROM `migrations` WHERE `migration` = '{REFACTOR}'" in result["next"]


def test_what_was_recorded_by_hand_is_still_not_dropped_with_rows(laravel, schema):
    recorded_by_hand(laravel)
    schema["details"]["skp_tahunan"]["rows"] = True
    assert (
        "recorded by hand, or by Option 2" in refused(laravel, schema, "leftover_has_rows")["found"]
    )


CHILD = "2020_02_01_000000_create_detail_table"

ADD_CHILD = (
    "alter table `detail` add constraint `fk_detail` foreign key (`skp_id`) "
    "references `skp_tahunan` (`id`)"
)


@pytest.fixture
def undone(laravel, schema):
    """The runbook's Option 1: the migration before the failed one was rolled back."""
    laravel["statements"][CHILD] = statements(
        ["create table `detail` (`id` bigint not null, `skp_id` bigint not null)"]
    )
    laravel["statements"][CREATE]["up"].append(ADD_CHILD)
    laravel["migrations"]["recorded"] = [{"name": n, "batch": 1} for n in (USERS, CHILD)]
    laravel["migrations"]["pending"] = [CREATE, REFACTOR]
    schema["tables"].remove("skp_tahunan")
    del schema["details"]["skp_tahunan"]
    schema["tables"].append("detail")
    schema["details"]["detail"] = table(["id", "skp_id"], True)


@pytest.mark.usefixtures("undone")
def test_a_migration_rolled_back_by_mistake_is_recorded_again(laravel, schema):
    result = repaired(laravel, schema, "rolled_back_too_far", rehearsal_level="none")
    assert steps(result)[2:6] == ["rollback", "add_back", "record", "fk_drop"]
    assert step(result, "rollback")["arguments"]["strategy"] == "rename_back"
    assert step(result, "add_back")["arguments"]["constraints"][0]["name"] == "fk_detail"
    assert f"VALUES ('{CREATE}', 2)" in step(result, "record")["do"][0]
    assert step(result, "remigrate")["arguments"]["migrations"] == [REFACTOR]
    assert sorted(result["expected"]["migrations"]) == sorted([USERS, CHILD, CREATE, REFACTOR])
    (child,) = [c for c in result["expected"]["constraints"] if c["name"] == "fk_detail"]
    assert child["referenced_table"] == "skp_tahunan_backup_v1"


@pytest.mark.usefixtures("undone")
def test_what_the_second_attempt_made_goes_with_it(laravel, schema):
    schema["tables"].append("skp_tahunan")
    schema["details"]["skp_tahunan"] = table(["id", "user_id"], False)
    failed_with(laravel, ERROR_121, CREATE)
    result = repaired(laravel, schema, "rolled_back_too_far")
    assert step(result, "rollback")["arguments"]["tables"][0]["leftover"] is True
    schema["details"]["skp_tahunan"]["rows"] = True
    refused(laravel, schema, "leftover_has_rows")


@pytest.mark.usefixtures("undone")
def test_interrupted_after_the_renaming_it_goes_on_with_the_record(laravel, schema):
    schema["tables"].append("skp_tahunan")
    original_back(schema)
    interrupted(laravel)
    result = repaired(laravel, schema, "rolled_back_too_far")
    assert "rollback" not in steps(result)
    assert steps(result)[3:6] == ["add_back", "record", "fk_drop"]


@pytest.mark.usefixtures("undone")
@pytest.mark.parametrize(
    "doubt", ["none of the constraints", "lacks columns", "changes users as well", "not known"]
)
def test_a_rollback_that_is_not_proven_is_refused_with_its_sql(laravel, schema, doubt):
    if doubt == "none of the constraints":
        schema["constraints"] = []
    elif doubt == "lacks columns":
        schema["details"]["skp_tahunan_backup_v1"] = table(["id"], True)
    elif doubt == "changes users as well":
        laravel["statements"][CREATE]["up"].append("update `users` set `id` = 1")
    else:
        laravel["statements"][CREATE]["up_conditional"] = ["if"]
    result = refused(laravel, schema, "rolled_back_too_far")
    assert doubt in result["found"] and "ADD CONSTRAINT `fk_detail`" in result["next"]
    assert "RENAME TABLE `skp_tahunan_backup_v1` TO `skp_tahunan`" in result["next"]
    assert f"VALUES ('{CREATE}', 2)" in result["next"]


@pytest.mark.usefixtures("undone")
def test_a_new_release_of_both_migrations_is_not_a_rollback(laravel, schema):
    """Nothing of what the first makes is there under any name."""
    schema["constraints"], schema["details"]["skp_tahunan_backup_v1"] = [], table(["x"], True)
    laravel["last_error"] = None
    assert diagnose(laravel, schema, read_inputs({}))["verdict"] != "rolled_back_too_far"
