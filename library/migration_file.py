#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""A migration's file, in place only when PHP can read it."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: migration_file
short_description: Write the file of a Laravel migration
description:
  - Lets the application's own PHP check the source (C(php -l)) before the file gets its name, and
    gives it the owner and mode of the other migrations.
  - A file that is there is replaced only when O(marker) is in it, or it is O(expected); somebody's
    own work stays.
options:
  laravel_path:
    description: Folder of the application.
    type: path
    required: true
  laravel_php:
    description: PHP's command line program.
    type: str
    default: php
  laravel_env:
    description: Environment variables for PHP, besides those of the login.
    type: dict
    default: {}
  path:
    description: The file.
    type: path
    required: true
  content:
    description: The PHP source.
    type: str
    required: true
  marker:
    description: Text by which a file that this module may replace is known; it is in O(content).
    type: str
  expected:
    description: What is in the file that may be replaced. One that is there with anything else but
      O(content) is refused.
    type: str
attributes:
  check_mode:
    support: full
    description: Checks the source and does not write.
  diff_mode:
    support: full
    description: Shows the source before and after.
extends_documentation_fragment:
  - refusal
author:
  - The fix_fk authors
"""

EXAMPLES = r"""
- name: Put the migration beside the others
  migration_file:
    laravel_path: /home/app/gaspul_api
    path: /home/app/gaspul_api/database/migrations/2026_01_30_000000_fix_keys.php
    content: "{{ lookup('ansible.builtin.template', 'fix_migration.php.j2') }}"
    marker: Rendered by playbooks/permanent_fix.yml
"""

RETURN = r"""
exists:
  description: Whether the file was there before.
  returned: success
  type: bool
  sample: false
ours:
  description: Whether it was there with O(marker) in it, or as O(expected).
  returned: success
  type: bool
  sample: false
queries:
  description: What was done, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: [write /home/app/gaspul_api/database/migrations/2026_01_30_000000_fix_keys.php]
undo:
  description: The commands that take it back; none for a file that was rendered before.
  returned: success
  type: list
  elements: str
  sample: [rm /home/app/gaspul_api/database/migrations/2026_01_30_000000_fix_keys.php]
"""

import os
import shlex
import stat

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.fix_fk.laravel.files import write
from ansible.module_utils.fix_fk.laravel.php import excerpt, run_php
from ansible.module_utils.fix_fk.laravel.secrets import hider
from ansible.module_utils.fix_fk.refusal import refuse
from ansible.module_utils.fix_fk.server.connection import (
    application_environment,
    conceal,
)

# Seconds.
LINT_TIMEOUT = 60


def main():
    module = AnsibleModule(
        argument_spec={
            "laravel_path": {"type": "path", "required": True},
            "laravel_php": {"type": "str", "default": "php"},
            "laravel_env": {"type": "dict", "default": {}},
            "path": {"type": "path", "required": True},
            "content": {"type": "str", "required": True},
            "marker": {"type": "str"},
            "expected": {"type": "str"},
        },
        required_one_of=[("marker", "expected")],
        mutually_exclusive=[("marker", "expected")],
        supports_check_mode=True,
    )
    conceal(module)
    given, environment = module.params, application_environment(module)
    path, content = given["path"], given["content"]
    lint = run_php(
        module,
        given["laravel_path"],
        given["laravel_php"],
        environment,
        ["-l"],
        LINT_TIMEOUT,
        source=content,
    )
    if lint["rc"] != 0:
        hide = hider(module, given["laravel_path"], environment)
        refuse(
            module,
            f"PHP cannot read what was to become {path}: "
            f"{excerpt(hide(lint['stderr'] or lint['stdout']))}.",
            "See that laravel_php is the PHP that the application runs on",
        )
    try:
        before = read(path)
    except OSError as error:
        refuse(
            module,
            f"{path} cannot be read: {error.strerror}.",
            "Log in as the user who owns the application",
        )
    exists = before is not None
    if given["marker"]:
        ours = exists and given["marker"] in before
    else:
        ours = exists and before in (content, given["expected"])
        if not ours:
            refuse(
                module,
                f"{path} is not what it was a moment ago.",
                "See who changes the code",
            )
    result: dict = {"changed": before != content and (ours or not exists), "exists": exists}
    result.update(ours=ours, queries=[], undo=[])
    result["diff"] = {"before": before or "", "after": content if result["changed"] else before}
    if result["changed"]:
        result["queries"].append(f"write {path}")
        if not exists:
            result["undo"].append(shlex.join(["rm", path]))
        if not module.check_mode:
            try:
                put(path, content)
            except OSError as error:
                refuse(
                    module,
                    f"{path} could not be written: {error.strerror}.",
                    "Log in as the user who owns the application",
                )
    module.exit_json(**result)


def read(path):
    """Return the file's text, or None when there is none. Raises OSError."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return None


def put(path, content):
    """Write the file in one step, with its neighbours' owner and mode. Raises OSError."""
    folder = os.path.dirname(path)
    like = os.stat(path if os.path.exists(path) else folder)
    # Of the folder's mode, what a file can have: read and write.
    write(path, content, like, stat.S_IMODE(like.st_mode) & 0o666)


if __name__ == "__main__":
    main()
