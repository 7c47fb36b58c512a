# SPDX-License-Identifier: GPL-3.0-or-later
"""A run on one screen: what a tired person needs. The rest is shown with -v, and in the report."""

from __future__ import annotations

import re

from .. import untouched, whereabouts
from .layout import WIDTH, labelled, plain, shortened, shown, title, title_lines, wrap

# How many notes are shown with a plan, each by its first sentence; and without one, where they may
# be what somebody is asked to agree to.
NOTES, ASKED = 5, 15
# Where a step's undo begins, behind its title.
UNDO = 46
# The checks of the rows.
ROWS = (whereabouts.TITLE, untouched.TITLE)
SENTENCE = re.compile(r"(?<=\.)\s+(?=[A-Z])")
MORE = "-v shows each statement with its undo and its proof; so does the report."


def plan(diagnosis: dict, host: str) -> str:
    """Return the diagnosis and the plan of one host: a line a step, and how that is undone."""
    steps = diagnosis["steps"]
    # Without a plan, what was found stands in the report, a few lines further down.
    lines = _found(diagnosis) if steps else []
    lines += labelled("Notes", _notes(diagnosis["notes"], bool(steps)))
    if not lines:
        return ""
    planned = f"PLAN, {len(steps)} steps" if steps else "NO PLAN"
    name = "REFUSED" if diagnosis["refused"] else planned
    lines = [*title_lines(name, host, diagnosis["verdict"]), *lines]
    if steps:
        lines.append("")
        for number, step in enumerate(steps, 1):
            named = plain(f" {number:>2}  {step['title']}")
            lines += wrap(_undo(step), f"{named:<{UNDO}}  ", " " * (UNDO + 2))
        lines += ["", *wrap(MORE, " " * 5, " " * 5)]
    return shown(lines)


def rehearsal(result: dict, host: str, parts: dict[str, list[str]], passed: list[str]) -> str:
    """Return how a rehearsal went, and how long the application will be down."""
    if result["refused"]:
        return shown([title("NOT REHEARSED", host), *labelled("Why", parts["Why"])])
    lines = [title("REHEARSED", host, f"on the clone {', '.join(passed)}")]
    for label in ("Window", "Where", "Left out"):
        lines += labelled(label, parts[label])
    return shown(lines)


def first(told: str) -> str:
    """Return the first sentence of a text."""
    return SENTENCE.split(told, 1)[0]


def checks(data: dict) -> list[dict]:
    """Return the checks that want a person; all of them, where a run was nothing but checks."""
    # What stands behind Happened and Next is not said twice.
    wanted = [
        c
        for c in data["checks"]
        if not c["ok"] or (c.get("look") and not c.get("aside") and not c.get("standing"))
    ]
    return wanted if data["steps"] else data["checks"]


def steps(data: dict) -> list[dict]:
    """Return the steps as they ended, where one did not end well."""
    failed = any(step["state"] in ("failed", "not reached") for step in data["steps"])
    return data["steps"] if failed else []


def happened(data: dict) -> str:
    """Return what happened; where a plan was shown, and carried out, it has said the rest."""
    if not data["steps"] or data["tone"] == "bad":
        return data["happened"]
    found = data["diagnosis"]["found"]
    return data["happened"].replace(found, first(found)) if found else data["happened"]


def rows(data: dict) -> list[str]:
    """Return what became of the rows, where that was asked: of those read, and of the others."""
    said = [c["detail"] for c in data["checks"] if c["check"] in ROWS and not c.get("skipped")]
    return [one for one in said if not one.startswith("0 rows of ") or len(said) == 1]


def _found(diagnosis: dict) -> list[str]:
    told = diagnosis["found"]
    names = [n for n in diagnosis["names"] if n["name"] not in told or n["holder"] not in told]
    return [
        *labelled("Found", [told]),
        *labelled("Held", [_held(names)] if names else []),
        *labelled("Because", diagnosis["evidence"][:1]),
    ]


def _held(names: list[dict]) -> str:
    """Return who has the names that are wanted, each holder once."""
    holders: dict[tuple, list[str]] = {}
    for one in names:
        holders.setdefault((one["holder"], one["is"], one["wanted_by"]), []).append(one["name"])
    return "; ".join(
        f"{', '.join(held)} by {holder} ({kind}), wanted by {wanted}"
        for (holder, kind, wanted), held in holders.items()
    )


def _notes(notes: list[str], planned: bool) -> list[str]:
    limit = NOTES if planned else ASKED
    shown = [f"- {shortened(first(note) if planned else note)}" for note in notes[:limit]]
    more = len(notes) - limit
    return [*shown, f"- {more} more: with -v, and in the report."] if more > 0 else shown


def _undo(step: dict) -> str:
    """Say in a few words how a step is taken back."""
    undo = [line for line in step["undo"] if not line.lstrip().startswith("--")] or step["undo"]
    if not undo or undo[0].startswith("nothing to undo"):
        return "nothing to undo"
    if len(undo) == 1 and len(undo[0]) < WIDTH - UNDO - 8:
        return f"undo: {undo[0]}"
    return f"undo: {len(undo)} statement{'s' if len(undo) > 1 else ''}"
