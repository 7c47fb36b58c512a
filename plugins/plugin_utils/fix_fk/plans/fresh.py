# SPDX-License-Identifier: GPL-3.0-or-later
"""Option 3: back the schema up, empty it, and let the migrations build it anew.

All rows are lost but for the backup. So it wants the schema's name, a backup that was loaded and
compared when there are rows, and migrations that will get through on an empty schema, which is
foreseen before anything is dropped.
"""

from __future__ import annotations

import shlex

from .. import facts, migrator, steps
from ..case import Case
from ..conclusion import concluded
from ..expected import conclude
from ..facts import Laravel
from ..inputs import Inputs
from ..schema.effects import ForeignKey
from ..schema.simulation import Schema
from ..schema.tables import Table
from ..verdict import OPTION_3, Refusal, Verdict
from ..verdicts import expectations, rights, server
from .rehearsal import rehearsal

from ansible.module_utils.parsing.convert_bool import boolean  # isort: skip

PLAYBOOK = "playbooks/option_3_fresh.yml"
SYSTEM_SCHEMAS = ("information_schema", "mysql", "performance_schema", "sys")


def decide(laravel_facts: dict, schema: dict, inputs: Inputs, given: dict) -> dict:
    """Return the diagnosis, as `diagnose` does, with the steps of Option 3.

    given: confirm and anyway (the schema's name, or None), tables (names, or None for everything)
    and seed (auto, true or false) as the operator wrote them; inspected (what schema_empty
    returned in check mode); playbook (what to type to run this again).
    """
    case = Case(Laravel(laravel_facts), schema, inputs)
    return concluded(case, lambda: _Fresh(case).decide(given))


def tables_to_drop(value) -> None:
    """Raise ValueError for a list that would drop nothing."""
    if not value:
        raise ValueError("fresh_tables takes a list of table names, and has none")


def unfit(laravel_facts: dict, given: dict) -> dict | None:
    """Return the refusal of what can be told before the server is inspected, or None."""
    server, rehearsal = {"name_scope": "schema"}, {"lacking": ()}
    unknown = {"name": "", "tables": [], "server": server, "rehearsal": rehearsal}
    result = decide(laravel_facts, unknown, Inputs(), given)
    return result if result["refused"] else None


class _Fresh:
    """One application on the way to Option 3."""

    def __init__(self, case: Case):
        self.case = case
        self.laravel, self.schema = case.laravel, case.schema
        self.artisan, self.diagnosis = case.artisan, case.diagnosis
        case.runs = self._files()

    def decide(self, given: dict) -> None:
        tables, seed = self._given(given)
        inspected = given.get("inspected")
        self.foreseen = ""
        name = self.laravel.raw["connection"]["database"]
        if name.casefold() in SYSTEM_SCHEMAS:
            raise Refusal(
                "system_schema",
                f"The application's schema is {name}, one of the server's own.",
                "Point the application (DB_DATABASE) at a schema of its own.",
            )
        if self.laravel.raw.get("destructive_commands_prohibited"):
            raise Refusal(
                "destructive_commands_prohibited",
                "The application has called DB::prohibitDestructiveCommands(), so that "
                "migrate:fresh refuses to run: its developers do not want that here.",
                "Ask them. Option 1 needs no such command: ansible-playbook fix_fk.yml",
            )
        migrations_table = self.laravel.raw["migrations_table"]
        if tables is not None and migrations_table not in tables:
            raise Refusal(
                "migrations_table_not_listed",
                f"fresh_tables does not name {migrations_table}: with it, every migration would "
                "stay recorded and none would run on the empty schema.",
                "Add it to the list, or leave fresh_tables out to drop everything.",
            )
        if inspected is None:
            return
        server.refuse_unwritable(self.case)
        rights.rights(self.case)
        self._check_outside()
        final = self._foresee(inspected)
        self._show(inspected, final)
        self._check_foreseen(given, name)
        confirm = given["confirm"] or None
        if confirm != name:
            lost = self.diagnosis.warning
            asked = (
                f"fresh_confirm names {confirm}, and the application's schema is {name}."
                if confirm
                else f"Everything in the schema {name} would be lost. {lost}"
            )
            raise Refusal(
                "fresh_not_confirmed",
                asked,
                "Option 1 repairs without a loss: ansible-playbook fix_fk.yml. If the data is to "
                f"go all the same, say so by the schema's name: {PLAYBOOK} -e fresh_confirm="
                f"{shlex.quote(name)}",
            )
        if not self.foreseen:
            self.case.repaired, self.case.final = self._left(inspected), final
            expectations.would_not_verify(self.case)
        seeder = self.laravel.raw.get("seeder") if seed else None
        if self.foreseen:
            self.case.unrehearsed = (
                "that it fails is foreseen, and fresh_anyway asks for it all the same"
            )
        self.diagnosis.verdict = "fresh"
        self.diagnosis.found = (
            f"Schema {name}, with {len(self.schema['tables'])} tables of which "
            f"{len(inspected['rows'])} have rows, was to be built anew."
        )
        self.diagnosis.outcome = "rebuilt"
        conclude(self.case, [*rehearsal(self.case), *self._steps(inspected, tables, seeder)], final)
        expected = self.diagnosis.expected
        # Nothing of before is to be found again, so nothing is compared.
        surely = [name for name in self._files() if not self.laravel.may_be_skipped(name)]
        expected.update(migrations=surely, emptied=True, names={}, changed_columns={})
        if inspected["left"]["tables"] or inspected["left"]["views"]:
            expected["left"] = inspected["left"]

    def _given(self, given: dict) -> tuple[list[str] | None, bool]:
        """Return (tables or None, whether to seed); refuse a seeder that is not there."""
        tables, seed, seeder = given["tables"], given["seed"], self.laravel.raw.get("seeder")
        seed = bool(seeder) if seed == "auto" else boolean(seed)
        if seed and not seeder:
            raise Refusal(
                "no_seeder",
                "fresh_seed asks for the seeder, and the application has none (no class "
                r"Database\Seeders\DatabaseSeeder).",
                "Leave fresh_seed out, or deploy a seeder.",
            )
        return tables, seed

    def _check_outside(self) -> None:
        outside = self.schema.get("referred_from_outside") or ()
        if outside:
            named = ", ".join(f"{key['schema']}.{key['table']} ({key['name']})" for key in outside)
            raise Refusal(
                "referred_from_outside",
                f"Tables of other schemas refer to tables of this one: {named}. Their rows would "
                "point at nothing.",
                "Drop these constraints there first, if that is meant.",
            )

    def _check_foreseen(self, given: dict, name: str) -> None:
        if not self.foreseen or given["anyway"] == name:
            return
        raise Refusal(
            "fresh_would_fail",
            f"On an empty schema these migrations do not get through either: {self.foreseen}. The "
            "schema would be empty and the application without its tables.",
            "A patch of that migration ends it; playbooks/permanent_fix.yml makes one, where one "
            "is certain, and proves it. Deploy that, and run this again. "
            f"If it is to be tried all the same: {PLAYBOOK} -e fresh_confirm={shlex.quote(name)} "
            f"-e fresh_anyway={shlex.quote(name)}",
        )

    # --- the empty schema, in memory ------------------------------------------------------

    def _foresee(self, inspected: dict) -> Schema:
        """Return the schema that the migrations build; note in `foreseen` why they would not."""
        state = self._left(inspected)
        givers: dict[str, str] = {}
        # All files are taken together then, those of the recorded migrations too.
        self.foreseen = migrator.does_not_load(self.laravel).rstrip(".")
        self.foreseen = self.foreseen or migrator.declared_twice(self.laravel)
        for migration in self._files():
            known = self.laravel.statements(migration)
            if known.get("up_elsewhere") and not self.foreseen:
                others = ", ".join(known["up_elsewhere"])
                self.foreseen = (
                    f"{migration} works on the connection {others} as well, whose schema "
                    "migrate:fresh does not empty"
                )
            for problem in state.apply(known.get("up") or []).problems:
                if problem.kind == "unread" or self.foreseen:
                    continue
                self.foreseen = f"{migration} fails, because {problem.detail}"
                giver = givers.get(problem.name.casefold())
                if problem.kind == "name_taken" and giver:
                    self.foreseen += f", to which {giver} gave it"
            for statement in known.get("up") or ():
                for name in facts.keys_added(statement):
                    givers.setdefault(name.casefold(), migration)
            if known.get("up_error"):
                self.diagnosis.notes.append(
                    f"What {migration} sends could not be learned: {known['up_error']}"
                )
            elif known.get("up_conditional"):
                self.diagnosis.notes.append(
                    f"{migration} decides by what it finds ({', '.join(known['up_conditional'])}): "
                    "it may send more than was foreseen."
                )
        return state

    def _left(self, inspected: dict) -> Schema:
        """Return the schema once it is emptied."""
        return Schema(
            [
                Table(
                    table,
                    None,
                    None,
                    [
                        ForeignKey(key["name"], (), key["referenced_table"], ())
                        for key in inspected["left"]["constraints"]
                        if key["table"] == table
                    ],
                )
                for table in inspected["left"]["tables"]
            ],
            self.schema["server"]["name_scope"],
        )

    def _files(self) -> list[str]:
        says = self.laravel.raw["migrations"].get("should_run") or {}
        names = [item["name"] for item in self.laravel.raw["migrations"]["files"]]
        return [name for name in names if says.get(name) is not False]

    def _show(self, inspected: dict, final: Schema) -> None:
        """Say what is lost, what comes back, and what is left."""
        notes, dropped, left = self.diagnosis.notes, inspected["dropped"], inspected["left"]
        own = self.laravel.raw["migrations_table"]
        lost = [name for name in dropped["tables"] if not final.get(name) and name != own]
        if inspected["rows"]:
            notes.append(
                f"Rows that are lost but for the backup: those of {', '.join(inspected['rows'])}"
            )
        if lost:
            notes.append(
                f"Tables that no migration creates, and that do not come back: {', '.join(lost)}"
            )
        for kind in ("views", "routines", "events"):
            if dropped[kind]:
                notes.append(
                    f"{kind.capitalize()} that come back only if a migration creates them: "
                    f"{', '.join(dropped[kind])}"
                )
            if left[kind]:
                notes.append(f"{kind.capitalize()} that stay: {', '.join(left[kind])}")
        if left["tables"]:
            notes.append(f"Left over, outside fresh_tables: {', '.join(left['tables'])}")
        if self.foreseen:
            notes.append(f"Foreseen on the empty schema: {self.foreseen}")
        self.diagnosis.warning = (
            f"The rows of {len(inspected['rows'])} tables are in the backup alone after that."
            if inspected["rows"]
            else "There were no rows to lose."
        )

    def _steps(self, inspected: dict, tables: list[str] | None, seeder: str | None) -> list[dict]:
        name = self.schema["name"]
        files = self._files()
        back = ["put the backup back: playbooks/restore.yml"]
        planned = steps.begin(self.artisan, self.schema, facts.FRESH, True)
        if not inspected["rows"]:
            planned.pop()
        planned += [
            steps.step(
                "empty",
                "Empty the schema",
                "asked for by the schema's name",
                inspected["queries"] or ["nothing to drop"],
                back,
                "the schema is asked again what it holds",
                schema=name,
                tables=tables,
            ),
            steps.step(
                "build",
                "Run all migrations on it",
                f"{len(files)} migrations",
                # migrate:fresh would drop what is left over as well.
                [f"{self.artisan} {'migrate:fresh' if tables is None else 'migrate'} --force"],
                back,
                "each of them is recorded in the migrations table afterwards",
                command="migrate:fresh" if tables is None else "migrate",
            ),
        ]
        if seeder:
            planned.append(
                steps.step(
                    "seed",
                    "Run the seeder",
                    f"the application has {seeder}",
                    [f"{self.artisan} db:seed --force"],
                    back,
                    "its exit code",
                )
            )
        return planned + steps.finish(self.artisan, rows_stay=False)


VERDICTS = (
    Verdict(
        "fresh_not_confirmed",
        OPTION_3,
        "What would be lost is shown; nobody has confirmed it.",
        "Option 1. Or confirm it by the schema's name: `-e fresh_confirm=<schema>`",
        proof=(
            "integration/test_option_3.py::test_it_wants_the_schemas_name_and_shows_what_would_be_lost",
        ),
    ),
    Verdict(
        "fresh",
        OPTION_3,
        "Everything is backed up, dropped and built anew.",
        "Nothing.",
        proof=("integration/test_option_3.py::test_it_is_emptied_built_and_seeded",),
    ),
    Verdict(
        "fresh_would_fail",
        OPTION_3,
        "On an empty schema the migrations fail, too. The application would have no tables.",
        "`playbooks/permanent_fix.yml` makes the patch of the migration that is named. Deploy it.",
        proof=(
            "integration/test_option_3.py::test_migrations_that_collide_with_themselves_are_foreseen",
            "integration/test_option_3.py::test_a_migration_that_cannot_follow_what_is_left",
        ),
    ),
    Verdict(
        "destructive_commands_prohibited",
        OPTION_3,
        "The application forbids `migrate:fresh`.",
        "Ask its developers.",
        proof=("integration/test_option_3.py::test_prohibited_commands_are_respected",),
    ),
    Verdict(
        "migrations_table_not_listed",
        OPTION_3,
        "`fresh_tables` leaves the migrations table out. Nothing would be migrated.",
        "Add it.",
        proof=(
            "integration/test_option_3.py::test_a_list_without_the_migrations_table_is_refused",
        ),
    ),
    Verdict(
        "no_seeder",
        OPTION_3,
        "`fresh_seed` asks for a seeder, and there is none.",
        "Leave it out.",
        proof=("integration/test_option_3.py::test_a_seeder_that_is_not_there_is_refused",),
    ),
    Verdict(
        "referred_from_outside",
        OPTION_3,
        "Tables of other schemas refer to this one.",
        "Drop these constraints there first.",
        proof=("integration/test_option_3.py::test_another_schema_that_refers_to_it_is_refused",),
    ),
    Verdict(
        "system_schema",
        OPTION_3,
        "The schema is the server's own.",
        "Correct `DB_DATABASE`.",
        proof=("integration/test_option_3.py::test_a_schema_of_the_servers_own_is_refused",),
    ),
)
