# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a migration that failed gets through now."""

from __future__ import annotations

import pytest
from cases import ADD_KEY, REFACTOR, failed_with
from fix_fk import again
from fix_fk.case import Case
from fix_fk.facts import Laravel
from fix_fk.inputs import read_inputs


def through(laravel, schema):
    case = Case(Laravel(laravel), schema, read_inputs({}))
    case.migration = REFACTOR
    return again.gets_through(case)


def error(code, statement=ADD_KEY):
    return f"SQLSTATE[HY000]: General error: {code} Something (SQL: {statement})"


@pytest.mark.parametrize("code", [1205, 1213, 2006, 2013, 1826])
def test_of_the_moment_or_of_the_schema_and_gone(laravel, schema, code):
    failed_with(laravel, error(code))
    assert through(laravel, schema)


@pytest.mark.parametrize("code", [1114, 1142, 1054, 1364, 3819])
def test_what_a_person_has_to_say_is_gone(laravel, schema, code):
    failed_with(laravel, error(code))
    assert not through(laravel, schema)


def test_what_it_does_must_be_known(laravel, schema):
    failed_with(laravel, error(1205))
    laravel["statements"][REFACTOR]["up_conditional"] = ["if"]
    assert not through(laravel, schema)
    laravel["statements"][REFACTOR]["up_conditional"] = []
    laravel["statements"][REFACTOR]["up_error"] = "it needs the network"
    assert not through(laravel, schema)


def test_of_a_statement_that_is_not_its_own_nothing_is_known(laravel, schema):
    failed_with(laravel, error(1826, "alter table `x` add `y` int"))
    assert not through(laravel, schema)
