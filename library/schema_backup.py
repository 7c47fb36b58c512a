#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""A backup of one schema that is proven to be whole before it gets its name."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: schema_backup
short_description: Write a compressed dump of one MySQL or MariaDB schema and prove the file whole
description:
  - Streams the dump of the server's own client (C(mariadb-dump) or C(mysqldump)) through C(zstd)
    or C(gzip) into a file, without a shell and in constant memory.
  - "The file gets its name only when it is proven: both exit codes are 0, the dump's last line is
    its trailer, every table of the schema is in it, and the file, read back from disk and
    unpacked, has the same SHA-256 and length as what the client sent. This is proof level L0."
  - Beside it lies a JSON manifest with the number of rows of every table, a digest of every
    table's structure and, with O(contents), of its rows. The manifest is sealed with a digest of
    itself.
  - A backup that fails leaves no file behind. Should even that be impossible (the machine stops),
    what is left ends in C(.partial).
  - The password is given to the client in an option file that only the login user can read, never
    on a command line or in the environment. No other option file is read.
options:
  dir:
    description:
      - Folder on the target for the backup. It is created with mode 0700 when missing.
      - A folder that others may enter is refused, and so is one that a web server may publish
        (the application's C(public) folder, anything below a folder C(public_html)).
    type: path
    required: true
  name_prefix:
    description:
      - How the name of the file begins. A time (C(_YYYYmmdd_HHMMSS), of the target) and the
        endings C(.sql.zst) or C(.sql.gz) follow.
    type: str
    default: backup_before_fix
  compression:
    description:
      - With V(auto), C(zstd) where the target has it, else C(gzip).
    type: str
    choices: [auto, zstd, gzip]
    default: auto
  contents:
    description:
      - Let the server hash every row, while the dump runs, and keep the digests in the manifest.
        Only such a backup can be proven to restore to the same content (proof level L2), by
        M(schema_restore).
    type: bool
    default: false
  run_id:
    description:
      - The run this backup belongs to; written into the manifest.
    type: str
  first_of_run:
    description:
      - A run that was interrupted, with which this one goes on; written into the manifest. What is
        in the schema may be half of what was. So when one of the runs since has made a backup and
        proven it, the first of these is the one returned as RV(backup); the new one is made all
        the same, as RV(interim).
    type: str
  stall_timeout:
    description:
      - Seconds without a single byte from the client after which it is taken to be waiting for a
        lock and the backup fails.
    type: int
    default: 120
notes:
  - "A view that cannot be read (usual after a failed migration: it refers to a table that is
    gone) would end the dump before the first table. Such views are left out of the dump and kept
    as text in the manifest."
  - "C(--single-transaction) covers InnoDB. Tables of other engines are in the dump as they were
    when it came to them; RV(backup.warnings) names them."
  - "The past rows of system-versioned tables are in the dump, and counted, where the server is
    MariaDB 10.11 or newer and its dump program knows C(--dump-history). RV(backup.warnings) names
    the tables whose past is not in it."
  - "The rows are counted in one consistent snapshot that is opened just before the client opens
    its own. Rows written between the two moments are in the dump and not in the counts."
  - With check mode everything is looked at and nothing is written.
attributes:
  check_mode:
    support: full
    description: Refuses what a real run would refuse, reports a change, writes nothing.
  diff_mode:
    support: full
    description: Names the files.
extends_documentation_fragment:
  - connection
seealso:
  - module: schema_restore
author:
  - The fix_fk authors
"""

EXAMPLES = r"""
- name: Back up the application's schema
  schema_backup:
    laravel_path: /home/app/gaspul_api
    dir: /home/app/backups
    run_id: "{{ run_id }}"
  register: __backup

- name: Back up a schema without an application, over TCP, with gzip
  schema_backup:
    database_host: db.example.org
    database_user: app
    database_password: "{{ vault_database_password }}"
    database_name: app
    dir: /srv/backups/app
    compression: gzip
"""

RETURN = r"""
backup:
  description: The backup. In check mode V(bytes), V(sha256), V(proof_level), V(tables) and
    V(seconds) are null.
  returned: success
  type: dict
  contains:
    id:
      description: Its name without the endings.
      type: str
      sample: backup_before_fix_20260130_081500
    path:
      description: The compressed dump.
      type: str
      sample: /home/app/backups/backup_before_fix_20260130_081500.sql.zst
    manifest:
      description: The JSON file beside it.
      type: str
      sample: /home/app/backups/backup_before_fix_20260130_081500.sql.zst.json
    compression:
      description: The compressor that was used, V(zstd) or V(gzip).
      type: str
      sample: zstd
    bytes:
      description: Size of the file.
      type: int
      sample: 69206016
    sha256:
      description: SHA-256 of the file, in hexadecimal.
      type: str
    proof_level:
      description: V(L0), the file is whole.
      type: str
      sample: L0
    tables:
      description: Number of rows by table.
      type: dict
      sample: {"users": 120, "skp_tahunan": 500}
    views_as_text:
      description: Views that cannot be read and are therefore only in the manifest.
      type: list
      elements: str
    warnings:
      description: What the backup does not cover, in sentences.
      type: list
      elements: str
    command:
      description: The client's command line.
      type: list
      elements: str
    seconds:
      description: How long it took.
      type: float
      sample: 4.8
interim:
  description: Path of the new backup, when RV(backup) is the first one of O(first_of_run).
  returned: success
  type: str
"""

import contextlib
import datetime
import functools
import os
import signal
import sys
import threading
import time

from ansible.module_utils.fix_fk.backups import (
    describe_objects,
    describe_structure,
    first_proven,
    identity,
    private,
    sync_folder,
    write_manifest,
)
from ansible.module_utils.fix_fk.connection import (
    connect,
    connected_module,
    database_errors,
    load_pymysql,
    resolve,
)
from ansible.module_utils.fix_fk.contents import (
    list_versioned,
    read_history,
    read_in_snapshot,
    snapshot,
)
from ansible.module_utils.fix_fk.definers import (
    describe_refused,
    grant,
    list_definers,
    refused_definers,
)
from ansible.module_utils.fix_fk.dump import (
    dump_command,
    find_compressor,
    find_dump_client,
    option_file,
    read_back,
    secret_options,
    stream,
)
from ansible.module_utils.fix_fk.flavour import dumps_history, version_number
from ansible.module_utils.fix_fk.foreign_keys import list_tables, rows_of
from ansible.module_utils.fix_fk.server import describe_server, rights_on
from ansible.module_utils.fix_fk.sql import quote_identifier, quote_table

# What stands in the manifest for the option file, which has no name.
OPTIONS = "(user and password)"
NOT_MADE = "No backup was made and nothing was changed."

# Bytes that stay free beside the backup, so that it is not the backup that fills the disk.
HEADROOM = 16 * 1024 * 1024

ROWS_COUNTED = (
    "COUNT(*) in one consistent snapshot, opened just before the dump's own; rows written between "
    "the two moments are in the dump only"
)


def main():
    module = connected_module(
        {
            "dir": {"type": "path", "required": True},
            "name_prefix": {"type": "str", "default": "backup_before_fix"},
            "compression": {"type": "str", "choices": ["auto", "zstd", "gzip"], "default": "auto"},
            "contents": {"type": "bool", "default": False},
            "run_id": {"type": "str"},
            "first_of_run": {"type": "str"},
            "stall_timeout": {"type": "int", "default": 120},
        },
        writes=True,
        supports_check_mode=True,
    )
    # A session that ends takes the module with it; this way what it has begun is removed.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: sys.exit(128 + received))
    started = time.monotonic()
    prefix = module.params["name_prefix"]
    if not prefix or "/" in prefix or prefix.startswith(".") or not prefix.isprintable():
        module.fail_json(
            msg=f"name_prefix is {prefix!r}, which no file name can begin with here. {NOT_MADE} "
            "Give a word without a slash, such as backup_before_fix."
        )
    parameters = resolve(module)
    folder = check_folder(module, module.params["dir"], module.params["laravel_path"])
    connection = connect(module, parameters)
    pymysql = load_pymysql(module)
    with contextlib.closing(connection), database_errors(module, parameters):
        schema = read_schema(connection, parameters.database, pymysql)
        client = find_dump_client(module, schema["flavour"])
        take_history(connection, schema, client)
        compressor = find_compressor(module, module.params["compression"])
        check_space(module, folder, schema["data_bytes"])
        command = functools.partial(
            dump_command,
            client,
            schema["flavour"],
            schema["name"],
            leave_out=list(schema["views_as_text"]),
            routines=not schema["routines_as_text"],
            events=schema["events"],
            history=bool(schema["history"]),
        )
        if module.check_mode:
            name = names(prefix, compressor.suffix, datetime.datetime.now())[0]
            manifest = {"command": command(OPTIONS), "compression": compressor.name, **schema}
            report(module, os.path.join(folder, name), manifest)
        with reserved(module, folder, prefix, compressor.suffix) as (name, file):
            options = option_file(parameters, schema["flavour"], schema["encrypted"])
            with secret_options(options, module.tmpdir) as path:
                reader = connect(module, parameters)
                proof = write(module, connection, reader, schema, command(path), compressor, file)
            manifest = dict(
                manifest_of(
                    schema, client, compressor, command(OPTIONS), proof, module.params["contents"]
                ),
                id=identity(name),
                run_id=module.params["run_id"],
                goes_on_with=module.params["first_of_run"],
                created=datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
                file=name,
                seconds=round(time.monotonic() - started, 2),
            )
            finish(folder, name, file, manifest)
    report(module, os.path.join(folder, name), manifest)


def read_schema(connection, name, pymysql):
    """Return what is to be in the dump and what cannot be.

    {name, flavour, server_version, encrypted, charset, collation, max_allowed_packet, tables:
    [names], data_bytes, index_bytes, objects, structure, views_as_text: {view: its SQL or None},
    routines_as_text: {routine: its SQL or None}, events: bool, warnings: [sentences]}
    """
    server = describe_server(connection, pymysql)
    charset, collation = rows_of(
        connection,
        "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME"
        " FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s",
        (name,),
    )[0]
    data_bytes = rows_of(
        connection,
        "SELECT COALESCE(SUM(DATA_LENGTH), 0), COALESCE(SUM(INDEX_LENGTH), 0)"
        " FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s",
        (name,),
    )[0]
    tables, views = list_tables(connection, name)
    unreadable = unreadable_views(connection, name, views, pymysql)
    routines = unreadable_routines(connection, name, pymysql)
    events = answers(connection, f"SHOW EVENTS FROM {quote_identifier(name)}", pymysql)
    warnings = limits(connection, name, tables, pymysql)
    if unreadable:
        warnings.append(
            "Views that cannot be read, kept as text in the manifest: "
            f"{', '.join(sorted(unreadable))}."
        )
    if routines:
        hidden = [routine for routine, text in routines.items() if text is None]
        warnings.append(
            "No routine is in the dump, as the account may not read the definition of "
            f"{', '.join(hidden)}; the others are kept as text in the manifest."
        )
    if not events:
        warnings.append("No event is in the dump, as the account lacks the right EVENT.")
    definers = list_definers(connection, name)
    refused = refused_definers(connection, definers, pymysql)
    if refused:
        account = rows_of(connection, "SELECT CURRENT_USER()")[0][0]
        warnings.append(
            f"{account} cannot put this backup back, as it may not create what belongs to others: "
            f"{describe_refused(definers, refused)}. It takes: {grant(account, refused)}."
        )
    return {
        "name": name,
        "flavour": server["flavour"],
        "server_version": server["version"],
        "encrypted": bool(rows_of(connection, "SHOW SESSION STATUS LIKE 'Ssl_cipher'")[0][1]),
        "charset": charset,
        "collation": collation,
        "max_allowed_packet": rows_of(connection, "SELECT @@max_allowed_packet")[0][0],
        "tables": sorted(tables),
        "data_bytes": int(data_bytes[0]),
        "index_bytes": int(data_bytes[1]),
        "objects": describe_objects(connection, name),
        "structure": describe_structure(connection, name, sorted(tables)),
        "views_as_text": unreadable,
        "routines_as_text": routines,
        "events": events,
        "warnings": warnings,
    }


def take_history(connection, schema, client):
    """Set schema["history"] to {table: its period} of what has a past that the dump can hold."""
    versioned = list_versioned(connection, schema["name"])
    number = version_number(schema["server_version"])
    known = dumps_history(schema["flavour"], number, client.options)
    counted = sorted(table for table, period in versioned.items() if period is None)
    schema["history"] = versioned if known and not counted else {}
    if versioned and not schema["history"]:
        why = (
            f"{', '.join(counted)} counts transactions"
            if counted
            else "that takes MariaDB 10.11 and a dump program with the option --dump-history"
        )
        schema["warnings"].append(
            "Of these system-versioned tables only the present rows are in the dump, not their "
            f"history: {', '.join(versioned)} ({why}). It cannot be put back from it."
        )


def limits(connection, schema, tables, pymysql):
    """Return sentences on what a dump of these tables by this account does not cover."""
    warnings = []
    others = sorted(table for table, about in tables.items() if about["engine"] != "InnoDB")
    if others:
        warnings.append(
            "Not part of the consistent snapshot, as their engine is not InnoDB: "
            f"{', '.join(others)}. They are in the dump as they were when it came to them."
        )
    try:
        grants = [grant for (grant,) in rows_of(connection, "SHOW GRANTS")]
    except pymysql.MySQLError:
        # A server without accounts (skip-grant-tables) hides nothing.
        return warnings
    rights, single = rights_on(grants, schema)
    if single and not rights:
        warnings.append(
            "The account holds rights on single tables only; tables it has no right on are not in "
            "the dump."
        )
    if "TRIGGER" not in rights:
        warnings.append(
            "The account lacks the right TRIGGER on the schema, so triggers that it cannot see are "
            "not in the dump."
        )
    return warnings


def answers(connection, query, pymysql):
    """Whether the server answers the query to this account."""
    try:
        rows_of(connection, query, None)
    except pymysql.MySQLError:
        return False
    return True


def unreadable_views(connection, schema, views, pymysql):
    """Return {view: CREATE VIEW or None} of those that the dump client would die on."""
    unreadable = {}
    for name in views:
        quoted = quote_table(schema, name)
        text = None
        try:
            # In this order: a view on a table that is gone still has a text, and no columns.
            text = rows_of(connection, f"SHOW CREATE VIEW {quoted}", None)[0][1]
            rows_of(connection, f"SHOW FIELDS FROM {quoted}", None)
        except pymysql.MySQLError:
            unreadable[name] = text
    return unreadable


def unreadable_routines(connection, schema, pymysql):
    """Return {} when the account may read every routine it sees, else {each: its SQL or None}.

    The dump client dies on one that it may not read, and can only leave out all.
    """
    texts = {}
    for kind, name in rows_of(
        connection,
        "SELECT ROUTINE_TYPE, ROUTINE_NAME FROM information_schema.ROUTINES"
        " WHERE ROUTINE_SCHEMA = %s AND ROUTINE_TYPE IN ('PROCEDURE', 'FUNCTION')"
        " ORDER BY ROUTINE_NAME",
        (schema,),
    ):
        try:
            shown = rows_of(connection, f"SHOW CREATE {kind} {quote_table(schema, name)}", None)
            texts[name] = shown[0][2]
        except pymysql.MySQLError:
            texts[name] = None
    return texts if None in texts.values() else {}


def check_folder(module, folder, laravel_path):
    """Return the real path of the folder for backups, or end the module when it will not do."""
    path = os.path.realpath(folder)
    public = os.path.realpath(os.path.join(laravel_path, "public")) if laravel_path else None
    inside = public and os.path.commonpath([public, path]) == public
    if inside or "public_html" in path.split(os.sep):
        module.fail_json(
            msg=f"The folder {path} lies where a web server publishes files "
            f"({public if inside else 'below a folder public_html'}), and a backup holds every "
            f"row of the application. {NOT_MADE} Name a folder outside of it in backup_dir."
        )
    if not os.path.lexists(path):
        return path
    if not os.path.isdir(path):
        module.fail_json(
            msg=f"{path} is to hold the backup and is not a folder. {NOT_MADE} Name another in "
            "backup_dir."
        )
    state = os.stat(path)
    if state.st_mode & 0o077:
        module.fail_json(
            msg=f"Others than its owner may enter the folder {path} (mode "
            f"{state.st_mode & 0o7777:04o}), and a backup holds every row of the application. "
            f"{NOT_MADE} Run 'chmod 0700 {path}' if it is only for backups, or name a folder of "
            "its own in backup_dir: it is created as it has to be."
        )
    if not os.access(path, os.W_OK | os.X_OK):
        module.fail_json(
            msg=f"This login may not write into the folder {path}. {NOT_MADE} Name another in "
            "backup_dir."
        )
    return path


def check_space(module, folder, data_bytes):
    """End the module when the disk has less room than the data would take uncompressed."""
    existing = folder
    while not os.path.exists(existing):
        existing = os.path.dirname(existing)
    disk = os.statvfs(existing)
    free = disk.f_bavail * disk.f_frsize
    if free < data_bytes + HEADROOM:
        module.fail_json(
            msg=f"The disk under {folder} has {free // 2**20} MiB free, and the schema holds "
            f"{data_bytes // 2**20} MiB of data; a backup is begun only when that and "
            f"{HEADROOM // 2**20} MiB more would fit. {NOT_MADE} Make room, or name a folder on "
            "another disk in backup_dir."
        )


def names(prefix, suffix, now):
    """Return file names to try, best first; the second backup of a second gets a number."""
    stem = f"{prefix}_{now:%Y%m%d_%H%M%S}"
    return [f"{stem}.sql.{suffix}"] + [f"{stem}_{n}.sql.{suffix}" for n in range(2, 100)]


@contextlib.contextmanager
def reserved(module, folder, prefix, suffix):
    """Give (name, file): a new .partial file under a name that nobody else has or gets.

    Whatever goes wrong inside, the .partial file does not stay.
    """
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        name, file = reserve(folder, names(prefix, suffix, datetime.datetime.now()))
    except OSError as error:
        module.fail_json(
            msg=f"No file can be made in {folder}: {error}. {NOT_MADE} Name another folder in "
            "backup_dir."
        )
    partial = os.path.join(folder, name + ".partial")
    try:
        with file:
            yield name, file
    except OSError as error:
        module.fail_json(
            msg=f"The backup could not be written to {folder}: {error}. {NOT_MADE} What was "
            "written of it is removed. Mend that and run it again."
        )
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(partial)


def reserve(folder, candidates):
    """Return (name, open .partial file) of the first free name."""
    for name in candidates:
        path = os.path.join(folder, name)
        try:
            file = open(path + ".partial", "wb", opener=private)  # noqa: SIM115 - given to the caller
        except FileExistsError:
            continue
        # Looked at only now: as long as the .partial file is there, nobody else takes the name.
        if not os.path.lexists(path) and not os.path.lexists(path + ".json"):
            return name, file
        file.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path + ".partial")
    raise FileExistsError(f"all names from {candidates[0]} to {candidates[-1]} are taken")


def write(module, connection, reader, schema, command, compressor, file):
    """Fill the file and prove it, or end the module.

    Return {content: the Scanner of what the client sent, file: the ReadBack, read and history:
    {table: {rows, ...}}, messages}.
    """
    given = module.params
    # A connection of its own: closing it would wait for what it reads.
    reading = Reading(reader, schema, given["contents"], given["stall_timeout"])
    outcome = stream(command, compressor, file, module.tmpdir, given["stall_timeout"])
    if outcome.problem:
        refuse(module, schema, outcome.problem, STALLED if outcome.stalled else "")
    os.fsync(file.fileno())
    contents = reading.result()
    if reading.problem:
        refuse(module, schema, f"its rows cannot be counted as they were: {reading.problem}")
    now = set(list_tables(connection, schema["name"])[0])
    for what, one, other in (
        ("are in the schema and not in the dump", now, outcome.content.tables),
        ("are in the dump and no longer in the schema", outcome.content.tables, now),
        ("appeared while it ran", now, set(schema["tables"])),
    ):
        if one - other:
            refuse(module, schema, f"these tables {what}: {', '.join(sorted(one - other))}")
    proof = read_back(file.name, compressor, module.tmpdir)
    sent, found = outcome.content, proof.content
    if proof.problem:
        refuse(module, schema, f"the file cannot be read back: {proof.problem}")
    if (sent.sha256, sent.bytes) != (found.sha256, found.bytes):
        refuse(
            module,
            schema,
            f"the file, read back from disk, holds {found.bytes} bytes of SQL (SHA-256 "
            f"{found.sha256}), and the client had sent {sent.bytes} (SHA-256 {sent.sha256})",
        )
    if sent.longest_line >= schema["max_allowed_packet"]:
        schema["warnings"].append(
            f"A row takes {sent.longest_line} bytes of SQL, more than the server's "
            f"max_allowed_packet of {schema['max_allowed_packet']}: it must be raised before this "
            "dump can be loaded."
        )
    return {
        "content": sent,
        "file": proof,
        "read": contents,
        "history": reading.history,
        "messages": outcome.messages,
    }


class Reading(threading.Thread):
    """Counts, or hashes, the rows of every table in a snapshot of one moment, beside the dump.

    The snapshot is open when the object is there; problem: None, or what went wrong in words.
    """

    def __init__(self, connection, schema, contents, lock_wait_timeout):
        # A backup that fails does not wait for it.
        super().__init__(daemon=True)
        self.connection, self.schema, self.contents = connection, schema, contents
        self.found: dict = {}
        self.history: dict = {}
        self.problem = None
        self.begun = threading.Event()
        # Some hosts close a connection that is silent for a minute; a lock is waited for as
        # long as the dump waits for it.
        rows_of(connection, "SET SESSION wait_timeout = 86400")
        rows_of(connection, "SET SESSION lock_wait_timeout = %s", (max(1, lock_wait_timeout),))
        self.start()
        self.begun.wait()

    def run(self):
        try:
            with contextlib.closing(self.connection), snapshot(self.connection):
                self.begun.set()
                self.found = self.read()
        except Exception as error:  # told by the main thread, whatever it is
            self.problem = str(error.args[-1] if error.args else error)
        finally:
            self.begun.set()

    def read(self):
        name, tables = self.schema["name"], self.schema["tables"]
        self.history = read_history(self.connection, name, self.schema["history"], self.contents)
        if self.contents:
            return read_in_snapshot(self.connection, name, tables)
        found = {}
        for table in tables:
            query = f"SELECT COUNT(*) FROM {quote_table(name, table)}"  # noqa: S608
            found[table] = {"rows": rows_of(self.connection, query, None)[0][0]}
        return found

    def result(self):
        """Return {table: {rows, and with contents digest and columns}} when all is read."""
        self.join()
        return self.found


STALLED = (
    " It is most likely waiting for another connection's lock: look at SHOW FULL PROCESSLIST for "
    "'Waiting for table metadata lock' and for the ALTER TABLE or transaction that holds it."
)


def refuse(module, schema, problem, advice=""):
    module.fail_json(
        msg=f"The backup of the schema {schema['name']} failed: {problem}.{advice} What was "
        "written of it is removed, and nothing was changed in the database. Mend that and run it "
        "again."
    )


def manifest_of(schema, client, compressor, command, proof, contents):
    content, file = proof["content"], proof["file"]
    return {
        "schema": schema["name"],
        "charset": schema["charset"],
        "collation": schema["collation"],
        "server": {"flavour": schema["flavour"], "version": schema["server_version"]},
        "client": client.version,
        "client_messages": proof["messages"],
        "command": command,
        "compression": compressor.name,
        "proof_level": "L0",
        "bytes": file.bytes,
        "sha256": file.sha256,
        "content": {
            "bytes": content.bytes,
            "sha256": content.sha256,
            "longest_line": content.longest_line,
        },
        "tables": {table: about["rows"] for table, about in proof["read"].items()},
        "contents": proof["read"] if contents else None,
        "history": proof["history"],
        "structure": schema["structure"],
        "objects": schema["objects"],
        "data_bytes": schema["data_bytes"],
        "index_bytes": schema["index_bytes"],
        "rows_counted": ROWS_COUNTED,
        "views_as_text": schema["views_as_text"],
        "routines_as_text": schema["routines_as_text"],
        "warnings": schema["warnings"],
    }


def finish(folder, name, file, manifest):
    """Give the file its name, after its manifest: under that name a backup is always complete."""
    path = os.path.join(folder, name)
    try:
        write_manifest(path, manifest)
        os.rename(file.name, path)
        sync_folder(folder)
    except BaseException:
        for left in (path + ".json", path):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(left)
        raise


def report(module, new, manifest):
    """End the module with what was, or in check mode would be, written to the path `new`."""
    path, interim, run = new, None, module.params["first_of_run"]
    if run and not module.check_mode:
        first = first_proven(os.path.dirname(new), manifest["schema"], run)
        if first:
            interim, (path, manifest) = new, first
    backup = {
        "id": identity(os.path.basename(path)),
        "path": path,
        "manifest": path + ".json",
        "compression": manifest["compression"],
        "views_as_text": sorted(manifest["views_as_text"]),
        "warnings": manifest["warnings"],
        "command": manifest["command"],
    }
    for key in ("bytes", "sha256", "proof_level", "tables", "seconds"):
        backup[key] = None if module.check_mode else manifest[key]
    module.exit_json(
        changed=True,
        backup=backup,
        interim=interim,
        diff={"before": "", "after": f"{new}\n{new}.json\n"},
    )


if __name__ == "__main__":
    main()
