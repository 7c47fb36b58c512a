#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""What a developer needs to see of an application and its schema, without secrets and rows."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: support_info
short_description: Collect errors, definitions and facts for a developer, secrets taken out
description:
  - Returns, as texts, the definitions of everything in the application's schema (no rows), the
    facts about its constraints, and the last SQLSTATE errors of the application's log.
  - What is secret is taken out here, on the target, which is the only place that knows it. That is
    the database's password and every value of C(.env) whose key has C(KEY), C(SECRET), C(PASS),
    C(TOKEN), C(DSN) or C(CREDENTIAL) in it or that is a URL with a password. It is also taken out
    of O(texts), which come from the controller. A text that still holds one is left out.
  - What can be known is returned when the database or the application does not answer.
options:
  texts:
    description: Texts by name that are to have secrets taken out as well.
    type: dict
    default: {}
  errors:
    description: How many of the last errors of the log to return.
    type: int
    default: 10
  missing:
    description: What is known to be missing already, in words. Secrets are taken out of it.
    type: list
    elements: str
    default: []
notes:
  - The last errors hold their statement as it was logged, with its values. RV(errors) is meant for
    the action of the role support_bundle, which takes them out.
attributes:
  check_mode:
    description: It changes nothing.
    support: full
extends_documentation_fragment:
  - connection
  - refusal
seealso:
  - module: laravel_info
  - module: fk_constraint_info
author:
  - The fix_fk authors
"""

EXAMPLES = r"""
- name: Collect what a developer asks for
  support_info:
    laravel_path: /home/gaspulco/gaspul_api
  register: __info
"""

RETURN = r"""
files:
  description:
    - O(texts), and by name C(schema.sql), the definitions of tables, views, triggers, routines and
      events, and C(constraints.json), what M(fk_constraint_info) returns for the whole schema,
      without the statements of other sessions.
  returned: success
  type: dict
  sample: {schema.sql: "CREATE TABLE `users` ..."}
errors:
  description: The last errors, oldest first, as C(time), C(message) and C(migration).
  returned: success
  type: list
  elements: dict
missing:
  description: O(missing), and what could not be collected, with the reason.
  returned: success
  type: list
  elements: str
secrets:
  description: How many different secrets were looked for.
  returned: success
  type: int
"""

import glob
import json
import os

from ansible.module_utils.fix_fk.laravel.log import last_errors
from ansible.module_utils.fix_fk.laravel.probe import passwords, probe
from ansible.module_utils.fix_fk.laravel.secrets import (
    SHORT,
    known,
    longest_first,
    without,
)
from ansible.module_utils.fix_fk.refusal import paragraph
from ansible.module_utils.fix_fk.schema.inspect import (
    CONNECTING,
    EVERYTHING,
    describe_schema,
)
from ansible.module_utils.fix_fk.schema.objects import show_create
from ansible.module_utils.fix_fk.schema.sql import rows_of
from ansible.module_utils.fix_fk.server.connection import (
    application_environment,
    connected_module,
    load_pymysql,
    open_connection,
    resolve,
    take_password,
)
from ansible.module_utils.fix_fk.server.errors import explain


def main():
    module = connected_module(
        {
            "texts": {"type": "dict", "default": {}},
            "errors": {"type": "int", "default": 10},
            "missing": {"type": "list", "elements": "str", "default": []},
        },
        needs_application=True,
        supports_check_mode=True,
    )
    given = module.params
    texts = dict(given["texts"])
    # They are returned as `files`, and long.
    given["texts"] = sorted(texts)
    environment = application_environment(module)
    secrets = known(given["laravel_path"], environment) | {take_password(module) or ""}

    missing = list(given["missing"])
    # Not shown as they came: they may hold what is to be taken out.
    given["missing"] = []
    facts = probe(
        module,
        given["laravel_path"],
        given["laravel_php"],
        environment,
        given["database_connection"],
        ends=False,
    )
    if "refused" in facts:
        missing.append(f"schema.sql and constraints.json: {facts['refused']}")
        logs = glob.glob(os.path.join(given["laravel_path"], "storage", "logs", "*.log"))
    else:
        logs = facts["logs"]
        secrets |= passwords(facts)
        texts.update(describe(module, facts["connection"], secrets, missing))
    errors = last_errors(logs, given["errors"])
    secrets = longest_first(secrets)
    module.exit_json(
        changed=False,
        files=clean(texts, secrets, missing),
        errors=[dict(error, message=without(error["message"], secrets)) for error in errors],
        missing=[without(reason, secrets) for reason in missing],
        secrets=len(secrets),
    )


def describe(module, connection, secrets, missing):
    """Return {file name: text} of what the server tells; what it does not goes to missing."""
    if connection["driver"] not in ("mysql", "mariadb"):
        missing.append(f"schema.sql and constraints.json: the driver is {connection['driver']}")
        return {}
    parameters = resolve(module)
    secrets.add(parameters.password)
    pymysql = load_pymysql(module)
    try:
        with open_connection(pymysql, parameters, **CONNECTING) as server:
            facts = describe_schema(server, parameters.database, EVERYTHING, pymysql)
            for lock in facts["locks"] or ():
                # Of another session, with its values.
                lock.pop("statement", None)
            definitions = ["-- Definitions only, no rows."]
            if facts["exists"]:
                server.select_db(facts["name"])
                for kind, name in objects(server, facts):
                    definitions.append(definition(server, facts["name"], kind, name, pymysql))
    except (OSError, RuntimeError, ValueError, pymysql.MySQLError) as error:
        missing.append(
            f"schema.sql and constraints.json: {paragraph(**explain(parameters, error))}"
        )
        return {}
    return {
        "constraints.json": json.dumps(facts, indent=2, sort_keys=True, ensure_ascii=False) + "\n",
        "schema.sql": "\n\n".join(definitions) + "\n",
    }


def objects(server, facts):
    """Return (kind, name) of everything in the schema that has a definition."""
    found = [("TABLE", name) for name in facts["tables"]]
    found += [("VIEW", name) for name in facts["views"]]
    for kind, query in (
        ("TRIGGER", "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA"),
        ("EVENT", "SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA"),
    ):
        found += [(kind, row[0]) for row in rows_of(server, f"{query} = %s", (facts["name"],))]
    found += rows_of(
        server,
        "SELECT ROUTINE_TYPE, ROUTINE_NAME FROM information_schema.ROUTINES"
        " WHERE ROUTINE_SCHEMA = %s ORDER BY ROUTINE_TYPE, ROUTINE_NAME",
        (facts["name"],),
    )
    return found


def definition(server, schema, kind, name, pymysql):
    """Return the CREATE statement of one object, or a comment that says why there is none."""
    try:
        text = show_create(server, schema, kind, name)
    except pymysql.MySQLError as error:
        return f"-- {kind} {name!r}: {error.args[-1]}"
    return f"{text};" if text else f"-- {kind} {name!r}: the account may not see its definition"


def clean(texts, secrets, missing):
    """Return texts without secrets; one that still holds any is named in missing instead."""
    cleaned = {}
    for name, text in texts.items():
        text = without(text, secrets)
        if any(secret in text for secret in secrets if len(secret) >= SHORT):
            missing.append(f"{name}: a secret could not be taken out of it")
        else:
            cleaned[name] = text
    return cleaned


if __name__ == "__main__":
    main()
