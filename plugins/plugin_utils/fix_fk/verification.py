# SPDX-License-Identifier: GPL-3.0-or-later
"""Is what the plan promised true now? The runbook's checklist, and where every row went."""

from __future__ import annotations

import json
import shlex

from . import comparison, drift, untouched, whereabouts
from .aside.checks import check_rows_aside
from .carry_over import work
from .children import differences, followers
from .code import fault
from .facts import Laravel, as_if, live
from .inputs import Inputs
from .missing import check_skipped
from .touched import FULL
from .wording import few

# Laravel's own tables of passing things: they change under maintenance mode as well.
VOLATILE = ("cache", "cache_locks", "jobs", "job_batches", "failed_jobs", "sessions")


def columns_to_compare(before: dict, expected: dict) -> dict:
    """Return {table as named afterwards: the columns to hash}, for the inspection afterwards.

    A table may have gained columns since; the comparison is over those it had.
    """
    wanted = {}
    # Where nothing was carried out, nothing got another name.
    names = expected.get("names") or {}
    for name, content in before.items():
        after = names.get(name, name)
        if name not in names and name in names.values():
            # It goes, and another table has its name then.
            continue
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
    structure: dict | None = None,
    marks: dict | None = None,
    volatile: list[str],
    inputs: Inputs,
) -> list[dict]:
    """Return the checks as [{check, ok, detail}], in the order of the runbook's checklist.

    One with `look` is met and still wants a person's eye; one with `skipped` could not be made. One
    that is not met has `accept`, the names with which it is accepted, or `mend`, what is to be done
    about it; way_out() makes a sentence of these. `structure` is the structure of every table
    before the repair, `before` the content of those whose rows were read, `marks` the mark of the
    others.
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
        *_structure(expected, structure, schema_facts.get("structure"), inputs),
        *_rows(expected, before, schema_facts, marks, volatile, inputs),
        *_untouched(expected, marks, (history, laravel_facts), schema_facts, volatile, inputs),
    ]
    checks = [_accepted(check, inputs) for check in checks]
    if expected.get("carried") is not None:
        checks += map(_carried, expected["carried"])
    if expected.get("left"):
        checks.append(_left(expected["left"], schema_facts))
    if expected.get("skipped"):
        checks.extend(check_skipped(expected["skipped"], live(schema_facts)))
    # What has run since counts as well; the statements are those of before.
    ran = Laravel({**history, "migrations": laravel_facts["migrations"]})
    if not expected.get("emptied"):
        checks += _code(ran, schema_facts, inputs)
    # A seeder may have filled old tables, too.
    checks += check_rows_aside(
        ran,
        schema_facts,
        inputs,
        expected.get("ids"),
        lambda: work.suggested(ran, schema_facts, inputs),
        expected.get("carried") or (),
    )
    if not expected.get("emptied"):
        found = drift.checks(ran, schema_facts, alone="names" not in expected)
        checks += [_accepted(check, inputs) for check in found]
    not_run = expected.get("not_run")
    left_behind = followers(Laravel(as_if(history, not_run) if not_run else history), schema_facts)
    # What is said of rows aside names them, and carrying them over ends it.
    if left_behind and not any(check.get("aside") for check in checks):
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
                option="route_pattern=",
            )
        )
    return checks


def _code(laravel: Laravel, schema_facts: dict, inputs: Inputs) -> list[dict]:
    """Say that an empty schema would stop at a migration, where that is certain."""
    title = "fault in the code"
    scope = schema_facts["server"]["name_scope"]
    found, note = fault.standing(laravel, scope, inputs)
    if found:
        return [{**_check(title, True, found["found"]), "look": True, "standing": found}]
    return [_check(title, True, note)] if note else []


def _check(check: str, ok: bool, detail: str, **way_out) -> dict:
    return {"check": check, "ok": ok, "detail": detail, **({} if ok else way_out)}


def _accepted(check: dict, inputs: Inputs) -> dict:
    """Return the check, met when all that is wrong with it has been accepted by name."""
    names = {name.casefold() for name in inputs.verify_accept_changed}
    wrong = {name.casefold() for name in check.get("accept") or ()}
    if check["ok"] or not wrong or not wrong <= names:
        return check
    detail = f"{check['detail']}; accepted by name"
    return {"check": check["check"], "ok": True, "look": True, "detail": detail}


def way_out(checks: list[dict], command: str, schema: str, backup: str | None) -> str:
    """Return what ends the state in which these checks are not met, in sentences.

    command: what to type to run this again; backup: the id of the backup that was made before, ""
    if this run made none, None where nothing has to be put back.
    """
    failed = [check for check in checks if not check["ok"]]
    given = _accepting(failed)
    if any(check.get("unknown") for check in failed):
        given["verify_accept_unknown"] = schema
    again = _typed(command, given)
    again += "".join(f" -e {check['option']}" for check in failed if check.get("option"))
    mends = " ".join(dict.fromkeys(check["mend"] for check in failed if check.get("mend")))
    back = f" -e restore_backup={backup}" if backup else " (it lists the backups)"
    if again == command:
        return f"{mends} Then: {command}".strip()
    if backup is None:
        return f"{mends} If what differs is meant, accept it by name: {again}".strip()
    return (
        f"{mends} What differs is not meant: playbooks/restore.yml{back} ; or it is meant, and is "
        f"accepted by name, which ends the maintenance: {again}"
    ).strip()


def way_on(checks: list[dict], command: str) -> str:
    """Return what to do about checks that are not met where nothing was repaired."""
    told, given = "run playbooks/diagnose.yml, which tells what is behind it", _accepting(checks)
    if given:
        told += (
            ". What it does not explain is missing: a new migration makes it again; or it is "
            f"meant, and is accepted by name: {_typed(command, given)}"
        )
    return told


def _accepting(checks: list[dict]) -> dict:
    """Return the variable that accepts what is wrong with these checks; {} for nothing."""
    names = sorted({name for check in checks for name in check.get("accept") or ()})
    return {"verify_accept_changed": names} if names else {}


def _typed(command: str, given: dict) -> str:
    """Return the command with these variables."""
    return (
        f"{command} -e {shlex.quote(json.dumps(given, ensure_ascii=False))}" if given else command
    )


def _migrations(laravel: Laravel, expected: dict) -> dict:
    missing = [name for name in expected.get("migrations") or () if name not in laravel.recorded]
    stays = expected.get("stay_pending")
    if stays is None:
        wanted = [name for name in laravel.pending if not laravel.may_be_skipped(name)]
        missing.extend(name for name in wanted if name not in missing)
    told = [f"not recorded: {', '.join(missing)}"] if missing else []
    recorded = [name for name in stays or () if name in laravel.recorded]
    told += [f"recorded: {', '.join(recorded)}"] if recorded else []
    well = f"pending, as before: {', '.join(stays)}" if stays else "nothing is pending"
    passed = [*laravel.skipped, *(n for n in laravel.pending if laravel.may_be_skipped(n))]
    if passed and not stays:
        well += f" but what passes itself over: {', '.join(passed)}"
    return _check(
        "php artisan migrate:status",
        not told,
        "; ".join(told) or well,
        mend="Run it again: what is pending is migrated then.",
    )


def _tables(schema_facts: dict, wanted) -> dict:
    if not wanted:
        detail = "none are named in expected_tables"
        return {**_check("expected tables", True, detail), "skipped": True}
    state = live(schema_facts)
    missing, lacking = [], []
    for entry in wanted:
        names = [entry] if isinstance(entry, str) else list(entry)
        if not any(state.get(name) for name in names):
            missing.append(" or ".join(names))
            lacking += names
    return _check(
        "expected tables",
        not missing,
        f"missing: {', '.join(missing)}" if missing else f"all {len(wanted)} exist",
        accept=lacking,
    )


def _carried(proof: dict) -> dict:
    """Tell whether every row of an old table is in the new one."""
    rows, same, changed = proof["rows"], proof["same"], proof["same"] - proof["equal"]
    detail = f"{same} of {rows} rows of {proof['old']}"
    if changed:
        detail += f", of which {changed} were changed since"
    elif proof["digests"][0] == proof["digests"][1]:
        detail += f", with the same values (digest {proof['digests'][0][-12:]} on both sides)"
    ok = rows == same and (bool(changed) or proof["digests"][0] == proof["digests"][1])
    mend = "Run it again: the rows that are not there are carried over then."
    return _check(f"rows carried into {proof['table']}", ok, detail, mend=mend)


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
        checks.append(_check(f"constraint {name}", ok, detail, accept=[key["table"]]))
    return checks


def _structure(
    expected: dict, before: dict | None, after: dict | None, inputs: Inputs
) -> list[dict]:
    """Compare every column, index and foreign key of every table with what was there before."""
    title = "columns, indexes, foreign keys"
    if "names" not in expected:
        return []
    if expected.get("emptied"):
        detail = "not compared: the schema was emptied and built anew"
        return [{**_check(title, True, detail), "skipped": True}]
    if before is None or after is None or not expected.get("structure"):
        detail = "not compared: what was there before, or what was to come of it, is not known"
        return [{**_check(title, True, detail), "skipped": True}]
    accepted = {name.casefold() for name in inputs.verify_accept_changed}
    found = comparison.compare(before, after, expected, accepted)
    detail = f"those of {len(before)} tables are as they were, or as the migrations make them"
    checks = [
        _check(
            title,
            not found.failed,
            "; ".join(found.failed) or detail,
            accept=found.tables,
        )
    ]
    checks += _looks("tables that are not as they were", found.look)
    return checks + _looks("accepted by name", found.accepted)


def _looks(title: str, sentences: list[str]) -> list[dict]:
    if not sentences:
        return []
    return [{**_check(title, True, "; ".join(sentences)), "look": True}]


def _rows(
    expected: dict,
    before: dict | None,
    schema_facts: dict,
    marks: dict | None,
    volatile: list[str],
    inputs: Inputs,
) -> list[dict]:
    """Find every table's content of before again, under its old or its new name.

    marks: those of the tables that have no content here.
    """
    title = whereabouts.TITLE
    if expected.get("emptied"):
        detail = "not compared: the schema was emptied, and the backup holds what it held"
        return [{**_check(title, True, detail), "skipped": True}]
    if "names" not in expected:
        detail = "not compared: nothing was repaired, so there is no content from before"
        return [{**_check(title, True, detail), "skipped": True}]
    after = schema_facts.get("contents")
    if before is None or after is None:
        detail = "the content before is not known, so it cannot be compared"
        if inputs.verify_accept_unknown == schema_facts["name"]:
            detail += "; accepted by the name of the schema"
            return [{**_check(title, True, detail), "look": True}]
        return [_check(title, False, detail, unknown=True)]
    found = whereabouts.Rows(expected, volatile, inputs)
    # What was there before is not where rows of another table went.
    others = untouched.names_now(marks, expected)
    found.compare(before, {name: what for name, what in after.items() if name not in others})
    if found.lost:
        check = _check(title, False, "; ".join(found.lost), accept=found.tables)
    else:
        detail = f"{found.total} rows of {len(before)} tables found again"
        if marks and marks["whole"] not in ("", FULL):
            detail += f" (all were read, as {marks['whole']})"
        check = _check(title, True, "; ".join([detail, *found.moved]))
    proof = {"digested": sorted(before), "marked": sorted((marks or {}).get("tables") or ())}
    if marks:
        proof |= {"why": marks["why"], "whole": marks["whole"]}
    return [
        {**check, "proof": proof},
        *_looks("rows that a migration may have changed", found.changed),
        *_looks("rows accepted by name", found.accepted),
    ]


def _untouched(
    expected: dict,
    marks: dict | None,
    facts: tuple[dict, dict],
    schema_facts: dict,
    volatile: list[str],
    inputs: Inputs,
) -> list[dict]:
    """See that nobody has written the tables whose rows were not read.

    facts: the application's, before and now.
    """
    title, after = untouched.TITLE, schema_facts.get("marks")
    if not marks or not marks["tables"] or "names" not in expected or expected.get("emptied"):
        return []
    recorded, unknown = facts[1]["migrations_table"], "their marks were not read again"
    found = untouched.Untouched()
    if after:
        passing = {name.casefold() for name in volatile}
        accepted = {name.casefold() for name in inputs.verify_accept_changed}
        found = untouched.compare(marks, after, expected, passing=passing, accepted=accepted)
        unknown = found.unknown
        written = facts[0]["migrations"].get("recorded") != facts[1]["migrations"].get("recorded")
        if not unknown and written and untouched.told_nothing(marks, after, recorded):
            unknown = f"the server kept no time of what was written to {recorded}"
    if unknown:
        detail = f"it is not known whether they were written: {unknown}"
        if inputs.verify_accept_unknown == schema_facts["name"]:
            return _looks(title, [f"{detail}; accepted by the name of the schema"])
        return [_check(title, False, detail, unknown=True)]
    detail = f"nobody wrote a row of {len(found.kept)} tables in the window: {few(found.kept)}"
    if found.failed:
        detail = "; ".join(found.failed.values())
    return [
        *([_check(title, not found.failed, detail, accept=[*found.failed])]),
        *_looks(
            "tables that the server may have closed in the window, and then forgets when they were "
            "written",
            [", ".join(found.forgotten)] if found.forgotten else [],
        ),
        *_looks(
            "tables that this run writes, and whose rows the interrupted run has not noted",
            [", ".join(found.unread)] if found.unread else [],
        ),
        *_looks("tables accepted by name", found.accepted),
    ]
