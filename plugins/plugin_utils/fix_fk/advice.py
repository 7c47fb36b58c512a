# SPDX-License-Identifier: GPL-3.0-or-later
"""How to go on: what a refusal tells its reader to do, once the cause is gone."""

from __future__ import annotations

import re

from . import facts, forward, names_back, pending, rollback
from .case import LEFT, Case
from .facts import Laravel
from .schema import sql
from .schema.effects import AddCheck, CreateTable, WriteRows
from .schema.redaction import redact
from .schema.simulation import Schema

# What fails when it is sent twice.
_ONCE = re.compile(
    r"(?:create\s+(?!or\s+replace\b)(?:[^()]*?\s)??|drop\s+)"
    r"(?:trigger|procedure|function|event|view|user|role|sequence)\s+(?!if\s)",
    re.IGNORECASE,
)

ROLLBACK = "ansible-playbook playbooks/rollback.yml"


def way_out(case: Case, correct: str, deploy: bool = True, asks: bool = False) -> str:
    """Return what to do about the failed migration: undo it where that loses nothing, then what is
    to be corrected (`deploy`: in the code), then how to go on (`asks`: not without asking here)."""
    back = rollback.undone(case)
    if back is None:
        onward = forward.instead(case)
        going_on = f"Going on loses nothing, as far as the schema tells: {onward}. Or: "
        return f"{going_on if onward else ''}{correct}, {then_migrate(case, case.migration)}"
    named = case.inputs.incident_migration
    option = f" -e incident_migration={named}" if named else ""
    asks = asks or bool(
        pending.dangers(case.laravel, back) or case.laravel.dumped() or _meets_more(case, back)
    )
    written = written_before(case, case.migration)
    if written:
        correct += f", and take out of it what it has written before (rows of {written})"
        deploy = True
    return (
        "First undo what it has done; nothing is lost by that, and the release of before works "
        f"again: {ROLLBACK}{option} ; then {correct[0].lower()}{correct[1:]},"
        f"{' deploy it,' if deploy else ''} and run"
        + (
            " fix_fk.yml: it says whether the migrations can run"
            if asks
            else f": {case.artisan} migrate --force"
        )
    )


def _meets_more(case: Case, back: Schema) -> bool:
    """Tell whether the pending migrations, tried on the schema without what was done, meet more
    than what stopped the failed one."""
    known, position = case.logged(case.migration), case.position(case.migration)
    met = known.sql if known else ""
    if not known and position and position.agree[-1] < len(position.statements):
        met = position.statements[position.agree[-1]]
    return any(" ".join(p.statement.split()) != " ".join(met.split()) for p in case.obstacles(back))


def then_migrate(case: Case, migration: str, first: list[str] | None = None) -> str:
    """Return how to go on once the cause is gone; `first` are records to be taken back.

    `migrate` is only named where, as far as can be seen, it neither fails nor destroys rows.
    """
    found = case.position(migration)
    decides = bool(case.laravel.ahead.conditional(migration))
    began = case.laravel.failed_migration() == migration
    if found and (not found.agree[0] or (decides and not found.half_run and not began)):
        found = None
    back = names_back.statement(found, case.live) if found and case.stopped(migration) else ""
    if back and found:
        kept = "".join(
            f" (the rows that {table} has by now are in {aside} then: bring those over that are "
            "to stay)"
            for table, aside in names_back.written_since(found, case.live)
        )
        return f"give the tables their names back: {back};{kept} then run this again"
    if found and not case.laravel.guarded(migration):
        return (
            "let the migration pass over what is there already (if (!Schema::hasColumn(...)), "
            "if (!Schema::hasTable(...))), deploy it, then run this again"
        )
    laravel = Laravel(facts.as_if(case.laravel.raw, pending=first)) if first else case.laravel.ahead
    known = case.logged(migration)
    written = written_before(case, migration)
    made = _made_for_good(case, migration)
    if made and first is None:
        return (
            f"let the migration pass over what it has made before that ({made}), for instance with "
            "DROP ... IF EXISTS in front of it, deploy it, then run this again"
        )
    if written and first is None:
        return (
            f"take out of the migration what it has written before that (rows of {written}), "
            "so that it is not written twice, deploy it, then run this again"
        )
    met = [
        problem
        for problem in case.obstacles(case.live, laravel)
        if first is not None
        or (problem.kind in LEFT and not decides and not (known and problem.statement == known.sql))
    ]
    unread = laravel.raw.get("loading") or laravel.statements(migration).get("up_error")
    if pending.dangers(laravel, case.live) or met or laravel.dumped() or unread:
        return "then run this again: it says whether the migrations can run"
    return f"then run: {case.artisan} migrate --force"


def _made_for_good(case: Case, migration: str) -> str:
    """Name what a migration has sent before the statement at which it failed, and cannot send twice
    though no look at the schema shows it: a trigger, a procedure, a view."""
    known, statements = case.logged(migration), case.laravel.up(migration)
    sent = [" ".join(text.split()) for text in statements]
    failed = " ".join(known.sql.split()) if known else ""
    before = sent[: sent.index(failed)] if failed in sent else []
    return "; ".join(redact(text)[:80] for text in before if _fails_twice(text))


def _fails_twice(statement: str) -> bool:
    checks = (e.check for e in sql.read(statement) if isinstance(e, AddCheck))
    return bool(_ONCE.match(statement)) or any(check and check.name for check in checks)


def written_before(case: Case, migration: str) -> str:
    """Name the tables whose rows a migration may have written before it stopped, without those that
    it made."""
    known, position = case.logged(migration), case.begun(migration)
    statements = case.laravel.up(migration)[: position.agree[-1] if position else None]
    found: list[str] = []
    made: set[str] = set()
    for statement in statements:
        if known and statement == known.sql:
            break
        made |= {e.table.casefold() for e in sql.read(statement) if isinstance(e, CreateTable)}
        found += [
            effect.table
            for effect in sql.read(statement)
            if isinstance(effect, WriteRows)
            and effect.kind in ("insert", "update")
            and effect.table.casefold() not in made
            and case.live.get(effect.table)
            and case.laravel.history.schema.get(effect.table)
        ]
    accepted = {name.casefold() for name in case.inputs.remigrate_accept_repeat}
    return ", ".join(dict.fromkeys(t for t in found if t.casefold() not in accepted))


def keep_or_accept(case: Case, dangers: list[pending.Danger]) -> str:
    """Return what to do about rows that would be lost."""
    tables = [danger.table for danger in dangers]
    unknown = [danger.migration for danger in dangers if not danger.table]
    return pending.way_out(case.laravel, case.live, tables, unknown)
