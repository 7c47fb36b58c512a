# SPDX-License-Identifier: GPL-3.0-or-later
"""May the rest of a half-run migration be sent? No server."""

from __future__ import annotations

import pytest
from cases import (
    ADD_KEY,
    CREATE,
    LATER,
    REFACTOR,
    failed_with,
    refused,
    repaired,
    statements,
    step,
    steps,
)

SESSION = {
    "sql_mode": "STRICT_TRANS_TABLES",
    "character_set_client": "latin1",
    "collation_connection": "latin1_swedish_ci",
    "unique_checks": "0",
}


@pytest.fixture
def free(laravel, schema):
    """The incident, once another table has given the name up; the new one has rows."""
    laravel["connection"]["session"] = dict(SESSION)
    laravel["statements"][CREATE]["up"].remove(ADD_KEY)
    schema["constraints"] = []
    schema["details"]["skp_tahunan"]["rows"] = True
    return laravel, schema


def goes(free, **values):
    return repaired(*free, "goes_forward", forward=True, **values)


def stays(free, told, **values):
    result = refused(*free, "cannot_go_forward", forward=True, **values)
    assert told in result["found"], result["found"]
    return result


def test_the_connection_is_set_and_the_rest_is_sent(free):
    result = goes(free)
    assert steps(result)[-5:] == [
        *("maintenance", "forward", "forward_record", "verify", "leave_maintenance"),
    ]
    given = step(result, "forward")["arguments"]
    assert given["session"] == [
        "SET NAMES latin1 COLLATE latin1_swedish_ci",
        "SET SESSION sql_mode = 'STRICT_TRANS_TABLES', unique_checks = 0",
    ]
    assert given["charset"] == "latin1"
    (item,) = given["statements"]
    assert item["statement"] == ADD_KEY
    assert item["redo"] == [
        "ALTER TABLE `skp_tahunan` DROP FOREIGN KEY `fk_skp_tahunan_user`, "
        "DROP INDEX `fk_skp_tahunan_user`"
    ]


def test_the_command_has_the_name_that_was_given(free):
    assert goes(free, incident_migration=REFACTOR)["typed"] == (
        f"fix_fk.yml -e forward=true -e incident_migration={REFACTOR}"
    )


def test_how_the_connection_is_set_has_to_be_known(free):
    free[0]["connection"]["session"] = None
    stays(free, "how the application's connection is set")


def test_a_connection_beside_it_is_not_looked_at(free):
    free[0]["statements"][REFACTOR]["other_connections"] = ["billing"]
    stays(free, "uses the database connection billing as well, at which this does not look")


def test_what_it_set_on_its_connection_is_said_again(free):
    up = free[0]["statements"][REFACTOR]["up"]
    up.insert(0, "SET FOREIGN_KEY_CHECKS=0;")
    assert step(goes(free), "forward")["arguments"]["session"][-1] == "SET FOREIGN_KEY_CHECKS=0;"


@pytest.mark.parametrize(
    "kind, keeps",
    [("varchar(30)", True), ("bigint unsigned", True), ("float", False), ("date", False)],
)
def test_values_keep_their_form(free, kind, keeps):
    change = f"alter table `skp_tahunan_backup_v1` modify `id` {kind} not null"
    free[0]["statements"][REFACTOR]["up"].append(change)
    if keeps:
        goes(free)
    else:
        stays(free, "rounded or shortened without a word, by statement 4 of 4")


def test_what_may_be_in_another_schema_is_not_sent(free):
    trigger = "create trigger t before insert on users for each row set new.id = new.id"
    free[0]["statements"][REFACTOR]["up"].append(trigger)
    stays(free, "names a table together with its schema, and this looks at its own alone")


def no_way_back(free, **values):
    laravel, schema = free
    laravel["statements"][REFACTOR]["down"] = []
    return refused(laravel, schema, "no_safe_rollback", rollback_only=True, **values)["next"]


def test_it_is_named_where_no_way_back_is_safe(free):
    assert "fix_fk.yml -e forward=true sends statement 3 of 3" in no_way_back(free)


@pytest.mark.parametrize("errno", [121, 150])
def test_it_is_not_named_where_the_cause_may_be_there_still(free, errno):
    message = f"SQLSTATE[HY000]: General error: 1005 Can't (errno: {errno}) (SQL: {ADD_KEY})"
    failed_with(free[0], message)
    assert ("forward=true" in no_way_back(free)) is (errno == 121)
    assert any("does not show" in note for note in goes(free)["notes"]) is (errno == 150)


def test_it_is_not_named_where_another_one_would_fail_behind_it(free):
    laravel, _schema = free
    laravel["migrations"]["pending"].append(LATER)
    laravel["statements"][LATER] = statements(["alter table `users` add `id` int"])
    assert "forward=true" not in no_way_back(free)
    stays(free, f"behind it, migration {LATER} would fail")


def test_what_is_sent_to_another_connection_is_not_followed(free):
    free[0]["statements"][REFACTOR]["up_elsewhere"] = {"billing": ["create table `a` (`id` int)"]}
    result = refused(*free, "cannot_go_forward", forward=True)
    assert "billing" in result["found"]


def test_what_it_sent_in_a_scratch_schema_is_no_proof(free):
    laravel, _schema = free
    laravel["statements"][REFACTOR]["up_conditional"] = ["up(), line 3: if"]
    sent = [{"sql": text, "done": True} for text in laravel["statements"][REFACTOR]["up"]]
    answer = {"statements": sent, "error": None, "stopped": None, "unseen": False}
    laravel["learned"] = {"before": {REFACTOR: answer}, "now": {}}
    stays(free, "it decides by what it finds (up(), line 3: if)")


def test_a_temporary_table_went_with_its_connection(free):
    free[0]["statements"][REFACTOR]["up"].insert(0, "create temporary table `t` (`id` int)")
    stays(free, "gone with its connection: create temporary table `t`")


def test_what_does_not_load_behind_it_ends_migrate(free):
    free[0]["loading"] = {
        "migration": LATER, "part": "turn", "file": "a.php", "line": 7, "error": "boom",
    }  # fmt: skip
    assert refused(*free, "migration_does_not_load", forward=True)
