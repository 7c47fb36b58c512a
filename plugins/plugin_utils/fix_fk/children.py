# SPDX-License-Identifier: GPL-3.0-or-later
"""What a foreign key points at, and what it was to point at."""

from __future__ import annotations

from .facts import Laravel


def followers(laravel: Laravel, schema: dict) -> list[str]:
    """Name the constraints of children that followed a table when it was renamed."""
    found: dict[tuple[str, str], list] = {}
    # One that was pointed at the new table again follows no more.
    taken = {(table.casefold(), old.casefold()) for table, old in laravel.displaced()}
    for key in schema.get("constraints") or ():
        table = laravel.history.schema.get(key["table"])
        known = table.key(key["name"]) if table else None
        parent = key["referenced_table"]
        if not known or (parent.casefold(), known.referenced_table.casefold()) in taken:
            continue
        if known.referenced_table.casefold() != parent.casefold():
            found.setdefault((parent, known.referenced_table), []).append(key)
    return [_followed(*pair, keys) for pair, keys in found.items()]


def _followed(parent: str, before: str, keys: list[dict]) -> str:
    named = ", ".join(f"{key['name']} of table {key['table']}" for key in keys)
    tables = ", ".join(dict.fromkeys(key["table"] for key in keys))
    one = len(keys) == 1
    return (
        f"{'Constraint' if one else 'Constraints'} {named} {'points' if one else 'point'} at "
        f"{parent}; {'its migration' if one else 'their migrations'} pointed "
        f"{'it' if one else 'them'} at {before}. {'It' if one else 'They'} followed the table when "
        f"that was renamed: a new row of {tables} can refer to {parent} only, until a migration "
        f"points the {'constraint' if one else 'constraints'} elsewhere."
    )


def differences(found: dict, expected: dict) -> str:
    """Say in which parts a foreign key is not as expected."""
    parts = []
    for part, wanted in expected.items():
        has = found.get(part)
        if wanted is None or str(has).casefold() == str(wanted).casefold():
            continue
        sides = (", ".join(side) if isinstance(side, list) else side for side in (has, wanted))
        parts.append(f"{part.replace('_', ' ')} {' instead of '.join(map(str, sides))}")
    return "; ".join(parts)
