# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report says of the fault in the code and of its patch; no server."""

from __future__ import annotations

import pytest
from fix_fk.screen import code, report, text

FAULT = {
    "migration": "m",
    "found": "The fault is still in the code: x.",
    "next": "A patch ends it.",
}
DIFF = "--- a/m.php\n+++ b/m.php\n@@ -1 +1,2 @@\n <?php\n+\t$x = '\x1b[31m';\n"
RUN = {
    "host": "app",
    "run_id": "r",
    "check_mode": False,
    "read_only": False,
    "prediction": None,
    "fail_on": None,
    "results": {},
    "failure": None,
    "maintenance": {},
    "inventory": "production",
    "command": "playbooks/permanent_fix.yml",
    "patch_file": "/r/m.patch",
}


def diagnosis(**more):
    return {"verdict": "healthy", "found": "F.", "steps": [], "notes": [], "refused": False,
            "not_changed": "", "next": "", "names": [], "evidence": [], "strategies": [],
            **more}  # fmt: skip


def built(**more):
    given = {"outcome": "fault_in_code", "code": {"diff": DIFF, "files": [
        {"migration": "m", "path": "m.php"}]}}  # fmt: skip
    return report.build({**RUN, "diagnosis": diagnosis(**given), **more})


def test_the_patch_is_shown_short_and_its_commands_whole():
    data = built()
    assert (data["outcome"], data["tone"], data["ok"]) == ("fault_in_code", "wait", True)
    screen = text.report(data)
    assert "Patch       /r/m.patch\n" in screen and "FAULT IN CODE" in screen
    assert "+   $x = '\\x1b[31m';" in screen
    assert "Commit      git apply /r/m.patch\n            git add m.php\n" in screen
    assert data["did"] == "Nothing was changed: the scratch schemas are gone again."


@pytest.mark.parametrize(
    "branch, words",
    [
        ({"branch": "fix/m", "checkout": "/c", "commit": "1", "problem": ""}, "Have it merged"),
        ({"branch": "fix/m", "checkout": "/c", "commit": "", "problem": "No: x."}, "No: x. Commit"),
    ],
)
def test_what_became_of_the_branch_is_said(branch, words):
    data = built(branch=branch)
    assert words in data["next"]
    pushed = "git -C /c push origin fix/m" in data["patch"]["commands"]
    assert pushed == bool(branch["commit"])


@pytest.mark.parametrize(
    "found", [{"diagnosis": diagnosis(standing=FAULT)},
              {"diagnosis": diagnosis(), "checks": [{"check": "fault in the code", "ok": True,
               "look": True, "detail": "", "standing": FAULT}]}],
)  # fmt: skip
def test_a_fault_that_is_still_there_takes_the_place_of_nothing_left(found):
    data = report.build({**RUN, **found})
    assert data["next"] == "The fault is still in the code: x. A patch ends it."
    assert (data["outcome"], data["ok"]) == ("healthy", True)


def test_a_refusal_says_nothing_of_it():
    data = report.build({**RUN, "diagnosis": diagnosis(standing=FAULT, refused=True, next="N.")})
    assert data["next"] == "N." and code.standing({}, {}) is None
