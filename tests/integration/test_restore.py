# SPDX-License-Identifier: GPL-3.0-or-later
"""Putting a backup back: the playbook on the sandbox, and every backup that must be refused."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import shutil
import subprocess
import time
from pathlib import Path

import pymysql
import pytest
from ansible.module_utils.fix_fk.backup import manifest as backups
from ansible.module_utils.fix_fk.backup.dump import Compressor
from ansible.module_utils.fix_fk.backup.fence import Fence
from ansible.module_utils.fix_fk.backup.load import load
from ansible.module_utils.fix_fk.server.connection import one_at_a_time
from ansible.module_utils.fix_fk.server.flavour import comparable
from playbook import play
from sandbox import ON_MARIADB, shared, suite
from window import Watched

PLAYBOOK = "playbooks/restore.yml"
NAMES = ("fk_skp_tahunan_user", "fk_skp_tahunan_approved_by")


@pytest.fixture
def broken(kept):
    """The sandbox in the incident, with a view, a trigger, a routine and an event in it."""
    kept.broken()
    for path in Path(kept.dir, "backups").glob("*"):
        path.unlink()
    run(
        kept,
        "CREATE VIEW pegawai AS SELECT id, name FROM users",
        "CREATE TRIGGER jaga BEFORE INSERT ON units FOR EACH ROW SET NEW.id = NEW.id",
        "CREATE PROCEDURE hitung() SELECT COUNT(*) FROM users",
        "CREATE EVENT bersih ON SCHEDULE EVERY 1 YEAR DO DELETE FROM cache",
    )
    return kept


@pytest.fixture
def backup(run_module, broken):
    """A backup of the broken sandbox, as schema_backup returns it."""
    made = run_module("schema_backup", **connection(broken), dir=folder(broken), contents=True)
    assert not made["failed"], made
    return made["backup"]


def folder(sandbox):
    return str(Path(sandbox.dir, "backups"))


def connection(sandbox):
    return {
        "database_socket": sandbox.socket,
        "database_user": sandbox.user,
        "database_password": sandbox.password,
        "database_name": sandbox.database,
    }


def everything(sandbox):
    """All tables, rows, views, triggers, routines and events of the schema, as one text."""
    dumped = sandbox.server.client(
        sandbox.server.suite.dumper,
        "--routines",
        "--events",
        "--skip-comments",
        "--order-by-primary",
        sandbox.database,
        stdout=subprocess.PIPE,
    )
    # The event's start is set anew by nobody, and AUTO_INCREMENT is part of the dump.
    return comparable(dumped.decode("utf-8", "replace"))


def run(sandbox, *statements):
    """Run statements in one session of the application's account."""
    with sandbox.server.connect(
        user=sandbox.user, password=sandbox.password.encode(), database=sandbox.database
    ) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def ruin(sandbox):
    """Leave little of the schema, and put somebody's table and a taken name in the way."""
    run(
        sandbox,
        "SET foreign_key_checks = 0",
        "DELETE FROM skp_tahunan_backup_v1",
        "DELETE FROM users",
        "DROP TABLE units",
        "DROP VIEW pegawai",
        "CREATE TABLE sisa (id BIGINT UNSIGNED PRIMARY KEY, CONSTRAINT fk_sisa"
        " FOREIGN KEY (id) REFERENCES users (id))",
        "CREATE TRIGGER lain BEFORE INSERT ON sisa FOR EACH ROW SET NEW.id = NEW.id",
        "ALTER TABLE skp_tahunan_backup_v1 DROP FOREIGN KEY fk_skp_tahunan_user",
        "ALTER TABLE skp_tahunan ADD CONSTRAINT fk_skp_tahunan_user FOREIGN KEY (user_id)"
        " REFERENCES users (id)",
    )


def schemas(sandbox):
    return sorted(name for (name,) in sandbox.sql("SHOW DATABASES"))


def down(sandbox):
    return Path(sandbox.app, "storage", "framework", "down").exists()


def test_a_backup_is_put_back_over_a_ruined_schema(broken, backup):
    before, others = everything(broken), schemas(broken)
    ruin(broken)
    with Watched(broken) as window:
        played = play(broken, PLAYBOOK, restore_backup=backup["id"])
    assert played.rc == 0, played.screen
    assert played.report["outcome"] == "restored"
    window.agrees_with(played.report)
    assert everything(broken) == before
    assert [broken.holders(name) for name in NAMES] == [["skp_tahunan_backup_v1"]] * 2
    assert schemas(broken) == others
    assert not down(broken)
    assert broken.password not in played.everything()
    # The ruins were kept, too, and seen to come back.
    assert played.report["backup"]["proof_level"] == "L2"
    assert len(list(Path(folder(broken)).glob("*.zst"))) == 2


def test_foreign_keys_are_added_when_every_table_has_been_read(broken, backup, tmp_path):
    """They would wait for a table that is being read, and give up."""
    broken.sql("CREATE DATABASE sementara")
    reads = []

    def read(connection, table):
        connection.begin()
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT COUNT(*) FROM `{table}`")
            rows = cursor.fetchone()[0]
        # As long as a large table takes.
        time.sleep(2.5 if table == "users" else 0)
        connection.commit()
        reads.append(table)
        return rows

    with contextlib.ExitStack() as stack:
        connections = [
            stack.enter_context(broken.server.connect(database="sementara")) for _ in range(3)
        ]
        for connection in connections:
            connection.query("SET SESSION lock_wait_timeout = 1")
        zstd = Compressor("zstd", "zst", (), (shutil.which("zstd"), "-d", "-q", "-c"))
        fence = Fence(broken.database, "sementara")
        loaded = load(
            backup["path"], zstd, connections, str(tmp_path), fence, lambda _table: True, read
        )
    assert loaded.problem is None
    assert set(loaded.found) == set(reads) and loaded.found["users"] == broken.rows("users")
    keys = "SELECT COUNT(*) FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE {} = %s"
    counts = [
        broken.sql(keys.format("CONSTRAINT_SCHEMA"), name)[0][0]
        for name in (broken.database, "sementara")
    ]
    assert counts[0] == counts[1] > 10
    broken.sql("DROP DATABASE sementara")


def test_a_view_that_was_kept_as_text_is_made_where_that_can_be(broken, run_module):
    run(
        broken,
        "CREATE TABLE lampau (id INT PRIMARY KEY)",
        "CREATE TABLE tamu (id INT PRIMARY KEY)",
        "CREATE VIEW hilang AS SELECT id FROM lampau",
        "CREATE VIEW a AS SELECT id FROM tamu",
        "CREATE VIEW b AS SELECT id FROM a",
        "DROP TABLE lampau",
        "ALTER TABLE tamu RENAME TO tamu2",
    )
    made = run_module("schema_backup", **connection(broken), dir=folder(broken), contents=True)
    assert made["backup"]["views_as_text"] == ["a", "b", "hilang"]
    path = made["backup"]["path"]
    # What the views a and b need is there when the backup is read, but in their place only.
    manifest = backups.read_manifest(path)
    texts = {
        name: text.replace("`tamu`", "`users`") for name, text in manifest["views_as_text"].items()
    }
    # In the order of their names, the first rests on the second.
    texts["a"], texts["b"] = (texts[old].replace("`b`", "`x`").replace("`a`", "`b`").replace(
        "`x`", "`a`") for old in ("b", "a"))  # fmt: skip
    reseal(path, views_as_text=texts)
    ruin(broken)
    played = play(broken, PLAYBOOK, restore_backup=path)
    assert played.rc == 0, played.screen
    assert broken.rows("a") == broken.rows("b") == broken.rows("users") == 300
    (look,) = [check for check in played.report["checks"] if check.get("look")]
    assert "The view hilang was not put back: " in look["detail"]
    assert f"Its text is in {path}.json, views_as_text" in look["detail"]
    # There is nothing left to do, although it is not there.
    again = play(broken, PLAYBOOK, restore_backup=path)
    assert again.rc == 0 and again.stats("changed") == 0, again.screen


def test_a_second_restore_changes_nothing(broken, backup):
    ruin(broken)
    assert play(broken, PLAYBOOK, restore_backup=backup["id"]).rc == 0
    before = everything(broken), broken.files()
    played = play(broken, PLAYBOOK, restore_backup=backup["path"])
    assert played.rc == 0, played.screen
    assert played.stats("changed") == 0
    assert "holds exactly that already" in played.report["summary"]
    assert (everything(broken), broken.files()) == before


def test_check_shows_the_plan_and_writes_nothing(broken, backup):
    ruin(broken)
    # What the application has written since.
    broken.sql(
        "INSERT INTO failed_jobs SELECT 99, '99', connection, queue, payload, exception, failed_at"
        " FROM failed_jobs LIMIT 1"
    )
    broken.sql("DELETE FROM cache LIMIT 4")
    broken.sql("UPDATE sessions SET ip_address = '::1' LIMIT 1")
    before = everything(broken), broken.files(), schemas(broken)
    played = play(broken, PLAYBOOK, check=True, restore_backup=backup["id"])
    assert played.rc == 0, played.screen
    assert "RENAME TABLE" in played.screen
    screen = " ".join(played.screen.split())
    note = screen.partition("will be lost")[2].partition("Enter maintenance")[0]
    for told in (
        "failed_jobs: 1 more than in the backup (5, 4 then)",
        "cache: 4 fewer than in the backup (26, 30 then)",
        "sessions: as many rows (40), with other values",
    ):
        assert told in note, note
    assert "progres_harian:" not in note
    assert (everything(broken), broken.files(), schemas(broken)) == before


def test_without_a_name_the_backups_are_listed(broken, backup, run_module):
    about = {"verdict": "half_run", "recorded": 12, "last": "2025_12_01_000000_a"}
    given = {**connection(broken), "dir": folder(broken)}
    second = run_module("schema_backup", **given, about=about, run_id="r2")["backup"]
    damaged = run_module("schema_backup", **given)["backup"]
    Path(damaged["manifest"]).unlink()
    before = everything(broken)
    try:
        played = play(broken, PLAYBOOK)
    finally:
        Path(damaged["path"]).unlink()
    assert played.rc == 0 and played.report["outcome"] == "listed", played.screen
    table = played.screen[played.screen.index("Backups\n") :].splitlines()
    assert table[1].split() == ["made", "rows", "size", "proof", "id"]
    lines = {line.split()[-1]: n for n, line in enumerate(table) if "  backup_" in line}
    newest, older = lines[second["id"]], lines[backup["id"]]
    assert newest < older and table[newest].split()[2] == str(sum(second["tables"].values()))
    assert table[newest + 1].strip() == (
        "half_run; 12 migrations recorded, the last 2025_12_01_000000_a; made by the run r2"
    )
    assert "not noted; made by" in table[older + 1]
    assert "cannot be used: its manifest" in table[lines[damaged["id"]] + 1]
    typed = f"ansible-playbook {PLAYBOOK} -i "
    (command,) = [line.strip() for line in table if line.strip().startswith(typed)]
    assert command.endswith(f" -e restore_backup={second['id']} --check")
    assert second["id"] in played.page and everything(broken) == before and not down(broken)
    none = play(broken, PLAYBOOK, backup_dir="/nowhere")
    assert none.rc == 0 and "no backup of the schema" in none.report["happened"]
    assert "-e backup_dir=" in none.report["next"]


def test_a_safety_backup_that_cannot_be_proven_stops_it_unless_that_is_accepted(broken, backup):
    ruin(broken)
    # Only root may read it, and the backup holds nothing of it.
    broken.sql(
        "CREATE DEFINER=root@localhost TRIGGER asing BEFORE DELETE ON jobs FOR EACH ROW SET @x = 1"
    )
    ruined = everything(broken)
    played = play(broken, PLAYBOOK, restore_backup=backup["id"])
    assert played.rc == 2 and "cannot be proven" in played.report["stopped"], played.screen
    assert f"-e restore_accept_unproven={broken.database}" in played.screen
    assert everything(broken) == ruined and not down(broken)
    given = {"restore_backup": backup["id"], "restore_accept_unproven": broken.database}
    played = play(broken, PLAYBOOK, **given)
    assert played.rc == 0 and played.report["backup"]["proof_level"] == "L0", played.screen


def test_an_application_that_was_down_stays_down(broken, backup):
    ruin(broken)
    broken.artisan("down")
    played = play(broken, PLAYBOOK, restore_backup=backup["id"])
    assert played.rc == 0, played.screen
    assert down(broken)


def reseal(path, **changes):
    """Change a manifest as somebody would who knows how."""
    manifest = {**backups.read_manifest(path), **changes}
    backups.write_manifest(path, manifest)


def cut_short(path, _sandbox):
    content = Path(path).read_bytes()
    Path(path).write_bytes(content[: len(content) // 2])
    return "bytes, and its manifest says"


def cut_short_with_its_manifest(path, _sandbox):
    content = Path(path).read_bytes()[:-1000]
    Path(path).write_bytes(content)
    reseal(path, bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
    return "does not load: zstd ended with exit code 1"


def cut_at_a_statement(path, _sandbox):
    sql = subprocess.run(["zstd", "-dc", path], stdout=subprocess.PIPE, check=True).stdout
    cut = sql[: sql.rindex(b";\n", 0, len(sql) // 2) + 2]
    packed = subprocess.run(["zstd", "-c"], input=cut, stdout=subprocess.PIPE, check=True).stdout
    Path(path).write_bytes(packed)
    reseal(path, bytes=len(packed), sha256=hashlib.sha256(packed).hexdigest())
    return "the dump ends without its last line"


def rewrite(path, change):
    """Change the SQL of a dump and let its manifest know of it."""
    sql = subprocess.run(["zstd", "-dc", path], stdout=subprocess.PIPE, check=True).stdout
    sql = change(sql)
    packed = subprocess.run(["zstd", "-c"], input=sql, stdout=subprocess.PIPE, check=True).stdout
    Path(path).write_bytes(packed)
    content = {"bytes": len(sql), "sha256": hashlib.sha256(sql).hexdigest(), "longest_line": 100}
    reseal(
        path,
        bytes=len(packed),
        sha256=hashlib.sha256(packed).hexdigest(),
        content=content,
    )


def row_left_out(path, _sandbox):
    """A whole dump, trailer and all, that lacks rows; its manifest knows of it."""

    def cut(sql):
        start = sql.index(b"INSERT INTO `users`")
        return sql[:start] + sql[sql.index(b"/*!40000 ALTER TABLE `users` ENABLE KEYS") :]

    rewrite(path, cut)
    return "users has 0 rows, and 300 were counted"


def before(mark, text):
    """Return a change that puts text before the first mark of a dump."""
    return lambda sql: sql.replace(mark, text + mark, 1)


ATTACKS = {
    "another schema's table": before(b"DROP TABLE IF", b"DROP TABLE `tetangga`.`anak`;\n"),
    "USE": before(b"DROP TABLE IF", b"USE tetangga;\nDROP TABLE IF EXISTS `anak`;\n"),
    "in a comment for servers": before(
        b"/*!40103 SET TIME_ZONE", b"/*!50001 DROP TABLE tetangga.anak */;\n"
    ),
    "among rows": before(b"UNLOCK TABLES", b"DELETE FROM tetangga.anak;\n"),
    "in a row": lambda sql: sql.replace(b"(1,'", b"(tetangga.hapus(),'", 1),
    "after DELIMITER": before(
        b"DELIMITER ;;\n", b"DELIMITER //\nDROP TABLE tetangga.anak//\nDELIMITER ;\n"
    ),
    "among views": before(
        b"/*!50001 DROP VIEW", b"/*!50001 DROP VIEW IF EXISTS tetangga.lihat*/;\n"
    ),
    "a trigger elsewhere": lambda sql: sql.replace(b" ON units ", b" ON tetangga.anak ").replace(
        b" ON `units` ", b" ON `tetangga`.`anak` "
    ),
    "a client's command": before(b"DROP TABLE IF", b"\\! touch /tmp/x;\n"),
    "the server": before(b"DROP TABLE IF", b"SET GLOBAL max_connections = 10;\n"),
}


@pytest.fixture
def neighbour(broken):
    """Another schema on the server, in which the application's account may do everything."""
    broken.sql("CREATE DATABASE tetangga")
    broken.sql("CREATE TABLE tetangga.anak (id INT PRIMARY KEY)")
    broken.sql("INSERT INTO tetangga.anak VALUES (1)")
    broken.sql("CREATE VIEW tetangga.lihat AS SELECT 1 AS a")
    broken.sql(f"GRANT ALL PRIVILEGES ON tetangga.* TO '{broken.user}'@'localhost'")
    yield lambda: (
        broken.sql("SELECT id FROM tetangga.anak"),
        broken.sql(
            "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA='tetangga'"
        ),
        broken.sql("SHOW TRIGGERS FROM tetangga"),
    )
    # MySQL cannot list a view on a schema that is gone.
    broken.sql("DROP VIEW IF EXISTS jauh")
    broken.sql("DROP DATABASE tetangga")


def test_statements_for_another_schema_are_refused_before_any_is_sent(
    broken, backup, neighbour, run_module
):
    first = subprocess.run(["zstd", "-dc", backup["path"]], stdout=subprocess.PIPE).stdout
    ruin(broken)
    live, others, beside = everything(broken), schemas(broken), neighbour()
    ways = itertools.cycle(
        [{}, {"direct": broken.database}, {"state": "proven"}, {"check_mode": True}]
    )
    for attack, (change, way) in zip(ATTACKS, zip(ATTACKS.values(), ways)):
        attacked = change(first)
        assert attacked != first, attack
        rewrite(backup["path"], lambda _sql, attacked=attacked: attacked)
        result = run_module("schema_restore", **connection(broken), backup=backup["path"], **way)
        assert result["failed"], attack
        assert "not for the schema" in result["msg"] and "Next: " in result["msg"], result["msg"]
        assert "Nothing was changed" in result["msg"] and result["queries"] == []
        assert (schemas(broken), neighbour()) == (others, beside), attack
    assert everything(broken) == live
    rewrite(backup["path"], lambda _sql: first)
    result = run_module("schema_restore", **connection(broken), backup=backup["path"])
    assert result["changed"], result["msg"]
    assert neighbour() == beside


def test_a_connection_takes_one_statement_at_a_time(broken):
    """Also with a PyMySQL that asks the server to take several."""
    several = pymysql.constants.CLIENT.MULTI_STATEMENTS
    with broken.server.connect(client_flag=several) as other:
        one_at_a_time(pymysql, other)
        with pytest.raises(pymysql.err.ProgrammingError):
            other.query(f"DO 1; DROP TABLE `{broken.database}`.users")
        other.query("DO 1")
    assert broken.rows("users") == 300


def test_a_manifest_that_would_leave_its_schema_is_refused(broken, backup, neighbour, run_module):
    manifest = backups.read_manifest(backup["path"])
    ruin(broken)
    live, others, beside = everything(broken), schemas(broken), neighbour()
    for changes, said in (
        ({"views_as_text": {"a": "DROP TABLE tetangga.anak"}}, "views_as_text"),
        ({"views_as_text": {"a": "CREATE VIEW tetangga.a AS SELECT 1"}}, "schema tetangga"),
        ({"routines_as_text": {"procedure a": "DROP DATABASE tetangga"}}, "routines_as_text"),
        ({"charset": "utf8mb4 COMMENT 'x'"}, "names the charset"),
        ({"collation": "x; DROP TABLE tetangga.anak"}, "names the collation"),
        ({"compression": "../bin/sh"}, "names the compression"),
    ):
        backups.write_manifest(backup["path"], {**manifest, **changes})
        for more in ({}, {"direct": broken.database}):
            result = run_module(
                "schema_restore", **connection(broken), backup=backup["path"], **more
            )
            assert result["failed"] and said in result["msg"], result
            assert "Nothing was changed" in result["msg"]
        assert (schemas(broken), neighbour()) == (others, beside)
    assert everything(broken) == live


def test_the_playbook_refuses_what_leaves_the_schema_before_maintenance(
    broken, backup, neighbour, run_module
):
    rewrite(backup["path"], ATTACKS["another schema's table"])
    good = run_module("schema_backup", **connection(broken), dir=folder(broken), contents=True)
    ruin(broken)
    live, beside, files = everything(broken), neighbour(), broken.files()
    played = play(broken, PLAYBOOK, restore_backup=backup["id"])
    assert played.rc == 2, played.screen
    assert "DROP TABLE `tetangga`.`anak`" in played.report["summary"]
    assert "take another backup" in played.screen
    assert (everything(broken), neighbour(), broken.files()) == (live, beside, files)
    played = play(broken, PLAYBOOK, restore_backup=good["backup"]["id"])
    assert played.rc == 0, played.screen
    assert neighbour() == beside


def test_what_reads_other_schemas_or_only_looks_like_sql_comes_back(broken, neighbour, run_module):
    """Bodies, and rows with all that a statement could have in it."""
    run(
        broken,
        "CREATE VIEW jauh AS SELECT id FROM tetangga.anak",
        "CREATE PROCEDURE tulis() BEGIN INSERT INTO tetangga.anak VALUES (7); END",
        "CREATE TRIGGER `t.r` AFTER DELETE ON units FOR EACH ROW"
        " INSERT INTO tetangga.anak VALUES (OLD.id)",
        "CREATE TABLE `tetangga.anak` (id INT PRIMARY KEY, `a.b` TEXT COMMENT 'USE x; `y`.`z`',"
        " n DOUBLE, b LONGBLOB, j JSON, bits BIT(9), d DECIMAL(9,2))",
        "INSERT INTO `tetangga.anak` VALUES (2, NULL, 1e300, NULL, NULL, NULL, NULL),"
        " (-1, 'DROP TABLE tetangga.anak;\n\\\\'' -- /*!50001 f(1) */ `', -1.5e-30, x'0027', '{}',"
        " 5, -0.5), (3, '', 0, '', '[\"(\"]', 0, 0)",
    )
    made = run_module("schema_backup", **connection(broken), dir=folder(broken), contents=True)
    live, beside = everything(broken), neighbour()
    ruin(broken)
    result = run_module("schema_restore", **connection(broken), backup=made["backup"]["path"])
    assert not result["failed"], result["msg"]
    assert (everything(broken), neighbour()) == (live, beside)


def altered_byte(path, _sandbox):
    content = bytearray(Path(path).read_bytes())
    content[len(content) // 2] ^= 1
    Path(path).write_bytes(content)
    return "was altered: its SHA-256 is"


def altered_manifest(path, _sandbox):
    manifest = json.loads(Path(path + ".json").read_text(encoding="utf-8"))
    manifest["tables"]["users"] += 1
    Path(path + ".json").write_text(json.dumps(manifest), encoding="utf-8")
    return "was altered after the backup was made"


def no_manifest(path, _sandbox):
    Path(path + ".json").unlink()
    return "is missing"


def other_family(path, _sandbox):
    ours, other = ("mariadb", "mysql") if ON_MARIADB else ("mysql", "mariadb")
    reseal(path, server={"flavour": other, "version": "8.0.40"})
    return f"it is of a {other} server (8.0.40), and this one is {ours}"


def newer_server(path, _sandbox):
    flavour = "mariadb" if ON_MARIADB else "mysql"
    reseal(path, server={"flavour": flavour, "version": "99.1.2"})
    return "newer than this server's"


def other_schema(path, _sandbox):
    reseal(path, schema="somebody_else")
    return "-e restore_source_schema=somebody_else"


def missing_file(path, _sandbox):
    Path(path).unlink()
    return "holds no backup"


DAMAGE = [
    cut_short,
    cut_short_with_its_manifest,
    cut_at_a_statement,
    row_left_out,
    altered_byte,
    altered_manifest,
    no_manifest,
    other_family,
    newer_server,
    other_schema,
    missing_file,
]


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("state", ["restored", "proven"])
def test_damage_is_refused_and_the_schema_untouched(broken, backup, run_module, damage, state):
    run(broken, "DROP VIEW pegawai")
    said = damage(backup["path"], broken)
    before, others = everything(broken), schemas(broken)
    result = run_module(
        "schema_restore",
        **connection(broken),
        backup=backup["id"],
        dir=folder(broken),
        state=state,
    )
    assert result["failed"] and said in result["msg"], result["msg"]
    assert "Nothing was changed" in result["msg"] and "Next: " in result["msg"]
    assert broken.password not in json.dumps(result)
    assert (everything(broken), schemas(broken)) == (before, others)


def test_a_refusal_lifts_maintenance_mode_again(broken, backup):
    cut_at_a_statement(backup["path"], broken)
    ruin(broken)
    before = everything(broken)
    played = play(broken, PLAYBOOK, restore_backup=backup["id"])
    assert played.rc != 0
    assert "the dump ends without its last line" in played.report["summary"]
    assert everything(broken) == before and not down(broken)


def test_a_backup_is_proven(broken, backup, run_module):
    before, others = everything(broken), schemas(broken)
    result = run_module(
        "schema_restore", **connection(broken), backup=backup["path"], state="proven"
    )
    assert result["changed"] and result["restore"]["proof_level"] == "L2", result
    assert backups.read_manifest(backup["path"])["proof_level"] == "L2"
    assert (everything(broken), schemas(broken)) == (before, others)


def test_a_backup_without_digests_is_proven_to_the_first_level(broken, run_module):
    made = run_module("schema_backup", **connection(broken), dir=folder(broken))["backup"]
    result = run_module("schema_restore", **connection(broken), backup=made["path"], state="proven")
    assert result["restore"]["proof_level"] == "L1", result


def test_rows_that_came_while_the_backup_was_made_are_accepted_by_name(broken, backup, run_module):
    reseal(backup["path"], tables={**backup["tables"], "users": 7})
    given = {**connection(broken), "backup": backup["path"], "state": "proven"}
    result = run_module("schema_restore", **given)
    assert '-e \'{"restore_accept_different": ["users"]}\'' in result["msg"]
    result = run_module("schema_restore", **given, accept_different=["users"])
    assert result["restore"]["proof_level"] == "L1", result
    assert "users has" in result["restore"]["warnings"][0]


@pytest.fixture
def confined(broken):
    """The sandbox with an account that has rights on the live schema and nowhere else."""
    pattern = f"{broken.database}__fix_fk".replace("_", "\\_") + "%%"
    broken.sql(f"REVOKE ALL PRIVILEGES ON `{pattern}`.* FROM %s@'localhost'", broken.user)
    return broken


def test_without_a_scratch_schema_it_says_so_and_offers_the_direct_way(confined, backup):
    ruin(confined)
    before = everything(confined)
    played = play(confined, PLAYBOOK, restore_backup=backup["id"])
    assert played.rc != 0
    assert f"-e restore_direct={confined.database}" in played.report["summary"]
    assert everything(confined) == before and not down(confined)


def test_the_direct_way_wants_the_name_of_the_schema(confined, backup):
    before = everything(confined)
    played = play(confined, PLAYBOOK, restore_backup=backup["id"], restore_direct="true")
    assert played.rc != 0
    assert "names the schema" in played.report["summary"]
    assert everything(confined) == before


def test_the_direct_way_empties_the_schema_first(confined, backup):
    before = everything(confined)
    ruin(confined)
    played = play(confined, PLAYBOOK, restore_backup=backup["id"], restore_direct=confined.database)
    assert played.rc == 0, played.screen
    assert everything(confined) == before
    assert not down(confined)


@pytest.fixture
def foreign(confined):
    """The confined sandbox with a trigger and a view of another account, which has no rights."""
    confined.sql("CREATE USER pemilik@localhost")
    run_as_root = (
        "CREATE DEFINER=pemilik@localhost TRIGGER asing BEFORE DELETE ON units FOR EACH ROW"
        " SET @x = 1",
        "CREATE DEFINER=pemilik@localhost SQL SECURITY INVOKER VIEW luar AS SELECT 1 AS a",
    )
    for statement in run_as_root:
        confined.sql(statement)
    yield confined
    confined.sql("DROP USER pemilik@localhost")
    right = "SET USER" if ON_MARIADB else "SET_ANY_DEFINER"
    confined.sql(f"REVOKE {right} ON *.* FROM '{confined.user}'@'localhost'")


def test_what_belongs_to_other_accounts_is_refused_before_anything_is_changed(foreign, run_module):
    right = "SET USER" if ON_MARIADB else "SET_ANY_DEFINER"
    made = run_module("schema_backup", **connection(foreign), dir=folder(foreign), contents=True)
    said = "trigger asing, view luar are of pemilik@localhost"
    statement = f"GRANT {right} ON *.* TO '{foreign.user}'@'localhost'"
    (warning,) = [text for text in made["backup"]["warnings"] if "may not create" in text]
    assert said in warning and statement in warning
    before = everything(foreign)
    ruin(foreign)
    ruined = everything(foreign)
    given = {**connection(foreign), "backup": made["backup"]["path"], "direct": foreign.database}
    for check_mode in (True, False):
        result = run_module("schema_restore", check_mode=check_mode, **given)
        assert result["failed"] and "Nothing was changed" in result["msg"], result
        assert said in result["msg"] and f"run: {statement};" in result["msg"], result["msg"]
    restore = {"restore_backup": made["backup"]["id"], "restore_direct": foreign.database}
    played = play(foreign, PLAYBOOK, **restore)
    assert played.rc == 2 and statement in played.report["summary"], played.screen
    assert everything(foreign) == ruined and not down(foreign)
    foreign.sql(statement)
    played = play(foreign, PLAYBOOK, **restore)
    assert played.rc == 0, played.screen
    assert everything(foreign) == before


def test_indexes_that_come_after_the_rows_make_the_same_tables(broken, run_module, monkeypatch):
    """Every table is taken for a large one, and the odd ones among them for what they are."""
    from ansible.module_utils.fix_fk.backup import loading

    monkeypatch.setattr(loading, "LARGE", -1)
    run(
        broken,
        "CREATE TABLE anak (id INT AUTO_INCREMENT, kode VARCHAR(9) COMMENT 'KEY,', induk INT,"
        " isi TEXT, dua INT AS (induk * 2) VIRTUAL, CONSTRAINT positif CHECK (induk > 0),"
        " PRIMARY KEY (id), KEY dua (dua DESC), UNIQUE KEY kode (kode), KEY awal (isi(5)),"
        " CONSTRAINT fk_sendiri FOREIGN KEY (induk) REFERENCES anak (id) ON DELETE CASCADE)",
        "CREATE TABLE `a``cu` (kode VARCHAR(9), isi TEXT, FULLTEXT KEY teks (isi), KEY (kode),"
        " CONSTRAINT `fk kode` FOREIGN KEY (kode) REFERENCES anak (kode) ON UPDATE CASCADE)",
        "CREATE TABLE lama (id INT, nomor INT AUTO_INCREMENT, PRIMARY KEY (id, nomor),"
        " KEY nomor (nomor)) ENGINE=MyISAM",
        "CREATE TABLE riwayat (id INT PRIMARY KEY, x INT, KEY (x))"
        + (" WITH SYSTEM VERSIONING" if ON_MARIADB else ""),
        "INSERT INTO anak (kode, isi) VALUES ('a', 'satu;\n'), ('b', NULL)",
        "INSERT INTO `a``cu` VALUES ('b', 'UNLOCK TABLES;\n')",
    )
    made = run_module("schema_backup", **connection(broken), dir=folder(broken), contents=True)
    before = everything(broken)
    ruin(broken)
    result = run_module("schema_restore", **connection(broken), backup=made["backup"]["path"])
    assert not result["failed"], result["msg"]
    assert everything(broken) == before
    with pytest.raises(pymysql.err.IntegrityError):
        run(broken, "INSERT INTO `a``cu` VALUES ('c', '')")


def test_tables_of_other_schemas_that_refer_to_this_one_are_respected(broken, backup, run_module):
    broken.sql("CREATE DATABASE tetangga")
    broken.sql(
        "CREATE TABLE tetangga.anak (u BIGINT UNSIGNED, CONSTRAINT fk_anak FOREIGN KEY (u)"
        f" REFERENCES `{broken.database}`.users (id))"
    )
    broken.sql(f"GRANT ALL PRIVILEGES ON tetangga.* TO '{broken.user}'@'localhost'")
    run(broken, "DROP VIEW pegawai")
    before = everything(broken)
    result = run_module("schema_restore", **connection(broken), backup=backup["path"])
    assert result["failed"] and "tetangga.anak (fk_anak)" in result["msg"], result
    assert everything(broken) == before


def test_an_event_never_exists_in_the_scratch_schema(broken, backup, run_module, monkeypatch):
    from ansible.module_utils.fix_fk.backup import loading

    seen = []
    run_program = loading.run_program

    def watched(connection, program, source, target):
        run_program(connection, program, source, target)
        seen.append((target, broken.sql("SELECT event_schema FROM information_schema.events")))

    monkeypatch.setattr(loading, "run_program", watched)
    result = run_module(
        "schema_restore", **connection(broken), backup=backup["path"], state="proven"
    )
    assert not result["failed"]
    assert seen
    for target, events in seen:
        assert target != broken.database and list(events) == [(broken.database,)]


def test_a_lock_leaves_everything_as_it_was(broken, backup, run_module):
    ruin(broken)
    before, others = everything(broken), schemas(broken)
    with broken.server.connect(database=broken.database) as other:
        other.begin()
        other.cursor().execute("SELECT * FROM users")
        other.cursor().execute("SELECT * FROM sisa")
        result = run_module(
            "schema_restore",
            **connection(broken),
            backup=backup["path"],
            lock_wait_timeout=1,
            retries=0,
        )
        other.rollback()
    assert result["failed"] and "Nothing was changed" in result["msg"], result["msg"]
    assert (everything(broken), schemas(broken)) == (before, others)


HISTORY = (
    "CREATE TABLE riwayat (id INT PRIMARY KEY, x INT, u BIGINT UNSIGNED, KEY k (x), CONSTRAINT"
    " fk_riwayat FOREIGN KEY (u) REFERENCES users (id)) WITH SYSTEM VERSIONING",
    "CREATE TABLE bernama (id INT, x TEXT, mulai TIMESTAMP(6) GENERATED ALWAYS AS ROW START,"
    " akhir TIMESTAMP(6) GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (mulai, akhir))"
    " WITH SYSTEM VERSIONING",
    "CREATE TABLE terbagi (id INT PRIMARY KEY, x INT) WITH SYSTEM VERSIONING PARTITION BY"
    " SYSTEM_TIME (PARTITION p0 HISTORY, PARTITION pn CURRENT)",
    *(
        statement.format(table)
        for table in ("riwayat", "bernama", "terbagi")
        for statement in (
            "INSERT INTO {} (id, x) VALUES (1, 1), (2, 2)",
            "UPDATE {} SET x = 9 WHERE id = 1",
            "DELETE FROM {} WHERE id = 2",
        )
    ),
)
PASTS = {
    "riwayat": "row_start, row_end",
    "bernama": "mulai, akhir",
    "terbagi": "row_start, row_end",
}
mariadb_only = pytest.mark.skipif(not ON_MARIADB, reason="MySQL has no system-versioned tables")


def past(sandbox):
    """All rows that the tables of HISTORY have and had, with their time."""
    return [
        sorted(
            sandbox.sql(
                f"SELECT id, CAST(x AS CHAR), {period} FROM `{sandbox.database}`.{table}"
                " FOR SYSTEM_TIME ALL"
            )
        )
        for table, period in PASTS.items()
    ]


@mariadb_only
def test_the_past_rows_of_system_versioned_tables_come_back(broken, run_module, monkeypatch):
    from ansible.module_utils.fix_fk.backup import loading

    monkeypatch.setattr(loading, "LARGE", -1)
    run(broken, *HISTORY)
    before, there = past(broken), everything(broken)
    assert [len(rows) for rows in before] == [3, 3, 3]
    for contents in (True, False):
        made = run_module(
            "schema_backup", **connection(broken), dir=folder(broken), contents=contents
        )["backup"]
        assert "--dump-history" in made["command"]
        assert not any("history" in text for text in made["warnings"])
        for more in ({"direct": broken.database}, {}):
            run(broken, "DELETE HISTORY FROM riwayat", "DROP TABLE bernama, terbagi")
            result = run_module("schema_restore", **connection(broken), backup=made["path"], **more)
            assert not result["failed"], result["msg"]
            assert (past(broken), everything(broken)) == (before, there)
        if contents:
            result = run_module("schema_restore", **connection(broken), backup=made["path"])
            assert not result["changed"] and result["restore"]["already"], result

    def forget(sql):
        start = sql.index(b"(1,1,", sql.index(b"INSERT INTO `riwayat`"))
        return sql[:start] + sql[sql.index(b"(1,9,", start) :]

    rewrite(made["path"], forget)
    result = run_module("schema_restore", **connection(broken), backup=made["path"], state="proven")
    assert "riwayat has another history" in result["msg"], result


@mariadb_only
def test_a_backup_without_the_past_rows_is_refused_before_anything_is_changed(
    broken, run_module, monkeypatch
):
    from ansible.module_utils.fix_fk.backup import source

    run(broken, *HISTORY)
    before = past(broken)
    monkeypatch.setattr(source, "dumps_history", lambda *_: False)
    made = run_module("schema_backup", **connection(broken), dir=folder(broken), contents=True)
    made = made["backup"]
    (warning,) = [text for text in made["warnings"] if "history" in text]
    assert "bernama, riwayat, terbagi" in warning
    run(broken, "DROP VIEW pegawai")
    there = everything(broken)
    for more in ({}, {"direct": broken.database}, {"state": "proven"}, {"check_mode": True}):
        result = run_module("schema_restore", **connection(broken), backup=made["path"], **more)
        assert result["failed"] and "Nothing was changed" in result["msg"], result
    listed = '-e \'{"restore_accept_different": ["bernama","riwayat","terbagi"]}\''
    assert listed in result["msg"], result["msg"]
    assert (past(broken), everything(broken)) == (before, there)
    played = play(broken, PLAYBOOK, restore_backup=made["id"])
    assert played.rc == 2 and listed in played.report["summary"], played.screen
    assert (past(broken), everything(broken)) == (before, there) and not down(broken)
    accepted = {"restore_accept_different": ["bernama", "riwayat", "terbagi"]}
    played = play(broken, PLAYBOOK, restore_backup=made["id"], **accepted)
    assert played.rc == 0, played.screen
    assert [len(rows) for rows in past(broken)] == [1, 1, 1]


@mariadb_only
def test_tables_that_count_transactions_are_named_when_the_backup_is_made(broken, run_module):
    run(
        broken,
        *HISTORY,
        "CREATE TABLE hitung (id INT PRIMARY KEY, s BIGINT UNSIGNED GENERATED ALWAYS AS ROW START,"
        " e BIGINT UNSIGNED GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (s, e))"
        " WITH SYSTEM VERSIONING ENGINE=InnoDB",
        "INSERT INTO hitung (id) VALUES (1)",
    )
    made = run_module("schema_backup", **connection(broken), dir=folder(broken), contents=True)
    assert not made["failed"], made["msg"]
    (warning,) = [text for text in made["backup"]["warnings"] if "history" in text]
    assert "bernama, hitung, riwayat, terbagi (hitung counts transactions)" in warning
    assert "--dump-history" not in made["backup"]["command"]
    result = run_module("schema_restore", **connection(broken), backup=made["backup"]["path"])
    assert result["failed"] and "history of these" in result["msg"], result


@mariadb_only
def test_a_server_that_guards_the_time_of_rows_is_told_of_before_anything_is_changed(
    tmp_path, run_module
):
    account = {"database_user": "aplikasi", "database_password": "x", "database_name": "a"}
    folder = tmp_path / "backups"
    for guarded in ("NO", "YES", "NO"):
        server = shared.Server(
            str(tmp_path / "server"), False, suite(), [f"--secure-timestamp={guarded}"]
        )
        server.start()
        with contextlib.closing(server.connect()) as root, root.cursor() as cursor:
            there = {**account, "database_socket": server.socket}
            if not folder.exists():
                cursor.execute("CREATE DATABASE a")
                cursor.execute("CREATE USER aplikasi@localhost IDENTIFIED BY 'x'")
                cursor.execute("GRANT ALL ON `a%`.* TO aplikasi@localhost")
                cursor.execute("CREATE TABLE a.h (id INT) WITH SYSTEM VERSIONING")
                cursor.execute("INSERT INTO a.h VALUES (1)")
                cursor.execute("DELETE FROM a.h")
                made = run_module("schema_backup", **there, dir=str(folder), contents=True)
            cursor.execute("INSERT INTO a.h VALUES (2)")
            result = run_module("schema_restore", **there, backup=made["backup"]["path"])
            assert result["failed"] == (guarded == "YES"), result
            if result["failed"]:
                assert "secure_timestamp=YES" in result["msg"]
                assert "secure_timestamp=NO" in result["msg"].partition("Next: ")[2]
                assert "Nothing was changed" in result["msg"]
            cursor.execute("SELECT id FROM a.h FOR SYSTEM_TIME ALL")
            assert sorted(cursor.fetchall()) == ([(1,), (2,)] if result["failed"] else [(1,)])
        server.stop()
