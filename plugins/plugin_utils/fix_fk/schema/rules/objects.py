# SPDX-License-Identifier: GPL-3.0-or-later
"""Triggers, routines and events: whether their names are free. Their bodies are not read."""

from __future__ import annotations

import re

from .clause import Clause

_NAME = r"(?:`[^`]+`\s*\.\s*|\w+\s*\.\s*)?(?P<name>`[^`]+`|\w+)"
_MADE = re.compile(
    r"\s*create\s+(?P<anew>or\s+replace\s+)?(?:aggregate\s+)?(?:definer\s*=\s*\S+\s+)?"
    r"(?P<kind>trigger|procedure|function|event)\s+(?P<skips>if\s+not\s+exists\s+)?" + _NAME,
    re.IGNORECASE,
)
_DROPPED = re.compile(
    r"\s*drop\s+(?P<kind>trigger|procedure|function|event)\s+(?:if\s+exists\s+)?" + _NAME,
    re.IGNORECASE,
)
# In one statement the server has its own numbers for what is there.
_ERRORS = {"trigger": 1359, "procedure": 1304, "function": 1304, "event": 1537}


def carry_out(clause: Clause, statement: str) -> None:
    """Follow a statement that makes or drops one; of any other nothing is done."""
    found = _DROPPED.match(statement)
    if found:
        there = _there(clause, found)
        clause.schema.objects -= there
        return
    found = _MADE.match(statement)
    if not found:
        return
    kind, name = found["kind"].casefold(), found["name"].strip("`")
    if _there(clause, found) and not (found["anew"] or found["skips"]):
        detail = f"there is a {kind} {name}"
        clause.problem("object_exists", detail, name=name, error=_ERRORS[kind])
    clause.schema.objects.add((kind, name))


def _there(clause: Clause, found: re.Match) -> set[tuple[str, str]]:
    """Return those of the schema that a statement is about."""
    kind, name = found["kind"].casefold(), found["name"].strip("`")
    server = clause.schema.server
    # MariaDB keeps a trigger in a file of its name.
    exact = kind == "trigger" and not server.mysql and server.exact_names
    return {
        one
        for one in clause.schema.objects
        if one[0] == kind and (one[1] == name if exact else one[1].casefold() == name.casefold())
    }
