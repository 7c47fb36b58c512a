# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a backup may be put into a schema: checks that only read."""

from __future__ import annotations

import contextlib
import os
import re

from ansible.module_utils.fix_fk.backup.definers import (
    describe_refused,
    grant,
    refused_definers,
)
from ansible.module_utils.fix_fk.backup.dump import (
    COMPRESSORS,
    find_compressor,
    read_back,
)
from ansible.module_utils.fix_fk.backup.encryption import needed, opening
from ansible.module_utils.fix_fk.backup.fence import ROUTINES, Astray
from ansible.module_utils.fix_fk.backup.load import (
    Inspection,
)
from ansible.module_utils.fix_fk.backup.session import Session
from ansible.module_utils.fix_fk.refusal import typed
from ansible.module_utils.fix_fk.schema.sql import quote_identifier, rows_of
from ansible.module_utils.fix_fk.scratch.schemas import scratch_pattern
from ansible.module_utils.fix_fk.server.about import (
    RIGHTS_NEEDED,
    TABLE_RIGHTS,
    describe_account,
    rights_on,
)
from ansible.module_utils.fix_fk.server.flavour import end_of_time, version_number

# With one of these an account may set the time of rows where secure_timestamp is SUPER.
SUPER = re.compile(r"GRANT [^`]*\b(?:SUPER|BINLOG REPLAY|ALL PRIVILEGES)\b[^`]* ON \*\.\* ")

# Rights that views, triggers, routines and events take, by what the manifest calls them.
OBJECT_RIGHTS = {
    "views": ("CREATE VIEW",),
    "triggers": ("TRIGGER",),
    "routines": ("CREATE ROUTINE", "ALTER ROUTINE"),
    "events": ("EVENT",),
}


class Fitness(Session):
    """Looks at a backup before anything is changed."""

    def check_backup(self):
        """Refuse a backup that is not whole or does not fit this server."""
        manifest, given = self.manifest, self.given
        another = "take another backup."
        source = given["source_schema"] or self.live
        if manifest["schema"] != source:
            self.refuse(
                f"it is of the schema {manifest['schema']!r}, and the one to fill is {self.live!r}",
                f"name the backup's schema if that is meant: -e restore_source_schema="
                f"{manifest['schema']}",
            )
        with self.timed("file"):
            bytes_now = os.path.getsize(self.path)
            if bytes_now != manifest["bytes"]:
                self.refuse(
                    f"the file {self.path} has {bytes_now} bytes, and its manifest says "
                    f"{manifest['bytes']}",
                    another,
                )
            self.check_names()
            plain = find_compressor(self.module, manifest["compression"])
            encryption = manifest.get("encryption")
            self.compressor = opening(self.module, plain, encryption, given["identity"])
            if self.compressor is None:
                self.refuse(
                    f"it is encrypted to {', '.join(encryption['recipients'])}",
                    f"{needed(encryption, given['identity'])}.",
                )
            try:
                inspected = read_back(
                    self.path, self.compressor, self.module.tmpdir, Inspection(self.fence)
                )
            except OSError as error:
                self.refuse(f"the file {self.path} cannot be read: {error}", another)
            if inspected.sha256 != manifest["sha256"]:
                self.refuse(
                    f"the file {self.path} was altered: its SHA-256 is {inspected.sha256}, and its "
                    f"manifest says {manifest['sha256']}",
                    another,
                )
        made, here = manifest["server"], self.server
        if made["flavour"] != here["flavour"]:
            self.refuse(
                f"it is of a {made['flavour']} server ({made['version']}), and this one is "
                f"{here['flavour']} ({here['version']}); they do not read each other's dumps right",
                another,
            )
        if version_number(made["version"])[:2] > here["version_number"][:2]:
            self.refuse(
                f"it is of {made['flavour']} {made['version']}, which is newer than this server's "
                f"{here['version']}, and a dump does not go back in time",
                "restore it on a server of that version, or upgrade this one.",
            )
        if here["read_only"] or here["replica"]:
            self.refuse(
                "this server " + ("is read-only" if here["read_only"] else "is a replica"),
                "run it against the primary server.",
            )
        packet = rows_of(self.connection, "SELECT @@max_allowed_packet")[0][0]
        if manifest["content"]["longest_line"] >= packet:
            self.refuse(
                f"it has a row of {manifest['content']['longest_line']} bytes of SQL, and the "
                f"server takes {packet} (max_allowed_packet)",
                "let an administrator raise max_allowed_packet, then run it again.",
            )
        self.check_space()
        if inspected.problem and encryption:
            self.refuse(
                f"it cannot be decrypted here, or does not load: {inspected.problem}",
                f"{needed(encryption, given['identity'])}. If that is there, take another backup.",
            )
        if inspected.problem:
            self.refuse(f"it does not load: {inspected.problem}", another)
        self.check_content(inspected.content)
        self.check_fence(inspected.content.astray)
        self.check_history()
        # What is loaded is compared with the digest of this very content.
        self.fence.literals = False

    def check_names(self):
        """Refuse a manifest with a word in it that is no name, as it goes into statements."""
        for what, known in (
            ("charset", str.isidentifier),
            ("collation", str.isidentifier),
            ("compression", COMPRESSORS.__contains__),
        ):
            word = self.manifest[what]
            if not (isinstance(word, str) and word.isascii() and known(word)):
                self.refuse(
                    f"its manifest names the {what} {word!r}, which is none", "take another backup."
                )

    def check_fence(self, astray):
        """Refuse a backup whose statements would not stay in its schema.

        astray: None or the Astray of the first one in the dump.
        """
        where = f"the dump {self.path}"
        try:
            if astray:
                raise astray
            for part, kinds in (("views_as_text", ("VIEW",)), ("routines_as_text", ROUTINES)):
                where = f"its manifest, {part},"
                for text in self.manifest[part].values():
                    if text:
                        self.fence.definition(kinds, text)
        except Astray as found:
            self.refuse(
                f"{where} has a statement that is not for the schema {self.manifest['schema']} "
                f"alone, and nothing of it was sent: {found}",
                "take another backup, and find out who changed this one.",
            )

    def check_history(self):
        """Refuse when tables would come back without the rows that they had before."""
        kept = self.history
        lost = sorted(self.fence.versioned - set(kept) - set(self.given["accept_different"] or ()))
        if lost:
            named = ",".join(f'"{table}"' for table in lost)
            self.refuse(
                "the history of these system-versioned tables is not in it, so that they would "
                f"come back with their present rows only: {', '.join(lost)}",
                "take a backup that has it. If their history may be lost: -e "
                f"'{{\"restore_accept_different\": [{named}]}}'",
            )
        if not kept:
            return
        made, here = version_number(self.manifest["server"]["version"]), self.server
        if end_of_time(made) != end_of_time(here["version_number"]):
            self.refuse(
                f"it holds the history of {', '.join(sorted(kept))}, and this server "
                f"({here['version']}) would take the present rows for past ones, as they end at "
                f"another time than on {self.manifest['server']['version']}",
                "restore it on a server of that version.",
            )
        guarded = rows_of(self.connection, "SELECT @@secure_timestamp")[0][0]
        grants = " ".join(grant for (grant,) in rows_of(self.connection, "SHOW GRANTS"))
        if guarded != "NO" and not (guarded == "SUPER" and SUPER.search(grants)):
            self.refuse(
                f"it holds the history of {', '.join(sorted(kept))}, and the server does not let "
                f"this account write it (secure_timestamp={guarded})",
                "let an administrator start the server with secure_timestamp=NO, then run it "
                "again.",
            )

    def check_definers(self):
        """Refuse what is to be created in the name of others, where the account may not do that."""
        definers = self.fence.definers
        refused = refused_definers(self.connection, definers, self.pymysql)
        if refused:
            account = rows_of(self.connection, "SELECT CURRENT_USER()")[0][0]
            self.refuse(
                f"it holds what belongs to other accounts, and {account} may not create that in "
                f"their name: {describe_refused(definers, refused)}",
                f"let an administrator run:{typed(grant(account, refused) + ';')}"
                "Then run it again. Or name an account that has this right (database_user, "
                "database_password).",
            )

    def check_space(self):
        """Refuse when the server's disk, where it can be seen, cannot take the data once more."""
        datadir = rows_of(self.connection, "SELECT @@datadir")[0][0]
        if not (self.parameters.is_local and os.path.isdir(datadir)):
            return
        disk = os.statvfs(datadir)
        free = disk.f_bavail * disk.f_frsize
        data = self.manifest["data_bytes"] + self.manifest["index_bytes"]
        needed = max(data, self.manifest["content"]["bytes"])
        if free < needed:
            self.refuse(
                f"the disk under {datadir} has {free // 2**20} MiB free, and the backup takes "
                f"about {needed // 2**20} MiB when it is loaded",
                "make room, then run it again.",
            )

    def check_scratch(self):
        """Refuse when the account may not create a scratch schema."""
        for schema in (self.scratch, self.old):
            account = describe_account(self.connection, schema, self.pymysql)
            missing = account["missing_rights"]
            if missing:
                user, _, host = account["name"].rpartition("@")
                whom = f"{quote_identifier(user)}@{quote_identifier(host)}"
                pattern = quote_identifier(scratch_pattern(self.live))
                direct = (
                    ""
                    if self.given["state"] == "proven"
                    else f" Or empty the schema first and load the dump into it, without a scratch "
                    f"schema: -e restore_direct={self.live}"
                )
                self.refuse(
                    f"the account lacks {', '.join(missing)} on the scratch schema {schema}, into "
                    "which it is loaded to be compared",
                    "let an administrator grant them:"
                    f"{typed(f'GRANT ALL PRIVILEGES ON {pattern}.* TO {whom};')}"
                    f"Or name another account (database_user).{direct}",
                )

    def check_outside(self):
        """Refuse when other schemas refer to this one: they would follow the tables that leave."""
        outside = rows_of(
            self.connection,
            "SELECT DISTINCT TABLE_SCHEMA, TABLE_NAME, CONSTRAINT_NAME"
            " FROM information_schema.KEY_COLUMN_USAGE"
            " WHERE REFERENCED_TABLE_SCHEMA = %s AND TABLE_SCHEMA <> %s"
            " ORDER BY TABLE_SCHEMA, TABLE_NAME",
            (self.live, self.live),
        )
        if outside:
            named = ", ".join(f"{schema}.{table} ({name})" for schema, table, name in outside)
            self.refuse(
                f"tables of other schemas refer to this one: {named}; they would follow the tables "
                "that leave",
                f"drop these constraints, or empty the schema first: -e restore_direct={self.live}",
            )

    def check_rights(self):
        """Refuse when the account may not create in the live schema what the backup holds."""
        missing = describe_account(self.connection, self.live, self.pymysql)["missing_rights"]
        with contextlib.suppress(self.pymysql.MySQLError):
            grants = [grant for (grant,) in rows_of(self.connection, "SHOW GRANTS")]
            held = rights_on(grants, self.live)[0]
            # All privileges are shown as these, and cover the ones of objects.
            if not held >= TABLE_RIGHTS | set(RIGHTS_NEEDED):
                missing += [
                    right
                    for kind, rights in OBJECT_RIGHTS.items()
                    for right in rights
                    if self.manifest["objects"][kind] and right not in held
                ]
        if missing:
            self.refuse(
                f"the account lacks {', '.join(missing)} on the schema {self.live}",
                "grant them, or name another account (database_user, database_password).",
            )

    def check_content(self, content):
        """Refuse a dump that is another one than the manifest describes."""
        expected = self.manifest["content"]
        if not content.whole:
            self.refuse(
                "the dump ends without its last line '-- Dump completed'", "take another backup."
            )
        if (content.sha256, content.bytes) != (expected["sha256"], expected["bytes"]):
            self.refuse(
                f"the dump holds {content.bytes} bytes of SQL (SHA-256 {content.sha256}), and its "
                f"manifest says {expected['bytes']} ({expected['sha256']})",
                "take another backup.",
            )
        if content.tables != set(self.manifest["tables"]):
            odd = ", ".join(sorted(content.tables ^ set(self.manifest["tables"])))
            self.refuse(
                f"these tables are only in the dump or only in its manifest: {odd}",
                "take another backup.",
            )
