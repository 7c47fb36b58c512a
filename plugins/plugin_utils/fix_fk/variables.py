# SPDX-License-Identifier: GPL-3.0-or-later
"""The operator's variables, held against what the roles say they take (meta/argument_specs.yml).

problems(options, values) gives a sentence for each variable that has a value it cannot have.
Ansible itself would see that only when it comes to the role that reads it, in the window.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from . import inputs, prediction
from .plans import fresh

# What both a module's option and the filter `bool` take for true and false.
TRUE, FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
# Both bounds of a number, by the end of its name; argument_specs.yml has no word for them.
BOUNDS = {
    "_port": (1, 65535),
    "_timeout": (1, 3600),
    "_retries": (0, 1000),
    "_seconds": (1, 86400),
    "": (0, 1000000),
}
TELLING = ("password", "secret", "token", "key")
# More than a type: what these take, a list or one text with commas between.
OWN = {
    "diagnose_fail_on": prediction.fail_on,
    "expected_tables": inputs.table_names,
    "fresh_tables": fresh.tables_to_drop,
    "laravel_env": inputs.environment,
    "report_fail_on": lambda value: inputs.outcomes("report_fail_on", value, ("rows_aside",)),
    "restore_accept_different": inputs.comma_names,
}
BRACES = (
    "If it is meant as it stands, give it through the environment, or put !unsafe before it in a "
    "variables file: {name}: !unsafe '...'"
)


@dataclass(frozen=True)
class Unusable:
    """Stands for a value whose template failed. `where` is the key in a dictionary, or empty."""

    reason: str
    where: str = ""
    # Whether the value is a template and nothing else, so that the reason holds no part of it.
    whole: bool = False


def merge(specs: list[dict]) -> dict[str, list[dict]]:
    """Return {variable: what each entry point says of it} of argument_specs.yml files."""
    found: dict[str, list[dict]] = {}
    for spec in specs:
        for entry in spec["argument_specs"].values():
            for name, option in (entry.get("options") or {}).items():
                if option not in found.setdefault(name, []):
                    found[name].append(option)
    return found


# Variables of playbooks, which no role takes.
OF_PLAYBOOKS = ("option", "fix_fk_group", "verify_json", "sandbox_state")


# Of Ansible itself, and of AWX.
NOT_OURS = ("ansible_", "awx_", "tower_")
# How alike two names are, from 0 to 1, for the one to be suggested, and to be taken for the other
# where much else may stand beside it: backup_dri and backup_dir are 0.9 alike.
SUGGESTED, SAME = 0.6, 0.9


def unknown(
    extra: Iterable[str], inventory: dict, known: Iterable[str], others: Iterable[str] = ()
) -> dict[str, str]:
    """Return {variable: a sentence} of those that nobody takes.

    Ansible takes any name without a word, and what was meant would not be done. An extra variable
    (-e) that is unknown was mistyped, or is for nothing. An inventory has variables of other roles
    as well: there only a name that is nearly one of ours is told.

    inventory: what the host has, with the extra ones, not evaluated: a name that one of them uses
    is not unknown. others: names that are said to be for something else.
    """
    of_roles = set(known)
    names, typed, found = {*of_roles, *OF_PLAYBOOKS}, set(extra), {}
    for name in sorted({*typed, *inventory}):
        if name in names or name in others or name.startswith(NOT_OURS):
            continue
        if any(_uses(value, name) for other, value in inventory.items() if other != name):
            continue
        like, how = (names, SUGGESTED) if name in typed else (of_roles, SAME)
        near = difflib.get_close_matches(name, like, 1, how)
        if name == "_raw_params":
            found[name] = "-e was given something without a value; it takes name=value"
        elif near:
            found[name] = f"{name} is no variable of this tool; {near[0]} is one that looks like it"
        elif name in typed:
            found[name] = f"{name} is no variable of this tool"
    return found


def _uses(value, name: str) -> bool:
    """Tell whether a value is, or has in it, a template with this name."""
    if isinstance(value, dict):
        return any(_uses(one, name) for one in value.values())
    if isinstance(value, (list, tuple)):
        return any(_uses(one, name) for one in value)
    return isinstance(value, str) and "{" in value and bool(re.search(rf"\b{name}\b", value))


def problems(options: dict[str, list[dict]], values: dict) -> dict[str, str]:
    """Return {variable: a sentence about what is wrong with it}, without the final stop.

    options: as merge() gives them; values: those that are given, evaluated, an Unusable where that
    failed. None is as good as not given, but for a choice that would have had a default.
    """
    found = {}
    for name, said in options.items():
        for option in said:
            problem = next(_problems(name, option, values), None)
            if problem:
                found[name] = problem
                break
    if not found:
        found = inputs.relations(values)
    return found


def is_secret(name: str, option: dict | None = None) -> bool:
    """Whether the value of a variable is not to be shown."""
    return bool((option or {}).get("no_log")) or any(word in name.lower() for word in TELLING)


def _problems(name: str, option: dict, values: dict) -> Iterator[str]:
    value = values.get(name)
    if value is None or (option.get("required") and value == ""):
        if option.get("required"):
            yield f"{name} is missing: {_first(option['description'])}"
        elif name in values and "default" in option and "choices" in option:
            yield f"{name} takes one of {_words(option['choices'])}, and is empty"
    elif isinstance(value, Unusable):
        yield _unusable(name, value, is_secret(value.where or name, option))
    else:
        yield from _wrong(name, value, option)
        try:
            OWN.get(name, bool)(value)
        except ValueError as error:
            yield str(error)


def _unusable(name: str, value: Unusable, secret: bool) -> str:
    at = f"{name}, {value.where}," if value.where else name
    reason = f" ({value.reason})" if value.whole or not secret else ""
    told = f"{at} has braces in it, which Ansible takes for a template and cannot evaluate{reason}"
    return f"{told}. {BRACES.format(name=value.where or name)}"


def _wrong(name: str, value, option: dict) -> Iterator[str]:
    """Yield what is wrong with a value; the first is told."""
    kind, choices = option.get("type", "str"), option.get("choices")
    given = "" if is_secret(name, option) else f", not {_shown(value)}"
    if choices and kind != "list":
        if not _chosen(value, choices):
            yield f"{name} takes one of {_words(choices)}{given}"
    elif kind in ("str", "path"):
        if not isinstance(value, str):
            but = "" if is_secret(name, option) else f" but {_shown(value)}"
            yield f"{name} is not text{but}; put it in quotes"
    elif kind == "bool":
        if not _is_word(value, TRUE + FALSE):
            yield f"{name} takes true or false{given}"
    elif kind == "int":
        low, high = next(bounds for end, bounds in BOUNDS.items() if name.endswith(end))
        number = _number(value)
        if number is None or not low <= number <= high:
            yield f"{name} takes a whole number from {low} to {high}{given}"
    elif kind == "dict":
        yield from _wrong_dict(name, value, option)
    elif kind == "list":
        yield from _wrong_list(name, value, option)


def _wrong_dict(name: str, value, option: dict) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{name} takes names with a value each, as a dictionary"
        return
    for part, said in (option.get("options") or {}).items():
        given = value.get(part)
        if said.get("required") and given in (None, "", [], ()):
            yield f"{part} is missing"
        elif given is not None:
            yield from _wrong(part, given, said)


def _wrong_list(name: str, value, option: dict) -> Iterator[str]:
    entry = {"type": option.get("elements", "raw"), "options": option.get("options")}
    if not isinstance(value, (list, tuple)):
        yield f"{name} takes a list" + (", each in quotes" if entry["type"] == "str" else "")
        return
    for number, one in enumerate(value, start=1):
        if entry["type"] == "str" and not isinstance(one, str):
            yield f"{name} has the entry {_shown(one)}, which is not text; put it in quotes"
        elif entry["type"] == "dict":
            for problem in _wrong(f"entry {number}", one, entry):
                yield f"{name}, entry {number}: {problem.removeprefix(f'entry {number} ')}"


def _shown(value) -> str:
    """Return a value as an operator types it; of one that may be long, what it is."""
    if isinstance(value, (list, tuple)):
        return "a list"
    if isinstance(value, dict):
        return "a dictionary"
    return _word(value) if not isinstance(value, str) else repr(str(value))


def _word(value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _words(choices: list) -> str:
    return ", ".join(_word(choice) for choice in choices if choice != "")


def _chosen(value, choices: list) -> bool:
    if any(isinstance(choice, bool) for choice in choices) and _is_word(value, TRUE + FALSE):
        return True
    return isinstance(value, str) and value in choices


def _is_word(value, words: tuple[str, ...]) -> bool:
    return isinstance(value, (str, int)) and str(value).lower() in words


def _number(value) -> int | None:
    """Return the whole number that is given, also as text, or None."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    text = str(value)
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) < 20 else None


def _first(description) -> str:
    text = description if isinstance(description, str) else description[0]
    return text[:1].lower() + text[1:].rstrip(".")
