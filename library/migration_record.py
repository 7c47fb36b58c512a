#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""A migration recorded as run that has not run, and that record taken back."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: migration_record
short_description: Record a Laravel migration as run without running it, or remove its record
description:
  - With O(state=present), a migration that is not recorded is, in the batch after the highest one.
    Nothing of what the migration does is done.
  - Where there is no migrations table, C(php artisan migrate:install) makes it first.
  - The record is read again afterwards.
options:
  migration:
    description:
      - Name of the migration, as its file is named, without C(.php). The application must have it.
    type: str
    required: true
  state:
    description:
      - Whether it is to be recorded.
      - V(absent) runs no C(down) either; it only removes the record.
    type: str
    choices: [present, absent]
    default: present
  batch:
    description:
      - "With O(state=absent): the batch that the record must be in; in another, it is refused."
    type: int
notes:
  - A record that an interrupted rollback left behind (batch 2000000000) counts as none and is
    replaced.
attributes:
  check_mode:
    support: full
    description: Refuses what a real run would refuse; RV(queries) is what it would send.
  diff_mode:
    support: none
    description: RV(queries) says what is written.
extends_documentation_fragment:
  - connection
  - refusal
seealso:
  - module: artisan
author:
  - The fix_fk authors
"""

EXAMPLES = r"""
- name: Record a migration that is not to run
  migration_record:
    laravel_path: /home/app/gaspul_api
    migration: 2026_01_25_000000_total_refactor_skp_system

- name: Take that back
  migration_record:
    laravel_path: /home/app/gaspul_api
    migration: 2026_01_25_000000_total_refactor_skp_system
    state: absent
    batch: 2
"""

RETURN = r"""
batch:
  description: The batch that the migration is, or was, recorded in. V(null) when it was not.
  returned: success
  type: int
  sample: 2
queries:
  description: The commands and SQL that were run, or in check mode would be.
  returned: success, and failure after the first of them
  type: list
  elements: str
  sample: ["INSERT INTO `migrations` (migration, batch) VALUES ('2026_01_25_000000_x', 2)"]
undo:
  description: The SQL that takes it back.
  returned: success, and failure after the first of the queries
  type: list
  elements: str
  sample: ["DELETE FROM `migrations` WHERE migration = '2026_01_25_000000_x' AND batch = 2"]
"""

from ansible.module_utils.fix_fk.laravel.artisan import run_artisan, told_error
from ansible.module_utils.fix_fk.laravel.probe import application
from ansible.module_utils.fix_fk.laravel.records import ROLLBACK_BATCH
from ansible.module_utils.fix_fk.refusal import SEE_STATE, refuse
from ansible.module_utils.fix_fk.schema.sql import quote_identifier
from ansible.module_utils.fix_fk.server import one_run
from ansible.module_utils.fix_fk.server.connection import (
    application_environment,
    connect,
    connected_module,
    resolve,
)
from ansible.module_utils.fix_fk.server.errors import database_errors


def main():
    module = connected_module(
        {
            "migration": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "batch": {"type": "int"},
        },
        needs_application=True,
        writes=True,
        supports_check_mode=True,
    )
    given = module.params
    application_of = [given[f"laravel_{name}"] for name in ("path", "php", "env")]
    facts = application(module, *application_of, given["database_connection"])
    if given["migration"] not in facts["files"]:
        refuse(
            module,
            f"The application has no migration {given['migration']}.",
            "Compare the name with database/migrations",
        )
    parameters = resolve(module)
    records = Records(module, connect(module, parameters), parameters, facts)
    with database_errors(module, parameters):
        if given["state"] == "present":
            records.add(given["migration"])
        else:
            records.remove(given["migration"], given["batch"])
    records.connection.close()
    module.exit_json(**records.result)


class Records:
    """The migrations table."""

    def __init__(self, module, connection, parameters, facts):
        self.module, self.connection = module, connection
        self.name = parameters.prefix + facts["migrations_table"]
        self.table = quote_identifier(self.name)
        self.result: dict = {"changed": False, "batch": None, "queries": [], "undo": []}

    def rows(self, query, *values):
        with self.connection.cursor() as cursor:
            cursor.execute(query, values)
            return cursor.fetchall()

    def exists(self):
        return bool(
            self.rows(
                "SELECT 1 FROM information_schema.TABLES"
                " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s",
                self.name,
            )
        )

    def batches(self):
        """Return {migration: batch}, without those that were recorded only to be rolled back."""
        if not self.exists():
            return {}
        found = self.rows(f"SELECT migration, batch FROM {self.table}")  # noqa: S608 - quoted
        return {name: int(batch) for name, batch in found if int(batch) != ROLLBACK_BATCH}

    def write(self, statement, *values):
        with self.connection.cursor() as cursor:
            if not self.module.check_mode:
                cursor.execute(statement, values)
            self.result["queries"].append(cursor.mogrify(statement, values))
        self.result["changed"] = True

    def undone_by(self, statement, *values):
        with self.connection.cursor() as cursor:
            self.result["undo"].append(cursor.mogrify(statement, values))

    def install(self):
        given = self.module.params
        self.result["queries"].append("php artisan migrate:install")
        self.result["changed"] = True
        if self.module.check_mode:
            return
        name = given["database_connection"]
        result = run_artisan(
            self.module,
            given["laravel_path"],
            given["laravel_php"],
            application_environment(self.module),
            ["migrate:install", *([f"--database={name}"] if name else [])],
            descriptors=one_run.descriptors(self.module),
        )
        if not self.exists():
            self.fail(f"`php artisan migrate:install` made no table {self.name}", result)

    def fail(self, found, result=None):
        said = f": {told_error(result)}" if result else ""
        refuse(self.module, f"{found}{said}.", SEE_STATE, "", **self.result)

    def add(self, migration):
        insert = f"INSERT INTO {self.table} (migration, batch) VALUES (%s, %s)"  # noqa: S608
        delete = f"DELETE FROM {self.table} WHERE migration = %s AND batch = %s"  # noqa: S608
        batches = self.batches()
        if migration in batches:
            self.result["batch"] = batches[migration]
            return
        if not self.exists():
            self.install()
        elif self.rows(
            f"SELECT 1 FROM {self.table} WHERE migration = %s",  # noqa: S608 - quoted
            migration,
        ):
            self.write(delete, migration, ROLLBACK_BATCH)
        batch = max(batches.values(), default=0) + 1
        self.write(insert, migration, batch)
        self.undone_by(delete, migration, batch)
        self.result["batch"] = batch
        if not self.module.check_mode and self.batches().get(migration) != batch:
            self.fail(f"{migration} is not recorded in batch {batch}, although it was inserted")

    def remove(self, migration, batch):
        there = self.batches().get(migration)
        self.result["batch"] = there
        if there is None:
            return
        if batch not in (None, there):
            refuse(
                self.module,
                f"{migration} is recorded in batch {there} and not in batch {batch}.",
                "See php artisan migrate:status, and name the batch it is in",
            )
        self.write(
            f"DELETE FROM {self.table} WHERE migration = %s AND batch = %s",  # noqa: S608
            migration,
            there,
        )
        self.undone_by(
            f"INSERT INTO {self.table} (migration, batch) VALUES (%s, %s)",  # noqa: S608
            migration,
            there,
        )
        if not self.module.check_mode and migration in self.batches():
            self.fail(f"{migration} is still recorded, although its record was deleted")


if __name__ == "__main__":
    main()
