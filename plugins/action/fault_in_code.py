# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""Proves the fault in an application's code, and the patch that ends it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "plugin_utils"))
from fix_fk import clone
from fix_fk.acting import Acting, options_of
from fix_fk.case import Case
from fix_fk.facts import Laravel
from fix_fk.inputs import read_inputs
from fix_fk.proving import Proving

DOCUMENTATION = r"""
name: fault_in_code
author: fix_fk contributors
short_description: Prove the fault in an application's code, and the patch that ends it
version_added: 0.2.0
description:
  - Runs all migrations on an empty scratch schema. Where they do not get through, the migration at
    which they stop is changed by M(migration_patch), and what comes of it is run on three scratch
    schemas, an empty one, one at the state before that migration, and one where it has run. Only
    where all end with equal definitions there is a RV(code.patch).
  - The scratch schemas are dropped, however that ends. No file is written.
  - Returns RV(code), C(refused) (why nothing could be proven), C(fault), C(now) (what stops the
    pending migrations on the schema as it is, where an empty one is fine), C(patch), C(proof),
    C(advice) (what to change by hand, where no patch is certain) and C(lines).
options:
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
    description: Where the scratch schemas are, as M(schema_clone) takes it.
    type: str
    default: same
  other:
    description: The server for O(server=other), as M(schema_clone) takes it.
    type: dict
  inputs:
    description: What the operator decides.
    type: dict
    required: true
  program:
    description: The PHP program of M(migration_patch).
    type: str
    required: true
"""


class ActionModule(Acting):
    OPTIONS = options_of(DOCUMENTATION)

    def act(self, given: dict) -> dict:
        where = {"server": given["server"], "other": given["other"]}
        laravel, schema, connection = given["laravel"], given["schema"], given["connection"]
        scratch = clone.Clone(self.send, laravel, schema, connection, where)
        case = Case(Laravel(laravel), schema, read_inputs(given["inputs"]))
        stopped = bool(case.half_run(case.laravel.pending))
        php = {
            name: connection.get(name) for name in ("laravel_path", "laravel_php", "laravel_env")
        }

        def patched(**options) -> dict:
            return self.send("migration_patch", program=given["program"], **php, **options)

        return {"code": Proving(scratch, schema, stopped, patched).prove()}
