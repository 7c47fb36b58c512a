# SPDX-License-Identifier: GPL-3.0-or-later
"""playbooks/support_bundle.yml: errors, definitions and facts, no secret, no row."""

from __future__ import annotations

import html
import json
import os
import stat
import tarfile
import urllib.parse
from pathlib import Path

import pytest
from playbook import play

PLAYBOOK = "playbooks/support_bundle.yml"
FAILED = "2026_01_25_000000_total_refactor_skp_system"
APP_KEY = "base64:q0Uu5Yl0lB3x9sVJ2mYxq1mF1m0oJt1oVn0sYw4Zk7E="
SECRETS = {
    "APP_KEY": APP_KEY,
    "MAIL_PASSWORD": """p"q'r\\s<t>&u v""",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPx",
    "PUSHER_APP_SECRET": "9f2c7d11aa",
    "WEBHOOK_TOKEN": "tok_51H8x",
    "SENTRY_LARAVEL_DSN": "https://0a1b2c3d4e@o1.ingest.example.org/42",
    "REDIS_URL": "redis://worker:hunt%21er2@cache.example.org:6379",
}
# The password in that URL, as it is written there and as it is.
IN_URL = ("hunt%21er2", "hunt!er2")
ROW = "Zuleika Rahasia-Pribadi"


@pytest.fixture
def told(kept):
    """The incident in an application whose secrets and rows stand wherever they may."""
    kept.broken()
    kept.set_dotenv(**SECRETS, REDIS_PASSWORD="null", MAIL_MAILER="smtp")
    everything = " ".join([kept.password, *SECRETS.values(), *IN_URL])
    kept.sql("UPDATE users SET name = %s WHERE id = 1", ROW)
    kept.sql("ALTER TABLE units COMMENT = %s", f"made with {everything}"[:1024])
    kept.sql(
        "CREATE OR REPLACE VIEW skp_lama AS SELECT COUNT(*) AS jumlah FROM skp_tahunan_backup_v1"
    )
    log = Path(kept.app, "storage", "logs", "laravel.log")
    with log.open("a", encoding="utf-8") as file:
        file.write(
            f"[2026-01-24 07:00:00] production.ERROR: SQLSTATE[23000]: Integrity constraint "
            f"violation: 1062 Duplicate entry '{ROW}' for key 'users.name' (SQL: insert into "
            f"`users` (`name`, `password`) values ({ROW}, {kept.password})) \n"
            f"[2026-01-24 07:00:01] production.ERROR: SQLSTATE[HY000] [1045] Access denied for "
            f"user 'gaspul_user'@'localhost' ({everything}) \n"
            f"[2026-01-24 07:00:02] production.ERROR: login of {ROW} failed \n"
        )
    return kept


def bundle(sandbox, tmp_path, **options):
    """Make an archive, see that the sandbox is untouched; return the Run, its path and texts."""
    before = sandbox.files()
    run = play(sandbox, PLAYBOOK, support_bundle_dir=str(tmp_path / "out"), **options)
    assert sandbox.files() == before
    assert run.stats("changed") == 0
    assert sandbox.password not in run.everything()
    made = sorted((tmp_path / "out").glob("*")) if (tmp_path / "out").exists() else []
    texts = {}
    if made:
        (path,) = made
        assert str(path) in run.screen
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with tarfile.open(path) as archive:
            for member in archive.getmembers():
                assert member.isfile() and member.mode == 0o600
                name = member.name.split("/", 1)[1]
                texts[name] = read(archive, member)
    return run, texts


def read(archive, member):
    """Return the text of a file in the archive."""
    file = archive.extractfile(member)
    assert file, member.name
    return file.read().decode("utf-8")


def forms(secret):
    """Return how a secret may be written in a text, in JSON, in HTML and in a URL."""
    return {
        secret,
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        html.escape(secret),
        urllib.parse.quote(secret, safe=""),
    }


def clean(sandbox, texts):
    """See that no secret, and no value of a row, is anywhere in the archive."""
    secrets = [sandbox.password, *SECRETS.values(), APP_KEY.partition(":")[2], *IN_URL]
    for name, text in texts.items():
        for secret in secrets:
            for form in forms(secret):
                assert form not in text, (name, secret)
        assert ROW not in text and "Rahasia" not in text, name


def test_it_holds_what_a_developer_asks_for(told, tmp_path):
    schema = told.schema_dump()
    run, texts = bundle(told, tmp_path)
    assert run.rc == 0, run.screen
    assert told.schema_dump() == schema
    clean(told, texts)
    assert {"README.txt", "versions.json", "migrations.json", "diagnosis.json"} <= set(texts)
    errors = json.loads(texts["last_errors.json"])
    assert [error["code"] for error in errors] == [1005, 1062, 1045]
    assert errors[0]["migration"] == FAILED and errors[0]["errno"] == 121
    assert errors[0]["statement"].startswith("alter table `skp_tahunan` add constraint")
    assert errors[1]["statement"].startswith("insert ...")
    assert FAILED in json.loads(texts["migrations.json"])["pending"]
    diagnosis = json.loads(texts["diagnosis.json"])
    assert diagnosis["migration"] == FAILED and diagnosis["steps"]
    constraints = json.loads(texts["constraints.json"])
    assert {"name", "table"} <= set(constraints["constraints"][0])
    assert constraints["server"]["version"]
    assert "CREATE TABLE `skp_tahunan_backup_v1`" in texts["schema.sql"]
    assert "VIEW `skp_lama`" in texts["schema.sql"]
    assert "INSERT" not in texts["schema.sql"]
    assert json.loads(texts["versions.json"])["version"].startswith("8.")
    assert "Not in it" not in texts["README.txt"]


def test_the_reports_of_this_host_go_into_it_clean(told, tmp_path):
    reports = tmp_path / "out"
    reports.mkdir()
    everything = " ".join([told.password, *SECRETS.values()])
    text = json.dumps({"found": everything})
    for number in range(1, 8):
        run = f"2026010{number}_000000_00a{number}"
        (reports / f"app_{run}.json").write_text(text, encoding="utf-8")
        (reports / f"app_{run}.html").write_text(html.escape(everything), encoding="utf-8")
    # Another host's, whose name begins alike.
    (reports / "app_2_20260109_000000_00aa.json").write_text(text, encoding="utf-8")
    run = play(told, PLAYBOOK, report_dir=str(reports), support_bundle_runs="3")
    assert run.rc == 0, run.screen
    (path,) = reports.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        texts = {
            member.name.split("/", 1)[1]: read(archive, member) for member in archive.getmembers()
        }
    assert sorted(name for name in texts if name.startswith("reports/")) == sorted(
        f"reports/app_2026010{number}_000000_00a{number}.{kind}"
        for number in (5, 6, 7)
        for kind in ("html", "json")
    )
    clean(told, texts)


def test_it_is_made_while_the_server_is_down(told, tmp_path):
    told.stopped()
    try:
        run, texts = bundle(told, tmp_path)
    finally:
        told.present()
    assert run.rc == 0, run.screen
    clean(told, texts)
    assert "schema.sql" not in texts
    assert (
        "Not in it:\n- schema.sql and constraints.json: No database server answers"
        in (texts["README.txt"])
    )
    assert json.loads(texts["diagnosis.json"])["verdict"] == "no_connection"
    assert json.loads(texts["last_errors.json"])[0]["migration"] == FAILED
    assert json.loads(texts["migrations.json"])["files"]


def test_it_is_made_when_the_application_does_not_start(told, tmp_path):
    bootstrap = Path(told.app, "bootstrap", "app.php")
    source = bootstrap.read_text(encoding="utf-8")
    bootstrap.write_text(f"<?php throw new Exception('{APP_KEY}');", encoding="utf-8")
    try:
        run, texts = bundle(told, tmp_path)
    finally:
        bootstrap.write_text(source, encoding="utf-8")
    assert run.rc == 0, run.screen
    assert "does not start" in texts["README.txt"]
    assert json.loads(texts["last_errors.json"])[0]["migration"] == FAILED
    secrets = [*SECRETS.values(), *IN_URL, told.password]
    assert not [secret for text in texts.values() for secret in secrets if secret in text]


def test_in_check_mode_nothing_is_written(told, tmp_path):
    run, texts = bundle(told, tmp_path, check=True)
    assert run.rc == 0, run.screen
    assert texts == {} and "nothing was written" in run.screen


def test_a_folder_that_cannot_be_written_to_is_said(told, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    run = play(told, PLAYBOOK, support_bundle_dir=str(tmp_path / "file" / "out"))
    assert run.rc == 2, run.screen
    told_ = run.message()
    assert "could not be written" in told_ and "Nothing was changed. Next: " in told_
    assert os.listdir(tmp_path) == ["file"]
