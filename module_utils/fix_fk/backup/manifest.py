# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups on disk and their manifests.

    manifest = read_manifest(path, key)         # path of the dump; raises Unfit
    backups = list_backups(folder, schema, key) # newest first
    write_manifest(path, manifest, key)         # sealed; replaces the old one at once

A manifest is JSON in a file beside the dump, with the dump's name and ".json". Its `seal` is a
digest of all the rest, so that one that was edited or damaged is not taken at its word. Whoever
edits it can make that anew; with a key its `hmac` is a seal that nobody else can make
(HMAC-SHA256). As the dump's SHA-256 is in the manifest, both cover the dump. `key` is None, or a
text.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os

SUFFIXES = tuple(
    f".sql.{packed}{sealed}" for packed in ("zst", "gz") for sealed in ("", ".age", ".gpg")
)
# How objects are digested; those of another number have names that can be compared, and no more.
DESCRIBED = 2


class Unfit(Exception):
    """A backup that cannot be used; str() says why, in words."""


def sealed(manifest, key=None):
    """Return the manifest with its seals."""
    rest = {name: value for name, value in manifest.items() if name not in ("seal", "hmac")}
    if key:
        rest["hmac"] = hmac.new(key.encode("utf-8"), _plain(rest), hashlib.sha256).hexdigest()
    return dict(rest, seal=hashlib.sha256(_plain(rest)).hexdigest())


def _plain(manifest):
    return json.dumps(manifest, sort_keys=True, ensure_ascii=True, separators=(",", ":")).encode(
        "ascii"
    )


def private(path, flags):
    """Open for open(): only for this user, and never over a file that is already there."""
    return os.open(path, flags | os.O_EXCL, 0o600)


def write_manifest(path, manifest, key=None):
    """Write the manifest of the dump `path`, whole or not at all. Raises OSError."""
    partial = path + ".json.partial"
    # One that a run left behind that was killed just here.
    with contextlib.suppress(FileNotFoundError):
        os.unlink(partial)
    try:
        with open(partial, "w", encoding="utf-8", opener=private) as text:
            json.dump(sealed(manifest, key), text, indent=2, sort_keys=True, ensure_ascii=False)
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


def read_manifest(path, key=None):
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
    rest = {name: value for name, value in manifest.items() if name != "seal"}
    if hashlib.sha256(_plain(rest)).hexdigest() != manifest["seal"]:
        raise Unfit(f"its manifest {path}.json was altered after the backup was made")
    if key:
        _check_key(path, manifest, key)
    if manifest.get("file") != os.path.basename(path):
        raise Unfit(f"its manifest {path}.json is that of another file, {manifest.get('file')}")
    return manifest


def _check_key(path, manifest, key):
    """Raise Unfit unless the manifest was sealed with this key."""
    said = str(manifest.get("hmac") or "")
    trusted = (
        "If it was made without that key, and nobody else may write into its folder: -e backup_key="
    )
    if not said:
        raise Unfit(f"its manifest {path}.json has no seal of the key in backup_key. {trusted}")
    if not hmac.compare_digest(said.encode("utf-8"), sealed(manifest, key)["hmac"].encode("ascii")):
        raise Unfit(
            f"the seal of its manifest {path}.json was not made with the key in backup_key: it was "
            f"altered, or is of another key. {trusted}"
        )


def list_backups(folder, schema=None, key=None):
    """Return [{id, path, created, bytes, proof_level, rows, run_id, goes_on_with, about, problem}]
    of a folder, newest first.

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
            manifest = read_manifest(path, key)
        except Unfit as problem:
            unknown: dict = {
                "created": "",
                "proof_level": None,
                "rows": None,
                "run_id": None,
                "goes_on_with": None,
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
                    goes_on_with=manifest.get("goes_on_with"),
                    about=manifest.get("about") or {},
                    problem=None,
                )
            )
    return sorted(found, key=lambda backup: (backup["created"], backup["id"]), reverse=True)


def first_proven(folder, schema, run_id, key=None):
    """Return (path, manifest) of the first backup that was seen to load, or None.

    It is one of this run, or of one that went on with it.
    """
    found = []
    for backup in list_backups(folder, schema, key):
        if not backup["problem"] and backup["proof_level"] != "L0":
            manifest = read_manifest(backup["path"], key)
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
