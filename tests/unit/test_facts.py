# SPDX-License-Identifier: GPL-3.0-or-later
"""What the diagnosis asks the server; no server."""

from __future__ import annotations

from fix_fk.facts import Laravel, requested
from fix_fk.inputs import read_inputs


def test_names_come_from_pretend_log_and_inventory(laravel):
    expected = [{"name": "fk_other", "table": "units", "columns": ["a"],
                 "referenced_table": "users", "referenced_columns": ["id"]}]  # fmt: skip
    asked = requested(Laravel(laravel), read_inputs({"expected_constraints": expected}))
    assert asked["names"] == {
        "fk_skp_tahunan_user": ["pretend", "log"],
        "fk_other": ["inventory"],
    }
    assert {"units", "skp_tahunan", "skp_tahunan_backup_v1", "users"} <= set(asked["tables"])
