# SPDX-License-Identifier: GPL-3.0-or-later
"""How a task ends that expected a failure: what was found, what was done, what is next."""

from __future__ import annotations

NOT_CHANGED = "Nothing was changed."
NOT_RUN = "Nothing was run or changed."
SEE_STATE = "Run the diagnosis again to see the state"


def refuse(module, found, next_, did=NOT_CHANGED, again=True, **result):
    """End the module, with `refusal` = {found, did, next, again} and the same in words as `msg`.

    found and did are sentences; did is "" where it is not known. next_ is what to do; where the
    same is to be run again after that (again), it has no final stop, and whoever shows it adds with
    which command. What is to be typed there comes from typed().
    """
    module.fail_json(**refused(found, next_, did, again), **result)


def refused(found, next_, did=NOT_CHANGED, again=True):
    """Return {msg, refusal}, for an action plugin, which ends by returning its result."""
    return {
        "msg": paragraph(found, next_, did, again),
        "refusal": {"found": found, "did": did, "next": next_, "again": again},
    }


def paragraph(found, next_, did=NOT_CHANGED, again=True):
    """Return what refuse() says, in words."""
    next_ = one_line(and_then(next_, "run this again.") if again else next_)
    return " ".join(part for part in (found, did, f"Next: {next_}") if part)


def and_then(next_, what):
    """Return what is next with one thing more to do after it."""
    if next_.endswith("\n"):
        return f"{next_}Then {what}"
    return f"{next_}, then {what}"


def typed(*lines):
    """Return what a person types, each on a line of its own, within what is next.

    Who shows it keeps these lines whole, so that they can be copied.
    """
    return "\n" + "".join(f"    {line}\n" for line in lines)


def one_line(words):
    """Return what is next where there is room for one paragraph only."""
    return " ".join(line.strip() for line in words.splitlines()).strip()
