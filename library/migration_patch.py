#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""What a migration's source would be without its fault."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: migration_patch
short_description: Read a Laravel migration's source, with changes where PHP's tokens say
description:
  - Returns the source of a migration's file, and what becomes of it with O(edits), which are made
    by PHP's own tokenizer. What is not certain is refused with its line.
  - Nothing is written.
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
    description: The migration's file.
    type: path
    required: true
  source:
    description: What to change in the place of what is in the file.
    type: str
  edits:
    description: What to change, as C(module_utils/fix_fk/laravel/patch.php) takes it.
    type: list
    elements: dict
    default: []
  program:
    description: The text of C(module_utils/fix_fk/laravel/patch.php), as P(laravel_probe#lookup)
      gives it.
    type: str
    required: true
attributes:
  check_mode:
    support: full
    description: Nothing is ever written.
  diff_mode:
    support: none
    description: RV(source) and RV(patched) tell the difference.
extends_documentation_fragment:
  - refusal
author:
  - The fix_fk authors
"""

EXAMPLES = r"""
- name: See what frees the names before the rename
  migration_patch:
    laravel_path: /home/app/gaspul_api
    path: /home/app/gaspul_api/database/migrations/2026_01_25_000000_x.php
    program: "{{ lookup('laravel_probe', 'patch') }}"
    edits: "{{ edits }}"
"""

RETURN = r"""
source:
  description: What is in the file.
  returned: success
  type: str
  sample: "<?php\n"
patched:
  description: What becomes of it, or null where an edit was not certain.
  returned: success
  type: str
  sample: "<?php\n"
lines:
  description: The line of each edit, before any was made.
  returned: success
  type: list
  elements: int
  sample: [11]
refused:
  description: The number of the C(edit) that is not certain, C(why), and the C(lines) in question.
  returned: success
  type: dict
  sample: null
"""

import base64
import json
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.fix_fk.laravel.php import excerpt, run_php
from ansible.module_utils.fix_fk.laravel.secrets import hider
from ansible.module_utils.fix_fk.refusal import refuse
from ansible.module_utils.fix_fk.server.connection import application_environment, conceal

# Seconds.
TIMEOUT = 60


def main():
    module = AnsibleModule(
        argument_spec={
            "laravel_path": {"type": "path", "required": True},
            "laravel_php": {"type": "str", "default": "php"},
            "laravel_env": {"type": "dict", "default": {}},
            "path": {"type": "path", "required": True},
            "source": {"type": "str"},
            "edits": {"type": "list", "elements": "dict", "default": []},
            "program": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    conceal(module)
    source = read(module)
    answer = {"source": source, "lines": []}
    if module.params["edits"]:
        given = module.params["source"]
        answer = edited(module, source if given is None else given)
    patched = answer.get("source")
    refused = answer.get("refused")
    if patched is not None and php(module, ["-l"], patched)["rc"] != 0:
        patched, refused = None, {"edit": 0, "why": "PHP could not read it", "lines": []}
    module.exit_json(
        changed=False,
        source=source,
        patched=patched,
        lines=answer.get("lines") or [],
        refused=refused,
    )


def read(module):
    """Return the text of the file."""
    path = module.params["path"]
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        why = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else error.strerror
        return refuse(
            module, f"{path} cannot be read: {why}.", "Log in as the user who owns the application"
        )


def edited(module, source):
    """Return what the program answers."""
    with tempfile.TemporaryFile() as answer:
        request = {
            "descriptor": answer.fileno(),
            "source": source,
            "edits": module.params["edits"],
        }
        encoded = base64.b64encode(json.dumps(request).encode()).decode()
        program = module.params["program"].replace("@REQUEST@", encoded)
        result = php(module, ["-d", "display_errors=stderr"], program, (answer.fileno(),))
        answer.seek(0)
        told = answer.read().decode("utf-8", "replace")
    if not told:
        hide = hider(module, module.params["laravel_path"], application_environment(module))
        said = excerpt(hide(result["stderr"] or result["stdout"]))
        why = f"the program that changes it ended: {said}"
        return {"refused": {"edit": 0, "why": why, "lines": []}}
    return json.loads(told)


def php(module, arguments, source, descriptors=()):
    given = module.params
    return run_php(
        module,
        given["laravel_path"],
        given["laravel_php"],
        application_environment(module),
        arguments,
        TIMEOUT,
        source=source,
        descriptors=descriptors,
    )


if __name__ == "__main__":
    main()
