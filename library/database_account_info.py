#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""What an administrator's account sees of an application's account and of its schema."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: database_account_info
short_description: See which accounts, rights and schema an application has on its server
description:
  - Logs in as an administrator (O(database_user)) and reads the accounts of the application's name
    and of no name, what each may do, and whether the schema is there. Writes nothing.
options:
  user:
    description: Name of the application's account.
    type: str
    required: true
notes:
  - The schema is O(database_name). It is not selected, so that it may be missing.
attributes:
  check_mode:
    support: full
    description: Only reads.
  diff_mode:
    support: none
    description: There is nothing to show.
extends_documentation_fragment:
  - connection
  - refusal
seealso:
  - module: database_account
author:
  - The fix_fk authors
"""

EXAMPLES = r"""
- name: See what the application may do
  database_account_info:
    database_socket: /run/mysqld/mysqld.sock
    database_user: root
    database_name: gaspulco_lkbkanwil
    user: gaspul_user
"""

RETURN = r"""
accounts:
  description: C(user), C(host) and C(plugin) of the accounts of this name and of no name.
  returned: success
  type: list
  elements: dict
  sample: [{user: gaspul_user, host: localhost, plugin: mysql_native_password}]
schema:
  description: Its C(charset) and C(collation); null when it is not there.
  returned: success
  type: dict
  sample: {charset: utf8mb4, collation: utf8mb4_unicode_ci}
literally:
  description: Whether C(_) and C(%) in the schema of a GRANT stand for themselves.
  returned: success
  type: bool
  sample: false
grants:
  description: What SHOW GRANTS says of each account of this name, by its host.
  returned: success
  type: dict
  sample: {localhost: ["GRANT USAGE ON *.* TO `gaspul_user`@`localhost`"]}
"""

import contextlib
import dataclasses

from ansible.module_utils.fix_fk.server.connection import (
    ADMINISTRATOR,
    connect,
    connected_module,
    resolve,
)
from ansible.module_utils.fix_fk.server.errors import database_errors


def read(cursor, user, schema):
    """Return {accounts, schema, literally, grants}, as RETURN says."""
    cursor.execute(
        "SELECT User, Host, plugin FROM mysql.user WHERE User IN (%s, '')",
        (user,),
    )
    accounts = [dict(zip(("user", "host", "plugin"), row)) for row in cursor.fetchall()]
    cursor.execute(
        "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME"
        " FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s",
        (schema,),
    )
    found = cursor.fetchone()
    cursor.execute("SHOW GLOBAL VARIABLES LIKE 'partial_revokes'")
    literally = cursor.fetchone()
    grants = {}
    for account in accounts:
        if account["user"] == user:
            cursor.execute("SHOW GRANTS FOR %s@%s", (user, account["host"]))
            grants[account["host"]] = [line for (line,) in cursor.fetchall()]
    return {
        "accounts": accounts,
        "schema": dict(zip(("charset", "collation"), found)) if found else None,
        "literally": bool(literally) and literally[1] in ("ON", "1"),
        "grants": grants,
    }


def main():
    module = connected_module({"user": {"type": "str", "required": True}}, supports_check_mode=True)
    parameters = dataclasses.replace(resolve(module), named=ADMINISTRATOR)
    connection = connect(module, parameters, database=None)
    errors = database_errors(module, parameters)
    with contextlib.closing(connection), errors, connection.cursor() as cursor:
        found = read(cursor, module.params["user"], parameters.database)
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
