# SPDX-License-Identifier: GPL-3.0-or-later
"""Statements of a migration, each with the number of the error that the servers give for it.

A case: the number (None: it runs through; a pair: on MariaDB and on MySQL), and the statements, SQL
or PHP. What stands before HERE is sent to the server before the migration is there.
"""

from sandbox import ON_MARIADB

from . import copying, definitions, laravel, references, rows
from .shared import ARRANGED, HERE

CASES = {**definitions.CASES, **rows.CASES, **references.CASES}
CASES.update(laravel.CASES | copying.CASES)
if ON_MARIADB:
    CASES.update(laravel.ON_MARIADB_ALONE)
# What the server is told before a case, and what puts it back.
SETTINGS = dict.fromkeys(
    ("nopk", "nopkdrop", "phpnopk", "phpnopkafter"),
    ("SET GLOBAL sql_require_primary_key = 1", "SET GLOBAL sql_require_primary_key = 0"),
)
__all__ = ["ARRANGED", "CASES", "HERE", "SETTINGS"]
