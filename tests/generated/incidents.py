# SPDX-License-Identifier: GPL-3.0-or-later
"""Random schemas, and migrations of them that fail, or look as if they might.

An Incident is plain data: the earlier migrations, the failing one, and what happened to the
schema between its failure and the repair. `incidents()` is the strategy that makes one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hypothesis import strategies as st

OURS = "2026_01_20_000000_refactor"
NEXT = "2026_01_21_000000_next"

NAMES = ["orders", "Kinerja", "order lines", "tabel é", "odd`name", "a-b", "it's", "日本", "user"]
BACKUPS = ["{}_backup_v1", "old {}", "{} é`", "{}_V1"]
CONSTRAINTS = ["fk_{}", "FK Odd {}", "fk`é {}"]
ON_DELETE = [None, None, "cascade", "set null", "restrict"]


def php(value: str) -> str:
    """Return a string as PHP source."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quote(name: str) -> str:
    """Return a name as SQL."""
    return "`" + name.replace("`", "``") + "`"


@dataclass(frozen=True)
class Key:
    """A foreign key. `name` None: Laravel makes one up; `raw`: the server does."""

    columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...]
    name: str | None = None
    raw: bool = False
    on_delete: str | None = None

    def held_as(self, table: str) -> str | None:
        """Return the name it gets on `table`, None when the server makes it up."""
        if self.raw:
            return None
        if self.name:
            return self.name
        made = "_".join([table, *self.columns, "foreign"]).lower()
        return made.replace("-", "_").replace(".", "_")

    def blueprint(self) -> str:
        columns = ", ".join(map(php, self.columns))
        name = f", {php(self.name)}" if self.name else ""
        parents = ", ".join(map(php, self.parent_columns))
        rule = f"->onDelete({php(self.on_delete)})" if self.on_delete else ""
        return (
            f"$table->foreign([{columns}]{name})->references([{parents}])"
            f"->on({php(self.parent)}){rule};"
        )

    def clause(self, table: str) -> str:
        name = self.held_as(table)
        columns = ", ".join(map(quote, self.columns))
        parents = ", ".join(map(quote, self.parent_columns))
        rule = f" ON DELETE {self.on_delete}" if self.on_delete else ""
        return (
            f"{f'CONSTRAINT {quote(name)} ' if name else ''}FOREIGN KEY ({columns})"
            f" REFERENCES {quote(self.parent)} ({parents}){rule}"
        )


@dataclass(frozen=True)
class Table:
    """A table with id, part, and the columns of its keys; `extra` are nullable strings.

    `filled` are the tables that have rows before it is filled.
    """

    name: str
    keys: tuple[Key, ...] = ()
    rows: int = 0
    extra: tuple[str, ...] = ()
    filled: tuple[str, ...] = ()

    def create(self) -> str:
        lines = ["$table->id();", "$table->unsignedBigInteger('part')->nullable();"]
        lines.append(f"$table->unique(['id', 'part'], {php(self.name[:20] + '_u')});")
        columns = dict.fromkeys(column for key in self.keys for column in key.columns)
        lines += [f"$table->unsignedBigInteger({php(name)})->nullable();" for name in columns]
        lines += [f"$table->string({php(name)})->nullable();" for name in self.extra]
        lines += [key.blueprint() for key in self.keys if not key.raw]
        made = schema("create", self.name, lines)
        raw = [
            statement(f"ALTER TABLE {quote(self.name)} ADD {key.clause(self.name)}")
            for key in self.keys
            if key.raw
        ]
        return "\n        ".join([made, *raw])

    def create_inline(self) -> str:
        """Return one statement, which leaves nothing when it fails."""
        lines = ["`id` BIGINT UNSIGNED PRIMARY KEY", "`part` BIGINT UNSIGNED"]
        lines.append("UNIQUE (`id`, `part`)")
        columns = dict.fromkeys(column for key in self.keys for column in key.columns)
        lines += [f"{quote(name)} BIGINT UNSIGNED" for name in columns]
        lines += [key.clause(self.name) for key in self.keys]
        return statement(f"CREATE TABLE {quote(self.name)} ({', '.join(lines)})")

    def inserts(self) -> list[tuple[str, tuple]]:
        """Return (SQL, values) that fill it; row k of a parent is (k, 10 * k)."""
        made = []
        for number in range(1, self.rows + 1):
            row: dict[str, int | None] = {"id": number, "part": number * 10}
            for key in self.keys:
                own = key.parent == self.name
                row.update(dict.fromkeys(key.columns))
                if own or key.parent in self.filled:
                    row.update(zip(key.columns, (1, 10)))
            names = ", ".join(map(quote, row))
            marks = ", ".join(["%s"] * len(row))
            query = f"INSERT INTO {quote(self.name)} ({names}) VALUES ({marks})"
            made.append((query, (*row.values(),)))
        return made


def schema(action: str, table: str, lines: list[str]) -> str:
    return f"Schema::{action}({php(table)}, function (Blueprint $table) {{ {' '.join(lines)} }});"


def statement(sql: str) -> str:
    return f"DB::statement({php(sql)});"


def rename(old: str, new: str) -> str:
    return f"Schema::rename({php(old)}, {php(new)});"


def drop(table: str) -> str:
    return f"Schema::dropIfExists({php(table)});"


@dataclass(frozen=True)
class Incident:
    """What there was, what was deployed, and what happened meanwhile.

    `renames` are {original: displaced} of up(), `made` the tables that it creates, or adds keys
    to; `meanwhile` names of what follows the failure, in order (see tests/generated/driver.py).
    """

    kind: str
    tables: tuple[Table, ...]
    renames: dict[str, str]
    made: tuple[Table, ...]
    up: tuple[str, ...]
    down_kind: str
    down: tuple[str, ...] | None
    following: str | None
    meanwhile: tuple[str, ...] = field(default=())

    def source(self) -> str:
        """Return the bodies of the migrations and what happened, to be read by a person."""
        lines = [f"// kind {self.kind}, down {self.down_kind}, meanwhile {self.meanwhile}"]
        for table in self.tables:
            lines += [f"{table.create()}  // {table.rows} rows"]
        lines += [f"// {OURS} up", *self.up, "// down", *(self.down or ["(none)"])]
        return "\n".join([*lines, *([f"// {NEXT}", self.following] if self.following else [])])


@st.composite
def schemas(draw) -> tuple[Table, ...]:
    """2 to 5 tables, each with keys to those before it or to itself; the last has one at least."""
    names = draw(st.permutations(NAMES))[: draw(st.integers(2, 5))]
    made: list[Table] = []
    for place, name in enumerate(names):
        last = place == len(names) - 1
        keys = []
        for number in range(draw(st.integers(1 if last else 0, 2))):
            parent = draw(st.sampled_from(names[: place + 1]))
            column = draw(st.sampled_from([f"ref{number}_id", f"ref {number}", f"Ref{number}é"]))
            pair = draw(st.booleans())
            kind = draw(st.sampled_from(["explicit", "explicit", "explicit", "laravel", "raw"]))
            pattern = draw(st.sampled_from(CONSTRAINTS))
            keys.append(
                Key(
                    (column, f"{column}_part") if pair else (column,),
                    parent,
                    ("id", "part") if pair else ("id",),
                    pattern.format(f"{place}{number}") if kind == "explicit" else None,
                    kind == "raw",
                    draw(st.sampled_from(ON_DELETE)),
                )
            )
        filled = tuple(table.name for table in made if table.rows)
        rows = draw(st.sampled_from([3, 0, 1]))
        made.append(Table(name, tuple(keys), rows, filled=filled))
    return tuple(made)


@st.composite
def besides(draw, tables, renames, made, when) -> list[str]:
    """Return things that a migration does beside, before or after the statement that fails."""
    others = [table.name for table in tables if table.name not in renames]
    kinds = ["create", "create_key", "drop_backup"]
    if others:
        kinds += ["insert", "column", "drop", "delete"]
    if when == "after" and made:
        kinds += ["copy", "insert_new"]
    lines = []
    for number, kind in enumerate(draw(st.lists(st.sampled_from(kinds), max_size=2, unique=True))):
        other = draw(st.sampled_from(others)) if others else ""
        backup = draw(st.sampled_from(sorted(renames.values()) or ["nothing_v1"]))
        new = draw(st.sampled_from([table.name for table in made] or [""]))
        key = Key(("x_id",), other or tables[0].name, ("id",), f"fk_{when}_{number}")
        old = next((old for old, name in renames.items() if old == new), "")
        lines.append(
            {
                "create": Table(f"beside {when}").create(),
                "create_key": Table(f"child {when}", (key,)).create(),
                "drop_backup": drop(backup),
                "insert": f"DB::table({php(other)})->insert(['part' => 7]);",
                "column": schema("table", other, [f"$table->string('added_{when}')->nullable();"]),
                "drop": drop(other),
                "delete": f"DB::table({php(other)})->where('id', '>', 1)->delete();",
                "insert_new": f"DB::table({php(new)})->insert(['id' => 5]);",
                "copy": statement(
                    f"INSERT INTO {quote(new)} (`id`) SELECT `id` FROM "
                    f"{quote(renames.get(old, new))}" + ("" if old else " WHERE 1 = 0")
                ),
            }[kind]
        )
    return lines


@st.composite
def incidents(draw) -> Incident:
    tables = draw(schemas())
    kinds = ["rename"] * 5 + ["inline", "inline", "same", "live", "twice"]
    kind = draw(st.sampled_from(kinds))
    with_keys = [table for table in tables if table.keys]
    count = draw(st.integers(1, min(2, len(with_keys))))
    targets = draw(st.permutations(with_keys))[:count]
    renames: dict[str, str] = {}
    lines: list[str] = []
    made: list[Table] = []
    if kind in ("rename", "inline"):
        for table in targets:
            renames[table.name] = draw(st.sampled_from(BACKUPS)).format(table.name)
            extra = ("note",) if kind == "rename" and draw(st.booleans()) else ()
            made.append(replace(table, rows=0, extra=extra))
        moves = [rename(old, new) for old, new in renames.items()]
        creates = [t.create_inline() if kind == "inline" else t.create() for t in made]
        if draw(st.booleans()):
            lines = [*moves, *creates]
        else:
            lines = [line for pair in zip(moves, creates) for line in pair]
    elif kind == "same":
        # A key that the server names cannot collide: the migration leaves it alone.
        made = [replace(t, keys=tuple(key for key in t.keys if not key.raw)) for t in targets]
        for table in made:
            keys = [key.blueprint() for key in table.keys]
            lines.append(schema("table", table.name, keys))
    else:
        if kind == "live":
            key = targets[0].keys[0]
            name = key.held_as(targets[0].name) or "fk_own"
        else:
            key, name = targets[0].keys[0], "fk_new"
        number = 2 if kind == "twice" else 1
        made = [
            Table(f"new {n}", (replace(key, name=name, raw=False, columns=key.columns),))
            for n in range(number)
        ]
        made = [replace(t, keys=(replace(t.keys[0], parent=tables[0].name),)) for t in made]
        lines = [table.create() for table in made]
    before = draw(besides(tables, renames, made, "before"))
    after = draw(besides(tables, renames, made, "after"))
    up = (*before, *lines, *after)
    down_kind = draw(st.sampled_from(["right", "none", "right", "lossy", "conditional", "forgets"]))
    undo = [drop(f"{what} {when}") for what in ("child", "beside") for when in ("after", "before")]
    if kind != "same":
        undo += [drop(table.name) for table in reversed(made)]
    back = [rename(new, old) for old, new in reversed(renames.items())]
    down: tuple[str, ...] | None = {
        "right": (*undo, *back),
        "none": None,
        "lossy": (*map(drop, renames.values()), *undo),
        "conditional": (
            *undo,
            *(
                f"if (Schema::hasTable({php(new)})) {{ {rename(new, old)} }}"
                for old, new in renames.items()
            ),
        ),
        "forgets": tuple(undo),
    }[down_kind]
    following = draw(st.sampled_from([None, None, Table("later").create()]))
    meanwhile = draw(
        st.lists(
            st.sampled_from(
                ["retry", "rows", "constraint", "leftover", "row of a parent", "record", "rollback"]
            ),
            max_size=2,
            unique=True,
        )
    )
    return Incident(
        kind, tables, renames, tuple(made), up, down_kind, down, following, tuple(meanwhile)
    )
