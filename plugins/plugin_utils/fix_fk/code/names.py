# SPDX-License-Identifier: GPL-3.0-or-later
"""The names that Laravel generates, and others in their place."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

from ..schema.rules.names import LONGEST


def generated(table: str, columns: Iterable[str], kind: str) -> str:
    """Return the name that Laravel gives; table: with its prefix."""
    name = "_".join([table, *columns, kind]).lower()
    return name.replace("-", "_").replace(".", "_")


def another(
    table: str, columns: Iterable[str], kind: str, taken: Callable[[str], bool], old: str
) -> str:
    """Return a name that is free, fits, and says what it is of."""
    columns = tuple(columns)
    whole = generated(table, columns, kind)
    short = shortened(table, columns, kind)
    for name in (*((whole,) if len(whole) <= LONGEST else ()), short):
        if name.casefold() != old.casefold() and not taken(name):
            return name
    number = 2
    while taken(f"{short[: LONGEST - 4]}_{number}"):
        number += 1
    return f"{short[: LONGEST - 4]}_{number}"


def shortened(table: str, columns: Iterable[str], kind: str) -> str:
    """Return a name of at most 64 letters: words of the table are cut, the columns stay."""
    columns = tuple(columns)
    words = table.lower().replace("-", "_").replace(".", "_").split("_")
    for letters in (5, 4, 3, 2, 1):
        name = generated("_".join(word[:letters] for word in words), columns, kind)
        if len(name) <= LONGEST:
            return name
    digest = hashlib.sha256(generated(table, columns, kind).encode()).hexdigest()[:8]
    return f"{generated(table, (), '')[:40].rstrip('_')}_{digest}_{kind}"
