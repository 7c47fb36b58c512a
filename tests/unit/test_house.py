# SPDX-License-Identifier: GPL-3.0-or-later
"""How the code is laid out: who imports whom, and how large a file and a class may grow."""

from __future__ import annotations

import ast
from pathlib import Path

import graphlib
import pytest
from playbook import PROJECT

ROOMS = {
    "plugins/plugin_utils/fix_fk": "fix_fk",
    "module_utils/fix_fk": "ansible.module_utils.fix_fk",
}
LINES = 500
CLASS_LINES = 300


def files(room):
    return sorted((PROJECT / room).rglob("*.py"))


def name_of(room: str, path: Path) -> str:
    inside = path.relative_to(PROJECT / room).with_suffix("")
    parts = [part for part in inside.parts if part != "__init__"]
    return ".".join([ROOMS[room], *parts])


def imported(module: str, path: Path, known: set[str]) -> set[str]:
    """Return the modules of this project that a file imports, wherever in it."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            up = package.rsplit(".", node.level - 1)[0] if node.level else ""
            base = ".".join(part for part in (up, node.module) if part)
            found |= {f"{base}.{alias.name}" for alias in node.names} | {base}
    return (found & known) - {module}


@pytest.mark.parametrize("room", ROOMS)
def test_no_two_modules_import_each_other(room):
    paths = {name_of(room, path): path for path in files(room)}
    assert len(paths) > 50
    uses = {name: imported(name, path, set(paths)) for name, path in paths.items()}
    # A package's own names come from its __init__.py, which imports what is in it.
    graphlib.TopologicalSorter(uses).prepare()


def test_what_is_on_the_target_knows_nothing_of_the_controller():
    for path in files("module_utils/fix_fk"):
        text = path.read_text(encoding="utf-8")
        assert "plugin_utils" not in text and "sqlglot" not in text, path


@pytest.mark.parametrize("room", [*ROOMS, "library"])
def test_nothing_grows_too_large(room):
    for path in files(room):
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
        if room == "plugins/plugin_utils/fix_fk":
            reason = "lines: " in (ast.get_docstring(tree) or "").partition("\n")[0]
            assert text.count("\n") <= LINES or reason, path
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                assert (node.end_lineno or 0) - node.lineno < CLASS_LINES, (path, node.name)
