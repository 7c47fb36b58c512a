# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup put back, or proven: the steps that write."""

from __future__ import annotations

import contextlib
import hashlib

from ansible.module_utils.fix_fk.backup.loading import Loading, names
from ansible.module_utils.fix_fk.backup.manifest import (
    Unfit,
    find_backup,
    list_backups,
    read_manifest,
    write_manifest,
)
from ansible.module_utils.fix_fk.refusal import refuse
from ansible.module_utils.fix_fk.schema.objects import digest_of, tables_and_sequences
from ansible.module_utils.fix_fk.schema.sql import quote_identifier, quote_table, rows_of
from ansible.module_utils.fix_fk.server.connection import (
    connect,
)
from ansible.module_utils.fix_fk.server.locks import (
    WAITED,
    blockers,
)

# How long another run on the same schema is waited for, in seconds: a killed one takes a moment.
PATIENCE = 10


def choose(module, schema):
    """Return (path, manifest) of the backup that is meant, or end the module with a list."""
    folder, wanted = module.params["dir"], module.params["backup"]
    key = module.params["key"] or None
    try:
        if not wanted:
            raise Unfit("it is not said which backup to put back")
        path = find_backup(folder, wanted)
    except Unfit as problem:
        backups = list_backups(folder, schema, key) if folder else []
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
        refuse(
            module,
            f"No backup was put back: {problem}. In {folder} are, newest first: {named or 'none'}"
            f"{more}.",
            f"name one: ansible-playbook playbooks/restore.yml -e restore_backup={example}",
            again=False,
            backups=backups,
            queries=[],
        )
    try:
        return path, read_manifest(path, key)
    except Unfit as problem:
        return refuse(
            module,
            f"The backup {path} cannot be put back: {problem}.",
            "take another one; without restore_backup the playbook playbooks/restore.yml lists "
            "them.",
            again=False,
            queries=[],
        )


class Restore(Loading):
    """A backup on its way: through a scratch schema into the live one, or straight into it."""

    # What is in the live tables, where that was asked.
    present: dict | None = None

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
        self.manifest["proof_level"] = level
        if changed and (self.given["key"] or "hmac" not in self.manifest):
            write_manifest(self.path, self.manifest, self.given["key"])
        elif changed:
            self.warnings.append(
                "That it is proven is not written into its manifest, which has the seal of a key, "
                "and backup_key names none."
            )
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
            self.present = self.now_there()
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
                "present": self.present,
                "warnings": [*self.losses.values(), *self.warnings],
                "seconds": {part: round(value, 2) for part, value in self.seconds.items()},
            },
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
            self.create_from_text("routine", scratch)
            left_out = self.run_programs(
                [program for program in programs if program.kind != "event"], scratch
            )
            self.compare_programs(scratch, left_out)
            self.compare_events(
                {
                    self.fence.named(program.statement): digest_of(
                        program.statement.decode("utf-8", "replace")
                    )
                    for program in programs
                    if program.kind == "event"
                }
            )
        return programs

    def move_in(self):
        """Let the live tables leave and the loaded ones come in, in one statement."""
        connection = self.connection
        live = quote_identifier(self.live)
        with self.timed("move"):
            for name in names(self.connection, "TRIGGER", self.scratch):
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
            triggers = read_triggers(self.connection, self.live)
            try:
                for name in triggers:
                    self.change(f"DROP TRIGGER {quote_table(self.live, name)}")
                if moves:
                    self.change(f"RENAME TABLE {', '.join(moves)}")
            except self.pymysql.MySQLError as error:
                self.put_back(triggers)
                self.execute(connection, f"DROP DATABASE {quote_identifier(self.old)}")
                who = ""
                if error.args[0] in WAITED:
                    who = f". {blockers(connection, self.live, (), self.pymysql)}".rstrip(".")
                self.refuse(
                    f"the tables cannot be exchanged: {error.args[-1]} ({error.args[0]}){who}",
                    "mend that, and run it again.",
                )
            self.touched = True
            self.drop_programs()
            self.change(
                f"ALTER DATABASE {live} CHARACTER SET {self.manifest['charset']}"
                f" COLLATE {self.manifest['collation']}"
            )

    def put_back(self, triggers):
        """Create the live triggers again that were dropped in vain."""
        there = set(names(self.connection, "TRIGGER", self.live))
        with contextlib.closing(connect(self.module, self.parameters)) as connection:
            for name, (mode, statement) in triggers.items():
                if name not in there:
                    rows_of(connection, "SET SESSION sql_mode = %s", (mode,))
                    rows_of(connection, statement)
        self.queries = []

    def finish(self, programs):
        """Create views, triggers, routines and events in the live schema, and verify all."""
        with self.timed("programs"):
            self.create_from_text("routine", self.live)
            self.run_programs(programs, self.live)
            self.create_from_text("view", self.live)
        self.verify()

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


def read_triggers(connection, schema):
    """Return {trigger: (sql_mode, its CREATE TRIGGER)}."""
    return {
        name: rows_of(connection, f"SHOW CREATE TRIGGER {quote_table(schema, name)}")[0][1:3]
        for name in names(connection, "TRIGGER", schema)
    }
