# SPDX-License-Identifier: GPL-3.0-or-later
"""A dump is taken apart the same way wherever its chunks end."""

from __future__ import annotations

import pytest
from ansible.module_utils.fix_fk.backup.load import Splitter, take_apart

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
    found = [
        item
        for start in range(0, len(DUMP), size)
        for item in splitter.feed(DUMP[start : start + size])
    ]
    assert [(kind, text.lstrip()[:12]) for kind, text in found] == [
        ("settings", b"/*M!999999\\-"),
        ("statement", b"DROP TABLE I"),
        ("create", b"CREATE TABLE"),
        ("statement", b"/*!40000 ALT"),
        ("statement", b"INSERT INTO "),
        ("statement", b"INSERT INTO "),
        ("statement", b"/*!40000 ALT"),
        ("end", b"a`b"),
    ]
    assert found[4][1].endswith(b"(2,'-- x\\nDELIMITER ;;')")
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


CREATE = rb"""CREATE TABLE `a``b` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `x` int(11) COMMENT 'KEY,',
  PRIMARY KEY (`id`),
  UNIQUE KEY `u``, KEY` (`x`),
  KEY `k` (`x`,`id`),
  CONSTRAINT `fk`` CHECK (` FOREIGN KEY (`x`) REFERENCES `c` (`id`) ON DELETE CASCADE,
  CONSTRAINT `c FOREIGN KEY (` CHECK (`x` > 1)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4"""
FOREIGN = [
    b"ALTER TABLE `a``b` ADD CONSTRAINT `fk`` CHECK (` FOREIGN KEY (`x`) REFERENCES `c` (`id`)"
    b" ON DELETE CASCADE"
]


def test_what_can_be_added_later_is_taken_out_of_a_table():
    table, short, keys, constraints = take_apart(CREATE, lambda table: table == "a`b")
    assert table == "a`b"
    assert short.split(b"\n")[2:] == [
        b"  `x` int(11) COMMENT 'KEY,',",
        b"  PRIMARY KEY (`id`),",
        b"  CONSTRAINT `c FOREIGN KEY (` CHECK (`x` > 1)",
        b") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4",
    ]
    assert keys == [
        b"ALTER TABLE `a``b` ADD UNIQUE KEY `u``, KEY` (`x`), ADD KEY `k` (`x`,`id`)",
    ]
    assert constraints == FOREIGN


@pytest.mark.parametrize(
    "create",
    [
        CREATE.replace(b"ENGINE=InnoDB", b"ENGINE=MyISAM"),
        CREATE.replace(b"  PRIMARY KEY (`id`),\n", b""),
        CREATE.replace(b"PRIMARY KEY (`id`)", b"PRIMARY KEY (`x`,`id`)"),
        CREATE.replace(b"  KEY `k` (`x`,`id`)", b"  FULLTEXT KEY `k` (`x`)"),
    ],
    ids=["another engine", "no primary key", "the counter is not first", "a full-text index"],
)
def test_indexes_that_the_rows_need_or_whose_order_would_change_stay(create):
    _table, short, keys, constraints = take_apart(create, lambda _table: True)
    assert keys == [] and constraints == FOREIGN
    assert short.count(b"KEY `") == 2


def test_a_small_table_keeps_its_indexes():
    _table, short, keys, constraints = take_apart(CREATE, lambda _table: False)
    assert keys == [] and constraints == FOREIGN
    assert b"  KEY `k` (`x`,`id`),\n" in short
