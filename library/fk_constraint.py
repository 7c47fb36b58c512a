#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""Foreign keys present or absent by name, with the SQL that takes the change back."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: fk_constraint
short_description: Drop or add foreign keys of a MySQL or MariaDB schema by name
description:
  - With O(state=absent), drops foreign keys from whichever tables hold their names; with
    O(state=present), adds them and verifies that they exist.
  - Many in one call. Everything is looked at and refused before the first statement is sent.
  - Names are compared as the server compares them, without regard to case.
  - A statement waits O(lock_wait_timeout) seconds for other connections, is sent again O(retries)
    times, and then the module fails and names who is in the way. It kills nobody.
  - A failure after the first statement returns RV(queries) and RV(undo) of what was done.
options:
  state:
    description:
      - Whether the constraints are to be there.
    type: str
    choices: [present, absent]
    default: present
  constraints:
    description:
      - The foreign keys.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Name of the constraint.
        type: str
        required: true
      table:
        description:
          - The table that has the constraint. Required with O(state=present).
          - With O(state=absent), the only table it may be dropped from; when another one holds the
            name, the module refuses. Left out, it is dropped from whichever table holds it.
        type: str
      columns:
        description:
          - Its columns, in order. Required with O(state=present), not looked at otherwise.
        type: list
        elements: str
      referenced_table:
        description:
          - The table referred to. Required with O(state=present), not looked at otherwise.
        type: str
      referenced_schema:
        description:
          - The schema of that table; the connection's own when left out.
        type: str
      referenced_columns:
        description:
          - The columns referred to, in the order of O(constraints[].columns). Required with
            O(state=present), not looked at otherwise.
        type: list
        elements: str
      on_delete:
        description:
          - What happens when a row that is referred to is deleted. Left out, the server's default
            is used, and a constraint with any rule will do.
        type: str
        choices: [RESTRICT, CASCADE, SET NULL, NO ACTION]
      on_update:
        description:
          - The same for a change of its key.
        type: str
        choices: [RESTRICT, CASCADE, SET NULL, NO ACTION]
  leave_out_orphans:
    description:
      - "With O(state=present): add the constraints that rows do not stand in the way of, and return
        the others in RV(left_out). Otherwise one such row is reason to refuse all."
    type: bool
    default: false
notes:
  - Dropping a foreign key leaves its index, which usually has the same name.
  - Adding one makes an index when no usable one is there; RV(undo) then drops it, too.
  - "From MariaDB 12.1 on, names belong to tables. There O(state=absent) without a table refuses
    when several tables hold the name."
  - C(foreign_key_checks) is on. Rows that refer to nothing are counted before anything is added.
attributes:
  check_mode:
    support: full
    description: Refuses what a real run would refuse; RV(queries) is what it would send.
  diff_mode:
    support: full
    description: The definitions before and after.
extends_documentation_fragment:
  - connection
  - locks
  - refusal
seealso:
  - module: fk_constraint_info
  - module: rename_back
author:
  - The fix_fk authors
"""

EXAMPLES = r"""
- name: Free the names, whichever tables hold them
  fk_constraint:
    laravel_path: /home/app/gaspul_api
    state: absent
    constraints:
      - name: fk_skp_tahunan_user
      - name: fk_skp_tahunan_approved_by

- name: Drop a constraint, but from this table only
  fk_constraint:
    laravel_path: /home/app/gaspul_api
    state: absent
    constraints:
      - name: fk_skp_tahunan_user
        table: skp_tahunan
    lock_wait_timeout: 2

- name: Put a constraint back
  fk_constraint:
    laravel_path: /home/app/gaspul_api
    constraints:
      - name: fk_skp_tahunan_user
        table: skp_tahunan
        columns: [user_id]
        referenced_table: users
        referenced_columns: [id]
        on_delete: CASCADE
"""

RETURN = r"""
queries:
  description: The statements that were sent and took effect; in check mode those that would be.
  returned: always, once the schema has been read
  type: list
  elements: str
  sample: ["ALTER TABLE `skp_tahunan` DROP FOREIGN KEY `fk_skp_tahunan_user`"]
undo:
  description: The statements that put everything back, in the order in which to run them.
  returned: always, once the schema has been read
  type: list
  elements: str
  sample: ["ALTER TABLE `skp_tahunan` ADD CONSTRAINT `fk_skp_tahunan_user` FOREIGN KEY (`user_id`)
    REFERENCES `users` (`id`) ON DELETE CASCADE"]
left_out:
  description: With O(leave_out_orphans=true), the constraints that were not added, as rows refer to
    nothing.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Its name.
      type: str
    table:
      description: The table that was to have it.
      type: str
    rows:
      description: How many rows of that table refer to nothing.
      type: int
    reason:
      description: That in words, with the query that shows them and the first values.
      type: str
constraints:
  description: The foreign keys that were dropped (absent), or that are there now (present; in
    check mode, that would be).
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Its name as the server spells it.
      type: str
    table:
      description: The table that has, or had, it.
      type: str
    columns:
      description: Its columns in order.
      type: list
      elements: str
    referenced_schema:
      description: Schema of the table referred to.
      type: str
    referenced_table:
      description: The table referred to.
      type: str
    referenced_columns:
      description: The columns referred to, in the order of columns.
      type: list
      elements: str
    on_update:
      description: Rule, such as V(RESTRICT).
      type: str
    on_delete:
      description: Rule, such as V(CASCADE).
      type: str
"""

import contextlib
from dataclasses import asdict

from ansible.module_utils.fix_fk.refusal import refuse
from ansible.module_utils.fix_fk.schema.constraints import (
    RULES,
    Refusal,
    Schema,
    add,
    agreeing,
    drop,
    failed,
    sentence,
    to_add,
    to_drop,
    verify,
    wish,
)
from ansible.module_utils.fix_fk.schema.sql import quote_identifier, rows_of
from ansible.module_utils.fix_fk.server.connection import (
    connect,
    connected_module,
    load_pymysql,
    resolve,
)
from ansible.module_utils.fix_fk.server.errors import database_errors
from ansible.module_utils.fix_fk.server.locks import (
    LOCK_SPEC,
    execute,
    waits_of,
)


def main():
    module = connected_module(
        dict(
            state={"type": "str", "choices": ["present", "absent"], "default": "present"},
            constraints={
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "table": {"type": "str"},
                    "columns": {"type": "list", "elements": "str"},
                    "referenced_table": {"type": "str"},
                    "referenced_schema": {"type": "str"},
                    "referenced_columns": {"type": "list", "elements": "str"},
                    "on_delete": {"type": "str", "choices": RULES},
                    "on_update": {"type": "str", "choices": RULES},
                },
            },
            leave_out_orphans={"type": "bool", "default": False},
            **LOCK_SPEC,
        ),
        writes=True,
        supports_check_mode=True,
    )
    state, wanted = module.params["state"], module.params["constraints"]
    waits = waits_of(module)
    parameters = resolve(module)
    timeout = module.params["lock_wait_timeout"]
    connection = connect(module, parameters, lock_wait_timeout=timeout)
    pymysql = load_pymysql(module)
    with contextlib.closing(connection), database_errors(module, parameters):
        # A server's own default may be off, and then it would add what does not hold.
        rows_of(connection, "SET SESSION foreign_key_checks = 1")
        schema = Schema(connection, parameters.database, pymysql)
        queries: list[str] = []
        undo: list[str] = []
        left_out: list[dict] | None = [] if module.params["leave_out_orphans"] else None
        try:
            keys = (
                to_drop(schema, wanted) if state == "absent" else to_add(schema, wanted, left_out)
            )
        except (Refusal, ValueError) as error:
            found, next_ = error.args if isinstance(error, Refusal) else (error, "Correct the name")
            refuse(module, f"{sentence(found)}.", next_, queries=queries, undo=undo)
        for key in keys:
            change = drop if state == "absent" else add
            statement, back = change(schema, key)
            if not module.check_mode:
                indexes = schema.indexes(key.table)
                try:
                    execute(connection, statement, waits, pymysql)
                except pymysql.MySQLError as error:
                    refuse(
                        module,
                        **failed(module, schema, key, statement, error, queries),
                        changed=bool(queries),
                        queries=queries,
                        undo=undo,
                    )
                made = sorted(schema.indexes(key.table) - indexes) if state == "present" else []
                back += "".join(f", DROP INDEX {quote_identifier(name)}" for name in made)
            queries.append(statement)
            undo.insert(0, back)
        if not module.check_mode:
            verify(module, schema, state, keys, queries, undo)
        if state == "present":
            without = {(item["name"], item["table"]) for item in left_out or ()}
            wanted = [want for want in wanted if (want["name"], want["table"]) not in without]
            there = [agreeing(schema, want) for want in wanted]
            keys = [key or wish(schema, want) for key, want in zip(there, wanted)]
    texts = "".join(
        f"{back if state == 'absent' else text};\n" for text, back in zip(queries, reversed(undo))
    )
    diff = {"before": "", "after": texts} if state == "present" else {"before": texts, "after": ""}
    module.exit_json(
        changed=bool(queries),
        queries=queries,
        undo=undo,
        constraints=[asdict(key) for key in keys],
        left_out=left_out or [],
        diff=diff,
    )


if __name__ == "__main__":
    main()
