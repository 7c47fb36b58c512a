# SPDX-License-Identifier: GPL-3.0-or-later
"""A migration that failed half-way and whose file was changed since, so that names are freed first.

Its file no longer tells what has been done: it drops constraints or indexes that are still there,
under the name that their table has by now. Without these statements it is what failed.
"""

from __future__ import annotations

from dataclasses import replace

from .. import rollback, taken
from ..case import Case
from ..facts import Laravel
from ..schema import sql
from ..schema.effects import DropForeignKey, DropIndex, Effect, RenameTable
from ..verdict import REPAIRS, Cause, Verdict
from ..wording import few


def half_run_before_it_was_corrected(case: Case) -> None:
    """Roll back what the version that failed has done, where the one that is there now would get
    through afterwards; leave everything else to the questions that come next."""
    added = _freed_since(case)
    earlier = _without(case, added) if added else None
    if earlier is None:
        return
    found = rollback.choose(earlier, taken.find(earlier), again=False)
    for item in found.considered:
        if item["strategy"] == "down":
            item["reason"] = "it takes back what the file does now, and another version has run"
    names = few(sorted({_named(effect) for text in added for effect in sql.read(text)}))
    changed = f"Its file was changed since: it frees {names} now, which has not been done."
    if not found.strategy or not found.strategy["steps"]:
        case.diagnosis.notes.append(changed)
        return
    trial = found.state.copy()
    if not case.inputs.rollback_only:
        for migration in case.to_run():
            for problem in trial.apply(case.laravel.up(migration)).problems:
                if problem.kind != "unread" and case.is_sure(migration):
                    case.diagnosis.notes.append(changed)
                    return
    case.strategy, case.repaired = found.strategy, found.state
    failed = case.logged(case.migration)
    stopped = earlier.stopped(case.migration)
    case.diagnosis.verdict = "corrected_half_run"
    case.diagnosis.stopped = stopped.told if stopped else ""
    case.diagnosis.found = (
        f"Migration {case.migration} "
        + (f"failed with error {failed.code}: {failed.shown}. It " if failed else "")
        + f"{stopped.told if stopped else 'has begun'}. {changed} What its earlier version has "
        "done is rolled back"
        + (
            "."
            if case.inputs.rollback_only
            else " first; then nothing that is known stops it any more."
        )
    )


def _named(effect: Effect) -> str:
    return str(getattr(effect, "name", ""))


def _freed_since(case: Case) -> list[str]:
    """Return the statements of the migration that drop what is there still, though what comes
    later in it has been done."""
    statements = case.laravel.up(case.migration)
    position = case.position(case.migration)
    found = []
    for number, text in enumerate(statements):
        effects = sql.read(text)
        if not effects or not all(isinstance(e, (DropForeignKey, DropIndex)) for e in effects):
            continue
        later = [e for other in statements[number + 1 :] for e in sql.read(other)]
        # Where the schema tells that it has not come so far, it is yet to be done.
        if position and position.agree[-1] <= number:
            continue
        if all(_is_there(case, effect, later) for effect in effects):
            found.append(text)
    return found


def _is_there(case: Case, effect: Effect, later: list[Effect]) -> bool:
    """Tell whether the table still has what is dropped, under the name that it is given later."""
    name = effect.table
    for other in later:
        if isinstance(other, RenameTable) and other.table.casefold() == name.casefold():
            name = other.new_name
    table = case.live.get(name) or case.live.get(effect.table)
    if table is None:
        return False
    if isinstance(effect, DropForeignKey):
        return table.key(effect.name) is not None
    return _named(effect).casefold() in {one.casefold() for one in table.indexes or ()}


def _without(case: Case, added: list[str]) -> Case | None:
    """Return the application as it is without these statements, if its migration then stopped."""
    known = case.laravel.statements(case.migration)
    up = [text for text in known.get("up") or () if text not in added]
    # down() takes back what the file does now.
    version = {**known, "up": up, "down": [], "down_exists": False}
    raw = case.laravel.raw
    statements = {**(raw.get("statements") or {}), case.migration: version}
    given = replace(case.inputs, rollback_only=True, incident_migration=case.migration)
    earlier = Case(Laravel({**raw, "statements": statements}), case.schema, given)
    earlier.diagnosis.uncounted = case.diagnosis.uncounted
    earlier.migration, earlier.records = case.migration, case.records
    return earlier if earlier.stopped(case.migration) else None


VERDICTS = (
    Verdict(
        "corrected_half_run",
        REPAIRS,
        "The migration failed half-way, and its file was changed since, so that it frees the names "
        "first: what the patch of `playbooks/permanent_fix.yml` does, deployed before the repair.",
        "Nothing. What its earlier version has done is rolled back, by the schema; then it is run "
        "as it is now.",
        causes=(
            Cause(
                "The patch was deployed while the migration was half run",
                "1005 (121), 1826, 1091, 1050",
                "Rolled back without its down(), which is about the new version, and run again.",
                ("integration/test_corrected.py::test_the_patch_was_deployed_before_the_repair",),
            ),
        ),
    ),
)
