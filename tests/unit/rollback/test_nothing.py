# SPDX-License-Identifier: GPL-3.0-or-later
"""When nothing is left to be rolled back; no server."""

from __future__ import annotations

from cases import original_back, repaired, steps


def test_interrupted_after_the_drop_only_migrates(laravel, schema):
    original_back(schema)
    schema["constraints"] = []
    result = repaired(laravel, schema, "nothing_in_the_way")
    assert steps(result)[1:] == [
        "backup",
        "maintenance",
        "remigrate",
        "verify",
        "leave_maintenance",
    ]
