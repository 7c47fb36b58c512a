# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes it pointless to inspect the server."""

from __future__ import annotations

from collections.abc import Iterable

from ..verdict import DATABASE, STATE, Refusal, Verdict

from ansible.module_utils.fix_fk.refusal import typed  # isort: skip
from ansible.module_utils.fix_fk.server.errors import NO_SERVER  # isort: skip


def bad_input(reason: str, unknown: Iterable[str] = ()) -> dict:
    """Return the refusal of variables that are unknown, or have values they cannot have."""
    named = ", ".join(f'"{name}"' for name in unknown)
    meant = f" If it is for something else: -e '{{\"variables_of_others\": [{named}]}}'"
    return Refusal(
        "bad_input",
        f"{reason}."
        + (
            " (A name that looks like a number, a date, yes or null loses its quotes easily, in a "
            "survey of AWX for one.)"
            if "put it in quotes" in reason
            else ""
        ),
        "Correct that in the inventory or in the variables of the job, then run this again."
        + (meant if named else ""),
    ).as_dict()


def before_inspection(laravel_facts: dict) -> dict | None:
    """Return the refusal that makes it pointless to inspect the server, or None."""
    connection = laravel_facts["connection"]
    differences = laravel_facts["configuration"]["differences"]
    artisan = f"{laravel_facts['php']['binary']} artisan"
    if differences:
        sides = "; ".join(
            f"{item['key']} is {item['cached']} in the cached configuration and "
            f"{item['dotenv']} in .env"
            for item in differences
        )
        return Refusal(
            "configuration_differs",
            f"The application's cached configuration and its .env do not name the same database: "
            f"{sides}. Which of the two is meant cannot be known from here.",
            f"If .env is right: {artisan} config:cache (or config:clear). If the cache is "
            "right, correct .env. Then run this again.",
        ).as_dict()
    other = laravel_facts.get("another_run")
    if other:
        killed = f" If it was killed, it lets go within {other['idle']} s." if other["idle"] else ""
        return Refusal(
            "another_run",
            f"Another run works on the schema {connection['database']}: {other['said']}. Two at a "
            "time would undo each other's work.",
            f"Wait until it has ended, then run this again.{killed}",
        ).as_dict()
    if laravel_facts.get("busy"):
        return Refusal(
            "artisan_is_running",
            "An artisan that an earlier run of this tool started is still running; what it has "
            "done so far says nothing about what it will have done.",
            "Wait until it has ended (ps -ef | grep artisan shows it), then run this again.",
        ).as_dict()
    error = laravel_facts.get("database_error")
    if error:
        # PHP keeps to itself that it does not believe a certificate.
        authority = (
            f"the authority that signs the server's certificate ({connection['tls']['ca']}), "
            if (connection.get("tls") or {}).get("ca")
            else ""
        )
        return Refusal(
            "no_connection",
            f"The application cannot reach its database {connection['database']} as "
            f"{connection['username']}: error {error['code']}, {error['message']}.",
            _start(error["code"])
            + "See which it is, password, account, rights, schema or server, and what mends it:"
            f"{typed('playbooks/database_access.yml')}"
            f"Or put {authority}DB_HOST, DB_DATABASE, DB_USERNAME and DB_PASSWORD in .env right "
            f"(and clear the cached configuration: {artisan} config:clear), then run this again.",
        ).as_dict()
    return None


def _start(code: int) -> str:
    """Return what comes first where no server answers."""
    return (
        "See that the server runs, and start it. Then, if that was not it: "
        if code in NO_SERVER
        else ""
    )


VERDICTS = (
    Verdict(
        "bad_input",
        STATE,
        "Variables have values that they cannot have, or names that this tool does not know; each "
        "is named, with what it takes, or the name that looks like it. Nothing was asked yet.",
        "Correct them in the inventory or in the job's variables; a password with `{{`, "
        "`{%` or `{#` in it wants `!unsafe` before it. A variable that is for something else is "
        "named in `variables_of_others`. Run it again.",
        proof=(
            "integration/test_option_2.py::test_variables_of_the_wrong_type_are_refused",
            "integration/test_option_3.py::test_variables_of_the_wrong_type_are_refused",
        ),
    ),
    Verdict(
        "configuration_differs",
        DATABASE,
        "The cached configuration and `.env` name different databases.",
        "`.env` is right: `php artisan config:cache`. The cache is right: correct `.env`. "
        "Run it again.",
        proof=("integration/test_refusals.py::test_a_cached_configuration_that_differs",),
    ),
    Verdict(
        "another_run",
        STATE,
        "Another run of this tool works on the schema. Its id, its host and since when are said.",
        "Wait until it has ended. If it was killed, it lets go by itself, within the "
        "seconds that are said (`preflight_run_idle`). Run it again.",
        proof=(
            "integration/test_one_run.py::test_a_second_run_is_refused_until_the_first_has_ended",
        ),
    ),
    Verdict(
        "artisan_is_running",
        STATE,
        "An artisan that an earlier run started is still running, most likely because "
        "that run was killed.",
        "Wait until it has ended (`ps -ef \\| grep artisan`). Run it again.",
        proof=(
            "integration/test_artisan.py::test_only_one_artisan_at_a_time_even_when_its_module_was_killed",
        ),
    ),
    Verdict(
        "no_connection",
        DATABASE,
        "The application cannot reach its database. The server's own message is shown.",
        "`playbooks/database_access.yml` tells which it is, and mends it. Or put `DB_HOST`, "
        "`DB_USERNAME`, `DB_PASSWORD` in `.env` right, then `php artisan config:clear`. Run it "
        "again.",
        proof=(
            "integration/test_refusals.py::password_is_another",
            "integration/test_refusals.py::database_is_another",
        ),
    ),
)
