# SPDX-License-Identifier: GPL-3.0-or-later
"""fk_constraint on a real server: names odd, holders anywhere, locks held, and every refusal."""

from __future__ import annotations

import threading
import time

import pytest
from ansible.module_utils.fix_fk.schema.foreign_keys import list_foreign_keys

TABLES = """
CREATE TABLE users (id INT PRIMARY KEY, code VARCHAR(20) NOT NULL, UNIQUE (code, id));
CREATE TABLE `skp ``é 100%` (
  id INT PRIMARY KEY, `user ``é` INT, code VARCHAR(20), boss INT, KEY (code, `user ``é`),
  CONSTRAINT `fk é ``user%` FOREIGN KEY (`user ``é`) REFERENCES users (id)
    ON DELETE CASCADE ON UPDATE SET NULL,
  CONSTRAINT fk_pair FOREIGN KEY (code, `user ``é`) REFERENCES users (code, id)
    ON DELETE NO ACTION,
  CONSTRAINT fk_boss FOREIGN KEY (boss) REFERENCES users (id));
INSERT INTO users VALUES (1, 'a'), (2, 'b');
INSERT INTO `skp ``é 100%` VALUES (1, 1, 'a', 2), (2, NULL, NULL, NULL);
CREATE TABLE other (id INT PRIMARY KEY, user_id INT);
"""
SKP = "skp `é 100%"
ODD = {
    "name": "fk é `user%",
    "table": SKP,
    "columns": ["user `é"],
    "referenced_table": "users",
    "referenced_columns": ["id"],
    "on_delete": "CASCADE",
    "on_update": "SET NULL",
}
OTHER = {
    "name": "fk_other",
    "table": "other",
    "columns": ["user_id"],
    "referenced_table": "users",
    "referenced_columns": ["id"],
}


@pytest.fixture
def fk(run_module, schema):
    """Run the module with the schema's account: fk(state, constraints, **more)."""
    schema.run(TABLES)

    def run(state, constraints, **more):
        return run_module(
            "fk_constraint", **schema.arguments, state=state, constraints=constraints, **more
        )

    return run


def show_create(schema, table=SKP):
    with schema.root.cursor() as cursor:
        cursor.execute(f"SHOW CREATE TABLE {schema.table(table)}")
        return cursor.fetchone()[1]


def keys(schema):
    return {key.name: key for key in list_foreign_keys(schema.root, schema.name)}


def take_back(schema, result):
    with schema.root.cursor() as cursor:
        for statement in result["undo"]:
            cursor.execute(statement)


def refused(schema, result, before, *words):
    assert result["failed"]
    assert not result.get("changed")
    assert result["queries"] == [] and result["undo"] == []
    for word in (*words, "Nothing was changed"):
        assert word.lower() in result["msg"].lower(), result["msg"]
    assert keys(schema) == before


def test_absent_drops_from_the_holder_and_its_undo_restores_everything(fk, schema):
    before, text = keys(schema), show_create(schema)
    names = [{"name": "FK é `USER%"}, {"name": "fk_pair"}, {"name": "fk_boss"}]
    planned = fk("absent", names, check_mode=True, diff=True)
    assert planned["changed"] and keys(schema) == before

    result = fk("absent", names)
    assert result["changed"] and keys(schema) == {}
    assert result["queries"] == planned["queries"]
    assert result["undo"] == planned["undo"]
    assert result["queries"][0] == "ALTER TABLE `skp ``é 100%` DROP FOREIGN KEY `fk é ``user%`"
    assert [key["name"] for key in result["constraints"]] == ["fk é `user%", "fk_pair", "fk_boss"]
    assert planned["diff"]["after"] == "" and "fk_pair" in planned["diff"]["before"]

    again = fk("absent", names)
    assert not again["changed"] and again["queries"] == [] and again["undo"] == []

    take_back(schema, result)
    assert keys(schema) == before
    assert sorted(show_create(schema).splitlines()) == sorted(text.splitlines())


def test_undo_of_a_constraint_into_another_schema(fk, schema):
    schema.sql("CREATE TABLE far (id INT PRIMARY KEY, u INT)")
    other = schema.name + " far"
    quoted = "`" + other.replace("`", "``") + "`"
    schema.sql(f"CREATE DATABASE {quoted}")
    try:
        schema.sql(f"CREATE TABLE {quoted}.people (id INT PRIMARY KEY)")
        schema.sql(
            f"ALTER TABLE far ADD CONSTRAINT fk_far FOREIGN KEY (u) REFERENCES {quoted}.people (id)"
        )
        before = keys(schema)
        result = fk("absent", [{"name": "fk_far"}])
        assert "fk_far" not in keys(schema)
        take_back(schema, result)
        assert keys(schema) == before
        assert before["fk_far"].referenced_schema == other
        schema.sql("ALTER TABLE far DROP FOREIGN KEY fk_far")
    finally:
        schema.sql(f"DROP DATABASE {quoted}")


def test_present_adds_verifies_and_its_undo_removes_the_index_too(fk, schema):
    text = show_create(schema, "other")
    planned = fk("present", [OTHER], check_mode=True, diff=True)
    assert planned["changed"] and "fk_other" not in keys(schema)
    result = fk("present", [OTHER])
    assert result["changed"] and result["queries"] == planned["queries"]
    assert "fk_other" in planned["diff"]["after"]
    assert keys(schema)["fk_other"].columns == ["user_id"]
    assert [key["name"] for key in result["constraints"]] == ["fk_other"]
    again = fk("present", [OTHER, ODD])
    assert not again["changed"] and len(again["constraints"]) == 2
    take_back(schema, result)
    assert show_create(schema, "other") == text


def test_absent_from_another_table_than_the_one_given_is_refused(fk, schema):
    before = keys(schema)
    result = fk("absent", [{"name": "fk_boss"}, {"name": "fk_pair", "table": "other"}])
    refused(schema, result, before, "fk_pair", f"held by {SKP}", "other only")


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "FK_BOSS"}, ["the name FK_BOSS", f"the table {SKP} holds it"]),
        (
            dict(ODD, columns=["boss"]),
            ["exists with another definition", "FOREIGN KEY (`user ``é`)", "FOREIGN KEY (`boss`)"],
        ),
        (dict(ODD, on_delete="RESTRICT"), ["exists with another definition"]),
        ({"table": "gone"}, ["there is no table", "gone"]),
        ({"referenced_table": "gone"}, ["there is no table", "gone"]),
        ({"columns": ["id", "user_id"]}, ["2 columns", "refers to 1"]),
        ({"columns": None}, ["given", "columns"]),
    ],
)
def test_present_refuses(fk, schema, change, words, check_mode):
    before = keys(schema)
    wanted = {part: value for part, value in dict(OTHER, **change).items() if value is not None}
    refused(schema, fk("present", [wanted], check_mode=check_mode), before, *words)


def test_the_same_new_name_twice_in_one_call_is_refused(fk, schema):
    before = keys(schema)
    schema.sql("CREATE TABLE third (id INT PRIMARY KEY, user_id INT)")
    result = fk("present", [OTHER, dict(OTHER, name="FK_OTHER", table="third")])
    refused(schema, result, before, "FK_OTHER", "other holds it")


@pytest.mark.parametrize("check_mode", [True, False])
def test_rows_without_a_parent_are_counted_and_shown(fk, schema, check_mode):
    """1452"""
    schema.sql("INSERT INTO other VALUES (1, 7), (2, 8), (3, NULL), (4, 1)")
    before = keys(schema)
    result = fk("present", [OTHER], check_mode=check_mode)
    refused(schema, result, before, "1452", "2 rows of other", "not in users")
    query = result["msg"].partition("See them with: ")[2].partition(". Nothing")[0]
    assert sorted(schema.sql(query)) == [(1, 7), (2, 8)]


@pytest.mark.parametrize(
    ("create", "words"),
    [
        ("CREATE TABLE odd (id INT, user_id INT) ENGINE=MyISAM", ["engine MyISAM", "silently"]),
        (
            "CREATE TABLE odd (id INT, user_id INT) PARTITION BY HASH (id) PARTITIONS 2",
            ["partitioned", "1506"],
        ),
    ],
)
def test_tables_that_take_no_foreign_keys_are_refused(fk, schema, create, words):
    schema.sql(create)
    text, before = show_create(schema, "odd"), keys(schema)
    refused(schema, fk("present", [dict(OTHER, table="odd")]), before, *words)
    assert show_create(schema, "odd") == text


def test_success_without_a_constraint_is_found_out(fk, schema, monkeypatch):
    """What MyISAM does, on a server whose dictionary would not have told."""
    from ansible.module_utils.fix_fk.schema import constraints

    monkeypatch.setattr(constraints, "check_tables", lambda *_: None)
    schema.sql("CREATE TABLE odd (id INT, user_id INT) ENGINE=MyISAM")
    result = fk("present", [dict(OTHER, table="odd")])
    assert result["failed"] and result["changed"]
    assert "is not there after it was added" in result["msg"]
    take_back(schema, dict(result, undo=[text for text in result["undo"] if "INDEX" not in text]))


def test_columns_that_do_not_fit_are_explained(fk, schema):
    """1005 with errno 150, 3780: and what was done before is told and can be taken back."""
    schema.sql("CREATE TABLE wide (id INT PRIMARY KEY, user_id BIGINT UNSIGNED)")
    result = fk("present", [OTHER, dict(OTHER, name="fk_wide", table="wide")])
    assert result["failed"] and result["changed"]
    assert "wide.user_id is bigint" in result["msg"] and "users.id is int" in result["msg"]
    assert "same type, sign, character set" in result["msg"]
    assert len(result["queries"]) == 1 and result["queries"][0] in result["msg"]
    take_back(schema, result)
    assert "fk_other" not in keys(schema)


@pytest.mark.parametrize("seconds", [None, 3])
def test_a_held_lock_is_waited_for_a_few_times_and_its_holder_named(fk, schema, seconds):
    blocker = schema.connect(autocommit=False)
    number = blocker.thread_id()
    with blocker.cursor() as cursor:
        cursor.execute("SELECT * FROM `skp ``é 100%`")
    before = keys(schema)
    waits = {"lock_wait_timeout": 1, "retries": 1, "retry_delay": 0}
    if seconds:
        waits["retries"] = 20
        threading.Timer(seconds, blocker.rollback).start()
    started = time.monotonic()
    result = fk("absent", [{"name": "fk_boss"}], **waits)
    taken = time.monotonic() - started
    try:
        if seconds:
            assert result["changed"] and taken >= seconds - 0.5
            return
        assert result["failed"] and 2 <= taken < 6
        assert "is locked" in result["msg"] and "2 times" in result["msg"]
        assert result["queries"] == [] and "Nothing was changed" in result["msg"]
        assert keys(schema) == before
        schema.grant("PROCESS", "*.*")
        result = fk("absent", [{"name": "fk_boss"}], **waits)
        assert f"connection {number} of {schema.user} from localhost" in result["msg"]
        assert "Nobody was killed" in result["msg"]
        with blocker.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        blocker.close()


def test_a_lock_in_the_middle_leaves_an_undo_of_what_was_done(fk, schema):
    schema.sql(
        "CREATE TABLE second (id INT PRIMARY KEY, u INT, "
        "CONSTRAINT fk_second FOREIGN KEY (u) REFERENCES users (id))"
    )
    before = keys(schema)
    blocker = schema.connect(autocommit=False)
    try:
        with blocker.cursor() as cursor:
            cursor.execute("SELECT * FROM second")
        names = [{"name": "fk_boss"}, {"name": "fk_second"}]
        result = fk("absent", names, lock_wait_timeout=1, retries=0)
    finally:
        blocker.close()
    assert result["failed"] and result["changed"]
    assert len(result["queries"]) == len(result["undo"]) == 1
    assert result["queries"][0] in result["msg"]
    take_back(schema, result)
    assert keys(schema) == before


def test_none_is_not_believed_when_the_account_may_not_see(fk, schema):
    schema.only("SELECT")
    before = keys(schema)
    result = fk("absent", [{"name": "fk_nobody"}])
    refused(schema, result, before, "not allowed to see", "SELECT")


def test_what_could_not_be_put_back_is_not_dropped(fk, schema):
    """An account that sees a foreign key and not its rules."""
    schema.only("SELECT")
    before = keys(schema)
    result = fk("absent", [{"name": "fk_boss"}])
    # MySQL shows the rules to whoever sees the foreign key, and refuses the ALTER itself.
    words = ("may not see the rules",) if schema.server.flavour == "mariadb" else ("1142",)
    refused(schema, result, before, *words, "fk_boss")


def test_a_missing_right_is_one_paragraph(fk, schema):
    schema.only("SELECT, INSERT")
    before = keys(schema)
    result = fk("absent", [{"name": "fk_boss"}])
    refused(schema, result, before, "ALTER command denied", "1142")


@pytest.mark.parametrize(("option", "value"), [("lock_wait_timeout", 0), ("retries", -1)])
def test_senseless_waits_are_refused(fk, option, value):
    result = fk("absent", [{"name": "fk_boss"}], **{option: value})
    assert result["failed"] and option in result["msg"]


def test_a_name_that_no_server_accepts_is_refused(fk, schema):
    refused(schema, fk("absent", [{"name": ""}]), keys(schema), "not a name")
