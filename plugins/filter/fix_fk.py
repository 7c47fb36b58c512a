# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""The diagnosis, the plan and the report as Jinja filters; plugin_utils does the work."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ansible import context
from ansible.errors import AnsibleFilterError

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "plugin_utils"))
try:
    from fix_fk import (
        carrying_out,
        comparison,
        engine,
        facts,
        inspection,
        learning,
        migration_file,
        prediction,
        typing_again,
        verification,
    )
    from fix_fk.aside import rows as aside_rows
    from fix_fk.aside import words as aside_words
    from fix_fk.carry_over import said
    from fix_fk.inputs import read_inputs
    from fix_fk.plans import database_access, permanent_fix
    from fix_fk.plans import fresh as fresh_plan
    from fix_fk.plans import patch as patch_plan
    from fix_fk.plans import restore as restore_plan
    from fix_fk.plans import skip as skip_plan
    from fix_fk.screen import brief, page, report, text
    from fix_fk.verdicts import before_inspection

except ImportError as error:
    if (error.name or "").split(".")[0] not in ("sqlglot", "pymysql"):
        raise
    MISSING: str | None = error.name
else:
    MISSING = None

# Of more hosts than these, each has a line on the screen, and all else with -v and in its report.
MANY = 3


def requested(laravel: dict, inputs: dict, schema: dict | None = None) -> dict:
    """Return what to ask the server, as the options of fk_constraint_info; `schema` is what it has
    answered before, of which the same tables are asked again."""
    asked = inspection.requested(facts.Laravel(laravel), read_inputs(inputs))
    again = (schema or {}).get("details") or {}
    return {**asked, "tables": sorted({*asked["tables"], *again})}


def refusal_before_inspection(laravel: dict) -> dict | None:
    """Return the refusal that ends the diagnosis before the server is inspected, or None."""
    return before_inspection.before_inspection(laravel)


def diagnose(laravel: dict, schema: dict, inputs: dict) -> dict:
    """Return the diagnosis: verdict, evidence and plan."""
    return engine.diagnose(laravel, schema, read_inputs(inputs))


def same_plan(before: dict, after: dict) -> bool:
    """Tell whether two diagnoses come to the same verdict, names and steps."""
    return all(before[part] == after[part] for part in ("verdict", "names", "steps"))


def noted(expected: dict, inputs: dict) -> dict:
    """Return what to note of what is expected, for a run that goes on with this one."""
    return comparison.noted(expected, read_inputs(inputs))


def going_on(expected: dict, laravel: dict) -> dict:
    """Return what is expected, of an interrupted run what that one noted."""
    return comparison.going_on(expected, laravel)


def way_out(checks: list[dict], command: str, schema: str, backup: str) -> str:
    """Return what ends the state in which these checks are not met."""
    return verification.way_out(checks, command, schema, backup)


def way_on(checks: list[dict], command: str) -> str:
    """Return what to do about checks that are not met where nothing was repaired."""
    return verification.way_on(checks, command)


def carried(inputs: dict) -> str:
    """Return what is typed behind a playbook to have rows carried over as it was said."""
    return said.typed(read_inputs(inputs))


def fail_on(value) -> list[str]:
    """Return the outcomes of a prediction after which the run is to fail."""
    return prediction.fail_on(value)


def refusal_text(result: dict) -> str:
    """Return the one paragraph of a run that stops before it began."""
    return text.refusal(result)


def plan_text(result: dict, host: str, verbosity: int = 0, hosts: int = 1) -> str:
    """Return the diagnosis and the plan as a person reads them; of many hosts nothing.

    verbosity: how many v were given to Ansible; hosts: how many this play is about.
    """
    if int(verbosity) > 0:
        return text.plan(result, host)
    return "" if hosts > MANY else brief.plan(result, host)


def replayable(laravel: dict, schema: dict, inputs: dict) -> bool:
    """Tell whether migrations may be run in a scratch schema to see what they do: the recorded
    ones, or pending ones that decide by what they find."""
    given, known = read_inputs(inputs), facts.Laravel(laravel)
    return (
        given.rehearsal_level != "none"
        and not (given.rehearsal_server == "same" and schema["rehearsal"]["lacking"])
        and (not learning.no_history(known) or learnable(laravel, schema))
    )


def learnable(laravel: dict, schema: dict) -> bool:
    """Tell whether a run in a scratch schema tells more of what pending migrations send."""
    return bool(learning.to_learn(laravel, schema["name"]))


def rehearsal_text(result: dict, host: str, verbosity: int = 0, hosts: int = 1) -> str:
    """Return how the rehearsal went, as a person reads it; of many hosts nothing."""
    verbose = int(verbosity) > 0
    return "" if hosts > MANY and not verbose else text.rehearsal(result, host, verbose)


def database_changed(results: dict) -> bool:
    """Tell whether a step of the run may have written to the database."""
    return report.database_changed(results)


def wrote(results: dict, others: list) -> bool:
    """Tell whether the run may have the lock of its schema."""
    return report.wrote(results, others)


def rendering(laravel: dict, inputs: dict, given: dict) -> dict:
    """Return what the template of the fix migration is filled with, or why it cannot be."""
    return permanent_fix.rendering(laravel, read_inputs(inputs), given)


def permanent(laravel: dict, schema: dict, inputs: dict, given: dict) -> dict:
    """Return the plan of the permanent fix in the shape of a diagnosis."""
    return permanent_fix.decide(laravel, schema, read_inputs(inputs), given)


def patch(laravel: dict, schema: dict, inputs: dict, given: dict) -> dict:
    """Return what was found of the fault in the code, in the shape of a diagnosis."""
    return patch_plan.decide(laravel, schema, read_inputs(inputs), given)


def after_pull(first: dict, second: dict) -> dict:
    """Return the plan `first` with what the pulled code makes of it."""
    return permanent_fix.after_pull(first, second)


def php(value, indent: int = 4) -> str:
    """Return a value as PHP source."""
    return migration_file.php(value, indent)


def without(expected: dict, left_out: list[dict]) -> dict:
    """Return what is expected, without the constraints that rows stand in the way of."""
    return carrying_out.without(expected, left_out)


def skip(laravel: dict, schema: dict, inputs: dict, given: dict) -> dict:
    """Return the plan of Option 2 in the shape of a diagnosis."""
    return skip_plan.decide(laravel, schema, read_inputs(inputs), given)


def restore(result: dict, laravel: dict, folder: str = "", unproven: str = "") -> dict:
    """Return the plan to put a backup back, or the list of those in a folder, in the shape of a
    diagnosis."""
    if "backups" in result:
        return restore_plan.listed(result["backups"], result["schema"], folder)
    return restore_plan.decide(result, laravel, unproven)


def has_rows_aside(laravel: dict, schema: dict, inputs: dict) -> bool:
    """Whether rows are in tables in which the application does not look for them, unaccepted."""
    found = aside_rows.find(facts.Laravel(laravel), schema)
    return bool(aside_words.split(found, read_inputs(inputs))[0])


def restored(result: dict) -> list[dict]:
    """What to look at after schema_restore has put a backup back."""
    return restore_plan.checks(result)


def access(laravel: dict, given: dict) -> dict:
    """Return why the application cannot use its database, and the plan that helps."""
    return database_access.decide(laravel, given)


def fresh_unfit(laravel: dict, given: dict) -> dict | None:
    """Return the refusal of Option 3 that needs no inspection of the server, or None."""
    return fresh_plan.unfit(laravel, given)


def fresh(laravel: dict, schema: dict, inputs: dict, given: dict) -> dict:
    """Return the plan of Option 3 in the shape of a diagnosis."""
    return fresh_plan.decide(laravel, schema, read_inputs(inputs), given)


def build_report(run: dict) -> dict:
    """Return the outcome of a run, for the screen, the page and the data file."""
    return report.build(run)


def typed_inventory(sources: list, root: str) -> str:
    """Return what stands behind -i, with the other options that have to be typed again."""
    typed = typing_again.inventory(sources, root, os.getcwd())
    return typed + typing_again.options(context.CLIARGS)


def typed_place(root: str) -> str:
    """Return what stands before a playbook's path, in the folder in which Ansible was started."""
    return typing_again.place(root, os.getcwd())


def report_text(data: dict, verbosity: int = 0, hosts: int = 1) -> str:
    """Return the report as a person reads it; of many hosts a line for each."""
    if int(verbosity) > 0 or hosts <= MANY:
        return text.report(data, verbose=int(verbosity) > 0)
    return text.of_many(data)


def report_page(data: dict) -> str:
    """Return the report as an HTML page."""
    return page.page(data)


def report_line(data: dict) -> dict:
    """Return the line of the report that says how the run ended, and its colour on a terminal."""
    colors = {"good": "green", "wait": "yellow", "bad": "red"}
    return {"line": text.title(*text.headline(data)), "color": colors[data["tone"]]}


def _missing(*_args, **_kwargs):
    raise AnsibleFilterError(
        f"The Python package {MISSING} is missing on the controller. Nothing was changed. "
        "Run: pip install -r requirements.txt"
    )


FILTERS = {
    "fix_fk_requested": requested,
    "fix_fk_refusal_before_inspection": refusal_before_inspection,
    "fix_fk_diagnose": diagnose,
    "fix_fk_same_plan": same_plan,
    "fix_fk_carried": carried,
    "fix_fk_fail_on": fail_on,
    "fix_fk_plan_text": plan_text,
    "fix_fk_refusal": refusal_text,
    "fix_fk_replayable": replayable,
    "fix_fk_learnable": learnable,
    "fix_fk_rehearsal_text": rehearsal_text,
    "fix_fk_noted": noted,
    "fix_fk_going_on": going_on,
    "fix_fk_way_out": way_out,
    "fix_fk_way_on": way_on,
    "fix_fk_database_changed": database_changed,
    "fix_fk_wrote": wrote,
    "fix_fk_rendering": rendering,
    "fix_fk_permanent_fix": permanent,
    "fix_fk_patch": patch,
    "fix_fk_after_pull": after_pull,
    "fix_fk_php": php,
    "fix_fk_skip": skip,
    "fix_fk_without": without,
    "fix_fk_database_access": access,
    "fix_fk_fresh_unfit": fresh_unfit,
    "fix_fk_fresh": fresh,
    "fix_fk_report": build_report,
    "fix_fk_typed_inventory": typed_inventory,
    "fix_fk_typed_place": typed_place,
    "fix_fk_report_text": report_text,
    "fix_fk_report_page": report_page,
    "fix_fk_report_line": report_line,
    "fix_fk_restore": restore,
    "fix_fk_restored": restored,
    "fix_fk_has_rows_aside": has_rows_aside,
}
if MISSING:
    FILTERS = dict.fromkeys(FILTERS, _missing)


class FilterModule:
    """Filters of this project; each is documented by its function."""

    def filters(self) -> dict:
        return FILTERS
