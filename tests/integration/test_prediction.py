# SPDX-License-Identifier: GPL-3.0-or-later
"""playbooks/diagnose.yml foresees what a migration will run into: predicted, then really run.

Each case is a migration of its own on tables of its own. All are pending together in one run of
the playbook; then artisan really runs each of them.
"""

from __future__ import annotations

import glob
import itertools
import os
import re
import time
from dataclasses import dataclass

import pymysql
import pytest
from fix_fk.prediction import LONG
from fix_fk.schema.columns import difference
from fix_fk.schema.effects import Column
from fix_fk.schema.outcome import KINDS
from playbook import play
from sandbox import ON_MARIADB, Sandbox

PLAYBOOK = "playbooks/diagnose.yml"
# A parent of each case, <name>_p, with rows 1 and 2.
PARENT = (
    "CREATE TABLE {p} (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, nama VARCHAR(50),"
    " kode INT UNSIGNED, nomor VARCHAR(30) NOT NULL, UNIQUE KEY {p}_nomor (nomor))",
    "INSERT INTO {p} VALUES (1, 'a', 1, 'n1'), (2, 'b', 2, 'n2')",
)
CHILD = "CREATE TABLE {c} (id BIGINT UNSIGNED NOT NULL PRIMARY KEY, p_id BIGINT UNSIGNED{more})"
KEYED = ", CONSTRAINT {c}_fk FOREIGN KEY (p_id) REFERENCES {p} (id)"
REFERS = "$table->foreign('p_id', '{c}_fk')->references('id')->on('{p}');"


@dataclass
class Case:
    """A migration, what it finds, and what becomes of it: kind and error, None when it succeeds."""

    kind: str | None
    error: int | None
    up: str
    setup: tuple[str, ...] = (CHILD,)
    more: str = ""
    rows: int | None = None
    # What is said with a finding that does not stop it.
    said: str | None = None

    def filled(self, name, text):
        more = self.more.replace("{c}", f"{name}_c").replace("{p}", f"{name}_p")
        pairs = {"{c}": f"{name}_c", "{p}": f"{name}_p", "{more}": more}
        for mark, value in pairs.items():
            text = text.replace(mark, value)
        return text


def table(body):
    return f"Schema::table('{{c}}', function (Blueprint $table) {{ {body} }});"


def create(body, name="{c}_baru"):
    return f"Schema::create('{name}', function (Blueprint $table) {{ {body} }});"


def alter(text):
    return f"DB::statement('ALTER TABLE {{c}} {text}');"


CASES = {
    # Constraint names
    "nama": Case("name_taken", 1005, create(
        "$table->unsignedBigInteger('p_id'); " + REFERS), more=KEYED),
    "dua": Case("name_taken", 1005, create("$table->unsignedBigInteger('p_id');") + create(
        "$table->unsignedBigInteger('p_id');", "{c}_dua") + "".join(
        f"DB::statement('ALTER TABLE {{c}}_{t} ADD CONSTRAINT {n} FOREIGN KEY (p_id) REFERENCES"
        " {p} (id)');" for t, n in (("baru", "{c}_sama"), ("dua", "{c}_SAMA")))),
    "hilang": Case("constraint_missing", 1091, table("$table->dropForeign('{c}_fk');")),
    # Tables
    "ada": Case("table_exists", 1050, create("$table->id();", "{c}")),
    "pindah": Case("table_exists", 1050, "Schema::rename('{c}', '{p}');"),
    "tiada": Case("table_missing", 1146, "Schema::rename('{c}_tiada', '{c}_x');"),
    "buang": Case("table_missing", 1051, "Schema::drop('{c}_tiada');"),
    "dirujuk": Case("table_referenced", 1451, "Schema::drop('{p}');", more=KEYED),
    # Columns
    "kolom": Case("column_exists", 1060, table("$table->string('p_id');")),
    "tanpa": Case("column_missing", 1091, table("$table->dropColumn('tiada');")),
    "ganti": Case("column_missing", 1054, alter("MODIFY tiada INT")),
    "kunci": Case("column_missing", 1072, table("$table->index('tiada');")),
    "perlu": Case("column_needed", 1553, table("$table->dropColumn('p_id');"), more=KEYED),
    "tetap": Case("column_fixed", 1832, alter("MODIFY p_id INT"), more=KEYED),
    "induk": Case("column_fixed", 1833, "DB::statement('ALTER TABLE {p} MODIFY id INT');",
                  more=KEYED),
    # Indexes
    "indeks": Case("index_exists", 1061, table("$table->index('p_id', '{c}_i');"),
                   more=", n INT, KEY {c}_i (n)"),
    "utama": Case("index_exists", 1068, table("$table->primary('p_id');")),
    "tersirat": Case("index_exists", 1061, table(REFERS), more=", n INT, KEY {c}_fk (n)"),
    "lepas": Case("index_missing", 1091, table("$table->dropIndex('{c}_tiada');")),
    "dipakai": Case("index_needed", 1553, table("$table->dropIndex('{c}_fk');"), more=KEYED),
    # What a foreign key refers to
    "rujuk": Case("parent_missing", 1005, table(REFERS.replace("{p}", "{p}_tiada"))),
    "besar": Case("parent_missing", 1005, table(REFERS.replace("{p}", "{P}"))),
    "kosong": Case("parent_column_missing", 1005, table(REFERS.replace("'id'", "'tiada'"))),
    "polos": Case("parent_not_indexed", 1005, "DB::statement('ALTER TABLE {c} ADD CONSTRAINT {c}_fk"
                  " FOREIGN KEY (k) REFERENCES {p} (kode)');", more=", k INT UNSIGNED"),
    "mesin": Case("parent_unfit", 1005, table(REFERS), (
        CHILD, "ALTER TABLE {p} ENGINE = MyISAM")),
    "bagian": Case("child_unfit", 1506, table(REFERS), (
        CHILD.replace("PRIMARY KEY", "") + " PARTITION BY HASH (id) PARTITIONS 2",)),
    "jenis": Case("columns_differ", 1005, create(
        "$table->unsignedInteger('p_id'); " + REFERS)),
    "tanda": Case("columns_differ", 1005, create("$table->bigInteger('p_id'); " + REFERS)),
    "huruf": Case("columns_differ", 1005, create(
        "$table->string('n', 30)->charset('latin1'); "
        "$table->foreign('n', '{c}_fk')->references('nomor')->on('{p}');")),
    "urut": Case("columns_differ", 1005, create(
        "$table->string('n', 30)->collation('utf8mb4_bin'); "
        "$table->foreign('n', '{c}_fk')->references('nomor')->on('{p}');")),
    "nol": Case("set_null", 1005, create("$table->unsignedBigInteger('p_id'); " + REFERS.replace(
        ";", "->onDelete('set null');"))),
    "isi": Case("set_null", 1830, alter("MODIFY p_id BIGINT UNSIGNED NOT NULL"),
                more=KEYED + " ON DELETE SET NULL"),
    # Rows
    "yatim": Case("orphans", 1452, table(REFERS), (
        CHILD, "INSERT INTO {c} VALUES (1, 1), (2, 7), (3, 8), (4, NULL)"), rows=2),
    "bawaan": Case("orphans", 1452, "Schema::table('{c}', function (Blueprint $table) {"
                   " $table->unsignedBigInteger('baru'); $table->foreign('baru', '{c}_fk')"
                   "->references('id')->on('{p}'); });", (
                       CHILD, "INSERT INTO {c} VALUES (1, 1), (2, 2)"), rows=2),
    "ganda": Case("duplicates", 1062, table("$table->unique('p_id');"), (
        CHILD, "INSERT INTO {c} VALUES (1, 1), (2, 1), (3, 2), (4, NULL), (5, NULL)"), rows=1),
    "samaisi": Case("duplicates", 1062, table("$table->string('kode')->unique();"), (
        CHILD, "INSERT INTO {c} VALUES (1, 1), (2, 2)"), rows=1),
    "hampa": Case("nulls", 1265, alter("MODIFY p_id BIGINT UNSIGNED NOT NULL"), (
        CHILD, "INSERT INTO {c} VALUES (1, 1), (2, NULL)"), rows=1),
    # Nothing that stops a migration, and much that looks like it
    "baik": Case(None, None, create(
        "$table->bigInteger('p_id')->unsigned()->nullable(); " + REFERS.replace(
            ";", "->onDelete('set null');")
        + "$table->string('n', 200)->nullable(); $table->foreign('n', '{c}_n')"
        "->references('nomor')->on('{p}');")),
    "tampil": Case(None, None, alter("ADD CONSTRAINT {c}_fk FOREIGN KEY (k) REFERENCES {p} (id)"),
                   (CHILD, "INSERT INTO {c} VALUES (1, 1, 2)"), more=", k BIGINT(5) UNSIGNED"),
    "ulang": Case(None, None, table(
        "$table->dropForeign('{c}_fk'); $table->dropColumn('p_id');") + table(
        "$table->unsignedBigInteger('p_id')->nullable(); " + REFERS), more=KEYED),
    "sekaligus": Case(None, None, alter("DROP COLUMN p_id, DROP FOREIGN KEY {c}_fk"), more=KEYED),
    "beda": Case(None, None, table(REFERS), (
        CHILD, "INSERT INTO {c} VALUES (1, 1), (2, NULL)"), more=", KEY lain (p_id)"),
    "boleh": Case(None, None, alter("MODIFY p_id BIGINT UNSIGNED NOT NULL"), (
        CHILD, "INSERT INTO {c} VALUES (1, 1)"), more=KEYED),
    "sebutlain": Case(None, None, alter("CHANGE p_id induk_id BIGINT UNSIGNED NULL") + alter(
        "MODIFY induk_id BIGINT UNSIGNED NULL"), more=KEYED),
    "ketiga": Case(None, None, create("$table->unsignedBigInteger('a'); $table->string('b', 9);"
                   "$table->unsignedBigInteger('c'); $table->foreign(['a', 'c'], '{c}_fk')"
                   "->references(['k', 'id'])->on('{c}');"),
                   # MySQL wants all of it unique; to MariaDB the index ends with the primary key.
                   more=", k BIGINT UNSIGNED, " + (
                       "KEY {c}_k (k)" if ON_MARIADB else "UNIQUE KEY {c}_k (k, id)")),
    "diam": Case("ignored", None, table(REFERS), (CHILD, "ALTER TABLE {c} ENGINE = MyISAM"),
                 said="will not be there"),
    "jaga": Case("table_exists", None, "if (! Schema::hasTable('{c}')) {"
                 + create("$table->id();", "{c}") + "}", said="may fail with error 1050"),
    "bersih": Case("orphans", None, "DB::table('{c}')->where('p_id', '>', 2)->delete();"
                   + table(REFERS), (CHILD, "INSERT INTO {c} VALUES (1, 1), (2, 7)"), rows=1,
                   said="It changes rows of these tables before that."),
}  # fmt: skip


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    sandbox = Sandbox(tmp_path_factory.mktemp("sandbox"))
    sandbox.present()
    for path in glob.glob(os.path.join(sandbox.app, "database/migrations/2026_*.php")):
        os.remove(path)
    yield sandbox
    sandbox.absent()


@pytest.fixture(scope="module", autouse=True)
def transaction(kept):
    """A transaction of another session that has read users, from the beginning on."""
    other = kept.server.connect(database=kept.database)
    with other.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT COUNT(*) FROM users")
    begun = time.monotonic()
    yield other, begun
    other.close()


def migration(name):
    return f"2027_01_01_{list(CASES).index(name):06}_{name}"


def add(sandbox, name):
    case = CASES[name]
    for statement in (*PARENT, *case.setup):
        sandbox.sql(case.filled(name, statement))
    up = case.up.replace("{P}", f"{name}_P")
    sandbox.add_migration(migration(name), case.filled(name, up))


def looks(sandbox, **options):
    """Run the playbook, see that it wrote nothing, and return the Run."""
    before = sandbox.schema_dump(), sandbox.files()
    run = play(sandbox, PLAYBOOK, **options)
    assert (sandbox.schema_dump(), sandbox.files()) == before
    assert run.stats("changed") == 0
    assert set(run.modules()) <= {"laravel_info", "fk_constraint_info"}
    assert len(run.modules()) <= 3
    return run


@pytest.fixture(scope="module")
def foreseen(kept):
    """What one look says of all cases: (Run, {case: its findings})."""
    for name in CASES:
        add(kept, name)
    run = looks(kept)
    assert run.rc == 10, run.screen
    assert run.report["outcome"] == "will_fail"
    said: dict[str, list] = {name: [] for name in CASES}
    for finding in run.report["prediction"]["findings"]:
        said[finding["migration"].split("_")[-1]].append(finding)
    return run, said


def migrates(sandbox, name):
    """Really run one migration; return the server's error number, None when it succeeded."""
    result = sandbox.artisan(
        "migrate", "--force", f"--path=database/migrations/{migration(name)}.php"
    )
    if migration(name) in sandbox.recorded():
        assert result.returncode == 0
        return None
    told = re.search(r"SQLSTATE\[\w+\]: [^:]+: (\d+) ", " ".join(result.stdout.split()))
    assert told, result.stdout
    return int(told[1])


@pytest.mark.parametrize("name", CASES)
def test_it_comes_as_foreseen(kept, foreseen, name):
    case, (run, said) = CASES[name], foreseen
    findings = [finding for finding in said[name] if finding["kind"] != "unseen"]
    assert [finding["kind"] for finding in findings] == ([case.kind] if case.kind else [])
    real = migrates(kept, name)
    if ON_MARIADB or not case.error:
        assert real == case.error
    for finding in findings:
        assert finding["will_fail"] == (case.error is not None)
        assert finding["rows"] == case.rows
        assert " ".join(finding["sentence"].split())[:60] in " ".join(run.screen.split())
        assert not case.said or case.said in finding["sentence"]
        if case.error:
            assert real in finding["errors"]
            assert not ON_MARIADB or f"will fail with error {real}" in finding["sentence"]
            assert finding["statement"] and finding["table"]
        if finding["query"]:
            rows = kept.sql(finding["query"])
            assert real is None or len(rows) == case.rows


# test_foresight.py and test_error_numbers.py meet these.
DEFINED = {
    *("name_unfit", "column_unfit", "index_unfit", "table_unfit", "check_unfit", "value_unfit"),
    *("online_unfit", "object_exists", "right_missing", "statement_unfit"),
}


def test_every_kind_is_met_for_real():
    kinds = {case.kind for case in CASES.values()} - {None, "ignored"}
    assert kinds == {*KINDS, "orphans", "duplicates", "nulls"} - {"unread"} - DEFINED


TYPES = (
    *("int", "int unsigned", "bigint unsigned", "datetime", "char(9)", "varchar(90)"),
    *("varchar(9) collate utf8mb4_bin", "varchar(9) character set latin1"),
)


def test_columns_that_may_not_refer_to_each_other_are_those_the_server_refuses(kept):
    columns = {}
    for number, kind in enumerate(TYPES):
        kept.sql(f"CREATE TABLE kind_{number} (x {kind}, UNIQUE KEY (x))")
        (about,) = kept.sql(
            "SELECT COLUMN_TYPE, COLLATION_NAME FROM information_schema.COLUMNS"
            " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s",
            f"kind_{number}",
        )
        columns[number] = Column("x", about[0], collation=about[1])
    for one, other in itertools.permutations(columns, 2):
        try:
            refers = f"FOREIGN KEY (x) REFERENCES kind_{other} (x)"
            kept.sql(f"ALTER TABLE kind_{one} ADD CONSTRAINT f {refers}")
        except pymysql.MySQLError:
            refused = True
        else:
            refused = False
            kept.sql(f"ALTER TABLE kind_{one} DROP FOREIGN KEY f")
        foreseen = difference(columns[one], columns[other])
        assert refused == bool(foreseen), (TYPES[one], TYPES[other], foreseen)


def test_what_pretend_cannot_see_is_said(foreseen):
    said = {finding["kind"]: finding for finding in foreseen[1]["jaga"]}
    assert "up(), line" in said["unseen"]["sentence"] and "--pretend" in said["unseen"]["sentence"]
    assert not said["unseen"]["will_fail"] and not said["unseen"]["may_fail"]


def test_the_artifact_says_it_too(foreseen):
    run, _ = foreseen
    final = next(e for e in reversed(run.events) if e["event"] == "playbook_on_stats")
    artifact = final["event_data"]["artifact_data"]["fix_fk_app"]
    assert artifact["prediction"] == run.report["prediction"]
    assert artifact["prediction"]["outcome"] == "will_fail"


@pytest.mark.parametrize(
    ("fail_on", "code"), [("has_failed", 0), (["will_fail", "may_fail"], 10), ("all", 2)]
)
def test_a_job_chooses_what_fails_it(kept, fail_on, code):
    for path in glob.glob(os.path.join(kept.app, "database/migrations/2027_*.php")):
        os.remove(path)
    kept.add_migration("2027_02_01_000000_lagi", create("$table->id();", "users"))
    run = looks(kept, diagnose_fail_on=fail_on)
    assert run.rc == code, run.screen
    if code == 2:
        assert "diagnose_fail_on has 'all'; it takes rows_aside, may_fail" in run.message()
    else:
        assert "will fail with error 1050" in run.screen


def test_an_open_transaction_is_named(kept, transaction):
    other, begun = transaction
    kept.sql(f"GRANT PROCESS ON *.* TO '{kept.user}'@'localhost'")
    time.sleep(max(0, begun + LONG + 1 - time.monotonic()))
    (found,) = [
        finding
        for finding in looks(kept, diagnose_fail_on="").report["prediction"]["findings"]
        if finding["kind"] == "lock"
    ]
    assert f"connection {other.thread_id()} of" in found["sentence"]
    assert not found["will_fail"] and not found["may_fail"]
