# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the code has a fault that an empty schema meets, as far as it is known without a server.

All migrations are carried out on an empty schema in memory. Only what is certain is said: a
migration that decides by what it finds is no evidence for or against anything.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..facts import Laravel
from ..inputs import Inputs
from ..schema.outcome import Problem
from ..schema.simulation import Schema
from ..schema.statements import tables_of
from .edits import KINDS

from ansible.module_utils.fix_fk.refusal import typed  # isort: skip

PLAYBOOK = "playbooks/permanent_fix.yml"


@dataclass(frozen=True)
class Fault:
    """A migration that an empty schema stops at. `number` of `total` migrations, `statement` is the
    number of its statement."""

    migration: str
    number: int
    total: int
    statement: int
    problem: Problem

    def said(self) -> str:
        return (
            f"The fault is still in the code: on an empty schema, {self.migration} (migration "
            f"{self.number} of {self.total}) fails at statement {self.statement}, because "
            f"{self.problem.detail}. So will a new installation, a test database, and Option 3."
        )


def files(laravel: Laravel) -> list[str]:
    """Return the migrations that `migrate` runs on an empty schema, in order."""
    says = (laravel.raw.get("migrations") or {}).get("should_run") or {}
    known = (laravel.raw.get("migrations") or {}).get("files") or ()
    return [item["name"] for item in known if says.get(item["name"]) is not False]


def in_code(laravel: Laravel, scope: str) -> Fault | None:
    """Return the fault that is certain; scope: where the server wants names to be unique."""
    if laravel.raw.get("schema_dump"):
        # An empty schema begins with it, and not with the first migration.
        return None
    state, unsure = Schema((), scope), set()
    names = files(laravel)
    for number, migration in enumerate(names, 1):
        known = laravel.statements(migration)
        if not known or known.get("up_elsewhere"):
            return None
        doubtful = bool(known.get("up_conditional") or known.get("up_error"))
        if doubtful:
            unsure |= _named(laravel, migration)
        for place, statement in enumerate(known.get("up") or (), 1):
            for problem in state.apply([statement]).problems:
                if problem.kind not in KINDS or doubtful:
                    continue
                about = {name.casefold() for name in (problem.name, problem.holder, problem.table)}
                about |= {name.casefold() for name in tables_of(statement)}
                if not about & unsure:
                    return Fault(migration, number, len(names), place, problem)
    return None


def _named(laravel: Laravel, migration: str) -> set[str]:
    """Return what a migration is about that may do something else than is known, folded."""
    texts = laravel.statements(migration).get("source_strings") or ()
    tables = {name for statement in laravel.up(migration) for name in tables_of(statement)}
    named = {word for text in texts for word in (text, *text.replace("`", " ").split())}
    return {word.casefold() for word in named | tables} - {""}


def standing(laravel: Laravel, scope: str, inputs: Inputs) -> tuple[dict | None, str]:
    """Return ({found, next} of a fault that nobody has accepted, a note on one that was)."""
    fault = in_code(laravel, scope)
    if not fault:
        return None, ""
    if fault.migration in inputs.accept_fault_in_code:
        return None, f"Accepted in accept_fault_in_code: {fault.said()}"
    return {
        "migration": fault.migration,
        "found": fault.said(),
        "next": (
            f"This makes and proves a patch that ends it:{typed(PLAYBOOK)}If it is to stay: "
            f"accept_fault_in_code: [{fault.migration}] in the inventory."
        ),
    }, ""
