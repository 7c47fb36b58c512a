# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that sends the rest of a migration, killed at any point: the same command goes on from
there, and no row goes missing."""

from __future__ import annotations

import pytest
from half_run import OURS, fails, orders
from killed import Killed, is_down, reading, rows, waiting
from playbook import play

NEXT = "2026_01_21_000000_next"
MADE = "Schema::create('{}', fn (Blueprint $table) => $table->id());"
INDEX = "Schema::table('orders', fn (Blueprint $table) => $table->index('user_id', 'by_user'));"
BREAKS = 'DB::statement("alter table `nowhere` add `x` int");'


@pytest.fixture
def app(kept):
    """A migration that has done one of its four statements, and another one behind it."""
    kept.present()
    kept.withdraw()
    orders(kept)
    rest = [MADE.format("labels"), INDEX, MADE.format("last")]
    fails(kept, MADE.format("tags"), BREAKS, *rest)
    kept.add_migration(OURS, " ".join([MADE.format("tags"), *rest]))
    kept.add_migration(NEXT, MADE.format("later"))
    kept.sql("INSERT INTO tags () VALUES (), ()")
    kept.before = rows(kept)
    return kept


def tables(app):
    return {name for (name,) in app.sql("SHOW TABLES")} & {"labels", "last", "later"}


def finishes(app):
    run = play(app, forward=True)
    assert run.rc == 0 and run.report["outcome"] == "repaired", run.screen
    now = rows(app)
    for name in app.before.keys() - {"migrations"}:
        assert now[name] == app.before[name], name
    assert tables(app) == {"labels", "last", "later"}
    assert app.sql("SHOW INDEX FROM orders WHERE Key_name = 'by_user'")
    assert app.recorded()[-2:] == [OURS, NEXT] and not is_down(app)
    again = play(app, forward=True)
    assert again.rc == 0 and again.stats("changed") == 0, again.screen
    return run


def test_killed_between_two_statements(app, tmp_path):
    with reading(app, "orders"), Killed(app, tmp_path, forward=True) as run:
        run.until(lambda: waiting(app, "alter table `orders` add index"), "the second one waits")
    assert tables(app) == {"labels"} and is_down(app)
    run = finishes(app)
    assert "stopped after statement 2 of 4" in run.report["diagnosis"]["found"]


AFTER = {
    "Forward | Send the remaining statements": ({"labels", "last"}, False),
    "Forward | Record the migration": ({"labels", "last"}, True),
    "Migrate | Run the pending migrations": ({"labels", "last", "later"}, True),
}


@pytest.mark.parametrize("task", AFTER)
def test_killed_after(app, task, tmp_path):
    with Killed(app, tmp_path, forward=True) as run:
        run.until_done(task)
    there, is_recorded = AFTER[task]
    assert tables(app) == there and (OURS in app.recorded()) == is_recorded and is_down(app)
    finishes(app)
