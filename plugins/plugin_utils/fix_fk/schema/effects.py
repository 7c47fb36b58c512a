# SPDX-License-Identifier: GPL-3.0-or-later
"""What a statement does to a schema: effects, and the columns, indexes and keys they are about."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class ForeignKey:
    """A foreign key as a statement or a server describes it; `name` is None when generated."""

    name: str | None
    columns: tuple[str, ...]
    referenced_table: str
    referenced_columns: tuple[str, ...]
    referenced_schema: str | None = None
    on_delete: str | None = None
    on_update: str | None = None

    def of(self, table: str) -> dict:
        """Return the foreign key of `table` as the module fk_constraint takes it."""
        wanted = {
            "name": self.name,
            "table": table,
            "columns": list(self.columns),
            "referenced_table": self.referenced_table,
            "referenced_columns": list(self.referenced_columns),
        }
        for part in ("referenced_schema", "on_delete", "on_update"):
            if getattr(self, part):
                wanted[part] = getattr(self, part)
        return wanted


@dataclass(frozen=True)
class Column:
    """A column as a statement or a server describes it; what is not known is None.

    `type` is as the server writes it ("bigint unsigned"), `default` the value of a row that does
    not give one, `live` the name that the column has in the server's table (None: it is not there).
    `made_of` are the columns of which it is generated, and `stored` tells whether its values are.
    `auto` counts by itself, `required` wants a value of each row, `null_default` says DEFAULT NULL,
    `after` is the column behind which it is put, `now` the digits of a second that the present time
    has as its default.
    """

    name: str
    type: str | None = None
    nullable: bool = True
    charset: str | None = None
    collation: str | None = None
    default: str | None = None
    live: str | None = None
    auto: bool = False
    generated: bool = False
    required: bool = False
    null_default: bool = False
    after: str | None = None
    now: int | None = None
    made_of: tuple[str, ...] = ()
    stored: bool = False


@dataclass(frozen=True)
class Index:
    """An index with its columns in order; of a part of a column it says `name(length)`.

    `kind` is "", FULLTEXT or SPATIAL. `implied` is one that the server makes for a foreign key.
    `made_of` has the SQL of each part that is an expression, whose name in `columns` is "".
    """

    name: str
    columns: tuple[str, ...] = ()
    unique: bool = False
    kind: str = ""
    implied: bool = False
    made_of: tuple[str, ...] = ()


PRIMARY = "PRIMARY"


@dataclass(frozen=True)
class Check:
    """A CHECK constraint; `name` is "" when generated.

    `columns` are those that it names, `condition` its SQL where that can be put to the server, else
    None. `column` is the one whose definition it is a part of.
    """

    name: str
    columns: tuple[str, ...] = ()
    condition: str | None = None
    column: str | None = None


class Unknown:
    """The value of a row that a statement does not tell."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()
# What a statement says of one value of a row: a literal, None for NULL, or UNKNOWN.
Value = str | None | Unknown


@dataclass(frozen=True)
class Effect:
    """What one statement, or one clause of it, does to the table `table`.

    `optional`: it does nothing where there is no such table (ALTER TABLE IF EXISTS).
    """

    table: str
    optional: bool = field(default=False, kw_only=True)


@dataclass(frozen=True)
class CreateTable(Effect):
    columns: tuple[str, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    indexes: tuple[str, ...] = ()
    if_not_exists: bool = False
    reads: str | None = None
    definitions: tuple[Column, ...] = ()
    keys: tuple[Index, ...] = ()
    engine: str | None = None
    charset: str | None = None
    collation: str | None = None
    row_format: str | None = None
    checks: tuple[Check, ...] = ()
    # Whether there is a list of columns; None where they may come from elsewhere.
    listed: bool | None = None


@dataclass(frozen=True)
class DropTable(Effect):
    if_exists: bool = False


@dataclass(frozen=True)
class RenameTable(Effect):
    new_name: str = ""


@dataclass(frozen=True)
class AddForeignKey(Effect):
    foreign_key: ForeignKey = ForeignKey(None, (), "", ())


@dataclass(frozen=True)
class DropForeignKey(Effect):
    """`any_kind`: it may as well be a CHECK or a unique index (DROP CONSTRAINT)."""

    name: str = ""
    if_exists: bool = False
    any_kind: bool = False


@dataclass(frozen=True)
class AddColumn(Effect):
    column: str = ""
    if_not_exists: bool = False
    definition: Column | None = None


@dataclass(frozen=True)
class DropColumn(Effect):
    column: str = ""
    if_exists: bool = False


@dataclass(frozen=True)
class ChangeColumn(Effect):
    """`definition` is None when the column only gets another name."""

    column: str = ""
    new_name: str = ""
    definition: Column | None = None


@dataclass(frozen=True)
class AddIndex(Effect):
    name: str | None = None
    index: Index | None = None


@dataclass(frozen=True)
class DropIndex(Effect):
    name: str = ""
    if_exists: bool = False


@dataclass(frozen=True)
class RenameIndex(Effect):
    name: str = ""
    new_name: str = ""


@dataclass(frozen=True)
class ChangeTable(Effect):
    """The engine, the row format or the character set of all columns is changed."""

    engine: str | None = None
    converted: bool = False
    row_format: str | None = None


@dataclass(frozen=True)
class WriteRows(Effect):
    """Rows are written: kind is insert, update, delete or truncate.

    `some` is True for a delete that says which rows. `columns` are those that are given a value
    (None: all, in order), `rows` the values; an update has one row of them. `condition` is the SQL
    of WHERE, "" without one and None where it cannot be put to the server, `named` its columns,
    `compared` those that it compares with a text, as conditions.comparisons() has them.
    `reads` are the tables of queries in it. `lenient`: what does not fit is let through, or takes
    the place of what is there (IGNORE, ON DUPLICATE KEY). `joined` are the other tables of a
    statement about several, which may be written as well.
    """

    kind: str = ""
    some: bool = False
    columns: tuple[str, ...] | None = None
    rows: tuple[tuple[Value, ...], ...] = ()
    condition: str | None = None
    named: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    lenient: bool = False
    compared: tuple[tuple[str, str, bool], ...] = ()
    joined: tuple[str, ...] = ()


@dataclass(frozen=True)
class CreateView(Effect):
    if_not_exists: bool = False
    reads: tuple[str, ...] = ()


@dataclass(frozen=True)
class DropView(Effect):
    if_exists: bool = False


@dataclass(frozen=True)
class ReadRows(Effect):
    """A SELECT: under --pretend its answer was empty, so what follows may be incomplete.

    `reads` are its tables, `named` the columns of a query of one table alone.
    """

    reads: tuple[str, ...] = ()
    named: tuple[str, ...] = ()


@dataclass(frozen=True)
class ForeignKeyChecks(Effect):
    """The server is told to check foreign keys, or not to."""

    on: bool = True


@dataclass(frozen=True)
class Harmless(Effect):
    """Changes neither rows, names nor columns (a comment, an engine option, SET)."""


@dataclass(frozen=True)
class CreateProgram(Harmless):
    """A trigger, event, procedure or function, which may write rows when it is its turn."""


@dataclass(frozen=True)
class CreateTemporary(Harmless):
    """A table of the session alone, which is there instead of one of its name."""


@dataclass(frozen=True)
class AddCheck(Harmless):
    check: Check = Check("")


@dataclass(frozen=True)
class DropCheck(Harmless):
    name: str = ""
    if_exists: bool = False


@dataclass(frozen=True)
class SetDefault(Harmless):
    """ALTER COLUMN ... SET DEFAULT with a literal."""

    column: str = ""
    default: str = ""


@dataclass(frozen=True)
class SetVariable(Harmless):
    """SET of a variable of the session, or (`shared`) of the server; `name` folded."""

    name: str = ""
    value: str = ""
    shared: bool = False


@dataclass(frozen=True)
class Unread(Effect):
    """A statement that could not be read; `text` is the whole of it."""

    text: str = ""
