# SPDX-License-Identifier: GPL-3.0-or-later
"""Manifests with the seal of a key, and what is said of those without it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from ansible.module_utils.fix_fk.backup.manifest import read_manifest, write_manifest
from playbook import play

PLAYBOOK = "playbooks/restore.yml"
KEY, OTHER = "a" * 64, "b" * 64


@pytest.fixture
def module(run_module, schema, tmp_path):
    schema.run("CREATE TABLE t (id INT PRIMARY KEY);\nINSERT INTO t VALUES (1)")
    schema.grant("ALL PRIVILEGES", "`fix %`.*")

    def run(name, **more):
        given = {"dir": str(tmp_path / "b")} if name == "schema_backup" else {}
        return run_module(name, **schema.arguments, **given, **more)

    return run


def test_only_the_seal_of_the_key_is_taken(module, schema):
    plain = module("schema_backup", contents=True)["backup"]["path"]
    sealed = module("schema_backup", contents=True, key=KEY)["backup"]["path"]
    assert KEY not in Path(sealed + ".json").read_text(encoding="utf-8")
    for path, key, said in (
        (plain, KEY, "has no seal of the key in backup_key"),
        (sealed, OTHER, "was not made with the key in backup_key"),
    ):
        for more in ({"state": "proven"}, {"check_mode": True}, {}):
            result = module("schema_restore", backup=path, key=key, **more)
            assert result["failed"] and said in result["msg"], result
            assert "-e backup_key=" in result["msg"]
    assert not module("schema_restore", backup=plain, state="proven")["failed"]
    proven = module("schema_restore", backup=sealed, state="proven", key=KEY)
    assert not proven["failed"] and proven["restore"]["proof_level"] == "L2"
    assert read_manifest(sealed, KEY)["proof_level"] == "L2"
    schema.sql("DELETE FROM t")
    assert not module("schema_restore", backup=sealed, key=KEY)["failed"]
    assert schema.sql("SELECT id FROM t") == ((1,),)


def test_a_manifest_that_somebody_sealed_anew_is_refused(module):
    path = module("schema_backup", contents=True, key=KEY)["backup"]["path"]
    manifest = json.loads(Path(path + ".json").read_text(encoding="utf-8"))
    changes: tuple[dict, ...] = (
        {"tables": {}},
        {"sha256": "0" * 64},
        {"hmac": None},
        {"hmac": "é"},
    )
    for change in changes:
        # All that is known of the seal but the key.
        write_manifest(path, {**manifest, **change}, None if "hmac" in change else OTHER)
        result = module("schema_restore", backup=path, key=KEY)
        assert result["failed"] and "backup_key" in result["msg"], (change, result)
    listed = module("schema_restore", dir=str(Path(path).parent), state="listed", key=KEY)
    assert "backup_key" in listed["backups"][0]["problem"]


def test_a_proof_without_the_key_leaves_the_seal_as_it_is(module):
    path = module("schema_backup", contents=True, key=KEY)["backup"]["path"]
    result = module("schema_restore", backup=path, state="proven")
    assert not result["failed"] and any(
        "backup_key" in text for text in result["restore"]["warnings"]
    )
    assert read_manifest(path, KEY)["proof_level"] == "L0"


def test_the_playbooks_seal_and_ask_for_the_seal(kept, run_module, tmp_path):
    kept.broken()
    key = tmp_path / "key"
    key.write_text("0123456789abcdef0123456789abcdef\n")
    key.chmod(0o600)
    given = {
        "database_socket": kept.socket,
        "database_user": kept.user,
        "database_password": kept.password,
        "database_name": kept.database,
    }
    folder = str(Path(kept.dir, "backups"))
    plain = run_module("schema_backup", **given, dir=folder, contents=True)["backup"]
    played = play(kept, PLAYBOOK, restore_backup=plain["id"], backup_key=str(key))
    assert played.rc == 2 and "no seal of the key" in played.report["summary"], played.screen
    kept.sql(f"DELETE FROM `{kept.database}`.sessions")
    played = play(kept, PLAYBOOK, restore_backup=plain["id"])
    assert played.rc == 0, played.screen
    # The safety backup of one with a key can be put back by one with that key.
    kept.sql(f"INSERT INTO `{kept.database}`.cache VALUES ('x', 'y', 1)")
    made = play(kept, "fix_fk.yml", backup_key=str(key), rehearsal_level="none")
    assert made.rc == 0, made.screen
    played = play(kept, PLAYBOOK, restore_backup=made.report["backup"]["id"], backup_key=str(key))
    assert played.rc == 0, played.screen
    assert played.report["backup"]["id"] != made.report["backup"]["id"]
    digest = hashlib.sha256(key.read_bytes().strip()).hexdigest()
    for text in (key.read_text().strip(), digest):
        assert text not in made.everything() + played.everything()
    key.chmod(0o644)
    played = play(kept, "fix_fk.yml", "--check", backup_key=str(key))
    assert played.rc == 2 and f"chmod 0600 {key}" in played.screen


def test_old_backups_go_when_one_has_been_made_and_the_list_says_which(kept):
    """On a healthy schema with nothing aside; while a repair has left rows aside, none goes."""
    kept.present()
    folder = Path(kept.dir, "backups")
    for path in folder.glob("*"):
        path.unlink()

    def made():
        return sorted(path.name for path in folder.glob("*.zst"))

    kept.broken()
    for number in range(2):
        assert play(kept, "fix_fk.yml", rehearsal_level="none", backup_keep=1).rc == 0
        kept.broken()
        assert len(made()) == 1, number
    listed = play(kept, PLAYBOOK, backup_keep=1)
    assert listed.rc == 0 and "  together " in listed.screen, listed.screen
    assert "kept, as it is the newest" in listed.page
    kept.sql(f"INSERT INTO `{kept.database}`.cache VALUES ('x', 'y', 1)")
    # None goes while one of them is put back, the wanted one least of all.
    (wanted,) = made()
    given = {"restore_backup": wanted.partition(".")[0], "backup_keep": 1}
    played = play(kept, PLAYBOOK, **given)
    assert played.rc == 0 and len(made()) == 2, played.screen
