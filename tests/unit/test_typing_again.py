# SPDX-License-Identifier: GPL-3.0-or-later
"""A printed command does what the one did that was typed."""

from __future__ import annotations

import pytest
from fix_fk import typing_again
from fix_fk.screen.report import as_typed

ROOT = "/srv/fix_fk"


@pytest.mark.parametrize(
    ("here", "sources", "typed"),
    [
        (ROOT, [f"{ROOT}/production"], "fix_fk.yml -i production"),
        ("", [f"{ROOT}/production"], "fix_fk.yml -i production"),
        (ROOT, ["/etc/hosts a"], "fix_fk.yml -i '/etc/hosts a'"),
        (ROOT, ["host,"], "fix_fk.yml -i host,"),
        ("/root", [f"{ROOT}/production"], f"{ROOT}/fix_fk.yml -i {ROOT}/production"),
        (ROOT, [f"{ROOT}/a", f"{ROOT}/b"], "fix_fk.yml -i a -i b"),
        (ROOT, [], "fix_fk.yml -i production"),
    ],
)
def test_it_names_files_from_the_folder_one_is_in(here, sources, typed):
    inventory = typing_again.inventory(sources, ROOT, here)
    said = as_typed("run fix_fk.yml", inventory, typing_again.place(ROOT, here))
    assert said == f"run ansible-playbook {typed}"


def test_of_a_collection_the_name_is_enough():
    assert as_typed("fix_fk.laravel.restore", "x", "/p/") == (
        "ansible-playbook fix_fk.laravel.restore -i x"
    )


@pytest.mark.parametrize(
    ("given", "typed"),
    [
        ({}, ""),
        ({"subset": "s3282"}, " --limit s3282"),
        # No value: it may be a password.
        (
            {"extra_vars": ("@vault.yml", "database_password=x", "@/r/env/extravars"),
             "ask_vault_pass": True},
            " -e @vault.yml --ask-vault-pass",
        ),
        (
            {"vault_password_files": ("/my key",), "vault_ids": ("a@b",)},
            " --vault-password-file '/my key' --vault-id a@b",
        ),
    ],
)  # fmt: skip
def test_it_names_the_hosts_and_where_the_secrets_are(given, typed):
    assert typing_again.options(given) == typed
