# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a migration has come, told from the schema alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fix_fk import names_back, position, undo
from fix_fk.facts import Laravel
from fix_fk.schema.simulation import Schema

MADE, OURS = "2025_01_01_000000_made", "2026_01_01_000000_ours"
TABLES = [
    "create table `users` (`id` bigint primary key)",
    "create table `orders` (`id` bigint primary key, `user_id` bigint)",
    "alter table `orders` add constraint `fk_user` foreign key (`user_id`) "
    "references `users` (`id`)",
    "create table `measures` (`id` bigint primary key, `weight` int)",
    "create table `controls` (`id` bigint primary key, `owner` int)",
]
ANEW = [
    "drop table if exists `orders_old`",
    "rename table `orders` to `orders_old`",
    "create table `orders` (`id` bigint primary key, `user_id` bigint, `note` int)",
    TABLES[2],
]
EXCHANGE = [
    "rename table `measures` to `tmp`",
    "rename table `controls` to `measures`",
    "rename table `tmp` to `controls`",
    "alter table `measures` add `x` int",
]
# With a table of its own, which takes the other's place.
WITH_ITS_OWN = [
    "create table `tags` (`id` bigint primary key, `label` int)",
    "rename table `tags` to `tmp`, `measures` to `tags`, `tmp` to `measures`",
    "alter table `orders` add `x` int",
    "create table `tmp` (`id` bigint primary key)",
    "alter table `orders` add `y` int",
]
COLUMNS = ["alter table `users` add `a` int", "alter table `users` add `b` int"]
FROM_ANOTHER = [
    COLUMNS[0],
    "insert into `users` (`id`, `a`) select `id`, `weight` from `measures`",
    COLUMNS[1],
]
DATA = ["alter table `users` add `a` int", "update `users` set `a` = 1", COLUMNS[1]]


def application(up, made=TABLES, **more):
    recorded = [{"name": MADE, "batch": 1}]
    statements = {MADE: {"up": made}, OURS: {"up": up, **more}}
    return Laravel(
        {"migrations": {"recorded": recorded, "pending": [OURS]}, "statements": statements}
    )


def after(*statements):
    state = Schema()
    state.apply([*TABLES, *statements])
    return state


@pytest.mark.parametrize(
    "up, done, agree",
    [
        *((WITH_ITS_OWN, number, (number,)) for number in range(len(WITH_ITS_OWN) + 1)),
        # What would be dropped is not there: no trace of it.
        (ANEW, 0, (0, 1)),
        (ANEW, 2, (2,)),
        # The name is taken, so it never comes further.
        (ANEW, 3, (3,)),
        *((EXCHANGE, number, (number,)) for number in range(5)),
        *((COLUMNS, number, (number,)) for number in range(3)),
        # Rows leave no trace in the schema.
        (DATA, 1, (1, 2)),
        (FROM_ANOTHER, 1, (1, 2)),
        (FROM_ANOTHER, 3, (3,)),
    ],
)
def test_the_statements_that_were_done_are_found(up, done, agree):
    found = position.find(application(up), after(*up[:done]), OURS)
    assert found.agree == agree
    assert found.half_run == (agree[0] > 0 and agree[-1] < len(up))


def test_what_is_left_is_named_and_the_way_back_loses_nothing():
    live = after(*ANEW[:3])
    found = position.find(application(ANEW), live, OURS)
    assert found.told.startswith("stopped after statement 3 of 4: create table `orders`")
    assert found.left == ["table orders is called orders_old", "table orders is made"]
    assert names_back.statement(found, live) == (
        "RENAME TABLE `orders` TO `orders_failed`, `orders_old` TO `orders`"
    )
    live = after(*EXCHANGE[:3])
    found = position.find(application(EXCHANGE), live, OURS)
    assert names_back.statement(found, live) == (
        "RENAME TABLE `controls` TO `tmp`, `measures` TO `controls`, `tmp` TO `measures`"
    )


def test_something_else_agrees_with_nothing():
    live = after(COLUMNS[1])
    assert position.find(application(COLUMNS), live, OURS) is None


def test_what_cannot_be_read_is_not_guessed():
    up = ["no statement at all", *COLUMNS]
    assert position.find(application(up), after(COLUMNS[0]), OURS) is None


def test_a_migration_that_throws_after_its_last_known_statement_is_half_run():
    found = position.find(application(COLUMNS[:1], up_error="null"), after(COLUMNS[0]), OURS)
    assert found.half_run and found.left == ["column a of users is added"]


@pytest.mark.parametrize(
    "up, done, agree",
    [
        # The index of a key that is dropped stays; the next key on the column takes it over.
        (
            [
                "alter table `orders` drop foreign key `fk_user`",
                TABLES[2].replace("fk_user", "fk_again"),
                "alter table `orders` drop foreign key `fk_again`",
                "alter table `orders` drop index `fk_again`",
            ],
            4,
            (4,),
        ),
        # A server writes types in its own way.
        (
            [
                "alter table `orders` add `a` tinyint(1) not null, add `b` decimal(8, 2) null",
                "alter table `orders` modify `b` decimal(9, 2) null",
                "alter table `orders` modify `b` decimal(10, 2) null",
            ],
            2,
            (2,),
        ),
    ],
    ids=["index of a key", "types"],
)
def test_it_is_told_from_little(up, done, agree):
    live = after(*up[:done])
    for table in live.tables.values():
        for name, column in table.definitions.items():
            kind = {"int": "int(11)", "bigint": "bigint(20)"}.get(column.type, column.type)
            table.definitions[name] = replace(column, type=kind.replace(", ", ","))
    assert position.find(application(up), live, OURS).agree == agree


def test_of_tables_that_no_migration_makes_it_is_not_told_which_is_which():
    swap = "rename table `a` to `t`, `b` to `a`, `t` to `b`"
    live = after("create table `a` (`id` int)", "create table `b` (`id` int)")
    assert position.find(application([swap, COLUMNS[0]]), live, OURS) is None


def test_tables_that_are_alike_have_to_get_their_own_names():
    alike = ["create table `a` (`id` int)", "create table `b` (`id` int)"]
    up = ["rename table `a` to `t`, `b` to `a`, `t` to `b`", "rename table `a` to `c`"]
    live = after(*alike, *up)
    found = position.find(application([*up, COLUMNS[0]], [*TABLES, *alike]), live, OURS)
    assert found.agree == (2,)
    state = found.now.copy()
    state.apply(["rename table `c` to `a`"])
    assert found.differs(state)
    state.apply([up[0]])
    assert not found.differs(state)


def test_an_index_that_a_dump_brought_along_serves_the_next_key():
    second = TABLES[2].replace("fk_user", "fk_again")
    live = after(second)
    orders = live.get("orders")
    orders.indexes = ["PRIMARY", "fk_user"]
    orders.keyed = {name: index for name, index in orders.keyed.items() if name != "fk_again"}
    found = position.find(application([second, COLUMNS[0]]), live, OURS)
    assert found.agree == (1,)
    assert found.now.get("orders").indexes == ["PRIMARY", "fk_user"]
    assert [
        one.send for one in undo.of(found, {"name": "s", "server": {"flavour": "mariadb"}})
    ] == [("ALTER TABLE `orders` DROP FOREIGN KEY `fk_again`",)]


SWAP = [
    "create table `new` (`id` bigint primary key, `weight` int, `note` int)",
    "insert into `new` (`id`, `weight`) select `id`, `weight` from `measures`",
    "rename table `measures` to `old`",
    "rename table `new` to `measures`",
    "drop table `old`",
    "alter table `measures` add index `x` (`nothing`)",
]


def test_a_copy_that_took_the_table_s_place_gives_it_back():
    live = after(*SWAP[:4])
    live.get("measures").rows = True
    found = position.find(application(SWAP), live, OURS)
    assert (
        names_back.statement(found, live) == "RENAME TABLE `measures` TO `new`, `old` TO `measures`"
    )
    assert names_back.written_since(found, live) == [("measures", "new")]
    assert not live.apply([names_back.statement(found, live)]).problems


def test_where_the_original_is_dropped_nothing_is_renamed_back():
    live = after(*SWAP[:5])
    found = position.find(application(SWAP), live, OURS)
    assert found.agree == (5,) and names_back.statement(found, live) == ""
    assert "table measures of before is dropped" in found.left


UUIDS = [
    "alter table `users` add `uuid` char(36) null",
    "alter table `users` drop `id`",
    "alter table `users` change `uuid` `id` char(36) not null primary key",
    "alter table `users` add index `x` (`nothing`)",
]


def test_another_column_of_the_same_name_is_not_the_one_of_before():
    assert position.find(application(UUIDS), after(*UUIDS[:3]), OURS).agree == (3,)
    # An index that nobody foresaw: less than all has to do, and the names alone would say "before".
    live = after(*UUIDS[:3])
    live.get("users").indexes, live.get("users").keyed = ["x"], {}
    assert position.find(application(UUIDS), live, OURS).agree == (3,)
