# SPDX-License-Identifier: GPL-3.0-or-later
"""The first sentences of the page: for somebody who knows neither the database nor its errors."""

from __future__ import annotations

from datetime import datetime

from .brief import ROWS

STOPPED = "A change of the application's database had stopped half-way."
FORESEEN = "The next release has a change of the database that"

# What is true of an outcome, in words of everyday.
OUTCOMES = {
    "healthy": "The application's database is as its releases make it.",
    "repaired": f"{STOPPED} It was repaired.",
    "repaired_rows_aside": f"{STOPPED} It was repaired. No data is lost, but the application does "
    "not show all of it yet: it lies in other tables until it is carried over.",
    "rows_aside": "No data is lost, but the application does not show all of it: it lies in other "
    "tables until it is carried over.",
    "rolled_back": f"{STOPPED} It was taken back: the database is as it was before the release.",
    "skipped": f"{STOPPED} It was left out, so that the others could be made.",
    "restored": "The database was put back to how it was when a backup of it was made.",
    "rebuilt": "The database was emptied and built anew.",
    "rendered": "A change that repairs the database was written. Nothing was changed yet.",
    "migrated": "The application's code was brought, and the changes of its database were made.",
    "planned": "This was a trial: nothing was changed.",
    "listed": "This lists the backups there are.",
    "needs_repair": f"{STOPPED} Nothing was changed: this only looked.",
    "will_fail": f"{FORESEEN} will fail. It has not been made yet.",
    "may_fail": f"{FORESEEN} may fail. It has not been made yet.",
    "would_lose": f"{FORESEEN} would destroy data. It has not been made yet.",
    "fault_in_code": "The application's code has a fault that stops every new installation.",
    "patched": "A fault in the application's code was found, and a correction of it was written.",
    "refused": "This was not done, because it could not be told to be safe. Nothing was changed.",
    "failed": "This did not come to its end, and somebody has to look at it.",
}


def lede(data: dict) -> str:
    """Return what happened, how long the application was away, and whether data is safe."""
    return " ".join(
        part for part in (OUTCOMES[data["outcome"]], _away(data), _rows(data["checks"])) if part
    )


def clock(seconds: float) -> datetime:
    """Return a time of the host in the time zone of the controller."""
    return datetime.fromtimestamp(seconds).astimezone()


def _away(data: dict) -> str:
    down = data.get("down")
    if not down:
        return ""
    since, until = clock(down["since"]), clock(down["until"])
    lasted = max(1, round(down["until"] - down["since"]))
    unit = f"{lasted} second{'s' if lasted > 1 else ''}"
    if lasted >= 120:
        unit = f"{lasted / 60:.0f} minutes"
    return f"The application was away for {unit}, from {since:%H:%M:%S} to {until:%H:%M:%S %Z}."


def _rows(checks: list[dict]) -> str:
    asked = [one for one in checks if one["check"] in ROWS and not one.get("skipped")]
    if not asked:
        return ""
    well = all(one["ok"] for one in asked)
    return "Every row is still there." if well else "Not every row was found again."
