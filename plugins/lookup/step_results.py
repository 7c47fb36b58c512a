# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""What the steps of a plan have returned so far."""

from __future__ import annotations

import re

from ansible.plugins.lookup import LookupBase

DOCUMENTATION = r"""
name: step_results
author: fix_fk contributors
short_description: What the steps of a plan have returned so far
version_added: 0.2.0
description:
  - Returns C({step: result}) of all that roles have registered as C(<role>_step_<id of the step>).
  - What stands for two steps has the result of the second under its id, as M(migrate) has C(ids).
    It counts where the plan has no such step of its own.
"""

EXAMPLES = r"""
- name: Tell which steps changed something
  ansible.builtin.debug:
    msg: "{{ lookup('step_results') | dict2items | selectattr('value.changed') }}"
"""

RETURN = r"""
_raw:
  description: One dictionary.
  type: list
  elements: dict
"""

REGISTERED = re.compile(r"[a-z_]+?_step_(\w+)")


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):  # noqa: ARG002 - Ansible's signature
        found = {}
        for name in variables or {}:
            match = REGISTERED.fullmatch(name)
            if match and not variables[name].get("skipped"):
                found[match[1]] = variables[name]
        ids = (found.get("remigrate") or {}).get("ids")
        return [{**({"ids": ids} if ids else {}), **found}]
