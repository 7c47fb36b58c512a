# SPDX-License-Identifier: GPL-3.0-or-later
"""One backup, one live schema, and the scratch schemas between them: what all its work shares."""

from __future__ import annotations

import contextlib
import hashlib
import time

from ansible.module_utils.fix_fk.backup.fence import Fence
from ansible.module_utils.fix_fk.refusal import refuse
from ansible.module_utils.fix_fk.schema.sql import rows_of
from ansible.module_utils.fix_fk.scratch.schemas import scratch_name
from ansible.module_utils.fix_fk.server.about import describe_server
from ansible.module_utils.fix_fk.server.connection import load_pymysql
from ansible.module_utils.fix_fk.server.locks import execute


class Session:
    """One backup, one live schema, and the scratch schemas between them."""

    def __init__(self, module, parameters, connection, path, manifest, waits):
        self.module, self.parameters, self.connection = module, parameters, connection
        self.path, self.manifest, self.waits = path, manifest, waits
        # Roles hand an empty text over for what was not given.
        self.given = {name: None if value == "" else value for name, value in module.params.items()}
        self.pymysql = load_pymysql(module)
        self.live = rows_of(connection, "SELECT DATABASE()")[0][0]
        self.fence = Fence(manifest["schema"], self.live)
        mark = hashlib.sha256(f"{self.live}/{manifest['sha256']}".encode()).hexdigest()[:8]
        self.scratch = scratch_name(self.live, f"_{mark}")
        self.old = scratch_name(self.live, f"_{mark}_old")
        self.server = describe_server(connection, self.pymysql)
        self.same_version = self.server["version"] == manifest["server"]["version"]
        self.queries = []
        self.warnings = []
        # What is known before anything is changed.
        self.losses = dict(manifest.get("losses") or {})
        self.seconds = {}
        self.touched = False
        self.exact = bool(manifest["contents"])
        # Backups of earlier versions never have it.
        self.history = manifest.get("history") or {}

    def refuse(self, problem, advice):
        state = (
            f"The tables of the schema {self.live} as they were before are in the schema {self.old}"
            " until this is completed, and in the safety backup."
            if self.touched
            else f"Nothing was changed in the schema {self.live}."
        )
        if self.touched and self.given["direct"] is not None:
            state = f"The schema {self.live} was emptied before and is not complete now."
        refuse(
            self.module,
            f"The backup {self.manifest['id']} cannot be "
            f"{'proven' if self.given['state'] == 'proven' else 'put back'}: {problem}.",
            advice,
            state,
            again=False,
            queries=self.queries,
        )

    @contextlib.contextmanager
    def timed(self, part):
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[part] = self.seconds.get(part, 0) + time.monotonic() - began

    def execute(self, connection, statement):
        """Run a statement on a scratch schema, waiting for locks a bounded number of times."""
        execute(connection, statement, self.waits, self.pymysql)

    def change(self, statement):
        """Run a statement on the live schema and remember it."""
        execute(self.connection, statement, self.waits, self.pymysql)
        self.queries.append(statement)
