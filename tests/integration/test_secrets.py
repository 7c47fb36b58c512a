# SPDX-License-Identifier: GPL-3.0-or-later
"""A password that the application itself puts into an exception is nowhere to be read."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

import pytest
from playbook import play

PASSWORD = 'k4ta "s@ndi" #é/rahasia\\ $x'
THROWN = "throw new \\RuntimeException({text});"
# {where it is thrown: (file, the text before which)}
PLACES = {
    "provider": ("app/Providers/AppServiceProvider.php", "public function register()"),
    "bootstrap": ("bootstrap/app.php", ""),
    "config": ("config/database.php", ""),
}


def php(text):
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def throws(sandbox, place):
    """Let the application throw an exception with its password in it, as it is and in a URL."""
    url = f"mysql://gaspul_user:{quote(PASSWORD, safe='')}@127.0.0.1/gaspulco_lkbkanwil"
    statement = THROWN.format(text=php(f"cannot connect with {PASSWORD} to {url}, it is down"))
    path = Path(sandbox.app, PLACES[place][0])
    text = path.read_text(encoding="utf-8")
    if place == "provider":
        before, after = text.split("{", 2)[0:2], text.split("{", 2)[2]
        text = "{".join(before) + "{" + statement + after
    else:
        text = text.replace("<?php", "<?php\n" + statement, 1)
    path.write_text(text, encoding="utf-8")


def forms(text):
    """Return a secret in each form in which it may be met."""
    return {text, quote(text, safe=""), json.dumps(text)[1:-1], repr(text)[1:-1]} | {
        json.dumps(form)[1:-1] for form in (text, repr(text)[1:-1], json.dumps(text)[1:-1])
    }


@pytest.mark.parametrize("playbook", ["fix_fk.yml", "playbooks/diagnose.yml"])
@pytest.mark.parametrize("place", PLACES)
def test_an_exception_at_boot_is_told_without_the_password(kept, place, playbook):
    kept.present()
    kept.set_password(PASSWORD)
    throws(kept, place)
    run = play(kept, playbook, verbosity=3)
    told = "cannot connect with *** to mysql://gaspul_user:***@127.0.0.1/gaspulco_lkbkanwil, it is"
    # What a provider throws does not keep a diagnosis from being made.
    assert told in (run.message() if place != "provider" else run.everything())
    assert run.rc != 0 and "Stack trace" not in run.everything()
    for form in forms(PASSWORD):
        assert form not in run.everything()
