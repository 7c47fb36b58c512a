# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pending migration has done already and would destroy: nothing printed loses a row.

Each incident is brought about on a real server. What the last line of the run says is carried out
as it stands, and every row is still there afterwards.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from half_run import ANEW, OURS, RENAME, ROWS, TABLE, fails, orders, recorded
from inquiry import DIAGNOSE, inquire, repair
from playbook import play
from sandbox import ON_MARIADB


def said(app, playbook, code, verdict=None, **variables):
    """Run a playbook that is to change nothing; return the Run."""
    before = app.schema_dump(), app.files()
    run = inquire(app, playbook, **variables)
    assert (app.schema_dump(), app.files()) == before
    assert run.rc == code, run.screen
    assert verdict in (None, run.report["diagnosis"]["verdict"]), run.report["summary"]
    assert app.password not in run.everything() and "Traceback" not in run.screen
    return run


def both(app, code, verdict, outcome=None, **variables):
    """Both playbooks say the same; return the report of fix_fk.yml."""
    report = said(app, "fix_fk.yml", code[0], verdict, **variables).report
    other = said(app, DIAGNOSE, code[-1], verdict, **variables).report
    assert report["diagnosis"]["found"] == other["diagnosis"]["found"]
    if outcome:
        assert report["outcome"] == other["outcome"] == outcome
    first, _, then = report["next"].partition("migrate --force")
    assert not then or "ansible-playbook playbooks/rollback.yml" in first, report["next"]
    return report


def statements(text):
    """Return the SQL that an answer tells a person to send."""
    return re.findall(r"(?:RENAME TABLE|INSERT INTO) .*?(?=;|\. |$)", text)


# --- stopped half-way, with or without a log -------------------------------------------------


@pytest.mark.parametrize("log", ["null", "stderr", "daily", "emptied"])
def test_without_a_log_it_is_told_from_the_schema(app, log):
    orders(app)
    fails(app, *ANEW, log=log)
    result = inquire(app).report["diagnosis"]
    assert (result["verdict"], result["migration"]) == ("renamed_table_kept_the_name", OURS)
    assert result["steps"] and "`orders_old` TO `orders`" in str(result["steps"])


def test_a_table_that_was_renamed_away_is_never_dropped(app):
    """Its own old backup table is dropped first: another try would drop the only rows."""
    orders(app)
    fails(app, *ANEW, log="null")
    assert (app.rows("orders_old"), app.rows("orders")) == (ROWS, 0)
    assert said(app, DIAGNOSE, 11).report["outcome"] == "needs_repair"
    run = play(app)
    assert run.rc == 0, run.screen
    # The migration drops the old backup table only when there is one; now there is none.
    assert (app.rows("orders_old"), app.rows("orders")) == (ROWS, 0)
    assert OURS in app.recorded() and app.holders("fk_orders_user") == ["orders"]


def test_a_deployment_that_was_killed_after_the_rename_is_rolled_back(app):
    """No error, no leftover and no name that is taken: only the renamed table."""
    orders(app)
    app.set_dotenv(LOG_CHANNEL="null")
    app.add_migration(OURS, " ".join(ANEW))
    app.sql("RENAME TABLE orders TO orders_old")
    assert said(app, DIAGNOSE, 11).report["diagnosis"]["migration"] == OURS
    run = play(app)
    assert run.rc == 0, run.screen
    assert app.rows("orders_old") == ROWS and OURS in app.recorded()


@pytest.mark.parametrize(
    "rename",
    [
        "Schema::rename('orders', 'orders_old');",
        "DB::statement('RENAME TABLE orders TO orders_old');",
    ],
)
def test_rows_that_a_guarded_migration_moved_aside_are_found_when_it_has_run(app, rename):
    orders(app)
    guarded = [f"if (Schema::hasTable('orders')) {{ {rename} }}", TABLE.format("orders", "")]
    app.add_migration(OURS, " ".join(guarded))
    assert app.artisan("migrate", "--force").returncode == 0
    assert (app.rows("orders_old"), app.rows("orders")) == (ROWS, 0)
    result = inquire(app).report["diagnosis"]
    assert result["verdict"] == "rows_aside", result
    assert (
        f"The application finds orders empty: its {ROWS} rows are in orders_old" in result["found"]
    )


def test_after_another_error_the_tables_get_their_names_back_first(app):
    """Whatever stopped it: `migrate` would drop the only rows, so it is not what comes next."""
    orders(app)
    key = "Schema::table('orders', function (Blueprint $table) {{ {} }});".format(
        "$table->unsignedBigInteger('none')->default(0);"
        " $table->foreign('none', 'fk_none')->references('id')->on('users');"
    )
    anew = TABLE.format("orders", "")
    row = "DB::table('orders')->insert(['id' => 1]);"
    fails(app, *ANEW[:2], anew, row, key)
    report = both(app, (2, 11), "orphan_rows")
    assert "orders is called orders_old" in report["diagnosis"]["found"]
    (back,) = statements(report["next"])
    app.sql(back)
    assert app.rows("orders") == ROWS
    run = said(app, "fix_fk.yml", 2, "orphan_rows")
    # Now nothing would be lost by it.
    assert "migrate --force" in run.report["next"]


def test_an_error_in_the_migrations_own_code_is_a_failure(app):
    orders(app)
    note = "Schema::table('orders', function (Blueprint $table) { $table->string('note'); });"
    fails(app, note, "$nothing = null; $nothing->call();")
    report = both(app, (2, 11), "migration_threw")
    assert "Call to a member function call() on null" in report["diagnosis"]["found"]
    assert f"{OURS}.php, line " in report["diagnosis"]["found"]
    assert "column note of orders is added" in report["diagnosis"]["found"]
    # With the line corrected, `migrate` would still meet the column.
    app.add_migration(OURS, note)
    corrected = said(app, "fix_fk.yml", 2, "migration_threw").report
    assert f"fix_fk.yml -i production -e incident_migration={OURS}" in corrected["next"]
    assert repair(app, incident_migration=OURS).report["outcome"] == "repaired"
    assert OURS in app.recorded()


def test_columns_changed_without_a_log_are_a_failure(app):
    """Nothing is renamed and no name is taken: only the columns tell, and the way out works."""
    orders(app)
    raw = "DB::statement('ALTER TABLE orders {}');"
    wider = "CHANGE user_id user_id BIGINT UNSIGNED NULL"
    steps = [raw.format(text) for text in ("ADD a INT NULL", wider, "ADD INDEX x (nothing)")]
    fails(app, *steps, log="null")
    report = both(app, (2, 11), "stopped_half_way")
    assert "column a of orders is added" in report["diagnosis"]["found"]
    assert "nothing" in report["diagnosis"]["found"]
    guarded = f"if (! Schema::hasColumn('orders', 'a')) {{ {steps[0]} }}"
    app.add_migration(OURS, guarded + steps[1])
    said(app, "fix_fk.yml", 0)
    assert app.artisan("migrate", "--force").returncode == 0


def test_what_next_says_after_rows_stood_in_the_way_ends_it(app):
    """The orphan is gone: what the migration has done is undone, and it is run again."""
    orders(app)
    app.sql("CREATE TABLE child (id INT PRIMARY KEY, order_id BIGINT UNSIGNED)")
    app.sql("INSERT INTO child VALUES (1, 99999)")
    made = TABLE.format("baru", "")
    key = (
        "Schema::table('child', function (Blueprint $table) {"
        " $table->foreign('order_id', 'fk_child')->references('id')->on('orders'); });"
    )
    fails(app, made, key)
    report = both(app, (2, 11), "orphan_rows")
    (query,) = re.findall(r"SELECT c\.\* FROM .*? IS NOT NULL", report["next"])
    assert list(app.sql(query)) == [(1, 99999)]
    assert "ansible-playbook playbooks/rollback.yml" in report["next"], report["next"]
    app.sql("DELETE FROM child")
    run = repair(app)
    assert run.report["diagnosis"]["verdict"] == "can_run_again", run.screen
    assert OURS in app.recorded() and app.holders("fk_child") == ["child"]


def test_a_view_that_it_made_first_is_in_its_way(app):
    orders(app)
    view = "DB::statement('CREATE VIEW v_orders AS SELECT id FROM users');"
    fails(app, view, *ANEW[1:])
    before = app.schema_dump()
    run = inquire(app)
    assert run.report["outcome"] == "refused" and "v_orders" in run.report["summary"], run.screen
    assert app.schema_dump() == before


def test_rows_written_in_a_loop_are_not_written_twice(app):
    orders(app)
    recorded(app, TABLE.format("seen", "$table->integer('x');"), "2025_12_27_000000_seen")
    insert = "DB::table('seen')->insert(['x' => 1]);"
    loop = f"foreach (DB::table('users')->limit(3)->get() as $u) {{ {insert} }}"
    fails(
        app, loop, *ANEW[1:], down="Schema::drop('orders'); Schema::rename('orders_old', 'orders');"
    )
    report = both(app, (2, 11), "migration_would_write_again")
    assert '{"remigrate_accept_repeat": ["seen"]}' in report["next"] and app.rows("seen") == 3


def test_exchanged_tables_keep_their_constraints_until_it_is_known_which_is_which(app):
    recorded(
        app,
        TABLE.format("measures", "$table->unsignedBigInteger('weight_id');")
        + TABLE.format(
            "controls",
            "$table->unsignedBigInteger('user_id');"
            " $table->foreign('user_id', 'fk_user')->references('id')->on('users');",
        ),
    )
    app.sql("INSERT INTO measures (weight_id) VALUES (1), (2)")
    dump = app.schema_dump()
    renames = [("measures", "tmp"), ("controls", "measures"), ("tmp", "controls")]
    fails(
        app,
        *(f"Schema::rename('{old}', '{new}');" for old, new in renames),
        "Schema::table('controls', function (Blueprint $table) {"
        " $table->foreign('weight_id', 'fk_user')->references('id')->on('users'); });",
    )
    report = both(app, (2, 11), "tables_exchanged")
    assert "stopped after statement 3 of 4" in report["diagnosis"]["found"]
    assert "playbooks/rollback.yml" in report["next"]
    assert repair(app, rollback_only=True).report["outcome"] == "rolled_back"
    assert app.schema_dump() == dump
    assert (
        "Nothing of it has been carried out"
        in (said(app, "fix_fk.yml", 2, "tables_exchanged").report["diagnosis"]["found"])
    )


# --- nothing has failed ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "up",
    [
        "Schema::drop('orders');",
        "DB::table('orders')->truncate();",
        "if (Schema::hasTable('orders')) { Schema::dropIfExists('orders'); }",
        "if (Schema::hasTable('orders')) { DB::statement('DROP TABLE orders'); }",
        "DB::statement('DELETE FROM orders');",
        "if (Schema::hasTable('orders')) { DB::table('orders')->delete(); }",
    ],
)
def test_a_migration_that_would_lose_rows_is_not_healthy(app, up):
    orders(app)
    app.add_migration(OURS, up)
    report = both(app, (13,), "migration_would_lose_rows", "would_lose")
    assert f"{ROWS} rows" in report["happened"]
    assert '"remigrate_accept_loss": ["orders"]' in report["next"]
    accepted = said(app, "fix_fk.yml", 0, remigrate_accept_loss=["orders"])
    assert accepted.report["outcome"] in ("healthy", "may_fail")


HIDDEN = [
    "DB::unprepared(file_get_contents(base_path('x.sql')));",
    "collect(['orders'])->each([Schema::class, 'drop']);",
    "$m = 'drop'; Schema::$m('orders');",
    "DB::statement('DROP '.'TABLE orders');",
    "DB::statement(sprintf('DROP %s %s', 'TABLE', 'orders'));",
]


@pytest.mark.parametrize("drop", HIDDEN, ids=range(len(HIDDEN)))
def test_a_drop_that_is_put_together_is_not_healthy(app, drop):
    orders(app)
    app.add_migration(OURS, f"if (Schema::hasTable('orders')) {{ {drop} }}")
    result = inquire(app).report["diagnosis"]
    assert result["verdict"] == "migration_would_lose_rows", result["found"]
    assert OURS in result["next"] and "migrate --force" not in result["next"]


def test_a_drop_of_what_a_branch_renamed_is_not_healthy(app):
    orders(app)
    rename = f"if (Schema::hasTable('orders')) {{ {RENAME} }}"
    app.add_migration(
        OURS, rename + TABLE.format("orders", "") + "Schema::dropIfExists('orders_old');"
    )
    result = inquire(app).report["diagnosis"]
    assert result["verdict"] == "migration_would_lose_rows", result["found"]
    assert "orders_old (now orders)" in result["found"]


def test_rows_that_go_with_those_of_their_parent_are_named(app):
    orders(app)
    app.sql(
        "CREATE TABLE pieces (id INT PRIMARY KEY, order_id BIGINT UNSIGNED, CONSTRAINT fk_pieces"
        " FOREIGN KEY (order_id) REFERENCES orders (id) ON DELETE CASCADE)"
    )
    app.sql("INSERT INTO pieces SELECT MIN(id), MIN(id) FROM orders")
    app.add_migration(OURS, "DB::table('orders')->delete();")
    result = inquire(app, remigrate_accept_loss=["orders"]).report["diagnosis"]
    assert result["verdict"] == "migration_would_lose_rows" and "rows of pieces" in result["found"]


MOVED = {
    "computed": "$t = 'orders';"
    " if (Schema::hasTable($t)) { Schema::rename($t, $t.'_'.date('Y')); }",
    "copied": "DB::statement('CREATE TABLE orders_kept AS SELECT * FROM orders');"
    " DB::table('orders')->delete();",
    "comment": "DB::statement('/*!40000 RENAME TABLE orders TO orders_2024 */');",
}
if ON_MARIADB:
    MOVED["waits"] = "DB::statement('ALTER TABLE orders WAIT 5 RENAME TO orders_2024');"


@pytest.mark.parametrize("up", MOVED.values(), ids=MOVED)
def test_rows_aside_are_found_whatever_moved_them(app, up):
    orders(app)
    anew = f"if (! Schema::hasTable('orders')) {{ {TABLE.format('orders', '')} }}"
    app.add_migration(OURS, up + anew)
    done = app.artisan("migrate", "--force")
    assert done.returncode == 0 and app.rows("orders") == 0, done.stdout
    result = inquire(app).report["diagnosis"]
    assert (
        result["verdict"] == "rows_aside" and f"its {ROWS} rows are in orders_" in result["found"]
    )


@pytest.mark.parametrize(
    "up",
    [
        "$old = 'orders'; if (Schema::hasTable($old)) { Schema::drop($old); }",
        "foreach (['orders'] as $t) {"
        ' if (Schema::hasTable($t)) { DB::statement("DROP TABLE $t"); } }',
        "if (Schema::hasTable('users')) { Schema::dropIfExists('or'.'ders'); }",
    ],
)
def test_a_drop_of_a_table_that_is_known_only_then_is_not_healthy(app, up):
    orders(app)
    app.add_migration(OURS, up)
    result = inquire(app).report["diagnosis"]
    assert result["verdict"] == "migration_would_lose_rows", result
    assert f'"remigrate_accept_loss": ["{OURS}"]' in result["next"]
    assert "migrate --force" not in result["next"] and "users" not in result["next"]


def test_a_loop_over_what_is_shown_is_no_alarm(app):
    orders(app)
    app.add_migration(OURS, "foreach (['a', 'b'] as $t) { Schema::dropIfExists($t); }")
    assert inquire(app).report["diagnosis"]["verdict"] == "healthy"


def test_rows_of_a_table_that_nobody_made_may_be_the_only_ones(app):
    app.sql("CREATE TABLE orders_old (id INT)")
    app.sql("INSERT INTO orders_old VALUES (1)")
    app.add_migration(OURS, "Schema::dropIfExists('orders_old');" + TABLE.format("baru", ""))
    report = both(app, (13,), "migration_would_lose_rows", "would_lose")
    assert "remigrate_accept_loss" not in report["next"]
    (kept,) = statements(report["next"])
    app.sql(kept)
    assert "migrate --force" in said(app, "fix_fk.yml", 0, "healthy").report["next"]
    assert app.artisan("migrate", "--force").returncode == 0
    assert app.rows("orders_old_kept") == 1


def test_a_failure_ahead_is_told_by_both_playbooks(app):
    orders(app)
    app.sql("CREATE TABLE child (id INT PRIMARY KEY, order_id BIGINT UNSIGNED)")
    app.sql("INSERT INTO child VALUES (1, 99999)")
    app.add_migration(
        OURS,
        "Schema::table('child', function (Blueprint $table) {"
        " $table->foreign('order_id', 'fk_child')->references('id')->on('orders'); });",
    )
    report = both(app, (10,), "will_fail", "will_fail")
    assert "1452" in report["happened"]
    app.sql("DELETE FROM child")
    assert said(app, "fix_fk.yml", 0, "healthy").report["outcome"] == "healthy"
    assert app.artisan("migrate", "--force").returncode == 0


@pytest.mark.parametrize(
    "up",
    [
        # Column and key are there, and so the branch is not taken.
        "if (! Schema::hasColumn('orders', 'user_id')) {"
        " Schema::table('orders', function (Blueprint $table) {"
        " $table->unsignedBigInteger('user_id');"
        " $table->foreign('user_id', 'fk_orders_user')->references('id')->on('users'); }); }",
        # Only the key is.
        'if (! DB::select("SELECT 1 FROM information_schema.table_constraints'
        " WHERE constraint_schema = DATABASE() AND constraint_name = 'fk_orders_user'\")) {"
        " Schema::table('orders', function (Blueprint $table) {"
        " $table->foreign('user_id', 'fk_orders_user')->references('id')->on('users'); }); }",
    ],
)
def test_a_branch_that_may_not_be_taken_is_no_incident(app, up):
    orders(app)
    app.add_migration(OURS, up)
    for playbook in ("fix_fk.yml", DIAGNOSE):
        assert said(app, playbook, 0).report["outcome"] == "may_fail"
    assert app.artisan("migrate", "--force").returncode == 0
    assert app.holders("fk_orders_user") == ["orders"]


@pytest.mark.parametrize("rows", [0, 5])
def test_a_table_of_a_recorded_migration_is_never_made_anew(app, rows):
    create = TABLE.format("forms", "$table->string('name')->nullable();")
    recorded(app, create)
    recorded(
        app,
        "Schema::table('forms', function (Blueprint $table) {"
        " $table->string('extra')->nullable(); });",
        "2025_12_26_000000_extra",
    )
    for number in range(rows):
        app.sql("INSERT INTO forms (name, extra) VALUES (%s, 'kept')", str(number))
    fails(app, create, down="Schema::dropIfExists('forms');")
    report = both(app, (2, 11), "made_by_a_recorded_migration")
    (record,) = statements(report["next"])
    app.sql(record)
    assert said(app, "fix_fk.yml", 0, "healthy").report["outcome"] == "healthy"
    assert app.rows("forms") == rows


# --- a schema dump ---------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["emptied", "absent"])
@pytest.mark.parametrize("leftover", [False, True])
def test_a_schema_dump_is_not_loaded_over_live_tables(app, how, leftover):
    name = "mysql-schema.sql"
    folder = Path(app.app, "database", "schema")
    folder.mkdir(exist_ok=True)
    names = app.recorded()
    (folder / name).write_text(
        "DROP TABLE IF EXISTS `users`;\nCREATE TABLE `users` (`id` bigint);\n"
        + "".join(
            f"INSERT INTO `migrations` (`migration`,`batch`) VALUES ('{n}',1);\n" for n in names
        ),
        encoding="utf-8",
    )
    app.sql("DELETE FROM migrations" if how == "emptied" else "DROP TABLE migrations")
    if leftover:
        app.sql("CREATE TABLE tags (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY)")
    app.add_migration(OURS, TABLE.format("tags", ""), "Schema::dropIfExists('tags');")
    report = both(app, (2,), "would_load_schema_dump", "refused")
    assert "users" in report["happened"]
    # What it says next works.
    command = re.search(r"(?:\S+ artisan migrate:install; )?grep .*?(?=; then)", report["next"])
    assert command
    install, _, grep = command[0].rpartition("; ")
    if install:
        assert app.artisan("migrate:install").returncode == 0
    lines = [line for line in (folder / name).read_text().splitlines() if line.startswith("INSERT")]
    assert str(folder / name) in grep
    for line in lines:
        app.sql(line.rstrip(";"))
    assert app.recorded() == names
    assert "would_load" not in play(app).report["diagnosis"]["verdict"]


@pytest.mark.parametrize("option", [{}, {"rollback_only": True}], ids=["repair", "rollback"])
def test_an_empty_table_of_others_is_not_dropped(app, option):
    """A second application has its own tables in the schema; nothing has failed here."""
    orders(app)
    app.set_dotenv(LOG_CHANNEL="null")
    app.sql("CREATE TABLE lama_migrations (id INT PRIMARY KEY)")
    app.add_migration(OURS, TABLE.format("tags", "") + TABLE.format("labels", ""))
    theirs = "CREATE TABLE tags (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY)"
    app.sql(f"{theirs} DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
    run = repair(app, **option)
    assert app.rows("tags") == 0 and run.rc == 2, run.screen
    assert run.report["diagnosis"]["verdict"] == "made_by_whom", run.screen
    assert "lama_migrations" in run.report["summary"] and "is dropped" in run.report["summary"]
    assert f"-e incident_migration={OURS}" in run.report["next"]
    assert "migrate --force" not in run.report["next"]
    # Alone in the schema, or named, it is a leftover of its own.
    run = repair(app, incident_migration=OURS)
    assert run.rc == 0 and OURS in app.recorded(), run.screen
