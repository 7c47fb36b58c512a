# SPDX-License-Identifier: GPL-3.0-or-later
"""Which modules carry a step of a plan out, and with which of its arguments.

A role takes a step on the application's schema, and a rehearsal on a clone of it, both by this.
"""

from __future__ import annotations

from collections.abc import Callable

# Runs a module on the host with these options and returns its result, or raises Failed.
Send = Callable[..., dict]
Call = tuple[str, dict]
# Seconds to wait for a lock, and how often to try again: the defaults of the roles.
WAITS = {"lock_wait_timeout": 5, "retries": 3}
MIGRATE_WAIT = 20


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


def arguments(plan: dict, step: str) -> dict | None:
    """Return the arguments of a step, None when the plan does not have it."""
    return next((one["arguments"] for one in plan["steps"] if one["id"] == step), None)


def take(send: Send, plan: dict, step: str, options: dict | None = None) -> dict:
    """Take a step and return its result; of several calls, what takes them back is last first.

    options: lock_wait_timeout (s), retries, schema (the one to be emptied) where they are not the
    plan's or the defaults.
    """
    results = []
    for module, given in CALLS[step](arguments(plan, step) or {}, plan, options or {}):
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


def _waits(options: dict) -> dict:
    return {name: options.get(name, default) for name, default in WAITS.items()}


def _forget(given: dict, _plan: dict, _options: dict) -> list[Call]:
    return [("migration_record", {"state": "absent", **record}) for record in given["records"]]


def _rollback(given: dict, _plan: dict, options: dict) -> list[Call]:
    waits = _waits(options)
    if given["strategy"] == "rename_back":
        return [("rename_back", {"tables": given["tables"], **waits})]
    if given["strategy"] == "inverse":
        asked = {"statements": given["statements"], "accept": given["accept"]}
        return [("undo_statements", {**asked, **waits})]
    return [
        (
            "migration_rollback",
            {
                "migration": given["migration"],
                "recorded": given.get("recorded", False),
                "expected_statements": given.get("expected_statements"),
                "lock_wait_timeout": waits["lock_wait_timeout"] * (1 + waits["retries"]),
            },
        )
    ]


def _add_back(given: dict, _plan: dict, options: dict) -> list[Call]:
    return [("fk_constraint", {"constraints": given["constraints"], **_waits(options)})]


def _record(given: dict, _plan: dict, _options: dict) -> list[Call]:
    return [("migration_record", {"migration": given["migration"]})]


def _fk_drop(given: dict, _plan: dict, options: dict) -> list[Call]:
    given = {"state": "absent", "constraints": given["constraints"]}
    return [("fk_constraint", {**given, **_waits(options)})]


def _remigrate(given: dict, plan: dict, options: dict) -> list[Call]:
    ids = arguments(plan, "ids") or {}
    wait = options.get("lock_wait_timeout", MIGRATE_WAIT)
    return [
        (
            "migrate",
            {
                "migrations": given.get("migrations") or [],
                "ids_above": ids.get("pairs") or [],
                "lock_wait_timeout": wait,
            },
        )
    ]


def _complete(given: dict, _plan: dict, options: dict) -> list[Call]:
    constraints = {"constraints": given["constraints"], "leave_out_orphans": True}
    return [("fk_constraint", {**constraints, **_waits(options)})]


def _empty(given: dict, _plan: dict, options: dict) -> list[Call]:
    schema = options.get("schema") or given["schema"]
    return [
        ("schema_empty", {"schema": schema, "tables": given["tables"] or None, **_waits(options)})
    ]


def _build(given: dict, _plan: dict, _options: dict) -> list[Call]:
    if given["command"] == "migrate":
        return [("migrate", {})]
    return [("artisan", {"command": given["command"], "arguments": ["--force"]})]


def _seed(_given: dict, _plan: dict, _options: dict) -> list[Call]:
    return [("artisan", {"command": "db:seed", "arguments": ["--force"]})]


CALLS: dict[str, Callable[[dict, dict, dict], list[Call]]] = {
    "forget": _forget,
    "rollback": _rollback,
    "add_back": _add_back,
    "record": _record,
    "fk_drop": _fk_drop,
    "skip": _record,
    "remigrate": _remigrate,
    # The call before does it, where there is one.
    "ids": _remigrate,
    "complete": _complete,
    "empty": _empty,
    "build": _build,
    "seed": _seed,
}
