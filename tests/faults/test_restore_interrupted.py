# SPDX-License-Identifier: GPL-3.0-or-later
"""A restore that was killed at any point is completed by running it again.

The module runs in a process of its own, which kills itself just before one of the things it does,
so that every point is hit exactly; nothing of it can clean up.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from playbook import PROJECT, play

PLAYBOOK = "playbooks/restore.yml"

# Kills itself before statement number `skip` that begins with `begin`, in whatever way it is sent;
# a chunk of the dump counts as a statement that begins with "chunk".
ALONE = """
import json, os, signal, sys
sys.path.insert(0, sys.argv[1] + "/library")
import ansible.module_utils
ansible.module_utils.__path__.append(sys.argv[1] + "/module_utils")
from ansible.module_utils.testing import patch_module_args
from ansible.module_utils.fix_fk.backup import load, loading, session
import schema_backup, schema_restore
given = json.load(sys.stdin)
count = 0
def see(text):
    global count
    if text.startswith(given["begin"]):
        count += 1
        if count > given["skip"]:
            os.kill(os.getpid(), signal.SIGKILL)
execute, feed = session.execute, load.Splitter.feed
def watched_execute(connection, statement, *rest):
    see(statement)
    return execute(connection, statement, *rest)
def watched_feed(self, chunk):
    see("chunk")
    return feed(self, chunk)
def watched_program(connection, program, *rest):
    see(program.kind)
    return run_program(connection, program, *rest)
run_program = loading.run_program
session.execute, load.Splitter.feed = watched_execute, watched_feed
loading.run_program = watched_program
load.CHUNK = 20000
with patch_module_args(given["arguments"]):
    (schema_backup if given["make"] else schema_restore).main()
"""


@pytest.fixture
def ruined(kept):
    """A sandbox that was backed up in the incident (.before, .path) and lost much since."""
    kept.broken()
    for path in Path(kept.dir, "backups").glob("*"):
        path.unlink()
    session(
        kept,
        "CREATE VIEW pegawai AS SELECT id, name FROM users",
        "CREATE TRIGGER jaga BEFORE INSERT ON units FOR EACH ROW SET NEW.id = NEW.id",
        "CREATE TRIGGER jaga2 BEFORE UPDATE ON units FOR EACH ROW SET NEW.id = NEW.id",
        "CREATE EVENT bersih ON SCHEDULE EVERY 1 YEAR DO DELETE FROM cache",
    )
    kept.before = everything(kept)
    made = alone(kept, make=True, dir=str(Path(kept.dir, "backups")), contents=True)
    assert made.returncode == 0, made.stdout
    kept.path = json.loads(made.stdout)["backup"]["path"]
    session(
        kept,
        "SET foreign_key_checks = 0",
        "DELETE FROM users",
        "CREATE TABLE sisa (id INT PRIMARY KEY)",
        "CREATE TRIGGER lain BEFORE INSERT ON sisa FOR EACH ROW SET NEW.id = NEW.id",
    )
    return kept


def session(sandbox, *statements):
    with sandbox.server.connect(
        user=sandbox.user, password=sandbox.password.encode(), database=sandbox.database
    ) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def alone(sandbox, begin="never", skip=0, make=False, **arguments):
    """Run the module in a process of its own until it kills itself."""
    given = {
        "database_socket": sandbox.socket,
        "database_user": sandbox.user,
        "database_password": sandbox.password,
        "database_name": sandbox.database,
        **arguments,
    }
    return subprocess.run(
        [sys.executable, "-c", ALONE, str(PROJECT)],
        input=json.dumps({"arguments": given, "begin": begin, "skip": skip, "make": make}),
        stdout=subprocess.PIPE,
        text=True,
    )


def everything(sandbox):
    """All tables, rows, views, triggers, routines and events of the schema, as one text."""
    return sandbox.server.client(
        "mariadb-dump",
        "--routines",
        "--events",
        "--skip-comments",
        "--order-by-primary",
        sandbox.database,
        stdout=subprocess.PIPE,
    ).decode("utf-8", "replace")


def schemas(sandbox):
    return sorted(name for (name,) in sandbox.sql("SHOW DATABASES"))


POINTS = [
    ("chunk", 3),
    ("trigger", 5),
    ("DROP TRIGGER", 2),
    ("DROP TRIGGER", 3),
    ("RENAME TABLE", 0),
    ("DROP EVENT", 0),
    ("DROP VIEW", 0),
    ("ALTER DATABASE", 0),
    ("event", 0),
    ("DROP DATABASE", 2),
]


@pytest.mark.parametrize("begin, skip", POINTS, ids=lambda value: str(value).replace(" ", "_"))
def test_it_is_completed_by_running_it_again(ruined, begin, skip):
    others = schemas(ruined)
    killed = alone(ruined, begin, skip, backup=ruined.path)
    assert killed.returncode == -signal.SIGKILL, killed.stdout
    # An event that exists in a scratch schema would run there.
    strays = {name for (name,) in ruined.sql("SELECT event_schema FROM information_schema.events")}
    assert strays <= {ruined.database}
    done = alone(ruined, backup=ruined.path)
    assert done.returncode == 0, done.stdout
    assert everything(ruined) == ruined.before
    assert schemas(ruined) == others


@pytest.mark.parametrize("begin, skip", [("DROP TABLE", 0), ("chunk", 3), ("event", 0)])
def test_the_direct_way_is_completed_by_running_it_again(ruined, begin, skip):
    given = {"backup": ruined.path, "direct": ruined.database}
    killed = alone(ruined, begin, skip, **given)
    assert killed.returncode == -signal.SIGKILL, killed.stdout
    done = alone(ruined, **given)
    assert done.returncode == 0, done.stdout
    assert everything(ruined) == ruined.before


def test_the_playbook_completes_it_and_lifts_maintenance_mode(ruined):
    killed = alone(ruined, "DROP VIEW", 0, backup=ruined.path)
    assert killed.returncode == -signal.SIGKILL
    played = play(ruined, PLAYBOOK, restore_backup=ruined.path)
    assert played.rc == 0, played.screen
    assert everything(ruined) == ruined.before
    assert not Path(ruined.app, "storage", "framework", "down").exists()
