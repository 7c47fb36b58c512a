# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""Takes one step of a plan."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "plugin_utils"))
from fix_fk import carrying_out
from fix_fk.acting import Acting, options_of
from fix_fk.steps import arguments

DOCUMENTATION = r"""
name: take_step
author: fix_fk contributors
short_description: Take one step of a plan on the application's schema
version_added: 0.2.0
description:
  - Runs on the host what carries the step out, with the arguments that the plan has for it, and
    returns what that returned. Skipped where the plan does not have the step.
options:
  step:
    description: The step's id.
    type: str
    required: true
  plan:
    description: The diagnosis with its steps.
    type: dict
    required: true
  connection:
    description: How to connect, as the modules take it.
    type: dict
    required: true
  waits:
    description: C(lock_wait_timeout), in seconds, and C(retries), where they are not the defaults.
    type: dict
    default: {}
"""


class ActionModule(Acting):
    OPTIONS = options_of(DOCUMENTATION)

    def act(self, given: dict) -> dict:
        if arguments(given["plan"], given["step"]) is None:
            return {"skipped": True}
        waits = {name: int(value) for name, value in given["waits"].items()}
        return carrying_out.take(
            self.sender(given["connection"]), given["plan"], given["step"], waits, self.tell
        )

    def tell(self, result: dict) -> None:
        """Show how far a step has come that takes more than one call."""
        self._display.display(f"    {carrying_out.so_far(result)}")
