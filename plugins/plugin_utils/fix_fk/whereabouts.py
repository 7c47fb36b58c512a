# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the rows of each table are after a repair, by the content of before and of afterwards."""

from __future__ import annotations

from .comparison import Undecided
from .inputs import Inputs

TITLE = "no row went missing"


def _same(one: dict | None, other: dict) -> bool:
    return one is not None and (one["rows"], one["digest"]) == (other["rows"], other["digest"])


class Rows:
    """Where the rows of every table went: lost, moved (which is well), or changed."""

    def __init__(self, expected: dict, volatile: list[str], inputs: Inputs):
        self.expected = expected
        self.passing = {name.casefold() for name in volatile}
        accepted = (
            *inputs.remigrate_accept_loss,
            *inputs.rollback_accept_loss,
            *inputs.carry_over_drop_old,
        )
        self.may_go = {name.casefold() for name in accepted}
        self.may_change = {name.casefold() for name in inputs.verify_accept_changed}
        self.undecided = Undecided(expected.get("undecided") or {})
        self.lost: list[str] = []
        self.tables: list[str] = []
        self.moved: list[str] = []
        self.changed: list[str] = []
        self.accepted: list[str] = []
        self.total = 0

    def compare(self, before: dict, after: dict) -> None:
        homes = {old: self.expected["names"].get(old, old) for old in before}
        # A copy that was there before is not where the rows went.
        own = {now for old, now in homes.items() if _same(after.get(now), before[old])}
        elsewhere = {
            (content["rows"], content["digest"]): name
            for name, content in after.items()
            if name not in own
        }
        for name, content in before.items():
            self.total += content["rows"]
            now, there = homes[name], after.get(homes[name])
            if _same(there, content):
                if now != name:
                    self.moved.append(f"{name} is now {now}")
                continue
            if content["rows"] == 0 or name.casefold() in self.passing:
                continue
            found = elsewhere.get((content["rows"], content["digest"]))
            if found and there and found in homes.values():
                self._exchanged(name, now, found)
            elif found:
                self.moved.append(f"{name} is now {found}")
            elif there:
                self._other(name, now, content["rows"], there["rows"])
            else:
                self._gone(name, now, content["rows"])

    def _exchanged(self, name: str, now: str, found: str) -> None:
        """Judge rows that are in another table than the plan says, which was there before."""
        said = f"the rows of {name} are in {found}, which was another table, and others in {now}"
        naming = self.undecided.naming(name, now) or self.undecided.anywhere()
        if naming:
            self.changed.append(f"{said}: {self.undecided.told(naming)}")
        else:
            self._fail(name, now, said)

    def _gone(self, name: str, now: str, rows: int) -> None:
        """Only a table that the plan drops, and that was accepted by name, may have gone."""
        if name in self.expected.get("dropped", ()) and name.casefold() in self.may_go:
            self.total -= rows
            self.moved.append(f"{name} and its {rows} rows are gone, as was accepted by name")
            return
        self._fail(name, now, f"{name} had {rows} rows, now gone")

    def _other(self, name: str, now: str, before: int, after: int) -> None:
        """Judge content that differs. Fewer rows are always said."""
        written = self.expected.get("written", {}).get(now) or []
        by = ", ".join(written)
        fewer = after < before
        self.total -= before - min(before, after)
        if written and not fewer:
            self.moved.append(
                f"{now} had {before} rows and has {after} (the migration {by}s rows of it)"
            )
            return
        if {"delete", "truncate"} & set(written) and after:
            self.changed.append(
                f"{now} had {before} rows, now {after}: the migration {by}s rows of it"
            )
            return
        naming = self.undecided.naming(name, now) or ([] if fewer else self.undecided.anywhere())
        said = f"{name} had {before} rows, now {after} rows of other content"
        if not after and name.casefold() in self.may_go:
            self.accepted.append(said)
            return
        # A table without a row is never only looked at.
        if naming and after:
            self.changed.append(f"{said}: {self.undecided.told(naming)}")
            return
        self._fail(name, now, said)

    def _fail(self, name: str, now: str, said: str) -> None:
        if self.may_change & {name.casefold(), now.casefold()}:
            self.accepted.append(said)
            return
        self.lost.append(said)
        self.tables.append(name)
