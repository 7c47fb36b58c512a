# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup written: its place, the dump with the rows counted beside it, the manifest."""

from __future__ import annotations

import contextlib
import datetime
import os
import threading

from ansible.module_utils.fix_fk.backup.dump import (
    NOT_MADE,
    read_back,
    stream,
)
from ansible.module_utils.fix_fk.backup.manifest import (
    DESCRIBED,
    first_proven,
    identity,
    list_backups,
    private,
    sync_folder,
    write_manifest,
)
from ansible.module_utils.fix_fk.backup.published import published_by
from ansible.module_utils.fix_fk.backup.retention import judge, remove, rules_of
from ansible.module_utils.fix_fk.refusal import refuse
from ansible.module_utils.fix_fk.schema.contents import (
    read_history,
    read_in_snapshot,
    snapshot,
)
from ansible.module_utils.fix_fk.schema.sql import quote_table, rows_of
from ansible.module_utils.fix_fk.schema.tables import list_tables

# What stands in the manifest for the option file, which has no name.
OPTIONS = "(user and password)"

# Bytes that stay free beside the backup, so that it is not the backup that fills the disk.
HEADROOM = 16 * 1024 * 1024

ROWS_COUNTED = (
    "COUNT(*) in one consistent snapshot, opened just before the dump's own; rows written between "
    "the two moments are in the dump only"
)


def check_folder(module, folder, laravel_path):
    """Return the real path of the folder for backups, or end the module when it will not do."""
    path = os.path.realpath(folder)
    published = published_by(path, laravel_path)
    if published:
        refuse(
            module,
            f"The folder {path} lies where a web server publishes files ({published}), and a "
            "backup holds every row of the application.",
            "Name a folder outside of it in backup_dir",
            NOT_MADE,
        )
    if not os.path.lexists(path):
        check_parent(module, path)
        return path
    if not os.path.isdir(path):
        refuse(
            module,
            f"{path} is to hold the backup and is not a folder.",
            "Name another in backup_dir",
            NOT_MADE,
        )
    state = os.stat(path)
    if state.st_mode & 0o077:
        refuse(
            module,
            f"Others than its owner may enter the folder {path} (mode "
            f"{state.st_mode & 0o7777:04o}), and a backup holds every row of the application.",
            f"Run 'chmod 0700 {path}' if it is only for backups, or name a folder of its own in "
            "backup_dir (it is created as it has to be)",
            NOT_MADE,
        )
    if not os.access(path, os.W_OK | os.X_OK):
        refuse(
            module,
            f"This login may not write into the folder {path}.",
            "Name another in backup_dir",
            NOT_MADE,
        )
    return path


def existing_part(path):
    """Return the longest part of a path that is there."""
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    return path


def check_parent(module, path):
    """End the module when a folder that is not there yet could not be made; makes nothing."""
    parent = existing_part(path)
    longest = max(len(os.fsencode(name)) for name in path.split(os.sep))
    if not os.path.isdir(parent):
        why = f"{parent} is no folder"
    elif not os.access(parent, os.W_OK | os.X_OK):
        why = f"this login may not write into {parent}"
    elif longest > os.pathconf(parent, "PC_NAME_MAX"):
        why = "a name in it is too long"
    else:
        return
    refuse(
        module,
        f"The folder {path} for the backup is not there and cannot be made: {why}.",
        "Name another in backup_dir",
        NOT_MADE,
    )


def check_space(module, folder, data_bytes):
    """End the module when the disk has less room than the data would take uncompressed."""
    disk = os.statvfs(existing_part(folder))
    if disk.f_files and not disk.f_favail:
        refuse(
            module,
            f"The disk under {folder} has room for no further file (its inodes are used up).",
            "Remove files there, or name a folder on another disk in backup_dir",
            NOT_MADE,
        )
    free = disk.f_bavail * disk.f_frsize
    if free < data_bytes + HEADROOM:
        refuse(
            module,
            f"The disk under {folder} has {free // 2**20} MiB free, and the schema holds "
            f"{data_bytes // 2**20} MiB of data; a backup is begun only when that and "
            f"{HEADROOM // 2**20} MiB more would fit.",
            "Make room, or name a folder on another disk in backup_dir",
            NOT_MADE,
        )


def names(prefix, suffix, now):
    """Return file names to try, best first; the second backup of a second gets a number."""
    stem = f"{prefix}_{now:%Y%m%d_%H%M%S}"
    return [f"{stem}.sql.{suffix}"] + [f"{stem}_{n}.sql.{suffix}" for n in range(2, 100)]


@contextlib.contextmanager
def reserved(module, folder, prefix, suffix):
    """Give (name, file): a new .partial file under a name that nobody else has or gets.

    Whatever goes wrong inside, the .partial file does not stay.
    """
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        name, file = reserve(folder, names(prefix, suffix, datetime.datetime.now()))
    except OSError as error:
        refuse(
            module,
            f"No file can be made in {folder}: {error}.",
            "Name another folder in backup_dir",
            NOT_MADE,
        )
    partial = os.path.join(folder, name + ".partial")
    try:
        with file:
            yield name, file
    except OSError as error:
        refuse(
            module,
            f"The backup could not be written to {folder}: {error}.",
            "Mend that",
            f"{NOT_MADE} What was written of it is removed.",
        )
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(partial)


def reserve(folder, candidates):
    """Return (name, open .partial file) of the first free name."""
    for name in candidates:
        path = os.path.join(folder, name)
        try:
            file = open(path + ".partial", "wb", opener=private)  # noqa: SIM115 - given to the caller
        except FileExistsError:
            continue
        # Looked at only now: as long as the .partial file is there, nobody else takes the name.
        if not os.path.lexists(path) and not os.path.lexists(path + ".json"):
            return name, file
        file.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path + ".partial")
    raise FileExistsError(f"all names from {candidates[0]} to {candidates[-1]} are taken")


def write(module, connection, reader, schema, command, compressor, file):
    """Fill the file and prove it, or end the module.

    Return {content: the Scanner of what the client sent, file: the ReadBack, read and history:
    {table: {rows, ...}}, messages}.
    """
    given = module.params
    # A connection of its own: closing it would wait for what it reads.
    reading = Reading(reader, schema, given["contents"], given["stall_timeout"])
    outcome = stream(command, compressor, file, module.tmpdir, given["stall_timeout"])
    if outcome.problem:
        end(module, schema, outcome.problem, STALLED if outcome.stalled else "")
    os.fsync(file.fileno())
    contents = reading.result()
    if reading.problem:
        end(module, schema, f"its rows cannot be counted as they were: {reading.problem}")
    now = set(list_tables(connection, schema["name"])[0])
    for what, one, other in (
        ("are in the schema and not in the dump", now, outcome.content.tables),
        ("are in the dump and no longer in the schema", outcome.content.tables, now),
        ("appeared while it ran", now, set(schema["tables"])),
    ):
        if one - other:
            end(module, schema, f"these tables {what}: {', '.join(sorted(one - other))}")
    proof = read_back(file.name, compressor, module.tmpdir)
    sent, found = outcome.content, proof.content
    if proof.problem:
        end(module, schema, f"the file cannot be read back: {proof.problem}")
    if outcome.written and proof.sha256 != outcome.written.sha256:
        end(
            module,
            schema,
            f"the file, read back from disk, has {proof.bytes} bytes (SHA-256 {proof.sha256}), and "
            f"{outcome.written.bytes} were written ({outcome.written.sha256})",
        )
    # What is encrypted cannot be read here.
    if not compressor.seal and (sent.sha256, sent.bytes) != (found.sha256, found.bytes):
        end(
            module,
            schema,
            f"the file, read back from disk, holds {found.bytes} bytes of SQL (SHA-256 "
            f"{found.sha256}), and the client had sent {sent.bytes} (SHA-256 {sent.sha256})",
        )
    if sent.longest_line >= schema["max_allowed_packet"]:
        schema["warnings"].append(
            f"A row takes {sent.longest_line} bytes of SQL, more than the server's "
            f"max_allowed_packet of {schema['max_allowed_packet']}: it must be raised before this "
            "dump can be loaded."
        )
    return {
        "content": sent,
        "file": proof,
        "read": contents,
        "history": reading.history,
        "messages": outcome.messages,
    }


class Reading(threading.Thread):
    """Counts, or hashes, the rows of every table in a snapshot of one moment, beside the dump.

    The snapshot is open when the object is there; problem: None, or what went wrong in words.
    """

    def __init__(self, connection, schema, contents, lock_wait_timeout):
        # A backup that fails does not wait for it.
        super().__init__(daemon=True)
        self.connection, self.schema, self.contents = connection, schema, contents
        self.found: dict = {}
        self.history: dict = {}
        self.problem = None
        self.begun = threading.Event()
        # Some hosts close a connection that is silent for a minute; a lock is waited for as
        # long as the dump waits for it.
        rows_of(connection, "SET SESSION wait_timeout = 86400")
        rows_of(connection, "SET SESSION lock_wait_timeout = %s", (max(1, lock_wait_timeout),))
        self.start()
        self.begun.wait()

    def run(self):
        try:
            with contextlib.closing(self.connection), snapshot(self.connection):
                self.begun.set()
                self.found = self.read()
        except Exception as error:  # told by the main thread, whatever it is
            self.problem = str(error.args[-1] if error.args else error)
        finally:
            self.begun.set()

    def read(self):
        name, tables = self.schema["name"], self.schema["tables"]
        self.history = read_history(self.connection, name, self.schema["history"], self.contents)
        if self.contents:
            return read_in_snapshot(self.connection, name, tables)
        found = {}
        for table in tables:
            query = f"SELECT COUNT(*) FROM {quote_table(name, table)}"  # noqa: S608
            found[table] = {"rows": rows_of(self.connection, query, None)[0][0]}
        return found

    def result(self):
        """Return {table: {rows, and with contents digest and columns}} when all is read."""
        self.join()
        return self.found


STALLED = (
    " It is most likely waiting for another connection's lock: look at SHOW FULL PROCESSLIST for "
    "'Waiting for table metadata lock' and for the ALTER TABLE or transaction that holds it."
)


def end(module, schema, problem, likely=""):
    refuse(
        module,
        f"The backup of the schema {schema['name']} failed: {problem}.{likely}",
        "Mend that",
        "What was written of it is removed, and nothing was changed in the database.",
    )


def manifest_of(schema, client, compressor, encryption, command, proof, contents):
    content, file = proof["content"], proof["file"]
    return {
        "schema": schema["name"],
        "charset": schema["charset"],
        "collation": schema["collation"],
        "server": {"flavour": schema["flavour"], "version": schema["server_version"]},
        "client": client.version,
        "client_messages": proof["messages"],
        "command": command,
        "compression": compressor.name,
        "encryption": encryption,
        "proof_level": "L0",
        "bytes": file.bytes,
        "sha256": file.sha256,
        "content": {
            "bytes": content.bytes,
            "sha256": content.sha256,
            "longest_line": content.longest_line,
        },
        "tables": {table: about["rows"] for table, about in proof["read"].items()},
        "contents": proof["read"] if contents else None,
        "history": proof["history"],
        "structure": schema["structure"],
        "objects": schema["objects"],
        "ids": schema["ids"],
        "sequences": schema["sequences"],
        "event_texts": schema["event_texts"],
        "described": DESCRIBED,
        "data_bytes": schema["data_bytes"],
        "index_bytes": schema["index_bytes"],
        "rows_counted": ROWS_COUNTED,
        "views_as_text": schema["views_as_text"],
        "routines_as_text": schema["routines_as_text"],
        "routine_modes": schema["routine_modes"],
        "warnings": schema["warnings"],
        "losses": schema["losses"],
    }


def finish(folder, name, file, manifest, key=None):
    """Give the file its name, after its manifest: under that name a backup is always complete."""
    path = os.path.join(folder, name)
    try:
        write_manifest(path, manifest, key)
        os.rename(file.name, path)
        sync_folder(folder)
    except BaseException:
        for left in (path + ".json", path):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(left)
        raise


def retire(module, folder, schema):
    """Remove the backups that are kept no longer; return what remove() does."""
    if module.check_mode:
        return [], []
    backups = list_backups(folder, schema, module.params["key"])
    now = datetime.datetime.now().astimezone()
    return remove(backups, judge(backups, rules_of(module), now))


def report(module, new, manifest):
    """End the module with what was, or in check mode would be, written to the path `new`."""
    path, interim, run = new, None, module.params["first_of_run"]
    if run and not module.check_mode:
        first = first_proven(os.path.dirname(new), manifest["schema"], run, module.params["key"])
        if first:
            interim, (path, manifest) = new, first
    removed, problems = retire(module, os.path.dirname(new), manifest.get("schema"))
    backup = {
        "id": identity(os.path.basename(path)),
        "path": path,
        "manifest": path + ".json",
        "compression": manifest["compression"],
        "encryption": manifest.get("encryption"),
        "views_as_text": sorted(manifest["views_as_text"]),
        "warnings": [*manifest["warnings"], *problems],
        "command": manifest["command"],
    }
    for key in ("bytes", "sha256", "proof_level", "tables", "seconds"):
        backup[key] = None if module.check_mode else manifest[key]
    module.exit_json(
        changed=True,
        backup=backup,
        interim=interim,
        removed=removed,
        diff={"before": "", "after": f"{new}\n{new}.json\n"},
    )
