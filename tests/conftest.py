# SPDX-License-Identifier: GPL-3.0-or-later
"""Let tests import the modules' shared code the way a module does."""

import os

import ansible.module_utils

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ansible.module_utils.__path__.append(os.path.join(ROOT, "module_utils"))
