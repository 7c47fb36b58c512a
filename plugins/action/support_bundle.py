# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""Packs what a developer needs to see of one host into an archive on the controller."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import tarfile
import time
from pathlib import Path

from ansible.plugins.action import ActionBase

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "plugin_utils"))
try:
    from fix_fk.schema.messages import read_message
    from fix_fk.schema.redaction import redact_logged
except ImportError as error:
    if error.name != "sqlglot":
        raise
    MISSING = True
else:
    MISSING = False
from ansible.module_utils.fix_fk.refusal import refused

DOCUMENTATION = r"""
name: support_bundle
author: fix_fk contributors
short_description: Pack what a developer needs to see into one archive on the controller
version_added: 0.1.0
description:
  - Runs the module M(support_info) on the host, which takes the secrets out of its own texts and of
    those given here, takes the values of rows out of the logged statements, and writes it all to a
    C(.tar.gz) on the controller, readable by its owner only. Nothing is written on the host.
  - An archive is a record and not a change of the host, so the task never reports changed. In check
    mode it is not written.
options:
  connection:
    description: What the modules are told about the application and its database.
    type: dict
    required: true
  dest:
    description: Path of the archive, without C(.tar.gz). Missing folders are created.
    type: path
    required: true
  facts:
    description: Data by name; each becomes a JSON file.
    type: dict
    default: {}
  reports:
    description: Path and beginning of the names of the run reports to put in.
    type: path
  runs:
    description: How many runs to take reports of, the last ones.
    type: int
    default: 5
  missing:
    description: What is known to be missing already, in words.
    type: list
    elements: str
    default: []
"""

README = """\
What is in this archive, for the developer of the application on {host}. Taken {when} UTC.

{files}

{missing}
Taken out: {secrets} secrets (the database's password, the application's key, every value in .env
whose name looks secret, passwords in URLs) and the values of rows in statements and messages. Each
text was searched for them afterwards. Look through it all the same before you pass it on.
"""
CONTENTS = {
    "diagnosis.json": "what happened and what would repair it",
    "versions.json": "application, PHP, Python, connection (no password), configuration, state",
    "migrations.json": "migrations in the code, recorded, pending, without a file",
    "last_errors.json": "the last SQLSTATE errors of the application's log",
    "constraints.json": "server, account, tables, foreign keys and who holds which name, locks",
    "schema.sql": "definitions of tables, views, triggers, routines and events",
}


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True
    _VALID_ARGS = frozenset(("connection", "dest", "facts", "reports", "runs", "missing"))

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        if MISSING:
            told = refused(
                "The Python package sqlglot is missing on the controller.",
                "pip install -r requirements.txt",
            )
            return {**result, **told, "failed": True}
        given = self._task.args
        texts = {f"{name}.json": as_json(data) for name, data in (given.get("facts") or {}).items()}
        if given.get("reports"):
            texts.update(last_reports(os.path.expanduser(given["reports"]), int(given["runs"])))
        told = self._execute_module(
            "support_info",
            {
                "connection": given["connection"],
                "texts": texts,
                "missing": given.get("missing") or [],
            },
            task_vars=task_vars,
        )
        if told.get("failed"):
            return {**result, **told}
        files = told["files"]
        files["last_errors.json"] = as_json([without_values(error) for error in told["errors"]])
        missing = told["missing"]
        files["README.txt"] = readme(task_vars["inventory_hostname"], files, missing, told)
        path = f"{os.path.abspath(os.path.expanduser(given['dest']))}.tar.gz"
        result.update(changed=False, path=path, files=sorted(files), missing=missing, written=False)
        if self._task.check_mode:
            return result
        try:
            result.update(bytes=pack(path, files), written=True)
        except OSError as error:
            told = refused(
                f"The archive could not be written to {path}: {error.strerror}.",
                "run it again with -e support_bundle_dir= and a folder that can be written to.",
                again=False,
            )
            result.update(failed=True, **told)
        return result


def as_json(data) -> str:
    return json.dumps(data, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def last_reports(beginning: str, runs: int) -> dict[str, str]:
    """Return {name in the archive: text} of the last runs' reports, whose names tell the time."""
    folder, start = os.path.split(beginning)
    found: dict[str, list[str]] = {}
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            stem, suffix = os.path.splitext(name)
            # The host `app` is not the host `app_2`: behind the name there is only a run id.
            if stem.startswith(start) and stem[len(start) :].count("_") == 2:
                found.setdefault(stem, []).append(stem + suffix)
    texts = {}
    for stem in sorted(found)[-runs:] if runs > 0 else ():
        for name in found[stem]:
            if name.endswith((".json", ".html")):
                with contextlib.suppress(OSError, UnicodeDecodeError):
                    texts[f"reports/{name}"] = read(os.path.join(folder, name))
    return texts


def read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


def without_values(error: dict) -> dict:
    """Return an error of the log taken apart, without the values of rows."""
    failed = read_message(error["message"])
    rest = {"time": error["time"], "migration": error["migration"]}
    if not failed:
        return {**rest, "reason": "(not shown: it is not known which part of it is a value)"}
    return {
        **rest,
        "code": failed.code,
        "errno": failed.errno,
        "reason": failed.shown,
        "statement": redact_logged(failed.sql),
    }


def readme(host: str, files: dict, missing: list[str], told: dict) -> str:
    lines = [f"- {name}: {what}" for name, what in CONTENTS.items() if name in files]
    reports = sum(name.endswith(".json") for name in files if name.startswith("reports/"))
    if reports:
        lines.append(f"- reports/: the pages and data of the last {reports} runs")
    gaps = "".join(f"- {' '.join(reason.split())}\n" for reason in missing)
    return README.format(
        host=host,
        when=time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime()),
        files="\n".join(lines),
        missing=f"Not in it:\n{gaps}" if gaps else "",
        secrets=told["secrets"],
    )


def pack(path: str, files: dict[str, str]) -> int:
    """Write the archive, whole or not at all; return its length in bytes. Raises OSError."""
    folder = os.path.basename(path)[: -len(".tar.gz")]
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    partial = f"{path}.partial"
    try:
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
            for name, text in sorted(files.items()):
                content = text.encode("utf-8", "replace")
                member = tarfile.TarInfo(f"{folder}/{name}")
                member.size, member.mode, member.mtime = len(content), 0o600, int(time.time())
                archive.addfile(member, io.BytesIO(content))
        os.rename(partial, path)
    except OSError:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(partial)
        raise
    return os.path.getsize(path)
