# SPDX-License-Identifier: GPL-3.0-or-later
"""The first steps of every plan that writes."""

from __future__ import annotations

import pytest
from fix_fk import steps
from fix_fk.inputs import read_inputs


def begun(**inputs):
    given = read_inputs(inputs)
    return [step["id"] for step in steps.begin("artisan", {"name": "a"}, "m", given.loses_rows)]


def test_a_backup_before_the_window_where_no_row_is_dropped():
    assert begun() == begun(carry_drop=["a.b"]) == ["backup", "maintenance"]


@pytest.mark.parametrize(
    "accepted", ["rollback_accept_loss", "remigrate_accept_loss", "carry_over_drop_old"]
)
def test_a_proven_backup_in_the_window_where_rows_may_go(accepted):
    assert begun(**{accepted: ["a"]}) == ["maintenance", "backup", "prove"]
