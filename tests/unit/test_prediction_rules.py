# SPDX-License-Identifier: GPL-3.0-or-later
"""What is foreseen of the pending migrations, from facts written by hand; no server.

tests/integration/test_prediction.py runs each kind for real.
"""

from __future__ import annotations

import copy
import importlib.util
from pathlib import Path

import pytest
from fix_fk.error_numbers import ERRORS
from fix_fk.facts import live
from fix_fk.inspection import merge
from fix_fk.prediction import OUTCOMES, fail_on, predict, questions
from fix_fk.schema.columns import (
    Server,
    changes_type,
    describe,
    difference,
    implicit_default,
    normal,
)
from fix_fk.schema.effects import ChangeColumn, Column
from fix_fk.schema.outcome import KINDS
from fix_fk.schema.redaction import redact
from fix_fk.schema.sql import read

FIRST, SECOND = "2026_01_01_000000_first", "2026_01_02_000000_second"
HEALTHY = {"verdict": "healthy", "refused": False, "names": [], "next": "", "found": ""}


def index(name, *columns, unique=False, kind=""):
    return {"name": name, "columns": list(columns), "unique": unique, "kind": kind}


def column(name, kind="bigint(20) unsigned", nullable=False, collation=None):
    return {"name": name, "type": kind, "nullable": nullable, "collation": collation}


def table(columns, indexes, **more):
    return {
        "engine": "InnoDB",
        "rows": True,
        "columns": columns,
        "indexes": [index("PRIMARY", "id", unique=True), *indexes],
        "partitioned": False,
        "collation": "utf8mb4_unicode_ci",
        **more,
    }


@pytest.fixture
def schema():
    """users (id, email, role), posts (id, user_id, slug) with a foreign key to users."""
    text = ("varchar(50)", True, "utf8mb4_unicode_ci")
    return {
        "name": "app",
        "server": {"name_scope": "schema", "flavour": "mariadb", "lower_case_table_names": 0},
        "account": {
            "name": "u@h",
            "sees_all": True,
            "reason": "",
            "missing_rights": [],
            "sets": {"session": False, "global": False},
        },
        "objects": {"trigger": ["stamp"], "procedure": ["Close_Month"]},
        "defaults": {
            "engine": "InnoDB",
            "packet": 2000,
            "collation": "utf8mb4_unicode_ci",
            "collations": {"utf8mb4": "utf8mb4_general_ci", "latin1": "latin1_swedish_ci"},
            "unique_parent": False,
        },
        "tables": ["posts", "users"],
        "details": {
            "users": table(
                [column("id"), column("email", *text), column("role")],
                [index("users_email", "email", unique=True), index("users_role", "role")],
            ),
            "posts": table(
                [column("id"), column("user_id", nullable=True), column("slug", *text)],
                [index("posts_user", "user_id")],
            ),
        },
        "constraints": [
            {
                "name": "posts_user",
                "table": "posts",
                "columns": ["user_id"],
                "referenced_schema": "app",
                "referenced_table": "users",
                "referenced_columns": ["id"],
                "on_update": "RESTRICT",
                "on_delete": "SET NULL",
            }
        ],
        "orphans": [],
        "locks": [],
    }


def application(*up, second=(), **more):
    return {
        "migrations": {"recorded": [], "pending": [FIRST, *([SECOND] if second else [])]},
        "statements": {FIRST: {"up": list(up), **more}, SECOND: {"up": list(second)}},
        "last_error": None,
    }


def foresee(schema, *up, rows=0, diagnosis=HEALTHY, accepted=(), **more):
    laravel = application(*up, **more)
    asked = questions(laravel, schema, accepted)
    counts = [{"rows": rows, "query": "SELECT"} for _ in asked]
    return predict(laravel, schema, counts, diagnosis, accepted)


def kinds(foreseen):
    return [finding["kind"] for finding in foreseen["findings"]]


KEY = "alter table `posts` add constraint `{}` foreign key (`{}`) references `{}` (`{}`)"
NEW = "create table `new` (`id` bigint unsigned not null primary key, {})"
REF = "constraint `new_fk` foreign key (`x`) references `{}` (`{}`)"

MET = {
    "name_taken": [NEW.format("`x` bigint unsigned"), KEY.replace("posts", "new").format(
        "POSTS_USER", "x", "users", "id")],
    "constraint_missing": ["alter table `posts` drop foreign key `nothing`"],
    "table_exists": ["create table `users` (`id` int)"],
    "table_missing": ["alter table `nothing` add `x` int"],
    "table_referenced": ["drop table `users`"],
    "column_exists": ["alter table `users` add `email` int"],
    "column_missing": ["alter table `users` drop `nothing`"],
    "column_needed": ["alter table `posts` drop `user_id`"],
    "column_fixed": ["alter table `posts` modify `user_id` int unsigned null"],
    "index_exists": ["alter table `users` add index `users_role` (`id`)"],
    "index_missing": ["alter table `users` drop index `nothing`"],
    "index_needed": ["alter table `posts` drop index `posts_user`"],
    "parent_missing": [KEY.format("f", "user_id", "nothing", "id")],
    "parent_column_missing": [KEY.format("f", "user_id", "users", "nothing")],
    "parent_not_indexed": ["alter table `users` drop index `users_role`",
                           KEY.format("f", "user_id", "users", "role")],
    "parent_unfit": ["alter table `users` engine = MyISAM", KEY.format("f", "id", "users", "id")],
    "columns_differ": [NEW.format("`x` bigint, " + REF.format("users", "id"))],
    "set_null": ["alter table `posts` modify `user_id` bigint unsigned not null"],
    "name_unfit": [f"alter table `users` add index `{'x' * 65}` (`role`)"],
    "column_unfit": ["alter table `users` add `x` int not null default null"],
    "index_unfit": ["alter table `users` add index `x` (`role`(3))"],
    "table_unfit": ["alter table `users` add `x` int not null auto_increment"],
    "check_unfit": ["alter table `users` add constraint `x` check (`nothing` > 1)"],
    "value_unfit": ["insert into `users` values (1)"],
    "object_exists": ["create definer=`a`@`b` procedure app.`close_month`() select 1"],
    "online_unfit": ["alter table `users` modify `role` int, algorithm=inplace"],
    "statement_unfit": [f"set @a = '{'é' * 1000}'"],
    "right_missing": ["set global max_connections = 9"],
}  # fmt: skip


@pytest.mark.parametrize("kind", MET)
def test_each_kind_is_met(schema, kind):
    foreseen = foresee(schema, *MET[kind])
    assert kinds(foreseen) == [kind]
    (finding,) = foreseen["findings"]
    assert finding["will_fail"] and finding["migration"] == FIRST
    assert f"will fail with error {finding['errors'][0]}" in finding["sentence"]
    assert finding["statement"] == redact(MET[kind][-1])
    assert foreseen["outcome"] == "will_fail"


def test_every_kind_has_its_errors():
    assert set(ERRORS) == {*KINDS, "orphans", "duplicates", "nulls"} - {"unread"}
    assert {*MET, "child_unfit", "unread"} == set(KINDS)


@pytest.mark.parametrize(
    "up",
    [
        ["create or replace procedure close_month() select 1"],
        ["create procedure if not exists close_month() select 1"],
        ["drop procedure if exists close_month", "create procedure close_month() select 1"],
        ["create function close_month() returns int return 1"],
        ["set session wait_timeout = 9"],
    ],
)
def test_a_name_that_is_free_and_a_variable_of_the_session_are_no_matter(schema, up):
    assert kinds(foresee(schema, *up)) in ([], ["unread"])


def test_a_variable_of_the_server_is_none_of_the_session(schema):
    schema["account"]["sets"]["global"] = True
    sent = ["set global foreign_key_checks = 0", "drop table `users`"]
    assert kinds(foresee(schema, *sent)) == ["table_referenced"]


def test_a_column_named_in_a_text_is_not_needed(schema):
    posts = schema["details"]["posts"]
    posts["checks"], posts["conditions"] = ["k"], {"k": "`slug` <> 'it\\'s `user_id`' and `id` > 0"}
    drop = ["alter table `posts` drop foreign key `posts_user`", "alter table `posts` drop `{}`"]
    assert kinds(foresee(schema, drop[0], drop[1].format("user_id"))) == []
    assert kinds(foresee(schema, drop[0], drop[1].format("slug"))) == ["column_needed"]


def test_a_table_with_partitions_takes_no_foreign_key(schema):
    schema["details"]["posts"]["partitioned"] = True
    assert kinds(foresee(schema, KEY.format("f", "id", "users", "id"))) == ["child_unfit"]


FINE = [
    ["alter table `posts` drop foreign key `posts_user`", "alter table `posts` drop `user_id`"],
    ["alter table `posts` drop `user_id`, drop foreign key `posts_user`"],
    ["alter table `posts` drop index `posts_user`, add index `wide` (`user_id`, `slug`)"],
    ["alter table `posts` add index `more` (`user_id`)", "alter table `posts` drop index `more`"],
    ["alter table `posts` modify `user_id` bigint(10) unsigned null default 1"],
    ["alter table `posts` change `user_id` `author` bigint unsigned null",
     "alter table `posts` drop foreign key `posts_user`", "alter table `posts` drop `author`"],
    [NEW.format("`x` bigint(3) unsigned null, " + REF.format("users", "id")
                + " on delete set null")],
    # the index that the server makes for a foreign key gives way
    [NEW.format("`x` bigint unsigned, " + REF.format("users", "id")),
     "alter table `new` add index `new_fk` (`x`)"],
    [NEW.format("`x` varchar(200), " + REF.format("users", "email"))],
    [NEW.format("`x` varchar(9), index (`x`), index (`x`), " + REF.format("users", "email"))],
    # the index ends with the primary key
    [NEW.format("`x` bigint unsigned, `y` bigint unsigned, foreign key (`x`, `y`) references"
                " `users` (`role`, `id`)")],
    [NEW.format("`x` bigint unsigned, " + REF.format("new", "id"))],
    ["set foreign_key_checks = 0", KEY.format("f", "user_id", "nothing", "id"),
     "drop table `users`"],
    ["drop table if exists `nothing`", "create table if not exists `users` (`id` int)"],
    ["rename table `users` to `old`", "create table `users` (`id` int)"],
    ["drop table `posts`", "create table `posts` (`id` bigint unsigned primary key)"],
    ["alter table `posts` rename index `posts_user` to `other`",
     "alter table `posts` add index `posts_user` (`slug`)"],
]  # fmt: skip


@pytest.mark.parametrize("up", FINE, ids=range(len(FINE)))
def test_what_gets_through_is_left_alone(schema, up):
    foreseen = foresee(schema, *up, accepted=["users", "posts"])
    assert foreseen == {"outcome": "clean", "findings": [], "notes": []}


LOST = {
    "puts another in its place": ["create or replace table `posts` (`id` int)"],
    "drops": ["drop table `posts`"],
    "empties": ["truncate table `posts`"],
    "deletes all rows": ["delete from `posts`"],
    "deletes all rows, in other words": ["delete from `posts` where 1 = 1"],
    "an old name": ["rename table `posts` to `old`", "drop table if exists `old`"],
    "an old name, in other words": ["alter table `posts` rename as `old`", "drop table `old`"],
    "with hints": ["alter online table `posts` rename = `old`", "drop table `old`"],
    "an engine that keeps nothing": ["alter table `posts` engine = blackhole"],
    "after what need not be there": [
        "alter table if exists `nothing` add `x` int",
        "drop table `posts`",
    ],
    "after a view": ["update `seen` set `id` = 1", "drop table `posts`"],
    "before it fails": ["drop table `posts`", "alter table `nothing` add `x` int"],
}


@pytest.mark.parametrize("up", LOST.values(), ids=LOST)
def test_rows_that_would_be_lost_are_counted(schema, up):
    schema["views"] = ["seen"]
    foreseen = foresee(schema, *up, rows=7)
    assert foreseen["outcome"] == "would_lose"
    (finding,) = (f for f in foreseen["findings"] if f["kind"] == "loss")
    assert (finding["table"], finding["rows"], finding["loses"]) == ("posts", 7, True)
    assert "which has 7 rows" in finding["sentence"]
    assert foresee(schema, *up, accepted=["POSTS"])["outcome"] != "would_lose"


KEPT = {
    "empty": ["drop table `empty`"],
    "some rows": ["delete from `posts` where `id` = ?"],
    "a column": ["alter table `posts` drop `slug`"],
    "fails before": ["alter table `nothing` add `x` int", "drop table `posts`"],
    "is referred to": ["drop table `users`"],
    "is only renamed": ["rename table `posts` to `old`"],
}


@pytest.mark.parametrize("up", KEPT.values(), ids=KEPT)
def test_what_loses_no_table_is_not_called_so(schema, up):
    schema["tables"].append("empty")
    schema["details"]["empty"] = table([column("id")], [], rows=False)
    assert foresee(schema, *up)["outcome"] != "would_lose"


def test_a_drop_that_pretend_does_not_show_may_lose_rows(schema):
    hidden = {"up_conditional": ["up(), line 3: if"], "up_drops": ["posts", "nothing"]}
    foreseen = foresee(schema, "create table `new` (`id` int)", rows=7, **hidden)
    assert foreseen["outcome"] == "would_lose"
    (finding,) = (f for f in foreseen["findings"] if f["kind"] == "loss")
    assert "may lose rows" in finding["sentence"] and "line 3: if" in finding["sentence"]


def test_rows_behind_a_view_are_not_told_and_are_in_danger(schema):
    schema["views"] = ["seen"]
    foreseen = foresee(schema, "delete from `seen`")
    assert foreseen["outcome"] == "would_lose"
    assert "deletes rows through the view seen" in foreseen["findings"][0]["sentence"]
    assert foresee(schema, "delete from `seen`", accepted=[FIRST])["outcome"] == "clean"
    (finding,) = foresee(schema, NEW.format("`x` int").replace("new", "seen"))["findings"]
    assert finding["kind"] == "table_exists"


def test_what_could_not_be_read_may_lose_rows(schema):
    assert foresee(schema, "drop everything at once")["outcome"] == "would_lose"


def test_a_later_migration_meets_what_an_earlier_one_leaves(schema):
    create = NEW.format("`x` int")
    foreseen = foresee(schema, create, second=[create, "alter table `new` add `x` int"])
    # Of a table that is not the one it thinks of, nothing more is said.
    assert [(f["kind"], f["migration"]) for f in foreseen["findings"]] == [("table_exists", SECOND)]


def test_a_renamed_holder_is_said_with_its_present_name(schema):
    foreseen = foresee(
        schema,
        "rename table `posts` to `posts_v1`",
        "create table `posts` (`id` bigint unsigned primary key, `user_id` bigint unsigned)",
        KEY.format("posts_user", "user_id", "users", "id"),
    )
    (finding,) = foreseen["findings"]
    assert "held by table posts_v1 (now posts)" in finding["sentence"]
    assert "error 1005 (errno 121)" in finding["sentence"]
    assert (finding["table"], finding["constraint"]) == ("posts", "posts_user")


def test_names_that_belong_to_tables_do_not_collide(schema):
    schema["server"]["name_scope"] = "table"
    assert kinds(foresee(schema, *MET["name_taken"])) == []


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        *(("name_taken", 1826), ("columns_differ", 3780), ("parent_missing", 1824)),
        *(("parent_not_indexed", 1822), ("table_referenced", 3730), ("set_null", 1830)),
    ],
)
def test_mysql_has_errors_of_its_own(schema, kind, code):
    schema["server"]["flavour"] = "mysql"
    assert foresee(schema, *MET[kind])["findings"][0]["errors"][0] == code


def test_a_parent_may_have_to_be_unique(schema):
    key = KEY.format("f", "user_id", "users", "role")
    assert kinds(foresee(schema, key)) == []
    schema["defaults"]["unique_parent"] = True
    assert kinds(foresee(schema, key)) == ["parent_not_indexed"]
    assert kinds(foresee(schema, KEY.format("f", "user_id", "users", "id"))) == []


def test_tables_that_differ_in_case_are_two_where_the_server_says_so(schema):
    key = KEY.format("f", "user_id", "Users", "id")
    assert kinds(foresee(schema, key)) == ["parent_missing"]
    schema["server"]["lower_case_table_names"] = 1
    assert kinds(foresee(schema, key)) == []


def test_another_engine_ignores_a_foreign_key(schema):
    schema["details"]["posts"]["engine"] = "MyISAM"
    foreseen = foresee(schema, KEY.format("f", "user_id", "users", "id"))
    assert kinds(foreseen) == ["ignored"] and foreseen["outcome"] == "clean"


def test_what_is_not_known_is_not_held_against_a_migration(schema):
    del schema["details"]["users"]
    up = [
        KEY.format("f", "user_id", "users", "nothing"),
        "alter table `users` drop `other`",
        "alter table `users` add index `users_role` (`nowhere`)",
        NEW.format("`x` varchar(3) character set big5, " + REF.format("users", "email")),
    ]
    assert kinds(foresee(schema, *up)) == []


# --- rows ------------------------------------------------------------------------------------

ROWS = {
    "orphans": (KEY.format("f", "id", "users", "id"), {
        "table": "posts", "columns": ["id"], "values": {}, "referenced_table": "users",
        "referenced_columns": ["id"]}),
    "duplicates": ("alter table `posts` add unique `u` (`slug`)", {
        "table": "posts", "columns": ["slug"], "values": {}}),
    "nulls": ("alter table `posts` modify `slug` varchar(50) not null", {
        "table": "posts", "columns": ["slug"], "values": {}}),
}  # fmt: skip


@pytest.mark.parametrize("kind", ROWS)
def test_rows_are_asked_for_and_counted(schema, kind):
    up, asked = ROWS[kind]
    assert questions(application(up), schema) == [{"kind": kind, **asked}]
    assert foresee(schema, up)["findings"] == []
    (finding,) = foresee(schema, up, rows=3)["findings"]
    assert (finding["kind"], finding["rows"], finding["will_fail"]) == (kind, 3, True)
    assert finding["query"] == "SELECT" and ": 3 " in finding["sentence"]
    assert " has " in foresee(schema, up, rows=1)["findings"][0]["sentence"] or kind == "duplicates"


@pytest.mark.parametrize("kind", ROWS)
def test_rows_that_could_not_be_counted_are_a_doubt(schema, kind):
    foreseen = foresee(schema, ROWS[kind][0], rows=None)
    (finding,) = foreseen["findings"]
    assert not finding["will_fail"] and finding["may_fail"]
    assert "could not be counted" in finding["sentence"]
    assert foreseen["outcome"] == "may_fail"


@pytest.mark.parametrize("kind", ROWS)
def test_an_empty_table_has_no_rows_to_count(schema, kind):
    schema["details"]["posts"]["rows"] = False
    assert questions(application(ROWS[kind][0]), schema) == []


def test_rows_are_asked_for_by_present_names(schema):
    up = [
        "rename table `users` to `people`",
        "alter table `people` change `id` `no` bigint unsigned not null",
        "rename table `posts` to `articles`",
        "alter table `articles` change `user_id` `author` bigint unsigned null",
        KEY.format("f", "author", "people", "no").replace("posts", "articles"),
    ]
    (asked,) = questions(application(*up), schema)
    assert (asked["table"], asked["columns"]) == ("posts", ["user_id"])
    assert (asked["referenced_table"], asked["referenced_columns"]) == ("users", ["id"])


@pytest.mark.parametrize(
    ("definition", "values"),
    [
        ("bigint unsigned not null", {"x": "0"}),
        ("bigint unsigned not null default '7'", {"x": "7"}),
        ("bigint unsigned null", None),
        ("bigint unsigned null default 3", {"x": "3"}),
    ],
)
def test_a_new_column_has_its_default_in_every_row(schema, definition, values):
    up = [f"alter table `posts` add `x` {definition}", KEY.format("f", "x", "users", "id")]
    asked = questions(application(*up), schema)
    assert [entry["values"] for entry in asked] == ([] if values is None else [values])


def test_rows_that_the_migration_changes_first_are_a_doubt(schema):
    up = ["delete from `posts` where `slug` = 'secret'", ROWS["orphans"][0]]
    foreseen = foresee(schema, *up, rows=2)
    assert foreseen["outcome"] == "may_fail"
    assert "It changes rows of these tables before that." in foreseen["findings"][0]["sentence"]


# --- doubt -----------------------------------------------------------------------------------


def test_a_condition_makes_everything_a_doubt_and_is_said(schema):
    foreseen = foresee(schema, *MET["table_exists"], up_conditional=["up(), line 3: if"])
    assert kinds(foreseen) == ["table_exists", "unseen"]
    found, unseen = foreseen["findings"]
    assert (found["will_fail"], found["may_fail"]) == (False, True)
    assert "may fail with error 1050" in found["sentence"] and "line 3" in found["sentence"]
    assert (unseen["will_fail"], unseen["may_fail"]) == (False, False)
    assert foreseen["outcome"] == "may_fail"


def test_what_could_not_be_learned_is_said(schema):
    foreseen = foresee(schema, up_error="Class not found")
    assert kinds(foreseen) == ["unseen"] and "Class not found" in str(foreseen["findings"])
    # Nobody has seen what it does: that is not well.
    assert foreseen["outcome"] == "may_fail"


def test_behind_a_statement_that_cannot_be_read_all_is_doubt(schema):
    foreseen = foresee(schema, "call do_something('secret')", second=MET["table_exists"])
    unread, finding, loss = foreseen["findings"]
    assert unread["kind"] == "unread" and not unread["may_fail"]
    assert not finding["will_fail"] and "could not be read" in finding["sentence"]
    assert loss["kind"] == "loss" and "secret" not in loss["sentence"]
    assert "secret" not in str(foreseen)


def test_values_of_rows_are_not_told(schema):
    foreseen = foresee(schema, "insert into `nothing` (`a`) values ('secret')")
    assert kinds(foreseen) == ["table_missing"] and "secret" not in str(foreseen)


# --- locks and the outcome -------------------------------------------------------------------


def lock(on, seconds):
    return {"table": on, "connection": 7, "user": "u", "host": "h", "seconds": seconds,
            "statement": None}  # fmt: skip


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (lock("posts", 1), True),
        (lock("posts", 0), False),
        (lock("other", 99), False),
        (lock(None, 9), False),
        (lock(None, 10), True),
    ],
)
def test_who_would_be_waited_for_is_named(schema, held, said):
    schema["locks"] = [held]
    foreseen = foresee(schema, "alter table `posts` add `x` int")
    assert kinds(foreseen) == ["lock"] * said
    assert foreseen["outcome"] == "clean"
    assert not said or "connection 7 of u from h" in foreseen["findings"][0]["sentence"]


def test_locks_that_cannot_be_seen_are_said_to_be_unknown(schema):
    schema["locks"] = None
    assert "PROCESS" in foresee(schema, "select 1")["notes"][0]


def test_an_account_that_does_not_see_all_cannot_say_clean(schema):
    schema["account"].update(sees_all=False, reason="it holds only SELECT")
    foreseen = foresee(schema, "alter table `posts` add `x` int")
    assert foreseen["outcome"] == "refused" and "only SELECT" in foreseen["notes"][0]
    assert foresee(schema, *MET["table_exists"])["outcome"] == "will_fail"


def test_without_facts_nothing_is_foreseen():
    assert predict(application(), None, [], {"verdict": "no_connection", "refused": True}) == {
        "outcome": "refused",
        "findings": [],
        "notes": [],
    }


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "unfinished"},
        {"verdict": "constraints_missing", "refused": True},
        {"verdict": "leftover_has_rows", "refused": True, "names": [{"is": "displaced"}]},
    ],
)
def test_what_only_a_failure_leaves_is_one(schema, change):
    assert foresee(schema, diagnosis={**HEALTHY, **change})["outcome"] == "has_failed"


def test_the_log_says_what_has_failed(schema):
    laravel = application("drop table `nothing`")
    message = (
        "SQLSTATE[42S02]: Base table or view not found: 1051 Unknown table (SQL: drop table x)"
    )
    laravel["last_error"] = {"time": "", "message": message, "migration": FIRST}
    assert predict(laravel, schema, [], HEALTHY)["outcome"] == "has_failed"


def test_a_refusal_that_is_about_no_migration_stays_one(schema):
    refusal = {**HEALTHY, "verdict": "not_writable", "refused": True}
    assert foresee(schema, diagnosis=refusal)["outcome"] == "refused"


def test_what_is_well_only_so_far_is_told_as_such(schema):
    foreseen = foresee(schema, *MET["table_exists"])
    told = merge(HEALTHY, foreseen)
    assert told["verdict"] == "will_fail" and FIRST in told["found"] and told["next"]
    assert (
        merge({**HEALTHY, "verdict": "table_already_has_the_constraint"}, foreseen)["verdict"]
        == "table_already_has_the_constraint"
    )
    assert merge(HEALTHY, {"outcome": "clean"}) is HEALTHY


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (["has_failed"], ["has_failed"]),
        ("will_fail, may_fail", ["will_fail", "may_fail"]),
        ("", []),
        ([], []),
    ],
)
def test_a_job_says_what_fails_it(given, names):
    assert fail_on(given) == names


@pytest.mark.parametrize("given", ["clean", ["all"], True, None, [3]])
def test_what_is_no_outcome_is_refused(given):
    with pytest.raises(ValueError, match="diagnose_fail_on"):
        fail_on(given)


def exit_code(failed, unreachable=(), **outcomes):
    path = Path(__file__).resolve().parents[2] / "plugins/callback/fix_fk_exit_code.py"
    spec = importlib.util.spec_from_file_location("fix_fk_exit_code", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    artifacts = {
        f"fix_fk_{host}": {"host": host, "prediction": {"outcome": outcome} if outcome else None}
        for host, outcome in outcomes.items()
    }
    return module.exit_code(failed, unreachable, {**artifacts, "of_another": "text"})


def test_the_exit_code_is_that_of_the_worst_host():
    assert exit_code(["a"], a="will_fail") == 10
    assert exit_code(["a"], a="has_failed") == 11
    assert exit_code(["a"], a="may_fail") == 12
    assert exit_code(["a", "b"], a="will_fail", b="has_failed", c="clean") == 11
    assert exit_code([], a="will_fail") is None
    assert exit_code(["a", "b"], a="will_fail", b="refused") is None
    assert exit_code(["a", "b"], a="will_fail", b=None) is None
    assert exit_code(["a", "b"], a="will_fail") is None
    assert exit_code(["a"], ["b"], a="will_fail") is None
    assert exit_code(["a", "b"], a="would_lose", b="has_failed") == 13
    assert exit_code(["a", "b"], a="rows_aside", b="will_fail") == 10
    assert exit_code(["a"], a="rows_aside") == 14
    named = {"rows_aside", "may_fail", "will_fail", "has_failed", "would_lose"}
    assert set(OUTCOMES) - {"clean", "refused"} == named


# --- columns ---------------------------------------------------------------------------------


def of(kind, collation=None, **more):
    return Column("c", kind, collation=collation, **more)


@pytest.mark.parametrize(
    ("child", "parent", "what"),
    [
        (of("bigint unsigned"), of("bigint(20) unsigned"), None),
        (of("bigint"), of("bigint unsigned"), "sign"),
        (of("int unsigned"), of("bigint unsigned"), "type"),
        (of("int(3)"), of("integer"), None),
        (of("boolean"), of("tinyint(1)"), None),
        (of("int unsigned zerofill"), of("int unsigned"), None),
        (of("varchar(9)", "utf8mb4_bin"), of("varchar(90)", "utf8mb4_bin"), None),
        (of("char(9)", "utf8mb4_bin"), of("varchar(9)", "utf8mb4_bin"), None),
        (of("char(9)", "utf8_general_ci"), of("char(9)", "utf8mb3_general_ci"), None),
        (of("char(9)", "latin1_bin"), of("char(9)", "utf8mb4_bin"), "character set"),
        (of("char(9)", "utf8mb4_bin"), of("char(9)", "utf8mb4_general_ci"), "collation"),
        (of("char(9)"), of("char(9)", "utf8mb4_bin"), None),
        (of("char(9)", "utf8mb4_bin"), of("int"), "type"),
        (of("decimal(8,2)"), of("decimal(10,0)"), None),
        (of("binary(16)"), of("varbinary(16)"), None),
        (of("binary(16)"), of("datetime"), None),
        (of("date"), of("int"), "type"),
        (of("uuid"), of("char(36)"), None),
        (of(None), of("int"), None),
    ],
)
def test_which_columns_may_refer_to_which(child, parent, what):
    assert difference(child, parent) == what


def test_a_collation_comes_from_the_column_the_table_or_the_server():
    server = Server(collations={"utf8mb4": "utf8mb4_general_ci", "utf8mb3": "utf8mb3_general_ci"})
    assert server.resolve(of("char(9)"), "x_ci").collation == "x_ci"
    assert server.resolve(of("char(9)", "utf8_bin"), "x_ci").collation == "utf8mb3_bin"
    assert (
        server.resolve(of("char(9)", charset="utf8mb4"), "x_ci").collation == "utf8mb4_general_ci"
    )
    assert server.resolve(of("char(9)", charset="utf8"), "x").collation == "utf8mb3_general_ci"
    # Of one that the server does not name, nothing is known.
    assert server.resolve(of("char(9)", charset="big5"), "x_ci").collation is None
    short = of("char(9)", "uca1400_ai_ci", charset="utf8mb4")
    assert server.resolve(short, None).collation == "utf8mb4_uca1400_ai_ci"
    assert server.resolve(of("int"), "x_ci").collation is None


def test_a_default_with_a_collation_behind_it_is_read():
    text = (
        "alter table t change x x varchar(9) character set utf8mb4 default 'q' collate `latin1_bin`"
    )
    (effect,) = read(text)
    assert isinstance(effect, ChangeColumn) and effect.definition
    assert (effect.definition.default, effect.definition.collation) == ("q", "latin1_bin")


def test_what_a_change_of_type_is():
    assert not changes_type(of("int(11)"), of("int"))
    assert changes_type(of("int"), of("int unsigned"))
    assert changes_type(of("varchar(5)", "x_bin"), of("varchar(50)", "x_bin"))
    assert changes_type(of("char(5)", "x_bin"), of("varchar(5)", "x_bin"))
    assert not changes_type(of("varchar(5)", "x_bin"), of("varchar(5)", "x_bin"))


def test_the_value_of_a_column_that_is_added():
    assert implicit_default(of("int")) is None
    assert implicit_default(of("int", nullable=False)) == "0"
    assert implicit_default(of("varchar(9)", nullable=False)) == ""
    assert implicit_default(of("datetime", nullable=False)) is None
    assert implicit_default(of("int", nullable=False, default="5")) == "5"


def test_a_type_in_words():
    assert describe(of("bigint(20) unsigned")) == "bigint unsigned"
    assert describe(of("tinyint(1)")) == "tinyint"
    assert describe(of("varchar(9)", "utf8_bin")) == "varchar(9) utf8mb3_bin"


def test_a_copy_of_a_schema_is_its_own(schema):
    state = live(schema)
    before = copy.deepcopy(state)
    state.copy().apply([statement for up in MET.values() for statement in up])
    assert state.tables == before.tables


@pytest.mark.parametrize(
    "statement",
    [
        "alter table `posts` truncate partition p0",
        "execute immediate 'drop table `posts`'",
        "begin not atomic delete from `posts`; end",
        "check table `users`; drop table `posts`",
    ],
)
def test_rows_may_be_lost_by_what_cannot_be_read(schema, statement):
    assert foresee(schema, statement)["outcome"] == "would_lose"
    assert foresee(schema, statement, accepted=[FIRST])["outcome"] != "would_lose"


@pytest.mark.parametrize("named", ["", "drop table ", "set x = 1; drop table $t"])
def test_a_table_that_is_known_only_then_may_lose_its_rows(schema, named):
    hidden = {"up_conditional": ["up(), line 3: if"], "up_drops": [named]}
    foreseen = foresee(schema, "create table `new` (`id` int)", **hidden)
    assert foreseen["outcome"] == "would_lose"
    accepted = foresee(schema, "create table `new` (`id` int)", accepted=[FIRST], **hidden)
    assert accepted["outcome"] != "would_lose"
    # A loop over names shows them all.
    assert foresee(schema, "drop table if exists `none`", **hidden)["outcome"] != "would_lose"


@pytest.mark.parametrize(
    "written, shown",
    [
        ("float(53)", "double"),
        ("FLOAT(24)", "float"),
        ("float(8, 2)", "float(8,2)"),
        ("datetime(0)", "datetime"),
        ("timestamp(3)", "timestamp(3)"),
    ],
)
def test_a_type_is_the_same_however_it_is_written(written, shown):
    assert normal(written) == normal(shown)
