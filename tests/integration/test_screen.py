# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator sees in a terminal: ansible-playbook itself, with the screen of this project."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import yaml
from playbook import PROJECT

# What is Ansible's own, and not for the operator.
NOISE = ("TASK [", "PLAY [", "PLAY RECAP", "[ERROR]", "Origin:", "included:", "fatal:")


def screen(tmp_path, hosts, *options, playbook="fix_fk.yml", path=""):
    """Run a playbook as one types it; return its exit code and the lines that are not blank."""
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(yaml.dump({"laravel": {"hosts": hosts}}))
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "1",
        "PATH": f"{path}{os.pathsep}{os.environ['PATH']}",
    }
    run = subprocess.run(
        ["ansible-playbook", playbook, "-i", inventory, "-e", f"report_dir={tmp_path}", *options],
        cwd=PROJECT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return run.returncode, [line for line in run.stdout.splitlines() if line.strip()]


def at(lines, begins):
    return next(number for number, line in enumerate(lines) if line.startswith(begins))


@pytest.fixture
def one(broken):
    return {"app": broken.variables()}, broken.server.suite.path


def test_a_repair_is_a_screen(one, tmp_path):
    rc, lines = screen(tmp_path, one[0], path=one[1])
    text = "\n".join(lines)
    assert rc == 0 and "REPAIRED ROWS ASIDE   app   run " in text, text
    assert not [word for word in NOISE if word in text], text
    # The incident, the steps, the steps as they are done, the end; in this order, each once.
    order = [
        at(lines, word)
        for word in (
            "PLAN, 9 steps   app",
            "Found       Migration 2026_01_25",
            "  1  Rehearse on a clone",
            "  9  Leave maintenance mode",
            "REHEARSED   app",
            "  Rehearse  ",
            "  Back up  ",
            "  Leave maintenance mode  ",
            "REPAIRED",
            "Happened",
            "Down        ",
            "Rows        6473 rows",
            "Next        Carry the rows over:",
            "Report  ",
        )
    ]
    assert order == sorted(order), text
    assert text.count("its 500 rows are in") == 1 and "\nChecks\n" not in text
    assert lines[-2].strip().endswith(".html")
    assert len(lines) <= 80, len(lines)


def test_the_plan_is_whole_where_it_is_asked_for(one, tmp_path):
    drop = "ALTER TABLE `skp_tahunan` DROP FOREIGN KEY `fk_skp_tahunan_user`"
    add = "ADD CONSTRAINT `fk_skp_tahunan_user` FOREIGN KEY"
    rc, lines = screen(tmp_path, one[0], "--check", path=one[1])
    text = "\n".join(lines)
    assert rc == 0 and drop in text and add in text, text
    assert not [word for word in NOISE if word in text], text
    rc, lines = screen(tmp_path, one[0], "-v", playbook="playbooks/diagnose.yml", path=one[1])
    assert rc == 11 and drop in "\n".join(lines) and "TASK [" in "\n".join(lines)


def test_a_host_that_cannot_be_reached_has_a_next_step(tmp_path):
    away = {"ansible_host": "127.0.0.1", "ansible_port": 9, "laravel_path": "/nowhere"}
    rc, lines = screen(tmp_path, {"away": {**away, "ansible_connection": "ssh"}})
    text = "\n".join(lines)
    assert rc == 4 and not [word for word in NOISE if word in text], text
    assert "UNREACHABLE   away" in lines and "Connection refused" in text
    assert lines[-1].strip() == f"ansible away -i {tmp_path}/hosts.yml -m ansible.builtin.ping"


def test_many_hosts_are_a_list_and_a_table(tmp_path):
    hosts = {
        f"web{number}": {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "laravel_path": f"/nowhere/{number}",
        }
        for number in range(5)
    }
    rc, lines = screen(tmp_path, hosts)
    text = "\n".join(lines)
    assert rc == 2 and not [word for word in NOISE if word in text], text
    assert len(lines) == 10 and sorted(lines[5:]) == lines[5:], text
    for number, line in enumerate(lines[5:]):
        assert line.startswith(f"web{number}  REFUSED") and f"/nowhere/{number}" in line
        assert any(f"REFUSED   web{number}   {tmp_path}/web{number}_" in one for one in lines[:5])
