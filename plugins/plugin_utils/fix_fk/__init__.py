# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half: reads statements, tells what happened, plans the repair.

Nothing here touches a server or a file of the target. The quoting of names is the one of
the modules, `module_utils/fix_fk/schema/sql.py`, found through `ansible.module_utils`.
"""

import os

import ansible.module_utils

_OURS = os.path.abspath(os.path.join(__file__, *[os.pardir] * 4, "module_utils"))
if _OURS not in ansible.module_utils.__path__:
    ansible.module_utils.__path__.append(_OURS)
