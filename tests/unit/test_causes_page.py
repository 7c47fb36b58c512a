# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of causes says what the diagnosis decides and what the tests make."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from fix_fk import causes
from test_docs import verdicts

PROJECT = Path(__file__).resolve().parents[2]
ALL = [*causes.REPAIRED, *causes.REFUSED]


def test_the_page_is_up_to_date():
    page = (PROJECT / "docs" / "causes.md").read_text(encoding="utf-8")
    assert page == causes.page(), (
        "run: python plugins/plugin_utils/fix_fk/causes.py > docs/causes.md"
    )


@pytest.mark.parametrize("cause", ALL, ids=lambda cause: cause.cause[:40])
def test_its_verdicts_and_its_proof_exist(cause):
    assert set(cause.verdicts) <= verdicts()
    assert cause.proof
    for proof in cause.proof:
        file, _, name = proof.partition("::")
        tree = ast.parse((PROJECT / file).read_text(encoding="utf-8"))
        functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert name in functions, proof


def test_every_verdict_of_a_failed_migration_has_a_cause():
    told = {verdict for cause in ALL for verdict in cause.verdicts}
    assert {"renamed_table_kept_the_name", "orphan_rows", "recorded_without_having_run"} < told
