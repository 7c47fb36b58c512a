# SPDX-License-Identifier: GPL-3.0-or-later
"""What is expected, and will not come about; no server."""

from __future__ import annotations

from cases import key, refused
from fix_fk.engine import diagnose
from fix_fk.inputs import read_inputs


def test_what_the_inventory_expects_and_no_migration_makes_is_refused(laravel, schema):
    expected = [key("fk_lain", "users", ["atasan_id"])]
    told = refused(laravel, schema, "would_not_verify", expected_constraints=expected)
    assert "constraint fk_lain of users" in told["found"]
    assert "ADD CONSTRAINT `fk_lain` FOREIGN KEY (`atasan_id`)" in told["next"]
    told = refused(laravel, schema, "would_not_verify", expected_tables=["arsip"])
    assert "table arsip" in told["found"]
    # What the migrations do cannot be foreseen in full.
    laravel["statements"][laravel["migrations"]["pending"][0]]["up_conditional"] = ["if"]
    result = diagnose(laravel, schema, read_inputs({"expected_constraints": expected}))
    assert result["verdict"] != "would_not_verify"
