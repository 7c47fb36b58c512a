# SPDX-License-Identifier: GPL-3.0-or-later
"""Why the application cannot use its database, and what gives it back: facts in, plan out."""

from __future__ import annotations

import contextlib
from typing import NoReturn

from ..accounts import (
    CHARACTER_SET,
    PASSWORD,
    account_name,
    effective,
    literal,
    pattern,
    seen_host,
)
from ..verdict import DATABASE_ACCESS, NOT_CHANGED, Diagnosis, Verdict
from . import access_steps

from ansible.module_utils.fix_fk.refusal import typed  # isort: skip
from ansible.module_utils.fix_fk.server.errors import NO_SERVER  # isort: skip
from ansible.module_utils.fix_fk.server.about import RIGHTS_NEEDED, rights_on  # isort: skip
from ansible.module_utils.fix_fk.schema.sql import quote_identifier  # isort: skip

# What is typed with a variable that is a secret.
WITH_VAULT = "ansible-playbook playbooks/database_access.yml -e @vault.yml --ask-vault-pass"
VAULT = typed("ansible-vault create vault.yml", WITH_VAULT)
REFUSED_LOGIN = (1045, 1698)
REFUSED_HOST = (1130,)
REFUSED_SCHEMA = (1044,)
NO_SCHEMA = (1049,)


def decide(laravel: dict, given: dict) -> dict:
    """Return the diagnosis with the steps that give the application its database.

    given: admin (administrator(), or None), admin_user, without_cache (the application's facts
    with its cached configuration set aside, or None), password_given, password_works (None when
    that was not tried), reset (the user whose password may be changed), host (that the account is
    for, or None), key (of .env), migrate (whether to fill a database that has no migrations table),
    artisan.
    """
    case = _Case(laravel, given)
    with contextlib.suppress(_Stop):
        case.examine()
    return case.diagnosis.as_dict()


class _Stop(Exception):
    pass


class _Case:
    def __init__(self, laravel: dict, given: dict):
        self.given, self.connection = given, laravel["connection"]
        self.error = laravel.get("database_error")
        self.code = self.error["code"] if self.error else None
        self.cached = laravel["configuration"]["cached"]
        self.migrated = bool(laravel["migrations_table_exists"])
        self.migrations = [file["name"] for file in laravel["migrations"]["files"]]
        self.user, self.schema = self.connection["username"], self.connection["database"]
        self.host = given.get("host") or seen_host(self.connection, self.error)
        self.where = self.connection.get("socket") or (
            f"{self.connection['host']}:{self.connection['port']}"
        )
        self.diagnosis = Diagnosis("", "")
        self.steps: list[dict] = []
        self.password = False

    def refuse(self, verdict: str, found: str, next_: str) -> NoReturn:
        diagnosis = self.diagnosis
        diagnosis.verdict, diagnosis.found, diagnosis.next = verdict, found, next_
        diagnosis.refused, diagnosis.not_changed = True, NOT_CHANGED
        raise _Stop

    def examine(self) -> None:
        self.server_answers()
        self.cache()
        admin = self.given.get("admin")
        if self.code and admin is None:
            self.by_itself()
        if admin is not None:
            self.with_administrator(admin)
        if not self.steps:
            self.diagnosis.verdict = "healthy"
            self.diagnosis.found = self.said()
        # What cannot be seen yet does not count as empty.
        created = any(step["id"] == "create_database" for step in self.steps)
        empty = created or not (self.code or self.migrated)
        if self.steps:
            self.finish()
        if empty and self.migrations:
            self.migrate()

    def said(self) -> str:
        return (
            f"The application cannot use its database {self.schema} as {self.user} at "
            f"{self.where}: {self.error['code']} {' '.join(self.error['message'].split())}."
            if self.error
            else f"The application connects to {self.schema} as {self.user} at {self.where}."
        )

    def server_answers(self) -> None:
        known = REFUSED_LOGIN + REFUSED_HOST + REFUSED_SCHEMA + NO_SCHEMA
        if self.code in NO_SERVER:
            self.refuse(
                "server_down",
                f"{self.said()} No server answers there, so nothing can be said about users.",
                "Start the server, or correct DB_HOST, DB_PORT and DB_SOCKET in .env (and clear "
                f"the cached configuration: {self.given['artisan']} config:clear), then run this "
                "again.",
            )
        if self.code and self.code not in known:
            self.refuse(
                "another_error",
                f"{self.said()} That is none of wrong password, missing user, missing grant, "
                "missing database and server down.",
                "Correct what the message names, then run this again.",
            )

    def cache(self) -> None:
        """A cached configuration that is older than .env needs no administrator."""
        fresh = self.given.get("without_cache")
        if self.code and fresh and not fresh.get("database_error"):
            self.diagnosis.verdict = "cached_configuration_is_old"
            self.diagnosis.found = (
                f"{self.said()} With what .env says it connects: the cached configuration is old."
            )
            self.steps.append(access_steps.clear_configuration(self.given["artisan"]))
            self.finish()
            raise _Stop

    # --- without an administrator ---------------------------------------------------------

    def by_itself(self) -> None:
        schema, host = quote_identifier(self.schema), self.host or "<host>"
        account = account_name(self.user, host)
        create = f"CREATE USER {account} IDENTIFIED BY {PASSWORD};"
        grant = f"GRANT ALL PRIVILEGES ON {pattern(self.schema, False)}.* TO {account};"
        make = f"CREATE DATABASE {schema} {CHARACTER_SET};"
        by_tool = "database_access_admin_user and database_access_admin_password"
        again = f"Or let the tool do it, with {by_tool} of an administrator in a vault:{VAULT}"
        there = [f"SHOW GRANTS FOR {account};", f"SHOW DATABASES LIKE {literal(self.schema)};"]
        listing = f"SELECT User, Host FROM mysql.user WHERE User = {literal(self.user)};"  # noqa: S608
        if self.code in REFUSED_LOGIN:
            if self.given.get("password_works"):
                self.diagnosis.verdict = "wrong_password"
                self.diagnosis.found = (
                    f"{self.said()} The password that was given is right, the one of "
                    f"{self.given['key']} in .env is not."
                )
                self.write_password()
                return
            self.refuse(
                "wrong_password_or_missing_user",
                f"{self.said()} Either the user does not exist for {host}, or its password is "
                "another one; only an administrator sees which.",
                f"Let an administrator run:{typed(listing)}If there is none for {host}:"
                f"{typed(create, grant)}If there is one whose password nobody knows:"
                f"{typed(f'ALTER USER {account} IDENTIFIED BY {PASSWORD};')}Then put the password "
                "into .env, with database_access_password in a vault. Or let the tool do it all, "
                f"with {by_tool} there:{VAULT}",
            )
        if self.code in REFUSED_HOST:
            self.refuse(
                "missing_user",
                f"{self.said()} No user at all may come from {host}.",
                f"Let an administrator run:{typed(create, grant)}{again}",
            )
        if self.code in NO_SCHEMA:
            self.refuse(
                "missing_database",
                f"{self.said()} The user and its password are right; the schema is not there.",
                "Compare DB_DATABASE in .env with the server. If it is right, let an administrator "
                f"run:{typed(make, grant)}{again}",
            )
        self.refuse(
            "missing_grant",
            f"{self.said()} The user and its password are right; it has no right on the schema, "
            "or there is none of that name.",
            f"Let an administrator see what there is:{typed(*there)}If the schema is not there:"
            f"{typed(make)}Then:{typed(grant)}{again}",
        )

    # --- with one -------------------------------------------------------------------------

    def with_administrator(self, admin: dict) -> None:
        own = [account for account in admin["accounts"] if account["user"] == self.user]
        host, evidence = self.host, self.diagnosis.evidence
        if host is None and not self.code and own:
            # It is in; which of several accounts it uses does not matter when all may.
            host = own[0]["host"]
        if host is None:
            self.refuse(
                "host_not_known",
                f"{self.said()} From which host the server sees the application come is not in "
                "the message, so it is not known for which host the user must exist.",
                "Name it: -e database_access_host=<address of the application's machine>",
            )
        used = effective(admin["accounts"], self.user, host)
        evidence.append(
            "Accounts of this name: "
            + (", ".join(account_name(a["user"], a["host"]) for a in own) or "none")
        )
        schema = admin["schema"]
        evidence.append(
            f"Schema {self.schema}: {schema['charset']}, {schema['collation']}"
            if schema
            else f"Schema {self.schema}: not there"
        )
        verdicts = []
        if not schema:
            verdicts.append("missing_database")
            self.steps.append(access_steps.create_database(self.schema))
        if used is None or used["user"] != self.user:
            verdicts.insert(0, "missing_user")
            if used is not None:
                evidence.append(
                    f"The anonymous user {account_name('', used['host'])} fits {host} best"
                )
            self.password = True
            self.steps.append(access_steps.create_user(self.user, host))
            self.grant(host, admin)
        else:
            account = account_name(self.user, used["host"])
            if self.code in REFUSED_LOGIN:
                verdicts.insert(0, "wrong_password")
                evidence.append(f"{account} exists (plugin {used['plugin']}) and was refused")
                self.change_password(used, account)
            grants = admin["grants"].get(used["host"]) or []
            rights, _ = rights_on(grants, self.schema, not admin["literally"])
            missing = [right for right in RIGHTS_NEEDED if right not in rights]
            if missing:
                verdicts.append("missing_grant")
                evidence.append(f"{account} lacks {', '.join(missing)} on {self.schema}")
                self.grant(used["host"], admin)
        if self.code and not verdicts:
            self.refuse(
                "not_explained",
                f"{self.said()} The user exists, the schema exists, and the rights are there: "
                f"{'; '.join(evidence)}.",
                "See that database_access_admin_host or _socket names the same server as the "
                "application's .env, and that no proxy stands between.",
            )
        if verdicts:
            self.diagnosis.verdict = verdicts[0]
            self.diagnosis.found = f"{self.said()} Found with the administrator's account: " + (
                ", ".join(verdict.replace("_", " ") for verdict in verdicts) + "."
            )
        if self.password:
            self.write_password()

    def change_password(self, used: dict, account: str) -> None:
        self.password = True
        if self.given.get("password_works"):
            return
        if self.given.get("reset") != self.user:
            self.refuse(
                "wrong_password",
                f"{self.said()} {account} exists, so the password in .env is not its own"
                + (
                    ", and neither is the one that was given."
                    if self.given.get("password_given")
                    else "."
                )
                + " Whatever else logs in as this user would be locked out by another password.",
                "If you know the password, put it into a vault as database_access_password: then "
                f"only .env is changed.{VAULT}If it may be changed on the server, name the user:"
                f"{typed(f'{WITH_VAULT} -e database_access_reset={self.user}')}",
            )
        self.steps.append(access_steps.change_password(self.user, used["host"]))

    def grant(self, host: str, admin: dict) -> None:
        step = access_steps.grant(self.user, host, self.schema, admin["literally"])
        self.steps.append(step)

    def write_password(self) -> None:
        # Before the server's steps: what was written and not reached is simply written again.
        self.steps.insert(0, access_steps.write_password(self.given["key"]))
        if self.cached:
            self.steps.append(access_steps.clear_configuration(self.given["artisan"]))

    def migrate(self) -> None:
        artisan = self.given["artisan"]
        if not self.given.get("migrate"):
            self.diagnosis.next = (
                f"The database has no migrations table. If it is to be a new one: {artisan} "
                "migrate --force, or playbooks/database_access.yml with "
                "database_access_migrate=true. If there is a backup: playbooks/restore.yml lists "
                "those there are."
            )
            return
        self.steps.append(access_steps.migrate(artisan, self.migrations))
        self.diagnosis.steps = self.steps

    def finish(self) -> None:
        self.steps.append(access_steps.connect())
        self.diagnosis.steps = self.steps


VERDICTS = (
    Verdict(
        "server_down",
        DATABASE_ACCESS,
        "No server answers at that address.",
        "Start it, or correct `DB_HOST`, `DB_PORT`, `DB_SOCKET` in `.env`.",
        proof=(
            "integration/test_database_access.py::test_without_an_administrator_it_tells_what_to_run",
        ),
    ),
    Verdict(
        "wrong_password",
        DATABASE_ACCESS,
        "The user exists, its password is another one.",
        "With an administrator's account it is changed, in `.env` as well.",
        proof=(
            "integration/test_database_access.py::test_a_wrong_password_is_changed_only_when_the_user_is_named",
            "integration/test_database_access.py::test_the_right_password_changes_only_dotenv",
        ),
    ),
    Verdict(
        "wrong_password_or_missing_user",
        DATABASE_ACCESS,
        "Only an administrator sees which of the two.",
        "Run the SQL that is shown, or give `database_access_admin_user`.",
        proof=(
            "integration/test_database_access.py::test_without_an_administrator_it_tells_what_to_run",
        ),
    ),
    Verdict(
        "missing_user",
        DATABASE_ACCESS,
        "The user does not exist.",
        "With an administrator's account it is made. Without: the SQL is shown.",
        proof=(
            "integration/test_database_access.py::test_a_missing_user_is_created_with_a_generated_password",
            "integration/test_database_access.py::test_over_tcp_the_user_is_made_for_the_host_that_the_server_sees",
        ),
    ),
    Verdict(
        "missing_database",
        DATABASE_ACCESS,
        "The schema does not exist.",
        "With an administrator's account it is made. Without: the SQL is shown.",
        proof=("integration/test_database_access.py::test_a_missing_database_is_created",),
    ),
    Verdict(
        "missing_grant",
        DATABASE_ACCESS,
        "The user has no rights on the schema.",
        "With an administrator's account it is made. Without: the SQL is shown.",
        proof=(
            "integration/test_database_access.py::test_without_an_administrator_it_tells_what_to_run",
            "integration/test_database_access.py::test_a_missing_grant_is_given_on_that_one_schema",
        ),
    ),
    Verdict(
        "host_not_known",
        DATABASE_ACCESS,
        "From where the server sees the application come is not known.",
        "`-e database_access_host=<address>`",
        proof=(
            "integration/test_database_access.py::test_over_tcp_a_message_without_the_host_leaves_it_open",
        ),
    ),
    Verdict(
        "cached_configuration_is_old",
        DATABASE_ACCESS,
        "`.env` is right, the cached configuration is not.",
        "It is cleared.",
        proof=(
            "integration/test_database_access.py::test_a_configuration_cached_before_the_password_changed_is_cleared",
        ),
    ),
    Verdict(
        "not_explained",
        DATABASE_ACCESS,
        "User, schema and rights are there, and yet it is refused.",
        "See that the administrator's account looks at the same server.",
        proof=(
            "integration/test_database_access.py::test_an_administrator_of_another_server_explains_nothing",
        ),
    ),
)
