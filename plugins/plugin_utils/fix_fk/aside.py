# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows aside: a table that a migration renamed away has them, and the one in its place has not.

The application then looks into a table without its rows, children refer to the old table, and new
rows may get ids that old ones have. Who is displaced is told by the statements of the migrations,
the rest by the live tables and their rows; nothing is remembered.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from . import facts
from .facts import Inputs, Laravel
from .schema import sql
from .schema.effects import PRIMARY, CreateTable, ForeignKey, RenameTable, WriteRows
from .schema.simulation import Schema
from .schema.statements import tables_of
from .schema.tables import Table

from ansible.module_utils.fix_fk.schema.ids import above, overlaps  # isort: skip
from ansible.module_utils.fix_fk.schema.sql import quote_identifier as quote  # isort: skip

# Laravel sets it once, so a row that was copied has it still.
BIRTH = "created_at"
# What every write of a row sets.
TOUCHED = "updated_at"
# Equal values of these need not compare as equal.
_INEXACT = ("float", "double", "json", "geometry", "point", "linestring", "polygon", "blob")
TITLE = "rows aside"
KEEPS_ZERO = "SET SESSION sql_mode = CONCAT(@@sql_mode, ',NO_AUTO_VALUE_ON_ZERO')"


@dataclass(frozen=True)
class _Pair:
    """A table and the old one in whose place it came; `details` as fk_constraint_info has them."""

    table: str
    old: str
    details: tuple[dict, dict]

    def columns(self, which: int) -> dict[str, dict]:
        return {c["name"].casefold(): c for c in self.details[which]["columns"]}

    @property
    def key(self) -> list[str]:
        """The columns that tell a row in both tables, or none."""
        for index in self.details[1]["indexes"]:
            if index["name"] == PRIMARY:
                names = list(index["columns"])
                there = self.columns(0)
                return names if all(name.casefold() in there for name in names) else []
        return []

    @property
    def telling(self) -> list[str]:
        """The columns that tell whether two rows of one key are the same row."""
        born = all(BIRTH in self.columns(which) for which in (0, 1))
        return [BIRTH] if born else self.steady

    @property
    def steady(self) -> list[str]:
        """The columns of both whose values can be compared, without those that every write sets.

        A row may be given a value later where it may be without one, so those come last.
        """
        new = self.columns(0)
        same = [
            column
            for name, column in self.columns(1).items()
            if name in new
            and name not in (TOUCHED, BIRTH)
            and not column["generated"]
            and all(column[part] == new[name][part] for part in ("type", "collation"))
            and not any(word in column["type"].casefold() for word in _INEXACT)
            and column["name"] not in self.key
        ]
        steady = [
            column["name"]
            for column in same
            if not (column["nullable"] or new[column["name"].casefold()]["nullable"])
        ]
        return steady or [column["name"] for column in same]


def tables(laravel_facts: dict) -> list[str]:
    """Return the tables that have to be looked at, whichever of the migrations have run."""
    laravel = Laravel(laravel_facts)
    pairs = laravel.displaced([*laravel.recorded, *laravel.pending])
    return sorted({name for pair in pairs for name in pair})


def suspects(laravel: Laravel, names: Iterable[str], every: bool) -> list[str]:
    """Return the tables to look at because nobody made one of them: it may have another's rows.

    names: all tables. every: whether to look at all that the migrations make; otherwise only at
    those of which a name is a part of the other's.
    """
    made = laravel.history.schema.tables.keys() - _copies(laravel)
    known = [name for name in names if name.casefold() in made]
    strays = _nobodys(laravel, names)
    if not every:
        text = _one_text(strays)
        known = [name for name in known if name.casefold() in text]
        parts = [name.casefold() for name in known]
        strays = [name for name in strays if any(part in name.casefold() for part in parts)]
    return [*known, *strays] if known and strays else []


def _nobodys(laravel: Laravel, names: Iterable[str]) -> list[str]:
    """Return those of these tables that no recorded migration makes, but as a copy of another, and
    that no pending one is about: what those come to is not known yet."""
    passed = laravel.history.schema.tables.keys() - _copies(laravel)
    passed = passed | {(laravel.raw.get("migrations_table") or "").casefold()}
    statements = [text for migration in laravel.pending for text in laravel.up(migration)]
    passed |= {table.casefold() for text in statements for table in tables_of(text)}
    mentioned = _one_text(
        text
        for migration in laravel.pending
        for text in laravel.statements(migration).get("source_strings") or ()
    )
    return [
        name for name in names if name.casefold() not in passed and name.casefold() not in mentioned
    ]


def _one_text(texts: Iterable[str]) -> str:
    """Return texts as one, folded, in which a name is searched once; no name has a NUL."""
    return "\0".join(texts).casefold()


def _copies(laravel: Laravel) -> set[str]:
    """Return the tables, folded, that recorded migrations make as a copy of another one: it has no
    use of its own, whoever made it."""
    return {
        effect.table.casefold()
        for migration in laravel.recorded
        for effect in laravel.effects(migration)
        if isinstance(effect, CreateTable) and effect.reads
    }


def _strays(laravel: Laravel, details: dict[str, tuple[str, dict]]) -> list[tuple[str, str]]:
    """Return (empty table of a recorded migration, one of its shape with rows that nobody made).

    However the rows got there: a rename in a branch, a copy, a name that somebody typed.
    """
    held = {name: about for name, about in details.values() if about["rows"]}
    shapes = {
        name: {column["name"].casefold() for column in held[name]["columns"]}
        for name in _nobodys(laravel, held)
    }
    own = (laravel.raw.get("migrations_table") or "").casefold()
    found = []
    for folded, (name, about) in details.items() if shapes else ():
        made = laravel.history.schema.get(name)
        if made is None or about["rows"] is not False or folded == own:
            continue
        shape = {column["name"].casefold() for column in about["columns"]}
        for stray, its in shapes.items():
            # One column says little, unless the name says it too.
            enough = len(its & shape) > 1 or (its & shape and folded in stray.casefold())
            if enough and (its <= shape or shape <= its):
                found.append((name, stray))
                break
    return found


def questions(laravel_facts: dict, schema: dict) -> list[dict]:
    """Return what has to be counted on the server, as fk_constraint_info takes it."""
    pairs = _pairs(Laravel(laravel_facts), schema)
    if schema.get("contents") and not any(pair.details[0]["rows"] for pair in pairs):
        # All rows have been counted already.
        return []
    return [question for pair in pairs for question in _asked(pair)]


def find(laravel: Laravel, schema: dict) -> list[dict]:
    """Return the tables whose rows are aside, of what has been recorded as run.

    schema: fk_constraint_info's, with `aside_counts`, the answers to questions(). Each is {table,
    old, empty (whether the application finds nothing), rows (how many are in the old one alone;
    None: not counted), told (whether that is known), other (how many of them have in the new one a
    row of the same key and other content), children ({table, name} of each constraint that refers
    to the old one), following (the id to count from, where ids are given out that old rows have),
    next (the id that comes now), copy (the SQL that brings the rows over, or ""), why_not (why
    there is none), left (columns that only the old one has)}.
    """
    live = facts.live(schema)
    answers = iter(schema.get("aside_counts") or ())
    contents = schema.get("contents") or {}
    olds = {names[1].casefold() for names in laravel.displaced()}
    found = []
    for pair in _pairs(laravel, schema):
        counts = _told([answer["rows"] for _, answer in zip(_asked(pair), answers)])
        empty = pair.details[0]["rows"] is False
        if not empty and not counts:
            continue
        if counts and all(count == 0 for count in counts):
            left = _found(pair, live, 0, False, 0)
            # What points at an old table from another old one went aside with it.
            children = [c for c in left["children"] if c["table"].casefold() not in olds]
            if children:
                found.append({**left, "children": children, "following": None})
            continue
        known = [count for count in counts if count is not None]
        rows = max(known, default=None) if len(known) == len(counts) else None
        if rows is None and empty:
            rows = (contents.get(pair.old) or {}).get("rows")
        found.append(_found(pair, live, rows, empty, _others(counts)))
    return _parents_first(found, live)


def _told(counts: list[int | None]) -> list[int | None]:
    """Return the answers to _asked(), those about rows without a time of birth put together."""
    known = [count for count in counts if count is not None]
    if len(known) < 4:
        return counts
    absent, other, differs, without = known
    return [absent, max(other, min(differs, without))]


def _others(counts: list[int | None]) -> int:
    """Return how many rows have a row of the same key and other content in the new table."""
    if len(counts) < 2 or None in counts:
        return 0
    return max(counts) - min(counts)  # type: ignore[operator,type-var]


def _pairs(laravel: Laravel, schema: dict) -> list[_Pair]:
    """Return those of the displaced tables that have rows which may be nowhere else."""
    details = {name.casefold(): (name, about) for name, about in _details(schema).items()}
    if not details:
        return []
    statements = [text for migration in laravel.recorded for text in laravel.up(migration)]
    pairs = []
    told = laravel.displaced()
    known = {name.casefold() for names in told for name in names}
    strays = [names for names in _strays(laravel, details) if names[0].casefold() not in known]
    for names in [*told, *strays]:
        there = [details[name.casefold()] for name in names if name.casefold() in details]
        if len(there) < 2 or there[1][1]["rows"] is False:
            continue
        (table, new), (old, about) = there
        if new["rows"] and _copied(statements, table, old):
            continue
        pairs.append(_Pair(table, old, (new, about)))
    return pairs


def _details(schema: dict) -> dict:
    return schema.get("details") or {}


def _copied(statements: Iterable[str], table: str, old: str) -> bool:
    """Tell whether a migration has copied rows of the old table into the new one, since the old
    one got its name."""
    found = False
    for text in statements:
        for effect in sql.read(text):
            if isinstance(effect, RenameTable) and effect.new_name.casefold() == old.casefold():
                found = False
            elif (
                isinstance(effect, WriteRows)
                and effect.kind == "insert"
                and effect.table.casefold() == table.casefold()
                and old.casefold() in text.casefold()
            ):
                found = True
    return found


def _asked(pair: _Pair) -> list[dict]:
    """Return the questions about one pair."""
    if pair.details[0]["rows"] is False or not pair.key:
        every = [c["name"] for c in pair.details[1]["columns"] if not c["nullable"]][:1]
        return [{"kind": "orphans", "table": pair.old, "columns": every}] if every else []
    asked = []
    compared = [pair.key, *([[*pair.key, *pair.telling]] if pair.telling else [])]
    if pair.telling == [BIRTH] and pair.steady:
        compared.append([*pair.key, *pair.steady])
    for columns in compared:
        same = {"columns": columns, "referenced_columns": columns}
        asked.append({"kind": "absent", "table": pair.old, "referenced_table": pair.table, **same})
    if len(compared) > 2:
        # Of rows without a time of birth what else they have tells.
        asked.append({"kind": "nulls", "table": pair.old, "columns": [BIRTH]})
    return asked


def _found(pair: _Pair, live: Schema, rows: int | None, empty: bool, other: int) -> dict:
    new, old = (about.get("ids") for about in pair.details)
    following = above(new, old)
    copy, why_not = _copy(pair, empty, other)
    away = live.get(pair.old)
    return {
        "table": pair.table,
        "old": pair.old,
        "rows": rows,
        "empty": empty,
        "children": [
            {"table": child.name, "name": key.name, "again": _again(child.name, key, pair.table)}
            for child in (live.referring(away) if away else ())
            for key in child.keys
            if key.referenced_table.casefold() == pair.old.casefold()
        ],
        "following": following,
        "next": new["next"] if new else None,
        "told": empty or bool(pair.key),
        "other": other,
        "copy": copy,
        "why_not": why_not,
        "left": [c["name"] for n, c in pair.columns(1).items() if n not in pair.columns(0)],
    }


def _again(child: str, key: ForeignKey, table: str) -> str:
    """Return the SQL that points a constraint of a child at the new table."""
    rules = "".join(
        f" ON {what} {rule}"
        for what, rule in (("DELETE", key.on_delete), ("UPDATE", key.on_update))
        if rule
    )
    own, to = (", ".join(map(quote, columns)) for columns in (key.columns, key.referenced_columns))
    name = quote(key.name or "")
    return (
        f"ALTER TABLE {quote(child)} DROP FOREIGN KEY {name}; ALTER TABLE {quote(child)} ADD "
        f"CONSTRAINT {name} FOREIGN KEY ({own}) REFERENCES {quote(table)} ({to}){rules}"
    )


def _copy(pair: _Pair, empty: bool, other: int) -> tuple[str, str]:
    """Return the SQL that brings the rows over and keeps their ids, or why there is none."""
    new, old = pair.columns(0), pair.columns(1)
    if other:
        return "", f"rows of {pair.table} have ids that other rows of {pair.old} have"
    engine = pair.details[0]["engine"]
    if (engine or "").casefold() != "innodb":
        return "", f"its engine {engine} cannot take back half a statement"
    if not empty and not pair.key:
        return "", "no column tells which rows are in both"
    lacking = [c["name"] for name, c in new.items() if c["required"] and name not in old]
    if lacking:
        return "", f"{pair.table} wants {', '.join(lacking)}, which {pair.old} does not have"
    both = [name for name in new if name in old and not new[name]["generated"]]
    strict = [
        c["name"]
        for name, c in new.items()
        if name in both and not c["nullable"] and old[name]["nullable"]
    ]
    others = [new[name]["name"] for name in both if new[name]["type"] != old[name]["type"]]
    if strict or others:
        names = ", ".join(dict.fromkeys([*strict, *others]))
        return (
            "",
            f"{names} of {pair.table} is of another type than in {pair.old}, or wants a value",
        )
    columns = ", ".join(quote(new[name]["name"]) for name in both)
    text = (
        f"INSERT INTO {quote(pair.table)} ({columns}) SELECT {columns} "  # noqa: S608 - shown
        f"FROM {quote(pair.old)}"
    )
    if not empty:
        same = " AND ".join(f"n.{quote(c)} = o.{quote(c)}" for c in pair.key)
        table = quote(pair.table)
        text += f" o WHERE NOT EXISTS (SELECT 1 FROM {table} n WHERE {same})"  # noqa: S608 - shown
    return text, ""


def _parents_first(found: list[dict], live: Schema) -> list[dict]:
    """Return them so that rows that others refer to are brought over first."""
    left, ordered = list(found), []
    while left:
        names = {item["table"].casefold() for item in left}

        def waits(item: dict, names: set[str] = names) -> bool:
            table = live.get(item["table"])
            to = {key.referenced_table.casefold() for key in table.keys} if table else set()
            return bool((to & names) - {item["table"].casefold()})

        ready = [item for item in left if not waits(item)] or left
        ordered += ready
        left = [item for item in left if item not in ready]
    return ordered


# --- what is said of it ------------------------------------------------------------------------


def split(found: list[dict], inputs: Inputs) -> tuple[list[dict], list[dict]]:
    """Return those that the inventory does not accept, and those that it does."""
    accepted = {name.casefold() for name in inputs.accept_rows_aside}
    open_: list[dict] = []
    meant: list[dict] = []
    for item in found:
        names = {item["table"].casefold(), item["old"].casefold()}
        (meant if names & accepted else open_).append(item)
    return open_, meant


def said(found: list[dict]) -> str:
    """Return in words what is aside, and what comes of it."""
    sentences = []
    for item in (one for one in found if one["rows"] != 0):
        number = "the rows" if item["rows"] is None else f"{item['rows']} rows"
        if item["empty"]:
            its = "its rows" if item["rows"] is None else f"its {number}"
            sentences.append(
                f"The application finds {item['table']} empty: {its} are in {item['old']}."
            )
        elif not item["told"]:
            sentences.append(
                f"Whether {number} of {item['old']} are in {item['table']}, which came in its "
                "place, cannot be told: no key tells them in both."
            )
        else:
            sentences.append(
                f"The application does not find {number} of {item['old']} in {item['table']}, "
                "which came in its place."
            )
            if item["other"]:
                sentences.append(
                    f"In the place of {item['other']} of them is a row of the same key and other "
                    "content: another row, or one that was changed since."
                )
    olds = {item["old"].casefold() for item in found}
    for item in found:
        names = [
            f"{child['table']} ({child['name']})"
            for child in item["children"]
            if child["table"].casefold() not in olds
        ]
        if names:
            sentences.append(
                f"Still pointing at {item['old']}: {', '.join(names)}; a new row there can refer "
                "to an old one only."
            )
        if item["following"]:
            sentences.append(
                f"New rows of {item['table']} get ids from {item['next']} on, which rows of "
                f"{item['old']} have: a child of a new row is taken for one of an old row."
            )
    return " ".join(sentences)


def advice(found: list[dict]) -> str:
    """Return what is next, with the statements where they are certain to lose nothing."""
    pointing = [item for item in found if item["children"]]
    found = [item for item in found if item["rows"] != 0]
    if not found:
        return _advice_on_children(pointing)
    copied = [item for item in found if item["copy"]]
    copies = "; ".join(item["copy"] for item in copied)
    if any(item["next"] for item in copied):
        # Or a row with the id 0 would get another one.
        copies = f"{KEEPS_ZERO}; {copies}"
    left = [f"{name} of {item['old']}" for item in copied for name in item["left"]]
    parts = []
    counting = [
        f"ALTER TABLE {quote(item['table'])} AUTO_INCREMENT = {item['following']}"
        for item in found
        if item["following"]
    ]
    if counting:
        parts.append(f"At once, so that no id is given twice: {'; '.join(counting)};")
    parts.append(
        "Nothing copies the rows by itself: a migration or a person has to bring them over, "
        "after a backup and while the application is down."
    )
    if copies:
        parts.append(
            "These statements do, in this order, and leave the old rows where they are; what "
            f"cannot be taken as it is makes one fail as a whole: {copies};"
        )
    if left:
        parts.append(f"({', '.join(left)} has no counterpart and stays there alone.)")
    parts += [
        f"For {item['table']} there is no such statement: {item['why_not']}."
        for item in found
        if item["why_not"]
    ]
    olds = {item["old"].casefold() for item in found}
    if any(c["table"].casefold() not in olds for item in found for c in item["children"]):
        parts.append("Then a migration has to point the constraints named above at the new table.")
    names = ", ".join(item["table"] for item in found)
    parts.append(f"If they are to stay aside: accept_rows_aside: [{names}] in the inventory.")
    return " ".join(part.strip() for part in parts)


def _advice_on_children(found: list[dict]) -> str:
    names = ", ".join(item["table"] for item in found)
    again = "; ".join(child["again"] for item in found for child in item["children"])
    return (
        "The rows have been brought over. Point these constraints at the new table, with a "
        f"migration or by hand, after a backup: {again}; If the constraints are to stay as they "
        f"are: accept_rows_aside: [{names}] in the inventory."
    )


def accepted(found: list[dict]) -> list[str]:
    """Return a note on each that the inventory accepts."""
    return [f"Accepted in accept_rows_aside: {said([item])}" for item in found]


# --- what a plan says and does of it -----------------------------------------------------------


def anew(laravel: Laravel, migrations: list[str], final: Schema) -> dict[str, str]:
    """Return {table that is new and empty after the migrations: where its rows are then}."""
    found = {}
    for table, old in laravel.displaced(migrations):
        new, away = final.get(table), final.get(old)
        if new and away and not new.written and away.may_have_rows:
            found[new.name] = away.name
    return found


def foretold(found: dict[str, str]) -> list[str]:
    """Return what a plan says of the tables that the application will find empty."""
    return [
        f"Afterwards the application finds {name} empty: the migrations make it anew, without "
        f"rows, and the present ones are in {old} then. A person or a migration has to bring them "
        "over."
        for name, old in found.items()
    ]


def count_above(
    laravel: Laravel, migrations: list[str], live: Schema, schema: dict, final: Schema
) -> list[dict]:
    """Return the tables, as the module artisan takes them, that have to count from above the old
    ones: those that these migrations make, and those made before that give ids out twice now."""
    details = _details(schema)
    pairs = []
    for table, old in laravel.displaced(migrations):
        away = final.get(old)
        before = details.get(away.identity or "") if away else None
        if before and before.get("ids"):
            pairs.append({"table": table, "old": old})
    for table, old in laravel.displaced():
        new, away = live.get(table), live.get(old)
        if _overlap(details, new, away):
            pairs.append({"table": new.name, "old": away.name})  # type: ignore[union-attr]
    return pairs


def _overlap(details: dict, new: Table | None, away: Table | None) -> bool:
    if not new or not away:
        return False
    mine, theirs = (((details.get(t.name)) or {}).get("ids") for t in (new, away))
    return above(mine, theirs) is not None


# --- checks afterwards -------------------------------------------------------------------------


def checks(
    laravel: Laravel, schema: dict, inputs: Inputs, raised: Iterable[dict] | None
) -> list[dict]:
    """Return the checks of what is aside, one with `aside` {found, next} when somebody has to act,
    and of the ids that the plan has raised (as count_above() gave them)."""
    made = [_ids_check(pair, _details(schema)) for pair in raised or ()]
    open_, meant = split(find(laravel, schema), inputs)
    if open_:
        told = {"found": said(open_), "next": advice(open_)}
        made.append(
            {"check": TITLE, "ok": True, "look": True, "detail": told["found"], "aside": told}
        )
    made += [{"check": TITLE, "ok": True, "detail": note} for note in accepted(meant)]
    return made


def _ids_check(pair: dict, details: dict) -> dict:
    new, old = (
        next((d.get("ids") for n, d in details.items() if n.casefold() == name.casefold()), None)
        for name in (pair["table"], pair["old"])
    )
    check = {"check": f"new ids of {pair['table']}", "ok": True}
    if not new or not old:
        return {**check, "detail": "it does not count by itself"}
    detail = f"from {new['next']} on; the highest in {pair['old']} is {old['highest'] or 'none'}"
    if above(new, old) is not None:
        return {**check, "ok": False, "detail": f"not above the old ones: {detail}"}
    if overlaps(new, old):
        detail += f". {new['type']} holds no higher one, so a new row may get the id of an old one"
        return {**check, "look": True, "detail": detail}
    return {**check, "detail": detail}
