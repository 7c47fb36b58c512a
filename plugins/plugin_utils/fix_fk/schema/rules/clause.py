# SPDX-License-Identifier: GPL-3.0-or-later
"""One clause of a statement on its way through a schema, and what is said of it."""

from __future__ import annotations

from dataclasses import dataclass

from ..outcome import Loss, Outcome, Problem, Question
from ..tables import Table, Tables


@dataclass(frozen=True)
class Clause:
    """`table` is the one that the clause names; what is said goes into `outcome`."""

    schema: Tables
    statement: str
    table: str
    outcome: Outcome

    def problem(self, kind: str, detail: str, name: str = "", holder: str = "") -> None:
        problem = Problem(kind, self.statement, detail, self.table, name, holder)
        self.outcome.problems.append(problem)

    def lose(self, kind: str, table: Table, how: str, column: str = "") -> bool:
        """Note that rows go, and tell it, where the server may have some of `table`."""
        if not table.may_have_rows or table.identity is None:
            return False
        self.outcome.losses.append(Loss(kind, table.identity, how, self.statement, column))
        return True

    def ask(self, kind: str, table: Table, columns: tuple[str, ...], name: str, **more) -> None:
        """Have rows of a live table counted; `more` are further fields of the question."""
        question = Question(kind, table.identity or "", columns, self.statement, name, **more)
        self.outcome.questions.append(question)
