# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""The documentation of the options of modules that run artisan."""

from __future__ import annotations


class ModuleDocFragment:
    """Used with extends_documentation_fragment: artisan, artisan.sources and
    artisan.waiting."""

    DOCUMENTATION = r"""
options:
  timeout:
    description: Seconds after which artisan and all it started is ended.
    type: int
    default: 3600
"""

    SOURCES = r"""
options:
  sources:
    description:
      - PHP sources by the name of a migration, each to be run in the place of the file that a
        C(--path) argument names. Only in a clone that M(schema_clone) has made.
    type: dict
    default: {}
"""

    WAITING = r"""
options:
  lock_wait_timeout:
    description:
      - Seconds that one of artisan's C(ALTER), C(CREATE), C(DROP), C(RENAME) or C(TRUNCATE)
        statements may wait for a table lock, while others queue behind it. Then artisan is ended
        and who is in the way is named. The server's own limit is a day or a year.
    type: int
    default: 20
"""
