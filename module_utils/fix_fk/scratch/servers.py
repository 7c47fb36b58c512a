# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers for a rehearsal other than the live one: one that is started for it, and one that is
named.

    place = Embedded(laravel_path)  or  Other(parameters)
    connection = place.begin(live, pymysql, needed)     # raises Unfit, EmbeddedError, ...
    place.parameters, place.said
    place.end(clone, pymysql)                           # nothing of the clone is left

Both have to be of the live server's kind: on another one a rehearsal would prove nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
import tempfile

from ansible.module_utils.fix_fk.schema.sql import rows_of
from ansible.module_utils.fix_fk.scratch.embedded import (
    AT_INSTALL,
    SOCKET_PATH_LIMIT,
    Server,
    find_server,
)
from ansible.module_utils.fix_fk.scratch.schemas import drop_schema
from ansible.module_utils.fix_fk.server.about import describe_server
from ansible.module_utils.fix_fk.server.connection import (
    ConnectionParameters,
    open_connection,
)
from ansible.module_utils.fix_fk.server.flavour import NAMES

# Settings of a server on which it depends what a migration does.
SETTINGS = (
    "character_set_collations",
    "character_set_server",
    "collation_server",
    "default_storage_engine",
    "explicit_defaults_for_timestamp",
    "innodb_default_row_format",
    "innodb_file_per_table",
    "innodb_force_primary_key",
    "innodb_page_size",
    "innodb_strict_mode",
    "lower_case_table_names",
    "old_mode",
    "restrict_fk_on_non_standard_key",
    "sql_generate_invisible_primary_key",
    "sql_mode",
    "sql_require_primary_key",
)

# An embedded server is thrown away, so nothing of it has to last.
THROWN_AWAY = (
    "--skip-networking",
    "--event-scheduler=OFF",
    "--performance-schema=OFF",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=OFF",
    "--max-allowed-packet=1G",
)

# Seconds. It ends then, though the rehearsal that started it was killed and nobody ran it again.
TIME_LIMIT = 6 * 3600

# Bytes of an embedded server that is empty.
EMPTY = 256 * 2**20


class Unfit(Exception):
    """Why there can be no clone, in a sentence."""


class Embedded:
    """A server that is started for the rehearsal, on this machine, by this user."""

    def __init__(self, path):
        """path: of the application. There is one server for it and this user, so that one that was
        left behind is found again."""
        digest = hashlib.sha256(os.fsencode(os.path.realpath(path))).hexdigest()[:16]
        name = f"fix_fk_rehearsal_{os.geteuid()}_{digest}"
        self.folder = os.path.join(tempfile.gettempdir(), name)
        if len(os.fsencode(self.folder)) + len("/server.sock") > SOCKET_PATH_LIMIT:
            self.folder = os.path.join("/tmp", name)  # noqa: S108 - private, and refused if not
        self.said = ""
        self.parameters = None

    def begin(self, live, pymysql, needed):
        """Start it, and return a connection. needed: bytes of rows that are to be copied."""
        about = describe_server(live, pymysql)
        programs = find_server(about["flavour"], about["version_number"])
        self.end()
        try:
            os.mkdir(self.folder, 0o700)
        except OSError as error:
            raise Unfit(f"{self.folder} cannot be made: {error.strerror}") from None
        refuse_full_disk(self.folder, needed, EMPTY)
        settings = [*THROWN_AWAY, *map(as_option, read_settings(live).items())]
        server = Server(self.folder, programs, settings, TIME_LIMIT)
        server.start()
        self.parameters = ConnectionParameters(
            user=server.user, database="", socket=server.socket, port=0
        )
        connection = open_connection(pymysql, self.parameters, database=None)
        theirs = describe_server(connection, pymysql)
        refuse_another_kind(about, theirs)
        self.said = f"an embedded server, {NAMES[theirs['flavour']]} {theirs['version']}"
        return connection

    def end(self, _clone=None, _pymysql=None):
        """Stop it, also one that an earlier rehearsal left, and delete its folder; return whether
        there was anything. A folder that is not this user's is left alone."""
        try:
            status = os.lstat(self.folder)
        except FileNotFoundError:
            return Server(self.folder).stop()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
            return False
        Server(self.folder).stop()
        shutil.rmtree(self.folder)
        return True


class Other:
    """A server that the operator names."""

    def __init__(self, parameters):
        self.parameters = parameters
        self.said = ""
        self.differing = []

    def begin(self, live, pymysql, _needed):
        """Return a connection, if it is fit for a rehearsal."""
        try:
            connection = self._open(pymysql)
        except (pymysql.MySQLError, OSError, RuntimeError) as error:
            raise Unfit(
                f"'{self.parameters.user}' does not get into the server at "
                f"{self.parameters.where}: {error.args[-1]}"
            ) from None
        about, theirs = describe_server(live, pymysql), describe_server(connection, pymysql)
        self.said = (
            f"the server at {self.parameters.where}, {NAMES[theirs['flavour']]} {theirs['version']}"
        )
        if about["id"] == theirs["id"] or (about["galera"] and theirs["galera"]):
            raise Unfit(f"{self.said}, is the live one, or in its cluster")
        if theirs["read_only"] or theirs["replica"]:
            raise Unfit(f"{self.said}, is a replica or read-only")
        refuse_another_kind(about, theirs)
        here, there = read_settings(live), read_settings(connection)
        self.differing = [
            f"setting {name}: it is {there.get(name)} there, and {value} on the live server"
            for name, value in here.items()
            if there.get(name) != value
        ]
        return connection

    def end(self, clone, pymysql):
        """Drop the clone; return whether there was one."""
        with contextlib.closing(self._open(pymysql)) as connection:
            return drop_schema(connection, clone) is not None

    def _open(self, pymysql):
        return open_connection(pymysql, self.parameters, database=None)


def refuse_another_kind(about, theirs):
    """Raise Unfit when two servers, as describe_server() has them, do not do the same."""
    for name, shown in (("flavour", NAMES.get), ("version_number", lambda number: number[:2])):
        if shown(about[name]) != shown(theirs[name]):
            raise Unfit(
                f"the live server is {NAMES[about['flavour']]} {about['version']}, and that for "
                f"the rehearsal {NAMES[theirs['flavour']]} {theirs['version']}; another one "
                "would prove nothing"
            )
    if about["lower_case_table_names"] != theirs["lower_case_table_names"]:
        raise Unfit(
            "the server for the rehearsal has lower_case_table_names "
            f"{theirs['lower_case_table_names']}, and the live one "
            f"{about['lower_case_table_names']}: the names of tables would be others"
        )


def refuse_full_disk(folder, needed, besides=0):
    """Raise Unfit when the disk under a folder cannot take the rows; both in bytes."""
    disk = os.statvfs(folder)
    free = disk.f_bavail * disk.f_frsize
    if free < 2 * needed + besides:
        more = f", and an empty server {besides // 2**20} MiB" if besides else ""
        raise Unfit(
            f"the disk under {folder} has {free // 2**20} MiB free, and the rows take "
            f"{needed // 2**20} MiB{more}"
        )


def read_settings(connection):
    """Return {name: value} of those SETTINGS that the server has."""
    listed = ", ".join(f"'{name}'" for name in SETTINGS)
    return dict(rows_of(connection, f"SHOW GLOBAL VARIABLES WHERE Variable_name IN ({listed})"))


def as_option(setting):
    """Return ("sql_mode", "") as "--loose-sql-mode=", which a server that lacks it skips."""
    name, value = setting
    option = f"--{name.replace('_', '-')}={value}"
    return option if option.startswith(AT_INSTALL) else option.replace("--", "--loose-", 1)
