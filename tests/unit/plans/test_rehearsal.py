# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a plan begins with its rehearsal; no server."""

from __future__ import annotations

import pytest
from cases import REFACTOR, refused, repaired, step, steps


def test_the_plan_begins_with_its_rehearsal(laravel, schema):
    result = repaired(laravel, schema, "renamed_table_kept_the_name")
    assert steps(result)[0] == "rehearse"
    assert step(result, "rehearse")["arguments"] == {"level": "structure"}


@pytest.mark.parametrize(
    "lacking, elsewhere, down, why",
    [
        ([{"account": "o'neill@%", "rights": ["CREATE"]}], [], [],
         "GRANT ALL PRIVILEGES ON `gaspulco\\_lkbkanwil\\_\\_fix\\_fk%`.* TO "
         "`o'neill`@`%`"),
        ([], ["billing"], [], f"{REFACTOR} uses the database connection billing as well"),
        ([], [], ["drop table if exists `gaspulco_lkbkanwil`.`rhk_pimpinan`"],
         f"{REFACTOR} names a table together with its schema"),
        ([], [], ["rename table gaspulco_lkbkanwil.a to b"],
         f"{REFACTOR} names a table together with its schema"),
    ],
)  # fmt: skip
def test_what_cannot_be_rehearsed_is_said(laravel, schema, lacking, elsewhere, down, why):
    schema["rehearsal"]["lacking"] = lacking
    laravel["statements"][REFACTOR]["other_connections"] = elsewhere
    laravel["statements"][REFACTOR]["down"] += down
    result = repaired(laravel, schema, "renamed_table_kept_the_name")
    assert steps(result)[0] == "backup"
    assert [note for note in result["notes"] if note.startswith("Not rehearsed:") and why in note]
    assert why in refused(laravel, schema, "cannot_rehearse", rehearsal_required=True)["found"]


def test_elsewhere_it_takes_no_rights_on_this_server(laravel, schema):
    schema["rehearsal"]["lacking"] = [{"account": "app@localhost", "rights": ["CREATE"]}]
    result = repaired(laravel, schema, "renamed_table_kept_the_name")
    assert "rehearsal_server=embedded" in " ".join(result["notes"])
    given = {"rehearsal_server": "embedded"}
    result = repaired(laravel, schema, "renamed_table_kept_the_name", **given)
    done = step(result, "rehearse")["do"]
    assert "start a server" in done[0] and "delete its folder" in done[-1]
    given = {"rehearsal_server": "other", "rehearsal_host": "db2", "rehearsal_user": "latihan"}
    result = repaired(laravel, schema, "renamed_table_kept_the_name", **given)
    done = step(result, "rehearse")["do"]
    assert "db2" in done[0] and "DROP DATABASE" in done[-1]


def test_no_rehearsal_is_asked_for_by_name(laravel, schema):
    result = repaired(laravel, schema, "renamed_table_kept_the_name", rehearsal_level="none")
    assert steps(result)[0] == "backup"
