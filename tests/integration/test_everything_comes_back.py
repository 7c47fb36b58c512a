# SPDX-License-Identifier: GPL-3.0-or-later
"""One of everything that a schema can hold, backed up and put back: what does not come back is
named before anything is changed, and nothing else is another one afterwards."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from ansible.module_utils.fix_fk.backup.manifest import DESCRIBED, write_manifest
from everything import FREE, PIECES, READING, look
from sandbox import ON_MARIADB

# What the manifest says of a schema, and not of the file.
DESCRIPTION = (
    "tables", "contents", "history", "structure", "objects", "ids", "sequences",
    "event_texts", "described",
)  # fmt: skip
# The view that is lost, and said to be, can be changed once.
CHANGING = [piece for piece in PIECES if piece.name != "a view of what is gone"]


@pytest.fixture
def whole(schema):
    """A schema with all PIECES, of an account that may put them back; .cursor is the account's."""
    schema.grant("ALL PRIVILEGES", "`fix %`.*")
    schema.grant(FREE, "*.*")
    schema.grant(*READING)
    if not ON_MARIADB:
        schema.sql("SET GLOBAL log_bin_trust_function_creators = 1")
    with contextlib.closing(schema.connect(autocommit=True)) as connection:
        schema.connection, schema.cursor = connection, connection.cursor()
        for piece in PIECES:
            do(schema, piece.make)
        yield schema


def do(schema, statements):
    for statement in statements:
        schema.cursor.execute(statement)


@pytest.fixture
def module(run_module, whole, tmp_path):
    """Run schema_backup or schema_restore on it."""

    def run(name, **more):
        given = {"dir": str(tmp_path / "backups")} if name == "schema_backup" else {}
        return run_module(name, **whole.arguments, **given, **more)

    return run


def backup(module):
    made = module("schema_backup", contents=True)
    assert not made["failed"], made["msg"]
    return made["backup"]


def differences(one, other):
    return sorted(what for what in {*one, *other} if one.get(what) != other.get(what))


def test_all_comes_back_or_is_named_before_anything_is_changed(whole, module):
    before, made = look(whole.connection, whole.name), backup(module)
    for name in ("look_at_it_first", "and_then"):
        for piece in CHANGING[::2]:
            do(whole, piece.change)
        looked = module("schema_restore", backup=made["path"], check_mode=True)
        assert not looked["failed"], looked["msg"]
        warned = " ".join(looked["restore"]["warnings"])
        assert "floats.f (1 rows)" in warned and "invalid" in warned, warned
        assert all(warning in made["warnings"] for warning in looked["restore"]["warnings"])
        direct = {"direct": whole.name} if name == "and_then" else {}
        done = module("schema_restore", backup=made["path"], **direct)
        assert not done["failed"], done["msg"]
        after = look(whole.connection, whole.name)
        assert differences(before, after) == ["VIEW invalid", "rows floats"]
        assert [row for row in after["rows floats"] if row not in before["rows floats"]] == [
            "(3, 16777200.0)"
        ]


def test_every_difference_is_seen_in_the_live_schema(whole, module):
    do(whole, ["DROP VIEW invalid", "UPDATE floats SET f = 3 WHERE id = 3"])
    before, made = look(whole.connection, whole.name), backup(module)
    looked = module("schema_restore", backup=made["path"], check_mode=True)
    assert looked["restore"]["already"], looked
    for piece in CHANGING:
        do(whole, piece.change)
        assert differences(before, look(whole.connection, whole.name)), piece.name
        looked = module("schema_restore", backup=made["path"], check_mode=True)
        assert not looked["failed"] and not looked["restore"]["already"], piece.name
        done = module("schema_restore", backup=made["path"])
        assert not done["failed"], (piece.name, done["msg"])
        assert not differences(before, look(whole.connection, whole.name)), piece.name


def test_every_difference_is_seen_in_a_proof(whole, module):
    """The description of a schema beside the dump of one that is different in everything."""
    description = json.loads(Path(backup(module)["manifest"]).read_text(encoding="utf-8"))
    assert description["described"] == DESCRIBED

    def seen():
        path = backup(module)["path"]
        manifest = json.loads(Path(path + ".json").read_text(encoding="utf-8"))
        manifest.update({part: description[part] for part in DESCRIPTION})
        write_manifest(path, manifest)
        result = module("schema_restore", backup=path, state="proven")
        assert result["failed"] and "Nothing was changed" in result["msg"], result
        return result["msg"]

    for kind in ("event", "object", "table"):
        # What is compared later is not said once these differ.
        changed = [piece for piece in PIECES if piece.kind == kind]
        for piece in changed:
            do(whole, piece.change)
        said = seen()
        assert "it differs from its manifest" in said, said
        missing = [piece.name for piece in changed if f"{piece.seen} " not in said]
        assert not missing, (missing, said)


def test_a_routine_that_may_not_be_read_keeps_nothing_else_from_coming_back(
    whole, run_module, tmp_path
):
    """All routines are text then, those that views call too, with their sql_mode."""
    whole.only("ALL PRIVILEGES")
    whole.grant("ALL PRIVILEGES", "`fix %`.*")
    whole.grant(FREE, "*.*")
    do(whole, ["DROP VIEW invalid", "UPDATE floats SET f = 3 WHERE id = 3"])
    with whole.connect(autocommit=True) as connection:
        before = look(connection, whole.name)
        made = run_module(
            "schema_backup", **whole.arguments, dir=str(tmp_path / "b"), contents=True
        )
        assert any("definition of function g" in text for text in made["backup"]["warnings"]), made
        path = made["backup"]["path"]
        proof = run_module("schema_restore", **whole.arguments, backup=path, state="proven")
        assert not proof["failed"] and proof["restore"]["proof_level"] == "L2", proof
        do(whole, ["DROP PROCEDURE doing", "DROP VIEW calling", "UPDATE plain SET v = 8"])
        done = run_module("schema_restore", **whole.arguments, backup=path)
        assert not done["failed"], done["msg"]
        assert not differences(before, look(connection, whole.name))
