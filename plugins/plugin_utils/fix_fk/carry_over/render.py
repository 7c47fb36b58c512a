# SPDX-License-Identifier: GPL-3.0-or-later
"""The same work as a migration that a developer reads, commits and runs elsewhere."""

from __future__ import annotations

import datetime
import os

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ..facts import Laravel
from ..migration_file import dated, php

from ansible.module_utils.fix_fk.schema import carrying  # isort: skip
from ansible.module_utils.fix_fk.schema.sql import quote_identifier as quote  # isort: skip

FOLDER = "database/migrations"
MESSAGE = "Carry rows over into the tables that took the places of others"


_FILES = Environment(  # noqa: S701 - PHP, and every value goes through php()
    loader=FileSystemLoader(os.path.dirname(__file__)),
    trim_blocks=True,
    keep_trailing_newline=True,
    undefined=StrictUndefined,
)
_FILES.filters["php"] = php


def migration(laravel: Laravel, pairs: list[dict], old: list[dict], new: list[dict], sql) -> dict:
    """Return {migration, path, source, patched, message} of the new file.

    pairs: as carrying.py has them; old and new are the constraints of children before and
    afterwards; sql returns (what drops one, what adds one).
    """
    name = _name(laravel, pairs[0]["table"])
    parents = {(key["name"], key["table"]): key["referenced_table"] for key in old}
    text = _FILES.get_template("migration.php.j2").render(
        pairs=[
            {
                "old": pair["old"],
                "table": pair["table"],
                "begun": _begun(pair),
                "insert": _in_batches(pair),
            }
            for pair in pairs
        ],
        children=[
            {
                "table": key["table"],
                "name": key["name"],
                "old": parents.get((key["name"], key["table"]), ""),
                "drop": drop,
                "add": add,
            }
            for key in new
            for drop, add in [sql(key)]
        ],
        unordered=any(pair["unordered"] for pair in pairs),
    )
    return {
        "migration": name,
        "path": f"{FOLDER}/{name}.php",
        "source": None,
        "patched": text,
        "message": MESSAGE,
    }


def _begun(pair: dict) -> str:
    old, table = quote(pair["old"]), quote(pair["table"])
    key = carrying.same_key(pair)
    return f"SELECT 1 FROM {old} c JOIN {table} n ON {key} LIMIT 1"  # noqa: S608 - rendered


def _in_batches(pair: dict) -> str:
    order = ", ".join(f"c.{quote(one['source'])}" for one in pair["key"])
    return f"{carrying.insert(pair)} ORDER BY {order} LIMIT {carrying.BATCH}"


def _name(laravel: Laravel, table: str) -> str:
    """Return a name that sorts behind all others."""
    last = max([*laravel.recorded, *laravel.pending], default="")
    today, name = f"{datetime.date.today()}", f"carry_over_{table}"
    return dated(name, last, today) or f"{today.replace('-', '_')}_000000_{name}"
