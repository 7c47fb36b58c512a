# SPDX-License-Identifier: GPL-3.0-or-later
"""What is foreseen, on a screen: what is certain first and never left out, the rest by kinds.

All findings, with their queries, are on the page and in the data of a run.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..wording import few

LOSES, FAILS, MAY, LOOK = "LOSES ROWS", "WILL FAIL", "may fail", "look"
CERTAIN = (LOSES, FAILS)
# So many kinds of what is not certain are shown.
KINDS = 5

Line = tuple[str, str]


def likely(finding: dict) -> str:
    """Return the word in front of a finding."""
    if finding["loses"]:
        return LOSES
    if finding["will_fail"]:
        return FAILS
    return MAY if finding["may_fail"] else LOOK


def lines(foreseen: dict) -> list[Line]:
    """Return (word, sentence) of what a screen shows of a prediction."""
    groups: dict[tuple, list[dict]] = {}
    for finding in foreseen["findings"]:
        groups.setdefault(_group(finding), []).append(finding)
    order = sorted(groups, key=lambda key: (LOSES, FAILS, MAY, LOOK).index(key[0]))
    certain = [key for key in order if key[0] in CERTAIN]
    others = [key for key in order if key[0] not in CERTAIN]
    told = [(key[0], _said(groups[key], *key[:2])) for key in [*certain, *others[:KINDS]]]
    hidden = sum(len(groups[key]) for key in others[KINDS:])
    shown = len(told)
    if hidden:
        told.append((LOOK, f"{hidden} findings of other kinds are not shown here."))
    told += [("note", note) for note in foreseen["notes"]]
    if shown < len(foreseen["findings"]) or any(f["query"] for f in foreseen["findings"]):
        number = len(foreseen["findings"])
        each = f"All {number} findings are" if number > 1 else "The finding is"
        told.append(("note", f"{each} in the report, with what lists the rows; -v shows it here."))
    return told


def every(foreseen: dict) -> list[Line]:
    """Return (word, sentence) of each finding, and behind it ("", its query)."""
    told: list[Line] = []
    for finding in foreseen["findings"]:
        told.append((likely(finding), finding["sentence"]))
        if finding["query"]:
            told.append(("", finding["query"]))
    return told + [("note", note) for note in foreseen["notes"]]


def _group(finding: dict) -> tuple:
    """Return (word, kind, ...), the same for findings that are said in one sentence."""
    word = likely(finding)
    if word in CERTAIN:
        return word, finding["kind"], finding["detail"]
    if finding["guarded"]:
        return word, "guarded"
    return word, finding["kind"], tuple(finding["errors"][:1])


def _said(findings: list[dict], word: str, kind: str) -> str:
    migrations = few(finding["migration"] for finding in findings)
    number = len({finding["migration"] for finding in findings})
    first = findings[0]
    if len(findings) == 1:
        return first["brief"]
    if word in CERTAIN:
        if number == 1:
            return first["brief"]
        return f"{first['brief']} So {'do' if word == LOSES else 'will'} {_others(findings)}."
    if kind == "guarded" and word == MAY:
        errors = few(str(finding["errors"][0]) for finding in findings)
        return (
            f"{_migrations(number)} by what {_it(number)} and may fail, should a branch be taken "
            f"that is not (error {errors}): {migrations}."
        )
    if kind == "guarded":
        return (
            f"{_migrations(number)} by what {_it(number)}, so statements that will be sent may not "
            f"have been seen: {migrations}. Letting them run on a copy of the schema shows them."
        )
    return f"{first['brief']} {len(findings) - 1} more of this kind: {_others(findings)}."


def _migrations(number: int) -> str:
    return "1 migration decides" if number == 1 else f"{number} migrations decide"


def _it(number: int) -> str:
    return "it finds" if number == 1 else "they find"


def _others(findings: Iterable[dict]) -> str:
    names = list(dict.fromkeys(finding["migration"] for finding in findings))
    return few(names[1:] or names)
