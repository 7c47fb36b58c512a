#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""A copy of one schema, on the same server or on another one, for the time of a rehearsal."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: schema_clone
short_description: Clone a MySQL or MariaDB schema into a scratch schema
description:
  - Makes a schema C(SCHEMA__fix_fk_HHHH_RUN) with the tables, views, triggers and routines of the
    connection's schema and the rows of its migrations table, or drops that clone again. On the same
    server no row travels; to another one rows go in batches, byte for byte.
  - Events are never created in it, since they would run.
  - Views, triggers and routines are made without their definer. What names the schema itself, so
    that it would reach out of the clone, and what the account may not make, is left out and named
    in RV(clone.left_out).
  - "With O(laravel_env_clone), the application is asked first whether its connection can be pointed
    at the clone by environment variables, server included. When it cannot, or when the account may
    not do what is needed, nothing is made and RV(clone.refused) says why."
  - "Another server must be of the live one's kind and of its version (major and minor), must not be
    the live one, and no replica."
  - "The name of the clone has in it four digits that tell the live schema from others of that name,
    and the O(run); where that would be too long, a digest of it."
  - Clones that killed runs left behind are dropped first. With the lock of a O(run) it is certain
    that none of these is at work.
options:
  state:
    description: Make the clone, or drop it.
    type: str
    choices: [present, absent]
    default: present
  level:
    description:
      - V(structure) copies definitions and the rows of O(migrations_table) only; V(full) all rows,
        from one moment of each table, without locking them.
      - V(empty) makes an empty schema.
    type: str
    choices: [empty, structure, full]
    default: structure
  server:
    description:
      - "Where the clone is: on the V(same) server; on an V(embedded) one, that is started for it
        from what is on this machine, with a folder and a socket that only this user gets into, and
        without TCP; or on O(other)."
      - An embedded server ends with O(state=absent), with the next clone of the same schema, or by
        itself after six hours. Its folder goes with it.
    type: str
    choices: [same, embedded, other]
    default: same
  other:
    description: The server for O(server=other), and the account that may make the clone there.
    type: dict
    suboptions:
      host:
        description: Host name or address.
        type: str
        default: 127.0.0.1
      port:
        description: TCP port.
        type: int
        default: 3306
      socket:
        description: Path of its Unix socket, used instead of host and port.
        type: path
      user:
        description: The account.
        type: str
        required: true
      password:
        description: The account's password. It is never shown or returned.
        type: str
        default: ""
  migrations_table:
    description: Name of the migrations table, with its prefix.
    type: str
    default: migrations
  laravel_env_clone:
    description:
      - Environment variables with which the application uses the clone.
    type: dict
    default: {}
  expected:
    description:
      - With O(state=absent), the RV(clone.untouched) of the call that made the clone. If the
        schema is another now, the module fails after it has dropped the clone.
    type: str
notes:
  - The statements are replicated, like all others, except on an embedded server.
  - Undo, O(state=absent). Idempotent, yes (a clone is made anew). Atomic, no.
attributes:
  check_mode:
    support: full
    description: Nothing is made or dropped.
  diff_mode:
    support: none
    description: RV(clone) says what was made.
extends_documentation_fragment:
  - connection
seealso:
  - module: schema_restore
author:
  - The fix_fk authors
"""

EXAMPLES = r"""
- name: Clone the definitions
  schema_clone:
    laravel_path: /home/app/gaspul_api
    laravel_env_clone:
      DB_DATABASE: gaspulco_lkbkanwil__fix_fk_1a2b_20260130_081500_3f2a
  register: cloned

- name: Drop the clone, and see that the schema is as it was
  schema_clone:
    laravel_path: /home/app/gaspul_api
    state: absent
    expected: "{{ cloned.clone.untouched }}"
"""

RETURN = r"""
clone:
  description: What was made.
  returned: success
  type: dict
  contains:
    schema:
      description: Name of the clone.
      type: str
      sample: gaspulco_lkbkanwil__fix_fk_1a2b_20260130_081500_3f2a
    server:
      description: The server that it is on, in words; empty on the same one.
      type: str
      sample: an embedded server, MariaDB 10.11.6-MariaDB
    connection:
      description: With which of its options, but for the password, a module reaches another server.
      type: dict
      sample: {database_socket: /tmp/fix_fk_rehearsal_1000_0123456789abcdef/server.sock}
    refused:
      description: Why nothing was made, in a sentence, or null.
      type: str
    left_out:
      description: What the clone lacks, each with the reason.
      type: list
      elements: str
      sample: ["trigger catat: it names the schema itself"]
    contents:
      description: C(rows), C(digest) and C(columns) by table of the clone, with O(level=full).
      type: dict
    structure:
      description: Of every table of the clone what M(fk_constraint_info) returns as C(structure).
      type: dict
    untouched:
      description: Digest over the definitions and the recorded migrations of the schema that was
        cloned.
      type: str
    seconds:
      description: How long it took.
      type: float
queries:
  description: The statements that were sent; those that copy tables in one line.
  returned: success
  type: list
  elements: str
  sample: ["CREATE DATABASE `gaspulco_lkbkanwil__fix_fk_1a2b_20260130_081500_3f2a`"]
"""

import contextlib
import hashlib
import json
import os
import time

from ansible.module_utils.fix_fk import one_run
from ansible.module_utils.fix_fk.backups import describe_objects, describe_structure
from ansible.module_utils.fix_fk.connection import (
    ConnectionParameters,
    application_environment,
    connect,
    connected_module,
    database_environment,
    database_errors,
    load_pymysql,
    open_connection,
    resolve,
)
from ansible.module_utils.fix_fk.contents import list_versioned, read_contents
from ansible.module_utils.fix_fk.elsewhere import Embedded, Other, Unfit, refuse_full_disk
from ansible.module_utils.fix_fk.embedded import EmbeddedError
from ansible.module_utils.fix_fk.foreign_keys import list_tables, rows_of
from ansible.module_utils.fix_fk.laravel.probe import application
from ansible.module_utils.fix_fk.schema import run_of
from ansible.module_utils.fix_fk.scratch import (
    clone_name,
    drop_left_clones,
    drop_schema,
    show_create,
)
from ansible.module_utils.fix_fk.secrets import SHOWN
from ansible.module_utils.fix_fk.server import describe_server
from ansible.module_utils.fix_fk.sql import quote_columns, quote_identifier, quote_table
from ansible.module_utils.fix_fk.structure import read_structure
from ansible.module_utils.fix_fk.transfer import copy_table, prepare_reader, writing

# Those that keep their rows on this server, and nowhere else.
ENGINES = ("InnoDB", "MyISAM", "Aria", "MEMORY", "ROCKSDB")
# Of them those that are read without locking anything.
TRANSACTIONAL = ("InnoDB", "ROCKSDB")

# Seconds that it waits for a lock: a clone is no reason to stand in anybody's way.
LOCK_WAIT_TIMEOUT = 2


def main():
    module = connected_module(
        {
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "level": {
                "type": "str",
                "choices": ["empty", "structure", "full"],
                "default": "structure",
            },
            "server": {
                "type": "str",
                "choices": ["same", "embedded", "other"],
                "default": "same",
            },
            "other": {
                "type": "dict",
                "options": {
                    "host": {"type": "str", "default": "127.0.0.1"},
                    "port": {"type": "int", "default": 3306},
                    "socket": {"type": "path"},
                    "user": {"type": "str", "required": True},
                    "password": {"type": "str", "default": "", "no_log": True},
                },
            },
            "migrations_table": {"type": "str", "default": "migrations"},
            "laravel_env_clone": {"type": "dict", "default": {}},
            "expected": {"type": "str"},
        },
        writes=True,
        supports_check_mode=True,
        required_if=[("server", "other", ("other",))],
    )
    given, place, ended = module.params, None, False
    absent = given["state"] == "absent"
    if given["server"] == "embedded":
        place = Embedded(given["laravel_path"] or given["database_name"] or "")
        if absent and not module.check_mode:
            # Before anything that can fail.
            ended = place.end()
    password = take_other_password(module)
    parameters = resolve(module)
    if given["server"] == "other":
        place = Other(place_of(given["other"], password, parameters))
    connection = connect(module, parameters, lock_wait_timeout=LOCK_WAIT_TIMEOUT)
    with contextlib.closing(connection), database_errors(module, parameters):
        task = Task(module, parameters, connection, place)
        task.drop(ended) if absent else task.make()


def take_other_password(module):
    """Return the password of the option `other`, and take it out of what the module shows: names
    that are the same word must not be damaged."""
    other = module.params["other"]
    if not other:
        return ""
    password, other["password"] = other["password"], SHOWN
    module.no_log_values.discard(password)
    return password


def place_of(other, password, parameters):
    """Return ConnectionParameters of the option `other`; it is encrypted like the live one."""
    return ConnectionParameters(
        user=other["user"],
        database="",
        # What a client takes for the usual socket, which is the live server's.
        host="127.0.0.1" if other["host"] == "localhost" else other["host"],
        port=other["port"],
        socket=other["socket"],
        password=password,
        tls=parameters.tls,
    )


class Task:
    """One schema and its clone. place: the server that the clone is on, None for the same one;
    there: a connection to it."""

    def __init__(self, module, parameters, connection, place):
        self.module, self.parameters, self.connection = module, parameters, connection
        self.place, self.there = place, connection
        self.pymysql = load_pymysql(module)
        self.schema = rows_of(connection, "SELECT DATABASE()")[0][0]
        self.tables, self.views = list_tables(connection, self.schema)
        self.server = describe_server(connection, self.pymysql)
        self.queries = []
        self.clone = {
            "schema": clone_name(self.schema, self.server, run_of(module)),
            "server": "",
            "connection": {},
            "refused": None,
            "left_out": [],
            "contents": {},
            "structure": {},
            "untouched": self.untouched(),
            "seconds": 0.0,
        }

    def send(self, statement, shown=True):
        with self.there.cursor() as cursor:
            cursor.execute(statement)
        if shown:
            self.queries.append(statement)

    def untouched(self):
        """Return a digest over what the rehearsal must leave as it is."""
        table = self.module.params["migrations_table"]
        recorded = []
        if table in self.tables:
            recorded = rows_of(self.connection, f"SELECT * FROM {quote_identifier(table)}")  # noqa: S608
        known = [
            describe_structure(self.connection, self.schema, self.tables),
            describe_objects(self.connection, self.schema),
            sorted(map(str, recorded)),
        ]
        return hashlib.sha256(json.dumps(known, sort_keys=True).encode("utf-8")).hexdigest()

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
            self.module.fail_json(
                msg=f"The schema {self.schema} is not as it was before the rehearsal: "
                "its definitions or its recorded migrations have changed meanwhile, by the "
                "rehearsal or by somebody else. The clone was dropped. Next: run "
                "playbooks/diagnose.yml, which shows how things stand.",
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

    def select(self, schema):
        self.there.select_db(schema)

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
            self.clone["contents"] = read_contents(self.there, clone, self.tables)

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

    def definitions(self):
        """Return {(kind, name): CREATE statement} of what the clone is to have."""
        found = {}
        named = quote_identifier(self.schema)
        for name in self.tables:
            text = show_create(self.connection, self.schema, "TABLE", name)
            if named in text:
                raise Unfit(f"the definition of table {name} names the schema {self.schema} itself")
            found["TABLE", name] = text
        for kind, name in [("VIEW", name) for name in self.views] + self.programs():
            what = f"{kind.lower()} {name}"
            try:
                text = show_create(self.connection, self.schema, kind, name)
            except self.pymysql.MySQLError as error:
                self.leave_out(what, error.args[-1])
                continue
            if not text:
                self.leave_out(what, "the account may not see its definition")
            elif self.schema in text:
                self.leave_out(what, f"it names the schema {self.schema} itself")
            else:
                found[kind, name] = without_definer(text, kind)
        return found

    def programs(self):
        """Return [(kind, name)] of triggers and routines, the triggers in their order."""
        triggers = rows_of(
            self.connection,
            "SELECT 'TRIGGER', TRIGGER_NAME FROM information_schema.TRIGGERS"
            " WHERE TRIGGER_SCHEMA = %s ORDER BY ACTION_ORDER, TRIGGER_NAME",
            (self.schema,),
        )
        routines = rows_of(
            self.connection,
            "SELECT ROUTINE_TYPE, ROUTINE_NAME FROM information_schema.ROUTINES WHERE"
            " ROUTINE_SCHEMA = %s AND ROUTINE_TYPE IN ('FUNCTION', 'PROCEDURE')"
            " ORDER BY ROUTINE_TYPE, ROUTINE_NAME",
            (self.schema,),
        )
        return [*routines, *triggers]

    def leave_out(self, what, why):
        self.clone["left_out"].append(f"{what}: {why}")

    def columns_of(self, name):
        """Return [(name, data type)] of a table's columns that are not generated."""
        return [
            (column, kind.lower())
            for column, kind, extra in rows_of(
                self.connection,
                "SELECT COLUMN_NAME, DATA_TYPE, EXTRA FROM information_schema.COLUMNS"
                " WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s ORDER BY ORDINAL_POSITION",
                (self.schema, name),
            )
            if "GENERATED" not in extra.upper().replace("DEFAULT_GENERATED", "")
        ]

    def copy_rows(self, name):
        """Let the server copy a table's rows into the clone beside it."""
        listed = quote_columns([column for column, _kind in self.columns_of(name)])
        self.send(
            f"INSERT INTO {quote_identifier(name)} ({listed})"  # noqa: S608 - quoted
            f" SELECT {listed} FROM {quote_table(self.schema, name)}"
        )

    def send_rows(self, tables):
        """Send the rows of these tables to the clone on another server."""
        reading = open_connection(self.pymysql, self.parameters)
        reader = reading.cursor(self.pymysql.cursors.SSCursor)
        try:
            prepare_reader(reader)
            with self.there.cursor() as writer, writing(writer):
                for name in tables:
                    buffered = self.tables[name]["engine"] not in TRANSACTIONAL
                    columns = self.columns_of(name)
                    copy_table(reader, writer, self.schema, name, columns, buffered)
                    self.queries.append(f"-- {name}: its rows, from the live server")
        finally:
            # Otherwise closing it would read on to the end of the table.
            with contextlib.suppress(self.pymysql.MySQLError), self.connection.cursor() as cursor:
                cursor.execute(f"KILL {reading.thread_id():d}")
            with contextlib.suppress(self.pymysql.MySQLError, OSError):
                reader.close()

    def make_programs(self, definitions):
        """Create routines, views and triggers; a view may need another one first."""
        open_ = [(key, text) for key, text in definitions.items() if key[0] != "TABLE"]
        open_.sort(key=lambda item: ("FUNCTION", "PROCEDURE", "VIEW", "TRIGGER").index(item[0][0]))
        while open_:
            failed = []
            for key, text in open_:
                try:
                    self.send(text, shown=False)
                except self.pymysql.MySQLError as error:
                    failed.append((key, text, error.args[-1]))
            if len(failed) == len(open_):
                for (kind, name), _text, why in failed:
                    self.leave_out(f"{kind.lower()} {name}", why)
                return
            open_ = [(key, text) for key, text, _why in failed]


def place_in(way):
    """Return which server and account a way of the application leads to."""
    server = (way["socket"],) if way["socket"] else (way["host"], way["port"])
    return (*server, way["username"], way["password"] or "")


def without_definer(text, kind):
    """Return a CREATE statement without what stands between CREATE and the kind of object.

    There are ALGORITHM, DEFINER and SQL SECURITY; to name another definer takes a right of its own,
    and the account that rehearses is the one to act.
    """
    return f"CREATE {kind} {text.partition(f' {kind} ')[2]}"


if __name__ == "__main__":
    main()
