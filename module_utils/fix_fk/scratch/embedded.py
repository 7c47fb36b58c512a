# SPDX-License-Identifier: GPL-3.0-or-later
"""A server of one's own in a folder, run by the calling user and thrown away afterwards.

    server = Server("/tmp/place", find_server("mariadb", [10, 11]))
    server.start()       # running, with an account for the calling user, by the socket
    server.connect()
    server.stop()

Errors that can be expected are raised as EmbeddedError with one sentence.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time

from ansible.module_utils.fix_fk.schema.sql import quote_identifier
from ansible.module_utils.fix_fk.server.flavour import (
    NAMES,
    SERVER_PROGRAMS,
    flavour_of,
    version_number,
)

# sun_path has 108 bytes, the last of them NUL.
SOCKET_PATH_LIMIT = 107

START_SECONDS = 30
STOP_SECONDS = 15

# Where servers are besides: Debian's are not in an ordinary user's PATH, Red Hat's in nobody's.
SERVER_FOLDERS = "/usr/sbin:/sbin:/usr/local/sbin:/usr/libexec"

# What a data folder is made with, and cannot be changed afterwards.
AT_INSTALL = ("--innodb-page-size=", "--lower-case-table-names=")

# What a server with a time limit is started by: when time is up, its folder goes with it.
LIMITED = """
folder=$1 seconds=$2
shift 2
timeout -k 30 "$seconds" "$@"
case $? in 124 | 137) rm -rf -- "$folder" ;; esac
"""
WRAPPERS = (b"sh", b"timeout")


class EmbeddedError(Exception):
    """One sentence for the person who asked."""


def driver():
    """Import PyMySQL, which a module may have brought along, and return the package."""
    try:
        import pymysql
    except ImportError:
        raise EmbeddedError(
            f"PyMySQL is missing: {sys.executable} -m pip install PyMySQL"
        ) from None
    return pymysql


def which(name):
    """Return the path of a program, or None."""
    return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:{SERVER_FOLDERS}")


def program(name, package):
    """Return the path of a program, which may be a server's."""
    path = which(name)
    if path is None:
        raise EmbeddedError(f"The program {name} is missing: install the Debian package {package}.")
    return path


class Programs:
    """Where a server's programs are: on this machine.

    flavour: "mariadb" or "mysql". server: the path of the server, when another one is meant than
    the first in PATH.
    """

    def __init__(self, flavour="mariadb", server=None):
        self.flavour = flavour
        self._server = server

    def program(self, name, package):
        """Return the path of a program; package has it on this machine."""
        return program(name, package)

    @property
    def server(self):
        if self._server:
            return self._server
        if self.flavour == "mysql":
            return self.program("mysqld", "mysql-server-core")
        return self.program("mariadbd", "mariadb-server-core")


def socket_path(folder):
    """Return where the socket goes: in the folder, or in a short private one when too deep."""
    path = os.path.join(folder, "server.sock")
    if len(os.fsencode(path)) <= SOCKET_PATH_LIMIT:
        return path
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return os.path.join(tempfile.gettempdir(), f"fix_fk_{os.geteuid()}_{digest}", "server.sock")


def free_port():
    """Return a loopback TCP port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def find_server(flavour, number):
    """Return the Programs of this machine's server of that flavour and version [major, minor, ...].

    Raises EmbeddedError that says which ones there are instead.
    """
    found = []
    for name in SERVER_PROGRAMS[flavour]:
        path = which(name)
        if path is None:
            continue
        said = subprocess.run(
            [path, "--no-defaults", "--version"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=False,
        ).stdout.decode("utf-8", "replace")
        version = said.partition(" Ver ")[2].partition(" ")[0]
        about = flavour_of(said)
        if about == flavour and version_number(version)[:2] == number[:2]:
            return Programs(flavour, path)
        found.append(f"{path} is {NAMES[about]} {version}")
    wanted = f"{NAMES[flavour]} {number[0]}.{number[1]}"
    if not found:
        raise EmbeddedError(
            f"there is no {' or '.join(SERVER_PROGRAMS[flavour])} on this host, and the live "
            f"server is {wanted}"
        )
    raise EmbeddedError(
        f"the live server is {wanted}, and {', '.join(found)}; another one would prove nothing"
    )


class Server:
    """An embedded server in a folder of its own, run by the calling user."""

    def __init__(self, folder, programs=None, settings=(), seconds=None):
        """programs: its own, MariaDB's if None.

        settings: more options of its command line. seconds: after so many it ends in any case, and
        the folder is deleted.
        """
        self.folder = folder
        self.programs = programs or Programs()
        self.settings = settings
        self.data = os.path.join(folder, "data")
        self.socket = socket_path(folder)
        self.log = os.path.join(folder, "server.log")
        self.seconds = seconds
        self._process = None

    @property
    def user(self):
        """The account with all rights: the calling user, known by the socket, no password."""
        return pwd.getpwuid(os.geteuid()).pw_name

    def pid(self):
        """Return the process id of the running server, or None."""
        mark = os.fsencode(f"--datadir={self.data}")
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    with open(f"/proc/{entry}/cmdline", "rb") as handle:
                        arguments = handle.read().split(b"\0")
                except OSError:
                    continue
                # The first words may be those of a dynamic loader.
                names = [os.path.basename(argument) for argument in arguments]
                if (
                    mark in arguments
                    and {b"mariadbd", b"mysqld"}.intersection(names)
                    and names[0] not in WRAPPERS
                ):
                    return int(entry)
        return None

    def start(self):
        """Start the server unless it answers already; return whether it was started."""
        driver()
        if self.pid() is not None:
            # Without its files it is a server whose folder was deleted from under it.
            if os.path.isdir(self.data) and os.path.exists(self.socket) and self._answers():
                return False
            self.stop()
        self._install()
        for _ in range(5):
            if self._launch(free_port()):
                return True
        raise EmbeddedError(f"The embedded server found no free port; its log is {self.log}.")

    def stop(self):
        """Stop the server and wait for its end; return whether it was running."""
        pid = self.pid()
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
            deadline = time.monotonic() + STOP_SECONDS
            while self._lives(pid):
                if time.monotonic() > deadline:
                    os.kill(pid, signal.SIGKILL)
                time.sleep(0.02)
        if os.path.dirname(self.socket) != self.folder:
            shutil.rmtree(os.path.dirname(self.socket), ignore_errors=True)
        return pid is not None

    def connect(self, **options):
        """Return a PyMySQL connection with all rights, over the socket, in autocommit."""
        options.setdefault("user", self.user)
        return driver().connect(
            unix_socket=self.socket, charset="utf8mb4", autocommit=True, **options
        )

    def _install(self):
        if os.path.isdir(self.data):
            return
        partial = self.data + ".partial"
        shutil.rmtree(partial, ignore_errors=True)
        # A server that starts removes temporary tables of others from a folder they share.
        os.makedirs(os.path.join(self.folder, "tmp"), exist_ok=True)
        self._make_data(partial)
        os.rename(partial, self.data)

    def _make_data(self, partial):
        if self.programs.flavour == "mysql":
            self._install_mysql(partial)
        else:
            self._install_mariadb(partial)

    def _install_mysql(self, partial):
        os.mkdir(partial, 0o700)
        command = [
            self.programs.server,
            "--no-defaults",
            "--initialize-insecure",
            f"--datadir={partial}",
            f"--tmpdir={os.path.join(self.folder, 'tmp')}",
            "--loose-innodb-redo-log-capacity=32M",
        ]
        self._run(command)

    def _install_mariadb(self, partial, *more):
        command = [
            self.programs.program("mariadb-install-db", "mariadb-server-core"),
            "--no-defaults",
            "--force",
            "--skip-test-db",
            "--auth-root-authentication-method=socket",
            f"--auth-root-socket-user={self.user}",
            # Relative: the script does not quote a path with spaces.
            f"--datadir=./{os.path.basename(partial)}",
            "--innodb-log-file-size=32M",
            *more,
        ]
        self._run(command)

    def _run(self, command):
        """Run what makes the data folder."""
        command += [option for option in self.settings if option.startswith(AT_INSTALL)]
        command += ["--user=root"] if os.geteuid() == 0 else []
        result = subprocess.run(
            command,
            cwd=self.folder,
            env=dict(os.environ, TMPDIR=os.path.join(self.folder, "tmp")),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if result.returncode != 0:
            output = result.stdout.decode("utf-8", "replace").strip()
            raise EmbeddedError(f"{os.path.basename(command[0])} failed: {output}")

    def _command(self, port):
        """Return the server's command line."""
        command = [
            self.programs.server,
            "--no-defaults",
            f"--datadir={self.data}",
            f"--socket={self.socket}",
            f"--pid-file={os.path.join(self.folder, 'server.pid')}",
            f"--tmpdir={os.path.join(self.folder, 'tmp')}",
            f"--port={port}",
            "--bind-address=127.0.0.1",
            "--character-set-server=utf8mb4",
            "--collation-server=utf8mb4_unicode_ci",
            "--innodb-buffer-pool-size=64M",
            "--innodb-flush-log-at-trx-commit=2",
            "--skip-log-bin",
            "--local-infile=OFF",
        ]
        if self.programs.flavour == "mysql":
            command += [
                "--loose-innodb-redo-log-capacity=32M",
                "--loose-mysqlx=OFF",
                "--secure-file-priv=",
                "--plugin-load-add=auth_socket.so",
                f"--init-file={self._accounts()}",
            ]
        else:
            command += ["--innodb-log-file-size=32M"]
        command += self.settings
        command += ["--user=root"] if os.geteuid() == 0 else []
        if self.seconds:
            program("timeout", "coreutils")
            command = ["sh", "-c", LIMITED, "sh", self.folder, str(self.seconds), *command]
        return command

    def _accounts(self):
        """Write what makes MySQL know the calling user by the socket, as MariaDB's own script
        does, and return the file's path. It is carried out before anybody can connect."""
        path = os.path.join(self.folder, "accounts.sql")
        statements = ["ALTER USER root@localhost IDENTIFIED WITH auth_socket"]
        if self.user != "root":
            account = f"{quote_identifier(self.user)}@localhost"
            statements += [
                f"CREATE USER IF NOT EXISTS {account} IDENTIFIED WITH auth_socket",
                f"GRANT ALL PRIVILEGES ON *.* TO {account} WITH GRANT OPTION",
            ]
        with open(path, "w", encoding="utf-8") as file:
            file.write("".join(f"{statement};\n" for statement in statements))
        return path

    def _launch(self, port):
        """Start the server on a port; return False if somebody else took the port meanwhile."""
        self._make_socket_folder()
        with open(self.log, "wb") as log:
            self._process = subprocess.Popen(
                self._command(port),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
            )
        if self._answers():
            return True
        with open(self.log, encoding="utf-8", errors="replace") as log:
            errors = [line.strip() for line in log if "[ERROR]" in line]
        self.stop()
        if any("Address already in use" in error for error in errors):
            return False
        why = " ".join(errors[:3]) or "no answer in time."
        kept = "" if self.seconds else f" Its log is {self.log}."
        raise EmbeddedError(f"The embedded server did not start: {why}{kept}")

    def _answers(self):
        """Wait until the server answers on its socket; False when it ended or time is up."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(driver().MySQLError):
                self.connect(connect_timeout=2).close()
                return True
            ended = self._process.poll() is not None if self._process else self.pid() is None
            if ended:
                return False
            time.sleep(0.02)
        return False

    def _lives(self, pid):
        if self._process is not None and self._process.pid == pid:
            return self._process.poll() is None
        return self.pid() == pid

    def _make_socket_folder(self):
        """Make the folder of the socket; refuse a short one that somebody else put there."""
        folder = os.path.dirname(self.socket)
        if folder == self.folder:
            return
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder, 0o700)
        status = os.lstat(folder)
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
            raise EmbeddedError(f"{folder} is needed for the socket but is not a folder of yours.")
