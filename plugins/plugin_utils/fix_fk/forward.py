# SPDX-License-Identifier: GPL-3.0-or-later
"""May the rest of a half-run migration be sent? Pure functions, from its position to statements.

Going back may lose what going on would not. The rest is sent only where it is certain which
statements it is, where what --pretend shows is what the migration would send, and where, tried on
the schema in memory, each gets through and destroys nothing. When in doubt it is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import NoReturn

from . import elsewhere, error_numbers, learning, migrator, pending, prediction, undo
from .case import LEFT, Case
from .position import Position
from .schema import columns, sql
from .schema.effects import (
    ChangeColumn,
    ChangeTable,
    CreateTemporary,
    DropColumn,
    DropTable,
    Effect,
    ForeignKeyChecks,
    Harmless,
    ReadRows,
    SetDefault,
    SetVariable,
    Unread,
    WriteRows,
)
from .schema.outcome import Loss, Question
from .schema.redaction import redact
from .schema.simulation import Schema
from .verdict import STATE, Refusal, Verdict

COMMAND = "fix_fk.yml -e forward=true"
# What holds for a connection alone, and what is made in it and gone with it.
_OF_SESSION = re.compile(
    r"\s*set\s+(?!(?:statement|global|persist\w*|password|role|default)\b|@@global)", re.IGNORECASE
)
_OBJECT = re.compile(r"\s*(?:create|drop|alter)\s+(?!temporary\b)", re.IGNORECASE)
# With one of these a value that does not fit is an error, and not cut off without a word.
_STRICT = {"STRICT_TRANS_TABLES", "STRICT_ALL_TABLES", "TRADITIONAL"}


@dataclass(frozen=True)
class Rest:
    """What a migration has left to do: the `statements` behind the first `done` of `known`.

    `session` is what it has said on its connection before, `states` are the schema now and after
    each of the statements, `final` is it after the other pending migrations. `notes` are sentences.
    """

    done: int
    known: int
    statements: tuple[str, ...]
    session: tuple[str, ...]
    states: tuple[Schema, ...]
    final: Schema
    notes: tuple[str, ...] = ()

    @property
    def does(self) -> str:
        """Say what comes of sending it."""
        left = len(self.statements)
        if not left:
            return "records the migration, which has done everything"
        first = redact(self.statements[0])
        first = first if len(first) <= 120 else f"{first[:117]}..."
        more = f" and {left - 1} more" if left > 1 else ""
        return (
            f"sends statement {self.done + 1} of {self.known} ({first}){more}, and records the "
            "migration"
        )

    def inverses(self, schema: dict) -> list[undo.Inverse | None]:
        """Return what undoes each statement, None where nothing has to be undone."""
        found: list[undo.Inverse | None] = []
        for number, text in enumerate(self.statements):
            states = self.states[number : number + 2]
            one = undo.of(Position("", (text,), (1,), states=states), schema)
            found.append(one[0] if one else None)
        return found

    def items(self, schema: dict) -> list[dict]:
        """Return the statements as the module send_statements takes them."""
        return [
            {
                "statement": text,
                **_checked(text, self.states[number]),
                **({"redo": list(inverse.send)} if inverse and not inverse.lost else {}),
            }
            for number, (text, inverse) in enumerate(
                zip(self.statements, self.inverses(schema), strict=True)
            )
        ]


def command(case: Case) -> str:
    """Return what to type to have the rest sent."""
    named = case.inputs.incident_migration
    return COMMAND + (f" -e incident_migration={named}" if named else "")


def offered(case: Case) -> Rest | None:
    """Return what is left of the failed migration where it may be sent, and where what stopped it
    would show in the schema, if it were there still."""
    try:
        rest = of(case)
    except Refusal:
        return None
    laravel = case.laravel
    hindered = (
        stopped_by_hidden(case)
        or migrator.ends_at(laravel)
        or (laravel.raw["migrations"].get("should_run") or {}).get(case.migration) is False
        or any(place.doubts() for place in elsewhere.places(laravel))
    )
    return None if hindered else rest


def stopped_by_hidden(case: Case) -> int | None:
    """Return the number of the error that stopped the failed migration, where nothing that is
    looked at tells whether it would stop it again."""
    failed = case.logged(case.migration)
    return failed.code if failed and not error_numbers.is_seen(failed) else None


def instead(case: Case) -> str:
    """Say how to go on instead of back, nothing where that may fail or lose something."""
    rest = offered(case)
    return f"{command(case)} {rest.does}" if rest else ""


def of(case: Case) -> Rest:
    """Return what is left of the failed migration, or refuse."""
    return _Trial(case).rest()


@dataclass
class _Trial:
    """The rest of the failed migration, tried on the schema in memory."""

    case: Case
    notes: list[str] = field(default_factory=list)

    def unfit(self, why: str, next_: str = "") -> NoReturn:
        case = self.case
        raise Refusal(
            "cannot_go_forward",
            f"{told(case)} The rest of it is not sent: {why}.",
            next_
            or "Run it without forward, which says how to go back: "
            + command(case).replace(" -e forward=true", ""),
        )

    def wrong(self, why: str) -> NoReturn:
        """Refuse for what can be put right."""
        self.unfit(why, f"Put that right; then run this again: {command(self.case)}")

    def rest(self) -> Rest:
        self._known()
        position = self._position()
        done, known = position.agree[0], len(position.statements)
        state = self.case.live.copy()
        modes = self._session()["sql_mode"].upper().split(",")
        state.server = replace(state.server, modes=tuple(filter(None, modes)))
        session = tuple(text for text in position.statements[:done] if _OF_SESSION.match(text))
        state.apply(session)
        states = [state.copy()]
        statements = position.statements[done:]
        for number, text in enumerate(statements, done + 1):
            self._send(state, text, f"statement {number} of {known}")
            states.append(state.copy())
        self._others(state)
        states_ = tuple(states)
        return Rest(done, known, statements, session, states_, state, tuple(self.notes))

    def _session(self) -> dict:
        session = (self.case.laravel.raw.get("connection") or {}).get("session")
        if not session:
            self.unfit("how the application's connection is set could not be asked")
        return session

    def _known(self) -> None:
        """Refuse a migration of which it is not known what it sends."""
        case, laravel = self.case, self.case.laravel
        shown = (laravel.raw.get("statements") or {}).get(case.migration) or {}
        known, error = laravel.statements(case.migration), laravel.raw.get("last_error") or {}
        if case.records:
            self.unfit("the migrations table does not tell what has run")
        if shown.get("up_error"):
            self.unfit(
                f"what it sends could not be learned to its end: {shown['up_error'].rstrip('.')}"
            )
        # What it sent in a scratch schema is no proof of what it has sent here.
        reasons = shown.get("up_conditional") or known.get("up_conditional")
        if reasons:
            self.unfit(
                f"it decides by what it finds ({', '.join(reasons)}), so that it is not certain "
                "what it sends"
            )
        others = [*(known.get("up_elsewhere") or ()), *filter(None, [known.get("connection")])]
        if others:
            self.unfit(
                f"it works on the database connection {', '.join(dict.fromkeys(others))} as well"
            )
        outside = known.get("outside") or ()
        if outside:
            self.unfit(f"it reaches out of the database: {', '.join(outside)}")
        calls = ", ".join(known.get("up_calls") or ())
        if calls:
            self.unfit(f"it calls {calls}, and what that does besides statements is not known")
        thrown = error.get("place") if error.get("migration") == case.migration else None
        if thrown and not case.inputs.incident_migration:
            self.unfit(
                f"it failed in its own code ({thrown}), and what that does besides statements is "
                "not known",
                "Correct that line and deploy it. If it has been corrected and the log is out of "
                f"date, name the migration: {COMMAND} -e incident_migration={case.migration}",
            )
        out = learning.reaches_out(laravel, [case.migration])
        if out:
            out = out.replace("which a clone does not cover", "at which this does not look")
            self.unfit(out.replace("so would reach out of a clone", "this looks at its own alone"))

    def _position(self) -> Position:
        """Return where it stands, or refuse where that is not certain enough."""
        case, migration = self.case, self.case.migration
        for other in case.laravel.pending:
            found = case.begun(other) if other != migration else None
            if found:
                self.unfit(
                    f"migration {other} has begun as well, and the schema does not tell which of "
                    "them has done what"
                )
        found = case.position(migration)
        if found is None:
            unread = [text for text in case.laravel.up(migration) if _is_unread(text)]
            why = f": what this does could not be read: {redact(unread[0])}" if unread else ""
            self.unfit(f"the schema does not tell how far it has come{why}")
        first, last = found.agree[0], found.agree[-1]
        if first == 0:
            raise Refusal(
                "nothing_to_forward",
                f"{told(case)} Nothing of it has been carried out, as far as the schema tells, so "
                "there is no rest to send.",
                "Run it without forward, which says what stops it: "
                + command(case).replace(" -e forward=true", ""),
            )
        if case.begun(migration) is None:
            self.unfit(
                "no recorded migration makes a table that it changes, so that what it has done "
                "may have been there before",
                f"If it has begun, name it: {COMMAND} -e incident_migration={migration}",
            )
        for number in range(first, last):
            text = found.statements[number]
            if not _repeats(text, found.states[number], case.live):
                self.unfit(
                    f"the schema does not tell whether statement {number + 1} of "
                    f"{len(found.statements)} has been carried out, and it cannot be sent twice: "
                    f"{redact(text)}"
                )
        for text in found.statements[:first]:
            if _is_lost_with_connection(text):
                self.unfit(f"what this has made is gone with its connection: {redact(text)}")
        return found

    def _send(self, state: Schema, text: str, which: str) -> None:
        """Try one statement; refuse what is not understood, would fail or would destroy."""
        effects, before = sql.read(text), state.copy()
        shown = f"{which}: {redact(text)}"
        if sql.count(text) != 1:
            self.unfit(f"several statements are sent at once, and each may fail, in {shown}")
        if _is_unread(text) or pending.may_destroy(text):
            self.unfit(f"what it does could not be read, {shown}")
        written = [e.table for e in effects if isinstance(e, WriteRows)]
        if written:
            self.unfit(f"rows of {', '.join(written)} are written by {shown}")
        if sum(before.get(e.table) is not None for e in effects if isinstance(e, DropTable)) > 1:
            self.unfit(f"several tables are dropped at once by {shown}")
        for effect in effects:
            if not _rewrites(effect, before):
                continue
            if not _STRICT & {*(state.server.modes or ())}:
                self.unfit(
                    "the connection is not strict, so that values that do not fit are cut off "
                    f"without a word, by {shown}"
                )
            if isinstance(effect, ChangeColumn) and not _keeps(effect, before):
                self.unfit(f"values may be rounded or shortened without a word, by {shown}")
        outcome = state.apply([text])
        if outcome.problems:
            self.wrong(f"{which} would fail: {outcome.problems[0].detail} ({redact(text)})")
        for loss in outcome.losses:
            lost = self._lost(loss, before)
            if lost:
                self.unfit(f"{lost}, by {shown}")
        self.notes += [f"{problem.detail} ({shown})." for problem in outcome.ignored]
        for question in outcome.questions:
            self._ask(self.case.migration, question)

    def _lost(self, loss: Loss, before: Schema) -> str:
        """Say what a statement would destroy, or nothing."""
        if loss.kind != "column":
            return f"{loss.detail or 'rows go'}, which has rows"
        table = before.by_identity(loss.table)
        column = table.column(loss.column) if table else None
        if column is not None and column.live is None:
            # It was added by what is sent before.
            return ""
        rows = self.case.filled(loss.table, column.live or "") if column else None
        if rows == 0:
            return ""
        return f"{loss.detail}, which has {'values' if rows is None else f'values in {rows} rows'}"

    def _ask(self, migration: str, question: Question, sure: bool = True) -> None:
        """Refuse over rows at which a statement fails; note where that is not certain."""
        mariadb = self.case.schema["server"].get("flavour") != "mysql"
        answer = self.case.counted(prediction.count_of(question))
        found = prediction.rows_met(migration, question, answer, mariadb)
        if not found:
            return
        if found["will_fail"] and sure:
            listed = f"List these rows: {found['query']} ; put them right" if found["query"] else ""
            self.unfit(
                found["sentence"].rstrip("."),
                f"{listed or 'Put these rows right'}; then run this again: {command(self.case)}",
            )
        self.notes.append(found["sentence"])

    def _others(self, state: Schema) -> None:
        """Carry the other pending migrations out behind it, as `migrate` does."""
        case, laravel = self.case, self.case.laravel.ahead
        others = [name for name in laravel.pending if name != case.migration]
        dangers = pending.dangers(laravel, state, case.inputs.remigrate_accept_loss, others)
        if dangers:
            tables = [danger.table for danger in dangers]
            unknown = [danger.migration for danger in dangers if not danger.table]
            self.unfit(
                "behind it, " + " ".join(one.sentence() for one in dangers).rstrip("."),
                pending.way_out(laravel, case.live, tables, unknown),
            )
        for name in others:
            for number, text in enumerate(laravel.up(name), 1):
                outcome = state.apply([text])
                sure = case.is_sure(name, number, laravel)
                guarded = laravel.guarded(name) and not laravel.certain(name, number)
                for problem in outcome.problems:
                    if problem.kind != "unread" and sure and not (problem.kind in LEFT and guarded):
                        self.wrong(f"behind it, migration {name} would fail: {problem.detail}")
                for question in outcome.questions:
                    self._ask(name, question, sure)
                self.notes += [
                    f"Migration {name} {loss.detail}, which has rows."
                    for loss in outcome.losses
                    if not pending.is_whole(loss)
                ]


def told(case: Case) -> str:
    """Say what became of the failed migration, in a sentence or two."""
    failed, found = case.logged(case.migration), case.position(case.migration)
    said = f"Migration {case.migration}"
    if failed:
        said += f" failed with error {failed.code}"
        said += f" (errno {failed.errno})" if failed.errno else ""
        said += f": {failed.shown}."
    if found is None or not found.agree[0]:
        return said if failed else f"{said} is pending."
    if found.agree[0] == len(found.statements):
        done = f"has done all of its {len(found.statements)} statements, and is not recorded"
    else:
        done = f"has {found.told}"
    return f"{said} It {done}." if failed else f"{said} {done}."


def _is_unread(statement: str) -> bool:
    return any(isinstance(effect, Unread) for effect in sql.read(statement))


def _repeats(statement: str, before: Schema, live: Schema) -> bool:
    """Tell whether a statement may be sent once more, and nothing comes of it."""
    effects = sql.read(statement)
    return bool(effects) and all(
        isinstance(e, (ForeignKeyChecks, SetVariable, SetDefault, ReadRows))
        or (isinstance(e, ChangeColumn) and e.column.casefold() == e.new_name.casefold())
        or (
            isinstance(e, DropTable)
            and e.if_exists
            and before.get(e.table) is None
            and live.get(e.table) is None
        )
        for e in effects
    )


def _is_lost_with_connection(statement: str) -> bool:
    """Tell whether a statement made something that only its connection had: a temporary table, a
    lock, the choice of another schema."""
    effects = sql.read(statement)
    if any(isinstance(effect, CreateTemporary) for effect in effects):
        return True
    plain = all(type(e) is Harmless and not e.table for e in effects)
    return plain and not (_OF_SESSION.match(statement) or _OBJECT.match(statement))


def _keeps(effect: ChangeColumn, before: Schema) -> bool:
    table = before.get(effect.table)
    column = table.column(effect.column) if table else None
    return bool(column and columns.keeps(column.type, (effect.definition or column).type))


def _rewrites(effect: Effect, before: Schema) -> bool:
    """Tell whether an effect gives values that are there another form."""
    table = before.get(effect.table)
    if table is None or table.identity is None or not table.may_have_rows:
        return False
    changes = isinstance(effect, ChangeColumn) and effect.definition is not None
    return changes or (isinstance(effect, ChangeTable) and effect.converted)


def _checked(statement: str, before: Schema) -> dict:
    """Return what the module is to look at once more before a statement drops it."""
    effects = sql.read(statement)
    for effect in effects:
        if isinstance(effect, DropTable) and before.get(effect.table):
            return {"empty": effect.table}
    dropped = list(_dropped_columns(effects, before))
    return {"table": effects[0].table, "defaults": dropped} if dropped else {}


def _dropped_columns(effects: tuple[Effect, ...], before: Schema) -> Iterator[str]:
    for effect in effects:
        table = before.get(effect.table) if isinstance(effect, DropColumn) else None
        if isinstance(effect, DropColumn) and table and table.column(effect.column):
            yield effect.column


def session_of(case: Case, rest: Rest) -> list[str]:
    """Return what makes a connection like the one of the migration at this place, as SQL."""
    known = dict((case.laravel.raw.get("connection") or {}).get("session") or {})
    charset, collation = known.pop("character_set_client"), known.pop("collation_connection")
    values = ", ".join(f"{name} = {_literal(value)}" for name, value in sorted(known.items()))
    return [f"SET NAMES {charset} COLLATE {collation}", f"SET SESSION {values}", *rest.session]


def charset_of(case: Case) -> str:
    """Return the character set in which the statements are sent."""
    charset = case.laravel.raw["connection"]["session"]["character_set_client"]
    return "utf8mb4" if charset.startswith("utf8") else charset


def _literal(value: str) -> str:
    return value if value.isdigit() else f"'{value}'"


VERDICTS = (
    Verdict(
        "cannot_go_forward",
        STATE,
        "Asked for with `-e forward=true`: the rest of the failed migration cannot be sent. It is "
        "not certain which statements that is, or one of them would fail, or would destroy rows.",
        "Put right what is named, or run it without `forward`.",
        proof=("integration/test_forward.py::test_what_cannot_be_sent_is_refused",),
    ),
    Verdict(
        "nothing_to_forward",
        STATE,
        "Asked for with `-e forward=true`: the failed migration has done nothing so far.",
        "Run it without `forward`.",
        proof=("integration/test_forward.py::test_what_has_not_begun_is_not_sent",),
    ),
)
