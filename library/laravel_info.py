#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""What a Laravel application says about itself, its database and its migrations."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: laravel_info
short_description: Ask a Laravel application about its configuration, migrations and last error
description:
  - Boots the application once, on the target, through its own C(vendor/autoload.php) and
    C(bootstrap/app.php), and returns what it says as data. Laravel 8 to 13.
  - "The statements of a migration are learned by running its C(up) and C(down) while the
    connection only pretends, as C(artisan migrate --pretend) does. Every MySQL and MariaDB
    connection that is opened meanwhile is a session with C(SET SESSION TRANSACTION READ ONLY), so a
    migration that reaches past the pretence (another connection, raw PDO) gets an error instead of
    writing. Logging, mail and the queue lead nowhere meanwhile."
  - A migration that throws, prints, exits, or does not end within 15 s costs its own statements
    only; RV(laravel.statements) then says why.
  - What can be known is returned even if the database cannot be reached.
options:
  statements:
    description:
      - Which migrations' statements to learn.
      - V(pending) needs the database; without it none are learned.
    type: str
    choices: [all, pending, none]
    default: all
  checklist:
    description: Whether to ask for RV(laravel.checklist) as well.
    type: bool
    default: false
  route_pattern:
    description:
      - Only routes that contain this text in their URI or name are listed.
    type: str
    default: ""
  inspect_whole:
    description:
      - Return as RV(schema), in the same call, what M(fk_constraint_info) says of the whole schema,
        if it has at most so many tables. RV(schema) is null for a larger one, and where the server
        could not be asked.
    type: int
    default: 0
  timeout:
    description: Seconds that PHP may take each time it is started.
    type: int
    default: 120
notes:
  - PHP is started once; a second time when the configuration is cached, to compare it with what
    C(.env) says; and again after a migration that ended PHP.
  - "What a migration does other than through the database (files, HTTP requests, an own C(new PDO))
    it does here as well, as with C(artisan migrate --pretend). O(statements=none) runs none."
  - Of the shared connection options only O(database_connection) has a meaning without O(inspect)
    and O(inspect_whole).
attributes:
  check_mode:
    support: full
    description: It never changes anything.
  diff_mode:
    support: none
    description: There is nothing to show.
extends_documentation_fragment:
  - connection
  - inspect
  - refusal
seealso:
  - module: fk_constraint_info
  - module: artisan
author:
  - The fix_fk authors
"""

EXAMPLES = r"""
- name: Ask the application
  laravel_info:
    laravel_path: /home/app/gaspul_api
  register: __info

- name: Go through the checklist with another PHP
  laravel_info:
    laravel_path: /home/app/gaspul_api
    laravel_php: /opt/php82/bin/php
    statements: none
    checklist: true
    route_pattern: skp
"""

RETURN = r"""
laravel:
  description: What the application says.
  returned: success
  type: dict
  contains:
    path:
      description: Its root folder.
      type: str
      sample: /home/app/gaspul_api
    php:
      description: C(binary) and C(version) of the PHP that ran it.
      type: dict
      sample: {binary: /usr/bin/php8.2, version: 8.2.20}
    version:
      description: Laravel's version.
      type: str
      sample: 8.83.26
    environment:
      description: C(APP_ENV).
      type: str
      sample: production
    boot_error:
      description: What a service provider threw while the application started; null if nothing.
        The rest is then what could be known nevertheless.
      type: str
    connection:
      description: The connection as Laravel resolves it, without its password. Of a connection with
        a read and a write side, the write side; of several hosts, the first. C(session) are
        variables of its session on the server, namely its modes and character set and what differs
        from every new session's; null where that is not known.
      type: dict
      sample:
        {
          name: mysql,
          driver: mysql,
          host: 127.0.0.1,
          port: 3306,
          socket: null,
          database: gaspulco_lkbkanwil,
          username: gaspul_user,
          prefix: "",
          charset: utf8mb4,
          collation: utf8mb4_unicode_ci,
          strict: true,
          modes: null,
          tls: null,
          session:
            {
              sql_mode: STRICT_TRANS_TABLES,
              character_set_client: utf8mb4,
              collation_connection: utf8mb4_unicode_ci,
            },
        }
    connections:
      description:
        - The other connections that the pending migrations use, by name, as RV(laravel.connection)
          has it (of one that is no MySQL or MariaDB only C(name), C(driver) and C(database)).
        - C(schema) is what M(fk_constraint_info) says of its schema, with the tables that these
          migrations name; null where that could not be read, and C(reason) then says why. Only
          a schema on the server of RV(laravel.connection) is read.
      type: dict
      sample:
        {old: {name: old, driver: sqlite, database: a.db, schema: null, reason: it is sqlite}}
    configuration:
      description: Whether the configuration is cached, and what C(.env) and the configuration files
        would say otherwise. A password that differs is listed without its values.
      type: dict
      sample:
        {
          cached: true,
          differences:
            [{key: database.connections.mysql.host, cached: 127.0.0.1, dotenv: db.example.org}],
        }
    database_error:
      description: Why the application cannot reach its database, as C(code) (the server's or client
        library's number) and C(message); null if it can.
      type: dict
      sample: {code: 2002, message: "SQLSTATE[HY000] [2002] Connection refused"}
    migrations_table:
      description: Name of the migrations table, with the connection's prefix.
      type: str
      sample: migrations
    migrations_table_exists:
      description: Whether it exists; null when the database cannot be reached.
      type: bool
    migrations:
      description:
        - C(files), name and path in the order they run, those of packages included; C(recorded),
          name and batch by batch; C(pending), names; C(missing), names that are recorded but have
          no file; C(to_roll_back), names that an interrupted M(artisan) run recorded only to roll
          them back, which thus count as pending; C(skipped), names that are not recorded and that
          C(artisan migrate) passes over as their C(shouldRun()) says no (Laravel 12.4 and later),
          which thus do not count as pending.
        - C(should_run) is what C(shouldRun()) says of each migration that has one of its own, null
          where it asks the database. It is run for that also with O(statements=none) if
          O(checklist=true).
        - All but C(files) and C(should_run) are null when the database cannot be reached.
      type: dict
      sample:
        {
          files:
            [
              {
                name: 2025_12_01_000000_create_a,
                path: /srv/app/2025_12_01_000000_create_a.php,
                changed: 1764547200.0,
              },
            ],
          recorded: [{name: 2025_12_01_000000_create_a, batch: 1}],
          pending: [],
          missing: [],
          to_roll_back: [],
          skipped: [],
          should_run: {},
        }
    isolated:
      description: Whether somebody has the lock of C(artisan migrate --isolated) (Laravel 9.38 and
        later), a deployment that is running or one that was killed; null where that is not known.
      type: bool
    loading:
      description:
        - What ends C(artisan migrate) as it takes the files of the pending migrations, null where
          nothing does and with O(statements=none).
        - C(part) is V(all) where it ends before any of them runs, V(turn) where it ends in the turn
          of C(migration). C(line) is null where the error is not in C(file).
      type: dict
      sample:
        {
          migration: 2026_01_25_000000_create_a,
          part: all,
          file: /srv/app/database/migrations/2026_01_25_000000_create_a.php,
          line: 7,
          error: 'syntax error, unexpected token "}"',
        }
    twins:
      description: What is there more than once. C(files) of one name, of which C(artisan migrate)
        takes the last of C(paths), and whether they are C(alike); C(classes) that several
        C(migrations) declare, which no command can take together.
      type: dict
      sample: {files: [], classes: [{class: CreateA, migrations: [2025_create_a, 2026_create_a]}]}
    schema_dump:
      description: The schema dump that C(artisan migrate) loads as long as no migration is
        recorded, as C(path) and the C(tables) that it drops and makes (null where the file cannot
        be read); null when there is none.
      type: dict
      sample: {path: /srv/app/database/schema/mysql-schema.dump, tables: [users]}
    statements:
      description:
        - By migration, what C(up) and C(down) send. V(up) and V(down) are lists of SQL as Laravel
          prints it, with its values (before version 10 C(?) for binary ones). V(up_error) and
          V(down_error) say why a list ends early, else null. V(down_exists) is whether the
          migration has a C(down).
        - V(up_conditional) and V(down_conditional) are reasons why a list may be incomplete, namely
          control flow in the source and questions to the database, which get no answer while
          pretending. Empty means that the list is what will be sent.
        - V(up_elsewhere) and V(down_elsewhere) are, by connection, what is sent to another schema
          than the application's own; V(up) and V(down) are without it.
        - V(source_strings) are the strings in the file, V(other_connections) the database
          connections that it opened besides the application's default one, V(connection) the one
          that it names as its own (null for the default one).
        - V(up_drops) and V(down_drops) are the tables that the source names in a call of C(drop),
          C(dropIfExists) or C(truncate), shown by C(--pretend) or not; an empty one stands for a
          name that is not written out there.
        - V(up_renames) and V(down_renames) are the old and the new name of each table that the
          source renames, shown by C(--pretend) or not.
        - V(up_names) and V(down_names) are the connections that the source names in a call of
          C(connection), used or not.
        - V(up_writes) and V(down_writes) are the tables of which the source writes rows, shown or
          not; an empty one stands for a name that is not written out there.
        - V(counts) are the places in the file where it may decide by how many rows a statement has
          changed, V(varies) those where it may by the time, a file or the environment, V(outside)
          what it names that reaches out of the database or past Laravel.
        - V(up_calls) and V(down_calls) are functions, static methods and constructors that the
          source calls and that may do something else than send statements.
      type: dict
      sample:
        {
          2025_12_01_000000_create_a:
            {
              up: ["create table `a` (`id` int not null)"],
              up_error: null,
              up_conditional: ["up(), line 12: if"],
              down: ["drop table if exists `a`"],
              down_exists: true,
              down_error: null,
              down_conditional: [],
              up_elsewhere: {},
              down_elsewhere: {},
              source_strings: [a, id],
              other_connections: [],
              connection: null,
              up_drops: [],
              down_drops: [a],
              up_renames: [],
              down_renames: [],
              up_writes: [],
              down_writes: [],
              counts: [],
              varies: [],
              outside: [],
              up_names: [],
              down_names: [],
              up_calls: [],
              down_calls: [],
            },
        }
    destructive_commands_prohibited:
      description: Whether the application called C(DB::prohibitDestructiveCommands()), so that
        C(artisan migrate:fresh) and its like refuse to run. It is there from Laravel 11.9 on.
      type: bool
    seeder:
      description: The class that C(artisan db:seed) runs, null when the application has none.
      type: str
      sample: Database\Seeders\DatabaseSeeder
    model_tables:
      description: Tables that the application's classes name (C($table = '...'), C(table('...'))),
        with prefix, and the first file that does. Empty with O(statements=none).
      type: dict
      sample: {skp_tahunan: app/Models/SkpTahunan.php}
    maintenance:
      description: Whether the application is down (null when it cannot tell), whether M(artisan)
        took it down, and of an unfinished run its C(run_id), the migration it repairs, and as
        C(baseline) the content of tables when it began (C(rows), C(digest) and C(columns) by
        table), C(marks) the marks of the others, as M(maintenance) has them, C(structure) that of
        every table, as M(fk_constraint_info) has it, C(expected) what was to come of it, and since
        when it has it down (C(since), seconds since 1970, by the clock of the host). C(lifted) is
        about an unfinished run whose maintenance mode was lifted by hand, with the old tables that
        it was to carry over as C(carried).
      type: dict
      sample:
        {
          down: true,
          by_this_tool: true,
          run_id: 20260130_081500_3f2a,
          migration: 2026_01_25_000000_total_refactor_skp_system,
          baseline: null,
          structure: null,
          marks: null,
          expected: null,
          since: 1769760900.25,
          lifted: null,
        }
    another_run:
      description:
        - Who else has the lock of the schema (see O(run)), C(said) in words, or null. C(run),
          C(host), C(since) and C(idle) are null where the account may not see them.
      type: dict
      sample:
        run: 20260130_081500_3f2a
        host: app1
        since: "2026-01-30T08:15:02Z"
        idle: 30
        connection: 42
        said: run 20260130_081500_3f2a on host app1, since 2026-01-30 08:15:02 UTC
    last_error:
      description: The last error of a migration in the application's log files, or else the last
        SQLSTATE error in them; null if there is none. C(message) is whole, with its SQL. C(place)
        is the file and line of a migration whose own code failed, null for the server's errors.
        C(at) is its time in seconds since 1970.
      type: dict
      sample:
        {
          time: "2026-01-30 10:11:12",
          message: "SQLSTATE[HY000]: General error: 1005 ... (SQL: alter table ...)",
          migration: 2026_01_25_000000_total_refactor_skp_system,
          place: null,
          at: 1769767872.0,
        }
    checklist:
      description: "With O(checklist=true): C(about) as C(artisan about --json) gives it (null
        before Laravel 9.21), C(routes) (methods, uri, name) that match O(route_pattern),
        C(route_pattern), C(routes_total), and C(migration_status_ok), whether
        C(artisan migrate:status) succeeds. Else null."
      type: dict
    python:
      description: C(version) of the target's Python and of its C(pymysql), null where that is
        missing.
      type: dict
      sample: {version: 3.11.2, pymysql: 1.1.1}
schema:
  description: What M(fk_constraint_info) returns.
  returned: with O(inspect), or with O(inspect_whole) where the application reaches its database
  type: dict
"""

import itertools
import os
import platform

from ansible.module_utils.fix_fk.laravel.artisan import is_busy
from ansible.module_utils.fix_fk.laravel.log import at, last_error
from ansible.module_utils.fix_fk.laravel.maintenance import maintenance_state
from ansible.module_utils.fix_fk.laravel.others import describe_others
from ansible.module_utils.fix_fk.laravel.probe import PROBE_TIMEOUT, passwords, probe
from ansible.module_utils.fix_fk.laravel.records import split_migrations
from ansible.module_utils.fix_fk.laravel.schema_dump import dumped_tables
from ansible.module_utils.fix_fk.laravel.secrets import hider
from ansible.module_utils.fix_fk.refusal import refuse
from ansible.module_utils.fix_fk.schema.inspect import (
    INSPECT_SPEC,
    inspect,
    inspect_if_small,
)
from ansible.module_utils.fix_fk.server.connection import (
    application_environment,
    connected_module,
    find_another_run,
    take_password,
)

NOT_SHOWN = "(not shown)"

# What server/connection.py calls it: what Laravel's configuration calls it.
CONFIGURATION_KEYS = {"socket": "unix_socket", "tls": "options"}


def main():
    module = connected_module(
        {
            "statements": {"type": "str", "choices": ["all", "pending", "none"], "default": "all"},
            "checklist": {"type": "bool", "default": False},
            "route_pattern": {"type": "str", "default": ""},
            "timeout": {"type": "int", "default": PROBE_TIMEOUT},
            "inspect": {"type": "dict", "options": INSPECT_SPEC},
            "inspect_whole": {"type": "int", "default": 0},
        },
        needs_application=True,
        supports_check_mode=True,
    )
    given = module.params
    take_password(module)
    if given["timeout"] < 1:
        refuse(
            module,
            "timeout is less than a second.",
            "Give a longer one",
            "Nothing was asked or changed.",
        )
    # Before anything else: it may end while the rest is asked.
    busy = is_busy(given["laravel_path"])
    where = (given["laravel_path"], given["laravel_php"])
    questions = {"database": True, "checklist": given["checklist"]}
    questions["runs"] = given["checklist"] or given["statements"] != "none"
    if given["statements"] != "none":
        questions.update(statements=given["statements"], models=True)
    facts = probe(
        module,
        *where,
        application_environment(module),
        given["database_connection"],
        timeout=given["timeout"],
        **questions,
    )
    differences = []
    if facts["cached"]:
        # Laravel takes an absolute path from this variable as it is.
        nowhere = os.path.join(facts["storage"], "framework", "fix_fk_no_cached_configuration.php")
        dotenv = probe(
            module,
            *where,
            dict(application_environment(module), APP_CONFIG_CACHE=nowhere),
            given["database_connection"],
            timeout=given["timeout"],
            ends=False,
        )
        differences = differ(facts, dotenv)
    hide = hider(module, given["laravel_path"], application_environment(module), *passwords(facts))
    result = {"laravel": present(facts, differences, busy, given, hide)}
    result["laravel"]["connections"] = describe_others(
        module, facts, result["laravel"], hide, can_inspect(result["laravel"])
    )
    if can_inspect(result["laravel"]):
        result["laravel"]["another_run"] = find_another_run(module)
    if given["inspect"]:
        result["schema"] = inspect(module, given["inspect"])
    elif given["inspect_whole"] and can_inspect(result["laravel"]):
        result["schema"] = inspect_if_small(module, given["inspect_whole"])
    module.exit_json(changed=False, **result)


def present(facts, differences, busy, given, hide):
    """Return `laravel` as documented. What PHP said has no secrets any more."""
    database = facts["database"]
    found = last_error(facts["logs"])
    dump = facts["schema_dump"]
    if found:
        found["message"] = hide(found["message"], parsed=True)
        found["at"] = at(found["time"], facts["utc_offset"])
    return {
        "path": given["laravel_path"],
        "php": facts["php"],
        "version": facts["version"],
        "environment": facts["environment"],
        "boot_error": facts["boot_error"],
        "connection": {
            **{name: value for name, value in facts["connection"].items() if name != "password"},
            "session": database.get("session"),
        },
        "configuration": {"cached": facts["cached"], "differences": differences},
        "database_error": database["error"],
        "migrations_table": facts["connection"]["prefix"] + facts["migrations_table"],
        "migrations_table_exists": database["exists"],
        "migrations": dict(
            split_migrations(facts["files"], database, facts["runs"]),
            should_run=facts["runs"],
            files=[
                {"name": name, "path": path, "changed": changed_at(path)}
                for name, path in facts["files"].items()
            ],
        ),
        "isolated": facts["isolated"],
        "loading": facts["loading"],
        "twins": facts["twins"] or {"files": [], "classes": []},
        "schema_dump": dump and {"path": dump, "tables": dumped_tables(dump)},
        "statements": statements_by_migration(facts["statements"]),
        "destructive_commands_prohibited": facts["destructive_commands_prohibited"],
        "seeder": facts["seeder"],
        "model_tables": {
            facts["connection"]["prefix"] + name: file
            for name, file in (facts["models"] or {}).items()
        },
        "busy": busy,
        "another_run": None,
        "maintenance": maintenance_state(facts, facts["maintenance"]["down"]),
        "last_error": found,
        "checklist": checklist(facts["checklist"], given["route_pattern"]),
        "python": {"version": platform.python_version(), "pymysql": pymysql_version()},
    }


def changed_at(path):
    """Return when a file was last changed, in seconds since 1970; None when it cannot be told."""
    try:
        return os.stat(path).st_mtime
    except OSError:
        return None


def can_inspect(laravel):
    """Whether the server could be asked by the application, and can be by this module."""
    return (
        laravel["database_error"] is None
        and laravel["connection"]["driver"] in ("mysql", "mariadb")
        and laravel["python"]["pymysql"]
    )


def statements_by_migration(answers):
    """Return `statements` as documented from probe()'s {(migration, direction): answer}."""
    result: dict = {}
    for (name, direction), answer in answers.items():
        conditional = list(answer["conditional"])
        sent = [*answer["queries"], *itertools.chain.from_iterable(answer["elsewhere"].values())]
        asked = [sql for sql in sent if first_word(sql) in ("select", "show", "with")]
        conditional += [f"{direction}() asks the database: {sql}" for sql in asked]
        entry = result.setdefault(name, {})
        entry[direction] = answer["queries"]
        entry[f"{direction}_elsewhere"] = dict(answer["elsewhere"])
        entry[f"{direction}_error"] = answer["error"]
        entry[f"{direction}_conditional"] = conditional
        if direction == "down":
            entry["down_exists"] = bool(answer["exists"])
        entry["source_strings"] = entry.get("source_strings") or answer["strings"]
        entry[f"{direction}_drops"] = answer["drops"]
        entry[f"{direction}_renames"] = answer["renames"]
        entry[f"{direction}_writes"] = answer["writes"]
        for part in ("counts", "varies", "outside"):
            entry[part] = answer[part]
        entry[f"{direction}_names"] = answer["names"]
        entry[f"{direction}_calls"] = answer["calls"]
        entry["connection"] = entry.get("connection") or answer["connection"]
        known = entry.get("other_connections", ())
        entry["other_connections"] = sorted({*known, *answer["other_connections"]})
    return result


def first_word(sql):
    """Return the first word of a statement in lower case: "(select 1)" -> "select"."""
    words = sql.lstrip(" \t\r\n(").split(None, 1)
    return words[0].lower() if words else ""


def differ(cached, dotenv):
    """Return [{key, cached, dotenv}] of two answers of probe(); a password is never shown."""
    if "refused" in dotenv:
        return [{"key": "application", "cached": "starts", "dotenv": dotenv["refused"]}]
    pairs = [
        ("app.env", cached["environment"], dotenv["environment"]),
        ("database.default", cached["default"], dotenv["default"]),
        ("database.migrations", cached["migrations_table"], dotenv["migrations_table"]),
    ]
    prefix = f"database.connections.{cached['connection']['name']}"
    for name, value in cached["connection"].items():
        if name != "name":
            key = CONFIGURATION_KEYS.get(name, name)
            pairs.append((f"{prefix}.{key}", value, dotenv["connection"].get(name)))
    return [
        {"key": key, "cached": NOT_SHOWN, "dotenv": NOT_SHOWN}
        if key.endswith(".password")
        else {"key": key, "cached": one, "dotenv": other}
        for key, one, other in pairs
        if one != other
    ]


def checklist(answer, pattern):
    """Return `checklist` as documented, or None when it was not asked for."""
    if not answer:
        return None
    routes = answer["routes"]
    return dict(
        answer,
        routes=[
            route for route in routes if pattern in route["uri"] or pattern in (route["name"] or "")
        ],
        route_pattern=pattern,
        routes_total=len(routes),
    )


def pymysql_version():
    """Return the version of the target's PyMySQL, or None."""
    try:
        import pymysql
    except ImportError:
        return None
    # __version__ is the mysqlclient that it claims to be compatible with.
    return pymysql.VERSION_STRING


if __name__ == "__main__":
    main()
