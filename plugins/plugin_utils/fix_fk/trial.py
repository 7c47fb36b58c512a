# SPDX-License-Identifier: GPL-3.0-or-later
"""Migrations run by artisan in scratch schemas, one after the other, some with another source."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from .carrying_out import Failed
from .clone import Clone
from .comparison import PARTS

# What inspecting a scratch schema is to bring along.
WHOLE: dict = {"contents": True}


class NoScratch(Exception):
    """There can be no scratch schema; the text says why."""


class Trial:
    """One scratch schema at a time. `files` are {migration: path}, in order."""

    def __init__(self, clone: Clone, files: dict[str, str]):
        self.clone, self.files = clone, files
        self.own = {clone.laravel["migrations_table"]}

    def begin(self, level: str = "empty") -> dict[str, str]:
        """Make it anew, and return the structure of its tables."""
        made = self.clone.make(level)
        if made.get("refused"):
            raise NoScratch(made["refused"])
        return self._of(made.get("structure") or {})

    def end(self) -> None:
        self.clone.drop()

    def migrate(self, names: Iterable[str], sources: dict[str, str]) -> dict:
        """Run these migrations, and return what the schema is then; raises Failed."""
        names = list(names)
        if not names:
            return {}
        result = self.clone.send(
            "migrate",
            arguments=self._paths(names),
            migrations=names,
            sources={name: text for name, text in sources.items() if name in names},
            inspect=WHOLE,
        )
        return result["schema"]

    def structure(self, schema: dict) -> dict[str, str]:
        return self._of(schema["structure"])

    def roll_back(self, name: str, sources: dict[str, str]) -> dict[str, str]:
        """Roll the last migration back; raises Failed."""
        result = self.clone.send(
            "artisan",
            command="migrate:rollback",
            arguments=["--step=1", *self._paths([name])],
            sources={one: text for one, text in sources.items() if one == name},
            inspect=WHOLE,
        )
        return self._of(result["schema"]["structure"])

    def drop(self, constraints: list[dict]) -> None:
        self.clone.send("fk_constraint", state="absent", constraints=constraints)

    def sent(self, name: str) -> dict:
        """Return what a migration sends now, and where it ends."""
        return self.clone.send("migration_statements", migrations=[name])["sent"][name]

    def _paths(self, names: Iterable[str]) -> list[str]:
        return ["--realpath", *(f"--path={self.files[name]}" for name in names)]

    def _of(self, structure: dict[str, str]) -> dict[str, str]:
        """A key of the scratch schema to itself is in it without the schema's name."""
        return {name: text for name, text in structure.items() if name not in self.own}


def left_at(failed: Failed, names: Iterable[str]) -> str:
    """Return the first of these migrations that did not get through."""
    ran = (failed.result.get("effect") or {}).get("recorded") or ()
    return next((name for name in names if name not in ran), "")


def differences(
    one: dict[str, str], other: dict[str, str], only: Callable[[str], bool] = bool
) -> list[str]:
    """Return in words what differs between the structures of two schemas."""
    found = []
    for table in sorted(filter(only, {*one, *other})):
        if table not in one or table not in other:
            found.append(f"table {table} is in one of them alone")
            continue
        if one[table] == other[table]:
            continue
        parts = (json.loads(one[table]), json.loads(other[table]))
        for part, (word, _positions) in PARTS.items():
            entries = [{entry[0]: entry for entry in half[part]} for half in parts]
            names = [
                name
                for name in dict.fromkeys([*entries[0], *entries[1]])
                if entries[0].get(name) != entries[1].get(name)
            ]
            if names:
                found.append(f"{word} {', '.join(names)} of {table}")
            elif list(entries[0]) != list(entries[1]):
                found.append(f"the order of the {word}s of {table}")
    return found
