# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups that only named recipients can read, by age or gpg, whichever this host has.

    encryption = find_encryption(module, recipients)       # {program, recipients}, or None
    compressor = sealing(module, compressor, encryption)   # what it packs is encrypted
    compressor = opening(module, compressor, encryption, identity)

A recipient is a public key of age ("age1..." or of ssh), or names a key of gpg's keyring. Reading
takes the secret key: for age the file `identity`, for gpg its keyring.
"""

from __future__ import annotations

import dataclasses
import os
import subprocess

from ansible.module_utils.fix_fk.backup.dump import ENVIRONMENT, NOT_MADE
from ansible.module_utils.fix_fk.refusal import refuse

FOR_AGE = ("age1", "ssh-")
SUFFIX = {"age": "age", "gpg": "gpg"}
# Seconds that a program may take to encrypt nothing: gpg may start its agent.
PATIENCE = 60


def find_encryption(module, recipients):
    """Return what encrypts to these, after it has been tried; end the module when it cannot."""
    if not recipients:
        return None
    kinds = {"age" if name.startswith(FOR_AGE) else "gpg" for name in recipients}
    if len(kinds) > 1:
        refuse(
            module,
            "backup_recipients names keys of age and of gpg, and a backup is encrypted by one: "
            f"{', '.join(recipients)}.",
            "Name those of one kind",
            NOT_MADE,
        )
    found = {"program": kinds.pop(), "recipients": list(recipients)}
    command = _seal(module, found)
    try:
        tried = subprocess.run(
            command, input=b"", capture_output=True, env=ENVIRONMENT, timeout=PATIENCE
        )
        said = (
            ""
            if tried.returncode == 0 and tried.stdout
            else tried.stderr.decode("utf-8", "replace")
        )
        failed = tried.returncode or not tried.stdout
    except (OSError, subprocess.SubprocessError) as error:
        said, failed = str(error), True
    if failed:
        refuse(
            module,
            f"{found['program']} cannot encrypt to {', '.join(recipients)}: "
            f"{' '.join(said.split()) or 'it says nothing'}.",
            "Put the names in backup_recipients right, or import the public key on this host",
            NOT_MADE,
        )
    return found


def _program(module, name):
    path = module.get_bin_path(name)
    if path is None:
        refuse(
            module,
            f"backup_recipients asks for a backup that is encrypted, and {name} is not on this "
            "host's PATH.",
            f"Install the package {name}, or name keys of {'gpg' if name == 'age' else 'age'}",
            NOT_MADE,
        )
    return path


def _gpg(module):
    home = os.environ.get("GNUPGHOME") or os.path.join(os.path.expanduser("~"), ".gnupg")
    return (_program(module, "gpg"), "--homedir", home, "--batch", "--no-tty", "--quiet")


def _seal(module, encryption):
    if encryption["program"] == "age":
        names = [part for name in encryption["recipients"] for part in ("-r", name)]
        return (_program(module, "age"), *names)
    names = [part for name in encryption["recipients"] for part in ("--recipient", name)]
    # The keys are those that the operator has named; it is packed already.
    trusted = ("--trust-model", "always", "--compress-algo", "none")
    return (*_gpg(module), *trusted, *names, "--output", "-", "--encrypt")


def sealing(module, compressor, encryption):
    """Return the compressor whose files are encrypted."""
    if encryption is None:
        return compressor
    suffix = f"{compressor.suffix}.{SUFFIX[encryption['program']]}"
    return dataclasses.replace(compressor, suffix=suffix, seal=_seal(module, encryption))


def opening(module, compressor, encryption, identity):
    """Return the compressor that reads encrypted files; None where it takes a secret key first."""
    if encryption is None:
        return compressor
    if encryption["program"] == "gpg":
        return dataclasses.replace(compressor, open=(*_gpg(module), "--decrypt"))
    if not identity or not os.path.isfile(identity):
        return None
    return dataclasses.replace(
        compressor, open=(_program(module, "age"), "--decrypt", "-i", identity)
    )


def needed(encryption, identity):
    """Return what reading an encrypted backup takes, as a sentence without its full stop."""
    whose = ", ".join(encryption["recipients"])
    if encryption["program"] == "gpg":
        return (
            f"import the secret key of one of {whose} into gpg's keyring on this host, and run it "
            "again; take it away afterwards"
        )
    missing = f" ({identity} is no file here)" if identity else ""
    return (
        f"put the file with the secret key of one of {whose} on this host, mode 0600, and name it: "
        f"-e backup_identity=<file>{missing}; take it away afterwards"
    )
