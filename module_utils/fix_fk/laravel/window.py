# SPDX-License-Identifier: GPL-3.0-or-later
"""Into maintenance mode and out of it, with the note that says whose doing that was."""

from __future__ import annotations

import contextlib
import json
import os
import time

from ansible.module_utils.fix_fk.laravel.command import Command
from ansible.module_utils.fix_fk.laravel.maintenance import (
    is_down,
    maintenance_state,
    remove_marker,
    went_down,
    write_marker,
)
from ansible.module_utils.fix_fk.laravel.probe import probe
from ansible.module_utils.fix_fk.schema.contents import read_contents
from ansible.module_utils.fix_fk.schema.marks import read_marks
from ansible.module_utils.fix_fk.schema.proof import choose
from ansible.module_utils.fix_fk.schema.structure import read_structure
from ansible.module_utils.fix_fk.server.connection import application_environment
from ansible.module_utils.fix_fk.server.errors import database_errors


class Window(Command):
    """`artisan down` or `artisan up`."""

    def down(self):
        self.ask()
        if self.given["contents"]:
            self.open()
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
                    marks=self.result.get("marks"),
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
                f"See that this user may write to {os.path.join(facts['storage'], 'framework')}",
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
                "See that the user who runs artisan may write to the application's storage folder",
                "Nothing else was changed.",
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
        """Note every table's structure, and its rows and digest, or its mark."""
        connection, schema = self.connection, self.parameters.database
        expected = self.given["expected"] or {}
        with database_errors(self.module, self.parameters, self.result):
            structure = self.result["structure"] = read_structure(connection, schema)
            chosen = choose(connection, schema, structure, expected.get("touched"))
            try:
                marked = {table: json.loads(structure[table]) for table in chosen["marked"]}
                marks = read_marks(connection, schema, marked, settle=True) if marked else None
                for table in marks["busy"] if marks else ():
                    chosen["why"][table] = "it was being written"
                # Those that are being written, or are gone meanwhile, have no mark.
                left = {*structure} - {*(marks["tables"] if marks else ())}
                self.result["contents"] = read_contents(
                    connection, schema, sorted(left), expected.get("kept_columns")
                )
                self.result["marks"] = {
                    **(marks or {"tables": {}}),
                    "why": chosen["why"],
                    "whole": chosen["whole"],
                }
            except ValueError as error:
                self.fail(
                    f"the contents of the tables could not be read: {error}",
                    "Correct that (`php artisan up` lifts the maintenance mode)",
                    "The application is in maintenance mode.",
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
                again=False,
            )
        else:
            maintenance["until"] = ended
            with contextlib.suppress(OSError):
                remove_marker(self.facts)
        self.result["changed"] = True
        self.result["undo"].append(self.command("down"))
