#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""What an administrator's account does for an application's."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: database_account
short_description: Create an application's schema or account, or give it a password or rights
description:
  - Logs in as an administrator (O(database_user)) and sends the statements of one step, in order.
    Nothing is sent after one that fails.
options:
  statements:
    description:
      - The statements. Where V('<password>') stands in one, quotes included, the server gets
        O(password). It is shown and returned as it stands here.
    type: list
    elements: str
    required: true
  password:
    description: The password of the application's account.
    type: str
notes:
  - The schema is O(database_name). It is not selected, so that it may be missing.
  - Idempotent, no. What is there already is for M(database_account_info) to see.
attributes:
  check_mode:
    support: full
    description: Nothing is sent.
  diff_mode:
    support: none
    description: RV(queries) has the statements.
extends_documentation_fragment:
  - connection
  - refusal
seealso:
  - module: database_account_info
author:
  - The fix_fk authors
"""

EXAMPLES = r"""
- name: Create the application's account
  database_account:
    database_socket: /run/mysqld/mysqld.sock
    database_user: root
    database_name: gaspulco_lkbkanwil
    statements: ["CREATE USER 'gaspul_user'@'localhost' IDENTIFIED BY '<password>'"]
    password: "{{ vault_password }}"
"""

RETURN = r"""
queries:
  description: What was sent, or in check mode would be, without the password.
  returned: always
  type: list
  elements: str
  sample: ["CREATE USER 'gaspul_user'@'localhost' IDENTIFIED BY '<password>'"]
"""

import contextlib
import dataclasses

from ansible.module_utils.fix_fk.refusal import refuse
from ansible.module_utils.fix_fk.server.connection import (
    ADMINISTRATOR,
    connect,
    connected_module,
    resolve,
)
from ansible.module_utils.fix_fk.server.errors import database_errors

PASSWORD = "'<password>'"  # noqa: S105 - what stands for one


def main():
    module = connected_module(
        {
            "statements": {"type": "list", "elements": "str", "required": True},
            "password": {"type": "str", "no_log": True},
        },
        supports_check_mode=True,
    )
    statements, password = module.params["statements"], module.params["password"]
    if not password and any(PASSWORD in statement for statement in statements):
        refuse(module, "The password of the account is missing.", "Give password", queries=[])
    if module.check_mode:
        module.exit_json(changed=bool(statements), queries=statements)
    parameters = dataclasses.replace(resolve(module), named=ADMINISTRATOR)
    connection = connect(module, parameters, database=None)
    sent: list = []
    result = {"queries": sent}
    errors = database_errors(module, parameters, result)
    with contextlib.closing(connection), errors, connection.cursor() as cursor:
        for statement in statements:
            sent.append(statement)
            # No placeholder of PyMySQL's: a name may have a % in it.
            cursor.execute(statement.replace(PASSWORD, connection.literal(password)))
    module.exit_json(changed=bool(sent), **result)


if __name__ == "__main__":
    main()
