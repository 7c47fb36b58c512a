# SPDX-License-Identifier: GPL-3.0-or-later
"""What pending migrations do in other schemas than the application's own: the application, as it is
seen from each of the connections that they use."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from . import facts, pending
from .facts import Laravel
from .prediction import predict, questions

# What may be known of a place only when it runs.
_HIDDEN = ("up_drops", "down_drops", "up_renames", "down_renames", "up_writes", "down_writes")


@dataclass(frozen=True)
class Place:
    """Another connection: the migrations that use it, the application's facts with what they send
    there alone, and the facts of its schema; None where those are not known, for that reason."""

    connection: str
    database: str
    migrations: tuple[str, ...]
    laravel: Laravel
    schema: dict | None
    reason: str

    @property
    def named(self) -> str:
        """Name it: "schema logs (connection archive)"."""
        return f"schema {self.database} (connection {self.connection})"

    def dangers(self) -> list[str]:
        """Say which rows the migrations would destroy there."""
        if self.schema is None:
            return []
        found = pending.dangers(self.laravel, facts.live(self.schema))
        return [f"{danger.sentence()} That is in the {self.named}." for danger in found]

    def doubts(self) -> list[str]:
        """Say why it is not certain that the migrations get through there, and lose no row."""
        if self.schema is None:
            return [unknown(self)]
        if self.dangers():
            return self.dangers()
        if questions(self.laravel.raw, self.schema):
            return [f"In the {self.named} it depends on the rows that are there."]
        findings = predict(self.laravel.raw, self.schema, [], _NOTHING)["findings"]
        told = [f for f in findings if f["may_fail"] or f["kind"] in ("unread", "unseen")]
        return [_there(finding, self)["sentence"] for finding in told]


_NOTHING = {"verdict": "", "refused": False}


def places(laravel: Laravel) -> list[Place]:
    """Return the other connections that the pending migrations use, or may use."""
    found = []
    for name, about in (laravel.raw.get("connections") or {}).items():
        migrations = tuple(m for m in laravel.pending if uses(laravel, m, name))
        if migrations:
            database = about.get("database") or "?"
            there = Laravel(_seen_from(laravel, name, about, migrations))
            reason = _not_known(laravel, about, migrations)
            schema = None if reason else about["schema"]
            found.append(Place(name, database, migrations, there, schema, reason))
    return found


def _not_known(laravel: Laravel, about: dict, migrations: Iterable[str]) -> str:
    """Return why it is not known what these migrations meet there, or nothing."""
    if about.get("schema") is None:
        return about.get("reason") or "its schema was not read"
    account = about["schema"]["account"]
    if not account["sees_all"]:
        return f"not all of it is visible: {account['reason']}"
    errors = filter(None, (laravel.statements(m).get("up_error") for m in migrations))
    error = next(errors, "")
    return f"what is sent there was not learned ({error})" if error else ""


def uses(laravel: Laravel, migration: str, connection: str) -> bool:
    """Tell whether a migration sends something to another connection, opens it, or may in a branch
    that is not shown."""
    known = laravel.statements(migration)
    return (
        known.get("connection") == connection
        or connection in (known.get("other_connections") or ())
        or connection in (known.get("up_elsewhere") or {})
        or (bool(known.get("up_conditional")) and connection in (known.get("up_names") or ()))
    )


def used_by(laravel: Laravel, migration: str) -> list[Place]:
    """Return the places that this pending migration uses."""
    return [place for place in places(laravel) if migration in place.migrations]


def _seen_from(laravel: Laravel, name: str, about: dict, pending_there: Iterable[str]) -> dict:
    """Return the application's facts with what is sent to one other connection alone."""
    statements = {}
    for migration, known in (laravel.raw.get("statements") or {}).items():
        sent = {
            direction: list((known.get(f"{direction}_elsewhere") or {}).get(name) or ())
            for direction in ("up", "down")
        }
        hidden = {} if uses(laravel, migration, name) else dict.fromkeys(_HIDDEN, ())
        statements[migration] = {**known, **sent, **hidden, "connection": None}
    return {
        **laravel.raw,
        "connection": about,
        "migrations": {**laravel.raw["migrations"], "pending": list(pending_there)},
        "statements": statements,
        "schema_dump": None,
        "loading": None,
        "replay": None,
        "connections": {},
    }


def foreseen(laravel: dict, ahead: dict, ask: Callable[..., dict], failed: type[Exception]) -> dict:
    """Return a prediction with what the pending migrations run into in other schemas.

    ask: takes options of the module fk_constraint_info, returns its `schema`, or raises `failed`.
    """
    for place in places(Laravel(laravel)):
        there: dict = {"outcome": "refused", "findings": [], "notes": [unknown(place)]}
        if place.schema is not None:
            asked = questions(place.laravel.raw, place.schema)
            try:
                counts = []
                if asked:
                    options = {"database_name": place.schema["name"], "tables": []}
                    counts = ask(**options, counts=asked)["counts"]
                there = predict(place.laravel.raw, place.schema, counts, _NOTHING)
            except failed as problem:
                why = f"its rows could not be counted: {problem}"
                place = replace(place, schema=None, reason=why)
                there["notes"] = [unknown(place)]
        ahead = {
            "unknown": [*ahead.get("unknown", ()), *([] if place.schema else [place.named])],
            "outcome": max(ahead["outcome"], there["outcome"], key=SEVERITY.index),
            "findings": [*ahead["findings"], *(_there(f, place) for f in there["findings"])],
            "notes": list(dict.fromkeys([*ahead["notes"], *there["notes"]])),
        }
    return ahead


# Of two outcomes the one that counts.
SEVERITY = ["clean", "rows_aside", "may_fail", "refused", "will_fail", "would_lose", "has_failed"]


def _there(finding: dict, place: Place) -> dict:
    told = {
        name: f"{finding[name]} That is in the {place.named}." for name in ("sentence", "brief")
    }
    return {**finding, **told}


def unknown(place: Place) -> str:
    """Say that it is not known what the migrations meet there."""
    return (
        f"What {', '.join(place.migrations)} will meet in the {place.named} is not known: "
        f"{place.reason}."
    )
