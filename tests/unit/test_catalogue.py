# SPDX-License-Identifier: GPL-3.0-or-later
"""Every verdict that the code can come to is in the catalogue, with its words and its proof."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from fix_fk import catalogue
from fix_fk.verdicts import look_alikes

PROJECT = Path(__file__).resolve().parents[2]
CODE = PROJECT / "plugins" / "plugin_utils" / "fix_fk"


def in_the_code():
    """Return every verdict that the code names when it comes to one."""
    found = {*look_alikes.LOOK_ALIKES.values(), *catalogue.prediction.AHEAD} - {"would_lose"}
    for path in sorted(CODE.rglob("*.py")):
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


def test_the_catalogue_has_every_verdict_once():
    assert set(catalogue.BY_ID) == in_the_code()
    assert len(catalogue.BY_ID) == len(catalogue.VERDICTS)


@pytest.mark.parametrize("verdict", catalogue.VERDICTS, ids=lambda verdict: verdict.id)
def test_each_has_its_words_its_cause_and_its_proof(verdict):
    assert verdict.means.endswith((".", "`")) and verdict.next.endswith((".", "`", ">", "..."))
    group = catalogue.GROUPS[verdict.group]
    also = [c for one in catalogue.VERDICTS for c in one.causes if verdict.id in c.also]
    without = bool(group.no_cause) or verdict.id in catalogue.WITHOUT_CAUSE
    assert verdict.causes or also or without, "why does it come to that?"
    proofs = [*verdict.proof, *(name for c in (*verdict.causes, *also) for name in c.proof)]
    assert any(proof.startswith(("integration/", "faults/")) for proof in proofs)
    for proof in proofs:
        file, _, name = proof.partition("::")
        tree = ast.parse((PROJECT / "tests" / file).read_text(encoding="utf-8"))
        functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert name in functions, proof
    for cause in verdict.causes:
        assert cause.proof and {*cause.also} <= set(catalogue.BY_ID)


def test_the_pages_are_up_to_date():
    again = "run: python plugins/plugin_utils/fix_fk/catalogue.py"
    docs = PROJECT / "docs"
    assert (docs / "causes.md").read_text(encoding="utf-8") == catalogue.causes_page(), again
    page = (docs / "verdicts.md").read_text(encoding="utf-8")
    assert page == catalogue.verdicts_page(page), again
    for one in catalogue.VERDICTS:
        assert page.count(f'<a id="{one.id}"></a>') == 1, one.id
