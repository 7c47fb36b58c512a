# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""Asks the server about an application and comes to a diagnosis, in one task."""

from __future__ import annotations

import os
import sys

from ansible.plugins.action import ActionBase

PLUGINS = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, os.path.join(PLUGINS, "plugin_utils"))
try:
    from fix_fk.inspection import inspect
except ImportError as error:
    # The filters say how to get it.
    if error.name != "sqlglot":
        raise
    inspect = None  # type: ignore[assignment]
finally:
    sys.path.pop(0)

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


FACTS = ("connection", "laravel", "schema", "inputs", "refusal")


class Unanswered(Exception):
    """The server could not be asked."""


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True
    _requires_connection = True
    _VALID_ARGS = frozenset((*FACTS, "judges", "predicts"))

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        if inspect is None:
            return result
        _, given = self.validate_argument_spec(
            {
                **{name: {"type": "dict"} for name in FACTS},
                "judges": {"type": "bool", "default": True},
                "predicts": {"type": "bool", "default": False},
            }
        )

        def ask(**options):
            answer = self._execute_module(
                module_name="fk_constraint_info",
                module_args={"connection": given["connection"], **options},
                task_vars=task_vars,
            )
            if answer.get("failed") or answer.get("unreachable"):
                raise Unanswered(answer)
            return answer["schema"]

        try:
            found = inspect(
                ask,
                given["laravel"],
                given["schema"],
                given["inputs"] or {},
                refusal=given["refusal"],
                judges=given["judges"],
                predicts=given["predicts"],
            )
        except Unanswered as stopped:
            return stopped.args[0]
        result.update(changed=False, **found.as_dict())
        return result
