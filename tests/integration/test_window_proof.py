# SPDX-License-Identifier: GPL-3.0-or-later
"""What is proven of tables whose rows are not read in the window, where something writes them all
the same: a hidden statement, a trigger, a rule of a foreign key, an event, another session."""

from __future__ import annotations

from pathlib import Path

import inquiry
import pytest
from driver import Run
from playbook import play
from test_verify_repair import ROWS, TABLES, checks, is_down

ALONE = "tables that the plan leaves alone"
LATER = "2026_01_26_000001_quiet"


def repair(sandbox, **given):
    return inquiry.repair(sandbox, verify_contents="touched", **given)


@pytest.fixture(scope="module", autouse=True)
def away(kept):
    """No later file of the tests finds a migration of these."""
    yield
    kept.present()


LISTENS = r"""
        \Illuminate\Support\Facades\Event::listen(
            \Illuminate\Database\Events\MigrationsEnded::class,
            function ($event) { if ($event->method === 'up') { STATEMENT } }
        );
"""


def hidden(sandbox, statement):
    """Let the application send something once its migrations have run; no file of them tells it."""
    provider = Path(sandbox.app, "app/Providers/AppServiceProvider.php")
    start = "public function boot(): void\n    {\n"
    text = provider.read_text("utf-8")
    assert start in text
    sent = statement.replace("DB::", r"\Illuminate\Support\Facades\DB::")
    listens = LISTENS.replace("STATEMENT", sent)
    provider.write_text(text.replace(start, start + listens), "utf-8")


def proof(run):
    return checks(run)[ROWS]["proof"]


def test_only_what_the_plan_touches_is_read(broken):
    rows = broken.rows("skp_tahunan_backup_v1")
    run = repair(broken)
    assert run.rc == 0, run.screen
    read = proof(run)
    assert read["digested"] == ["skp_tahunan"] and read["whole"] == ""
    assert read["why"] == {"skp_tahunan": "the plan touches it"}
    assert {"users", "skp_tahunan_backup_v1", "units"} <= {*read["marked"]}
    assert checks(run)[ALONE]["detail"].startswith("nobody wrote a row of ")
    # What is counted for the words on rows aside is still said.
    assert f"its {rows} rows are in skp_tahunan_backup_v1" in run.report["happened"]


def test_full_reads_all_tables(broken):
    run = inquiry.repair(broken)
    assert run.rc == 0, run.screen
    assert proof(run)["marked"] == [] and proof(run)["whole"] == "verify_contents is full"
    assert ALONE not in checks(run)


def test_data_written_in_php_has_all_tables_read(broken):
    body = "DB::table('cache')->where('key', $r->id)->get();"
    broken.add_migration(LATER, f"foreach (DB::table('units')->get() as $r) {{ {body} }}")
    run = repair(broken)
    assert run.rc == 0, run.screen
    assert proof(run)["marked"] == [] and LATER in proof(run)["whole"]


SHAPE = (
    "CREATE TABLE {} (id INT PRIMARY KEY, taken DATETIME(3) NOT NULL, what VARCHAR(20))"
    " ENGINE=InnoDB"
)
# {what is done past all that is known: (the statement, the table of which it is told)}
HIDDEN = {
    "a write": ("DB::update('UPDATE units SET updated_at = NOW() LIMIT 1');", "units"),
    "a write past Laravel": ("DB::connection()->getPdo()->exec('DELETE FROM one');", "one"),
    "a row in the middle": ("DB::delete('DELETE FROM one WHERE id = 50');", "one"),
    "truncate": ("DB::statement('TRUNCATE one');", "one"),
    "a rule of a foreign key": ("DB::delete('DELETE FROM parent WHERE id = 2');", "child"),
    "exchanged": ("DB::statement('RENAME TABLE one TO aside, two TO one, aside TO two');", "one"),
    "made anew": (
        "DB::statement('CREATE TABLE aside LIKE one'); DB::statement('DROP TABLE one');"
        "DB::statement('RENAME TABLE aside TO one');",
        "one",
    ),
    "rebuilt with a loss": (
        "DB::statement(\"SET sql_mode = ''\");"
        "DB::statement('ALTER TABLE one MODIFY taken DATETIME NOT NULL');"
        "DB::statement('ALTER TABLE one MODIFY taken DATETIME(3) NOT NULL');",
        "one",
    ),
    "no row left": ("DB::delete('DELETE FROM child');", "child"),
}  # fmt: skip


def more_tables(sandbox):
    """Add tables that no statement of a migration names: two of one shape, a parent and a child."""
    sandbox.sql("DROP TABLE IF EXISTS child, parent, one, two, aside")
    for name in ("one", "two"):
        sandbox.sql(SHAPE.format(name))
        values = ", ".join(f"({n}, '2026-01-01 10:00:00.{n:03}', '{name} {n}')" for n in range(100))
        sandbox.sql(f"INSERT INTO {name} VALUES {values}")
    sandbox.sql("CREATE TABLE parent (id INT PRIMARY KEY) ENGINE=InnoDB")
    sandbox.sql(
        "CREATE TABLE child (id INT PRIMARY KEY, parent INT,"
        " CONSTRAINT fk_child FOREIGN KEY (parent) REFERENCES parent (id)"
        " ON DELETE CASCADE) ENGINE=InnoDB"
    )
    sandbox.sql("INSERT INTO parent VALUES (1), (2), (3)")
    sandbox.sql("INSERT INTO child VALUES (1, 1), (2, 2), (3, 3)")


@pytest.mark.parametrize("how", HIDDEN)
def test_what_nothing_tells_of_is_seen(broken, how):
    more_tables(broken)
    statement, table = HIDDEN[how]
    hidden(broken, statement)
    run = repair(broken)
    assert run.rc == 2, run.screen
    failed = checks(run)[ALONE]
    assert not failed["ok"] and table in failed["accept"], failed
    assert proof(run)["whole"] == "" and is_down(broken)


def test_what_is_meant_is_accepted_by_name(broken):
    more_tables(broken)
    hidden(broken, HIDDEN["a row in the middle"][0])
    run = repair(broken, verify_accept_changed=["one"])
    assert run.rc == 0, run.screen
    assert "one was written" in checks(run)["tables accepted by name"]["detail"]


def meddled(sandbox, monkeypatch, statement):
    """Let somebody else send a statement while the migrations run."""

    class Meddler(Run):
        def carry_out(self, step, given):
            if step == "remigrate":
                sandbox.sql(statement)
            return super().carry_out(step, given)

    monkeypatch.setattr("inquiry.Run", Meddler)


@pytest.mark.parametrize("table", ["one", "progres_harian"])
def test_rows_that_another_session_takes_away_are_missed(broken, monkeypatch, table):
    more_tables(broken)
    meddled(broken, monkeypatch, f"DELETE FROM {table} LIMIT 1")
    run = repair(broken)
    assert run.rc == 2, run.screen
    assert f"{table} was written in the window" in checks(run)[ALONE]["detail"]


def test_an_event_is_seen(broken, monkeypatch):
    more_tables(broken)
    broken.sql("SET GLOBAL event_scheduler = ON")
    meddled(
        broken,
        monkeypatch,
        "CREATE EVENT tidy ON SCHEDULE EVERY 1 SECOND STARTS NOW() DO"
        " UPDATE one SET what = CONCAT('x', SECOND(NOW()), MICROSECOND(NOW(6))) WHERE id = 40",
    )
    run = repair(broken)
    broken.sql("SET GLOBAL event_scheduler = OFF")
    broken.sql("DROP EVENT tidy")
    assert run.rc == 2, run.screen
    assert "one was written in the window" in checks(run)[ALONE]["detail"]


def test_a_trigger_of_a_touched_table_has_all_tables_read(broken):
    more_tables(broken)
    broken.sql(
        "CREATE TRIGGER spread AFTER UPDATE ON two FOR EACH ROW DELETE FROM one WHERE id = NEW.id"
    )
    broken.add_migration(LATER, "DB::update(\"UPDATE two SET what = 'x' WHERE id = 50\");")
    run = repair(broken)
    assert run.rc == 2, run.screen
    assert "the trigger spread of two" in proof(run)["whole"] and proof(run)["marked"] == []
    assert "one had 100 rows, now 99 rows" in checks(run)[ROWS]["detail"]


def test_children_of_a_touched_table_are_read(broken):
    more_tables(broken)
    broken.add_migration(LATER, "DB::insert('INSERT INTO parent VALUES (4)');")
    run = repair(broken)
    assert proof(run)["why"]["child"] == "fk_child writes it together with parent", run.screen
    assert "one" in proof(run)["marked"]


def test_tables_that_have_no_mark_are_read(broken):
    more_tables(broken)
    broken.sql("CREATE TABLE plain (id INT PRIMARY KEY, what VARCHAR(9)) ENGINE=MyISAM")
    broken.sql("CREATE TABLE keyless (what VARCHAR(9)) ENGINE=InnoDB")
    broken.sql("INSERT INTO plain VALUES (1, 'a')")
    broken.sql("INSERT INTO keyless VALUES ('a')")
    hidden(broken, "DB::update(\"UPDATE plain SET what = 'b'\");")
    run = repair(broken)
    broken.sql("DROP TABLE plain, keyless")
    assert run.rc == 2, run.screen
    why = proof(run)["why"]
    assert "MyISAM" in why["plain"] and "primary key" in why["keyless"]
    assert "plain had 1 rows, now 1 rows of other content" in checks(run)[ROWS]["detail"]


def test_structure_is_compared_of_every_table(broken):
    more_tables(broken)
    hidden(broken, "DB::statement('ALTER TABLE one ADD more INT');")
    run = repair(broken)
    assert run.rc == 2 and "column more of one" in checks(run)[TABLES]["detail"], run.screen


def test_a_server_that_may_forget_has_all_tables_read(broken):
    kept = broken.sql("SELECT @@global.table_definition_cache")[0][0]
    broken.sql("SET GLOBAL table_definition_cache = 400")
    names = [f"many_{number}" for number in range(400)]
    for name in names:
        broken.sql(f"CREATE TABLE {name} (id INT PRIMARY KEY) ENGINE=InnoDB")
    run = repair(broken)
    broken.sql(f"DROP TABLE {', '.join(names)}")
    broken.sql(f"SET GLOBAL table_definition_cache = {kept}")
    assert run.rc == 0, run.screen
    assert "table_definition_cache" in proof(run)["whole"] and proof(run)["marked"] == []


def test_an_interrupted_run_is_held_against_the_marks_of_before(broken):
    more_tables(broken)
    provider = Path(broken.app, "app/Providers/AppServiceProvider.php")
    text = provider.read_text("utf-8")
    hidden(broken, r"throw new \RuntimeException('stop');")
    first = play(broken, verify_contents="touched")
    assert first.rc == 2 and is_down(broken), first.screen
    provider.write_text(text, "utf-8")
    broken.sql("DELETE FROM one WHERE id = 50")
    run = play(broken, verify_contents="touched")
    assert run.rc == 2, run.screen
    assert "one was written in the window" in checks(run)[ALONE]["detail"]
