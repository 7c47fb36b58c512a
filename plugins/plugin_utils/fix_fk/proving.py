# SPDX-License-Identifier: GPL-3.0-or-later
"""Proves the fault in the code on an empty schema, and its patch on three.

The patch counts only where an empty schema, one at the state before the migration, and one where
it has run end with equal definitions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from . import learned
from .carrying_out import Failed
from .clone import Clone, as_if_in
from .code import advice, edits, fault
from .facts import Laravel, live
from .learning import reaches_out
from .schema.messages import read_message
from .schema.statements import tables_of
from .trial import NoScratch, Trial, differences, left_at

# Faults that are patched one after the other, until the migrations get through.
MOST = 5
# From this Laravel on constrained() takes a name.
TAKES_NAME = 10


OTHER_KIND = "its fault is of another kind"


class NoPatch(Exception):
    """There is no certain patch; the text says why, `lines` are those of the file in question."""

    def __init__(self, why: str, lines: list[int] | None = None):
        super().__init__(why)
        self.lines = lines or []


@dataclass
class Patch:
    """Sources in the place of files, and what is to be said of them."""

    sources: dict[str, str] = field(default_factory=dict)
    originals: dict[str, str] = field(default_factory=dict)
    edits: dict[str, list[dict]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def first(self) -> str:
        return min(self.sources)


class Proving:
    """One application whose code is tried.

    schema: the live one's facts. patched: runs migration_patch with `path` and `edits`, and returns
    its result. stopped: whether a migration has stopped half-way on the live schema.
    """

    def __init__(self, clone: Clone, schema: dict, stopped: bool, patched: Callable[..., dict]):
        self.laravel, self.stopped, self._patched = Laravel(clone.laravel), stopped, patched
        self.nothing = {**schema, "tables": [], "views": [], "details": {}, "constraints": []}
        paths = {one["name"]: one["path"] for one in clone.laravel["migrations"]["files"]}
        self.names = fault.files(self.laravel)
        self.clone = clone
        self.trial = Trial(clone, paths)
        self.paths = paths

    def prove(self) -> dict:
        """Return {refused: why nothing was proven, fault, now: what stops the pending migrations on
        the schema as it is, patch, proof, advice, lines}."""
        found: dict = dict.fromkeys(("refused", "fault", "now", "patch", "proof", "advice"))
        found["lines"] = []
        found["refused"] = reaches_out(self.laravel, self.names) or _outside(self.laravel)
        if found["refused"]:
            return found
        try:
            failed = self._on_empty({})
            if failed:
                self._of_fault(failed, found)
            else:
                found["now"] = self._now()
        except NoScratch as why:
            found["refused"] = str(why)
        finally:
            self.trial.end()
        return found

    # --- the fault ----------------------------------------------------------------------------

    def _on_empty(self, sources: dict[str, str]) -> Failed | None:
        """Run all migrations on an empty schema; return how that failed."""
        self.trial.begin()
        try:
            self.after = self.trial.structure(self.trial.migrate(self.names, sources))
        except Failed as failed:
            if "held_by" in failed.result:
                raise
            return failed
        return None

    def _now(self) -> dict | None:
        """Return what stops the pending migrations on the schema as it is, by its definitions."""
        pending = [name for name in self.names if name in self.laravel.pending]
        if self.stopped or not pending:
            return None
        self.trial.begin("structure")
        try:
            self.trial.migrate(pending, {})
        except Failed as failed:
            return {"migration": left_at(failed, pending), "error": self._said(failed)}
        return None

    def _of_fault(self, failed: Failed, found: dict) -> None:
        told, before, sent = self._analysed(failed, {})
        found["fault"] = told
        why = OTHER_KIND
        for way in range(2):
            try:
                patch = self._patch(way, told, before, sent)
                found["proof"] = self._three(patch)
                found["patch"] = self._told(patch)
                return
            except NoPatch as no:
                found["lines"] = found["lines"] or no.lines
                why = f"{why}; the other way: {no}" if way and why != OTHER_KIND else str(no)
                if why == OTHER_KIND:
                    break
        told["why_not"] = why
        found["advice"] = advice.advice(told, edits.ways(before, sent), found["lines"])

    def _analysed(self, failed: Failed, sources: dict[str, str]):
        """Return (what is said of the fault, the schema before the migration, what it sends)."""
        name = left_at(failed, self.names)
        number = self.names.index(name)
        self.trial.begin()
        before = live(self.trial.migrate(self.names[:number], sources) or self.nothing)
        sent = self._sent(name)
        shown = self.laravel.up(name)
        if sent and not sent["stopped"] and sent["error"]:
            texts = [one["sql"] for one in sent["statements"]]
            failing = texts[-1:] if texts and not sent["statements"][-1]["done"] else []
            asks = [text for text in texts if learned.is_question(text)]
            statements = [text for text in texts if text not in asks]
            later = learned.rest(shown, failing) or []
            error, line = sent["error"], sent["line"]
        else:
            said = failed.result.get("stderr", "") + failed.result.get("stdout", "")
            message = next((text for text in said.splitlines() if "SQLSTATE[" in text), "")
            read = read_message(self._as_own(message))
            failing = [read.sql] if read and read.sql in shown else []
            place = shown.index(failing[0]) + 1 if failing else 0
            statements, later = shown[:place], shown[place:]
            error, line = self._said(failed), None
        told = {
            "migration": name,
            "number": number + 1,
            "total": len(self.names),
            "path": self._inside(self.paths[name]),
            "statement": len(statements) if failing else None,
            "sql": failing[0] if failing else "",
            "error": error,
            "line": line,
            "problem": _problem(before, statements) if failing else None,
        }
        version = str(self.laravel.raw.get("version") or "0").split(".")[0]
        takes = version.isdecimal() and int(version) >= TAKES_NAME
        down = tuple(self.laravel.down(name))
        prefix = self.laravel.prefix
        return told, before, edits.Sent((*statements, *later), down, prefix, takes)

    def _sent(self, name: str) -> dict | None:
        try:
            sent = self.trial.sent(name)
        except Failed as failed:
            if "held_by" in failed.result:
                raise
            return None
        return as_if_in(self._own(), self.clone.made["schema"], sent)

    def _patch(self, way: int, told: dict, before, sent: edits.Sent) -> Patch:
        """Return the sources with which all migrations get through on an empty schema."""
        patch = Patch()
        for _ in range(MOST):
            self._change(patch, way, told, before, sent)
            failed = self._on_empty(patch.sources)
            if not failed:
                return patch
            name = left_at(failed, self.names)
            if name in patch.sources:
                raise NoPatch(f"with the patch {name} still fails: {self._said(failed)}")
            told, before, sent = self._analysed(failed, patch.sources)
        raise NoPatch(f"more than {MOST} migrations have a fault of their own")

    def _change(self, patch: Patch, way: int, told: dict, before, sent: edits.Sent) -> None:
        name = told["migration"]
        ways, met = edits.ways(before, sent), edits.problems(before, sent)
        if not ways or met[0].problem.statement != told["sql"]:
            behind = (
                f"behind it {name} fails as well ({told['error']}), and " if patch.sources else ""
            )
            raise NoPatch(f"{behind}{OTHER_KIND}")
        if way and len(ways) == 1 and not patch.sources:
            raise NoPatch("there is no other way")
        self._edit(patch, name, ways[min(way, len(ways) - 1)])

    def _edit(self, patch: Patch, name: str, changes: list[dict]) -> None:
        result = self._patched(path=self.paths[name], edits=changes)
        refused = result["refused"]
        if refused:
            raise NoPatch(refused["why"], refused["lines"])
        patch.sources[name], patch.originals[name] = result["patched"], result["source"]
        patch.edits[name] = changes

    # --- the three schemas --------------------------------------------------------------------

    def _three(self, patch: Patch) -> dict:
        """Return how the patch was proven; raises NoPatch where the three schemas differ."""
        empty = self.after
        round_trip = self._round_trip(patch)
        if round_trip and any(one.get("back") for one in patch.edits[patch.first]):
            changes = [{**one, "back": None} for one in patch.edits[patch.first]]
            self._edit(patch, patch.first, changes)
            round_trip = self._round_trip(patch)
        before, of_before = self._from_before(patch)
        ran, of_ran = self._where_it_ran(patch)
        touched = self._touched(patch)
        own = {"before": of_before == "live", "ran": of_ran == "live"}
        for what, then in (("before", before), ("ran", ran)):
            only = touched.__contains__ if own[what] else bool
            found = differences(empty, then, only)
            if found:
                state = "before the migration" if what == "before" else "after it"
                whose = "the schema as it is" if own[what] else "one made for it"
                raise NoPatch(
                    f"an empty schema and one {state} ({whose}) would end differently: "
                    f"{'; '.join(found)}"
                )
        if round_trip:
            patch.notes.append(f"Its down() does not lead back to before: {round_trip}.")
        return {
            "tables": len(empty),
            "before": of_before,
            "ran": of_ran,
            "touched": sorted(touched),
            "round_trip": not round_trip,
            "notes": patch.notes,
        }

    def _start(self, patch: Patch) -> tuple[dict[str, str], str]:
        """Make a schema at the state before the migration: the live one's, where that is there."""
        first = patch.first
        if first in self.laravel.pending and not self.stopped:
            structure = self.trial.begin("structure")
            earlier = [n for n in self.names if n < first and n in self.laravel.pending]
            if earlier:
                structure = self.trial.structure(self.trial.migrate(earlier, {}))
            return structure, "live"
        self.trial.begin()
        made = self.trial.migrate(self._earlier(first), {})
        return self.trial.structure(made) if made else {}, "made"

    def _earlier(self, first: str) -> list[str]:
        return self.names[: self.names.index(first)]

    def _later(self, first: str) -> list[str]:
        return self.names[self.names.index(first) + 1 :]

    def _round_trip(self, patch: Patch) -> str:
        """Return why down() does not lead back, and up() from there; nothing where they do."""
        first = patch.first
        before, _ = self._start(patch)
        try:
            self.trial.migrate([first], patch.sources)
            back = differences(before, self.trial.roll_back(first, patch.sources))
            if not back:
                self.trial.migrate([first], patch.sources)
        except Failed as failed:
            return self._said(failed).rstrip(".")
        return "; ".join(back)

    def _from_before(self, patch: Patch) -> tuple[dict[str, str], str]:
        _, whose = self._start(patch)
        done = self.laravel.recorded if whose == "live" else ()
        rest = [name for name in [patch.first, *self._later(patch.first)] if name not in done]
        return self._ended(rest, patch), whose

    def _where_it_ran(self, patch: Patch) -> tuple[dict[str, str], str]:
        """Return the structure that the patched code leaves where the migration has run already."""
        first = patch.first
        if first in self.laravel.recorded:
            structure = self.trial.begin("structure")
            pending = [name for name in self.names if name in self.laravel.pending]
            return (self._ended(pending, patch) if pending else structure), "live"
        self.trial.begin()
        self.trial.migrate(self._earlier(first), {})
        changes = patch.edits[first]
        if all(one["do"] == "free" for one in changes):
            # As the repair does it: the names are dropped, and the code is that of before.
            for one in changes:
                keys = [{"name": key["name"], "table": one["owner"]} for key in one["keys"]]
                self.trial.drop(keys)
            self._migrated([first], {})
        else:
            self._migrated([first], patch.sources)
        return self._ended(self.names, patch), "made"

    def _ended(self, names: list[str], patch: Patch) -> dict[str, str]:
        return self.trial.structure(self._migrated(names, patch.sources))

    def _migrated(self, names: list[str], sources: dict[str, str]) -> dict:
        try:
            return self.trial.migrate(names, sources)
        except Failed as failed:
            raise NoPatch(f"the patched code fails there: {self._said(failed)}") from failed

    def _said(self, failed: Failed) -> str:
        """Return what it said, unless another run has the schema."""
        if "held_by" in failed.result:
            raise failed
        return self._as_own(failed.result.get("said") or str(failed))

    def _touched(self, patch: Patch) -> set[str]:
        """Return the tables that the patched migrations are about."""
        statements = [text for name in patch.sources for text in self.laravel.up(name)]
        return {table for text in statements for table in tables_of(text)}

    # --- what is said -------------------------------------------------------------------------

    def _told(self, patch: Patch) -> list[dict]:
        return [
            {
                "migration": name,
                "path": self._inside(self.paths[name]),
                "file": self.paths[name],
                "source": patch.originals[name],
                "patched": patch.sources[name],
            }
            for name in sorted(patch.sources)
        ]

    def _inside(self, path: str) -> str:
        root = (self.laravel.raw.get("path") or "").rstrip("/") + "/"
        return path[len(root) :] if path.startswith(root) else path

    def _own(self) -> str:
        return self.laravel.raw["connection"]["database"]

    def _as_own(self, text: str) -> str:
        scratch = self.clone.made.get("schema")
        return text.replace(scratch, self._own()) if scratch else text


def _outside(laravel: Laravel) -> str:
    """Return why not all migrations may be run in a scratch schema, or nothing."""
    for name in fault.files(laravel):
        outside = laravel.statements(name).get("outside")
        if outside:
            return f"{', '.join(outside)} in {name} may reach out of the schema"
    return ""


def _problem(before, statements: list[str]) -> dict | None:
    state = before.copy()
    state.apply(statements[:-1])
    met = state.apply(statements[-1:]).problems
    known = [one for one in met if one.kind != "unread"]
    return {"kind": known[0].kind, "detail": known[0].detail} if known else None


# --- the patch ----------------------------------------------------------------------------
