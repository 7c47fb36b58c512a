# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox's pure parts: secrets in .env, the socket's place."""

import os

import pytest
from sandbox import shared

from ansible.module_utils.fix_fk.scratch import embedded  # isort: skip - it is found by then


@pytest.mark.parametrize(
    "value",
    ["plain", "", " ends ", "a'b\"c", "back\\slash\\", "$HOME ${X}", "# no comment", "=", "$\\\"'"],
)
def test_dotenv_reads_back_what_it_wrote(value):
    text = shared.dotenv_fill("OTHER=1\nDB_PASSWORD=\n", {"DB_PASSWORD": value})
    assert shared.dotenv_read(text) == {"OTHER": "1", "DB_PASSWORD": value}


def test_dotenv_fill_keeps_other_lines_and_appends_new_keys():
    text = shared.dotenv_fill('# note\nA="x y"\nB=2\n', {"B": "3", "C": "4"})
    assert text == '# note\nA="x y"\nB="3"\nC="4"\n'


def test_password_has_every_odd_character_and_is_another_each_time():
    password = shared.odd_password()
    assert set(shared.ODD_CHARACTERS) <= set(password)
    assert password.isascii()
    assert password != shared.odd_password()
    assert not any(mark in password for mark in ("{{", "{%", "{#"))


def test_socket_stays_in_the_folder_while_the_path_fits():
    folder = "/" + "x" * (embedded.SOCKET_PATH_LIMIT - len("//server.sock"))
    assert embedded.socket_path(folder) == folder + "/server.sock"


def test_socket_of_a_deep_folder_is_short_and_its_own():
    # Two bytes a character: the limit is one of bytes.
    deep = "/" + "é" * 50
    path = embedded.socket_path(deep)
    assert len(os.fsencode(path)) <= embedded.SOCKET_PATH_LIMIT
    assert path != embedded.socket_path(deep + "x")
    assert str(os.geteuid()) in path
