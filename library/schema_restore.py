#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""Puts a backup of schema_backup back, or proves that it could be."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: schema_restore
short_description: Put a backup of one MySQL or MariaDB schema back, or prove that it restores
description:
  - Takes backups that M(schema_backup) made. The tables are loaded into a scratch schema on the
    same server and compared there with the manifest, table by table. Only then is the live schema
    touched.
  - "With O(state=restored) the live tables then leave and the loaded ones come in with a single
    C(RENAME TABLE), so that nothing is loaded twice, no constraint name can be in the way, and the
    application never sees a half-filled schema. Views, routines, triggers and events follow, each
    as the dump has it."
  - Interrupted anywhere, the same call again completes it. A scratch schema that was left behind is
    never trusted, it is loaded again. Where the live schema already is what the backup holds,
    nothing is done.
  - With O(state=proven) the scratch schema is dropped, whatever happens, and the proof level is
    written into the manifest.
  - The scratch schemas are called C(SCHEMA__fix_fk_ID) and C(SCHEMA__fix_fk_ID_old). No other
    schema but the one of the connection is touched. Events are never created in a scratch schema,
    where they would run.
options:
  backup:
    description:
      - "The backup: its id, the name of its file, or a path. Without it the module fails and lists
        the backups in O(dir)."
    type: str
  dir:
    description: Folder on the target in which a backup given by its id lies.
    type: path
  state:
    description:
      - V(restored) makes the schema what the backup holds; what it holds now is lost.
      - V(proven) only loads and compares.
    type: str
    choices: [restored, proven]
    default: restored
  source_schema:
    description:
      - Name of the schema that the backup is of, when that is another one than the one of the
        connection.
    type: str
  direct:
    description:
      - "Name of the schema to empty, for an account that may not create a scratch schema. Its
        tables are dropped before the dump is loaded, so an error in between leaves it half-filled
        until the call is repeated."
    type: str
  accept_different:
    description:
      - Tables that may come back with other rows than the manifest says, or without the history of
        a system-versioned table. A backup of an application that was writing may hold rows that
        came between the counting and the dump.
    type: list
    elements: str
    default: []
  lock_wait_timeout:
    description: Seconds that one statement waits for a lock.
    type: int
    default: 5
  retries:
    description: How often a statement that waited in vain is sent again.
    type: int
    default: 3
  retry_delay:
    description: Seconds between two tries.
    type: int
    default: 2
notes:
  - "Proof levels: V(L0), the file is whole; V(L1), it was loaded and its tables have the rows the
    manifest says; V(L2), and their content and structure are the same, which takes a backup with
    contents."
  - With check mode everything is looked at, the dump is read to its end, and nothing is written.
  - "Before anything is sent, every statement of the dump is looked at, and so is what the manifest
    keeps as text. Only the statements that a dump client writes for one schema are taken; one for
    another schema, or for the server, is refused. So are views, triggers, routines and events of
    another account (DEFINER) where the account of the connection may not create them."
  - A dump of the other vendor's server, or of a newer one than this, is refused.
attributes:
  check_mode:
    support: full
    description: Refuses what can be refused without loading, reports a change, writes nothing.
  diff_mode:
    support: none
    description: RV(restore.tables) names the tables.
extends_documentation_fragment:
  - connection
seealso:
  - module: schema_backup
author:
  - The fix_fk authors
"""

EXAMPLES = r"""
- name: Prove that the backup just made restores to the same content
  schema_restore:
    laravel_path: /home/app/gaspul_api
    backup: "{{ __backup.backup.path }}"
    state: proven

- name: Put a backup back
  schema_restore:
    laravel_path: /home/app/gaspul_api
    dir: /home/app/backups
    backup: backup_before_fix_20260130_081500
"""

RETURN = r"""
restore:
  description: What was, or in check mode would be, put back.
  returned: success
  type: dict
  contains:
    id:
      description: The backup's id.
      type: str
      sample: backup_before_fix_20260130_081500
    path:
      description: The dump.
      type: str
    created:
      description: When the backup was made.
      type: str
      sample: "2026-01-30T08:15:00+07:00"
    schema:
      description: The schema that was filled, or for which the backup was proven.
      type: str
    database:
      description: The schema together with its server, the same for every way to it.
      type: str
    scratch:
      description: The scratch schema.
      type: str
    direct:
      description: Whether the schema is emptied first, without a scratch schema.
      type: bool
    already:
      description: Whether there was nothing to do.
      type: bool
    proof_level:
      description: What is proven of the backup now, V(L0), V(L1) or V(L2).
      type: str
      sample: L2
    tables:
      description: Number of rows by table, as the manifest says.
      type: dict
      sample: {"users": 120, "skp_tahunan": 500}
    warnings:
      description: What could not be put back or compared, in sentences.
      type: list
      elements: str
    seconds:
      description: How long each part took.
      type: dict
      sample: {"file": 0.1, "load": 20.1, "compare": 3.2, "move": 0.1}
queries:
  description: What was done to the live schema, statement by statement.
  returned: always
  type: list
  elements: str
backups:
  description: The backups in O(dir), newest first.
  returned: when O(backup) is missing or not found
  type: list
  elements: dict
"""

import contextlib
import hashlib
import operator
import os
import re
import signal
import sys
import time

from ansible.module_utils.fix_fk.backups import (
    Unfit,
    describe_objects,
    describe_structure,
    find_backup,
    list_backups,
    read_manifest,
    tables_and_sequences,
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
    read_contents,
    read_history,
    snapshot,
)
from ansible.module_utils.fix_fk.ddl import LOCK_SPEC, WAITED, blockers, execute, waits_of
from ansible.module_utils.fix_fk.definers import describe_refused, grant, refused_definers
from ansible.module_utils.fix_fk.dump import COMPRESSORS, find_compressor, read_back
from ansible.module_utils.fix_fk.fence import ROUTINES, Astray, Fence
from ansible.module_utils.fix_fk.flavour import end_of_time, version_number
from ansible.module_utils.fix_fk.foreign_keys import list_tables, rows_of
from ansible.module_utils.fix_fk.load import Inspection, ProgramError, load, run_programs
from ansible.module_utils.fix_fk.scratch import scratch_name, scratch_pattern
from ansible.module_utils.fix_fk.server import (
    RIGHTS_NEEDED,
    TABLE_RIGHTS,
    describe_account,
    describe_server,
    rights_on,
)
from ansible.module_utils.fix_fk.sql import quote_identifier, quote_table

# Rows from which on a table is filled faster when its secondary indexes come after them.
LARGE = 10000
# How long another run on the same schema is waited for, in seconds: a killed one takes a moment.
PATIENCE = 10
# With one of these an account may set the time of rows where secure_timestamp is SUPER.
SUPER = re.compile(r"GRANT [^`]*\b(?:SUPER|BINLOG REPLAY|ALL PRIVILEGES)\b[^`]* ON \*\.\* ")
# Rights that views, triggers, routines and events take, by what the manifest calls them.
OBJECT_RIGHTS = {
    "views": ("CREATE VIEW",),
    "triggers": ("TRIGGER",),
    "routines": ("CREATE ROUTINE", "ALTER ROUTINE"),
    "events": ("EVENT",),
}


def main():
    module = connected_module(
        {
            "backup": {"type": "str"},
            "dir": {"type": "path"},
            "state": {"type": "str", "choices": ["restored", "proven"], "default": "restored"},
            "source_schema": {"type": "str"},
            "direct": {"type": "str"},
            "accept_different": {"type": "list", "elements": "str", "default": []},
            **LOCK_SPEC,
        },
        writes=True,
        supports_check_mode=True,
    )
    # A session that ends takes the module with it; this way what it has begun is removed.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: sys.exit(128 + received))
    waits = waits_of(module)
    parameters = resolve(module)
    path, manifest = choose(module, parameters.database)
    connection = connect(module, parameters, lock_wait_timeout=module.params["lock_wait_timeout"])
    with contextlib.closing(connection), database_errors(module, parameters):
        task = Task(module, parameters, connection, path, manifest, waits)
        if module.params["state"] == "proven":
            task.prove()
        else:
            task.restore()


def choose(module, schema):
    """Return (path, manifest) of the backup that is meant, or end the module with a list."""
    folder, wanted = module.params["dir"], module.params["backup"]
    try:
        if not wanted:
            raise Unfit("it is not said which backup to put back")
        path = find_backup(folder, wanted)
    except Unfit as problem:
        backups = list_backups(folder, schema) if folder else []
        named = "; ".join(
            backup["id"]
            + " ("
            + (
                backup["problem"]
                or f"{backup['created']}, {backup['bytes']} bytes, {backup['rows']} rows, "
                f"proof level {backup['proof_level']}"
            )
            + ")"
            for backup in backups[:10]
        )
        more = f"; and {len(backups) - 10} older ones" if len(backups) > 10 else ""
        example = next((backup["id"] for backup in backups if not backup["problem"]), "ID")
        module.fail_json(
            backups=backups,
            queries=[],
            msg=f"No backup was put back: {problem}. Nothing was changed. In {folder} are, newest "
            f"first: {named or 'none'}{more}. Next: name one: ansible-playbook "
            f"playbooks/restore.yml -e restore_backup={example}",
        )
    try:
        return path, read_manifest(path)
    except Unfit as problem:
        return module.fail_json(
            queries=[],
            msg=f"The backup {path} cannot be put back: {problem}. Nothing was changed. Next: take "
            "another one; without restore_backup the playbook playbooks/restore.yml lists them.",
        )


class Task:
    """One backup, one live schema, and the scratch schemas between them."""

    def __init__(self, module, parameters, connection, path, manifest, waits):
        self.module, self.parameters, self.connection = module, parameters, connection
        self.path, self.manifest, self.waits = path, manifest, waits
        # Roles hand an empty text over for what was not given.
        self.given = {name: None if value == "" else value for name, value in module.params.items()}
        self.pymysql = load_pymysql(module)
        self.live = rows_of(connection, "SELECT DATABASE()")[0][0]
        self.fence = Fence(manifest["schema"], self.live)
        mark = hashlib.sha256(f"{self.live}/{manifest['sha256']}".encode()).hexdigest()[:8]
        self.scratch = scratch_name(self.live, f"_{mark}")
        self.old = scratch_name(self.live, f"_{mark}_old")
        self.server = describe_server(connection, self.pymysql)
        self.same_version = self.server["version"] == manifest["server"]["version"]
        self.queries = []
        self.warnings = []
        self.seconds = {}
        self.touched = False
        self.exact = bool(manifest["contents"])
        # Backups of earlier versions never have it.
        self.history = manifest.get("history") or {}

    # What both states share.

    def prove(self):
        self.check_backup()
        self.check_scratch()
        self.check_definers()
        if self.module.check_mode:
            self.leave(True)
        with self.locked(), self.scratch_dropped():
            self.stage()
            level = self.level()
        changed = self.manifest["proof_level"] != level
        self.manifest = dict(self.manifest, proof_level=level)
        if changed:
            write_manifest(self.path, self.manifest)
        self.leave(changed)

    def restore(self):
        direct = self.given["direct"]
        if direct is not None and direct != self.live:
            self.refuse(
                f"the variable restore_direct names the schema {direct!r}, and the connection "
                f"leads to {self.live!r}",
                f"name {self.live} if that is the schema to empty.",
            )
        self.check_backup()
        if self.is_restored():
            self.clean_up()
        if direct is None:
            self.check_scratch()
            self.check_outside()
        self.check_rights()
        self.check_definers()
        if self.module.check_mode:
            self.leave(True)
        with self.locked():
            if direct is None:
                with self.scratch_dropped():
                    programs = self.stage()
                    self.move_in()
                    self.finish(programs)
                self.execute(self.connection, f"DROP DATABASE {quote_identifier(self.old)}")
            else:
                self.restore_directly()
        self.leave(True)

    def leave(self, changed):
        self.module.exit_json(
            changed=changed,
            queries=self.queries,
            restore={
                "id": self.manifest["id"],
                "path": self.path,
                "created": self.manifest["created"],
                "schema": self.live,
                "database": f"{self.server['id']}/{self.live}",
                "scratch": self.scratch,
                "direct": self.given["direct"] is not None,
                "already": not changed,
                "proof_level": self.manifest["proof_level"],
                "tables": self.manifest["tables"],
                "warnings": self.warnings,
                "seconds": {part: round(value, 2) for part, value in self.seconds.items()},
            },
        )

    def refuse(self, problem, advice):
        state = (
            f"The tables of the schema {self.live} as they were before are in the schema {self.old}"
            " until this is completed, and in the safety backup."
            if self.touched
            else f"Nothing was changed in the schema {self.live}."
        )
        if self.touched and self.given["direct"] is not None:
            state = f"The schema {self.live} was emptied before and is not complete now."
        self.module.fail_json(
            queries=self.queries,
            msg=f"The backup {self.manifest['id']} cannot be "
            f"{'proven' if self.given['state'] == 'proven' else 'put back'}: {problem}. "
            f"{state} Next: {advice}",
        )

    @contextlib.contextmanager
    def timed(self, part):
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[part] = self.seconds.get(part, 0) + time.monotonic() - began

    def execute(self, connection, statement):
        """Run a statement on a scratch schema, waiting for locks a bounded number of times."""
        execute(connection, statement, self.waits, self.pymysql)

    def change(self, statement):
        """Run a statement on the live schema and remember it."""
        execute(self.connection, statement, self.waits, self.pymysql)
        self.queries.append(statement)

    # Checks, which only read.

    def check_backup(self):
        """Refuse a backup that is not whole or does not fit this server."""
        manifest, given = self.manifest, self.given
        another = "take another backup."
        source = given["source_schema"] or self.live
        if manifest["schema"] != source:
            self.refuse(
                f"it is of the schema {manifest['schema']!r}, and the one to fill is {self.live!r}",
                f"name the backup's schema if that is meant: -e restore_source_schema="
                f"{manifest['schema']}",
            )
        with self.timed("file"):
            bytes_now = os.path.getsize(self.path)
            if bytes_now != manifest["bytes"]:
                self.refuse(
                    f"the file {self.path} has {bytes_now} bytes, and its manifest says "
                    f"{manifest['bytes']}",
                    another,
                )
            self.check_names()
            self.compressor = find_compressor(self.module, manifest["compression"])
            try:
                inspected = read_back(
                    self.path, self.compressor, self.module.tmpdir, Inspection(self.fence)
                )
            except OSError as error:
                self.refuse(f"the file {self.path} cannot be read: {error}", another)
            if inspected.sha256 != manifest["sha256"]:
                self.refuse(
                    f"the file {self.path} was altered: its SHA-256 is {inspected.sha256}, and its "
                    f"manifest says {manifest['sha256']}",
                    another,
                )
        made, here = manifest["server"], self.server
        if made["flavour"] != here["flavour"]:
            self.refuse(
                f"it is of a {made['flavour']} server ({made['version']}), and this one is "
                f"{here['flavour']} ({here['version']}); they do not read each other's dumps right",
                another,
            )
        if version_number(made["version"])[:2] > here["version_number"][:2]:
            self.refuse(
                f"it is of {made['flavour']} {made['version']}, which is newer than this server's "
                f"{here['version']}, and a dump does not go back in time",
                "restore it on a server of that version, or upgrade this one.",
            )
        if here["read_only"] or here["replica"]:
            self.refuse(
                "this server " + ("is read-only" if here["read_only"] else "is a replica"),
                "run it against the primary server.",
            )
        packet = rows_of(self.connection, "SELECT @@max_allowed_packet")[0][0]
        if manifest["content"]["longest_line"] >= packet:
            self.refuse(
                f"it has a row of {manifest['content']['longest_line']} bytes of SQL, and the "
                f"server takes {packet} (max_allowed_packet)",
                "let an administrator raise max_allowed_packet, then run it again.",
            )
        self.check_space()
        if inspected.problem:
            self.refuse(f"it does not load: {inspected.problem}", another)
        self.check_content(inspected.content)
        self.check_fence(inspected.content.astray)
        self.check_history()
        # What is loaded is compared with the digest of this very content.
        self.fence.literals = False

    def check_names(self):
        """Refuse a manifest with a word in it that is no name, as it goes into statements."""
        for what, known in (
            ("charset", str.isidentifier),
            ("collation", str.isidentifier),
            ("compression", COMPRESSORS.__contains__),
        ):
            word = self.manifest[what]
            if not (isinstance(word, str) and word.isascii() and known(word)):
                self.refuse(
                    f"its manifest names the {what} {word!r}, which is none", "take another backup."
                )

    def check_fence(self, astray):
        """Refuse a backup whose statements would not stay in its schema.

        astray: None or the Astray of the first one in the dump.
        """
        where = f"the dump {self.path}"
        try:
            if astray:
                raise astray
            for part, kinds in (("views_as_text", ("VIEW",)), ("routines_as_text", ROUTINES)):
                where = f"its manifest, {part},"
                for text in self.manifest[part].values():
                    if text:
                        self.fence.definition(kinds, text)
        except Astray as found:
            self.refuse(
                f"{where} has a statement that is not for the schema {self.manifest['schema']} "
                f"alone, and nothing of it was sent: {found}",
                "take another backup, and find out who changed this one.",
            )

    def check_history(self):
        """Refuse when tables would come back without the rows that they had before."""
        kept = self.history
        lost = sorted(self.fence.versioned - set(kept) - set(self.given["accept_different"] or ()))
        if lost:
            named = ",".join(f'"{table}"' for table in lost)
            self.refuse(
                "the history of these system-versioned tables is not in it, so that they would "
                f"come back with their present rows only: {', '.join(lost)}",
                "take a backup that has it. If their history may be lost: -e "
                f"'{{\"restore_accept_different\": [{named}]}}'",
            )
        if not kept:
            return
        made, here = version_number(self.manifest["server"]["version"]), self.server
        if end_of_time(made) != end_of_time(here["version_number"]):
            self.refuse(
                f"it holds the history of {', '.join(sorted(kept))}, and this server "
                f"({here['version']}) would take the present rows for past ones, as they end at "
                f"another time than on {self.manifest['server']['version']}",
                "restore it on a server of that version.",
            )
        guarded = rows_of(self.connection, "SELECT @@secure_timestamp")[0][0]
        grants = " ".join(grant for (grant,) in rows_of(self.connection, "SHOW GRANTS"))
        if guarded != "NO" and not (guarded == "SUPER" and SUPER.search(grants)):
            self.refuse(
                f"it holds the history of {', '.join(sorted(kept))}, and the server does not let "
                f"this account write it (secure_timestamp={guarded})",
                "let an administrator start the server with secure_timestamp=NO, then run it "
                "again.",
            )

    def check_definers(self):
        """Refuse what is to be created in the name of others, where the account may not do that."""
        definers = self.fence.definers
        refused = refused_definers(self.connection, definers, self.pymysql)
        if refused:
            account = rows_of(self.connection, "SELECT CURRENT_USER()")[0][0]
            self.refuse(
                f"it holds what belongs to other accounts, and {account} may not create that in "
                f"their name: {describe_refused(definers, refused)}",
                f"let an administrator run: {grant(account, refused)}; then run it again. Or name "
                "an account that has this right (database_user, database_password).",
            )

    def check_space(self):
        """Refuse when the server's disk, where it can be seen, cannot take the data once more."""
        datadir = rows_of(self.connection, "SELECT @@datadir")[0][0]
        if not (self.parameters.is_local and os.path.isdir(datadir)):
            return
        disk = os.statvfs(datadir)
        free = disk.f_bavail * disk.f_frsize
        data = self.manifest["data_bytes"] + self.manifest["index_bytes"]
        needed = max(data, self.manifest["content"]["bytes"])
        if free < needed:
            self.refuse(
                f"the disk under {datadir} has {free // 2**20} MiB free, and the backup takes "
                f"about {needed // 2**20} MiB when it is loaded",
                "make room, then run it again.",
            )

    def check_scratch(self):
        """Refuse when the account may not create a scratch schema."""
        for schema in (self.scratch, self.old):
            missing = describe_account(self.connection, schema, self.pymysql)["missing_rights"]
            if missing:
                direct = (
                    ""
                    if self.given["state"] == "proven"
                    else f" Or empty the schema first and load the dump into it, without a scratch "
                    f"schema: -e restore_direct={self.live}"
                )
                self.refuse(
                    f"the account lacks {', '.join(missing)} on the scratch schema {schema}, into "
                    "which it is loaded to be compared",
                    "let an administrator grant them: GRANT ALL PRIVILEGES ON "
                    f"{quote_identifier(scratch_pattern(self.live))}.* TO the account. "
                    f"Or name another account (database_user).{direct}",
                )

    def check_outside(self):
        """Refuse when other schemas refer to this one: they would follow the tables that leave."""
        outside = rows_of(
            self.connection,
            "SELECT DISTINCT TABLE_SCHEMA, TABLE_NAME, CONSTRAINT_NAME"
            " FROM information_schema.KEY_COLUMN_USAGE"
            " WHERE REFERENCED_TABLE_SCHEMA = %s AND TABLE_SCHEMA <> %s"
            " ORDER BY TABLE_SCHEMA, TABLE_NAME",
            (self.live, self.live),
        )
        if outside:
            named = ", ".join(f"{schema}.{table} ({name})" for schema, table, name in outside)
            self.refuse(
                f"tables of other schemas refer to this one: {named}; they would follow the tables "
                "that leave",
                f"drop these constraints, or empty the schema first: -e restore_direct={self.live}",
            )

    def check_rights(self):
        """Refuse when the account may not create in the live schema what the backup holds."""
        missing = describe_account(self.connection, self.live, self.pymysql)["missing_rights"]
        with contextlib.suppress(self.pymysql.MySQLError):
            grants = [grant for (grant,) in rows_of(self.connection, "SHOW GRANTS")]
            held = rights_on(grants, self.live)[0]
            # All privileges are shown as these, and cover the ones of objects.
            if not held >= TABLE_RIGHTS | set(RIGHTS_NEEDED):
                missing += [
                    right
                    for kind, rights in OBJECT_RIGHTS.items()
                    for right in rights
                    if self.manifest["objects"][kind] and right not in held
                ]
        if missing:
            self.refuse(
                f"the account lacks {', '.join(missing)} on the schema {self.live}",
                "grant them, or name another account (database_user, database_password).",
            )

    def clean_up(self):
        """Drop the scratch schemas of a run that was killed when all else was done."""
        left = [
            name
            for (name,) in rows_of(
                self.connection,
                "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME IN (%s, %s)",
                (self.scratch, self.old),
            )
        ]
        if not self.module.check_mode:
            with self.locked():
                for name in left:
                    self.execute(self.connection, f"DROP DATABASE {quote_identifier(name)}")
        self.leave(bool(left))

    def is_restored(self):
        """Whether the live schema already is what the backup holds, as far as can be told."""
        manifest = self.manifest
        if not manifest["contents"] or not self.same_version or manifest["schema"] != self.live:
            return False
        tables = sorted(list_tables(self.connection, self.live)[0])
        return (
            tables == sorted(manifest["tables"])
            and operator.eq(*self.objects())
            and not self.different(self.live, quick=True)
        )

    def objects(self):
        """Return what the live schema has, and what it should have, but for what is a text only."""
        as_text = {*self.manifest["views_as_text"]} | {
            f"{kind} {name}"
            for name in self.manifest["routines_as_text"]
            for kind in ("procedure", "function")
        }
        return tuple(
            {
                kind: {name: digest for name, digest in names.items() if name not in as_text}
                for kind, names in objects.items()
            }
            for objects in (describe_objects(self.connection, self.live), self.manifest["objects"])
        )

    # The scratch schema.

    @contextlib.contextmanager
    def locked(self):
        """Keep other runs on the same schema out."""
        name = f"fix_fk {hashlib.sha256(self.live.encode()).hexdigest()[:32]}"
        got = rows_of(self.connection, "SELECT GET_LOCK(%s, %s)", (name, PATIENCE))[0][0]
        if got != 1:
            self.refuse(
                f"another run is at work on the schema {self.live}", "run it again when it is done."
            )
        yield

    @contextlib.contextmanager
    def scratch_dropped(self):
        """Drop the scratch schema at the end, whatever happens."""
        try:
            yield
        finally:
            self.execute(
                self.connection, f"DROP DATABASE IF EXISTS {quote_identifier(self.scratch)}"
            )

    def stage(self):
        """Load the dump into a new scratch schema, compare, and return its programs."""
        scratch, manifest = self.scratch, self.manifest
        # What an interrupted run left there may be half of it.
        self.execute(self.connection, f"DROP DATABASE IF EXISTS {quote_identifier(scratch)}")
        self.execute(
            self.connection,
            f"CREATE DATABASE {quote_identifier(scratch)}"
            f" CHARACTER SET {manifest['charset']} COLLATE {manifest['collation']}",
        )
        programs, found = self.load_into(scratch)
        self.compare(scratch, found)
        with self.timed("programs"):
            source = manifest["schema"]
            told = [program for program in programs if program.names(source)]
            if told:
                self.warnings.append(
                    f"{len(told)} statements for triggers, views or routines name the schema "
                    f"{source} themselves; they are only tried when they are put in place."
                )
            self.run_programs(
                [
                    program
                    for program in programs
                    if program.kind != "event" and not program.names(source)
                ],
                scratch,
            )
        return programs

    def load_into(self, schema):
        """Load the tables of the dump into a schema; return its programs and what read() found."""
        self.keep_alive()
        with self.timed("load"), contextlib.ExitStack() as stack:
            connections = [
                stack.enter_context(
                    contextlib.closing(connect(self.module, self.parameters, database=schema))
                )
                for _number in range(3)
            ]
            try:
                loaded = load(
                    self.path,
                    self.compressor,
                    connections,
                    self.module.tmpdir,
                    self.fence,
                    lambda table: self.manifest["tables"].get(table, 0) > LARGE,
                    lambda connection, table: self.read(connection, schema, [table])[table],
                )
            except BaseException:
                # What they are at would go on without this process, and keep the schema locked.
                for connection in connections:
                    with contextlib.suppress(self.pymysql.MySQLError):
                        rows_of(self.connection, f"KILL {connection.thread_id()}")
                raise
        if loaded.problem:
            self.refuse(f"it does not load: {loaded.problem}", "mend that, or take another backup.")
        self.check_content(loaded.content)
        return loaded.programs, loaded.found

    def keep_alive(self):
        """Let the connection that holds the lock be silent for long: some hosts end such a one."""
        rows_of(self.connection, "SET SESSION wait_timeout = 86400")

    def check_content(self, content):
        """Refuse a dump that is another one than the manifest describes."""
        expected = self.manifest["content"]
        if not content.whole:
            self.refuse(
                "the dump ends without its last line '-- Dump completed'", "take another backup."
            )
        if (content.sha256, content.bytes) != (expected["sha256"], expected["bytes"]):
            self.refuse(
                f"the dump holds {content.bytes} bytes of SQL (SHA-256 {content.sha256}), and its "
                f"manifest says {expected['bytes']} ({expected['sha256']})",
                "take another backup.",
            )
        if content.tables != set(self.manifest["tables"]):
            odd = ", ".join(sorted(content.tables ^ set(self.manifest["tables"])))
            self.refuse(
                f"these tables are only in the dump or only in its manifest: {odd}",
                "take another backup.",
            )

    def run_programs(self, programs, schema):
        """Create the dump's views, triggers, routines and events in a schema."""
        connection = connect(
            self.module,
            self.parameters,
            lock_wait_timeout=self.given["lock_wait_timeout"],
        )
        with contextlib.closing(connection):
            try:
                run_programs(connection, programs, self.manifest["schema"], schema)
            except ProgramError as error:
                statement = " ".join(error.program.statement.decode("utf-8", "replace").split())
                self.refuse(
                    f"the server refuses a {error.program.kind} of it: {error.text} "
                    f"({error.code}), in: {statement[:300]}",
                    "if a right is missing, name an account that has it (database_user, "
                    "database_password), and run it again.",
                )

    def compare(self, schema, found):
        """Refuse when the tables of a schema are not what the manifest says.

        found: {table: what read() gave}, as far as that was read while the others were loaded.
        """
        with self.timed("compare"):
            different = self.different(schema, found)
        if different:
            tables = ",".join(f'"{table}"' for table in sorted(different))
            self.refuse(
                "loaded, it differs from its manifest: "
                + "; ".join(f"{table} {what}" for table, what in sorted(different.items())),
                "take another backup. If these tables were written to while the backup was made, "
                f"and what was loaded will do: -e '{{\"restore_accept_different\": [{tables}]}}'",
            )

    def different(self, schema, found=None, quick=False):
        """Return {table: in what it differs from the manifest}.

        found: what has been read already; quick: no table may differ, and when one does, not all
        need to be named.
        """
        manifest, connection = self.manifest, self.connection
        tables = sorted(list_tables(connection, schema)[0])
        different = {table: "is not there" for table in manifest["tables"] if table not in tables}
        different.update(
            (table, "is not in it") for table in tables if table not in manifest["tables"]
        )
        common = [table for table in tables if table in manifest["tables"]]
        if self.same_version:
            structure = describe_structure(connection, schema, common)
            different.update(
                (table, "has another structure")
                for table in common
                if structure[table] != manifest["structure"][table]
            )
        if different and quick:
            return different
        if quick and self.rows_differ(common):
            return dict.fromkeys(common, "has other rows")
        rows = dict(found or {})
        try:
            rows.update(
                self.read(self.connection, schema, [table for table in common if table not in rows])
            )
        except ValueError as error:
            self.refuse(str(error), "let an administrator raise max_allowed_packet.")
        for table in common:
            read, said = rows[table], (manifest["contents"] or {}).get(table)
            if table in different:
                continue
            if read["rows"] != manifest["tables"][table]:
                what = f"has {read['rows']} rows, and {manifest['tables'][table]} were counted"
            elif said and read["digest"] != said["digest"]:
                what = f"has its {read['rows']} rows with another content"
            elif read["history"] != self.history.get(table):
                what = "has another history"
            else:
                continue
            if not quick and table in (self.given["accept_different"] or ()):
                self.exact = False
                self.warnings.append(f"{table} {what}; that was accepted.")
            else:
                different[table] = what
        return different

    def read(self, connection, schema, tables):
        """Return {table: {rows, history, and with a manifest that has them digest}}."""
        contents = self.manifest["contents"]
        if contents:
            columns = {table: contents[table]["columns"] for table in tables if table in contents}
            found = read_contents(connection, schema, tables, columns)
        else:
            found = {table: {"rows": self.count(connection, schema, table)} for table in tables}
        past = {}
        if not self.history.keys().isdisjoint(tables):
            versioned = list_versioned(connection, schema)
            with snapshot(connection):
                past = read_history(
                    connection,
                    schema,
                    {
                        table: versioned[table]
                        for table in tables
                        if table in self.history and versioned.get(table)
                    },
                    bool(contents),
                )
        return {table: dict(about, history=past.get(table)) for table, about in found.items()}

    def rows_differ(self, tables):
        """Whether some live table has not as many rows as the manifest says."""
        return any(
            self.count(self.connection, self.live, table) != self.manifest["tables"][table]
            for table in tables
        )

    def count(self, connection, schema, table):
        query = f"SELECT COUNT(*) FROM {quote_table(schema, table)}"  # noqa: S608
        return rows_of(connection, query)[0][0]

    def level(self):
        """Return what is proven of the backup after stage()."""
        return "L2" if self.exact else "L1"

    # The live schema.

    def move_in(self):
        """Let the live tables leave and the loaded ones come in, in one statement."""
        connection = self.connection
        live = quote_identifier(self.live)
        with self.timed("move"):
            for name in self.names("TRIGGER", self.scratch):
                self.execute(connection, f"DROP TRIGGER {quote_table(self.scratch, name)}")
            # Whatever lies there an interrupted run had moved out; this run repeats it.
            self.execute(connection, f"DROP DATABASE IF EXISTS {quote_identifier(self.old)}")
            self.execute(connection, f"CREATE DATABASE {quote_identifier(self.old)}")
            moves = [
                f"{quote_table(source, table)} TO {quote_table(target, table)}"
                for source, target in ((self.live, self.old), (self.scratch, self.live))
                for table in tables_and_sequences(connection, source)
            ]
            # A table with triggers cannot leave its schema.
            triggers = self.read_triggers()
            try:
                for name in triggers:
                    self.change(f"DROP TRIGGER {quote_table(self.live, name)}")
                if moves:
                    self.change(f"RENAME TABLE {', '.join(moves)}")
            except self.pymysql.MySQLError as error:
                self.put_back(triggers)
                self.execute(connection, f"DROP DATABASE {quote_identifier(self.old)}")
                waited = error.args[0] in WAITED
                self.refuse(
                    f"the tables cannot be exchanged: {error.args[-1]} ({error.args[0]}). "
                    + (blockers(connection, self.live, (), self.pymysql) if waited else ""),
                    "mend that, and run it again.",
                )
            self.touched = True
            self.drop_programs()
            self.change(
                f"ALTER DATABASE {live} CHARACTER SET {self.manifest['charset']}"
                f" COLLATE {self.manifest['collation']}"
            )

    def names(self, kind, schema):
        """Return the names of a schema's triggers, events or views."""
        source = "VIEWS" if kind == "TABLE" else f"{kind}S"
        query = (
            f"SELECT {kind}_NAME FROM information_schema.{source}"  # noqa: S608
            f" WHERE {kind}_SCHEMA = %s"
        )
        return [name for (name,) in rows_of(self.connection, query, (schema,))]

    def read_triggers(self):
        """Return {trigger of the live schema: (sql_mode, its CREATE TRIGGER)}."""
        return {
            name: rows_of(self.connection, f"SHOW CREATE TRIGGER {quote_table(self.live, name)}")[
                0
            ][1:3]
            for name in self.names("TRIGGER", self.live)
        }

    def put_back(self, triggers):
        """Create the live triggers again that were dropped in vain."""
        there = set(self.names("TRIGGER", self.live))
        with contextlib.closing(connect(self.module, self.parameters)) as connection:
            for name, (mode, statement) in triggers.items():
                if name not in there:
                    rows_of(connection, "SET SESSION sql_mode = %s", (mode,))
                    rows_of(connection, statement)
        self.queries = []

    def drop_programs(self):
        """Drop the live views, events and routines, except those that the backup does not hold."""
        for name in self.names("EVENT", self.live):
            self.change(f"DROP EVENT {quote_table(self.live, name)}")
        for name in self.names("TABLE", self.live):
            self.change(f"DROP VIEW {quote_table(self.live, name)}")
        for kind, name in rows_of(
            self.connection,
            "SELECT ROUTINE_TYPE, ROUTINE_NAME FROM information_schema.ROUTINES"
            " WHERE ROUTINE_SCHEMA = %s",
            (self.live,),
        ):
            if self.manifest["routines_as_text"].get(name, "") is not None:
                self.change(f"DROP {kind} IF EXISTS {quote_table(self.live, name)}")

    def finish(self, programs):
        """Create views, triggers, routines and events in the live schema, and verify all."""
        with self.timed("programs"):
            self.run_programs(programs, self.live)
            self.create_from_text()
        self.verify()

    def create_from_text(self):
        """Create what the dump could not hold and the manifest has as text, as far as possible.

        A view may rest on another one, so what failed is tried again as long as that helps.
        """
        left = [
            (part, kind, name, text)
            for part, kind in (("routines_as_text", "routine"), ("views_as_text", "view"))
            for name, text in sorted(self.manifest[part].items())
        ]
        before: int | None = None
        problems: list = []
        with contextlib.closing(connect(self.module, self.parameters)) as connection:
            while left and len(left) != before:
                before, tried, left, problems = len(left), left, [], []
                for part, kind, name, text in tried:
                    problem = "the backup does not hold its definition"
                    try:
                        if text:
                            rows_of(connection, text)
                            continue
                    except self.pymysql.MySQLError as error:
                        problem = f"{error.args[-1]}. Its text is in {self.path}.json, {part}"
                    left.append((part, kind, name, text))
                    problems.append(f"The {kind} {name} was not put back: {problem}.")
        self.warnings += problems

    def verify(self):
        """Refuse, too late to undo it, when the live schema is not what the backup holds."""
        with self.timed("verify"):
            manifest = self.manifest
            tables = sorted(list_tables(self.connection, self.live)[0])
            problems = []
            if tables != sorted(manifest["tables"]):
                odd = sorted(set(tables) ^ set(manifest["tables"]))
                problems.append(f"tables that are missing or should not be there: {', '.join(odd)}")
            found, said = self.objects()
            for kind, expected in said.items():
                odd = sorted(set(found[kind]) ^ set(expected))
                if odd:
                    problems.append(
                        f"{kind} that are missing or should not be there: {', '.join(odd)}"
                    )
        if problems:
            self.refuse(
                "what was put back is not complete: " + "; ".join(problems), "run it again."
            )

    def restore_directly(self):
        """Empty the live schema and load the dump into it."""
        self.touched = True
        with self.timed("empty"):
            self.drop_programs()
            rows_of(self.connection, "SET SESSION foreign_key_checks = 0")
            tables = [
                quote_table(self.live, table)
                for table in tables_and_sequences(self.connection, self.live)
            ]
            if tables:
                self.change(f"DROP TABLE {', '.join(tables)}")
            rows_of(self.connection, "SET SESSION foreign_key_checks = 1")
        programs, found = self.load_into(self.live)
        self.compare(self.live, found)
        self.finish(programs)


if __name__ == "__main__":
    main()
