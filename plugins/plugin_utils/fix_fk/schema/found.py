# SPDX-License-Identifier: GPL-3.0-or-later
"""What fk_constraint_info found of a schema, as the simulation has it."""

from __future__ import annotations

import re

from .columns import Server
from .effects import Column

_TEXT = re.compile(r"'(?:[^'\\]|\\.|'')*'")
# As MySQL writes a text, which MariaDB writes as it is.
_ESCAPED = re.compile(r"_\w+\\'")
_NAME = re.compile(r"`((?:[^`]|``)+)`")


def named_in(expression: str) -> tuple[str, ...]:
    """Return the columns of an expression as a server writes it, which is with all names quoted."""
    if _ESCAPED.search(expression):
        expression = re.sub(r"\\(.)", r"\1", expression)
    plain = _TEXT.sub("", expression)
    return tuple(dict.fromkeys(name.replace("``", "`") for name in _NAME.findall(plain)))


def checks(known: dict) -> dict[str, tuple[str, ...] | None]:
    """Return the columns of the CHECK constraints of a table, by the folded name."""
    conditions = known.get("conditions") or {}
    return {
        name.casefold(): named_in(conditions[name]) if name in conditions else None
        for name in known.get("checks") or ()
    }


def objects(schema: dict) -> set[tuple[str, str]]:
    return {(kind, name) for kind, names in (schema.get("objects") or {}).items() for name in names}


def column(told: dict) -> Column:
    return Column(
        told["name"],
        told.get("type"),
        told["nullable"],
        collation=told.get("collation"),
        live=told["name"],
        auto=bool(told.get("auto")),
        generated=bool(told.get("generated")),
        required=bool(told.get("required")),
        made_of=named_in(told.get("made_of") or ""),
        stored=bool(told.get("stored")),
    )


def server(schema: dict) -> Server:
    about, defaults = schema["server"], schema.get("defaults") or {}
    account = schema.get("application_account") or schema.get("account") or {}
    sets = account.get("sets") or {}
    return Server(
        about.get("flavour") or "mariadb",
        defaults.get("engine"),
        defaults.get("collation"),
        about.get("lower_case_table_names") == 0,
        bool(defaults.get("unique_parent")),
        defaults.get("collations") or {},
        row_format=defaults.get("row_format"),
        innodb_strict=bool(defaults.get("innodb_strict")),
        primary_key=bool(defaults.get("primary_key")),
        packet=int(defaults.get("packet") or 0),
        sets_session=sets.get("session", True),
        sets_global=sets.get("global", True),
    )
