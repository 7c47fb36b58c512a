# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands on the operator's screen; no server."""

from __future__ import annotations

import pytest
from fix_fk.screen import layout, report, text

from ansible.module_utils.fix_fk.refusal import typed  # isort: skip

CREATE = "create table `skp tahunan` (" + ", ".join(f"`column_{n}` int" for n in range(40)) + ")"
ADD = (
    "ALTER TABLE `skp  tahunan lama` ADD CONSTRAINT `fk ``odd`` user` FOREIGN KEY (`user id`) "
    "REFERENCES `users of the office` (`id`) ON DELETE CASCADE ON UPDATE CASCADE"
)


def step(id_, do=(), undo=()):
    return {
        "id": id_,
        "title": f"Title of {id_}",
        "reason": "a reason " * 20,
        "do": list(do),
        "undo": list(undo),
        "proof": "the proof",
        "arguments": {},
    }


STEPS = [
    step("backup"),
    step("fk_drop", undo=[ADD]),
    step("remigrate", ["php artisan migrate --force", f"    {CREATE}"]),
    step("verify"),
]
DIAGNOSIS = {
    "verdict": "a_verdict",
    "found": "Found " * 40 + "\x1b[2Jthis\u202e.",
    "names": [
        {"name": "n", "holder": "h", "is": "displaced", "wanted_by": "w", "learned_from": []}
    ],
    "evidence": ["evidence " * 30],
    "notes": ["note " * 30],
    "strategies": [{"strategy": "down", "chosen": True, "reason": "reason " * 30}],
    "refused": False,
    "not_changed": "",
    "next": "",
    "steps": STEPS,
}
REFUSED = {
    **DIAGNOSIS,
    "steps": [],
    "refused": True,
    "not_changed": "Nothing was changed.",
    "next": "Ask somebody.",
}
QUERY = "ALTER TABLE `skp  tahunan lama` DROP FOREIGN KEY `fk ``odd`` user`"
RESULTS = {
    "backup": {
        "changed": True,
        "backup": {"id": "b", "path": "/b", "bytes": 1, "proof_level": "L0", "sha256": "f" * 64},
    },
    "maintenance": {"changed": True},
    "fk_drop": {"changed": True, "queries": [QUERY], "undo": [ADD]},
    "remigrate": {"changed": False, "queries": ["php artisan migrate --force"], "failed": True},
}


def run(diagnosis=DIAGNOSIS, **changes):
    return report.build(
        {
            "host": "app",
            "run_id": "20260101_000000_abcd",
            "check_mode": False,
            "diagnosis": diagnosis,
            "failure": None,
            "results": {},
            "checks": [],
            "command": "fix_fk.yml",
            "inventory": "production",
            "maintenance": {},
            **changes,
        }
    )


FAILED = run(results=RESULTS, failure={"task": "Migrate", "message": "It died " * 40})
SCREENS = [
    text.plan(DIAGNOSIS, "app"),
    text.plan(REFUSED, "app"),
    text.report(run(check_mode=True)),
    text.report(run(REFUSED)),
    text.report({**FAILED, "files": ["/reports/app.html"]}),
]


@pytest.mark.parametrize("screen", SCREENS)
def test_no_line_is_wider_than_the_screen(screen):
    assert max(map(len, screen.splitlines())) <= layout.WIDTH


@pytest.mark.parametrize("screen", SCREENS)
def test_a_name_from_the_database_cannot_steer_the_terminal(screen):
    assert all(character.isprintable() or character == "\n" for character in screen)


def test_control_characters_are_spelled_out():
    assert "\\x1b[2Jthis\\u202e" in text.plan(DIAGNOSIS, "app")


def test_the_plan_has_every_step_with_what_it_does_and_its_undo():
    plan = text.plan(DIAGNOSIS, "app")
    assert plan.startswith(f"{layout.RULE}\nPLAN, 4 steps   app   a_verdict\n")
    assert [line for line in plan.splitlines() if "Title of" in line] == [
        f"  {number}  {each['title']}" for number, each in enumerate(STEPS, 1)
    ]
    assert "php artisan migrate --force" in plan


def test_a_statement_can_be_copied_from_the_screen():
    """Only the blanks between words become line breaks, none in a quoted name."""
    lines = text.plan(DIAGNOSIS, "app").splitlines()
    first = next(number for number, line in enumerate(lines) if "ADD CONSTRAINT" in line)
    copied = " ".join(line.strip() for line in lines[first : first + 2])
    assert copied == f"undo   {ADD}" and len(ADD) > layout.LONG


LONG_ONE = "GRANT ALL PRIVILEGES ON `" + "a_schema\\_" * 9 + "`.* TO 'somebody'@'localhost';"


def test_what_is_to_be_typed_stands_one_a_line():
    next_ = f"Let an administrator run:{typed('SHOW GRANTS;', LONG_ONE)}Then run this again."
    lines = text.report({**run(REFUSED), "next": next_}).splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("Next "))
    assert [line.strip() for line in lines[at : at + 4]] == [
        "Next        Let an administrator run:", "SHOW GRANTS;", LONG_ONE, "Then run this again.",
    ]  # fmt: skip
    assert text.refusal({**REFUSED, "next": next_}).endswith(
        f"Next: Let an administrator run: SHOW GRANTS; {LONG_ONE} Then run this again."
    )


@pytest.mark.parametrize("lead", range(40, 100, 7))
@pytest.mark.parametrize(
    "command",
    [
        "ansible-playbook fix_fk.yml -i production -e 'a=b c' -e @vault.yml --ask-vault-pass",
        "ansible-playbook playbooks/restore.yml -i production -e restore_backup=backup_1 --check",
        "/opt/php83/bin/php artisan migrate:rollback --step=1 --force",
        "GRANT ALL PRIVILEGES ON `a\\_\\_fix\\_fk%`.* TO `somebody`@`localhost`",
    ],
)
def test_a_command_is_never_broken(lead, command):
    shown = text.report({**run(REFUSED), "next": f"{'x ' * (lead // 2)}: {command}, and then."})
    assert command in shown


def test_a_long_create_table_is_shortened_on_the_screen_only():
    assert CREATE not in " ".join(SCREENS[0].split())
    assert f"... ({len(CREATE)} characters)" in SCREENS[0]
    assert FAILED["steps"][2]["do"][1].strip() == CREATE


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        ("Can't say it's so", ["Can't say", "it's so"]),
        ("a 'b c d e f g' h", ["a", "'b c d e f g'", "h"]),
        ("an 'open  end of it", ["an 'open end", "of it"]),
        ("`a``b  c d` 'it''s e'", ["`a``b  c d`", "'it''s e'"]),
    ],
)
def test_no_line_ends_in_a_quotation_and_an_apostrophe_is_none(monkeypatch, words, lines):
    monkeypatch.setattr(layout, "WIDTH", 12)
    assert layout.wrap(words, "", "") == lines


def test_a_failure_says_what_was_done_and_how_to_undo_it():
    assert [(each["id"], each["state"]) for each in FAILED["steps"]] == [
        ("backup", "changed"),
        ("fk_drop", "changed"),
        ("remigrate", "failed"),
        ("verify", "not reached"),
    ]
    assert FAILED["undo"] == [ADD]
    screen = SCREENS[-1]
    assert "changed      Title of fk_drop" in screen and "failed       Title of remigrate" in screen
    assert screen.index("FAILED   app") < screen.index("Happened") < screen.index("Undo")
    assert "/reports/app.html" in screen
    for part in ("It died", "Title of fk_drop".lower(), "maintenance mode", ADD, "Next: Once"):
        assert part in FAILED["summary"]


def test_a_refusal_is_told_once():
    data = run(REFUSED)
    assert data["summary"] == text.refusal(REFUSED)
    screen = SCREENS[1] + SCREENS[3]
    assert screen.count("Nothing was changed.") == screen.count("Ask somebody.") == 1
    assert "Found Found" not in SCREENS[1] and "Found Found" in SCREENS[3]


def test_what_wants_an_eye_is_said_at_the_end():
    checks = [
        {"check": "tables", "ok": True, "detail": "d"},
        {"check": "children", "ok": True, "detail": "d", "look": True},
    ]
    results = {"leave_maintenance": {"changed": True}}
    data = run(checks=checks, results=results)
    assert (data["outcome"], data["state"]) == (
        "repaired",
        "1 check passed, 1 to look at, the application is up.",
    )
    assert data["next"] == "Nothing is left to do at once. To look at: children."
    assert "look         children: d" in text.report(data)
    assert run(checks=checks[:1], results=results)["next"] == "Nothing is left to do."


def test_verify_is_a_step_like_the_others():
    checks = [{"check": "tables", "ok": False, "detail": "d"}]
    assert run(checks=checks)["steps"][-1]["state"] == "failed"
    assert "FAILED       tables: d" in text.report(run(checks=checks))


@pytest.mark.parametrize(
    ("level", "digest", "told"),
    [
        # Rows are read once more than on the clone, or twice where it had none.
        ("full", {"rows": 9, "seconds": 20.0}, "about 25 s, of it 40 s to read 9 rows twice"),
        # Of tables that are not read in the window, it was read on the clone.
        (
            "full",
            {"rows": 2, "seconds": 1.0, "whole": 3.0},
            "about 4 s, of it 2 s to read 2 rows twice",
        ),
        (
            "structure",
            {"rows": 9, "seconds": 20.0},
            "about 45 s, of it 40 s to read 9 rows twice, ",
        ),
        ("structure", None, "about 5 s, of it 0 s to read 0 rows twice"),
    ],
)
def test_the_window_to_expect_has_the_digests_in_it(level, digest, told):
    result = {"level": level, "times": [["", 100.0], ["verify", 104.0]], "digest": digest}
    said = text.expected_window({**result, "backup_in_window": False})
    assert told in said and ("rehearsal_level=full" in said) == (level == "structure")


@pytest.mark.parametrize(
    ("altered", "told"),
    [
        (
            ["orders", "Users", "empty"],
            "with these rows (orders: about 7000, Users: about 9)",
        ),
        (["empty", "new"], "The clone had no rows, and no statement changes a table that has some"),
    ],
)
def test_a_forecast_without_rows_says_what_it_rests_on(altered, told):
    sizes = {"orders": 7000, "users": 9, "empty": 0, "others": 5}
    digest = {"rows": 7014, "seconds": 1.0, "tables": sizes}
    result = {"level": "structure", "times": [["", 1.0], ["verify", 2.0]], "digest": digest}
    said = text.expected_window({**result, "altered": altered, "backup_in_window": False})
    assert told in said and ("rehearsal_level=full" in said) == ("orders" in altered), said
