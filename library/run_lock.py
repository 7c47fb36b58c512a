#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""The lock that keeps two runs on one schema apart, taken and let go by itself."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: run_lock
short_description: Take or let go the lock that keeps two runs on one schema apart
description:
  - Every module of this project that writes takes the lock of its O(run) by itself. This one is for
    a run whose first step is done by another module, and for the end of a run.
  - Without O(run) there is no lock, and nothing is done.
options:
  state:
    description:
      - V(held) takes the lock, unless the run has it. It fails when another run has it; C(held_by)
        then says who.
      - V(released) lets the run's lock go, if it has it. No database connection is made for that.
    type: str
    choices: [held, released]
    default: held
notes:
  - Undo, the other state. Idempotent, yes.
attributes:
  check_mode:
    support: full
    description: Nothing is locked.
  diff_mode:
    support: none
    description: There is nothing to show.
extends_documentation_fragment:
  - connection
  - refusal
author:
  - The fix_fk authors
"""

EXAMPLES = r"""
- name: See that no other run is at work
  run_lock:
    laravel_path: /home/app/gaspul_api
    run:
      id: 20260130_081500_3f2a

- name: Let another run begin
  run_lock:
    laravel_path: /home/app/gaspul_api
    run:
      id: 20260130_081500_3f2a
    state: released
"""

RETURN = r"""
held_by:
  description: Who has the lock; C(run), C(host) and C(since) where the account may see it.
  returned: when another run has it
  type: dict
  sample: {run: 20260130_081500_3f2a, host: app1, since: "2026-01-30T08:15:02Z", connection: 42}
"""

from ansible.module_utils.fix_fk.server import one_run
from ansible.module_utils.fix_fk.server.connection import connected_module, take_lock


def main():
    module = connected_module(
        {"state": {"type": "str", "choices": ["held", "released"], "default": "held"}},
        supports_check_mode=True,
    )
    had = one_run.is_held(module)
    if module.params["state"] == "held":
        take_lock(module)
        module.exit_json(changed=one_run.is_held(module) and not had)
    module.exit_json(changed=one_run.release(module))


if __name__ == "__main__":
    main()
