# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a module of library/ in this process."""

from __future__ import annotations

import contextlib
import importlib
import io
import json

import pytest
from ansible.module_utils.testing import patch_module_args


def run_module(name, check_mode=False, diff=False, **arguments):
    """Run the module `name`; arguments of None are left out.

    Returns what it returns, with failed added.
    """
    given = {key: value for key, value in arguments.items() if value is not None}
    given.update(_ansible_check_mode=check_mode, _ansible_diff=diff)
    output = io.StringIO()
    with contextlib.ExitStack() as stack:
        stack.enter_context(patch_module_args(given))
        stack.enter_context(contextlib.redirect_stdout(output))
        stack.enter_context(pytest.raises(SystemExit))
        importlib.import_module(name).main()
    result = json.loads(output.getvalue())
    # As Ansible judges it: without a word about failure, by the exit code it was told.
    return {"failed": result.get("rc", 0) != 0, **result}
