# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""The key with which manifests of backups are sealed, from a file on the controller."""

from __future__ import annotations

import hashlib
import os

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

DOCUMENTATION = r"""
name: backup_key
author: fix_fk contributors
short_description: The key with which manifests of backups are sealed
version_added: 0.1.0
description:
  - Returns a digest of a file on the controller, for the option C(key) of M(schema_backup) and
    M(schema_restore). What is in the file does not leave the controller.
  - Fails for a file that is short (less than 16 bytes), or that others may read.
options:
  _terms:
    description: Path of the file.
    required: true
"""

EXAMPLES = r"""
- name: Make a backup whose manifest nobody without the key can change
  schema_backup:
    laravel_path: /home/gaspulco/gaspul_api
    dir: /home/gaspulco/backups
    key: "{{ lookup('backup_key', '~/.fix_fk_backup_key') }}"
"""

RETURN = r"""
_raw:
  description: 64 hexadecimal digits.
  type: list
  elements: str
"""

SHORTEST = 16


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):  # noqa: ARG002 - Ansible's signature
        return [read(os.path.expanduser(str(term))) for term in terms]


def read(path):
    """Return the key that the file holds, as hexadecimal digits."""
    try:
        with open(path, "rb") as file:
            mode, key = os.fstat(file.fileno()).st_mode, file.read().strip()
    except OSError as error:
        raise AnsibleLookupError(
            f"backup_key names the file {path}, which cannot be read: {error}. Nothing was "
            f"changed. Next: make one, and keep a copy: (umask 077; openssl rand -hex 32 > {path})"
        ) from None
    if mode & 0o077:
        raise AnsibleLookupError(
            f"Others may read the file {path}, which backup_key names (mode {mode & 0o7777:04o}). "
            f"Nothing was changed. Next: chmod 0600 {path}"
        )
    if len(key) < SHORTEST:
        raise AnsibleLookupError(
            f"The file {path}, which backup_key names, holds {len(key)} bytes, and a key has "
            f"{SHORTEST} at least. Nothing was changed. "
            f"Next: (umask 077; openssl rand -hex 32 > {path})"
        )
    return hashlib.sha256(key).hexdigest()
