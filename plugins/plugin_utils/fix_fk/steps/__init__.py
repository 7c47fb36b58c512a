# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a repair: what is done, why, with which SQL, and how each is undone.

A step is a dictionary {id, title, reason, do: [text], undo: [text], proof, arguments}. It is
carried out with its `arguments` and nothing else, so that what was shown is what is done; KINDS
says by which modules.
"""

from __future__ import annotations

from ..facts import Laravel, quarantine
from ..inputs import Inputs
from ..schema import sql
from ..schema.effects import DropTable, RenameTable
from ..schema.redaction import redact
from . import carry
from .kind import Call, Kind, arguments, step, waits

from ansible.module_utils.fix_fk.schema.foreign_keys import (  # isort: skip
    ForeignKey,
    add_statement,
    drop_statement,
)
from ansible.module_utils.fix_fk.laravel.records import ROLLBACK_BATCH  # isort: skip
from ansible.module_utils.fix_fk.schema.sql import quote_identifier as quote  # isort: skip

MIGRATE_WAIT = 20


def begin(artisan: str, schema: dict, migration: str, proven: bool = False) -> list[dict]:
    """Return the first steps: back up, and enter maintenance mode for this migration.

    proven: whether rows are dropped, so that the backup is proven; then nobody may write meanwhile.
    """
    backup, maintenance = (
        step(
            "backup",
            "Back the schema up",
            "whatever happens afterwards can be undone from it",
            [f"dump of schema {schema['name']}, compressed, checked, read back"],
            ["nothing to undo: a file was added"],
            "exit codes, trailer, table list, checksum of the file read back",
        ),
        step(
            "maintenance",
            "Enter maintenance mode",
            "nobody writes while tables change their names",
            [f"{artisan} down"],
            [f"{artisan} up"],
            "the application says that it is down",
            migration=migration,
        ),
    )
    return [maintenance, backup, prove()] if proven else [backup, maintenance]


def prove() -> dict:
    """Return the step without which no row is dropped."""
    return step(
        "prove",
        "Prove the backup",
        "what is dropped afterwards is nowhere else",
        ["load it into a scratch schema, and compare everything with the manifest"],
        ["nothing to undo: the scratch schema is dropped"],
        "proof level L2",
    )


def foreign_keys(schema: dict, keys: list[dict]) -> list[ForeignKey]:
    """Return constraints in fk_constraint_info's or fk_constraint's shape as ForeignKey."""
    return [ForeignKey(**{"referenced_schema": schema["name"], **key}) for key in keys]


def add_statements(schema: dict, keys: list[dict]) -> list[str]:
    """Return the SQL that adds these constraints."""
    return [
        add_statement(key, schema["name"], schema["server"]["flavour"])
        for key in foreign_keys(schema, keys)
    ]


def drop_statements(schema: dict, keys: list[dict]) -> list[str]:
    """Return the SQL that drops these constraints."""
    return [drop_statement(key) for key in foreign_keys(schema, keys)]


def rehearse(schema: dict, level: str, given: Inputs) -> dict:
    """Return the step that carries the plan out on a clone first."""
    clone = quote(schema["rehearsal"]["schema"])
    begin, end = {
        "same": ([], []),
        "embedded": (
            ["start a server for it on the application's host, reached by a private socket alone"],
            ["stop that server and delete its folder"],
        ),
        "other": ([f"on the server at {given.rehearsal_socket or given.rehearsal_host}:"], []),
    }[given.rehearsal_server]
    rows = "all rows" if level == "full" else "the rows of the migrations table"
    return step(
        "rehearse",
        "Rehearse on a clone",
        "what fails, fails where nothing can be lost",
        [
            *begin,
            f"CREATE DATABASE {clone}",
            f"    all definitions of {schema['name']} but its events, and {rows}",
            "the steps below on it, artisan included, without backup and maintenance mode",
            *(end or [f"DROP DATABASE {clone}"]),
        ],
        ["nothing to undo: the clone is dropped, however the rehearsal ends"],
        f"the checks of step verify on the clone; {schema['name']} has the same definitions and "
        "recorded migrations before and after",
        level=level,
    )


def drop(schema: dict, keys: list[dict]) -> dict:
    """Return the step that drops these constraints."""
    return step(
        "fk_drop",
        "Drop the colliding constraints",
        "their names are needed by the migration, and a name can be held once in a schema",
        drop_statements(schema, keys),
        add_statements(schema, keys),
        "the schema is asked again who holds these names: nobody",
        constraints=[{"name": key["name"], "table": key["table"]} for key in keys],
    )


def migrate(artisan: str, laravel: Laravel, names: list[str], batch: int | None = None) -> dict:
    """Return the step that runs these pending migrations, in the next batch or in this one."""
    return step(
        "remigrate",
        "Run the migrations again",
        f"{len(names)} pending: {', '.join(names)}",
        [
            f"{artisan} migrate --force",
            *(f"    {redact(text)}" for name in names for text in laravel.up(name)),
        ],
        [
            f"{artisan} migrate:rollback --force    (undoes batch {batch or laravel.next_batch})",
            "or put the backup back",
        ],
        "each of them is recorded in the migrations table afterwards",
        migrations=names,
    )


def ids(pairs: list[dict]) -> dict:
    """Return the step that has tables made anew count from above the ids of the old ones."""
    return step(
        "ids",
        "Count new ids from above the old ones",
        "a new row with the id of an old one would be taken for it by all that refers to it",
        [
            f"ALTER TABLE {quote(pair['table'])} AUTO_INCREMENT = "
            f"<one more than any id of {quote(pair['old'])}>"
            for pair in pairs
        ],
        ["ALTER TABLE, with the number before, which is in the result"],
        "the next id of each is read again",
        pairs=pairs,
    )


def finish(artisan: str, rows_stay: bool = True) -> list[dict]:
    """Return the last two steps: verify, and leave maintenance mode."""
    rows = "no row of any table missing, under its old or its new name, "
    return [
        step(
            "verify",
            "Verify",
            "a repair that is not proven is not one",
            [
                "migrations recorded, tables and constraints as expected, "
                f"{rows if rows_stay else ''}the application answers"
            ],
            ["nothing to undo: it only reads"],
            "each check is listed in the report",
        ),
        step(
            "leave_maintenance",
            "Leave maintenance mode",
            "only when verified, and only if this tool entered it",
            [f"{artisan} up"],
            [f"{artisan} down"],
            "the application says that it is up",
        ),
    ]


def rollback(artisan: str, laravel: Laravel, migration: str, strategy: dict) -> list[dict]:
    if strategy["steps"] == ["down"]:
        table = quote(laravel.raw["migrations_table"])
        do = [
            f"INSERT INTO {table} (`migration`, `batch`) "  # noqa: S608 - shown, not sent
            f"VALUES ('{migration}', {ROLLBACK_BATCH})",
            f"{artisan} migrate:rollback --step=1 --force",
            *(f"    {text}" for text in strategy["statements"]),
        ]
        undo = _undo_of(strategy["statements"])
        arguments = {"migration": migration, "expected_statements": strategy["statements"]}
    elif strategy["steps"] == ["rename_back"]:
        moves, drops, back, undo = [], [], [], []
        for pair in strategy["tables"]:
            original, displaced = quote(pair["original"]), pair["displaced"]
            aside = quote(quarantine(pair["original"]))
            if pair["leftover"]:
                moves.append(f"{original} TO {aside}")
                undo.append(f"create {original} again as it was: its CREATE TABLE is in the result")
            if displaced:
                moves.append(f"{quote(displaced)} TO {original}")
                back.append(f"{original} TO {quote(displaced)}")
            if pair["leftover"] or not displaced:
                drops.append(f"DROP TABLE {aside}    (only if it is empty and nobody refers to it)")
        do = [f"RENAME TABLE {', '.join(moves)}"] if moves else []
        do += drops
        undo = ([f"RENAME TABLE {', '.join(back)}"] if back else []) + undo
        arguments = {"tables": strategy["tables"]}
    elif strategy["steps"] == ["inverse"]:
        do = [
            text + "    (only if it loses nothing)" * ("empty" in item or "defaults" in item)
            for item in strategy["send"]
            for text in [item["statement"]]
        ]
        undo = [redact(text) for text in strategy["redo"]]
        arguments = {"statements": strategy["send"], "accept": strategy["accept"]}
    elif strategy["steps"] == ["literal"]:
        do = [
            f"{artisan} migrate:rollback --step=1 --force",
            *(f"    {text}" for text in strategy["statements"]),
        ]
        undo = [f"{artisan} migrate --force"]
        arguments = {"migration": laravel.recorded[-1], "recorded": True}
    else:
        return []
    return [
        step(
            "rollback",
            "Roll the failed migration back",
            strategy["reason"],
            do,
            undo,
            "the tables have the names and rows they had before the migration",
            strategy=strategy["name"],
            **arguments,
        )
    ]


def forget(table: str, batches: dict[str, int]) -> dict:
    where = [f"`migration` = '{name}' AND `batch` = {batch}" for name, batch in batches.items()]
    values = [f"('{name}', {batch})" for name, batch in reversed(batches.items())]
    return step(
        "forget",
        "Take back what was recorded by hand",
        "a migration that is recorded counts as run, and this one has not run to its end",
        [f"DELETE FROM {quote(table)} WHERE {text}" for text in where],  # noqa: S608 - shown
        [
            f"INSERT INTO {quote(table)} (`migration`, `batch`) VALUES {text}"  # noqa: S608 - shown
            for text in values
        ],
        "the records are read again",
        records=[{"migration": name, "batch": batch} for name, batch in batches.items()],
    )


def add_back(schema: dict, keys: list[dict]) -> dict:
    return step(
        "add_back",
        "Add the constraints that were rolled back by mistake",
        "the tables that refer to the original have them no more",
        add_statements(schema, keys),
        drop_statements(schema, keys),
        "each is read again; rows that stand in the way of one are listed",
        constraints=keys,
    )


def record(table: str, migration: str, batch: int) -> dict:
    return step(
        "record",
        "Record the migration that was rolled back by mistake",
        "the table that it made is back, with its rows and constraints",
        [
            f"INSERT INTO {quote(table)} (`migration`, `batch`) "  # noqa: S608 - shown, not sent
            f"VALUES ('{migration}', {batch})"
        ],
        [
            f"DELETE FROM {quote(table)} WHERE "  # noqa: S608 - shown, not sent
            f"`migration` = '{migration}' AND `batch` = {batch}"
        ],
        "the record is read again",
        migration=migration,
    )


def forward(
    done: int, known: int, items: list[dict], session: list[str], undo: list[str], charset: str
) -> dict:
    """Return the step that sends what a migration has left to do, as send_statements takes it."""
    return step(
        "forward",
        "Send the remaining statements",
        f"{done} of {known} are done; going on loses nothing",
        [
            *(f"{text}    (for this connection alone)" for text in session),
            *(
                redact(item["statement"])
                + "    (only if it loses nothing)" * ("empty" in item or "defaults" in item)
                for item in items
            ),
        ],
        undo or ["nothing to undo"],
        "the server has taken each; step verify compares every column, index and foreign key",
        statements=items,
        session=session,
        charset=charset,
    )


def record_done(table: str, migration: str, batch: int) -> dict:
    """Return the step that records a migration of which every statement is done."""
    return {
        **record(table, migration, batch),
        "id": "forward_record",
        "title": "Record the migration",
        "reason": "every statement of it is done then",
    }


def _undo_of(statements: list[str]) -> list[str]:
    """Return the SQL that takes the renames and drops of `statements` back, last first."""
    undo: list[str] = []
    for text in statements:
        for effect in sql.read(text):
            if isinstance(effect, RenameTable):
                undo.insert(0, f"RENAME TABLE {quote(effect.new_name)} TO {quote(effect.table)}")
            elif isinstance(effect, DropTable):
                undo.append(f"-- {quote(effect.table)} was empty; the migration creates it")
    return undo


def skip(artisan: str, laravel: Laravel, migration: str) -> dict:
    table = quote(laravel.raw["migrations_table"])
    batch = laravel.next_batch
    there = laravel.raw.get("migrations_table_exists", True)
    where = f"`migration` = '{migration}' AND `batch` = {batch}"
    return step(
        "skip",
        "Record the migration as run, without running it",
        "asked for by name; what it would have made will be missing",
        [
            *([] if there else [f"{artisan} migrate:install"]),
            f"INSERT INTO {table} (`migration`, `batch`) "  # noqa: S608 - shown, not sent
            f"VALUES ('{migration}', {batch})",
        ],
        [f"DELETE FROM {table} WHERE {where}"],  # noqa: S608 - shown, not sent
        "the record is read again",
        migration=migration,
    )


def complete(schema: dict, adds: list[dict]) -> dict:
    return step(
        "complete",
        "Add the constraints that the skipped migration would have made",
        "asked for by skip_complete",
        add_statements(schema, adds),
        drop_statements(schema, adds),
        "each is read again; one that rows stand in the way of is left out and these are listed",
        constraints=adds,
    )


def _call_forget(given: dict, _plan: dict, _options: dict) -> list[Call]:
    return [("migration_record", {"state": "absent", **record}) for record in given["records"]]


def _call_rollback(given: dict, _plan: dict, options: dict) -> list[Call]:
    for_locks = waits(options)
    if given["strategy"] == "rename_back":
        return [("rename_back", {"tables": given["tables"], **for_locks})]
    if given["strategy"] == "inverse":
        asked = {"statements": given["statements"], "accept": given["accept"]}
        return [("send_statements", {**asked, **for_locks})]
    return [
        (
            "migration_rollback",
            {
                "migration": given["migration"],
                "recorded": given.get("recorded", False),
                "expected_statements": given.get("expected_statements"),
                "lock_wait_timeout": for_locks["lock_wait_timeout"] * (1 + for_locks["retries"]),
            },
        )
    ]


def _call_add_back(given: dict, _plan: dict, options: dict) -> list[Call]:
    return [("fk_constraint", {"constraints": given["constraints"], **waits(options)})]


def _call_forward(given: dict, _plan: dict, options: dict) -> list[Call]:
    return [("send_statements", {**given, **waits(options)})]


def _call_record(given: dict, _plan: dict, _options: dict) -> list[Call]:
    return [("migration_record", {"migration": given["migration"]})]


def _call_fk_drop(given: dict, _plan: dict, options: dict) -> list[Call]:
    given = {"state": "absent", "constraints": given["constraints"]}
    return [("fk_constraint", {**given, **waits(options)})]


def _call_remigrate(given: dict, plan: dict, options: dict) -> list[Call]:
    ids = arguments(plan, "ids") or {}
    wait = options.get("lock_wait_timeout", MIGRATE_WAIT)
    return [
        (
            "migrate",
            {
                "migrations": given.get("migrations") or [],
                "ids_above": ids.get("pairs") or [],
                "lock_wait_timeout": wait,
            },
        )
    ]


def _call_complete(given: dict, _plan: dict, options: dict) -> list[Call]:
    constraints = {"constraints": given["constraints"], "leave_out_orphans": True}
    return [("fk_constraint", {**constraints, **waits(options)})]


def _call_empty(given: dict, _plan: dict, options: dict) -> list[Call]:
    schema = options.get("schema") or given["schema"]
    return [
        ("schema_empty", {"schema": schema, "tables": given["tables"] or None, **waits(options)})
    ]


def _call_build(given: dict, _plan: dict, _options: dict) -> list[Call]:
    if given["command"] == "migrate":
        return [("migrate", {})]
    return [("artisan", {"command": given["command"], "arguments": ["--force"]})]


def _call_seed(_given: dict, _plan: dict, _options: dict) -> list[Call]:
    return [("artisan", {"command": "db:seed", "arguments": ["--force"]})]


# Those that a rehearsal takes on the clone as well, by their id.
KINDS = {
    "forget": Kind("take back", _call_forget),
    "rollback": Kind("roll back", _call_rollback),
    "add_back": Kind("add back", _call_add_back),
    "record": Kind("record", _call_record),
    "forward": Kind("send", _call_forward),
    "forward_record": Kind("record", _call_record),
    "fk_drop": Kind("drop", _call_fk_drop),
    "skip": Kind("skip", _call_record),
    "remigrate": Kind("migrate", _call_remigrate),
    # The call before does it, where there is one.
    "ids": Kind("count ids", _call_remigrate),
    "complete": Kind("add", _call_complete),
    "empty": Kind("empty", _call_empty),
    "build": Kind("build anew", _call_build),
    "seed": Kind("seed", _call_seed),
    **carry.KINDS,
}
__all__ = ["KINDS", "arguments", "step"]
