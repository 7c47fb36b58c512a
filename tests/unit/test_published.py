# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders that a web server serves, and how it gets there."""

from __future__ import annotations

import pytest
from ansible.module_utils.fix_fk.backup.published import published_by


@pytest.fixture
def home(tmp_path):
    for folder in (
        "app/public/img",
        "app/storage/app/public/deep",
        "app/storage/logs",
        "elsewhere/in",
    ):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "app/public/index.php").write_text("")
    return tmp_path


def test_a_folder_beside_the_application_is_not(home):
    for folder in ("backups", "app/storage/logs", "elsewhere/in/backups", "app/public2"):
        assert published_by(str(home / folder), str(home / "app")) is None, folder
        assert published_by(str(home / folder), None) is None, folder


@pytest.mark.parametrize(
    ("links", "folder"),
    [
        ({}, "app/public"),
        ({}, "app/public/img/b"),
        ({}, "app/storage/app/public/b"),
        ({"app/public/storage": "app/storage/app/public"}, "app/storage/app/public/deep/b"),
        ({"app/public/logs": "app/storage/logs"}, "app/storage/logs/b"),
        ({"app/public/img/all": "app"}, "app/storage/logs"),
        ({"app/public/a": "elsewhere", "elsewhere/c": "app/storage"}, "app/storage/logs"),
        ({"public_html": "app/public"}, "app/public/b"),
        ({}, "public_html/b"),
        ({}, "htdocs"),
    ],
)
def test_a_folder_that_is_served_is_told_with_how(home, links, folder):
    for link, target in links.items():
        (home / link).symlink_to(home / target)
    assert published_by(str(home / folder), str(home / "app")), folder


def test_the_folder_of_another_application_is(home):
    (home / "public_html").mkdir()
    (home / "public_html" / "files").symlink_to(home / "elsewhere")
    found = published_by(str(home / "elsewhere/in/b"), None)
    assert found == f"{home}/elsewhere, by the link {home}/public_html/files"
    assert (
        published_by(str(home / "app/public/b"), None)
        == f"beside or below {home}/app/public/index.php"
    )


def test_links_in_a_circle_end(home):
    (home / "app/public/again").symlink_to(home / "app/public")
    (home / "app/public/up").symlink_to(home / "app/public/img")
    (home / "app/public/img/gone").symlink_to(home / "nowhere")
    assert published_by(str(home / "backups"), str(home / "app")) is None
