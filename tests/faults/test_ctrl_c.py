# SPDX-License-Identifier: GPL-3.0-or-later
"""ctrl-C: what the terminal says, and what the next run and diagnose.yml say."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import yaml
from inquiry import DIAGNOSE, inquire
from killed import is_down
from playbook import PROJECT, play

IN_THE_WINDOW = "in maintenance mode, into which this run put it"


def interrupted(sandbox, folder, when, *words):
    """Press ctrl-C once `when` is in the output; return all of it and the exit code."""
    inventory = folder / "hosts.yml"
    host = {
        **sandbox.variables(),
        "report_dir": str(folder),
        "rehearsal_level": "none",
        "preflight_run_idle": 2,
    }
    inventory.write_text(
        yaml.safe_dump({"all": {"children": {"laravel": {"hosts": {"app": host}}}}}), "utf-8"
    )
    output = folder / "output"
    program = Path(sys.executable).with_name("ansible-playbook")
    with open(output, "w", encoding="utf-8") as file:
        # A group of its own, which gets the signal as from a terminal.
        run = subprocess.Popen(
            [program, "fix_fk.yml", "-i", inventory, *words],
            cwd=PROJECT,
            env={
                **os.environ,
                "ANSIBLE_STDOUT_CALLBACK": "default",
                "ANSIBLE_DISPLAY_OK_HOSTS": "true",
            },
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        until = time.monotonic() + 60
        while when not in output.read_text(encoding="utf-8") and time.monotonic() < until:
            assert run.poll() is None, output.read_text(encoding="utf-8")
            time.sleep(0.02)
        try:
            subprocess.run(["kill", "-INT", "--", f"-{run.pid}"], check=True)
            return output, run.wait(60)
        finally:
            if run.poll() is None:
                run.send_signal(signal.SIGKILL)


def test_in_the_window_it_says_so_and_so_does_every_later_run(kept, tmp_path):
    kept.broken()
    output, code = interrupted(
        kept, tmp_path, "Rollback | Undo", "-e", '{"verify_accept_changed": ["secret"]}'
    )
    said = output.read_text(encoding="utf-8")
    assert code and is_down(kept), (code, said)
    assert f"app: the application is {IN_THE_WINDOW}." in said
    again = f"ansible-playbook fix_fk.yml -i {tmp_path}/hosts.yml -e ...    (with the variables"
    assert again in said
    assert f"ansible-playbook playbooks/diagnose.yml -i {tmp_path}/hosts.yml\n" in said
    assert '"secret"' not in said.partition("Interrupted before")[2]
    for playbook in (DIAGNOSE, "fix_fk.yml"):
        state = inquire(kept, playbook).report["state"]
        assert "of this tool put it; that run did not come to its end" in state, state
    time.sleep(4)
    run = play(kept, rehearsal_level="none")
    assert run.rc == 0 and not is_down(kept), run.screen


def test_before_the_window_it_says_that_nothing_was_taken_down(kept, tmp_path):
    kept.broken()
    output, code = interrupted(kept, tmp_path, "Verdict | Ask", "--check")
    said = output.read_text(encoding="utf-8")
    assert code and not is_down(kept), (code, said)
    assert "app: the application is as it was: this run had not come to maintenance mode." in said
    assert f"fix_fk.yml -i {tmp_path}/hosts.yml --check\n" in said


def test_what_comes_to_its_end_says_nothing_of_it(kept):
    kept.present()
    kept.withdraw()
    assert "Interrupted before" not in play(kept, "playbooks/diagnose.yml").screen


def test_each_way_a_run_may_stand():
    import importlib.util

    path = PROJECT / "plugins" / "callback" / "fix_fk_interrupted.py"
    spec = importlib.util.spec_from_file_location("fix_fk_interrupted", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for effect, how in (
        ({"before": False, "after": True}, "ours"),
        ({"before": True, "after": True}, "found"),
        ({"before": True, "after": False}, "up"),
        ({"before": None, "after": None}, "unknown"),
        (None, "unknown"),
    ):
        assert module.standing({"effect": {"maintenance": effect}}) == how
    for playbook, other in (
        ("fix_fk.yml", "playbooks/diagnose.yml"),
        ("playbooks/carry_over.yml", "playbooks/diagnose.yml"),
        ("/x/playbooks/restore.yml", "/x/playbooks/diagnose.yml"),
        ("fix_fk.laravel.fix_fk", "fix_fk.laravel.diagnose"),
    ):
        lines = module.said({"a": "ours"}, {"args": (playbook,), "inventory": ["production"]})
        assert lines[-1] == f"    ansible-playbook {other} -i production"
