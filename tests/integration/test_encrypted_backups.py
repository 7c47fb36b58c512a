# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups that only named recipients can read."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from playbook import play

has = {name: shutil.which(name) for name in ("age", "gpg")}
WORD = b"a word that is in no public file"


class Keys:
    """A pair of keys of a program; identity: the file that reads, or None where gpg has it."""

    def __init__(self, program, folder, monkeypatch):
        self.program, self.home = program, folder / "gnupg"
        self.identity: str | None = None
        if program == "age":
            self.identity = str(folder / "identity")
            made = subprocess.run(
                ["age-keygen", "-o", self.identity], stderr=subprocess.PIPE, check=True
            )
            self.recipient = made.stderr.decode().split()[-1]
            return
        self.recipient = "backup@example.org"
        self.home.mkdir(mode=0o700)
        monkeypatch.setenv("GNUPGHOME", str(self.home))
        quick = ["--batch", "--passphrase", "", "--quick-generate-key", self.recipient]
        subprocess.run(["gpg", *quick], check=True, stderr=subprocess.DEVNULL)

    def away(self):
        """Leave the public key alone."""
        if self.identity:
            os.rename(self.identity, self.identity + ".away")
        else:
            subprocess.run(["gpgconf", "--kill", "gpg-agent"], check=True)
            os.rename(self.home / "private-keys-v1.d", self.home / "away")

    def back(self):
        if self.identity:
            os.rename(self.identity + ".away", self.identity)
        else:
            subprocess.run(["gpgconf", "--kill", "gpg-agent"], check=True)
            shutil.rmtree(self.home / "private-keys-v1.d", ignore_errors=True)
            os.rename(self.home / "away", self.home / "private-keys-v1.d")


@pytest.fixture(
    params=[
        pytest.param(name, marks=pytest.mark.skipif(not has[name], reason=f"no {name}"))
        for name in has
    ]
)
def keys(request, tmp_path, monkeypatch):
    made = Keys(request.param, tmp_path, monkeypatch)
    yield made
    if made.program == "gpg":
        subprocess.run(["gpgconf", "--kill", "gpg-agent"], check=False)


@pytest.fixture
def module(run_module, schema, tmp_path):
    schema.run("CREATE TABLE t (id INT PRIMARY KEY, v LONGTEXT)")
    schema.sql("INSERT INTO t VALUES (1, %s)", WORD.decode() * 5000)
    schema.grant("ALL PRIVILEGES", "`fix %`.*")

    def run(name, **more):
        given = {"dir": str(tmp_path / "b"), "contents": True} if name == "schema_backup" else {}
        return run_module(name, **schema.arguments, **given, **more)

    return run


@pytest.mark.parametrize("compression", ["zstd", "gzip"])
def test_it_is_read_with_the_secret_key_alone(module, keys, schema, compression):
    made = module("schema_backup", recipients=[keys.recipient], compression=compression)
    assert not made["failed"], made["msg"]
    made = made["backup"]
    assert made["encryption"] == {"program": keys.program, "recipients": [keys.recipient]}
    assert made["path"].endswith(f".{keys.program}") and made["proof_level"] == "L0"
    content = Path(made["path"]).read_bytes()
    assert WORD not in content and content[:4] != b"\x28\xb5\x2f\xfd"
    keys.away()
    schema.sql("UPDATE t SET v = 'x'")
    given = {"backup": made["path"], "identity": keys.identity}
    for more in ({"state": "proven"}, {"check_mode": True}, {}):
        result = module("schema_restore", **given, **more)
        assert result["failed"] and "Nothing was changed" in result["msg"], result
        assert keys.recipient in result["msg"] and "secret key" in result["msg"], result["msg"]
        assert ("backup_identity=" in result["msg"]) == (keys.program == "age")
    assert schema.sql("SELECT v FROM t") == (("x",),)
    keys.back()
    proven = module("schema_restore", **given, state="proven")
    assert not proven["failed"] and proven["restore"]["proof_level"] == "L2", proven
    result = module("schema_restore", **given)
    assert not result["failed"], result["msg"]
    assert schema.sql("SELECT LENGTH(v) FROM t") == ((len(WORD) * 5000,),)


def test_a_damaged_one_is_refused(module, keys):
    path = module("schema_backup", recipients=[keys.recipient])["backup"]["path"]
    content = bytearray(Path(path).read_bytes())
    content[len(content) // 2] ^= 1
    Path(path).write_bytes(content)
    result = module("schema_restore", backup=path, identity=keys.identity)
    assert result["failed"] and "was altered" in result["msg"], result


@pytest.mark.parametrize("check_mode", [True, False])
def test_what_cannot_be_encrypted_is_not_made(module, keys, tmp_path, monkeypatch, check_mode):
    def refused(*recipients, **more):
        result = module("schema_backup", recipients=list(recipients), check_mode=check_mode, **more)
        assert result["failed"] and "No backup was made and nothing was changed" in result["msg"]
        assert not list((tmp_path / "b").glob("*")), result
        return result["msg"]

    odd = "age1nobody" if keys.program == "age" else "nobody@example.org"
    assert f"cannot encrypt to {odd}" in refused(odd)
    assert "of age and of gpg" in refused("age1a", "b@c")
    if keys.program == "age":
        said = refused(keys.recipient, proven=True)
        assert "could not read it" in said and "backup_identity" in said
    empty = tmp_path / "bin"
    empty.mkdir()
    for name in ("zstd", "gzip", "mariadb-dump", "mysqldump"):
        if shutil.which(name):
            (empty / name).symlink_to(shutil.which(name))
    monkeypatch.setattr(
        "ansible.module_utils.basic.AnsibleModule.get_bin_path",
        lambda _self, name, *_: shutil.which(name, path=str(empty)),
    )
    assert f"{keys.program} is not on this host's PATH" in refused(keys.recipient)


def test_the_playbook_refuses_before_anything_is_changed(kept):
    kept.broken()
    before = kept.schema_dump()
    for check in (True, False):
        played = play(
            kept, check=check, rehearsal_level="none", backup_recipients=["nobody@nowhere"]
        )
        assert played.rc == 2 and "gpg" in played.everything(), played.screen
        assert kept.schema_dump() == before
        assert not Path(kept.app, "storage", "framework", "down").exists()
