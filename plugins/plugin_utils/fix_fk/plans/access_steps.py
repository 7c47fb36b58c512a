# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps that give an application its database."""

from __future__ import annotations

from ..accounts import CHARACTER_SET, PASSWORD, account_name, pattern
from ..steps import step

from ansible.module_utils.fix_fk.schema.sql import quote_identifier  # isort: skip


def create_database(schema: str) -> dict:
    name = quote_identifier(schema)
    return step(
        "create_database",
        "Create the database",
        f"there is no schema {schema}",
        [f"CREATE DATABASE {name} {CHARACTER_SET}"],
        [f"DROP DATABASE {name}    (as long as nothing is in it)"],
        "the application connects to it",
    )


def create_user(user: str, host: str) -> dict:
    account = account_name(user, host)
    return step(
        "account",
        "Create the user",
        f"the application comes from {host}, and no user {user} fits that",
        [f"CREATE USER {account} IDENTIFIED BY {PASSWORD}"],
        [f"DROP USER {account}"],
        "the application logs in",
        user=user,
        host=host,
    )


def change_password(user: str, host: str) -> dict:
    return step(
        "account",
        "Change the user's password",
        f"database_access_reset names {user}",
        [f"ALTER USER {account_name(user, host)} IDENTIFIED BY {PASSWORD}"],
        ["none: the password before is not known"],
        "the application logs in",
        user=user,
        host=host,
    )


def grant(user: str, host: str, schema: str, literally: bool) -> dict:
    account = account_name(user, host)
    place = f"{pattern(schema, literally)}.*"
    return step(
        "grant",
        "Grant the rights on this one schema",
        f"{account} lacks what the application and its migrations need",
        [f"GRANT ALL PRIVILEGES ON {place} TO {account}"],
        [f"REVOKE ALL PRIVILEGES ON {place} FROM {account}"],
        "the application connects",
    )


def write_password(key: str) -> dict:
    return step(
        "dotenv",
        "Put the password into .env",
        "it is the password of the user from now on, and is written nowhere else",
        [f"set {key} in .env"],
        ["put the backup back that is made beside it, as the run says"],
        "the application logs in",
    )


def clear_configuration(artisan: str) -> dict:
    return step(
        "config_clear",
        "Clear the cached configuration",
        "it holds the old values, and .env is not read while it is there",
        [f"{artisan} config:clear"],
        [f"{artisan} config:cache"],
        "the application reads .env",
    )


def migrate(artisan: str, migrations: list[str]) -> dict:
    return step(
        "remigrate",
        "Run the migrations",
        "the database has no migrations table, and database_access_migrate is set",
        [f"{artisan} migrate --force"],
        [f"{artisan} migrate:reset --force"],
        "each of them is recorded in the migrations table afterwards",
        migrations=migrations,
    )


def connect() -> dict:
    return step(
        "verify",
        "Prove that the application connects",
        "its own configuration and its own PHP decide, nothing else",
        ["boot the application and log in as it does"],
        ["nothing to undo: it only reads"],
        "no error",
    )
