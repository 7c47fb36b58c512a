# SPDX-License-Identifier: GPL-3.0-or-later
"""The module env_file: what it writes is what the real phpdotenv and Laravel's env() read."""

from __future__ import annotations

import itertools
import json
import os
import shlex
import stat
import subprocess
from pathlib import Path

import pytest
from ansible.module_utils.fix_fk.laravel.dotenv import entries, get, put

READ = """
require '/usr/share/php/Illuminate/autoload.php';
require '/usr/share/php/Dotenv/autoload.php';
$answer = [];
foreach (json_decode(file_get_contents('php://stdin'), true) as $text) {
    $values = [];
    foreach (Dotenv\\Dotenv::parse($text) as $key => $value) {
        $_SERVER['FIX_FK_VALUE'] = $value;
        $values[$key] = Illuminate\\Support\\Env::get('FIX_FK_VALUE');
    }
    $answer[] = $values;
}
echo json_encode($answer);
"""
# Names in .env stay clear of what the environment has.
KEY = "DB_PASSWORD"
AROUND = '# comment with ="quote\n"\nAPP_NAME="Gaspul API"\nMULTI="a\nDB_PASSWORD=no\nb"\n'
PASSWORDS = [
    "",
    "simple",
    " leading and trailing ",
    "it's",
    'say "hi"',
    '"quoted"',
    "'quoted'",
    '"',
    "'",
    "\\",
    "\\\\",
    'ends with \\"',
    "$HOME ${APP_NAME} $$",
    "#no comment # here",
    "a=b=c",
    "null",
    "TRUE",
    "(empty)",
    "\\n is not a line end",
    "two\nlines\r\nand\ttab",
    "é ☃ 😀 kata sandi",
    "`backtick` %s {} ;|&<>!",
    "0123",
    "'\"'\"'",
    "x" * 3000,
]


def read(*texts):
    """Return what env() gives for the values of .env files, one dictionary for each."""
    result = subprocess.run(
        ["php", "-r", READ], input=json.dumps(texts), capture_output=True, text=True, check=True
    )
    return json.loads(result.stdout)


def test_every_password_is_read_back():
    texts = [put(f"{AROUND}{KEY}=old\nAFTER=1\n", KEY, password) for password in PASSWORDS]
    for password, text, values in zip(PASSWORDS, texts, read(*texts)):
        assert values[KEY] == password, text
        assert values["MULTI"] == "a\nDB_PASSWORD=no\nb"
        assert (values["APP_NAME"], values["AFTER"]) == ("Gaspul API", "1")
        # Its own reading agrees, so that a second run finds nothing to do.
        assert get(text, KEY) == password


def test_every_sequence_of_odd_characters_is_read_back():
    alphabet = "\\\"'$#n ={\n"
    passwords = ["".join(letters) for letters in itertools.product(alphabet, repeat=4)]
    texts = [put("A=1\n", KEY, password) for password in passwords]
    found = [values[KEY] for values in read(*texts)]
    assert found == passwords
    assert [get(text, KEY) for text in texts] == passwords


@pytest.mark.parametrize(
    "line, expected",
    [
        (f"{KEY}=old", f'{KEY}="new"'),
        (f"{KEY} = old", f'{KEY} ="new"'),
        (f"export {KEY}=old # why", f'export {KEY}="new" # why'),
        (f'{KEY}="o # l \\" d"   # why', f'{KEY}="new" # why'),
        (f"{KEY}='o # l d'", f'{KEY}="new"'),
        (f'{KEY}="two\nlines"', f'{KEY}="new"'),
        (f"{KEY}=", f'{KEY}="new"'),
        (f"{KEY}", f'{KEY}="new"'),
        (f"#{KEY}=old", f'#{KEY}=old\nB=2\n{KEY}="new"'),
        (f"X_{KEY}=old", f'X_{KEY}=old\nB=2\n{KEY}="new"'),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_only_the_value_changes(line, expected, end):
    rest = "" if "B=2" in expected else "B=2\n"
    before = f"A=1\n{line}\nB=2\n".replace("\n", end)
    after = put(before, KEY, "new")
    assert after == f"A=1\n{expected}\n{rest}".replace("\n", end)
    (values,) = read(after)
    assert values[KEY] == "new" and values["B"] == "2"
    assert "".join(entries(after)) == after


def test_all_assignments_of_a_key_change():
    assert put(f"{KEY}=a\n{KEY}=b", KEY, "c") == f'{KEY}="c"\n{KEY}="c"'


def test_a_value_that_depends_on_others_is_not_known():
    assert get(f'{KEY}="${{APP_NAME}}x"', KEY) is None
    assert get(f"{KEY}=null", KEY) is None


@pytest.mark.parametrize(
    "text, value, words",
    [('A="open\nB=2\n', "x", "line 1 is not closed"), ("A=1\n", "a\0b", "NUL")],
)
def test_what_cannot_be_read_back_is_refused(tmp_path, run_module, text, value, words):
    path = tmp_path / ".env"
    path.write_text(text)
    result = run_module("env_file", path=str(path), key=KEY, value=value)
    assert result["failed"] and words in result["msg"] and "Nothing was changed" in result["msg"]
    assert path.read_text() == text and os.listdir(tmp_path) == [".env"]


# --- the module -------------------------------------------------------------------------------

SECRET = 'n3w "$ecret\\'


@pytest.fixture
def dotenv(tmp_path):
    folder = tmp_path / "shared"
    folder.mkdir()
    path = folder / "file"
    path.write_bytes(b"A=1\r\nDB_PASSWORD=old\r\nNAME=\xff\r\n")
    path.chmod(0o640)
    link = tmp_path / ".env"
    link.symlink_to(path)
    return link


def test_mode_owner_link_and_other_bytes_stay(dotenv, run_module):
    path = dotenv.resolve()
    if os.geteuid() == 0:
        os.chown(path, 1234, 4321)
    before = path.stat()
    result = run_module("env_file", path=str(dotenv), key=KEY, value=SECRET)
    assert result["changed"] and dotenv.is_symlink()
    after = path.stat()
    for name in ("st_mode", "st_uid", "st_gid"):
        assert getattr(after, name) == getattr(before, name), name
    assert path.read_bytes() == b'A=1\r\nDB_PASSWORD="n3w \\"\\$ecret\\\\"\r\nNAME=\xff\r\n'
    backup = os.stat(result["backup"])
    assert stat.S_IMODE(backup.st_mode) == 0o640 and backup.st_uid == before.st_uid
    assert Path(result["backup"]).read_bytes() == b"A=1\r\nDB_PASSWORD=old\r\nNAME=\xff\r\n"
    assert len(os.listdir(path.parent)) == 2
    assert SECRET not in json.dumps(result) and "ecret" not in json.dumps(result)
    # The undo is what it says.
    subprocess.run(shlex.split(result["undo"][0]), check=True)
    assert b"DB_PASSWORD=old" in path.read_bytes() and path.stat().st_uid == before.st_uid


def test_a_second_run_changes_nothing(dotenv, run_module):
    run_module("env_file", path=str(dotenv), key=KEY, value=SECRET)
    before = sorted(os.listdir(dotenv.resolve().parent))
    result = run_module("env_file", path=str(dotenv), key=KEY, value=SECRET)
    assert not result["changed"] and result["backup"] is None and not result["undo"]
    assert sorted(os.listdir(dotenv.resolve().parent)) == before


def test_check_mode_writes_nothing(dotenv, run_module):
    before = dotenv.read_bytes()
    result = run_module("env_file", check_mode=True, path=str(dotenv), key=KEY, value=SECRET)
    assert result["changed"] and result["backup"] is None
    assert dotenv.read_bytes() == before and os.listdir(dotenv.resolve().parent) == ["file"]


def test_two_backups_in_one_second_have_two_names(dotenv, run_module):
    names = {
        run_module("env_file", path=str(dotenv), key=KEY, value=value)["backup"]
        for value in ("one", "two", "three")
    }
    assert len(names) == 3


def test_a_missing_file_is_refused(tmp_path, run_module):
    result = run_module("env_file", path=str(tmp_path / ".env"), key=KEY, value=SECRET)
    assert result["failed"] and "No such file" in result["msg"]
    assert "Nothing was changed" in result["msg"] and SECRET not in result["msg"]
    assert not list(tmp_path.iterdir())
