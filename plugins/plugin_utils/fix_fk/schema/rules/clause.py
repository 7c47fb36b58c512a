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

    def problem(
        self, kind: str, detail: str, name: str = "", holder: str = "", error: int = 0
    ) -> None:
        problem = Problem(kind, self.statement, detail, self.table, name, holder, error)
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

    def match(
        self,
        table: Table,
        condition: str,
        columns: tuple[str, ...],
        about: str,
        said: str,
        error: int,
        **more,
    ) -> None:
        """Have the rows of a live table counted for which a condition over its columns is true.

        Nothing is asked where a column has another name on the server, or the rows are others now.
        """
        known = [table.column(column) for column in columns]
        if table.columns is None and not table.changed_columns:
            known = []
        if table.identity is None or table.emptied or not table.may_have_rows:
            return
        if any(c is None or (c.live or "").casefold() != c.name.casefold() for c in known):
            return
        more = {"sure": not table.written, **more}
        self.ask(
            "matching",
            table,
            columns,
            columns[0] if columns else "",
            condition=condition,
            about=about,
            said=said,
            errors=(error,),
            **more,
        )
