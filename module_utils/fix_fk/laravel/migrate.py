# SPDX-License-Identifier: GPL-3.0-or-later
"""Running the pending migrations."""

from __future__ import annotations

import os

from ansible.module_utils.fix_fk.laravel.command import Command
from ansible.module_utils.fix_fk.laravel.probe import probe
from ansible.module_utils.fix_fk.laravel.records import ROLLBACK_BATCH
from ansible.module_utils.fix_fk.laravel.schema_dump import dumped_tables
from ansible.module_utils.fix_fk.refusal import NOT_RUN, SEE_STATE, refuse
from ansible.module_utils.fix_fk.schema.ids import raise_ids
from ansible.module_utils.fix_fk.schema.tables import list_tables
from ansible.module_utils.fix_fk.server.connection import application_environment, load_pymysql
from ansible.module_utils.fix_fk.server.errors import database_errors
from ansible.module_utils.fix_fk.server.locks import WAITED, blockers, execute

# Again this often, after so many seconds: for a statement that waits for a table.
IDS_WAITS = (3, 2)


class Migrate(Command):
    """`artisan migrate`."""

    def migrate(self):
        self.ask()
        self.open()
        files = self.facts["files"]
        unknown = [name for name in self.given["migrations"] if name not in files]
        if unknown and not self.places():
            refuse(
                self.module,
                f"The application has no migration {', '.join(unknown)}.",
                "Compare the names with database/migrations",
                NOT_RUN,
            )
        stale = [name for name, batch in self.before.items() if batch == ROLLBACK_BATCH]
        pending = [name for name in files if name not in self.before or name in stale]
        arguments = ["migrate", "--force", *self.database_option(), *self.given["arguments"]]
        if self.pretends():
            self.only_run(arguments)
            return
        wanted = self.given["migrations"] or self.in_paths(pending)
        self.refuse_schema_dump(recorded=len(self.before) > len(stale))
        if stale:
            # An interrupted rollback left them, and while they stand they would not be run.
            with database_errors(self.module, self.parameters, self.result):
                self.write(
                    f"DELETE FROM {self.table} WHERE batch = %s",  # noqa: S608
                    ROLLBACK_BATCH,
                )
            for name in stale:
                del self.before[name]
            self.result["changed"] = True
        if self.given["ids_above"] and not (wanted or pending or self.check_mode):
            self.raise_ids()
            return
        result = self.run(arguments)
        if self.check_mode:
            self.effect["recorded"] = self.in_paths(pending)
            self.result["changed"] = bool(self.effect["recorded"] or stale)
            return
        after = self.read_again()
        done = len(self.effect["recorded"])
        if done:
            self.result["undo"].append(
                self.command("migrate:rollback", f"--step={done}", "--force")
            )
        lacking = [name for name in wanted if name not in after]
        early = self.ended_early(result)
        if lacking and not early and result["rc"] == 0:
            passed = self.passed_over(lacking)
            self.result["effect"]["skipped"] = passed
            lacking = [name for name in lacking if name not in passed]
        if lacking:
            locked = "--isolated" in " ".join(self.given["arguments"]) and result["rc"] == 0
            self.fail(
                early
                or (
                    locked
                    and "another deployment has the lock of migrate --isolated, so it ran none"
                )
                or f"{', '.join(lacking)} {'is' if len(lacking) == 1 else 'are'} not "
                "recorded afterwards",
                SEE_STATE,
                "A migration that failed half-way leaves what it did until then.",
            )
        if early or result["rc"] != 0:
            self.fail(
                early or "every migration is recorded, but it did not end well",
                SEE_STATE,
            )
        if self.given["ids_above"]:
            self.raise_ids()

    def passed_over(self, names):
        """Return those of these migrations that artisan may have passed over: their own shouldRun()
        says no, or decides by what the database has."""
        given = self.given
        runs = probe(
            self.module,
            given["laravel_path"],
            given["laravel_php"],
            application_environment(self.module),
            given["database_connection"],
            database=True,
            runs=True,
        )["runs"]
        return [name for name in names if not runs.get(name, True)]

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
            refuse(
                self.module,
                "No migration is recorded, so artisan migrate would begin with loading "
                f"{dump}, which drops and makes anew: {', '.join(lost)}.",
                "Put the records of the migrations that have run back first",
                NOT_RUN,
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
                f"set: {error.args[-1]}. {who if error.args[0] in WAITED else ''}".rstrip(". "),
                "See that nobody holds these tables: the repair goes on from there",
            )
        self.result["changed"] = self.result["changed"] or self.result["ids"]["changed"]

    def pretends(self):
        return any(argument.split("=")[0] == "--pretend" for argument in self.given["arguments"])

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
