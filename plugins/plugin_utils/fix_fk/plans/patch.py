# SPDX-License-Identifier: GPL-3.0-or-later
"""The permanent fix as a patch of the migration that has the fault."""

from __future__ import annotations

from .. import steps
from ..case import Case
from ..code import diff, fault
from ..conclusion import concluded
from ..facts import Laravel
from ..inputs import Inputs
from ..verdict import PERMANENT_FIX, Refusal, Verdict

PLAYBOOK = fault.PLAYBOOK
STATES = {"live": "the schema as it is", "made": "one made for it"}


def decide(laravel_facts: dict, schema: dict, inputs: Inputs, given: dict) -> dict:
    """Return the diagnosis, as `diagnose` does, of the fault in the code.

    given: code (what the action fault_in_code returned; None with --check, which makes no scratch
    schema) and apply (the migration to be changed on the server, or None).
    """
    case = Case(Laravel(laravel_facts), schema, inputs)
    return concluded(case, lambda: _decide(case, given["code"], given.get("apply") or None))


def _decide(case: Case, code: dict | None, apply: str | None) -> None:
    diagnosis = case.diagnosis
    if code is None:
        _foretell(case)
        return
    if code["refused"]:
        raise Refusal(
            "fault_not_provable",
            f"The migrations cannot be run in a scratch schema: {code['refused'].rstrip('.')}."
            f"{_without_proof(case)}",
            _way_to_proof(case),
        )
    if code["now"]:
        raise Refusal(
            "incident_first",
            "All migrations get through on an empty schema, so the fault is not in the code alone. "
            f"On the schema as it is, by its definitions, {code['now']['migration']} fails: "
            f"{code['now']['error'].rstrip('.')}.",
            "What stands in its way, playbooks/diagnose.yml tells.",
        )
    found = code["fault"]
    if not found:
        _refuse_apply(apply, None)
        diagnosis.verdict = "no_fault_in_code"
        number = len(fault.files(case.laravel))
        diagnosis.found = (
            f"There is no fault in the code: all {number} migrations were run on an empty scratch "
            "schema and got through"
            f"{', the pending ones also on the schema as it is' if _tried_now(case) else ''}."
        )
        diagnosis.outcome = "healthy"
        return
    diagnosis.outcome, diagnosis.migration = "fault_in_code", found["migration"]
    diagnosis.found = said(found)
    if not code["patch"]:
        _refuse_apply(apply, found)
        diagnosis.verdict = "fault_without_patch"
        diagnosis.found += f" There is no patch that is certain: {found['why_not'].rstrip('.')}."
        diagnosis.next = f"{code['advice']} Then run this again: {PLAYBOOK}"
        diagnosis.code = {"fault": found, "diff": "", "files": [], "advice": code["advice"]}
        return
    diagnosis.verdict = "fault_in_code"
    patches = code["patch"]
    diagnosis.found += f" {_proven(code['proof'])}"
    if case.half_run(case.laravel.pending):
        diagnosis.next = (
            "Repair what has failed here before the patch is deployed: fix_fk.yml does, or "
            "playbooks/rollback.yml takes it back."
        )
    diagnosis.notes += code["proof"]["notes"]
    diagnosis.code = {
        "fault": found,
        "diff": diff.unified(patches),
        "files": [{name: one[name] for name in ("migration", "path")} for one in patches],
        "proof": code["proof"],
        "advice": None,
    }
    if apply:
        _apply(case, patches, apply)


def said(found: dict) -> str:
    """Return what was seen on the empty schema."""
    place = f" at statement {found['statement']}" if found["statement"] else ""
    line = f", line {found['line']}" if found["line"] else ""
    sent = f" The statement: {found['sql']}." if found["sql"] else ""
    return (
        f"The fault is in the code: all migrations were run on an empty scratch schema, and "
        f"migration {found['number']} of {found['total']}, {found['migration']} ({found['path']}"
        f"{line}), fails{place}: {found['error'].rstrip('.')}.{sent}"
    ).strip()


def _proven(proof: dict) -> str:
    return (
        f"The patch was proven on three scratch schemas: an empty one, one before the migration "
        f"({STATES[proof['before']]}), and one where it has run ({STATES[proof['ran']]}), in which "
        f"the patched code has nothing to do. All end with equal definitions."
    )


def _tried_now(case: Case) -> bool:
    return bool(case.laravel.pending) and not case.half_run(case.laravel.pending)


def _foretell(case: Case) -> None:
    """With --check: what is known without a scratch schema."""
    found = fault.in_code(case.laravel, case.schema["server"]["name_scope"])
    case.diagnosis.verdict = "fault_in_code" if found else "no_fault_in_code"
    case.diagnosis.outcome = "fault_in_code" if found else "healthy"
    case.diagnosis.found = found.said() if found else "By what is known, the code has no fault."
    case.diagnosis.notes.append(
        "--check makes no scratch schema, so that nothing was run and no patch was made."
    )
    case.diagnosis.next = f"On scratch schemas, {PLAYBOOK} proves it, and changes nothing else."
    case.diagnosis.code = {}


def _without_proof(case: Case) -> str:
    found = fault.in_code(case.laravel, case.schema["server"]["name_scope"])
    return f" {found.said()}" if found else ""


def _way_to_proof(case: Case) -> str:
    if case.schema["rehearsal"]["lacking"] and case.inputs.rehearsal_server == "same":
        return f"A server of its own for it: {PLAYBOOK} -e rehearsal_server=embedded"
    return "Run all migrations on an empty schema of a developer's machine: that shows the fault."


def _refuse_apply(apply: str | None, found: dict | None) -> None:
    if apply:
        what = "no patch of it that is certain" if found else "no fault in the code"
        raise Refusal(
            "patch_names_another",
            f"permanent_fix_apply names {apply}, and there is {what}.",
            f"Leave it out: {PLAYBOOK}",
        )


def _apply(case: Case, patches: list[dict], apply: str) -> None:
    names = [patch["migration"] for patch in patches]
    every = ",".join(names)
    if sorted(map(str.strip, apply.split(","))) != sorted(names):
        raise Refusal(
            "patch_names_another",
            f"permanent_fix_apply names {apply}, and the patch is of {', '.join(names)}.",
            f"Name {'that one, if it is' if len(names) == 1 else 'all of them, if they are'} "
            f"meant: {PLAYBOOK} -e permanent_fix_apply={every}",
        )
    stopped = case.half_run(case.laravel.pending)
    if stopped:
        # What it has done is told from the statements of its code, which would be others then.
        raise Refusal(
            "incident_first",
            f"{stopped} has stopped half-way here, and with the patch in the code its repair would "
            "no longer know what it has done.",
            "Repair that first with fix_fk.yml, or take it back with playbooks/rollback.yml; then "
            f"run this again: {PLAYBOOK} -e permanent_fix_apply={apply}",
        )
    paths = [patch["file"] for patch in patches]
    case.diagnosis.outcome = "patched"
    case.diagnosis.typed = f"{PLAYBOOK} -e permanent_fix_apply={apply}"
    case.diagnosis.steps = [
        steps.step(
            "permanent_fix",
            "Change the code on the server",
            "asked for by the migration's name",
            [f"write {path}" for path in paths],
            ["patch -R -p1 < the .patch file beside the report, in the application's folder"],
            "php -l, before a file gets its name",
            migration=names[0],
        )
    ]


VERDICTS = (
    Verdict(
        "fault_in_code",
        PERMANENT_FIX,
        "An empty schema stops at a migration of the code; it was run, and number and statement "
        "are said. The patch of that file is proven on three scratch schemas. Amber, exit code 0; "
        "nothing was changed.",
        "Commit the patch with the commands that are shown, and deploy.",
        proof=("integration/test_permanent_patch.py::test_the_patch_is_where_a_developer_gets_it",),
    ),
    Verdict(
        "fault_without_patch",
        PERMANENT_FIX,
        "The same, and no patch is certain: a name is composed when it runs, the statement is in a "
        "helper, or the fault is of another kind. The line is named. Amber, exit code 0.",
        "Change that line as it is said. Run it again: it proves that too.",
        proof=("integration/test_permanent_patch.py::test_without_a_patch_it_says_what_to_change",),
    ),
    Verdict(
        "no_fault_in_code",
        PERMANENT_FIX,
        "All migrations get through on an empty schema, and what is pending on the schema as it "
        "is.",
        "Nothing.",
        proof=("integration/test_permanent_patch.py::test_without_a_fault_it_takes_nothing_down",),
    ),
    Verdict(
        "fault_not_provable",
        PERMANENT_FIX,
        "There can be no scratch schema, or a migration would reach out of it. Why is said.",
        "Clear that. Where a right is lacking: `-e rehearsal_server=embedded`",
        proof=("integration/test_permanent_patch.py::test_without_a_scratch_schema_it_says_why",),
    ),
    Verdict(
        "patch_names_another",
        PERMANENT_FIX,
        "`permanent_fix_apply` names a migration of which there is no patch.",
        "Name the one that is shown, or leave it out.",
        proof=("integration/test_permanent_patch.py::test_the_code_is_changed_by_name_alone",),
    ),
)
