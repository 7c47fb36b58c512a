# SPDX-License-Identifier: GPL-3.0-or-later
"""The outcome of one host's run, for the screen, the HTML page and the JSON file."""

from __future__ import annotations

import re

from ..prediction import AHEAD, FAIL_ON
from . import code, standing, text
from .standing import lasted

from ansible.module_utils.fix_fk.refusal import and_then, one_line  # isort: skip
from ansible.module_utils.fix_fk.refusal import typed as alone  # isort: skip

# The steps that leave the application's code and database as they are. A failure in any other,
# or after it, leaves the application in maintenance mode.
HARMLESS = ("rehearse", "backup", "maintenance", "prove", "verify", "leave_maintenance")


# How each outcome looks, on a terminal and on the page; all others are bad.
TONES = {
    "healthy": "good",
    "repaired": "good",
    "rebuilt": "good",
    "restored": "good",
    "repaired_rows_aside": "wait",
    "rolled_back": "wait",
    "rows_aside": "wait",
    "skipped": "wait",
    "listed": "good",
    "planned": "wait",
    "may_fail": "wait",
    "fault_in_code": "wait",
    "patched": "wait",
    "rendered": "good",
    "migrated": "good",
}
# What Ansible's own messages hold, and what to do then. Ours bring that along, as data.
ADVICE = {
    "deserialization failed": "See that Python 3.8 or newer starts on the host, name it in the "
    "inventory behind the host (ansible_python_interpreter=/usr/bin/python3)",
    "Validation of arguments failed": "Correct the variables of this host in the inventory",
}

# Outcomes after which a run is a failure only where report_fail_on asks for it.
ASIDE = ("repaired_rows_aside", "rows_aside")

# How a plan that was carried out ends, and what is said then.
CARRIED_OUT = {
    "repaired": "It was repaired",
    "repaired_rows_aside": "It was repaired",
    "rolled_back": "The failed migration was rolled back",
    "skipped": "The migration was skipped",
    "restored": "The backup was put back",
    "rebuilt": "The schema was emptied and built anew",
    "rendered": "The fix migration was rendered",
    "migrated": "The code was brought, and what was pending was run",
}
# Outcomes that say nothing of a fault that is still in the code.
ELSEWHERE = ("planned", "refused", "failed", "needs_repair", *code.OUTCOMES)


def build(run: dict) -> dict:
    """Return the report of a run.

    `run` holds host, run_id, check_mode, read_only (a playbook that only inspects), diagnosis,
    prediction (of prediction.py, with fail_on, the outcomes that are a failure; None
    for its FAIL_ON),
    results ({step id: module result}), failure (None or {task, message, next, refusal}: refusal as
    of module_utils/fix_fk/refusal.py, or None where Ansible itself failed; next wins over what
    that says), checks, maintenance (of the application, before), window (seconds for which this
    tool had the application down, or None), down ({since, until}, seconds since 1970 by the host's
    clock, or None), schema (its name, where it is known), inventory (as it
    is typed after -i, with the options that have to be typed again), place (what stands before a
    playbook's path), command (what to type to run this again, without its inventory), patch_file
    (where the patch is on the controller) and branch (what the action patch_branch returned). The
    result adds

    - outcome (healthy, rows_aside, planned, may_fail, will_fail, would_lose, needs_repair,
      repaired, repaired_rows_aside, rolled_back, skipped, restored, rebuilt, rendered,
      migrated, fault_in_code, patched, listed, refused, failed), its
      tone (good, wait or bad) and ok;
    - the answers happened, did, state and next, a sentence or two each, undo, the statements that
      take back what a failed run did, last first, and stopped, what ended such a run ("" where that
      is all that is known, and happened has it); summary is all of these in one paragraph;
    - window and down, as they were given;
    - patch, what ends the fault in the code, as code.patch() says, or None;
    - about, the page and anchor that explain the verdict;
    - steps, the plan with what became of each step: state (planned, changed, unchanged, passed,
      failed, not reached), queries (what was sent), undo_queries (what takes that back) and details
      (how a rehearsal went).
    """
    diagnosis = run["diagnosis"] or _no_diagnosis()
    # With --check the backup is tried, and nothing is made.
    tried = {} if run["check_mode"] else run["results"]
    results = {name: result for name, result in tried.items() if _ran(result)}
    checks = run.get("checks") or []
    outcome = _outcome(run, diagnosis, results)
    steps = [
        _step(step, _state(step["id"], outcome, results, checks), results.get(step["id"]) or {})
        for step in diagnosis["steps"]
    ]
    patch = code.patch(diagnosis, run.get("patch_file") or "", run.get("branch"))
    answers = _answers(outcome, run, diagnosis, results, steps)
    if not run.get("failure") and outcome in code.OUTCOMES:
        changed = any(step["changed"] for step in steps)
        answers["did"] = code.done(outcome, diagnosis, changed)
        answers["next"] = code.next_step(outcome, diagnosis, patch)
    fault = code.standing(run, diagnosis) if outcome not in ELSEWHERE else None
    if fault:
        answers["next"] = code.with_standing(answers["next"], fault)
    place = run.get("place", "")
    for name in ("happened", "stopped", "next"):
        answers[name] = as_typed(answers[name], run["inventory"], place)
    answers["undo"] = [as_typed(line, run["inventory"], place) for line in answers["undo"]]
    backup = (results.get("backup") or {}).get("backup")
    proof = (results.get("prove") or {}).get("restore")
    # Another than that one may have been proven, when a run before this one was interrupted.
    if backup and proof and proof["id"] == backup["id"]:
        backup = {**backup, "proof_level": proof["proof_level"]}
    return {
        "host": run["host"],
        "run_id": run["run_id"],
        "outcome": outcome,
        "tone": TONES.get(outcome, "bad"),
        "ok": _ok(run, outcome),
        "summary": _summary(run, diagnosis, answers),
        **answers,
        "about": _about(diagnosis, outcome),
        "diagnosis": diagnosis,
        "prediction": run.get("prediction"),
        "rehearsal": results.get("rehearse"),
        "steps": steps,
        "checks": checks,
        "backup": backup,
        "window": run.get("window"),
        "down": run.get("down"),
        "patch": patch,
    }


def _about(diagnosis: dict, outcome: str) -> str:
    """Return where it is explained what was found; nothing where all is well."""
    verdict = diagnosis["verdict"]
    well = TONES.get(outcome) == "good" or not verdict
    if verdict == "restore":
        return "docs/options.md"
    return "" if well else f"docs/verdicts.md#{verdict}"


def as_typed(words: str, inventory: str, place: str = "") -> str:
    """Return a text in which every playbook of this project is named as one types it.

    place: what stands before its path, where one is not in the project's folder.

    The last form is the one that scripts/collection gives the names."""

    def before(name: str) -> str:
        return place if name.endswith(".yml") else ""

    return re.sub(
        r"(?:ansible-playbook )?"
        r"(playbooks/\w+\.yml|(?<![\w/.])fix_fk\.(?:yml|laravel\.\w+)\b)(?! -i)",
        lambda found: f"ansible-playbook {before(found[1])}{found[1]} -i {inventory}",
        words,
    )


def database_changed(results: dict) -> bool:
    """Tell whether any step may have written to the database, or changed the code."""
    return bool(_wrote(results))


def _wrote(results: dict) -> list[str]:
    """Return the steps that may have done that."""
    return [
        name
        for name, result in results.items()
        if name not in HARMLESS
        and _ran(result)
        and (result.get("changed") or result.get("queries") or _ended_without_a_word(result))
    ]


def _ended_without_a_word(result: dict) -> bool:
    """Tell whether a module was killed, or died, before it could say what it had done."""
    return bool(result.get("failed")) and not result.keys() & {"queries", "invocation"}


def _no_diagnosis() -> dict:
    return {"verdict": "", "found": "", "steps": [], "notes": [], "refused": False, "next": ""}


def _ok(run: dict, outcome: str) -> bool:
    foreseen = run.get("prediction")
    if foreseen and not run.get("failure"):
        asked = run["fail_on"]
        return foreseen["outcome"] not in (FAIL_ON if asked is None else asked)
    if outcome in ASIDE:
        return "rows_aside" not in run.get("fail_on_aside", ())
    return outcome in ("healthy", "planned", "listed", *code.OUTCOMES, *CARRIED_OUT)


def _ran(result: dict | None) -> bool:
    """Tell whether a step was begun; one that another run kept out was not."""
    return bool(result and not result.get("skipped") and "held_by" not in result)


def wrote(results: dict, others: list[dict]) -> bool:
    """Tell whether any module that writes was begun, so that the run had the schema's lock.

    others: results of modules that are no step of the plan. What became of a rehearsal is none.
    """
    steps = [result for name, result in results.items() if name != "rehearse"]
    return any(_ran(result) for result in [*steps, *others])


def _outcome(run: dict, diagnosis: dict, results: dict) -> str:
    """Tell how the run ended: what stopped before its first step is a refusal, not a failure."""
    if run.get("failure"):
        return "failed" if results.keys() - {"rehearse"} or run.get("checks") else "refused"
    foreseen = (run.get("prediction") or {}).get("outcome")
    if foreseen in AHEAD:
        return foreseen
    if diagnosis["refused"] or foreseen == "refused":
        return "refused"
    if not diagnosis["steps"]:
        if diagnosis.get("outcome") in ("rolled_back", "skipped", "listed", "fault_in_code"):
            return diagnosis["outcome"]
        return "rows_aside" if diagnosis["verdict"] == "rows_aside" or _aside(run) else "healthy"
    if run.get("read_only"):
        return "needs_repair"
    if run["check_mode"]:
        return "planned"
    outcome = diagnosis.get("outcome", "repaired")
    return "repaired_rows_aside" if outcome == "repaired" and _aside(run) else outcome


def _aside(run: dict) -> dict | None:
    """Return {found, next} of the check that found rows aside, if one did."""
    return next((c["aside"] for c in run.get("checks") or () if c.get("aside")), None)


def _state(step: str, outcome: str, results: dict, checks: list[dict]) -> str:
    """Tell what became of a step."""
    if outcome in ("planned", "needs_repair", *AHEAD):
        return "planned"
    if step == "verify" and checks:
        return "passed" if all(check["ok"] for check in checks) else "failed"
    result = results.get(step)
    if result is None:
        return "not reached"
    if step == "rehearse" and not result["failed"]:
        return "skipped" if result["refused"] else "passed"
    if result.get("failed"):
        return "failed"
    return "changed" if result.get("changed") else "unchanged"


def _step(step: dict, state: str, result: dict) -> dict:
    changed = bool(result.get("changed"))
    undo = result.get("undo") or []
    if "effect" in result and state == "changed":
        # artisan takes a command back with a command; the plan knows the statements.
        undo = step["undo"]
    return {
        **{part: value for part, value in step.items() if part != "arguments"},
        "state": state,
        "changed": changed,
        "queries": list(result.get("queries") or []),
        "undo_queries": list(undo) if changed else [],
        "details": _details(result) if step["id"] == "rehearse" and result else [],
    }


def _details(rehearsal: dict) -> list[str]:
    parts = text.rehearsal_parts(rehearsal)
    return [f"{label}: {item}" for label, items in parts.items() for item in items]


def _answers(outcome: str, run: dict, diagnosis: dict, results: dict, steps: list[dict]) -> dict:
    """Return what happened, what was done, how things stand and what is next."""
    if run.get("failure"):
        return _failed(outcome, run, diagnosis, results, steps)
    answers: dict = {
        "happened": diagnosis["found"] or "Every check of the checklist passed.",
        "stopped": "",
        "did": "Nothing was changed.",
        "state": "",
        "next": diagnosis["next"] or "Nothing is left to do.",
        "undo": [],
    }
    aside = _aside(run) if outcome in ASIDE else None
    if aside:
        answers["happened"] = f"{aside['found']} {diagnosis['found']}".strip()
        answers["next"] = f"{aside['next']} {diagnosis['next']}".strip()
    stays_down = run["maintenance"].get("down") and not run["maintenance"].get("by_this_tool")
    if outcome == "refused":
        answers["did"] = diagnosis["not_changed"]
        answers["state"] = "The application and its database are as they were found."
    elif outcome == "planned":
        answers["did"] = "This was --check: the plan was shown and nothing was written."
        answers["next"] = run["command"]
        if diagnosis.get("empties") and "carry_over=true" not in run["command"]:
            with_rows = f"{run['command']} -e carry_over=true"
            answers["next"] = (
                f"{alone(run['command'])}The application finds "
                f"{', '.join(diagnosis['empties'])} empty then. With the rows carried over in the "
                f"same run:{alone(with_rows)}"
            )
    elif outcome in AHEAD and not steps:
        answers["did"] = "Nothing was changed: this only inspected."
    elif outcome in ("needs_repair", *AHEAD):
        answers["did"] = "Nothing was changed: this only inspected."
        typed = diagnosis.get("typed") or "fix_fk.yml"
        answers["next"] = f"This carries the plan out; with --check it shows it:{alone(typed)}"
    elif outcome in CARRIED_OUT and steps:
        checks = run.get("checks") or []
        carried = diagnosis["verdict"] == "carries_over"
        did = "The rows were carried over" if carried else CARRIED_OUT[outcome]
        answers["did"] = f"{did}, in {len(steps)} steps.{_carried(results)}"
        # What is said of the fault in the code follows by itself.
        look = [c["check"] for c in checks if c.get("look") and not c.get("standing")]
        answers["state"] = _sentence([*text.counted(checks), *_maintenance(results, run)])
        if outcome == "restored":
            safety = ((results.get("backup") or {}).get("backup") or {}).get("id")
            answers["next"] = (
                "This tells what the state that was put back needs:"
                f"{alone('playbooks/diagnose.yml')}"
            )
            if safety:
                back = f"playbooks/restore.yml -e restore_backup={safety}"
                answers["next"] += f"What was there before comes back with:{alone(back)}"
        elif outcome == "skipped" and look:
            answers["next"] = (
                "The code expects what is missing. Once the migration can run, fix_fk.yml takes "
                "the skip back and runs it, unless something that was migrated since stands in the "
                "way; the backup of this run leads back in any case."
            )
        elif aside:
            # What that check is about has just been said.
            told = {c["check"] for c in checks if c.get("aside")}
            others = [name for name in look if name not in told]
            answers["next"] += f" To look at as well: {', '.join(others)}." if others else ""
        elif look:
            answers["next"] = f"Nothing is left to do at once. To look at: {', '.join(look)}."
        if outcome == "rebuilt":
            backup = (results.get("backup") or {}).get("backup") or {}
            if backup:
                answers["next"] += (
                    " The data of before comes back with: playbooks/restore.yml -e "
                    f"restore_backup={backup['id']}"
                )
        if stays_down:
            answers["next"] = f"When that is meant: php artisan up. {answers['next']}"
    elif stays_down:
        answers["state"] = "The application is in maintenance mode."
        answers["next"] = "php artisan up ends the maintenance mode, when that is meant." + (
            f" {diagnosis['next']}" if diagnosis["next"] else ""
        )
    if not (outcome in CARRIED_OUT and steps):
        answers["state"] = f"{answers['state']} {standing.left_down(run['maintenance'])}".strip()
    if outcome != "refused" and diagnosis.get("warning"):
        answers["state"] = f"{answers['state']} {diagnosis['warning']}".strip()
    return answers


def _carried(results: dict) -> str:
    """Say how many rows are where the application looks now."""
    proofs = (results.get("carry") or {}).get("carried") or ()
    parts = [f"{one['same']} of {one['rows']} into {one['table']}" for one in proofs]
    return f" Rows carried over: {', '.join(parts)}." if parts else ""


def _summary(run: dict, diagnosis: dict, answers: dict) -> str:
    if diagnosis["refused"] and not run.get("failure") and not _ahead(run):
        said = {"found": answers["happened"], "next": answers["next"]}
        return text.refusal({**diagnosis, **said})
    sentences = [answers["happened"], answers["did"], answers["state"]]
    if run.get("failure"):
        sentences[0] = f"Found: {answers['stopped'] or sentences[0]}"
    if answers["undo"]:
        sentences.append(f"To undo what was done: {'; '.join(answers['undo'])}.")
    sentences.append(f"Next: {one_line(answers['next'])}")
    return " ".join(sentence for sentence in sentences if sentence)


def _ahead(run: dict) -> bool:
    """Tell whether this is about migrations that have not failed yet."""
    return (run.get("prediction") or {}).get("outcome") in AHEAD


def _sentence(parts: list[str]) -> str:
    """Return parts as one sentence, or nothing."""
    words = ", ".join(parts)
    return f"{words[0].upper()}{words[1:]}." if words else ""


def _maintenance(results: dict, run: dict) -> list[str]:
    """Say how the application was left, if the run had to do with that at all."""
    if "leave_maintenance" not in results:
        return ["the application stays down, as rows_aside says"] if _aside(run) else []
    if results["leave_maintenance"].get("changed"):
        return [f"the application is up{lasted(run)}"]
    return ["the application stays down as it was before"]


def _failed(outcome: str, run: dict, diagnosis: dict, results: dict, steps: list[dict]) -> dict:
    failure = run["failure"]
    done = [step for step in steps if step["changed"] and step["state"] != "failed"]
    refusal = failure.get("refusal")
    if not refusal:
        refusal = _unexpected(failure["message"], bool(done) or database_changed(results))
    found, did = (" ".join(refusal[part].split()) for part in ("found", "did"))
    next_ = refusal["next"]
    if failure.get("next"):
        next_ = failure["next"]
    elif refusal["again"]:
        again = f"run it again: {run['command']}"
        next_ = and_then(next_, again) if next_ else f"Once the cause is gone, {again}"
    where = f" (In: {failure['task']}.)" if outcome == "failed" else ""
    answers: dict = {
        # What happened to the application is one thing, and what happened to the run another.
        "happened": diagnosis["found"] or found + where,
        "stopped": found + where if diagnosis["found"] else "",
        # What stopped before the first step changed nothing, whatever the module can tell.
        "did": did or ("Nothing was changed." if outcome == "refused" else ""),
        "state": standing.said(run, results, _wrote(results)),
        "next": next_,
        "undo": [],
    }
    if done:
        names = ", ".join(step["title"].lower() for step in done)
        answers["did"] = f"{answers['did']} Done before that: {names}.".strip()
    if database_changed(results):
        answers["undo"] = _undo(results, steps)
    return answers


def _undo(results: dict, steps: list[dict]) -> list[str]:
    """Return what takes back what was done, last first."""
    backup = (results.get("backup") or {}).get("backup")
    half_run = any(
        result.get("failed") and "effect" in result and result.get("queries")
        for name, result in results.items()
        if name not in HARMLESS
    )
    gone = any(result.get("gone") for result in results.values())
    if (half_run or gone) and backup:
        # What artisan did until it failed is known to nobody, and statements that take back only
        # what went before would meet something else.
        return [f"ansible-playbook playbooks/restore.yml -e restore_backup={backup['id']}"]
    return [
        line
        for step in reversed(steps)
        if step["id"] not in HARMLESS
        for line in step["undo_queries"]
    ]


def _unexpected(message: str, changed: bool) -> dict:
    """Return a failure of Ansible's own in the shape of a refusal. changed: whether the run did."""
    return {
        "found": f"{message.strip().rstrip('.')}.",
        "did": "" if changed else "Nothing was changed.",
        "next": next((advice for words, advice in ADVICE.items() if words in message), ""),
        "again": True,
    }
