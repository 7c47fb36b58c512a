# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""The documentation of what a module returns when it expected a failure."""

from __future__ import annotations


class ModuleDocFragment:
    """Used with extends_documentation_fragment: refusal."""

    # Of what fragments may hold, notes are what a module's results can be told in.
    DOCUMENTATION = r"""
options: {}
notes:
  - "When it refuses or fails it returns RV(ignore:refusal), a dictionary, and RV(ignore:msg), the
    same in words. C(found): what stands in the way, in sentences. C(did): what it had done by then,
    a sentence, empty where that is not known. C(next): what to do. C(again): whether the same is
    to be run again after that."
"""
