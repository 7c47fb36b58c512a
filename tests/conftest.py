# SPDX-License-Identifier: GPL-3.0-or-later
"""Let tests import the modules' shared code the way a module does; the sandbox that they share."""

import os

import ansible.module_utils
import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ansible.module_utils.__path__.append(os.path.join(ROOT, "module_utils"))

from sandbox import Sandbox  # noqa: E402 - it imports that code


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A sandbox for all tests of a file; each brings it into the state that it needs."""
    sandbox = Sandbox(tmp_path_factory.mktemp("sandbox"))
    sandbox.present()
    yield sandbox
    sandbox.absent()


@pytest.fixture
def broken(kept):
    """The sandbox in the incident."""
    kept.broken()
    return kept
