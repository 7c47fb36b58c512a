# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""The documentation of the options that say which backups are kept."""

from __future__ import annotations


class ModuleDocFragment:
    """Used with extends_documentation_fragment: retention."""

    DOCUMENTATION = r"""
options:
  keep:
    description:
      - How many backups of the schema stay in the folder, the newest ones. What O(keep_days) keeps
        stays as well, and so does the newest proven one. With V(0) in both none is removed.
        M(schema_backup) removes the others; M(schema_restore) with O(ignore:state=listed) says in
        RV(ignore:backups) what stays, and removes nothing.
    type: int
    default: 0
  keep_days:
    description:
      - For how many days a backup stays.
    type: int
    default: 0
  keep_runs:
    description:
      - Runs that are not finished. Their backups stay, with all that were made since.
    type: list
    elements: str
    default: []
  keep_all:
    description:
      - Whether all stay this time, as where rows are in a table in which the application does not
        look for them.
    type: bool
    default: false
"""
