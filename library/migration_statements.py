#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""What migrations send, learned by running them in a scratch schema."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: migration_statements
short_description: Run Laravel migrations in a scratch schema and note what they send
description:
  - Runs C(up) of each migration in a clone that M(schema_clone) has made, in order, to the first
    that fails, and notes every statement that it sends through Laravel. They see what is there;
    C(artisan migrate --pretend), which answers every question with nothing, does not show what
    they decide by that.
  - "A schema that is no clone is refused. While a migration runs, no other database connection can
    be opened, and no statement is sent that names another schema, or of which that cannot be seen.
    Logging, mail and the queue lead nowhere."
options:
  migrations:
    description: Names of the migrations, in the order in which to run them.
    type: list
    elements: str
    required: true
notes:
  - Nothing is recorded in the migrations table.
  - Laravel 8.72 or later.
attributes:
  check_mode:
    support: full
    description: Nothing is run.
  diff_mode:
    support: none
    description: RV(sent) says what was sent.
extends_documentation_fragment:
  - connection
  - artisan
  - inspect
  - refusal
seealso:
  - module: schema_clone
  - module: migrate
author:
  - The fix_fk authors
"""

EXAMPLES = r"""
- name: See what a migration really sends
  migration_statements:
    laravel_path: /home/app/gaspul_api
    laravel_env:
      DB_DATABASE: gaspulco_lkbkanwil__fix_fk_1a2b_20260130_081500_3f2a
    migrations:
      - 2026_01_25_000000_total_refactor_skp_system
"""

RETURN = r"""
sent:
  description:
    - By migration, its C(statements), each with its C(sql), values filled in, and whether it was
      C(done). C(error) is why C(up) ended early, or null, and C(line) where in the file; the
      migrations after that one are not here. C(unseen) is how many statements that write were sent
      past Laravel, and C(stopped) why it was not let go on, or null.
  returned: success, except in check mode
  type: dict
  sample:
    2026_01_25_000000_x:
      statements: [{sql: "alter table `a` add `b` int null", done: true}]
      error: null
      line: null
      unseen: 0
      stopped: null
schema:
  description: What M(fk_constraint_info) returns, read afterwards.
  returned: with O(inspect), except in check mode
  type: dict
"""

from ansible.module_utils.fix_fk.laravel.command import COMMAND_SPEC
from ansible.module_utils.fix_fk.laravel.sent import Sent
from ansible.module_utils.fix_fk.server.connection import connected_module, take_lock


def main():
    module = connected_module(
        {"migrations": {"type": "list", "elements": "str", "required": True}, **COMMAND_SPEC},
        needs_application=True,
        supports_check_mode=True,
    )
    task = Sent(module, "migrate")
    task.refuse()
    take_lock(module)
    task.learn()
    task.leave()


if __name__ == "__main__":
    main()
