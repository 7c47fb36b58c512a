# SPDX-License-Identifier: GPL-3.0-or-later
"""How lists are said in a sentence."""

from __future__ import annotations

from collections.abc import Iterable

SHOWN = 3


def few(names: Iterable[str | None], shown: int = SHOWN) -> str:
    """Return the names with commas between them; of many the first, and how many more there are."""
    each = [name for name in dict.fromkeys(names) if name]
    # One that is left out is no shorter than its name.
    if len(each) <= shown + 1:
        return ", ".join(each)
    return f"{', '.join(each[:shown])} and {len(each) - shown} more"
