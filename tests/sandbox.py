# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox for tests: the role's own code, without Ansible, at any place and many at a time.

    sandbox = Sandbox(tmp_path)
    sandbox.present()                     # about 4 s from nothing, 0.4 s when it exists
    sandbox.broken()                      # the incident
    before = sandbox.schema_dump()
    ...
    sandbox.absent()

The server ends together with the Python process that started it, should absent() not be reached.

Server, PHP and Laravel are this machine's own, or of the suite (trixie or sid) that FIX_FK_SUITE or
the test names; scripts/suite makes it.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import sys
from pathlib import Path

import ansible.module_utils
import yaml

PROJECT = Path(__file__).resolve().parent.parent
if str(PROJECT / "module_utils") not in ansible.module_utils.__path__:
    ansible.module_utils.__path__.append(str(PROJECT / "module_utils"))

from ansible.module_utils.fix_fk.sandbox import states as shared  # noqa: E402
from ansible.module_utils.fix_fk.schema.sql import quote_table  # noqa: E402

SOURCE = PROJECT / "roles" / "sandbox" / "files"
INVENTORY = PROJECT / "inventory" / "sandbox"


def suite(name=None):
    """Return the Suite of that name: "machine", "trixie" or "sid"; without one, the tests' own."""
    name = name or os.environ.get("FIX_FK_SUITE", "machine")
    return shared.Suite(None if name == "machine" else str(PROJECT / ".suites" / name))


# The clients of the tests' own server, for modules that run in this process.
os.environ["PATH"] = suite().path

ON_MARIADB = suite().flavour == "mariadb"
# What the server says of a foreign key name that is taken.
COLLISION = "errno: 121" if ON_MARIADB else "1826 Duplicate foreign key constraint name"


class Sandbox(shared.Sandbox):
    """A sandbox with what tests need besides: variables for a play, digests, odd settings."""

    def __init__(self, directory, source=SOURCE, **options):
        """options: suite and server_suite by name, settings of the server."""
        given = {
            name: suite(options.pop(name)) for name in ("suite", "server_suite") if name in options
        }
        given.setdefault("suite", suite())
        super().__init__(str(directory), str(source), outlive=False, **given, **options)

    def variables(self):
        """Return the inventory variables of a play against this sandbox, over the local
        connection: those of inventory/sandbox with this sandbox's paths."""
        text = (INVENTORY / "group_vars" / "laravel.yml").read_text(encoding="utf-8")
        return {
            **yaml.safe_load(text),
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "sandbox_dir": self.dir,
            "laravel_path": self.app,
            "laravel_php": self.php,
            "backup_dir": os.path.join(self.dir, "backups"),
        }

    def files(self):
        """Return {path: sha256} of the files in the sandbox except the server's own."""
        return {
            path: hashlib.sha256(content).hexdigest()
            for path, (content, _) in shared.read_tree(self.dir, without=["server"]).items()
        }

    def rows(self, table):
        """Return the number of rows of a table, or None when there is no such table."""
        exists = self.sql(
            "SELECT 1 FROM information_schema.tables WHERE table_schema = %s AND table_name = %s",
            self.database,
            table,
        )
        if not exists:
            return None
        name = quote_table(self.database, table)
        return self.sql(f"SELECT COUNT(*) FROM {name}")[0][0]

    def holders(self, constraint):
        """Return the tables that own a foreign key of this name, in order."""
        found = self.sql(
            "SELECT table_name FROM information_schema.referential_constraints"
            " WHERE constraint_schema = %s AND constraint_name = %s ORDER BY table_name",
            self.database,
            constraint,
        )
        return [table for (table,) in found]

    def recorded(self):
        """Return the names in the migrations table, in the order they ran."""
        return [name for (name,) in self.sql("SELECT migration FROM migrations ORDER BY id")]

    def set_dotenv(self, **values):
        """Change lines of .env; present() and broken() put them back, except the password."""
        path = Path(self.app, ".env")
        path.write_text(shared.dotenv_fill(path.read_text(encoding="utf-8"), values), "utf-8")

    def set_password(self, password):
        """Give the application's account another password, in the server and in .env."""
        self.sql("ALTER USER %s@'localhost' IDENTIFIED BY %s", self.user, password)
        self.set_dotenv(DB_PASSWORD=password)

    def use_tcp(self):
        """Let the application connect to 127.0.0.1 and the port instead of the socket."""
        self.set_dotenv(DB_SOCKET="")

    def withdraw(self):
        """Take the migrations of the failing release out of the application."""
        for path in Path(self.app, "database", "migrations").glob("2026_*.php"):
            path.unlink()

    def add_migration(self, name, up, down=None):
        """Put a migration with these PHP bodies beside the others; down=None leaves it out."""
        method = "public function {}(): void\n    {{\n        {}\n    }}\n"
        body = method.format("up", up)
        if down is not None:
            body += "\n    " + method.format("down", down)
        path = Path(self.app, "database", "migrations", f"{name}.php")
        path.write_text(
            "<?php\n\n"
            "use Illuminate\\Database\\Migrations\\Migration;\n"
            "use Illuminate\\Database\\Schema\\Blueprint;\n"
            "use Illuminate\\Support\\Facades\\DB;\n"
            "use Illuminate\\Support\\Facades\\Schema;\n\n"
            f"return new class extends Migration\n{{\n    {body}}};\n",
            encoding="utf-8",
        )

    def give_to(self, user):
        """Let another system user own the application, as on a hosting account (root only)."""
        account = pwd.getpwnam(user)
        for current, folders, names in os.walk(self.app):
            for name in [".", *folders, *names]:
                os.chown(os.path.join(current, name), account.pw_uid, account.pw_gid)
