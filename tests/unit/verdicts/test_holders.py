# SPDX-License-Identifier: GPL-3.0-or-later
"""Who holds a taken name, and whether it may be freed; no server."""

from __future__ import annotations

import json

import pytest
from cases import (
    ADD_KEY,
    CREATE,
    CREATE_NEW,
    CREATE_SKP,
    DOWN,
    REFACTOR,
    RENAME,
    failed_with,
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

# Another table that has the constraint's name.
MAKE_ANOTHER = (
    "create table `penilaian` (`id` bigint, `user_id` bigint)",
    "alter table `penilaian` add constraint `fk_skp_tahunan_user` "
    "foreign key (`user_id`) references `users` (`id`)",
)


def test_a_retry_that_hit_1050_is_the_same_incident(laravel, schema):
    failed_with(
        laravel,
        "SQLSTATE[42S01]: Base table or view already exists: 1050 Table 'skp_tahunan_backup_v1' "
        f"already exists (SQL: {RENAME})",
    )
    result = repaired(laravel, schema, "renamed_table_kept_the_name_retried")
    assert steps(result)[3:6] == ["rollback", "fk_drop", "remigrate"]


def test_both_tables_empty_are_told_apart_by_evidence_not_rows(laravel, schema):
    schema["details"]["skp_tahunan_backup_v1"]["rows"] = False
    result = repaired(laravel, schema, "renamed_table_kept_the_name")
    assert step(result, "rollback")["arguments"]["strategy"] == "down"


def test_the_same_table_already_has_the_constraint(laravel, schema):
    original_back(schema)
    laravel["statements"][REFACTOR] = statements([ADD_KEY])
    result = repaired(laravel, schema, "table_already_has_the_constraint")
    assert steps(result)[3:5] == ["fk_drop", "remigrate"]


def test_interrupted_after_the_rollback_goes_on_with_the_drop(laravel, schema):
    original_back(schema)
    result = repaired(laravel, schema, "table_already_has_the_constraint")
    assert steps(result)[3:5] == ["fk_drop", "remigrate"]
    assert result["expected"]["names"]["skp_tahunan"] == "skp_tahunan_backup_v1"


def test_leftover_with_rows_is_refused(laravel, schema):
    schema["details"]["skp_tahunan"]["rows"] = True
    result = refused(laravel, schema, "leftover_has_rows")
    assert "gone on writing" in result["found"]


def test_rows_that_are_not_known_count_as_rows(laravel, schema):
    schema["details"]["skp_tahunan"]["rows"] = None
    refused(laravel, schema, "leftover_has_rows")


def live_holder(laravel, schema):
    """Another table, made by a recorded migration, owns the name."""
    laravel["statements"][CREATE]["up"] = [CREATE_SKP, *MAKE_ANOTHER]
    laravel["statements"][REFACTOR] = statements([ADD_KEY])
    schema["tables"] = ["users", "skp_tahunan", "penilaian", "migrations"]
    schema["details"] = {
        "users": table(["id"], True),
        "skp_tahunan": table(["id", "user_id"], True),
        "penilaian": table(["id", "user_id"], True),
    }
    schema["constraints"] = [key("fk_skp_tahunan_user", "penilaian")]


def test_a_live_holder_is_never_touched(laravel, schema):
    live_holder(laravel, schema)
    result = refused(laravel, schema, "live_table_holds_the_name")
    assert CREATE in result["found"] and "stands in its way any more" not in result["found"]


def test_a_live_holder_is_live_even_when_empty(laravel, schema):
    live_holder(laravel, schema)
    schema["details"]["penilaian"]["rows"] = False
    refused(laravel, schema, "live_table_holds_the_name")


def test_a_table_that_the_code_reads_is_live(laravel, schema):
    laravel["model_tables"] = {"skp_tahunan_backup_v1": "app/Models/Arsip.php"}
    laravel["statements"][REFACTOR] = statements([CREATE_NEW, ADD_KEY])
    result = refused(laravel, schema, "live_table_holds_the_name")
    assert "app/Models/Arsip.php" in result["found"]


def test_code_of_the_release_may_read_what_it_renames(laravel, schema):
    laravel["model_tables"] = {"skp_tahunan_backup_v1": "app/Console/CopyRows.php"}
    repaired(laravel, schema, "renamed_table_kept_the_name")


def test_a_holder_without_any_evidence_is_refused(laravel, schema):
    live_holder(laravel, schema)
    laravel["statements"][CREATE]["up"] = [CREATE_SKP]
    result = refused(laravel, schema, "holder_not_identified")
    assert "What is missing" in result["found"]


def test_a_recorded_migration_that_names_the_holder_is_a_doubt(laravel, schema):
    laravel["statements"][CREATE]["source_strings"] = ["skp_tahunan", "skp_tahunan_backup_v1"]
    refused(laravel, schema, "holder_not_identified")


def test_columns_that_do_not_fit_are_a_doubt(laravel, schema):
    schema["details"]["skp_tahunan_backup_v1"] = table(["id", "kode"], True)
    refused(laravel, schema, "holder_not_identified")


def test_history_and_migration_that_disagree_are_a_doubt(laravel, schema):
    laravel["statements"][CREATE]["up"] = [CREATE_SKP, *MAKE_ANOTHER]
    refused(laravel, schema, "holder_not_identified")


def test_a_table_renamed_by_hand_may_be_in_use(laravel, schema):
    """That it was renamed is certain; that the failed migration did it is said by nobody."""
    laravel["statements"][REFACTOR] = statements([CREATE_NEW, ADD_KEY], DOWN[:1])
    result = refused(laravel, schema, "holder_not_identified")
    assert "skp_tahunan_backup_v1 is skp_tahunan, renamed" in result["found"]
    # In a branch that --pretend does not take, it does say so.
    laravel["statements"][REFACTOR]["source_strings"] = ["skp_tahunan_backup_v1"]
    repaired(laravel, schema, "renamed_table_kept_the_name")


def test_the_logged_statement_tells_of_a_rename(laravel, schema):
    laravel["statements"][REFACTOR] = statements([CREATE_NEW, ADD_KEY], DOWN[:1])
    failed_with(
        laravel,
        "SQLSTATE[42S01]: Base table or view already exists: 1050 Table 'skp_tahunan_backup_v1' "
        f"already exists (SQL: {RENAME})",
    )
    repaired(laravel, schema, "renamed_table_kept_the_name_retried")


def test_a_squashed_history_falls_back_to_the_rename_and_the_columns(laravel, schema):
    laravel["migrations"]["recorded"] = []
    result = repaired(laravel, schema, "renamed_table_kept_the_name")
    assert any("renames skp_tahunan" in text for text in result["evidence"])


def test_a_history_with_gaps_alone_is_not_enough(laravel, schema):
    laravel["migrations"]["recorded"].append({"name": "2021_gone", "batch": 1})
    laravel["statements"][REFACTOR] = statements([CREATE_NEW, ADD_KEY])
    refused(laravel, schema, "holder_not_identified")


def test_names_are_compared_without_case(laravel, schema):
    schema["constraints"] = [key("FK_Skp_Tahunan_USER", "skp_tahunan_backup_v1")]
    result = repaired(laravel, schema, "renamed_table_kept_the_name")
    assert "`FK_Skp_Tahunan_USER`" in step(result, "fk_drop")["do"][0]


def test_per_table_names_do_not_collide(laravel, schema):
    """MariaDB 12.1 and later: a name is taken in its own table only."""
    schema["details"]["skp_tahunan_backup_v1"]["rows"] = False
    schema["server"]["name_scope"] = "table"
    laravel["last_error"] = None
    laravel["statements"][REFACTOR] = statements([ADD_KEY])
    assert diagnose(laravel, schema, read_inputs({}))["verdict"] == "healthy"


@pytest.mark.parametrize(
    "name, tool",
    [
        ("_skp_tahunan_new", "pt-online-schema-change"),
        ("_skp_tahunan_old", "pt-online-schema-change"),
        ("_skp_tahunan_gho", "gh-ost"),
        ("_skp_tahunan_ghc", "gh-ost"),
        ("_skp_tahunan_del", "gh-ost"),
        ("skp_tahunan_tmp", "syncs or imports"),
        ("#sql-1a2b_3", "ALTER TABLE"),
    ],
)
def test_tables_of_programs_are_known_by_their_names(laravel, schema, name, tool):
    laravel["statements"][REFACTOR]["up"] = [CREATE_NEW.replace("skp_tahunan", "b"), ADD_KEY]
    schema["tables"].append(name)
    schema["details"][name] = table(["id", "user_id"], True)
    schema["constraints"] = [key("fk_skp_tahunan_user", name)]
    result = refused(laravel, schema, "shadow_table_holds_the_name")
    assert tool in result["found"]
    assert f"ALTER TABLE `{name}` DROP FOREIGN KEY `fk_skp_tahunan_user`" in result["next"]


def test_a_table_renamed_by_the_migration_may_be_called_as_it_likes(laravel, schema):
    text = json.dumps([laravel, schema]).replace("skp_tahunan_backup_v1", "_skp_tahunan_old")
    renamed, tables = json.loads(text)
    repaired(renamed, tables, "renamed_table_kept_the_name")


def test_a_table_without_the_prefix_is_another_applications(laravel, schema):
    laravel["statements"][REFACTOR]["up"] = [CREATE_NEW, ADD_KEY]
    laravel["connection"]["prefix"] = "skp_"
    schema["constraints"] = [key("fk_skp_tahunan_user", "users")]
    schema["tables"].append("arsip")
    schema["details"]["arsip"] = table(["id", "user_id"], True)
    schema["constraints"] = [key("fk_skp_tahunan_user", "arsip")]
    assert "prefix" in refused(laravel, schema, "live_table_holds_the_name")["found"]


def test_a_table_that_begins_like_another_list_of_migrations_is_another_applications(
    laravel, schema
):
    laravel["statements"][REFACTOR]["up"] = [CREATE_NEW.replace("skp_tahunan", "b"), ADD_KEY]
    schema["tables"] += ["lama_migrations", "lama_arsip"]
    schema["details"]["lama_arsip"] = table(["id", "user_id"], True)
    schema["constraints"] = [key("fk_skp_tahunan_user", "lama_arsip")]
    told = refused(laravel, schema, "live_table_holds_the_name")["found"]
    assert "lama_migrations" in told


def test_a_constraint_on_other_columns_is_not_the_one_to_be_made(laravel, schema):
    original_back(schema)
    laravel["statements"][REFACTOR] = statements([ADD_KEY])
    schema["constraints"] = [key("fk_skp_tahunan_user", "skp_tahunan", columns=["nilai"])]
    refused(laravel, schema, "constraint_is_another")
    # Of a table that is renamed away first, it is only in the way.
    laravel["statements"][REFACTOR] = statements([RENAME, CREATE_NEW, ADD_KEY], DOWN)
    repaired(laravel, schema, "table_already_has_the_constraint")


def test_what_the_server_would_generate_can_be_taken_too(laravel, schema):
    laravel["statements"][REFACTOR] = statements(
        [
            "create table `b` (`id` bigint not null, `u` bigint not null, "
            "foreign key (`u`) references `users` (`id`))"
        ]
    )
    schema["constraints"] = [key("B_ibfk_1", "skp_tahunan_backup_v1")]
    result = refused(laravel, schema, "holder_not_identified")
    assert result["names"][0]["name"] == "b_ibfk_1"
