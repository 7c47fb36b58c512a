# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases for the sandbox whose only migration fails for another reason than its own one."""

from __future__ import annotations

from pathlib import Path

from sandbox import ON_MARIADB, suite

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
    sandbox.withdraw()
    sandbox.add_migration(name, up, down)
    result = migrate(sandbox)
    assert result.returncode != 0, result.stdout
    log = Path(sandbox.app, "storage", "logs", "laravel.log").read_text(encoding="utf-8")
    assert f"{code} " in log, result.stdout


def prohibit(sandbox):
    """Let the application do as DB::prohibitDestructiveCommands(), of Laravel 11.9 and later, does.

    An older Laravel gets what that sets, and nobody who obeys it.
    """
    folder = "Illuminate/Database/Console/Migrations/FreshCommand.php"
    place = f"{suite().folder}/root" if suite().folder else ""
    command = Path(f"{place}/usr/share/php/{folder}").read_text("utf-8")
    if "Prohibitable" in command:
        code = "\n".join(
            f"Illuminate\\Database\\Console\\Migrations\\{name}Command::prohibit();"
            for name in ("Fresh", "Rollback")
        )
    else:
        code = "require_once dirname(__DIR__).'/app/FreshCommand.php';"
        Path(sandbox.app, "app", "FreshCommand.php").write_text(
            command.replace(
                "use ConfirmableTrait;",
                "use ConfirmableTrait; protected static $prohibitedFromRunning = true;",
            ),
            encoding="utf-8",
        )
    autoload = Path(sandbox.app, "bootstrap", "app.php")
    text = autoload.read_text(encoding="utf-8")
    assert "$app = " in text
    autoload.write_text(text.replace("$app = ", f"{code}\n$app = ", 1), encoding="utf-8")
