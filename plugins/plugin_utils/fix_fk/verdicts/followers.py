# SPDX-License-Identifier: GPL-3.0-or-later
"""Children that still point at a table that was renamed away."""

from __future__ import annotations

from .. import children
from ..case import Case


def followed(case: Case) -> None:
    """Note each constraint that followed a table."""
    case.diagnosis.notes.extend(children.followers(case.laravel, case.schema))
