# SPDX-License-Identifier: GPL-3.0-or-later
"""How things stand after a run that stopped: the application, its schema, its rows.

Always all three, also where that is "as before": it is what an operator asks first.
"""

from __future__ import annotations

from .. import whereabouts

# Steps that change the application's code, its configuration or its account, and no table.
BESIDE = ("permanent_fix", "dotenv", "config_clear", "account", "grant")


def said(run: dict, results: dict, wrote: list[str]) -> str:
    """Return it in sentences. wrote: the steps that may have written, or changed the code."""
    tables = [step for step in wrote if step not in BESIDE]
    parts = [application(run, results), _schema(run, bool(tables))]
    if tables:
        parts.append(_rows(run, results))
    return " ".join(parts)


def application(run: dict, results: dict) -> str:
    """Tell whether the application is up, and whose doing that is."""
    before, down = run["maintenance"], (results.get("maintenance") or {})
    left = results.get("leave_maintenance") or {}
    if left.get("changed"):
        return f"The application is up again{lasted(run)}."
    if down.get("changed") or before.get("by_this_tool"):
        return "The application stays in maintenance mode, into which this tool put it."
    if down.get("failed") and "effect" not in down:
        # Killed in the middle of it.
        return "Whether the application is up is not known."
    after = ((down.get("effect") or {}).get("maintenance") or {}).get("after")
    if after or (after is None and before.get("down")):
        return "The application is in maintenance mode, as this run found it."
    if before.get("down") is False:
        return "The application is up, as it was."
    return "Whether the application is up was not asked."


def left_down(maintenance: dict) -> str:
    """Say that an earlier run did not come to its end and left the application down, if one did."""
    if not (maintenance.get("down") and maintenance.get("by_this_tool")):
        return ""
    return (
        f"The application is in maintenance mode, into which run {maintenance.get('run_id')} of "
        "this tool put it; that run did not come to its end."
    )


def lasted(run: dict) -> str:
    """Return how long the application was down, where that is known."""
    window = run.get("window")
    return "" if window is None else f", after a window of {window:.0f} s"


def _schema(run: dict, changed: bool) -> str:
    name = f"schema {run['schema']}" if run.get("schema") else "database"
    if changed:
        return f"The {name} is not as it was: what was sent is above, under Steps."
    return f"This run wrote nothing to the {name}: no table, no row."


def _rows(run: dict, results: dict) -> str:
    checks = run.get("checks") or ()
    counted = next((one for one in checks if one["check"] == whereabouts.TITLE), None)
    if counted:
        found = "No row went missing" if counted["ok"] else "Rows are not as they were"
        return f"{found}: {counted['detail']}."
    backup = (results.get("backup") or {}).get("backup")
    kept = f"; the backup {backup['id']} has them as they were" if backup else ""
    return f"Whether every row is there was not checked{kept}."
