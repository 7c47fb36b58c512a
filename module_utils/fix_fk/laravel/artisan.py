# SPDX-License-Identifier: GPL-3.0-or-later
"""Running artisan, one at a time, and what of its output may be shown."""

from __future__ import annotations

import fcntl
import os
import re

from ansible.module_utils.fix_fk.laravel.php import EXCERPT, run_php
from ansible.module_utils.fix_fk.refusal import NOT_RUN, refuse

ARTISAN_TIMEOUT = 3600
ROW_STATEMENTS = ("insert", "update", "delete", "replace", "select")


def run_artisan(
    module, path, php, env, arguments, timeout=ARTISAN_TIMEOUT, watch=None, descriptors=()
):
    """Run `php artisan ARGUMENTS --no-interaction --no-ansi` in path, without a shell.

    One at a time: artisan inherits a lock, and has it for as long as it runs, even when the
    module that started it was killed; so it does with `descriptors`. Returns what run_php()
    returns.
    """
    arguments = ["artisan", *arguments, "--no-interaction", "--no-ansi"]
    try:
        lock = _lock(path, fcntl.LOCK_EX)
    except BlockingIOError:
        refuse(
            module,
            f"An artisan that an earlier run started is still running in {path}; two at a time "
            "would undo each other's work.",
            "Wait until it has ended (ps -ef | grep artisan shows it)",
            NOT_RUN,
        )
    try:
        inherited = descriptors if lock is None else (lock, *descriptors)
        return run_php(
            module, path, php, env, arguments, timeout, descriptors=inherited, watch=watch
        )
    finally:
        if lock is not None:
            os.close(lock)


def is_busy(path):
    """Return whether an artisan that this tool started is still running in path."""
    try:
        lock = _lock(path, fcntl.LOCK_SH)
    except BlockingIOError:
        return True
    if lock is not None:
        os.close(lock)
    return False


def _lock(path, kind):
    """Return a descriptor of the artisan file, locked, or None where that cannot be done.

    Raises BlockingIOError when another process has it. No file is made for it.
    """
    try:
        descriptor = os.open(os.path.join(path, "artisan"), os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise
    except OSError:
        # Network file systems may not lock what is only open for reading.
        os.close(descriptor)
        return None
    return descriptor


def told_error(result):
    """Return what artisan gave as its error, on one line of at most EXCERPT characters."""
    text = result["stderr"] + "\n" + result["stdout"]
    lines = [re.sub(r"^\[[^]]+\] [\w-]+\.[A-Z]+: ", "", line.strip()) for line in text.splitlines()]
    lines = [line for line in lines if line]
    telling = [line for line in lines if "SQLSTATE[" in line]
    for place, line in enumerate(lines[:-1]):
        if re.match(r"In \S+\.php line \d+:$", line):
            telling.append(lines[place + 1])
    line = (telling or lines[-1:] or ["nothing"])[0]
    return line if len(line) <= EXCERPT else line[:EXCERPT] + "..."


def without_trace(text):
    """Return artisan's output without the stack traces of a log that goes to the screen."""
    kept = []
    for line in text.splitlines(keepends=True):
        if not re.match(r'#\d+ |\[stacktrace\]|\[previous exception\]|"\}\s*$', line):
            kept.append(re.sub(r' \{"exception":"\[object\] .*', "", line))
    return "".join(kept)


def hide_rows(text):
    """Return artisan's output without the values in statements on rows that failed.

    Laravel ends a message with the statement, values filled in: `(SQL: insert into ...)`. Of one
    that writes or reads rows, what follows its first three words on the line is left out; one that
    changes the schema is kept.
    """
    lines = []
    for line in text.splitlines(keepends=True):
        before, found, statement = line.partition("SQL: ")
        words = statement.split()
        if found and words and words[0].lower() in ROW_STATEMENTS:
            end = line[len(line.rstrip("\r\n")) :]
            line = f"{before}{found}{' '.join(words[:3])} ...){end}"
        lines.append(line)
    return "".join(lines)
