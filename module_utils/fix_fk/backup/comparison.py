# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a schema is what the manifest of a backup says."""

from __future__ import annotations

import contextlib

from ansible.module_utils.fix_fk.backup.fitness import Fitness
from ansible.module_utils.fix_fk.backup.manifest import DESCRIBED
from ansible.module_utils.fix_fk.schema.contents import (
    list_versioned,
    read_contents,
    read_history,
    snapshot,
)
from ansible.module_utils.fix_fk.schema.objects import (
    describe_objects,
    describe_sequences,
    describe_structure,
)
from ansible.module_utils.fix_fk.schema.sql import quote_table, rows_of
from ansible.module_utils.fix_fk.schema.tables import count_rows, list_tables

# Counting the rows of one live table may take so many seconds, and a table of so many is compared.
SECONDS = 10
COMPARED = 1_000_000


class Comparison(Fitness):
    """A backup that fits, held against what is in a schema."""

    def objects(self, schema=None):
        """Return {kind: {name: digest}} of what a schema has, without what the backup has as text.

        schema: the live one, when none is named.
        """
        as_text = {*self.manifest["views_as_text"], *self.manifest["routines_as_text"]}
        return {
            kind: {name: digest for name, digest in names.items() if name not in as_text}
            for kind, names in (
                self.manifest["objects"]
                if schema is None
                else describe_objects(self.connection, schema)
            ).items()
        }

    def is_restored(self):
        """Whether the live schema already is what the backup holds, as far as can be told."""
        manifest = self.manifest
        if not (manifest["contents"] and self.comparable and manifest["schema"] == self.live):
            return False
        tables = sorted(list_tables(self.connection, self.live)[0])
        return (
            tables == sorted(manifest["tables"])
            and self.objects(self.live) == self.objects()
            and not self.different(self.live, quick=True)
        )

    @property
    def comparable(self):
        """Whether definitions here look as they did where the backup was made."""
        return self.same_version and self.manifest.get("described") == DESCRIBED

    def compare_programs(self, schema, left_out):
        """Refuse when views, triggers and routines of a schema are not what the manifest says.

        left_out: {"view v"} of those that are not created in that schema.
        """
        found, said = self.objects(schema), self.objects()
        lost = []
        for kind in sorted(said.keys() - {"events"}):
            for name in sorted(found[kind].keys() | said[kind].keys()):
                one, other = found[kind].get(name), said[kind].get(name)
                if (name if kind == "routines" else f"{kind[:-1]} {name}") in left_out:
                    continue
                if one is None or other is None:
                    lost.append(f"{kind[:-1]} {name} is {'not' if one is None else 'only'} in it")
                elif self.comparable and one and other and one != other:
                    lost.append(f"{kind[:-1]} {name} has another definition")
        self.refuse_different(lost)

    def compare_events(self, texts):
        """Refuse when the events of a dump are not what the manifest says.

        texts: {"event e": digest_of() it}. In a scratch schema they would run.
        """
        lost = []
        said = self.manifest.get("event_texts") or {}
        for name in sorted(self.objects()["events"]):
            text = texts.get(f"event {name}")
            if text is None:
                lost.append(f"event {name} is not in it")
            elif text != said.get(name, text):
                lost.append(f"event {name} has another definition")
        self.refuse_different(lost)

    def refuse_different(self, lost):
        if lost:
            self.refuse(
                f"loaded, it differs from its manifest: {'; '.join(lost)}", "take another backup."
            )

    def compare(self, schema, found):
        """Refuse when the tables of a schema are not what the manifest says.

        found: {table: what read() gave}, as far as that was read while the others were loaded.
        """
        with self.timed("compare"):
            different = self.different(schema, found)
        if different:
            tables = ",".join(f'"{table}"' for table in sorted(different))
            self.refuse(
                "loaded, it differs from its manifest: "
                + "; ".join(f"{table} {what}" for table, what in sorted(different.items())),
                "take another backup. If these tables were written to while the backup was made, "
                f"and what was loaded will do: -e '{{\"restore_accept_different\": [{tables}]}}'",
            )

    def different(self, schema, found=None, quick=False):
        """Return {table: in what it differs from the manifest}.

        found: what has been read already; quick: no table may differ, and when one does, not all
        need to be named.
        """
        manifest, connection = self.manifest, self.connection
        tables = sorted(list_tables(connection, schema)[0])
        different = {table: "is not there" for table in manifest["tables"] if table not in tables}
        different.update(
            (table, "is not in it") for table in tables if table not in manifest["tables"]
        )
        common = [table for table in tables if table in manifest["tables"]]
        if self.same_version:
            ids: dict = {}
            structure = describe_structure(connection, schema, common, ids)
            different.update(
                (table, "has another structure")
                for table in common
                if structure[table] != manifest["structure"][table]
            )
            if "ids" in manifest:
                different.update(self.other_numbers(schema, ids, quick))
        if different and quick:
            return different
        if quick and self.rows_differ(common):
            return dict.fromkeys(common, "has other rows")
        rows = dict(found or {})
        try:
            rows.update(
                self.read(self.connection, schema, [table for table in common if table not in rows])
            )
        except ValueError as error:
            self.refuse(str(error), "let an administrator raise max_allowed_packet.")
        for table in common:
            read, said = rows[table], (manifest["contents"] or {}).get(table)
            if table in different:
                continue
            if read["rows"] != manifest["tables"][table]:
                what = f"has {read['rows']} rows, and {manifest['tables'][table]} were counted"
            elif said and read["digest"] != said["digest"]:
                what = f"has its {read['rows']} rows with another content"
            elif read["history"] != self.history.get(table):
                what = "has another history"
            else:
                continue
            if not quick and table in (self.given["accept_different"] or ()):
                self.exact = False
                self.warnings.append(f"{table} {what}; that was accepted.")
            else:
                different[table] = what
        return different

    def other_numbers(self, schema, ids, exactly):
        """Yield (table or sequence, in what it differs) of what would give numbers out again.

        ids: as describe_structure() has them; exactly: whether numbers that were passed over, as
        may be while an application works, are a difference too.
        """
        for table, following in self.manifest["ids"].items():
            now = ids.get(table, 1)
            if now < following or (exactly and now != following):
                yield table, f"would give the id {now} next, and {following} was to come"
        found, said = describe_sequences(self.connection, schema), self.manifest["sequences"]
        for name in sorted(found.keys() | said.keys()):
            one, other = found.get(name), said.get(name)
            if one is None or other is None:
                yield name, f"is {'not' if one is None else 'only'} in it"
            elif one["definition"] != other["definition"]:
                yield name, "has another structure"
            elif one["next"] != other["next"] and (
                exactly or (one["next"] < other["next"]) == (other["step"] >= 0)
            ):
                yield name, f"would give {one['next']} next, and {other['next']} was to come"

    def read(self, connection, schema, tables):
        """Return {table: {rows, history, and with a manifest that has them digest}}."""
        contents = self.manifest["contents"]
        if contents:
            columns = {table: contents[table]["columns"] for table in tables if table in contents}
            found = read_contents(connection, schema, tables, columns)
        else:
            found = {table: {"rows": self.count(connection, schema, table)} for table in tables}
        past = {}
        if not self.history.keys().isdisjoint(tables):
            versioned = list_versioned(connection, schema)
            with snapshot(connection):
                past = read_history(
                    connection,
                    schema,
                    {
                        table: versioned[table]
                        for table in tables
                        if table in self.history and versioned.get(table)
                    },
                    bool(contents),
                )
        return {table: dict(about, history=past.get(table)) for table, about in found.items()}

    def now_there(self):
        """Return {table: {rows, same}} of the live tables: how many rows (None: not counted in
        time), and whether they are those of the backup (None: not compared)."""
        told, contents = self.manifest["tables"], self.manifest["contents"] or {}
        question = {"kind": "rows", "columns": [], "values": {}}
        found = {}
        for table in sorted(list_tables(self.connection, self.live)[0]):
            asked = {**question, "table": table}
            counted = count_rows(
                self.connection, self.live, asked, SECONDS, self.server["flavour"], self.pymysql
            )
            found[table] = {"rows": counted["rows"], "same": None}
            if counted["rows"] != told.get(table):
                found[table]["same"] = None if counted["rows"] is None else False
            elif table in contents and counted["rows"] <= COMPARED:
                with contextlib.suppress(ValueError, self.pymysql.MySQLError):
                    read = self.read(self.connection, self.live, [table])[table]
                    found[table]["same"] = read["digest"] == contents[table]["digest"]
        return found

    def rows_differ(self, tables):
        """Whether some live table has not as many rows as the manifest says."""
        return any(
            self.count(self.connection, self.live, table) != self.manifest["tables"][table]
            for table in tables
        )

    def count(self, connection, schema, table):
        query = f"SELECT COUNT(*) FROM {quote_table(schema, table)}"  # noqa: S608
        return rows_of(connection, query)[0][0]

    def level(self):
        """Return what is proven of the backup after stage()."""
        return "L2" if self.exact else "L1"

    def verify(self):
        """Refuse, too late to undo it, when the live schema is not what the backup holds."""
        with self.timed("verify"):
            manifest = self.manifest
            tables = sorted(list_tables(self.connection, self.live)[0])
            problems = []
            if tables != sorted(manifest["tables"]):
                odd = sorted(set(tables) ^ set(manifest["tables"]))
                problems.append(f"tables that are missing or should not be there: {', '.join(odd)}")
            found, said = self.objects(self.live), self.objects()
            for kind, expected in said.items():
                odd = sorted(set(found[kind]) ^ set(expected))
                if odd:
                    problems.append(
                        f"{kind} that are missing or should not be there: {', '.join(odd)}"
                    )
                other = sorted(
                    name
                    for name in set(found[kind]) & set(expected)
                    if found[kind][name] and expected[name] and found[kind][name] != expected[name]
                )
                if other and self.comparable:
                    problems.append(f"{kind} with another definition: {', '.join(other)}")
        if problems:
            self.refuse(
                "what was put back is not complete: " + "; ".join(problems), "run it again."
            )
