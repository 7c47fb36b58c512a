# SPDX-License-Identifier: GPL-3.0-or-later
"""Which backups are kept, and why.

kept = judge(list_backups(folder, schema), Rules(keep=10, days=30), now)   # {id: why, or None}
removed = remove(backups, kept)                                            # those without a why
"""

from __future__ import annotations

import contextlib
import datetime
import os
from dataclasses import dataclass

RETENTION_SPEC = {
    "keep": {"type": "int", "default": 0},
    "keep_days": {"type": "int", "default": 0},
    "keep_runs": {"type": "list", "elements": "str", "default": []},
    "keep_all": {"type": "bool", "default": False},
}


@dataclass(frozen=True)
class Rules:
    """keep: how many of the newest stay; days: how long any does; 0 of both: all stay.

    runs: ids of unfinished runs, whose backups stay, with all that came after them; rows_aside:
    whether rows are where the application does not look for them, or may be: then all stay.
    """

    keep: int = 0
    days: int = 0
    runs: tuple = ()
    rows_aside: bool = False


def rules_of(module):
    """Return the Rules of a module's options keep, keep_days, keep_runs and keep_all."""
    given = module.params
    return Rules(given["keep"], given["keep_days"], tuple(given["keep_runs"]), given["keep_all"])


def judge(backups, rules, now):
    """backups: of one schema, newest first, as list_backups() has them; now: an aware datetime."""
    needed = [
        backup["created"]
        for backup in backups
        if {backup["run_id"], backup.get("goes_on_with")} & set(rules.runs) - {None, ""}
    ]
    proven = next((b["id"] for b in backups if b["proof_level"] == "L2"), None) or next(
        (b["id"] for b in backups if b["proof_level"] == "L1"), None
    )
    usable = [backup["id"] for backup in backups if not backup["problem"]]

    def why(backup):
        if not (rules.keep or rules.days):
            return "none is removed"
        if backup["problem"]:
            return "one that cannot be used"
        if backup["id"] in usable[: max(rules.keep, 1)]:
            return "one of the newest" if rules.keep > 1 else "the newest"
        if rules.days and _age(backup["created"], now) < datetime.timedelta(days=rules.days):
            return f"younger than {rules.days} days"
        if backup["id"] == proven:
            return "the newest proven one"
        if needed and backup["created"] >= min(needed):
            return "what an unfinished run may need"
        return "what rows aside may need" if rules.rows_aside else None

    return {backup["id"]: why(backup) for backup in backups}


def _age(created, now):
    try:
        return now - datetime.datetime.fromisoformat(created)
    except (TypeError, ValueError):
        return datetime.timedelta(0)


def remove(backups, kept):
    """Remove those without a reason to be kept; return ([{id, bytes}] of them, [problems])."""
    removed, problems = [], []
    for backup in backups:
        if kept[backup["id"]] is not None:
            continue
        try:
            # A manifest without a dump is no backup; a dump without its manifest is a bad one.
            os.unlink(backup["path"])
            with contextlib.suppress(FileNotFoundError):
                os.unlink(backup["path"] + ".json")
        except OSError as error:
            problems.append(f"{backup['id']} cannot be removed: {error}.")
            continue
        removed.append({"id": backup["id"], "bytes": backup["bytes"]})
    return removed, problems
