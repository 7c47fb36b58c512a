# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation names what there is."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[2]
PAGES = sorted([*PROJECT.glob("*.md"), *PROJECT.glob("docs/**/*.md")])


def code_spans(text):
    """Return what stands between single backticks in a page, code blocks left out."""
    prose = "\n".join(line for line in text.splitlines() if not line.startswith("    "))
    return set(prose.split("`")[1::2])


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
