# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""Carries a plan out on a clone first."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "plugin_utils"))
from fix_fk import clone
from fix_fk.acting import Acting, options_of

from ansible.module_utils.fix_fk.refusal import refused  # isort: skip

DOCUMENTATION = r"""
name: rehearse
author: fix_fk contributors
short_description: Carry a plan out on a clone of the schema first
version_added: 0.2.0
description:
  - Clones the schema, takes the steps of the plan on the clone, goes through the checklist there,
    and drops the clone, however that ends. Where a step or a check fails and the plan has another
    strategy of rolling back, that is tried.
  - Returns RV(plan) (the one that holds), RV(rehearsal) (how it went) and RV(unproven) (the
    strategies of rolling back that do not hold, and why). Fails when none holds.
options:
  plan:
    description: The diagnosis with its steps.
    type: dict
    required: true
  laravel:
    description: What M(laravel_info) returned.
    type: dict
    required: true
  schema:
    description: What M(fk_constraint_info) returned.
    type: dict
    required: true
  connection:
    description: How to connect, as the modules take it.
    type: dict
    required: true
  server:
    description: Where the clone is, as M(schema_clone) takes it.
    type: str
    default: same
  other:
    description: The server for O(server=other), as M(schema_clone) takes it.
    type: dict
  inputs:
    description: What the operator decides.
    type: dict
    required: true
  required:
    description: Whether there must be a clone.
    type: bool
    default: false
  route_pattern:
    description: Routes whose address or name contains this must exist.
    type: str
    default: ""
"""


class ActionModule(Acting):
    OPTIONS = options_of(DOCUMENTATION)

    def act(self, given: dict) -> dict:
        where = {"server": given["server"], "other": given["other"]}
        laravel, schema = given["laravel"], given["schema"]
        plan, rehearsal, unproven = clone.proven(
            lambda: clone.Clone(self.send, laravel, schema, given["connection"], where),
            laravel,
            schema,
            given["plan"],
            given["inputs"],
            given["route_pattern"],
        )
        result = {"plan": plan, "rehearsal": rehearsal, "unproven": unproven}
        if rehearsal["failed"]:
            told = {name: rehearsal[name] for name in ("msg", "refusal")}
            return {**result, **told, "failed": True}
        if rehearsal["refused"] and given["required"]:
            told = refused(
                f"rehearsal_required is set, and there can be no clone: {rehearsal['refused']}.",
                "Correct that, or leave rehearsal_required out",
            )
            return {**result, **told, "failed": True}
        return result
