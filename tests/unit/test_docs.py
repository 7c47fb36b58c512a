# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation names what there is."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import yaml
from fix_fk import prediction
from fix_fk.verdicts import look_alikes

PROJECT = Path(__file__).resolve().parents[2]
PAGES = sorted([*PROJECT.glob("*.md"), *PROJECT.glob("docs/**/*.md")])


def code_spans(text):
    """Return what stands between single backticks in a page, code blocks left out."""
    prose = "\n".join(line for line in text.splitlines() if not line.startswith("    "))
    return set(prose.split("`")[1::2])


def verdicts():
    """Return every verdict that a playbook can come to."""
    found = set(look_alikes.LOOK_ALIKES.values())
    for path in sorted((PROJECT / "plugins" / "plugin_utils").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            found |= set(named(node))
            if isinstance(node, ast.AugAssign) and getattr(node.target, "attr", "") == "verdict":
                suffix = ast.literal_eval(node.value)
                found |= {verdict + suffix for verdict in set(found) if "kept" in verdict}
    return found - {""}


def named(node):
    """Return the verdicts that a node of the syntax tree names."""
    found = (getattr(value, "value", None) for value in values(node))
    return [value for value in found if isinstance(value, str)]


def values(node):
    """Return the expressions in a node that name a verdict, if it is of the right kind."""
    if isinstance(node, ast.Call):
        function = getattr(node.func, "id", None) or getattr(node.func, "attr", "")
        if function in ("Refusal", "WrongRecords", "Diagnosis", "refuse"):
            return node.args[:1]
        if (
            function in ("append", "insert")
            and getattr(getattr(node.func, "value", None), "id", "") == "verdicts"
        ):
            return node.args[-1:]
    if isinstance(node, ast.Assign) and getattr(node.targets[0], "attr", "") == "verdict":
        return [node.value.body] if isinstance(node.value, ast.IfExp) else [node.value]
    return []


def test_every_verdict_has_its_line():
    rows = [
        verdict
        for line in (PROJECT / "docs" / "verdicts.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| `")
        for verdict in line.split("|")[1].split("`")[1::2]
    ]
    assert {"healthy", "renamed_table_kept_the_name_retried", "leftover_has_rows"} <= verdicts()
    foreseen = {"may_fail", "will_fail"}
    assert foreseen < set(prediction.OUTCOMES)
    assert set(rows) == verdicts() | foreseen


def test_every_pinned_dependency_has_a_reason():
    page = (PROJECT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    for file in PROJECT.glob("requirements*.txt"):
        for line in file.read_text(encoding="utf-8").splitlines():
            if "==" in line:
                assert line.split("==")[0] in page, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for part in page.read_text(encoding="utf-8").split("](")[1:]:
        target = part.split(")")[0].split("#")[0]
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_the_runbook_names_roles_and_variables_that_exist():
    names = code_spans((PROJECT / "docs" / "runbook.md").read_text(encoding="utf-8"))
    specs = [
        yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]
        for path in PROJECT.glob("roles/*/meta/argument_specs.yml")
    ]
    variables = {
        name for spec in specs for entry in spec.values() for name in entry.get("options") or {}
    }
    roles = {path.name for path in (PROJECT / "roles").iterdir()}
    prefixes = ("laravel_", "backup_", "rollback_", "fk_drop_", "verify_", "expected_", "route_")
    for name in names:
        if name.startswith(prefixes) and name.isidentifier():
            assert name in variables, name
    for name in ("preflight", "diagnose", "backup", "rollback", "fk_drop", "remigrate", "verify"):
        assert name in names and name in roles
    for name in names:
        if name.startswith("playbooks/"):
            assert (PROJECT / name).exists(), name
