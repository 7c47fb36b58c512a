# SPDX-License-Identifier: GPL-3.0-or-later
"""A disposable server and Laravel application in one folder, with the incident in it.

    sandbox = Sandbox("/tmp/place", "roles/sandbox/files")
    sandbox.present()    # server running, schema migrated up to the failing release and seeded
    sandbox.broken()     # the same, then the real `php artisan migrate --force`, failing
    sandbox.absent()     # nothing left: no process, no file

Server, PHP, Laravel and client programs are this machine's own, or those of a Suite, a folder that
scripts/suite made; MariaDB or MySQL, whichever is there.

Nothing here knows a table or a constraint. `<source>/application` is the application as it was
deployed, `<source>/release` the files of the release that fails, and `.env.example` names the
database and its account. What is in the folder:

    app/           the application; app/.env is the only place that has the password
    server/        data folder, socket, log and temporary files of the server
    seeded.sql     the dump that brings the seeded schema back
    seeded.json    digests of the sources and of the seeded schema
    .fix_fk_sandbox    says that the folder may be deleted; locked while somebody works on it

Errors that can be expected are raised as SandboxError with one sentence.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import subprocess

from ansible.module_utils.fix_fk.sandbox.content import describe, empty
from ansible.module_utils.fix_fk.sandbox.server import Server, Suite
from ansible.module_utils.fix_fk.schema.sql import quote_identifier
from ansible.module_utils.fix_fk.scratch.embedded import EmbeddedError as SandboxError
from ansible.module_utils.fix_fk.scratch.embedded import program

try:
    import pymysql
except ImportError:
    pymysql = None  # type: ignore[assignment]

DATABASE_ERRORS = (pymysql.MySQLError,) if pymysql else ()

MARKER = ".fix_fk_sandbox"
# Artisan writes these by itself whenever they are missing.
REGENERATED = ("bootstrap/cache/packages.php", "bootstrap/cache/services.php")

# Everything that .env, a shell, SQL or an option file could trip over, always in this order: no two
# of them make a template of Ansible's by chance.
ODD_CHARACTERS = "'\"\\$# %;&|<>=`!{}"


def odd_password():
    """Return a password with every odd character in it; only its ends are random."""
    return secrets.token_hex(8) + ODD_CHARACTERS + secrets.token_hex(8)


def dotenv_quote(value):
    """Return a value as .env's double-quoted form reads it back: a"b$c -> "a\\"b\\$c"."""
    for character in ("\\", '"', "$"):
        value = value.replace(character, "\\" + character)
    return f'"{value}"'


def dotenv_read(text):
    """Return {key: value} of the lines of an .env file that this module or .env.example wrote."""
    values = {}
    for line in text.splitlines():
        key, equals, raw = line.partition("=")
        if not equals or key.lstrip().startswith("#"):
            continue
        if len(raw) >= 2 and raw[0] == raw[-1] == '"':
            characters = iter(raw[1:-1])
            raw = "".join(next(characters, "") if c == "\\" else c for c in characters)
        values[key.strip()] = raw
    return values


def dotenv_fill(text, values):
    """Return the text with the lines of the keys in values replaced, or added at the end."""
    remaining = dict(values)
    lines = []
    for line in text.splitlines():
        key = line.partition("=")[0]
        if key in remaining:
            line = f"{key}={dotenv_quote(remaining.pop(key))}"
        lines.append(line)
    lines += [f"{key}={dotenv_quote(value)}" for key, value in remaining.items()]
    return "\n".join(lines) + "\n"


def read_tree(folder, without=()):
    """Return {relative path: (bytes, is executable)} of the files below a folder.

    Folders named in without are left out; what is no regular file counts as empty.
    """
    files = {}
    for current, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in without]
        for name in names:
            path = os.path.join(current, name)
            content = b""
            if os.path.isfile(path):
                with open(path, "rb") as handle:
                    content = handle.read()
            files[os.path.relpath(path, folder)] = (content, os.access(path, os.X_OK))
    return files


class Sandbox:
    """The server and the application together."""

    def __init__(
        self,
        directory,
        source,
        php=None,
        outlive=True,
        suite=None,
        server_suite=None,
        settings=(),
    ):
        """suite: of PHP and Laravel; server_suite: of the server, the same if None; settings: more
        options of the server's command line."""
        suite = suite or Suite()
        self.dir = os.path.abspath(directory)
        self.source = source
        self.php = php or suite.php
        self.app = os.path.join(self.dir, "app")
        self.server = Server(
            os.path.join(self.dir, "server"), outlive, server_suite or suite, settings
        )

    # The three states

    def present(self):
        """Bring the seeded schema and the application's files; return whether that took a change.

        The failing release is deployed (its migrations are pending), but not migrated.
        """
        with self._locked():
            return self._present()

    def broken(self):
        """Bring the incident back; return the CompletedProcess of the migrate that failed."""
        with self._locked():
            self._present()
            result = self.artisan("migrate", "--force")
            if result.returncode == 0:
                raise SandboxError("The migration of the release was meant to fail but succeeded.")
            return result

    def stopped(self):
        """Stop the server and keep every file; return whether it was running."""
        return self.server.stop()

    def absent(self):
        """Stop the server and delete the folder; return whether there was anything."""
        exists = os.path.lexists(self.dir)
        if exists:
            self._require_own_folder()
        stopped = self.server.stop()
        if exists:
            shutil.rmtree(self.dir)
        return exists or stopped

    # What is in it

    @property
    def socket(self):
        return self.server.socket

    @property
    def port(self):
        """The server's TCP port on 127.0.0.1."""
        return self.sql("SELECT @@port")[0][0]

    @property
    def database(self):
        return self._example()["DB_DATABASE"]

    @property
    def user(self):
        """The application's account, user@localhost over the socket as over TCP."""
        return self._example()["DB_USERNAME"]

    @property
    def password(self):
        """The application's password as its .env has it, or None."""
        return self._dotenv().get("DB_PASSWORD")

    def artisan(self, *arguments, timeout=120):
        """Run `php artisan ...` as the owner of the application; return the CompletedProcess.

        The environment is bare, so that what .env says holds.
        """
        owner = os.stat(self.app)
        changed_user: dict = {}
        if os.geteuid() == 0 and owner.st_uid != 0:
            changed_user = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
        return subprocess.run(
            [program(self.php, "php-cli"), "artisan", *arguments],
            cwd=self.app,
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": self.app, "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout,
            check=False,
            **changed_user,
        )

    def sql(self, query, *values):
        """Run one statement with all rights in the application's database; return its rows."""
        with contextlib.closing(self.server.connect()) as connection:
            cursor = connection.cursor()
            with contextlib.suppress(*DATABASE_ERRORS):
                connection.select_db(self.database)
            cursor.execute(query, values or None)
            return list(cursor.fetchall())

    def schema_dump(self):
        """Return everything the server holds as text, the same text for the same contents."""
        with contextlib.closing(self.server.connect()) as connection:
            return describe(connection, self.database, self.server.user)

    # How the states are reached

    def _present(self):
        changed = self.server.start()
        sources = self._sources_digest()
        seeded = self._read_seeded()
        if seeded.get("sources") != sources:
            self._build(sources)
            return True
        changed = self._lay_out(("application", "release")) or changed
        if self._state_digest() != seeded["state"] or not self._account_works():
            self._restore()
            changed = True
        return changed

    def _build(self, sources):
        """Migrate and seed the deployed application for real, then deploy the release."""
        self._discard_seeded()
        self._lay_out(("application",))
        self._reset_database()
        for command in (("migrate", "--force"), ("db:seed", "--force")):
            result = self.artisan(*command)
            if result.returncode != 0:
                raise SandboxError(f"php artisan {command[0]} failed: {result.stdout.strip()}")
        self._lay_out(("application", "release"))
        with open(self._path("seeded.sql"), "wb") as dump:
            self.server.client(
                self.server.suite.dumper,
                "--single-transaction",
                "--skip-comments",
                "--skip-add-drop-table",
                "--skip-add-locks",
                "--skip-disable-keys",
                self.database,
                stdout=dump,
            )
        with open(self._path("seeded.json.partial"), "w", encoding="utf-8") as handle:
            json.dump({"sources": sources, "state": self._state_digest()}, handle)
        os.rename(self._path("seeded.json.partial"), self._path("seeded.json"))

    def _restore(self):
        self._reset_database()
        with open(self._path("seeded.sql"), "rb") as dump:
            self.server.client(
                self.server.suite.loader, self.database, stdin=dump, stdout=subprocess.DEVNULL
            )

    def _reset_database(self):
        """Leave one empty schema and one account, whatever was there."""
        with contextlib.closing(self.server.connect()) as connection:
            empty(connection, self.database, self.server.user, DATABASE_ERRORS)
            connection.cursor().execute(
                "CREATE USER %s@'localhost' IDENTIFIED BY %s", [self.user, self.password]
            )
            # A backup is loaded and compared in a scratch schema of such a name.
            scratch = f"{self.database}__fix_fk".replace("_", "\\_") + "%"
            for place in (self.database, scratch):
                connection.cursor().execute(
                    "GRANT ALL PRIVILEGES ON "
                    + quote_identifier(place).replace("%", "%%")
                    + ".* TO %s@'localhost'",
                    [self.user],
                )

    def _lay_out(self, layers):
        """Make the application's folder hold exactly the files of the layers and its .env."""
        wanted = {}
        for layer in layers:
            wanted.update(read_tree(os.path.join(self.source, layer)))
        wanted[".env"] = (self._dotenv_text().encode("utf-8"), False)
        os.makedirs(self.app, exist_ok=True)
        changed = False
        for path, (content, executable) in wanted.items():
            changed = self._put(path, content, executable) or changed
        for path in read_tree(self.app):
            if path not in wanted and path not in REGENERATED:
                os.unlink(os.path.join(self.app, path))
                changed = True
        return changed

    def _put(self, path, content, executable):
        """Write one file of the application if it differs; it belongs to the folder's owner."""
        target = os.path.join(self.app, path)
        with contextlib.suppress(OSError), open(target, "rb") as handle:
            if handle.read() == content:
                return False
        os.makedirs(os.path.dirname(target), exist_ok=True)
        mode = 0o600 if path == ".env" else 0o755 if executable else 0o644
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(content)
        if os.geteuid() == 0:
            owner = os.stat(self.app)
            os.chown(target, owner.st_uid, owner.st_gid)
        return True

    def _dotenv_text(self):
        """Return .env: the example with this sandbox's server, and its secrets kept if known."""
        known = self._dotenv()
        key = "base64:" + base64.b64encode(secrets.token_bytes(32)).decode("ascii")
        values = {
            "APP_KEY": known.get("APP_KEY") or key,
            "DB_HOST": "127.0.0.1",
            "DB_PORT": str(self.port),
            "DB_SOCKET": self.socket,
            "DB_PASSWORD": known.get("DB_PASSWORD") or odd_password(),
        }
        with open(self._example_path(), encoding="utf-8") as handle:
            return dotenv_fill(handle.read(), values)

    def _dotenv(self):
        try:
            with open(os.path.join(self.app, ".env"), encoding="utf-8") as handle:
                return dotenv_read(handle.read())
        except OSError:
            return {}

    def _example_path(self):
        return os.path.join(self.source, "application", ".env.example")

    def _example(self):
        with open(self._example_path(), encoding="utf-8") as handle:
            return dotenv_read(handle.read())

    # Bookkeeping

    def _path(self, name):
        return os.path.join(self.dir, name)

    def _state_digest(self):
        return hashlib.sha256(self.schema_dump().encode("utf-8")).hexdigest()

    def _account_works(self):
        """Tell whether the application's account comes in with the password of .env."""
        try:
            self.server.connect(user=self.user, password=self.password or "").close()
        except DATABASE_ERRORS:
            return False
        return True

    def _sources_digest(self):
        digest = hashlib.sha256()
        for path, (content, executable) in sorted(read_tree(self.source).items()):
            digest.update(f"{path}\0{executable}\0{len(content)}\0".encode())
            digest.update(content)
        return digest.hexdigest()

    def _read_seeded(self):
        try:
            with open(self._path("seeded.json"), encoding="utf-8") as handle:
                return json.load(handle)
        except OSError:
            return {}

    def _discard_seeded(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path("seeded.json"))

    def _require_own_folder(self):
        """Refuse a folder that holds something and was not made here: it could be deleted."""
        if os.path.isdir(self.dir) and not os.path.islink(self.dir):
            names = os.listdir(self.dir)
            if not names or MARKER in names:
                return
        raise SandboxError(f"{self.dir} exists and is not a sandbox; it was left as it is.")

    @contextlib.contextmanager
    def _locked(self):
        if os.path.lexists(self.dir):
            self._require_own_folder()
        os.makedirs(self.server.folder, exist_ok=True)
        with open(self._path(MARKER), "w", encoding="utf-8") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            try:
                yield
            except DATABASE_ERRORS as error:
                raise SandboxError(f"The embedded server answered: {error}") from error
