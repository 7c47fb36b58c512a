# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups on disk and their manifests.

    manifest = read_manifest(path)              # path of the dump; raises Unfit
    backups = list_backups(folder, schema)      # newest first
    write_manifest(path, manifest)              # sealed; replaces the old one at once

A manifest is JSON in a file beside the dump, with the dump's name and ".json". Its `seal` is a
digest of all the rest, so that one that was edited or damaged is not taken at its word.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os

SUFFIXES = (".sql.zst", ".sql.gz")
# How objects are digested; those of another number have names that can be compared, and no more.
DESCRIBED = 2


class Unfit(Exception):
    """A backup that cannot be used; str() says why, in words."""


def sealed(manifest):
    """Return the manifest with its seal."""
    rest = {key: value for key, value in manifest.items() if key != "seal"}
    text = json.dumps(rest, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return dict(rest, seal=hashlib.sha256(text.encode("ascii")).hexdigest())


def private(path, flags):
    """Open for open(): only for this user, and never over a file that is already there."""
    return os.open(path, flags | os.O_EXCL, 0o600)


def write_manifest(path, manifest):
    """Write the manifest of the dump `path`, whole or not at all. Raises OSError."""
    partial = path + ".json.partial"
    # One that a run left behind that was killed just here.
    with contextlib.suppress(FileNotFoundError):
        os.unlink(partial)
    try:
        with open(partial, "w", encoding="utf-8", opener=private) as text:
            json.dump(sealed(manifest), text, indent=2, sort_keys=True, ensure_ascii=False)
            text.write("\n")
            text.flush()
            os.fsync(text.fileno())
        os.rename(partial, path + ".json")
        sync_folder(os.path.dirname(path))
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(partial)
        raise


def sync_folder(folder):
    """Make new names in a folder last."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_manifest(path):
    """Return the manifest of the dump `path`. Raises Unfit when there is none to rely on."""
    try:
        with open(path + ".json", encoding="utf-8") as text:
            manifest = json.load(text)
    except FileNotFoundError:
        raise Unfit(f"its manifest {path}.json is missing") from None
    except OSError as error:
        raise Unfit(f"its manifest cannot be read: {error}") from None
    except ValueError as error:
        raise Unfit(f"its manifest {path}.json is damaged: {error}") from None
    if not isinstance(manifest, dict) or "seal" not in manifest:
        raise Unfit(f"its manifest {path}.json carries no seal, so nothing vouches for it")
    if sealed(manifest)["seal"] != manifest["seal"]:
        raise Unfit(f"its manifest {path}.json was altered after the backup was made")
    if manifest.get("file") != os.path.basename(path):
        raise Unfit(f"its manifest {path}.json is that of another file, {manifest.get('file')}")
    return manifest


def list_backups(folder, schema=None):
    """Return [{id, path, created, bytes, proof_level, rows, run_id, about, problem}] of a folder,
    newest first.

    Backups of other schemas are left out; problem is None or why one cannot be used. about is what
    the schema was, as schema_backup takes it; {} where that was not noted.
    """
    found = []
    for name in os.listdir(folder) if os.path.isdir(folder) else ():
        if not name.endswith(SUFFIXES):
            continue
        path = os.path.join(folder, name)
        about = {"id": identity(name), "path": path, "bytes": os.path.getsize(path)}
        try:
            manifest = read_manifest(path)
        except Unfit as problem:
            unknown: dict = {
                "created": "",
                "proof_level": None,
                "rows": None,
                "run_id": None,
                "about": {},
            }
            found.append({**about, **unknown, "problem": str(problem)})
            continue
        if schema in (None, manifest["schema"]):
            found.append(
                dict(
                    about,
                    created=manifest["created"],
                    proof_level=manifest["proof_level"],
                    rows=sum(manifest["tables"].values()),
                    run_id=manifest["run_id"],
                    about=manifest.get("about") or {},
                    problem=None,
                )
            )
    return sorted(found, key=lambda backup: (backup["created"], backup["id"]), reverse=True)


def first_proven(folder, schema, run_id):
    """Return (path, manifest) of the first backup that was seen to load, or None.

    It is one of this run, or of one that went on with it.
    """
    found = []
    for backup in list_backups(folder, schema):
        if not backup["problem"] and backup["proof_level"] != "L0":
            manifest = read_manifest(backup["path"])
            if run_id in (manifest["run_id"], manifest.get("goes_on_with")):
                found.append((backup["path"], manifest))
    return found[-1] if found else None


def find_backup(folder, wanted):
    """Return the path of a backup given by id, file name or path. Raises Unfit."""
    if "/" in wanted:
        path = os.path.expanduser(wanted)
        path = path[: -len(".json")] if path.endswith(".json") else path
        if not os.path.isfile(path):
            raise Unfit(f"there is no file {path}")
        return os.path.realpath(path)
    if folder is None:
        raise Unfit(f"{wanted!r} is an id, and the folder to look in is not given")
    names = [wanted] if wanted.endswith(SUFFIXES) else [wanted + suffix for suffix in SUFFIXES]
    for name in names:
        path = os.path.join(os.path.realpath(folder), name)
        if os.path.isfile(path):
            return path
    raise Unfit(f"the folder {folder} holds no backup {wanted!r}")


def identity(name):
    """Return a backup's id: backup_x.sql.zst -> backup_x."""
    return name.rpartition(".sql.")[0]
