# SPDX-License-Identifier: GPL-3.0-or-later
"""The incident as the modules report it; each test changes what it is about."""

from __future__ import annotations

import pytest
from cases import (
    ADD_KEY,
    CREATE,
    CREATE_NEW,
    CREATE_SKP,
    CREATE_USERS,
    DOWN,
    ERROR_121,
    REFACTOR,
    RENAME,
    USERS,
    key,
    statements,
    table,
)


@pytest.fixture
def laravel():
    """The application in the incident: the refactor failed with 1005/121."""
    return {
        "path": "/srv/app",
        "php": {"binary": "php", "version": "8.2.1"},
        "connection": {"database": "gaspulco_lkbkanwil", "username": "gaspul_user"},
        "configuration": {"cached": False, "differences": []},
        "database_error": None,
        "migrations_table": "migrations",
        "migrations": {
            "recorded": [{"name": USERS, "batch": 1}, {"name": CREATE, "batch": 1}],
            "pending": [REFACTOR],
        },
        "statements": {
            USERS: statements([CREATE_USERS]),
            CREATE: statements([CREATE_SKP, ADD_KEY], ["drop table `skp_tahunan`"]),
            REFACTOR: statements([RENAME, CREATE_NEW, ADD_KEY], DOWN),
        },
        "maintenance": {"down": False, "by_this_tool": False, "run_id": None, "migration": None},
        "last_error": {"time": "2026-01-30", "message": ERROR_121, "migration": REFACTOR},
        "model_tables": {},
    }


@pytest.fixture
def schema():
    """The database in the incident: rows and the name in the displaced table."""
    return {
        "server": {
            "flavour": "mariadb",
            "name_scope": "schema",
            "read_only": False,
            "replica": False,
        },
        "account": {"name": "u@h", "sees_all": True, "reason": "", "missing_rights": []},
        "name": "gaspulco_lkbkanwil",
        "rehearsal": {
            "schema": "gaspulco_lkbkanwil__fix_fk_1a2b_r1",
            "pattern": "gaspulco\\_lkbkanwil\\_\\_fix\\_fk%",
            "lacking": [],
        },
        "tables": ["users", "skp_tahunan", "skp_tahunan_backup_v1", "migrations"],
        "details": {
            "users": table(["id"], True),
            "skp_tahunan": table(["id", "user_id", "nilai"], False),
            "skp_tahunan_backup_v1": table(["id", "user_id"], True),
        },
        "constraints": [key("fk_skp_tahunan_user", "skp_tahunan_backup_v1")],
        "missing": [],
        "differing": [],
        "orphans": [],
        "locks": [],
    }
