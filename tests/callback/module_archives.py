# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the archives in which Ansible sends modules from one run of a test session to the next.

Ansible makes one of each module in every run, and the module's Python compiles it at every call;
both together are two thirds of what a module costs. Here an archive is made once, by Ansible, and
has the compiled files besides. FIX_FK_ARCHIVES names the folder, which must not outlive a change of
the modules.
"""

from __future__ import annotations

import base64
import dataclasses
import importlib.util
import io
import marshal
import os
import zipfile

from ansible import constants
from ansible.executor import module_common
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: module_archives
type: aggregate
short_description: Keep the archives of modules from run to run
description: See the file.
"""

# Whatever the time of the source is: it is in the same archive.
HEADER = importlib.util.MAGIC_NUMBER + (0b01).to_bytes(4, "little") + bytes(8)


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "module_archives"

    def v2_playbook_on_start(self, playbook):  # noqa: ARG002 - Ansible gives it by its name
        place = os.path.join(constants.DEFAULT_LOCAL_TMP, "ansiballz_cache")
        os.symlink(os.environ["FIX_FK_ARCHIVES"], place)
        dump = module_common._CachedModule.dump
        module_common._CachedModule.dump = lambda made, path: dump(compiled(made), path)


def compiled(made):
    """Return what Ansible keeps of a module, with the compiled files in its archive."""
    content = io.BytesIO(base64.b64decode(made.zip_data))
    with zipfile.ZipFile(content, "a", zipfile.ZIP_DEFLATED) as archive:
        for name in [name for name in archive.namelist() if name.endswith(".py")]:
            code = compile(archive.read(name), name, "exec", dont_inherit=True)
            archive.writestr(f"{name}c", HEADER + marshal.dumps(code))
    return dataclasses.replace(made, zip_data=base64.b64encode(content.getvalue()))
