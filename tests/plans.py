# SPDX-License-Identifier: GPL-3.0-or-later
"""How the other playbooks come to their plan, without Ansible: each by the filters of its role."""

from __future__ import annotations

from driver import Run, filters
from fix_fk.verdicts.before_inspection import before_inspection


class Another(Run):
    """A run whose plan is not the diagnosis."""

    def judge(self, predicts: bool = False) -> None:  # noqa: ARG002 - of the diagnosis
        refusal = before_inspection(self.laravel) or self.unfit()
        if not refusal:
            self.look_at_server(judges=False)
        self.result = refusal or self.decide(self.schema or {})

    def unfit(self) -> dict | None:
        """Return the refusal for which the server need not be asked."""
        return None

    def replay(self) -> None:
        """Only the diagnosis wants one."""


class Skip(Another):
    """playbooks/option_2_skip.yml"""

    def decide(self, schema: dict) -> dict:
        typed: dict = {"accept": None, "accept_hidden": [], "complete": False}
        given = {name: self.given.get(f"skip_{name}", value) for name, value in typed.items()}
        return filters.skip(self.laravel, schema, self.inputs, given)


class Fresh(Another):
    """playbooks/option_3_fresh.yml"""

    def typed(self) -> dict:
        names = {"confirm": None, "anyway": None, "tables": None, "seed": "auto"}
        return {name: self.given.get(f"fresh_{name}", value) for name, value in names.items()}

    def unfit(self) -> dict | None:
        return filters.fresh_unfit(self.laravel, self.typed())

    def decide(self, schema: dict) -> dict:
        server, inspected = schema["server"], {}
        if not (server["read_only"] or server["replica"]):
            inspected = self.call(
                "schema_empty",
                check_mode=True,
                schema=self.laravel["connection"]["database"],
                tables=self.given.get("fresh_tables"),
            )
        return filters.fresh(
            self.laravel, schema, self.inputs, {**self.typed(), "inspected": inspected}
        )


class Access(Another):
    """playbooks/database_access.yml without an administrator's account and without a password."""

    def judge(self, predicts: bool = False) -> None:  # noqa: ARG002 - of the diagnosis
        fresh = None
        if self.laravel["configuration"]["differences"]:
            aside = {"APP_CONFIG_CACHE": f"{self.connection['laravel_path']}/storage/no_cache.php"}
            connection = {**self.connection, "laravel_env": aside}
            fresh = self.send("laravel_info", connection=connection, statements="none")["laravel"]
        nothing = dict.fromkeys(("admin", "password_given", "password_works", "reset", "host"))
        given = {"without_cache": fresh, "key": "DB_PASSWORD", "migrate": False}
        artisan = f"{self.connection['laravel_php']} artisan"
        self.result = filters.access(self.laravel, {**nothing, **given, "artisan": artisan})
