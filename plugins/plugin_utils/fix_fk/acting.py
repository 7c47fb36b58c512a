# SPDX-License-Identifier: GPL-3.0-or-later
"""What the action plugins of this project have in common."""

from __future__ import annotations

from typing import ClassVar

from ansible.module_utils.common.yaml import yaml_load
from ansible.plugins.action import ActionBase

from .carrying_out import Failed


def options_of(documentation: str) -> dict:
    """Return the options that a plugin's documentation names, as an argument specification."""
    return yaml_load(documentation)["options"]


class Acting(ActionBase):
    """An action that sends modules to the host and judges on the controller.

    OPTIONS are its own, as options_of() gives them. act() does the work and returns the result;
    where a module fails, its result is that of the task. `sent` in it names the modules.
    """

    TRANSFERS_FILES = False
    OPTIONS: ClassVar[dict] = {}
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(self.OPTIONS)
        self.task_vars = task_vars
        self.sent: list[str] = []
        try:
            result.update({"changed": False, **self.act(given), "sent": self.sent})
        except Failed as failed:
            return {**failed.result, "sent": self.sent}
        return result

    def act(self, given: dict) -> dict:
        raise NotImplementedError

    def send(self, module: str, **options) -> dict:
        """Run a module on the host; options of None are left out. Raises Failed."""
        self.sent.append(module)
        result = self._execute_module(
            module_name=module,
            module_args={name: value for name, value in options.items() if value is not None},
            task_vars=self.task_vars,
        )
        if result.get("failed") or result.get("unreachable"):
            raise Failed(result)
        return result

    def sender(self, connection: dict):
        """Return send() for modules that get this connection."""
        return lambda module, **options: self.send(module, connection=connection, **options)
