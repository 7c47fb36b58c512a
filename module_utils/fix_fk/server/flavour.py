# SPDX-License-Identifier: GPL-3.0-or-later
"""What MariaDB and MySQL, and their versions, do differently.

A flavour is "mariadb" or "mysql"; `number` is a version like [10, 11, 19].
"""

from __future__ import annotations

import unicodedata

NAMES = {"mariadb": "MariaDB", "mysql": "MySQL"}

# The dump programs, the preferred one first, and the Debian package that has them.
DUMP_PROGRAMS = {
    "mariadb": (("mariadb-dump", "mysqldump"), "mariadb-client"),
    "mysql": (("mysqldump",), "mysql-client"),
}

# The server's own program, the preferred name first.
SERVER_PROGRAMS = {"mariadb": ("mariadbd", "mysqld"), "mysql": ("mysqld",)}

# What the server calls the rule of a foreign key that names none.
UNNAMED_RULE = {"mariadb": "RESTRICT", "mysql": "NO ACTION"}


def flavour_of(text):
    """Return the flavour of what a server or a program says about itself."""
    return "mariadb" if "mariadb" in text.lower() else "mysql"


def version_number(version):
    """Return "10.11.19-MariaDB-0+deb12u1" as [10, 11, 19]."""
    parts = version.partition("-")[0].split(".")
    digits = ["".join(letter for letter in part if letter.isdigit()) for part in parts[:3]]
    return [int(part or 0) for part in digits + ["0"] * (3 - len(digits))]


def name_scope(flavour, number):
    """Return what the name of a foreign key is taken for: the whole "schema", or one "table"."""
    return "table" if flavour == "mariadb" and number >= [12, 1, 0] else "schema"


def name_key(name, flavour):
    """Return what two constraint names share exactly when the server takes them for one.

    MariaDB folds the case of ASCII letters only; MySQL 8 and newer also take "fk_ü" for "fk_U".
    """
    if flavour == "mariadb":
        return name.encode("utf-8").lower().decode("utf-8")
    letters = unicodedata.normalize("NFD", name)
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).casefold()


def replica_question(flavour, number):
    """Return the statement that has a row where the server copies from another one."""
    if flavour == "mariadb":
        return "SHOW ALL SLAVES STATUS"
    return "SHOW REPLICA STATUS" if number >= [8, 0, 22] else "SHOW SLAVE STATUS"


def dictionary_table(flavour, number):
    """Return the table of InnoDB's foreign keys, and whether it has names as they are read.

    Otherwise they are spelled as the files are.
    """
    readable = flavour == "mysql" and number >= [8, 0, 0]
    return f"information_schema.INNODB_{'' if readable else 'SYS_'}FOREIGN", readable


def limited(query, seconds, flavour):
    """Return a SELECT that the server ends after so many seconds."""
    if flavour == "mariadb":
        return f"SET STATEMENT max_statement_time = {seconds:g} FOR {query}"
    hint = f"/*+ MAX_EXECUTION_TIME({int(seconds * 1000)}) */"
    return query.replace("SELECT", f"SELECT {hint}", 1)


def comparable(definition):
    """Return a SHOW CREATE TABLE that is the same before a dump and after it was loaded.

    MySQL leaves a column's character set out where it is the table's own, and shows it beside the
    collation once the dump, which says the collation, was loaded. A collation has one character
    set, so beside it that says nothing.
    """
    plain, *others = definition.split(" CHARACTER SET ")
    for other in others:
        charset, collate, rest = other.partition(" COLLATE ")
        known = collate and charset.isalnum()
        plain += collate + rest if known else " CHARACTER SET " + other
    return plain


def client_tls(flavour, encrypted, verify, socket):
    """Return the lines of a client's option file that say whether and how it encrypts."""
    if flavour == "mysql":
        # A certificate never carries the name of a socket.
        strict = "VERIFY_CA" if socket else "VERIFY_IDENTITY"
        return ["ssl-mode=" + (strict if verify else "REQUIRED" if encrypted else "PREFERRED")]
    return [f"ssl={int(encrypted)}", f"ssl-verify-server-cert={int(verify and not socket)}"]


def dumps_history(flavour, number, known):
    """Whether a dump can hold the past rows of system-versioned tables, and this server load it.

    known: what --help of the dump program says.
    """
    return flavour == "mariadb" and number >= [10, 11, 0] and "--dump-history" in known


def end_of_time(number):
    """Return what the rows of a system-versioned table end at while they are there."""
    return "2106" if number >= [11, 5, 0] else "2038"


def dump_options(flavour, known):
    """Return the options that a dump needs besides; `known` is what --help of the program says."""
    if flavour == "mariadb":
        return []
    given = ["--set-gtid-purged=OFF", "--no-tablespaces"]
    return [*given, "--column-statistics=0"] if "--column-statistics" in known else given
