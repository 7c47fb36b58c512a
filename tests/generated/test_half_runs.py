# SPDX-License-Identifier: GPL-3.0-or-later
"""Random migrations that stop half-way: each is found where it stands, put back, or completed."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from driver import FIRST, Application
from fix_fk import facts, position
from fix_fk.facts import Laravel
from half_runs import HalfRun, half_runs
from hypothesis import event, given, note, seed
from hypothesis.configuration import set_hypothesis_home_dir
from incidents import NEXT, OURS, quote
from inquiry import inquire, repair
from pymysql.err import MySQLError
from test_incidents import SEED, SENT, options

# Notes each statement of up() that took effect, and ends the process after one of them.
HOOK = """DB::listen(function ($query) {{
            static $done = 0;
            if (stripos($query->sql, 'select') === 0) {{
                return;
            }}
            file_put_contents({path}, $query->sql . "\\0", FILE_APPEND);
            if (++$done === {last}) {{
                exit(9);
            }}
        }});"""
EXPECTED = {"expected_tables": [], "expected_constraints": [], "route_pattern": ""}
# What leaves no trace, or (DROP TABLE IF EXISTS) only that which lets it be sent again.
HIDDEN = re.compile(
    r"insert|update|set |drop table|alter table .*(?: modify| alter column)", re.IGNORECASE
)
NUMBERS = re.compile(r"stopped after statement (\d+)(?: to (\d+))? of")


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    set_hypothesis_home_dir(tmp_path_factory.mktemp("hypothesis"))
    made = Application(tmp_path_factory.mktemp("sandbox"))
    made.present()
    yield made
    made.absent()


@dataclass
class Contents:
    """The tables: {name: the lines of its definition}, {name: its rows} and {name: its mark}."""

    schema: dict[str, list[str]]
    rows: dict[str, list[dict]]
    marks: dict[str, str]

    def held(self) -> dict[str, Counter]:
        """Return {mark: the rows} of the tables of before, whatever they are called."""
        return {
            mark: Counter(map(repr, self.rows[name])) for name, mark in self.marks.items() if mark
        }


def contents(app) -> Contents:
    found = Contents({}, app.content(), {})
    migrations = [name for name in found.rows if name.endswith("migrations")]
    for name in migrations:
        del found.rows[name]
    for name in found.rows:
        text = app.sql(f"SHOW CREATE TABLE {quote(name)}")[0][1]
        text = re.sub(r" AUTO_INCREMENT=\d+", "", text)
        mark = re.search(r" COMMENT='made as (.*)'$", text)
        found.marks[name] = mark[1] if mark else ""
        text = text[: mark.start()] if mark else text
        found.schema[name] = sorted(line.rstrip(",") for line in text.split("\n"))
    return found


def recorded(app, half: HalfRun) -> list[str]:
    table = quote(half.prefix + "migrations")
    return [name for (name,) in app.sql(f"SELECT migration FROM {table}")]


# --- bringing it about -------------------------------------------------------------------------


def build(app, half: HalfRun) -> None:
    """The application as it was before the migration."""
    app.empty()
    config = Path(app.app, "config", "database.php")
    text = config.read_text(encoding="utf-8")
    config.write_text(
        re.sub(r"'prefix' => '(?:x_)?'", f"'prefix' => '{half.prefix}'", text), encoding="utf-8"
    )
    app.set_dotenv(LOG_CHANNEL=half.log)
    for number, lines in enumerate(half.base):
        app.add_migration(f"{FIRST}_{number}", lines)
    for name in map(quote, half.handmade):
        app.sql(f"CREATE TABLE {name} (`id` bigint unsigned PRIMARY KEY)")
        app.sql(f"INSERT INTO {name} VALUES (1)")


def completed(app, half: HalfRun) -> Contents | None:
    """What the right migrations make of an empty schema; None where they do not get through."""
    build(app, half)
    deploy(app, half, half.up)
    done = app.artisan("migrate", "--force")
    return contents(app) if done.returncode == 0 else None


def deploy(app, half: HalfRun, up: list[str]) -> None:
    app.add_migration(OURS, "\n        ".join(up))
    if half.following:
        app.add_migration(NEXT, half.following)


def prepare(app, half: HalfRun) -> Contents:
    """The application with its rows; return what there is."""
    build(app, half)
    done = app.artisan("migrate", "--force")
    assert done.returncode == 0, done.stdout
    for query in half.rows:
        app.sql(query)
    for name in app.content():
        if not name.endswith("migrations"):
            # It goes with the table wherever that is renamed to, and ends with it.
            app.sql(f"ALTER TABLE {quote(name)} COMMENT = %s", f"made as {name}")
    if half.squashed:
        for path in Path(app.app, "database", "migrations").glob(f"{FIRST}*.php"):
            path.unlink()
    return contents(app)


def stop(app, half: HalfRun) -> list[str]:
    """Deploy the migration and let it stop; return the statements that it has carried out."""
    path = Path(app.dir, "carried_out")
    path.write_text("", encoding="utf-8")
    last = half.place if half.stop == "kill" else 0
    hook = HOOK.format(path=f"'{path}'", last=last)
    deploy(app, half, [hook, *half.deployed])
    note(app.artisan("migrate", "--force").stdout)
    deploy(app, half, half.deployed)
    done = path.read_text(encoding="utf-8").split("\0")[:-1]
    path.unlink()
    return done


def meanwhile(app, half: HalfRun) -> None:
    if half.meanwhile == "retry":
        note(app.artisan("migrate", "--force").stdout)
    elif half.meanwhile == "by hand":
        with contextlib.suppress(MySQLError):
            app.sql(half.by_hand)


# --- the properties ----------------------------------------------------------------------------


def examine(app, half: HalfRun) -> str:
    """Bring it about, look, put it back or repair it; check the properties; return how it ended."""
    note(half.source())
    whole = completed(app, half)
    before = prepare(app, half)
    done = stop(app, half)
    note(f"carried out: {done}")
    after = contents(app)
    meanwhile(app, half)
    if OURS in recorded(app, half):
        return "completed"
    alone = contents(app) == after
    if half.way == "repair" and half.stop == "error":
        deploy(app, half, half.up)
    shows = contents(app).schema != before.schema and not all(map(HIDDEN.match, done))
    # Whoever has corrected a part of it may have left only what does not show.
    shows = shows and (alone or "change column" not in half.kinds)
    told = look(app, done if alone else None, shows)
    ended = (put_back if half.way == "rollback" else carry_on)(app, half, before, whole, alone)
    event(f"{half.way}: {told}, {ended}")
    return ended


def look(app, done: list[str] | None, shows: bool) -> str:
    """Nothing is called well that is half done, and no wrong place is named."""
    answer = inquire(app, **EXPECTED)
    note(answer.screen)
    told = answer.report["diagnosis"]
    laravel = Laravel(answer.run.laravel)
    found = position.find(laravel, facts.live(answer.run.schema), OURS)
    note(f"position {found}")
    if done is not None and found is not None:
        assert len(done) in found.agree, (len(done), found.agree)
        for lowest, highest in NUMBERS.findall(answer.screen):
            assert int(lowest) <= len(done) <= int(highest or lowest), answer.screen
    if shows and not (found and found.agree[-1] == len(found.statements)):
        assert not (told["verdict"] == "healthy" and answer.rc == 0), answer.screen
    return told["verdict"]


def put_back(app, half: HalfRun, before: Contents, whole, alone: bool) -> str:
    """The schema and the rows are what they were, or nothing has been touched."""
    now, files = app.schema_dump(), app.files()
    there = contents(app)
    answer = repair(app, rollback_only=True, **EXPECTED)
    note(answer.screen)
    if not answer.run.result["steps"]:
        assert (app.schema_dump(), app.files()) == (now, files)
        # Tables that were exchanged twice have their names; a default is not looked at.
        seen = alone or "change column" not in half.kinds
        if answer.report["outcome"] == "rolled_back" and seen:
            assert there.schema == before.schema
        return refused(app, half, answer, whole)
    after = contents(app)
    assert after.schema == before.schema
    assert after.marks == before.marks
    if alone:
        for mark, rows in before.held().items():
            left = after.held()[mark]
            assert left == rows or wrote(half, rows, left), (mark, rows, left)
    again(app, rollback_only=True)
    return "rolled back"


def wrote(half: HalfRun, rows: Counter, left: Counter) -> bool:
    """May the migration itself have made these rows of a table what they are?"""
    return "write" in half.kinds and left.total() >= rows.total()


def carry_on(app, half: HalfRun, _before: Contents, whole: Contents | None, _alone: bool) -> str:
    """It is repaired as if it had never stopped, or nothing has been touched."""
    now, files = app.schema_dump(), app.files()
    there = contents(app)
    answer = repair(app, **EXPECTED)
    note(answer.screen)
    if not answer.run.result["steps"]:
        assert (app.schema_dump(), app.files()) == (now, files)
        return refused(app, half, answer, whole)
    after = contents(app)
    assert OURS in recorded(app, half)
    if whole:
        assert after.schema == whole.schema
    for mark, rows in there.held().items():
        if "drop" in half.kinds and mark not in after.marks.values():
            continue
        assert after.held()[mark].total() >= rows.total(), (mark, rows)
    again(app)
    return "repaired"


def refused(app, half: HalfRun, answer, whole: Contents | None) -> str:
    """Return the verdict, and how going on instead, or what it says to do next, went."""
    told = answer.report["diagnosis"]["verdict"]
    return go_on(app, half, whole) or f"{told}, {follow(app, half, answer.report['next'])}"


def follow(app, half: HalfRun, told: str) -> str:
    """Do as `Next` says: no row is lost, and the same failure does not come again."""
    there = contents(app)
    note(f"following: {told}")
    if "playbooks/rollback.yml" in told:
        answer = repair(app, rollback_only=True, **EXPECTED)
        note(answer.screen)
        assert answer.run.result["steps"], answer.screen
    for statement in SENT.findall(told):
        note(f"sending: {statement}")
        app.sql(statement)
    # What is to be corrected is the statement that fails, and nothing else.
    deploy(app, half, half.up)
    if "migrate --force" in told:
        done = app.artisan("migrate", "--force")
        note(done.stdout)
        if done.returncode:
            state = app.schema_dump()
            assert completed(app, half) is None, (told, done.stdout, state)
            return "as before"
    after = contents(app)
    for mark, rows in there.held().items():
        if "drop" in half.kinds and mark not in after.marks.values():
            continue
        assert after.held()[mark].total() >= rows.total(), (mark, rows, told)
    return "well"


def go_on(app, half: HalfRun, whole: Contents | None) -> str | None:
    """Where it was refused and the migration is right by now: what is left of it is sent, if that
    may be, as if it had never stopped; what says so keeps its word. None where nothing was."""
    deploy(app, half, half.up)
    told = inquire(app, rollback_only=True, **EXPECTED).report
    there, now, files = contents(app), app.schema_dump(), app.files()
    answer = repair(app, forward=True, **EXPECTED)
    note(answer.screen)
    if not answer.run.result["steps"]:
        assert "forward=true" not in told["next"], told["next"]
        assert (app.schema_dump(), app.files()) == (now, files)
        return None
    assert answer.rc == 0, answer.screen
    after = contents(app)
    assert OURS in recorded(app, half)
    if whole:
        assert after.schema == whole.schema
    for mark, rows in there.held().items():
        assert not rows or after.held()[mark].total() == rows.total(), (mark, rows)
    again(app, forward=True)
    return f"gone on, {'named' if 'forward=true' in told['next'] else 'not named'}"


def again(app, **variables) -> None:
    """A second run has nothing to do."""
    now = app.schema_dump()
    answer = repair(app, **EXPECTED, **variables)
    assert not answer.run.result["steps"], answer.screen
    assert app.schema_dump() == now


def some(app, examples, at_least, number=None):
    """Check the properties on so many: always the same ones, or those of a seed."""
    seen: Counter[str] = Counter()

    @options(examples, derandomize=number is None)
    @given(half=half_runs())
    def check(half):
        seen[examine(app, half)] += 1

    (check if number is None else seed(number)(check))()
    print(dict(seen))
    assert seen["rolled back"] >= at_least and seen["repaired"] >= at_least // 10, seen


def test_half_runs(app):
    some(app, 40, 10)


@pytest.mark.matrix
def test_many_half_runs(app):
    print(f"To have the same half-run migrations again: FIX_FK_SEED={SEED}")
    some(app, 400, 100, number=SEED)
