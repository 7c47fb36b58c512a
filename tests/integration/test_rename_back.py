# SPDX-License-Identifier: GPL-3.0-or-later
"""rename_back on a real server: every state it can meet, races included, and what it refuses."""

from __future__ import annotations

import pytest
import rename_back

ORIGINAL, AWAY = "skp `é 100%", "skp `é 100%_backup_v1"
ASIDE = "skp `é 100%__fix_fk_leftover"
PAIR = {"original": ORIGINAL, "displaced": AWAY, "leftover": True}

DISPLACED = """
CREATE TABLE users (id INT PRIMARY KEY);
CREATE TABLE `skp ``é 100%` (id INT PRIMARY KEY, user_id INT, up INT,
  CONSTRAINT `fk é` FOREIGN KEY (user_id) REFERENCES users (id),
  FOREIGN KEY (up) REFERENCES `skp ``é 100%` (id));
CREATE TABLE detail (id INT PRIMARY KEY, skp_id INT,
  CONSTRAINT fk_detail FOREIGN KEY (skp_id) REFERENCES `skp ``é 100%` (id));
CREATE TRIGGER kept BEFORE INSERT ON `skp ``é 100%` FOR EACH ROW SET NEW.user_id = NEW.user_id;
INSERT INTO users VALUES (1);
INSERT INTO `skp ``é 100%` VALUES (1, 1, NULL), (2, NULL, 1);
RENAME TABLE `skp ``é 100%` TO `skp ``é 100%_backup_v1`;
"""
LEFTOVER = """
CREATE TABLE `skp ``é 100%` (id INT AUTO_INCREMENT PRIMARY KEY, `a ``%é` INT COMMENT 'ü;"',
  up INT, CONSTRAINT fk_up FOREIGN KEY (up) REFERENCES `skp ``é 100%` (id));
CREATE TRIGGER gone BEFORE INSERT ON `skp ``é 100%` FOR EACH ROW SET NEW.up = NEW.up;
"""


def run_raw(schema, statement):
    with schema.root.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def state(schema):
    """Everything there is to see: {name: (CREATE, rows, triggers)}."""
    found = {}
    for (name,) in schema.sql("SHOW TABLES"):
        table = schema.table(name)
        found[name] = (
            sorted(run_raw(schema, f"SHOW CREATE TABLE {table}")[0][1].splitlines()),
            run_raw(schema, f"SELECT * FROM {table}"),
            schema.sql(
                "SELECT TRIGGER_NAME, ACTION_STATEMENT FROM information_schema.TRIGGERS"
                " WHERE TRIGGER_SCHEMA = %s AND EVENT_OBJECT_TABLE = %s",
                schema.name,
                name,
            ),
        )
    return found


@pytest.fixture
def back(run_module, schema):
    def run(*pairs, **more):
        return run_module("rename_back", **schema.arguments, tables=list(pairs or [PAIR]), **more)

    return run


def take_back(schema, result):
    for statement in result["undo"]:
        run_raw(schema, statement)


def refused(schema, result, before, *words):
    assert result["failed"] and not result.get("changed")
    assert result["undo"] == []
    for word in (*words, "Nothing was changed"):
        assert word.lower() in result["msg"].lower(), result["msg"]
    assert state(schema) == before


def test_the_incident_is_taken_back_and_the_undo_makes_it_again(back, schema):
    schema.run(DISPLACED + LEFTOVER)
    before = state(schema)
    planned = back(check_mode=True, diff=True)
    assert planned["changed"] and state(schema) == before

    result = back()
    assert (
        result["queries"]
        == planned["queries"]
        == [
            "RENAME TABLE `skp ``é 100%` TO `skp ``é 100%__fix_fk_leftover`, "
            "`skp ``é 100%_backup_v1` TO `skp ``é 100%`",
            "DROP TABLE `skp ``é 100%__fix_fk_leftover`",
        ]
    )
    assert result["undo"] == planned["undo"]
    assert result["followed"] == [
        {"name": "fk_detail", "table": "detail", "referenced_table": ORIGINAL}
    ]
    assert planned["diff"]["after"] == ORIGINAL + "\n"
    after = state(schema)
    assert set(after) == {"users", "detail", ORIGINAL}
    assert len(after[ORIGINAL][1]) == 2 and after[ORIGINAL][2][0][0] == "kept"
    assert any("REFERENCES `skp ``é 100%` " in line for line in after["detail"][0])

    again = back()
    assert not again["changed"] and again["queries"] == []

    take_back(schema, result)
    assert state(schema) == before


def test_without_a_leftover_only_the_name_goes_back(back, schema):
    schema.run(DISPLACED)
    before = state(schema)
    result = back(dict(PAIR, leftover=False))
    assert len(result["queries"]) == 1 and ORIGINAL in state(schema)
    take_back(schema, result)
    assert state(schema) == before


def test_a_leftover_that_was_to_be_there_and_is_not(back, schema):
    schema.run(DISPLACED)
    assert back()["queries"] == ["RENAME TABLE `skp ``é 100%_backup_v1` TO `skp ``é 100%`"]


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize("leftover", [True, False])
def test_an_interrupted_run_is_finished(back, schema, check_mode, leftover):
    schema.run(DISPLACED + LEFTOVER)
    aside = rename_back.renaming([(ORIGINAL, ASIDE), (AWAY, ORIGINAL)])
    run_raw(schema, aside)
    before = state(schema)
    for pair in (dict(PAIR, leftover=leftover), {"original": ORIGINAL}):
        result = back(pair, check_mode=check_mode)
        assert result["queries"] == [f"DROP TABLE {rename_back.quote_identifier(ASIDE)}"]
        if check_mode:
            assert state(schema) == before
            continue
        assert set(state(schema)) == {"users", "detail", ORIGINAL}
        take_back(schema, result)
        assert state(schema) == before


def test_a_server_that_crashed_between_two_renames(back, schema):
    """MySQL 5.7 and MariaDB before 10.6 do not rename several tables as one."""
    schema.run(DISPLACED + LEFTOVER)
    run_raw(schema, rename_back.renaming([(ORIGINAL, ASIDE)]))
    before = state(schema)
    result = back()
    assert set(state(schema)) == {"users", "detail", ORIGINAL}
    take_back(schema, result)
    assert state(schema) == before


def test_a_new_incident_on_top_of_an_interrupted_run(back, schema):
    schema.run(DISPLACED + LEFTOVER)
    run_raw(schema, f"CREATE TABLE {rename_back.quote_identifier(ASIDE)} (id INT)")
    before = state(schema)
    result = back()
    assert len(result["queries"]) == 3
    assert set(state(schema)) == {"users", "detail", ORIGINAL}
    take_back(schema, result)
    assert state(schema) == before


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize("aside", [False, True])
def test_a_leftover_with_rows_is_not_dropped(back, schema, check_mode, aside):
    schema.run(DISPLACED + LEFTOVER)
    run_raw(schema, "INSERT INTO `skp ``é 100%` (id) VALUES (1)")
    if aside:
        run_raw(schema, rename_back.renaming([(ORIGINAL, ASIDE), (AWAY, ORIGINAL)]))
    before = state(schema)
    refused(schema, back(check_mode=check_mode), before, ASIDE if aside else ORIGINAL, "has rows")


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_leftover_that_is_referred_to_is_not_dropped(back, schema, check_mode):
    schema.run(DISPLACED + LEFTOVER)
    schema.run(
        "CREATE TABLE fresh (id INT, s INT, CONSTRAINT fk_fresh FOREIGN KEY (s) "
        "REFERENCES `skp ``é 100%` (id))"
    )
    before = state(schema)
    refused(schema, back(check_mode=check_mode), before, "fk_fresh of fresh", ORIGINAL)


@pytest.mark.parametrize(
    "race",
    [
        "INSERT INTO `skp ``é 100%` (id) VALUES (1)",
        "CREATE TABLE fresh (id INT, s INT, CONSTRAINT fk_fresh FOREIGN KEY (s) "
        "REFERENCES `skp ``é 100%` (id))",
    ],
    ids=["row", "reference"],
)
def test_what_arrives_between_the_look_and_the_rename_is_kept(back, schema, monkeypatch, race):
    """The application writes to the leftover at the last moment."""
    schema.run(DISPLACED + LEFTOVER)
    carry_out = rename_back.Work.carry_out

    def later(work):
        run_raw(schema, race)
        carry_out(work)

    monkeypatch.setattr(rename_back.Work, "carry_out", later)
    result = back()
    assert result["failed"] and not result["changed"] and result["undo"] == []
    assert "All names were put back" in result["msg"]
    assert len(result["queries"]) == 2
    found = state(schema)
    assert len(found[AWAY][1]) == 2 and ASIDE not in found
    assert found[ORIGINAL][1] or "fresh" in found


def test_a_reference_from_a_schema_that_the_account_cannot_see(back, schema):
    schema.run(DISPLACED + LEFTOVER)
    quoted = rename_back.quote_identifier(schema.name + "x")
    run_raw(schema, f"CREATE DATABASE {quoted}")
    try:
        run_raw(
            schema,
            f"CREATE TABLE {quoted}.t (s INT, FOREIGN KEY (s)"
            f" REFERENCES {schema.table(ORIGINAL)} (id))",
        )
        before = state(schema)
        result = back()
        assert "that this account cannot see" in result["msg"]
        assert "All names were put back" in result["msg"]
        refused(schema, result, before)
    finally:
        run_raw(schema, f"DROP DATABASE {quoted}")


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize(
    ("pair", "words"),
    [
        (dict(PAIR, leftover=False), ["taken", AWAY]),
        ({"original": "no", "displaced": "nay"}, ["neither nay nor no"]),
        ({"original": "look", "displaced": AWAY}, ["look is a view"]),
        ({"original": ORIGINAL, "displaced": ORIGINAL}, ["named twice"]),
    ],
)
def test_refusals(back, schema, pair, words, check_mode):
    schema.run(DISPLACED + LEFTOVER + "CREATE VIEW look AS SELECT 1 AS one;\n")
    before = state(schema)
    result = back(pair, check_mode=check_mode)
    refused(schema, result, before, *words)


MANY = """
CREATE TABLE b_old (id INT PRIMARY KEY);
INSERT INTO b_old VALUES (1);
CREATE TABLE a (id INT PRIMARY KEY);
CREATE TABLE b (id INT PRIMARY KEY, a INT, FOREIGN KEY (a) REFERENCES a (id));
CREATE TABLE c (id INT PRIMARY KEY, b INT, FOREIGN KEY (b) REFERENCES b (id));
"""


def test_several_tables_that_refer_to_each_other_go_in_one_call(back, schema):
    schema.run(MANY)
    before = state(schema)
    pairs = [
        {"original": "a", "leftover": True},
        {"original": "b", "displaced": "b_old", "leftover": True},
        {"original": "c", "leftover": True},
    ]
    result = back(*pairs)
    assert len(result["queries"]) == 4
    assert list(state(schema)) == ["b"] and state(schema)["b"][1] == ((1,),)
    assert not back(*pairs)["changed"]
    take_back(schema, result)
    assert state(schema) == before


def test_a_circle_of_references_is_refused(back, schema):
    schema.run(MANY)
    schema.sql("ALTER TABLE a ADD c INT, ADD CONSTRAINT round FOREIGN KEY (c) REFERENCES c (id)")
    before = state(schema)
    pairs = [{"original": name, "leftover": True} for name in "abc"]
    refused(schema, back(*pairs), before, "in a circle")


def test_a_held_lock_is_named_and_nothing_is_renamed(back, schema):
    schema.run(DISPLACED + LEFTOVER)
    schema.grant("PROCESS", "*.*")
    before = state(schema)
    blocker = schema.connect(autocommit=False)
    try:
        with blocker.cursor() as cursor:
            cursor.execute("SELECT * FROM `skp ``é 100%_backup_v1`")
        result = back(lock_wait_timeout=1, retries=1, retry_delay=0)
        assert f"connection {blocker.thread_id()} of {schema.user}" in result["msg"]
        refused(schema, result, before, "is locked", "2 times")
    finally:
        blocker.close()


def test_a_lock_on_the_leftover_set_aside_tells_what_was_done(back, schema, monkeypatch):
    """Everything is renamed, and the DROP cannot be done: the undo takes the renames back."""
    schema.run(DISPLACED + LEFTOVER)
    before = state(schema)
    blocker = schema.connect(autocommit=False)
    drop = rename_back.Work.drop

    def later(work, leftover):
        with blocker.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {rename_back.quote_identifier(leftover.aside)}")
        drop(work, leftover)

    monkeypatch.setattr(rename_back.Work, "drop", later)
    try:
        result = back(lock_wait_timeout=1, retries=0)
    finally:
        blocker.close()
    assert result["failed"] and result["changed"] and len(result["queries"]) == 1
    assert result["queries"][0] in result["msg"]
    take_back(schema, result)
    assert state(schema) == before


def test_long_names_are_cut_to_what_a_server_takes():
    assert rename_back.quarantine("é" * 64) == "é" * 47 + "__fix_fk_leftover"
    assert len(rename_back.quarantine("é" * 64)) == 64
