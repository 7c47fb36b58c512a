#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""One artisan command."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: artisan
short_description: Run one Laravel artisan command
description:
  - Runs C(php artisan COMMAND --no-interaction --no-ansi) in the application's folder, without a
    shell. It is a success when it exits with 0, and changed when the migrations table (for
    C(migrate:*) and C(db:*)) or the maintenance state changed.
  - Commands that exit with 0 also when they did nothing have modules of their own, which judge them
    by their effect.
options:
  command:
    description:
      - The command. V(migrate:rollback) gets C(--force).
      - V(down), V(up) and V(migrate) are refused. See M(maintenance) and M(migrate).
    type: str
    required: true
  arguments:
    description: Further arguments of the command.
    type: list
    elements: str
    default: []
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
  - module: maintenance
  - module: migrate
  - module: migration_rollback
author:
  - The fix_fk authors
"""

EXAMPLES = r"""
- name: Clear the cached configuration
  artisan:
    laravel_path: /home/app/gaspul_api
    command: config:clear

- name: Seed the tables
  artisan:
    laravel_path: /home/app/gaspul_api
    command: db:seed
    arguments: [--force]
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
    forgotten: []
    maintenance: {before: true, after: true, since: null, until: null}
queries:
  description: The commands and SQL that were run, or in check mode would be.
  returned: success, and failure after artisan was run
  type: list
  elements: str
  sample: [php artisan config:clear]
undo:
  description: The commands that take it back.
  returned: success, and failure after artisan was run
  type: list
  elements: str
  sample: []
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

from ansible.module_utils.fix_fk.laravel.command import (
    COMMAND_SPEC,
    SOURCES_SPEC,
    WAITING_SPEC,
    Command,
)
from ansible.module_utils.fix_fk.server.connection import connected_module, take_lock

# The modules that judge these by their effect.
ELSEWHERE = {"down": "maintenance", "up": "maintenance", "migrate": "migrate"}


def main():
    module = connected_module(
        {
            "command": {"type": "str", "required": True},
            "arguments": {"type": "list", "elements": "str", "default": []},
            **SOURCES_SPEC,
            **WAITING_SPEC,
            **COMMAND_SPEC,
        },
        needs_application=True,
        supports_check_mode=True,
    )
    name = module.params["command"]
    task = Command(module, name)
    problem = None
    if not name or name.startswith("-") or not name.isprintable():
        problem = f"command is {name!r}, which is not the name of an artisan command"
    elif name in ELSEWHERE:
        problem = f"command is {name}, which is for the module {ELSEWHERE[name]}"
    task.refuse(problem)
    about_migrations = name.split(":")[0] in ("migrate", "db")
    take_lock(module, needed=about_migrations)
    task.ask()
    options = ["--force"] if name == "migrate:rollback" else []
    if about_migrations:
        task.open()
        options += task.database_option()
    task.only_run([name, *options, *module.params["arguments"]])
    task.leave()


if __name__ == "__main__":
    main()
