# SPDX-License-Identifier: GPL-3.0-or-later
"""What a skipped migration would have made, and what of it is missing; no server."""

from __future__ import annotations

import pytest
from fix_fk.missing import intended, missing
from fix_fk.schema import sql
from fix_fk.schema.effects import ForeignKey
from fix_fk.schema.simulation import Schema
from fix_fk.schema.tables import Table

CREATE = "create table `a` (`id` int, `user_id` int)"
KEY = (
    "alter table `a` add constraint `fk_a` foreign key (`user_id`) references `users` (`id`)"
    " on delete set null on update cascade"
)


def there(*columns, keys=()):
    """Return a schema with the table a, and users."""
    return Schema([Table("a", "a", list(columns), list(keys)), Table("users", "users", ["id"])])


def lacking(statements, schema):
    return [(item["what"], item["name"]) for item in missing(statements, schema)]


@pytest.mark.parametrize(
    "statements, tables",
    [
        ([CREATE], {"a": ["id", "user_id"]}),
        ([CREATE, "drop table `a`"], {}),
        ([CREATE, "alter table `a` add `x` int, drop column `user_id`"], {"a": ["id", "x"]}),
        ([CREATE, "alter table `a` rename column `user_id` to `owner`"], {"a": ["id", "owner"]}),
        (["rename table `b` to `a`"], {"a": []}),
        ([CREATE, "rename table `a` to `b`"], {"b": ["id", "user_id"]}),
        (["insert into `a` values (1)"], {}),
    ],
)
def test_what_is_there_after_all_statements_counts(statements, tables):
    assert {table.name: table.columns for table in intended(statements).values()} == tables


def test_a_constraint_that_is_dropped_again_is_not_intended():
    assert intended([CREATE, KEY, "alter table `a` drop foreign key `fk_a`"])["a"].keys == []


@pytest.mark.parametrize(
    "schema, found",
    [
        (Schema(), [("table", "a"), ("constraint", "fk_a")]),
        (there("id"), [("column", "user_id"), ("constraint", "fk_a")]),
        (there("ID", "User_ID"), [("constraint", "fk_a")]),
        (there("id", "user_id", keys=[ForeignKey("FK_A", ("user_id",), "users", ("id",))]), []),
        # Of the same name, and not the same.
        (
            there("id", "user_id", keys=[ForeignKey("fk_a", ("id",), "users", ("id",))]),
            [("constraint", "fk_a")],
        ),
    ],
)
def test_what_is_missing(schema, found):
    assert lacking([CREATE, KEY], schema) == found


def test_a_constraint_on_the_displaced_table_does_not_count():
    held = Table("a_backup", "a", ["user_id"], [ForeignKey("fk_a", ("user_id",), "users", ("id",))])
    schema = Schema([held, Table("a", None, ["id", "user_id"])])
    assert lacking([CREATE, KEY], schema) == [("constraint", "fk_a")]


def test_a_constraint_is_missing_as_the_module_adds_it():
    (item,) = missing([KEY], there("user_id"))
    assert item["key"] == {
        "name": "fk_a",
        "table": "a",
        "columns": ["user_id"],
        "referenced_table": "users",
        "referenced_columns": ["id"],
        "on_delete": "SET NULL",
        "on_update": "CASCADE",
    }


@pytest.mark.parametrize(
    "clause, rules",
    [
        ("", (None, None)),
        (" on delete cascade", ("CASCADE", None)),
        (" ON UPDATE NO ACTION ON DELETE RESTRICT", ("RESTRICT", "NO ACTION")),
    ],
)
def test_the_rules_of_a_constraint_are_read(clause, rules):
    text = "create table t (u int, constraint k foreign key (u) references users (id){})"
    (effect,) = sql.read(text.format(clause))
    (key,) = effect.foreign_keys
    assert (key.on_delete, key.on_update) == rules
