# SPDX-License-Identifier: GPL-3.0-or-later
"""Option 1 over a real sshd on loopback, as a user who may do nothing but own the application.

The Python of the target is the system's, which lacks PyMySQL: it comes along with the tasks and
nothing of it stays.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import pwd
import re
import secrets
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
import yaml
from ansible.module_utils.fix_fk.scratch.embedded import free_port, program
from playbook import PROJECT, play
from sandbox import Sandbox

FAILED = "2026_01_25_000000_total_refactor_skp_system"
NEXT = "2026_01_26_000000_refactor_skp_tahunan_detail"
NAMES = ("fk_skp_tahunan_user", "fk_skp_tahunan_approved_by")
PYTHON = "/usr/bin/python3"
ROOT = os.geteuid() == 0


@pytest.fixture(scope="module")
def user():
    """Who logs in: a system user made for this when the tests run as root, else who runs them."""
    if not ROOT:
        yield pwd.getpwnam(getpass.getuser())
        return
    name = f"fixfk{secrets.token_hex(3)}"
    home = tempfile.mkdtemp(prefix="fix_fk_home_")
    try:
        # "*" is no password and, unlike useradd's "!", no locked account.
        subprocess.run(
            ["useradd", "--home-dir", home, "--shell", "/bin/sh", "--password", "*", name],
            check=True,
        )
        account = pwd.getpwnam(name)
        os.chown(home, account.pw_uid, account.pw_gid)
        yield account
    finally:
        subprocess.run(["userdel", "--force", name], check=False, capture_output=True)
        shutil.rmtree(home)


@pytest.fixture(scope="module")
def folder():
    """A folder that the other user can reach into."""
    path = tempfile.mkdtemp(prefix="fix_fk_ssh_")
    os.chmod(path, 0o755)  # noqa: S103
    yield Path(path)
    shutil.rmtree(path)


def children(parent):
    """Return the ids of the processes that a process started itself."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(path.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(path.parent.name))
    return found


@pytest.fixture(scope="module")
def sshd(user, folder):
    """The variables with which Ansible logs in at an sshd of our own."""
    keys = folder / "ssh"
    keys.mkdir()
    for name in ("host", "login"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(keys / name)], check=True
        )
    port = free_port()
    (keys / "known_hosts").write_text(f"[127.0.0.1]:{port} {(keys / 'host.pub').read_text()}")
    # Strictly ours, and readable for the user it is for.
    authorized = keys / "authorized_keys"
    shutil.copy(keys / "login.pub", authorized)
    authorized.chmod(0o644)
    (keys / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1:{port}\n"
        f"HostKey {keys / 'host'}\n"
        f"AuthorizedKeysFile {authorized}\n"
        f"PidFile {keys / 'pid'}\n"
        f"AllowUsers {user.pw_name}\n"
        f"PasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\n"
        # The folder is below one that everybody may write to.
        "StrictModes no\n"
    )
    separation = Path("/run/sshd")
    made = ROOT and not separation.exists()
    if made:
        separation.mkdir(mode=0o755)
    server = subprocess.Popen(
        [program("sshd", "openssh-server"), "-D", "-e", "-f", str(keys / "sshd_config")],
        stdin=subprocess.DEVNULL,
        stderr=(keys / "log").open("wb"),
    )
    try:
        deadline = time.monotonic() + 20
        while b"Server listening" not in (keys / "log").read_bytes():
            assert server.poll() is None, (keys / "log").read_text()
            assert time.monotonic() < deadline, (keys / "log").read_text()
            time.sleep(0.02)
        yield {
            "ansible_connection": "ssh",
            "ansible_host": "127.0.0.1",
            "ansible_port": port,
            "ansible_user": user.pw_name,
            "ansible_ssh_private_key_file": str(keys / "login"),
            "ansible_ssh_common_args": f"-F /dev/null -o UserKnownHostsFile={keys}/known_hosts"
            " -o IdentitiesOnly=yes",
            "ansible_python_interpreter": PYTHON,
        }
    finally:
        # A connection that Ansible keeps open for its next run would outlive the listener.
        for child in children(server.pid):
            os.kill(child, signal.SIGTERM)
        server.terminate()
        server.wait(10)
        if made:
            separation.rmdir()


@pytest.fixture(scope="module")
def kept(folder, user):
    sandbox = Sandbox(folder / "sandbox")
    sandbox.present()
    if ROOT:
        sandbox.give_to(user.pw_name)
    yield sandbox
    sandbox.absent()


@pytest.fixture
def host(kept, sshd, user):
    """The incident, and the variables of the host that has it."""
    kept.broken()
    if ROOT:
        kept.give_to(user.pw_name)
    return {**kept.variables(), **sshd, "backup_dir": "~/fix_fk_backups"}


@pytest.fixture
def home(user):
    """The user's home; what a test left behind there for the tool's sake is removed after it."""
    path = Path(user.pw_dir)
    yield path
    shutil.rmtree(path / "fix_fk_backups", ignore_errors=True)


def left_by(user, place, without=()):
    """Return the files below a place that belong to the user, with their content."""
    found = {}
    for current, folders, names in os.walk(place):
        folders[:] = [
            name
            for name in folders
            if os.path.join(current, name) not in without
            # What ansible-playbook itself has there, where these tests run as the same user.
            and not (name == "cp" or name.startswith("ansible-local-"))
        ]
        for name in names:
            path = Path(current, name)
            # Others have their temporary files there, too.
            with contextlib.suppress(FileNotFoundError):
                status = path.lstat()
                if status.st_uid == user.pw_uid:
                    plain = stat.S_ISREG(status.st_mode)
                    found[str(path)] = path.read_bytes() if plain else status.st_mode
    return found


def beside(sandbox, home, user):
    """Return the user's temporary files; those of whoever runs the tests come and go."""
    return left_by(user, tempfile.gettempdir(), [sandbox.dir, str(home)]) if ROOT else {}


def test_the_target_lacks_what_must_be_brought_along(user):
    asked = subprocess.run(
        [PYTHON, "-c", "import pymysql"],
        capture_output=True,
        text=True,
        env={"HOME": user.pw_dir},
        check=False,
        **({"user": user.pw_uid, "group": user.pw_gid} if ROOT else {}),
    )
    assert asked.returncode == 1 and "No module named 'pymysql'" in asked.stderr


def test_check_over_ssh_writes_nothing(kept, host, home, user):
    before = kept.schema_dump(), kept.files(), left_by(user, home, [str(PROJECT)])
    run = play({"app": host}, check=True)
    assert run.rc == 0, run.screen
    assert "ALTER TABLE `skp_tahunan` DROP FOREIGN KEY `fk_skp_tahunan_user`" in run.screen
    assert run.stats("changed") == 0
    assert (kept.schema_dump(), kept.files(), left_by(user, home, [str(PROJECT)])) == before


def test_the_incident_is_repaired_over_ssh(kept, host, home, user):
    rows = kept.sql("SELECT * FROM skp_tahunan_backup_v1 ORDER BY id")
    before = left_by(user, home, [str(PROJECT)]), beside(kept, home, user)
    run = play({"app": host}, environment={"ANSIBLE_VERBOSITY": "3"})
    assert run.rc == 0, run.screen
    assert run.report["outcome"] == "repaired_rows_aside"
    assert all(check["ok"] for check in run.report["checks"])
    assert kept.sql("SELECT * FROM skp_tahunan_backup_v1 ORDER BY id") == rows
    assert [kept.holders(name) for name in NAMES] == [["skp_tahunan"]] * 2
    assert kept.recorded()[-2:] == [FAILED, NEXT]
    assert not Path(kept.app, "storage/framework/down").exists()
    assert kept.password not in run.everything()
    # Every module came through the pipe: no file was copied over.
    assert "SSH: EXEC" in run.screen or "ESTABLISH SSH CONNECTION" in run.screen
    assert " PUT " not in run.screen and "sftp" not in run.screen
    # The backup is there, for its owner only, and nothing else.
    backup = Path(run.report["backup"]["path"])
    assert backup.parent == home / "fix_fk_backups"
    assert {path.name for path in backup.parent.iterdir()} == {
        backup.name,
        Path(run.report["backup"]["manifest"]).name,
    }
    assert stat.S_IMODE(backup.parent.stat().st_mode) == 0o700
    for path in (backup.parent, *backup.parent.iterdir()):
        assert path.stat().st_uid == user.pw_uid
        assert path.is_dir() or stat.S_IMODE(path.stat().st_mode) == 0o600
    shutil.rmtree(backup.parent)
    assert (left_by(user, home, [str(PROJECT)]), beside(kept, home, user)) == before
    remote_tmp = home / ".ansible" / "tmp"
    assert list(remote_tmp.glob("ansible-tmp-*")) == []
    # And what came along with the tasks is not among what anybody reads.
    assert "pymysql_archive" not in run.page


def snippets():
    """Return what docs/deployment.md says to run, {its heading: lines for a shell}."""
    text = (PROJECT / "docs/deployment.md").read_text(encoding="utf-8")
    found = {}
    for part in text.split("\n## ")[1:]:
        heading, _, rest = part.partition("\n")
        block = re.search(r"```(sh|yaml)\n(.*?)```", rest, re.DOTALL)
        if not block:
            continue
        kind, code = block.groups()
        read = yaml.safe_load(code) if kind == "yaml" else {}
        if heading == "GitHub Actions":
            ahead, migrate, repair = read
            assert repair["if"] == f"steps.{migrate['id']}.outcome == 'failure'"
            assert migrate["continue-on-error"]
            code = f"cd $FIX_FK\n{ahead['run']}\n{migrate['run']} || {repair['run']}"
        elif kind == "yaml":
            code = "\n".join(read["migrate"]["script"])
        found[heading] = f"set -e\n{code}"
    return found


def deploys(code, kept, host, folder, sshd):
    """Run lines of a deployment: what the docs call deploy@web1 and production are ours."""
    work = folder / "work"
    work.mkdir(exist_ok=True)
    for name in ("playbooks", "roles", "library", "module_utils", "plugins", "ansible.cfg"):
        (work / name).unlink(missing_ok=True)
        (work / name).symlink_to(PROJECT / name)
    shutil.copy(PROJECT / "fix_fk.yml", work)
    (work / "production").write_text(yaml.dump({"laravel": {"hosts": {"app": host}}}))
    (work / ".venv/bin").mkdir(parents=True, exist_ok=True)
    program_ = work / ".venv/bin/ansible-playbook"
    program_.unlink(missing_ok=True)
    program_.symlink_to(shutil.which("ansible-playbook"))
    login = work / "ssh"
    real = shutil.which("ssh")
    login.write_text(
        f'#!/bin/sh\ntest "$1" = deploy@web1 || exec {real} "$@"\nshift\n'
        f"exec {real} {sshd['ansible_ssh_common_args']} -i {sshd['ansible_ssh_private_key_file']}"
        f' -p {sshd["ansible_port"]} {sshd["ansible_user"]}@127.0.0.1 "$@"\n'
    )
    login.chmod(0o755)
    return subprocess.run(
        ["sh", "-c", code],
        env={
            **os.environ,
            "PATH": f"{work}:{os.environ['PATH']}",
            "FIX_FK": str(work),
            "RELEASE": str(kept.app),
            "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("where", snippets())
def test_a_deployment_stops_at_what_is_foreseen(kept, host, folder, sshd, where):
    kept.present()
    run = deploys(snippets()[where], kept, host, folder, sshd)
    assert run.returncode == 10 and "WILL FAIL" in run.stdout, run.stdout
    assert kept.rows("skp_tahunan") == 500 and FAILED not in kept.recorded()


def test_a_deployment_that_failed_is_repaired(kept, host, folder, sshd):
    kept.present()
    code = snippets()["A shell script"].replace("run playbooks/diagnose.yml\n", "")
    run = deploys(code, kept, host, folder, sshd)
    assert run.returncode == 0 and "REPAIRED ROWS ASIDE" in run.stdout, run.stdout
    assert kept.recorded()[-2:] == [FAILED, NEXT]
