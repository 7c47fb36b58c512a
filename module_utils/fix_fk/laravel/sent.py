# SPDX-License-Identifier: GPL-3.0-or-later
"""What migrations send: learned by running them in a scratch schema."""

from __future__ import annotations

from ansible.module_utils.fix_fk.laravel.command import Command
from ansible.module_utils.fix_fk.refusal import NOT_RUN, refuse
from ansible.module_utils.fix_fk.scratch.schemas import CLONE


class Sent(Command):
    """The migrations, each run by itself, without artisan."""

    def learn(self):
        self.ask()
        self.open()
        schema = self.parameters.database
        if not CLONE.search(schema):
            refuse(
                self.module,
                f"{schema} is not a scratch schema, and migrations are run here to learn what they "
                "send.",
                "Make a clone with the module schema_clone, and name that",
                NOT_RUN,
            )
        unknown = [name for name in self.given["migrations"] if name not in self.facts["files"]]
        if unknown:
            refuse(
                self.module,
                f"The application has no migration {', '.join(unknown)}.",
                "Compare the names with database/migrations",
                NOT_RUN,
            )
        if self.check_mode:
            return
        self.ask(
            sent={"schema": schema, "migrations": self.given["migrations"]},
            timeout=self.given["timeout"],
        )
        self.result["sent"] = self.facts["sent"]
        self.result["changed"] = bool(self.facts["sent"])
