# SPDX-License-Identifier: GPL-3.0-or-later
"""What `artisan migrate` takes, passes over, and ends at: the files of the migrations."""

from __future__ import annotations

import os
import shlex

from .facts import Laravel


def path_option(laravel: Laravel, migration: str) -> str:
    """Return the arguments with which artisan takes this migration alone."""
    files = laravel.raw["migrations"].get("files") or ()
    path = next((file["path"] for file in files if file["name"] == migration), None)
    if path is None:
        return shlex.quote(f"--path=database/migrations/{migration}.php")
    inside = _inside(laravel, path)
    if inside.startswith(".."):
        return f"--realpath {shlex.quote(f'--path={path}')}"
    return shlex.quote(f"--path={inside}")


def _inside(laravel: Laravel, path: str) -> str:
    return os.path.relpath(path, laravel.raw.get("path") or "/")


def ends_at(laravel: Laravel) -> str:
    """Return the file, as seen from the application's folder, at which `migrate` ends."""
    loading = laravel.raw.get("loading")
    return _inside(laravel, loading["file"]) if loading else ""


def does_not_load(laravel: Laravel) -> str:
    """Say what ends `migrate` as it takes the files of the pending migrations, "" if nothing."""
    loading = laravel.raw.get("loading")
    if not loading:
        return ""
    when = {
        "all": "before it runs any migration",
        "turn": f"at {loading['migration']}, after those before it have run",
    }[loading["part"]]
    line = f", line {loading['line']}" if loading["line"] else ""
    return (
        f"artisan migrate ends {when}: PHP cannot take {loading['file']}{line} "
        f"({loading['error'].rstrip('.')})."
    )


def isolated(laravel: Laravel) -> str:
    """Say that somebody has the lock of `migrate --isolated`, "" where nobody is known to."""
    if not laravel.raw.get("isolated"):
        return ""
    return (
        "The lock of artisan migrate --isolated is held: a deployment migrates at this moment, or "
        "was killed and left it, for an hour at most. Until it is gone, migrate --isolated runs "
        "nothing and ends with 0."
    )


def declared_twice(laravel: Laravel) -> str:
    """Say which class two migrations declare, so that no command takes both; "" if none."""
    for twin in (laravel.raw.get("twins") or {}).get("classes") or ():
        return f"the class {twin['class']} is in {' and in '.join(twin['migrations'])}"
    return ""


def passed_over(laravel: Laravel) -> list[str]:
    """Return a note on what `migrate` passes over: all while its lock is held, migrations that say
    so themselves, and files whose name another one has."""
    skipped = [
        f"Migration {name} says itself that it is not to run (shouldRun()). artisan migrate "
        "passes it over: it stays pending, and nothing has failed."
        for name in laravel.skipped
    ]
    locked = [isolated(laravel)] if laravel.pending and isolated(laravel) else []
    return [*locked, *skipped] + [
        f"{len(twin['paths'])} files are the migration {twin['name']}, and they differ. "
        f"artisan migrate takes {twin['paths'][-1]}; what {', '.join(twin['paths'][:-1])} "
        "would do is never done."
        for twin in (laravel.raw.get("twins") or {}).get("files") or ()
        if not twin["alike"]
    ]
