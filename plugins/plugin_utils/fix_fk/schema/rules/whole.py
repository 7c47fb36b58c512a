# SPDX-License-Identifier: GPL-3.0-or-later
"""A table as a statement leaves it: what the server refuses of it as a whole."""

from __future__ import annotations

from dataclasses import dataclass

from ..effects import PRIMARY
from ..tables import Table, has
from . import sizes
from .clause import Clause


@dataclass(frozen=True)
class Size:
    """What of a table is counted, and what it has of it."""

    columns: int = 0
    indexes: int = 0
    row: int = 0
    page: int = 0
    keyed: bool = True
    counts: int = 0


def measure(clause: Clause, table: Table | None) -> Size:
    if table is None:
        return Size()
    return Size(
        len(table.columns or ()),
        len(table.indexes or ()),
        sizes.row_bytes(table),
        sizes.page_bytes(table, clause.schema.server),
        table.indexes is None or has(table.indexes, PRIMARY),
        _counting(table),
    )


def judge(clause: Clause, table: Table, before: Size) -> None:
    """Judge a table after a statement; what was so before is not told."""
    server, after = clause.schema.server, measure(clause, table)
    if (table.engine or "InnoDB").casefold() != "innodb":
        return

    def unfit(error: int, detail: str) -> None:
        clause.problem("table_unfit", f"table {table.name} {detail}", table.name, error=error)

    if table.columns == [] and before.columns:
        unfit(1090, "would have no column left")
    if after.counts > before.counts:
        unfit(1075, "has more than one column that counts by itself, or one without an index")
    if after.indexes > max(sizes.INDEXES, before.indexes):
        unfit(1069, f"has more than {sizes.INDEXES} indexes")
    if after.columns > max(sizes.COLUMNS, before.columns):
        unfit(server.of(1005, 1117), f"has more than {sizes.COLUMNS} columns")
    elif after.row > max(sizes.ROW, before.row):
        unfit(1118, f"has rows of more than {sizes.ROW} bytes")
    elif after.page > max(sizes.PAGE, before.page) and server.innodb_strict:
        unfit(1118, f"has rows of which more than {sizes.PAGE} bytes must be in one place")
    if server.primary_key and before.keyed and not after.keyed:
        unfit(3750, "has no primary key, and sql_require_primary_key is on")


def _counting(table: Table) -> int:
    """Return how many columns count by themselves that may not."""
    counting = [column for column in table.definitions.values() if column.auto]
    if len(counting) > 1:
        return len(counting)
    if not counting or table.covering(()) is None:
        return 0
    first = {index.columns[0].partition("(")[0].casefold() for index in table.keyed.values()}
    return 0 if counting[0].name.casefold() in first else 1
