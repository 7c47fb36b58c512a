# SPDX-License-Identifier: GPL-3.0-or-later
"""The patch as text; git itself takes it."""

from __future__ import annotations

import subprocess

import pytest
from fix_fk.code import diff

LINES = [f"line {number}" for number in range(1, 12)]


def patch(source, patched):
    return {"migration": "m", "path": "database/migrations/m.php", "source": source,
            "patched": patched}  # fmt: skip


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "end"])
@pytest.mark.parametrize("odd", ["x", "form\x0cfeed", "\u2028"])
def test_git_makes_of_it_what_was_meant(tmp_path, end, last, odd):
    source = end.join([*LINES, odd, last])
    patched = end.join([LINES[0], "new", *LINES[2:], odd, last and "other"])
    file = tmp_path / "database" / "migrations" / "m.php"
    file.parent.mkdir(parents=True)
    file.write_bytes(source.encode())
    text = diff.unified([patch(source, patched)])
    (tmp_path / "x.patch").write_bytes(text.encode())
    for command in (["git", "apply"], ["git", "apply", "-R"], ["patch", "-p1", "--binary", "-i"]):
        subprocess.run([*command, "x.patch"], cwd=tmp_path, check=True, capture_output=True)
    assert file.read_bytes() == patched.encode()


def test_the_screen_has_room_for_the_changed_lines():
    text = diff.unified([patch("\n".join(LINES), "\n".join(f"{one}!" for one in LINES))])
    shown = diff.brief(text)
    assert shown[0] == "-line 1" and "+line 11!" in shown and len(shown) == 22
    many = "\n".join(str(number) for number in range(99))
    assert diff.brief(diff.unified([patch("", many)]))[-1] == "... 75 lines more"


def test_the_commands_are_quoted():
    commands = diff.commands([{"migration": "m", "path": "a b.php"}], "/x y/z.patch")
    assert commands[:2] == ["git apply '/x y/z.patch'", "git add 'a b.php'"]


def test_git_makes_a_new_file_of_it(tmp_path):
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / "x.patch").write_text(diff.unified([patch(None, "<?php\n\nreturn 1;\n")]))
    subprocess.run(["git", "apply", "x.patch"], cwd=tmp_path, check=True)
    made = tmp_path / "database" / "migrations" / "m.php"
    assert made.read_text() == "<?php\n\nreturn 1;\n"
