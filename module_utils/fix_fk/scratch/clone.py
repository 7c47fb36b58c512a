# SPDX-License-Identifier: GPL-3.0-or-later
"""The clone in which a rehearsal takes place: whether there may be one, made and gone."""

from __future__ import annotations

import contextlib
import os
import time

from ansible.module_utils.fix_fk.laravel.probe import application
from ansible.module_utils.fix_fk.refusal import refuse
from ansible.module_utils.fix_fk.schema.contents import digest_time, list_versioned, read_contents
from ansible.module_utils.fix_fk.schema.sql import (
    quote_identifier,
    rows_of,
)
from ansible.module_utils.fix_fk.schema.structure import read_structure
from ansible.module_utils.fix_fk.scratch.copy import Copy
from ansible.module_utils.fix_fk.scratch.embedded import EmbeddedError
from ansible.module_utils.fix_fk.scratch.schemas import (
    drop_left_clones,
    drop_schema,
)
from ansible.module_utils.fix_fk.scratch.servers import (
    Unfit,
    refuse_full_disk,
)
from ansible.module_utils.fix_fk.server import one_run
from ansible.module_utils.fix_fk.server.connection import (
    application_environment,
    database_environment,
)

# Those that keep their rows on this server, and nowhere else.
ENGINES = ("InnoDB", "MyISAM", "Aria", "MEMORY", "ROCKSDB")


def place_in(way):
    """Return which server and account a way of the application leads to."""
    server = (way["socket"],) if way["socket"] else (way["host"], way["port"])
    return (*server, way["username"], way["password"] or "")


class Clone(Copy):
    """A clone of one schema, for one run."""

    def make(self):
        began = time.monotonic()
        if not self.module.check_mode:
            try:
                self.refuse_unfit()
                self.begin()
                self.refuse_unfollowed()
                self.fill()
            except (Unfit, EmbeddedError, self.pymysql.MySQLError, OSError, ValueError) as error:
                self.clone["refused"] = str(error.args[-1]).rstrip(".")
                with contextlib.suppress(
                    EmbeddedError, self.pymysql.MySQLError, OSError, RuntimeError
                ):
                    self.remove()
        self.clone["seconds"] = round(time.monotonic() - began, 2)
        made = self.module.check_mode or not self.clone["refused"]
        self.module.exit_json(changed=made, clone=self.clone, queries=self.queries)

    def drop(self, ended):
        """ended: whether there was an embedded server, which is gone by now."""
        there = ended or self.module.check_mode
        if not there:
            try:
                there = self.remove()
            except (self.pymysql.MySQLError, OSError, RuntimeError) as error:
                if not self.place:
                    raise
                where = self.place.parameters.where
                self.module.warn(
                    f"The clone {self.clone['schema']} on the server at {where} could not be "
                    f"dropped: {error.args[-1]}"
                )
        expected = self.module.params["expected"]
        if expected and expected != self.clone["untouched"]:
            refuse(
                self.module,
                f"The schema {self.schema} is not as it was before the rehearsal: its definitions "
                "or its recorded migrations have changed meanwhile, by the rehearsal or by "
                "somebody else.",
                "run playbooks/diagnose.yml, which shows how things stand.",
                "The clone was dropped.",
                again=False,
                changed=there,
                queries=self.queries,
            )
        self.module.exit_json(changed=there, clone=self.clone, queries=self.queries)

    def remove(self):
        """Drop the clone, wherever it is; return whether there was one."""
        if self.place:
            return self.place.end(self.clone["schema"], self.pymysql)
        self.select(self.schema)
        dropped = drop_schema(self.connection, self.clone["schema"])
        self.queries += [dropped] if dropped else []
        return dropped is not None

    def refuse_unfit(self):
        """Raise Unfit for tables that reach beyond the clone."""
        odd = [
            f"{name} ({about['engine']})"
            for name, about in self.tables.items()
            if about["engine"] not in ENGINES
        ]
        if odd and self.module.params["level"] != "empty":
            raise Unfit(f"these tables keep their rows elsewhere: {', '.join(odd)}")

    def begin(self):
        """Reach the server that the clone will be on; raise Unfit where it does not fit."""
        needed = 0
        if self.module.params["level"] == "full":
            needed = int(
                rows_of(
                    self.connection,
                    "SELECT SUM(DATA_LENGTH + INDEX_LENGTH) FROM information_schema.TABLES"
                    " WHERE TABLE_SCHEMA = %s",
                    (self.schema,),
                )[0][0]
                or 0
            )
        if self.place is None:
            datadir = rows_of(self.connection, "SELECT @@datadir")[0][0]
            # Where it can be seen at all.
            if needed and self.parameters.is_local and os.path.isdir(datadir):
                refuse_full_disk(datadir, needed)
            return
        self.there = self.place.begin(self.connection, self.pymysql, needed)
        reached = self.place.parameters
        self.clone["server"] = self.place.said
        self.clone["left_out"] += getattr(self.place, "differing", [])
        self.clone["connection"] = {
            "database_host": None if reached.socket else reached.host,
            "database_port": None if reached.socket else reached.port,
            "database_socket": reached.socket,
            "database_user": reached.user,
            "laravel_env_database": True,
        }
        if reached.tls is None:
            tls = ("ca", "cert", "key", "verify")
            self.clone["connection"].update({f"database_tls_{name}": None for name in tls})

    def refuse_unfollowed(self):
        """Raise Unfit when the application would use another schema or server than the clone's."""
        given = self.module.params
        names = list(given["laravel_env_clone"])
        if not names:
            return
        usual = application_environment(self.module)
        environment = dict(usual, **given["laravel_env_clone"])
        where = (given["laravel_path"], given["laravel_php"])
        name = given["database_connection"]
        clone = {"database": self.clone["schema"]}
        if self.place:
            reached = self.place.parameters
            at = {"host": reached.host, "port": reached.port, "socket": reached.socket}
            account = {"user": reached.user, "password": reached.password}
            connection = database_environment(name=clone["database"], **at, **account)
            environment.update(connection)
            names = [*names, *connection]
            wanted = [dict(clone, **at, username=reached.user, password=reached.password)]
        else:
            live = application(self.module, *where, usual, name)
            wanted = [dict(way, **clone) for way in live["ways"]]
        facts = application(self.module, *where, environment, name)
        listed = ", ".join(sorted(names))
        for way in facts["ways"]:
            if way["database"] != clone["database"]:
                raise Unfit(
                    "environment variables do not change the schema that the application uses: "
                    f"with {listed} set it still uses {way['database']}"
                )
            if place_in(way) not in map(place_in, wanted):
                raise Unfit(
                    "environment variables do not lead the application to the server of the "
                    f"clone: with {listed} set it uses {way['socket'] or way['host']}"
                )
        if not facts["ways"]:
            raise Unfit("the application does not say which servers it uses")
        if self.place and self.place.parameters.tls is None and facts["connection"]["tls"]:
            raise Unfit(
                "the application encrypts its connection whatever the environment says, and the "
                "server of the clone is not reached like that"
            )

    def fill(self):
        level, clone = self.module.params["level"], self.clone["schema"]
        charset, collation = rows_of(
            self.connection,
            "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME"
            " FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s",
            (self.schema,),
        )[0]
        definitions = {} if level == "empty" else self.definitions()
        self.clean_up()
        self.send(f"DROP DATABASE IF EXISTS {quote_identifier(clone)}")
        self.send(
            f"CREATE DATABASE {quote_identifier(clone)} CHARACTER SET {charset} COLLATE {collation}"
        )
        if level == "empty":
            return
        self.select(clone)
        self.send("SET SESSION foreign_key_checks = 0", shown=False)
        # An id of 0 stays 0.
        self.send(
            "SET SESSION sql_mode = CONCAT(@@sql_mode, ',NO_AUTO_VALUE_ON_ZERO')", shown=False
        )
        # Rows are read without locking them.
        self.send("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", shown=False)
        for name in self.tables:
            self.send(definitions["TABLE", name], shown=False)
        self.queries.append(f"-- {len(self.tables)} tables as SHOW CREATE TABLE has them")
        migrations = [self.module.params["migrations_table"]]
        tables = [name for name in self.tables if level == "full" or name in migrations]
        if self.place:
            self.send_rows(tables)
        else:
            for name in tables:
                self.copy_rows(name)
        self.make_programs(definitions)
        self.clone["structure"] = read_structure(self.there, clone)
        if level == "full":
            for name in list_versioned(self.connection, self.schema):
                self.leave_out(f"the history of table {name}", "only present rows are copied")
            self.read_rows(clone)
        else:
            # That it cannot be told is no reason not to rehearse.
            with contextlib.suppress(self.pymysql.MySQLError):
                self.clone["digest"] = digest_time(self.connection, self.schema, self.in_window())

    def in_window(self):
        """Return the tables whose rows are read in the window."""
        wanted = self.module.params["window_tables"]
        return [name for name in self.tables if wanted is None or name in wanted]

    def read_rows(self, clone):
        """Digest all tables of the clone, and measure how long that takes."""
        kept = self.module.params["kept_columns"]
        began = time.monotonic()
        contents = read_contents(self.there, clone, self.in_window(), kept)
        rows, seconds = sum(one["rows"] for one in contents.values()), time.monotonic() - began
        rest = [name for name in self.tables if name not in contents]
        contents |= read_contents(self.there, clone, rest, kept)
        whole = time.monotonic() - began
        self.clone["contents"] = contents
        self.clone["digest"] = {
            "rows": rows, "seconds": round(seconds, 2), "whole": round(whole, 2)
        }  # fmt: skip

    def clean_up(self):
        """Drop the clones of killed runs, if it is certain that they are."""
        if not one_run.is_held(self.module):
            return
        try:
            dropped = drop_left_clones(self.there, self.schema, self.server, self.clone["schema"])
        except self.pymysql.MySQLError as error:
            self.module.warn(f"A clone that a killed run left stays there: {error.args[-1]}")
        else:
            self.queries += dropped
