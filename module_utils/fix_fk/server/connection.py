# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that knows how to reach the database server.

    parameters = resolve(module)                 # what to connect with (shown without its password)
    connection = connect(module, parameters)     # a PyMySQL connection, or refuse()
    with database_errors(module, parameters):    # any later server error becomes one paragraph
        ...

PyMySQL is imported when it is needed, not with this file: where the target lacks it, it comes
with the task as `pymysql_archive`.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import functools
import os
import ssl
import sys
import time
import weakref
from dataclasses import dataclass, field

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.fix_fk.laravel import secrets
from ansible.module_utils.fix_fk.laravel.probe import resolve_connection
from ansible.module_utils.fix_fk.refusal import refuse
from ansible.module_utils.fix_fk.server import one_run
from ansible.module_utils.fix_fk.server.errors import database_errors

CONNECTION_SPEC: dict = {
    "laravel_path": {"type": "path"},
    "laravel_php": {"type": "str", "default": "php"},
    "laravel_env": {"type": "dict", "default": {}},
    "laravel_env_database": {"type": "bool", "default": False},
    "laravel_probe": {"type": "str", "no_log": True},
    "database_connection": {"type": "str"},
    "database_host": {"type": "str"},
    "database_port": {"type": "int"},
    "database_socket": {"type": "path"},
    "database_user": {"type": "str"},
    "database_password": {"type": "str", "no_log": True},
    "database_name": {"type": "str"},
    "database_tls_ca": {"type": "path"},
    "database_tls_cert": {"type": "path"},
    "database_tls_key": {"type": "path"},
    "database_tls_verify": {"type": "bool"},
    "pymysql_archive": {"type": "str", "no_log": True},
    "run": {
        "type": "dict",
        "options": {
            "id": {"type": "str", "required": True},
            "idle": {"type": "int", "default": 30},
            "rehearses": {"type": "bool", "default": False},
        },
    },
}

# Without ANSI_QUOTES and NO_BACKSLASH_ESCAPES PyMySQL's escaping is right; without NO_ZERO_DATE
# a table with old '0000-00-00' defaults can still be altered.
SQL_MODE = "STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION"

# Seconds. The servers' own defaults are a day and a year.
LOCK_WAIT_TIMEOUT = 5

# Where clients look when the host is "localhost" and no socket is named.
USUAL_SOCKETS = (
    "/run/mysqld/mysqld.sock",
    "/var/run/mysqld/mysqld.sock",
    "/var/lib/mysql/mysql.sock",
    "/tmp/mysql.sock",  # noqa: S108 - MySQL's own compiled-in default
)

# Laravel's own names in .env for the database_* of this project.
DATABASE_VARIABLES = {
    "DB_HOST": "host",
    "DB_PORT": "port",
    "DB_SOCKET": "socket",
    "DB_USERNAME": "user",
    "DB_PASSWORD": "password",
    "DB_DATABASE": "name",
}
# Where one of these is set, it wins over all of them.
DATABASE_URLS = ("DB_URL", "DATABASE_URL")


# What names the account with which others are made.
ADMINISTRATOR = (
    "Correct database_access_admin_user and database_access_admin_password (and _host, _port or "
    "_socket, where that is another server)"
)


@dataclass(frozen=True)
class Tls:
    """Files in PEM format. verify None means: verify when a CA is given."""

    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    verify: bool | None = None


@dataclass(frozen=True)
class ConnectionParameters:
    """What to connect with. socket, when set, is used instead of host and port."""

    user: str
    database: str
    host: str = "127.0.0.1"
    port: int = 3306
    socket: str | None = None
    password: str = field(default="", repr=False)
    charset: str = "utf8mb4"
    collation: str | None = None
    prefix: str = ""
    tls: Tls | None = None
    # What to correct when this account is refused, where it is not the application's own.
    named: str = ""

    @property
    def where(self):
        """The server in words: "socket /run/mysqld/mysqld.sock" or "db.example.org:3306"."""
        return f"socket {self.socket}" if self.socket else f"{self.host}:{self.port}"

    @property
    def is_local(self):
        """Whether what is sent to the server never leaves this machine."""
        return bool(self.socket) or self.host in ("localhost", "::1") or self.host[:4] == "127."


def connected_module(argument_spec, needs_application=False, writes=False, **settings):
    """Return an AnsibleModule with the connection's options beside those of `argument_spec`.

    They can be given one by one, or all together as the dictionary `connection`, which is how
    the roles hand the same ones to every module. needs_application makes laravel_path required.
    It is joined to its run, and one that `writes` does not begin while another run has the lock.
    """
    together = {
        name: {key: value for key, value in option.items() if key != "default"}
        for name, option in CONNECTION_SPEC.items()
    }
    module = AnsibleModule(
        argument_spec=dict(
            CONNECTION_SPEC, connection={"type": "dict", "options": together}, **argument_spec
        ),
        **settings,
    )
    for name, value in (module.params.pop("connection") or {}).items():
        if value is not None and module.params[name] == CONNECTION_SPEC[name].get("default"):
            module.params[name] = value
    conceal(module)
    if needs_application and not module.params["laravel_path"]:
        refuse(
            module,
            "laravel_path is missing: the folder of the application, the one with artisan in it.",
            "Give laravel_path",
        )
    if module.params["run"] and not module.check_mode:
        one_run.join(module)
        if writes:
            take_lock(module)
    return module


def take_lock(module, needed=True):
    """See that the module's run has the lock of its schema; end the module when another one has.

    Nothing to do without a run, in check mode, and in a rehearsal, which writes elsewhere. needed:
    without a connection the module ends as well; otherwise it then goes on, with nothing locked.
    """
    run = module.params["run"]
    if not run or module.check_mode or run["rehearses"] or one_run.is_held(module):
        return
    try:
        parameters = _resolve(module)
    except _Unresolved as problem:
        if needed:
            refuse(module, *problem.args)
        return
    pymysql = load_pymysql(module)
    again = functools.partial(
        open_connection,
        pymysql,
        parameters,
        database=None,
        read_timeout=one_run.SILENCE,
        write_timeout=one_run.SILENCE,
    )
    with database_errors(module, parameters):
        try:
            connection = again()
        except (pymysql.MySQLError, OSError, RuntimeError):
            if needed:
                raise
            return
        name = lock_name(connection, parameters.database)
        try:
            taken = one_run.take(connection, name)
        except pymysql.MySQLError as error:
            module.warn(
                f"The server at {parameters.where} lends no named lock ({error.args[-1]}), so that "
                "nothing keeps two runs apart. See that there is one at a time."
            )
            return
        claimed = one_run.claim(module, name) if taken else None
        if claimed:
            one_run.hold(module, connection, again, name, claimed)
            if one_run.is_held(module):
                return
        holder = (None if taken else one_run.who(connection, name)) or (
            one_run.who_claims(module, name) or one_run.read_mark("", 0)
        )
        connection.close()
    # Its socket may be out of reach, where each login has a network of its own.
    if holder["run"] == run["id"]:
        return
    idle = f" If that was killed, it lets go within {holder['idle']} s." if holder["idle"] else ""
    refuse(
        module,
        f"Another run works on the schema {parameters.database}: {holder['said']}. Two at a "
        f"time would undo each other's work, so this was not done.{idle}",
        "Wait until it has ended",
        held_by=holder,
    )


def find_another_run(module):
    """Return who has the lock of the schema, as one_run.who() does, if it is not the module's run.

    None as well where the server does not answer. It is given time to notice that one was killed.
    """
    run = module.params["run"]
    if not run or module.check_mode or one_run.is_held(module):
        return None
    parameters, pymysql = resolve(module), load_pymysql(module)
    try:
        with contextlib.closing(open_connection(pymysql, parameters, database=None)) as connection:
            name = lock_name(connection, parameters.database)
            until = time.monotonic() + one_run.WAIT
            while True:
                holder = one_run.who(connection, name) or one_run.who_claims(module, name)
                if holder is None or holder["run"] == run["id"] or time.monotonic() > until:
                    break
                time.sleep(0.1)
    except (pymysql.MySQLError, OSError, RuntimeError):
        return None
    return holder if holder and holder["run"] != run["id"] else None


def lock_name(connection, schema):
    """Return the name of the lock of a schema on the server of this connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT @@lower_case_table_names")
        return one_run.lock_name(schema, cursor.fetchone()[0] != 0)


# By module run, the password and the environment that were given to it.
_passwords: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()
_environments: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def conceal(module):
    """Take the secrets of laravel_env out of what the module shows, and note all that are given."""
    environment = _environments[module] = module.params["laravel_env"] or {}
    module.params["laravel_env"] = secrets.shown(environment)
    other = module.params.get("other") or {}
    secrets.remember(module, module.params.get("database_password"), other.get("password"))


def take_password(module):
    """Return database_password, or None, and take it out of what the module shows.

    Ansible would blot it out of every string a module returns, so a password like "users" would
    damage the table names the plan is made of. It is never returned; so it is taken out of the
    parameters, which are, and names are let be.
    """
    if module not in _passwords:
        password = _passwords[module] = module.params.get("database_password")
        if password is not None:
            module.params["database_password"] = secrets.SHOWN
            module.no_log_values.discard(password)
    return _passwords[module]


def application_environment(module):
    """Return what PHP has in its environment besides the login's: laravel_env, and with
    laravel_env_database the connection as well. It may hold a password."""
    environment = dict(_environments.get(module, module.params["laravel_env"]))
    if module.params.get("laravel_env_database"):
        given = dict(module.params, database_password=take_password(module))
        environment.update(
            database_environment(
                **{name: given[f"database_{name}"] for name in DATABASE_VARIABLES.values()}
            )
        )
    return environment


def database_environment(**values):
    """Return the environment in which an application uses this host, port, socket, user, password
    and name; what is None is empty there, so that .env does not say it."""
    environment = {
        variable: str(values[name] or "") for variable, name in DATABASE_VARIABLES.items()
    }
    return {**environment, **dict.fromkeys(DATABASE_URLS, "")}


def resolve(module, as_application=False):
    """Return the ConnectionParameters: the application's own, then explicit database_* over them.

    as_application: without database_user and database_password, so the application's own account,
    which is artisan's in any case. Ends the module with a paragraph when something is missing.
    """
    try:
        return _resolve(module, as_application)
    except _Unresolved as problem:
        return refuse(module, *problem.args)


class _Unresolved(Exception):
    """Why it is not known what to connect with: found, and what is next."""


def _resolve(module, as_application=False):
    given, password = module.params, take_password(module)
    if as_application:
        given, password = dict(given, database_user=None), None

    base = {}
    if given.get("laravel_path"):
        base = resolve_connection(
            module,
            given["laravel_path"],
            given["laravel_php"],
            application_environment(module),
            given["database_connection"],
        )
        if base["driver"] not in ("mysql", "mariadb"):
            raise _Unresolved(
                f"The application in {given['laravel_path']} uses the database driver "
                f"'{base['driver']}'. Foreign key names collide like this only on MySQL and "
                "MariaDB, and only these are supported.",
                "Name the right connection with database_connection",
            )

    host = given["database_host"] or base.get("host")
    port = given["database_port"] or base.get("port")
    socket = given["database_socket"]
    if not socket and not given["database_host"] and not given["database_port"]:
        socket = base.get("socket")
    # PHP and the servers' own clients take "localhost" for the socket, whatever the port says.
    if not socket and host == "localhost" and not given["database_port"]:
        socket = next((path for path in USUAL_SOCKETS if os.path.exists(path)), None)

    user = given["database_user"] or base.get("username") or ""
    database = given["database_name"] or base.get("database") or ""
    missing = [
        name for name, value in (("database_user", user), ("database_name", database)) if not value
    ]
    if missing:
        raise _Unresolved(
            f"It is not known which {' and which '.join(missing)} to connect with.",
            "Give laravel_path, so that the application is asked, or give the values",
        )

    if password is None:
        password = base.get("password") or ""
    return ConnectionParameters(
        user=user,
        database=database,
        host=host or "127.0.0.1",
        port=int(port or 3306),
        socket=socket or None,
        password=password,
        charset=base.get("charset") or "utf8mb4",
        collation=base.get("collation"),
        prefix=base.get("prefix") or "",
        tls=_tls(given, base.get("tls")),
    )


def _tls(given, base):
    """Return the Tls to use, explicit parts over the application's, or None for a plain one."""
    parts = {name: given[f"database_tls_{name}"] for name in ("ca", "cert", "key", "verify")}
    merged = dict(base or {}, **{name: value for name, value in parts.items() if value is not None})
    if not any(value is not None for value in merged.values()):
        return None
    return Tls(**{name: merged.get(name) for name in parts})


def load_pymysql(module):
    """Import PyMySQL, from pymysql_archive when this Python lacks it, and return the package."""
    try:
        import pymysql
    except ImportError:
        archive = module.params.get("pymysql_archive")
        if not archive:
            refuse(
                module,
                f"Python on this host ({sys.executable}) lacks PyMySQL, and none came with the "
                "task.",
                "Run the playbooks of this project, which bring it along (pymysql_archive), or "
                "install the package python3-pymysql",
            )
        try:
            content = base64.b64decode(archive, validate=True)
        except (binascii.Error, ValueError) as error:
            refuse(
                module,
                f"pymysql_archive is not base64 ({error}).",
                "Leave it to the playbooks of this project, which fill it in",
            )
        # Python imports from a zip file as it is, so there is nothing to unpack; module.tmpdir is
        # removed when the module ends.
        path = os.path.join(module.tmpdir, "fix_fk_pymysql.zip")
        with open(path, "wb") as file:
            file.write(content)
        sys.path.insert(0, path)
        try:
            import pymysql
        except ImportError as error:
            sys.path.remove(path)
            refuse(
                module,
                f"pymysql_archive holds no package pymysql that Python {sys.version.split()[0]} "
                f"can import ({error}).",
                "Install python3-pymysql on the host",
            )
    return pymysql


def connect(module, parameters, **extra):
    """Return an open PyMySQL connection; on a refusal end the module with one paragraph.

    Autocommit is on, text is utf8mb4, cursors give tuples, sql_mode is SQL_MODE. extra:
    lock_wait_timeout (seconds, default LOCK_WAIT_TIMEOUT) or any argument of pymysql.connect(),
    for example database=None to select no schema.
    """
    with database_errors(module, parameters):
        return open_connection(load_pymysql(module), parameters, **extra)


def open_connection(pymysql, parameters, lock_wait_timeout=LOCK_WAIT_TIMEOUT, **extra):
    """Like connect(), but raises: pymysql.MySQLError, OSError, ssl.SSLError or RuntimeError."""
    arguments = {
        "user": parameters.user,
        # PHP sends the password's bytes as they are; PyMySQL would encode text as Latin-1.
        "password": parameters.password.encode("utf-8"),
        "database": parameters.database,
        "host": parameters.host,
        "port": parameters.port,
        "unix_socket": parameters.socket,
        "charset": "utf8mb4",
        "connect_timeout": 10,
        "autocommit": True,
        "init_command": f"SET SESSION sql_mode = '{SQL_MODE}', sql_quote_show_create = 1, "
        f"lock_wait_timeout = {int(lock_wait_timeout)}, "
        f"innodb_lock_wait_timeout = {int(lock_wait_timeout)}",
    }
    arguments.update(extra)
    return one_at_a_time(pymysql, _open(pymysql, parameters, arguments))


def one_at_a_time(pymysql, connection):
    """Let the server take one statement at a time: PyMySQL before 1.0 asks it to take several."""
    if connection.client_flag & pymysql.constants.CLIENT.MULTI_STATEMENTS:
        off = (1).to_bytes(2, "little")
        connection._execute_command(pymysql.constants.COMMAND.COM_SET_OPTION, off)
        connection._read_packet()
    return connection


def _open(pymysql, parameters, arguments):
    if parameters.tls is not None:
        return pymysql.connect(ssl=_context(parameters), **arguments)
    try:
        # Newer PyMySQL tries TLS unless told not to, and spends 30 to 48 ms on loading CA
        # certificates it then does not use.
        disabled = {"ssl_disabled": True} if pymysql.VERSION >= (1, 0) else {}
        return pymysql.connect(**disabled, **arguments)
    except (RuntimeError, pymysql.MySQLError) as error:
        # caching_sha2_password sends the password only through TLS or encrypted by the package
        # `cryptography`; a server may also demand TLS (3159). Nobody listens in on loopback, so
        # there TLS needs no certificate to be as good as what was asked for.
        needs_tls = isinstance(error, RuntimeError) or error.args[:1] == (3159,)
        if not (needs_tls and parameters.is_local):
            raise
        return pymysql.connect(ssl=_context(parameters), **arguments)


def _context(parameters):
    """Return the SSLContext; CA certificates are loaded only when there is something to verify."""
    tls = parameters.tls or Tls(verify=False)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    verify = tls.ca is not None if tls.verify is None else tls.verify
    # A socket has no host name that a certificate could carry.
    context.check_hostname = verify and not parameters.socket
    context.verify_mode = ssl.CERT_REQUIRED if verify else ssl.CERT_NONE
    if verify and tls.ca:
        context.load_verify_locations(cafile=tls.ca)
    elif verify:
        context.load_default_certs()
    if tls.cert:
        context.load_cert_chain(tls.cert, keyfile=tls.key)
    return context
