# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module that talks to the database server says about how it gets there."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  connection:
    description:
      - Any of the options that begin with C(laravel_) or C(database_), O(run) and
        O(pymysql_archive), together as one dictionary. One given by itself wins.
    type: dict
  laravel_path:
    description:
      - Root folder of the Laravel application on the target, the one with C(artisan) in it.
      - When given, the application itself is asked, on the target, which database it uses (cached
        configuration, C(.env) and environment included). Explicit O(database_host) and its
        neighbours override single values. The password stays on the target.
    type: path
  laravel_php:
    description: The PHP program that runs the application, a name in PATH or an absolute path.
    type: str
    default: php
  laravel_env:
    description: Additional environment variables for PHP.
    type: dict
    default: {}
  laravel_env_database:
    description:
      - Whether O(database_host), O(database_port), O(database_socket), O(database_user),
        O(database_password) and O(database_name) are given to PHP as well, in its environment as
        C(DB_HOST) and so on, so that artisan works on that server too. What is not given is empty
        there. A rehearsal on another server is made of this.
    type: bool
    default: false
  laravel_probe:
    description:
      - The PHP program that puts questions to the application, for the standard input of PHP. The
        roles of this project fill it in, with the lookup P(laravel_probe#lookup).
    type: str
  database_connection:
    description:
      - Name of the connection in the application's C(config/database.php).
      - Without it, the application's default connection.
    type: str
  database_host:
    description:
      - Host name or address of the server. Without it and without O(laravel_path), V(127.0.0.1).
      - V(localhost) without O(database_port) means the server's usual socket, as it does for PHP
        and the server's own client.
    type: str
  database_port:
    description: TCP port of the server. Without it and without O(laravel_path), 3306.
    type: int
  database_socket:
    description: Path of the server's Unix socket, used instead of host and port.
    type: path
  database_user:
    description: The account. Required without O(laravel_path).
    type: str
  database_password:
    description:
      - The account's password. It may contain any character. It is never shown or returned.
    type: str
  database_name:
    description: The schema. Required without O(laravel_path).
    type: str
  database_tls_ca:
    description:
      - File on the target with the certificate of the authority that signed the server's, in PEM
        format. The connection is then encrypted and the certificate verified.
    type: path
  database_tls_cert:
    description: File on the target with the client's certificate, in PEM format.
    type: path
  database_tls_key:
    description: File on the target with the client's private key, in PEM format.
    type: path
  database_tls_verify:
    description:
      - V(true) encrypts the connection and verifies the server's certificate (against
        O(database_tls_ca), else against the system's authorities); V(false) encrypts it without
        verifying.
      - Without any O(database_tls_ca) option the connection is encrypted only if the application's
        is, or if a server on this machine demands it.
    type: bool
  run:
    description:
      - The run that this call is a part of. There is one at a time for each schema. The first call
        that writes takes a named lock on the server (C(GET_LOCK)), which a process on this host
        then keeps for the calls that follow. While another run has the lock, a call that writes
        fails and changes nothing; C(held_by) in its result says who has it.
      - Without it, and in check mode, nothing is locked.
    type: dict
    suboptions:
      id:
        description: Name of the run.
        type: str
        required: true
      idle:
        description: Seconds without a call of the run after which the lock is let go.
        type: int
        default: 30
      rehearses:
        description: Whether the call works on a clone, so that it needs no lock.
        type: bool
        default: false
  pymysql_archive:
    description:
      - PyMySQL as a zip file in base64, for targets whose Python lacks it. The roles of this
        project fill it in. It is kept in the task's temporary folder and gone afterwards.
    type: str
requirements:
  - O(laravel_probe) with O(laravel_path)
  - Python 3.8 or newer on the target
  - PyMySQL on the target, or O(pymysql_archive)
"""
