# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read from an application's answers, output and log, without an application."""

import html
import json
import os
import shlex
import time
import urllib.parse

import laravel_info
import pytest
from ansible.module_utils.fix_fk.laravel import log as logs
from ansible.module_utils.fix_fk.laravel import secrets
from ansible.module_utils.fix_fk.laravel.artisan import hide_rows, told_error, without_trace
from ansible.module_utils.fix_fk.laravel.log import find_error, last_error
from ansible.module_utils.fix_fk.laravel.maintenance import (
    MARKER,
    maintenance_state,
    remove_marker,
    write_marker,
)
from ansible.module_utils.fix_fk.laravel.migrate import Migrate
from ansible.module_utils.fix_fk.laravel.php import EXCERPT
from ansible.module_utils.fix_fk.laravel.records import ROLLBACK_BATCH, split_migrations

FAILED = "2026_01_25_000000_total_refactor_skp_system"
SQL = 'alter table `t` add constraint `fk` foreign key (`a"b`) references `u` (`id`)'
MESSAGE = (
    "SQLSTATE[HY000]: General error: 1005 Can't create table `s`.`t` (errno: 121 "
    f'"Duplicate key on write or update") (SQL: {SQL})'
)


def escaped(text):
    """The text as LineFormatter has it inside the context: JSON, but line ends are line ends."""
    return json.dumps(text, ensure_ascii=False)[1:-1].replace("\\n", "\n")


def entry(message, *exceptions, when="2026-01-30 10:11:12", frames=(), before=""):
    """One log entry: the message, and exceptions [(class, message)], the outermost first."""
    parts = []
    for name, text in exceptions:
        shown = [f"#{number} {frame}" for number, frame in enumerate([*frames, "{main}"])]
        parts.append(
            escaped(f"[object] ({name}(code: HY000): {text} at /app/vendor/x/Connection.php:712)")
            + "\n[stacktrace]\n"
            + "\n".join(shown)
            + "\n"
        )
    context = "\n[previous exception] ".join(parts)
    tail = f' {{{before}"exception":"{context}"}} \n' if parts else "\n"
    return f"[{when}] production.ERROR: {message}{tail}"


def frame(name, folder="/app/database/migrations"):
    return f"{folder}/{name}.php(23): Illuminate\\\\Support\\\\Facades\\\\Facade::__callStatic()"


QUERY = "Illuminate\\Database\\QueryException"


def test_error_of_a_migration_is_found_whole():
    log = entry(
        MESSAGE,
        (QUERY, MESSAGE),
        ("PDOException", MESSAGE.partition(" (SQL")[0]),
        frames=["/app/vendor/x/Connection.php(672): runQueryCallback()", frame(FAILED)],
        before='"userId":1,',
    )
    assert find_error(log) == {
        "time": "2026-01-30 10:11:12",
        "message": MESSAGE,
        "migration": FAILED,
        "place": None,
    }


def test_message_with_several_lines_and_braces():
    message = MESSAGE.replace("alter table", 'alter\n  {"a"} table')
    log = entry(message, (QUERY, message), frames=[frame(FAILED)])
    assert find_error(log)["message"] == message


def test_migration_error_wins_over_a_later_one_of_the_application():
    log = entry(MESSAGE, (QUERY, MESSAGE), frames=[frame(FAILED)]) + entry(
        "SQLSTATE[42S02]: no such table",
        (QUERY, "SQLSTATE[42S02]: no such table"),
        when="2026-02-01 0",
    )
    assert find_error(log)["migration"] == FAILED


def test_last_of_several_migration_errors_wins():
    log = "".join(
        entry(MESSAGE, (QUERY, MESSAGE), when=f"2026-01-0{day} 10:00:00", frames=[frame(name)])
        for day, name in ((1, "2026_a"), (2, "2026_b"))
    ) + entry("nothing of interest")
    found = find_error(log)
    assert (found["time"], found["migration"]) == ("2026-01-02 10:00:00", "2026_b")


def test_error_without_migration_is_better_than_none():
    assert find_error(entry(MESSAGE, (QUERY, MESSAGE)))["migration"] is None
    assert find_error(entry(f"migrating: {MESSAGE}"))["message"] == f"migrating: {MESSAGE}"


def test_wrapped_error_is_found_in_the_previous_exceptions():
    log = entry(
        "The release failed",
        ("App\\ReleaseFailed", "The release failed"),
        (QUERY, MESSAGE),
        ("PDOException", MESSAGE.partition(" (SQL")[0]),
        frames=[frame(FAILED)],
    )
    assert find_error(log)["message"] == MESSAGE


def test_newer_time_and_message_formats():
    message = MESSAGE.replace("(SQL:", "(Connection: mysql, SQL:")
    when = "2026-01-30T10:11:12.123456+00:00"
    log = entry(message, (QUERY, message), when=when, frames=[frame(FAILED)])
    assert find_error(log)["time"] == when
    assert find_error(log)["message"] == message


def test_entry_cut_off_at_its_beginning_is_not_read():
    log = entry(MESSAGE, (QUERY, MESSAGE), frames=[frame(FAILED)])
    assert find_error(log[30:]) is None
    assert find_error("") is None


def test_newest_log_first_and_only_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr(logs, "LOG_TAIL", 2000)
    old, new = tmp_path / "laravel-2026-01-01.log", tmp_path / "laravel-2026-01-02.log"
    old.write_text(entry(MESSAGE, (QUERY, MESSAGE), frames=[frame("2026_old")]))
    new.write_text(
        entry(MESSAGE, (QUERY, MESSAGE), frames=[frame("2026_far")])
        + "x" * 3000
        + "\n"
        + entry(MESSAGE, (QUERY, MESSAGE), frames=[frame("2026_new")])
    )
    os.utime(old, (1, 1))
    paths = [str(old), str(tmp_path / "missing.log"), str(new)]
    assert last_error(paths)["migration"] == "2026_new"
    assert last_error([str(old)])["migration"] == "2026_old"
    assert last_error([]) is None


def test_one_json_object_a_line():
    previous = {"class": QUERY, "message": MESSAGE, "file": "/app/Connection.php:672"}
    wrapped = {"class": "App\\Failed", "message": "no", "previous": previous}
    lines = [
        {"message": MESSAGE, "level_name": "ERROR", "datetime": "2026-01-29T10:11:12+00:00"},
        {"message": "no", "context": {"exception": wrapped}, "level_name": "ERROR",
         "datetime": "2026-01-30T10:11:12.5+02:00"},
        {"message": "on null", "context": {"exception": {"message": "on null",
         "file": f"/app/database/migrations/{FAILED}.php:7"}}, "level": "ERROR",
         "@timestamp": "2026-01-31T10:11:12+00:00"},
    ]  # fmt: skip
    text = "\n".join(["not JSON", "{cut off", '["a list"]', *map(json.dumps, lines)])
    assert [
        (e["time"][:10], e["message"] == MESSAGE, e["place"]) for e in logs.find_errors(text)
    ] == [
        ("2026-01-31", False, f"{FAILED}.php, line 7"),
        ("2026-01-30", True, None),
        ("2026-01-29", True, None),
    ]


@pytest.mark.parametrize(
    "time, seconds",
    [
        ("2026-01-30 10:11:12", 1769767872 - 25200),
        ("2026-01-30T10:11:12.500000+00:00", 1769767872.5),
        ("2026-01-30T10:11:12Z", 1769767872),
        ("yesterday", None),
    ],
)
def test_the_time_of_an_entry(time, seconds):
    assert logs.at(time, 7 * 3600) == seconds


PASSWORDS = ["it's", 'a"b $c', "back\\slash#", "%41&<é>", "p@ss:w/ord;", "plainword"]


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize(
    "form",
    [
        str,
        shlex.quote,
        urllib.parse.quote,
        urllib.parse.quote_plus,
        lambda text: urllib.parse.quote(text, safe="").lower(),
        html.escape,
        json.dumps,
        lambda text: json.dumps(text, ensure_ascii=False).replace("/", "\\/"),
        lambda text: text.replace("\\", "\\\\").replace("'", "\\'").replace('"', '\\"'),
        lambda text: "".join("\\" + character for character in text),
        lambda text: text.replace("'", "'\\''"),
    ],
)
def test_password_is_taken_out_in_every_form(password, form):
    given = f"connect --password={form(password)} --host=h"
    shown = secrets.redact(given, password)
    assert form(password) not in shown
    assert shown.startswith("connect --password=") and shown.endswith(" --host=h")
    assert "***" in shown


def test_short_password_does_not_damage_words():
    assert secrets.redact("table users, mysql://u:us@h", "us") == "table users, mysql://u:***@h"
    assert secrets.redact("nothing", "") == "nothing"
    assert secrets.redact(None, "x") is None


@pytest.mark.parametrize(
    ("stdout", "stderr", "expected"),
    [
        ("Migrating: x\n", "\nIn Connection.php line 712:\n\n  " + MESSAGE + "  \n\n\n", MESSAGE),
        ("Migrating: x\n", "\nIn A.php line 7:\n\n  It broke  \n\n  more\n", "It broke"),
        ("one\n  The last  \n", "", "The last"),
        ("", "", "nothing"),
    ],
)
def test_told_error_is_one_line(stdout, stderr, expected):
    assert told_error({"stdout": stdout, "stderr": stderr}) == expected


def test_told_error_is_bounded():
    told = told_error({"stdout": "", "stderr": "SQLSTATE[" + "x" * 5000})
    assert len(told) == EXCERPT + 3


def test_record_of_an_interrupted_rollback_counts_as_pending():
    rows = [
        {"name": "a", "batch": 1},
        {"name": "gone", "batch": 2},
        {"name": "b", "batch": ROLLBACK_BATCH},
    ]
    files = {"a": "/a.php", "b": "/b.php", "c": "/c.php"}
    assert split_migrations(files, {"recorded": rows}) == {
        "recorded": rows[:2],
        "pending": ["b", "c"],
        "missing": ["gone"],
        "to_roll_back": ["b"],
        "skipped": [],
    }
    passed = split_migrations(files, {"recorded": rows}, {"a": False, "b": None, "c": False})
    assert (passed["pending"], passed["skipped"]) == (["b"], ["c"])
    assert split_migrations(files, {"recorded": None})["pending"] is None


@pytest.fixture
def facts(tmp_path):
    (tmp_path / "framework").mkdir()
    return {
        "storage": str(tmp_path),
        "maintenance": {"file": str(tmp_path / "framework" / "down"), "down": False},
    }


def go_down(facts):
    with open(facts["maintenance"]["file"], "w", encoding="utf-8") as file:
        file.write("{}")


NOT_OURS = {
    "down": True,
    "by_this_tool": False,
    "run_id": None,
    "migration": None,
    "baseline": None,
    "marks": None,
    "structure": None,
    "expected": None,
    "since": None,
    "lifted": None,
}
SINCE = 1769760900.25
LIFTED = {"run_id": "r1", "migration": FAILED, "carried": []}
OURS = dict(NOT_OURS, by_this_tool=True, run_id="r1", migration=FAILED, since=SINCE)


def test_marker_says_who_took_the_application_down(facts):
    go_down(facts)
    write_marker(facts, "r1", FAILED, entered=SINCE)
    assert maintenance_state(facts, True) == OURS
    assert maintenance_state(facts, False) == dict(NOT_OURS, down=False, lifted=LIFTED)
    remove_marker(facts)
    remove_marker(facts)
    assert maintenance_state(facts, True) == NOT_OURS


def test_marker_of_a_run_on_an_application_that_was_down_already(facts):
    go_down(facts)
    baseline = {"users": {"rows": 1, "digest": "0f", "columns": ["id"]}}
    noted = {"baseline": baseline, "structure": {"users": "{}"}, "expected": {"names": {}}}
    write_marker(facts, "r1", FAILED, took_down=False, **noted)
    assert maintenance_state(facts, True) == dict(OURS, by_this_tool=False, since=None, **noted)


def test_marker_of_an_earlier_version_says_since_when_as_well_as_it_can(facts):
    go_down(facts)
    write_marker(facts, "r1", FAILED)
    down = os.stat(facts["maintenance"]["file"]).st_mtime
    assert maintenance_state(facts, True)["since"] == pytest.approx(down, abs=0.01)


def test_marker_of_an_earlier_maintenance_period_does_not_count(facts):
    go_down(facts)
    write_marker(facts, "r1", FAILED, entered=SINCE)
    os.unlink(facts["maintenance"]["file"])
    time.sleep(0.02)
    go_down(facts)
    assert maintenance_state(facts, True) == dict(NOT_OURS, lifted=LIFTED)


def test_marker_of_a_run_interrupted_while_it_went_down_counts(facts):
    write_marker(facts, "r1", FAILED, entered=SINCE)
    time.sleep(0.02)
    go_down(facts)
    assert maintenance_state(facts, True) == OURS


@pytest.mark.parametrize("content", ["", "[]", "null", "{}", '{"run_id": 1, "since": "x"}'])
def test_damaged_marker_is_nobodys(facts, content):
    go_down(facts)
    with open(os.path.join(facts["storage"], MARKER), "w", encoding="utf-8") as file:
        file.write(content)
    assert maintenance_state(facts, True) == NOT_OURS


def answer(**values):
    return dict(
        {
            "exists": True,
            "queries": [],
            "error": None,
            "conditional": [],
            "strings": [],
            "other_connections": [],
            "elsewhere": {},
            "connection": None,
            "drops": [],
            "renames": [],
            "writes": [],
            "counts": [],
            "varies": [],
            "outside": [],
            "names": [],
            "calls": [],
        },
        **values,
    )


def test_questions_to_the_database_make_a_list_conditional():
    result = laravel_info.statements_by_migration(
        {
            ("m", "up"): answer(
                queries=["drop table `a`", "(SELECT 1)"],
                strings=["a"],
                other_connections=["billing"],
            ),
            ("m", "down"): answer(exists=False, error="with secret1 in it"),
        },
    )
    assert result["m"] == {
        "up": ["drop table `a`", "(SELECT 1)"],
        "up_elsewhere": {},
        "down_elsewhere": {},
        "up_error": None,
        "up_conditional": ["up() asks the database: (SELECT 1)"],
        "down": [],
        "down_error": "with secret1 in it",
        "down_conditional": [],
        "down_exists": False,
        "source_strings": ["a"],
        "other_connections": ["billing"],
        "connection": None,
        "up_drops": [],
        "down_drops": [],
        "up_renames": [],
        "down_renames": [],
        "up_writes": [],
        "down_writes": [],
        "counts": [],
        "varies": [],
        "outside": [],
        "up_names": [],
        "down_names": [],
        "up_calls": [],
        "down_calls": [],
    }


def test_differences_never_show_a_password():
    connection = {"name": "mysql", "host": "a", "socket": None, "password": "one"}
    cached = {
        "environment": "production",
        "default": "mysql",
        "migrations_table": "migrations",
        "connection": connection,
    }
    dotenv = dict(cached, connection=dict(connection, socket="/s", password="two"))
    assert laravel_info.differ(cached, dotenv) == [
        {"key": "database.connections.mysql.unix_socket", "cached": None, "dotenv": "/s"},
        {
            "key": "database.connections.mysql.password",
            "cached": "(not shown)",
            "dotenv": "(not shown)",
        },
    ]
    assert laravel_info.differ(cached, {"refused": "It does not start."})[0]["dotenv"] == (
        "It does not start."
    )


def test_checklist_keeps_the_routes_that_match():
    routes = [
        {"methods": ["GET"], "uri": "api/skp", "name": None},
        {"methods": ["GET"], "uri": "x", "name": "skp.index"},
        {"methods": ["GET"], "uri": "y", "name": "other"},
    ]
    found = laravel_info.checklist({"about": None, "routes": routes}, "skp")
    assert [route["uri"] for route in found["routes"]] == ["api/skp", "x"]
    assert found["routes_total"] == 3
    assert laravel_info.checklist(None, "") is None


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], ["a", "b"]),
        (["--path=database/migrations"], ["a"]),
        (["--path", "modules/b.php"], ["b"]),
        (["--path=/app/modules", "--realpath"], ["b"]),
        (["--path=/app/modules"], []),
    ],
)
def test_paths_narrow_what_must_be_recorded(arguments, expected):
    task = Migrate.__new__(Migrate)
    task.given = {"arguments": arguments, "laravel_path": "/app"}
    task.facts = {"files": {"a": "/app/database/migrations/a.php", "b": "/app/modules/b.php"}}
    assert task.in_paths(["a", "b"]) == expected


def test_values_of_rows_are_not_in_what_is_shown_of_artisan():
    duplicate = (
        "SQLSTATE[23000]: 1062 Duplicate entry (SQL: insert into `users` (`email`) "
        "values (siti@example.id))\nnext line\n"
    )
    shown = hide_rows(duplicate)
    assert shown == (
        "SQLSTATE[23000]: 1062 Duplicate entry (SQL: insert into `users` ...)\nnext line\n"
    )
    kept = "1005 (Connection: mysql, SQL: alter table `a` add constraint `b` foreign key (`c`))\n"
    assert hide_rows(kept) == kept


def test_a_log_on_the_screen_is_told_without_its_stack_trace():
    log = (
        "[2026-11-24 07:34:53] production.ERROR: SQLSTATE[23000]: no (SQL: DELETE FROM a ...)"
        ' {"exception":"[object] (Illuminate\\QueryException(code: 23000): SQLSTATE at /a.php:7)\n'
        "[stacktrace]\n#0 /a.php(672): Illuminate->run()\n#31 {main}\n\n"
        "[previous exception] [object] (PDOException(code: 23000): at /a.php:5)\n[stacktrace]\n"
        '#0 /a.php(5): PDO->execute()\n"} \n'
    )
    text = without_trace(log + "#hashtag stays\n")
    assert text == (
        "[2026-11-24 07:34:53] production.ERROR: SQLSTATE[23000]: no (SQL: DELETE FROM a ...)\n"
        "\n#hashtag stays\n"
    )
    assert told_error({"stderr": text, "stdout": ""}) == (
        "SQLSTATE[23000]: no (SQL: DELETE FROM a ...)"
    )
