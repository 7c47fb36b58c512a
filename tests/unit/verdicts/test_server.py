# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers on which nothing can be repaired; no server."""

from __future__ import annotations

import pytest
from cases import refused


@pytest.mark.parametrize("what", ["read_only", "replica"])
def test_a_server_that_cannot_be_written_is_refused(laravel, schema, what):
    schema["server"][what] = True
    refused(laravel, schema, "not_writable")


def test_orphan_dictionary_rows_are_for_the_administrator(laravel, schema):
    schema["orphans"] = [{"name": "fk_x", "table": "gone"}]
    refused(laravel, schema, "orphan_dictionary_rows")
