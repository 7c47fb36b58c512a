# SPDX-License-Identifier: GPL-3.0-or-later
"""What the migrations table says of the application's migrations."""

from __future__ import annotations

# The batch of a migration that is recorded only to be rolled back. Laravel's own batches count up
# from 1, so that a record which an interrupted run left behind says itself what it is.
ROLLBACK_BATCH = 2000000000


def split_migrations(files, database, runs=()):
    """Sort migrations by what the migrations table says.

    files: {name: path}; database, runs: what probe() answered. Returns {recorded: [{name, batch}],
    pending: [names in the order they would run], missing: [recorded, but without a file],
    to_roll_back: [recorded by an interrupted run only to be rolled back, and thus pending],
    skipped: [not recorded, and passed over by `migrate`, so not pending]}; with an unreachable
    database every value is None.
    """
    if database["recorded"] is None:
        return dict.fromkeys(("recorded", "pending", "missing", "to_roll_back", "skipped"))
    recorded = [row for row in database["recorded"] if row["batch"] != ROLLBACK_BATCH]
    names = {row["name"] for row in recorded}
    pending = [name for name in files if name not in names]
    skipped = [name for name in pending if dict(runs).get(name) is False]
    return {
        "recorded": recorded,
        "pending": [name for name in pending if name not in skipped],
        "skipped": skipped,
        "missing": [row["name"] for row in recorded if row["name"] not in files],
        "to_roll_back": [
            row["name"] for row in database["recorded"] if row["batch"] == ROLLBACK_BATCH
        ],
    }
