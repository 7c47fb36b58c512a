# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E501 - a table
"""One of everything that a schema can hold, and what would make each of them another one.

for piece in PIECES:                  # those that the server at hand knows
    piece.name, piece.make, piece.change        # statements
seen = look(connection, schema)       # {what: how it is}, asked of the server
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ansible.module_utils.fix_fk.schema.sql import quote_table, rows_of
from ansible.module_utils.fix_fk.server.flavour import comparable
from sandbox import ON_MARIADB

TABLES = ("table", "sequence")
KINDS = (*TABLES, "view", "trigger", "procedure", "function", "event", "package")
# What lets an account put back what belongs to others.
FREE = (
    "SUPER, SET USER" if ON_MARIADB else "SET_ANY_DEFINER, ALLOW_NONEXISTENT_DEFINER, SYSTEM_USER"
)
# What lets it read the routines of others.
READING = ("SELECT", "mysql.proc") if ON_MARIADB else ("SHOW_ROUTINE", "*.*")


@dataclass(frozen=True)
class Piece:
    """make: what brings it about; change: what makes it another one, row or definition.

    seen: what a refusal calls it, "plain" or "view seen"; kind: what that is.
    """

    name: str
    make: tuple
    change: tuple
    servers: str = "mariadb mysql"

    @property
    def seen(self):
        """Return the name of what the last statement of the change is about."""
        words = [word for statement in self.change for word in statement.split()]
        for at, word in enumerate(words):
            kind = word.lower()
            if kind in KINDS and not (kind == "table" and words[at - 1] == "FROM"):
                name = words[at + 1].partition("(")[0]
                if kind in ("procedure", "function"):
                    return f"routine {kind} {name}"
                if kind == "package":
                    return f"routine package body {words[at + 2]}"
                return name if kind in TABLES else f"{kind} {name}"
        found = re.search(r"(?:UPDATE(?: IGNORE)?|INTO|FROM|SETVAL\() ?(\w+)", " ".join(words))
        return found.group(1) if found else None

    @property
    def kind(self):
        """ "table", "event", "object", or None where nothing is left to be seen."""
        if not self.seen or self.name == "a view of what is gone":
            return None
        return (
            "event" if self.seen.startswith("event ") else "object" if " " in self.seen else "table"
        )


def _table(name, columns, rows, *change, options="", servers="mariadb mysql"):
    make: tuple = (f"CREATE TABLE {name} ({columns}) {options}",)
    make += (f"INSERT INTO {name} VALUES {rows}",) if rows else ()
    return Piece(name, make, change, servers)


ALL = (
    _table("plain", "id INT PRIMARY KEY, v INT", "(1, 1), (2, 2)", "UPDATE plain SET v = 3 WHERE id = 2"),
    _table("auto", "id INT AUTO_INCREMENT PRIMARY KEY", "(1), (2)", "ALTER TABLE auto AUTO_INCREMENT = 5", options="AUTO_INCREMENT = 77"),
    _table("auto_gone", "id INT AUTO_INCREMENT PRIMARY KEY", "(900)", "ALTER TABLE auto_gone AUTO_INCREMENT = 901", options="AUTO_INCREMENT = 950"),
    _table("floats", "id INT PRIMARY KEY, f FLOAT", "(1, 0.25), (2, -3.5e20), (3, 16777216)", "UPDATE floats SET f = 0.5 WHERE id = 1"),
    _table("doubles", "id INT PRIMARY KEY, d DOUBLE", "(1, 0.1), (2, 1e300)", "UPDATE doubles SET d = 0.10000000000000002 WHERE id = 1"),
    _table("bits", "id INT PRIMARY KEY, b BIT(12)", "(1, b'101'), (2, b'0')", "UPDATE bits SET b = b'100' WHERE id = 1"),
    _table("documents", "id INT PRIMARY KEY, j JSON", "(1, '{\"a\": [1, 2.50, \"\\u00e9\"]}')", "UPDATE documents SET j = '{\"a\": 1}'"),
    _table("shapes", "id INT PRIMARY KEY, g GEOMETRY NOT NULL, SPATIAL KEY (g)",
           "(1, ST_GeomFromText('POINT(1 2)')), (2, ST_GeomFromText('POLYGON((0 0,1 0,1 1,0 0))'))",
           "UPDATE shapes SET g = ST_GeomFromText('POINT(1 3)') WHERE id = 1",
           options="ENGINE=InnoDB" if ON_MARIADB else ""),
    _table("places", "id INT PRIMARY KEY, g POINT NOT NULL SRID 4326, SPATIAL KEY (g)",
           "(1, ST_GeomFromText('POINT(1 2)', 4326))",
           "UPDATE places SET g = ST_GeomFromText('POINT(1 3)', 4326)", servers="mysql"),
    _table("vectors", "id INT PRIMARY KEY, e VECTOR(3)", "(1, STRING_TO_VECTOR('[1,2,3]'))",
           "UPDATE vectors SET e = STRING_TO_VECTOR('[1,2,4]')", servers="mysql"),
    Piece("zero dates", (
        "SET SESSION sql_mode = ''",
        "CREATE TABLE zeros (id INT PRIMARY KEY, d DATE NOT NULL DEFAULT '0000-00-00', t DATETIME(6), s TIMESTAMP NULL)",
        "INSERT INTO zeros VALUES (1, '0000-00-00', '0000-00-00', '0000-00-00'), (2, '2020-00-00', '2020-01-01 01:01:01.000001', '2020-01-01')",
        "SET SESSION sql_mode = DEFAULT"),
        ("UPDATE IGNORE zeros SET t = '2020-01-01 01:01:01.000002' WHERE id = 2",)),
    _table("latin", "id INT PRIMARY KEY, a VARCHAR(20) CHARACTER SET latin1, b TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, c CHAR(4) CHARACTER SET ucs2",
           "(1, 'é', '😀', 'ñ')", "UPDATE latin SET a = 'e'", options="CHARACTER SET latin1"),
    _table("collated", "id INT PRIMARY KEY, a VARCHAR(20) COLLATE utf8mb4_bin", "(1, 'a')",
           "ALTER TABLE collated MODIFY a VARCHAR(20) COLLATE utf8mb4_general_ci"),
    _table("commented", "id INT PRIMARY KEY COMMENT 'it''s; a \"key\"'", "",
           "ALTER TABLE commented COMMENT 'another'", options="COMMENT='a; table -- /* x */'"),
    _table("checked", "id INT PRIMARY KEY, v INT, CONSTRAINT more CHECK (v > 0)", "(1, 1)",
           "ALTER TABLE checked DROP CONSTRAINT more, ADD CONSTRAINT more CHECK (v >= 0)"),
    _table("parts", "id INT PRIMARY KEY, v INT", "(1, 1), (20, 2)",
           "ALTER TABLE parts REORGANIZE PARTITION p1 INTO (PARTITION p1 VALUES LESS THAN (100), PARTITION p2 VALUES LESS THAN MAXVALUE)",
           options="PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE)"),
    _table("myisam", "id INT PRIMARY KEY, v TEXT, FULLTEXT KEY (v)", "(1, 'a b c')",
           "UPDATE myisam SET v = 'x'", options="ENGINE=MyISAM"),
    _table("aria", "id INT PRIMARY KEY", "(1)", "ALTER TABLE aria TRANSACTIONAL=0", options="ENGINE=Aria TRANSACTIONAL=1", servers="mariadb"),
    _table("memory_one", "id INT PRIMARY KEY", "(1)", "INSERT INTO memory_one VALUES (2)", options="ENGINE=MEMORY"),
    _table("packed", "id INT PRIMARY KEY, v TEXT", "(1, 'a')", "ALTER TABLE packed ROW_FORMAT=DYNAMIC KEY_BLOCK_SIZE=0", options="ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=8"),
    _table("packed_pages", "id INT PRIMARY KEY, v TEXT COMPRESSED", "(1, 'a')", "ALTER TABLE packed_pages PAGE_COMPRESSED=0", options="PAGE_COMPRESSED=1", servers="mariadb"),
    Piece("generated", ("CREATE TABLE made (id INT PRIMARY KEY, v INT, w INT AS (v + 1) VIRTUAL, x INT AS (v * 2) STORED, KEY (w))",
                        "INSERT INTO made (id, v) VALUES (1, 1)"),
          ("ALTER TABLE made MODIFY x INT AS (v * 3) STORED",)),
    Piece("invisible", ("CREATE TABLE hidden (id INT PRIMARY KEY, v INT INVISIBLE DEFAULT 5)", "INSERT INTO hidden (id, v) VALUES (1, 9)"),
          ("UPDATE hidden SET v = 8",)),
    Piece("invisible column shown", ("CREATE TABLE hidden2 (id INT PRIMARY KEY, v INT INVISIBLE DEFAULT 5)",),
          ("ALTER TABLE hidden2 MODIFY v INT DEFAULT 5",)),
    Piece("an index nobody uses", ("CREATE TABLE ignored (id INT PRIMARY KEY, v INT, KEY v (v))",),
          ("ALTER TABLE ignored ALTER INDEX v " + ("IGNORED" if ON_MARIADB else "INVISIBLE"),)),
    Piece("expressions as defaults", ("CREATE TABLE defaults (id INT PRIMARY KEY, v VARCHAR(40) DEFAULT (UUID()))", "INSERT INTO defaults VALUES (1, 'x')"),
          ("ALTER TABLE defaults ALTER v SET DEFAULT 'UUID()'",)),
    Piece("an index on an expression", ("CREATE TABLE functional (id INT PRIMARY KEY, v INT, KEY e ((v + 1)))",),
          ("ALTER TABLE functional DROP INDEX e, ADD INDEX e ((v + 2))",), "mysql"),
    Piece("application time", (
        "CREATE TABLE bookings (id INT, a DATE, b DATE, PERIOD FOR valid (a, b), PRIMARY KEY (id, valid WITHOUT OVERLAPS))",
        "INSERT INTO bookings VALUES (1, '2020-01-01', '2020-02-01'), (1, '2020-02-01', '2020-03-01')"),
        ("ALTER TABLE bookings DROP PRIMARY KEY, DROP PERIOD FOR valid",), "mariadb"),
    Piece("history", (
        "CREATE TABLE past (id INT PRIMARY KEY, v INT) WITH SYSTEM VERSIONING",
        "INSERT INTO past VALUES (1, 1)", "UPDATE past SET v = 2", "DELETE FROM past"),
        ("DELETE HISTORY FROM past",), "mariadb"),
    Piece("a sequence", ("CREATE SEQUENCE numbers START WITH 10 INCREMENT BY 5", "DO SETVAL(numbers, 50000)"),
          ("ALTER SEQUENCE numbers RESTART 100",), "mariadb"),
    Piece("a sequence's own", ("CREATE SEQUENCE numbers2 START WITH 10 INCREMENT BY 5",),
          ("ALTER SEQUENCE numbers2 INCREMENT BY 6",), "mariadb"),
    Piece("a sequence that is gone", ("CREATE SEQUENCE numbers3",), ("DROP SEQUENCE numbers3",), "mariadb"),
    Piece("a sequence as a default", ("CREATE SEQUENCE numbers4 START WITH 3", "CREATE TABLE counted (id INT PRIMARY KEY DEFAULT NEXTVAL(numbers4))", "INSERT INTO counted VALUES ()"),
          ("ALTER TABLE counted ALTER id DROP DEFAULT",), "mariadb"),
    Piece("a view", ("CREATE VIEW seen AS SELECT id, v FROM plain",), ("CREATE OR REPLACE VIEW seen AS SELECT id FROM plain",)),
    Piece("a view's security", ("CREATE SQL SECURITY INVOKER VIEW invoked AS SELECT id FROM plain",), ("CREATE OR REPLACE SQL SECURITY DEFINER VIEW invoked AS SELECT id FROM plain",)),
    Piece("a view's algorithm", ("CREATE ALGORITHM=TEMPTABLE VIEW kept AS SELECT id FROM plain",), ("CREATE OR REPLACE ALGORITHM=MERGE VIEW kept AS SELECT id FROM plain",)),
    Piece("a view's check", ("CREATE VIEW guarded AS SELECT id FROM plain WHERE id > 0 WITH CASCADED CHECK OPTION",), ("CREATE OR REPLACE VIEW guarded AS SELECT id FROM plain WHERE id > 0",)),
    Piece("a view of a missing definer", ("CREATE DEFINER=`gone`@`nowhere` VIEW orphan AS SELECT id FROM plain",), ("CREATE OR REPLACE DEFINER=CURRENT_USER VIEW orphan AS SELECT id FROM plain",)),
    Piece("a view of what is gone", ("CREATE TABLE away (id INT)", "CREATE VIEW invalid AS SELECT id FROM away", "DROP TABLE away"), ("DROP VIEW invalid",)),
    Piece("a trigger", ("CREATE TRIGGER guard BEFORE INSERT ON plain FOR EACH ROW SET NEW.v = NEW.v + 0",), ("DROP TRIGGER guard", "CREATE TRIGGER guard BEFORE INSERT ON plain FOR EACH ROW SET NEW.v = NEW.v + 1")),
    Piece("two triggers in an order", (
        "CREATE TABLE twice (id INT PRIMARY KEY, v INT)",
        "CREATE TRIGGER second BEFORE INSERT ON twice FOR EACH ROW SET NEW.v = NEW.v * 2",
        "CREATE TRIGGER first BEFORE INSERT ON twice FOR EACH ROW PRECEDES second SET NEW.v = NEW.v + 1"),
        ("DROP TRIGGER first", "CREATE TRIGGER first BEFORE INSERT ON twice FOR EACH ROW SET NEW.v = NEW.v + 1")),
    Piece("a trigger's mode", (
        "SET SESSION sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'",
        "CREATE TABLE moded (id INT PRIMARY KEY, v VARCHAR(9))",
        'CREATE TRIGGER mode BEFORE INSERT ON moded FOR EACH ROW SET NEW."v" = \'\\\'',
        "SET SESSION sql_mode = DEFAULT"),
        ("DROP TRIGGER mode", "CREATE TRIGGER mode BEFORE INSERT ON moded FOR EACH ROW SET NEW.v = '\\\\'")),
    Piece("a trigger of a missing definer", ("CREATE TABLE owned (id INT PRIMARY KEY)", "CREATE DEFINER=`gone`@`nowhere` TRIGGER whose AFTER INSERT ON owned FOR EACH ROW SET @x = 1",), ("DROP TRIGGER whose", "CREATE TRIGGER whose AFTER INSERT ON owned FOR EACH ROW SET @x = 1")),
    Piece("a trigger on what is gone", ("CREATE TABLE lost (id INT PRIMARY KEY)", "CREATE TRIGGER losing AFTER INSERT ON lost FOR EACH ROW INSERT INTO not_there VALUES (NEW.id)"), ("DROP TRIGGER losing",)),
    Piece("a procedure", ("CREATE PROCEDURE doing(IN a INT, OUT b INT) COMMENT 'it; does' SET b = a",), ("DROP PROCEDURE doing", "CREATE PROCEDURE doing(IN a BIGINT, OUT b INT) COMMENT 'it; does' SET b = a")),
    Piece("a procedure's comment", ("CREATE PROCEDURE said() COMMENT 'one' SELECT 1",), ("ALTER PROCEDURE said COMMENT 'two'",)),
    Piece("a procedure's security", ("CREATE PROCEDURE secured() SQL SECURITY INVOKER SELECT 1",), ("ALTER PROCEDURE secured SQL SECURITY DEFINER",)),
    Piece("a procedure that is not right", ("CREATE PROCEDURE wrong() SELECT * FROM not_there.at_all",), ("DROP PROCEDURE wrong",)),
    Piece("a function", ("CREATE FUNCTION f(a INT) RETURNS INT DETERMINISTIC NO SQL RETURN a + 1",), ("DROP FUNCTION f", "CREATE FUNCTION f(a INT) RETURNS INT NOT DETERMINISTIC NO SQL RETURN a + 1")),
    Piece("a function of a missing definer", ("CREATE DEFINER=`gone`@`nowhere` FUNCTION g(a INT) RETURNS INT DETERMINISTIC NO SQL RETURN 1",), ("DROP FUNCTION g",)),
    Piece("a function in a view", ("CREATE FUNCTION h(a INT) RETURNS INT DETERMINISTIC NO SQL RETURN a", "CREATE VIEW calling AS SELECT h(id) AS x FROM plain"), ("CREATE OR REPLACE VIEW calling AS SELECT h(id) + 1 AS x FROM plain",)),
    Piece("an event", ("CREATE EVENT later ON SCHEDULE EVERY 1 YEAR STARTS '2030-01-01 00:00:00' ENDS '2035-01-01 00:00:00' ON COMPLETION PRESERVE DISABLE COMMENT 'c' DO SELECT 1",), ("ALTER EVENT later ON SCHEDULE EVERY 1 YEAR STARTS '2031-01-01 00:00:00' ENDS '2035-01-01 00:00:00'",)),
    Piece("an event that is off", ("CREATE EVENT off_one ON SCHEDULE EVERY 1 YEAR STARTS '2030-01-01 00:00:00' DO SELECT 1",), ("ALTER EVENT off_one DISABLE",)),
    Piece("a foreign key", ("CREATE TABLE kids (id INT PRIMARY KEY, p INT, CONSTRAINT kin FOREIGN KEY (p) REFERENCES plain (id) ON DELETE CASCADE)", "INSERT INTO kids VALUES (1, 1)"), ("ALTER TABLE kids DROP FOREIGN KEY kin", "ALTER TABLE kids ADD CONSTRAINT kin FOREIGN KEY (p) REFERENCES plain (id)")),
    Piece("a package", (
        "SET SESSION sql_mode = 'ORACLE'",
        "CREATE PACKAGE box AS FUNCTION one RETURN INT; END",
        "CREATE PACKAGE BODY box AS FUNCTION one RETURN INT AS BEGIN RETURN 1; END; END",
        "SET SESSION sql_mode = DEFAULT"), ("SET SESSION sql_mode = 'ORACLE'",
        "CREATE OR REPLACE PACKAGE BODY box AS FUNCTION one RETURN INT AS BEGIN RETURN 2; END; END",
        "SET SESSION sql_mode = DEFAULT"), "mariadb"),
)  # fmt: skip
PIECES = tuple(p for p in ALL if ("mariadb" if ON_MARIADB else "mysql") in p.servers.split())


def look(connection, schema):
    """Return {what: how it is} of everything in a schema, without the code under test."""
    seen = {}
    for name, kind in rows_of(
        connection,
        "SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s",
        (schema,),
    ):
        place = quote_table(schema, name)
        what = "VIEW" if kind == "VIEW" else "SEQUENCE" if kind == "SEQUENCE" else "TABLE"
        seen[f"{what} {name}"] = comparable(
            rows_of(connection, f"SHOW CREATE {what} {place}")[0][1]
        )
        if what != "VIEW":
            versioned = " FOR SYSTEM_TIME ALL" if kind == "SYSTEM VERSIONED" else ""
            columns = ", ".join(
                # Exactly, not with the digits that are shown.
                f"`{column}` + 0e0"
                if kind == "float"
                else f"HEX(`{column}`)"
                if kind in ("bit", "vector", "point", "geometry")
                else f"`{column}`"
                for column, kind in rows_of(
                    connection,
                    "SELECT COLUMN_NAME, DATA_TYPE FROM information_schema.COLUMNS"
                    " WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s ORDER BY ORDINAL_POSITION",
                    (schema, name),
                )
            )
            columns += ", row_start, row_end" if versioned else ""
            rows = rows_of(connection, f"SELECT {columns} FROM {place}{versioned}")
            seen[f"rows {name}"] = sorted(map(repr, rows))
    for view, column in (
        ("TRIGGERS", "TRIGGER"), ("ROUTINES", "ROUTINE"), ("EVENTS", "EVENT"), ("PARAMETERS", "SPECIFIC"),
    ):  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT * FROM information_schema.{view} WHERE {column}_SCHEMA = %s",
                (schema,),
            )
            heads = [head[0].upper() for head in cursor.description]
            for row in cursor.fetchall():
                about = dict(zip(heads, row))
                name = " ".join(
                    str(about.get(key) or "")
                    for key in (f"{column}_NAME", "ROUTINE_TYPE", "ORDINAL_POSITION")
                )
                for passing in ("CREATED", "LAST_ALTERED", "LAST_EXECUTED"):
                    about.pop(passing, None)
                seen[f"{view} {name}"] = sorted((k, repr(v)) for k, v in about.items())
    return seen
