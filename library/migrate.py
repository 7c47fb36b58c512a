#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""The pending migrations, run and judged by what is recorded."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: migrate
short_description: Run pending Laravel migrations and judge that by what is recorded
description:
  - Runs C(php artisan migrate --force) in the application's folder, without a shell. It is a
    success when every name in O(migrations) is recorded afterwards, or without names, when nothing
    is pending. A migration that passes itself over (C(shouldRun()), Laravel 12.4 and later) stays
    pending and is no failure.
  - "Success and RV(ignore:changed) are read from the migrations table, before and after, not from
    the exit code: C(artisan migrate) exits with 0 as well when a lock kept it from running, when a
    migration skipped itself, when C(--graceful) swallowed an error, and when it found nothing to
    do."
options:
  migrations:
    description: Names that must be recorded afterwards.
    type: list
    elements: str
    default: []
  arguments:
    description:
      - Further arguments of the command. C(--path) narrows what must not be pending afterwards to
        the migrations in these places. With C(--pretend) the exit code decides.
    type: list
    elements: str
    default: []
  ids_above:
    description:
      - Tables made anew, each with the C(old) one in whose place it came. When all is migrated,
        C(AUTO_INCREMENT) of each is set above every id that the old one has had, so that no new row
        is taken for an old one. Only metadata changes; one that counts above already, does not
        count, or could not give out a higher id is left alone.
      - With nothing pending artisan is then not run.
    type: list
    elements: dict
    default: []
    suboptions:
      table:
        description: The table made anew.
        type: str
        required: true
      old:
        description: The one that was renamed away.
        type: str
        required: true
notes:
  - With check mode nothing is run. What would be refused is refused, and what would change is told.
  - The explicit O(database_host) and its neighbours say how this module reads the migrations
    table; artisan itself uses the application's own configuration. Both must name the same schema.
attributes:
  check_mode:
    support: full
    description: Inspects and does not run.
  diff_mode:
    support: none
    description: RV(effect) says what changed.
extends_documentation_fragment:
  - connection
  - artisan
  - artisan.sources
  - artisan.waiting
  - inspect
  - refusal
seealso:
  - module: artisan
  - module: migration_rollback
author:
  - The fix_fk authors
"""

EXAMPLES = r"""
- name: Run the pending migrations
  migrate:
    laravel_path: /home/app/gaspul_api
    migrations:
      - 2026_01_25_000000_total_refactor_skp_system
"""

RETURN = r"""
rc:
  description: Exit code of artisan. One that is not 0, of a command that had its effect all the
    same, is told as a warning.
  returned: when artisan was run
  type: int
  sample: 0
stdout:
  description: What it wrote, without the database password.
  returned: success, and failure after artisan was run
  type: str
stderr:
  description: What it wrote as errors, without the database password.
  returned: success, and failure after artisan was run
  type: str
effect:
  description:
    - Migrations that are C(recorded) and C(forgotten) now and were not before, and whether the
      application was down C(before) and is C(after). In check mode, what is expected.
    - C(skipped), where there are any, are migrations that passed themselves over.
    - C(since) and C(until) are M(maintenance)'s, and null here.
  returned: success, and failure after artisan was run
  type: dict
  sample:
    recorded: [2026_01_25_000000_x]
    forgotten: []
    maintenance: {before: true, after: true, since: null, until: null}
queries:
  description: The commands and SQL that were run, or in check mode would be.
  returned: success, and failure after artisan was run
  type: list
  elements: str
  sample: [php artisan migrate --force]
undo:
  description: The commands that take it back.
  returned: success, and failure after artisan was run
  type: list
  elements: str
  sample: [php artisan migrate:rollback --step=1 --force]
schema:
  description: What M(fk_constraint_info) returns, read after the command.
  returned: with O(inspect), except in check mode
  type: dict
ids:
  description: "Of O(ids_above): whether it C(changed) a table, the C(queries) that did, and the SQL
    that takes them back as C(undo)."
  returned: with O(ids_above), except in check mode
  type: dict
  sample:
    changed: true
    queries: ["ALTER TABLE `skp_tahunan` AUTO_INCREMENT = 501"]
    undo: ["ALTER TABLE `skp_tahunan` AUTO_INCREMENT = 1"]
seconds:
  description: How long artisan ran.
  returned: success, and failure after artisan was run
  type: float
  sample: 0.21
"""

from ansible.module_utils.fix_fk.laravel.command import COMMAND_SPEC, SOURCES_SPEC, WAITING_SPEC
from ansible.module_utils.fix_fk.laravel.migrate import Migrate
from ansible.module_utils.fix_fk.server.connection import connected_module, take_lock


def main():
    module = connected_module(
        {
            "migrations": {"type": "list", "elements": "str", "default": []},
            "arguments": {"type": "list", "elements": "str", "default": []},
            "ids_above": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "table": {"type": "str", "required": True},
                    "old": {"type": "str", "required": True},
                },
            },
            **SOURCES_SPEC,
            **WAITING_SPEC,
            **COMMAND_SPEC,
        },
        needs_application=True,
        supports_check_mode=True,
    )
    task = Migrate(module, "migrate")
    task.refuse("The name of a migration is empty" if "" in module.params["migrations"] else None)
    take_lock(module)
    task.migrate()
    task.leave()


if __name__ == "__main__":
    main()
