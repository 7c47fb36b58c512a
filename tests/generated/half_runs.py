# SPDX-License-Identifier: GPL-3.0-or-later
"""Random migrations of every kind of statement that Laravel sends, and where they stop.

A HalfRun is plain data, as an Incident is. `half_runs()` is the strategy that makes one: it keeps
a little schema in mind while it draws, so that nearly every statement gets through.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st
from incidents import drop, php, quote, rename, schema, statement

NAMES = ["orders", "users", "order-items", "group", "Kinerja", "order lines", "tabel é", "it's"]
NEW_NAMES = ["tags", "values", "{}_old", "{}-backup", "tmp", "key"]
BREAKS = statement("alter table `nowhere` add `x` int")


@dataclass
class Known:
    """A table as far as it is kept in mind. columns: {name: kind}, with the kinds id, ref, text and
    number; keys: {name: (column, parent)}; indexes: {name: columns}."""

    name: str
    columns: dict[str, str]
    keys: dict[str, tuple[str, str]] = field(default_factory=dict)
    indexes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    made: bool = False

    def free(self) -> list[str]:
        """Return the columns that no key and no index is about."""
        used = {column for column, _parent in self.keys.values()}
        used |= {column for columns in self.indexes.values() for column in columns}
        return [c for c, kind in self.columns.items() if kind != "id" and c not in used]


@dataclass(frozen=True)
class Step:
    """Lines of an up(), and SQL that somebody may send to take it back; "" where there is none."""

    line: str
    by_hand: str = ""
    kind: str = ""


@dataclass(frozen=True)
class HalfRun:
    """What there was, what was deployed, and where it stopped.

    handmade: tables that no migration makes. stop: "error", a statement that fails stands before
    step `place`; or "kill", the process ends after statement `place`. meanwhile: "retry" or "by
    hand", the undo of `by_hand`. squashed: the files of the recorded migrations are gone. way:
    "rollback" or "repair".
    """

    base: tuple[str, ...]
    rows: tuple[str, ...]
    handmade: tuple[str, ...]
    steps: tuple[Step, ...]
    stop: str
    place: int
    log: str
    meanwhile: str
    by_hand: str
    following: str | None
    squashed: bool
    prefix: str
    way: str

    @property
    def up(self) -> list[str]:
        """The right migration."""
        return [step.line for step in self.steps]

    @property
    def deployed(self) -> list[str]:
        lines = self.up
        return (
            [*lines[: self.place], BREAKS, *lines[self.place :]] if self.stop == "error" else lines
        )

    @property
    def kinds(self) -> set[str]:
        return {step.kind for step in self.steps}

    def source(self) -> str:
        """Return it to be read by a person."""
        lines = [*self.base, *self.rows, f"// by hand: {self.handmade}", "// up", *self.deployed]
        lines += [f"// then: {self.following}"] if self.following else []
        lines += [
            f"// {self.stop} at {self.place}, log {self.log}, {self.meanwhile} {self.by_hand}, "
            f"{'squashed, ' if self.squashed else ''}prefix '{self.prefix}', {self.way}"
        ]
        return "\n".join(lines)


class Writer:
    """Draws the steps of one migration; each `add_...` returns steps, none where it has nothing."""

    def __init__(self, draw, tables: list[Known], prefix: str, absent: list[str]):
        self.draw, self.prefix, self.absent = draw, prefix, absent
        self.tables = {table.name: table for table in tables}
        self.first = list(self.tables)
        self.number = 0

    def pick(self, items):
        return self.draw(st.sampled_from(list(items)))

    def sql(self, name: str) -> str:
        """Return a table's name as raw SQL has it."""
        return quote(self.prefix + name)

    def new(self, what: str) -> str:
        """Return a name that nothing else has."""
        self.number += 1
        return f"{what}{self.number}"

    def free_names(self) -> list[str]:
        names = [*self.first, *(n.format(o) for n in NEW_NAMES for o in self.first[:2])]
        return [n for n in dict.fromkeys(names) if n not in self.tables and n not in self.absent]

    def table(self, *, having=lambda _table: True) -> Known | None:
        found = [table for table in self.tables.values() if having(table)]
        return self.pick(found) if found else None

    # Tables

    def create(self, name: str | None = None) -> list[Step]:
        name = name or self.pick(self.free_names())
        table = Known(name, {"id": "id", "title": "text", "n": "number"}, made=True)
        lines = ["$table->id();", "$table->string('title')->nullable();"]
        lines.append("$table->integer('n')->default(0);")
        if self.draw(st.booleans()):
            lines.append("$table->index('n', 'by_n');")
            table.indexes["by_n"] = ("n",)
        if self.draw(st.booleans()):
            parent = self.pick([*self.tables, name])
            lines += self.key_lines(table, parent, "parent_id")
        self.tables[name] = table
        return [Step(schema("create", name, lines), f"DROP TABLE {self.sql(name)}", "create")]

    def key_lines(self, table: Known, parent: str, column: str) -> list[str]:
        key = self.new("fk_new_")
        table.columns[column] = "ref"
        table.keys[key] = (column, parent)
        return [
            f"$table->unsignedBigInteger({php(column)})->nullable();",
            f"$table->foreign({php(column)}, {php(key)})->references('id')->on({php(parent)});",
        ]

    def renamed(self, old: str, new: str) -> None:
        table = self.tables.pop(old)
        table.name = new
        self.tables[new] = table
        for other in self.tables.values():
            for key, (column, parent) in other.keys.items():
                other.keys[key] = (column, new if parent == old else parent)

    def rename(self) -> list[Step]:
        old = self.pick(self.tables)
        new = self.pick(self.free_names())
        self.renamed(old, new)
        one, other = self.sql(old), self.sql(new)
        form = self.pick(
            [
                rename(old, new),
                statement(f"RENAME TABLE {one} TO {other}"),
                statement(f"ALTER TABLE {one} RENAME {other}"),
            ]
        )
        return [Step(form, f"RENAME TABLE {other} TO {one}", "rename")]

    def anew(self) -> list[Step]:
        old = self.pick(self.tables)
        new = self.pick(self.free_names())
        self.renamed(old, new)
        by_hand = f"RENAME TABLE {self.sql(new)} TO {self.sql(old)}"
        cleared = [Step(drop(new), "", "clear")] if self.draw(st.booleans()) else []
        return [*cleared, Step(rename(old, new), by_hand, "rename"), *self.create(old)]

    def exchange(self) -> list[Step]:
        if len(self.tables) < 2:
            return []
        one, other = self.draw(st.permutations(list(self.tables)))[:2]
        free = self.pick(self.free_names())
        moves = [(one, free), (other, one), (free, other)]
        for old, new in moves:
            self.renamed(old, new)
        if self.draw(st.booleans()):
            return [Step(rename(old, new), "", "exchange") for old, new in moves]
        pairs = ", ".join(f"{self.sql(old)} TO {self.sql(new)}" for old, new in moves)
        return [Step(statement(f"RENAME TABLE {pairs}"), "", "exchange")]

    def drop_table(self) -> list[Step]:
        referred = {
            parent
            for t in self.tables.values()
            for _column, parent in t.keys.values()
            if parent != t.name
        }
        made = [t.name for t in self.tables.values() if t.made and t.name not in referred]
        old = [n for n in self.tables if n not in referred and n not in made]
        name = self.pick([*made, *made, *self.free_names()[:2], *self.absent, *old[:1]])
        self.tables.pop(name, None)
        self.absent = [n for n in self.absent if n != name]
        return [Step(drop(name), "", "drop")]

    # Columns

    def add_columns(self) -> list[Step]:
        table = self.table()
        assert table
        name, lines, undo = self.new("c"), [], []
        for kind in self.draw(
            st.lists(
                st.sampled_from(["nullable", "default", "required", "key", "index", "unique"]),
                min_size=1,
                max_size=3,
                unique=True,
            )
        ):
            column = f"{name} {kind}" if self.number % 5 == 0 else f"{name}_{kind}"
            undo.append(column)
            if kind == "key":
                lines += self.key_lines(table, self.pick(self.tables), column)
                if self.draw(st.booleans()):
                    index = self.new("by_ref_")
                    lines.append(f"$table->index({php(column)}, {php(index)});")
                    table.indexes[index] = (column,)
                continue
            table.columns[column] = "text"
            lines.append(
                {
                    "nullable": f"$table->string({php(column)})->nullable();",
                    "default": f"$table->string({php(column)})->default('it');",
                    "required": f"$table->string({php(column)});",
                    "index": f"$table->string({php(column)}, 50)->nullable()->index('{name}_i');",
                    "unique": f"$table->string({php(column)}, 50)->nullable()->unique('{name}_u');",
                }[kind]
            )
            if kind in ("index", "unique"):
                table.indexes[f"{name}_{kind[0]}"] = (column,)
        by_hand = f"ALTER TABLE {self.sql(table.name)} DROP COLUMN {quote(undo[0])}"
        return [Step(schema("table", table.name, lines), by_hand, "add column")]

    def drop_column(self) -> list[Step]:
        table = self.table(having=Known.free)
        if not table:
            return []
        column = self.pick(table.free())
        del table.columns[column]
        line = schema("table", table.name, [f"$table->dropColumn({php(column)});"])
        return [Step(line, "", "drop column")]

    def rename_column(self) -> list[Step]:
        table = self.table(having=lambda t: len(t.columns) > 1)
        if not table:
            return []
        old = self.pick([c for c, kind in table.columns.items() if kind != "id"])
        new = self.new("r")
        table.columns = {new if c == old else c: kind for c, kind in table.columns.items()}
        table.keys = {
            key: (new if column == old else column, parent)
            for key, (column, parent) in table.keys.items()
        }
        table.indexes = {
            index: tuple(new if c == old else c for c in columns)
            for index, columns in table.indexes.items()
        }
        alter = f"ALTER TABLE {self.sql(table.name)} RENAME COLUMN {{}} TO {{}}"
        return [
            Step(
                statement(alter.format(quote(old), quote(new))),
                alter.format(quote(new), quote(old)),
                "rename column",
            )
        ]

    def change_column(self) -> list[Step]:
        table = self.table(
            having=lambda t: any(t.columns[c] in ("text", "number") for c in t.free())
        )
        if not table:
            return []
        column = self.pick([c for c in table.free() if table.columns[c] in ("text", "number")])
        kinds = {
            "text": ["varchar(300) null", "text null", "varchar(255) null default 'x'"],
            "number": ["bigint null", "int not null default 5", "int null"],
        }
        alter = f"alter table {self.sql(table.name)}"
        change = f"{alter} modify {quote(column)} {self.pick(kinds[table.columns[column]])}"
        if table.columns[column] == "number" and self.draw(st.booleans()):
            change = f"{alter} alter column {quote(column)} set default 7"
        return [Step(statement(change), "", "change column")]

    # Indexes and keys

    def add_index(self) -> list[Step]:
        table = self.table(having=lambda t: "n" in t.columns)
        if not table:
            return []
        index = self.new("i")
        form = self.pick(["index", "unique", "raw"])
        table.indexes[index] = ("id", "n") if form == "unique" else ("n",)
        columns = ", ".join(map(php, table.indexes[index]))
        line = schema("table", table.name, [f"$table->{form}([{columns}], {php(index)});"])
        if form == "raw":
            line = statement(f"create index {quote(index)} on {self.sql(table.name)} (`n`)")
        return [Step(line, f"DROP INDEX {quote(index)} ON {self.sql(table.name)}", "add index")]

    def drop_index(self) -> list[Step]:
        table = self.table(having=lambda t: t.indexes)
        if not table:
            return []
        index = self.pick(table.indexes)
        refs = {column for column, _parent in table.keys.values()}
        if set(table.indexes.pop(index)) & refs:
            return []
        what = self.pick(["dropIndex", "dropUnique"])
        return [
            Step(schema("table", table.name, [f"$table->{what}({php(index)});"]), "", "drop index")
        ]

    def add_key(self) -> list[Step]:
        table = self.table()
        assert table
        lines = self.key_lines(table, self.pick(self.tables), self.new("k"))
        key = list(table.keys)[-1]
        by_hand = f"ALTER TABLE {self.sql(table.name)} DROP FOREIGN KEY {quote(key)}"
        return [Step(schema("table", table.name, lines), by_hand, "add key")]

    def drop_key(self) -> list[Step]:
        table = self.table(having=lambda t: t.keys)
        if not table:
            return []
        key = self.pick(table.keys)
        column, parent = table.keys.pop(key)
        lines = [f"$table->dropForeign({php(key)});"]
        what = self.pick(["key", "and index", "renamed"])
        if what == "and index":
            lines.append(f"$table->dropIndex({php(key)});")
        elif what == "renamed":
            name = self.new("fk_again_")
            table.keys[name] = (column, parent)
            lines.append(
                f"$table->foreign({php(column)}, {php(name)})->references('id')->on({php(parent)});"
            )
        return [Step(schema("table", table.name, lines), "", "drop key")]

    # Rows, and what is sent as it stands

    def raw(self) -> list[Step]:
        table = self.table()
        assert table
        column = self.new("raw")
        alter = f"alter table {self.sql(table.name)}"
        table.columns[column] = "text"
        line = statement(f"{alter} add {quote(column)} varchar(9) null, add index (`{column}`)")
        table.indexes[column] = (column,)
        by_hand = f"{alter} drop column {quote(column)}"
        return [Step(line, by_hand, "raw")]

    def write(self) -> list[Step]:
        table = self.table(having=lambda t: t.columns.get("n") == "number")
        if not table:
            return []
        at = f"DB::table({php(table.name)})"
        line = self.pick(
            [f"{at}->insert(['n' => 77]);", f"{at}->where('id', '>', 1)->update(['n' => 78]);"]
        )
        return [Step(line, "", "write")]

    def checks(self) -> list[Step]:
        what = self.pick(["disable", "enable"])
        return [Step(f"Schema::{what}ForeignKeyConstraints();", "", "checks")]

    def steps(self) -> list[Step]:
        kinds = [
            self.create, self.rename, self.anew, self.exchange, self.drop_table, self.add_columns,
            self.add_columns, self.drop_column, self.rename_column, self.change_column,
            self.add_index, self.drop_index, self.add_key, self.drop_key, self.raw, self.write,
            self.checks,
        ]  # fmt: skip
        found: list[Step] = []
        for _ in range(self.draw(st.integers(1, 5))):
            found += self.pick(kinds)()
        return found


def base_table(draw, name: str, tables: list[Known], number: int) -> tuple[Known, str, list[str]]:
    """Return a table of a recorded migration, the lines that make it, and rows of it."""
    table = Known(name, {"id": "id", "title": "text", "n": "number", "spare": "text"})
    lines = ["$table->id();", "$table->string('title')->nullable();"]
    lines += ["$table->integer('n')->default(0);", "$table->string('spare')->nullable();"]
    up = ""
    if tables and draw(st.booleans()):
        parent = draw(st.sampled_from([one.name for one in tables]))
        key = f"fk_{number}"
        table.columns["parent_id"], table.keys[key] = "ref", ("parent_id", parent)
        lines.append("$table->unsignedBigInteger('parent_id')->nullable();")
        lines.append(
            f"$table->foreign('parent_id', {php(key)})->references('id')->on({php(parent)});"
        )
    if draw(st.booleans()):
        table.indexes["by_title"] = ("title",)
        up = schema("table", name, ["$table->index('title', 'by_title');"])
    rows = [f"INSERT INTO {{}} (`title`, `n`, `spare`) VALUES ('t', {n}, 's')" for n in (1, 2)]
    if table.keys:
        rows.append("UPDATE {} SET `parent_id` = 1")
    return table, "\n        ".join(filter(None, [schema("create", name, lines), up])), rows


@st.composite
def half_runs(draw) -> HalfRun:
    prefix = draw(st.sampled_from(["", "", "", "x_"]))
    tables: list[Known] = []
    base, rows = [], []
    for number, name in enumerate(draw(st.permutations(NAMES))[: draw(st.integers(2, 4))]):
        table, lines, filled = base_table(draw, name, tables, number)
        tables.append(table)
        base.append(lines)
        rows += [row.format(quote(prefix + name)) for row in filled]
    first = tables[0].name
    absent = draw(st.sampled_from([[], [], ["handmade"], [f"{first}_old"]]))
    writer = Writer(draw, tables, prefix, absent)
    steps = tuple(writer.steps())
    stop = draw(st.sampled_from(["error", "kill"]))
    by_hand = [step.by_hand for step in steps if step.by_hand]
    meanwhile = draw(st.sampled_from(["", "", "", "retry", *(["by hand"] if by_hand else [])]))
    following = draw(st.sampled_from([None, None, schema("create", "later", ["$table->id();"])]))
    if following and writer.tables and draw(st.booleans()):
        name = draw(st.sampled_from([*writer.tables]))
        following = schema("table", name, ["$table->integer('later')->nullable();"])
    return HalfRun(
        tuple(base),
        tuple(rows),
        tuple(prefix + name for name in absent),
        steps,
        stop,
        draw(st.integers(1, len(steps) + (0 if stop == "error" else 1))) if steps else 0,
        draw(st.sampled_from(["single", "null"])),
        meanwhile,
        draw(st.sampled_from(by_hand)) if meanwhile == "by hand" else "",
        following,
        draw(st.sampled_from([False, False, False, True])),
        prefix,
        draw(st.sampled_from(["rollback", "repair"])),
    )
