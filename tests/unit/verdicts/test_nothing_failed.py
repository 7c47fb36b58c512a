# SPDX-License-Identifier: GPL-3.0-or-later
"""What is pending, and has not failed; no server."""

from __future__ import annotations

from cases import original_back
from fix_fk.engine import diagnose
from fix_fk.inputs import read_inputs


def test_a_pending_migration_that_never_failed_is_not_run(laravel, schema):
    original_back(schema)
    schema["constraints"] = []
    laravel["last_error"] = None
    result = diagnose(laravel, schema, read_inputs({}))
    assert result["verdict"] == "healthy" and result["steps"] == []
    assert "migrate --force" in result["next"]
