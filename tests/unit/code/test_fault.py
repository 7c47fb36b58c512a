# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the code has a fault, as far as it is known without a server; no server."""

from __future__ import annotations

import pytest
from cases import CREATE, REFACTOR, USERS
from fix_fk.code import fault
from fix_fk.facts import Laravel
from fix_fk.inputs import read_inputs


@pytest.fixture
def whole(laravel):
    """The application with the files of all its migrations."""
    names = sorted((USERS, CREATE, REFACTOR))
    laravel["migrations"]["files"] = [{"name": n, "path": f"/x/{n}.php"} for n in names]
    laravel["migrations"]["should_run"] = {}
    return laravel


def found(facts, scope="schema"):
    return fault.in_code(Laravel(facts), scope)


def test_a_renamed_table_keeps_the_name(whole):
    told = found(whole)
    assert (told.migration, told.number, told.total, told.statement) == (REFACTOR, 3, 3, 3)
    assert "is held by table skp_tahunan_backup_v1" in told.said()


def test_recorded_or_not_it_is_in_the_code(whole):
    whole["migrations"]["recorded"].append({"name": REFACTOR, "batch": 2})
    whole["migrations"]["pending"] = []
    assert found(whole).migration == REFACTOR


def test_names_of_one_table_are_no_fault_where_they_are_per_table(whole):
    assert found(whole, "table") is None


def test_with_the_names_freed_there_is_none(whole):
    drop = "alter table `skp_tahunan` drop foreign key `fk_skp_tahunan_user`"
    whole["statements"][REFACTOR]["up"].insert(0, drop)
    assert found(whole) is None


@pytest.mark.parametrize("name", [CREATE, REFACTOR])
def test_what_decides_by_what_it_finds_is_no_evidence(whole, name):
    whole["statements"][name]["up_conditional"] = ["up(), line 12: if"]
    assert found(whole) is None


def test_what_decides_about_something_else_does_not_matter(whole):
    whole["statements"][USERS]["up_conditional"] = ["up(), line 12: if"]
    whole["statements"][USERS]["up"] = ["create table `roles` (`id` bigint)"]
    assert found(whole).migration == REFACTOR


@pytest.mark.parametrize(
    "change",
    [
        {"schema_dump": {"path": "x.sql", "tables": None}},
        {"statements": {}},
    ],
)
def test_what_an_empty_schema_begins_with_is_not_known(whole, change):
    assert found({**whole, **change}) is None


def test_a_migration_that_passes_itself_over_is_not_run(whole):
    whole["migrations"]["should_run"] = {REFACTOR: False}
    assert found(whole) is None


def test_it_stands_until_it_is_accepted_by_name(whole):
    told, note = fault.standing(Laravel(whole), "schema", read_inputs({}))
    assert told["migration"] == REFACTOR and note == ""
    assert "a patch that ends it:\n    playbooks/permanent_fix.yml\n" in told["next"]
    given = read_inputs({"accept_fault_in_code": [REFACTOR]})
    told, note = fault.standing(Laravel(whole), "schema", given)
    assert told is None and note.startswith("Accepted in accept_fault_in_code")
