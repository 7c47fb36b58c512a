# SPDX-License-Identifier: GPL-3.0-or-later
"""A schema dump that `migrate` would load over tables that are there."""

from __future__ import annotations

import shlex

from ..case import Case
from ..verdict import DATA, Cause, Refusal, Verdict


def would_load_schema_dump(case: Case) -> None:
    """Refuse the state in which `migrate` loads a schema dump over tables that are there."""
    names = case.laravel.dumped()
    own = case.laravel.raw["migrations_table"].casefold()
    wanted = case.schema["tables"] if names is None else names
    there = [
        table
        for name in wanted
        for table in [case.live.get(name)]
        if table and name.casefold() != own
    ]
    if not there:
        return
    dump = case.laravel.raw["schema_dump"]["path"]
    rows = [table.name for table in there if table.may_have_rows]
    tables = ", ".join(rows or [table.name for table in there])
    has = "has" if len(rows) == 1 else "have"
    empty = not case.laravel.raw.get("migrations_table_exists", True)
    install = f"{case.artisan} migrate:install; " if empty else ""
    client = "mariadb" if case.schema["server"]["flavour"] == "mariadb" else "mysql"
    raise Refusal(
        "would_load_schema_dump",
        f"No migration is recorded{' (there is no migrations table)' if empty else ''}, and "
        f"there is a schema dump, {dump}. So {case.artisan} migrate would begin with loading "
        "it, and the dump drops and makes anew what is there: "
        + (f"{tables}, which {has} rows." if rows else f"{tables} (without rows)."),
        "Put the records of what has run back. A backup has them: playbooks/restore.yml lists "
        "those there are. Or, if every table that the dump makes is there, record what the "
        f"dump records: {install}grep -a '^INSERT INTO' {shlex.quote(dump)} | "
        f"{client} {shlex.quote(case.schema['name'])}; then run this again. Let nobody run "
        "artisan migrate before, nor a deployment.",
    )


VERDICTS = (
    Verdict(
        "would_load_schema_dump",
        DATA,
        "No migration is recorded, `database/schema` holds a dump, and tables that it "
        "makes are there. `migrate` would begin with loading it, which drops them.",
        "Put the records back, from a backup or with the command that is shown. Run it again.",
        causes=(
            Cause(
                "The records of the migrations are gone, and a schema dump is there to be loaded",
                "nothing; `migrate` would drop every table of the dump",
                "Refused, in every step that migrates as well.",
                (
                    "integration/test_half_run.py::test_a_schema_dump_is_not_loaded_over_live_tables",
                ),
            ),
        ),
    ),
)
