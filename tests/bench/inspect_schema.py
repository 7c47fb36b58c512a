# SPDX-License-Identifier: GPL-3.0-or-later
"""The look at a large schema: time and memory of fk_constraint_info, and how they grow.

    python tests/bench/inspect_schema.py [tables]

Makes a schema of 10,000 tables with two foreign keys each, and one of a tenth of that, in an
embedded server of its own, which takes a few minutes. Then the module runs, asked as the diagnosis
asks it, in a process of its own for each round. Beside it are the questions that one would type
first: one for each table, and one that names no table's schema. Last comes the diagnosis on the
controller.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(PROJECT / "tests"), str(PROJECT / "plugins" / "plugin_utils")]

from fix_fk.engine import diagnose  # noqa: E402
from fix_fk.facts import Laravel, requested  # noqa: E402
from fix_fk.inputs import Inputs  # noqa: E402
from fix_fk.prediction import predict, questions  # noqa: E402
from sandbox import shared  # noqa: E402

ROUNDS = 5
MODULE = """
import contextlib, importlib, io, json, resource, sys, time
sys.path.insert(0, sys.argv[1] + "/library")
import ansible.module_utils
ansible.module_utils.__path__.append(sys.argv[1] + "/module_utils")
from ansible.module_utils.testing import patch_module_args
module = importlib.import_module("fk_constraint_info")
output = io.StringIO()
with patch_module_args(json.loads(sys.argv[2])), contextlib.redirect_stdout(output):
    begun = time.perf_counter()
    with contextlib.suppress(SystemExit):
        module.main()
    seconds = time.perf_counter() - begun
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"seconds": seconds, "memory": memory, "result": json.loads(output.getvalue())}))
"""
PENDING = "2027_01_01_000000_add_keys"
UP = [
    "create table `baru` (`id` bigint unsigned not null primary key, `a` bigint unsigned null)",
    "alter table `baru` add constraint `fk_t00007_a` foreign key (`a`) references `t00007` (`id`)",
    *(
        f"alter table `t{n:05}` add constraint `fk_new_{n}` foreign key (`a`) "
        "references `t00001` (`id`)"
        for n in range(10, 30)
    ),
]
LARAVEL = {
    "php": {"binary": "php"},
    "migrations": {"recorded": [], "pending": [PENDING]},
    "statements": {PENDING: {"up": UP}},
    "maintenance": {},
    "last_error": None,
    "connection": {},
}


def build(cursor, schema, tables):
    """Make `tables` tables, each with a foreign key to the one before and to one far away."""
    cursor.execute(f"CREATE DATABASE {schema}")
    cursor.execute(f"USE {schema}")
    for number in range(tables):
        near, far = max(0, number - 1), number // 2
        cursor.execute(
            f"CREATE TABLE t{number:05} (id BIGINT UNSIGNED NOT NULL PRIMARY KEY,"
            " a BIGINT UNSIGNED, b BIGINT UNSIGNED,"
            f" CONSTRAINT fk_t{number:05}_a FOREIGN KEY (a) REFERENCES t{near:05} (id),"
            f" CONSTRAINT fk_t{number:05}_b FOREIGN KEY (b) REFERENCES t{far:05} (id))"
        )


def look(server, schema, **asked):
    """Run the module; return its seconds, memory in KB, and its facts."""
    arguments = {
        "database_socket": server.socket,
        "database_user": server.user,
        "database_name": schema,
        **asked,
    }
    told = subprocess.run(
        [sys.executable, "-c", MODULE, str(PROJECT), json.dumps(arguments)],
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(told.stdout)


def timed(function, *arguments):
    begun = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - begun


def for_each_table(cursor, schema):
    """Ask for the foreign keys of one table after the other."""
    cursor.execute(f"SHOW TABLES FROM {schema}")
    for (table,) in cursor.fetchall():
        for view in ("KEY_COLUMN_USAGE", "REFERENTIAL_CONSTRAINTS"):
            cursor.execute(
                f"SELECT * FROM information_schema.{view}"
                " WHERE CONSTRAINT_SCHEMA = %s AND TABLE_NAME = %s",
                (schema, table),
            )
            cursor.fetchall()


def joined(cursor, schema):
    """Join both views and filter on the constraint's schema alone."""
    cursor.execute(
        "SELECT k.*, r.UPDATE_RULE, r.DELETE_RULE FROM information_schema.KEY_COLUMN_USAGE k"
        " JOIN information_schema.REFERENTIAL_CONSTRAINTS r"
        " USING (CONSTRAINT_SCHEMA, CONSTRAINT_NAME) WHERE k.CONSTRAINT_SCHEMA = %s",
        (schema,),
    )
    cursor.fetchall()


def judge(schema):
    """Do on the controller what playbooks/diagnose.yml does with the facts."""
    result = diagnose(LARAVEL, schema, Inputs())
    counts = [{"rows": 0, "query": ""} for _ in questions(LARAVEL, schema)]
    return predict(LARAVEL, schema, counts, result)


def main(tables):
    asked = requested(Laravel(LARAVEL), Inputs())
    asked = {"names": list(asked["names"]), "tables": asked["tables"]}
    sizes = {"small": tables // 10, "large": tables}
    with tempfile.TemporaryDirectory(prefix="fix_fk_bench_") as folder:
        server = shared.Server(folder, outlive=False)
        server.start()
        try:
            connection = server.connect()
            cursor = connection.cursor()
            # Files of their own for ten thousand empty tables are what making them waits for.
            cursor.execute("SET GLOBAL innodb_file_per_table = OFF, sync_frm = OFF")
            cursor.execute("SET GLOBAL innodb_flush_log_at_trx_commit = 0")
            for schema, count in sizes.items():
                print(
                    f"{count} tables made in {timed(build, cursor, schema, count):.0f} s",
                    flush=True,
                )
            median, peak = {}, {}
            for schema, count in sizes.items():
                runs = [look(server, schema, **asked) for _ in range(ROUNDS + 1)]
                first, *rest = (run["seconds"] for run in runs)
                median[schema] = statistics.median(rest)
                peak[schema] = max(run["memory"] for run in runs) / 1024
                facts = runs[-1]["result"]["schema"]
                assert facts["holders"]["fk_t00007_a"] == ["t00007"]
                foreseen = judge(facts)
                assert [found["kind"] for found in foreseen["findings"]] == ["name_taken"]
                print(
                    f"{count} tables, {2 * count} constraints: look {median[schema]:.2f} s"
                    f" (the first {first:.2f} s), {peak[schema]:.0f} MB;"
                    f" diagnosis and prediction {timed(judge, facts):.2f} s",
                    flush=True,
                )
            print(
                f"growth for ten times the tables: time x{median['large'] / median['small']:.1f},"
                f" memory x{peak['large'] / peak['small']:.1f}"
            )
            naive = {
                "one question for each table": timed(for_each_table, cursor, "large"),
                # On the small schema: on the large one it does not come to an end.
                "a join on CONSTRAINT_SCHEMA alone": timed(joined, cursor, "small"),
            }
            for (title, seconds), own in zip(naive.items(), (median["large"], median["small"])):
                print(f"{title}: {seconds:.2f} s, {seconds / own:.1f} times the whole look")
            connection.close()
        finally:
            server.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
