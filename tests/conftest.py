# SPDX-License-Identifier: GPL-3.0-or-later
"""Let tests import the modules' shared code the way a module does; the sandbox that they share."""

import os
import shutil
from pathlib import Path

import ansible.module_utils
import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ansible.module_utils.__path__.append(os.path.join(ROOT, "module_utils"))

from sandbox import Sandbox  # noqa: E402 - it imports that code

# What is there while a sandbox is; all else beside it is of a test.
PARTS = {"app", "server", "seeded.sql", "seeded.json", ".fix_fk_sandbox"}


@pytest.fixture(scope="session")
def one_sandbox(tmp_path_factory):
    """A sandbox for each worker of pytest-xdist: to make one takes as long as ten tests."""
    sandbox = Sandbox(tmp_path_factory.mktemp("sandbox"))
    sandbox.present()
    yield sandbox
    sandbox.absent()


@pytest.fixture(scope="module")
def kept(one_sandbox):
    """The sandbox, seeded, with nothing in it of the file of tests before; each test brings it
    into the state that it needs."""
    for path in Path(one_sandbox.dir).iterdir():
        if path.name not in PARTS:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    one_sandbox.present()
    return one_sandbox


@pytest.fixture
def broken(kept):
    """The sandbox in the incident."""
    kept.broken()
    return kept
