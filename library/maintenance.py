#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""Into maintenance mode, and out of it."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: maintenance
short_description: Take a Laravel application down for maintenance, or up again
description:
  - Runs C(php artisan down) or C(php artisan up) in the application's folder, without a shell.
  - Success and RV(ignore:changed) are read from the maintenance state, before and after, not from
    the exit code.
options:
  state:
    description:
      - V(down) enters maintenance mode and notes beside Laravel's own file
        (C(storage/framework/down_by_fix_fk.json)) that a run has begun, whether it was the one
        that took the application down, and with O(contents) the content of every table.
      - V(up) leaves maintenance mode and removes that note.
    type: str
    choices: [down, up]
    required: true
  arguments:
    description: Further arguments of the command.
    type: list
    elements: str
    default: []
  run_id:
    description: "With V(down): the run, noted in the marker."
    type: str
  migration:
    description: "With V(down): the migration that this is done for, noted in the marker."
    type: str
  contents:
    description:
      - "With V(down): return the structure of every table, read after the application went down;
        the number of rows and a digest of those that O(expected) touches, and a mark of the others.
        Without C(expected.touched) all tables are read."
    type: bool
    default: false
  expected:
    description:
      - "With V(down) and O(contents): what is to come of all that, noted with it for the run that
        goes on with this one should it be interrupted."
    type: dict
  only_own:
    description:
      - "With V(up): leave maintenance mode only if this module entered it; the run's note is
        removed in any case."
    type: bool
    default: false
  ends_run:
    description:
      - Let go of the schema's lock afterwards, so that another O(run) can begin.
    type: bool
    default: false
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
  - inspect
  - refusal
seealso:
  - module: artisan
  - module: run_lock
author:
  - The fix_fk authors
"""

EXAMPLES = r"""
- name: Enter maintenance mode
  maintenance:
    laravel_path: /home/app/gaspul_api
    state: down
    arguments: ["--retry=60"]
    run_id: "{{ run_id }}"
    migration: 2026_01_25_000000_total_refactor_skp_system

- name: Leave maintenance mode, if this tool entered it
  maintenance:
    laravel_path: /home/app/gaspul_api
    state: up
    only_own: true
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
    - Also C(since) when this module has it down, though an earlier call may have taken it down, and
      C(until) when it came up. Both are seconds since 1970 by the clock of the host, or null.
  returned: success, and failure after artisan was run
  type: dict
  sample:
    recorded: []
    forgotten: []
    maintenance: {before: false, after: true, since: 1769760900.25, until: null}
queries:
  description: The commands and SQL that were run, or in check mode would be.
  returned: success, and failure after artisan was run
  type: list
  elements: str
  sample: [php artisan down]
undo:
  description: The commands that take it back.
  returned: success, and failure after artisan was run
  type: list
  elements: str
  sample: [php artisan up]
schema:
  description: What M(fk_constraint_info) returns, read after the command.
  returned: with O(inspect), except in check mode
  type: dict
contents:
  description: C(rows), C(digest) and C(columns) by table, of the tables whose rows were read.
  returned: with O(contents=true), except in check mode
  type: dict
  sample: {users: {rows: 500, digest: 0f3a, columns: [email, id]}}
marks:
  description:
    - "What tells later whether a table was written, of the others: C(tables), by table the time of
      the last write and of when it was made (seconds since 1970), its number and its first and last
      rows; C(server), C(since), C(moment) and C(room), by which it is seen whether the server can
      tell. Also why tables were read as a whole: C(why) by table, and C(whole) for all of them."
  returned: with O(contents=true), except in check mode
  type: dict
structure:
  description: Of every table what M(fk_constraint_info) returns as C(structure).
  returned: with O(contents=true), except in check mode
  type: dict
run_ended:
  description: Whether the schema's lock was let go.
  returned: with O(ends_run=true), success, except in check mode
  type: bool
seconds:
  description: How long artisan ran.
  returned: success, and failure after artisan was run
  type: float
  sample: 0.21
"""

from ansible.module_utils.fix_fk.laravel.command import COMMAND_SPEC
from ansible.module_utils.fix_fk.laravel.window import Window
from ansible.module_utils.fix_fk.server.connection import connected_module, take_lock


def main():
    module = connected_module(
        {
            "state": {"type": "str", "choices": ["down", "up"], "required": True},
            "arguments": {"type": "list", "elements": "str", "default": []},
            "run_id": {"type": "str"},
            "migration": {"type": "str"},
            "contents": {"type": "bool", "default": False},
            "expected": {"type": "dict"},
            "only_own": {"type": "bool", "default": False},
            "ends_run": {"type": "bool", "default": False},
            **COMMAND_SPEC,
        },
        needs_application=True,
        supports_check_mode=True,
    )
    state = module.params["state"]
    window = Window(module, state)
    window.refuse("The name of a migration is empty" if module.params["migration"] == "" else None)
    # Maintenance mode can be lifted when the database does not answer.
    take_lock(module, needed=False)
    if state == "down":
        window.down()
    else:
        window.up()
    window.leave()


if __name__ == "__main__":
    main()
