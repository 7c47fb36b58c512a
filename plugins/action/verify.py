# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""Goes through the checklist."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "plugin_utils"))
from fix_fk import checklist
from fix_fk.acting import Acting, options_of

DOCUMENTATION = r"""
name: verify
author: fix_fk contributors
short_description: Go through the runbook's checklist
version_added: 0.2.0
description:
  - Asks the application and the server, and returns RV(checks), one for each line of the checklist.
    Nothing is changed.
options:
  connection:
    description: How to connect, as the modules take it.
    type: dict
    required: true
  expected:
    description: What is to be true.
    type: dict
    required: true
  laravel:
    description: What M(laravel_info) returned before.
    type: dict
    required: true
  inputs:
    description: What the operator decides.
    type: dict
    required: true
  plan:
    description: What was carried out. Without it contents are not compared.
    type: dict
  before:
    description: The content of every table before it.
    type: dict
  structure:
    description: The structure of every table before it.
    type: dict
  marks:
    description: The marks of the tables before it whose content is not known.
    type: dict
  volatile:
    description: Tables that may change meanwhile.
    type: list
    elements: str
    default: []
  route_pattern:
    description: Routes whose address or name contains this must exist.
    type: str
    default: ""
"""


class ActionModule(Acting):
    OPTIONS = options_of(DOCUMENTATION)

    def act(self, given: dict) -> dict:
        send = self.sender(given.pop("connection"))
        expected, laravel, inputs = (given.pop(name) for name in ("expected", "laravel", "inputs"))
        return {"checks": checklist.go_through(send, expected, laravel, inputs, **given)}
