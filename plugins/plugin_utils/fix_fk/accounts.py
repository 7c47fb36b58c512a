# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts of a server: which one a login gets, and how SQL writes them."""

from __future__ import annotations

from ansible.module_utils.fix_fk.server.about import exactness, matches  # isort: skip
from ansible.module_utils.fix_fk.schema.sql import quote_identifier  # isort: skip

CHARACTER_SET = "CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"
PASSWORD = "'<password>'"  # noqa: S105 - what is shown instead of one


def literal(text: str) -> str:
    """Return a string as SQL source."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def account_name(user: str, host: str) -> str:
    return f"{literal(user)}@{literal(host)}"


def pattern(schema: str, literally: bool) -> str:
    """Return a schema's name as GRANT takes it; there _ and % stand for other characters unless
    escaped, or literally with partial_revokes."""
    if not literally:
        schema = schema.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%")
    return quote_identifier(schema)


def seen_host(connection: dict, error: dict | None) -> str | None:
    """Return the host that the server sees the application come from, by its own words."""
    message = (error or {}).get("message") or ""
    for before in (f"'{connection['username']}'@'", "Host '"):
        _, found, rest = message.partition(before)
        if found:
            return rest.partition("'")[0]
    return "localhost" if connection.get("socket") else None


def effective(accounts: list[dict], user: str, host: str) -> dict | None:
    """Return the account as which the server takes a login of user from host."""
    fitting = [
        account
        for account in accounts
        if account["user"] in (user, "") and matches(account["host"].casefold(), host.casefold())
    ]
    return max(
        fitting,
        key=lambda account: (exactness(account["host"]), account["user"] != ""),
        default=None,
    )
