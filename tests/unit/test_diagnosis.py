# SPDX-License-Identifier: GPL-3.0-or-later
"""Every verdict of the diagnosis, from facts written by hand; no server."""

from __future__ import annotations

import copy
import json

import pytest
from fix_fk.engine import diagnose
from fix_fk.facts import Laravel, requested
from fix_fk.inputs import read_inputs
from fix_fk.verdicts.before_inspection import before_inspection

CREATE = "2020_01_01_000000_create_skp_tahunan_table"
REFACTOR = "2026_01_25_000000_total_refactor_skp_system"
USERS = "2014_10_12_000000_create_users_table"

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


@pytest.fixture
def laravel():
    """The application in the incident: the refactor failed with 1005/121."""
    return {
        "path": "/srv/app",
        "php": {"binary": "php", "version": "8.2.1"},
        "connection": {"database": "gaspulco_lkbkanwil", "username": "gaspul_user"},
        "configuration": {"cached": False, "differences": []},
        "database_error": None,
        "migrations_table": "migrations",
        "migrations": {
            "recorded": [{"name": USERS, "batch": 1}, {"name": CREATE, "batch": 1}],
            "pending": [REFACTOR],
        },
        "statements": {
            USERS: statements([CREATE_USERS]),
            CREATE: statements([CREATE_SKP, ADD_KEY], ["drop table `skp_tahunan`"]),
            REFACTOR: statements([RENAME, CREATE_NEW, ADD_KEY], DOWN),
        },
        "maintenance": {"down": False, "by_this_tool": False, "run_id": None, "migration": None},
        "last_error": {"time": "2026-01-30", "message": ERROR_121, "migration": REFACTOR},
        "model_tables": {},
    }


@pytest.fixture
def schema():
    """The database in the incident: rows and the name in the displaced table."""
    return {
        "server": {
            "flavour": "mariadb",
            "name_scope": "schema",
            "read_only": False,
            "replica": False,
        },
        "account": {"name": "u@h", "sees_all": True, "reason": "", "missing_rights": []},
        "name": "gaspulco_lkbkanwil",
        "rehearsal": {
            "schema": "gaspulco_lkbkanwil__fix_fk_1a2b_r1",
            "pattern": "gaspulco\\_lkbkanwil\\_\\_fix\\_fk%",
            "lacking": [],
        },
        "tables": ["users", "skp_tahunan", "skp_tahunan_backup_v1", "migrations"],
        "details": {
            "users": table(["id"], True),
            "skp_tahunan": table(["id", "user_id", "nilai"], False),
            "skp_tahunan_backup_v1": table(["id", "user_id"], True),
        },
        "constraints": [key("fk_skp_tahunan_user", "skp_tahunan_backup_v1")],
        "missing": [],
        "differing": [],
        "orphans": [],
        "locks": [],
    }


def original_back(schema):
    """The database after the rollback, with the constraint still on the original."""
    schema["tables"].remove("skp_tahunan_backup_v1")
    schema["details"]["skp_tahunan"] = schema["details"].pop("skp_tahunan_backup_v1")
    schema["constraints"] = [key("fk_skp_tahunan_user", "skp_tahunan")]


def failed_with(laravel, message, migration=REFACTOR):
    laravel["last_error"] = {"time": "2026-01-30", "message": message, "migration": migration}


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
    assert result["steps"] == [] and not result["repairs"]
    assert result["found"] and result["next"] and result["not_changed"]
    return result


def repaired(laravel, schema, verdict, **values):
    result = diagnose(laravel, schema, read_inputs(values))
    assert result["verdict"] == verdict, result
    assert not result["refused"] and result["repairs"]
    return result


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


def test_names_come_from_pretend_log_and_inventory(laravel):
    expected = [{"name": "fk_other", "table": "units", "columns": ["a"],
                 "referenced_table": "users", "referenced_columns": ["id"]}]  # fmt: skip
    asked = requested(Laravel(laravel), read_inputs({"expected_constraints": expected}))
    assert asked["names"] == {
        "fk_skp_tahunan_user": ["pretend", "log"],
        "fk_other": ["inventory"],
    }
    assert {"units", "skp_tahunan", "skp_tahunan_backup_v1", "users"} <= set(asked["tables"])


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


def test_without_a_leftover_the_table_is_only_renamed(laravel, schema):
    schema["tables"].remove("skp_tahunan")
    del schema["details"]["skp_tahunan"]
    laravel["statements"][REFACTOR].update(down=["drop table `skp_tahunan`", DOWN[1]])
    result = repaired(laravel, schema, "renamed_table_kept_the_name")
    assert step(result, "rollback")["arguments"]["tables"] == [
        {"original": "skp_tahunan", "displaced": "skp_tahunan_backup_v1", "leftover": False}
    ]
    assert "The new table was not created" in result["found"]


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


def test_interrupted_after_the_drop_only_migrates(laravel, schema):
    original_back(schema)
    schema["constraints"] = []
    result = repaired(laravel, schema, "nothing_in_the_way")
    assert steps(result)[1:] == [
        "backup",
        "maintenance",
        "remigrate",
        "verify",
        "leave_maintenance",
    ]


def test_interrupted_before_the_set_aside_leftover_was_dropped(laravel, schema):
    original_back(schema)
    schema["tables"].append("skp_tahunan__fix_fk_leftover")
    schema["details"]["skp_tahunan__fix_fk_leftover"] = table(["id", "user_id", "nilai"], False)
    result = repaired(laravel, schema, "table_already_has_the_constraint")
    assert step(result, "rollback")["arguments"]["tables"] == [
        {"original": "skp_tahunan", "displaced": None, "leftover": False}
    ]


def test_interrupted_after_the_migration_only_verifies(laravel, schema):
    schema["constraints"] = [key("fk_skp_tahunan_user", "skp_tahunan")]
    laravel["migrations"]["recorded"].append({"name": REFACTOR, "batch": 2})
    laravel["migrations"]["pending"] = []
    laravel["maintenance"] = {
        "down": True, "by_this_tool": True, "run_id": "r1", "migration": REFACTOR,
    }  # fmt: skip
    result = repaired(laravel, schema, "unfinished")
    assert steps(result) == ["verify", "leave_maintenance"]


def test_interrupted_between_two_migrations_runs_the_rest(laravel, schema):
    following = "2026_01_26_000000_following"
    laravel["migrations"]["recorded"].append({"name": REFACTOR, "batch": 2})
    laravel["migrations"]["pending"] = [following]
    laravel["statements"][following] = statements(["create table `more` (`id` bigint not null)"])
    schema["constraints"] = [key("fk_skp_tahunan_user", "skp_tahunan")]
    laravel["maintenance"] = {
        "down": True, "by_this_tool": True, "run_id": "r1", "migration": REFACTOR,
    }  # fmt: skip
    result = repaired(laravel, schema, "nothing_in_the_way")
    assert steps(result)[1:] == [
        "backup",
        "maintenance",
        "remigrate",
        "verify",
        "leave_maintenance",
    ]
    assert step(result, "remigrate")["arguments"]["migrations"] == [following]
    assert "run r1 of this tool was interrupted" in result["found"]


def test_log_lost_but_our_maintenance_mode_names_the_migration(laravel, schema):
    original_back(schema)
    schema["constraints"] = []
    laravel["last_error"] = None
    laravel["maintenance"] = {
        "down": True, "by_this_tool": True, "run_id": "r1", "migration": REFACTOR,
    }  # fmt: skip
    repaired(laravel, schema, "nothing_in_the_way")


def test_leftover_with_rows_is_refused(laravel, schema):
    schema["details"]["skp_tahunan"]["rows"] = True
    result = refused(laravel, schema, "leftover_has_rows")
    assert "gone on writing" in result["found"]


def test_rows_that_are_not_known_count_as_rows(laravel, schema):
    schema["details"]["skp_tahunan"]["rows"] = None
    refused(laravel, schema, "leftover_has_rows")


def live_holder(laravel, schema):
    """Another table, made by a recorded migration, owns the name."""
    laravel["statements"][CREATE]["up"] = [
        CREATE_SKP,
        "create table `penilaian` (`id` bigint, `user_id` bigint)",
        "alter table `penilaian` add constraint `fk_skp_tahunan_user` "
        "foreign key (`user_id`) references `users` (`id`)",
    ]
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
    laravel["statements"][CREATE]["up"] = [
        CREATE_SKP,
        "create table `penilaian` (`id` bigint, `user_id` bigint)",
        "alter table `penilaian` add constraint `fk_skp_tahunan_user` "
        "foreign key (`user_id`) references `users` (`id`)",
    ]
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


@pytest.mark.parametrize("code", ["1005", "3780"])
def test_150_is_not_this_incident(laravel, schema, code):
    original_back(schema)
    failed_with(
        laravel,
        f"SQLSTATE[HY000]: General error: {code} Can't create table `a`.`b` (errno: 150 "
        f'"Foreign key constraint is incorrectly formed") (SQL: {ADD_KEY})',
    )
    assert "type" in refused(laravel, schema, "columns_do_not_match")["found"]


def test_1452_is_not_this_incident(laravel, schema):
    original_back(schema)
    failed_with(
        laravel,
        "SQLSTATE[23000]: Integrity constraint violation: 1452 Cannot add or update a child row: "
        f"a foreign key constraint fails (SQL: {ADD_KEY})",
    )
    refused(laravel, schema, "orphan_rows")


def test_1061_is_not_this_incident(laravel, schema):
    failed_with(
        laravel,
        "SQLSTATE[42000]: Syntax error or access violation: 1061 Duplicate key name 'x' "
        "(SQL: alter table `skp_tahunan` add index `x`(`id`))",
    )
    refused(laravel, schema, "index_name_taken")


def test_a_lock_wait_is_not_this_incident_and_names_the_blocker(laravel, schema):
    failed_with(
        laravel,
        "SQLSTATE[HY000]: General error: 1205 Lock wait timeout exceeded; try restarting "
        f"transaction (SQL: {ADD_KEY})",
    )
    schema["locks"] = [
        {"table": "users", "connection": 42, "user": "report", "host": "web2", "seconds": 90},
        # Which table, and whose session, is not always for the account to see.
        {"table": None, "connection": 43, "user": None, "host": None, "seconds": 1},
    ]
    found = refused(laravel, schema, "lock_wait")["found"]
    assert "connection 42 of report from web2 on users, for 90 s; connection 43, for 1 s." in found
    schema["locks"] = []
    assert "Nobody holds one" in refused(laravel, schema, "lock_wait")["found"]
    schema["locks"] = None
    assert "not for this account to see" in refused(laravel, schema, "lock_wait")["found"]


def test_an_unknown_error_is_not_repaired(laravel, schema):
    failed_with(
        laravel,
        "SQLSTATE[42S22]: Column not found: 1054 Unknown column 'x' in 'field list' "
        "(SQL: update `users` set `x` = 1)",
    )
    refused(laravel, schema, "another_error")


def test_nothing_visible_is_not_taken_for_nothing_there(laravel, schema):
    schema["constraints"] = []
    schema["account"].update(sees_all=False, reason="it has SELECT on one table only")
    result = refused(laravel, schema, "cannot_see")
    assert "GRANT ALL PRIVILEGES ON `gaspulco_lkbkanwil`.* TO `u`@`h`" in result["next"]


def test_a_missing_right_is_refused_before_anything_is_done(laravel, schema):
    schema["account"]["missing_rights"] = ["DROP"]
    assert "DROP" in refused(laravel, schema, "missing_rights")["found"]


def test_artisans_own_account_needs_its_rights_whoever_repairs_the_rest(laravel, schema):
    own = {"name": "app@h", "sees_all": True, "reason": "", "missing_rights": ["LOCK TABLES"]}
    schema["application_account"] = own
    repaired(laravel, schema, "renamed_table_kept_the_name")
    own["missing_rights"] = ["DROP", "LOCK TABLES"]
    result = refused(laravel, schema, "missing_rights")
    assert "app@h lacks DROP on" in result["found"] and "GRANT DROP ON" in result["next"]


@pytest.mark.parametrize("what", ["read_only", "replica"])
def test_a_server_that_cannot_be_written_is_refused(laravel, schema, what):
    schema["server"][what] = True
    refused(laravel, schema, "not_writable")


def test_orphan_dictionary_rows_are_for_the_administrator(laravel, schema):
    schema["orphans"] = [{"name": "fk_x", "table": "gone"}]
    refused(laravel, schema, "orphan_dictionary_rows")


def units(schema):
    """Another table with rows, which nothing refers to."""
    schema["tables"].append("units")
    schema["details"]["units"] = table(["id"], True)


def test_a_migration_that_drops_rows_when_run_again_is_refused(laravel, schema):
    units(schema)
    laravel["statements"][REFACTOR]["up"].append("drop table `units`")
    result = refused(laravel, schema, "migration_would_lose_rows")
    assert "RENAME TABLE `units` TO `units_kept`" in result["next"]
    laravel["statements"][USERS]["up"].append("create table `units` (`id` bigint)")
    result = refused(laravel, schema, "migration_would_lose_rows")
    assert "remigrate_accept_loss" in result["next"]
    repaired(laravel, schema, "renamed_table_kept_the_name", remigrate_accept_loss=["units"])


def test_a_migration_that_drops_a_table_others_refer_to_would_fail_again(laravel, schema):
    laravel["statements"][REFACTOR]["up"].append("drop table `users`")
    result = refused(laravel, schema, "no_safe_rollback", remigrate_accept_loss=["users"])
    assert "still fail: table skp_tahunan_backup_v1 refers to users" in result["found"]
    laravel["statements"][REFACTOR]["up"][-1:] = [
        "SET FOREIGN_KEY_CHECKS=0;", "drop table `users`", "SET FOREIGN_KEY_CHECKS=1;",
    ]  # fmt: skip
    refused(laravel, schema, "migration_would_lose_rows")


def test_a_down_that_drops_a_table_others_refer_to_is_not_taken(laravel, schema):
    schema["tables"].append("anak")
    schema["constraints"].append(key("fk_child", "anak", ["skp_id"], "skp_tahunan"))
    result = refused(laravel, schema, "no_safe_rollback")
    assert (
        "run the migration's own down(): it would fail: table anak refers to skp_tahunan"
        in result["found"]
    )


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
    assert [way["strategy"] for way in result["strategies"]] == ["nothing", "down", "rename_back"]


def test_a_later_pending_migration_that_fails_closes_every_way(laravel, schema):
    later = "2026_02_01_000000_add_nilai"
    laravel["migrations"]["pending"].append(later)
    laravel["statements"][later] = statements(["alter table `not_there` add `x` int"])
    assert "not_there" in refused(laravel, schema, "no_safe_rollback")["found"]


def test_two_tables_of_the_code_that_share_a_name_are_refused(laravel, schema):
    laravel["statements"][REFACTOR]["up"].append(ADD_KEY.replace("skp_tahunan`", "users`", 1))
    refused(laravel, schema, "names_collide_in_the_code")


def test_the_literal_rollback_wants_the_name_of_what_it_undoes(laravel, schema):
    result = refused(laravel, schema, "no_safe_rollback", rollback_strategy="literal")
    assert f"rollback_migration={CREATE}" in result["found"]


def test_the_literal_rollback_still_may_not_lose_rows(laravel, schema):
    laravel["statements"][CREATE]["down"] = ["drop table `skp_tahunan_backup_v1`"]
    result = refused(
        laravel, schema, "no_safe_rollback",
        rollback_strategy="literal", rollback_migration=CREATE,
    )  # fmt: skip
    assert "lose data" in result["found"]


def test_nothing_pending_is_healthy(laravel, schema):
    schema["details"]["skp_tahunan_backup_v1"]["rows"] = False
    laravel["migrations"]["pending"] = []
    result = diagnose(laravel, schema, read_inputs({}))
    assert result["verdict"] == "healthy" and not result["refused"] and result["steps"] == []


def test_what_the_inventory_expects_and_no_migration_makes_is_refused(laravel, schema):
    expected = [key("fk_lain", "users", ["atasan_id"])]
    told = refused(laravel, schema, "would_not_verify", expected_constraints=expected)
    assert "constraint fk_lain of users" in told["found"]
    assert "ADD CONSTRAINT `fk_lain` FOREIGN KEY (`atasan_id`)" in told["next"]
    told = refused(laravel, schema, "would_not_verify", expected_tables=["arsip"])
    assert "table arsip" in told["found"]
    # What the migrations do cannot be foreseen in full.
    laravel["statements"][laravel["migrations"]["pending"][0]]["up_conditional"] = ["if"]
    result = diagnose(laravel, schema, read_inputs({"expected_constraints": expected}))
    assert result["verdict"] != "would_not_verify"


def test_a_table_of_a_recorded_migration_that_is_gone_is_noted(laravel, schema):
    schema["details"]["skp_tahunan_backup_v1"]["rows"] = False
    laravel["migrations"]["pending"] = []
    assert diagnose(laravel, schema, read_inputs({}))["notes"] == []
    schema["tables"].remove("users")
    result = diagnose(laravel, schema, read_inputs({}))
    assert result["verdict"] == "healthy" and "Not there: users," in result["notes"][0]


def test_everything_recorded_but_a_constraint_missing_is_not_healthy(laravel, schema):
    laravel["migrations"]["pending"] = []
    schema["missing"] = ["fk_skp_tahunan_user"]
    refused(laravel, schema, "constraints_missing")


def test_what_differs_is_said_in_words(laravel, schema):
    laravel["migrations"]["pending"] = []
    found = {**key("fk", "b"), "on_delete": "CASCADE"}
    schema["differing"] = [{"name": "fk", "found": found, "expected": key("fk", "a")}]
    result = refused(laravel, schema, "constraints_missing")
    assert (
        "fk differs (table b instead of a; on delete CASCADE instead of RESTRICT)"
        in result["found"]
    )


def test_a_missing_table_with_its_alternative_is_not_healthy(laravel, schema):
    schema["details"]["skp_tahunan_backup_v1"]["rows"] = False
    laravel["migrations"]["pending"] = []
    tables = ["users", ["indikator_kinerja", "rhk_pimpinan"]]
    result = refused(laravel, schema, "constraints_missing", expected_tables=tables)
    assert "indikator_kinerja or rhk_pimpinan" in result["found"]
    schema["tables"].append("rhk_pimpinan")
    assert (
        diagnose(laravel, schema, read_inputs({"expected_tables": tables}))["verdict"] == "healthy"
    )


def test_a_pending_migration_that_never_failed_is_not_run(laravel, schema):
    original_back(schema)
    schema["constraints"] = []
    laravel["last_error"] = None
    result = diagnose(laravel, schema, read_inputs({}))
    assert result["verdict"] == "healthy" and result["steps"] == []
    assert "migrate --force" in result["next"]


def test_a_collision_ahead_needs_no_log(laravel, schema):
    laravel["last_error"] = None
    repaired(laravel, schema, "renamed_table_kept_the_name")


def test_an_old_error_of_a_recorded_migration_is_not_an_incident(laravel, schema):
    original_back(schema)
    schema["constraints"] = []
    failed_with(laravel, ERROR_121, CREATE)
    assert diagnose(laravel, schema, read_inputs({}))["verdict"] == "healthy"


def test_an_incident_migration_that_is_recorded_is_refused(laravel, schema):
    refused(laravel, schema, "not_pending", incident_migration=CREATE)


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


def test_a_cached_configuration_that_differs_is_refused(laravel):
    laravel["configuration"]["differences"] = [
        {"key": "host", "cached": "10.0.0.1", "dotenv": "127.0.0.1"}
    ]
    result = before_inspection(laravel)
    assert result["refused"] and "10.0.0.1" in result["found"] and "127.0.0.1" in result["found"]


def test_an_artisan_that_is_still_running_is_waited_for(laravel):
    laravel["busy"] = True
    result = before_inspection(laravel)
    assert result["refused"] and result["verdict"] == "artisan_is_running"


def test_another_run_is_waited_for(laravel):
    laravel["busy"] = True
    laravel["another_run"] = {"said": "run r2 on host app1", "idle": 30}
    result = before_inspection(laravel)
    assert result["refused"] and result["verdict"] == "another_run"
    assert "run r2 on host app1" in result["found"] and "within 30 s" in result["next"]


def test_no_connection_is_refused(laravel):
    laravel["database_error"] = {"code": 1045, "message": "Access denied"}
    assert "1045" in before_inspection(laravel)["found"]
    laravel["database_error"] = None
    assert before_inspection(laravel) is None


# --- the rehearsal ------------------------------------------------------------------------


def test_where_rollbacks_are_prohibited_none_is_planned(laravel, schema):
    laravel["destructive_commands_prohibited"] = True
    result = repaired(laravel, schema, "renamed_table_kept_the_name")
    assert [way["strategy"] for way in result["strategies"] if way["chosen"]] == ["rename_back"]
    given = {"rollback_strategy": "literal", "rollback_migration": CREATE}
    assert "forbids" in refused(laravel, schema, "no_safe_rollback", **given)["found"]


def test_a_way_that_did_not_hold_on_the_clone_is_not_chosen_again(laravel, schema):
    first = repaired(laravel, schema, "renamed_table_kept_the_name")
    (way,) = [item["strategy"] for item in first["strategies"] if item["chosen"]]
    second = repaired(laravel, schema, "renamed_table_kept_the_name", unproven={way: "it failed"})
    assert {item["strategy"]: item["reason"] for item in second["strategies"]}[way] == "it failed"
    (other,) = [item["strategy"] for item in second["strategies"] if item["chosen"]]
    assert other != way and steps(second)[0] == "rehearse"
    unproven = {way: "it failed", other: "so did it"}
    refusal = refused(laravel, schema, "no_safe_rollback", unproven=unproven)
    assert "it failed" in refusal["found"] and "so did it" in refusal["found"]


def test_the_plan_begins_with_its_rehearsal(laravel, schema):
    result = repaired(laravel, schema, "renamed_table_kept_the_name")
    assert steps(result)[0] == "rehearse"
    assert step(result, "rehearse")["arguments"] == {"level": "structure"}


@pytest.mark.parametrize(
    "lacking, elsewhere, down, why",
    [
        ([{"account": "o'neill@%", "rights": ["CREATE"]}], [], [],
         "GRANT ALL PRIVILEGES ON `gaspulco\\_lkbkanwil\\_\\_fix\\_fk%`.* TO "
         "`o'neill`@`%`"),
        ([], ["billing"], [], f"{REFACTOR} uses the database connection billing as well"),
        ([], [], ["drop table if exists `gaspulco_lkbkanwil`.`rhk_pimpinan`"],
         f"{REFACTOR} names a table together with its schema"),
        ([], [], ["rename table gaspulco_lkbkanwil.a to b"],
         f"{REFACTOR} names a table together with its schema"),
    ],
)  # fmt: skip
def test_what_cannot_be_rehearsed_is_said(laravel, schema, lacking, elsewhere, down, why):
    schema["rehearsal"]["lacking"] = lacking
    laravel["statements"][REFACTOR]["other_connections"] = elsewhere
    laravel["statements"][REFACTOR]["down"] += down
    result = repaired(laravel, schema, "renamed_table_kept_the_name")
    assert steps(result)[0] == "backup"
    assert [note for note in result["notes"] if note.startswith("Not rehearsed:") and why in note]
    assert why in refused(laravel, schema, "cannot_rehearse", rehearsal_required=True)["found"]


def test_elsewhere_it_takes_no_rights_on_this_server(laravel, schema):
    schema["rehearsal"]["lacking"] = [{"account": "app@localhost", "rights": ["CREATE"]}]
    result = repaired(laravel, schema, "renamed_table_kept_the_name")
    assert "rehearsal_server=embedded" in " ".join(result["notes"])
    given = {"rehearsal_server": "embedded"}
    result = repaired(laravel, schema, "renamed_table_kept_the_name", **given)
    done = step(result, "rehearse")["do"]
    assert "start a server" in done[0] and "delete its folder" in done[-1]
    given = {"rehearsal_server": "other", "rehearsal_host": "db2", "rehearsal_user": "latihan"}
    result = repaired(laravel, schema, "renamed_table_kept_the_name", **given)
    done = step(result, "rehearse")["do"]
    assert "db2" in done[0] and "DROP DATABASE" in done[-1]


def test_no_rehearsal_is_asked_for_by_name(laravel, schema):
    result = repaired(laravel, schema, "renamed_table_kept_the_name", rehearsal_level="none")
    assert steps(result)[0] == "backup"


# --- what was typed by hand after the failure -------------------------------------------------


def recorded_by_hand(laravel, *others):
    laravel["migrations"]["recorded"] += [{"name": n, "batch": 2} for n in (REFACTOR, *others)]
    laravel["migrations"]["pending"] = []


LATER = "2026_02_01_000000_later"


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
    laravel["maintenance"] = {
        "down": True, "by_this_tool": True, "run_id": "r1", "migration": REFACTOR,
    }  # fmt: skip
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


def test_the_first_pending_migration_that_collides_is_the_incident(laravel, schema):
    """Its record was removed by hand, and the log only knows the one that failed after it."""
    laravel["statements"][LATER] = statements(["create table `baru` (`id` bigint not null)"])
    laravel["migrations"]["pending"].append(LATER)
    failed_with(laravel, "SQLSTATE[HY000]: General error: 1005 x (errno: 150 y) (SQL: z)", LATER)
    assert repaired(laravel, schema, "renamed_table_kept_the_name")["migration"] == REFACTOR


# --- other causes -----------------------------------------------------------------------------


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


def test_what_was_not_looked_at_is_not_called_missing(laravel, schema):
    """The record of a migration is not for removal because its table was of no interest."""
    laravel["statements"][LATER] = statements(["alter table `units` add `x` int"])
    laravel["statements"][USERS]["up"].append("create table `units` (`id` bigint not null)")
    laravel["migrations"]["recorded"].append({"name": LATER, "batch": 2})
    laravel["migrations"]["pending"], schema["missing"] = [], ["fk_other"]
    original_back(schema)
    schema["tables"].append("units")
    assert LATER not in refused(laravel, schema, "constraints_missing")["next"]
    schema["tables"].remove("units")
    assert LATER in refused(laravel, schema, "constraints_missing")["next"]


def test_a_constraint_on_other_columns_is_not_the_one_to_be_made(laravel, schema):
    original_back(schema)
    laravel["statements"][REFACTOR] = statements([ADD_KEY])
    schema["constraints"] = [key("fk_skp_tahunan_user", "skp_tahunan", columns=["nilai"])]
    refused(laravel, schema, "constraint_is_another")
    # Of a table that is renamed away first, it is only in the way.
    laravel["statements"][REFACTOR] = statements([RENAME, CREATE_NEW, ADD_KEY], DOWN)
    repaired(laravel, schema, "table_already_has_the_constraint")


@pytest.mark.parametrize(
    "code, errno", [(1005, " (errno: 28 x)"), (1005, " (errno: 135 x)"), (1021, ""), (1114, "")]
)
def test_a_full_disk_is_not_this_incident(laravel, schema, code, errno):
    failed_with(laravel, f"SQLSTATE[HY000]: General error: {code} Can't create{errno} (SQL: x)")
    result = refused(laravel, schema, "disk_full")
    assert f"incident_migration={REFACTOR}" in result["next"]
    repaired(laravel, schema, "renamed_table_kept_the_name", incident_migration=REFACTOR)


UPDATE = "update `users` set `id` = `id` + 1"


def test_rows_written_before_the_failure_are_not_written_again(laravel, schema):
    laravel["statements"][REFACTOR]["up"].insert(0, UPDATE)
    result = refused(laravel, schema, "migration_would_write_again")
    assert '["users"]' in result["next"]
    repaired(laravel, schema, "renamed_table_kept_the_name", remigrate_accept_repeat=["users"])


def test_rows_written_behind_the_failure_were_not_written(laravel, schema):
    laravel["statements"][REFACTOR]["up"].append(UPDATE)
    repaired(laravel, schema, "renamed_table_kept_the_name")


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
