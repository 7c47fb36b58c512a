# SPDX-License-Identifier: GPL-3.0-or-later
"""Arranges migrations that stop half-way, beside a table with rows of a recorded one."""

from __future__ import annotations

from pathlib import Path

EARLIER = "2025_12_25_000000_earlier"
OURS = "2026_01_20_000000_ours"
ROWS = 300

ORDERS = (
    "Schema::create('orders', function (Blueprint $table) { $table->id();"
    " $table->unsignedBigInteger('user_id');"
    " $table->foreign('user_id', 'fk_orders_user')->references('id')->on('users'); {} });"
)
RENAME = "Schema::rename('orders', 'orders_old');"
BACK = "Schema::rename('orders_old', 'orders');"
ANEW = [
    "Schema::dropIfExists('orders_old');",
    RENAME,
    ORDERS.replace("{}", "$table->string('note')->nullable();"),
]
TABLE = "Schema::create('{}', function (Blueprint $table) {{ $table->id(); {} }});"


def recorded(app, up, name=EARLIER):
    """Run and record a migration."""
    app.add_migration(name, up)
    assert app.artisan("migrate", "--force").returncode == 0


def orders(app):
    """A table of a recorded migration, with rows."""
    recorded(app, ORDERS.replace("{}", ""))
    app.sql("SET @n = 0")
    app.sql(f"INSERT INTO orders (user_id) SELECT u.id FROM users u, users v, users w LIMIT {ROWS}")
    assert app.rows("orders") == ROWS


def fails(app, *up, log="single", down=None, name=OURS):
    """Deploy a migration that fails, with such a log."""
    channel = {"emptied": "single"}.get(log, log)
    app.set_dotenv(LOG_CHANNEL=channel)
    app.add_migration(name, " ".join(up), down)
    done = app.artisan("migrate", "--force")
    assert done.returncode != 0, done.stdout
    if log == "emptied":
        for path in Path(app.app, "storage", "logs").glob("*.log"):
            path.write_text("", encoding="utf-8")
    return done
