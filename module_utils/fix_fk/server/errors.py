# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server, or the way to it, refuses: in one paragraph."""

from __future__ import annotations

import contextlib
import ssl

from ansible.module_utils.fix_fk.refusal import SEE_STATE, refuse

# Errors of the client when no server answers.
NO_SERVER = (2002, 2003, 2005)


@contextlib.contextmanager
def database_errors(module, parameters, kept=None):
    """End the module with one paragraph when the server, or the way to it, refuses something.

    kept: what the module returns beside it, of what it did before.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:
        refuse(module, **explain(parameters, error), **(kept or {}))
    except Exception as error:
        # PyMySQL may have been imported long after this file, so its classes are known by name.
        if not any(base.__name__ == "MySQLError" for base in type(error).__mro__):
            raise
        refuse(module, **explain(parameters, error), **(kept or {}))


def explain(parameters, error):
    """Return why the server was not reached or refused, without the password: the words that
    refuse() and paragraph() take."""
    # PyMySQL turns what went wrong while encrypting into "cannot connect".
    cause = getattr(error, "original_exception", error)
    tls = isinstance(cause, ssl.SSLError) or (cause is error and isinstance(error, OSError))
    code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    text = str(cause if tls else error.args[-1])
    who = f"'{parameters.user}' at {parameters.where}"
    given = "with a password" if parameters.password else "without a password"
    if code == 2026 or tls:
        return {
            "found": f"The encrypted connection to {parameters.where} failed: {text}.",
            "next_": "Compare database_tls_ca, database_tls_cert, database_tls_key and "
            "database_tls_verify with the server's certificate",
        }
    if code == 1045:
        return {
            "found": f"The server refused {who}, {given}: {text}. Either the user does not exist "
            "for this host, or its password is another one, or it is only let in over TLS.",
            "next_": parameters.named
            or "Compare DB_USERNAME and DB_PASSWORD in the application's .env (and a cached "
            "configuration) with the server, or run playbooks/database_access.yml",
        }
    if code in (1044, 1142, 1143, 1227, 1370):
        return {
            "found": f"{who} may not do this: {text} ({code}).",
            "did": "Nothing was changed by this call.",
            "next_": f"Grant the right on the schema '{parameters.database}', or run "
            "playbooks/database_access.yml",
        }
    if code == 1049:
        return {
            "found": f"The server at {parameters.where} has no schema '{parameters.database}' "
            f"({text}).",
            "next_": "Compare DB_DATABASE in the application's .env with the server, or run "
            "playbooks/database_access.yml, which creates it",
        }
    if code in (1040, 1203, 1226):
        return {
            "found": f"The server at {parameters.where} takes no more connections of {who}: "
            f"{text} ({code}).",
            "next_": "Wait until there are fewer",
        }
    if code in (1129, 1130):
        return {
            "found": f"The server at {parameters.where} does not let this host in: {text} "
            f"({code}). The user must exist for this host's address.",
            "next_": "Let an administrator create it, or unblock the host (FLUSH HOSTS)",
        }
    if code in NO_SERVER:
        return {
            "found": f"No database server answers at {parameters.where}: {text}.",
            "next_": "See that the server runs and that DB_HOST, DB_PORT and DB_SOCKET in the "
            "application's .env name it",
        }
    if code in (2059, 3159) or isinstance(error, RuntimeError):
        return {
            "found": f"The server at {parameters.where} wants {who} to log in in a way that a "
            f"plain connection cannot: {text}.",
            "next_": "Give database_tls_ca (the server's CA certificate, so that the connection is "
            "encrypted), or use the server's socket, or install the Python package it names",
        }
    if code in (2006, 2013):
        return {
            "found": f"The server at {parameters.where} closed the connection: {text} ({code}).",
            "did": "What was sent last may or may not have been done.",
            "next_": "See that the server is up: the state is read anew",
        }
    return {
        "found": f"The server at {parameters.where} refused a statement of {who}: {text} ({code}).",
        "did": "",
        "next_": SEE_STATE,
    }
