# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes a step of a plan: a role on the application's schema, a rehearsal on a clone of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

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


def take(
    send: Send,
    plan: dict,
    step: str,
    options: dict | None = None,
    tell: Callable[[dict], None] = lambda _result: None,
) -> dict:
    """Take a step and return its result; of several calls, what takes them back is last first.

    options: lock_wait_timeout (s), retries, schema (the one to be emptied) where they are not the
    plan's or the defaults. tell: is handed what each call of a step that goes on returned.
    """
    results: list[dict] = []
    kind = KINDS[step]
    for module, given in kind.calls(arguments(plan, step) or {}, plan, options or {}):
        while True:
            try:
                results.append(send(module, **given))
            except Failed as failed:
                if kind.goes_on and results:
                    # What was done by the calls before is to be taken back as well.
                    raise Failed(
                        {**failed.result, **_together([*results, failed.result])}
                    ) from None
                raise
            if not (kind.goes_on and results[-1].get("left") and results[-1].get("moved")):
                break
            tell(results[-1])
    return results[0] if len(results) == 1 else _together(results)


def _together(results: list[dict]) -> dict:
    """Return several results as one."""
    return {
        **{name: value for name, value in results[-1].items() if name in ("carried", "left")},
        "changed": any(result.get("changed") for result in results),
        "queries": _once(query for result in results for query in result.get("queries") or ()),
        "undo": _once(line for result in reversed(results) for line in result.get("undo") or ()),
    }


def _once(lines: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(lines))


def so_far(result: dict) -> str:
    """Return how far a step has come, by what its last call returned."""
    done, total = result["total"] - result["left"], result["total"]
    text = f"{done} of {total} rows ({100 * done // max(total, 1)} %)"
    if result.get("rate"):
        text += f", {result['rate']:.0f} a second, {result['left'] / result['rate']:.0f} s left"
    return text


def without(expected: dict, left_out: list[dict]) -> dict:
    """Return what is expected, without the constraints that rows stand in the way of."""
    names = {key["name"] for key in left_out}
    return {
        **expected,
        "constraints": [key for key in expected["constraints"] if key["name"] not in names],
    }
