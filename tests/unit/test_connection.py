# SPDX-License-Identifier: GPL-3.0-or-later
"""Which parameters are used, how the connection is opened, and what is said when it is not."""

from __future__ import annotations

import base64
import ssl
from types import SimpleNamespace

import pymysql
import pytest
from ansible.module_utils.fix_fk.server import connection
from ansible.module_utils.fix_fk.server.connection import ConnectionParameters, Tls

APPLICATION = {
    "driver": "mysql",
    "host": "db.example.org",
    "port": 3307,
    "socket": None,
    "database": "gaspulco_lkbkanwil",
    "username": "gaspul_user",
    "password": "rahasia",
    "prefix": "app_",
    "charset": "utf8mb4",
    "collation": "utf8mb4_unicode_ci",
    "tls": None,
}


class Refused(Exception):
    pass


class Module:
    """As much of an AnsibleModule as is needed."""

    tmpdir: str

    def __init__(self, **given):
        self.params = {
            name: spec.get("default") for name, spec in connection.CONNECTION_SPEC.items()
        }
        self.params.update(given)
        self.no_log_values = (
            {given["database_password"]} if given.get("database_password") else set()
        )

    def fail_json(self, msg, refusal):
        assert all(part in msg for part in (refusal["found"], refusal["did"], refusal["next"]))
        raise Refused(msg)


@pytest.fixture
def application(monkeypatch):
    """Let the application answer with these settings, changed by the test."""
    settings = dict(APPLICATION)
    monkeypatch.setattr(connection, "resolve_connection", lambda *_arguments: settings)
    return settings


@pytest.mark.usefixtures("application")
def test_the_applications_own_settings_are_the_base():
    parameters = connection.resolve(Module(laravel_path="/app"))
    assert parameters == ConnectionParameters(
        user="gaspul_user",
        database="gaspulco_lkbkanwil",
        host="db.example.org",
        port=3307,
        password="rahasia",
        collation="utf8mb4_unicode_ci",
        prefix="app_",
    )
    assert not parameters.is_local
    assert "rahasia" not in repr(parameters)


def test_explicit_values_win_one_by_one(application):
    application["socket"] = "/run/app.sock"
    assert connection.resolve(Module(laravel_path="/app")).socket == "/run/app.sock"
    parameters = connection.resolve(
        Module(laravel_path="/app", database_host="127.0.0.1", database_password="")
    )
    assert (parameters.host, parameters.port, parameters.socket) == ("127.0.0.1", 3307, None)
    assert parameters.password == ""
    assert parameters.user == "gaspul_user"


def test_without_an_application_user_and_schema_are_needed():
    with pytest.raises(Refused, match="database_user and which database_name"):
        connection.resolve(Module(database_host="h"))
    parameters = connection.resolve(Module(database_user="u", database_name="d"))
    assert (parameters.host, parameters.port, parameters.password) == ("127.0.0.1", 3306, "")


def test_other_drivers_are_refused(application):
    application["driver"] = "pgsql"
    with pytest.raises(Refused, match="'pgsql'"):
        connection.resolve(Module(laravel_path="/app"))


def test_localhost_means_the_usual_socket_unless_a_port_is_given(
    application, monkeypatch, tmp_path
):
    usual = tmp_path / "mysqld.sock"
    monkeypatch.setattr(connection, "USUAL_SOCKETS", ("/no/such", str(usual)))
    application["host"] = "localhost"
    assert connection.resolve(Module(laravel_path="/app")).socket is None
    usual.touch()
    assert connection.resolve(Module(laravel_path="/app")).socket == str(usual)
    assert connection.resolve(Module(laravel_path="/app", database_port=3308)).socket is None


def test_tls_is_asked_for_by_any_of_its_options(application):
    assert connection.resolve(Module(laravel_path="/app")).tls is None
    application["tls"] = {"ca": "/ca.pem", "cert": None, "key": None, "verify": None}
    assert connection.resolve(Module(laravel_path="/app")).tls == Tls(ca="/ca.pem")
    given = Module(laravel_path="/app", database_tls_verify=False)
    assert connection.resolve(given).tls == Tls(ca="/ca.pem", verify=False)


def test_the_password_is_taken_out_of_what_a_module_returns():
    module = Module(database_user="u", database_name="d", database_password="users")
    assert connection.resolve(module).password == "users"
    assert module.params["database_password"] == connection.secrets.SHOWN
    assert module.no_log_values == set()


# What the server was asked for: one statement at a time.
OPEN = SimpleNamespace(client_flag=0)


class FakePymysql:
    """Records the arguments of connect() and fails as the test says."""

    VERSION = (1, 2, 4)
    constants = pymysql.constants

    class MySQLError(Exception):
        pass

    def __init__(self, *failures):
        self.failures, self.calls = list(failures), []

    def connect(self, **arguments):
        self.calls.append(arguments)
        if self.failures:
            raise self.failures.pop(0)
        return OPEN


LOCAL = ConnectionParameters(user="u", database="d", password="é")
REMOTE = ConnectionParameters(user="u", database="d", host="db.example.org", password="p")


def test_tls_is_off_unless_asked_for():
    server = FakePymysql()
    assert connection.open_connection(server, LOCAL, lock_wait_timeout=7, database=None) is OPEN
    (arguments,) = server.calls
    assert arguments["ssl_disabled"] is True
    assert "ssl" not in arguments
    assert arguments["password"] == "é".encode()
    assert arguments["database"] is None
    assert "lock_wait_timeout = 7" in arguments["init_command"]


def test_old_pymysql_does_not_know_how_to_have_tls_off():
    server = FakePymysql()
    server.VERSION = (0, 9, 3)
    connection.open_connection(server, LOCAL)
    assert "ssl_disabled" not in server.calls[0]


@pytest.mark.parametrize(
    "failure",
    [RuntimeError("'cryptography' package is required"), FakePymysql.MySQLError(3159, "insecure")],
)
def test_a_demand_for_tls_is_met_on_this_machine_only(failure):
    server = FakePymysql(failure)
    assert connection.open_connection(server, LOCAL) is OPEN
    assert server.calls[1]["ssl"].verify_mode == ssl.CERT_NONE
    server = FakePymysql(failure)
    with pytest.raises(type(failure)):
        connection.open_connection(server, REMOTE)
    assert len(server.calls) == 1


def test_other_failures_are_not_tried_again():
    server = FakePymysql(FakePymysql.MySQLError(1045, "denied"))
    with pytest.raises(FakePymysql.MySQLError):
        connection.open_connection(server, LOCAL)
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    ("tls", "socket", "mode", "host_checked"),
    [
        (Tls(verify=False), None, ssl.CERT_NONE, False),
        (Tls(verify=True), None, ssl.CERT_REQUIRED, True),
        (Tls(verify=True), "/s", ssl.CERT_REQUIRED, False),
        (Tls(cert=None), None, ssl.CERT_NONE, False),
    ],
)
def test_what_tls_verifies(tls, socket, mode, host_checked):
    server = FakePymysql()
    parameters = ConnectionParameters(user="u", database="d", tls=tls, socket=socket)
    connection.open_connection(server, parameters)
    context = server.calls[0]["ssl"]
    assert (context.verify_mode, context.check_hostname) == (mode, host_checked)


def wrapped(original):
    """Return an error as PyMySQL raises it for one of Python's own while connecting."""
    error = FakePymysql.MySQLError(2003, f"Can't connect ({original})")
    vars(error)["original_exception"] = original
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (FakePymysql.MySQLError(1045, "Access denied"), "refused 'u' at db.example.org:3306"),
        (FakePymysql.MySQLError(1044, "no"), "may not do this"),
        (FakePymysql.MySQLError(1049, "Unknown database"), "has no schema 'd'"),
        (FakePymysql.MySQLError(2003, "no route"), "No database server answers"),
        (FakePymysql.MySQLError(1040, "Too many"), "no more connections"),
        (FakePymysql.MySQLError(1130, "Host"), "does not let this host in"),
        (FakePymysql.MySQLError(2026, "SSL"), "encrypted connection"),
        (FakePymysql.MySQLError(2059, "plugin"), "log in in a way"),
        (FakePymysql.MySQLError(2013, "Lost"), "closed the connection"),
        (FakePymysql.MySQLError(1999, "Odd"), "Odd (1999)"),
        (RuntimeError("'cryptography' package is required"), "database_tls_ca"),
        (FileNotFoundError(2, "No such file", "/ca.pem"), "/ca.pem"),
        (wrapped(ssl.SSLError(1, "CERTIFICATE_VERIFY_FAILED")), "database_tls_verify"),
        (wrapped(ConnectionRefusedError(111, "refused")), "No database server answers"),
        (ssl.SSLError(1, "certificate verify failed"), "certificate verify failed"),
    ],
)
def test_every_expected_error_is_one_paragraph(error, words):
    with pytest.raises(Refused) as refusal, connection.database_errors(Module(), REMOTE):
        raise error
    text = str(refusal.value)
    assert words in text
    assert "\n" not in text


def test_a_mistake_of_ours_stays_a_traceback():
    with pytest.raises(KeyError), connection.database_errors(Module(), REMOTE):
        raise KeyError("x")


@pytest.mark.parametrize("archive", ["%%%", base64.b64encode(b"no zip").decode()])
def test_a_broken_archive_is_refused(archive, monkeypatch, tmp_path):
    import builtins

    original = builtins.__import__

    def without(name, *arguments):
        if name == "pymysql":
            raise ImportError("No module named 'pymysql'")
        return original(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without)
    module = Module(pymysql_archive=archive)
    module.tmpdir = str(tmp_path)
    with pytest.raises(Refused, match="pymysql_archive"):
        connection.load_pymysql(module)
    module.params["pymysql_archive"] = None
    with pytest.raises(Refused, match="lacks PyMySQL"):
        connection.load_pymysql(module)


def test_where_and_is_local():
    assert LOCAL.where == "127.0.0.1:3306"
    on_socket = ConnectionParameters(user="u", database="d", host="h", socket="/s")
    assert on_socket.where == "socket /s"
    assert [p.is_local for p in (LOCAL, REMOTE, on_socket)] == [True, False, True]
