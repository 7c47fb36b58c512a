# SPDX-License-Identifier: GPL-3.0-or-later
"""A dump is taken apart the same way wherever its chunks end."""

from __future__ import annotations

import pytest
from ansible.module_utils.fix_fk.load import Splitter

DUMP = rb"""/*M!999999\- enable the sandbox mode */
-- MariaDB dump 10.19
--
-- Host: localhost    Database: d
/*!40014 SET FOREIGN_KEY_CHECKS=0 */;

--
-- Table structure for table `a``b`
--

DROP TABLE IF EXISTS `a``b`;
CREATE TABLE `a``b` (
  `id` int(11) COMMENT '/*!50003 ; -- \n'
);

--
-- Dumping data for table `a``b`
--

LOCK TABLES `a``b` WRITE;
/*!40000 ALTER TABLE `a``b` DISABLE KEYS */;
INSERT INTO `a``b` VALUES
(1,'UNLOCK TABLES;'),
(2,'-- x\nDELIMITER ;;');
INSERT INTO `a``b` VALUES
(3,'');
/*!40000 ALTER TABLE `a``b` ENABLE KEYS */;
UNLOCK TABLES;
/*!50003 SET sql_mode = '' */ ;
DELIMITER ;;
/*!50003 CREATE*/ /*!50003 TRIGGER t BEFORE INSERT ON `a``b` FOR EACH ROW BEGIN
-- Table structure for table `no`
  SET NEW.id = 1;
END */;;
DELIMITER ;

--
-- Dumping events for database 'd'
--
DELIMITER ;;
CREATE EVENT e DO BEGIN SELECT 1; END ;;
DELIMITER ;

--
-- Final view structure for view `v`
--
/*!50001 VIEW `v` AS select 1 */;
-- Dump completed
"""


@pytest.mark.parametrize("size", [1, 2, 17, 100, 10**6])
def test_tables_and_programs_are_told_apart_wherever_a_chunk_ends(size):
    splitter = Splitter()
    pieces = [
        piece
        for start in range(0, len(DUMP), size)
        for piece in splitter.feed(DUMP[start : start + size])
    ]
    tables = b"".join(text for kind, text in pieces if kind != "settings")
    assert tables.strip().startswith(b"DROP TABLE IF EXISTS `a``b`;\nCREATE TABLE")
    assert tables.strip().endswith(b"(3,'');\n/*!40000 ALTER TABLE `a``b` ENABLE KEYS */;")
    assert b"LOCK TABLES `" not in tables and b"TRIGGER" not in tables
    assert tables.count(b"INSERT INTO") == 2
    # Where a statement begins, another client may go on.
    assert sum(kind == "statement" for kind, _text in pieces) == 2
    assert splitter.table == "a`b"
    programs = [
        (program.kind, program.statement.split(b" ")[0].split(b"\n")[-1])
        for program in splitter.programs
    ]
    assert programs == [
        ("settings", b"/*M!999999\\-"),
        ("trigger", b"/*!50003"),
        ("trigger", b"/*!50003"),
        ("event", b"CREATE"),
        ("view", b"/*!50001"),
    ]
    assert b"-- Table structure for table `no`" in splitter.programs[2].statement
