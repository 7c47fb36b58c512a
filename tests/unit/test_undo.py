# SPDX-License-Identifier: GPL-3.0-or-later
"""The inverse of each effect that a migration may have had."""

from __future__ import annotations

import pytest
from fix_fk import position, undo
from fix_fk.schema.simulation import Schema
from test_position import application

TABLES = [
    "create table `users` (`id` bigint primary key, `name` varchar(9) null, `n` int default 1)",
    "create table `orders` (`id` bigint primary key, `user_id` bigint null)",
    "alter table `orders` add constraint `fk_user` foreign key (`user_id`) "
    "references `users` (`id`) on delete cascade",
    "alter table `users` add index `by_name` (`name`)",
]
SCHEMA = {"name": "shop", "server": {"flavour": "mariadb"}}
MAKES = "create table `tags` (`id` bigint primary key, `n` int)"


def found(up):
    """Return (position, inverses) of a migration that has done all of this, and more to do."""
    live = Schema()
    live.apply([*TABLES, *up])
    where = position.find(application([*up, "alter table `users` add `z` int"], TABLES), live, OURS)
    assert where.agree[0] == len(up), where
    return where, undo.of(where, SCHEMA)


OURS = "2026_01_01_000000_ours"
UNDONE = {
    "create": ([MAKES], ["DROP TABLE `tags`"]),
    "rename": (["rename table `users` to `people`"], ["RENAME TABLE `people` TO `users`"]),
    "exchange": (
        ["rename table `users` to `t`, `orders` to `users`, `t` to `orders`"],
        ["RENAME TABLE `orders` TO `t`, `users` TO `orders`, `t` TO `users`"],
    ),
    "exchange in three": (
        [
            "rename table `users` to `t`",
            "rename table `orders` to `users`",
            "rename table `t` to `orders`",
        ],
        [
            "RENAME TABLE `orders` TO `t`",
            "RENAME TABLE `users` TO `orders`",
            "RENAME TABLE `t` TO `users`",
        ],
    ),
    "anew": (
        ["rename table `users` to `old`", MAKES.replace("tags", "users")],
        ["DROP TABLE `users`", "RENAME TABLE `old` TO `users`"],
    ),
    "add columns": (
        ["alter table `users` add `a` int, add `b` int"],
        ["ALTER TABLE `users` DROP COLUMN `a`, DROP COLUMN `b`"],
    ),
    "rename column": (
        ["alter table `users` rename column `name` to `title`"],
        ["ALTER TABLE `users` RENAME COLUMN `title` TO `name`"],
    ),
    "rename column with its definition": (
        ["alter table `users` change `n` `m` int default 1"],
        ["ALTER TABLE `users` RENAME COLUMN `m` TO `n`"],
    ),
    "rename column and add one": (
        ["alter table `users` rename column `name` to `title`, add `x` int"],
        ["ALTER TABLE `users` RENAME COLUMN `title` TO `name`, DROP COLUMN `x`"],
    ),
    "add index": (
        ["alter table `users` add index `i` (`n`)"],
        ["ALTER TABLE `users` DROP INDEX `i`"],
    ),
    "drop index": (
        ["alter table `users` drop index `by_name`"],
        ["ALTER TABLE `users` ADD INDEX `by_name` (`name`)"],
    ),
    "add key": (
        ["alter table `orders` add constraint `k` foreign key (`id`) references `users` (`id`)"],
        ["ALTER TABLE `orders` DROP FOREIGN KEY `k`"],
    ),
    "drop key": (
        ["alter table `orders` drop foreign key `fk_user`"],
        [
            "ALTER TABLE `orders` ADD CONSTRAINT `fk_user` FOREIGN KEY (`user_id`) REFERENCES "
            "`users` (`id`) ON DELETE CASCADE"
        ],
    ),
    "made and dropped": ([MAKES, "drop table `tags`", MAKES.replace("tags", "t")], None),
    "made, renamed and dropped": (
        [MAKES, "rename table `tags` to `t`", "drop table `t`", MAKES.replace("tags", "u")],
        ["DROP TABLE `u`"],
    ),
    "made, and a column dropped": (
        [MAKES, "alter table `tags` drop `n`", "rename table `tags` to `t`"],
        ["RENAME TABLE `t` TO `tags`", "DROP TABLE `tags`"],
    ),
    "made, and changed in ways that are not known": (
        [
            MAKES,
            "alter table `tags` alter column `n` set default 7",
            "alter table `tags` add `x` int",
        ],
        ["ALTER TABLE `tags` DROP COLUMN `x`", "DROP TABLE `tags`"],
    ),
}


@pytest.mark.parametrize("up, sent", UNDONE.values(), ids=UNDONE.keys())
def test_what_was_done_is_undone(up, sent):
    where, inverses = found(up)
    assert not [lost for inverse in inverses for lost in inverse.lost]
    statements = [text for inverse in inverses for text in inverse.send]
    assert sent is None or statements == sent
    state = where.now.copy()
    outcome = state.apply(statements)
    assert not outcome.problems and not where.differs(state)


@pytest.mark.parametrize(
    "up, lost",
    [
        ("alter table `users` drop `n`", "column n of users was dropped"),
        ("alter table `users` modify `n` bigint null", "from int NULL DEFAULT 1 to bigint NULL"),
        ("alter table `users` modify `n` int default 5", "from int NULL DEFAULT 1 to int NULL"),
        ("alter table `users` drop `n`, add `x` int", "column n of users was dropped"),
        ("drop table `orders`", "table orders was dropped"),
    ],
)
def test_what_is_lost_is_said(up, lost):
    _where, inverses = found([up, MAKES])
    assert lost in str([inverse.lost for inverse in inverses])


@pytest.mark.parametrize(
    "up, lost",
    [
        ("alter table `users` alter column `n` set default 7", "what this changed"),
        ("alter table `users` modify `n` int default 1 comment 'x'", "what this changed"),
        ("drop trigger `t`", "what this changed"),
        ("delete from `users`", "rows of users were deleted"),
    ],
)
def test_what_leaves_no_trace_is_not_forgotten(up, lost):
    where, inverses = found([up, MAKES])
    assert lost in str([inverse.lost for inverse in inverses])
    assert not undo.unclear(where, SCHEMA)
    where, inverses = found([MAKES])
    assert not undo.unclear(where, SCHEMA)


def test_what_may_have_been_done_is_named():
    last = "alter table `users` alter column `n` set default 7"
    live = Schema()
    live.apply([*TABLES, MAKES])
    where = position.find(application([MAKES, last, "drop table `nowhere`"], TABLES), live, OURS)
    assert where.agree == (1, 2) and undo.unclear(where, SCHEMA) == [last]
    assert where.told.startswith("stopped after statement 1 to 2 of 3; 1 is: create table")


def test_a_column_that_it_added_may_have_been_changed_since():
    up = [
        "alter table `users` add `slug` varchar(9) null",
        "alter table `users` change `slug` `path` varchar(9) not null",
        "alter table `users` modify `path` varchar(20) not null",
    ]
    where, inverses = found(up)
    assert not undo.lost(inverses, ())
    state = where.now.copy()
    state.apply([text for inverse in inverses for text in inverse.send])
    assert not where.differs(state)


@pytest.mark.parametrize(
    "up, name, undone",
    [
        ("alter table `users` drop `n`", "users.n", False),
        ("drop table `orders`", "orders", False),
        ("delete from `users`", "users", True),
    ],
)
def test_what_is_destroyed_is_given_up_by_name(up, name, undone):
    _where, inverses = found([up, MAKES])
    assert list(undo.destroyed(inverses, ())) == [name]
    assert undo.destroyed(inverses, [name.upper()]) == {}
    assert bool(undo.lost(inverses, [name])) is not undone
