# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as an HTML page; no server."""

from __future__ import annotations

import json

from cases import repaired
from fix_fk.screen.page import page
from fix_fk.screen.report import build

NAME = "<script>alert(1)</script>"


def test_a_name_from_the_database_is_no_markup(laravel, schema):
    """In whatever part of the page: the plan, what was sent, the checks, what is foreseen."""
    text = json.dumps([laravel, schema]).replace("skp_tahunan", NAME)
    diagnosis = repaired(*json.loads(text), "renamed_table_kept_the_name")
    finding = {"sentence": NAME, "query": NAME, "will_fail": True, "loses": False}
    drop = f"ALTER TABLE `{NAME}` DROP FOREIGN KEY `{NAME}`"
    data = build(
        {
            "host": NAME,
            "run_id": "r",
            "check_mode": False,
            "diagnosis": {**diagnosis, "notes": [NAME]},
            "prediction": {"outcome": "healthy", "findings": [finding], "notes": [NAME]},
            "failure": {"task": "t", "message": NAME},
            "results": {"fk_drop": {"changed": True, "queries": [drop], "undo": [drop]}},
            "checks": [{"check": NAME, "ok": False, "detail": NAME}],
            "command": "fix_fk.yml",
            "inventory": "production",
            "maintenance": {},
        }
    )
    shown = page(data)
    assert "<script" not in shown
    assert "ALTER TABLE `&lt;script&gt;alert(1)&lt;/script&gt;` DROP" in shown
    # Twice escaped it could not be read.
    assert "&amp;lt;" not in shown
