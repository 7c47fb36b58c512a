#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""One artisan command, judged by what it changed."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: artisan
short_description: Run one Laravel artisan command and judge it by its effect
description:
  - Runs C(php artisan COMMAND --no-interaction --no-ansi) in the application's folder, without a
    shell.
  - "Success and RV(ignore:changed) are read from the migrations table and the maintenance state,
    before and after, not from the exit code: C(artisan migrate) exits with 0 as well when a lock
    kept it from running, when a migration skipped itself, when C(--graceful) swallowed an error,
    and when it found nothing to do."
options:
  command:
    description:
      - The command.
      - V(down) enters maintenance mode and notes beside Laravel's own file
        (C(storage/framework/down_by_fix_fk.json)) that a run has begun, whether it was the one
        that took the application down, and with O(contents) the content of every table.
      - V(up) leaves maintenance mode and removes that note.
      - V(migrate) gets C(--force) and is a success when every name in O(migrations) is recorded
        afterwards, or without names, when nothing is pending. C(--path) among the O(arguments)
        narrows that to the migrations in these places.
      - V(migrate:rollback) gets C(--force). See O(migration).
      - Any other command is a success when it exits with 0, and changed when the migrations table
        (for C(migrate:*) and C(db:*)) or the maintenance state changed.
    type: str
    required: true
  arguments:
    description: Further arguments of the command.
    type: list
    elements: str
    default: []
  migration:
    description:
      - "With V(migrate:rollback): undo exactly this migration, which failed and is thus not
        recorded. It is recorded in a batch of its own, higher than any (2000000000, so that a
        record left behind by an interrupted run is known for what it is), and
        C(migrate:rollback --step=1) then runs its C(down). If that did not happen, its record is
        removed again."
      - "What its C(down) would send is learned first, while pretending; an error there stops it."
      - "With V(down): the migration that this is done for, noted in the marker."
    type: str
  recorded:
    description:
      - "With V(migrate:rollback) and O(migration): the migration is one that ran and is recorded.
        It must be the one that C(--step=1) undoes."
    type: bool
    default: false
  expected_statements:
    description:
      - "With V(migrate:rollback) and O(migration): the SQL that its C(down) must be about to send,
        statement by statement. If it is another, nothing is done."
    type: list
    elements: str
  migrations:
    description:
      - "With V(migrate): names that must be recorded afterwards."
    type: list
    elements: str
    default: []
  ids_above:
    description:
      - "With V(migrate): tables made anew, each with the C(old) one in whose place it came. When
        all is migrated, C(AUTO_INCREMENT) of each is set above every id that the old one has had,
        so that no new row is taken for an old one. Only metadata changes; one that counts above
        already, does not count, or could not give out a higher id is left alone."
      - With nothing pending artisan is then not run.
    type: list
    elements: dict
    default: []
    suboptions:
      table:
        description: The table made anew.
        type: str
        required: true
      old:
        description: The one that was renamed away.
        type: str
        required: true
  run_id:
    description: "With V(down): the run, noted in the marker."
    type: str
  only_own:
    description:
      - "With V(up): leave maintenance mode only if this module entered it; the run's note is
        removed in any case."
    type: bool
    default: false
  ends_run:
    description:
      - Let go of the schema's lock afterwards, so that another O(run) can begin.
    type: bool
    default: false
  contents:
    description:
      - "With V(down): return the number of rows, a digest and the structure of every table, read
        after the application went down."
    type: bool
    default: false
  expected:
    description:
      - "With V(down) and O(contents): what is to come of all that, noted with it for the run that
        goes on with this one should it be interrupted."
    type: dict
  lock_wait_timeout:
    description:
      - Seconds that one of artisan's C(ALTER), C(CREATE), C(DROP), C(RENAME) or C(TRUNCATE)
        statements may wait for a table lock, while others queue behind it. Then artisan is ended
        and who is in the way is named. The server's own limit is a day or a year.
    type: int
    default: 20
  timeout:
    description: Seconds after which artisan and all it started is ended.
    type: int
    default: 3600
notes:
  - With check mode nothing is run. What would be refused is refused, and what would change is told.
  - The explicit O(database_host) and its neighbours say how this module looks at the migrations
    table; artisan itself uses the application's own configuration. Both must name the same schema.
attributes:
  check_mode:
    support: full
    description: Looks and does not run.
  diff_mode:
    support: none
    description: RV(effect) says what changed.
extends_documentation_fragment:
  - connection
  - look
seealso:
  - module: laravel_info
author:
  - The fix_fk authors
"""

EXAMPLES = r"""
- name: Enter maintenance mode
  artisan:
    laravel_path: /home/app/gaspul_api
    command: down
    arguments: ["--retry=60"]
    run_id: "{{ run_id }}"
    migration: 2026_01_25_000000_total_refactor_skp_system

- name: Undo exactly the migration that failed
  artisan:
    laravel_path: /home/app/gaspul_api
    command: migrate:rollback
    migration: 2026_01_25_000000_total_refactor_skp_system
    expected_statements:
      - drop table if exists `skp_tahunan`
      - rename table `skp_tahunan_backup_v1` to `skp_tahunan`

- name: Run the pending migrations
  artisan:
    laravel_path: /home/app/gaspul_api
    command: migrate
    migrations:
      - 2026_01_25_000000_total_refactor_skp_system

- name: Leave maintenance mode, if this tool entered it
  artisan:
    laravel_path: /home/app/gaspul_api
    command: up
    only_own: true
"""

RETURN = r"""
rc:
  description: Exit code of artisan. One that is not 0, of a command that had its effect all the
    same, is told as a warning.
  returned: when artisan was run
  type: int
  sample: 0
stdout:
  description: What it wrote, without the database password.
  returned: success, and failure after artisan was run
  type: str
stderr:
  description: What it wrote as errors, without the database password.
  returned: success, and failure after artisan was run
  type: str
effect:
  description:
    - Migrations that are C(recorded) and C(forgotten) now and were not before, and whether the
      application was down C(before) and is C(after). In check mode, what is expected.
    - Of the commands V(down) and V(up) also C(since) when this module has it down, though an
      earlier call may have taken it down, and C(until) when it came up. Both are seconds since
      1970 by the clock of the host, or null.
  returned: success, and failure after artisan was run
  type: dict
  sample:
    recorded: [2026_01_25_000000_x]
    forgotten: []
    maintenance: {before: true, after: true, since: null, until: null}
queries:
  description: The commands and SQL that were run, or in check mode would be.
  returned: success, and failure after artisan was run
  type: list
  elements: str
  sample: [php artisan migrate --force]
undo:
  description: The commands that take it back.
  returned: success, and failure after artisan was run
  type: list
  elements: str
  sample: [php artisan migrate:rollback --step=1 --force]
schema:
  description: What M(fk_constraint_info) returns, read after the command.
  returned: with O(look), except in check mode
  type: dict
contents:
  description: C(rows), C(digest) and C(columns) by table.
  returned: with O(contents=true), except in check mode
  type: dict
  sample: {users: {rows: 500, digest: 0f3a, columns: [email, id]}}
structure:
  description: Of every table what M(fk_constraint_info) returns as C(structure).
  returned: with O(contents=true), except in check mode
  type: dict
ids:
  description: "Of O(ids_above): whether it C(changed) a table, the C(queries) that did, and the SQL
    that takes them back as C(undo)."
  returned: with O(ids_above), except in check mode
  type: dict
  sample:
    changed: true
    queries: ["ALTER TABLE `skp_tahunan` AUTO_INCREMENT = 501"]
    undo: ["ALTER TABLE `skp_tahunan` AUTO_INCREMENT = 1"]
run_ended:
  description: Whether the schema's lock was let go.
  returned: with O(ends_run=true), success, except in check mode
  type: bool
seconds:
  description: How long artisan ran.
  returned: success, and failure after artisan was run
  type: float
  sample: 0.21
"""

import contextlib
import os
import shlex
import time
from typing import Any

from ansible.module_utils.fix_fk import one_run
from ansible.module_utils.fix_fk.connection import (
    application_environment,
    connect,
    connected_module,
    database_errors,
    load_pymysql,
    open_connection,
    resolve,
    take_lock,
)
from ansible.module_utils.fix_fk.contents import read_contents
from ansible.module_utils.fix_fk.ddl import WAITED, blockers, execute
from ansible.module_utils.fix_fk.foreign_keys import list_tables
from ansible.module_utils.fix_fk.ids import raise_ids
from ansible.module_utils.fix_fk.laravel.artisan import (
    ARTISAN_TIMEOUT,
    hide_rows,
    run_artisan,
    told_error,
    without_trace,
)
from ansible.module_utils.fix_fk.laravel.dump import dumped_tables
from ansible.module_utils.fix_fk.laravel.maintenance import (
    is_down,
    maintenance_state,
    remove_marker,
    went_down,
    write_marker,
)
from ansible.module_utils.fix_fk.laravel.probe import application, passwords, probe
from ansible.module_utils.fix_fk.laravel.records import ROLLBACK_BATCH
from ansible.module_utils.fix_fk.schema import LOOK_SPEC, look
from ansible.module_utils.fix_fk.secrets import hider
from ansible.module_utils.fix_fk.sql import quote_identifier
from ansible.module_utils.fix_fk.structure import read_structure

CHANGES_OF_TABLES = ("alter", "create", "drop", "rename", "truncate")

# Again this often, after so many seconds: for a statement that waits for a table.
IDS_WAITS = (3, 2)

# Until the server has noticed that a client is gone, what it waited for may still be done.
NOTICE_SECONDS = 10


def main():
    module = connected_module(
        {
            "command": {"type": "str", "required": True},
            "arguments": {"type": "list", "elements": "str", "default": []},
            "migration": {"type": "str"},
            "recorded": {"type": "bool", "default": False},
            "expected_statements": {"type": "list", "elements": "str"},
            "migrations": {"type": "list", "elements": "str", "default": []},
            "ids_above": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "table": {"type": "str", "required": True},
                    "old": {"type": "str", "required": True},
                },
            },
            "run_id": {"type": "str"},
            "only_own": {"type": "bool", "default": False},
            "ends_run": {"type": "bool", "default": False},
            "contents": {"type": "bool", "default": False},
            "expected": {"type": "dict"},
            "lock_wait_timeout": {"type": "int", "default": 20},
            "timeout": {"type": "int", "default": ARTISAN_TIMEOUT},
            "look": {"type": "dict", "options": LOOK_SPEC},
        },
        needs_application=True,
        supports_check_mode=True,
    )
    task = Task(module)
    task.refuse_unfit_options()
    # Maintenance mode, for one, can be lifted when the database does not answer.
    take_lock(module, needed=task.about_migrations)
    {
        "down": task.down,
        "up": task.up,
        "migrate": task.migrate,
        "migrate:rollback": task.roll_back if module.params["migration"] else task.other,
    }.get(module.params["command"], task.other)()
    task.leave()


class Task:
    """One command on one application, and what is known about its effect."""

    def __init__(self, module):
        self.module = module
        self.given = module.params
        self.check_mode = module.check_mode
        self.facts: dict = {}
        self.parameters: Any = None
        self.connection: Any = None
        self.hide: Any = None
        self.before: dict = {}
        # Since when (time.monotonic()) which session of artisan waits for a table lock.
        self.waiting: dict[int, float] = {}
        self.result: dict = {
            "changed": False,
            "rc": None,
            "stdout": "",
            "stderr": "",
            "seconds": 0.0,
            "effect": {
                "recorded": [],
                "forgotten": [],
                "maintenance": dict.fromkeys(("before", "after", "since", "until")),
            },
            "queries": [],
            "undo": [],
        }

    @property
    def effect(self):
        return self.result["effect"]

    @property
    def about_migrations(self):
        return self.given["command"].split(":")[0] in ("migrate", "db")

    # What every command does

    def refuse_unfit_options(self):
        """End the module when an option has no meaning for the command."""
        given, command = self.given, self.given["command"]
        problem = None
        if not command or command.startswith("-") or not command.isprintable():
            problem = f"command is {command!r}, which is not the name of an artisan command"
        elif given["timeout"] < 1 or given["lock_wait_timeout"] < 1:
            problem = "timeout or lock_wait_timeout is less than a second"
        elif given["migration"] == "" or "" in given["migrations"]:
            problem = "The name of a migration is empty"
        elif given["migrations"] and command != "migrate":
            problem = "migrations has a meaning only for the command migrate"
        elif given["ids_above"] and command != "migrate":
            problem = "ids_above has a meaning only for the command migrate"
        elif given["migration"] and command not in ("migrate:rollback", "down"):
            problem = "migration has a meaning only for the commands migrate:rollback and down"
        elif given["migration"] and command != "down" and given["arguments"]:
            problem = "A rollback of exactly one migration takes no further arguments"
        elif (given["recorded"] or given["expected_statements"] is not None) and not (
            given["migration"] and command == "migrate:rollback"
        ):
            problem = (
                "recorded and expected_statements have a meaning only for the command "
                "migrate:rollback with a migration"
            )
        elif any(argument.split("=")[0] == "--database" for argument in given["arguments"]):
            problem = (
                "--database is among the arguments; give database_connection instead, so that the "
                "effect is looked for in the same database"
            )
        if problem:
            self.module.fail_json(msg=f"{problem}. Nothing was run or changed.")

    def ask(self, **questions):
        """Ask the application; one start of PHP."""
        given = self.given
        where = [given["laravel_path"], given["laravel_php"]]
        where += [application_environment(self.module), given["database_connection"]]
        if questions:
            self.facts = probe(self.module, *where, **questions)
        else:
            self.facts = application(self.module, *where)
        down = self.facts["maintenance"]["down"]
        self.effect["maintenance"].update(before=down, after=down)

    def look(self):
        """Open the database connection and read what is recorded before the command."""
        self.parameters = resolve(self.module)
        own = self.facts["connection"]["database"]
        if self.parameters.database != own:
            self.module.fail_json(
                msg=f"artisan would work on the schema '{own}' that the application's "
                f"configuration names, but database_name is '{self.parameters.database}'. Nothing "
                "was run or changed. Leave database_name out, or correct the application's .env."
            )
        self.connection = connect(self.module, self.parameters)
        with database_errors(self.module, self.parameters, self.result):
            self.before = self.recorded()

    @property
    def table(self):
        """The migrations table, quoted."""
        return quote_identifier(self.parameters.prefix + self.facts["migrations_table"])

    def recorded(self):
        """Return {migration: batch}; nothing when there is no migrations table."""
        with self.connection.cursor() as cursor:
            cursor.execute(
                "SELECT 1 FROM information_schema.TABLES"
                " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s",
                (self.parameters.prefix + self.facts["migrations_table"],),
            )
            if not cursor.fetchone():
                return {}
            cursor.execute(f"SELECT migration, batch FROM {self.table}")  # noqa: S608
            return {name: int(batch) for name, batch in cursor.fetchall()}

    def write(self, statement, *values):
        """Run one statement on the migrations table and note it; in check mode only note it."""
        with self.connection.cursor() as cursor:
            self.result["queries"].append(cursor.mogrify(statement, values))
            if not self.check_mode:
                cursor.execute(statement, values)

    def command(self, *arguments):
        """Return the command line with which a person would run artisan here."""
        return shlex.join([self.given["laravel_php"], "artisan", *arguments])

    def run(self, arguments):
        """Run artisan and note it; in check mode only note it. Returns run_artisan()'s result."""
        self.result["queries"].append(self.command(*arguments))
        if self.check_mode:
            return None
        given = self.given
        result = run_artisan(
            self.module,
            given["laravel_path"],
            given["laravel_php"],
            application_environment(self.module),
            arguments,
            given["timeout"],
            watch=self.waited_too_long if self.connection else None,
            descriptors=one_run.descriptors(self.module),
        )
        if result["stopped"]:
            with database_errors(self.module, self.parameters, self.result):
                self.until_gone()
        for name in ("stdout", "stderr"):
            result[name] = without_trace(self.without_secrets(result[name]))
        self.result.update((name, result[name]) for name in ("rc", "stdout", "stderr", "seconds"))
        return result

    def without_secrets(self, text):
        if not self.hide:
            given = self.given
            self.hide = hider(
                self.module,
                given["laravel_path"],
                application_environment(self.module),
                *passwords(self.facts),
                *([self.parameters.password] if self.parameters else []),
            )
        return hide_rows(self.hide(text))

    def look_again(self):
        """Read what is recorded after the command, on a connection that may have been closed."""
        pymysql = load_pymysql(self.module)
        try:
            with contextlib.suppress(Exception):
                self.connection.close()
            self.connection = open_connection(pymysql, self.parameters)
            after = self.recorded()
        except (pymysql.MySQLError, OSError, RuntimeError) as error:
            self.fail(
                "what it did is not known, as the migrations table could not be read afterwards: "
                f"{error.args[-1] if error.args else error}",
                "Run the diagnosis again to see the state.",
            )
        self.effect["recorded"] = [name for name in after if name not in self.before]
        self.effect["forgotten"] = [name for name in self.before if name not in after]
        self.result["changed"] = self.result["changed"] or after != self.before
        self.look_at_maintenance()
        return after

    def look_at_maintenance(self):
        """Note whether the application is down now, if that takes no start of PHP."""
        before, down = self.effect["maintenance"]["before"], is_down(self.facts)
        if down is not None:
            self.effect["maintenance"]["after"] = down
            self.result["changed"] = self.result["changed"] or down != before

    def fail(self, found, advice):
        """End the module with one paragraph: what happened, what changed, what to do."""
        effect, told = self.effect, ""
        if self.result["rc"] is not None:
            told = f" Artisan ended with {self.result['rc']}, saying: {told_error(self.result)}"
            told += "" if told.endswith((".", "!")) else "."
        changes = [
            f"{', '.join(effect[key])} {'is' if len(effect[key]) == 1 else 'are'} {words}"
            for key, words in (
                ("recorded", "recorded now"),
                ("forgotten", "not recorded any more"),
            )
            if effect[key]
        ]
        if effect["maintenance"]["before"] != effect["maintenance"]["after"]:
            down = effect["maintenance"]["after"]
            changes.append(f"the application is {'down' if down else 'up'} now")
        changed = f" Changed by this: {'; '.join(changes)}." if changes else ""
        sent = self.result["queries"] or [self.given["command"]]
        what = next((query for query in reversed(sent) if " artisan " in query), sent[-1])
        self.module.fail_json(
            msg=f"`{what}`: {found}.{told}{changed} {advice}",
            **self.result,
        )

    def leave(self):
        """End the module with success."""
        if self.connection:
            self.connection.close()
        if self.given["look"] and not self.check_mode:
            self.result["schema"] = look(self.module, self.given["look"], self.result)
        if self.given["ends_run"] and not self.check_mode:
            one_run.release(self.module)
            self.result["run_ended"] = True
        # Ansible takes any rc but 0 for a failure, and None is another one.
        if self.result["rc"] != 0:
            code = self.result.pop("rc")
            if code is not None:
                self.module.warn(
                    f"artisan ended with {code}, and did what it was asked for: "
                    f"{told_error(self.result)}"
                )
        self.module.exit_json(**self.result)

    def ended_early(self, result):
        """Return the words for a command that was ended here, or None."""
        if result["stopped"]:
            return result["stopped"]
        if result["timed_out"]:
            return (
                f"it was ended after {self.given['timeout']} s, and the server may still be at "
                "its last statement"
            )
        return None

    def waits(self):
        """Return {session: statement} of what artisan has waiting for a table lock.

        Its sessions are younger than this one, and of the same account, so that they are seen
        without any right. Workers of the application send no such statements.
        """
        with self.connection.cursor() as cursor:
            cursor.execute(
                "SELECT ID, INFO FROM information_schema.PROCESSLIST WHERE DB = DATABASE()"
                " AND ID > CONNECTION_ID() AND STATE = 'Waiting for table metadata lock'"
            )
            return {
                session: text
                for session, text in cursor.fetchall()
                if (text or "").lstrip().partition(" ")[0].lower() in CHANGES_OF_TABLES
            }

    def waited_too_long(self):
        """Return what waits and who is in its way, once that has lasted long enough, or None."""
        pymysql = load_pymysql(self.module)
        now, limit = time.monotonic(), self.given["lock_wait_timeout"]
        try:
            waits = self.waits()
            self.waiting = {session: self.waiting.get(session, now) for session in waits}
            long = [session for session, since in self.waiting.items() if now - since >= limit]
            if not long:
                return None
            text = waits[long[0]]
            tables, _views = list_tables(self.connection, self.parameters.database)
            return (
                f"a table is locked: '{text}' waited {limit} s and artisan was ended. "
                + blockers(
                    self.connection,
                    self.parameters.database,
                    [table for table in tables if quote_identifier(table) in text],
                    pymysql,
                    without=waits,
                )
            )
        except pymysql.MySQLError:
            return None

    def until_gone(self):
        """Wait until what artisan had waiting for a lock is gone from the server, too.

        MariaDB notices that the client is gone. MySQL lets the statement wait on, and carries it
        out once the lock is free; so artisan's own session is ended, for which its account needs
        no right.
        """
        deadline = time.monotonic() + NOTICE_SECONDS
        while self.waits() and time.monotonic() < deadline:
            for session in self.waits().keys() & self.waiting.keys():
                with contextlib.suppress(load_pymysql(self.module).MySQLError):
                    self.connection.cursor().execute("KILL %s", (session,))
            time.sleep(0.1)

    # Maintenance mode

    def down(self):
        self.ask()
        if self.given["contents"]:
            self.look()
        before = self.effect["maintenance"]["before"]
        arguments = ["down", *self.given["arguments"]]
        # Whoever took it down decides when it comes up again, and an interrupted run that is
        # now gone on with has noted the content that counts.
        unfinished = maintenance_state(self.facts, before)
        self.effect["maintenance"]["since"] = unfinished["since"]
        if self.check_mode:
            if not before:
                self.run(arguments)
                self.effect["maintenance"]["after"] = True
        else:
            if not before:
                self.enter(arguments)
            if self.given["contents"]:
                self.read_contents()
            if unfinished["baseline"] is None:
                self.mark(
                    took_down=not before or unfinished["by_this_tool"],
                    baseline=self.result.get("contents"),
                    structure=self.result.get("structure"),
                    expected=self.given["expected"],
                )
        if not before:
            self.result["changed"] = True
            self.result["undo"].append(self.command("up"))

    def mark(self, **noted):
        """Write the marker; without one an interrupted run could not be gone on with."""
        given, facts = self.given, self.facts
        try:
            entered = self.effect["maintenance"]["since"]
            write_marker(facts, given["run_id"], given["migration"], entered=entered, **noted)
        except OSError as error:
            self.fail(
                f"this run could not be noted beside the application's files: {error}",
                f"See that this user may write to {os.path.join(facts['storage'], 'framework')}.",
            )

    def enter(self, arguments):
        """Take the application down; noted before, so that an interruption is seen as ours."""
        begun = self.effect["maintenance"]["since"] = time.time()
        self.mark()
        result = self.run(arguments)
        if not self.is_down_now():
            self.effect["maintenance"]["since"] = None
            with contextlib.suppress(OSError):
                remove_marker(self.facts)
            self.fail(
                self.ended_early(result) or "the application is not down afterwards",
                "Nothing else was changed. See that the user who runs artisan may write to the "
                "application's storage folder.",
            )
        self.effect["maintenance"]["since"] = went_down(self.facts, begun)

    def is_down_now(self):
        """Return and note whether the application is down; asks PHP where only PHP can tell."""
        down = is_down(self.facts)
        if down is None:
            given = self.given
            down = probe(
                self.module,
                given["laravel_path"],
                given["laravel_php"],
                application_environment(self.module),
                given["database_connection"],
            )["maintenance"]["down"]
        self.effect["maintenance"]["after"] = down
        return down

    def read_contents(self):
        """Note every table's rows, digest and structure."""
        errors = database_errors(self.module, self.parameters, self.result)
        with errors, self.connection.cursor() as cursor:
            cursor.execute(
                "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()"
                " AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')"
            )
            tables = sorted(name for (name,) in cursor.fetchall())
            try:
                self.result["contents"] = read_contents(
                    self.connection, self.parameters.database, tables
                )
                self.result["structure"] = read_structure(self.connection, self.parameters.database)
            except ValueError as error:
                self.fail(
                    f"the contents of the tables could not be read: {error}",
                    "The application is in maintenance mode; `php artisan up` lifts it.",
                )

    def up(self):
        self.ask()
        maintenance = self.effect["maintenance"]
        state = maintenance_state(self.facts, maintenance["before"])
        own, maintenance["since"] = state["by_this_tool"], state["since"]
        # Where it cannot be told whether the application is down, artisan may know.
        if maintenance["before"] is False or (self.given["only_own"] and not own):
            if not self.check_mode:
                with contextlib.suppress(OSError):
                    remove_marker(self.facts)
            return
        result = self.run(["up", *self.given["arguments"]])
        ended = time.time()
        if self.check_mode:
            maintenance["after"] = False
        elif self.is_down_now():
            self.fail(
                self.ended_early(result) or "the application is still down afterwards",
                "See that the user who runs artisan may delete files in the application's "
                "storage/framework folder, and run `php artisan up` again.",
            )
        else:
            maintenance["until"] = ended
            with contextlib.suppress(OSError):
                remove_marker(self.facts)
        self.result["changed"] = True
        self.result["undo"].append(self.command("down"))

    # Migrations

    def migrate(self):
        self.ask()
        self.look()
        files = self.facts["files"]
        unknown = [name for name in self.given["migrations"] if name not in files]
        if unknown and not self.places():
            self.module.fail_json(
                msg=f"The application has no migration {', '.join(unknown)}. Nothing was run or "
                "changed. Compare the names with database/migrations."
            )
        stale = [name for name, batch in self.before.items() if batch == ROLLBACK_BATCH]
        pending = [name for name in files if name not in self.before or name in stale]
        if self.pretends():
            return self.other()
        wanted = self.given["migrations"] or self.in_paths(pending)
        self.refuse_schema_dump(recorded=len(self.before) > len(stale))
        if stale:
            # An interrupted rollback left them, and while they stand they would not be run.
            with database_errors(self.module, self.parameters, self.result):
                self.write(
                    f"DELETE FROM {self.table} WHERE batch = %s",  # noqa: S608
                    ROLLBACK_BATCH,
                )
            self.before = {name: batch for name, batch in self.before.items() if name not in stale}
            self.result["changed"] = True
        if self.given["ids_above"] and not (wanted or pending or self.check_mode):
            self.raise_ids()
            return None
        arguments = ["migrate", "--force", *self.database_option(), *self.given["arguments"]]
        result = self.run(arguments)
        if self.check_mode:
            self.effect["recorded"] = self.in_paths(pending)
            self.result["changed"] = bool(self.effect["recorded"] or stale)
            return None
        after = self.look_again()
        done = len(self.effect["recorded"])
        if done:
            self.result["undo"].append(
                self.command("migrate:rollback", f"--step={done}", "--force")
            )
        lacking = [name for name in wanted if name not in after]
        early = self.ended_early(result)
        if lacking:
            self.fail(
                early
                or f"{', '.join(lacking)} {'is' if len(lacking) == 1 else 'are'} not "
                "recorded afterwards",
                "A migration that failed half-way leaves what it did until then. Run the diagnosis "
                "again to see the state.",
            )
        if early or result["rc"] != 0:
            self.fail(
                early or "every migration is recorded, but it did not end well",
                "Run the diagnosis again to see the state.",
            )
        if self.given["ids_above"]:
            self.raise_ids()
        return None

    def refuse_schema_dump(self, recorded):
        """End the module where artisan would load a schema dump over tables that are there."""
        dump = self.facts["schema_dump"]
        if recorded or not dump:
            return
        with database_errors(self.module, self.parameters, self.result):
            there, _views = list_tables(self.connection, self.parameters.database)
        named = dumped_tables(dump)
        folded = {name.casefold() for name in named or ()}
        own = self.parameters.prefix + self.facts["migrations_table"]
        lost = [
            name for name in there if name != own and (named is None or name.casefold() in folded)
        ]
        if lost:
            self.module.fail_json(
                msg="No migration is recorded, so artisan migrate would begin with loading "
                f"{dump}, which drops and makes anew: {', '.join(lost)}. Nothing was run or "
                "changed. Put the records of the migrations that have run back first."
            )

    def raise_ids(self):
        """Have the tables made anew count from above the ids of the old ones."""
        pymysql = load_pymysql(self.module)
        pairs = [(pair["table"], pair["old"]) for pair in self.given["ids_above"]]
        schema = self.parameters.database

        def send(statement):
            execute(self.connection, statement, IDS_WAITS, pymysql)

        try:
            self.result["ids"] = raise_ids(self.connection, schema, pairs, send, pymysql)
        except pymysql.MySQLError as error:
            tables = [table for table, _old in pairs]
            who = blockers(self.connection, schema, tables, pymysql)
            self.fail(
                f"every migration is recorded, and the next id of {', '.join(tables)} could not be "
                f"set: {error.args[-1]}. {who if error.args[0] in WAITED else ''}".rstrip(),
                "Run the repair again: it goes on from there.",
            )
        self.result["changed"] = self.result["changed"] or self.result["ids"]["changed"]

    def pretends(self):
        return any(argument.split("=")[0] == "--pretend" for argument in self.given["arguments"])

    def database_option(self):
        """Return the argument that names the connection, as artisan takes it."""
        name = self.given["database_connection"]
        return [f"--database={name}"] if name else []

    def places(self):
        """Return the files and folders that --path names."""
        given, places = self.given, []
        arguments = iter(given["arguments"])
        for argument in arguments:
            if argument == "--path":
                places.append(next(arguments, ""))
            elif argument.startswith("--path="):
                places.append(argument[len("--path=") :])
        if "--realpath" not in given["arguments"]:
            places = [f"{given['laravel_path']}/{place}" for place in places]
        return [os.path.normpath(place) for place in places]

    def in_paths(self, names):
        """Return those of names that lie where --path says; all without --path."""
        places = self.places()
        if not places:
            return list(names)
        return [
            name
            for name in names
            if os.path.normpath(self.facts["files"][name]) in places
            or os.path.dirname(os.path.normpath(self.facts["files"][name])) in places
        ]

    def roll_back(self):
        """Undo exactly one migration."""
        name, recorded = self.given["migration"], self.given["recorded"]
        self.ask(statements=[name])
        statements = self.preview(name)
        self.look()
        batch = self.before.get(name)
        if recorded:
            self.refuse_unless_last(name)
        elif batch not in (None, ROLLBACK_BATCH):
            self.module.fail_json(
                msg=f"{name} is recorded as run, in batch {batch}, so it is not the migration that "
                "failed. Nothing was run or changed. Run the diagnosis again to see the state."
            )
        self.refuse_higher_batches(name)
        # The record that is made here is not one of the states to compare with.
        self.before.pop(name, None)
        inserted = not recorded and batch is None
        if inserted:
            with database_errors(self.module, self.parameters, self.result):
                self.write(
                    f"INSERT INTO {self.table} (`migration`, `batch`) VALUES (%s, %s)",  # noqa: S608
                    name,
                    ROLLBACK_BATCH,
                )
        if recorded:
            self.before[name] = batch
        arguments = ["migrate:rollback", "--step=1", "--force", *self.database_option()]
        result = self.run(arguments)
        self.result["undo"].append(self.command("migrate", "--force"))
        if self.check_mode:
            self.effect["forgotten"] = [name]
            self.result["changed"] = True
            return
        after = self.look_again()
        others = [other for other in self.effect["forgotten"] if other != name]
        sent = f" Its down() was to send: {'; '.join(statements)}." if statements else ""
        if name in after:
            if not recorded:
                self.forget(name)
                self.effect["recorded"].remove(name)
            self.result["undo"] = []
            self.result["changed"] = True
            self.fail(
                self.ended_early(result) or f"{name} was not rolled back",
                f"Its down() may have run in part.{sent} Run the diagnosis again to see the state.",
            )
        if others:
            self.fail(
                f"not only {name} was rolled back",
                "Put back what they did with `php artisan migrate --force`, or the backup.",
            )
        self.effect["forgotten"] = [name]
        self.result["changed"] = True

    def preview(self, name):
        """Return what down() would send; end the module when that is not what was expected."""
        if name not in self.facts["files"]:
            self.module.fail_json(
                msg=f"The application has no migration {name}. Nothing was run or changed. Compare "
                "the name with database/migrations."
            )
        answer = self.facts["statements"][(name, "down")]
        statements, expected = answer["queries"], self.given["expected_statements"]
        problem = None
        if answer["error"]:
            problem = f"its down() fails already while pretending: {answer['error']}"
        elif not answer["exists"]:
            problem = "it has no down()"
        elif expected is not None and [text.strip() for text in expected] != [
            text.strip() for text in statements
        ]:
            problem = (
                f"its down() would send: {'; '.join(statements) or 'nothing'}. Expected was: "
                f"{'; '.join(expected) or 'nothing'}"
            )
        if problem:
            self.module.fail_json(
                msg=f"{name} is not rolled back, as {self.without_secrets(problem)}. Nothing was "
                "run or changed. Run the diagnosis again to see the state."
            )
        return statements

    def refuse_unless_last(self, name):
        """End the module unless `migrate:rollback --step=1` undoes this migration."""
        last = max(self.before, key=lambda other: (self.before[other], other), default=None)
        if last != name:
            self.module.fail_json(
                msg=f"`php artisan migrate:rollback --step=1` would undo {last or 'nothing'} and "
                f"not {name}. Nothing was run or changed. Name the migration that it is to undo."
            )

    def refuse_higher_batches(self, name):
        """End the module when the batch made for the rollback would not be the highest."""
        higher = [
            other
            for other, batch in self.before.items()
            if batch >= ROLLBACK_BATCH and other != name
        ]
        if higher:
            self.module.fail_json(
                msg=f"The migrations table has {', '.join(sorted(higher))} in batch "
                f"{self.before[higher[0]]}, which a rollback would undo instead of {name}. Nothing "
                "was run or changed. Correct these batch numbers, or delete the records of "
                "migrations that have not run."
            )

    def forget(self, name):
        """Remove the record that was made only for the rollback."""
        pymysql = load_pymysql(self.module)
        try:
            self.write(
                f"DELETE FROM {self.table} WHERE migration = %s AND batch = %s",  # noqa: S608
                name,
                ROLLBACK_BATCH,
            )
        except pymysql.MySQLError as error:
            self.fail(
                f"{name} was not rolled back, and its record in batch {ROLLBACK_BATCH} of "
                f"{self.table} could not be removed: {error.args[-1]}",
                "Remove that record before anything else; running the repair again does so too.",
            )

    # Any other command

    def other(self):
        command = self.given["command"]
        if not self.facts:
            self.ask()
        migrations = self.about_migrations
        if migrations and not self.connection:
            self.look()
        force = ["--force"] if command in ("migrate", "migrate:rollback") else []
        option = self.database_option() if migrations else []
        result = self.run([command, *force, *option, *self.given["arguments"]])
        if self.check_mode:
            return
        if migrations:
            self.look_again()
        else:
            self.look_at_maintenance()
        if result["timed_out"] or result["stopped"] or result["rc"] != 0:
            self.fail(self.ended_early(result) or "it failed", "See its output in the result.")


if __name__ == "__main__":
    main()
