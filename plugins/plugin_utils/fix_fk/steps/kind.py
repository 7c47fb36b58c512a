# SPDX-License-Identifier: GPL-3.0-or-later
"""What a step and a kind of step are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Call = tuple[str, dict]
# Seconds to wait for a lock, and how often to try again: the defaults of the roles.
WAITS = {"lock_wait_timeout": 5, "retries": 3}


@dataclass(frozen=True)
class Kind:
    """A kind of step: the words beside the time that it took, and how it is carried out.

    calls: (its arguments, the plan, options) -> the modules and their options, in order. One that
    `goes_on` is called again for as long as it says that something is `left`.
    """

    told: str
    calls: Callable[[dict, dict, dict], list[Call]]
    goes_on: bool = False


def step(id_: str, title: str, reason: str, do, undo, proof: str, **arguments) -> dict:
    """Return one step as plain data."""
    return {
        "id": id_,
        "title": title,
        "reason": reason,
        "do": list(do),
        "undo": list(undo),
        "proof": proof,
        "arguments": arguments,
    }


def arguments(plan: dict, step: str) -> dict | None:
    """Return the arguments of a step, None when the plan does not have it."""
    return next((one["arguments"] for one in plan["steps"] if one["id"] == step), None)


def waits(options: dict) -> dict:
    """Return how long to wait for locks, as the modules take it."""
    return {name: options.get(name, default) for name, default in WAITS.items()}
