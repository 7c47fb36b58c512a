# SPDX-License-Identifier: GPL-3.0-or-later
"""Wrong password, missing user, grant or database, server down: told apart and repaired on a real
server, through ansible_runner, without a secret in anything that can be read."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
import time
from pathlib import Path

import pytest
from ansible.module_utils.fix_fk.laravel.dotenv import get
from inquiry import ACCESS, inquire
from passwords import ALL
from playbook import Unsafe, play
from sandbox import Sandbox

PLAYBOOK = ACCESS
ADMIN, ADMIN_PASSWORD = "dba", f"{ALL}☃"
OLD, NEW = "the 0ld one", f"n3w{ALL}☃"


@pytest.fixture
def sandbox(kept):
    """The seeded application, with an administrator besides."""
    kept.present()
    kept.sql("CREATE USER %s@'localhost' IDENTIFIED BY %s", ADMIN, ADMIN_PASSWORD)
    kept.sql(f"GRANT ALL PRIVILEGES ON *.* TO {ADMIN}@localhost WITH GRANT OPTION")
    yield kept
    kept.server.start()
    for path in Path(kept.app).glob(".env.before_fix_fk_*"):
        path.unlink()
    with contextlib.suppress(FileNotFoundError):
        Path(kept.app, "bootstrap", "cache", "config.php").unlink()


def admin(**more):
    return {
        "database_access_admin_user": ADMIN,
        "database_access_admin_password": Unsafe(ADMIN_PASSWORD),
        **more,
    }


class Watch(threading.Thread):
    """Collects the command lines of every process while something runs."""

    def __init__(self):
        super().__init__(daemon=True)
        self.seen, self.over = set(), False

    def run(self):
        while not self.over:
            for entry in filter(str.isdigit, os.listdir("/proc")):
                with contextlib.suppress(OSError):
                    self.seen.add(Path("/proc", entry, "cmdline").read_bytes())
            time.sleep(0.02)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over = True
        self.join()


def run(sandbox, *secrets, check=False, **variables):
    """Play, and see that no secret is in what can be read, nor in any command line."""
    with Watch() as watch:
        result = play(sandbox, PLAYBOOK, check=check, **variables)
    hidden = [*secrets, ADMIN_PASSWORD, password(sandbox)]
    everything, lines = result.everything(), b"\n".join(watch.seen)
    for secret in filter(None, hidden):
        assert secret not in everything
        # As JSON and as YAML write it.
        assert secret.encode("unicode_escape").decode() not in everything
        assert secret.encode() not in lines
    assert "Traceback" not in result.screen
    return result


def asked(sandbox):
    """Ask without Ansible, and without an administrator's account."""
    return inquire(sandbox, PLAYBOOK)


def password(sandbox):
    return get(Path(sandbox.app, ".env").read_text(encoding="utf-8"), "DB_PASSWORD")


def state(sandbox):
    """Return every row, definition, right and file."""
    return sandbox.schema_dump(), sandbox.files(), accounts(sandbox)


def accounts(sandbox):
    return sandbox.sql("SELECT user, host, authentication_string FROM mysql.user ORDER BY 1, 2")


def connects(sandbox):
    return sandbox.artisan("migrate:status").returncode == 0


def refused(sandbox, verdict, *words, by=run, **variables):
    """Run it; see that it refuses in one paragraph and changed nothing."""
    before = state(sandbox) if sandbox.server.pid() else sandbox.files()
    result = by(sandbox, **variables)
    assert result.rc != 0, result.screen
    assert (state(sandbox) if sandbox.server.pid() else sandbox.files()) == before
    told = result.message()
    assert result.report["diagnosis"]["verdict"] == verdict, told
    assert told.count("Nothing was changed") == 1 and "\n" not in told and "Next: " in told, told
    for word in words:
        assert word in told, (word, told)
    return result


def repaired(sandbox, verdict, **variables):
    """Run it; see that the application connects, and that a second run has nothing to do."""
    before = state(sandbox)
    result = run(sandbox, check=True, **variables)
    assert result.rc == 0, result.screen
    assert state(sandbox) == before
    result = run(sandbox, **variables)
    assert result.rc == 0, result.screen
    assert result.report["diagnosis"]["verdict"] == verdict
    assert result.report["checks"][0]["ok"] and connects(sandbox)
    again = run(sandbox, **variables) if verdict == "missing_user" else asked(sandbox)
    assert (again.rc, again.stats("changed")) == (0, 0), again.screen
    assert again.report["outcome"] == "healthy"
    return result


# --- what is broken ---------------------------------------------------------------------------


def wrong_password(sandbox):
    sandbox.set_dotenv(DB_PASSWORD=OLD)


def missing_user(sandbox):
    sandbox.sql(f"DROP USER {sandbox.user}@localhost")


def missing_grant(sandbox):
    sandbox.sql(f"REVOKE ALL PRIVILEGES, GRANT OPTION FROM {sandbox.user}@localhost")


def missing_database(sandbox):
    sandbox.sql(f"DROP DATABASE {sandbox.database}")


def server_down(sandbox):
    sandbox.server.stop()


@pytest.mark.parametrize(
    "arrange, verdict, words",
    [
        (wrong_password, "wrong_password_or_missing_user",
         ["1045", "SELECT User, Host FROM mysql.user", "CREATE USER", "ALTER USER"]),
        (missing_user, "wrong_password_or_missing_user", ["1045", "'gaspul_user'@'localhost'"]),
        (missing_grant, "missing_grant",
         ["1044", "GRANT ALL PRIVILEGES ON `gaspulco\\_lkbkanwil`.* TO 'gaspul_user'@'localhost'"]),
        (missing_database, "missing_database",
         ["1049", "CREATE DATABASE `gaspulco_lkbkanwil` CHARACTER SET utf8mb4 COLLATE "
                  "utf8mb4_unicode_ci"]),
        (server_down, "server_down", ["2002", "DB_SOCKET"]),
    ],
)  # fmt: skip
def test_without_an_administrator_it_tells_what_to_run(sandbox, arrange, verdict, words):
    arrange(sandbox)
    # By the playbook where there is nobody to ask; test_inquiry.py compares both.
    result = refused(sandbox, verdict, *words, by=run if arrange is server_down else asked)
    assert not sandbox.password or sandbox.password not in result.everything()


def test_an_application_that_connects_is_left_alone(sandbox):
    before = state(sandbox)
    for administrator in (False, True):
        result = run(sandbox, **(admin() if administrator else {}))
        assert (result.rc, result.stats("changed")) == (0, 0), result.screen
        assert result.report["outcome"] == "healthy"
    assert state(sandbox) == before


def test_a_missing_user_is_created_with_a_generated_password(sandbox):
    missing_user(sandbox)
    old, mode = password(sandbox), Path(sandbox.app, ".env").stat().st_mode
    rest = Path(sandbox.app, ".env").read_text().splitlines()
    result = repaired(sandbox, "missing_user", **admin())
    new = password(sandbox)
    assert new != old and len(new) >= 32
    assert Path(sandbox.app, ".env").stat().st_mode == mode
    now = Path(sandbox.app, ".env").read_text().splitlines()
    assert [a for a, b in zip(now, rest) if a != b] == [
        line for line in now if line.startswith("DB_PASSWORD=")
    ]
    (grant,) = [
        line
        for (line,) in sandbox.sql(f"SHOW GRANTS FOR {sandbox.user}@localhost")
        if "ALL PRIVILEGES" in line
    ]
    assert r"`gaspulco\_lkbkanwil`.*" in grant
    (backup,) = Path(sandbox.app).glob(".env.before_fix_fk_*")
    assert old == get(backup.read_text(encoding="utf-8"), "DB_PASSWORD")
    assert backup.name in result.screen


def test_a_wrong_password_is_changed_only_when_the_user_is_named(sandbox):
    wrong_password(sandbox)
    refused(sandbox, "wrong_password", "database_access_reset=gaspul_user", **admin())
    refused(
        sandbox, "wrong_password", "neither is the one that was given",
        **admin(database_access_password=Unsafe(NEW)),
    )  # fmt: skip
    refused(sandbox, "wrong_password", **admin(database_access_reset="somebody"))
    variables = admin(database_access_reset=sandbox.user, database_access_password=Unsafe(NEW))
    repaired(sandbox, "wrong_password", **variables)
    assert password(sandbox) == NEW


def test_the_right_password_changes_only_dotenv(sandbox):
    sandbox.sql("ALTER USER %s@'localhost' IDENTIFIED BY %s", sandbox.user, NEW)
    before = accounts(sandbox)
    wrong_password(sandbox)
    sandbox.artisan("config:cache")
    repaired(sandbox, "wrong_password", database_access_password=Unsafe(NEW))
    assert password(sandbox) == NEW and accounts(sandbox) == before
    assert not Path(sandbox.app, "bootstrap", "cache", "config.php").exists()


def test_a_missing_grant_is_given_on_that_one_schema(sandbox):
    missing_grant(sandbox)
    sandbox.sql("CREATE DATABASE gaspulcoxlkbkanwil")
    before = password(sandbox)
    repaired(sandbox, "missing_grant", **admin())
    assert password(sandbox) == before
    with sandbox.server.connect(user=sandbox.user, password=before.encode()) as connection:
        cursor = connection.cursor()
        cursor.execute("SHOW DATABASES")
        assert {name for (name,) in cursor.fetchall()} == {"information_schema", sandbox.database}


def test_a_missing_database_is_created(sandbox):
    missing_database(sandbox)
    result = run(sandbox, **admin())
    assert result.rc == 0, result.screen
    assert sandbox.sql(
        "SELECT default_character_set_name, default_collation_name"
        " FROM information_schema.schemata WHERE schema_name = %s",
        sandbox.database,
    ) == [("utf8mb4", "utf8mb4_unicode_ci")]
    assert sandbox.artisan("migrate:install").returncode == 0


def test_a_new_database_is_filled_when_that_is_asked_for(sandbox):
    migrations = Path(sandbox.app, "database", "migrations")
    for path in migrations.glob("2026_*.php"):
        path.unlink()
    missing_database(sandbox)
    before = state(sandbox)
    result = run(sandbox, check=True, database_access_migrate="true", **admin())
    assert result.rc == 0 and state(sandbox) == before, result.screen
    result = run(sandbox, **admin())
    assert "database_access_migrate=true" in result.report["next"], result.screen
    assert sandbox.sql("SHOW TABLES") == []
    result = run(sandbox, database_access_migrate="true")
    assert result.rc == 0, result.screen
    assert [step["id"] for step in result.report["steps"]] == ["remigrate"]
    assert sorted(sandbox.recorded()) == sorted(path.stem for path in migrations.glob("*.php"))
    again = run(sandbox, database_access_migrate="true")
    assert (again.rc, again.stats("changed")) == (0, 0), again.screen


def test_everything_missing_is_made_in_one_run(sandbox):
    missing_database(sandbox)
    missing_user(sandbox)
    result = run(sandbox, **admin())
    assert result.rc == 0, result.screen
    assert [step["id"] for step in result.report["steps"]] == [
        "dotenv", "create_database", "account", "grant", "verify",
    ]  # fmt: skip
    assert sandbox.artisan("migrate:install").returncode == 0


def test_migrations_that_fail_on_a_new_database_say_so(sandbox):
    """Those of the sandbox collide with each other."""
    missing_database(sandbox)
    result = run(sandbox, database_access_migrate=True, **admin())
    assert result.rc == 2 and result.report["outcome"] == "failed", result.screen
    assert "Done before that: create the database" in result.message()


def test_over_tcp_the_user_is_made_for_the_host_that_the_server_sees(sandbox):
    sandbox.use_tcp()
    missing_user(sandbox)
    variables = admin(database_access_admin_socket=sandbox.socket)
    repaired(sandbox, "missing_user", **variables)
    assert sandbox.sql("SELECT host FROM mysql.user WHERE user = %s", sandbox.user) == [
        ("localhost",)
    ]


def test_over_tcp_a_message_without_the_host_leaves_it_open(sandbox):
    sandbox.use_tcp()
    missing_database(sandbox)
    variables = admin(database_access_admin_socket=sandbox.socket)
    refused(sandbox, "host_not_known", "1049", "-e database_access_host=", **variables)
    result = run(sandbox, database_access_host="localhost", **variables)
    assert result.rc == 0 and result.report["diagnosis"]["verdict"] == "missing_database"


def test_an_administrator_of_another_server_explains_nothing(sandbox, tmp_path):
    other = Sandbox(tmp_path)
    other.present()
    try:
        other.sql("CREATE USER %s@'localhost' IDENTIFIED BY %s", ADMIN, ADMIN_PASSWORD)
        other.sql(f"GRANT ALL PRIVILEGES ON *.* TO {ADMIN}@localhost WITH GRANT OPTION")
        missing_database(sandbox)
        variables = admin(database_access_admin_socket=other.socket)
        refused(sandbox, "not_explained", "1049", "same server", **variables)
    finally:
        other.absent()


def test_an_anonymous_user_that_stands_before_is_told(sandbox):
    missing_user(sandbox)
    sandbox.sql("CREATE USER ''@'localhost'")
    sandbox.sql("CREATE USER %s@'%%' IDENTIFIED BY %s", sandbox.user, password(sandbox))
    result = repaired(sandbox, "missing_user", **admin())
    assert "The anonymous user ''@'localhost' fits localhost best" in str(
        result.report["diagnosis"]
    )


def test_a_configuration_cached_before_the_password_changed_is_cleared(sandbox):
    sandbox.artisan("config:cache")
    sandbox.set_password(NEW)
    repaired(sandbox, "cached_configuration_is_old")


def test_an_administrator_that_is_refused_is_told_without_the_password(sandbox):
    missing_user(sandbox)
    before = state(sandbox)
    result = run(
        sandbox, "wr0ng-admin-pass", **admin(database_access_admin_password="wr0ng-admin-pass")
    )
    assert result.rc != 0 and state(sandbox) == before
    assert "Access denied for user" in result.message() and ADMIN in result.message()


def test_a_host_without_pymysql_gets_the_carried_one(sandbox, tmp_path):
    """A python that hides its site-packages, as on a host without the package."""
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\nexec /usr/bin/python3 -S "$@"\n')
    python.chmod(0o755)
    missing_user(sandbox)
    before = set(os.listdir(tempfile.gettempdir()))
    hosts = {"app": {**sandbox.variables(), "ansible_python_interpreter": str(python)}}
    result = play(hosts, PLAYBOOK, **admin())
    assert result.rc == 0, result.screen
    assert connects(sandbox)
    assert not [
        name for name in set(os.listdir(tempfile.gettempdir())) - before if name.endswith("fix_fk")
    ]
