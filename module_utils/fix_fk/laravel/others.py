# SPDX-License-Identifier: GPL-3.0-or-later
"""The other database connections that pending migrations use, and what is in their schemas."""

from __future__ import annotations

import re
from dataclasses import replace

from ansible.module_utils.fix_fk.laravel.probe import resolve_connection
from ansible.module_utils.fix_fk.schema.inspect import CONNECTING, EVERYTHING, describe_schema
from ansible.module_utils.fix_fk.server.connection import (
    application_environment,
    load_pymysql,
    open_connection,
    resolve,
)

# Where a connection leads to: the server, and the schema.
PLACE = ("host", "port", "socket", "database")


def describe_others(module, facts, laravel, hide, reachable):
    """Return {name: what it is, its `schema` or None, and the `reason`} of each connection.

    facts: probe()'s; laravel: what laravel_info returns; reachable: whether the server answers.
    """
    texts: dict = {}
    named = set()
    for name in laravel["migrations"]["pending"] or ():
        known = laravel["statements"].get(name) or {}
        # In a branch that is not shown it may use one that it names.
        if known.get("up_conditional"):
            named |= set(known["up_names"]) & set(facts["others"])
        own = [known["connection"]] if known.get("connection") else []
        for other in (*known.get("other_connections", ()), *own):
            texts.setdefault(other, [])
        for direction in ("up", "down"):
            for other, sent in known.get(f"{direction}_elsewhere", {}).items():
                texts.setdefault(other, []).extend(sent)
    found = {}
    for name, sent in {**dict.fromkeys(sorted(named), ()), **texts}.items():
        about = dict(facts["others"].get(name) or {"name": name, "driver": None, "database": None})
        if all(about.get(part) == facts["connection"][part] for part in PLACE):
            continue
        schema, reason = None, not_read(about, facts["connection"], reachable)
        if not reason:
            schema, reason = read_elsewhere(module, name, about, sent, laravel)
        # One that is only named need not be used: a condition may ask which kind it is.
        if reason and name not in texts:
            continue
        found[name] = dict(about, schema=schema, reason=reason and hide(reason))
    return found


def not_read(about, own, reachable):
    """Return why the schema of another connection is not read, or None."""
    if about["driver"] not in ("mysql", "mariadb"):
        return f"it is {about['driver'] or 'not configured'}"
    if about.get("error"):
        return about["error"]
    if any(about[part] != own[part] for part in PLACE[:3]):
        return f"it is on another server, {about['socket'] or about['host']}"
    return None if reachable else "the server could not be asked"


def read_elsewhere(module, name, about, sent, laravel):
    """Return (what fk_constraint_info says of the schema of another connection, None), or (None,
    why it could not be read)."""
    pymysql = load_pymysql(module)
    parameters = replace(resolve(module, as_application=True), database=about["database"])
    if about["username"] != parameters.user:
        where = (module.params["laravel_path"], module.params["laravel_php"])
        own = resolve_connection(module, *where, application_environment(module), name)
        user, password = own["username"] or "", own["password"] or ""
        parameters = replace(parameters, user=user, password=password)
    hidden = [
        about["prefix"] + text
        for migration in laravel["migrations"]["pending"]
        for text in laravel["statements"].get(migration, {}).get("source_strings", ())
    ]
    words = sorted(
        {word for text in (*sent, *hidden) for word in re.findall(r"[^\s`'\"(),;.=]+", text)}
    )
    asked = dict(EVERYTHING, names=words, tables=words)
    try:
        with open_connection(pymysql, parameters, **CONNECTING) as connection:
            schema = describe_schema(connection, parameters.database, asked, pymysql)
    except (pymysql.MySQLError, OSError, RuntimeError, ValueError) as error:
        return None, f"it cannot be read: {error.args[-1] if error.args else error}"
    if not schema["exists"]:
        return None, f"there is no schema {about['database']}, or the account may not see it"
    return dict(schema, application_account=None), None
