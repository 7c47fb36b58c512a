# SPDX-License-Identifier: GPL-3.0-or-later
"""What Laravel writes about a failed statement, taken apart."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class FailedStatement:
    """An SQLSTATE message of Laravel, taken apart.

    `code` is the server's error number, `errno` the storage engine's (121, 150) or None,
    `sql` the statement that failed ("" when the message carries none).
    """

    code: int
    errno: int | None
    reason: str
    sql: str

    @property
    def shown(self) -> str:
        """The reason, fit to be shown: some of the server's messages quote the row's value."""
        if self.code not in _QUOTING:
            return self.reason
        masked, values = _VALUE.subn("'?'", self.reason)
        if values or _NO_VALUE.search(self.reason):
            return masked
        before, *rest = self.reason.split("'")
        # What stands between two apostrophes; a value may hold some itself.
        return f"{before}'?'{rest[-1]}" if len(rest) > 1 else before


# The value, before the key or column that the message names, or no value at all.
_VALUE = re.compile(r"'.*'(?=\s+for\s+(?:key|column)\b)", re.DOTALL | re.IGNORECASE)
_NO_VALUE = re.compile(r"^[^']*\bfor column '[^']*' at row \d+$", re.IGNORECASE)
# Duplicate entry 'x' for key 'y', Incorrect value: 'x' for column 'y', Truncated ..., out of range.
_QUOTING = frozenset((1062, 1265, 1292, 1366, 1367, 1411, 1525, 1526, 1582, 1586, 1690, 1859, 3140))

# Shapes: "(SQL: ...)" in Laravel 8 and 9, "(Connection: mysql, SQL: ...)" in 10 and 11, more
# details before "SQL:" from 12 on.
_MESSAGE = re.compile(
    r"SQLSTATE\[\w+\](?: \[(?P<connect>\d+)\])?:?\s*(?:[^:\n]*:)?\s*(?P<code>\d{3,5})?\s*"
    r"(?P<reason>.*?)\s*(?:\((?:Connection: .*?)?SQL: (?P<sql>.*)\))?\s*$",
    re.DOTALL,
)


def read_message(message: str) -> FailedStatement | None:
    """Take Laravel's message of a failed statement apart; None when it is not one."""
    found = _MESSAGE.search(message)
    if not found:
        return None
    code = found["code"] or found["connect"]
    if not code:
        return None
    errno = re.search(r"errno: (\d+)", found["reason"])
    return FailedStatement(
        int(code), int(errno[1]) if errno else None, found["reason"], found["sql"] or ""
    )
