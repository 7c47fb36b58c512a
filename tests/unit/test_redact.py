# SPDX-License-Identifier: GPL-3.0-or-later
"""What is shown of a statement or an error never holds the value of a row."""

from __future__ import annotations

import pytest
from fix_fk.schema.messages import read_message
from fix_fk.schema.redaction import redact, redact_logged

VALUE = "Budi"
ROWS = [
    "insert into `users` (`name`) values (Budi Santoso, 1)",
    "insert into users values (Budi)",
    "insert into `users` (`name`) values (O'Budi)",
    "update `users` set `name` = Budi Santoso where `id` = 5",
    "update `users` set `name` = Budi where `id` = 5",
    "select * from `users` where `email` = Budi@example.org limit 1",
    "delete from `users` where `name` = 'Budi'",
    "call register('Budi')",
]


@pytest.mark.parametrize("statement", ROWS)
def test_a_logged_statement_is_shown_without_its_values(statement):
    shown = redact_logged(statement)
    assert VALUE not in shown
    assert shown.startswith(statement.split()[0])


def test_a_logged_statement_about_rows_names_its_table():
    assert redact_logged("update `users` set `name` = Budi where `id` = 5") == (
        "update ... (users)"
    )


@pytest.mark.parametrize("statement", ROWS[3:4] + ROWS[5:])
def test_a_statement_that_cannot_be_read_is_not_shown(statement):
    assert VALUE not in redact(statement)


def test_statements_about_the_schema_are_shown_as_they_are():
    statement = "alter table `a` add constraint `b` foreign key (`c`) references `d` (`e`)"
    assert redact(statement) == redact_logged(statement) == statement


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (
            "SQLSTATE[23000]: Integrity constraint violation: 1062 Duplicate entry 'Budi' for key "
            "'users.email' (SQL: insert into `users` values (Budi))",
            "Duplicate entry '?'",
        ),
        (
            "SQLSTATE[22007]: Invalid datetime format: 1366 Incorrect value: 'it's Budi' for "
            "column 'a' (SQL: x)",
            "Incorrect value: '?'",
        ),
        (
            "SQLSTATE[42S02]: Base table or view not found: 1146 Table 'a.b' doesn't exist "
            "(SQL: x)",
            "Table 'a.b' doesn't exist",
        ),
    ],
)
def test_an_error_is_shown_without_the_value_it_quotes(message, shown):
    failed = read_message(message)
    assert VALUE not in failed.shown
    assert failed.shown.startswith(shown)
