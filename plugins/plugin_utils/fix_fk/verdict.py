# SPDX-License-Identifier: GPL-3.0-or-later
"""What a verdict, a cause and a refusal are, and what is said of one application."""

from __future__ import annotations

from dataclasses import dataclass, field

NOT_CHANGED = "Nothing was changed: no row, no table, no file."


# Where a verdict stands in docs/verdicts.md.
REPAIRS = "repairs"
WELL = "well"
FORESEEN = "foreseen"
DATA = "data"
CODE = "code"
ALIKE = "alike"
DATABASE = "database"
STATE = "state"
OPTION_2 = "option_2"
OPTION_3 = "option_3"
PERMANENT_FIX = "permanent_fix"
CARRIED = "carried"
DATABASE_ACCESS = "database_access"


@dataclass(frozen=True)
class Cause:
    """Why a migration fails, or seems to, for docs/causes.md.

    `shows` is how it is met, `done` what the tool does, `proof` are the tests that make it for real
    (file::function, of tests/). `also` are other verdicts that it may come to. `refused` is for one
    that is refused although its verdict is repaired otherwise.
    """

    cause: str
    shows: str
    done: str
    proof: tuple[str, ...]
    also: tuple[str, ...] = ()
    refused: bool = False


@dataclass(frozen=True)
class Verdict:
    """A verdict, for docs/verdicts.md: what it `means`, and what the reader does `next`.

    `group` is where it stands there. Where it has no causes, catalogue.py says why for its group,
    and `proof` are the tests that make it for real.
    """

    id: str
    group: str
    means: str
    next: str
    causes: tuple[Cause, ...] = ()
    proof: tuple[str, ...] = ()


class Refusal(Exception):
    """What was found speaks against going on: verdict, found, next, and what was not changed."""

    def __init__(self, verdict: str, found: str, next_: str, not_changed: str = NOT_CHANGED):
        super().__init__(verdict)
        self.verdict, self.found, self.next, self.not_changed = verdict, found, next_, not_changed

    def as_dict(self) -> dict:
        """Return it as a diagnosis."""
        return Diagnosis(
            self.verdict, self.found, refused=True, not_changed=self.not_changed, next=self.next
        ).as_dict()


@dataclass
class Diagnosis:
    """What happened, on what evidence, and what is to be done."""

    verdict: str
    found: str
    migration: str | None = None
    evidence: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    names: list[dict] = field(default_factory=list)
    strategies: list[dict] = field(default_factory=list)
    refused: bool = False
    not_changed: str = ""
    next: str = ""
    # What a run that carries the plan out is called, and what the operator must not overlook then.
    outcome: str = "repaired"
    warning: str = ""
    # What is typed to have the plan carried out.
    typed: str = "fix_fk.yml"
    steps: list[dict] = field(default_factory=list)
    expected: dict = field(default_factory=dict)
    # Where the migration stopped, if the schema tells that it did.
    stopped: str = ""
    # Rows that are not where the application looks, as aside/rows.py finds them.
    aside: list[dict] = field(default_factory=list)
    # Of permanent_fix.yml, what was proven: {fault, diff, files, proof, advice}.
    code: dict = field(default_factory=dict)
    # The fault that is still in the code, by what is known, {migration, found, next}; None: none.
    standing: dict | None = None
    # The tables that the application finds empty once the plan is carried out.
    empties: list[str] = field(default_factory=list)
    # The pending migrations.
    pending: list[str] = field(default_factory=list)
    # Rows that have to be counted before this holds, as fk_constraint_info takes it.
    uncounted: list[dict] = field(default_factory=list)

    def as_dict(self) -> dict:
        """Return plain data, as a playbook wants it."""
        return {**self.__dict__, "repairs": bool(self.steps)}
