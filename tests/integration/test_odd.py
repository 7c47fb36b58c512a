# SPDX-License-Identifier: GPL-3.0-or-later
"""Option 1 where names and passwords are as odd as the server lets them be."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import subprocess
import threading
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from inquiry import inquire, repair
from playbook import play
from sandbox import COLLISION

FAILED = "2026_01_25_000000_total_refactor_skp_system"
NEXT = "2026_01_26_000000_refactor_skp_tahunan_detail"
NAMES = ("fk_skp_tahunan_user", "fk_skp_tahunan_approved_by")
PASSWORD = 'it\'s "$odd" \\ #pass${word} ; é 試 `id` %s {{ 7*7 }}'

TABLE = "skp `tahunan` é"
DISPLACED = "skp `tahunan` é (cadangan)"
KEYS = ("fk `skp` pengguna é", "fk `skp` penyetuju ü")


def quoted(name):
    return "`" + name.replace("`", "``") + "`"


def php(name):
    return "'" + name.replace("\\", "\\\\").replace("'", "\\'") + "'"


def content(sandbox, table):
    return sandbox.sql(f"SELECT * FROM {quoted(table)} ORDER BY id")


class Watched:
    """While it is open, looks for a secret in what any process of this machine shows of itself."""

    def __init__(self, secret):
        self.needles = {form.encode() for form in forms(secret)}
        self.seen = set()
        self.samples = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.sample)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_error):
        self.over.set()
        self.thread.join()

    def sample(self):
        while not self.over.wait(0.01):
            self.samples += 1
            for process in Path("/proc").glob("[0-9]*"):
                if int(process.name) == os.getpid():
                    continue
                shown = {}
                for name in ("cmdline", "environ"):
                    with contextlib.suppress(OSError):
                        shown[name] = (process / name).read_bytes()
                for name, text in shown.items():
                    if any(needle in text for needle in self.needles):
                        self.seen.add(f"{name} of {shown.get('cmdline')!r}")


def forms(secret):
    """Return the secret as it is and as it would look in JSON, in .env, in a URL, in base64."""
    return {
        secret,
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        secret.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$"),
        quote(secret),
        quote_plus(secret),
        base64.b64encode(secret.encode()).decode(),
    }


def told(secret, text):
    return {form for form in forms(secret) if form in text}


def files_with(secret, *folders):
    """Return the files below the folders that hold the secret, without the server's own."""
    found = []
    for folder in folders:
        for current, inner, names in os.walk(folder):
            inner[:] = [name for name in inner if name != "server"]
            for name in names:
                path = Path(current, name)
                if path.is_file() and told(secret, path.read_text("utf-8", errors="replace")):
                    found.append(path.name)
    return found


@pytest.mark.parametrize("way", ["socket", "tcp"])
def test_an_odd_password_works_and_is_never_seen(kept, way, tmp_path):
    kept.broken()
    kept.set_password(PASSWORD)
    if way == "tcp":
        kept.use_tcp()
    with Watched(PASSWORD) as watched:
        run = play(kept, environment={"TMPDIR": str(tmp_path)})
    assert run.rc == 0, run.screen
    assert run.report["outcome"] == "repaired_rows_aside"
    assert [kept.holders(name) for name in NAMES] == [["skp_tahunan"]] * 2
    assert not told(PASSWORD, run.everything())
    assert watched.samples > 20 and not watched.seen
    assert files_with(PASSWORD, kept.dir, tmp_path) == [".env"]


def test_the_watching_finds_what_is_shown(tmp_path):
    """Without this a blind Watched would pass for a safe run."""
    with Watched(PASSWORD) as watched:
        subprocess.run(["sleep", "0.5"], env={**os.environ, "SHOWN": PASSWORD}, check=True)
        subprocess.run(["sh", "-c", "sleep 0.5", PASSWORD], check=True)
    assert {seen.partition(" ")[0] for seen in watched.seen} == {"environ", "cmdline"}
    (tmp_path / "left").write_text(f'password="{PASSWORD}"', encoding="utf-8")
    assert files_with(PASSWORD, tmp_path) == ["left"]


def odd_incident(sandbox):
    """Make an incident of the same shape under odd names."""
    user, approver = KEYS
    create = (
        f"Schema::create({php(TABLE)}, function (Blueprint $table) {{\n"
        "            $table->id();\n"
        "            $table->unsignedBigInteger('id pengguna');\n"
        "            $table->unsignedBigInteger('penyetuju é')->nullable();\n"
        "            $table->text('catatan')->nullable();\n"
        "            {extra}\n"
        f"            $table->foreign('id pengguna', {php(user)})"
        "->references('id')->on('users')->onDelete('cascade');\n"
        f"            $table->foreign('penyetuju é', {php(approver)})"
        "->references('id')->on('users')->onDelete('set null');\n"
        "        });"
    )
    sandbox.present()
    # The release with the ordinary names is not part of this story.
    for name in (FAILED, NEXT):
        Path(sandbox.app, "database/migrations", f"{name}.php").unlink()
    sandbox.add_migration(
        "2025_12_02_000000_create_odd",
        create.replace("{extra}", ""),
        f"Schema::dropIfExists({php(TABLE)});",
    )
    made = sandbox.artisan("migrate", "--force")
    assert made.returncode == 0, made.stdout
    sandbox.sql(
        f"INSERT INTO {quoted(TABLE)} (`id pengguna`, `penyetuju é`, catatan)"
        " SELECT id, NULL, CONCAT('catatan é 🙂 ', id) FROM users"
    )
    sandbox.add_migration(
        "2026_02_01_000000_refactor_odd",
        f"Schema::rename({php(TABLE)}, {php(DISPLACED)});\n        "
        + create.replace("{extra}", "$table->string('predikat é')->nullable();"),
        f"Schema::dropIfExists({php(TABLE)});\n"
        f"        Schema::rename({php(DISPLACED)}, {php(TABLE)});",
    )
    failed = sandbox.artisan("migrate", "--force")
    assert failed.returncode != 0 and COLLISION in failed.stdout, failed.stdout
    assert sandbox.rows(TABLE) == 0 and sandbox.rows(DISPLACED) > 0
    assert [sandbox.holders(name) for name in KEYS] == [[DISPLACED]] * 2


@pytest.mark.parametrize("strategy", ["auto", "rename_back"])
def test_odd_names_of_tables_constraints_and_columns(kept, strategy):
    odd_incident(kept)
    before = content(kept, DISPLACED)
    mend = play if strategy == "auto" else repair
    run = mend(
        kept,
        rollback_strategy=strategy,
        expected_tables=[TABLE, DISPLACED],
        expected_constraints=[
            {
                "name": KEYS[0],
                "table": TABLE,
                "columns": ["id pengguna"],
                "referenced_table": "users",
                "referenced_columns": ["id"],
            }
        ],
    )
    assert run.rc == 0, run.screen
    assert run.report["outcome"] == "repaired_rows_aside"
    assert content(kept, DISPLACED) == before and kept.rows(TABLE) == 0
    assert [kept.holders(name) for name in KEYS] == [[TABLE]] * 2
    assert kept.recorded()[-1] == "2026_02_01_000000_refactor_odd"
    assert all(check["ok"] for check in run.report["checks"]), run.report["checks"]
    way = next(step for step in run.report["steps"] if step["id"] == "rollback")
    assert any(quoted(DISPLACED) in line for line in way["undo_queries"]) or strategy == "auto"
    again = inquire(kept)
    assert again.report["outcome"] == "rows_aside" and again.stats("changed") == 0


def configure(sandbox, **values):
    """Change lines of the application's config/database.php."""
    path = Path(sandbox.app, "config/database.php")
    text = path.read_text(encoding="utf-8")
    for key, value in values.items():
        old = {"prefix": "'prefix' => ''", "migrations": "'migrations' => 'migrations'"}[key]
        assert old in text
        text = text.replace(old, f"'{key}' => '{value}'")
    path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("prefix", "migrations"),
    [("gk_", "migrations"), ("", "riwayat migrasi"), ("Gaspul-é ", "riwayat `migrasi`")],
)
def test_a_table_prefix_and_another_migrations_table(kept, prefix, migrations):
    kept.present()
    moves = ", ".join(
        f"`{table}` TO {quoted(prefix + (migrations if table == 'migrations' else table))}"
        for (table,) in kept.sql("SHOW TABLES")
        if prefix or table == "migrations"
    )
    kept.sql(f"RENAME TABLE {moves}")
    configure(kept, prefix=prefix, migrations=migrations)
    failed = kept.artisan("migrate", "--force")
    assert failed.returncode != 0 and COLLISION in failed.stdout, failed.stdout
    original, displaced = prefix + "skp_tahunan", prefix + "skp_tahunan_backup_v1"
    before = content(kept, displaced)
    assert before and kept.rows(original) == 0
    ours = kept.variables()
    tables = [
        [prefix + name for name in entry] if isinstance(entry, list) else prefix + entry
        for entry in ours["expected_tables"]
    ]
    constraints = [
        {**key, "table": original, "referenced_table": prefix + key["referenced_table"]}
        for key in ours["expected_constraints"]
    ]
    run = play(kept, expected_tables=tables, expected_constraints=constraints)
    assert run.rc == 0, run.screen
    assert run.report["outcome"] == "repaired_rows_aside"
    assert content(kept, displaced) == before and kept.rows(original) == 0
    assert [kept.holders(name) for name in NAMES] == [[original]] * 2
    recorded = kept.sql(f"SELECT migration FROM {quoted(prefix + migrations)} ORDER BY id")
    assert recorded[-2:] == [(FAILED,), (NEXT,)]
    assert kept.rows("migrations") is None
    assert all(check["ok"] for check in run.report["checks"]), run.report["checks"]
    again = inquire(kept, expected_tables=tables, expected_constraints=constraints)
    assert again.report["outcome"] == "rows_aside" and again.stats("changed") == 0
