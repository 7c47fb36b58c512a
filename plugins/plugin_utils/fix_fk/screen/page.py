# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of one host's run as an HTML page."""

from __future__ import annotations

import os

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from .lede import lede
from .text import backup_of

# Everything shown comes from a database or a log. Ansible's own templates do not escape.
_PAGES = Environment(
    loader=FileSystemLoader(os.path.dirname(__file__)),
    autoescape=True,
    trim_blocks=True,
    keep_trailing_newline=True,
    undefined=StrictUndefined,
)


def page(data: dict) -> str:
    """Return the page; `data` is what `fix_fk_report` builds."""
    return _PAGES.get_template("page.html.j2").render(
        report=data, lede=lede(data), backup_of=backup_of
    )
