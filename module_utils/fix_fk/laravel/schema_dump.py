# SPDX-License-Identifier: GPL-3.0-or-later
"""What a schema dump, which `migrate` loads while no migration is recorded, would drop."""

from __future__ import annotations

import re

DUMPED_TABLE = re.compile(
    r"\b(?:DROP|CREATE(?:\s+OR\s+REPLACE)?)\s+TABLE(?:\s+IF\s+(?:NOT\s+)?EXISTS)?\s+"
    r"(?:`((?:[^`]|``)+)`|([^\s`\"(;,]+))\s*(?=[(;]|$)",
    re.IGNORECASE | re.MULTILINE,
)

DUMPED_WORD = re.compile(
    r"\b(?:(?:DROP|CREATE(?:\s+OR\s+REPLACE)?)\s+TABLE|TRUNCATE|DELETE\s+FROM|RENAME\s+TABLE"
    r"|(?:DROP|CREATE)\s+(?:DATABASE|SCHEMA)|USE\s)",
    re.IGNORECASE,
)


def dumped_tables(path):
    """Return the tables that a schema dump of Laravel drops or makes; None if it cannot be told."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            text = file.read()
    except OSError:
        return None
    found = DUMPED_TABLE.findall(text)
    if len(found) != len(DUMPED_WORD.findall(text)):
        return None
    return sorted({quoted.replace("``", "`") or bare for quoted, bare in found})
