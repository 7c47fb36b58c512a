# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that cannot be repaired on as it is."""

from __future__ import annotations

import shlex

from .. import facts
from ..case import Case
from ..verdict import DATABASE, STATE, Cause, Refusal, Verdict


def fresh_unfinished(case: Case) -> None:
    """Refuse a schema that an interrupted Option 3 may have emptied."""
    ours = case.laravel.maintenance
    if ours.get("run_id") and ours.get("migration") == facts.FRESH:
        name = case.schema["name"]
        raise Refusal(
            "fresh_unfinished",
            f"Option 3 was begun here, by run {ours['run_id']}, and has not come to its end. "
            f"The schema {name} may be empty or half built, and its rows in the backup alone "
            "that this run made and proved.",
            "Put that backup back: playbooks/restore.yml lists the backups, with the times at "
            "which they were made. Or go on with Option 3: playbooks/option_3_fresh.yml -e "
            f"fresh_confirm={shlex.quote(name)}",
        )


def orphan_dictionary_rows(case: Case) -> None:
    """Refuse what a crashed ALTER TABLE has left."""
    if case.schema.get("orphans"):
        rows = ", ".join(f"{row['name']} (of {row['table']})" for row in case.schema["orphans"])
        raise Refusal(
            "orphan_dictionary_rows",
            f"InnoDB's dictionary holds constraints of tables that do not exist: {rows}. "
            "A crashed ALTER TABLE leaves this behind; no SQL statement can drop them.",
            "Show this to the server's administrator: it takes a dump and a reload of the "
            "schema, or a repair of the dictionary.",
        )


def not_writable(case: Case) -> None:
    """Refuse to migrate on a server that takes no writes."""
    if case.laravel.pending:
        refuse_unwritable(case)


def refuse_unwritable(case: Case) -> None:
    """Refuse a server that takes no writes."""
    server = case.schema["server"]
    if server.get("read_only") or server.get("replica"):
        what = "a replica" if server.get("replica") else "read-only"
        raise Refusal(
            "not_writable",
            f"The server that the application uses is {what}; a repair has to be made on "
            "the primary and will reach this server by replication.",
            "Point the application (DB_HOST) at the primary, or run this against the host "
            "whose application uses it.",
        )


def tables_differ_in_case(case: Case) -> None:
    """Refuse tables that are one table to this diagnosis, which compares names without case."""
    spelled: dict[str, list[str]] = {}
    for table in case.schema["tables"]:
        spelled.setdefault(table.casefold(), []).append(table)
    for twins in spelled.values():
        if len(twins) > 1 and set(twins) & set(case.schema.get("details") or ()):
            both = " and ".join(sorted(twins))
            raise Refusal(
                "tables_differ_in_case",
                f"The names of the tables {both} differ only in case, and the pending "
                "migrations are about one of them. Constraint names are compared without case, "
                "and such tables are not told apart with certainty.",
                f"See which of {both} the application uses (the dump of a server with other "
                "rules often leaves a second one), rename the other one, or drop it when it is "
                "empty, and run this again.",
            )


VERDICTS = (
    Verdict(
        "fresh_unfinished",
        STATE,
        "A run of Option 3 has begun here and not come to its end: the schema may be "
        "empty, and its rows in that run's backup alone.",
        "`playbooks/restore.yml` puts the backup back. Or run Option 3 again.",
        proof=("integration/test_option_3.py::test_a_seeder_that_fails_leads_back_too",),
    ),
    Verdict(
        "orphan_dictionary_rows",
        STATE,
        "InnoDB's dictionary holds constraints of tables that do not exist. A crashed "
        "ALTER TABLE leaves that.",
        "Show it to the server's administrator: dump and reload the schema.",
        causes=(
            Cause(
                "InnoDB's dictionary has rows of tables that do not exist",
                "1005 (121), 1050, and no table to be seen",
                "The rows are listed for the server's administrator.",
                ("integration/test_refusals.py::test_constraints_of_tables_that_do_not_exist",),
            ),
        ),
    ),
    Verdict(
        "not_writable",
        DATABASE,
        "The server is a replica or read-only.",
        "Run it against the host whose application uses the primary.",
        proof=(
            "integration/test_option_3.py::test_a_read_only_server_is_refused",
            "integration/test_refusals.py::test_a_server_that_is_not_to_be_written",
        ),
    ),
    Verdict(
        "tables_differ_in_case",
        STATE,
        "Two tables have names that differ only in case, and the migrations are about one of them.",
        "Rename or drop the one that is not in use. Run it again.",
        causes=(
            Cause(
                "The names of two tables differ only in case",
                "1005 (121), 1826",
                "What to rename is shown: which of them is in use cannot be known for certain.",
                ("integration/test_causes.py::twins",),
            ),
        ),
    ),
)
