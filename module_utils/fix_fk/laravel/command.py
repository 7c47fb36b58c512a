# SPDX-License-Identifier: GPL-3.0-or-later
"""One artisan command on one application, judged by what it changed.

command = Command(module, "migrate:status")
command.ask()                     # the application's facts; one start of PHP
command.open()                    # the connection, and what is recorded before
command.only_run(["migrate:status"])
command.leave()                   # module.exit_json(), with what is read last of all
"""

from __future__ import annotations

import contextlib
import os
import shlex
import tempfile
from typing import Any

from ansible.module_utils.fix_fk.laravel.artisan import (
    ARTISAN_TIMEOUT,
    hide_rows,
    run_artisan,
    told_error,
    without_trace,
)
from ansible.module_utils.fix_fk.laravel.maintenance import is_down
from ansible.module_utils.fix_fk.laravel.probe import application, passwords, probe
from ansible.module_utils.fix_fk.laravel.secrets import hider
from ansible.module_utils.fix_fk.laravel.waiting import Waiting
from ansible.module_utils.fix_fk.refusal import NOT_RUN, SEE_STATE, refuse
from ansible.module_utils.fix_fk.schema.inspect import INSPECT_SPEC, inspect
from ansible.module_utils.fix_fk.schema.sql import quote_identifier
from ansible.module_utils.fix_fk.scratch.schemas import CLONE
from ansible.module_utils.fix_fk.server import one_run
from ansible.module_utils.fix_fk.server.connection import (
    application_environment,
    connect,
    load_pymysql,
    open_connection,
    resolve,
)
from ansible.module_utils.fix_fk.server.errors import database_errors

# The options of every module that runs artisan; of those that may change tables as well.
COMMAND_SPEC: dict = {
    "timeout": {"type": "int", "default": ARTISAN_TIMEOUT},
    "inspect": {"type": "dict", "options": INSPECT_SPEC},
}
WAITING_SPEC: dict = {"lock_wait_timeout": {"type": "int", "default": 20}}
# Sources of migrations that are run in the place of their files, in a clone alone.
SOURCES_SPEC: dict = {"sources": {"type": "dict", "default": {}}}


def with_sources(module, parameters, arguments):
    """Return the arguments with the option `sources` in the place of the files that --path names;
    these lie in the module's own temporary folder, which goes with it."""
    sources = module.params.get("sources")
    if not sources:
        return arguments
    if not CLONE.search(parameters.database):
        refuse(
            module,
            f"{parameters.database} is not a scratch schema, and other sources than those of the "
            "application's files are run in one alone.",
            "Make a clone with the module schema_clone, and name that",
            NOT_RUN,
        )
    folder = tempfile.mkdtemp(prefix="migrations_", dir=module.tmpdir)
    placed = {}
    for name, text in sources.items():
        placed[name] = os.path.join(folder, f"{os.path.basename(name)}.php")
        with open(placed[name], "w", encoding="utf-8", newline="") as file:
            file.write(text)
    return [
        f"--path={placed[name]}" if argument.startswith("--path=") and name in placed else argument
        for argument in arguments
        for name in [os.path.basename(argument)[: -len(".php")]]
    ]


class Command:
    """An artisan command, and what is known about its effect."""

    def __init__(self, module, name):
        """name: the artisan command."""
        self.module = module
        self.given = module.params
        self.name = name
        self.check_mode = module.check_mode
        self.facts: dict = {}
        self.parameters: Any = None
        self.connection: Any = None
        self.hide: Any = None
        # {migration: batch} as it was recorded.
        self.before: dict = {}
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

    def refuse(self, problem=None):
        """End the module when an option makes no sense; problem: what the module itself found."""
        given = self.given
        if given["timeout"] < 1 or given.get("lock_wait_timeout", 1) < 1:
            problem = "timeout or lock_wait_timeout is less than a second"
        elif any(argument.split("=")[0] == "--database" for argument in given.get("arguments", ())):
            problem = (
                "--database is among the arguments; give database_connection instead, so that the "
                "effect is looked for in the same database"
            )
        if problem:
            refuse(self.module, f"{problem}.", "Correct that", NOT_RUN)

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

    def open(self):
        """Open the database connection and read what is recorded before the command."""
        self.parameters = resolve(self.module)
        own = self.facts["connection"]["database"]
        if self.parameters.database != own:
            refuse(
                self.module,
                f"artisan would work on the schema '{own}' that the application's configuration "
                f"names, but database_name is '{self.parameters.database}'.",
                "Leave database_name out, or correct the application's .env",
                NOT_RUN,
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

    def database_option(self):
        """Return the argument that names the connection, as artisan takes it."""
        name = self.given["database_connection"]
        return [f"--database={name}"] if name else []

    def run(self, arguments):
        """Run artisan and note it; in check mode only note it. Returns run_artisan()'s result."""
        self.result["queries"].append(self.command(*arguments))
        if self.check_mode:
            return None
        given = self.given
        arguments = with_sources(self.module, self.parameters, arguments)
        waiting: Any = None
        if self.connection and "lock_wait_timeout" in given:
            waiting = Waiting(
                self.connection,
                self.parameters.database,
                given["lock_wait_timeout"],
                load_pymysql(self.module),
            )
        result = run_artisan(
            self.module,
            given["laravel_path"],
            given["laravel_php"],
            application_environment(self.module),
            arguments,
            given["timeout"],
            watch=waiting.too_long if waiting else None,
            descriptors=one_run.descriptors(self.module),
        )
        if result["stopped"]:
            with database_errors(self.module, self.parameters, self.result):
                waiting.until_gone()
        for name in ("stdout", "stderr"):
            result[name] = without_trace(self.without_secrets(result[name]))
        self.result.update((name, result[name]) for name in ("rc", "stdout", "stderr", "seconds"))
        return result

    def only_run(self, arguments):
        """Run artisan and judge it by its exit code."""
        result = self.run(arguments)
        if self.check_mode:
            return
        if self.connection:
            self.read_again()
        else:
            self.note_maintenance()
        if result["timed_out"] or result["stopped"] or result["rc"] != 0:
            self.fail(self.ended_early(result) or "it failed", "See its output in the result")

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

    def read_again(self):
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
                SEE_STATE,
            )
        self.effect["recorded"] = [name for name in after if name not in self.before]
        self.effect["forgotten"] = [name for name in self.before if name not in after]
        self.result["changed"] = self.result["changed"] or after != self.before
        self.note_maintenance()
        return after

    def note_maintenance(self):
        """Note whether the application is down now, if that takes no start of PHP."""
        before, down = self.effect["maintenance"]["before"], is_down(self.facts)
        if down is not None:
            self.effect["maintenance"]["after"] = down
            self.result["changed"] = self.result["changed"] or down != before

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

    def fail(self, found, next_, left="", again=True):
        """End the module. left: what it did or may have done, beside what is seen here."""
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
        changed = f"Changed by this: {'; '.join(changes)}." if changes else ""
        sent = self.result["queries"] or [self.name]
        what = next((query for query in reversed(sent) if " artisan " in query), sent[-1])
        refuse(
            self.module,
            f"`{what}`: {found}.{told}",
            next_,
            f"{changed} {left}".strip(),
            again,
            said=told_error(self.result) if self.result["rc"] is not None else found,
            **self.result,
        )

    def leave(self):
        """End the module with success."""
        if self.connection:
            self.connection.close()
        if self.given.get("inspect") and not self.check_mode:
            self.result["schema"] = inspect(self.module, self.given["inspect"], self.result)
        if self.given.get("ends_run") and not self.check_mode:
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
