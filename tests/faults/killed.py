# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that is killed with every process it started, as when the machine loses power."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest
import yaml
from playbook import PROJECT

SECONDS = 60


def rows(sandbox):
    """Return {table: its rows in order} of the whole schema."""
    return {
        table: sorted(map(repr, sandbox.sql(f"SELECT * FROM `{table}`")))
        for (table,) in sandbox.sql("SHOW TABLES")
    }


def until(condition, what):
    """Wait for a condition and return what it gave; fail when it does not come about."""
    deadline = time.monotonic() + SECONDS
    while not (found := condition()):
        assert time.monotonic() < deadline, f"in vain: waiting until {what}"
        time.sleep(0.005)
    return found


def waiting(sandbox, beginning):
    """Tell whether a statement that begins like this waits for a metadata lock."""
    return sandbox.sql(
        "SELECT id FROM information_schema.processlist"
        " WHERE state = 'Waiting for table metadata lock' AND info LIKE %s",
        f"{beginning}%",
    )


@contextlib.contextmanager
def reading(sandbox, table):
    """Stand on a table with an open transaction that has read it."""
    with contextlib.closing(sandbox.server.connect(database=sandbox.database)) as connection:
        connection.begin()
        connection.cursor().execute(f"SELECT 1 FROM `{table}` LIMIT 1")
        yield connection
        connection.rollback()


class Killed:
    """A run on its way; leaving the block kills it and whatever it started.

    `said` is its output so far. Variables that the playbook wants before it begins are `extra`.
    """

    def __init__(self, sandbox, folder, playbook="fix_fk.yml", extra=(), **variables):
        self.sandbox = sandbox
        self.mark = f"FIX_FK_TEST_RUN={uuid.uuid4()}"
        self.output = folder / "output"
        inventory = folder / "hosts.yml"
        # A rehearsal has tasks of the same names.
        host = {
            **sandbox.variables(),
            "report_dir": str(folder / "reports"),
            "rehearsal_level": "none",
            **variables,
        }
        inventory.write_text(
            yaml.safe_dump({"all": {"children": {"laravel": {"hosts": {"app": host}}}}}), "utf-8"
        )
        program = Path(sys.executable).with_name("ansible-playbook")
        name, _, value = self.mark.partition("=")
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen(
                [str(program), playbook, "-i", str(inventory), *extra],
                cwd=PROJECT,
                env={
                    **os.environ,
                    name: value,
                    "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"),
                    "ANSIBLE_NOCOLOR": "1",
                    # Where a run has come to is told by its tasks.
                    "ANSIBLE_STDOUT_CALLBACK": "default",
                    # Tasks that change nothing are waited for, too.
                    "ANSIBLE_DISPLAY_OK_HOSTS": "1",
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def said(self):
        return self.output.read_text(encoding="utf-8", errors="replace")

    def until(self, condition, what):
        """Wait for a condition while the run goes on."""
        return until(
            lambda: condition() or (self.process.poll() is not None and pytest.fail(self.said())),
            what,
        )

    def until_done(self, task):
        """Wait until a task has ended; the next module needs some tenths of a second to begin."""
        self.until(lambda: f"{task}] *" in self.said(), f"{task} is done")

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        until(self.is_gone, "the run's processes and their connections are gone")

    def is_gone(self):
        """Kill what is left of the run; tell whether nothing is, the server's side included."""
        # Workers and artisan are in sessions of their own, so a process group would miss them.
        while alive := self.processes():
            for pid in alive:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.wait()
        # A process shows no environment while it begins a program: the next call finds it.
        return not self.sandbox.sql(
            "SELECT id FROM information_schema.processlist WHERE user = %s", self.sandbox.user
        )

    def processes(self, arguments=""):
        """Return the ids of the run's processes, or of those with these arguments in a row."""
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                ours = self.mark.encode() in (path / "environ").read_bytes().split(b"\0")
                if ours and arguments.encode() in (path / "cmdline").read_bytes():
                    found.append(int(path.name))
        return found


def is_down(sandbox):
    return Path(sandbox.app, "storage/framework/down").exists()
