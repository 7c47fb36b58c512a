# SPDX-License-Identifier: GPL-3.0-or-later
"""Random incidents: each is repaired with every row still there, or refused and left alone."""

from __future__ import annotations

import contextlib
import os
import random
import re
from collections import Counter

import pytest
from driver import Application, Outcome, Run, StepFailed
from hypothesis import HealthCheck, Phase, event, given, note, seed, settings
from hypothesis.configuration import set_hypothesis_home_dir
from incidents import NEXT, OURS, Incident, Key, Table, drop, incidents, php, rename
from playbook import play
from pymysql.err import MySQLError

SEED = int(os.environ.get("FIX_FK_SEED") or random.randrange(2**32))


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    set_hypothesis_home_dir(tmp_path_factory.mktemp("hypothesis"))
    made = Application(tmp_path_factory.mktemp("sandbox"))
    made.present()
    yield made
    made.absent()


def options(examples, **others):
    """Return the settings of a property that talks to a real server."""
    return settings(
        deadline=None,
        max_examples=examples,
        print_blob=True,
        database=None,
        # To shrink an example takes minutes, and it is told with its seed.
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
        suppress_health_check=list(HealthCheck),
        **others,
    )


def in_process(app) -> Outcome:
    return Run(app).go()


def by_playbook(app) -> Outcome:
    run = play(app, expected_tables=[], expected_constraints=[], route_pattern="")
    report = run.report
    if report["outcome"] == "failed":
        raise StepFailed({"msg": run.message()})
    assert (run.rc != 0) == report["diagnosis"]["refused"], run.screen
    calls: list[tuple[str, dict]] = [(module, {}) for module in run.modules()]
    return Outcome(report["diagnosis"], report["checks"], calls)


def examine(app, incident: Incident, repair) -> str:
    """Bring the incident about, repair it, check the properties; return the verdict."""
    note(incident.source())
    note(app.fall_into(incident))
    rows, keys, dump = app.content(), app.foreign_keys(), app.schema_dump()
    outcome = repair(app)
    note(f"{outcome.verdict}: {outcome.result['found']}")
    event(f"{outcome.verdict}, {'repaired' if outcome.repaired else 'nothing done'}")
    assert not app.is_down()
    if not outcome.repaired:
        assert app.schema_dump() == dump
        # What was dropped by hand is not missed while the inventory does not expect it.
        by_hand = {"constraint", "rollback"}
        if outcome.verdict in ("healthy", "rows_aside") and not by_hand & {*incident.meanwhile}:
            # What follows a migration that was recorded by hand was never tried, and may be well.
            follows = NEXT if incident.following and "record" not in incident.meanwhile else OURS
            gone = [table.name for table in incident.made if table.name not in rows]
            assert all(name in " ".join(outcome.result["notes"]) for name in gone)
            assert complete(app, incident, {OURS, follows}, gone)
        follow(app, incident, outcome.result["next"], rows)
        return outcome.verdict
    assert [check for check in outcome.checks if not check["ok"]] == []
    missing = lost(incident, rows, app.content())
    assert not missing, missing
    dropped = {table.name for table in incident.tables if drop(table.name) in incident.up}
    assert {table.name for table in incident.tables} - dropped <= app.first_names()
    assert complete(app, incident, {OURS, NEXT if incident.following else OURS})
    names = {key[0] for key in app.foreign_keys()}
    assert {key[0] for key in keys if "_ibfk_" not in key[0]} <= names
    dump = app.schema_dump()
    again = repair(app)
    assert again.verdict in ("healthy", "rows_aside")
    assert app.schema_dump() == dump
    return "repaired"


# What an answer tells a person to send or to run.
SENT = re.compile(
    r"(?:RENAME TABLE|INSERT INTO|DELETE FROM|DROP TABLE|ALTER TABLE) .*?(?=; |\. |$)"
)


def follow(app, incident: Incident, told: str, before: dict) -> None:
    """Do as `Next` says, and see that every row is still there, under whatever name."""
    if "playbooks/rollback.yml" in told:
        note(Run(app, rollback_only=True).go().result["found"])
    for statement in SENT.findall(told):
        note(f"following: {statement}")
        with contextlib.suppress(MySQLError):
            app.sql(statement)
    if "migrate --force" in told:
        note(app.artisan("migrate", "--force").stdout)
    deletes = [line for line in incident.up if line.endswith("->delete();")]
    after = app.content()
    for table, rows in before.items():
        if any(php(table) in line for line in deletes):
            continue
        assert any(holds(there, rows) for there in after.values()), (table, told)


def complete(app, incident: Incident, migrations: set[str], gone=()) -> bool:
    """Are the migrations recorded, and does every table that ours makes have its constraints?"""
    assert migrations <= {*app.recorded()}
    there = app.foreign_keys()
    for table in (made for made in incident.made if made.name not in gone):
        for key in table.keys:
            # It follows a parent that the migration renames only afterwards.
            parents = {key.parent, incident.renames.get(key.parent)}
            assert any(
                key.held_as(table.name) in (None, name)
                and (holder, columns, others) == (table.name, key.columns, key.parent_columns)
                and parent in parents
                for name, holder, columns, parent, others in there
            ), (table.name, key)
    return True


def lost(incident: Incident, before: dict, after: dict) -> list[str]:
    """Return the tables whose rows are found neither under their name nor the new one."""
    missing = []
    for table, rows in before.items():
        # The migration itself may drop an empty one.
        if not rows and drop(table) in incident.up:
            continue
        places = [table, incident.renames.get(table, table)]
        if not any(place in after and holds(after[place], rows) for place in places):
            missing.append(f"{table}: {rows} are not in {[(p, after.get(p)) for p in places]}")
    return missing


def holds(rows: list[dict], wanted: list[dict]) -> bool:
    """Are all `wanted` among `rows`, which may have gained columns?"""
    if not wanted:
        return True
    columns = list(wanted[0])
    found = Counter(repr([row.get(column) for column in columns]) for row in rows)
    return not Counter(repr(list(row.values())) for row in wanted) - found


def some(app, examples, at_least, repair=in_process, number=None):
    """Check the properties on so many incidents: always the same ones, or those of a seed."""
    seen: Counter[str] = Counter()

    @options(examples, derandomize=number is None)
    @given(incident=incidents())
    def check(incident):
        seen[examine(app, incident, repair)] += 1

    (check if number is None else seed(number)(check))()
    # Or there would be nothing that the properties are about.
    print(dict(seen))
    assert seen["repaired"] >= at_least and seen.total() - seen["repaired"] >= at_least // 4, seen


def test_incidents(app):
    some(app, 24, 8)


def test_incidents_with_playbooks(app):
    some(app, 2, 1, by_playbook)


@pytest.mark.matrix
def test_many_incidents(app):
    print(f"To have the same incidents again: FIX_FK_SEED={SEED}")
    some(app, 240, 60, number=SEED)


@pytest.mark.matrix
def test_many_incidents_with_playbooks(app):
    print(f"To have the same incidents again: FIX_FK_SEED={SEED}")
    some(app, 40, 10, by_playbook, number=SEED)


USERS = Table("users", rows=2)
ORDERS = Table(
    "orders", (Key(("user_id",), "users", ("id",), "fk_orders_user"),), 2, filled=("users",)
)


def renaming(*down, following=None):
    up = (rename("orders", "old orders"), ORDERS.create())
    return Incident(
        "rename",
        (USERS, ORDERS),
        {"orders": "old orders"},
        (ORDERS,),
        up,
        "right" if down else "none",
        down or None,
        following,
    )


@pytest.mark.parametrize(
    "incident, way",
    [
        (renaming(drop("orders"), rename("old orders", "orders")), "down"),
        (renaming(following=Table("later").create()), "rename_back"),
    ],
    ids=["down", "rename_back"],
)
def test_the_playbook_sends_the_same_modules(app, incident, way):
    app.fall_into(incident)
    ours = in_process(app)
    app.fall_into(incident)
    theirs = by_playbook(app)
    assert [step["arguments"].get("strategy") for step in ours.result["steps"]].count(way) == 1
    assert ours.result == theirs.result
    assert [module for module, _ in ours.calls] == [module for module, _ in theirs.calls]
