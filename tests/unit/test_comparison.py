# SPDX-License-Identifier: GPL-3.0-or-later
"""Which differences of tables after a repair are held against it; no server."""

from __future__ import annotations

import json

import pytest
from fix_fk import comparison
from fix_fk.facts import Laravel, live
from fix_fk.inputs import Inputs

SCOPE = {"name_scope": "schema", "flavour": "mariadb"}


def table(columns=("id", "user_id"), indexes=(), keys=(), **types):
    """Return a table's structure; indexes {name: columns} and keys {name: (column, parent)}."""
    return {
        "columns": [
            [name, types.get(name, "bigint"), "NO", None, "", None, None] for name in columns
        ],
        "indexes": [[name, False, "BTREE", list(parts)] for name, parts in dict(indexes).items()],
        "keys": [
            [name, [column], None, parent, ["id"], "RESTRICT", "RESTRICT"]
            for name, (column, parent) in dict(keys).items()
        ],
    }


def texts(tables):
    return {name: json.dumps(about) for name, about in tables.items()}


def schema(tables, unknown=()):
    """Return the simulation of these tables; of those that are unknown only the names are."""
    return live(
        {
            "name": "s",
            "tables": list(tables),
            "server": SCOPE,
            "details": {
                name: {
                    "columns": [
                        {"name": c[0], "type": c[1], "nullable": False} for c in about["columns"]
                    ],
                    "indexes": [
                        {"name": i[0], "columns": i[3], "unique": i[1], "kind": ""}
                        for i in about["indexes"]
                    ],
                    "engine": "InnoDB",
                    "rows": True,
                }
                for name, about in tables.items()
                if name not in unknown
            },
            "constraints": [
                {
                    "name": k[0], "table": name, "columns": k[1], "referenced_schema": None,
                    "referenced_table": k[3], "referenced_columns": k[4],
                }
                for name, about in tables.items() if name not in unknown for k in about["keys"]
            ],
        }
    )  # fmt: skip


def laravel(statements=(), **known):
    return Laravel(
        {
            "connection": {"prefix": known.pop("prefix", "")},
            "migrations": {"recorded": [], "pending": ["m"]},
            "maintenance": known.pop("maintenance", {}),
            "statements": {"m": {"up": list(statements), "down": [], **known}},
        }
    )


def compared(before, after, statements=(), accepted=(), unknown=(), **known):
    """Return the Comparison after a migration with these statements."""
    start = schema(before, unknown)
    final = start.copy()
    final.apply(statements)
    expected = {
        "names": {t.identity: t.name for t in final.tables.values() if t.identity},
        "dropped": [t.identity for t in final.dropped],
        **comparison.expected(laravel(statements, **known), ["m"], start, final),
    }
    return comparison.compare(
        texts(before), texts(after), json.loads(json.dumps(expected)), set(accepted)
    )


TWO = {
    "a": table(indexes={"PRIMARY": ["id"], "i": ["user_id"]}, keys={"k": ("user_id", "users")}),
    "users": table(["id", "name"], {"PRIMARY": ["id"]}),
}


def but(**changes):
    return {**TWO, **changes}


@pytest.mark.parametrize("unknown", [(), ("a", "users")], ids=["known", "names only"])
@pytest.mark.parametrize(
    "after, told",
    [
        ({}, ["table a is gone", "table users is gone"]),
        (but(a=table(indexes={"PRIMARY": ["id"]}, keys={"k": ("user_id", "users")})),
         ["index i of a is gone"]),
        (but(a=table(indexes={"PRIMARY": ["id"], "i": ["user_id"]})),
         ["foreign key k of a is gone"]),
        (but(users=table(["id", "name"], {"PRIMARY": ["id"]}, {"k": ("name", "users")}),
             a=table(indexes={"PRIMARY": ["id"], "i": ["user_id"]})),
         ["foreign key k of a is gone; users has one of that name",
          "foreign key k of users is there, and nothing made it"]),
        (but(users=table(["id"], {"PRIMARY": ["id"]})), ["column name of users is gone"]),
        (but(users=table(["id", "name"], {"PRIMARY": ["id"]}, name="int")),
         ["column name of users was bigint NOT NULL and is int NOT NULL"]),
        (but(users=table(["name", "id"], {"PRIMARY": ["id"]})),
         ["the columns of users are in another order"]),
        (but(users=table(["id", "name"], {"PRIMARY": ["name"]})),
         ["index PRIMARY of users was BTREE (id) and is BTREE (name)"]),
    ],
)  # fmt: skip
def test_what_no_statement_says(after, told, unknown):
    assert compared(TWO, after, unknown=unknown).failed == told
    assert compared(TWO, after, accepted=["a", "users"], unknown=unknown).accepted == told


NEW = table(["id"], {"PRIMARY": ["id"]})


@pytest.mark.parametrize(
    "statements, after",
    [
        ([], TWO),
        (["alter table `a` drop foreign key `k`", "alter table `a` drop index `i`"],
         but(a=table(indexes={"PRIMARY": ["id"]}))),
        (["alter table `a` add `more` int", "alter table `a` add index `j` (`more`)"],
         but(a=table(["id", "user_id", "more"], {"PRIMARY": ["id"], "i": ["user_id"],
             "j": ["more"]}, {"k": ("user_id", "users")}, more="int"))),
        (["alter table `users` modify `name` varchar(9)"],
         but(users=table(["id", "name"], {"PRIMARY": ["id"]}, name="varchar(9)"))),
        (["alter table `users` change `name` `title` bigint"],
         but(users=table(["id", "title"], {"PRIMARY": ["id"]}))),
        # The key follows its parent, whose old name goes to another one.
        (["rename table `users` to `old`", "create table `users` (`id` bigint primary key)"],
         {"old": TWO["users"], "users": NEW, "a": table(indexes={"PRIMARY": ["id"],
             "i": ["user_id"]}, keys={"k": ("user_id", "old")})}),
        # An index made for a key gives way to one that begins with its columns.
        (["alter table `a` add index `wide` (`user_id`, `id`)"],
         but(a=table(indexes={"PRIMARY": ["id"], "wide": ["user_id", "id"]},
             keys={"k": ("user_id", "users")}))),
        (["drop table `a`"], {"users": TWO["users"]}),
        (["create table `c` (`id` bigint primary key)"], but(c=NEW)),
        (["create table `c` select * from `a`"], but(c=table())),
    ],
)  # fmt: skip
def test_what_a_statement_says_is_not_held_against_it(statements, after):
    found = compared(TWO, after, statements)
    assert (found.failed, found.look) == ([], [])


@pytest.mark.parametrize(
    "statements, after, told",
    [
        (["alter table `a` add `more` int"], TWO, "column more of a was not made"),
        (["alter table `a` drop index `i`"],
         but(a=table(indexes={"PRIMARY": ["id"]})), "foreign key k of a is gone"),
        (["alter table `a` drop foreign key `k`"],
         but(a=table(indexes={"PRIMARY": ["id"], "i": ["user_id"]}, user_id="int")),
         "column user_id of a was bigint NOT NULL and is int NOT NULL"),
        (["create table `c` (`id` bigint primary key)"], TWO, "table c was not made"),
    ],
)  # fmt: skip
def test_of_a_table_with_statements_the_rest_is_compared(statements, after, told):
    assert compared(TWO, after, statements).failed == [told]


GONE = but(a=table(indexes={"PRIMARY": ["id"], "i": ["user_id"]}))
OTHER = but(users=table(["id", "name"], {"PRIMARY": ["id"]}, name="int"))


def test_a_migration_that_decides_by_what_it_finds_may_change_the_tables_that_it_names():
    known = {"up_conditional": ["up(), line 3: if"]}
    named = compared(TWO, GONE, source_strings=["a"], **known)
    assert not named.failed
    assert named.look == [
        "foreign key k of a is gone (m decides by what it finds: up(), line 3: if)"
    ]
    assert compared(TWO, OTHER, source_strings=["a"], **known).failed
    # It may be any table: what is gone is a failure still, as no name tells that it was meant.
    anywhere = compared(TWO, OTHER, source_strings=["SHOW TABLES"], **known)
    assert not anywhere.failed and len(anywhere.look) == 1
    assert compared(TWO, GONE, source_strings=["SHOW TABLES"], **known).failed


@pytest.mark.parametrize(
    "known, tables",
    [
        ({}, {}),
        ({"up_conditional": ["x"], "source_strings": ["a"]}, {"m": ["pre_a"]}),
        ({"up_conditional": ["x"], "source_strings": ["alter pre_a drop"]}, {"m": ["pre_a"]}),
        ({"up_conditional": ["x"], "source_strings": ["ab"]}, {"m": None}),
        ({"up_error": "x", "source_strings": []}, {"m": None}),
        ({"up": ["select * from `pre_a`"]}, {"m": ["pre_a"]}),
        ({"up": ["call something()"]}, {"m": None}),
        ({"up": ["update `pre_a` set `x` = 1"], "source_strings": ["pre_b"]}, {}),
    ],
)
def test_which_tables_a_migration_may_change(known, tables):
    found = comparison.undecided(laravel(prefix="pre_", **known), ["m"], ["pre_a", "pre_b"])
    assert {name: about["tables"] for name, about in found.items()} == tables


@pytest.mark.parametrize(
    "statements, told",
    [
        (["rename table `a` to `b`", "rename table `c` to `a`", "rename table `b` to `c`"], ["c"]),
        (["rename table `a` to `a_old`", "create table `a` (`id` bigint)"], []),
        (["alter table `a` add constraint `k` foreign key (`user_id`) references `users` (`id`)"],
         []),
        (["drop table `a`"], []),
    ],
    ids=["swapped", "moved aside", "added again", "dropped"],
)  # fmt: skip
def test_a_table_that_stays_in_use_keeps_its_key(statements, told):
    start = schema(but(c=NEW))
    start.drop_key("k", "a")
    final = start.copy()
    final.apply(statements)
    found = comparison.unguarded([{"name": "k", "table": "a"}], start, final)
    assert [key["table"] for key in found] == told


def test_a_run_that_goes_on_takes_what_was_noted_while_it_holds():
    sent = ["alter table `a` add `more` int"]
    start = schema(TWO)
    first = {
        "names": {"a": "a", "users": "people"},
        "constraints": [{"name": "k", "table": "a"}, {"name": "i", "table": "users"}],
        "written": {"a": ["insert"]},
        **comparison.expected(laravel(sent), ["m"], start, start),
    }
    inventory = Inputs(expected_constraints=({"name": "i", "table": "users"},))
    note = comparison.noted(first, inventory)
    assert note["names"] == {"users": "people"}
    now = {"names": {}, "constraints": [], "ran": {}, "structure": {"tables": {}}}
    down = {"baseline": {"a": {}}, "expected": note}
    found = comparison.going_on(now, laravel(sent, maintenance=down).raw)
    assert (found["names"], found["written"]) == ({"users": "people"}, {"a": ["insert"]})
    assert [key["name"] for key in found["constraints"]] == ["k"]
    corrected = comparison.going_on(now, laravel([], maintenance=down).raw)
    assert corrected["structure"] is None and corrected["names"] == {}
    more = comparison.going_on({**now, "ran": {"n": ""}}, laravel(sent, maintenance=down).raw)
    assert more["structure"] is None
    without = {"baseline": None, "expected": note}
    assert comparison.going_on(now, laravel(sent, maintenance=without).raw) == now
