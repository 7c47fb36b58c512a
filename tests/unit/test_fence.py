# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E501 - statements as the clients write them
"""What the dump of one schema may say, and what it may not."""

from __future__ import annotations

import pytest
from ansible.module_utils.fix_fk.backup.fence import Astray, Fence
from ansible.module_utils.fix_fk.backup.load import Guarded, Inspection

CREATE = b"CREATE TABLE `t` (\n  `id` int\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4"

TAKEN = [
    ("settings", b"/*M!999999\\- enable the sandbox mode */ \n/*!40101 SET NAMES utf8mb4 */"),
    ("settings", b"/*!40014 SET @OLD_UNIQUE_CHECKS=@@UNIQUE_CHECKS, UNIQUE_CHECKS=0 */"),
    ("settings", b"/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */"),
    ("settings", b"/*M!100616 SET @OLD_NOTE_VERBOSITY=@@NOTE_VERBOSITY, NOTE_VERBOSITY=0 */"),
    ("settings", b"/*!40103 SET TIME_ZONE='+00:00' */"),
    ("statement", b"DROP TABLE IF EXISTS `a.``b`"),
    ("statement", b"/*!40000 ALTER TABLE `t` DISABLE KEYS */"),
    ("statement", b"CREATE SEQUENCE `sq` start with 1 minvalue -1 increment by 1 nocycle ENGINE=InnoDB"),
    ("statement", b"DO SETVAL(`sq`, 1, 0)"),
    (
        "statement",
        b"/*M!101100 SET @old_system_versioning_insert_history="
        b"@@session.system_versioning_insert_history,"
        b" @@session.system_versioning_insert_history=1 */",
    ),
    ("statement", b"INSERT INTO `t` VALUES\n(1,'DROP TABLE other.t; -- f(1)\\' x',NULL),\n(-2,0xAB,_binary 'x')"),
    ("statement", b"INSERT INTO `t` VALUES (1e10,''),(-1.5e-7,'it''s (\\\\')"),
    ("statement", b"INSERT INTO `t` (`a b`, `c`, row_start, row_end) VALUES (1,2,'2001','2002')"),
    ("create", CREATE),
    ("create", CREATE + b" COMMENT='a.b; `c`.`d` -- x */ # it''s'"),
    ("create", CREATE + b"\n/*!50100 PARTITION BY RANGE (`id`)\n(PARTITION p0 VALUES LESS THAN (1.5) ENGINE = InnoDB) */"),
    ("create", b"CREATE TABLE `t` (\n  `a.b` int DEFAULT nextval(`d`.`sq`),\n  `c` int CHECK (`c` > 0.5),\n"
     b"  CONSTRAINT `x` FOREIGN KEY (`c`) REFERENCES `other`.`t` (`id`)\n) ENGINE=InnoDB"),
    ("create", b"CREATE TABLE `t` (\n  `a` int\n) ENGINE=MRG_MyISAM UNION=(`other`.`a`,`b`)"),
    ("trigger", b"/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`localhost`*/ /*!50003 TRIGGER tr BEFORE"
     b" INSERT ON t FOR EACH ROW BEGIN INSERT INTO other.log SELECT 1; END \n*/"),
    ("trigger", b"/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`%`*/ /*!50003 TRIGGER d.`t r`\n-- why\nafter update"
     b" /* a.b */ on d.t for each row SET @x = 1 */"),
    ("trigger", b"/*!50003 SET sql_mode = 'ANSI_QUOTES,ORACLE' */ "),
    ("trigger", b"/*!50003 CREATE*/ /*!50017 DEFINER=`a`@`b`*/ /*!50003 TRIGGER \"tr\" BEFORE INSERT OR UPDATE OF a, b"
     b" ON \"t\" FOR EACH ROW SET NEW.a = 1 */"),
    ("event", b"/*!50106 CREATE*/ /*!50117 DEFINER=`root`@`localhost`*/ /*!50106 EVENT `ev` ON SCHEDULE EVERY 1 YEAR"
     b" DO DELETE FROM t \n*/ "),
    ("routine", b"CREATE DEFINER=`root`@`localhost` PROCEDURE `pr`()\nBEGIN DROP TABLE b.c; END"),
    ("routine", b"CREATE DEFINER=`r`@`` AGGREGATE FUNCTION `f`(x INT) RETURNS int(11)\nRETURN 1"),
    ("routine", b'CREATE DEFINER="root"@"localhost" PACKAGE BODY "pk" AS END'),
    ("routine", b"/*!50003 DROP FUNCTION IF EXISTS `fu` */"),
    ("routine", b"/*!50003 DROP PACKAGE BODY IF EXISTS `pk` */"),
    ("routine", b"ALTER DATABASE `d` CHARACTER SET latin1 COLLATE latin1_swedish_ci"),
    ("view", b"/*!50001 DROP VIEW IF EXISTS `w`*/"),
    ("view", b"/*!50001 CREATE VIEW `w` AS SELECT\n NULL AS `id`,\n  NULL AS `b` */"),
    ("view", b"/*!50001 CREATE ALGORITHM=UNDEFINED */\n/*!50013 DEFINER=`root`@`localhost` SQL SECURITY DEFINER */\n"
     b"/*!50001 VIEW `w` (`a`) AS select `other`.`t`.`id` AS `id` from `other`.`t` */"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "statement"), TAKEN)
def test_what_a_client_writes_is_taken(kind, statement):
    assert Fence("d", "d").check(kind, statement)


NOT_SENT = [
    ("settings", b"/*!50717 SELECT COUNT(*) INTO @rocksdb_has_p_s_session_variables FROM INFORMATION_SCHEMA.TABLES WHERE 1 */"),
    ("settings", b"/*!50717 SET @rocksdb_get_is_supported = IF (@rocksdb_has_p_s_session_variables, 'SELECT 1', 'SELECT 0') */"),
    ("settings", b"/*!50717 PREPARE s FROM @rocksdb_get_is_supported */"),
    ("settings", b"/*!50717 EXECUTE s */"),
    ("statement", b"SET @OLD_AUTOCOMMIT=@@AUTOCOMMIT, @@AUTOCOMMIT=0"),
    ("statement", b"COMMIT"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "statement"), NOT_SENT)
def test_what_a_load_does_not_need_is_left_out(kind, statement):
    assert not Fence("d", "d").check(kind, statement)


REFUSED = [
    b"USE other",
    b"DROP TABLE other.t",
    b"DROP TABLE IF EXISTS `other`.`t`",
    b"/*!50001 DROP TABLE IF EXISTS `other`.`t` */",
    b"/*!40000 DROP DATABASE IF EXISTS `other`*/",
    b"CREATE DATABASE /*!32312 IF NOT EXISTS*/ `other`",
    b"DROP TABLE IF EXISTS `t`, `other`.`t`",
    b"DROP TABLE IF EXISTS `t`; DROP TABLE `other`.`t`",
    b"/*!40101 SET NAMES utf8mb4 */; DROP TABLE other.t",
    b"/*!99999 SET NAMES utf8mb4 */ DROP TABLE other.t",
    b"/*!40101 SET NAMES utf8mb4 */ /*!50001 DROP TABLE other.t */",
    b"-- x\nDROP TABLE other.t",
    b"DELETE FROM other.t",
    b"GRANT ALL ON *.* TO x",
    b"SET GLOBAL read_only = 0",
    b"SET @@GLOBAL.read_only = 0",
    b"SET @@GLOBAL.sql_mode = ''",
    b"SET @old_x = (SELECT other.f())",
    b"SET PASSWORD = 'x'",
    b"SET SESSION sql_log_bin = 0",
    b"INSTALL PLUGIN x SONAME 'x'",
    b"LOAD DATA INFILE 'x' INTO TABLE t",
    b"SELECT 1 INTO OUTFILE '/tmp/x'",
    b"\\! rm -rf x",
    b"system rm -rf x",
    b"source /tmp/x",
    b"CALL other.p()",
    b"DO other.f()",
    b"DO SETVAL(`other`.`sq`, 1, 0)",
    b"ALTER DATABASE `other` CHARACTER SET latin1 COLLATE latin1_swedish_ci",
    b"ALTER TABLE `t` RENAME TO other.t",
    b"RENAME TABLE `t` TO `other`.`t`",
    b"FLUSH TABLES",
    b"PREPARE s FROM 'DROP TABLE other.t'",
    b"SET @rocksdb_x = 'DROP TABLE other.t'",
]
ROWS = [
    b"INSERT INTO other.t VALUES (1)",
    b"INSERT INTO `other`.`t` VALUES (1)",
    b"INSERT INTO `t` SELECT other.f()",
    b"INSERT INTO `t` VALUES (other.f())",
    b"INSERT INTO `t` VALUES (fade(1))",
    b"INSERT INTO `t` VALUES (1,fade (1))",
    b"INSERT INTO `t` VALUES ('',`other`.`f`())",
    b"INSERT INTO `t` VALUES (NEXT VALUE FOR other.sq)",
    b"INSERT INTO `t` VALUES (nExt value for other.sq)",
    b"INSERT INTO `t` VALUES (1, -- '\n fade(1)) -- '",
    b"INSERT INTO `t` VALUES ('a\\\\',fade(1),'')",
    b"INSERT INTO `t` VALUES ('a''',fade(1),'')",
    b'INSERT INTO `t` VALUES ("\'",fade(1),"\'")',
    b"INSERT INTO `t` VALUES (1) ON DUPLICATE KEY UPDATE id = other.f()",
    b"INSERT INTO `t` VALUES (1); DROP TABLE other.t",
    b"INSERT INTO `t` VALUES /*! (other.f()) */",
]
TABLES = [
    CREATE.replace(b"`t`", b"`other`.`t`"),
    CREATE.replace(b"`t`", b"other.t"),
    CREATE.replace(b"int", b"int DEFAULT nextval(`other`.`sq`)"),
    CREATE.replace(b"int", b"int DEFAULT nextval(other.sq)"),
    CREATE.replace(b"int", b"int COMMENT 'x\\\\' DEFAULT nextval(`other`.`sq`) COMMENT ''"),
    CREATE.replace(b"int", b"int /* ' */ DEFAULT nextval(`other`.`sq`) /* ' */"),
    CREATE.replace(b"int", b"int /*!99999 ' */ DEFAULT nextval(`other`.`sq`) /*!99999 ' */"),
    CREATE.replace(b"int", b"int -- '\n DEFAULT nextval(`other`.`sq`) -- '\n"),
    CREATE + b" SELECT * FROM (`t`)",
]
PROGRAMS = [
    b"CREATE DEFINER=`a`@`b` PROCEDURE `other`.`p`() SELECT 1",
    b"CREATE DEFINER=`a`@`b` PROCEDURE other . p() SELECT 1",
    b"CREATE DEFINER=`a`@`b` VIEW `other`.`v` AS SELECT 1",
    b"CREATE TRIGGER tr BEFORE INSERT ON other.t FOR EACH ROW SET @x = 1",
    b"CREATE TRIGGER other.tr BEFORE INSERT ON t FOR EACH ROW SET @x = 1",
    b"CREATE TRIGGER tr BEFORE INSERT ON t/**/.u FOR EACH ROW SET @x = 1",
    b"CREATE FUNCTION f RETURNS STRING SONAME 'x.so'",
    b"CREATE EVENT other.e ON SCHEDULE EVERY 1 YEAR DO SELECT 1",
    b"CREATE USER x",
    b"CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (USER 'x')",
    b"/*!99999 CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET @x = */ DROP TABLE other.t",
    b"/*!50701 CREATE VIEW `v` AS */ DROP TABLE other.t",
    b"/*M!100100 CREATE VIEW `v` AS */ DROP TABLE other.t",
]


@pytest.mark.parametrize(
    ("kind", "statement"),
    [
        *[(kind, text) for text in REFUSED for kind in ("settings", "statement", "view")],
        *[("statement", text) for text in ROWS],
        *[("create", text) for text in TABLES],
        *[("routine", text) for text in PROGRAMS],
        ("settings", b"SET sql_mode = 'ANSI_QUOTES'"),
        ("settings", b"SET sql_mode = ANSI_QUOTES"),
        ("settings", b"SET sql_mode = 4"),
        ("settings", b"SET NAMES gbk"),
        ("statement", b"SET character_set_client = sjis"),
    ],
)
def test_what_would_leave_the_schema_is_refused(kind, statement):
    with pytest.raises(Astray):
        Fence("d", "d").check(kind, statement)


def test_rows_of_a_table_that_keeps_them_elsewhere_are_refused():
    fence = Fence("d", "d")
    fence.check("create", CREATE.replace(b"InnoDB", b"FEDERATED"))
    with pytest.raises(Astray):
        fence.check("statement", b"INSERT INTO `T` VALUES (1)")


def test_a_name_of_the_schema_itself_is_for_that_schema_only():
    text = b"CREATE TRIGGER `d`.tr BEFORE INSERT ON d.t FOR EACH ROW SET @x = 1"
    assert Fence("d", "d").check("trigger", text)
    with pytest.raises(Astray):
        Fence("d", "e").check("trigger", text)


def test_names_in_a_character_set_that_misleads_are_refused():
    fence = Fence("d", "d")
    fence.check("view", b"/*!50001 SET character_set_client = gbk */")
    assert fence.check("view", b"CREATE VIEW `a` AS SELECT 1")
    with pytest.raises(Astray):
        fence.check("view", b"CREATE VIEW `\xcf`.`v` AS SELECT 1")


def test_definers_and_versioned_tables_are_known_afterwards():
    fence = Fence("d", "d")
    for kind, statement in TAKEN:
        fence.check(kind, statement)
    fence.check("create", CREATE + b" WITH SYSTEM VERSIONING")
    assert fence.definers["trigger t r"] == "root@%"
    assert fence.definers["view w"] == "root@localhost"
    assert fence.definers["function f"] == "r@"
    assert fence.versioned == {"t"}


def test_a_text_that_is_no_definition_is_refused():
    fence = Fence("d", "d")
    fence.definition(("VIEW",), "CREATE ALGORITHM=UNDEFINED DEFINER=`a`@`b` VIEW `v` AS select 1")
    for text in ("DROP TABLE IF EXISTS `t`", "CREATE PROCEDURE p() SELECT 1", "SET NAMES utf8mb4"):
        with pytest.raises(Astray):
            fence.definition(("VIEW",), text)


DUMP = b"""--
-- Table structure for table `t`
--

LOCK TABLES `t` WRITE;
INSERT INTO `t` VALUES (1);
DROP TABLE `other`.`t`;
UNLOCK TABLES;
"""


def test_a_dump_is_read_to_its_first_statement_that_leaves():
    with pytest.raises(Astray, match="DROP TABLE `other`"):
        Guarded(Fence("d", "d")).feed(DUMP)
    with pytest.raises(Astray, match="WRITE, `other`"):
        Guarded(Fence("d", "d")).feed(DUMP.replace(b" WRITE", b" WRITE, `other`.`t` WRITE"))
    inspection = Inspection(Fence("d", "d"))
    inspection.feed(DUMP)
    assert inspection.astray and inspection.bytes == len(DUMP)
