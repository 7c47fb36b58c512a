# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes a step of a plan: a role on the application's schema, a rehearsal on a clone of it."""

from __future__ import annotations

from collections.abc import Callable

from .steps import KINDS, arguments

# Runs a module on the host with these options and returns its result, or raises Failed.
Send = Callable[..., dict]


class Failed(Exception):
    """A module failed; `result` is what it returned, and the text what it said, to go into what
    is said of it."""

    def __init__(self, result: dict):
        refusal = result.get("refusal")
        if refusal:
            parts = (refusal["found"], refusal["did"], f"{refusal['next'].rstrip('.')}.")
            told = " ".join(part for part in parts if part)
        else:
            told = result.get("msg") or "no message"
        super().__init__(told)
        self.result = result


def take(send: Send, plan: dict, step: str, options: dict | None = None) -> dict:
    """Take a step and return its result; of several calls, what takes them back is last first.

    options: lock_wait_timeout (s), retries, schema (the one to be emptied) where they are not the
    plan's or the defaults.
    """
    results = []
    for module, given in KINDS[step].calls(arguments(plan, step) or {}, plan, options or {}):
        result = send(module, **given)
        results.append(result)
    if len(results) == 1:
        return results[0]
    return {
        "changed": any(result.get("changed") for result in results),
        "queries": [query for result in results for query in result.get("queries") or ()],
        "undo": [line for result in reversed(results) for line in result.get("undo") or ()],
    }


def without(expected: dict, left_out: list[dict]) -> dict:
    """Return what is expected, without the constraints that rows stand in the way of."""
    names = {key["name"] for key in left_out}
    return {
        **expected,
        "constraints": [key for key in expected["constraints"] if key["name"] not in names],
    }
