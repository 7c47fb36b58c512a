# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""The controller's pure-Python PyMySQL as a zip archive that a module can import from."""

from __future__ import annotations

import base64
import io
import os
import zipfile

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

DOCUMENTATION = r"""
name: pymysql_archive
author: fix_fk contributors
short_description: The controller's PyMySQL, packed for a target that lacks it
version_added: 0.1.0
description:
  - Packs the sources of the PyMySQL that the controller imports into a zip archive and returns
    it base64-encoded, about 60 kB, for the option O(pymysql_archive) of the modules.
  - A module unpacks it into its own temporary folder, which is gone when the module ends, so
    nothing is installed on the target and check mode stays free of writes.
"""

EXAMPLES = r"""
- name: Ask a server from a host without PyMySQL
  fk_constraint_info:
    laravel_path: /home/gaspulco/gaspul_api
    pymysql_archive: "{{ lookup('pymysql_archive') }}"
"""

RETURN = r"""
_raw:
  description: One string, the base64 text of the archive.
  type: list
  elements: str
"""


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):  # noqa: ARG002 - Ansible's signature
        try:
            import pymysql
        except ImportError as error:
            raise AnsibleLookupError(
                "PyMySQL is missing on the controller. Run: pip install -r requirements.txt"
            ) from error
        package = os.path.dirname(os.path.abspath(pymysql.__file__))
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for folder, _folders, files in sorted(os.walk(package)):
                for name in sorted(files):
                    if name.endswith(".py"):
                        path = os.path.join(folder, name)
                        inside = os.path.join("pymysql", os.path.relpath(path, package))
                        # A fixed date: the same package gives the same archive.
                        with open(path, "rb") as source:
                            archive.writestr(
                                zipfile.ZipInfo(inside), source.read(), zipfile.ZIP_DEFLATED
                            )
        return [base64.b64encode(buffer.getvalue()).decode()]
