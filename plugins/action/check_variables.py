# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""Checks the operator's variables before anything is done."""

from __future__ import annotations

import functools
import sys
from pathlib import Path

from ansible.errors import AnsibleError, AnsibleValueOmittedError
from ansible.module_utils.common.yaml import yaml_load
from ansible.plugins.action import ActionBase
from ansible.utils.vars import load_extra_vars

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "plugin_utils"))
try:
    from fix_fk import variables
    from fix_fk.verdicts.before_inspection import bad_input
except ImportError as error:
    # The filters say how to get it.
    if error.name != "sqlglot":
        raise
    variables = None  # type: ignore[assignment]

DOCUMENTATION = r"""
name: check_variables
author: fix_fk contributors
short_description: Check the variables of roles before anything is done
version_added: 0.1.0
description:
  - Evaluates every variable that the roles say they take (C(meta/argument_specs.yml)) and returns,
    as RV(refusal), a diagnosis that names those with a value that they cannot have, or null. Works
    on the controller alone. What is not given, or null, is no problem unless it is required.
options:
  roles:
    description: Names of the roles that the playbook may come to use.
    type: list
    elements: str
    required: true
"""

ROLES = Path(__file__).resolve().parents[2] / "roles"


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True
    _requires_connection = False
    _VALID_ARGS = frozenset(("roles",))

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        result.update(changed=False, refusal=None, wrong=[])
        if variables is None:
            return result
        options = variables.merge([specs(role) for role in self._task.args["roles"]])
        unknown = self.unknown(task_vars)
        if unknown:
            result.update(
                refusal=bad_input(
                    ". ".join(unknown.values()), sorted(unknown.keys() - {"_raw_params"})
                ),
                wrong=list(unknown),
            )
            return result
        given = {name: task_vars[name] for name in options if name in task_vars}
        problems = variables.problems(options, self.evaluated(given))
        if problems:
            result.update(refusal=bad_input(". ".join(problems.values())), wrong=list(problems))
        return result

    def unknown(self, task_vars: dict) -> dict:
        """Return {variable: a sentence} of those that this tool does not know."""
        known = variables.merge([specs(role.name) for role in ROLES.iterdir()])
        inventory = task_vars["hostvars"].raw_get(task_vars["inventory_hostname"])
        place = Path(task_vars["playbook_dir"]).resolve()
        # A playbook of somebody else has variables of its own.
        ours = ROLES.parent in (place, *place.parents)
        extra = load_extra_vars(self._loader) if ours else {}
        others = self.evaluated({"others": task_vars.get("variables_of_others")})["others"]
        return variables.unknown(
            extra, inventory, known, others if isinstance(others, list) else ()
        )

    def evaluated(self, given: dict) -> dict:
        """Return the values that the templates come to, without what is omitted."""
        values = {}
        for name, raw in given.items():
            try:
                values[name] = self.value(raw)
            except AnsibleValueOmittedError:
                continue
            except AnsibleError as error:
                values[name] = self.unusable(raw, error)
        return values

    def value(self, raw):
        """Return what a template comes to. Raises AnsibleError, also for one with a comment in it:
        that has no use here, and a password would lose its middle without a word."""
        value = plain(self._templar.template(raw))
        pairs = [(raw, value)]
        if isinstance(raw, dict):
            pairs = [(part, value.get(key)) for key, part in raw.items()]
        for before, after in pairs:
            if isinstance(before, str) and "{#" in before and before != after:
                raise AnsibleError("what stands between {# and #} would be left out")
        return value

    def unusable(self, raw, error: AnsibleError):
        """Return why a value has none, and of a dictionary, at which key."""
        for key, part in raw.items() if isinstance(raw, dict) else ():
            try:
                self.value(part)
            except AnsibleError as inner:
                return variables.Unusable(told(inner), str(key), is_whole(part))
        return variables.Unusable(told(error), whole=is_whole(raw))


def told(error: AnsibleError) -> str:
    return " ".join(str(error).split()).rstrip(".")


def is_whole(raw) -> bool:
    """Whether a value is one template, as of a vault's variable, and not a text with braces."""
    text = str(raw).strip() if isinstance(raw, str) else ""
    return text.startswith("{{") and text.endswith("}}") and text.count("{{") == 1


def plain(value):
    """Return a value with all that is in it evaluated."""
    if isinstance(value, dict):
        return {plain(key): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value


@functools.lru_cache(maxsize=None)
def specs(role: str) -> dict:
    """Return what a role says it takes."""
    with open(ROLES / role / "meta" / "argument_specs.yml", encoding="utf-8") as file:
        return yaml_load(file)
