# SPDX-License-Identifier: GPL-3.0-or-later
"""What to change in a migration that an empty schema stops at; no server."""

from __future__ import annotations

import pytest
from fix_fk.code import advice, edits, names
from fix_fk.schema.simulation import Schema

BEFORE = (
    "create table `users` (`id` bigint unsigned not null auto_increment primary key)",
    "create table `orders` (`id` bigint unsigned not null primary key, `user_id` bigint unsigned "
    "not null)",
    "alter table `orders` add constraint `fk_a` foreign key (`user_id`) references `users` (`id`) "
    "on delete cascade",
)
RENAME = "rename table `orders` to `orders_old`"
NEW = (
    "create table `orders` (`id` bigint unsigned not null primary key, `user_id` bigint unsigned "
    "not null)"
)
KEY = "alter table `{}` add constraint `{}` foreign key (`user_id`) references `users` (`id`)"


@pytest.fixture
def before():
    schema = Schema()
    assert schema.apply(BEFORE).problems == []
    return schema


def sent(*statements, **more):
    return edits.Sent(tuple(statements), **more)


def test_names_are_freed_before_the_rename_or_others_are_given(before):
    down = ("drop table if exists `orders`", "rename table `orders_old` to `orders`")
    free, name = edits.ways(before, sent(RENAME, NEW, KEY.format("orders", "FK_A"), down=down))
    (edit,) = free
    assert (edit["do"], edit["table"], edit["to"]) == ("free", "orders", "orders_old")
    assert edit["back"] == down[1] and edit["statement"] == RENAME
    (key,) = edit["keys"]
    assert (key["name"], key["generated"], key["on_delete"]) == ("fk_a", False, "CASCADE")
    (edit,) = name
    assert (edit["do"], edit["old"], edit["new"]) == ("name", "FK_A", "orders_user_id_foreign")


def test_what_another_table_holds_is_not_freed(before):
    ((edit,),) = edits.ways(before, sent(NEW.replace("orders", "b"), KEY.format("b", "fk_a")))
    assert (edit["do"], edit["table"], edit["new"]) == ("name", "b", "b_user_id_foreign")


def test_the_new_name_is_one_that_is_free(before):
    before.apply([NEW.replace("orders", "c"), KEY.format("c", "b_user_id_foreign")])
    ((edit,),) = edits.ways(before, sent(NEW.replace("orders", "b"), KEY.format("b", "fk_a")))
    assert edit["new"] not in ("b_user_id_foreign", "fk_a") and len(edit["new"]) <= 64


def test_the_prefix_is_not_in_the_source(before):
    before.apply([NEW.replace("orders", "p_b"), KEY.format("p_b", "fk_b")])
    there = sent("rename table `p_b` to `p_c`", NEW.replace("orders", "p_b"),
                 KEY.format("p_b", "fk_b"), prefix="p_")  # fmt: skip
    ((free,), _) = edits.ways(before, there)
    assert (free["table"], free["to"], free["owner"]) == ("b", "c", "p_b")


def test_index_behind_a_foreign_key_is_its_name(before):
    before.apply([NEW.replace("orders", "c"), KEY.format("c", "1")])
    ((edit,),) = edits.ways(before, sent(NEW.replace("orders", "b"), KEY.format("b", "1")))
    assert edit == {"do": "unindex", "table": "b", "columns": ["user_id"]}


def test_a_generated_name_that_is_too_long_gets_an_explicit_one(before):
    table = "laporan_penilaian_kinerja_tahunan_per_unit_organisasi"
    name = f"{table}_user_id_foreign"
    ((edit,),) = edits.ways(before, sent(NEW.replace("orders", table), KEY.format(table, name)))
    assert edit["old"] is None and len(edit["new"]) <= 64
    assert edit["new"].endswith("_user_id_foreign")


def test_without_a_name_in_the_way_there_is_nothing_to_change(before):
    assert edits.ways(before, sent(NEW)) == []


@pytest.mark.parametrize("length", [10, 40, 64, 200])
def test_a_shortened_name_fits(length):
    columns = ("kolom_yang_panjang", "dan_satu_lagi_yang_panjang")
    assert len(names.shortened("a_" * length, columns, "unique")) <= names.LONGEST


FAULT = {
    "path": "database/migrations/x.php",
    "line": 9,
    "error": "SQLSTATE[HY000]: General error: 1005 Can't create table (errno: 150 ...)",
    "problem": None,
}


@pytest.mark.parametrize(
    "fault, words",
    [
        (FAULT, "both columns have to be of one type"),
        ({**FAULT, "error": "SQLSTATE[42S21]: Column already exists: 1060 Duplicate"}, "hasColumn"),
        ({**FAULT, "problem": {"kind": "parent_missing", "detail": ""}}, "an earlier date"),
        ({**FAULT, "error": "boom"}, "correct what the server says"),
    ],
)
def test_what_to_change_by_hand(fault, words):
    told = advice.advice(fault, [], [])
    assert told.startswith("In database/migrations/x.php, line 9: ") and words in told


def test_the_lines_in_question_come_first():
    edit = {"do": "unindex", "table": "b", "columns": ["user_id"]}
    told = advice.advice(FAULT, [[edit]], [14, 12])
    assert "x.php, lines 12, 14: take index() from" in told
