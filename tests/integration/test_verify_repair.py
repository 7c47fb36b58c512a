# SPDX-License-Identifier: GPL-3.0-or-later
"""What is compared after a repair, and that each way to fail there has a command that ends it."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from ansible.module_utils.fix_fk.laravel.maintenance import MARKER
from inquiry import repair
from playbook import play

TABLES = "columns, indexes, foreign keys"
ROWS = "no row went missing"
CHANGED = "rows that a migration may have changed"
# What --pretend does not show, and nothing in the source tells of.
QUIET = "if (! DB::connection()->pretending()) {{ {} }}"


@pytest.fixture(scope="module", autouse=True)
def away(kept):
    """No later file of the tests finds a migration of these."""
    yield
    kept.present()


def checks(run):
    return {check["check"]: check for check in run.report["checks"]}


def is_down(sandbox):
    return Path(sandbox.app, "storage/framework/down").exists()


def said_next(run, playbook="fix_fk.yml"):
    """Return the variables of the command that Next names for a playbook."""
    words = shlex.split(run.report["next"].split(playbook, 1)[1].split(" ; ")[0])
    given = [words[place + 1] for place, word in enumerate(words) if word == "-e"]
    variables = {}
    for text in given:
        if text.startswith("{"):
            variables.update(json.loads(text))
        else:
            name, _, value = text.partition("=")
            variables[name] = value
    assert variables
    return variables


def quietly(sandbox, name, up):
    """Add a migration that does more than anything tells beforehand."""
    Path(sandbox.app, "database/quiet.php").write_text(
        f"<?php\nuse Illuminate\\Support\\Facades\\DB;\n{QUIET.format(up)}\n", encoding="utf-8"
    )
    sandbox.add_migration(name, "require database_path('quiet.php');", "")


def keys_of(sandbox, table):
    return [name for (name,) in sandbox.sql(
        "SELECT constraint_name FROM information_schema.referential_constraints"
        " WHERE constraint_schema = %s AND table_name = %s", sandbox.database, table
    )]  # fmt: skip


def test_a_table_in_use_that_loses_its_key_is_not_called_repaired(kept):
    kept.present()
    for path in Path(kept.app, "database/migrations").glob("2026_01_2[5-9]*"):
        path.unlink()
    key = "$t->id(); $t->unsignedBigInteger('user_id');"
    key += "$t->foreign('user_id', '{}')->references('id')->on('users');"
    kept.add_migration(
        "2026_01_20_000000_create_two",
        f"Schema::create('measures', function (Blueprint $t) {{ {key.format('fk_measures')} }});"
        f"Schema::create('controls', function (Blueprint $t) {{ {key.format('fk_controls')} }});",
    )
    assert kept.artisan("migrate", "--force").returncode == 0
    kept.sql("INSERT INTO measures (user_id) SELECT id FROM users LIMIT 5")
    kept.sql("INSERT INTO controls (user_id) SELECT id FROM users LIMIT 3")
    kept.add_migration(
        "2026_01_26_000000_swap",
        "Schema::rename('measures', 'passing');"
        "Schema::rename('controls', 'measures');"
        "Schema::rename('passing', 'controls');"
        "Schema::table('measures', function (Blueprint $t) {"
        "$t->foreign('user_id', 'fk_measures')->references('id')->on('users'); });",
    )
    run = repair(kept)
    assert run.rc == 2, run.screen
    if run.report["outcome"] == "refused":
        assert keys_of(kept, "measures") == ["fk_measures"]
        return
    check = checks(run)[TABLES]
    assert "foreign key fk_measures of controls is gone" in check["detail"]
    assert is_down(kept)
    restored = play(kept, "playbooks/restore.yml", **said_next(run, "playbooks/restore.yml"))
    assert restored.rc == 0, restored.screen
    assert keys_of(kept, "measures") == ["fk_measures"] and not is_down(kept)


def test_rows_that_a_loop_changes_are_looked_at(broken):
    broken.add_migration(
        "2026_01_26_000000_fill",
        "foreach (DB::table('units')->get() as $r)"
        " { DB::table('units')->where('id', $r->id)->update(['nama' => 'x'.$r->id]); }",
    )
    column = broken.sql(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = %s"
        " AND table_name = 'units' AND data_type = 'varchar' LIMIT 1", broken.database
    )[0][0]  # fmt: skip
    path = Path(broken.app, "database/migrations/2026_01_26_000000_fill.php")
    path.write_text(path.read_text("utf-8").replace("'nama'", f"'{column}'"), "utf-8")
    rows = broken.rows("units")
    run = repair(broken)
    assert run.rc == 0, run.screen
    found = checks(run)
    assert found[CHANGED]["look"] and found[ROWS]["ok"] and found[TABLES]["ok"]
    assert (
        f"units had {rows} rows, now {rows} rows of other content: 2026_01_26_000000_fill"
        in (found[CHANGED]["detail"])
    )
    assert CHANGED in run.report["next"] and not is_down(broken)


def test_what_nothing_announced_fails_until_it_is_accepted_by_name(broken):
    """A key, an index, a column and rows of tables that no statement names."""
    quietly(
        broken,
        "2026_01_26_000000_quiet",
        """
        DB::statement('ALTER TABLE progres_harian DROP FOREIGN KEY fk_quiet');
        DB::statement('ALTER TABLE personal_access_tokens MODIFY name VARCHAR(99) NULL');
        DB::statement('ALTER TABLE personal_access_tokens ADD KEY unasked (id)');
        DB::statement('CREATE TABLE quiet_rows AS SELECT MIN(id) AS id FROM indikator_kinerja');
        DB::statement('DELETE FROM indikator_kinerja LIMIT 1');
        """,
    )
    parent = broken.sql(
        "SELECT constraint_name FROM information_schema.referential_constraints"
        " WHERE constraint_schema = %s AND table_name = 'progres_harian'", broken.database
    )[0][0]  # fmt: skip
    children = broken.sql(
        "SELECT table_name, constraint_name FROM information_schema.referential_constraints"
        " WHERE constraint_schema = %s AND referenced_table_name = 'indikator_kinerja'",
        broken.database,
    )
    for table, name in children:
        broken.sql(f"ALTER TABLE `{table}` DROP FOREIGN KEY `{name}`")
    path = Path(broken.app, "database/quiet.php")
    path.write_text(path.read_text("utf-8").replace("fk_quiet", parent), "utf-8")
    rows = broken.rows("indikator_kinerja")

    run = repair(broken)
    assert run.rc == 2, run.screen
    told = checks(run)
    assert f"foreign key {parent} of progres_harian is gone" in told[TABLES]["detail"]
    assert (
        "index unasked of personal_access_tokens is there, and nothing made it"
        in told[TABLES]["detail"]
    )
    assert re.search(
        r"column name of personal_access_tokens was varchar\(255\) NOT NULL.* and is varchar\(99\)",
        told[TABLES]["detail"],
    )
    assert f"indikator_kinerja had {rows} rows, now {rows - 1} rows" in told[ROWS]["detail"]
    assert run.report["outcome"] == "failed" and is_down(broken)

    again = play(broken)
    assert again.rc == 2 and is_down(broken), again.screen
    for check in (TABLES, ROWS):
        assert checks(again)[check]["detail"] == told[check]["detail"]
    given = said_next(again)
    names = ["indikator_kinerja", "personal_access_tokens", "progres_harian"]
    assert given == {"verify_accept_changed": names}

    accepted = play(broken, **given)
    assert accepted.rc == 0, accepted.screen
    assert not is_down(broken)
    found = checks(accepted)
    assert f"foreign key {parent} of progres_harian is gone" in found["accepted by name"]["detail"]
    assert f"now {rows - 1} rows" in found["rows accepted by name"]["detail"]
    assert all(check["ok"] for check in found.values())


def test_an_interrupted_run_is_held_against_what_the_first_one_expected(broken):
    """The second run has nothing to migrate, and still knows what the migrations were to change."""
    broken.add_migration(
        "2026_01_26_000000_add", "DB::statement('INSERT INTO sessions_seen VALUES (2)');"
        "Schema::table('sessions_seen', function (Blueprint $t) { $t->integer('more')->nullable();"
        "$t->dropColumn('less'); });",
    )  # fmt: skip
    broken.sql("CREATE TABLE sessions_seen (id INT, less INT NULL)")
    broken.sql("INSERT INTO sessions_seen VALUES (1, 1)")
    path = Path(broken.app, "database/migrations/2026_01_26_000000_add.php")
    path.write_text(path.read_text("utf-8").replace("VALUES (2)", "VALUES (2, 2)"), "utf-8")
    run = repair(broken, expected_tables=[["users"]], route_pattern="no-such-route")
    assert run.rc == 2 and is_down(broken), run.screen
    assert checks(run)[ROWS]["ok"] and checks(run)[TABLES]["ok"]
    assert said_next(run) == {"route_pattern": ""}
    again = play(broken, expected_tables=[["users"]], **said_next(run))
    assert again.rc == 0 and not is_down(broken), again.screen
    assert again.report["diagnosis"]["verdict"] == "unfinished"
    assert "sessions_seen had 1 rows and has 2" in checks(again)[ROWS]["detail"]
    assert checks(again)[TABLES]["ok"] and not checks(again)[TABLES].get("skipped")


def test_without_the_content_from_before_it_goes_on_by_the_name_of_the_schema(broken):
    run = repair(broken, route_pattern="no-such-route")
    assert run.rc == 2 and is_down(broken), run.screen
    marker = Path(broken.app, "storage", MARKER)
    noted = json.loads(marker.read_text("utf-8"))
    marker.write_text(json.dumps({**noted, "baseline": None}), "utf-8")
    lost = play(broken)
    assert lost.rc == 2 and is_down(broken), lost.screen
    assert "the content before is not known" in checks(lost)[ROWS]["detail"]
    given = said_next(lost)
    assert given == {"verify_accept_unknown": broken.database}
    ended = play(broken, **given)
    assert ended.rc == 0 and not is_down(broken), ended.screen
    assert "accepted by the name of the schema" in checks(ended)[ROWS]["detail"]
