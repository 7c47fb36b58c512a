# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan to put a backup back, from what schema_restore said of it in check mode."""

from __future__ import annotations

from .. import steps

from ansible.module_utils.fix_fk.refusal import typed  # isort: skip
from ansible.module_utils.fix_fk.schema.sql import quote_identifier as quote  # isort: skip

# Tables that are named on the screen.
LISTED = 12
# A diagnosis of which nothing follows.
NOTHING: dict = {
    "refused": False,
    "names": [],
    "evidence": [],
    "notes": [],
    "strategies": [],
    "steps": [],
    "next": "",
    "not_changed": "Nothing was changed.",
}


def listed(backups: list[dict], schema: str, folder: str) -> dict:
    """Return a diagnosis that has the backups of a schema in a folder, newest first."""
    usable = [backup["id"] for backup in backups if not backup["problem"]]
    number = f"{len(backups)} backup{'' if len(backups) == 1 else 's'}"
    again = "playbooks/restore.yml -e restore_backup="
    if usable:
        shown = typed(f"{again}{usable[0]} --check")
        next_ = (
            f"Choose one, and see what putting it back would do:{shown}"
            "Without --check it is done, after a backup of what is there now."
        )
    else:
        next_ = "Is it another folder? Name it: playbooks/restore.yml -e backup_dir=<folder>"
    return {
        **NOTHING,
        "verdict": "backups",
        "found": f"The folder {folder} has {number if backups else 'no backup'} of the schema "
        f"{schema}{', newest first' if len(backups) > 1 else ''}.",
        "next": next_,
        "outcome": "listed",
        "backups": backups,
    }


def decide(result: dict, laravel_facts: dict, unproven: str = "") -> dict:
    """Return a diagnosis whose steps put the backup back, or none when it is back already.

    result: of schema_restore in check mode, {restore}; unproven: the schema whose present state
    need not be seen to come back.
    """
    backup = result["restore"]
    schema = backup["schema"]
    rows, tables = sum(backup["tables"].values()), len(backup["tables"])
    artisan = f"{laravel_facts['php'].get('binary') or 'php'} artisan"
    diagnosis: dict = {
        **NOTHING,
        "verdict": "restore",
        "found": (
            f"The backup {backup['id']} of {backup['created']} holds {rows} rows in {tables} tables"
            f" (proof level {backup['proof_level']})."
        ),
        "notes": list(backup["warnings"]),
        "steps": [],
        "outcome": "restored",
    }
    if not backup["already"]:
        diagnosis["steps"] = _steps(artisan, backup)
        # Whoever empties the schema first may make no other one to load it into.
        if not backup["direct"] and unproven != schema:
            diagnosis["steps"].insert(2, _prove(schema))
        diagnosis["notes"].append(
            f"What is in the schema {schema} now and not in the backup will be lost, except for "
            f"the safety backup. {_lost(backup)}"
        )
    else:
        diagnosis["found"] += f" The schema {schema} holds exactly that already."
    if not backup["already"] or laravel_facts["maintenance"]["by_this_tool"]:
        diagnosis["steps"].append(steps.finish(artisan)[-1])
    return diagnosis


def checks(result: dict) -> list[dict]:
    """Return what schema_restore could not put back or compare, to be looked at."""
    return [
        {"check": "what was put back", "ok": True, "look": True, "detail": warning}
        for warning in result["restore"]["warnings"]
    ]


def _prove(schema: str) -> dict:
    """Return the step that proves the safety backup."""
    return {
        **steps.prove(),
        "title": "Prove the safety backup",
        "reason": "what is there now is nowhere else afterwards. If it may be lost, leave this out:"
        f" -e restore_accept_unproven={schema}",
    }


def _lost(backup: dict) -> str:
    """Say how the live tables differ from those of the backup, the most rows first."""
    then, found = backup["tables"], []
    for table, now in (backup.get("present") or {}).items():
        rows, had = now["rows"], then.get(table)
        if rows is None:
            found.append((0, f"{table}: not counted in time ({had or 0} in the backup)"))
        elif had is None:
            found.append((rows, f"{table}: {rows} rows, and it is not in the backup"))
        elif rows != had:
            more = f"{rows - had} more" if rows > had else f"{had - rows} fewer"
            found.append((rows - had, f"{table}: {more} than in the backup ({rows}, {had} then)"))
        elif now["same"] is False:
            found.append((0, f"{table}: as many rows ({rows}), with other values"))
        elif now["same"] is None and rows:
            found.append((0, f"{table}: as many rows ({rows}), their values not compared"))
    found.sort(key=lambda one: -one[0])
    total = sum(more for more, _ in found if more > 0)
    texts = [text for _, text in found[:LISTED]]
    left = f"; and {len(found) - LISTED} more tables" if len(found) > LISTED else ""
    return f"Rows that came since: {total}. {'; '.join(texts)}{left}".strip(". ") + "."


def _steps(artisan: str, backup: dict) -> list[dict]:
    """Return the steps before maintenance mode is left."""
    schema, scratch = quote(backup["schema"]), quote(backup["scratch"])
    if backup["direct"]:
        do = [
            f"drop every table, view, routine, event and trigger of {schema}",
            f"load the tables of {backup['path']} into {schema} and compare them with its manifest",
        ]
    else:
        do = [
            f"load the tables of {backup['path']} into {scratch} and compare them with its "
            "manifest; when they differ, nothing else is done",
            "RENAME TABLE all live tables out, all loaded ones in    (one statement)",
            "drop the views, routines, events and triggers that were there, and the old tables",
        ]
    return [
        steps.step(
            "maintenance",
            "Enter maintenance mode",
            "what is written from here on would be in neither backup",
            [f"{artisan} down"],
            [f"{artisan} up"],
            "the application says that it is down",
        ),
        steps.step(
            "backup",
            "Take a safety backup of the present state",
            "putting a backup back is undone by putting this one back",
            [f"dump of schema {backup['schema']}, compressed, checked, read back"],
            ["nothing to undo: a file was added"],
            "exit codes, trailer, table list, checksum of the file read back",
        ),
        steps.step(
            "restore",
            "Put the backup back",
            "asked for by its name",
            [*do, "create the views, triggers, routines and events of the backup"],
            ["put the safety backup back: playbooks/restore.yml -e restore_backup=ID"],
            "tables, rows, digests, views, triggers, routines and events are as the manifest says",
        ),
    ]
