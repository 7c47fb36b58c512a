# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said where all is recorded; no server."""

from __future__ import annotations

from cases import (
    LATER,
    REFACTOR,
    USERS,
    interrupted,
    key,
    original_back,
    refused,
    repaired,
    statements,
    steps,
)
from fix_fk.engine import diagnose
from fix_fk.inputs import read_inputs


def test_interrupted_after_the_migration_only_verifies(laravel, schema):
    schema["constraints"] = [key("fk_skp_tahunan_user", "skp_tahunan")]
    laravel["migrations"]["recorded"].append({"name": REFACTOR, "batch": 2})
    laravel["migrations"]["pending"] = []
    interrupted(laravel)
    result = repaired(laravel, schema, "unfinished")
    assert steps(result) == ["verify", "leave_maintenance"]


def test_nothing_pending_is_healthy(laravel, schema):
    schema["details"]["skp_tahunan_backup_v1"]["rows"] = False
    laravel["migrations"]["pending"] = []
    result = diagnose(laravel, schema, read_inputs({}))
    assert result["verdict"] == "healthy" and not result["refused"] and result["steps"] == []


def test_a_table_of_a_recorded_migration_that_is_gone_is_noted(laravel, schema):
    schema["details"]["skp_tahunan_backup_v1"]["rows"] = False
    laravel["migrations"]["pending"] = []
    assert diagnose(laravel, schema, read_inputs({}))["notes"] == []
    schema["tables"].remove("users")
    result = diagnose(laravel, schema, read_inputs({}))
    assert result["verdict"] == "healthy" and "Not there: users," in result["notes"][0]


def test_everything_recorded_but_a_constraint_missing_is_not_healthy(laravel, schema):
    laravel["migrations"]["pending"] = []
    schema["missing"] = ["fk_skp_tahunan_user"]
    refused(laravel, schema, "constraints_missing")


def test_what_differs_is_said_in_words(laravel, schema):
    laravel["migrations"]["pending"] = []
    found = {**key("fk", "b"), "on_delete": "CASCADE"}
    schema["differing"] = [{"name": "fk", "found": found, "expected": key("fk", "a")}]
    result = refused(laravel, schema, "constraints_missing")
    assert (
        "fk differs (table b instead of a; on delete CASCADE instead of RESTRICT)"
        in result["found"]
    )


def test_a_missing_table_with_its_alternative_is_not_healthy(laravel, schema):
    schema["details"]["skp_tahunan_backup_v1"]["rows"] = False
    laravel["migrations"]["pending"] = []
    tables = ["users", ["indikator_kinerja", "rhk_pimpinan"]]
    result = refused(laravel, schema, "constraints_missing", expected_tables=tables)
    assert "indikator_kinerja or rhk_pimpinan" in result["found"]
    schema["tables"].append("rhk_pimpinan")
    result = diagnose(laravel, schema, read_inputs({"expected_tables": tables}))
    assert result["verdict"] == "healthy"


def test_what_was_not_looked_at_is_not_called_missing(laravel, schema):
    """The record of a migration is not for removal because its table was of no interest."""
    laravel["statements"][LATER] = statements(["alter table `units` add `x` int"])
    laravel["statements"][USERS]["up"].append("create table `units` (`id` bigint not null)")
    laravel["migrations"]["recorded"].append({"name": LATER, "batch": 2})
    laravel["migrations"]["pending"], schema["missing"] = [], ["fk_other"]
    original_back(schema)
    schema["tables"].append("units")
    assert LATER not in refused(laravel, schema, "constraints_missing")["next"]
    schema["tables"].remove("units")
    assert LATER in refused(laravel, schema, "constraints_missing")["next"]
