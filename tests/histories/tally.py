# SPDX-License-Identifier: GPL-3.0-or-later
"""What came of each application, and how it is shown."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Tally:
    """What came of one application."""

    name: str
    migrations: int = 0
    ran: int = 0
    right: int = 0
    noise: int = 0
    stops: int = 0
    untold: int = 0
    seconds: float = 0.0
    misses: list[str] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    noisy: Counter = field(default_factory=Counter)

    def row(self) -> list[str]:
        figures = (
            *(self.migrations, self.ran, len(self.left_out), self.right, self.stops, self.untold),
            *(len(self.misses), len(self.alarms), self.noise, round(self.seconds)),
        )
        return [self.name, *map(str, figures)]


HEAD = ["application", "migrations", "ran", "left out", "foreseen right", "stops", "place not told",
        "misses", "false alarms", "noise", "seconds"]  # fmt: skip


def tell(tally: Tally) -> None:
    print(f"\n{tally.name}")
    for label, sentences in (("MISS", tally.misses), ("FALSE ALARM", tally.alarms)):
        for sentence in sentences:
            print(f"  {label}: {sentence}")
    for migration, why in tally.left_out.items():
        if "as was foreseen" not in why:
            print(f"  left out: {migration}: {why[:200]}")
    for what, number in tally.noisy.most_common():
        print(f"  noise, {number} times: {what}")
    sys.stdout.flush()


def table(rows: list[list[str]]) -> None:
    sums = (str(sum(int(row[n]) for row in rows)) for n in range(1, len(HEAD)))
    shown = [HEAD, *rows, ["together", *sums]]
    widths = [max(len(row[n]) for row in shown) for n in range(len(HEAD))]
    print()
    for row in shown:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
