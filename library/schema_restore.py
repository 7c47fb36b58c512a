#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""Puts a backup of schema_backup back, or proves that it could be."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: schema_restore
short_description: Put a backup of one MySQL or MariaDB schema back, or prove that it restores
description:
  - Takes backups that M(schema_backup) made. The tables are loaded into a scratch schema on the
    same server and compared there with the manifest, table by table. Only then is the live schema
    touched.
  - "With O(state=restored) the live tables then leave and the loaded ones come in with a single
    C(RENAME TABLE), so that nothing is loaded twice, no constraint name can be in the way, and the
    application never sees a half-filled schema. Views, routines, triggers and events follow, each
    as the dump has it."
  - Interrupted anywhere, the same call again completes it. A scratch schema that was left behind is
    never trusted, it is loaded again. Where the live schema already is what the backup holds,
    nothing is done.
  - With O(state=proven) the scratch schema is dropped, whatever happens, and the proof level is
    written into the manifest.
  - The scratch schemas are called C(SCHEMA__fix_fk_ID) and C(SCHEMA__fix_fk_ID_old). No other
    schema but the one of the connection is touched. Events are never created in a scratch schema,
    where they would run.
options:
  backup:
    description:
      - "The backup: its id, the name of its file, or a path. Without it the module fails and lists
        the backups in O(dir)."
    type: str
  dir:
    description: Folder on the target in which a backup given by its id lies.
    type: path
  state:
    description:
      - V(restored) makes the schema what the backup holds; what it holds now is lost.
      - V(proven) only loads and compares.
      - V(listed) returns the backups of the schema in O(dir), and does nothing else.
    type: str
    choices: [restored, proven, listed]
    default: restored
  source_schema:
    description:
      - Name of the schema that the backup is of, when that is another one than the one of the
        connection.
    type: str
  direct:
    description:
      - "Name of the schema to empty, for an account that may not create a scratch schema. Its
        tables are dropped before the dump is loaded, so an error in between leaves it half-filled
        until the call is repeated."
    type: str
  identity:
    description:
      - File on the target with a secret key of C(age), for a backup that is encrypted to it. One
        that is encrypted by C(gpg) takes the secret key in its keyring.
    type: path
  key:
    description:
      - A secret. Only a backup whose manifest was sealed with it by M(schema_backup) is taken.
    type: str
  accept_different:
    description:
      - Tables that may come back with other rows than the manifest says, or without the history of
        a system-versioned table. A backup of an application that was writing may hold rows that
        came between the counting and the dump.
    type: list
    elements: str
    default: []
notes:
  - "Proof levels: V(L0), the file is whole; V(L1), it was loaded and its tables have the rows the
    manifest says; V(L2), and their content and structure are the same, which takes a backup with
    contents."
  - With check mode everything is looked at, the dump is read to its end, and nothing is written.
  - "Before anything is sent, every statement of the dump is looked at, and so is what the manifest
    keeps as text. Only the statements that a dump client writes for one schema are taken; one for
    another schema, or for the server, is refused. So are views, triggers, routines and events of
    another account (DEFINER) where the account of the connection may not create them."
  - A dump of the other vendor's server, or of a newer one than this, is refused.
attributes:
  check_mode:
    support: full
    description: Refuses what can be refused without loading, reports a change, writes nothing.
  diff_mode:
    support: none
    description: RV(restore.tables) names the tables.
extends_documentation_fragment:
  - connection
  - locks
  - refusal
  - retention
seealso:
  - module: schema_backup
author:
  - The fix_fk authors
"""

EXAMPLES = r"""
- name: Prove that the backup just made restores to the same content
  schema_restore:
    laravel_path: /home/app/gaspul_api
    backup: "{{ __backup.backup.path }}"
    state: proven

- name: Put a backup back
  schema_restore:
    laravel_path: /home/app/gaspul_api
    dir: /home/app/backups
    backup: backup_before_fix_20260130_081500
"""

RETURN = r"""
restore:
  description: What was, or in check mode would be, put back.
  returned: success
  type: dict
  contains:
    id:
      description: The backup's id.
      type: str
      sample: backup_before_fix_20260130_081500
    path:
      description: The dump.
      type: str
    created:
      description: When the backup was made.
      type: str
      sample: "2026-01-30T08:15:00+07:00"
    schema:
      description: The schema that was filled, or for which the backup was proven.
      type: str
    database:
      description: The schema together with its server, the same for every way to it.
      type: str
    scratch:
      description: The scratch schema.
      type: str
    direct:
      description: Whether the schema is emptied first, without a scratch schema.
      type: bool
    already:
      description: Whether there was nothing to do.
      type: bool
    proof_level:
      description: What is proven of the backup now, V(L0), V(L1) or V(L2).
      type: str
      sample: L2
    tables:
      description: Number of rows by table, as the manifest says.
      type: dict
      sample: {"users": 120, "skp_tahunan": 500}
    present:
      description: In check mode, C(rows) of the live tables (null when they could not be counted in
        time), and whether they are the C(same) as in the backup (null when not compared).
      type: dict
      sample: {"users": {"rows": 123, "same": false}}
    warnings:
      description: What could not be put back or compared, in sentences.
      type: list
      elements: str
    seconds:
      description: How long each part took.
      type: dict
      sample: {"file": 0.1, "load": 20.1, "compare": 3.2, "move": 0.1}
queries:
  description: What was done to the live schema, statement by statement.
  returned: always
  type: list
  elements: str
schema:
  description: Whose backups they are.
  returned: with O(state=listed)
  type: str
backups:
  description: The backups in O(dir), newest first.
  returned: with O(state=listed), and when O(backup) is missing or not found
  type: list
  elements: dict
"""

import contextlib
import datetime
import signal
import sys

from ansible.module_utils.fix_fk.backup.manifest import list_backups
from ansible.module_utils.fix_fk.backup.restore import Restore, choose
from ansible.module_utils.fix_fk.backup.retention import RETENTION_SPEC, judge, rules_of
from ansible.module_utils.fix_fk.server.connection import (
    connect,
    connected_module,
    resolve,
)
from ansible.module_utils.fix_fk.server.errors import database_errors
from ansible.module_utils.fix_fk.server.locks import (
    LOCK_SPEC,
    waits_of,
)


def main():
    module = connected_module(
        {
            "backup": {"type": "str"},
            "dir": {"type": "path"},
            "state": {
                "type": "str",
                "choices": ["restored", "proven", "listed"],
                "default": "restored",
            },
            "source_schema": {"type": "str"},
            "direct": {"type": "str"},
            **RETENTION_SPEC,
            "identity": {"type": "path"},
            "key": {"type": "str", "no_log": True},
            "accept_different": {"type": "list", "elements": "str", "default": []},
            **LOCK_SPEC,
        },
        writes=True,
        supports_check_mode=True,
    )
    # A session that ends takes the module with it; this way what it has begun is removed.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: sys.exit(128 + received))
    waits = waits_of(module)
    parameters = resolve(module)
    if module.params["state"] == "listed":
        backups = list_backups(
            module.params["dir"] or ".", parameters.database, module.params["key"] or None
        )
        kept = judge(backups, rules_of(module), datetime.datetime.now().astimezone())
        for backup in backups:
            backup["kept"] = kept[backup["id"]]
        module.exit_json(changed=False, backups=backups, schema=parameters.database, queries=[])
    path, manifest = choose(module, parameters.database)
    connection = connect(module, parameters, lock_wait_timeout=module.params["lock_wait_timeout"])
    with contextlib.closing(connection), database_errors(module, parameters):
        task = Restore(module, parameters, connection, path, manifest, waits)
        if module.params["state"] == "proven":
            task.prove()
        else:
            task.restore()


if __name__ == "__main__":
    main()
