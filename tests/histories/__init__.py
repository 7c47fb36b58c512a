# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds what is foreseen against what real migrations do; scripts/histories says how."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import time
from pathlib import Path

from driver import Application
from fix_fk import checklist, drift, facts, inspection, position
from inquiry import DIAGNOSE, inquire
from pymysql.err import MySQLError

from .standing_in import stand_in
from .tally import Tally
from .values import ROWS, filled, row

EXPECTED: dict = {"expected_tables": [], "expected_constraints": [], "route_pattern": ""}
# How many of the last migrations are run with rows and stop, and after how many statements at most.
LAST, STOPS = 10, 8
TIMEOUT = 900
SELECTS = re.compile(r"\s*\(?\s*(select|show|pragma|explain)\b", re.IGNORECASE)
# What leaves no trace, or may be sent again.
TRACELESS = re.compile(
    r"insert|update|delete|truncate|set |drop table if|alter table \S+ modify", re.IGNORECASE
)


def migrations_of(folder: Path) -> list[Path]:
    """Return the migrations of an application, or of a folder of migrations."""
    for inside in ("database/migrations", "Database/migrations", "migrations", "."):
        found = sorted((folder / inside).glob("[0-9]*.php"))
        if found:
            return found
    return []


class History:
    """One application in its sandbox."""

    def __init__(self, folder: Path, place: Path, suites: dict[str, str], noise: bool):
        self.folder, self.noise = folder, noise
        self.files = migrations_of(folder)
        self.tally = Tally(folder.name, len(self.files))
        self.now = ""
        self.sent: list[tuple[str, str]] = []
        self.dump = place / "before.sql"
        self.app = Application(place / "sandbox", **suites)

    def hold(self) -> Tally:
        begin = time.monotonic()
        try:
            self.app.present()
            stand_in(self.app, self.folder)
            self.all_pending()
            self.all_recorded()
            self.last_pending()
            self.stopped()
        finally:
            self.app.absent()
        self.tally.seconds = time.monotonic() - begin
        return self.tally

    # --- the sandbox

    def lay_out(self, files: list[Path]) -> None:
        target = Path(self.app.app, "database", "migrations")
        for old in target.glob("*.php"):
            old.unlink()
        for path in files:
            shutil.copyfile(path, target / path.name)

    def migrate(self) -> tuple[str, list[tuple[str, str]]]:
        """Migrate; return (what artisan said, [(migration, statement that took effect)])."""
        state = Path(self.app.app, "storage", "framework")
        (state / "noting").write_text(json.dumps(["", 0]), "utf-8")
        with contextlib.suppress(FileNotFoundError):
            (state / "noted").unlink()
        said = self.app.artisan("migrate", "--force", timeout=TIMEOUT).stdout
        (state / "noting").unlink()
        noted = state / "noted"
        lines = noted.read_text("utf-8").splitlines() if noted.exists() else []
        for log in Path(self.app.app, "storage", "logs").glob("*.log"):
            log.unlink()
        return said, [(name, filled(text, values)) for name, text, values in map(json.loads, lines)]

    def inquire(self):
        return inquire(self.app, DIAGNOSE, **EXPECTED)

    # --- 1 and 3

    def all_pending(self) -> None:
        self.now = "on an empty schema"
        self.app.empty()
        self.foretell()
        self.tally.ran = len(self.files)

    def foretell(self, before: dict[str, int] | None = None) -> None:
        """Hold what is foreseen of the pending migrations against what they do. What cannot run is
        left out of the files; what it has left stays."""
        self.lay_out(self.files)
        run = self.inquire().run
        while True:
            names = [path.stem for path in self.files if path.stem not in self.recorded()]
            found = self.look(run)
            findings = found.prediction["findings"]
            said, sent = self.migrate()
            done = self.recorded()
            failed = next((name for name in names if name not in done), None)
            failed = _unloadable(said, names) or failed
            self.judge(findings, [name for name in names if name in done], failed, said)
            if before is not None:
                self.watch_rows(before, found, sent)
                self.sent += sent
            if failed is None:
                return
            self.leave_out(failed)

    def recorded(self) -> set[str]:
        return set(self.app.recorded()) if "migrations" in self.tables() else set()

    def leave_out(self, migration: str) -> None:
        self.files = [path for path in self.files if path.stem != migration]
        self.lay_out(self.files)

    def judge(self, findings, done: list[str], failed: str | None, said: str) -> None:
        of: dict[str, list[dict]] = {}
        for finding in findings:
            of.setdefault(finding["migration"], []).append(finding)
        for name in done:
            for finding in of.get(name, ()):
                if finding["will_fail"]:
                    _once(self.tally.alarms, f"{self.now}: {name} ran. {finding['sentence']}")
                elif finding["may_fail"]:
                    self.tally.noise += 1
                    if self.noise:
                        self.tally.noisy[f"{finding['kind']}: {finding['sentence'][:150]}"] += 1
        if failed is None:
            return
        when = f"{self.now}: "
        told = [finding for finding in of.get(failed, ()) if finding["may_fail"]]
        error = " ".join(said.split())
        at = error.find("SQLSTATE")
        if at < 0:
            self.tally.left_out[failed] = when + _excerpt(error[max(error.find(" In "), 0) :])
        elif told:
            self.tally.right += 1
            self.tally.left_out[failed] = f"{when}as was foreseen: {_excerpt(error[at:])}"
        else:
            self.tally.misses.append(f"{when}{failed} fails: {_excerpt(error[at:])}")
            self.tally.left_out[failed] = "a miss"

    # --- 2

    def all_recorded(self) -> None:
        self.build(0)
        self.lay_out(self.files)
        self.well("With all recorded")

    def well(self, when: str) -> None:
        answer = self.inquire()
        told = answer.report["diagnosis"]
        if told["verdict"] not in ("healthy", "rows_aside"):
            self.tally.alarms.append(f"{when}: {told['verdict']}: {told['found']}")
        run = answer.run
        checks = checklist.go_through(run.call, {"constraints": []}, run.laravel, run.inputs)
        if checklist.not_met(checks):
            self.tally.alarms.append(f"{when}: {checklist.not_met(checks)}")
        # Nobody has changed the schema by hand.
        for check in checks:
            if drift.TITLE in check["check"] and check.get("look"):
                self.tally.noise += 1
                if self.noise:
                    self.tally.noisy[f"{when}: {check['detail'][:600]}"] += 1

    # --- 3

    def last_pending(self) -> None:
        self.now = "with rows"
        if len(self.files) <= LAST or not self.build(LAST):
            return
        self.fill()
        with open(self.dump, "wb") as file:
            suite = self.app.server.suite
            self.app.server.client(suite.dumper, "--routines", self.app.database, stdout=file)
        before = self.counts()
        self.foretell(before)

    def watch_rows(self, before: dict[str, int], found, sent: list[tuple[str, str]]) -> None:
        """See that no table has lost rows without a word."""
        now = self.counts()
        told = [one["sentence"] for one in found.prediction["findings"] if one["loses"]]
        told += found.diagnosis["notes"]
        texts = [text.casefold() for _name, text in sent]
        for name, number in before.items():
            renamed = any("rename" in text and f"`{name}`" in text for text in texts)
            if now.get(name, 0) >= number or renamed:
                continue
            if not any(re.search(rf"\b{name}\b", sentence) for sentence in told):
                left = f"{now[name]} of its {number} rows are left" if name in now else "it is gone"
                _once(self.tally.misses, f"table {name} without a word: {left}")

    def restore(self) -> None:
        """Bring the schema with rows back."""
        self.sent = []
        self.app.empty()
        with open(self.dump, "rb") as file:
            self.app.server.client(
                self.app.server.suite.loader,
                self.app.database,
                stdin=file,
                stdout=subprocess.DEVNULL,
            )

    def build(self, last: int) -> list[Path]:
        """Leave the schema of all but the last migrations, and return these."""
        self.app.empty()
        while True:
            base = self.files[: len(self.files) - last]
            self.lay_out(base)
            said, _sent = self.migrate()
            left = sorted({path.stem for path in base} - self.recorded())
            if not left:
                return base
            # It needed what another one had left that did not run to its end.
            self.tally.left_out[left[0]] = f"not without those left out: {_excerpt(said)}"
            self.leave_out(left[0])

    def tables(self) -> list[str]:
        found = self.app.sql("SHOW FULL TABLES WHERE Table_type = 'BASE TABLE'")
        return [name for name, _ in found]

    def counts(self) -> dict[str, int]:
        return {
            name: self.app.sql(f"SELECT COUNT(*) FROM `{name}`")[0][0] for name in self.tables()
        }

    def fill(self) -> None:
        """Put rows into every table that refer to each other: each value is the row's number."""
        self.app.sql("SET SESSION sql_mode = '', foreign_key_checks = 0")
        for name in self.tables():
            if name != "migrations":
                told = self.app.sql(f"SHOW COLUMNS FROM `{name}`")
                columns = [(one[0], one[1]) for one in told if "GENERATED" not in one[5].upper()]
                for number in range(1, ROWS + 1):
                    names, values = row(columns, number)
                    self.app.sql(f"INSERT IGNORE INTO `{name}` ({names}) VALUES ({values})")
        self.app.sql("SET SESSION sql_mode = DEFAULT, foreign_key_checks = 1")

    # --- 4

    def stopped(self) -> None:
        """Let the last migrations stop after each statement, and see whether the place is found.
        Before the last statement they are tried again, as an operator would."""
        if not self.sent:
            return
        sent = self.sent
        self.restore()
        self.lay_out(self.files)
        run = self.inquire().run
        for name in dict.fromkeys(name for name, _ in sent):
            texts = [text for one, text in sent if one == name]
            self.lay_out([path for path in self.files if path.stem <= name])
            self.kill(name)
            for number, text in enumerate(texts, 1):
                if number > 1 and not self.send(name, text):
                    return
                found = None
                if number < len(texts) and number <= STOPS:
                    found = self.hold_place(run, name, texts[:number])
                if number == len(texts) - 1:
                    found = found or self.look(run)
                    if self.retry(found, name, texts[:number]):
                        break
            if name not in self.app.recorded():
                self.app.sql("INSERT INTO migrations (migration, batch) VALUES (%s, 99)", name)

    def retry(self, found: inspection.Inspection, name: str, done: list[str]) -> bool:
        """Migrate again, hold what comes of it against what is said, and tell whether it ran."""
        said, _sent = self.migrate()
        ran = name in self.app.recorded()
        told = [one for one in found.prediction["findings"] if one["migration"] == name]
        well = found.diagnosis["verdict"] == "healthy"
        stopped = f"{self.now}: {name}, tried again after {_excerpt(done[-1])},"
        if ran and any(one["will_fail"] for one in told):
            self.tally.alarms.append(f"{stopped} ran. {told[0]['sentence']}")
        error = " ".join(said.split())
        at = error.find("SQLSTATE")
        if not ran and at >= 0:
            if well and not any(one["may_fail"] for one in told):
                self.tally.misses.append(f"{stopped} fails: {_excerpt(error[at:])}")
            else:
                self.tally.right += 1
        return ran

    def kill(self, name: str) -> None:
        """Migrate and end PHP after the first statement of this one."""
        state = Path(self.app.app, "storage", "framework", "noting")
        state.write_text(json.dumps([name, 1]), "utf-8")
        self.app.artisan("migrate", "--force", timeout=TIMEOUT)
        state.unlink()

    def send(self, name: str, text: str) -> bool:
        try:
            self.app.sql(text)
        except MySQLError as error:
            self.tally.noisy[f"stops end at {name}, which could not be sent: {error}"] += 1
            return False
        return True

    def facts(self, run) -> dict:
        """Return the application's facts with the migrations that are recorded now."""
        recorded = sorted(self.recorded())
        names = [path.stem for path in self.files]
        known = {**run.laravel, "last_error": None}
        known["statements"] = {
            name: told for name, told in known["statements"].items() if name in {*names, *recorded}
        }
        known["migrations"] = {
            **known["migrations"],
            "recorded": [{"name": one, "batch": 1} for one in recorded],
            "pending": [name for name in names if name not in recorded],
        }
        return known

    def look(self, run) -> inspection.Inspection:
        return inspection.inspect(run.ask, self.facts(run), None, run.inputs, predicts=True)

    def hold_place(self, run, name: str, done: list[str]) -> inspection.Inspection:
        """Hold the place that is found against these statements, which have been carried out."""
        laravel, found = facts.Laravel(self.facts(run)), self.look(run)
        place = position.find(laravel, facts.live(found.schema), name)
        up = laravel.up(name)
        writes = [number for number, text in enumerate(up, 1) if not SELECTS.match(text)]
        alike = [_plain(up[n - 1]) for n in writes[: len(done)]] == [_plain(text) for text in done]
        if place is None or not alike:
            self.tally.untold += 1
            what = "is not told" if alike else "is of a migration that sent other statements"
            self.tally.noisy[f"the place {what}: {name}"] += 1
        elif writes[len(done) - 1] in place.agree:
            self.tally.stops += 1
        else:
            number = writes[len(done) - 1]
            self.tally.misses.append(
                f"{name} stopped after {number} of {len(up)}, and {place.agree} was found: "
                f"{_excerpt(done[-1])}"
            )
        shows = [text for text in done if not TRACELESS.match(text)]
        well = found.diagnosis["verdict"] == "healthy" and found.prediction["outcome"] == "clean"
        if alike and shows and well and not laravel.conditional(name):
            self.tally.misses.append(f"{name} stopped and is called well: {_excerpt(shows[-1])}")
        return found


def _unloadable(said: str, names: list[str]) -> str | None:
    """Return the migration whose file could not be loaded, which ends all of them."""
    found = re.search(r"In (\w+)\.php line \d+:", said)
    return found[1] if found and found[1] in names and "SQLSTATE" not in said else None


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().casefold()


def _excerpt(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 300 else f"{text[:297]}..."


def _once(sentences: list[str], sentence: str) -> None:
    if sentence not in sentences:
        sentences.append(sentence)
