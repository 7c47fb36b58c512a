# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""Runs the recorded migrations on an empty schema."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "plugin_utils"))
from fix_fk import clone, learning
from fix_fk.acting import Acting, options_of

DOCUMENTATION = r"""
name: replay
author: fix_fk contributors
short_description: Run the recorded migrations on an empty scratch schema
version_added: 0.2.0
description:
  - Returns O(laravel) as RV(laravel), with what the migrations made there as C(replay), or with
    where that ended as C(replay_error). The scratch schema is dropped, however that ends.
  - Pending migrations that decide by what they find are then run as well, there and on a clone of
    the definitions as they are now. What they sent is C(learned).
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
    description: Where the clone is, as M(schema_clone) takes it.
    type: str
    default: same
  other:
    description: The server for O(server=other), as M(schema_clone) takes it.
    type: dict
  careful:
    description:
      - Whether to leave the recorded migrations alone where one of them names what may reach out of
        the schema.
    type: bool
    default: false
"""


class ActionModule(Acting):
    OPTIONS = options_of(DOCUMENTATION)

    def act(self, given: dict) -> dict:
        where = {"server": given["server"], "other": given["other"]}
        laravel = given["laravel"]
        scratch = clone.Clone(self.send, laravel, given["schema"], given["connection"], where)
        learns = learning.to_learn(laravel, given["schema"]["name"])
        return {"laravel": clone.replay(scratch, laravel, learns, given["careful"])}
