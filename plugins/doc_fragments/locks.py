# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""The documentation of the options of modules that wait for locks, and not for long."""

from __future__ import annotations


class ModuleDocFragment:
    """Used with extends_documentation_fragment: locks."""

    DOCUMENTATION = r"""
options:
  lock_wait_timeout:
    description:
      - Seconds that one statement waits for a lock. The servers' own default is a day or a year.
    type: int
    default: 5
  retries:
    description:
      - How often a statement that waited in vain is sent again.
    type: int
    default: 3
  retry_delay:
    description:
      - Seconds between two tries, in which others get their turn.
    type: int
    default: 2
"""
