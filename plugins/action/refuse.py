# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""Ends a play as a module does that expected a failure."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "plugin_utils"))
from fix_fk.acting import Acting, options_of

from ansible.module_utils.fix_fk.refusal import refused  # isort: skip

DOCUMENTATION = r"""
name: refuse
author: fix_fk contributors
short_description: Stop, and say what was found, what was done and what is next
version_added: 0.2.0
description:
  - Fails, with RV(refusal) and RV(msg) as the modules of this project have them. When it is to be
    done, C(when) says. Runs on the controller; the target is not contacted.
options:
  found:
    description: What stands in the way, in sentences.
    type: str
    required: true
  did:
    description: What was done until then, a sentence, or nothing where others tell that.
    type: str
    default: Nothing was changed.
  next:
    description: What to do.
    type: str
    required: true
  again:
    description: Whether the same is to be run again after that; then O(next) has no final stop.
    type: bool
    default: false
"""

RETURN = r"""
msg:
  description: All of it in words.
  returned: always
  type: str
refusal:
  description: The same apart, C(found), C(did), C(next) and C(again).
  returned: always
  type: dict
"""


class ActionModule(Acting):
    OPTIONS = options_of(DOCUMENTATION)

    def act(self, given: dict) -> dict:
        told = refused(given["found"], given["next"], given["did"], given["again"])
        return {**told, "failed": True}
