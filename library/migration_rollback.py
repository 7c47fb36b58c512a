#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""The rollback of exactly one migration."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: migration_rollback
short_description: Roll exactly one Laravel migration back
description:
  - Undoes one migration with C(php artisan migrate:rollback --step=1 --force), run in the
    application's folder without a shell.
  - "A migration that failed is not recorded. It is recorded in a batch of its own, higher than any
    (2000000000, so that a record left behind by an interrupted run is known for what it is), and
    C(migrate:rollback --step=1) then runs its C(down). If that did not happen, its record is
    removed again."
  - What its C(down) would send is learned first, while pretending; an error there stops it.
  - Success and RV(ignore:changed) are read from the migrations table, before and after, not from
    the exit code.
options:
  migration:
    description: Name of the migration.
    type: str
    required: true
  recorded:
    description:
      - The migration is one that ran and is recorded. It must be the one that C(--step=1) undoes.
    type: bool
    default: false
  expected_statements:
    description:
      - The SQL that its C(down) must be about to send, statement by statement. If it is another,
        nothing is done.
    type: list
    elements: str
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
  - artisan.waiting
  - inspect
  - refusal
seealso:
  - module: migrate
  - module: migration_record
author:
  - The fix_fk authors
"""

EXAMPLES = r"""
- name: Undo exactly the migration that failed
  migration_rollback:
    laravel_path: /home/app/gaspul_api
    migration: 2026_01_25_000000_total_refactor_skp_system
    expected_statements:
      - drop table if exists `skp_tahunan`
      - rename table `skp_tahunan_backup_v1` to `skp_tahunan`
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
    - C(since) and C(until) are M(maintenance)'s, and null here.
  returned: success, and failure after artisan was run
  type: dict
  sample:
    recorded: []
    forgotten: [2026_01_25_000000_x]
    maintenance: {before: true, after: true, since: null, until: null}
queries:
  description: The commands and SQL that were run, or in check mode would be.
  returned: success, and failure after artisan was run
  type: list
  elements: str
  sample: [php artisan migrate:rollback --step=1 --force]
undo:
  description: The commands that take it back.
  returned: success, and failure after artisan was run
  type: list
  elements: str
  sample: [php artisan migrate --force]
schema:
  description: What M(fk_constraint_info) returns, read after the command.
  returned: with O(inspect), except in check mode
  type: dict
seconds:
  description: How long artisan ran.
  returned: success, and failure after artisan was run
  type: float
  sample: 0.21
"""

from ansible.module_utils.fix_fk.laravel.command import COMMAND_SPEC, WAITING_SPEC
from ansible.module_utils.fix_fk.laravel.rollback import Rollback
from ansible.module_utils.fix_fk.server.connection import connected_module, take_lock


def main():
    module = connected_module(
        {
            "migration": {"type": "str", "required": True},
            "recorded": {"type": "bool", "default": False},
            "expected_statements": {"type": "list", "elements": "str"},
            **WAITING_SPEC,
            **COMMAND_SPEC,
        },
        needs_application=True,
        supports_check_mode=True,
    )
    task = Rollback(module, "migrate:rollback")
    task.refuse("The name of a migration is empty" if not module.params["migration"] else None)
    take_lock(module)
    task.roll_back()
    task.leave()


if __name__ == "__main__":
    main()
