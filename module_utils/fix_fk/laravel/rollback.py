# SPDX-License-Identifier: GPL-3.0-or-later
"""Rolling back exactly one migration."""

from __future__ import annotations

from ansible.module_utils.fix_fk.laravel.command import Command
from ansible.module_utils.fix_fk.laravel.records import ROLLBACK_BATCH
from ansible.module_utils.fix_fk.refusal import NOT_RUN, SEE_STATE, refuse
from ansible.module_utils.fix_fk.server.connection import load_pymysql
from ansible.module_utils.fix_fk.server.errors import database_errors


class Rollback(Command):
    """`artisan migrate:rollback --step=1`, made to undo one migration."""

    def roll_back(self):
        """Undo exactly one migration."""
        name, recorded = self.given["migration"], self.given["recorded"]
        self.ask(statements=[name])
        statements = self.preview(name)
        self.open()
        batch = self.before.get(name)
        if recorded:
            self.refuse_unless_last(name)
        elif batch not in (None, ROLLBACK_BATCH):
            refuse(
                self.module,
                f"{name} is recorded as run, in batch {batch}, so it is not the migration that "
                "failed.",
                SEE_STATE,
                NOT_RUN,
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
        after = self.read_again()
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
                SEE_STATE,
                f"Its down() may have run in part.{sent}",
            )
        if others:
            self.fail(
                f"not only {name} was rolled back",
                "Put back what they did with `php artisan migrate --force`, or the backup",
            )
        self.effect["forgotten"] = [name]
        self.result["changed"] = True

    def preview(self, name):
        """Return what down() would send; end the module when that is not what was expected."""
        if name not in self.facts["files"]:
            refuse(
                self.module,
                f"The application has no migration {name}.",
                "Compare the name with database/migrations",
                NOT_RUN,
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
            refuse(
                self.module,
                f"{name} is not rolled back, as {self.without_secrets(problem)}.",
                SEE_STATE,
                NOT_RUN,
            )
        return statements

    def refuse_unless_last(self, name):
        """End the module unless `migrate:rollback --step=1` undoes this migration."""
        last = max(self.before, key=lambda other: (self.before[other], other), default=None)
        if last != name:
            refuse(
                self.module,
                f"`php artisan migrate:rollback --step=1` would undo {last or 'nothing'} and not "
                f"{name}.",
                "Name the migration that it is to undo",
                NOT_RUN,
            )

    def refuse_higher_batches(self, name):
        """End the module when the batch made for the rollback would not be the highest."""
        higher = [
            other
            for other, batch in self.before.items()
            if batch >= ROLLBACK_BATCH and other != name
        ]
        if higher:
            refuse(
                self.module,
                f"The migrations table has {', '.join(sorted(higher))} in batch "
                f"{self.before[higher[0]]}, which a rollback would undo instead of {name}.",
                "Correct these batch numbers, or delete the records of migrations that have not "
                "run",
                NOT_RUN,
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
                "Remove that record before anything else; running the repair again does so too",
            )
