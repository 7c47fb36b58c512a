# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets are found where they are, and taken out of what is shown."""

from __future__ import annotations

import pytest
from ansible.module_utils.fix_fk.laravel import secrets

DOTENV = r"""
APP_KEY=base64:c2VjcmV0IGtleSBvZiB0aGUgYXBw
DB_PASSWORD="s\"e$cret # one"
export MAIL_PASSWORD='rahasia dua'
PUSHER_APP_SECRET=tiga333
DATABASE_URL=mysql://u:empat%204@h/d
AUTH_PASSWORD_BROKER=users
SESSION_DRIVER=database
REDIS_PASSWORD=dua$belas # and so on
SANCTUM_TOKEN=null
"""
CACHED = r"""<?php return array (
  'auth' => array ('defaults' => array ('passwords' => 'users')),
  'queue' => array ('key' => 'id'),
  'database' => array ('connections' => array ('mysql' => array (
    'url' => 'mysql://u:lima-lima@h/d',
    'password' => 'it\'s \\ enam',
  ))),
  'services' => array ('midtrans' => array ('server_key' => 'SB-Mid-server-tujuh')),
);
"""


class Module:
    """What secrets are remembered by."""


@pytest.fixture
def application(tmp_path):
    (tmp_path / "bootstrap" / "cache").mkdir(parents=True)
    (tmp_path / ".env").write_text(DOTENV, encoding="utf-8")
    (tmp_path / "bootstrap" / "cache" / "config.php").write_text(CACHED, encoding="utf-8")
    return str(tmp_path)


def test_the_secrets_of_an_application_are_found(application):
    given = {
        "DB_PASSWORD": "delapan 8",
        "DB_URL": "mysql://u:sembilan@h/d",
        "APP_ENV": "production",
    }
    found = secrets.known(application, given)
    assert {
        's"e$cret # one',
        "dua$belas",
        "c2VjcmV0IGtleSBvZiB0aGUgYXBw",
        "rahasia dua",
        "tiga333",
        "empat%204",
        "empat 4",
        "lima-lima",
        "it's \\ enam",
        "SB-Mid-server-tujuh",
        "delapan 8",
        "sembilan",
    } <= found
    assert not found & {"users", "id", "null", "database", "production"}


def test_without_an_application_there_are_those_that_were_given(tmp_path):
    module = Module()
    secrets.remember(module, "sepuluh-10", None)
    hide = secrets.hider(module, str(tmp_path / "nowhere"), {"DB_PASSWORD": "a b"}, "c&d4")
    assert hide("sepuluh-10 a%20b a+b c&amp;d4 x") == "*** *** *** *** x"
    assert hide(None) is None and hide("") == ""


def test_what_is_read_for_names_keeps_what_may_be_one(application):
    hide = secrets.hider(Module(), application, None, "skp_tahunan")
    told = "alter table `tiga333`, `skp_tahunan`, SB-Mid-server-tujuh"
    assert hide(told, parsed=True) == "alter table `tiga333`, `***`, ***"
    assert hide(told) == "alter table `***`, `***`, ***"


def test_a_secret_that_is_a_part_of_another_leaves_nothing_of_it():
    assert secrets.without("abcdefgh", secrets.longest_first({"abcd", "abcdefgh", ""})) == "***"


def test_an_environment_is_shown_without_its_secrets():
    given = {"DB_PASSWORD": "x1", "DB_URL": "mysql://u:p@h/d", "APP_ENV": "local", "DB_PORT": 3306}
    shown = secrets.shown(given)
    assert shown == {**given, "DB_PASSWORD": secrets.SHOWN, "DB_URL": secrets.SHOWN}
