# SPDX-License-Identifier: GPL-3.0-or-later
"""`artisan migrate` as it is: which files it takes, what ends it, and what it passes over."""

from __future__ import annotations

from pathlib import Path

import pytest
from half_run import ANEW, OURS, ROWS, TABLE, fails, orders, recorded
from inquiry import DIAGNOSE, inquire, repair

PACKAGE = "packages/acme/migrations"


@pytest.fixture
def package(app):
    """The application with a package whose provider registers a folder of migrations."""
    provider = Path(app.app, "app/Providers/AppServiceProvider.php")
    text = provider.read_text(encoding="utf-8")
    begin = "public function boot(): void\n    {"
    assert begin in text
    load = f"$this->loadMigrationsFrom(base_path('{PACKAGE}'));"
    provider.write_text(text.replace(begin, f"{begin}\n        {load}"), encoding="utf-8")
    Path(app.app, PACKAGE).mkdir(parents=True, exist_ok=True)
    return app


def move(app, name, folder=PACKAGE):
    """Put a migration of the application into another folder."""
    text = Path(app.app, "database/migrations", f"{name}.php")
    return text.rename(Path(app.app, folder, f"{name}.php"))


# --- packages' folders -----------------------------------------------------------------------


def test_migrations_of_a_package_are_pending_recorded_and_missing_as_artisan_says(package):
    first, second, third = (f"2025_12_2{n}_000000_acme{n}" for n in (1, 2, 3))
    for name in (first, second, third):
        package.add_migration(name, TABLE.format(name[-5:], ""))
        move(package, name)
    for name in (first, second):
        path = f"--path={PACKAGE}/{name}.php"
        assert package.artisan("migrate", "--force", path).returncode == 0
    Path(package.app, PACKAGE, f"{second}.php").unlink()
    known = inquire(package, DIAGNOSE).run.laravel["migrations"]
    assert known["pending"] == [third] and known["missing"] == [second]
    assert {first, second} < {row["name"] for row in known["recorded"]}
    # That is what artisan takes as well.
    assert package.artisan("migrate", "--force").returncode == 0
    assert third in package.recorded()


def test_an_incident_in_a_package_s_migration_is_repaired(package):
    orders(package)
    move(package, "2025_12_25_000000_earlier")
    package.add_migration(OURS, " ".join(ANEW))
    move(package, OURS)
    assert package.artisan("migrate", "--force").returncode != 0
    done = repair(package)
    assert done.rc == 0, done.screen
    assert (package.rows("orders_old"), package.rows("orders")) == (ROWS, 0)
    assert OURS in package.recorded() and package.holders("fk_orders_user") == ["orders"]


def test_what_is_to_be_typed_names_the_package_s_own_path(package):
    package.add_migration(OURS, "throw new Exception('no');")
    path = move(package, OURS)
    result = inquire(package, incident_migration=OURS).report["diagnosis"]
    assert result["verdict"] == "migration_unreadable"
    assert f"--path={path.relative_to(package.app)}" in result["next"]
