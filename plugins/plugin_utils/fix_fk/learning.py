# SPDX-License-Identifier: GPL-3.0-or-later
"""Which migrations may be run in a scratch schema, so that it is learned what they send."""

from __future__ import annotations

import re

from .facts import Laravel
from .schema import sql


def to_learn(facts: dict, schema: str) -> list[str]:
    """Return the pending migrations to run in a scratch schema, in order, so that those among them
    become known that decide by what they find; those are the last ones."""
    laravel, found = Laravel({**facts, "learned": None}), []
    for migration in laravel.pending:
        if unfit_to_learn(laravel, migration, schema):
            break
        found.append(migration)
    while found and not laravel.learns(found[-1]):
        found.pop()
    return found


def no_history(laravel: Laravel, careful: bool = False) -> str:
    """Return why the recorded migrations may not be run on an empty scratch schema, or nothing;
    careful: nor for a reason that --pretend does not mind either."""
    missing = laravel.raw["migrations"]["missing"]
    if missing:
        return f"the file of {missing[0]} is not there"
    for migration in laravel.recorded if careful else ():
        outside = laravel.statements(migration).get("outside")
        if outside:
            return f"{', '.join(outside)} in {migration} may reach out of the schema"
    return reaches_out(laravel, laravel.recorded)


def unfit_to_learn(laravel: Laravel, migration: str, schema: str) -> str:
    """Return why a migration is not run in a scratch schema, or nothing."""
    known = laravel.statements(migration)
    if not known:
        return "its file was not read"
    if known.get("connection"):
        return "it has a database connection of its own"
    if known.get("outside"):
        return f"{', '.join(known['outside'])} in it may reach out of the schema, or past Laravel"
    name = re.compile(rf"(?<![\w$]){re.escape(schema)}(?![\w$])", re.IGNORECASE)
    # In a condition as well: it would be asked about the wrong schema.
    if any(name.search(text) for text in known.get("source_strings") or ()):
        return f"it names the schema {schema}"
    return reaches_out(laravel, [migration])


def reaches_out(laravel: Laravel, migrations: list[str]) -> str:
    """Return why these migrations, run on another schema, would not stay in it, or nothing."""
    for migration in migrations:
        others = laravel.statements(migration).get("other_connections")
        if others:
            return (
                f"{migration} uses the database connection {', '.join(others)} as well, which "
                "a clone does not cover"
            )
        if any(map(sql.leaves_schema, (*laravel.up(migration), *laravel.down(migration)))):
            return (
                f"{migration} names a table together with its schema, and so would reach out of a "
                "clone"
            )
    return ""
