#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""One value of an application's .env."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: env_file
short_description: Set one value in the .env of a Laravel application
description:
  - Quotes the value so that Laravel reads back exactly what was given, whatever characters are in
    it, and changes nothing else in the file.
  - The file is replaced in one step and keeps its mode, owner and group. Where C(.env) is a link
    (releases that share one), the file that it points at is changed.
  - No value of the file is ever shown or returned.
options:
  path:
    description: The file. It must exist.
    type: path
    required: true
  key:
    description: Name of the variable. It is added at the end when the file does not have it.
    type: str
    required: true
  value:
    description: The value. It may have any character but NUL. It is never shown or returned.
    type: str
    required: true
  backup:
    description:
      - Keep the file as it was beside it, as C(.env.before_fix_fk_YYYYMMDD_HHMMSS), with the same
        mode and owner.
    type: bool
    default: true
notes:
  - A real environment variable of the same name, and a cached configuration, win over C(.env).
attributes:
  check_mode:
    support: full
    description: Inspects and does not write.
  diff_mode:
    support: none
    description: It would show values.
seealso:
  - module: laravel_info
extends_documentation_fragment:
  - refusal
author:
  - The fix_fk authors
"""

EXAMPLES = r"""
- name: Put the new password into .env
  env_file:
    path: /home/app/gaspul_api/.env
    key: DB_PASSWORD
    value: "{{ vault_database_password }}"
"""

RETURN = r"""
path:
  description: The file, links followed.
  returned: success
  type: str
  sample: /home/app/gaspul_api/.env
backup:
  description: The file as it was; null when nothing changed, in check mode, or without O(backup).
  returned: success
  type: str
  sample: /home/app/gaspul_api/.env.before_fix_fk_20260130_101500
queries:
  description: What was done, without the value.
  returned: success
  type: list
  elements: str
  sample: ["set DB_PASSWORD in /home/app/gaspul_api/.env (value not shown)"]
undo:
  description: The commands that take it back.
  returned: success
  type: list
  elements: str
  sample: [cp -p .env.before_fix_fk_20260130_101500 .env]
"""

import contextlib
import os
import shlex
import stat
import time

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.fix_fk.laravel.dotenv import get, put
from ansible.module_utils.fix_fk.laravel.files import write
from ansible.module_utils.fix_fk.laravel.secrets import SHOWN
from ansible.module_utils.fix_fk.refusal import refuse


def main():
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "key": {"type": "str", "required": True, "no_log": False},
            "value": {"type": "str", "required": True, "no_log": True},
            "backup": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    key, value = module.params["key"], module.params["value"]
    # As in connection.resolve(): it is not returned, and must not be blotted out of the paths.
    module.params["value"] = SHOWN
    module.no_log_values.discard(value)
    path = os.path.realpath(module.params["path"])
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            text = file.read()
        wanted = text if get(text, key) == value else put(text, key, value)
    except OSError as error:
        refuse(
            module,
            f"{path} cannot be read: {error.strerror}.",
            "See that laravel_path is the folder of the application and that this user may read "
            "its .env",
        )
    except ValueError as error:
        refuse(module, f"{key} was not set in {path}: {error}.", "Correct that")
    result: dict = {"changed": wanted != text, "path": path, "backup": None}
    result.update(queries=[], undo=[])
    if result["changed"]:
        result["queries"].append(f"set {key} in {path} (value not shown)")
    if result["changed"] and not module.check_mode:
        try:
            if module.params["backup"]:
                result["backup"] = keep(path, text)
                result["undo"].append(shlex.join(["cp", "-p", result["backup"], path]))
            replace(path, wanted)
        except OSError as error:
            if result["backup"]:
                with contextlib.suppress(OSError):
                    os.unlink(result["backup"])
            refuse(
                module,
                f"{path} could not be replaced: {error.strerror}.",
                "Log in as the user who owns the file and its folder",
            )
    module.exit_json(**result)


def keep(path, text):
    """Write text beside path under a name that is not taken; return it. Raises OSError."""
    name = f"{path}.before_fix_fk_{time.strftime('%Y%m%d_%H%M%S')}"
    taken = 0
    while os.path.lexists(name + (f"_{taken}" if taken else "")):
        taken += 1
    name += f"_{taken}" if taken else ""
    _write(path, text, name)
    return name


def replace(path, text):
    """Give path this content in one step. Raises OSError."""
    _write(path, text, path)


def _write(path, text, name):
    """Write text to a file called name, with the mode and owner of path."""
    like = os.stat(path)
    write(name, text, like, stat.S_IMODE(like.st_mode))


if __name__ == "__main__":
    main()
