# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that lets the application in over TLS only, with a certificate of an authority of its
own: looking, artisan, the backup's client, the rehearsal and the restore all have to get there."""

from __future__ import annotations

import contextlib

import pytest
import trustme
from ansible.module_utils.fix_fk.sandbox.server import Server
from playbook import play
from sandbox import Sandbox, suite
from test_rehearsal import FAILED, clones, state

PASSWORD = "pass;word"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Return {name: path}: ca and other_ca, authorities, and the server's own cert and key."""
    folder = tmp_path_factory.mktemp("certificates")
    authority, other = trustme.CA(), trustme.CA()
    issued = authority.issue_cert("localhost", "127.0.0.1")
    made = {
        "ca": authority.cert_pem,
        "other_ca": other.cert_pem,
        "cert": issued.cert_chain_pems[0],
        "key": issued.private_key_pem,
    }
    for name, content in made.items():
        content.write_to_path(folder / f"{name}.pem")
    for path in folder.iterdir():
        path.chmod(0o644)
    return {name: str(folder / f"{name}.pem") for name in made}


@pytest.fixture(scope="module")
def settings(certificates):
    return [f"--ssl-{name}={certificates[name]}" for name in ("ca", "cert", "key")]


@pytest.fixture(scope="module")
def shielded(tmp_path_factory, settings):
    sandbox = Sandbox(tmp_path_factory.mktemp("tls"), settings=settings)
    yield sandbox
    sandbox.absent()


@pytest.fixture
def encrypted(shielded, certificates):
    """The incident, with an application that comes over TCP and has to encrypt."""
    shielded.broken()
    for (host,) in shielded.sql("SELECT host FROM mysql.user WHERE user = %s", shielded.user):
        shielded.sql("ALTER USER %s@%s REQUIRE SSL", shielded.user, host)
    shielded.use_tcp()
    shielded.set_dotenv(MYSQL_ATTR_SSL_CA=certificates["ca"])
    return shielded


def test_the_incident_is_rehearsed_and_repaired(encrypted):
    run = play(encrypted, rehearsal_level="full", rehearsal_required=True)
    assert run.rc == 0, run.screen
    assert run.report["outcome"] == "repaired_rows_aside" and encrypted.recorded()[-2] == FAILED
    assert not clones(encrypted)
    backup = run.report["backup"]["id"]
    run = play(encrypted, "playbooks/restore.yml", restore_backup=backup)
    assert run.rc == 0 and run.report["outcome"] == "restored", run.screen
    assert FAILED not in encrypted.recorded()


@pytest.mark.parametrize("given", ["variable", "application"])
def test_a_certificate_of_another_authority_is_not_believed(encrypted, certificates, given):
    variables = {}
    if given == "variable":
        variables = {"database_tls_ca": certificates["other_ca"], "database_tls_verify": True}
    else:
        encrypted.set_dotenv(MYSQL_ATTR_SSL_CA=certificates["other_ca"])
    before = state(encrypted)
    run = play(encrypted, **variables)
    assert run.rc == 2, run.screen
    assert "certificate" in run.message() and "Nothing was changed" in run.message()
    assert given == "variable" or certificates["other_ca"] in run.message()
    assert state(encrypted) == before


def test_a_named_server_is_reached_with_the_same_certificates(
    encrypted, settings, tmp_path_factory
):
    other = Server(
        str(tmp_path_factory.mktemp("other")), outlive=False, suite=suite(), settings=settings
    )
    other.start()
    try:
        with contextlib.closing(other.connect()) as connection:
            cursor = connection.cursor()
            cursor.execute(
                "CREATE USER latihan@localhost IDENTIFIED BY %s REQUIRE SSL", (PASSWORD,)
            )
            cursor.execute("GRANT ALL PRIVILEGES ON *.* TO latihan@localhost")
            cursor.execute("SELECT @@port")
            (port,) = cursor.fetchone()
        run = play(
            encrypted,
            rehearsal_level="full",
            rehearsal_required=True,
            rehearsal_server="other",
            rehearsal_host="127.0.0.1",
            rehearsal_port=str(port),
            rehearsal_user="latihan",
            rehearsal_password=PASSWORD,
        )
        assert run.rc == 0, run.screen
        assert f"the server at 127.0.0.1:{port}" in run.screen
        assert run.report["steps"][0]["state"] == "passed" and PASSWORD not in run.everything()
    finally:
        other.stop()


def test_an_embedded_server_needs_none(encrypted):
    run = play(encrypted, rehearsal_level="structure", rehearsal_server="embedded")
    assert run.rc == 0 and run.report["steps"][0]["state"] == "passed", run.screen
