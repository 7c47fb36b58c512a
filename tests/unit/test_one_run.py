# SPDX-License-Identifier: GPL-3.0-or-later
"""The names that keep runs apart: of the lock, of who has it, and of their clones."""

from __future__ import annotations

import pytest
from ansible.module_utils.fix_fk.scratch.schemas import (
    clone_name,
    clone_prefix,
    scratch_name,
    scratch_pattern,
)
from ansible.module_utils.fix_fk.server.about import rights_on
from ansible.module_utils.fix_fk.server.one_run import lock_name, mark, read_mark

RUN = "20260130_081500_3f2a"
SERVER = {"id": "a", "lower_case_table_names": 0}
WITHOUT_CASE = dict(SERVER, lower_case_table_names=1)
SCHEMAS = ["app", "gaspulco_lkbkanwil", "é" * 30, "x" * 43, "x" * 44, "x" * 64, "100%_a"]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_the_name_of_a_lock_is_short_and_the_schemas_own(schema):
    assert len(lock_name(schema, False)) <= 64
    assert lock_name(schema, False) != lock_name(schema + "x", False)


def test_names_of_schemas_are_compared_as_the_server_does():
    assert lock_name("App", True) == lock_name("app", True) == lock_name("app", False)
    assert lock_name("App", False) != lock_name("app", False)
    assert clone_name("App", WITHOUT_CASE, RUN) == clone_name("app", WITHOUT_CASE, RUN)
    assert clone_prefix("App", SERVER).lower() != clone_prefix("app", SERVER)


def test_who_has_the_lock_is_told_by_its_statement():
    told = mark(RUN, "app1.example.org", "2026-01-30T08:15:00Z", 30)
    assert read_mark(f"{told} DO SLEEP(0.9)", 7) == {
        "run": RUN,
        "host": "app1.example.org",
        "since": "2026-01-30T08:15:00Z",
        "idle": 30,
        "connection": 7,
        "said": f"run {RUN} on host app1.example.org, since 2026-01-30 08:15:00 UTC",
    }


@pytest.mark.parametrize("odd", ["*/ DROP TABLE x", "", "a b", "é'\"`"])
def test_nothing_gets_out_of_the_comment(odd):
    told = mark(odd, odd, "2026-01-30T08:15:00Z", 30)
    assert told.count("*/") == 1 and told.endswith("*/")
    assert read_mark(told, 7)["run"]


@pytest.mark.parametrize("text", [None, "", "SELECT 1"])
def test_a_statement_that_may_not_be_seen_tells_the_connection(text):
    holder = read_mark(text, 7)
    assert holder["run"] is None and "connection 7" in holder["said"]


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("run", [RUN, None, "x" * 80])
def test_a_clone_has_a_name_that_fits_and_that_the_grant_covers(schema, run):
    name = clone_name(schema, SERVER, run)
    assert len(name) <= 64 and name.startswith(clone_prefix(schema, SERVER))
    grant = f"GRANT ALL PRIVILEGES ON `{scratch_pattern(schema)}`.* TO `u`@`h`"
    for scratch in (name, scratch_name(schema, "_0123abcd"), scratch_name(schema, "_0123abcd_old")):
        assert len(scratch) <= 64
        assert rights_on([grant], scratch)[0], scratch
    assert not rights_on([grant], schema)[0]


def test_the_runs_id_is_in_the_name_where_there_is_room():
    assert clone_name("gaspulco_lkbkanwil", SERVER, RUN).endswith(f"_{RUN}")
    assert scratch_pattern("gaspulco_lkbkanwil") == "gaspulco\\_lkbkanwil\\_\\_fix\\_fk%"


@pytest.mark.parametrize("schema", SCHEMAS)
def test_clones_of_runs_and_schemas_and_servers_do_not_meet(schema):
    other = dict(SERVER, id="b")
    longer = schema[:63] + "y"
    names = {
        clone_name(*given)
        for given in [
            (schema, SERVER, RUN),
            (schema, SERVER, "20260130_081500_3f2b"),
            (schema, other, RUN),
            (longer, SERVER, RUN),
        ]
    }
    assert len(names) == 4
    # What a restore keeps aside is no clone.
    assert not scratch_name(schema, "_0123abcd_old").startswith(clone_prefix(schema, SERVER))
