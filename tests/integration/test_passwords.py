# SPDX-License-Identifier: GPL-3.0-or-later
"""Every awkward password, by every way in which one can be given, reaches the server as it is.

One play for all: each password is a host, with an account of its own. The server that is named for
a rehearsal and the administrator's account have tests of their own, with one that has it all.
"""

from __future__ import annotations

import shutil

import pytest
from passwords import AWKWARD, NO_TEMPLATE
from playbook import PROJECT, Unsafe, play
from sandbox import shared

# What the role preflight tells every module of the connection, and one that connects with it.
PLAY = f"""---
- hosts: laravel
  gather_facts: false
  vars_files:
    - {PROJECT}/roles/preflight/defaults/main.yml
    - {PROJECT}/roles/preflight/vars/main.yml
  tasks:
    - check_variables:
        roles: [preflight]
      register: checked
      failed_when: checked.refusal is truthy
    - fk_constraint_info:
        connection: "{{{{ preflight_connection }}}}"
        tables: []
"""


@pytest.fixture(scope="module")
def accounts(kept):
    """A sandbox with an account for each password."""
    kept.present()
    for name, password in AWKWARD.items():
        kept.sql("CREATE USER %s@'localhost' IDENTIFIED BY %s", name, password)
        kept.sql(f"GRANT ALL PRIVILEGES ON `{kept.database}`.* TO %s@'localhost'", name)
    return kept


def with_dotenv(sandbox, name, folder):
    """Return the folder of a copy of the application whose .env has this account."""
    app = folder / name
    shutil.copytree(sandbox.app, app)
    dotenv = app / ".env"
    given = {"DB_USERNAME": name, "DB_PASSWORD": AWKWARD[name]}
    dotenv.write_text(shared.dotenv_fill(dotenv.read_text(encoding="utf-8"), given), "utf-8")
    return str(app)


def ways(sandbox, name, folder):
    """Yield {way: the variables of a host that gives the password in it}."""
    password = AWKWARD[name]
    yield "dotenv", {"laravel_path": with_dotenv(sandbox, name, folder)}
    yield "laravel_env", {"laravel_env": {"DB_USERNAME": name, "DB_PASSWORD": Unsafe(password)}}
    yield "inventory", {"database_user": name, "database_password": Unsafe(password)}
    # As from a vault, or any file given with -e @.
    taken = f"{{{{ vault_{name} }}}}"
    yield "vault", {"database_user": name, "database_password": taken}
    taken = f"{{{{ lookup('ansible.builtin.env', 'PASSWORD_{name}') }}}}"
    yield "environment", {"database_user": name, "database_password": taken}


def test_every_password_by_every_way(accounts, tmp_path):
    hosts = {
        f"{way}_{name}": {**accounts.variables(), **given}
        for name in AWKWARD
        for way, given in ways(accounts, name, tmp_path)
    }
    environment = {f"PASSWORD_{name}": password for name, password in AWKWARD.items()}
    (tmp_path / "connect.yml").write_text(PLAY, encoding="utf-8")
    run = play(
        hosts,
        str(tmp_path / "connect.yml"),
        environment={"PATH": accounts.server.suite.path, "ANSIBLE_FORKS": "4", **environment},
        **{f"vault_{name}": Unsafe(password) for name, password in AWKWARD.items()},
    )
    told = {
        event["event_data"]["host"]: event["event_data"]["res"]["schema"]["account"]["name"]
        for event in run.events
        if event["event"] == "runner_on_ok"
        and event["event_data"]["resolved_action"] == "fk_constraint_info"
    }
    assert run.rc == 0, run.screen
    assert told == {host: f"{host.rsplit('_', 1)[1]}@localhost" for host in hosts}
    everything = run.everything()
    for password in AWKWARD.values():
        assert password not in everything


def test_one_that_ansible_would_take_for_a_template_is_refused(accounts):
    """And what the sentence says to do works: the test before does it."""
    given = accounts.variables()
    hosts = {}
    for name in NO_TEMPLATE:
        password = AWKWARD[name]
        hosts[f"option_{name}"] = {**given, "database_user": name, "database_password": password}
        hosts[f"env_{name}"] = {**given, "laravel_env": {"DB_PASSWORD": password}}
    before = accounts.schema_dump(), accounts.files()
    run = play(hosts, "playbooks/diagnose.yml", environment={"PATH": accounts.server.suite.path})
    assert run.rc == 2 and run.modules() == [], run.screen
    assert (accounts.schema_dump(), accounts.files()) == before
    for host in hosts:
        told = run.reports[host]["summary"]
        assert told.startswith("[bad_input]") and "Nothing was changed" in told
        named = "DB_PASSWORD" if host.startswith("env") else "database_password"
        assert f"{named}: !unsafe '...'" in told, told
        assert AWKWARD[host.rsplit("_", 1)[1]] not in run.everything()
