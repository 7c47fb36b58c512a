# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of rows aside, and what is next."""

from __future__ import annotations

from ..inputs import Inputs
from .rows import is_uncounted

from ansible.module_utils.fix_fk.refusal import typed  # isort: skip
from ansible.module_utils.fix_fk.schema.sql import quote_identifier as quote  # isort: skip


def split(found: list[dict], inputs: Inputs) -> tuple[list[dict], list[dict]]:
    """Return those that the inventory does not accept, and those that it does."""
    accepted = {name.casefold() for name in inputs.accept_rows_aside}
    open_: list[dict] = []
    meant: list[dict] = []
    for item in found:
        names = {item["table"].casefold(), item["old"].casefold()}
        (meant if names & accepted else open_).append(item)
    return open_, meant


def said(found: list[dict]) -> str:
    """Return in words what is aside, and what comes of it."""
    sentences = []
    for item in (one for one in found if one["rows"] != 0):
        number = "the rows" if item["rows"] is None else f"{item['rows']} rows"
        if item["empty"]:
            its = "its rows" if item["rows"] is None else f"its {number}"
            sentences.append(
                f"The application finds {item['table']} empty: {its} are in {item['old']}."
            )
        elif not item["told"]:
            sentences.append(
                f"Whether {number} of {item['old']} are in {item['table']}, which came in its "
                "place, cannot be told: no key tells them in both."
            )
        elif item["rows"] is None:
            sentences.append(
                f"It could not be counted in time whether all rows of {item['old']} are in "
                f"{item['table']}, which came in its place."
            )
        else:
            sentences.append(
                f"The application does not find {number} of {item['old']} in {item['table']}, "
                "which came in its place."
            )
            if item["other"]:
                sentences.append(
                    f"In the place of {item['other']} of them is a row of the same key and other "
                    "content: another row, or one that was changed since."
                )
    olds = {item["old"].casefold() for item in found}
    for item in found:
        names = [
            f"{child['table']} ({child['name']})"
            for child in item["children"]
            if child["table"].casefold() not in olds
        ]
        if names:
            sentences.append(
                f"Still pointing at {item['old']}: {', '.join(names)}; a new row there can refer "
                "to an old one only."
            )
        if item["following"]:
            sentences.append(
                f"New rows of {item['table']} get ids from {item['next']} on, which rows of "
                f"{item['old']} have: a child of a new row is taken for one of an old row."
            )
    return " ".join(sentences)


def advice(found: list[dict], command: str, means: str = "") -> str:
    """Return what is next. command: what carries the rows over; means: what its answers mean."""
    away = [item for item in found if item["rows"] != 0]
    if not away:
        names = ", ".join(item["table"] for item in found)
        return (
            "The rows have been brought over. Point the constraints at the new table:"
            f"{typed(command)}If they are to stay as they are: accept_rows_aside: [{names}] in the "
            "inventory."
        )
    parts = [
        f"No recorded migration has renamed {item['old']}: one that did was taken out of the "
        f"release, or somebody did it by hand. If {item['table']} is to be what it was before, "
        f"give the names back, which loses no row; then run this again:{typed(item['back'] + ';')}"
        for item in away
        if item["back"]
    ]
    first = "Otherwise carry" if parts else "Carry"
    if all(map(is_uncounted, away)):
        first = "Give the counting more time; what is missing is carried over then"
    else:
        first += " the rows over"
    parts.append(
        f"{first}:{typed(command)}{means}{' ' * bool(means)}With --check it shows "
        "which column goes where."
    )
    counting = [
        f"ALTER TABLE {quote(item['table'])} AUTO_INCREMENT = {item['following']};"
        for item in away
        if item["following"]
    ]
    if counting:
        parts.append(f"Until then, so that no id is given twice:{typed(*counting)}")
    names = ", ".join(item["table"] for item in away)
    parts.append(f"If they are to stay aside: accept_rows_aside: [{names}] in the inventory.")
    return "".join(part if part.endswith("\n") else f"{part} " for part in parts).strip()


def accepted(found: list[dict]) -> list[str]:
    """Return a note on each that the inventory accepts."""
    return [f"Accepted in accept_rows_aside: {said([item])}" for item in found]
