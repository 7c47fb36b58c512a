# SPDX-License-Identifier: GPL-3.0-or-later
"""From facts to a verdict and a plan: a pure function, no server and no files.

`diagnose` returns a plain dictionary (see `Diagnosis.as_dict`). A verdict either carries a
plan, or is a refusal that says what was found, what is missing and what to run next; when
it cannot tell the tables apart by evidence it refuses.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from . import aside, comparison, facts, pending, position, records, steps
from .facts import Inputs, Laravel
from .holders import Holder, classify
from .position import Position
from .records import Aftermath
from .schema import sql
from .schema.simulation import Problem, Schema
from .schema.sql import FailedStatement, ForeignKey
from .screen.text import WAYS

from ansible.module_utils.fix_fk.server.locks import describe_lock  # isort: skip
from ansible.module_utils.fix_fk.schema.sql import quote_identifier as quote  # isort: skip

PROHIBITED = "DB::prohibitDestructiveCommands() forbids migrate:rollback in this application"
NOT_CHANGED = "Nothing was changed: no row, no table, no file."

# Errors of a failed migration that mean "this name is taken"; 1005 only with errno 121.
NAME_TAKEN = {1826, 1022, 1823}
# What a migration meets that has done a part of its work before.
LEFT = (
    "table_exists",
    "table_missing",
    "column_exists",
    "column_missing",
    "index_exists",
    "index_missing",
    "constraint_missing",
)
DISK_FULL = (1021, 1114)
# ENOSPC, EDQUOT, and what InnoDB makes of the first when a table cannot be made.
DISK_FULL_ERRNO = (28, 122, 135)
RIGHT_MISSING = (1044, 1142, 1143, 1227, 1410)
LOOK_ALIKES = {
    1061: "index_name_taken",
    1452: "orphan_rows",
    3780: "columns_do_not_match",
    1215: "columns_do_not_match",
    1822: "columns_do_not_match",
    1824: "columns_do_not_match",
    6125: "columns_do_not_match",
    1205: "lock_wait",
}


@dataclass
class Diagnosis:
    """What happened, on what evidence, and what is to be done."""

    verdict: str
    found: str
    migration: str | None = None
    evidence: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    names: list[dict] = field(default_factory=list)
    ways: list[dict] = field(default_factory=list)
    refused: bool = False
    not_changed: str = ""
    next: str = ""
    # What a run that carries the plan out is called, and what the operator must not overlook then.
    outcome: str = "repaired"
    warning: str = ""
    steps: list[dict] = field(default_factory=list)
    expected: dict = field(default_factory=dict)
    # Where the migration stopped, if the schema tells that it did.
    stopped: str = ""
    # Rows that are not where the application looks, as aside.find() has them.
    aside: list[dict] = field(default_factory=list)

    def as_dict(self) -> dict:
        """Return plain data, as a playbook wants it."""
        return {**self.__dict__, "repairs": bool(self.steps)}


def bad_input(reason: str) -> dict:
    """Return the refusal of variables that have values they cannot have."""
    return Diagnosis(
        "bad_input",
        f"{reason}."
        + (
            " (A name that looks like a number, a date, yes or null loses its quotes easily, in a "
            "survey of AWX for one.)"
            if "put it in quotes" in reason
            else ""
        ),
        refused=True,
        not_changed=NOT_CHANGED,
        next="Correct that in the inventory or in the variables of the job, then run this again.",
    ).as_dict()


def ground(laravel_facts: dict) -> dict | None:
    """Return the refusal that makes looking at the server pointless, or None."""
    connection = laravel_facts["connection"]
    differences = laravel_facts["configuration"]["differences"]
    artisan = f"{laravel_facts['php']['binary']} artisan"
    if differences:
        sides = "; ".join(
            f"{item['key']} is {item['cached']} in the cached configuration and "
            f"{item['dotenv']} in .env"
            for item in differences
        )
        return Diagnosis(
            "configuration_differs",
            f"The application's cached configuration and its .env do not name the same database: "
            f"{sides}. Which of the two is meant cannot be known from here.",
            refused=True,
            not_changed=NOT_CHANGED,
            next=f"If .env is right: {artisan} config:cache (or config:clear). If the cache is "
            "right, correct .env. Then run this again.",
        ).as_dict()
    other = laravel_facts.get("another_run")
    if other:
        killed = f" If it was killed, it lets go within {other['idle']} s." if other["idle"] else ""
        return Diagnosis(
            "another_run",
            f"Another run works on the schema {connection['database']}: {other['said']}. Two at a "
            "time would undo each other's work.",
            refused=True,
            not_changed=NOT_CHANGED,
            next=f"Wait until it has ended, then run this again.{killed}",
        ).as_dict()
    if laravel_facts.get("busy"):
        return Diagnosis(
            "artisan_is_running",
            "An artisan that an earlier run of this tool started is still running; what it has "
            "done so far says nothing about what it will have done.",
            refused=True,
            not_changed=NOT_CHANGED,
            next="Wait until it has ended (ps -ef | grep artisan shows it), then run this again.",
        ).as_dict()
    error = laravel_facts.get("database_error")
    if error:
        # PHP keeps to itself that it does not believe a certificate.
        authority = (
            f"the authority that signs the server's certificate ({connection['tls']['ca']}), "
            if (connection.get("tls") or {}).get("ca")
            else ""
        )
        return Diagnosis(
            "no_connection",
            f"The application cannot reach its database {connection['database']} as "
            f"{connection['username']}: error {error['code']}, {error['message']}.",
            refused=True,
            not_changed=NOT_CHANGED,
            next=f"Put {authority}DB_HOST, DB_DATABASE, DB_USERNAME and DB_PASSWORD in .env right "
            f"(and clear the cached configuration: {artisan} config:clear), or give the account "
            "its rights, then run this again. playbooks/database_access.yml tells which of these "
            "it is, and whether the server is up at all.",
        ).as_dict()
    return None


def followers(laravel: Laravel, schema: dict) -> list[str]:
    """Name the constraints of children that followed a table when it was renamed."""
    notes = []
    for key in schema.get("constraints") or ():
        table = laravel.history.schema.get(key["table"])
        known = table.key(key["name"]) if table else None
        parent = key["referenced_table"]
        if known and known.referenced_table.casefold() != parent.casefold():
            notes.append(
                f"Constraint {key['name']} of table {key['table']} points at {parent}; its "
                f"migration pointed it at {known.referenced_table}. It followed the table when "
                f"that was renamed: a new row of {key['table']} can refer to {parent} only, until "
                "a migration points the constraint elsewhere."
            )
    return notes


def differences(found: dict, expected: dict) -> str:
    """Say in which parts a foreign key is not as expected."""
    parts = []
    for part, wanted in expected.items():
        has = found.get(part)
        if wanted is None or str(has).casefold() == str(wanted).casefold():
            continue
        sides = (", ".join(side) if isinstance(side, list) else side for side in (has, wanted))
        parts.append(f"{part.replace('_', ' ')} {' instead of '.join(map(str, sides))}")
    return "; ".join(parts)


class _Refusal(Exception):
    def __init__(self, verdict: str, found: str, next_: str, not_changed: str = ""):
        super().__init__(verdict)
        self.verdict, self.found, self.next, self.not_changed = verdict, found, next_, not_changed


def diagnose(laravel_facts: dict, schema_facts: dict, inputs: Inputs) -> dict:
    """Return the diagnosis of one application as a dictionary."""
    laravel = Laravel(laravel_facts)
    case = _Case(laravel, schema_facts, inputs)
    return case.concluded(case.examine)


class _Case:
    """One application on the way to its diagnosis."""

    def __init__(self, laravel: Laravel, schema: dict, inputs: Inputs):
        self.laravel, self.schema, self.inputs = laravel, schema, inputs
        self.batches = laravel.batches
        self.diagnosis = Diagnosis("", "")
        self.live = facts.live(schema)
        self.sources = facts.wanted(laravel, inputs)["names"]
        self.aftermath: Aftermath | None = None
        self.positions: dict[str, Position | None] = {}
        self.artisan = f"{inputs.laravel_php} artisan"

    def concluded(self, decide: Callable[[], None]) -> dict:
        """Return what `decide` comes to, which may be the refusal that it raises, as plain data."""
        diagnosis = self.diagnosis
        try:
            decide()
        except _Refusal as refusal:
            diagnosis.verdict, diagnosis.found = refusal.verdict, refusal.found
            diagnosis.refused, diagnosis.next = True, refusal.next
            diagnosis.not_changed = refusal.not_changed or NOT_CHANGED
            diagnosis.steps = []
        else:
            if self._replay_text():
                told = self._replay_text().strip()
                diagnosis.notes.append(f"{told} What they say when they are read counts instead.")
        self._tell_aside()
        return diagnosis.as_dict()

    def _tell_aside(self) -> None:
        """Say which rows are aside; what is well but for that is not simply well."""
        diagnosis = self.diagnosis
        diagnosis.aside, meant = aside.split(aside.find(self.laravel, self.schema), self.inputs)
        diagnosis.notes += aside.accepted(meant)
        if not diagnosis.aside:
            return
        told = aside.said(diagnosis.aside)
        if diagnosis.verdict != "healthy":
            diagnosis.notes.append(told)
            return
        diagnosis.verdict = "rows_aside"
        diagnosis.found = f"{told} {diagnosis.found}".strip()
        diagnosis.next = f"{aside.advice(diagnosis.aside)} {diagnosis.next}".strip()

    # --- the order of questions ----------------------------------------------------------

    def examine(self, by_the_record: bool = False) -> None:
        """Come to a verdict. by_the_record: what is recorded as run has run, whatever it left."""
        self._check_ground()
        self._check_schema_dump()
        self._check_connection()
        self.aftermath = None if by_the_record else records.find(self.laravel, self.live)
        if self.aftermath:
            self._check_writable()
            self._check_sight()
            self._believe(self.aftermath)
        self.diagnosis.notes.extend(followers(self.laravel, self.schema))
        if not self.laravel.pending:
            self._nothing_pending()
            return
        migration = self._incident()
        if migration is None:
            self._none_failed()
            return
        self.diagnosis.migration = migration
        stopped = self._stopped(migration)
        self.diagnosis.stopped = stopped.told if stopped else ""
        self._check_sight()
        self._check_exchanged(migration)
        self._check_look_alikes(migration)
        self._check_own_error(migration)
        self._repair(migration)

    def _check_ground(self) -> None:
        ours = self.laravel.maintenance
        if ours.get("run_id") and ours.get("migration") == facts.FRESH:
            name = self.schema["name"]
            raise _Refusal(
                "fresh_unfinished",
                f"Option 3 was begun here, by run {ours['run_id']}, and has not come to its end. "
                f"The schema {name} may be empty or half built, and its rows in the backup alone "
                "that this run made and proved.",
                "Put that backup back: playbooks/restore.yml lists the backups, with the times at "
                "which they were made. Or go on with Option 3: playbooks/option_3_fresh.yml -e "
                f"fresh_confirm={shlex.quote(name)}",
            )
        if self.schema.get("orphans"):
            rows = ", ".join(f"{row['name']} (of {row['table']})" for row in self.schema["orphans"])
            raise _Refusal(
                "orphan_dictionary_rows",
                f"InnoDB's dictionary holds constraints of tables that do not exist: {rows}. "
                "A crashed ALTER TABLE leaves this behind; no SQL statement can drop them.",
                "Show this to the server's administrator: it takes a dump and a reload of the "
                "schema, or a repair of the dictionary.",
            )
        if self.laravel.pending:
            self._check_writable()
            self._check_twins()

    def _check_schema_dump(self) -> None:
        """Refuse the state in which `migrate` loads a schema dump over tables that are there."""
        names = self.laravel.dumped()
        own = self.laravel.raw["migrations_table"].casefold()
        wanted = self.schema["tables"] if names is None else names
        there = [
            table
            for name in wanted
            for table in [self.live.get(name)]
            if table and name.casefold() != own
        ]
        if not there:
            return
        dump = self.laravel.raw["schema_dump"]["path"]
        rows = [table.name for table in there if table.may_have_rows]
        tables = ", ".join(rows or [table.name for table in there])
        has = "has" if len(rows) == 1 else "have"
        empty = not self.laravel.raw.get("migrations_table_exists", True)
        install = f"{self.artisan} migrate:install; " if empty else ""
        client = "mariadb" if self.schema["server"]["flavour"] == "mariadb" else "mysql"
        raise _Refusal(
            "would_load_schema_dump",
            f"No migration is recorded{' (there is no migrations table)' if empty else ''}, and "
            f"there is a schema dump, {dump}. So {self.artisan} migrate would begin with loading "
            "it, and the dump drops and makes anew what is there: "
            + (f"{tables}, which {has} rows." if rows else f"{tables} (without rows)."),
            "Put the records of what has run back. A backup has them: playbooks/restore.yml lists "
            "those there are. Or, if every table that the dump makes is there, record what the "
            f"dump records: {install}grep -a '^INSERT INTO' {shlex.quote(dump)} | "
            f"{client} {shlex.quote(self.schema['name'])}; then run this again. Let nobody run "
            "artisan migrate before, nor a deployment.",
        )

    def _check_connection(self) -> None:
        """Refuse pending migrations that work on another connection than the one looked at."""
        for migration in self.laravel.pending:
            known = self.laravel.statements(migration)
            other = known.get("connection") or (
                known.get("up_error") and ", ".join(known.get("elsewhere") or ())
            )
            if not other:
                continue
            raise _Refusal(
                "another_connection",
                f"Migration {migration} is pending and works on the database connection {other}; "
                f"this looks at {(self.laravel.raw.get('connection') or {}).get('name')} alone. "
                "What it will meet there, and what a failed attempt has left there, is not known.",
                f"Show what it sends: {self.artisan} migrate --pretend "
                f"--path=database/migrations/{migration}.php. Compare that with the schema of the "
                f"connection {other}, back that schema up, and put right there what is in the way. "
                "Once the migration is recorded, run this again.",
            )

    def _check_writable(self) -> None:
        server = self.schema["server"]
        if server.get("read_only") or server.get("replica"):
            what = "a replica" if server.get("replica") else "read-only"
            raise _Refusal(
                "not_writable",
                f"The server that the application uses is {what}; a repair has to be made on "
                "the primary and will reach this server by replication.",
                "Point the application (DB_HOST) at the primary, or run this against the host "
                "whose application uses it.",
            )

    def _check_twins(self) -> None:
        """Refuse tables that are one table to this diagnosis, which compares names without case."""
        spelled: dict[str, list[str]] = {}
        for table in self.schema["tables"]:
            spelled.setdefault(table.casefold(), []).append(table)
        for twins in spelled.values():
            if len(twins) > 1 and set(twins) & set(self.schema.get("details") or ()):
                both = " and ".join(sorted(twins))
                raise _Refusal(
                    "tables_differ_in_case",
                    f"The names of the tables {both} differ only in case, and the pending "
                    "migrations are about one of them. Constraint names are compared without case, "
                    "and such tables are not told apart with certainty.",
                    f"See which of {both} the application uses (the dump of a server with other "
                    "rules often leaves a second one), rename the other one, or drop it when it is "
                    "empty, and run this again.",
                )

    # --- what the migrations table does not tell ----------------------------------------------

    def _believe(self, found: Aftermath) -> None:
        """Go on with the facts as they would be if the migrations table told the truth."""
        if found.doubt:
            raise _Refusal(
                found.verdict,
                f"{found.said} That is likely and not certain: {found.doubt}.",
                self._by_hand(found),
            )
        self.laravel = Laravel(found.facts)
        if self.inputs.incident_migration in (found.redo, *found.forget):
            self.inputs = replace(self.inputs, incident_migration=found.failed)
        self.sources = facts.wanted(self.laravel, self.inputs)["names"]
        self.diagnosis.evidence.append(found.said)

    def _by_hand(self, found: Aftermath) -> str:
        """Return what makes the migrations table tell the truth, for whom it is certain."""
        migrations = quote(self.laravel.raw["migrations_table"])
        if not found.redo:
            deletes = "; ".join(
                f"DELETE FROM {migrations} WHERE `migration` = '{name}'"  # noqa: S608 - shown
                for name in found.forget
            )
            return (
                f"Find out what of {found.doubt.split(',')[0]} has run. When it is as if it had "
                f"not, remove its record, and then that of the migration that failed: {deletes}. "
                "Then run this again. Or put a backup back that was made before: "
                "playbooks/restore.yml lists them."
            )
        table = quote(found.table)
        commands = []
        if found.displaced:
            if self.live.get(found.table):
                commands.append(f"DROP TABLE {table} (only while it is empty)")
            commands.append(f"RENAME TABLE {quote(found.displaced)} TO {table}")
        lost = [key.of(table) for table, key in self._lost(found)]
        commands += steps.add_statements(self.schema, lost)
        commands.append(
            f"INSERT INTO {migrations} (`migration`, `batch`) "  # noqa: S608 - shown, not sent
            f"VALUES ('{found.redo}', {self.laravel.next_batch})"
        )
        return (
            f"See whether the rows of {found.displaced or found.table} are those of "
            f"{found.table}. If they are, make a backup and put them back: {'; '.join(commands)}. "
            "Then run this again."
        )

    def _lost(self, found: Aftermath) -> list[tuple[str, ForeignKey]]:
        """Return the constraints to add again, with their tables; not those whose names the
        migrations still to be run will take."""
        pending = [name for name in self.laravel.pending if name != found.redo]
        wanted = {
            name.casefold()
            for migration in pending
            for statement in self.laravel.up(migration)
            for name in facts.keys_added(statement)
        }
        return [
            (table, key)
            for table, key in found.lost
            if key.name and key.name.casefold() not in wanted
        ]

    def _check_sight(self) -> None:
        account = self.schema["account"]
        if not account["sees_all"]:
            raise _Refusal(
                "cannot_see",
                f"The account {account['name']} cannot see every constraint of schema "
                f'{self.schema["name"]} ({account["reason"]}), so "nobody holds the name" '
                'cannot be told from "not allowed to see who does".',
                f"Let an administrator run: {self._grant('ALL PRIVILEGES', account)}; or pass "
                "database_user and database_password of an account that has it. Then run this "
                "again.",
            )
        # Artisan has the application's own account, whatever account repairs the rest.
        for each, needless in (
            (account, ()),
            (self.schema.get("application_account") or {}, ("LOCK TABLES",)),
        ):
            missing = [right for right in each.get("missing_rights") or () if right not in needless]
            if missing:
                raise _Refusal(
                    "missing_rights",
                    f"The account {each['name']} lacks {', '.join(missing)} on schema "
                    f"{self.schema['name']}; the repair would stop half-way.",
                    f"Let an administrator run: {self._grant(', '.join(missing), each)}; then run "
                    "this again.",
                )

    def _grant(self, rights: str, account: dict) -> str:
        schema = quote(self.schema["name"])
        return f"GRANT {rights} ON {schema}.* TO {self._account(account['name'])}"

    def _account(self, name: str) -> str:
        user, _, host = name.rpartition("@")
        return f"{quote(user)}@{quote(host)}"

    def _nothing_pending(self) -> None:
        maintenance = self.laravel.maintenance
        missing = self._missing_expected()
        if maintenance.get("run_id"):
            self.diagnosis.verdict = "unfinished"
            self.diagnosis.migration = maintenance.get("migration")
            self.diagnosis.found = (
                "Every migration is recorded, and the application is still in maintenance mode: "
                f"run {maintenance['run_id']} of this tool was interrupted before it could verify "
                "its work. What is left is to verify it and to end the maintenance."
            )
            self._plan(steps.finish(self.artisan), self.live)
            return
        self._check_given_twice()
        if missing:
            raise _Refusal(
                "constraints_missing",
                "Every migration is recorded as run, and yet what they should have made is not "
                f"there: {'; '.join(missing)}. A migration was recorded without having run, or "
                "the constraints were dropped by hand.",
                self._recover(),
            )
        self.diagnosis.verdict = "healthy"
        self.diagnosis.found = (
            "Every migration is recorded as run and every expected constraint exists."
        )
        gone = [
            table.name
            for table in self.laravel.history.schema.tables.values()
            if not self.live.get(table.name)
        ]
        if gone:
            self.diagnosis.notes.append(
                f"Not there: {', '.join(sorted(gone))}, which the recorded migrations make and, as "
                "far as they can be read, do not drop. Name a table in expected_tables to have it "
                "missed."
            )

    def _check_given_twice(self) -> None:
        """Refuse recorded migrations that cannot have run to their end on this server."""
        if self.live.scope != "schema":
            return
        migrations = quote(self.laravel.raw["migrations_table"])
        for name, holder, table, migration in records.given_twice(self.laravel, self.live):
            forget = (
                f"DELETE FROM {migrations} WHERE `migration` = '{migration}'; "  # noqa: S608 - shown
                f"{self._then_migrate(migration, [migration])}"
            )
            found = (
                f"The recorded migrations give the constraint name {name} to {holder} and to "
                f"{table}. {holder} has it, and {table} "
            )
            if self.live.get(table):
                raise _Refusal(
                    "constraints_missing",
                    f"{found}has not: here a name is taken for the whole schema, so {migration}, "
                    f"which gives it to {table}, failed at that, and was recorded by hand; what "
                    "it does after that has not been done either. (Or its file was changed after "
                    "it had run.)",
                    f"Give the constraint of {table} another name in {migration}, deploy it, drop "
                    f"what it made while that is empty, and take its record back: {forget}.",
                )
            raise _Refusal(
                "names_per_table",
                f"{found}is not there: that only works where a name is taken for one table "
                "(MariaDB 12.1 and newer), where the data seems to come from. Here a name is taken "
                "for the whole schema, and loading stopped at the second.",
                f"Give the constraint of {table} another name where the data comes from, make the "
                "dump again and load it into an empty schema. Or use MariaDB 12.1 or newer here. "
                f"If {migration} was recorded by hand here, give the constraint another name in it "
                f"and take its record back: {forget}.",
            )

    def _recover(self) -> str:
        """Return what to do when all is recorded and something is missing."""
        not_run = records.nothing_there(self.laravel, self.live)
        migrations = quote(self.laravel.raw["migrations_table"])
        if not_run:
            deletes = "; ".join(
                f"DELETE FROM {migrations} WHERE `migration` = '{name}'"  # noqa: S608 - shown
                for name in reversed(not_run)
            )
            return (
                f"Nothing of what {', '.join(not_run)} makes is there. If it was recorded by hand, "
                f"take its record back: {deletes}; {self._then_migrate(not_run[0], not_run)}."
            )
        if self._missing_tables(self.live):
            return (
                "See where the tables went (a backup has them: playbooks/restore.yml lists those "
                "there are). No migration makes them again while it is recorded."
            )
        return (
            "Add the constraints again: playbooks/permanent_fix.yml makes a migration that does, "
            "and says which rows are in the way."
        )

    def _way_out(self, dangers: list[pending.Danger]) -> str:
        tables = [danger.table for danger in dangers]
        unknown = [danger.migration for danger in dangers if not danger.table]
        return pending.way_out(self.laravel, self.live, tables, unknown)

    def _none_failed(self) -> None:
        self._check_given_twice()
        dangers = pending.dangers(self.laravel, self.live, self.inputs.remigrate_accept_loss)
        if dangers:
            raise _Refusal(
                "migration_would_lose_rows",
                f"No migration has failed so far. {' '.join(d.sentence() for d in dangers)}",
                self._way_out(dangers),
            )
        self.diagnosis.notes += pending.parts(self.laravel, self.live)
        accepted = " ".join(d.sentence() for d in pending.dangers(self.laravel, self.live))
        if accepted:
            accepted = f" Accepted in remigrate_accept_loss: {accepted}"
        self.diagnosis.verdict = "healthy"
        names = ", ".join(self.laravel.pending)
        self.diagnosis.found = (
            f"No failed migration was found. Pending, and not tried yet as far as the log says: "
            f"{names}. No constraint name stands in their way, so nothing is repaired and "
            f"nothing is migrated here.{accepted}"
        )
        self.diagnosis.next = (
            f"{'Back the schema up. Then: ' if accepted else ''}{self.artisan} migrate --force, "
            "or name the migration that failed: "
            f"-e incident_migration={self.laravel.pending[0]}"
        )

    # --- which migration failed ----------------------------------------------------------

    def _incident(self) -> str | None:
        asked = self.inputs.incident_migration
        if asked:
            if asked in self.laravel.pending:
                return asked
            state = "is recorded as run" if asked in self.laravel.recorded else "is not in the code"
            raise _Refusal(
                "not_pending",
                f"incident_migration names {asked}, which {state}; a failed migration is one "
                f"that is pending. Pending are: {', '.join(self.laravel.pending)}.",
                "Name one of these, or leave incident_migration out.",
            )
        logged = self.laravel.failed_migration()
        if logged:
            earlier = self.laravel.pending[: self.laravel.pending.index(logged)]
            return self._half_run(earlier) or self._colliding(earlier) or logged
        ours = self.laravel.maintenance
        if ours.get("run_id"):
            # An interrupted run stands for all that was pending in it, also what it never began.
            begun = ours.get("migration")
            return begun if begun in self.laravel.pending else self.laravel.pending[0]
        return self._half_run(self.laravel.pending) or self._colliding(self.laravel.pending)

    def position(self, migration: str) -> Position | None:
        """Return where a pending migration stands, None when the schema does not tell."""
        if migration not in self.positions:
            self.positions[migration] = position.find(self.laravel, self.live, migration)
        return self.positions[migration]

    def _stopped(self, migration: str) -> Position | None:
        """Return the position of a migration that certainly began and did not end."""
        found = self.position(migration)
        return found if found and found.half_run else None

    def _half_run(self, migrations: list[str]) -> str | None:
        """Return the first of these that has renamed a table and then stopped, log or no log."""
        for migration in migrations:
            found = self._stopped(migration)
            if found and found.renamed:
                return migration
        return None

    def _is_sure(self, migration: str) -> bool:
        """Tell whether the statements that --pretend shows are those that are sent."""
        return bool(
            not self.laravel.conditional(migration)
            or self.laravel.failed_migration() == migration
            or self._stopped(migration)
        )

    def _colliding(self, migrations: list[str]) -> str | None:
        """Return the first of these migrations that would meet what is there already."""
        trial = self.live.copy()
        for migration in migrations:
            problems = trial.apply(self.laravel.up(migration)).problems
            met = any(problem.kind in ("name_taken", "table_exists") for problem in problems)
            if met and self._is_sure(migration):
                return migration
        return None

    def _logged(self, migration: str) -> FailedStatement | None:
        """Return the statement at which `migration` failed, if the log knows."""
        return self.laravel.failed if self.laravel.failed_migration() == migration else None

    # --- look-alikes ---------------------------------------------------------------------

    def _check_look_alikes(self, migration: str) -> None:
        failed = self._logged(migration)
        if not failed:
            return
        kind = LOOK_ALIKES.get(failed.code)
        if failed.code == 1005 and failed.errno in (150, 140):
            kind = "columns_do_not_match"
        if not kind:
            return
        where = f"Migration {migration} failed with {failed.code}: {failed.shown}."
        if failed.sql:
            where += f" The statement was: {sql.redact_logged(failed.sql)}."
        again = self._then_migrate(migration)
        advice = {
            "index_name_taken": (
                "An index of this name exists on the table; it is not a constraint name that is "
                "taken, and dropping constraints would not help.",
                "Compare the index with the migration: if an earlier attempt made it, drop it or "
                f"take that line out of the migration, {again}",
            ),
            "orphan_rows": (
                "Rows of the child table point at rows that do not exist in the parent. No "
                "constraint name is taken; the data has to be put right first.",
                "List the offending rows with a LEFT JOIN of the child on the parent WHERE the "
                f"parent's key IS NULL, decide what they should point at, {again}",
            ),
            "columns_do_not_match": (
                "The referencing and the referenced column differ (type, sign, length, character "
                "set, engine), or the referenced one has no index. No constraint name is taken.",
                f"Compare both with SHOW CREATE TABLE, correct the migration, {again}",
            ),
            "lock_wait": (
                "It waited for a lock that another connection held. No constraint name is taken."
                + self._lock_text(),
                f"See that the blocking connection has ended, {again}",
            ),
        }[kind]
        raise _Refusal(kind, f"{where} {advice[0]}{self._stopped_text(migration)}", advice[1])

    def _stopped_text(self, migration: str) -> str:
        """Say where a migration stopped and what it left, or nothing."""
        found = self.position(migration)
        if not found or not found.agree[0]:
            return ""
        return f" It {found.told}. So {', '.join(found.left) or 'a part of it is there'}."

    def _then_migrate(self, migration: str, first: list[str] | None = None) -> str:
        """Return how to go on once the cause is gone; `first` are records to be taken back.

        `migrate` is only named where, as far as can be seen, it neither fails nor destroys rows.
        """
        found = self.position(migration)
        decides = bool(self.laravel.conditional(migration))
        if found and (not found.agree[0] or (decides and not found.half_run)):
            found = None
        back = found.back(self.live) if found and self._stopped(migration) else ""
        if back:
            return f"give the tables their names back: {back}; then run this again"
        if found:
            return (
                "let the migration pass over what is there already (if (!Schema::hasColumn(...)), "
                "if (!Schema::hasTable(...))), deploy it, then run this again"
            )
        laravel = Laravel(facts.as_if(self.laravel.raw, pending=first)) if first else self.laravel
        known = self._logged(migration)
        written = self._written(migration, known.sql if known else "")
        if written and first is None:
            return (
                f"take out of the migration what it has written before that (rows of {written}), "
                "so that it is not written twice, deploy it, then run this again"
            )
        met = [
            problem
            for problem in self._obstacles(self.live, laravel)
            if first is not None
            or (
                problem.kind in LEFT
                and not decides
                and not (known and problem.statement == known.sql)
            )
        ]
        if pending.dangers(laravel, self.live) or met or laravel.dumped():
            return "then run this again: it says whether the migrations can run"
        return f"then run: {self.artisan} migrate --force"

    def _written(self, migration: str, until: str) -> str:
        """Name the tables whose rows it wrote before that statement, without those it made."""
        found: list[str] = []
        made: set[str] = set()
        for statement in self.laravel.up(migration):
            if statement == until:
                break
            made |= {
                e.table.casefold() for e in sql.read(statement) if isinstance(e, sql.CreateTable)
            }
            found += [
                effect.table
                for effect in sql.read(statement)
                if isinstance(effect, sql.WriteRows)
                and effect.kind in ("insert", "update")
                and effect.table.casefold() not in made
                and self.live.get(effect.table)
                and self.laravel.history.schema.get(effect.table)
            ]
        accepted = {name.casefold() for name in self.inputs.remigrate_accept_repeat}
        return ", ".join(dict.fromkeys(t for t in found if t.casefold() not in accepted))

    def _check_own_error(self, migration: str) -> None:
        """Refuse a migration whose own code failed, and say what it left."""
        error = self.laravel.raw.get("last_error") or {}
        if error.get("migration") != migration or not error.get("place"):
            return
        if self.inputs.incident_migration:
            return
        message = " ".join(error["message"].split())
        message = message if len(message) <= 300 else f"{message[:297]}..."
        raise _Refusal(
            "migration_threw",
            f"Migration {migration} failed in its own code ({error['place']}): "
            f"{message.rstrip('.')}.{self._stopped_text(migration)}",
            f"Correct that line, {self._then_migrate(migration)}. If it has been corrected and the "
            f"log is out of date, name the migration: -e incident_migration={migration}",
        )

    def _check_exchanged(self, migration: str) -> None:
        """Refuse a migration that gives a table the name of another one."""
        pairs = pending.exchanged(self.laravel, self.live, migration)
        if not pairs:
            return
        told = ", ".join(f"{old} to {new}" for old, new in pairs)
        found = self.position(migration)
        said, next_ = (
            "How far it has come cannot be told from the schema.",
            "Compare SHOW CREATE TABLE of these tables with the migrations that make them, and "
            "give each its own name back. Let nobody run artisan migrate before: it would exchange "
            "them again. Then run this again.",
        )
        if self._stopped(migration) and found:
            said = f"It {found.told}."
            next_ = (
                f"Give the tables their names back: {found.back(self.live)}. Let nobody run "
                "artisan migrate before: it would exchange them again. Then give the constraint at "
                "which it stopped another name in the migration, deploy it, and run this again."
            )
        elif found and found.agree == (0,):
            said = "Nothing of it has been carried out so far."
            next_ = (
                "Give the constraint at which it stops another name in the migration, deploy it, "
                "and run this again."
            )
        logged = self._logged(migration)
        why = f" It failed with {logged.code}: {logged.shown}." if logged else ""
        raise _Refusal(
            "tables_exchanged",
            f"Migration {migration} exchanges tables: it renames {told}, names that other tables "
            f"have.{why} {said} No constraint is dropped while it is not certain which table is "
            "which.",
            next_,
        )

    def _lock_text(self) -> str:
        locks = self.schema.get("locks")
        if locks is None:
            return " Whether one stands now is not for this account to see: that takes PROCESS."
        if not locks:
            return " Nobody holds one on these tables now."
        return f" Standing now: {'; '.join(map(describe_lock, locks))}."

    # --- the incident itself -------------------------------------------------------------

    def _repair(self, migration: str) -> None:
        self._check_readable(migration)
        self._check_made_already(migration)
        self._check_known_error(migration)
        self._check_has_run(migration)
        holders = self._holders(migration)
        self._describe(migration, holders)
        self._check_holders(holders)
        way, repaired = self._choose_way(migration, holders)
        self._check_repeat(migration, repaired)
        lost = self._lost(self.aftermath) if self.aftermath else []
        for table, key in lost:
            repaired.add_key(table, key)
        drops, final = self._free_names(repaired, holders)
        self._check_loss(repaired)
        self._check_expected(repaired, final)
        self.diagnosis.ways = way["considered"]
        planned = steps.option_1(
            artisan=self.artisan,
            schema=self.schema,
            laravel=self.laravel,
            migration=migration,
            way=way,
            drops=drops,
            forget=self._forget(),
            redo=self.aftermath.redo if self.aftermath else None,
            lost=[key.of(table) for table, key in lost],
        )
        self._plan([*self._rehearsal(), *planned], final)
        self.diagnosis.expected["structure"]["unguarded"] = comparison.unguarded(
            drops, repaired, final
        )
        # The migrations may rename their tables, and those that they refer to.
        self.diagnosis.expected["constraints"] += [
            key.of(table.name)
            for name, added in lost
            for table in [final.by_identity(name)]
            for key in [table.key(added.name or "") if table else None]
            if table and key
        ]

    def _forget(self) -> dict[str, int]:
        """Return {migration: batch} of the records to take back, in that order."""
        names = self.aftermath.forget if self.aftermath else ()
        return {name: self.batches[name] for name in names}

    def _rehearsal(self) -> list[dict]:
        """Return the step that rehearses the plan, or none and a note on why there is none."""
        level = self.inputs.rehearsal_level
        why = self._why_unrehearsed()
        if not why:
            return [steps.rehearse(self.schema, level, self.inputs)]
        if self.inputs.rehearsal_required:
            raise _Refusal(
                "cannot_rehearse",
                f"{self.diagnosis.found} rehearsal_required is set, and the plan cannot be "
                f"rehearsed: {why}.",
                "Clear that, or leave rehearsal_required out; then run this again.",
            )
        self.diagnosis.notes.append(f"Not rehearsed: {why}.")
        return []

    def _why_unrehearsed(self) -> str:
        """Return why the plan is not rehearsed, or nothing."""
        if self.inputs.rehearsal_level == "none":
            return "rehearsal_level is none"
        clone = self.schema["rehearsal"]
        if clone["lacking"] and self.inputs.rehearsal_server == "same":
            lacking = "; ".join(
                f"{account['account']} lacks {', '.join(account['rights'])}"
                for account in clone["lacking"]
            )
            accounts = ", ".join(self._account(a["account"]) for a in clone["lacking"])
            pattern = quote(clone["pattern"])
            return (
                f"that takes all rights on a schema {clone['schema']}, and {lacking}. An "
                f"administrator may give them: GRANT ALL PRIVILEGES ON {pattern}.* TO {accounts}. "
                "Without them it can be rehearsed on a server of its own, with "
                "-e rehearsal_server=embedded"
            )
        return facts.reaches_out(self.laravel, self._to_run())

    def _check_readable(self, migration: str) -> None:
        known = self.laravel.statements(migration)
        if known.get("up_error") and not known.get("up"):
            raise _Refusal(
                "migration_unreadable",
                f"What migration {migration} would send could not be learned: "
                f"{known['up_error']}. Without it no one can say which names it needs.",
                f"Run {self.artisan} migrate --pretend --path=database/migrations/{migration}.php "
                "to see the same error, correct the migration, and run this again.",
            )

    def _check_made_already(self, migration: str) -> None:
        """Refuse a migration that creates a table of a recorded one: that table is alive."""
        made = pending.made_already(self.laravel, self.live, migration)
        if not made or not self._is_sure(migration):
            return
        table, creator = made
        more = [
            text
            for text in self.laravel.up(migration)
            if {name.casefold() for name in sql.tables_of(text)} - {table.casefold(), ""}
            and not any(isinstance(e, sql.AddForeignKey) for e in sql.read(text))
        ]
        record = (
            f"INSERT INTO {quote(self.laravel.raw['migrations_table'])} "  # noqa: S608 - shown
            f"(`migration`, `batch`) VALUES ('{migration}', {self.laravel.next_batch})"
        )
        raise _Refusal(
            "made_by_a_recorded_migration",
            f"Migration {migration} is to create the table {table}, which the recorded migration "
            f"{creator} has made. So {table} is in use, whatever it holds, and is neither dropped "
            "nor made anew.",
            f"If {migration} is a copy of {creator} under another date, delete its file and deploy "
            "that"
            + ("" if more else f", or record it: {record}")
            + ". If another table is meant, give it another name in the migration. Then run this "
            "again.",
        )

    def _check_has_run(self, migration: str) -> None:
        """Refuse a migration of which everything is there, with rows."""
        tables = records.there_in_full(self.laravel, self.live, migration)
        rows = [table.name for table in tables if table.rows]
        if not rows:
            return
        record = (
            f"INSERT INTO {quote(self.laravel.raw['migrations_table'])} "  # noqa: S608 - shown
            f"(`migration`, `batch`) VALUES ('{migration}', {self.laravel.next_batch})"
        )
        raise _Refusal(
            "has_run_and_is_not_recorded",
            f"Migration {migration} is pending, and everything that it makes is there, with rows "
            f"in {', '.join(rows)}. It has run. Its record is gone: a backup from before it was "
            "put back over a database that had not been emptied, or the record was removed.",
            f"If these rows are to stay, record the migration: {record}; then run this again. If "
            "what was in the backup is wanted alone, put it back with playbooks/restore.yml, which "
            "leaves nothing over.",
        )

    def _holders(self, migration: str) -> list[Holder]:
        """Find who holds each name that the pending migrations will create."""
        found: list[Holder] = []
        seen: set[str] = set()
        trial = self.live.copy()
        trial.asking = True
        for name in self.laravel.pending:
            for statement in self.laravel.up(name):
                for problem in trial.apply([statement]).problems:
                    if problem.kind != "name_taken" or problem.name.casefold() in seen:
                        continue
                    # Nothing is dropped for a branch that may not be taken.
                    if not self._is_sure(name):
                        continue
                    seen.add(problem.name.casefold())
                    # Where the name sits now, before the migration's own renames.
                    tables = self.live.holders(problem.name)
                    if not tables:
                        continue
                    found.append(
                        classify(
                            self.laravel,
                            self.live,
                            migration,
                            problem,
                            tables[0].name,
                            self._creating(migration),
                        )
                    )
        return found

    def _describe(self, migration: str, holders: list[Holder]) -> None:
        diagnosis = self.diagnosis
        failed = self._logged(migration)
        diagnosis.names = [
            {
                "name": holder.name,
                "holder": holder.table,
                "wanted_by": holder.target,
                "is": holder.kind,
                "learned_from": self.sources.get(holder.name, ["pretend"]),
            }
            for holder in holders
        ]
        for holder in holders:
            diagnosis.evidence.extend(e for e in holder.evidence if e not in diagnosis.evidence)
        sentence = f"Migration {migration} "
        if failed:
            sentence += f"failed with error {failed.code}"
            sentence += f" (errno {failed.errno})" if failed.errno else ""
            sentence += f": {failed.shown}."
        elif self.laravel.maintenance.get("run_id"):
            sentence += (
                f"is pending: run {self.laravel.maintenance['run_id']} of this tool "
                "was interrupted, or failed, before it had run it."
            )
        elif diagnosis.stopped:
            sentence += f"has {diagnosis.stopped}; the log holds no error of it."
        else:
            sentence += "is pending and cannot run; the log holds no error of it."
        held: dict[tuple[str, str], list[str]] = {}
        for holder in holders:
            held.setdefault((holder.table, holder.kind), []).append(holder.name)
        what = {
            "displaced": "the original table that the migration renamed away",
            "same": "the very table that the migration wants to give it to",
            "live": "a table that is in use",
            "other": "the very table, for a constraint on other columns",
            "shadow": "a table that a program has made beside the one it works on",
            "unknown": "a table of which it is not known whether it is in use",
        }
        for (table, kind), names in held.items():
            plural = "s" if len(names) > 1 else ""
            sentence += (
                f" The constraint name{plural} {', '.join(names)} "
                f"{'are' if plural else 'is'} held by {table}, {what[kind]}."
            )
        kinds = {holder.kind for holder in holders}
        retried = bool(failed and failed.code == 1050)
        diagnosis.found = sentence
        if "displaced" in kinds:
            leftover = any(holder.leftover for holder in holders)
            diagnosis.verdict = "renamed_table_kept_the_name"
            if retried:
                diagnosis.verdict += "_retried"
                diagnosis.found += " The migration was tried again and met its own leftovers."
            if not leftover:
                diagnosis.found += " The new table was not created."
        elif "same" in kinds:
            diagnosis.verdict = "table_already_has_the_constraint"
        elif not holders:
            diagnosis.verdict = "nothing_in_the_way"
            diagnosis.found += " No constraint name stands in its way any more."
        if self.aftermath:
            diagnosis.verdict = self.aftermath.verdict
            diagnosis.found = f"{self.aftermath.said} {diagnosis.found}"

    def _check_holders(self, holders: list[Holder]) -> None:
        live = [holder for holder in holders if holder.kind == "live"]
        if live:
            raise _Refusal(
                "live_table_holds_the_name",
                f"{self.diagnosis.found} {' '.join(live[0].evidence)} Dropping the constraint of "
                "a table that is in use is damage, not repair.",
                f"Give the constraint another name in the migration that wants {live[0].name} "
                f"(for instance {live[0].target}_{live[0].name}), deploy it, and run this again.",
            )
        other = [holder for holder in holders if holder.kind == "other"]
        if other:
            raise _Refusal(
                "constraint_is_another",
                f"{self.diagnosis.found} The migration gives that name to another one. To drop the "
                f"one that is there would leave the rows of {other[0].table} unguarded.",
                "Give the constraint another name in the migration (for instance "
                f"fk_{other[0].name}), deploy it, and run this again.",
            )
        shadow = [holder for holder in holders if holder.kind == "shadow"]
        if shadow:
            key = f"ALTER TABLE {quote(shadow[0].table)} DROP FOREIGN KEY "
            key += quote(shadow[0].name)
            raise _Refusal(
                "shadow_table_holds_the_name",
                f"{self.diagnosis.found} {' '.join(shadow[0].evidence)} Whether that program is "
                "still at work, and whether rows are only there, cannot be told from here.",
                f"See whether {shadow[0].tool.rstrip(',')} is running (SHOW PROCESSLIST, SHOW "
                "TRIGGERS), and let it end or clean up. If it was broken off, free the name "
                f"without losing a row: {key}; then run this again. Drop {shadow[0].table} only "
                "when you know that its rows are elsewhere.",
            )
        unknown = [holder for holder in holders if holder.kind == "unknown"]
        if unknown:
            raise _Refusal(
                "holder_not_identified",
                " ".join([self.diagnosis.found, *unknown[0].evidence])
                + f" What is missing: {unknown[0].missing}."
                + self._replay_text(),
                "Find out where the table comes from (its rows, the deployment's history). If it "
                "is the original renamed away, rename it back by hand and run this again; if it "
                "is in use, give the migration's constraint another name.",
            )
        for holder in holders:
            if holder.leftover_rows:
                raise _Refusal(
                    "leftover_has_rows",
                    f"{self.diagnosis.found} The table {holder.original} that the failed "
                    f"migration created has rows of its own by now, and the original rows are in "
                    f"{holder.table}: the application has gone on writing.",
                    f"End the writing first: {self.artisan} down. Then decide which rows of "
                    f"{holder.original} are to be kept, move them into {holder.table} (or "
                    f"elsewhere), empty {holder.original}, and run this again. It leaves the "
                    f"maintenance mode to you: {self.artisan} up",
                )

    # --- rollback ------------------------------------------------------------------------

    def _choose_way(self, migration: str, holders: list[Holder]) -> tuple[dict, Schema]:
        considered: list[dict] = []
        displaced = [holder for holder in holders if holder.kind == "displaced"]
        strategy = self.inputs.rollback_strategy
        ways = {
            "nothing": lambda: self._way_nothing(migration, displaced),
            "down": lambda: self._way_down(migration),
            "rename_back": lambda: self._way_rename_back(migration, displaced),
            "literal": lambda: self._way_literal(),
        }
        order = ["nothing", "down", "rename_back"] if strategy == "auto" else [strategy]
        if self.aftermath and self.aftermath.redo and strategy == "auto":
            # down() may drop what the other migration made when it was tried again.
            order.remove("down")
        for name in order:
            state = self.live.copy()
            way, reason = ways[name]()
            if way is not None:
                reason = self.inputs.unproven.get(name) or self._rehearse_in_memory(
                    state, way, displaced
                )
                if not reason:
                    considered.append({"way": name, "chosen": True, "reason": way["reason"]})
                    return {**way, "name": name, "considered": considered}, state
            considered.append({"way": name, "chosen": False, "reason": reason})
        self.diagnosis.ways = considered
        reasons = "; ".join(f"to {WAYS[item['way']]}: {item['reason']}" for item in considered)
        raise _Refusal(
            "no_safe_rollback",
            f"{self.diagnosis.found} No way back to the schema before the migration is safe: "
            f"{reasons}.",
            "Take these reasons to the migration's author. Anything that clears one of them "
            "(rows moved out of a leftover, a correct down()) opens that way; then run this again. "
            "Or put a backup back that was made before: playbooks/restore.yml lists them."
            if strategy == "auto"
            else "Clear the reason, or leave rollback_strategy out, so that every way is "
            "considered; then run this again.",
        )

    def _rehearse_in_memory(self, state: Schema, way: dict, displaced: list[Holder]) -> str:
        """Carry `way` out on `state`; return why it will not do, or "" when it does."""
        for pair in way["tables"]:
            if pair["leftover"]:
                state.drop(pair["original"])
            if pair["displaced"]:
                state.rename(pair["displaced"], pair["original"])
            if state.get(facts.quarantine(pair["original"])):
                state.drop(facts.quarantine(pair["original"]))
        outcome = state.apply(way["statements"])
        if outcome.losses:
            return "it would lose data: " + ", ".join(
                f"{loss.detail}, which has rows" for loss in outcome.losses
            )
        # The last recorded migration is undone only when it is named.
        foreign = "" if way["steps"] == ["literal"] else self._not_its_own(state, displaced)
        if foreign:
            return foreign
        if outcome.problems:
            return f"it would fail: {outcome.problems[0].detail}"
        written = [t.name for t in state.tables.values() if t.written]
        if written:
            return f"it writes rows of {', '.join(written)}"
        left = self._obstacles(state)
        if left:
            return f"afterwards the migration would still fail: {left[0].detail}"
        return ""

    def _not_its_own(self, state: Schema, holders: list[Holder]) -> str:
        """Return which table the way to `state` drops or renames that is not the migration's."""
        begun = [name for name in self.laravel.pending if self.laravel.up(name)]
        if self.aftermath and self.aftermath.redo:
            begun.append(self.aftermath.redo)
        displaced = {name.casefold() for one in begun for name in self._renamed_by(one)}
        displaced |= {holder.original.casefold() for holder in holders if holder.original}
        made = {
            effect.table.casefold()
            for one in begun
            for text in self.laravel.up(one)
            for effect in sql.read(text)
            if isinstance(effect, sql.CreateTable)
        }
        aside = {facts.quarantine(name).casefold() for name in self.live.tables}
        for table in self.live.tables.values():
            now, known = state.by_identity(table.name), self.laravel.history.schema.get(table.name)
            if now and now.name == table.name:
                continue
            does = f"rename {table.name} to {now.name}" if now else f"drop {table.name}"
            if known and table.name.casefold() not in displaced:
                maker = self.laravel.history.creators.get(table.name.casefold())
                return f"it would {does}, which {maker or 'a recorded migration'} makes"
            if not now and table.name.casefold() not in made | aside:
                return f"it would {does}, which the failed migration does not create"
        return ""

    def _obstacles(self, state: Schema, laravel: Laravel | None = None) -> list[Problem]:
        """What stops the pending migrations on `state` once the taken names are free."""
        trial, laravel = state.copy(), laravel or self.laravel
        return [
            problem
            for migration in laravel.pending
            for problem in trial.apply(laravel.up(migration)).problems
            if problem.kind not in ("name_taken", "unread") and self._is_sure(migration)
        ]

    def _way_nothing(self, migration: str, displaced: list[Holder]) -> tuple[dict | None, str]:
        if displaced:
            tables = ", ".join(sorted({holder.table for holder in displaced}))
            return None, f"the original rows are in {tables}"
        for begun in self._begun(migration):
            found = self._stopped(begun)
            if found and found.renamed:
                return None, f"{begun} {found.told}"
        for name in self._set_aside():
            return None, f"{facts.quarantine(name)}, set aside by an interrupted run, has to go"
        reason = "the failed migration left nothing behind"
        return {"tables": [], "statements": [], "steps": [], "reason": reason}, ""

    def _way_down(self, migration: str) -> tuple[dict | None, str]:
        known = self.laravel.statements(migration)
        if self.laravel.raw.get("destructive_commands_prohibited"):
            return None, PROHIBITED
        if not known.get("down_exists") or not known.get("down"):
            return None, "the migration has no down() that does anything"
        if known.get("down_error"):
            return None, f"its down() could not be read: {known['down_error']}"
        if known.get("down_conditional"):
            return None, (
                "its down() decides by what it finds "
                f"({', '.join(known['down_conditional'])}), so --pretend does not show all of it"
            )
        return {
            "tables": [],
            "statements": known["down"],
            "steps": ["down"],
            "reason": "its own down() puts the schema back and drops nothing that has rows",
        }, ""

    def _way_rename_back(self, migration: str, displaced: list[Holder]) -> tuple[dict | None, str]:
        made: list[str] = []
        renamed: dict[str, str] = {}
        for begun in self._begun(migration):
            made += self._made_by(begun)
            renamed.update(self._renamed_by(begun))
        for holder in displaced:
            if holder.original:
                renamed[holder.original] = holder.table
        if not renamed and not made and not self._set_aside():
            return None, "the migration renamed and created no table that is there now"
        pairs = [
            {"original": name, "displaced": None, "leftover": False} for name in self._set_aside()
        ]
        for original in sorted({*renamed, *made}):
            table = self.live.get(original)
            if table and table.may_have_rows:
                return None, f"table {original}, which would be dropped, has rows"
            if table and table.name not in made:
                return None, f"table {original} exists and the migration does not create it"
            if table:
                pointing = [
                    other.name for other in self.live.referring(table) if other.name not in made
                ]
                if pointing:
                    return None, f"table {pointing[0]} refers to {original}, which would be dropped"
            pairs.append(
                {
                    "original": table.name if table else original,
                    "displaced": renamed.get(original),
                    "leftover": table is not None,
                }
            )
        names = ", ".join(
            f"{pair['displaced']} to {pair['original']}" for pair in pairs if pair["displaced"]
        )
        return {
            "tables": pairs,
            "statements": [],
            "steps": ["rename_back"],
            "reason": f"what it created is empty and nobody refers to it; renames {names} back"
            if names
            else "what it created is empty and nobody refers to it",
        }, ""

    def _set_aside(self) -> list[str]:
        """Return the tables whose leftover an interrupted run has set aside and not dropped."""
        return sorted(
            table.name
            for table in self.live.tables.values()
            if self.live.get(facts.quarantine(table.name))
        )

    def _renamed_by(self, migration: str) -> dict[str, str]:
        """Return {original: displaced} of the renames that have happened already."""
        pairs = {}
        for statement in self.laravel.up(migration):
            for effect in sql.read(statement):
                if isinstance(effect, sql.RenameTable):
                    there = self.live.get(effect.new_name)
                    known = self.laravel.history.creators
                    if there and effect.new_name.casefold() not in known:
                        pairs[effect.table] = there.name
        return pairs

    def _made_by(self, migration: str) -> list[str]:
        """Return the tables that `migration` creates, that exist, and that are its own."""
        made = []
        renamed = {name.casefold() for name in self._renamed_by(migration)}
        statements = [text for texts in self._creating(migration).values() for text in texts]
        for effect in (effect for text in statements for effect in sql.read(text)):
            if not isinstance(effect, sql.CreateTable):
                continue
            there = self.live.get(effect.table)
            known = self.laravel.history.schema.get(effect.table)
            if there is None or there.columns != list(effect.columns):
                continue
            # Someone else's table of that name is not ours to drop; nor is one that a migration may
            # have made whose file is gone, or with more indexes, unless this one has surely begun.
            begun = self.laravel.failed_migration() or self.laravel.maintenance.get("run_id")
            own = {name.casefold() for name in self._indexes_of(statements, effect)}
            alike = {name.casefold() for name in there.indexes or ()} <= own
            nobodys = known is None and (begun or (self.laravel.history.conclusive and alike))
            if nobodys or effect.table.casefold() in renamed:
                made.append(there.name)
        return sorted(set(made))

    def _indexes_of(self, statements: list[str], made: sql.CreateTable) -> list[str]:
        """Return the indexes that a table may have after these statements."""
        state = position.before(self.laravel, self.live)
        state.tables.pop(made.table.casefold(), None)
        state.foreign_key_checks = False
        state.apply(statements)
        table = state.get(made.table)
        names = (table.indexes if table else None) or []
        keys = [name for text in statements for name in facts.keys_added(text)]
        return [*names, *made.indexes, *keys]

    def _begun(self, migration: str) -> list[str]:
        """Return the pending migrations that have left something: `migration`, and one that failed
        after it, because somebody had recorded the first as run."""
        return [
            name
            for name in self.laravel.pending
            if name == migration
            or name == self.laravel.failed_migration()
            or self._renamed_by(name)
        ]

    def _creating(self, migration: str) -> dict[str, list[str]]:
        """Return the statements, by migration, that may have made what is in the way of
        `migration`: its own, and those of one that was rolled back and then tried again."""
        redo = self.aftermath.redo if self.aftermath else None
        return {name: self.laravel.up(name) for name in (migration, redo) if name}

    def _way_literal(self) -> tuple[dict | None, str]:
        name = self.inputs.rollback_migration
        if self.laravel.raw.get("destructive_commands_prohibited"):
            return None, PROHIBITED
        last = self.laravel.recorded[-1] if self.laravel.recorded else None
        if not name or name != last:
            return None, (
                "rollback_strategy=literal undoes the last recorded migration, "
                f"{last}; name it (rollback_migration={last}) to say that this is meant"
            )
        return {
            "tables": [],
            "statements": self.laravel.down(name),
            "steps": ["literal"],
            "reason": f"asked for by name: undoes {name}",
        }, ""

    # --- names, losses, expectations -----------------------------------------------------

    def _free_names(self, repaired: Schema, holders: list[Holder]) -> tuple[list[dict], Schema]:
        """Return the constraints to drop from `repaired`, and the schema after the migrations."""
        allowed = {holder.name.casefold() for holder in holders}
        definitions = {
            (key["name"].casefold(), key["table"].casefold()): key
            for key in self.schema["constraints"]
        }
        drops: list[dict] = []
        while True:
            trial = repaired.copy()
            taken = None
            for migration in self._to_run():
                outcome = trial.apply(self.laravel.up(migration))
                taken = next((p for p in outcome.problems if p.kind == "name_taken"), None)
                if taken and self._is_sure(migration):
                    break
                taken = None
            if taken is None:
                return drops, trial
            holder = repaired.holders(taken.name)
            if not holder or taken.name.casefold() not in allowed:
                raise _Refusal(
                    "names_collide_in_the_code",
                    f"The pending migrations give the constraint name {taken.name} to two "
                    f"tables ({taken.holder} and {taken.table}); the second will always fail.",
                    "Give one of them another name in its migration, deploy it, and run this "
                    "again.",
                )
            table = holder[0]
            identity = (table.identity or table.name).casefold()
            definition = definitions[(taken.name.casefold(), identity)]
            drops.append({**definition, "table": table.name})
            repaired.drop_key(taken.name, table.name)

    def _replay_text(self) -> str:
        error = self.laravel.raw.get("replay_error")
        if not error:
            return ""
        return (
            " The recorded migrations were run on an empty schema, to see what they make; that "
            f"ended {error.rstrip('.')}."
        )

    def _to_run(self) -> list[str]:
        if self.inputs.rollback_strategy == "literal" and self.inputs.rollback_migration:
            return [self.inputs.rollback_migration, *self.laravel.pending]
        return self.laravel.pending

    def _check_known_error(self, migration: str) -> None:
        """Refuse an error that has nothing to do with a taken name."""
        failed = self._logged(migration)
        if not failed or self.inputs.incident_migration:
            return
        taken = failed.code in NAME_TAKEN or (failed.code == 1005 and failed.errno == 121)
        if taken or failed.code == 1050:
            return
        again = (
            f"then run this again with -e incident_migration={migration}, which looks at what the "
            "migration has left"
        )
        told = f"Migration {migration} failed with {failed.code}: {failed.shown}."
        if failed.code in DISK_FULL or failed.errno in DISK_FULL_ERRNO:
            raise _Refusal(
                "disk_full",
                f"{told} The server had no room left. No constraint name is taken.",
                "Let the server's administrator make room (df -h on the server, in its data and "
                f"its temporary folder), {again}.",
            )
        if failed.code in RIGHT_MISSING or failed.errno == 13:
            account = self.schema.get("application_account") or self.schema["account"]
            raise _Refusal(
                "right_was_missing",
                f"{told} The account lacked a right. Those that a repair needs it has now.",
                "See that it has the one that the message names: SHOW GRANTS FOR "
                f"{self._account(account['name'])}; {again}.",
            )
        raise _Refusal(
            "another_error",
            f"Migration {migration} failed with {failed.code}: {failed.shown}. That is not a "
            "constraint name that is taken, and not what this tool repairs."
            + self._stopped_text(migration),
            f"Correct what the message names, {self._then_migrate(migration)}. If the "
            "log is out of date, name the migration instead: "
            f"-e incident_migration={migration}",
        )

    def _check_loss(self, repaired: Schema) -> None:
        trial = repaired.copy()
        accepted = {name.casefold() for name in self.inputs.remigrate_accept_loss}
        for migration in self._to_run():
            known = self.laravel.statements(migration)
            outcome = trial.apply(known.get("up") or [])
            for loss in outcome.losses:
                if loss.kind == "column":
                    self.diagnosis.notes.append(f"Migration {migration} {loss.detail}.")
                elif (loss.table or migration).casefold() not in accepted:
                    raise _Refusal(
                        "migration_would_lose_rows",
                        f"{self.diagnosis.found} Run again, migration {migration} itself "
                        f"{loss.detail}, which has rows: {sql.redact(loss.statement)}.",
                        pending.way_out(self.laravel, self.live, [loss.table]),
                    )
            hidden = [*(known.get("up_conditional") or []), *(["SELECT"] if outcome.reads else [])]
            if hidden:
                self.diagnosis.notes.append(
                    f"Migration {migration} decides by what it finds ({', '.join(hidden)}): "
                    "--pretend does not show every statement it may send."
                )
            for problem in outcome.problems:
                if problem.kind == "unread":
                    self.diagnosis.notes.append(
                        f"Migration {migration} sends a statement that could not be read: "
                        f"{sql.redact(problem.statement)}"
                    )
        # And what they may destroy where --pretend does not show it.
        hidden = pending.dangers(
            self.laravel, repaired, self.inputs.remigrate_accept_loss, self._to_run()
        )
        if hidden:
            raise _Refusal(
                "migration_would_lose_rows",
                f"{self.diagnosis.found} Run again: {' '.join(d.sentence() for d in hidden)}",
                self._way_out(hidden),
            )

    def _check_expected(self, start: Schema, final: Schema) -> None:
        """Refuse what the inventory expects, and the migrations to be run do not bring about."""
        trial = start.copy()
        for migration in self._to_run():
            known = self.laravel.statements(migration)
            outcome = trial.apply(self.laravel.up(migration))
            unread = any(problem.kind == "unread" for problem in outcome.problems)
            if known.get("up_conditional") or known.get("up_error") or outcome.reads or unread:
                return
        wanting = [f"table {' or '.join(names)}" for names in self._missing_tables(final)]
        mend: list[str] = []
        for expected in self.inputs.expected_constraints:
            key = {**expected, "referenced_schema": self.schema["name"]}
            table, holders = final.get(key["table"]), final.holders(key["name"])
            if table and table.key(key["name"]):
                continue
            where = f", which {holders[0].name} has" if holders else ""
            wanting.append(f"constraint {key['name']} of {key['table']}{where}")
            if not start.get(key["table"]):
                continue
            if holders and final.scope == "schema":
                held = {"name": key["name"], "table": holders[0].name}
                mend += steps.drop_statements(self.schema, [{**key, **held}])
            mend += steps.add_statements(self.schema, [key])
        if not wanting:
            return
        add = f"Put that right first ({'; '.join(mend)}), or take" if mend else "Take"
        raise _Refusal(
            "would_not_verify",
            f"{self.diagnosis.found} The inventory expects more than the migrations bring about: "
            f"{'; '.join(wanting)}. The application would stay down afterwards for that.",
            f"{add} it out of expected_constraints and expected_tables if it is not meant. Then "
            "run this again.",
        )

    def _check_repeat(self, migration: str, repaired: Schema) -> None:
        """Refuse to write rows twice that the failed migration wrote before it failed."""
        accepted = {name.casefold() for name in self.inputs.remigrate_accept_repeat}
        failed = self._logged(migration)
        trial = repaired.copy()
        for statement in self.laravel.up(migration):
            stands = {name for name, table in trial.tables.items() if table.identity}
            problems = trial.apply([statement]).problems
            if failed and statement == failed.sql and failed.code != 1050:
                return
            if any(problem.kind != "unread" for problem in problems):
                return
            for effect in sql.read(statement):
                if (
                    isinstance(effect, sql.WriteRows)
                    and effect.kind in ("insert", "update")
                    and effect.table.casefold() in stands - accepted
                ):
                    raise _Refusal(
                        "migration_would_write_again",
                        f"{self.diagnosis.found} Before it failed, it had written rows of "
                        f"{effect.table}: {sql.redact(statement)}. No rollback takes that back, "
                        "and run again, it would write them a second time.",
                        "If that does no harm (an UPDATE that sets a fixed value), say so by the "
                        f'table\'s name: -e \'{{"remigrate_accept_repeat": ["{effect.table}"]}}\'. '
                        "If it does (rows are inserted, something is added up), take that "
                        "statement out of the migration, deploy it, and run this again.",
                    )

    def _missing_expected(self) -> list[str]:
        missing = [f"constraint {name}" for name in self.schema.get("missing") or ()]
        missing.extend(
            f"constraint {item['name']} differs ({differences(item['found'], item['expected'])})"
            for item in self.schema.get("differing") or ()
        )
        return missing + [
            f"table {' or '.join(names)}" for names in self._missing_tables(self.live)
        ]

    def _missing_tables(self, state: Schema) -> list[list[str]]:
        wanted = [
            [entry] if isinstance(entry, str) else list(entry)
            for entry in self.inputs.expected_tables
        ]
        return [names for names in wanted if not any(state.get(name) for name in names)]

    def _plan(self, planned: list[dict], final: Schema) -> None:
        """Attach the plan, and what must be true when it has been carried out."""
        made = self._to_run()
        pairs = aside.count_above(self.laravel, made, self.live, self.schema, final)
        self.diagnosis.steps = steps.with_ids(planned, pairs)
        self.diagnosis.notes += aside.foretold(aside.anew(self.laravel, made, final))
        constraints = {
            (name.casefold(), table.name.casefold()): {
                "name": key.name,
                "table": table.name,
                "columns": list(key.columns),
                "referenced_table": key.referenced_table,
                "referenced_columns": list(key.referenced_columns),
            }
            for migration in self._to_run()
            for statement in self.laravel.up(migration)
            for name in facts.keys_added(statement)
            for table in final.holders(name)
            for key in [table.key(name)]
            if key
        }
        for expected in self.inputs.expected_constraints:
            constraints[(expected["name"].casefold(), expected["table"].casefold())] = dict(
                expected
            )
        self.diagnosis.expected = {
            "migrations": [*self.laravel.recorded, *self.laravel.pending],
            # Of what was recorded before, these had not run.
            "not_run": [name for name in self.laravel.pending if name in self.batches],
            "constraints": list(constraints.values()),
            "tables": list(self.inputs.expected_tables),
            # Where the rows of each present table are to be found afterwards.
            "names": {
                table.identity: table.name
                for table in final.tables.values()
                if table.identity is not None
            },
            "ids": [p for s in self.diagnosis.steps if s["id"] == "ids" for p in pairs],
            "dropped": sorted(
                table.identity for table in final.dropped if table.identity is not None
            ),
            "changed_columns": {
                table.name: sorted(table.changed_columns)
                for table in final.tables.values()
                if table.changed_columns
            },
            "written": {
                table.name: sorted(table.written)
                for table in final.tables.values()
                if table.written and table.identity is not None
            },
            **comparison.expected(self.laravel, self._to_run(), self.live, final),
        }
