# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles and modules say what they take, and what they say is so."""

from __future__ import annotations

import copy
import importlib
import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml
from ansible.module_utils.basic import AnsibleModule

PROJECT = Path(__file__).resolve().parents[2]
ROLES = sorted(path.name for path in (PROJECT / "roles").iterdir())
MODULES = sorted(path.stem for path in (PROJECT / "library").glob("*.py"))
# What an option says about its values, with the value that it has when it says nothing.
SAYS: dict = {
    "type": "str",
    "elements": None,
    "required": False,
    "default": None,
    "choices": None,
    "aliases": [],
}


def load(role, path):
    """Return a YAML file of a role, {} when it is not there."""
    file = PROJECT / "roles" / role / path
    return yaml.safe_load(file.read_text(encoding="utf-8")) if file.exists() else {}


def walk(options, path=()):
    """Yield (path, option) of options and of the options in them."""
    for name, option in options.items():
        yield (*path, name), option
        yield from walk(option.get("options") or option.get("suboptions") or {}, (*path, name))


def entry_points(role):
    return load(role, "meta/argument_specs.yml").get("argument_specs") or {}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_a_spec_for_every_entry_point(role):
    specs = entry_points(role)
    assert "main" in specs
    for name, spec in specs.items():
        assert spec.get("short_description"), name
        assert "options" in spec, name
        assert (PROJECT / "roles" / role / "tasks" / f"{name}.yml").exists()


@pytest.mark.parametrize("role", ROLES)
def test_every_option_of_a_role_has_a_type_and_a_description(role):
    for name, spec in entry_points(role).items():
        for path, option in walk(spec.get("options") or {}):
            assert option.get("type") and option.get("description"), (name, path)


@pytest.mark.parametrize("role", ROLES)
def test_specs_and_defaults_of_a_role_agree(role):
    defaults = load(role, "defaults/main.yml")
    options = [
        (name, option)
        for spec in entry_points(role).values()
        for name, option in (spec.get("options") or {}).items()
    ]
    assert set(defaults) <= {name for name, _ in options}
    for name, option in options:
        assert ("default" in option) == (name in defaults), name
        if "default" in option:
            assert option["default"] == defaults[name], name
            assert not option.get("required"), name
    for spec in entry_points(role).values():
        for path, option in walk(spec.get("options") or {}):
            assert not (option.get("required") and "default" in option), path


@pytest.mark.parametrize("role", ROLES)
def test_variables_of_a_role_carry_its_name(role):
    for file, prefixes in (
        ("defaults/main.yml", (f"{role}_",)),
        ("vars/main.yml", (f"{role}_", f"__{role}_")),
    ):
        for name in load(role, file):
            assert name.startswith(prefixes), (file, name)


# --- modules ---------------------------------------------------------------------------------


def ansible_doc(*arguments):
    """Return what ansible-doc says, as a person at the root of the project gets it."""
    return json.loads(
        subprocess.run(
            ["ansible-doc", "--json", *arguments],
            cwd=PROJECT,
            env={**os.environ, "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg")},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    )


@pytest.fixture(scope="module")
def pages():
    return ansible_doc(*MODULES)


class Asked(Exception):
    """Carries what a module asks AnsibleModule for."""


def argument_spec(name, monkeypatch):
    """Return the argument_spec with which the module really starts."""

    def ask(self, argument_spec, **_):  # noqa: ARG001 - stands for AnsibleModule's own
        raise Asked(argument_spec)

    monkeypatch.setattr(AnsibleModule, "__init__", ask)
    with pytest.raises(Asked) as asked:
        importlib.import_module(name).main()
    return asked.value.args[0]


def said(options):
    """Return {path: what the option says}, of an argument_spec or of a documentation."""
    return {
        path: {part: option.get(part, nothing) for part, nothing in SAYS.items()}
        for path, option in walk(options)
    }


@pytest.mark.parametrize("name", MODULES)
def test_a_module_takes_what_its_documentation_says(name, pages, monkeypatch):
    documented = pages[name]["doc"]["options"]
    spec = copy.deepcopy(argument_spec(name, monkeypatch))
    # Its page says that these are the same as those beside it, and does not list them again.
    together = spec.get("connection", {}).pop("options", {})
    assert {option: spec[option]["type"] for option in together} == {
        option: value["type"] for option, value in together.items()
    }
    assert said(spec) == said(documented)
    for path, option in walk(documented):
        assert option.get("description") and option.get("type"), path


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_use_options_that_it_has(name, pages):
    options = pages[name]["doc"]["options"]
    tasks = yaml.safe_load(pages[name]["examples"])
    assert tasks
    for task in tasks:
        assert task["name"]
        used = task.get(name)
        if used is not None:
            assert set(used) <= set(options), task["name"]
    assert any(name in task for task in tasks)


@pytest.mark.parametrize("name", MODULES)
def test_what_a_module_returns_is_documented(name, pages):
    def values(returned):
        for key, value in returned.items():
            yield key, value
            yield from values(value.get("contains") or {})

    assert pages[name]["return"]
    for key, value in pages[name]["return"].items():
        assert value.get("returned"), key
    for key, value in values(pages[name]["return"]):
        assert value.get("description") and value.get("type"), key


def test_every_role_has_a_page():
    pages = ansible_doc("-t", "role", *ROLES)
    assert sorted(pages) == ROLES
    assert all("main" in page["entry_points"] for page in pages.values())
