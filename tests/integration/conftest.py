# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests on a real server share: the server, a fresh schema, and running a module for real.

The server is this machine's own, or that of the suite in FIX_FK_SUITE; see tests/sandbox.py.
"""

from __future__ import annotations

import itertools
import os

import modules
import pymysql
import pytest
from ansible.module_utils.fix_fk.sandbox import states as shared
from ansible.module_utils.fix_fk.schema.sql import quote_identifier, quote_table
from sandbox import Sandbox, suite

HOSTS = ("localhost", "127.0.0.1")
PASSWORD = 'it\'s "$odd" \\ #pass;word é'


class Server(shared.Server):
    """A server with root access: .socket, .port, .connect(**options)."""

    def __init__(self, folder):
        super().__init__(folder, outlive=False, suite=suite())
        self.start()
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT @@port, VERSION()")
            self.port, self.version = cursor.fetchone()
        self.flavour = self.suite.flavour


class Schema:
    """A schema of its own with an account that has all rights on it and nothing else."""

    def __init__(self, server, name, user):
        self.server, self.name, self.user, self.password = server, name, user, PASSWORD
        self.root = server.connect()
        self.sql(f"CREATE DATABASE {quote_identifier(name)} CHARACTER SET utf8mb4")
        self.sql(f"USE {quote_identifier(name)}")
        for host in HOSTS:
            self.sql("CREATE USER %s@%s IDENTIFIED BY %s", user, host, PASSWORD)
        self.grant("ALL PRIVILEGES")

    def sql(self, query, *arguments):
        """Run a statement with all rights, in this schema; return its rows as tuples."""
        with self.root.cursor() as cursor:
            cursor.execute(query, arguments or None)
            return cursor.fetchall()

    def run(self, script):
        """Run several statements, separated by a semicolon at the end of a line."""
        for statement in script.split(";\n"):
            if statement.strip():
                self.sql(statement)

    def table(self, name):
        """Return `schema`.`table`."""
        return quote_table(self.name, name)

    def grant(self, rights, on=None):
        """Give the account rights on `schema`.* or on what is named."""
        # In a grant _ and % of a schema's name are wildcards unless escaped.
        place = quote_identifier(self.name.replace("_", "\\_").replace("%", "\\%")) + ".*"
        for host in HOSTS:
            self.sql(f"GRANT {rights} ON {on or place} TO '{self.user}'@'{host}'")

    def only(self, rights, on=None):
        """Take all rights from the account and give it these."""
        for host in HOSTS:
            self.sql(f"REVOKE ALL PRIVILEGES, GRANT OPTION FROM '{self.user}'@'{host}'")
        if rights:
            self.grant(rights, on)

    def connect(self, **options):
        """Return a new PyMySQL connection of the account, in this schema."""
        return pymysql.connect(
            unix_socket=self.server.socket,
            user=self.user,
            password=self.password.encode(),
            database=self.name,
            charset="utf8mb4",
            **options,
        )

    @property
    def arguments(self):
        """The connection arguments of a module that reaches this schema with the account."""
        return {
            "database_socket": self.server.socket,
            "database_user": self.user,
            "database_password": self.password,
            "database_name": self.name,
        }

    def drop(self):
        self.sql(f"DROP DATABASE {quote_identifier(self.name)}")
        for host in HOSTS:
            self.sql(f"DROP USER '{self.user}'@'{host}'")
        self.root.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """A Server, one for each worker of pytest-xdist, gone at the end."""
    running = Server(str(tmp_path_factory.mktemp("server")))
    yield running
    running.stop()


_numbers = itertools.count()


@pytest.fixture
def schema(server):
    """A fresh Schema whose name has a space, a backtick, a hyphen, a percent sign and a letter
    that is not ASCII."""
    number = f"{os.getpid()}_{next(_numbers)}"
    made = Schema(server, f"fix `fk-é 100% {number}", f"fk_{number}")
    yield made
    made.drop()


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory):
    """A Sandbox with the seeded schema, one for each worker; a test asks for the state it needs."""
    made = Sandbox(tmp_path_factory.mktemp("sandbox"))
    made.present()
    yield made
    made.absent()


@pytest.fixture
def app(kept):
    """The sandbox without the failing release."""
    kept.present()
    kept.withdraw()
    return kept


@pytest.fixture
def run_module():
    """Run a module of library/ in this process: run_module(name, check_mode=False, **arguments)."""
    return modules.run_module
