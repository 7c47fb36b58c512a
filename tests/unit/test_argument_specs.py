# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles and modules say what they take, and what they say is so."""

from __future__ import annotations

import copy
import importlib
import json
import os
import re
import subprocess
from pathlib import Path

import jinja2
import jinja2.nodes
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


# Of Ansible itself.
MAGIC = re.compile(
    r"ansible_\w+|inventory_(hostname|dir)|playbook_dir|role_path|hostvars|groups|group_names|omit"
    r"|lookup|now|item|dict|loop"
)
# Keywords whose values are expressions without braces.
BARE = ("when", "that", "failed_when", "changed_when", "until")


def texts(content, bare=False):
    """Yield the templates in the content of a YAML file."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from texts(value, key in BARE)
    elif isinstance(content, list):
        for value in content:
            yield from texts(value, bare)
    elif isinstance(content, str):
        yield f"{{{{ {content} }}}}" if bare else content


def made(content):
    """Yield the names that a file of tasks gives a value to."""
    if isinstance(content, dict):
        for key, value in content.items():
            if key in ("register", "loop_var"):
                yield value
            if key in ("vars", "ansible.builtin.set_fact") and isinstance(value, dict):
                yield from value
            yield from made(value)
    elif isinstance(content, list):
        for value in content:
            yield from made(value)


def yaml_of(folder, pattern):
    for path in sorted(folder.glob(pattern)):
        yield yaml.safe_load(path.read_text(encoding="utf-8"))


def variables_read(role):
    """Return the names that the templates of a role use and do not set themselves."""
    folder = PROJECT / "roles" / role
    templates = [path.read_text(encoding="utf-8") for path in folder.glob("templates/*.j2")]
    for part in ("tasks", "vars", "defaults"):
        for content in yaml_of(folder, f"{part}/*.yml"):
            templates += texts(content)
    environment = jinja2.Environment()  # noqa: S701 - nothing is rendered
    read = set()
    for text in templates:
        tree = environment.parse(text)
        names = list(tree.find_all(jinja2.nodes.Name))
        macros = {macro.name for macro in tree.find_all(jinja2.nodes.Macro)}
        read |= {n.name for n in names if n.ctx == "load"} - {
            *(n.name for n in names if n.ctx != "load"),
            *macros,
        }
    return read


# What a role or a playbook works out is nobody's to give.
WORKED_OUT = {
    name
    for folder in (PROJECT / "roles", PROJECT / "playbooks")
    for pattern in ("*.yml", "*/tasks/*.yml")
    for content in yaml_of(folder, pattern)
    for name in made(content)
} | {name for content in yaml_of(PROJECT / "roles", "*/vars/main.yml") for name in content}
GIVEN = {
    name
    for role in ROLES
    for spec in entry_points(role).values()
    for name in spec.get("options") or {}
}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_says_of_every_variable_that_it_reads_it(role):
    said = {
        name
        for part in (role, "preflight")
        for spec in entry_points(part).values()
        for name in spec.get("options") or {}
    }
    read = {name for name in variables_read(role) if not MAGIC.fullmatch(name)}
    assert read - (WORKED_OUT - GIVEN) <= said


def includes(content, role=None):
    """Yield (role, file of its tasks) that tasks include; those of this role by their file."""
    if isinstance(content, list):
        for value in content:
            yield from includes(value, role)
    if isinstance(content, dict):
        for key, value in content.items():
            if key.endswith(("import_role", "include_role")):
                yield value["name"], value.get("tasks_from", "main").removesuffix(".yml")
            elif key.endswith(("import_tasks", "include_tasks")):
                # One whose name is worked out may be any.
                names = (
                    [value] if "{{" not in value else os.listdir(PROJECT / f"roles/{role}/tasks")
                )
                yield from ((role, name.removesuffix(".yml")) for name in names)
            else:
                yield from includes(value, role)


def reached(tasks):
    """Return the roles that tasks come to use. What is rehearsed is a part of them."""
    found, ahead = set(), list(includes(tasks))
    while ahead:
        role, file = ahead.pop()
        if (role, file) in found or "{{" in role:
            continue
        found.add((role, file))
        ahead += includes(load(role, f"tasks/{file}.yml"), role)
    return {role for role, _ in found}


def test_a_playbook_names_the_roles_that_it_may_come_to_use():
    """The variables of those are checked, and of no other."""
    named, used = {}, {}
    for path in sorted((PROJECT / "playbooks").glob("*.yml")):
        for play in yaml.safe_load(path.read_text(encoding="utf-8")):
            roles = reached(play.get("tasks"))
            if roles:
                used[path.name] = sorted(roles - {"preflight"})
                named[path.name] = sorted(play["vars"]["preflight_roles"])
    assert len(used) == 11 and named == used


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
