#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""A copy of one schema, on the same server or on another one, for the time of a rehearsal."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: schema_clone
short_description: Clone a MySQL or MariaDB schema into a scratch schema
description:
  - Makes a schema C(SCHEMA__fix_fk_HHHH_RUN) with the tables, views, triggers and routines of the
    connection's schema and the rows of its migrations table, or drops that clone again. On the same
    server no row travels; to another one rows go in batches, byte for byte.
  - Events are never created in it, since they would run.
  - Views, triggers and routines are made without their definer. What names the schema itself, so
    that it would reach out of the clone, and what the account may not make, is left out and named
    in RV(clone.left_out).
  - "With O(laravel_env_clone), the application is asked first whether its connection can be pointed
    at the clone by environment variables, server included. When it cannot, or when the account may
    not do what is needed, nothing is made and RV(clone.refused) says why."
  - "Another server must be of the live one's kind and of its version (major and minor), must not be
    the live one, and no replica."
  - "The name of the clone has in it four digits that tell the live schema from others of that name,
    and the O(run); where that would be too long, a digest of it."
  - Clones that killed runs left behind are dropped first. With the lock of a O(run) it is certain
    that none of these is at work.
options:
  state:
    description: Make the clone, or drop it.
    type: str
    choices: [present, absent]
    default: present
  level:
    description:
      - V(structure) copies definitions and the rows of O(migrations_table) only; V(full) all rows,
        from one moment of each table, without locking them.
      - V(empty) makes an empty schema.
    type: str
    choices: [empty, structure, full]
    default: structure
  server:
    description:
      - "Where the clone is: on the V(same) server; on an V(embedded) one, that is started for it
        from what is on this machine, with a folder and a socket that only this user gets into, and
        without TCP; or on O(other)."
      - An embedded server ends with O(state=absent), with the next clone of the same schema, or by
        itself after six hours. Its folder goes with it.
    type: str
    choices: [same, embedded, other]
    default: same
  other:
    description: The server for O(server=other), and the account that may make the clone there.
    type: dict
    suboptions:
      host:
        description: Host name or address.
        type: str
        default: 127.0.0.1
      port:
        description: TCP port.
        type: int
        default: 3306
      socket:
        description: Path of its Unix socket, used instead of host and port.
        type: path
      user:
        description: The account.
        type: str
        required: true
      password:
        description: The account's password. It is never shown or returned.
        type: str
        default: ""
  migrations_table:
    description: Name of the migrations table, with its prefix.
    type: str
    default: migrations
  laravel_env_clone:
    description:
      - Environment variables with which the application uses the clone.
    type: dict
    default: {}
  kept_columns:
    description:
      - "The columns that RV(clone.contents) covers, of tables that lose others afterwards, as
        C({table: [columns]})."
    type: dict
    default: {}
  window_tables:
    description: The tables whose rows are read in the window, for RV(clone.digest); without it all.
    type: list
    elements: str
  expected:
    description:
      - With O(state=absent), the RV(clone.untouched) of the call that made the clone. If the
        schema is another now, the module fails after it has dropped the clone.
    type: str
notes:
  - The statements are replicated, like all others, except on an embedded server.
  - Undo, O(state=absent). Idempotent, yes (a clone is made anew). Atomic, no.
attributes:
  check_mode:
    support: full
    description: Nothing is made or dropped.
  diff_mode:
    support: none
    description: RV(clone) says what was made.
extends_documentation_fragment:
  - connection
  - refusal
seealso:
  - module: schema_restore
author:
  - The fix_fk authors
"""

EXAMPLES = r"""
- name: Clone the definitions
  schema_clone:
    laravel_path: /home/app/gaspul_api
    laravel_env_clone:
      DB_DATABASE: gaspulco_lkbkanwil__fix_fk_1a2b_20260130_081500_3f2a
  register: cloned

- name: Drop the clone, and see that the schema is as it was
  schema_clone:
    laravel_path: /home/app/gaspul_api
    state: absent
    expected: "{{ cloned.clone.untouched }}"
"""

RETURN = r"""
clone:
  description: What was made.
  returned: success
  type: dict
  contains:
    schema:
      description: Name of the clone.
      type: str
      sample: gaspulco_lkbkanwil__fix_fk_1a2b_20260130_081500_3f2a
    server:
      description: The server that it is on, in words; empty on the same one.
      type: str
      sample: an embedded server, MariaDB 10.11.6-MariaDB
    connection:
      description: With which of its options, but for the password, a module reaches another server.
      type: dict
      sample: {database_socket: /tmp/fix_fk_rehearsal_1000_0123456789abcdef/server.sock}
    refused:
      description: Why nothing was made, in a sentence, or null.
      type: str
    left_out:
      description: What the clone lacks, each with the reason.
      type: list
      elements: str
      sample: ["trigger catat: it names the schema itself"]
    contents:
      description: C(rows), C(digest) and C(columns) by table of the clone, with O(level=full).
      type: dict
    digest:
      description: How many C(rows) there are in O(window_tables), and in how many C(seconds) all of
        them are read and hashed once. Measured on the clone with O(level=full), where C(whole) are
        the seconds for all tables; estimated from a sample of the schema itself with
        O(level=structure), with the estimated rows of each table as C(tables).
      type: dict
      sample: {"rows": 6473, "seconds": 0.08, "tables": {"users": 300}}
    structure:
      description: Of every table of the clone what M(fk_constraint_info) returns as C(structure).
      type: dict
    untouched:
      description: Digest over the definitions and the recorded migrations of the schema that was
        cloned.
      type: str
    seconds:
      description: How long it took.
      type: float
queries:
  description: The statements that were sent; those that copy tables in one line.
  returned: success
  type: list
  elements: str
  sample: ["CREATE DATABASE `gaspulco_lkbkanwil__fix_fk_1a2b_20260130_081500_3f2a`"]
"""

import contextlib

from ansible.module_utils.fix_fk.laravel.secrets import SHOWN
from ansible.module_utils.fix_fk.scratch.clone import Clone
from ansible.module_utils.fix_fk.scratch.servers import (
    Embedded,
    Other,
)
from ansible.module_utils.fix_fk.server.connection import (
    ConnectionParameters,
    connect,
    connected_module,
    resolve,
)
from ansible.module_utils.fix_fk.server.errors import database_errors

# Seconds that it waits for a lock: a clone is no reason to stand in anybody's way.
LOCK_WAIT_TIMEOUT = 2


def main():
    module = connected_module(
        {
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "level": {
                "type": "str",
                "choices": ["empty", "structure", "full"],
                "default": "structure",
            },
            "server": {
                "type": "str",
                "choices": ["same", "embedded", "other"],
                "default": "same",
            },
            "other": {
                "type": "dict",
                "options": {
                    "host": {"type": "str", "default": "127.0.0.1"},
                    "port": {"type": "int", "default": 3306},
                    "socket": {"type": "path"},
                    "user": {"type": "str", "required": True},
                    "password": {"type": "str", "default": "", "no_log": True},
                },
            },
            "migrations_table": {"type": "str", "default": "migrations"},
            "laravel_env_clone": {"type": "dict", "default": {}},
            "kept_columns": {"type": "dict", "default": {}},
            "window_tables": {"type": "list", "elements": "str"},
            "expected": {"type": "str"},
        },
        writes=True,
        supports_check_mode=True,
        required_if=[("server", "other", ("other",))],
    )
    given, place, ended = module.params, None, False
    absent = given["state"] == "absent"
    if given["server"] == "embedded":
        place = Embedded(given["laravel_path"] or given["database_name"] or "")
        if absent and not module.check_mode:
            # Before anything that can fail.
            ended = place.end()
    password = take_other_password(module)
    parameters = resolve(module)
    if given["server"] == "other":
        place = Other(place_of(given["other"], password, parameters))
    connection = connect(module, parameters, lock_wait_timeout=LOCK_WAIT_TIMEOUT)
    with contextlib.closing(connection), database_errors(module, parameters):
        task = Clone(module, parameters, connection, place)
        task.drop(ended) if absent else task.make()


def take_other_password(module):
    """Return the password of the option `other`, and take it out of what the module shows: names
    that are the same word must not be damaged."""
    other = module.params["other"]
    if not other:
        return ""
    password, other["password"] = other["password"], SHOWN
    module.no_log_values.discard(password)
    return password


def place_of(other, password, parameters):
    """Return ConnectionParameters of the option `other`; it is encrypted like the live one."""
    return ConnectionParameters(
        user=other["user"],
        database="",
        # What a client takes for the usual socket, which is the live server's.
        host="127.0.0.1" if other["host"] == "localhost" else other["host"],
        port=other["port"],
        socket=other["socket"],
        password=password,
        tls=parameters.tls,
    )


if __name__ == "__main__":
    main()
