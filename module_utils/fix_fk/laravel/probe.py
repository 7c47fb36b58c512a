# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that knows how to ask a Laravel application.

    facts = application(module, path, php, env, connection_name)   # one PHP start, remembered
    facts = probe(module, path, php, env, connection_name, statements="pending", ...)

The questions are put to the application's own classes by probe.php, which is fed to `php` on
standard input (nothing is written to the target) and answers in JSON lines on a descriptor of its
own, so nothing that the application prints can spoil an answer and whatever was answered before
PHP died is kept.

Ansible sends only Python along with a module. So the program comes with the task, as
`laravel_probe`, unless it lies beside this file.
"""

from __future__ import annotations

import base64
import json
import os
import tempfile
import weakref

from ansible.module_utils.fix_fk.laravel.php import excerpt, run_php
from ansible.module_utils.fix_fk.laravel.records import ROLLBACK_BATCH, split_migrations
from ansible.module_utils.fix_fk.laravel.secrets import hider
from ansible.module_utils.fix_fk.refusal import paragraph, refuse

# Seconds.
PROBE_TIMEOUT = 120
MIGRATION_TIMEOUT = 15

# How often PHP is started again after a migration ended it.
MAX_STARTS = 12

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "probe.php")


def resolve_connection(module, path, php, env, connection_name=None):
    """Return how the application itself would connect, without connecting.

    {name, driver, host, port (int or None), socket, database, username, password, prefix, charset,
    collation, strict, modes, tls: {ca, cert, key, verify} or None}; what is not configured is None.
    Of a read and write split it is the write side. Ends the module with a paragraph when the
    application cannot say.
    """
    return application(module, path, php, env, connection_name)["connection"]


# By module run, {what probe() was called with: facts}.
_known: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def application(module, path, php, env, connection_name=None):
    """Return probe()'s facts without any questions, asking PHP only once per module run."""
    known = _known.get(module, {})
    key = (path, php, json.dumps(env or {}, sort_keys=True), connection_name)
    return known.get(key) or probe(module, path, php, env, connection_name)


def probe(
    module, path, php, env, connection_name=None, timeout=PROBE_TIMEOUT, ends=True, **questions
):
    """Start PHP, put questions to the application, and return the answers.

    questions: database=True, checklist=True, models=True, runs=True, statements="all", "pending"
    (with database=True) or [migration names], sent={schema, migrations}: those run for real, in
    order, in the scratch schema to which this connection leads, to the first that fails.
    Always answered: version, environment, php {binary, version}, default (connection name),
    connection (see resolve_connection), others {name: the same of another connection, without its
    password; of no MySQL or MariaDB only name, driver and database}, ways (every {host, port,
    socket, database, username, password} that the connection may come to use, to read or to
    write), migrations_table (without
    prefix), files {name: path}, twins {files: [{name, paths, alike}] of one name in two folders,
    classes: [{class, migrations}] that two files declare}, schema_dump (path or None),
    destructive_commands_prohibited, seeder (class or None), cached, storage (path),
    maintenance {file: path or None, down: bool or None, error}, logs [paths],
    boot_error (str or None).
    Asked for: database {error, exists, recorded}, checklist,
    models {table without prefix: file that names it}, loading (with statements of all or of the
    pending: what ends `artisan migrate` as it takes their files, {migration, part: "all" where it
    is before any runs, "turn" where it is in its turn, file, line or None, error}, or None),
    runs {migration with a shouldRun() of its own: what it says, None where it asks the database},
    isolated (with runs: whether somebody has the lock of `migrate --isolated`; None: not known),
    statements {(migration, "up" or "down"):
    {exists, queries (on the application's own schema), elsewhere {connection: queries}, error,
    conditional, strings, other_connections: [other connections it opened],
    connection: the one it names as its own or None, drops: [tables its source drops or empties],
    renames: [[old, new] of each table its source renames], writes: [tables whose rows it writes],
    names: [connections that its source names], counts: [where it may decide by how many rows were
    changed], varies: [where by the time, a file or the environment], outside: [what it names that
    reaches out of the database], calls: [what it calls that may do something else than send
    statements]}},
    sent {migration: {statements: [{sql, done}], error, line: of its file where that was, or None,
    unseen: how many statements that write were sent past Laravel, stopped: why it was not let go
    on, or None}}.

    A migration that ends PHP is noted as failed and PHP started again for the rest. Ends the
    module with a paragraph when the application does not start or its connection cannot be
    resolved; with ends=False such an answer is returned as {"refused": paragraph}.
    """
    names = questions.pop("statements", None)
    statements: dict = {}
    skip: list = []
    # Of named migrations alone it tells nothing.
    questions["loading"] = isinstance(names, str)
    facts: dict = {}
    for _start in range(MAX_STARTS):
        answers = _ask(
            module,
            path,
            php,
            env,
            dict(questions, connection=connection_name, statements=names, skip=skip),
            timeout,
        )
        facts = facts or answers
        facts["runs"] = facts["runs"] or answers["runs"]
        facts["isolated"] = facts["isolated"] or answers["isolated"]
        statements.update(answers["statements"])
        begun, later = answers["begun"], answers["later"]
        in_runs = begun and begun[1] == "runs"
        whole = not begun or ((answers["done"] or in_runs) and not later)
        if whole or "sent" in questions:
            break
        skip = [":".join(key) for key in statements]
        # What was asked beside the statements is known after the first start.
        asks = questions.get("runs") and facts["runs"] is None and not in_runs
        questions = {"loading": False, "runs": asks}
        if answers["later"]:
            names = answers["later"]
        elif names == "pending":
            names = split_migrations(facts["application"]["files"], facts["database"])["pending"]
    if facts["application"] and not answers["done"]:
        for name in facts["application"]["files"] if names == "all" else names or ():
            for direction in ("up", "down"):
                statements.setdefault(
                    (name, direction), _unread(direction, "migrations ended PHP too often", [])
                )
    problem = _problem(path, facts)
    if problem and ends:
        refuse(module, *problem)
    if problem:
        return {"refused": paragraph(*problem)}
    result = dict(
        facts["application"],
        boot_error=facts["boot_error"],
        database=facts["database"],
        checklist=facts["checklist"],
        loading=facts["loading"],
        runs=facts["runs"] or {},
        isolated=facts["isolated"],
        models=facts["models"],
        statements=statements,
        sent=facts["sent"],
    )
    key = (path, php, json.dumps(env or {}, sort_keys=True), connection_name)
    _known.setdefault(module, {})[key] = result
    return result


def program(module):
    """Return the text of probe.php; end the module where it did not come along."""
    try:
        with open(PROGRAM, encoding="utf-8") as file:
            return file.read()
    except OSError:
        sent = module.params.get("laravel_probe")
    if not sent:
        refuse(
            module,
            "The program that asks the application did not come with the task.",
            "Run the playbooks of this project, which bring it along, or give "
            "laravel_probe: \"{{ lookup('laravel_probe') }}\"",
        )
    return sent


def _ask(module, path, php, env, request, timeout):
    """Start PHP once and return its answers by key; what it did not come to is None."""
    answers: dict = dict.fromkeys(
        (
            "application",
            "database",
            "checklist",
            "models",
            "loading",
            "runs",
            "isolated",
            "later",
            "boot_error",
            "refused",
            "ended",
            "done",
            "begun",
        )
    )
    answers["statements"], answers["sent"] = {}, {}
    with tempfile.TemporaryFile() as answer:
        request = dict(
            request,
            descriptor=answer.fileno(),
            seconds=MIGRATION_TIMEOUT,
            rollback_batch=ROLLBACK_BATCH,
        )
        encoded = base64.b64encode(json.dumps(request).encode()).decode()
        result = run_php(
            module,
            path,
            php,
            env,
            # A trace would show the beginning of a password that is an argument.
            [
                *("-d", "display_errors=stderr", "-d", "log_errors=0"),
                *("-d", "zend.exception_ignore_args=1"),
            ],
            timeout,
            source=program(module).replace("@REQUEST@", encoded),
            descriptors=(answer.fileno(),),
        )
        answer.seek(0)
        # A line that PHP could not finish says nothing.
        lines = answer.read().decode("utf-8", "replace").split("\n")[:-1]
    answers["result"] = result
    for line in lines:
        ((key, value),) = json.loads(line).items()
        if key == "begin":
            answers["begun"] = tuple(value)
        elif key == "statements":
            answers["statements"][tuple(value[:2])] = value[2]
        elif key == "sent":
            answers["sent"][value[0]] = value[1]
        else:
            answers[key] = value
    begun = answers["begun"]
    if not answers["done"] and begun and begun not in answers["statements"]:
        ended = answers["ended"] or {}
        why = ended.get("error") or (
            f"it did not end within {timeout} s" if result["timed_out"] else "it ended PHP"
        )
        if begun[1] == "sent":
            unknown: dict = {"statements": [], "line": None, "unseen": 0}
            answers["sent"].setdefault(begun[0], {**unknown, "error": why, "stopped": why})
        elif begun[1] in ("up", "down"):
            sent = (ended.get("queries") or [], ended.get("elsewhere") or {})
            answers["statements"][begun] = _unread(begun[1], why, *sent)
        elif begun[1] != "runs":
            path = ((answers["application"] or {}).get("files") or {}).get(begun[0])
            own = path and os.path.realpath(ended.get("file") or "") == os.path.realpath(path)
            answers["loading"] = {
                "migration": begun[0],
                "part": begun[1],
                "file": path,
                "line": ended["line"] if own else None,
                "error": why,
            }
    _hide_secrets(answers, hider(module, path, env, *passwords(answers["application"])))
    return answers


def passwords(facts):
    """Return every password that the application uses, or may come to use, for its database."""
    places = [facts["connection"], *facts["ways"]] if facts else ()
    return {place["password"] for place in places if place.get("password")}


def _hide_secrets(answers, hide):
    """Take secrets out of what PHP, the application and the server said in words."""
    application, database = answers["application"] or {}, answers["database"] or {}
    holders = [
        (answers, "boot_error"),
        (answers["ended"] or {}, "error"),
        (answers["result"], "stdout"),
        (answers["result"], "stderr"),
        (application.get("connection") or {}, "error"),
        (application.get("maintenance") or {}, "error"),
        (database.get("error") or {}, "message"),
        (answers["loading"] or {}, "error"),
        *((answer, "error") for answer in answers["statements"].values()),
        *((answer, "error") for answer in answers["sent"].values()),
    ]
    for holder, name in holders:
        if holder.get(name):
            # PHP ends what it says of an exception that nobody caught with its trace.
            holder[name] = hide(str(holder[name]).partition("\nStack trace:")[0])


def _unread(direction, error, queries, elsewhere=None):
    """Return the answer about a migration that PHP did not get to the end of."""
    return {
        "exists": True,
        "queries": queries,
        "error": error,
        "conditional": [f"{direction}() was not read to its end"],
        "strings": [],
        "other_connections": sorted(elsewhere or ()),
        "elsewhere": elsewhere or {},
        "connection": None,
        "drops": [],
        "renames": [],
        "writes": [],
        "counts": [],
        "varies": [],
        "outside": [],
        "names": [],
        "calls": [],
    }


def _problem(path, facts):
    """Return why the application could not be asked, (found, what is next), or None."""
    result = facts["result"]
    if facts["refused"]:
        return (
            f"The PHP given as laravel_php {facts['refused']}.",
            "Give the path of the command line PHP that the application's artisan is run with",
        )
    if facts["application"] is None:
        why = facts["boot_error"] or (facts["ended"] or {}).get("error")
        if not why and result["timed_out"]:
            why = "it did not end in time"
        why = why or excerpt(result["stderr"] or result["stdout"]) or "PHP said nothing"
        return (
            f"The Laravel application in {path} does not start: {why}.",
            "See what `php artisan --version` says there, as the same user",
        )
    error = facts["application"]["connection"].get("error")
    if error:
        return (
            f"The Laravel application in {path} cannot say how it connects to its database: "
            f"{error}",
            "Compare database_connection and config/database.php",
        )
    return None
