# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""The PHP program with which modules ask a Laravel application."""

from __future__ import annotations

import os

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

DOCUMENTATION = r"""
name: laravel_probe
author: fix_fk contributors
short_description: The PHP program with which modules ask a Laravel application
version_added: 0.1.0
description:
  - Returns the text of C(module_utils/fix_fk/laravel/probe.php), about 25 kB, for the option
    O(laravel_probe) of the modules. Ansible itself sends only Python along with a module.
  - A module feeds it to PHP on standard input, so nothing is written to the target.
options:
  _terms:
    description: The program, V(probe) when not given, or V(patch), with which M(migration_patch)
      changes a migration's source.
"""

EXAMPLES = r"""
- name: Ask an application
  laravel_info:
    laravel_path: /home/gaspulco/gaspul_api
    laravel_probe: "{{ lookup('laravel_probe') }}"
"""

RETURN = r"""
_raw:
  description: One string, the text of the program.
  type: list
  elements: str
"""

FOLDER = os.path.join(
    os.path.dirname(os.path.realpath(__file__)),
    *("..", "..", "module_utils", "fix_fk", "laravel"),
)
PROGRAMS = ("probe", "patch")


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):  # noqa: ARG002 - Ansible's signature
        texts = []
        for name in terms or ["probe"]:
            if name not in PROGRAMS:
                raise AnsibleLookupError(f"There is no program {name}, but {', '.join(PROGRAMS)}")
            with open(os.path.join(FOLDER, f"{name}.php"), encoding="utf-8") as file:
                texts.append(file.read())
        return texts
