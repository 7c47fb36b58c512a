# SPDX-License-Identifier: GPL-3.0-or-later
"""The last errors in the application's log."""

from __future__ import annotations

import datetime
import itertools
import json
import os
import re

LOG_TAIL = 2 * 1024 * 1024
LOG_FILES = 5
LOG_ENTRY = re.compile(r"^\[(\d{4}-\d\d-\d\d[T ][^\]\n]+)\] [^\s:]+\.[A-Z]+: ", re.MULTILINE)

LOG_EXCEPTION = re.compile(
    r"\[object\] \([\w\\@]+\(code: [^)]*\): (?P<message>.*?) at (?P<place>[^\n]*?:\d+)\)"
    r"\n\[stacktrace\]",
    re.DOTALL,
)
LOG_MIGRATION = re.compile(r"[/\\]migrations[/\\]+([^/\\\s]+)\.php[(:](\d+)")
LEVELS = ("ERROR", "CRITICAL", "ALERT", "EMERGENCY")
LOG_ERROR = re.compile(rf"\.(?:{'|'.join(LEVELS)}): $")


def find_error(text):
    """Return the last error of a migration in a Laravel log, or else the last SQLSTATE error in it.

    text: lines as Monolog's LineFormatter writes them, or its JsonFormatter and LogstashFormatter;
    what precedes the first entry is ignored.
    Returns {time, message, migration or None, place} or None. message is whole, with its SQL; of an
    error that is none of the server's, place is the migration's file and line: "a.php, line 7".
    """
    last = None
    for found in find_errors(text):
        if found["migration"]:
            return found
        last = last or found
    return last


def find_errors(text):
    """Yield the errors in a Laravel log that find_error() is about, the last one first."""
    entries = list(LOG_ENTRY.finditer(text))
    if not entries:
        yield from _json_errors(text)
    for number in range(len(entries) - 1, -1, -1):
        end = entries[number + 1].start() if number + 1 < len(entries) else len(text)
        entry = text[entries[number].end() : end]
        read = _read_entry(entry)
        told = "SQLSTATE[" in entry or (read["place"] and LOG_ERROR.search(entries[number].group()))
        if told:
            yield dict(time=entries[number].group(1), **read)


def _json_errors(text):
    """Yield the errors in a log of one JSON object a line, the last one first."""
    for line in reversed(text.splitlines()):
        try:
            entry = json.loads(line) if line.startswith("{") else None
        except ValueError:
            continue
        if not isinstance(entry, dict) or not isinstance(entry.get("message"), str):
            continue
        messages, exception = [entry["message"]], (entry.get("context") or {}).get("exception")
        while isinstance(exception, dict):
            messages.append(str(exception.get("message")))
            exception = exception.get("previous")
        found = _told(messages, LOG_MIGRATION.search(line))
        level = str(entry.get("level_name") or entry.get("level") or entry.get("severity"))
        if any("SQLSTATE[" in said for said in messages) or (
            found["place"] and level.upper() in LEVELS
        ):
            time = entry.get("datetime") or entry.get("@timestamp") or ""
            yield dict(time=str(time.get("date") if isinstance(time, dict) else time), **found)


def at(time, offset):
    """Return the time of an entry in seconds since 1970, None when it cannot be read; offset: that
    of the application's clock, in seconds, where the entry does not say it."""
    try:
        read = datetime.datetime.fromisoformat(re.sub(r"Z$", "+00:00", time.strip()))
    except ValueError:
        return None
    if read.tzinfo is None:
        read = read.replace(tzinfo=datetime.timezone(datetime.timedelta(seconds=offset)))
    return read.timestamp()


def _read_entry(entry):
    """Return {message, migration, place} of one log entry, without its time and level."""
    place = entry.find('"exception":"[object] (')
    message = (entry if place < 0 else entry[: max(entry.rfind(" {", 0, place), 0)]).strip()
    context = "" if place < 0 else entry[place:]
    # What was logged may only wrap the error; one that carries its SQL says the most.
    messages = [
        message,
        *(_unescape(found["message"]) for found in LOG_EXCEPTION.finditer(context)),
    ]
    return _told(messages, LOG_MIGRATION.search(context))


def _told(messages, migration):
    """Return {message, migration, place} of what an entry says."""
    message = max(
        messages,
        key=lambda text: ("SQLSTATE[" in text, "(SQL: " in text or "(Connection: " in text),
    )
    place = None
    if migration and not any("SQLSTATE[" in text for text in messages):
        place = f"{migration.group(1)}.php, line {migration.group(2)}"
    return {
        "message": message,
        "migration": migration.group(1) if migration else None,
        "place": place,
    }


def _unescape(text):
    """Return text as it was before it was put into JSON, whose line ends the log keeps as such."""
    try:
        return json.loads('"' + text.replace("\n", "\\n").replace("\t", "\\t") + '"')
    except ValueError:
        return text


def last_error(paths):
    """Return find_error() of the newest log files; only their ends are read."""
    last = None
    for text in _log_ends(paths):
        found = find_error(text)
        if found and found["migration"]:
            return found
        last = last or found
    return last


def last_errors(paths, limit):
    """Return the last `limit` errors of the newest log files, oldest first."""
    found = itertools.chain.from_iterable(map(find_errors, _log_ends(paths)))
    return list(itertools.islice(found, limit))[::-1]


def _log_ends(paths):
    """Yield the ends of the newest log files, the newest first."""

    def changed(path):
        try:
            return os.stat(path).st_mtime_ns
        except OSError:
            return 0

    for path in sorted(paths, key=changed, reverse=True)[:LOG_FILES]:
        try:
            with open(path, "rb") as file:
                file.seek(max(file.seek(0, os.SEEK_END) - LOG_TAIL, 0))
                text = file.read(LOG_TAIL).decode("utf-8", "replace")
        except OSError:
            continue
        yield text
