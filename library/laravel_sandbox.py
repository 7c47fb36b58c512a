#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""States of the sandbox: one folder with a server, a Laravel application and the incident."""

from __future__ import annotations

DOCUMENTATION = r"""
module: laravel_sandbox
short_description: Disposable server and Laravel application with a failing migration
description:
  - Builds, breaks and removes one folder that holds an embedded server (own data folder,
    own socket, a free TCP port on 127.0.0.1, run by the calling user) and a Laravel application
    that uses it. Nothing outside that folder is touched, except a short private folder for the
    socket when the path of the folder is too deep for one (107 bytes).
  - Needs Debian's mariadb-server-core, mariadb-client, php-laravel-framework and php-mysql, or a
    folder of C(scripts/suite) with them or with MySQL's, and PyMySQL for the Python that runs the
    module.
options:
  state:
    description:
      - V(present) brings the server up and the schema as migrated before the failing release and
        seeded; the release's migrations are pending. Whatever was done to the sandbox is undone.
      - V(broken) does the same and then runs C(php artisan migrate --force), which fails for real.
        Each call breaks it anew, so it always reports a change.
      - V(stopped) stops the server and keeps the files.
      - V(absent) stops the server and deletes the folder.
    type: str
    choices: [present, broken, stopped, absent]
    default: present
  dir:
    description:
      - Folder of the sandbox. A folder that holds something and is not a sandbox is refused.
    type: path
    required: true
  source:
    description:
      - Folder with C(application) (the application as deployed, with an C(.env.example) that names
        database and account) and C(release) (the files of the release that fails).
    type: path
    required: true
  suite:
    description:
      - Folder made by C(scripts/suite), from which server, clients, PHP and Laravel are taken.
        Without it they are this machine's own.
    type: path
  server_suite:
    description:
      - The same for the server and its clients, where they are to be of another suite than PHP and
        Laravel.
    type: path
  php:
    description:
      - The PHP program. By default the suite's, or the one on the PATH.
    type: str
attributes:
  check_mode:
    support: none
    description: Building a sandbox cannot be foretold; the module is skipped.
extends_documentation_fragment:
  - refusal
author:
  - The fix_fk authors (@fix_fk)
"""

EXAMPLES = r"""
- name: Bring the incident back
  laravel_sandbox:
    state: broken
    dir: /home/me/fix_fk/.sandbox
    source: "{{ role_path }}/files"
"""

RETURN = r"""
sandbox:
  description: Where things are. Absent after O(state=stopped) and O(state=absent).
  returned: when state is present or broken
  type: dict
  contains:
    app:
      description: Folder of the application, the value for C(laravel_path).
      type: str
    php:
      description: The PHP program, the value for C(laravel_php).
      type: str
    path:
      description: The PATH on which the server's clients are found first.
      type: str
    socket:
      description: Socket of the server.
      type: str
    port:
      description: TCP port of the server on 127.0.0.1.
      type: int
    database:
      description: Name of the application's database.
      type: str
migrate:
  description: The migration that failed.
  returned: when state is broken
  type: dict
  contains:
    rc:
      description: Exit code of artisan, not 0.
      type: int
    stdout:
      description: What artisan said.
      type: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.fix_fk.refusal import refuse
from ansible.module_utils.fix_fk.sandbox.server import Suite
from ansible.module_utils.fix_fk.sandbox.states import Sandbox, SandboxError


def main():
    module = AnsibleModule(
        argument_spec={
            "state": {
                "type": "str",
                "choices": ["present", "broken", "stopped", "absent"],
                "default": "present",
            },
            "dir": {"type": "path", "required": True},
            "source": {"type": "path", "required": True},
            "suite": {"type": "path"},
            "server_suite": {"type": "path"},
            "php": {"type": "str"},
        },
    )
    given = module.params
    result = {}
    try:
        sandbox = Sandbox(
            given["dir"],
            given["source"],
            php=given["php"],
            suite=Suite(given["suite"]),
            server_suite=Suite(given["server_suite"] or given["suite"]),
        )
        if given["state"] == "broken":
            migrate = sandbox.broken()
            result = {
                "changed": True,
                "migrate": {"rc": migrate.returncode, "stdout": migrate.stdout},
            }
        else:
            result = {"changed": getattr(sandbox, given["state"])()}
        if given["state"] in ("present", "broken"):
            result["sandbox"] = {
                "app": sandbox.app,
                "php": sandbox.php,
                "path": sandbox.server.suite.path,
                "socket": sandbox.socket,
                "port": sandbox.port,
                "database": sandbox.database,
            }
    except (SandboxError, OSError) as error:
        refuse(
            module,
            f"The sandbox in {given['dir']} could not be made {module.params['state']}. {error}",
            "Correct that",
            "",
        )
    module.exit_json(**result)


if __name__ == "__main__":
    main()
