# SPDX-License-Identifier: GPL-3.0-or-later
"""The outcome of one host's run, for the screen, the HTML page and the JSON file."""

from __future__ import annotations

from . import text

# The roles that write to the database: a failure in one of them, or after it, leaves the
# application in maintenance mode.
WRITERS = ("rollback", "fk_drop", "remigrate")


def build(run: dict) -> dict:
    """Return the report of a run.

    `run` holds host, run_id, check_mode, diagnosis, results ({step id: module result}),
    failure (None or {task, message}), checks and command (what to type to run this again).
    The result adds outcome (healthy, planned, repaired, refused, failed), ok, summary, done.
    """
    diagnosis = run["diagnosis"] or _no_diagnosis()
    results = {name: result for name, result in run["results"].items() if _ran(result)}
    done = [
        _entry(step, results[step["id"]]) for step in diagnosis["steps"] if step["id"] in results
    ]
    outcome = _outcome(run, diagnosis, results)
    return {
        "host": run["host"],
        "run_id": run["run_id"],
        "outcome": outcome,
        "ok": outcome in ("healthy", "planned", "repaired"),
        "summary": _summary(outcome, run, diagnosis, results, done),
        "diagnosis": diagnosis,
        "done": done,
        "checks": run.get("checks") or [],
        "backup": (results.get("backup") or {}).get("backup"),
    }


def database_changed(results: dict) -> bool:
    """Tell whether any step may have written to the database."""
    return any(
        _ran(results.get(name)) and (results[name].get("changed") or results[name].get("queries"))
        for name in WRITERS
    )


def _no_diagnosis() -> dict:
    return {"verdict": "", "found": "", "steps": [], "notes": [], "refused": False, "next": ""}


def _ran(result: dict | None) -> bool:
    return bool(result) and not result.get("skipped")


def _entry(step: dict, result: dict) -> dict:
    changed = bool(result.get("changed"))
    return {
        "id": step["id"],
        "title": step["title"],
        "changed": changed,
        "queries": list(result.get("queries") or []),
        "undo": list(result.get("undo") or []) if changed else [],
        "failed": bool(result.get("failed")),
    }


def _outcome(run: dict, diagnosis: dict, results: dict) -> str:
    """Tell how the run ended: what stopped before its first step is a refusal, not a failure."""
    if run.get("failure"):
        return "failed" if results else "refused"
    if diagnosis["refused"]:
        return "refused"
    if not diagnosis["steps"]:
        return "healthy"
    return "planned" if run["check_mode"] else "repaired"


def _summary(outcome: str, run: dict, diagnosis: dict, results: dict, done: list[dict]) -> str:
    again = run["command"]
    if run.get("failure"):
        return _failed(run, results, done)
    if outcome == "refused":
        return text.refusal(diagnosis)
    if outcome == "healthy":
        sentence = f"{diagnosis['found']} Nothing was changed."
        return sentence + (f" Next: {diagnosis['next']}" if diagnosis["next"] else "")
    if outcome == "planned":
        return (
            f"{diagnosis['found']} This was --check: the plan was shown and nothing was written. "
            f"Next: {again}"
        )
    return (
        f"{diagnosis['found']} It was repaired: {len(done)} steps done, "
        f"{len(run.get('checks') or [])} checks passed"
        f"{_maintenance(results)}. Nothing is left to do."
    )


def _maintenance(results: dict) -> str:
    left = results.get("leave_maintenance") or {}
    if left.get("changed"):
        return ", the application is up"
    return ", the application stays down as it was before"


def _failed(run: dict, results: dict, done: list[dict]) -> str:
    failure = run["failure"]
    changed = database_changed(results)
    names = [entry["title"].lower() for entry in done if entry["changed"] and not entry["failed"]]
    told = " ".join(failure["message"].split()).rstrip(".")
    sentence = f"Found: {told}. (In: {failure['task']}.) "
    if names:
        sentence += f"Done before that: {', '.join(names)}. "
    elif "Nothing was changed" not in told:
        sentence += "Nothing was changed. "
    entered = (results.get("maintenance") or {}).get("changed")
    left = (results.get("leave_maintenance") or {}).get("changed")
    if changed:
        undo = [
            line for entry in reversed(done) for line in entry["undo"] if entry["id"] in WRITERS
        ]
        sentence += "The application stays in maintenance mode. "
        sentence += f"To undo what was done: {'; '.join(undo)}. " if undo else ""
        if any(not check["ok"] for check in run.get("checks") or ()):
            sentence += "If what differs is meant, end the maintenance yourself: php artisan up. "
    elif names:
        sentence += "The database was not changed. "
        if entered and left:
            sentence += "Maintenance mode was lifted again. "
        elif entered:
            sentence += "The application is still in maintenance mode. "
    if "Next: " in told:
        return sentence.strip()
    return sentence + f"Next: once the cause is gone, run it again: {run['command']}"
