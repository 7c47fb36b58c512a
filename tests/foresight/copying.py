# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables that are copied, what columns are needed for, and programs and variables of the server."""

from __future__ import annotations

from .shared import HERE

TRIGGER = "CREATE TRIGGER satu BEFORE INSERT ON s FOR EACH ROW SET @a = 1"
DATES = (
    "SET SESSION sql_mode = ''",
    "CREATE TABLE b (id INT PRIMARY KEY, x INT, y VARCHAR(9), t DATETIME NOT NULL, d DATE)",
    "INSERT INTO b VALUES (1, 1, 'y', 0, 0)",
    "SET SESSION sql_mode = DEFAULT",
    HERE,
)
CHECK = ("ALTER TABLE s ADD CONSTRAINT k CHECK (n < wajib + 1000)", HERE)
CHECK_OF_ONE = ("ALTER TABLE s ADD CONSTRAINT k CHECK (n < 1000)", HERE)
GENERATED = ("ALTER TABLE s ADD g INT AS (n + 1) STORED", HERE)
STORED = (
    "ALTER TABLE s ADD x BIGINT UNSIGNED NULL, ADD g BIGINT UNSIGNED AS (x) STORED", HERE
)  # fmt: skip


def sends(text):
    """Return the PHP that sends what a server does not prepare."""
    return f'DB::unprepared("{text}");'


CASES = {
    "algtype": (1846, "ALTER TABLE s MODIFY n BIGINT, ALGORITHM=INSTANT"),
    "algtypein": (1846, "ALTER TABLE s MODIFY n BIGINT, ALGORITHM=INPLACE"),
    "algnocopy": ((1846, 1800), "ALTER TABLE s MODIFY n BIGINT, ALGORITHM=NOCOPY"),
    "algindex": ((1846, 1845), "ALTER TABLE s ADD INDEX k (n), ALGORITHM=INSTANT"),
    "algindexin": (None, "ALTER TABLE s ADD INDEX k (n), ALGORITHM=INPLACE, LOCK=NONE"),
    "algadd": (None, "ALTER TABLE s ADD x INT NULL, ALGORITHM=INSTANT"),
    "algfulltext": (1846, "ALTER TABLE s ADD FULLTEXT k (teks), LOCK=NONE"),
    "algcopy": (1846, "ALTER TABLE s ADD x INT, ALGORITHM=COPY, LOCK=NONE"),
    "algkey": (1846,
        "ALTER TABLE s ADD x BIGINT UNSIGNED", HERE,
        "ALTER TABLE s ADD CONSTRAINT f FOREIGN KEY (x) REFERENCES p (id), ALGORITHM=INPLACE"),
    "algwider": (None, "ALTER TABLE s MODIFY nama VARCHAR(60), ALGORITHM=INPLACE"),
    "algshorter": (1846, "ALTER TABLE s MODIFY nama VARCHAR(40), ALGORITHM=INPLACE"),
    "algengine": (1845, "ALTER TABLE s ENGINE=InnoDB, ALGORITHM=INSTANT"),
    "copytype": (1292, *DATES, "ALTER TABLE b MODIFY x BIGINT"),
    "copylonger": ((None, 1292), *DATES, "ALTER TABLE b MODIFY y VARCHAR(300)"),
    "copykey": (1292, *DATES,
        "ALTER TABLE b ADD q BIGINT UNSIGNED NULL,"
        " ADD CONSTRAINT f FOREIGN KEY (q) REFERENCES p (id)"),
    "copydate": (1292, *DATES, "ALTER TABLE b MODIFY t TIMESTAMP NULL"),
    "copynot": (None, *DATES,
        "ALTER TABLE b ADD z INT NULL AFTER id",
        "ALTER TABLE b ENGINE=InnoDB",
        "ALTER TABLE b MODIFY x INT NOT NULL",
        "ALTER TABLE b MODIFY t DATETIME NULL",
        "ALTER TABLE b ADD INDEX k (t)",
        "ALTER TABLE b DROP z",
        "ALTER TABLE b RENAME COLUMN t TO t2",
        "UPDATE b SET x = 2"),
    "copynoneleft": (None, *DATES[:3], "UPDATE b SET t = '2020-01-01', d = NULL", *DATES[3:],
        "ALTER TABLE b MODIFY x BIGINT"),
    "checkdrop": ((1054, 3959), *CHECK, "ALTER TABLE s DROP n"),
    "checkrename": ((None, 3959), *CHECK_OF_ONE, "ALTER TABLE s RENAME COLUMN n TO n2"),
    "checkchange": ((None, 3959), *CHECK_OF_ONE, "ALTER TABLE s CHANGE n n2 INT"),
    "checkboth": (None, *CHECK, "ALTER TABLE s DROP CONSTRAINT k, DROP n"),
    "checkmade": ((1054, 3959),
        "ALTER TABLE s ADD CONSTRAINT k CHECK (n < wajib + 1000)",
        "ALTER TABLE s DROP n"),
    "madedrop": ((1054, 3108), *GENERATED, "ALTER TABLE s DROP n"),
    "maderename": ((None, 3108), *GENERATED, "ALTER TABLE s RENAME COLUMN n TO n2"),
    "madeboth": (None, *GENERATED, "ALTER TABLE s DROP n, DROP g"),
    "madevirtual": ((None, 3733),
        "ALTER TABLE s ADD g BIGINT UNSIGNED AS (wajib) VIRTUAL", HERE,
        "ALTER TABLE s ADD CONSTRAINT f FOREIGN KEY (g) REFERENCES p (id)"),
    "madenull": ((1905, 3104),
        "ALTER TABLE s ADD g BIGINT UNSIGNED AS (wajib) STORED", HERE,
        "ALTER TABLE s ADD CONSTRAINT f FOREIGN KEY (g) REFERENCES p (id) ON DELETE SET NULL"),
    "madecascade": ((None, 1215), *STORED,
        "ALTER TABLE s ADD CONSTRAINT f FOREIGN KEY (x) REFERENCES p (id) ON DELETE CASCADE"),
    "madesetnull": ((1901, 1215), *STORED,
        "ALTER TABLE s ADD CONSTRAINT f FOREIGN KEY (x) REFERENCES p (id) ON DELETE SET NULL"),
    "madelater": ((1901, 1215),
        "ALTER TABLE s ADD x BIGINT UNSIGNED NULL, ADD CONSTRAINT f FOREIGN KEY (x) REFERENCES"
        " p (id) ON DELETE SET NULL", HERE,
        "ALTER TABLE s ADD g BIGINT UNSIGNED AS (x) STORED"),
    "fntext": ((1064, 3757),
        "ALTER TABLE s ADD j JSON", HERE, "ALTER TABLE s ADD INDEX k ((j->>'$.a'))"),
    "fnlower": ((1064, 3757), "ALTER TABLE s ADD INDEX k ((LOWER(teks)))"),
    "fnshort": ((1064, None), "ALTER TABLE s ADD INDEX k ((LOWER(nama)))"),
    "fnjsonpart": ((1064, 3753),
        "ALTER TABLE s ADD j JSON", HERE, "ALTER TABLE s ADD INDEX k ((j->'$.a'))"),
    "fncolumn": ((1064, 3762), "ALTER TABLE s ADD INDEX k ((n))"),
    "fnnew": ((1064, 3762), "CREATE TABLE b (x INT, KEY k ((x)))"),
    "trigger": (1359, TRIGGER, HERE, sends(TRIGGER)),
    "triggercase": ((None, 1359), TRIGGER, HERE, sends(TRIGGER.replace("satu", "SATU"))),
    "triggeranew": (None, TRIGGER, HERE, sends("DROP TRIGGER IF EXISTS satu"), sends(TRIGGER)),
    "procedure": (1304,
        "CREATE PROCEDURE satu() SELECT 1", HERE, sends("CREATE PROCEDURE `satu`() SELECT 1")),
    "function": (1304,
        "CREATE FUNCTION satu() RETURNS INT DETERMINISTIC RETURN 1", HERE,
        sends("CREATE FUNCTION Satu() RETURNS INT DETERMINISTIC RETURN 1")),
    "event": (1537,
        "CREATE EVENT satu ON SCHEDULE EVERY 1 DAY DO SELECT 1", HERE,
        sends("CREATE EVENT satu ON SCHEDULE EVERY 1 DAY DO SELECT 1")),
    "setlog": (1227, "SET SESSION sql_log_bin = 0"),
    "setformat": (1227, "SET SESSION binlog_format = 'ROW'"),
    "setglobal": (1227, sends("SET GLOBAL max_connections = 100")),
    "setglobalmode": (1227, sends("SET @@GLOBAL.sql_mode = ''")),
    "setkey": ((1193, 1227), "SET SESSION sql_require_primary_key = 0"),
    "setstrict": ((None, 1227), "SET SESSION innodb_strict_mode = 0"),
    "setusual": (None,
        "SET SESSION group_concat_max_len = 100000", "SET @a = 1", "SET NAMES utf8mb4",
        "SET LOCAL innodb_lock_wait_timeout = 5", "SET @@session.wait_timeout = 100"),
}  # fmt: skip
