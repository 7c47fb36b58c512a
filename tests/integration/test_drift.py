# SPDX-License-Identifier: GPL-3.0-or-later
"""What the recorded migrations make and is not there: a verified schema is what they say."""

from __future__ import annotations

import pytest
from fix_fk import checklist, drift
from half_run import recorded
from inquiry import DIAGNOSE, inquire
from playbook import play

# A table that stays as it is, one that refers to it, and one beside them.
MADE = [
    "Schema::create('orders', function (Blueprint $t) { $t->bigIncrements('id');"
    " $t->unsignedBigInteger('user_id'); $t->string('code', 20)->unique();"
    " $t->decimal('total', 10, 2)->default(0); $t->boolean('paid')->nullable();"
    " $t->timestamps(); $t->index(['user_id', 'paid'], 'by_user');"
    " $t->foreign('user_id', 'fk_orders_user')->references('id')->on('users'); });",
    "Schema::create('archive', function (Blueprint $t) { $t->bigIncrements('id');"
    " $t->unsignedBigInteger('user_id'); $t->string('code', 20); $t->text('why'); });",
]
OLD_KEY = "ALTER TABLE orders DROP FOREIGN KEY fk_orders_user"
CASES = {
    "a column": (
        ["ALTER TABLE orders DROP COLUMN total"],
        "column total of orders, which 2026_01_01_000000_made makes, is not there",
        ["orders"],
    ),
    "a table": (
        ["RENAME TABLE archive TO archive_by_hand"],
        "table archive, which 2026_01_01_000000_made makes, is not there",
        ["archive"],
    ),
    "a key of a name that another table has": (
        [
            OLD_KEY,
            "ALTER TABLE archive ADD CONSTRAINT fk_orders_user FOREIGN KEY (user_id)"
            " REFERENCES users (id)",
        ],
        "is not there; archive has one of that name",
        ["orders"],
    ),
    "a key to another table": (
        [
            OLD_KEY,
            "ALTER TABLE orders ADD CONSTRAINT fk_orders_user FOREIGN KEY (user_id)"
            " REFERENCES archive (id)",
        ],
        "is another: (user_id), to archive",
        ["orders"],
    ),
    "a unique index": (
        ["ALTER TABLE orders DROP INDEX orders_code_unique, ADD INDEX plain (code)"],
        "unique index orders_code_unique (code) of orders is not there",
        ["orders"],
    ),
    "two tables, exchanged": (
        ["RENAME TABLE orders TO hold, archive TO orders, hold TO archive"],
        "column why of archive",
        ["archive", "orders"],
    ),
}
LOOKS = {
    "an index": (
        [OLD_KEY, "ALTER TABLE orders DROP INDEX by_user",
         "ALTER TABLE orders ADD CONSTRAINT fk_orders_user FOREIGN KEY (user_id)"
         " REFERENCES users (id)"],
        "index by_user (user_id, paid) of orders is not there",
    ),
    "a type": (
        ["ALTER TABLE orders MODIFY code varchar(40) NOT NULL"],
        "column code of orders is varchar(40) NOT NULL, and the migrations make it "
        "varchar(20) NOT NULL",
    ),
}  # fmt: skip


@pytest.fixture
def made(app):
    for table in ("orders", "archive", "archive_by_hand"):
        app.sql(f"DROP TABLE IF EXISTS {table}")
    recorded(app, "".join(MADE), "2026_01_01_000000_made")
    return app


def checks(app, **given):
    """Return the checks about drift by name, as verify.yml makes them, and the driver's run."""
    run = inquire(app, DIAGNOSE, **given).run
    found = checklist.go_through(run.call, {"constraints": []}, run.laravel, given)
    return {c["check"]: c for c in found if drift.TITLE in c["check"]}


def test_a_schema_as_it_was_made_and_what_somebody_added(made):
    made.sql("ALTER TABLE orders ADD COLUMN by_hand int, ADD INDEX own (by_hand)")
    made.sql("CREATE TABLE somebodys (id int)")
    found = checks(made)
    assert list(found) == [drift.TITLE] and found[drift.TITLE]["ok"]
    assert "tables that they make were compared" in found[drift.TITLE]["detail"]


@pytest.mark.parametrize("done, sentence, tables", CASES.values(), ids=CASES)
def test_what_is_lost_is_found_and_can_be_accepted(made, done, sentence, tables):
    for statement in done:
        made.sql(statement)
    check = checks(made)[drift.TITLE]
    assert not check["ok"] and sentence in check["detail"], check
    assert sorted(check["accept"]) == tables
    assert checks(made, verify_accept_changed=tables)[drift.TITLE]["ok"]


@pytest.mark.parametrize("done, sentence", LOOKS.values(), ids=LOOKS)
def test_what_the_application_can_do_without_wants_an_eye(made, done, sentence):
    for statement in done:
        made.sql(statement)
    found = checks(made)
    assert found[drift.TITLE]["ok"], found
    assert found[f"not the {drift.TITLE}"]["detail"] == sentence


def test_what_decides_by_what_it_finds_is_not_held_against_anything(made):
    recorded(
        made,
        "if (Schema::hasColumn('orders', 'total')) {"
        " Schema::table('orders', function (Blueprint $t) { $t->dropColumn('total'); }); }",
        "2026_01_02_000000_guarded",
    )
    assert "total" not in str(made.sql("SHOW COLUMNS FROM orders"))
    assert checks(made)[drift.TITLE]["ok"]


def test_verify_says_it_and_what_accepts_it(made):
    made.sql("ALTER TABLE orders DROP COLUMN total")
    run = play(made, "playbooks/verify.yml")
    assert run.rc == 2 and run.report["outcome"] == "failed", run.screen
    assert "column total of orders, which 2026_01_01_000000_made makes, is not there" in (
        " ".join(run.screen.split())
    )
    assert '"verify_accept_changed": ["orders"]' in run.report["next"]
    run = play(made, "playbooks/verify.yml", verify_accept_changed=["orders"])
    assert run.rc == 0, run.screen
