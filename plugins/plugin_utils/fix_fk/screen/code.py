# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report says of the fault in the code and of its patch."""

from __future__ import annotations

from ..code import diff

# Of permanent_fix.yml: the fault was proven, and code was changed on the server.
OUTCOMES = ("fault_in_code", "patched")
NOTHING_LEFT = "Nothing is left to do."


def patch(diagnosis: dict, file: str, branch: dict | None) -> dict | None:
    """Return {file, diff, brief, commands, branch} of the patch, None where there is none.

    file: where it is on the controller. branch: what the action patch_branch returned.
    """
    code = diagnosis.get("code") or {}
    if not code.get("diff"):
        return None
    branch = branch if branch and (branch.get("commit") or branch.get("problem")) else None
    commands = diff.commands(code["files"], file)
    if branch and branch["commit"]:
        commands = [f"git -C {branch['checkout']} push origin {branch['branch']}"]
    return {
        "file": file,
        "diff": code["diff"],
        # A file that is new is read in full, not in part.
        "brief": [] if code.get("new") else diff.brief(code["diff"]),
        "commands": commands,
        "branch": branch,
    }


def next_step(outcome: str, diagnosis: dict, made: dict | None) -> str:
    """Return what is next once the fault is proven."""
    if not made:
        return diagnosis["next"]
    branch, applied = made["branch"], outcome == "patched"
    told = []
    if branch and branch["commit"]:
        told.append(
            f"The patch is committed on branch {branch['branch']} of {branch['checkout']}, whose "
            "work tree is as it was. Have it merged and deployed."
        )
    else:
        told += [branch["problem"]] if branch else []
        told.append(
            "Commit the patch with the commands below, in a checkout of the application, and "
            "deploy it. patch -p1 takes it as well."
        )
    if applied:
        told.append(
            "Before the next deployment: a git pull would stop at the changed file, and a git "
            "reset, a copy, or a new release folder would put the fault back."
        )
    # What comes before it.
    return " ".join([*([diagnosis["next"]] if diagnosis["next"] else []), *told])


def done(outcome: str, diagnosis: dict, changed: bool) -> str:
    """Return what was done."""
    files = ", ".join(one["path"] for one in (diagnosis.get("code") or {}).get("files") or ())
    if outcome == "patched":
        return (
            f"{files} was changed on the server; the database was not."
            if changed
            else (f"{files} is on the server as it is to be. Nothing was changed.")
        )
    if not diagnosis.get("code"):
        return "Nothing was changed: this was --check."
    return "Nothing was changed: the scratch schemas are gone again."


def standing(run: dict, diagnosis: dict) -> dict | None:
    """Return {migration, found, next} of the fault that is still in the code, None without one."""
    for check in run.get("checks") or ():
        if check.get("standing"):
            return check["standing"]
    return diagnosis.get("standing")


def with_standing(next_: str, fault: dict) -> str:
    """Return what is next, with the fault in the code behind it."""
    before = "" if next_ == NOTHING_LEFT else next_
    joint = "" if not before or before.endswith("\n") else "\n"
    return f"{before}{joint}{fault['found']} {fault['next']}".strip()
