# SPDX-License-Identifier: GPL-3.0-or-later
"""What is foreseen of a migration is what the server then says of it, number for number.

Each case is looked at, without Ansible, and then really migrated by artisan. What is certain fails
with the number that was foreseen; of what is not said to fail, all runs through.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from foresight import ARRANGED, CASES, HERE, SETTINGS
from inquiry import DIAGNOSE, inquire
from sandbox import ON_MARIADB

MIGRATION = "2027_01_01_000000_case"


@pytest.fixture(scope="module")
def seeded(kept):
    """The sandbox without pending migrations, a session of the server, and the tables there are."""
    kept.withdraw()
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
    for kind in ("PROCEDURE", "FUNCTION", "EVENT"):
        cursor.execute(f"DROP {kind} IF EXISTS satu")
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


def look_and_migrate(sandbox, cursor, name, expected):
    """See that a case is foreseen as it then comes, and that it comes as expected."""
    _number, *statements = CASES[name]
    begin = statements.index(HERE) if HERE in statements else -1
    for text in statements[: max(begin, 0)]:
        cursor.execute(text)
    sandbox.add_migration(MIGRATION, "\n        ".join(map(php, statements[begin + 1 :])))
    said = inquire(sandbox, DIAGNOSE).report["prediction"]["findings"]
    assert migrates(sandbox) == expected
    certain = [finding["errors"][0] for finding in said if finding["will_fail"]]
    if expected is None:
        assert not [finding for finding in said if finding["may_fail"]], said
    elif any(finding["kind"] == "unread" for finding in said):
        assert not certain, said
    else:
        assert certain[:1] == [expected], said


@pytest.mark.parametrize("name", CASES)
def test_what_is_foreseen_is_what_comes(server, name):
    sandbox, cursor = server
    expected = CASES[name][0]
    if isinstance(expected, tuple):
        expected = expected[0 if ON_MARIADB else 1]
    sets, puts_back = SETTINGS.get(name, ("", "")) if not ON_MARIADB else ("", "")
    if sets:
        cursor.execute(sets)
    try:
        look_and_migrate(sandbox, cursor, name, expected)
    finally:
        if puts_back:
            cursor.execute(puts_back)


@pytest.mark.parametrize("name", ["ts0", "dateadd", "tonn", "insreq", "inslong", "nvar", "nint"])
def test_a_connection_that_is_not_strict_makes_values_fit(server, name):
    sandbox, cursor = server
    settings = Path(sandbox.app, "config", "database.php")
    before = settings.read_text(encoding="utf-8")
    settings.write_text(before.replace("'strict' => true", "'strict' => false"), encoding="utf-8")
    try:
        look_and_migrate(sandbox, cursor, name, None)
    finally:
        settings.write_text(before, encoding="utf-8")


def test_a_trigger_may_give_a_row_what_it_lacks(server):
    sandbox, cursor = server
    cursor.execute("CREATE TRIGGER wajib BEFORE INSERT ON s FOR EACH ROW SET NEW.wajib = 1")
    look_and_migrate(sandbox, cursor, "insreq", None)
