# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables that a migration sets: whether its account may, and whether there is one."""

from __future__ import annotations

from ..effects import SetVariable
from .clause import Clause

# Those of a session that take a right, of all that a migration may want to set.
_LOG = ("binlog_format", "sql_log_bin")
_RESTRICTED = {
    "mariadb": _LOG,
    "mysql": (
        *_LOG,
        "innodb_strict_mode",
        "sql_generate_invisible_primary_key",
        "sql_require_primary_key",
    ),
}
_MYSQL_ALONE = ("sql_generate_invisible_primary_key", "sql_require_primary_key")


def judge(clause: Clause, effect: SetVariable) -> None:
    server = clause.schema.server
    if not server.mysql and effect.name in _MYSQL_ALONE:
        clause.problem("value_unfit", f"MariaDB has no {effect.name}", error=1193)
    elif effect.shared and not server.sets_global:
        detail = f"its account may not set {effect.name} of the server"
        clause.problem("right_missing", detail, error=1227)
    elif effect.name in _RESTRICTED.get(server.flavour, ()) and not server.sets_session:
        detail = f"its account may not set {effect.name}"
        clause.problem("right_missing", detail, error=1227)
