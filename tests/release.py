# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases for the sandbox whose only migration fails for another reason than its own one."""

from __future__ import annotations

from pathlib import Path

from sandbox import ON_MARIADB

OURS = "2026_01_20_000000_penilaian"
BACKUP = "skp_tahunan_backup_v1"


def foreign(name, column="user_id"):
    """Return the PHP of a foreign key called `name` from `column` to the users."""
    return f"$table->foreign('{column}', '{name}')->references('id')->on('users');"


def create(table, *lines):
    """Return the PHP that creates a table with id, user_id, approved_by and these lines."""
    columns = (
        "$table->id(); $table->unsignedBigInteger('user_id');"
        "$table->unsignedBigInteger('approved_by')->nullable();"
    )
    body = " ".join([columns, *lines])
    return f"Schema::create('{table}', function (Blueprint $table) {{ {body} }});"


KEYS = [foreign("fk_skp_tahunan_user"), foreign("fk_skp_tahunan_approved_by", "approved_by")]
RENAME = f"Schema::rename('skp_tahunan', '{BACKUP}');"
RENAME_AND_CREATE = RENAME + create("skp_tahunan", *KEYS)
RENAME_BACK = f"Schema::dropIfExists('skp_tahunan'); Schema::rename('{BACKUP}', 'skp_tahunan');"


def migrate(sandbox, *names):
    """Run all pending migrations, or those that are named, as a deployment does."""
    paths = [f"--path=database/migrations/{name}.php" for name in names]
    return sandbox.artisan("migrate", "--force", *paths)


# MySQL tells apart what MariaDB says with one code.
TAKEN = 1005 if ON_MARIADB else 1826


def fails(sandbox, code, up, down=None, name=OURS):
    """Deploy a release of the one migration `name` and let it fail with the error `code`."""
    for path in Path(sandbox.app, "database", "migrations").glob("2026_*.php"):
        path.unlink()
    sandbox.add_migration(name, up, down)
    result = migrate(sandbox)
    assert result.returncode != 0, result.stdout
    log = Path(sandbox.app, "storage", "logs", "laravel.log").read_text(encoding="utf-8")
    assert f"{code} " in log, result.stdout
