# SPDX-License-Identifier: GPL-3.0-or-later
"""What carrying rows over comes to: the steps, what is asked, what is in the way."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from .. import steps
from ..aside import rows
from ..case import Case
from ..code import diff
from ..facts import Laravel
from ..inputs import Inputs
from ..schema.effects import ForeignKey
from ..schema.simulation import Schema
from ..schema.tables import Table
from ..steps import carry
from ..verdict import Refusal
from ..wording import few
from . import render
from .fitting import place, taken
from .mapping import Mapper, Mapping, in_order
from .said import command, more_time

from ansible.module_utils.fix_fk.refusal import typed  # isort: skip
from ansible.module_utils.fix_fk.schema import carrying  # isort: skip
from ansible.module_utils.fix_fk.schema.sql import quote_identifier as quote  # isort: skip

# How many things are listed on the screen.
LISTED = 10


@dataclass
class Work:
    """The steps, and the schema after them. `notes` say what is not plain of the mapping."""

    steps: list[dict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    mappings: list[Mapping] = field(default_factory=list)
    # The constraints of children afterwards, as an expectation has them, and before.
    constraints: list[dict] = field(default_factory=list)
    followed: list[dict] = field(default_factory=list)


def displaced(case: Case, state: Schema, migrations: list[str]) -> list[tuple[str, str]]:
    """Return (table, old) of the tables in `state` whose rows have to be carried over: those that
    are aside now, those that these migrations move aside, and those that are to be dropped."""
    pairs = [(item["table"], item["old"]) for item in rows.find(case.laravel, case.schema)]
    pairs += case.laravel.displaced(migrations)
    gone = {name.casefold() for name in case.inputs.carry_over_drop_old}
    pairs += [pair for pair in case.laravel.displaced() if pair[1].casefold() in gone]
    found: dict[str, tuple[str, str]] = {}
    meant = {name.casefold() for name in case.inputs.accept_rows_aside}
    for table, old in pairs:
        new, away = state.get(table), state.get(old)
        if not new or not away or {table.casefold(), old.casefold()} & meant:
            continue
        found.setdefault(new.name.casefold(), (new.name, away.name))
    return list(found.values())


def work(case: Case, state: Schema, migrations: list[str]) -> Work:
    """Return the steps that carry all rows over, and apply them to `state`.

    migrations: those that the plan runs before. Raises Refusal where something has to be decided,
    or is in the way.
    """
    pairs = displaced(case, state, migrations)
    if not pairs:
        return Work()
    mappings = in_order(Mapper(case, state, pairs).found, state)
    _refuse(case, mappings)
    done = Work(mappings=mappings, notes=[note for one in mappings for note in one.notes])
    away = {item["old"].casefold() for item in rows.find(case.laravel, case.schema)}
    away |= {old.casefold() for _, old in case.laravel.displaced(migrations)}
    pairs_of = {one.old.casefold(): _pair(one, state, mappings) for one in mappings}
    tables = [pair for old, pair in pairs_of.items() if old in away and _has_rows(state, pair)]
    if tables:
        done.steps.append(carry.carry(tables))
        state.apply(carrying.insert(pair) for pair in tables)
    _children(case, state, mappings, done)
    gone = {name.casefold() for name in case.inputs.carry_over_drop_old}
    # Those that refer to others go first.
    dropped = [pair for old, pair in reversed(pairs_of.items()) if old in gone]
    if dropped:
        _drop(case, state, dropped, done)
    return done


def _drop(case: Case, state: Schema, pairs: list[dict], done: Work) -> None:
    for pair in pairs:
        users = case.counted({"kind": "users", "table": pair["old"], "columns": [], "values": {}})
        if users["rows"]:
            raise Refusal(
                "carry_impossible",
                f"{case.diagnosis.found} carry_over_drop_old names {pair['old']}, which is named "
                f"by {few(users['values'])}.",
                f"Let them name {pair['table']}, or leave carry_over_drop_old out.",
            )
        for problem in state.apply([f"DROP TABLE {quote(pair['old'])}"]).problems:
            raise Refusal(
                "carry_impossible",
                f"{case.diagnosis.found} carry_over_drop_old names {pair['old']}, which cannot be "
                f"dropped: {problem.detail}.",
                "Name the tables that refer to it there as well, or leave it out.",
            )
    done.steps.append(carry.drop_old(pairs))


def suggested(laravel: Laravel, schema: dict, inputs: Inputs) -> tuple[str, str]:
    """Return (what to type to have the rows that are aside carried over, what its answers mean),
    complete as far as that can be told without counting rows."""
    case = Case(laravel, schema, replace(inputs, carry_only=True))
    pairs = displaced(case, case.live, [])
    found = Mapper(case, case.live, pairs, counts=False).found
    answers = [mapping.answers for mapping in found]
    if any(map(rows.is_uncounted, rows.find(laravel, schema))):
        answers.append(more_time(inputs))
    return command(case.inputs, answers), " ".join(map(_answers, found)).strip()


def _answers(mapping: Mapping) -> str:
    """Say what the answers in a command that is suggested mean."""
    told = []
    dropped = [*mapping.left, *map(_column, mapping.answers.get("carry_drop") or ())]  # type: ignore[call-overload]
    if dropped:
        told.append(
            f"The values of {', '.join(dropped)} stay in {mapping.old} alone, as {mapping.table} "
            "has no column for them (carry_map names one)."
        )
    for name in mapping.answers.get("carry_default") or ():  # type: ignore[attr-defined]
        told.append(f"Put what the old rows get in {name} in the place of <value>.")
    return " ".join(told)


def _column(name: str) -> str:
    return name.rpartition(".")[2]


def _has_rows(state: Schema, pair: dict) -> bool:
    away = state.get(pair["old"])
    return bool(away and away.may_have_rows)


def _refuse(case: Case, mappings: list[Mapping]) -> None:
    told = case.diagnosis.found
    for mapping in mappings:
        if mapping.why_not:
            raise Refusal(
                "carry_impossible",
                f"{told} The rows of {mapping.old} cannot be carried into {mapping.table} by this "
                f"tool: {mapping.why_not}.",
                "Write a migration that does, or give the tables such a key, and run this again; "
                f"or say that they are to stay aside: accept_rows_aside: [{mapping.table}] in the "
                "inventory.",
            )
    asks = [ask for mapping in mappings for ask in mapping.asks]
    if asks:
        raise Refusal(
            "carry_undecided",
            f"{told} Before rows are carried over, this is for you to say: "
            f"{' '.join(few_sentences(asks))}",
            f"Say it:{typed(command(case.inputs, [one.answers for one in mappings]))}"
            "carry_map gives a new column the values of an old one, carry_default gives it a "
            "value, carry_drop leaves an old column behind, in the old table.",
        )
    conflicts = [conflict for mapping in mappings for conflict in mapping.conflicts]
    if conflicts:
        uncounted = [more_time(case.inputs)] if None in [rows for _, rows, _ in conflicts] else []
        only = all(rows is None for _, rows, _ in conflicts)
        first = "Correct these rows, then run this again" + ", with more time to count" * len(
            uncounted
        )
        raise Refusal(
            "carry_in_the_way",
            f"{told} Rows cannot be carried over as they are: "
            + " ".join(few_sentences([_said(*conflict) for conflict in conflicts])),
            f"{'Give the counting more time' if only else first}:"
            f"{typed(command(case.inputs, uncounted))}",
        )


def _said(what: str, number: int | None, query: str) -> str:
    times = "Not counted in time, whether" if number is None else f"{number} times"
    return f"{times}: {what} ({query})."


def few_sentences(sentences: list[str]) -> list[str]:
    more = len(sentences) - LISTED
    return [*sentences[:LISTED], *([f"And {more} more."] if more > 0 else [])]


def _pair(mapping: Mapping, state: Schema, mappings: list[Mapping]) -> dict:
    """Return the pair as module_utils/.../carrying.py has it."""
    new, old = state.get(mapping.table), state.get(mapping.old)
    carried = {one.old.casefold() for one in mappings}
    return {
        "table": mapping.table,
        "old": mapping.old,
        "columns": [{"column": one.column, "value": one.sql()} for one in mapping.columns],
        "key": [_key(column, source, new, old) for column, source in mapping.key],
        "compared": mapping.compared,
        "unordered": mapping.out_of_order,
        "there": mapping.there,
        "orphaned": [_orphaned(key) for key in (new.keys if new else ())],
        "keep": [
            {
                "table": child.name,
                "columns": [list(pair) for pair in zip(key.columns, key.referenced_columns)],
            }
            for child, key in _referring(state, new)
            if child.name.casefold() not in carried
        ]
        if old
        else [],
    }


def _key(column: str, source: str, new: Table | None, old: Table | None) -> dict:
    mine, theirs = new.column(column) if new else None, old.column(source) if old else None
    plain = f"c.{quote(source)}"
    told = {"value": taken(theirs, mine, plain), "place": place(theirs, plain)}
    return {
        "column": column,
        "source": source,
        **{name: text for name, text in told.items() if text != plain},
    }


def _referring(state: Schema, table: Table | None) -> list[tuple[Table, ForeignKey]]:
    return [
        (child, key)
        for child in (state.tables.values() if table else ())
        for key in child.keys
        if key.referenced_schema is None
        and table
        and key.referenced_table.casefold() == table.name.casefold()
    ]


def _orphaned(key: ForeignKey) -> str:
    """Return the condition under which a row `n` refers to nothing."""
    schema = f"{quote(key.referenced_schema)}." if key.referenced_schema else ""
    filled = [f"n.{quote(column)} IS NOT NULL" for column in key.columns]
    same = " AND ".join(
        f"p.{quote(other)} = n.{quote(column)}"
        for column, other in zip(key.columns, key.referenced_columns)
    )
    absent = f"NOT EXISTS (SELECT 1 FROM {schema}{quote(key.referenced_table)} p WHERE {same})"  # noqa: S608 - quoted
    return " AND ".join([*filled, absent])


def _children(case: Case, state: Schema, mappings: list[Mapping], done: Work) -> None:
    """Point the constraints that refer to the old tables at the new ones. Those of tables that went
    aside as well stay."""
    olds = {mapping.old.casefold(): mapping for mapping in mappings}
    aside = {old.casefold() for _, old in case.laravel.displaced()} | olds.keys()
    old_keys, new_keys = [], []
    for mapping in mappings:
        for child, key in _referring(state, state.get(mapping.old)):
            if child.name.casefold() in aside:
                continue
            old_keys.append(key.of(child.name))
            new_keys.append({**old_keys[-1], "referenced_table": mapping.table})
    ours = case.laravel.maintenance.get("expected") or {}
    for key in ours.get("repointed") or ():
        table = state.get(key["table"])
        if table and not table.key(key["name"]) and state.get(key["referenced_table"]):
            new_keys.append(key)
    if not new_keys:
        return
    drops = steps.drop_statements(case.schema, old_keys)
    adds = steps.add_statements(case.schema, new_keys)
    back = steps.drop_statements(case.schema, new_keys)
    back += steps.add_statements(case.schema, old_keys)
    for problem in state.apply([*drops, *adds]).problems:
        raise Refusal(
            "carry_impossible",
            f"{case.diagnosis.found} A constraint cannot be pointed at the new table: "
            f"{problem.detail}.",
            "Correct the new table with a migration, then run this again.",
        )
    done.steps.append(carry.children([*drops, *adds], back, old_keys, new_keys))
    done.constraints, done.followed = new_keys, old_keys


def expect(case: Case, done: Work) -> None:
    """Expect what is carried over."""
    expected = case.diagnosis.expected
    expected["constraints"] += done.constraints
    expected["repointed"] = done.constraints
    case.diagnosis.code = as_migration(case, done)
    for one in done.steps:
        if one["id"] == "carry":
            gone = {name.casefold() for name in case.inputs.carry_over_drop_old}
            tables = one["arguments"]["tables"]
            expected["carried"] = [pair for pair in tables if pair["old"].casefold() not in gone]


def as_migration(case: Case, done: Work) -> dict:
    """Return the same work as code, as the report has a patch; {} where only a table is dropped."""
    tables = next((s["arguments"]["tables"] for s in done.steps if s["id"] == "carry"), None)
    if not tables:
        return {}

    def sql(key: dict) -> tuple[str, str]:
        drops, adds = (
            of(case.schema, [key]) for of in (steps.drop_statements, steps.add_statements)
        )
        return drops[0], adds[0]

    made = render.migration(case.laravel, tables, done.followed, done.constraints, sql)
    files = [{name: made[name] for name in ("migration", "path", "message")}]
    return {"diff": diff.unified([made]), "files": files, "new": True}


def told(mappings: list[Mapping]) -> str:
    """Return in words which columns go where."""
    parts = []
    for mapping in mappings:
        plain = [one for one in mapping.columns if one.how == "same" and one.source == one.column]
        others = [
            f"{one.column} from {one.source}" + (f" ({one.how})" if one.how != "same" else "")
            if one.source
            else f"{one.column} is {one.how}"
            for one in mapping.columns
            if one not in plain
        ]
        every = len(mapping.columns)
        text = f"{mapping.old} into {mapping.table}: {len(plain)} of {every} columns as they are"
        left = [f"{', '.join(mapping.left)} stays in {mapping.old}"] if mapping.left else []
        parts.append("; ".join([text, *([few(others, 5)] if others else []), *left]))
    return ". ".join(parts) + "."
