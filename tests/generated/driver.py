# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings an incident about for real, and repairs it as the playbook does, without Ansible.

The modules, the diagnosis and the steps are the real ones; the backup and the maintenance mode are
those of roles. test_incidents.py compares it with a playbook run.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path

from action import rehearse, replay
from ansible.module_utils.fix_fk.laravel.probe import PROGRAM
from filter import fix_fk as filters
from fix_fk import carrying_out, checklist, inspection, verification
from fix_fk.inputs import read_inputs
from fix_fk.verdicts.before_inspection import before_inspection
from incidents import NEXT, OURS, Incident, drop, quote
from modules import run_module
from pymysql.err import MySQLError
from sandbox import Sandbox

FIRST = "2025_01_01_000000_tables"
RUN_ID = "20260101_000000_0000"


class StepFailed(carrying_out.Failed):
    """A module, or a check of the checklist, failed in the middle of the plan."""


@dataclass
class Outcome:
    """How a run ended: the diagnosis, the checks afterwards, and what the modules were told."""

    result: dict
    checks: list[dict] = field(default_factory=list)
    calls: list[tuple[str, dict]] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        return self.result["verdict"]

    @property
    def repaired(self) -> bool:
        return bool(self.result["steps"])


def act(action, send, **given) -> dict:
    """Return what an action plugin comes to, which sends its modules by `send`."""
    plugin = object.__new__(action.ActionModule)
    plugin.send = send
    options = action.ActionModule.OPTIONS
    return plugin.act({**{name: options[name].get("default") for name in options}, **given})


class Run:
    """One run of playbooks/option_1_rollback.yml. The other plans are in plans.py."""

    def __init__(self, sandbox: Sandbox, **inputs):
        self.connection = {
            "laravel_path": sandbox.app,
            "laravel_php": sandbox.php,
            "laravel_env": {},
            "laravel_probe": Path(PROGRAM).read_text(encoding="utf-8"),
        }
        self.backup_dir = sandbox.variables()["backup_dir"]
        self.inputs = {
            "rehearsal_level": "none",
            "laravel_php": sandbox.php,
            "laravel_path": sandbox.app,
            **inputs,
        }
        self.given: dict = {}
        self.laravel: dict = {}
        self.schema: dict | None = None
        self.whole: dict | None = None
        self.result: dict = {}
        self.prediction: dict | None = None
        self.changed = 0
        # {step: what its module returned}, as the roles hand it to the report.
        self.results: dict[str, dict] = {}
        self.calls: list[tuple[str, dict]] = []
        self.route_pattern = ""
        self.before: dict = {}
        self.structure: dict = {}
        self.marks: dict | None = None

    def call(self, module: str, **arguments) -> dict:
        """Run a module on the application's schema."""
        return self.send(module, connection=self.connection, **arguments)

    def send(self, module: str, **arguments) -> dict:
        result = run_module(module, **arguments)
        self.calls.append((module, result.get("invocation", {}).get("module_args", {})))
        self.changed += bool(result.get("changed")) and not arguments.get("check_mode")
        if result["failed"]:
            raise StepFailed(result)
        return result

    def inspect(self, predicts: bool = False) -> None:
        """Ask the application and the server, and come to `result`."""
        known = self.call("laravel_info", statements="all", inspect_whole=100)
        self.laravel = known["laravel"]
        self.schema = self.whole = known.get("schema")
        self.judge(predicts)

    def replay(self) -> None:
        """Let the recorded migrations tell, where the role diagnose lets them."""
        if not self.schema:
            return
        in_full = self.inputs["rehearsal_level"] == "full" and self.has("rehearse")
        unknown = self.result["verdict"] == "holder_not_identified"
        replays = in_full or unknown
        wanted = replays or filters.learnable(self.laravel, self.schema)
        if wanted and filters.replayable(self.laravel, self.schema, self.inputs):
            self.laravel = act(replay, self.send, careful=not replays, **self.place())["laravel"]
            self.schema = self.whole
            self.judge()

    def has(self, step: str) -> bool:
        return any(one["id"] == step for one in self.result["steps"])

    def judge(self, predicts: bool = False) -> None:
        """Come to `result` by what is known of the application."""
        refusal = before_inspection(self.laravel)
        found = self.look_at_server(refusal=refusal, predicts=predicts)
        self.result, self.prediction = found.diagnosis or {}, found.prediction

    def look_at_server(self, **how) -> inspection.Inspection:
        found = inspection.inspect(self.ask, self.laravel, self.schema, self.inputs, **how)
        self.schema = found.schema
        return found

    def ask(self, **options) -> dict:
        return self.call("fk_constraint_info", **options)["schema"]

    def decide(self, schema: dict) -> dict:
        """Return the plan by what the server says in maintenance mode."""
        return filters.diagnose(self.laravel, schema, self.inputs)

    def place(self) -> dict:
        """Return what the actions want that work on a clone."""
        names = ("host", "port", "socket", "user", "password")
        other = {name: self.given.get(f"rehearsal_{name}") for name in names}
        server = self.given.get("rehearsal_server", "same")
        return {
            "laravel": self.laravel,
            "schema": self.schema,
            "connection": self.connection,
            "server": server,
            "other": {k: v for k, v in other.items() if v} if server == "other" else None,
        }

    def go(self) -> Outcome:
        self.inspect()
        self.replay()
        outcome = Outcome(self.result, calls=self.calls)
        done: set[str] = set()
        # A rehearsal may come to another plan.
        while todo := [step for step in self.result["steps"] if step["id"] not in done]:
            step = todo[0]["id"]
            done.add(step)
            try:
                checks = self.carry_out(step, todo[0]["arguments"]) or []
            except StepFailed as failed:
                self.results[step] = failed.result.get("rehearsal") or failed.result
                raise
            outcome.checks += checks
            if checklist.not_met(checks):
                break
        outcome.result = self.result
        return outcome

    def after_failure(self) -> None:
        """Lift maintenance mode when the database was not changed."""
        entered = (self.results.get("maintenance") or {}).get("changed")
        if entered and not filters.database_changed(self.results):
            self.carry_out("leave_maintenance", {})

    def carry_out(self, step: str, given: dict) -> list[dict] | None:
        """Take one step of the plan; those that a rehearsal does not take as their roles do."""
        if step == "verify":
            return checklist.go_through(
                self.call,
                self.result["expected"],
                self.laravel,
                self.inputs,
                plan=self.result,
                before=self.before,
                structure=self.structure,
                marks=self.marks,
                volatile=[*verification.VOLATILE],
                route_pattern=self.route_pattern,
            )
        if step == "rehearse":
            result = self.rehearse()
        elif step == "backup":
            result = self.call(
                "schema_backup",
                dir=self.backup_dir,
                compression="auto",
                contents=True,
                run_id=RUN_ID,
                first_of_run="",
            )
        elif step == "prove":
            made = self.results["backup"]
            backup = made["interim"] or made["backup"]["path"]
            result = self.call("schema_restore", backup=backup, state="proven")
            assert result["restore"]["proof_level"] == "L2", result
        elif step == "maintenance":
            result = self.enter_maintenance(given)
        elif step == "leave_maintenance":
            result = self.call("maintenance", state="up", only_own=True, ends_run=True)
        elif step == "ids" and "remigrate" in self.results:
            result = self.results["remigrate"].get("ids") or {}
        else:
            result = carrying_out.take(self.call, self.result, step)
        self.results[step] = result
        return None

    def rehearse(self) -> dict:
        """Carry the plan out on a clone, and take the one that holds there."""
        found = act(
            rehearse,
            self.send,
            plan=self.result,
            inputs=self.inputs,
            required=read_inputs(self.inputs).rehearsal_required,
            route_pattern=self.route_pattern,
            **self.place(),
        )
        if found.get("failed"):
            raise StepFailed(found)
        self.result = found["plan"]
        self.inputs["unproven"] = found["unproven"]
        return found["rehearsal"]

    def enter_maintenance(self, given: dict) -> dict:
        entered = self.call(
            "maintenance",
            state="down",
            contents=True,
            run_id=RUN_ID,
            migration=given["migration"],
            expected=filters.noted(self.result["expected"], self.inputs),
            inspect=filters.requested(self.laravel, self.inputs, self.schema),
        )
        self.before, self.structure = entered["contents"], entered["structure"]
        self.marks = entered["marks"]
        counted = ("counted", "aside_counts")
        known = {name: value for name, value in (self.schema or {}).items() if name in counted}
        schema = {**entered["schema"], **known}
        again = self.decide(schema)
        assert filters.same_plan(self.result, again), again
        return entered


# --- bringing it about -------------------------------------------------------------------------


class Application(Sandbox):
    """A sandbox whose schema and migrations are those of an Incident."""

    _connection = None

    def sql(self, query, *values):
        """Do as Sandbox.sql() over one connection: opening one takes longer than most queries."""
        # The server may have been started anew.
        with contextlib.suppress(MySQLError):
            if self._connection:
                self._connection.ping(reconnect=False)
        if not (self._connection and self._connection.open):
            self._connection = self.server.connect()
        with contextlib.suppress(MySQLError):
            self._connection.select_db(self.database)
        with self._connection.cursor() as cursor:
            cursor.execute(query, values or None)
            return list(cursor.fetchall())

    def empty(self) -> None:
        """Leave an empty schema, and no trace of the last incident beside it."""
        self.sql(f"DROP DATABASE IF EXISTS {quote(self.database)}")
        self.sql(f"CREATE DATABASE {quote(self.database)} CHARACTER SET utf8mb4")
        for path in [
            *Path(self.app, "database", "migrations").glob("*.php"),
            *Path(self.app, "storage", "logs").glob("*.log"),
            *Path(self.app, "storage", "framework").glob("*down*"),
        ]:
            path.unlink()

    def fall_into(self, incident: Incident) -> str:
        """Bring the incident about; return what artisan said when it failed."""
        self.empty()
        for number, table in enumerate(incident.tables):
            self.add_migration(f"{FIRST}_{number}", table.create(), drop(table.name))
        made = self.artisan("migrate", "--force")
        assert made.returncode == 0, made.stdout
        for table in incident.tables:
            for query, values in table.inserts():
                self.sql(query, *values)
            # It goes with the table wherever that is renamed to, and ends with it.
            self.sql(f"ALTER TABLE {quote(table.name)} COMMENT = %s", f"made as {table.name}")
        self.add_migration(OURS, "\n        ".join(incident.up), self._body(incident.down))
        if incident.following:
            self.add_migration(NEXT, incident.following)
        said = self.artisan("migrate", "--force").stdout
        for what in incident.meanwhile:
            said += self._meanwhile(what, incident)
        return said

    @staticmethod
    def _body(lines: tuple[str, ...] | None) -> str | None:
        return None if lines is None else "\n        ".join(lines)

    def _meanwhile(self, what: str, incident: Incident) -> str:
        """What somebody does between the failure and the repair; not all of it is possible."""
        with contextlib.suppress(MySQLError):
            if what == "retry":
                return self.artisan("migrate", "--force").stdout
            if what == "rollback":
                return self.artisan("migrate:rollback", "--step=1", "--force").stdout
            if what == "record":
                self.sql("INSERT INTO migrations (migration, batch) VALUES (%s, 2)", OURS)
            original = next(iter(incident.renames), incident.made[-1].name)
            displaced = incident.renames.get(original, original)
            if what == "rows":
                self.sql(f"INSERT INTO {quote(original)} (`id`) VALUES (77)")
            elif what == "leftover" and displaced != original:
                self.sql(f"DROP TABLE {quote(original)}")
            elif what == "constraint":
                keys = [key for key in self.foreign_keys() if key[1] == displaced]
                if keys:
                    self.sql(f"ALTER TABLE {quote(displaced)} DROP FOREIGN KEY {quote(keys[0][0])}")
            elif what == "row of a parent":
                self.sql(f"INSERT INTO {quote(incident.tables[0].name)} (`id`) VALUES (88)")
        return ""

    def is_down(self) -> bool:
        return Path(self.app, "storage", "framework", "down").exists()

    # What is there now, asked without the project's own code.

    def content(self) -> dict[str, list[dict]]:
        """Return {table: its rows as {column: value}}, without the migrations."""
        names = [name for (name,) in self.sql("SHOW TABLES") if name != "migrations"]
        found = {}
        for name in names:
            columns = [row[0] for row in self.sql(f"SHOW COLUMNS FROM {quote(name)}")]
            rows = self.sql(f"SELECT * FROM {quote(name)}")
            found[name] = [dict(zip(columns, row)) for row in rows]
        return found

    def first_names(self) -> set[str]:
        """Return the names with which the tables that are there still were made."""
        rows = self.sql(
            "SELECT table_comment FROM information_schema.tables WHERE table_schema = %s",
            self.database,
        )
        return {comment[len("made as ") :] for (comment,) in rows if comment[:8] == "made as "}

    def foreign_keys(self) -> list[tuple]:
        """Return (name, table, columns, parent, parent's columns) of every foreign key."""
        rows = self.sql(
            "SELECT constraint_name, table_name, column_name, referenced_table_name,"
            " referenced_column_name FROM information_schema.key_column_usage"
            " WHERE table_schema = %s AND referenced_table_name IS NOT NULL"
            " ORDER BY constraint_name, table_name, ordinal_position",
            self.database,
        )
        found: dict[tuple, tuple[list, list]] = {}
        for name, table, column, parent, parent_column in rows:
            columns, parents = found.setdefault((name, table, parent), ([], []))
            columns.append(column)
            parents.append(parent_column)
        return [
            (name, table, tuple(columns), parent, tuple(parents))
            for (name, table, parent), (columns, parents) in found.items()
        ]
