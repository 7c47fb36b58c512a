# SPDX-License-Identifier: GPL-3.0-or-later
"""Is what the plan promised true now? The runbook's checklist, and where every row went."""

from __future__ import annotations

from . import aside, option_2
from .diagnosis import differences, followers
from .facts import Inputs, Laravel, as_if, live

# Laravel's own tables of passing things: they change under maintenance mode as well.
VOLATILE = ("cache", "cache_locks", "jobs", "job_batches", "failed_jobs", "sessions")


def columns_to_compare(before: dict, expected: dict) -> dict:
    """Return {table as named afterwards: the columns to hash}, for the look afterwards.

    A table may have gained columns since; the comparison is over those it had.
    """
    wanted = {}
    for name, content in before.items():
        after = expected["names"].get(name, name)
        changed = {column.casefold() for column in expected["changed_columns"].get(after, ())}
        wanted[after] = [c for c in content["columns"] if c.casefold() not in changed]
    return wanted


def verify(
    *,
    expected: dict,
    history: dict,
    laravel_facts: dict,
    schema_facts: dict,
    before: dict | None,
    volatile: list[str],
    inputs: Inputs,
) -> list[dict]:
    """Return the checks as [{check, ok, detail}], in the order of the runbook's checklist.

    One with `look` is met and still wants a person's eye; one with `skipped` could not be made.
    `expected` is that of a diagnosis, or {constraints} alone where nothing was repaired.
    `history` are the application's facts from before the repair, with its statements.
    """
    laravel = Laravel(laravel_facts)
    # Its rows are checked by name, in the first check.
    volatile = [*volatile, laravel_facts["migrations_table"]]
    checks = [
        _migrations(laravel, expected),
        _tables(schema_facts, expected.get("tables", inputs.expected_tables)),
        *_constraints(schema_facts, expected),
        _rows(
            expected,
            before,
            schema_facts.get("contents"),
            volatile,
            {name.casefold() for name in inputs.remigrate_accept_loss},
        ),
    ]
    if expected.get("left"):
        checks.append(_left(expected["left"], schema_facts))
    if expected.get("skipped"):
        checks.extend(option_2.checks(expected["skipped"], live(schema_facts)))
    if not expected.get("emptied"):
        # What has run since counts as well; the statements are those of before.
        ran = Laravel({**history, "migrations": laravel_facts["migrations"]})
        checks += aside.checks(ran, schema_facts, inputs, expected.get("ids"))
    not_run = expected.get("not_run")
    left_behind = followers(Laravel(as_if(history, not_run) if not_run else history), schema_facts)
    if left_behind:
        checks.append(
            {**_check("children of renamed tables", True, " ".join(left_behind)), "look": True}
        )
    checklist = laravel_facts.get("checklist") or {}
    if checklist.get("about") is not None:
        about = checklist["about"].get("environment") or {}
        checks.append(_check("php artisan about", True, about.get("application_name") or "answers"))
    routes = checklist.get("routes")
    if checklist.get("routes_total"):
        pattern = checklist.get("route_pattern")
        checks.append(
            _check(
                "php artisan route:list",
                bool(routes) or not pattern,
                f"{len(routes or ())} of {checklist['routes_total']} routes"
                + (f" match {pattern}" if pattern else ""),
            )
        )
    return checks


def _check(check: str, ok: bool, detail: str) -> dict:
    return {"check": check, "ok": ok, "detail": detail}


def _migrations(laravel: Laravel, expected: dict) -> dict:
    missing = [name for name in expected.get("migrations") or () if name not in laravel.recorded]
    missing.extend(name for name in laravel.pending if name not in missing)
    return _check(
        "php artisan migrate:status",
        not missing,
        f"not recorded: {', '.join(missing)}" if missing else "nothing is pending",
    )


def _tables(schema_facts: dict, wanted) -> dict:
    if not wanted:
        detail = "none are named in expected_tables"
        return {**_check("expected tables", True, detail), "skipped": True}
    state = live(schema_facts)
    missing = []
    for entry in wanted:
        names = [entry] if isinstance(entry, str) else list(entry)
        if not any(state.get(name) for name in names):
            missing.append(" or ".join(names))
    return _check(
        "expected tables",
        not missing,
        f"missing: {', '.join(missing)}" if missing else f"all {len(wanted)} exist",
    )


def _left(left: dict, schema_facts: dict) -> dict:
    """Name what was outside the list of what to drop, and is there still."""
    there = {*schema_facts["tables"], *schema_facts["views"]}
    names = [name for kind in ("tables", "views") for name in left[kind] if name in there]
    broken = [name for name in schema_facts.get("broken_views") or () if name in names]
    detail = ", ".join(names) or "nothing"
    if broken:
        detail += f"; these views name tables or columns that are not there: {', '.join(broken)}"
    return {**_check("left over, outside fresh_tables", True, detail), "look": True}


def _constraints(schema_facts: dict, expected: dict) -> list[dict]:
    missing = {name.casefold() for name in schema_facts.get("missing") or ()}
    differing = {item["name"].casefold(): item for item in schema_facts.get("differing") or ()}
    checks = []
    for key in expected.get("constraints") or ():
        name = key["name"]
        detail = (
            f"{key['table']} ({', '.join(key['columns'])}) -> "
            f"{key['referenced_table']} ({', '.join(key['referenced_columns'])})"
        )
        if name.casefold() in missing:
            detail = f"does not exist; expected {detail}"
        elif name.casefold() in differing:
            item = differing[name.casefold()]
            detail = f"{differences(item['found'], item['expected'])}; expected {detail}"
        ok = name.casefold() not in missing and name.casefold() not in differing
        checks.append(_check(f"constraint {name}", ok, detail))
    return checks


def _rows(
    expected: dict,
    before: dict | None,
    after: dict | None,
    volatile: list[str],
    accepted: set[str],
) -> dict:
    """Find every table's content of before again, under its old or its new name.

    Only a table in `accepted`, which the plan drops, may have gone.
    """
    title = "no row went missing"
    if expected.get("emptied"):
        detail = "not compared: the schema was emptied, and the backup holds what it held"
        return {**_check(title, True, detail), "skipped": True}
    if "names" not in expected:
        detail = "not compared: nothing was repaired, so there is no content from before"
        return {**_check(title, True, detail), "skipped": True}
    if before is None or after is None:
        return _check(title, False, "the content before is not known, so it cannot be compared")
    passing = {name.casefold() for name in volatile}
    elsewhere = {(content["rows"], content["digest"]): name for name, content in after.items()}
    lost: list[str] = []
    moved: list[str] = []
    total = 0
    for name, content in before.items():
        total += content["rows"]
        now = expected.get("names", {}).get(name, name)
        there = after.get(now)
        if there and (there["rows"], there["digest"]) == (content["rows"], content["digest"]):
            if now != name:
                moved.append(f"{name} is now {now}")
            continue
        if content["rows"] == 0 or name.casefold() in passing:
            continue
        found = elsewhere.get((content["rows"], content["digest"]))
        if found:
            moved.append(f"{name} is now {found}")
            continue
        written = expected.get("written", {}).get(now) or []
        if there and written and _explains(written, content["rows"], there["rows"]):
            moved.append(
                f"{now} had {content['rows']} rows and has {there['rows']} "
                f"(the migration {', '.join(written)}s rows of it)"
            )
            continue
        if not there and name in expected.get("dropped", ()) and name.casefold() in accepted:
            total -= content["rows"]
            moved.append(f"{name} and its {content['rows']} rows are gone, as was accepted by name")
            continue
        have = f"{there['rows']} rows of other content" if there else "gone"
        lost.append(f"{name} had {content['rows']} rows, now {have}")
    if lost:
        return _check(title, False, "; ".join(lost))
    detail = f"{total} rows of {len(before)} tables found again"
    return _check(title, True, "; ".join([detail, *moved]))


def _explains(written: list[str], before: int, after: int) -> bool:
    """Do the writes that the migration announced account for the changed content?"""
    if "delete" in written or "truncate" in written:
        return True
    return after >= before
