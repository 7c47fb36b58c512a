# SPDX-License-Identifier: GPL-3.0-or-later
"""Which rows are aside, from facts written by hand; no server."""

from __future__ import annotations

import pytest
from ansible.module_utils.fix_fk.schema.ids import above, overlaps
from cases import (
    CREATE,
    CREATE_NEW,
    CREATE_SKP,
    CREATE_USERS,
    REFACTOR,
    RENAME,
    USERS,
    key,
    statements,
    table,
)
from fix_fk.aside import pairs, rows, words
from fix_fk.engine import diagnose
from fix_fk.facts import Laravel
from fix_fk.inputs import read_inputs
from fix_fk.schema.statements import displaced

OLD = "skp_tahunan_backup_v1"


@pytest.mark.parametrize(
    "texts, pairs",
    [
        (["rename table `a` to `b`", "create table `a` (`id` int)"], [("a", "b")]),
        (["alter table `a` rename `b`", "alter table `n` rename to `a`"], [("a", "b")]),
        (["rename table `a` to `b`"], []),
        (
            [
                "rename table a to b",
                "/* x */ create table if not exists A (i int) with system versioning",
            ],
            [("A", "b")],
        ),
        (
            [
                "rename table `a``` to b",
                "create table `a``` (i int) partition by hash (i) partitions 2",
            ],
            [("a`", "b")],
        ),
        (["rename table a to b", "create table a.c (i int) with system versioning"], []),
        (["create table `a` (`id` int)", "drop table `a`", "create table `a` (`id` int)"], []),
        (["rename table `a` to `b`", "rename table `b` to `a`"], []),
        (
            [
                "rename table `a` to `b`",
                "create table `a` (`id` int)",
                "rename table `b` to `archive`",
            ],
            [("a", "archive")],
        ),
        (["rename table `a` to `b`", "create table `a` (`id` int)", "drop table `b`"], []),
        (
            [
                "rename table `a` to `b`",
                "create table `a` (`id` int)",
                "drop table `a`",
                "rename table `b` to `a`",
            ],
            [],
        ),
    ],
)
def test_what_is_displaced(texts, pairs):
    assert displaced(texts) == pairs


BIGINT, SIGNED = "bigint unsigned", "bigint(20)"


@pytest.mark.parametrize(
    "new, old, wanted, overlap",
    [
        ((BIGINT, 1, None), (BIGINT, 501, 500), 501, True),
        ((BIGINT, 1, None), (BIGINT, 1, 500), 501, True),
        ((BIGINT, 501, 500), (BIGINT, 501, 500), None, False),
        ((BIGINT, 1, None), (BIGINT, 1, None), None, False),
        ((BIGINT, 1, None), (BIGINT, 2**64 - 1, 2**64 - 2), None, True),
        ((BIGINT, 1, None), (BIGINT, 2**64 - 1, 2**64 - 1), None, True),
        ((BIGINT, 1, None), (BIGINT, 2**64 - 2, 2**64 - 3), 2**64 - 2, True),
        ((SIGNED, 1, None), (BIGINT, 2**63, 2**63 - 1), None, True),
        (("int", 1, None), (BIGINT, 2**31, 2**31 - 1), None, True),
        (("double", 1, None), (BIGINT, 5, 4), None, True),
    ],
)
def test_from_where_a_table_counts(new, old, wanted, overlap):
    def ids(kind, following, highest):
        return {"column": "id", "type": kind, "next": following, "highest": highest}

    assert (above(ids(*new), ids(*old)), overlaps(ids(*new), ids(*old))) == (wanted, overlap)
    assert above(None, ids(*old)) is None and not overlaps(ids(*new), None)


@pytest.fixture
def recorded(laravel, schema):
    """All has run; the new table is empty, and the old one has the rows."""
    laravel["migrations"] = {
        "recorded": [{"name": name, "batch": 1} for name in (USERS, CREATE, REFACTOR)],
        "pending": [],
    }
    laravel["last_error"] = None
    laravel["statements"] = {
        USERS: statements([CREATE_USERS]),
        CREATE: statements([CREATE_SKP]),
        REFACTOR: statements([RENAME, CREATE_NEW]),
    }
    schema["constraints"] = [key("fk_child", "child", ("skp_id",), OLD)]
    schema["tables"].append("child")
    schema["details"]["child"] = table(["id", "skp_id"], True)
    return laravel, schema


def found(recorded, *counts):
    laravel, schema = recorded
    schema["aside_counts"] = [{"rows": rows, "query": ""} for rows in counts]
    assert not counts or len(rows.questions(laravel, schema)) == len(counts)
    return rows.find(Laravel(laravel), schema)


def has_rows(recorded, *columns):
    """The application has written into the new table since; both tables have these columns."""
    details = recorded[1]["details"]
    details["skp_tahunan"] = table(["id", "user_id", "nilai", *columns], True)
    details[OLD] = table(["id", "user_id", *columns], True)


def test_an_empty_table_whose_rows_are_in_the_old_one(recorded):
    (item,) = found(recorded, 500)
    assert (item["table"], item["old"], item["rows"], item["empty"]) == (
        "skp_tahunan", OLD, 500, True,
    )  # fmt: skip
    (child,) = item["children"]
    assert (child["table"], child["name"]) == ("child", "fk_child")
    result = diagnose(*recorded, read_inputs({}))
    assert result["verdict"] == "rows_aside"
    assert result["next"].startswith("Carry the rows over:\n    playbooks/carry_over.yml\n")
    assert not result["refused"] and result["steps"] == []
    accepted = diagnose(*recorded, read_inputs({"accept_rows_aside": [OLD]}))
    assert accepted["verdict"] == "healthy" and "Accepted in" in " ".join(accepted["notes"])


def test_nothing_is_aside_when_the_old_table_is_empty_or_gone(recorded):
    recorded[1]["details"][OLD]["rows"] = False
    assert found(recorded) == []
    del recorded[1]["details"][OLD]
    assert found(recorded) == []


def test_rows_that_are_in_both_tables_are_not_aside(recorded):
    has_rows(recorded, "created_at")
    (item,) = found(recorded, 0, 0, 0, 0)
    assert item["rows"] == 0
    assert "Still pointing at" in words.said([item])
    assert "Point the constraints at the new table:\n    typed\n" in words.advice([item], "typed")
    recorded[1]["constraints"] = []
    assert found(recorded, 0, 0, 0, 0) == []


def test_rows_that_are_not_in_the_new_one_are_counted(recorded):
    has_rows(recorded)
    (item,) = found(recorded, 3, 3)
    assert (item["rows"], item["empty"], item["other"]) == (3, False, 0)
    # What could not be counted is not taken for well.
    (item,) = found(recorded, None, None)
    assert item["rows"] is None


def test_other_rows_with_the_same_ids_are_not_the_same_rows(recorded):
    has_rows(recorded, "created_at")
    (item,) = found(recorded, 0, 500, 500, 0)
    assert item["rows"] == 500
    assert "In the place of 500 of them is a row of the same key" in words.said([item])


def test_rows_without_a_time_of_birth_are_told_apart_by_what_else_they_have(recorded):
    has_rows(recorded, "created_at")
    assert [q["kind"] for q in rows.questions(*recorded)] == [
        "absent",
        "absent",
        "absent",
        "nulls",
    ]
    (item,) = found(recorded, 0, 0, 9, 2)
    assert (item["rows"], item["other"]) == (2, 2)
    recorded[1]["constraints"] = []
    # What was changed since, of rows that have one, is no other row.
    assert found(recorded, 0, 0, 9, 0) == []


def test_a_table_of_its_shape_with_rows_that_nobody_made_is_told(recorded):
    laravel, schema = recorded
    laravel["statements"][REFACTOR]["up"] = []
    laravel["migrations_table"] = "migrations"
    schema["constraints"] = []
    (item,) = found(recorded, 500)
    assert (item["table"], item["old"], item["empty"]) == ("skp_tahunan", OLD, True)
    names = ["users", "skp_tahunan", OLD, "migrations"]
    assert pairs.suspects(Laravel(laravel), names, every=False) == ["skp_tahunan", OLD]
    assert pairs.suspects(Laravel(laravel), names, every=True) == ["users", "skp_tahunan", OLD]
    # Another shape is another thing.
    schema["details"][OLD]["columns"] = table(["id", "tahun", "x"], True)["columns"]
    assert found(recorded) == []


def test_without_a_day_of_birth_what_every_row_has_tells_them_apart(recorded):
    has_rows(recorded, "updated_at", "email", "note", "weight")
    changes = {"note": {"nullable": True}, "weight": {"type": "double"}}
    for about in (recorded[1]["details"][name] for name in ("skp_tahunan", OLD)):
        for column in about["columns"]:
            column.update(changes.get(column["name"], {}))
    questions = rows.questions(*recorded)
    assert [q["columns"] for q in questions] == [["id"], ["id", "user_id", "email"]]
    assert {q["kind"] for q in questions} == {"absent"}
    (item,) = found(recorded, 0, 2)
    assert (item["rows"], item["other"]) == (2, 2)
    # Where every column may be empty, those are compared.
    for about in (recorded[1]["details"][name] for name in ("skp_tahunan", OLD)):
        for column in about["columns"]:
            column["nullable"] = column["name"] != "id"
    assert rows.questions(*recorded)[1]["columns"] == ["id", "user_id", "email", "note"]


def test_a_migration_that_copies_them_is_believed_but_not_when_nothing_is_there(recorded):
    copy = f"insert into `skp_tahunan` (`id`, `user_id`) select `id`, `user_id` from `{OLD}`"
    recorded[0]["statements"][REFACTOR]["up"].append(copy)
    assert len(found(recorded, 500)) == 1
    has_rows(recorded)
    assert rows.questions(*recorded) == [] and found(recorded) == []


def test_an_interrupted_run_that_did_not_come_to_the_ids_still_does(recorded):
    laravel, schema = recorded
    laravel["maintenance"] = {
        "down": True, "by_this_tool": True, "run_id": "r", "migration": REFACTOR, "baseline": {},
    }  # fmt: skip
    ids = {"column": "id", "type": BIGINT}
    schema["details"]["skp_tahunan"]["ids"] = {**ids, "next": 1, "highest": None}
    schema["details"][OLD]["ids"] = {**ids, "next": 501, "highest": 500}
    result = diagnose(laravel, schema, read_inputs({}))
    assert [step["id"] for step in result["steps"]] == ["ids", "verify", "leave_maintenance"]
    pairs = [{"table": "skp_tahunan", "old": OLD}]
    assert result["steps"][0]["arguments"]["pairs"] == result["expected"]["ids"] == pairs
    schema["details"]["skp_tahunan"]["ids"]["next"] = 501
    assert "ids" not in [step["id"] for step in diagnose(laravel, schema, read_inputs({}))["steps"]]
