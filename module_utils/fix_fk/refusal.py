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
    which command.
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
    then = ", then run this again." if again else ""
    return " ".join(part for part in (found, did, f"Next: {next_}{then}") if part)
