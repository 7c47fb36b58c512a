# SPDX-License-Identifier: GPL-3.0-or-later
"""The operator's variables are held against what the roles say they take."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from fix_fk import variables
from fix_fk.variables import Unusable

PROJECT = Path(__file__).resolve().parents[2]
SPECS = {
    path.parents[1].name: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in PROJECT.glob("roles/*/meta/argument_specs.yml")
}
OPTIONS = variables.merge(list(SPECS.values()))
PATH = {"laravel_path": "/srv/app"}
KEY = {
    "name": "fk",
    "table": "a",
    "columns": ["b"],
    "referenced_table": "c",
    "referenced_columns": ["id"],
}


def problems(**values):
    return variables.problems(OPTIONS, {**PATH, **values})


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("fk_drop_retries", "abc", "takes a whole number from 0 to 1000, not 'abc'"),
        ("fk_drop_retries", -1, "takes a whole number from 0 to 1000, not -1"),
        ("fk_drop_retries", "-1", "not '-1'"),
        ("fk_drop_retries", "", "not ''"),
        ("fk_drop_retries", True, "not true"),
        ("fk_drop_retries", 1.5, "not 1.5"),
        ("fk_drop_retries", [1], "not a list"),
        ("rollback_lock_wait_timeout", 0, "takes a whole number from 1 to 3600, not 0"),
        ("database_port", 0, "takes a whole number from 1 to 65535, not 0"),
        ("rehearsal_port", "70000", "not '70000'"),
        ("support_bundle_runs", "many", "takes a whole number"),
        ("rehearsal_required", "maybe", "takes true or false, not 'maybe'"),
        ("backup_contents", "y", "takes true or false, not 'y'"),
        ("backup_contents", 2, "takes true or false, not 2"),
        ("skip_complete", "maybe", "takes one of true, false, not 'maybe'"),
        ("fresh_seed", "maybe", "takes one of auto, true, false, not 'maybe'"),
        ("rollback_strategy", "force", "auto, nothing, down, rename_back, inverse, literal"),
        ("rollback_strategy", False, "not false"),
        ("rehearsal_level", "some", "takes one of none, structure, full, not 'some'"),
        ("rehearsal_server", "there", "takes one of same, embedded, other"),
        ("permanent_fix_source", None, "takes one of patch, render, git, and is empty"),
        ("permanent_fix_source", "svn", "takes one of patch, render, git, not 'svn'"),
        ("incident_migration", 83, "is not text but 83; put it in quotes"),
        ("database_name", 83, "is not text but 83"),
        ("fresh_confirm", 83, "is not text but 83"),
        ("fresh_anyway", True, "is not text but true"),
        ("backup_dir", 5, "is not text but 5"),
        ("laravel_path", "", "is missing: folder of the application on the host"),
        ("laravel_path", None, "is missing"),
        ("laravel_env", "A=b", "takes names with a value each"),
        ("laravel_env", {"A": ["b"]}, "and A has none"),
        ("remigrate_accept_loss", "users", "takes a list, each in quotes"),
        ("remigrate_accept_loss", [83], "has the entry 83, which is not text"),
        ("skip_accept_hidden", "users", "takes a list"),
        ("fresh_tables", "users", "takes a list"),
        ("fresh_tables", ["users", 7], "has the entry 7"),
        ("fresh_tables", [], "has none"),
        ("permanent_fix_take_from", "a", "takes a list"),
        ("verify_volatile_tables", "a,b", "takes a list"),
        ("restore_accept_different", {"a": 1}, "takes a list of table names, or names with commas"),
        ("diagnose_fail_on", "always", "diagnose_fail_on has 'always'; it takes rows_aside"),
        ("expected_tables", "users", "takes a list"),
        ("expected_tables", ["users", 83], "has the entry 83"),
        ("expected_tables", [["users", 83]], "has the entry ['users', 83]"),
        ("expected_constraints", "fk", "takes a list"),
        ("expected_constraints", ["fk"], "entry 1: takes names with a value each"),
        ("expected_constraints", [{"name": "fk"}], "entry 1: table is missing"),
        ("expected_constraints", [KEY, {**KEY, "name": 83}], "entry 2: name is not text but 83"),
        ("expected_constraints", [{**KEY, "columns": [1]}], "columns has the entry 1"),
        ("expected_constraints", [{**KEY, "columns": []}], "columns is missing"),
        ("report_dir", Unusable("'x' is undefined"), "cannot evaluate ('x' is undefined)"),
    ],
)
def test_a_value_that_cannot_be_is_told(name, value, told):
    (found,) = problems(**{name: value}).items()
    assert found[0] == name and found[1].startswith(name), found
    assert told in found[1], found


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"fk_drop_retries": "5", "rollback_retries": 0, "database_port": "3306"},
        {"rehearsal_required": "false", "backup_contents": "Yes", "database_tls_verify": 0},
        {"skip_complete": "", "fresh_seed": True},
        {"fresh_seed": "no", "skip_complete": "true", "report_json": "1"},
        {"incident_migration": "83", "database_password": "", "database_user": ""},
        {"laravel_env": {"A": 1, "B": True, "C": None, "D": "x"}},
        {"expected_constraints": [{**KEY, "on_delete": "cascade", "on_update": None}]},
        {"expected_tables": ["users", ["a", "b"]], "remigrate_accept_loss": []},
        {"diagnose_fail_on": "will_fail, refused"},
        {"diagnose_fail_on": ""},
        {"incident_migration": None, "database_port": None, "rollback_strategy": None},
        {"restore_accept_different": "cache,jobs"},
        {"rehearsal_server": "other", "rehearsal_socket": "/s", "rehearsal_user": "a"},
    ],
)
def test_what_means_the_same_is_taken(values):
    assert problems(**values) == {}


def test_every_wrong_variable_is_told_at_once():
    found = problems(fk_drop_retries="abc", fresh_confirm=83, rehearsal_required="maybe")
    assert set(found) == {"fk_drop_retries", "fresh_confirm", "rehearsal_required"}


@pytest.mark.parametrize(
    "values",
    [
        {"rehearsal_server": "other", "rehearsal_user": "a"},
        {"rehearsal_server": "other", "rehearsal_host": "a"},
        {"permanent_fix_source": "git"},
    ],
)
def test_variables_that_go_together_are_given_together(values):
    assert problems(**values)


@pytest.mark.parametrize(
    "name", [name for name, said in OPTIONS.items() if any(o.get("no_log") for o in said)]
)
def test_a_secret_is_not_shown(name):
    assert "password" in name
    for value in (8383, Unusable("'s8383' is undefined"), ["8383"]):
        (told,) = problems(**{name: value}).values()
        assert "8383" not in told
    assert "!unsafe" in problems(**{name: Unusable("unexpected '}'")})[name]
    # Of a variable of a vault that was not given its name is told.
    (told,) = problems(**{name: Unusable("'vault_x' is undefined", whole=True)}).values()
    assert "vault_x" in told


def test_a_secret_in_a_dictionary_is_told_by_its_key():
    (told,) = problems(laravel_env=Unusable("'s8383' is undefined", "DB_PASSWORD")).values()
    assert "laravel_env, DB_PASSWORD," in told and "8383" not in told


def test_every_option_is_checked():
    """None is of a type that is let through, but those that have a check of their own."""
    loose = {
        name
        for name, said in OPTIONS.items()
        for option in said
        if option["type"] == "raw" and not option.get("choices")
    }
    assert loose <= set(variables.OWN)


KNOWN = ("backup_dir", "database_password", "database_user", "fk_drop_retries")


@pytest.mark.parametrize(
    ("extra", "inventory", "told"),
    [
        (["opton"], {}, {"opton": "option"}),
        (["xyz"], {}, {"xyz": ""}),
        (["option", "ansible_user", "awx_job_id", "sandbox_state"], {}, {}),
        ([], {"backup_dri": 1, "fk_drop_retires": 3}, {"backup_dri": "backup_dir",
                                                     "fk_drop_retires": "fk_drop_retries"}),
        # The rest of an inventory is nobody's business.
        ([], {"database_user_password": 1, "options": 1, "mysql_user": 1, "backups": 1}, {}),
        # What another one uses has a purpose, also deep in it.
        (["secret"], {"laravel_env": {"A": ["{{ secret | trim }}"]}}, {}),
        (["secret"], {"a": "no secret"}, {"secret": ""}),
        (["secret"], {"secret": "{{ secret }}"}, {"secret": ""}),
        (["mine"], {"mine": 1}, {}),
        (["_raw_params"], {"_raw_params": "s3cret"}, {"_raw_params": None}),
    ],
)  # fmt: skip
def test_a_name_that_nobody_takes_is_told(extra, inventory, told):
    found = variables.unknown(extra, inventory, KNOWN, ["mine"])
    assert set(found) == set(told)
    for name, near in told.items():
        if near is None:
            assert found[name] == "-e was given something without a value; it takes name=value"
            continue
        assert found[name].startswith(f"{name} is no variable of this tool")
        assert (near + " is one" in found[name]) if near else ";" not in found[name]
