# SPDX-License-Identifier: GPL-3.0-or-later
"""Migrations that decide by what they find: what they send is learned in a scratch schema.

Each incident is brought about on a real server, without a log, and repaired.
"""

from __future__ import annotations

from half_run import ORDERS, OURS, RENAME, ROWS, fails, orders
from inquiry import repair

# In a branch that --pretend does not take: every hasTable() is false in it.
GUARDED = f"if (Schema::hasTable('orders')) {{ {RENAME} }}", ORDERS.replace("{}", "")


def mend(app, playbook="fix_fk.yml", **given):
    """Let the playbook do what it does, with a rehearsal."""
    run = repair(app, playbook, **{"rehearsal_level": "structure", **given})
    assert app.password not in run.everything() and "Traceback" not in run.screen
    assert not [name for (name,) in app.sql("SHOW DATABASES") if "__fix_fk" in name]
    return run


def test_a_guarded_rename_without_a_log_is_repaired(app):
    orders(app)
    fails(app, *GUARDED, log="null")
    run = mend(app)
    assert run.rc == 0 and run.report["outcome"] == "repaired_rows_aside", run.screen
    assert OURS in app.recorded()
    assert app.rows("orders") == 0 and app.rows("orders_old") == ROWS
    assert app.holders("fk_orders_user") == ["orders"]


def test_a_guarded_rename_without_a_log_is_rolled_back(app):
    orders(app)
    before = app.schema_dump()
    fails(app, *GUARDED, log="null")
    run = mend(app, rollback_only=True)
    assert run.rc == 0 and run.report["outcome"] == "rolled_back", run.screen
    assert app.schema_dump() == before
