# SPDX-License-Identifier: GPL-3.0-or-later
"""What is foreseen of a migration is what the server then says of it, number for number.

Each case is looked at, without Ansible, and then really migrated by artisan. What is certain fails
with the number that was foreseen; of what is not said to fail, all runs through.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from foresight_cases import ARRANGED, CASES, HERE, SETTINGS
from inquiry import DIAGNOSE, inquire
from sandbox import ON_MARIADB

MIGRATION = "2027_01_01_000000_case"


@pytest.fixture(scope="module")
def seeded(kept):
    """The sandbox without pending migrations, a session of the server, and the tables there are."""
    for path in Path(kept.app, "database", "migrations").glob("2026_*.php"):
        path.unlink()
    with kept.server.connect(database=kept.database) as session:
        cursor = session.cursor()
        yield kept, cursor, dict(_tables(cursor))


@pytest.fixture
def server(seeded):
    """The sandbox with the tables of ARRANGED besides the seeded ones, and the session."""
    sandbox, cursor, known = seeded
    cursor.execute("SET FOREIGN_KEY_CHECKS = 0")
    for name, kind in _tables(cursor):
        if name not in known:
            cursor.execute(f"DROP {'VIEW' if kind == 'VIEW' else 'TABLE'} `{name}`")
    cursor.execute("SET FOREIGN_KEY_CHECKS = 1")
    cursor.execute("DELETE FROM migrations WHERE migration = %s", (MIGRATION,))
    for text in ARRANGED:
        cursor.execute(text)
    Path(sandbox.app, "storage", "logs", "laravel.log").unlink(missing_ok=True)
    return sandbox, cursor


def _tables(cursor):
    cursor.execute(
        "SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES"
        " WHERE TABLE_SCHEMA = DATABASE()"
    )
    return cursor.fetchall()


def php(statement):
    """Return the PHP of a migration that sends one statement."""
    text = statement.replace("\\", "\\\\").replace("'", "\\'")
    return statement if statement.endswith(";") else f"DB::statement('{text}');"


def migrates(sandbox):
    """Really migrate; return the number of the server's error, None when it ran through."""
    result = sandbox.artisan("migrate", "--force")
    if MIGRATION in sandbox.recorded():
        assert result.returncode == 0
        return None
    told = re.search(r"SQLSTATE\[\w+\]: [^:]+: (\d+) ", " ".join(result.stdout.split()))
    assert told, result.stdout
    return int(told[1])


@pytest.mark.parametrize("name", CASES)
def test_what_is_foreseen_is_what_comes(server, name):
    sandbox, cursor = server
    expected, *statements = CASES[name]
    if isinstance(expected, tuple):
        expected = expected[0 if ON_MARIADB else 1]
    begin = statements.index(HERE) if HERE in statements else -1
    for text in statements[: max(begin, 0)]:
        cursor.execute(text)
    sandbox.add_migration(MIGRATION, "\n        ".join(map(php, statements[begin + 1 :])))
    setting = SETTINGS.get(name) if not ON_MARIADB else None
    if setting:
        cursor.execute(setting[0])
    try:
        said = inquire(sandbox, DIAGNOSE).report["prediction"]["findings"]
        real = migrates(sandbox)
    finally:
        if setting:
            cursor.execute(setting[1])
    assert real == expected
    certain = [finding["errors"][0] for finding in said if finding["will_fail"]]
    unread = [finding for finding in said if finding["kind"] == "unread"]
    if real is None:
        assert not [finding for finding in said if finding["may_fail"]], said
    elif not unread:
        assert certain[:1] == [real], said
    else:
        assert not certain, said
