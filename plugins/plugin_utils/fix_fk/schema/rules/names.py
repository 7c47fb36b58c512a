# SPDX-License-Identifier: GPL-3.0-or-later
"""Names: which ones a server does not take."""

from __future__ import annotations

from .clause import Clause

LONGEST = 64
# Where InnoDB generates the name of a foreign key, MariaDB wants one letter less.
_GENERATED = {"mariadb": 63, "mysql": 64}
_ODD = {"table": 1103, "column": 1166, "index": 1280, "constraint": 1280}


def judge(clause: Clause, what: str, name: str | None, renames: bool = False) -> None:
    """Judge the name of a table, column, index or constraint; renames: by RENAME COLUMN."""
    server = clause.schema.server
    if name is None or (not name and what in ("index", "constraint")):
        return
    if len(name) > LONGEST:
        error = server.of(1103, 1059) if what == "table" else 1059
        error = 1166 if renames else error
        detail = f"the name of the {what} {name} has {len(name)} letters, and {LONGEST} may be"
        clause.problem("name_unfit", detail, name=name, error=error)
    elif not name or name.endswith(" "):
        how = "ends with a space" if name else "is empty"
        clause.problem("name_unfit", f"the name of a {what} {how}", name=name, error=_ODD[what])


def generated(clause: Clause, name: str) -> None:
    """Judge a foreign key's name that the server makes from the table's."""
    longest = _GENERATED.get(clause.schema.server.flavour, LONGEST)
    if len(name) > longest:
        detail = f"the name that the server generates, {name}, has more than {longest} letters"
        clause.problem("name_unfit", detail, name=name, error=1059)
