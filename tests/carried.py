# SPDX-License-Identifier: GPL-3.0-or-later
"""A table with rows that a migration has renamed away, with another one in its place.

with displaced(sandbox, "CREATE TABLE things (...)", "CREATE TABLE things (...)", rows=[...]):
    inquire(sandbox, CARRY, ...)
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from ansible.module_utils.fix_fk.schema.carrying import literal

CARRY = "playbooks/carry_over.yml"
MADE, MOVED = "2027_01_01_000000_make_things", "2027_01_02_000000_move_things"


def php(*statements):
    """Return PHP that sends these statements as they are."""
    quoted = [text.replace("\\", "\\\\").replace("'", "\\'") for text in statements]
    return "\n        ".join(f"DB::statement('{text}');" for text in quoted)


@contextlib.contextmanager
def displaced(sandbox, before, made, *, rows="", more=(), after=(), then=()):
    """Have `things` made as `before`, filled by the SQL `rows`, renamed to things_old and made as
    `made`. more: statements before that, after: behind it; then: SQL in the end, by hand."""
    sandbox.withdraw()
    try:
        sandbox.add_migration(MADE, php(*more, before, *after))
        run(sandbox)
        send(sandbox, [rows] if isinstance(rows, str) else rows)
        sandbox.add_migration(MOVED, php("RENAME TABLE things TO things_old", made))
        run(sandbox)
        send(sandbox, then)
        yield
    finally:
        forget(sandbox)


def send(sandbox, statements):
    """Send statements over one connection."""
    with contextlib.closing(sandbox.server.connect()) as connection, connection.cursor() as cursor:
        connection.select_db(sandbox.database)
        for text in statements:
            cursor.execute(text)
        connection.commit()


def run(sandbox):
    ran = sandbox.artisan("migrate", "--force")
    assert ran.returncode == 0, ran.stdout


def forget(sandbox):
    """Take the tables, the migrations and their records out again."""
    sandbox.artisan("up")
    names = [name for (name,) in sandbox.sql("SHOW TABLES LIKE 'thing%'")]
    send(sandbox, ["SET foreign_key_checks = 0", *(f"DROP TABLE `{name}`" for name in names)])
    for name in (MADE, MOVED):
        sandbox.sql("DELETE FROM migrations WHERE migration = %s", name)
        Path(sandbox.app, "database", "migrations", f"{name}.php").unlink(missing_ok=True)


def values(*rows):
    """Return rows as the VALUES of an INSERT."""
    return ", ".join(f"({', '.join(literal(value) for value in row)})" for row in rows)
