# SPDX-License-Identifier: GPL-3.0-or-later
"""The rest of a half-run migration is sent, and it is recorded; no row goes missing."""

from __future__ import annotations

import pytest
from half_run import OURS, fails, orders
from inquiry import inquire, repair
from playbook import play
from test_rollback import changes, everything, made

BREAKS = 'DB::statement("alter table `nowhere` add `x` int");'


def stops(app, done, rest, log="single"):
    """Deploy a migration that stops between these lines, and the correct one afterwards."""
    fails(app, *done, BREAKS, *rest, log=log)
    app.add_migration(OURS, " ".join([*done, *rest]))


@pytest.mark.parametrize("log", ["single", "null"])
def test_the_rest_is_sent_and_recorded(app, log):
    orders(app)
    done = [made("tags"), changes('$table->string("note")->nullable();')]
    rest = [changes('$table->index("user_id", "by_user");'), made("labels")]
    stops(app, done, rest, log)
    app.sql("INSERT INTO tags () VALUES (), ()")
    app.sql("UPDATE orders SET note = 'x' WHERE id < 4")
    before = everything(app)
    run = repair(app, forward=True)
    assert run.rc == 0 and run.report["outcome"] == "repaired", run.screen
    after = everything(app)
    assert after["orders"][1] == before["orders"][1] and after["tags"] == before["tags"]
    assert "KEY `by_user` (`user_id`)" in str(after["orders"][0]) and after["labels"]
    assert OURS in app.recorded()


NEXT = "2026_01_21_000000_next"


def test_a_whole_run_goes_on_to_the_other_pending_ones(app):
    """The playbook, rehearsed; a second run changes nothing."""
    orders(app)
    stops(app, [made("tags")], [made("labels")])
    app.add_migration(NEXT, made("later"))
    app.sql("INSERT INTO tags () VALUES (), ()")
    run = play(app, forward=True, rehearsal_level="structure")
    assert run.rc == 0 and run.report["outcome"] == "repaired", run.screen
    assert [step["id"] for step in run.report["steps"]] == [
        *("rehearse", "backup", "maintenance", "forward", "forward_record", "remigrate"),
        *("verify", "leave_maintenance"),
    ]
    assert run.report["steps"][3]["undo_queries"] == ["DROP TABLE `labels`"]
    assert app.rows("tags") == 2 and app.rows("labels") == app.rows("later") == 0
    batches = dict(app.sql("SELECT migration, batch FROM migrations"))
    assert batches[NEXT] == batches[OURS] + 1 == 4
    # The record is written in words of its own.
    assert all(query.startswith("INSERT INTO `migrations`") for query in run.unplanned())
    before = everything(app)
    again = play(app, forward=True)
    assert again.rc == 0 and again.report["outcome"] == "healthy", again.screen
    assert "nothing is sent" in again.report["happened"]
    assert again.stats("changed") == 0 and everything(app) == before
