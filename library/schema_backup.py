#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""A backup of one schema that is proven to be whole before it gets its name."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: schema_backup
short_description: Write a compressed dump of one MySQL or MariaDB schema and prove the file whole
description:
  - Streams the dump of the server's own client (C(mariadb-dump) or C(mysqldump)) through C(zstd)
    or C(gzip) into a file, without a shell and in constant memory.
  - "The file gets its name only when it is proven: both exit codes are 0, the dump's last line is
    its trailer, every table of the schema is in it, and the file, read back from disk and
    unpacked, has the same SHA-256 and length as what the client sent. This is proof level L0."
  - Beside it lies a JSON manifest with the number of rows of every table, a digest of every
    table's structure and, with O(contents), of its rows. The manifest is sealed with a digest of
    itself.
  - A backup that fails leaves no file behind. Should even that be impossible (the machine stops),
    what is left ends in C(.partial).
  - The password is given to the client in an option file that only the login user can read, never
    on a command line or in the environment. No other option file is read.
options:
  dir:
    description:
      - Folder on the target for the backup. It is created with mode 0700 when missing.
      - A folder that others may enter is refused, and so is one that a web server may publish
        (the application's C(public) folder, anything below a folder C(public_html)).
    type: path
    required: true
  name_prefix:
    description:
      - How the name of the file begins. A time (C(_YYYYmmdd_HHMMSS), of the target) and the
        endings C(.sql.zst) or C(.sql.gz) follow.
    type: str
    default: backup_before_fix
  compression:
    description:
      - With V(auto), C(zstd) where the target has it, else C(gzip).
    type: str
    choices: [auto, zstd, gzip]
    default: auto
  contents:
    description:
      - Let the server hash every row, while the dump runs, and keep the digests in the manifest.
        Only such a backup can be proven to restore to the same content (proof level L2), by
        M(schema_restore).
    type: bool
    default: false
  run_id:
    description:
      - The run this backup belongs to; written into the manifest.
    type: str
  first_of_run:
    description:
      - A run that was interrupted, with which this one goes on; written into the manifest. What is
        in the schema may be half of what was. So when one of the runs since has made a backup and
        proven it, the first of these is the one returned as RV(backup); the new one is made all
        the same, as RV(interim).
    type: str
  about:
    description:
      - What the schema is at that moment, C(verdict), C(recorded) (how many migrations) and C(last)
        (the newest of them). Written into the manifest, for whoever chooses a backup later.
    type: dict
    default: {}
  recipients:
    description:
      - Who can read the backup. Public keys of C(age) (V(age1...), V(ssh-...)), or names of keys in
        the keyring of C(gpg) on the target. Empty, it is not encrypted. Where it cannot be, no
        backup is made.
      - The manifest beside it is not encrypted. It holds names, counts and digests, and definitions
        of views and routines that the dump cannot hold.
    type: list
    elements: str
    default: []
  identity:
    description:
      - File on the target with a secret key of C(age), with which an encrypted backup is read.
    type: path
  proven:
    description:
      - Whether the backup is to be loaded and compared afterwards. One that could not be read on
        the target is then refused.
    type: bool
    default: false
  key:
    description:
      - A secret. The manifest carries a seal over itself, and so over the dump's checksum, that
        takes it to be made (HMAC-SHA256).
    type: str
  stall_timeout:
    description:
      - Seconds without a single byte from the client after which it is taken to be waiting for a
        lock and the backup fails.
    type: int
    default: 120
notes:
  - "A view that cannot be read (usual after a failed migration: it refers to a table that is
    gone) would end the dump before the first table. Such views are left out of the dump and kept
    as text in the manifest."
  - "C(--single-transaction) covers InnoDB. Tables of other engines are in the dump as they were
    when it came to them; RV(backup.warnings) names them."
  - "The past rows of system-versioned tables are in the dump, and counted, where the server is
    MariaDB 10.11 or newer and its dump program knows C(--dump-history). RV(backup.warnings) names
    the tables whose past is not in it."
  - "The rows are counted in one consistent snapshot that is opened just before the client opens
    its own. Rows written between the two moments are in the dump and not in the counts."
  - With check mode everything is looked at and nothing is written.
attributes:
  check_mode:
    support: full
    description: Refuses what a real run would refuse, reports a change, writes nothing.
  diff_mode:
    support: full
    description: Names the files.
extends_documentation_fragment:
  - connection
  - refusal
  - retention
seealso:
  - module: schema_restore
author:
  - The fix_fk authors
"""

EXAMPLES = r"""
- name: Back up the application's schema
  schema_backup:
    laravel_path: /home/app/gaspul_api
    dir: /home/app/backups
    run_id: "{{ run_id }}"
  register: __backup

- name: Back up a schema without an application, over TCP, with gzip
  schema_backup:
    database_host: db.example.org
    database_user: app
    database_password: "{{ vault_database_password }}"
    database_name: app
    dir: /srv/backups/app
    compression: gzip
"""

RETURN = r"""
backup:
  description: The backup. In check mode V(bytes), V(sha256), V(proof_level), V(tables) and
    V(seconds) are null.
  returned: success
  type: dict
  contains:
    id:
      description: Its name without the endings.
      type: str
      sample: backup_before_fix_20260130_081500
    path:
      description: The compressed dump.
      type: str
      sample: /home/app/backups/backup_before_fix_20260130_081500.sql.zst
    manifest:
      description: The JSON file beside it.
      type: str
      sample: /home/app/backups/backup_before_fix_20260130_081500.sql.zst.json
    encryption:
      description: C({program, recipients}) of one that is encrypted.
      type: dict
    compression:
      description: The compressor that was used, V(zstd) or V(gzip).
      type: str
      sample: zstd
    bytes:
      description: Size of the file.
      type: int
      sample: 69206016
    sha256:
      description: SHA-256 of the file, in hexadecimal.
      type: str
    proof_level:
      description: V(L0), the file is whole.
      type: str
      sample: L0
    tables:
      description: Number of rows by table.
      type: dict
      sample: {"users": 120, "skp_tahunan": 500}
    views_as_text:
      description: Views that cannot be read and are therefore only in the manifest.
      type: list
      elements: str
    warnings:
      description: What the backup does not cover, in sentences.
      type: list
      elements: str
    command:
      description: The client's command line.
      type: list
      elements: str
    seconds:
      description: How long it took.
      type: float
      sample: 4.8
removed:
  description: The backups that were removed, as O(keep) and O(keep_days) say, C({id, bytes}) each.
  returned: success
  type: list
  elements: dict
interim:
  description: Path of the new backup, when RV(backup) is the first one of O(first_of_run).
  returned: success
  type: str
"""

import contextlib
import datetime
import functools
import os
import signal
import sys
import time

from ansible.module_utils.fix_fk.backup.dump import (
    NOT_MADE,
    dump_command,
    find_compressor,
    find_dump_client,
    option_file,
    secret_options,
)
from ansible.module_utils.fix_fk.backup.encryption import (
    find_encryption,
    needed,
    opening,
    sealing,
)
from ansible.module_utils.fix_fk.backup.manifest import (
    identity,
)
from ansible.module_utils.fix_fk.backup.retention import RETENTION_SPEC
from ansible.module_utils.fix_fk.backup.source import read_schema, take_history
from ansible.module_utils.fix_fk.backup.writing import (
    OPTIONS,
    check_folder,
    check_space,
    finish,
    manifest_of,
    names,
    report,
    reserved,
    write,
)
from ansible.module_utils.fix_fk.refusal import refuse
from ansible.module_utils.fix_fk.server.connection import (
    connect,
    connected_module,
    load_pymysql,
    resolve,
)
from ansible.module_utils.fix_fk.server.errors import database_errors


def check_provable(module, compressor, encryption):
    """End the module when the backup is to be proven, and could not be read here."""
    if not (encryption and module.params["proven"]):
        return
    key = module.params["identity"]
    if opening(module, compressor, encryption, key) is None:
        refuse(
            module,
            "Rows are dropped only when they were seen to come back from the backup, and this host "
            "could not read it, as backup_recipients has it encrypted.",
            f'For this run, {needed(encryption, key)}; or do without: -e \'{{"backup_recipients": '
            "[]}'",
            NOT_MADE,
        )


def main():
    module = connected_module(
        {
            "dir": {"type": "path", "required": True},
            "name_prefix": {"type": "str", "default": "backup_before_fix"},
            "compression": {"type": "str", "choices": ["auto", "zstd", "gzip"], "default": "auto"},
            "contents": {"type": "bool", "default": False},
            "run_id": {"type": "str"},
            "first_of_run": {"type": "str"},
            "about": {"type": "dict", "default": {}},
            **RETENTION_SPEC,
            "recipients": {"type": "list", "elements": "str", "default": []},
            "identity": {"type": "path"},
            "proven": {"type": "bool", "default": False},
            "key": {"type": "str", "no_log": True},
            "stall_timeout": {"type": "int", "default": 120},
        },
        writes=True,
        supports_check_mode=True,
    )
    # A session that ends takes the module with it; this way what it has begun is removed.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: sys.exit(128 + received))
    started = time.monotonic()
    prefix = module.params["name_prefix"]
    if not prefix or "/" in prefix or prefix.startswith(".") or not prefix.isprintable():
        refuse(
            module,
            f"name_prefix is {prefix!r}, which no file name can begin with here.",
            "Give a word without a slash, such as backup_before_fix",
            NOT_MADE,
        )
    parameters = resolve(module)
    folder = check_folder(module, module.params["dir"], module.params["laravel_path"])
    connection = connect(module, parameters)
    pymysql = load_pymysql(module)
    with contextlib.closing(connection), database_errors(module, parameters):
        schema = read_schema(connection, parameters.database, pymysql)
        client = find_dump_client(module, schema["flavour"])
        take_history(connection, schema, client)
        compressor = find_compressor(module, module.params["compression"])
        encryption = find_encryption(module, module.params["recipients"])
        check_provable(module, compressor, encryption)
        compressor = sealing(module, compressor, encryption)
        check_space(module, folder, schema["data_bytes"])
        command = functools.partial(
            dump_command,
            client,
            schema["flavour"],
            schema["name"],
            leave_out=list(schema["views_as_text"]),
            routines=not schema["routines_as_text"],
            events=schema["events"],
            history=bool(schema["history"]),
        )
        if module.check_mode:
            name = names(prefix, compressor.suffix, datetime.datetime.now())[0]
            manifest = {"command": command(OPTIONS), "compression": compressor.name, **schema}
            manifest["encryption"] = encryption
            report(module, os.path.join(folder, name), manifest)
        with reserved(module, folder, prefix, compressor.suffix) as (name, file):
            options = option_file(parameters, schema["flavour"], schema["encrypted"])
            with secret_options(options, module.tmpdir) as path:
                reader = connect(module, parameters)
                proof = write(module, connection, reader, schema, command(path), compressor, file)
            manifest = dict(
                manifest_of(
                    schema,
                    client,
                    compressor,
                    encryption,
                    command(OPTIONS),
                    proof,
                    module.params["contents"],
                ),
                id=identity(name),
                run_id=module.params["run_id"],
                goes_on_with=module.params["first_of_run"],
                about=module.params["about"],
                created=datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
                file=name,
                seconds=round(time.monotonic() - started, 2),
            )
            finish(folder, name, file, manifest, module.params["key"])
    report(module, os.path.join(folder, name), manifest)


if __name__ == "__main__":
    main()
