# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""Asks the server about an application and comes to a diagnosis, in one task."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "plugin_utils"))
from fix_fk.acting import Acting, options_of
from fix_fk.inspection import inspect

DOCUMENTATION = r"""
name: inspect
author: fix_fk contributors
short_description: Ask the server about an application, and come to a diagnosis
version_added: 0.2.0
description:
  - Runs M(fk_constraint_info) on the host as often as it takes, and judges on the controller.
    Nothing is changed.
  - Returns RV(schema) (that of M(fk_constraint_info)), RV(database) (the same for every host that
    uses it), RV(diagnosis) (verdict, evidence, plan or refusal) and RV(prediction). What was not
    asked for is null.
options:
  connection:
    description: How to connect, as M(fk_constraint_info) takes it.
    type: dict
  laravel:
    description: What M(laravel_info) returned. Without it nothing is asked.
    type: dict
  schema:
    description: What M(laravel_info) returned of a small schema, which is then not asked again.
    type: dict
  inputs:
    description: What the operator decides.
    type: dict
    default: {}
  refusal:
    description: A diagnosis that makes asking pointless.
    type: dict
  judges:
    description: Whether to come to a diagnosis.
    type: bool
    default: true
  predicts:
    description:
      - Whether to foresee what the pending migrations will run into whatever the diagnosis is.
        Otherwise that is done where none has failed.
    type: bool
    default: false
"""


class ActionModule(Acting):
    OPTIONS = options_of(DOCUMENTATION)

    def act(self, given: dict) -> dict:
        send = self.sender(given["connection"])
        return inspect(
            lambda **options: send("fk_constraint_info", **options)["schema"],
            given["laravel"],
            given["schema"],
            given["inputs"],
            refusal=given["refusal"],
            judges=given["judges"],
            predicts=given["predicts"],
        ).as_dict()
