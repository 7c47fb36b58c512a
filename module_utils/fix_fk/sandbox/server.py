# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedded server as the sandbox and the tests use it: from a suite, with clients."""

from __future__ import annotations

import os
import shutil
import subprocess

from ansible.module_utils.fix_fk.scratch import embedded
from ansible.module_utils.fix_fk.scratch.embedded import (
    AT_INSTALL,
    EmbeddedError,
    Programs,
    program,
)


class Suite(Programs):
    """Where the programs come from: the folder of scripts/suite, or this machine itself (None).

    flavour ("mariadb" or "mysql") is that of its server. On this machine that is MariaDB.
    """

    def __init__(self, folder=None):
        self.folder = folder and os.path.abspath(folder)
        self.bin = self.folder and os.path.join(self.folder, "bin")
        if self.bin and not os.path.isdir(self.bin):
            raise EmbeddedError(
                f"{self.folder} is not there: make it with scripts/suite "
                f"{os.path.basename(self.folder)}."
            )
        on_mysql = self.bin and os.path.exists(os.path.join(self.bin, "mysqld"))
        super().__init__("mysql" if on_mysql else "mariadb")

    @property
    def path(self):
        """The PATH on which this suite's programs are found before any other."""
        usual = os.environ.get("PATH", os.defpath)
        return f"{self.bin}:{usual}" if self.bin else usual

    def program(self, name, package):
        """Return the path of one of its programs; package has it on this machine."""
        return os.path.join(self.bin, name) if self.bin else program(name, package)

    @property
    def php(self):
        return os.path.join(self.bin, "php") if self.bin else "php"

    @property
    def loader(self):
        """The client that runs statements."""
        return self.program("mysql" if self.flavour == "mysql" else "mariadb", "mariadb-client")

    @property
    def dumper(self):
        """The client that writes a dump."""
        name = "mysqldump" if self.flavour == "mysql" else "mariadb-dump"
        return self.program(name, "mariadb-client")


class Server(embedded.Server):
    """An embedded server of a Suite."""

    def __init__(self, folder, outlive=True, suite=None, settings=()):
        """With outlive=False the server ends together with the process that started it."""
        self.suite = suite or Suite()
        super().__init__(folder, self.suite, settings)
        self.outlive = outlive

    def client(self, path, *arguments, **options):
        """Run one of the server's client programs with all rights; return its standard output."""
        command = [
            path,
            "--no-defaults",
            f"--socket={self.socket}",
            f"--user={self.user}",
            "--default-character-set=utf8mb4",
            *arguments,
        ]
        result = subprocess.run(command, stderr=subprocess.PIPE, check=False, **options)
        if result.returncode != 0:
            reason = result.stderr.decode("utf-8", "replace").strip()
            name = os.path.basename(path)
            raise EmbeddedError(f"{name} failed with exit code {result.returncode}: {reason}")
        return result.stdout

    def _make_data(self, partial):
        folder = self.suite.folder
        otherwise = any(option.startswith(AT_INSTALL) for option in self.settings)
        if not folder or (self.suite.flavour == "mysql" and otherwise):
            super()._make_data(partial)
        elif self.suite.flavour == "mysql":
            shutil.copytree(os.path.join(folder, "data"), partial)
        else:
            self._install_mariadb(partial, f"--basedir={folder}")

    def _command(self, port):
        command = super()._command(port)
        if self.outlive:
            return command
        return [program("setpriv", "util-linux"), "--pdeathsig", "TERM", *command]
