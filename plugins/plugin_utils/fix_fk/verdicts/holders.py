# SPDX-License-Identifier: GPL-3.0-or-later
"""Who holds the names that are taken."""

from __future__ import annotations

from .. import leftovers
from ..case import Case
from ..holders import Holder, classify
from ..verdict import Refusal

from ansible.module_utils.fix_fk.sql import quote_identifier as quote  # isort: skip


def names_and_holders(case: Case) -> None:
    """Find who holds the names that the pending migrations will create, and say so."""
    case.holders = find(case)
    _describe(case)


def find(case: Case) -> tuple[Holder, ...]:
    """Return who holds each name that the pending migrations will create."""
    found: list[Holder] = []
    seen: set[str] = set()
    trial = case.live.copy()
    trial.asking = True
    for name in case.laravel.pending:
        for statement in case.laravel.up(name):
            for problem in trial.apply([statement]).problems:
                if problem.kind != "name_taken" or problem.name.casefold() in seen:
                    continue
                # Nothing is dropped for a branch that may not be taken.
                if not case.is_sure(name):
                    continue
                seen.add(problem.name.casefold())
                # Where the name sits now, before the migration's own renames.
                tables = case.live.holders(problem.name)
                if not tables:
                    continue
                found.append(
                    classify(
                        case.laravel,
                        case.live,
                        case.migration,
                        problem,
                        tables[0].name,
                        leftovers.creating(case, case.migration),
                    )
                )
    return tuple(found)


def _describe(case: Case) -> None:
    migration, holders = case.migration, case.holders
    diagnosis = case.diagnosis
    failed = case.logged(migration)
    diagnosis.names = [
        {
            "name": holder.name,
            "holder": holder.table,
            "wanted_by": holder.target,
            "is": holder.kind,
            "learned_from": case.sources.get(holder.name, ["pretend"]),
        }
        for holder in holders
    ]
    for holder in holders:
        diagnosis.evidence.extend(e for e in holder.evidence if e not in diagnosis.evidence)
    sentence = f"Migration {migration} "
    if failed:
        sentence += f"failed with error {failed.code}"
        sentence += f" (errno {failed.errno})" if failed.errno else ""
        sentence += f": {failed.shown}."
    elif case.laravel.maintenance.get("run_id"):
        sentence += (
            f"is pending: run {case.laravel.maintenance['run_id']} of this tool "
            "was interrupted, or failed, before it had run it."
        )
    elif diagnosis.stopped:
        sentence += f"has {diagnosis.stopped}; the log holds no error of it."
    else:
        sentence += "is pending and cannot run; the log holds no error of it."
    held: dict[tuple[str, str], list[str]] = {}
    for holder in holders:
        held.setdefault((holder.table, holder.kind), []).append(holder.name)
    what = {
        "displaced": "the original table that the migration renamed away",
        "same": "the very table that the migration wants to give it to",
        "live": "a table that is in use",
        "other": "the very table, for a constraint on other columns",
        "shadow": "a table that a program has made beside the one it works on",
        "unknown": "a table of which it is not known whether it is in use",
    }
    for (table, kind), names in held.items():
        plural = "s" if len(names) > 1 else ""
        sentence += (
            f" The constraint name{plural} {', '.join(names)} "
            f"{'are' if plural else 'is'} held by {table}, {what[kind]}."
        )
    kinds = {holder.kind for holder in holders}
    retried = bool(failed and failed.code == 1050)
    diagnosis.found = sentence
    if "displaced" in kinds:
        leftover = any(holder.leftover for holder in holders)
        diagnosis.verdict = "renamed_table_kept_the_name"
        if retried:
            diagnosis.verdict += "_retried"
            diagnosis.found += " The migration was tried again and met its own leftovers."
        if not leftover:
            diagnosis.found += " The new table was not created."
    elif "same" in kinds:
        diagnosis.verdict = "table_already_has_the_constraint"
    elif not holders:
        diagnosis.verdict = "nothing_in_the_way"
        diagnosis.found += " No constraint name stands in its way any more."
    if case.records:
        diagnosis.verdict = case.records.verdict
        diagnosis.found = f"{case.records.said} {diagnosis.found}"


def not_to_be_freed(case: Case) -> None:
    """Refuse to take a name from a table that may be in use."""
    holders = case.holders
    live = [holder for holder in holders if holder.kind == "live"]
    if live:
        raise Refusal(
            "live_table_holds_the_name",
            f"{case.diagnosis.found} {' '.join(live[0].evidence)} Dropping the constraint of "
            "a table that is in use is damage, not repair.",
            f"Give the constraint another name in the migration that wants {live[0].name} "
            f"(for instance {live[0].target}_{live[0].name}), deploy it, and run this again.",
        )
    other = [holder for holder in holders if holder.kind == "other"]
    if other:
        raise Refusal(
            "constraint_is_another",
            f"{case.diagnosis.found} The migration gives that name to another one. To drop the "
            f"one that is there would leave the rows of {other[0].table} unguarded.",
            "Give the constraint another name in the migration (for instance "
            f"fk_{other[0].name}), deploy it, and run this again.",
        )
    shadow = [holder for holder in holders if holder.kind == "shadow"]
    if shadow:
        key = f"ALTER TABLE {quote(shadow[0].table)} DROP FOREIGN KEY "
        key += quote(shadow[0].name)
        raise Refusal(
            "shadow_table_holds_the_name",
            f"{case.diagnosis.found} {' '.join(shadow[0].evidence)} Whether that program is "
            "still at work, and whether rows are only there, cannot be told from here.",
            f"See whether {shadow[0].tool.rstrip(',')} is running (SHOW PROCESSLIST, SHOW "
            "TRIGGERS), and let it end or clean up. If it was broken off, free the name "
            f"without losing a row: {key}; then run this again. Drop {shadow[0].table} only "
            "when you know that its rows are elsewhere.",
        )
    unknown = [holder for holder in holders if holder.kind == "unknown"]
    if unknown:
        raise Refusal(
            "holder_not_identified",
            " ".join([case.diagnosis.found, *unknown[0].evidence])
            + f" What is missing: {unknown[0].missing}."
            + case.replay_text(),
            "Find out where the table comes from (its rows, the deployment's history). If it "
            "is the original renamed away, rename it back by hand and run this again; if it "
            "is in use, give the migration's constraint another name.",
        )
    for holder in holders:
        if holder.leftover_rows:
            raise Refusal(
                "leftover_has_rows",
                f"{case.diagnosis.found} The table {holder.original} that the failed "
                f"migration created has rows of its own by now, and the original rows are in "
                f"{holder.table}: the application has gone on writing.",
                f"End the writing first: {case.artisan} down. Then decide which rows of "
                f"{holder.original} are to be kept, move them into {holder.table} (or "
                f"elsewhere), empty {holder.original}, and run this again. It leaves the "
                f"maintenance mode to you: {case.artisan} up",
            )
