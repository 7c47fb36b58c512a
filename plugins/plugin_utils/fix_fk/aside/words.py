# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of rows aside, and what is next."""

from __future__ import annotations

from ..inputs import Inputs

from ansible.module_utils.fix_fk.schema.sql import quote_identifier as quote  # isort: skip

KEEPS_ZERO = "SET SESSION sql_mode = CONCAT(@@sql_mode, ',NO_AUTO_VALUE_ON_ZERO')"


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


def advice(found: list[dict]) -> str:
    """Return what is next, with the statements where they are certain to lose nothing."""
    pointing = [item for item in found if item["children"]]
    found = [item for item in found if item["rows"] != 0]
    if not found:
        return _advice_on_children(pointing)
    copied = [item for item in found if item["copy"]]
    copies = "; ".join(item["copy"] for item in copied)
    if any(item["next"] for item in copied):
        # Or a row with the id 0 would get another one.
        copies = f"{KEEPS_ZERO}; {copies}"
    left = [f"{name} of {item['old']}" for item in copied for name in item["left"]]
    parts = []
    counting = [
        f"ALTER TABLE {quote(item['table'])} AUTO_INCREMENT = {item['following']}"
        for item in found
        if item["following"]
    ]
    if counting:
        parts.append(f"At once, so that no id is given twice: {'; '.join(counting)};")
    for item in found:
        if item["back"]:
            parts.append(
                f"No recorded migration has renamed {item['old']}: one that did was taken out of "
                f"the release, or somebody did it by hand. If {item['table']} is to be what it was "
                f"before, give the names back, which loses no row: {item['back']}; then run this "
                "again. Otherwise:"
            )
    parts.append(
        "Nothing copies the rows by itself: a migration or a person has to bring them over, "
        "after a backup and while the application is down."
    )
    if copies:
        parts.append(
            "These statements do, in this order, and leave the old rows where they are; what "
            f"cannot be taken as it is makes one fail as a whole: {copies};"
        )
    if left:
        parts.append(f"({', '.join(left)} has no counterpart and stays there alone.)")
    parts += [
        f"For {item['table']} there is no such statement: {item['why_not']}."
        for item in found
        if item["why_not"]
    ]
    olds = {item["old"].casefold() for item in found}
    if any(c["table"].casefold() not in olds for item in found for c in item["children"]):
        parts.append("Then a migration has to point the constraints named above at the new table.")
    names = ", ".join(item["table"] for item in found)
    parts.append(f"If they are to stay aside: accept_rows_aside: [{names}] in the inventory.")
    return " ".join(part.strip() for part in parts)


def _advice_on_children(found: list[dict]) -> str:
    names = ", ".join(item["table"] for item in found)
    again = "; ".join(child["again"] for item in found for child in item["children"])
    return (
        "The rows have been brought over. Point these constraints at the new table, with a "
        f"migration or by hand, after a backup: {again}; If the constraints are to stay as they "
        f"are: accept_rows_aside: [{names}] in the inventory."
    )


def accepted(found: list[dict]) -> list[str]:
    """Return a note on each that the inventory accepts."""
    return [f"Accepted in accept_rows_aside: {said([item])}" for item in found]
