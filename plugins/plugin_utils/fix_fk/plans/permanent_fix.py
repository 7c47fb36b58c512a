# SPDX-License-Identifier: GPL-3.0-or-later
"""The permanent fix: code that cannot meet the incident again, pulled or rendered."""

from __future__ import annotations

import re

from .. import steps
from ..case import Case
from ..conclusion import concluded
from ..expected import conclude
from ..facts import Laravel
from ..inputs import Inputs
from ..migration_file import STAMP_LENGTH, dated
from ..verdict import PERMANENT_FIX, Refusal, Verdict
from ..verdicts import ORDER, ask, losses, rights, server, wrong_records
from .rehearsal import rehearsal

# phpdoc of the template has it; a file without it is somebody's own work and stays as it is.
OURS = "Rendered by playbooks/permanent_fix.yml"
# The name of the notes' table is longer, and a prefix may come before it.
LONGEST_NAME = 48
# In the place of a migration, in the note of a run that pulls: what comes is no failed migration.
PULL = "permanent_fix"
PLAYBOOK = "playbooks/permanent_fix.yml"
RULES = ("CASCADE", "SET NULL", "RESTRICT", "NO ACTION", "SET DEFAULT")


def rendering(laravel_facts: dict, inputs: Inputs, given: dict) -> dict:
    """Return what the template is filled with, {migration, path, class, wanted, take_from}.

    given: the role's variables without their prefix, and today (a date "2026-01-30"). Instead of
    all that {problem, next} when it cannot be rendered. A migration of this name that exists is
    rendered again under the same name.
    """
    name, take_from = given["name"], given["take_from"]
    if not re.fullmatch("[a-z][a-z0-9_]*", name):
        return _problem(
            "permanent_fix_name takes lower-case letters, digits and underscores, as the file of a "
            "migration does behind its date",
            "Correct it, or leave it out.",
        )
    if len(name) > LONGEST_NAME:
        return _problem(
            f"permanent_fix_name is longer than {LONGEST_NAME} characters", "Choose a shorter one."
        )
    if not inputs.expected_constraints:
        return _problem(
            "The inventory names no expected_constraints, so there is nothing that a migration "
            "could see to",
            "Add them to the inventory, as inventory/production/group_vars/laravel.yml shows.",
        )
    prefix = laravel_facts["connection"].get("prefix") or ""
    wanted = []
    for key in inputs.expected_constraints:
        for table in (key["table"], key["referenced_table"]):
            if not table.startswith(prefix):
                return _problem(
                    f"Table {table} of the expected constraint {key['name']} does not begin with "
                    f"{prefix}, the table prefix of the application's connection",
                    "Name tables in the inventory as the server does, with the prefix.",
                )
        for rule in ("on_delete", "on_update"):
            if key.get(rule) is not None and str(key[rule]).upper() not in RULES:
                return _problem(
                    f"The rule {rule} of the expected constraint {key['name']} is not one of "
                    f"{', '.join(RULES)}",
                    "Correct it, or leave it out: then the rule stays what it is.",
                )
        wanted.append(
            {
                "name": key["name"],
                "table": key["table"][len(prefix) :],
                "columns": list(key["columns"]),
                "referenced_table": key["referenced_table"][len(prefix) :],
                "referenced_columns": list(key["referenced_columns"]),
                "on_delete": key.get("on_delete") and key["on_delete"].upper(),
                "on_update": key.get("on_update") and key["on_update"].upper(),
            }
        )
    files = {item["name"]: item["path"] for item in laravel_facts["migrations"]["files"]}
    existing = [file for file in sorted(files) if file[STAMP_LENGTH:] == f"_{name}"]
    migration = existing[-1] if existing else dated(name, max(files, default=""), given["today"])
    if migration is None:
        return _problem(
            f"The last migration, {max(files)}, does not begin with a date, so no name that sorts "
            "after it can be made",
            "Rename it, or write the migration by hand.",
        )
    return {
        "migration": migration,
        "path": files.get(migration)
        or f"{inputs.laravel_path}/database/migrations/{migration}.php",
        "class": "".join(part.capitalize() for part in name.split("_")),
        "wanted": wanted,
        "take_from": [t[len(prefix) :] if t.startswith(prefix) else t for t in take_from],
    }


def _problem(problem: str, next_: str) -> dict:
    return {"problem": problem, "next": next_}


def decide(laravel_facts: dict, schema: dict, inputs: Inputs, given: dict) -> dict:
    """Return the diagnosis, as `diagnose` does, with the steps of the permanent fix.

    given: source ("render" or "git"), take_from, rerun (what repairs the incident), and
    for "render" rendering (see there) and file (what migration_file returned), for "git" git
    (what git_forward returned).
    """
    fix = given["rendering"].get("migration") if given["source"] == "render" else None
    laravel = Laravel(_without(laravel_facts, fix))
    case = Case(laravel, schema, inputs)
    return concluded(case, lambda: _decide(case, given, fix))


def _without(facts: dict, fix: str | None) -> dict:
    """Return the application's facts without the traces of a fix that has not run yet.

    Its statements depend on what it finds, and an interrupted or failed run of it is no incident.
    """
    pending = facts["migrations"]["pending"] or []
    maintenance = facts.get("maintenance") or {}
    result = dict(
        facts, migrations={**facts["migrations"], "pending": [n for n in pending if n != fix]}
    )
    # With nothing pending an interrupted run has only its end to make up for.
    if pending and maintenance.get("migration") in (fix, PULL):
        result["maintenance"] = {**maintenance, "run_id": None, "migration": None}
    if fix and (facts.get("last_error") or {}).get("migration") == fix:
        result["last_error"] = None
    return result


def _decide(case: Case, given: dict, fix: str | None) -> None:
    rendering = given.get("rendering") or {}
    if rendering.get("problem"):
        raise Refusal("bad_input", f"{rendering['problem']}.", rendering["next"])
    # Whoever lets a table lose its constraint means to keep what is recorded.
    keeps = bool(given["take_from"])
    try:
        order = [one for one in ORDER if not (keeps and one is wrong_records.wrong_records)]
        incident = not ask(case, order)
    except Refusal as refusal:
        mended = ("constraints_missing", "names_per_table") if keeps else ("constraints_missing",)
        if refusal.verdict not in mended:
            raise
        incident = False
    diagnosis = case.diagnosis
    if diagnosis.verdict == "unfinished":
        return
    if incident:
        raise Refusal(
            "incident_first",
            f"{diagnosis.found} A fix that comes with the code is reached only after the failed "
            "migration has run.",
            f"{given['rerun']}, then run this again.",
        )
    server.refuse_unwritable(case)
    rights.rights(case)
    pending = list(case.laravel.pending)
    if given["source"] == "render":
        _check_takes(case, given["take_from"])
        step = _render_step(case, given, fix)
        if fix and fix not in case.laravel.recorded:
            pending.append(fix)
    else:
        step = _git_step(given["git"])
        pending += [name for name in given["git"]["migrations"] or () if name not in pending]
    diagnosis.names, diagnosis.strategies = [], []
    if not step and not pending:
        diagnosis.verdict = "healthy"
        return
    if given["source"] == "render" and _is_idle(case, given, fix, pending):
        _render_alone(case, step, pending)
        return
    diagnosis.verdict = "permanent_fix"
    if not case.missing_expected():
        diagnosis.outcome = "migrated"
    diagnosis.next = ""
    diagnosis.found = " ".join(
        ["No failed migration stands in the way.", *_lacking(case), *(step or {}).get("found", ())]
    )
    losses.migration_would_lose_rows(case)
    final = case.live.copy()
    for migration in case.laravel.pending:
        final.apply(case.laravel.up(migration))
    if step:
        case.unrehearsed = (
            "the code to run comes with this run, and is not there to be tried before"
        )
    conclude(
        case,
        [
            *rehearsal(case),
            *steps.begin(case.artisan, case.schema, fix or PULL, case.inputs.loses_rows),
            *([step["step"]] if step else []),
            steps.migrate(case.artisan, case.laravel, pending),
            *steps.finish(case.artisan),
        ],
        final,
    )
    tables = {
        table
        for key in case.inputs.expected_constraints
        for table in (key["table"], *(holder.name for holder in case.live.holders(key["name"])))
    }
    diagnosis.expected["undecided"].update(
        {
            name: {
                "why": "comes with this run",
                "tables": sorted(tables) if given["source"] == "render" else None,
            }
            for name in pending
            if name not in case.laravel.pending
        }
    )
    diagnosis.expected["migrations"] = [
        *case.laravel.recorded,
        *(name for name in pending if name not in case.laravel.recorded),
    ]


def _is_idle(case: Case, given: dict, fix: str | None, pending: list[str]) -> bool:
    """Tell whether the fix migration has nothing to do, and is all there is to run."""
    file = given["file"]
    own = not file["exists"] or file["ours"]
    return own and set(pending) <= {fix} and not case.missing_expected()


def _render_alone(case: Case, step: dict | None, pending: list[str]) -> None:
    """Plan what brings the code alone, and takes nothing down."""
    diagnosis = case.diagnosis
    diagnosis.verdict = "fix_is_idle"
    diagnosis.outcome = "rendered"
    diagnosis.found = (
        "Nothing is missing, so on this schema the fix migration is a no-op: it is for others that "
        "this code is migrated on. It comes behind all other migrations and ends no fault that an "
        "empty schema meets in one of them; that takes a patch."
    )
    diagnosis.next = (
        "Commit the file that was rendered. Whether the code has a fault of its own, and the patch "
        f"that ends it: {PLAYBOOK}"
    )
    diagnosis.steps = [
        *([step["step"]] if step else []),
        steps.migrate(case.artisan, case.laravel, pending),
    ]
    diagnosis.expected = {}


def _lacking(case: Case) -> list[str]:
    missing = case.missing_expected()
    return [f"Not as expected: {'; '.join(missing)}."] if missing else []


def _check_takes(case: Case, take_from: list[str]) -> None:
    """Refuse to take a name from a table that was not named, before anything begins."""
    if case.schema["server"]["name_scope"] != "schema":
        return
    given = {table.casefold() for table in take_from}
    for key in case.inputs.expected_constraints:
        for holder in case.live.holders(key["name"]):
            own = holder.name.casefold() == key["table"].casefold()
            if not own and holder.name.casefold() not in given:
                raise Refusal(
                    "name_held_by_another_table",
                    f"The constraint name {key['name']}, which {key['table']} is to have, is held "
                    f"by table {holder.name}. A table that is in use must not lose a constraint "
                    "without anybody noticing.",
                    f"If {holder.name} may lose it, say so by name: -e "
                    f'\'{{"permanent_fix_take_from": ["{holder.name}"]}}\'. If not, give one of '
                    "the two constraints another name.",
                )


def _render_step(case: Case, given: dict, fix: str | None) -> dict | None:
    file, rendering = given["file"], given["rendering"]
    if file["exists"] and not file["ours"]:
        case.diagnosis.notes.append(
            f"{rendering['path']} exists and was not rendered by this tool; it is run as it is."
        )
        return None
    if not file["queries"]:
        return None
    if fix in case.laravel.recorded:
        if not case.missing_expected():
            case.diagnosis.notes.append(
                f"{rendering['path']} has run and was rendered from other values; nothing is "
                "missing, so it stays."
            )
            return None
        raise Refusal(
            "fix_has_run",
            f"{fix} exists and is recorded as run, and would not run again. Now not as expected: "
            f"{'; '.join(case.missing_expected())}.",
            "Render another one beside it: -e permanent_fix_name=fix_foreign_key_constraints_again",
        )
    names = ", ".join(key["name"] for key in rendering["wanted"])
    path = rendering["path"].replace(f"{case.inputs.laravel_path}/", "", 1)
    verb = "render again" if file["exists"] else "render"
    return {
        "step": steps.step(
            "permanent_fix",
            "Render the fix migration",
            f"it sees to {names} wherever this code is migrated",
            [f"{verb} {path}"],
            [f"rm {path}    (as long as it is not recorded)"],
            "php -l, before the file gets its name",
            migration=fix,
        )
    }


def _git_step(git: dict) -> dict | None:
    old, new = git["revision"], git["target"]
    if old == new:
        return None
    commits = git["commits"]
    shown = [f"    {line}" for line in commits or ()]
    if commits is not None and git["behind"] > len(commits):
        shown.append(f"    and {git['behind'] - len(commits)} more")
    found = [f"{git['remote']}/{git['branch']} is at {new[:12]}, the application at {old[:12]}."]
    if git["composer_lock"]:
        found.append(
            "composer.lock changes with it: run composer install --no-dev before the application "
            "is used again."
        )
    return {
        "found": found,
        "step": steps.step(
            "permanent_fix",
            "Pull the code",
            f"the fix is in branch {git['branch']}",
            [
                f"git pull --ff-only {git['remote']} {git['branch']}    ({old[:12]}..{new[:12]})",
                *shown,
            ],
            [f"git reset --hard {old}"],
            f"HEAD is {new}",
            revision=new,
        ),
    }


def after_pull(first: dict, second: dict) -> dict:
    """Return the plan `first` with what the pulled code makes of it, or the refusal `second`."""
    if second["refused"]:
        return {
            **second,
            "steps": first["steps"],
            "not_changed": "The code was pulled; the database was not changed.",
        }
    now = {step["id"]: step for step in second["steps"]}
    return {
        **first,
        "notes": second["notes"],
        "expected": second["expected"] or first["expected"],
        "steps": [
            now.get("remigrate", step) if step["id"] == "remigrate" else step
            for step in first["steps"]
        ],
    }


VERDICTS = (
    Verdict(
        "permanent_fix",
        PERMANENT_FIX,
        "The fix is rendered or pulled, and migrated.",
        "Nothing.",
        proof=(
            "integration/test_permanent_fix.py::test_the_fix_is_rendered_migrated_and_verified",
        ),
    ),
    Verdict(
        "fix_is_idle",
        PERMANENT_FIX,
        "Nothing is missing. The fix migration is rendered and recorded, and does nothing here; "
        "the application is not taken down.",
        "Commit it, if it is to run elsewhere.",
        proof=(
            "integration/test_permanent_fix.py::test_rendered_where_nothing_is_missing_it_is_idle",
        ),
    ),
    Verdict(
        "incident_first",
        PERMANENT_FIX,
        "A failed migration stands in the way.",
        "Repair it first: the command is shown.",
        proof=("integration/test_permanent_fix.py::test_the_incident_comes_first",),
    ),
    Verdict(
        "name_held_by_another_table",
        PERMANENT_FIX,
        "A table that may be in use has the name of an expected constraint.",
        "May it lose it? Name it in `permanent_fix_take_from`.",
        proof=(
            "integration/test_permanent_fix.py::test_the_fix_is_rendered_migrated_and_verified",
        ),
    ),
    Verdict(
        "fix_has_run",
        PERMANENT_FIX,
        "A fix of that name is recorded already.",
        "Give another name: `permanent_fix_name`",
        proof=(
            "integration/test_permanent_fix.py::test_the_fix_is_rendered_migrated_and_verified",
        ),
    ),
)
