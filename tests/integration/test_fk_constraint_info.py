# SPDX-License-Identifier: GPL-3.0-or-later
"""fk_constraint_info on a real server."""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import sys
import threading
import time
import zipfile

import pymysql
import pytest
from ansible.module_utils.fix_fk.schema import contents
from ansible.module_utils.fix_fk.schema import inspect as schema_module
from ansible.module_utils.fix_fk.schema.sql import quote_identifier

INCIDENT = """
CREATE TABLE users (id INT PRIMARY KEY, name VARCHAR(50));
CREATE TABLE `skp ``100%-é` (
  id INT PRIMARY KEY, user_id INT, approved_by INT,
  CONSTRAINT `fk_skp é-user` FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
  CONSTRAINT fk_skp_approved_by FOREIGN KEY (approved_by) REFERENCES users (id)
    ON DELETE SET NULL ON UPDATE CASCADE);
CREATE TABLE detail (id INT PRIMARY KEY, skp_id INT,
  CONSTRAINT fk_detail_skp FOREIGN KEY (skp_id) REFERENCES `skp ``100%-é` (id));
INSERT INTO users VALUES (1, 'Siti'), (2, 'Budi');
INSERT INTO `skp ``100%-é` VALUES (1, 1, 2), (2, 2, NULL);
RENAME TABLE `skp ``100%-é` TO skp_backup_v1;
CREATE TABLE `skp ``100%-é` (id INT PRIMARY KEY, user_id INT, approved_by INT);
CREATE VIEW looking AS SELECT id FROM users;
"""


@pytest.fixture
def look(run_module, schema):
    """Run the module on the schema with its account and return the dict `schema`."""

    def run(**arguments):
        result = run_module("fk_constraint_info", **{**schema.arguments, **arguments})
        assert not result["failed"], result["msg"]
        assert result["changed"] is False
        return result["schema"]

    return run


@pytest.mark.parametrize(
    "asked",
    [
        {"names": ["FK_SKP_Approved_By", "fk_nobody"], "tables": ["skp `100%-é", "no such"]},
        {"names": [], "tables": ["users"]},
        {"names": ["fk_detail_skp"], "tables": []},
        {
            "names": [],
            "tables": [],
            "expected": [
                {"name": "fk_skp_approved_by", "table": "users", "columns": ["approved_by"]},
                {"name": "fk_nobody"},
            ],
        },
    ],
    ids=["names_and_tables", "tables", "names", "expected"],
)
def test_what_is_known_of_everything_answers_the_same(schema, look, asked):
    schema.run(INCIDENT)
    asked = {"expected": [], **asked}
    with schema.connect() as holder, holder.cursor() as cursor:
        holder.begin()
        cursor.execute("SELECT 1 FROM users")
        everything, direct = look(), look(**asked)
    for lock in [*(everything["locks"] or []), *(direct["locks"] or [])]:
        lock.pop("seconds")
    assert schema_module.restrict(everything, asked) == direct


def test_the_incident_is_seen(schema, look):
    schema.run(INCIDENT)
    seen = look(names=["FK_SKP_Approved_By", "fk_nobody"], tables=["skp `100%-é", "no such"])

    assert seen["name"] == schema.name
    assert seen["exists"] is True
    assert seen["tables"] == ["detail", "skp `100%-é", "skp_backup_v1", "users"]
    assert seen["views"] == ["looking"]
    assert seen["holders"] == {"FK_SKP_Approved_By": ["skp_backup_v1"], "fk_nobody": []}
    assert set(seen["details"]) == {"skp `100%-é", "skp_backup_v1"}
    backup = seen["details"]["skp_backup_v1"]
    assert backup["engine"] == "InnoDB"
    assert backup["rows"] is True
    assert backup["partitioned"] is False
    assert [column["name"] for column in backup["columns"]] == ["id", "user_id", "approved_by"]
    assert [column["nullable"] for column in backup["columns"]] == [False, True, True]
    assert backup["indexes"] == [
        {"name": "PRIMARY", "columns": ["id"], "unique": True, "kind": ""},
        {"name": "fk_skp é-user", "columns": ["user_id"], "unique": False, "kind": ""},
        {"name": "fk_skp_approved_by", "columns": ["approved_by"], "unique": False, "kind": ""},
    ]
    assert seen["details"]["skp `100%-é"]["rows"] is False
    # The child's constraint followed the renamed table.
    assert [(key["table"], key["name"]) for key in seen["constraints"]] == [
        ("detail", "fk_detail_skp"),
        ("skp_backup_v1", "fk_skp é-user"),
        ("skp_backup_v1", "fk_skp_approved_by"),
    ]
    assert seen["constraints"][2] == {
        "name": "fk_skp_approved_by",
        "table": "skp_backup_v1",
        "columns": ["approved_by"],
        "referenced_schema": schema.name,
        "referenced_table": "users",
        "referenced_columns": ["id"],
        "on_update": "CASCADE",
        "on_delete": "SET NULL",
    }
    assert seen["recorded"] is None
    assert seen["contents"] is None


def test_without_names_and_tables_everything_is_returned(schema, look):
    schema.run(INCIDENT)
    seen = look()
    assert list(seen["details"]) == seen["tables"]
    assert len(seen["constraints"]) == 3
    assert look(tables=[])["details"] == {}


def test_columns_of_a_constraint_keep_their_order(schema, look):
    schema.run("""
CREATE TABLE parent (x INT, y INT, z INT, PRIMARY KEY (z, x, y));
CREATE TABLE child (id INT PRIMARY KEY, b INT, a INT, c INT, KEY (c, a, b),
  CONSTRAINT fk_three FOREIGN KEY (c, a, b) REFERENCES parent (z, x, y));
""")
    (key,) = look()["constraints"]
    assert key["columns"] == ["c", "a", "b"]
    assert key["referenced_columns"] == ["z", "x", "y"]
    expected = {
        "name": "FK_Three",
        "table": "child",
        "columns": ["a", "B", "c"],
        "referenced_table": "parent",
        "referenced_columns": ["x", "y", "z"],
    }
    seen = look(expected=[expected])
    assert (seen["missing"], seen["differing"]) == ([], [])
    crossed = dict(expected, referenced_columns=["y", "x", "z"])
    assert [entry["name"] for entry in look(expected=[crossed])["differing"]] == ["FK_Three"]


def test_tables_whose_names_differ_in_case_only(schema, look):
    if look()["server"]["lower_case_table_names"]:
        pytest.skip("this server takes both names for one")
    schema.run("""
CREATE TABLE a (id INT PRIMARY KEY, b INT, CONSTRAINT one FOREIGN KEY (b) REFERENCES a (id));
CREATE TABLE A (id INT PRIMARY KEY, b INT, CONSTRAINT two FOREIGN KEY (b) REFERENCES A (id)
  ON DELETE CASCADE);
INSERT INTO A VALUES (1, 1);
""")
    seen = look(tables=["A"])
    assert [key["name"] for key in seen["constraints"]] == ["two"]
    assert seen["details"]["A"]["rows"] is True
    assert [column["name"] for column in seen["details"]["A"]["columns"]] == ["id", "b"]
    expected = [{"name": "two", "table": "a"}]
    assert look(expected=expected)["differing"][0]["found"]["table"] == "A"


def test_expected_constraints(schema, look):
    schema.run(INCIDENT)
    wanted = {"name": "fk_skp_approved_by", "columns": ["approved_by"], "referenced_table": "users"}
    seen = look(
        expected=[
            dict(wanted, table="skp `100%-é"),
            dict(wanted, table="skp_backup_v1", on_delete="set null", on_update="CASCADE"),
            dict(wanted, on_delete="CASCADE"),
            {"name": "fk_nobody", "table": "users"},
            {"name": "fk_detail_skp", "on_update": "NO ACTION", "on_delete": "RESTRICT"},
        ]
    )
    assert seen["missing"] == ["fk_nobody"]
    assert [entry["name"] for entry in seen["differing"]] == ["fk_skp_approved_by"] * 2
    assert seen["differing"][0]["expected"] == dict(wanted, table="skp `100%-é")
    assert seen["differing"][0]["found"]["table"] == "skp_backup_v1"


def test_a_schema_of_the_same_letters_is_not_looked_at(schema, look):
    other = quote_identifier(schema.name.upper())
    schema.sql(f"CREATE DATABASE {other}")
    try:
        schema.run(INCIDENT)
        schema.sql(f"CREATE TABLE {other}.elsewhere (id INT PRIMARY KEY)")
        assert "elsewhere" not in look()["tables"]
    finally:
        schema.sql(f"DROP DATABASE {other}")


def test_a_missing_schema_is_an_answer(schema, look):
    seen = look(
        database_name=schema.name + "_",
        database_user=schema.server.user,
        database_password="",
        names=["fk"],
        expected=[{"name": "fk"}],
        contents=True,
        migrations_table="migrations",
    )
    assert seen["exists"] is False
    assert (seen["tables"], seen["details"], seen["constraints"]) == ([], {}, [])
    assert (seen["holders"], seen["missing"]) == ({"fk": []}, ["fk"])
    assert (seen["recorded"], seen["contents"]) == (None, {})


def test_server_facts(look, server):
    facts = look()["server"]
    assert facts["flavour"] == server.flavour
    assert server.version.startswith(".".join(map(str, facts["version_number"])))
    assert facts["name_scope"] == "schema"
    assert facts["read_only"] is False
    assert facts["galera"] is False
    tcp = {"database_socket": None, "database_host": "127.0.0.1", "database_port": server.port}
    assert look(**tcp)["server"]["id"] == facts["id"]
    assert look(database_user=server.user, database_password="")["server"]["replica"] is False


def test_read_only_is_seen(schema, look):
    schema.sql("SET GLOBAL read_only = 1")
    try:
        assert look()["server"]["read_only"] is True
    finally:
        schema.sql("SET GLOBAL read_only = 0")


@pytest.mark.parametrize(
    ("rights", "on", "believed"),
    [
        ("ALL PRIVILEGES", None, True),
        ("SELECT, ALTER", None, True),
        ("SELECT", None, False),
        ("SELECT, LOCK TABLES, EXECUTE", None, False),
        ("ALL PRIVILEGES", "users", False),
        ("SELECT, INSERT", "*.*", True),
        ("SELECT", "*.*", False),
    ],
)
def test_none_is_believed_only_with_rights_on_the_schema(schema, look, rights, on, believed):
    schema.run(INCIDENT)
    schema.only(rights, on if on in (None, "*.*") else schema.table(on))
    account = look(tables=[])["account"]
    assert account["name"] == f"{schema.user}@localhost"
    assert account["sees_all"] is believed, account["reason"]
    # What it says agrees with what the server shows.
    if believed:
        assert len(look()["constraints"]) == 3


def test_missing_rights(schema, look):
    schema.run(INCIDENT)
    schema.only("SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, INDEX, LOCK TABLES")
    assert look()["account"]["missing_rights"] == ["ALTER", "REFERENCES"]
    schema.grant("ALL PRIVILEGES")
    assert look()["account"]["missing_rights"] == []


def test_rights_through_a_pattern_and_a_role(schema, look):
    schema.run(INCIDENT)
    schema.only("ALL PRIVILEGES", quote_identifier("fix%") + ".*")
    assert look()["account"]["sees_all"] is True
    schema.only("ALL PRIVILEGES", quote_identifier("fix_____") + ".*")
    schema.grant("SELECT")
    assert look()["account"]["sees_all"] is False

    role = f"role_{schema.user}"
    schema.only("SELECT")
    schema.sql(f"CREATE ROLE {role}")
    try:
        place = quote_identifier(schema.name.replace("_", "\\_")) + ".*"
        schema.sql(f"GRANT ALL PRIVILEGES ON {place} TO {role}")
        schema.sql(f"GRANT {role} TO %s@'localhost'", schema.user)
        assert look()["account"]["sees_all"] is False
        to = "FOR" if schema.server.flavour == "mariadb" else "TO"
        schema.sql(f"SET DEFAULT ROLE {role} {to} %s@'localhost'", schema.user)
        account = look()["account"]
        assert account["sees_all"] is True, account["reason"]
        assert account["missing_rights"] == []
    finally:
        schema.sql(f"DROP ROLE {role}")


def test_recorded_migrations(schema, look):
    schema.run("""
CREATE TABLE `pre fix_migrations` (id INT PRIMARY KEY AUTO_INCREMENT, migration VARCHAR(255),
  batch INT);
INSERT INTO `pre fix_migrations` (migration, batch) VALUES ('c', 1), ('b', 2), ('a', 2);
""")
    assert look(migrations_table="pre fix_migrations")["recorded"] == [
        {"name": "c", "batch": 1},
        {"name": "a", "batch": 2},
        {"name": "b", "batch": 2},
    ]
    assert look(migrations_table="migrations")["recorded"] is None


def test_orphans_need_the_right_process(schema, look):
    schema.run(INCIDENT)
    assert look()["orphans"] is None
    assert look()["referred_from_outside"] is None
    outside = quote_identifier(schema.name + " out")
    schema.sql(f"CREATE DATABASE {outside}")
    try:
        schema.sql(
            f"CREATE TABLE {outside}.`of-é` (id INT PRIMARY KEY,"
            f" CONSTRAINT fk_out FOREIGN KEY (id) REFERENCES {schema.table('users')} (id))"
        )
        schema.sql("CREATE TABLE `a/b` (id INT PRIMARY KEY, up INT)")
        schema.sql("ALTER TABLE `a/b` ADD CONSTRAINT `c/d` FOREIGN KEY (up) REFERENCES `a/b` (id)")
        schema.grant("PROCESS", "*.*")
        seen = look()
        assert seen["orphans"] == []
        assert seen["referred_from_outside"] == [
            {
                "name": "fk_out",
                "schema": schema.name + " out",
                "table": "of-é",
                "referenced_table": "users",
            }
        ]
    finally:
        schema.sql(f"DROP DATABASE {outside}")


def test_an_orphan_is_found_by_its_decoded_name(schema, look, server):
    if server.flavour == "mysql":
        pytest.skip("its dictionary holds table and foreign key together, so neither can be lost")
    schema.run("""
CREATE TABLE parent (id INT PRIMARY KEY);
CREATE TABLE `lost-é ü` (id INT PRIMARY KEY,
  CONSTRAINT `fk lost-é` FOREIGN KEY (id) REFERENCES parent (id));
""")
    schema.sql("FLUSH TABLES")
    (folder,) = [name for name in os.listdir(server.data) if f"{schema.user[3:]}" in name]
    (frm,) = [
        name
        for name in os.listdir(os.path.join(server.data, folder))
        if "lost" in name and name.endswith(".frm")
    ]
    path = os.path.join(server.data, folder, frm)
    os.rename(path, path + ".away")
    try:
        schema.sql("FLUSH TABLES")
        schema.grant("PROCESS", "*.*")
        seen = look()
        assert seen["tables"] == ["parent"]
        assert seen["orphans"] == [{"name": "fk lost-é", "table": "lost-é ü"}]
    finally:
        os.rename(path + ".away", path)
        schema.sql("FLUSH TABLES")


def test_locks_are_not_known_without_the_right_process(schema, look):
    schema.run(INCIDENT)
    other = schema.connect()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT * FROM users")
        assert look(tables=["users"])["locks"] is None
        time.sleep(1.1)
        schema.grant("PROCESS", "*.*")
        (lock,) = look(tables=["users"])["locks"]
        assert lock["connection"] == other.thread_id()
        assert (lock["user"], lock["host"]) == (schema.user, "localhost")
        assert lock["statement"] is None
        assert lock["seconds"] >= 1
    finally:
        other.close()
    assert look(tables=["users"])["locks"] == []


def test_the_accounts_own_statements_are_seen_without_process(schema, look):
    schema.run(INCIDENT)
    other = schema.connect()
    running = threading.Thread(target=lambda: other.cursor().execute("SELECT SLEEP(3), 'mine'"))
    running.start()
    time.sleep(1.5)
    (lock,) = look(tables=["users"])["locks"]
    running.join()
    other.close()
    assert "'mine'" in lock["statement"]
    assert lock["table"] is None


def test_who_holds_a_lock_is_told_with_the_table_where_the_server_shows_it(schema, look):
    names = schema.server.flavour == "mysql"
    if names:
        schema.only("ALL PRIVILEGES", "*.*")
    else:
        schema.grant("PROCESS", "*.*")
    schema.run(INCIDENT)
    other = schema.server.connect()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(f"SELECT * FROM {schema.table('users')}")
        (lock,) = look(tables=["users", "detail"])["locks"]
        assert lock["connection"] == other.thread_id()
        assert lock["table"] == ("users" if names else None)
        # A session of which it is not known what it uses may stand on any table.
        assert len(look(tables=["detail"])["locks"]) == (0 if names else 1)
    finally:
        other.close()


def test_looking_does_not_wait_for_a_locked_table(schema, look):
    schema.run(INCIDENT)
    other = schema.connect()
    try:
        with other.cursor() as cursor:
            cursor.execute("LOCK TABLES users WRITE")
        start = time.monotonic()
        seen = look(tables=["users", "detail"])
        assert time.monotonic() - start < 8
        assert seen["details"]["users"]["rows"] is None
        assert seen["details"]["detail"]["rows"] is False
    finally:
        other.close()


def test_partitioned_and_myisam_tables(schema, look):
    schema.run("""
CREATE TABLE p (id INT PRIMARY KEY) PARTITION BY HASH (id) PARTITIONS 2;
CREATE TABLE m (id INT PRIMARY KEY, name TEXT) ENGINE=MyISAM;
INSERT INTO m VALUES (1, 'a'), (2, NULL);
""")
    seen = look(contents=True)
    assert seen["details"]["p"]["partitioned"] is True
    assert seen["details"]["m"]["engine"] == "MyISAM"
    assert seen["contents"]["m"]["rows"] == 2
    assert seen["contents"]["p"]["rows"] == 0


def digest(look, table, columns=None):
    seen = look(tables=[table], contents=True, contents_columns={table: columns} if columns else {})
    return seen["contents"][table]


def test_contents_follow_a_rename_and_an_added_column(schema, look):
    schema.run(INCIDENT)
    before = digest(look, "skp_backup_v1")
    assert before["rows"] == 2
    assert before["columns"] == ["approved_by", "id", "user_id"]
    schema.run("""
DROP TABLE `skp ``100%-é`;
RENAME TABLE skp_backup_v1 TO `skp ``100%-é`;
ALTER TABLE `skp ``100%-é` ADD COLUMN about TEXT FIRST;
UPDATE `skp ``100%-é` SET about = 'x';
""")
    assert digest(look, "skp `100%-é")["digest"] != before["digest"]
    assert digest(look, "skp `100%-é", before["columns"]) == before
    schema.sql("UPDATE `skp ``100%-é` SET approved_by = 1 WHERE id = 2")
    assert digest(look, "skp `100%-é", before["columns"])["digest"] != before["digest"]


def test_contents_do_not_depend_on_the_order_of_rows(schema, look):
    for name, rows in (("one", [1, 2, 3]), ("two", [3, 1, 2]), ("three", [1, 1, 2])):
        schema.sql(f"CREATE TABLE {name} (a INT)")
        for row in rows:
            schema.sql(f"INSERT INTO {name} VALUES ({row})")
    seen = look(contents=True)["contents"]
    assert seen["one"] == seen["two"]
    assert seen["one"]["digest"] != seen["three"]["digest"]


def test_two_equal_rows_do_not_cancel_out(schema, look):
    schema.sql("CREATE TABLE twins (a INT)")
    schema.sql("INSERT INTO twins VALUES (1), (7), (7)")
    before = digest(look, "twins")
    schema.sql("UPDATE twins SET a = 8 WHERE a = 7")
    assert digest(look, "twins")["digest"] != before["digest"]


VALUES = {
    "VARCHAR(20)": ["NULL", "''", "'NULL'", "'-'", "'a'", "'A'", "'a '", "'é'", "'🎉'"],
    "VARCHAR(20) CHARACTER SET latin1": ["'é'", "'e'"],
    "TEXT": ["NULL", "''", "'-'", "'a,b'", "REPEAT('x', 60000)"],
    "VARBINARY(20)": ["NULL", "''", "x'00'", "x'0000'", "x'ff2c'", "'0'"],
    "LONGBLOB": ["NULL", "''", "x'00'", "x'ff'"],
    "BIT(9)": ["NULL", "b'0'", "b'1'", "b'100000001'"],
    "DOUBLE": ["NULL", "0", "0.1", "0.10000000000000002", "-1e300"],
    "FLOAT": ["NULL", "1.5", "1.25"],
    "DECIMAL(30, 10)": ["NULL", "0", "0.0000000001", "12345678901234567890"],
    "BIGINT UNSIGNED": ["NULL", "0", "18446744073709551615"],
    "DATETIME(6)": ["NULL", "'2026-01-30 00:00:00'", "'2026-01-30 00:00:00.000001'"],
    "TIMESTAMP NULL": ["NULL", "'2026-01-30 00:00:00'", "'2026-01-30 00:00:01'"],
    "TIME": ["NULL", "'00:00:00'", "'-00:00:01'"],
    "ENUM('a', 'é')": ["NULL", "'a'", "'é'"],
    "SET('a', 'b')": ["NULL", "''", "'a'", "'a,b'"],
    "JSON": ["NULL", "'{}'", "'null'", "'[1]'"],
    "GEOMETRY": ["NULL", "ST_GeomFromText('POINT(1 1)')", "ST_GeomFromText('POINT(1 2)')"],
}


@pytest.mark.parametrize("kind", VALUES)
def test_contents_tell_values_apart(schema, look, kind):
    for number, value in enumerate(VALUES[kind]):
        schema.sql(f"CREATE TABLE t{number} (v {kind})")
        schema.sql(f"INSERT INTO t{number} VALUES ({value})")
    seen = look(contents=True)["contents"]
    assert len({entry["digest"] for entry in seen.values()}) == len(VALUES[kind])


def test_values_do_not_run_into_their_neighbours(schema, look):
    rows = ["('a', 'b,c')", "('a,b', 'c')", "('ab', ',c')", "(NULL, 'a')", "('a', NULL)"]
    for number, row in enumerate(rows):
        schema.sql(f"CREATE TABLE t{number} (a VARCHAR(9), b VARCHAR(9))")
        schema.sql(f"INSERT INTO t{number} VALUES {row}")
    schema.run("""
CREATE TABLE n1 (a INT, b INT);
INSERT INTO n1 VALUES (1, 23);
CREATE TABLE n2 (a INT, b INT);
INSERT INTO n2 VALUES (12, 3);
""")
    seen = look(contents=True)["contents"]
    assert len({entry["digest"] for entry in seen.values()}) == len(rows) + 2


def test_contents_do_not_depend_on_the_servers_time_zone_and_leave_generated_columns_out(
    schema, look
):
    schema.run("""
CREATE TABLE t (a INT, at TIMESTAMP NULL, made TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
  twice INT GENERATED ALWAYS AS (a * 2) VIRTUAL);
INSERT INTO t (a, at) VALUES (1, '2026-01-30 12:00:00');
""")
    before = digest(look, "t")
    assert before["columns"] == ["a", "at", "made"]
    zone = schema.sql("SELECT @@GLOBAL.time_zone")[0][0]
    schema.sql("SET GLOBAL time_zone = '+07:00'")
    try:
        assert digest(look, "t") == before
    finally:
        schema.sql("SET GLOBAL time_zone = %s", zone)


def test_a_table_without_columns_to_compare_still_has_its_rows_counted(schema, look):
    schema.sql("CREATE TABLE t (a INT)")
    schema.sql("INSERT INTO t VALUES (1), (2)")
    assert digest(look, "t", ["gone"]) == {"rows": 2, "digest": "0" * 32, "columns": []}


def test_reading_contents_holds_no_lock_on_tables_already_read(schema, monkeypatch):
    schema.run("CREATE TABLE a (id INT);\nCREATE TABLE b (id INT);\n")
    connection = schema.connect(autocommit=True)
    original = contents.digest_query

    def between(owner, table, columns):
        if table == "b":
            schema.sql("SET SESSION lock_wait_timeout = 2")
            schema.sql("ALTER TABLE a ADD COLUMN more INT")
        return original(owner, table, columns)

    monkeypatch.setattr(contents, "digest_query", between)
    assert set(contents.read_contents(connection, schema.name, ["a", "b"])) == {"a", "b"}
    connection.close()


COUNTED = """
CREATE TABLE parent (a INT, `b ``c` VARCHAR(9), KEY (a, `b ``c`));
CREATE TABLE child (id INT, x INT, `y ``z` VARCHAR(9));
INSERT INTO parent VALUES (1, 'a'), (2, 'b'), (0, 'it''s');
INSERT INTO child VALUES (1, 1, 'a'), (2, 2, 'a'), (3, 2, 'a'), (4, NULL, 'q'), (5, 9, NULL);
"""


@pytest.mark.parametrize(
    ("asked", "rows", "listed"),
    [
        (
            {
                "kind": "orphans",
                "columns": ["x", "y `z"],
                "referenced_table": "parent",
                "referenced_columns": ["a", "b `c"],
            },
            2,
            [(2, 2, "a"), (3, 2, "a")],
        ),
        (
            {
                "kind": "orphans",
                "columns": ["new", "x"],
                "values": {"new": "it's"},
                "referenced_table": "parent",
                "referenced_columns": ["b `c", "a"],
            },
            4,
            [(1, 1, "a"), (2, 2, "a"), (3, 2, "a"), (5, 9, None)],
        ),
        (
            {"kind": "orphans", "columns": ["y `z"]},
            4,
            [(1, 1, "a"), (2, 2, "a"), (3, 2, "a"), (4, None, "q")],
        ),
        ({"kind": "duplicates", "columns": ["x", "y `z"]}, 1, [(2, "a", 2)]),
        ({"kind": "duplicates", "columns": ["new"], "values": {"new": "0"}}, 1, [(5,)]),
        ({"kind": "nulls", "columns": ["x", "y `z"]}, 2, [(4, None, "q"), (5, 9, None)]),
        ({"kind": "nulls", "columns": ["nothing"]}, None, None),
    ],
)
def test_rows_are_counted_and_listed(schema, look, asked, rows, listed):
    schema.run(COUNTED)
    (answer,) = look(tables=[], counts=[{"table": "child", **asked}])["counts"]
    assert answer["rows"] == rows
    if listed is not None:
        assert sorted(schema.sql(answer["query"]), key=str) == sorted(listed, key=str)


def test_a_count_that_takes_too_long_is_given_up(schema, look):
    schema.run("""
CREATE TABLE three (a INT);
INSERT INTO three VALUES (1), (2), (3);
CREATE VIEW slow AS SELECT NULLIF(SLEEP(3), a) AS a FROM three;
""")
    begun = time.monotonic()
    asked = {"kind": "nulls", "table": "slow", "columns": ["a"]}
    assert look(tables=[], counts=[asked], count_seconds=1)["counts"][0]["rows"] is None
    assert time.monotonic() - begun < 6


def test_check_mode_says_the_same(schema, look):
    schema.run(INCIDENT)
    assert look(check_mode=True) == look()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"database_password": "wrong-one"}, ["refused", "with a password", "DB_PASSWORD"]),
        ({"database_password": ""}, ["refused", "without a password"]),
        ({"database_socket": "/no/such.sock"}, ["No database server answers", "/no/such.sock"]),
        ({"database_name": "mysql"}, ["may not do this", "(1044)"]),
        ({"database_user": None}, ["database_user", "laravel_path"]),
    ],
)
def test_refusals_are_one_paragraph_without_the_password(run_module, schema, arguments, words):
    result = run_module("fk_constraint_info", **{**schema.arguments, **arguments})
    assert result["failed"]
    for word in [*words, "Nothing was changed"]:
        assert word in result["msg"]
    assert "\n" not in result["msg"]
    shown = str(result)
    assert schema.password not in shown
    assert "wrong-one" not in shown


def test_a_password_that_is_a_name_does_not_blot_names_out(run_module, schema):
    schema.sql("CREATE TABLE users (id INT)")
    for host in ("localhost", "127.0.0.1"):
        schema.sql("ALTER USER %s@%s IDENTIFIED BY 'users'", schema.user, host)
    result = run_module("fk_constraint_info", **dict(schema.arguments, database_password="users"))
    assert result["schema"]["tables"] == ["users"]
    assert result["invocation"]["module_args"]["database_password"] != "users"


def test_pymysql_comes_with_the_task(schema, tmp_path):
    content = io.BytesIO()
    folder = os.path.dirname(pymysql.__file__)
    with zipfile.ZipFile(content, "w") as packed:
        for place, _folders, names in os.walk(folder):
            for name in names:
                if name.endswith(".py"):
                    path = os.path.join(place, name)
                    packed.write(path, os.path.join("pymysql", os.path.relpath(path, folder)))
    # A Python that cannot import PyMySQL until the archive is there.
    code = """
import json, sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name == "pymysql" and not any(p.endswith("fix_fk_pymysql.zip") for p in sys.path):
            raise ImportError(name)
sys.meta_path.insert(0, Hidden())
sys.path[:0] = sys.argv[1:3]
import ansible.module_utils
ansible.module_utils.__path__.append(sys.argv[2] + "/module_utils")
import ansible.module_utils.testing as testing, fk_constraint_info
with testing.patch_module_args(json.load(sys.stdin)):
    fk_constraint_info.main()
"""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    for archive, code_expected in ((base64.b64encode(content.getvalue()).decode(), 0), (None, 1)):
        arguments = dict(schema.arguments, _ansible_remote_tmp=str(tmp_path))
        if archive:
            arguments["pymysql_archive"] = archive
        result = subprocess.run(
            [sys.executable, "-c", code, os.path.join(root, "library"), root],
            input=json.dumps(arguments),
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == code_expected, result.stdout + result.stderr
        answer = json.loads(result.stdout)
        if archive:
            assert answer["schema"]["exists"] is True
            assert archive not in result.stdout
        else:
            assert "lacks PyMySQL" in answer["msg"]
        assert os.listdir(tmp_path) == []
