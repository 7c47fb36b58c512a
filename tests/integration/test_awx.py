# SPDX-License-Identifier: GPL-3.0-or-later
"""The repository as a project of AWX: what it lists, and every playbook run as AWX runs it.

That is through ansible_runner, in a private data folder of its layout, as a user who owns neither
the project nor may write to it; answers of a survey are strings.
"""

from __future__ import annotations

import getpass
import json
import os
import pwd
import re
import secrets
import shutil
import stat
import subprocess
import sys
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from playbook import PROJECT
from sandbox import Sandbox

ROOT = os.geteuid() == 0
FAILED = "2026_01_25_000000_total_refactor_skp_system"
PEOPLE = {
    "fix_fk.yml",
    "playbooks/carry_over.yml",
    "playbooks/database_access.yml",
    "playbooks/diagnose.yml",
    "playbooks/fix_fk.yml",
    "playbooks/option_1_rollback.yml",
    "playbooks/option_2_skip.yml",
    "playbooks/option_3_fresh.yml",
    "playbooks/permanent_fix.yml",
    "playbooks/restore.yml",
    "playbooks/rollback.yml",
    "playbooks/sandbox.yml",
    "playbooks/support_bundle.yml",
    "playbooks/verify.yml",
}
# They would name another server than the sandbox's; the modules' own tests convert them.
ANOTHER_SERVER = {
    "database_port",
    "database_tls_verify",
    "database_access_admin_port",
    "rehearsal_port",
}
NOT_THE_CODE = (
    "Traceback",
    "must be a boolean",
    "Conditional result",
    "is undefined",
    "couldn't resolve module",
    "was not found",
    "Finalization of task args",
    "Unexpected failure",
)


# --- what AWX sees ------------------------------------------------------------------------------


def files():
    """Return the files that a checkout has, as paths in the project."""
    told = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        capture_output=True,
        check=True,
    ).stdout
    return [name for name in os.fsdecode(told).split("\0") if name and (PROJECT / name).exists()]


def yaml_files():
    return [
        name
        for name in files()
        if name.endswith((".yml", ".yaml")) and not (PROJECT / name).is_symlink()
    ]


def listed():
    """Return what AWX's list of playbooks shows, by its own rules."""
    play = re.compile(r"^\s*?-?\s*?(?:hosts|(ansible\.builtin\.)?import_playbook):\s*?.*?$", re.M)
    found = set()
    for name in yaml_files():
        parts = set(name.split("/")[:-1])
        if parts & {"roles", "tasks", "group_vars", "host_vars"} or name.startswith("."):
            continue
        if play.search((PROJECT / name).read_text(encoding="utf-8")):
            found.add(name)
    return found


def test_awx_lists_the_playbooks_that_are_meant_for_people():
    there = {name for name in PEOPLE if (PROJECT / name).exists()}
    assert {"fix_fk.yml", "playbooks/diagnose.yml", "playbooks/verify.yml"} <= there
    assert listed() == there


def test_no_file_asks_at_the_terminal():
    asks = re.compile(r"^\s*-?\s*(vars_prompt|(ansible\.builtin\.)?pause)\s*:", re.M)
    names = yaml_files()
    assert len(names) > 20
    for name in names:
        assert not asks.search((PROJECT / name).read_text(encoding="utf-8")), name


def test_the_execution_environment_names_files_that_are_there():
    told = yaml.safe_load((PROJECT / "execution-environment.yml").read_text(encoding="utf-8"))
    assert told["version"] == 3 and told["images"]["base_image"]["name"]
    needs = told["dependencies"]
    for kind in ("python", "system"):
        assert (PROJECT / needs[kind]).is_file(), kind
    pinned = (PROJECT / needs["python"]).read_text(encoding="utf-8").split()
    for part in ("ansible_core", "ansible_runner"):
        assert needs[part]["package_pip"] in pinned
    packages = (PROJECT / needs["system"]).read_text(encoding="utf-8")
    assert {"mariadb", "mariadb-client"} <= {line.split()[0] for line in packages.splitlines()}


def test_no_task_needs_a_collection():
    """AWX passes them over in silence where there is no Galaxy credential, and what README.md has
    for the controller brings none."""
    named = re.compile(r"(?m)^[ -]+((?!ansible\.builtin\.)[a-z_]+\.[a-z_]+\.[a-z_]+):")
    for path in [*PROJECT.glob("roles/*/tasks/*.yml"), *PROJECT.glob("playbooks/*.yml")]:
        assert not named.findall(path.read_text(encoding="utf-8")), path
    assert not (PROJECT / "collections" / "requirements.yml").exists()


def inputs_as_strings():
    """Return every boolean and number that a role takes with its default, as a survey gives it."""
    found = {}
    for specs in PROJECT.glob("roles/*/meta/argument_specs.yml"):
        for entry in yaml.safe_load(specs.read_text(encoding="utf-8"))["argument_specs"].values():
            for name, option in (entry.get("options") or {}).items():
                if option.get("type") in ("bool", "int") and name not in ANOTHER_SERVER:
                    unset = 10 if option["type"] == "int" else False
                    found[name] = str(option.get("default", unset)).lower()
    return found


# --- as AWX runs it -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def user():
    """Who runs the jobs: a system user made for this when the tests run as root."""
    if not ROOT:
        yield pwd.getpwnam(getpass.getuser())
        return
    name = f"fixfk{secrets.token_hex(3)}"
    home = tempfile.mkdtemp(prefix="fix_fk_home_")
    try:
        subprocess.run(["useradd", "--home-dir", home, "--shell", "/bin/sh", name], check=True)
        account = pwd.getpwnam(name)
        os.chown(home, account.pw_uid, account.pw_gid)
        yield account
    finally:
        subprocess.run(["userdel", "--force", name], check=False, capture_output=True)
        shutil.rmtree(home)


@pytest.fixture(scope="module")
def folder():
    path = Path(tempfile.mkdtemp(prefix="fix_fk_awx_"))
    path.chmod(0o755)
    yield path
    for current, folders, _ in os.walk(path):
        for name in [".", *folders]:
            Path(current, name).chmod(0o755)
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def kept(folder):
    sandbox = Sandbox(folder / "sandbox")
    sandbox.present()
    yield sandbox
    sandbox.absent()


@pytest.fixture
def broken(kept, user):
    kept.broken()
    if ROOT:
        kept.give_to(user.pw_name)
    return kept


def checkout(place):
    """Copy the project as it would be checked out."""
    for name in files():
        target = place / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(PROJECT / name, target, follow_symlinks=False)
    return place


def runs(path, user):
    """Tell whether the user can run this Python."""
    try:
        return (
            subprocess.run([path, "-c", ""], check=False, env={}, **as_user(user)).returncode == 0
        )
    except OSError:
        return False


def as_user(user):
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if ROOT else {}


@dataclass
class Job:
    """What a job did; message is that of the last failed task, everything is all that is kept."""

    rc: int
    screen: str
    artifacts: dict
    message: str
    changed: int
    everything: str


class Awx:
    """The private data folder of a job, and a user who runs it."""

    def __init__(self, folder, user, project):
        self.folder, self.user, self.project = folder, user, project
        # Not the user's own, where jobs would leave their reports.
        self.home = folder / "home"
        self.home.mkdir()
        if ROOT:
            os.chown(self.home, user.pw_uid, user.pw_gid)
        found = [
            path
            for path in (sys.executable, f"/usr/bin/python{sysconfig.get_python_version()}")
            if runs(path, user)
        ]
        if not found:
            pytest.skip("the Python of these tests is in a folder that only its owner may enter")
        self.python = found[0]
        # The console scripts name a Python that this user may not be able to reach.
        programs = folder / "bin"
        programs.mkdir()
        script = programs / "ansible-playbook"
        script.write_text(f'#!/bin/sh\nexec "{self.python}" -m ansible playbook "$@"\n')
        script.chmod(0o755)

    def job(self, sandbox, playbook, **extravars):
        """Run a playbook; return the Job."""
        data = Path(tempfile.mkdtemp(prefix="job_", dir=self.folder))
        os.symlink(self.project, data / "project")
        variables = {
            **sandbox.variables(),
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "backup_dir": f"{self.home}/backups",
        }
        for name, text in (
            ("inventory/hosts", "[laravel]\napp-1.example\n"),
            ("inventory/host_vars/app-1.example.json", json.dumps(variables)),
            ("env/extravars", yaml.safe_dump(extravars)),
            ("env/settings", yaml.safe_dump({"job_timeout": 300, "idle_timeout": 120})),
            ("env/passwords", yaml.safe_dump({})),
            ("env/envvars", yaml.safe_dump({"ANSIBLE_FORCE_COLOR": "0", "ANSIBLE_NOCOLOR": "1"})),
        ):
            (data / name).parent.mkdir(parents=True, exist_ok=True)
            (data / name).write_text(text, encoding="utf-8")
        if ROOT:
            for current, folders, names in os.walk(data):
                for name in [".", *folders, *names]:
                    os.lchown(os.path.join(current, name), self.user.pw_uid, self.user.pw_gid)
        done = subprocess.run(
            [self.python, "-m", "ansible_runner", "run", str(data), "-p", playbook, "-i", "1"],
            cwd=self.home,
            env={
                "HOME": str(self.home),
                "LANG": "C.UTF-8",
                "PATH": f"{self.folder}/bin:{os.environ.get('PATH', os.defpath)}",
                "PYTHONPATH": sysconfig.get_path("purelib"),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=400,
            **as_user(self.user),
        )
        events = [
            json.loads(path.read_text(encoding="utf-8"))
            for path in (data / "artifacts" / "1" / "job_events").glob("*-*.json")
        ]
        events.sort(key=lambda event: event["counter"])
        screen = (data / "artifacts" / "1" / "stdout").read_text(encoding="utf-8")
        assert events, done.stdout + done.stderr
        final = [event for event in events if event["event"] == "playbook_on_stats"][-1]
        failed = [event for event in events if event["event"] == "runner_on_failed"]
        return Job(
            done.returncode,
            screen,
            final["event_data"].get("artifact_data") or {},
            failed[-1]["event_data"]["res"]["msg"] if failed else "",
            sum(final["event_data"]["changed"].values()),
            json.dumps(events) + screen,
        )


@pytest.fixture(scope="module")
def awx(folder, user):
    """A checkout that nobody may write to, owned by another user than the one who runs jobs."""
    project = checkout(folder / "read_only")
    for current, folders, names in os.walk(project):
        for name in [".", *folders, *names]:
            path = Path(current, name)
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & ~0o222)
    home = folder / "awx"
    home.mkdir(mode=0o755)
    if ROOT:
        os.chown(home, user.pw_uid, user.pw_gid)
    return Awx(home, user, project)


def test_a_job_repairs_and_hands_its_outcome_on(awx, broken):
    strings = inputs_as_strings()
    assert {"verify_json", "rollback_retries"} & set(strings)
    job = awx.job(broken, "fix_fk.yml", **strings)
    assert job.rc == 0, job.screen
    assert broken.holders("fk_skp_tahunan_user") == ["skp_tahunan"]
    assert FAILED in broken.recorded()
    outcome = job.artifacts["fix_fk_app_1_example"]
    assert (outcome["host"], outcome["outcome"], outcome["ok"]) == (
        "app-1.example",
        "repaired_rows_aside",
        True,
    )
    assert outcome["backup"].endswith((".sql.zst", ".sql.gz"))
    assert broken.password not in job.everything
    # The page could not be kept, which is said and fails nothing.
    assert outcome["files"] == []
    assert "The report could not be written to" in " ".join(job.screen.split())
    assert not (awx.project / "reports").exists()


def test_a_scheduled_diagnosis_fails_when_a_repair_is_needed(awx, broken):
    job = awx.job(broken, "playbooks/diagnose.yml", diagnose_read_only="true")
    assert job.rc == 11, job.screen
    assert job.artifacts["fix_fk_app_1_example"]["outcome"] == "needs_repair"
    assert job.artifacts["fix_fk_app_1_example"]["prediction"]["outcome"] == "has_failed"
    assert ": ansible-playbook fix_fk.yml -i " in job.message and job.changed == 0


@pytest.mark.parametrize("playbook", sorted(PEOPLE - {"fix_fk.yml", "playbooks/sandbox.yml"}))
def test_every_playbook_starts_with_strings_for_booleans_and_numbers(awx, broken, playbook):
    """Without its confirmation each one that destroys only tells; what it does has tests."""
    own = {"support_bundle_dir": f"{awx.home}/bundles", "report_dir": f"{awx.home}/reports"}
    job = awx.job(broken, playbook, **{**inputs_as_strings(), **own})
    for words in NOT_THE_CODE:
        assert words not in job.screen, job.screen
    assert job.rc == 0 or "Next: " in job.message, job.screen
    assert broken.password not in job.everything


def test_a_checkout_that_everybody_may_write_to_works(folder, user, broken):
    """Ansible ignores the ansible.cfg in such a folder."""
    project = checkout(folder / "writable")
    for current, folders, names in os.walk(project):
        for name in [".", *folders, *names]:
            path = Path(current, name)
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | 0o666 | (0o111 if path.is_dir() else 0))
    assert stat.S_IMODE(project.stat().st_mode) == 0o777
    home = folder / "awx_writable"
    home.mkdir(mode=0o755)
    if ROOT:
        os.chown(home, user.pw_uid, user.pw_gid)
    job = Awx(home, user, project).job(broken, "fix_fk.yml")
    assert job.rc == 0, job.screen
    assert "world writable" in job.screen and "ignoring it as an ansible.cfg source" in job.screen
    assert broken.holders("fk_skp_tahunan_user") == ["skp_tahunan"]
