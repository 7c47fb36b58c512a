# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the statements of migrations into the effects they have on a schema.

`read` takes one SQL text and returns a list of effects, small frozen dataclasses that
`simulation.py` applies to a schema. What cannot be read comes back as
`Unread`, never as silence: a caller that must be sure refuses when it meets one.

Laravel's statements are read with sqlglot's MySQL dialect. `RENAME TABLE` and
`ALTER TABLE ... CONVERT TO` reach us as opaque commands there, so they are read from
sqlglot's tokens.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokens import Token, TokenType

from ansible.module_utils.fix_fk.schema.sql import quote_identifier as quote  # isort: skip

logging.getLogger("sqlglot").setLevel(logging.ERROR)

DIALECT = "mysql"


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
    """

    name: str
    type: str | None = None
    nullable: bool = True
    charset: str | None = None
    collation: str | None = None
    default: str | None = None
    live: str | None = None


@dataclass(frozen=True)
class Index:
    """An index with its columns in order; of a part of a column it says `name(length)`.

    `kind` is "", FULLTEXT or SPATIAL. `implied` is one that the server makes for a foreign key.
    """

    name: str
    columns: tuple[str, ...] = ()
    unique: bool = False
    kind: str = ""
    implied: bool = False


PRIMARY = "PRIMARY"


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
    name: str = ""
    if_exists: bool = False


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
    """The engine or the character set of all columns is changed."""

    engine: str | None = None
    converted: bool = False


@dataclass(frozen=True)
class WriteRows(Effect):
    """Rows are written: kind is insert, update, delete or truncate.

    `some` is True for a delete that says which rows.
    """

    kind: str = ""
    some: bool = False


@dataclass(frozen=True)
class CreateView(Effect):
    if_not_exists: bool = False


@dataclass(frozen=True)
class DropView(Effect):
    pass


@dataclass(frozen=True)
class ReadRows(Effect):
    """A SELECT: under --pretend its answer was empty, so what follows may be incomplete."""


@dataclass(frozen=True)
class ForeignKeyChecks(Effect):
    """The server is told to check foreign keys, or not to."""

    on: bool = True


@dataclass(frozen=True)
class Harmless(Effect):
    """Changes neither rows, names nor columns (a comment, an engine option, SET)."""


@dataclass(frozen=True)
class Unread(Effect):
    """A statement that could not be read; `text` is the whole of it."""

    text: str = ""


# What the parser does not know, and what it stands for: comments that the server carries out, SET
# STATEMENT ... FOR, ALTER ONLINE TABLE, how long to wait, and RENAME AS or = for RENAME TO. What
# IGNORE lets happen to rows is no other way to write something.
_PLAIN = (
    (re.compile(r"/\*M?!\d*(.*?)\*/", re.DOTALL), r"\1"),
    (re.compile(r"^\s*set\s+statement\s.*?\bfor\b(?=\s+[a-z])", re.IGNORECASE | re.DOTALL), ""),
    (re.compile(r"^(\s*alter\s+)online\s+(?=table\b)", re.IGNORECASE), r"\1"),
    (
        re.compile(
            r"^(\s*(?:(?:alter|rename|drop|truncate)\s+tables?|create\s+index\s+\S+\s+on)\s+"
            r"(?:if\s+exists\s+)?(?:`[^`]+`|[\w.]+))\s+(?:wait\s+\d+|nowait)\b",
            re.IGNORECASE,
        ),
        r"\1",
    ),
    (
        re.compile(
            r"^(\s*alter\s+table\s+(?:if\s+exists\s+)?(?:`[^`]+`|\S+)\s+rename)\s*(?:as\b|=)\s*",
            re.IGNORECASE,
        ),
        r"\1 TO ",
    ),
)


def _plain(statement: str) -> str:
    for pattern, plain in _PLAIN:
        statement = pattern.sub(plain, statement)
    return statement


@lru_cache(maxsize=20_000)
def read(statement: str) -> tuple[Effect, ...]:
    """Return the effects of the SQL text `statement`, in order."""
    try:
        trees = sqlglot.parse(_plain(statement), dialect=DIALECT)
    except (SqlglotError, RecursionError):
        return (Unread("", statement),)
    known = [tree for tree in trees if tree is not None]
    return tuple(effect for tree in known for effect in _read_tree(tree, statement))


def leaves_schema(statement: str) -> bool:
    """Tell whether `statement` names a table together with its schema, or may do so.

    What Laravel asks the information_schema stays in the schema that it names as a value.
    """
    try:
        for tree in sqlglot.parse(statement, dialect=DIALECT):
            if isinstance(tree, exp.Command):
                rest = sqlglot.tokenize(str(tree.expression.name), dialect=DIALECT)
                found = any(token.text == "." for token in rest)
            else:
                found = any(
                    table.db and table.db.casefold() != "information_schema"
                    for table in (tree or exp.Null()).find_all(exp.Table)
                )
            if found:
                return True
    except (AttributeError, SqlglotError, RecursionError):
        return True
    return False


def tables_of(statement: str) -> set[str]:
    """Return every table name that `statement` names as a table."""
    return {
        name
        for effect in read(statement)
        for name in (effect.table, *_other_tables(effect))
        if name
    }


_EMPTIES = re.compile(r"\b(?:drop\s+table|truncate\s|delete\s+from|replace\s+into)", re.IGNORECASE)


def is_statement(text: str) -> bool:
    """Tell whether a text, which may break off, is SQL that drops or empties something."""
    return bool(_EMPTIES.search(text))


_RENAMES = re.compile(
    r"\s*(?:rename\s+table|alter\s+table\b.*\brename)\b", re.IGNORECASE | re.DOTALL
)


def query_of_rows(statement: str) -> str:
    """Return the query that lists the rows over which a statement fails: those that refer to no
    row, or share a value that is to be unique. "" where the statement says of neither."""
    for effect in read(statement):
        key = effect.foreign_key if isinstance(effect, AddForeignKey) else None
        index = effect.index if isinstance(effect, AddIndex) else None
        if key:
            same = " AND ".join(
                f"p.{quote(to)} = c.{quote(own)}"
                for own, to in zip(key.columns, key.referenced_columns)
            )
            given = "".join(f" AND c.{quote(column)} IS NOT NULL" for column in key.columns)
            return (
                f"SELECT c.* FROM {quote(effect.table)} c WHERE NOT EXISTS (SELECT 1 FROM "  # noqa: S608 - shown
                f"{quote(key.referenced_table)} p WHERE {same}){given}"
            )
        if index and index.unique and not any("(" in column for column in index.columns):
            columns = ", ".join(map(quote, index.columns))
            return (
                f"SELECT {columns}, COUNT(*) FROM {quote(effect.table)} GROUP BY {columns} "  # noqa: S608 - shown
                "HAVING COUNT(*) > 1"
            )
    return ""


def is_rename(text: str) -> bool:
    """Tell whether a text is SQL that may rename a table."""
    return bool(_RENAMES.match(text))


def emptied_by(statement: str) -> set[str]:
    """Return the tables, folded, that `statement` drops, or of which it deletes all rows."""
    return {
        effect.table.casefold()
        for effect in read(statement)
        if isinstance(effect, DropTable)
        or (
            isinstance(effect, WriteRows)
            and effect.kind in ("delete", "truncate")
            and not effect.some
        )
    } - {""}


def made_anew(statements: Iterable[str]) -> list[tuple[str, str]]:
    """Return (table, new name) of the tables that are renamed away and then created again."""
    away: dict[str, tuple[str, str]] = {}
    found = []
    for statement in statements:
        for effect in read(statement):
            if isinstance(effect, RenameTable):
                away[effect.table.casefold()] = (effect.table, effect.new_name)
            elif isinstance(effect, CreateTable) and effect.table.casefold() in away:
                found.append(away[effect.table.casefold()])
    return found


def displaced(statements: Iterable[str]) -> list[tuple[str, str]]:
    """Return (table, where the one is now that it came in the place of), both as named at the end.

    Unlike made_anew(), also across migrations, and of a new table that is renamed into its place.
    """
    names: dict[str, list[str]] = {}
    vacated: dict[str, list[str]] = {}
    pairs: list[tuple[list[str], list[str]]] = []

    def comes(table: list[str]) -> None:
        folded = table[0].casefold()
        names[folded] = table
        old = vacated.pop(folded, None)
        if old is not None and old is not table:
            pairs.append((table, old))

    # A table is a list with its present name, and without one when it is gone.
    for effect in (effect for statement in statements for effect in read(statement)):
        folded = effect.table.casefold()
        if isinstance(effect, CreateTable) and folded not in names:
            comes([effect.table])
        elif isinstance(effect, RenameTable):
            table = names.pop(folded, None) or [effect.table]
            vacated[folded] = table
            table[0] = effect.new_name
            comes(table)
        elif isinstance(effect, DropTable) and folded in names:
            gone = names.pop(folded)
            # What comes in its place comes in that of the one before.
            before = next((old for new, old in pairs if new is gone), None)
            if before is not None:
                vacated[folded] = before
            gone.clear()
    return [(new[0], old[0]) for new, old in pairs if new and old]


def _other_tables(effect: Effect) -> tuple[str, ...]:
    if isinstance(effect, RenameTable):
        return (effect.new_name,)
    if isinstance(effect, AddForeignKey):
        return (effect.foreign_key.referenced_table,)
    if isinstance(effect, CreateTable):
        return tuple(key.referenced_table for key in effect.foreign_keys)
    return ()


def redact(statement: str) -> str:
    """Return `statement` fit to be shown: the values of rows replaced by `?`.

    Statements that write or read rows carry the application's data (a seeded password
    hash, for one); statements that change the schema are shown as they are.
    """
    try:
        tree = sqlglot.parse_one(statement, dialect=DIALECT)
    except (SqlglotError, RecursionError):
        return _head(statement)
    if isinstance(tree, exp.Command) and _word(statement) not in _SCHEMA_WORDS:
        return _head(statement)
    if not isinstance(tree, (exp.Insert, exp.Update, exp.Delete, exp.Select)):
        return statement

    def hide(node: exp.Expr) -> exp.Expr:
        return exp.Placeholder() if isinstance(node, exp.Literal) else node

    return tree.transform(hide).sql(dialect=DIALECT)


_SCHEMA_WORDS = ("alter", "create", "drop", "rename", "set", "truncate")


def redact_logged(statement: str) -> str:
    """Return a statement from the application's log fit to be shown.

    Laravel before version 12 puts values into it without quotes, so that nothing tells them from
    names: of a statement that is about rows only its verb and its tables are left.
    """
    if _word(statement) in _SCHEMA_WORDS:
        return redact(statement)
    tables = ", ".join(sorted(tables_of(statement) - {""}))
    return _head(statement) + (f" ({tables})" if tables else "")


def _word(statement: str) -> str:
    return statement.lstrip(" \t\r\n(").split(None, 1)[0].casefold() if statement.strip() else ""


def _head(statement: str) -> str:
    """Return what can be shown of a statement that cannot be read."""
    if _word(statement) in _SCHEMA_WORDS:
        return statement.split("(", 1)[0].strip() + " ..."
    return f"{_word(statement)} ..."


def _read_tree(tree: exp.Expr, statement: str) -> list[Effect]:
    if isinstance(tree, exp.Create):
        return _read_create(tree, statement)
    if isinstance(tree, exp.Drop):
        return _read_drop(tree, statement)
    if isinstance(tree, exp.Alter):
        return _read_alter(tree, statement)
    if isinstance(tree, exp.Command):
        return _read_command(tree, statement)
    if isinstance(tree, exp.TruncateTable):
        return [WriteRows(_name(table), "truncate") for table in tree.expressions]
    for kind, name in ((exp.Insert, "insert"), (exp.Update, "update"), (exp.Delete, "delete")):
        if isinstance(tree, kind):
            target = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
            if not isinstance(target, exp.Table):
                return [Unread("", statement)]
            where = tree.args.get("where") if name == "delete" else None
            return [WriteRows(_name(target), name, bool(where and where.find(exp.Column)))]
    if isinstance(tree, exp.Query):
        return [ReadRows("")]
    if isinstance(tree, exp.Set):
        return _read_set(tree)
    if isinstance(tree, (exp.Use, exp.Transaction, exp.Commit, exp.Rollback)):
        return [Harmless("")]
    return [Unread("", statement)]


def _read_set(tree: exp.Set) -> list[Effect]:
    for pair in tree.find_all(exp.EQ):
        if pair.this.name.casefold() == "foreign_key_checks":
            return [ForeignKeyChecks("", pair.expression.name.casefold() not in ("0", "off"))]
    return [Harmless("")]


def _read_create(tree: exp.Create, statement: str) -> list[Effect]:
    kind = str(tree.kind).upper()
    if kind == "INDEX":
        name, parameters = tree.this.name, tree.this.args.get("params")
        parts = parameters.args.get("columns") if parameters else None
        index = Index(name, _parts(parts or ()), bool(tree.args.get("unique")))
        return [AddIndex(_name(tree.this.args["table"]), name, index if index.columns else None)]
    if kind == "VIEW" and not tree.args["replace"]:
        view = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
        return [CreateView(_name(view), if_not_exists=bool(tree.args.get("exists")))]
    if kind in ("TRIGGER", "PROCEDURE", "FUNCTION", "EVENT") and not tree.args["replace"]:
        return [Harmless("")]
    if kind != "TABLE":
        return [Unread("", statement)]
    if tree.find(exp.TemporaryProperty):
        return [Harmless("")]
    body = tree.this
    table = body.this if isinstance(body, exp.Schema) else body
    columns: list[Column] = []
    keys: list[ForeignKey] = []
    indexes: list[Index] = []
    for item in body.expressions if isinstance(body, exp.Schema) else ():
        if isinstance(item, exp.ColumnDef):
            columns.append(_column(item))
            indexes.extend(_column_indexes(item))
            continue
        found = _foreign_key(item)
        if found:
            keys.append(found)
        else:
            indexes.extend(filter(None, [_index(item)]))
    properties = tree.args.get("properties")
    options = properties.expressions if properties else ()
    source = tree.expression.find(exp.Table) if tree.expression else None
    like = tree.find(exp.LikeProperty)
    if like is not None:
        source = like.this
    return [
        *([DropTable(_name(table), True)] if tree.args.get("replace") else []),
        CreateTable(
            _name(table),
            tuple(column.name for column in columns),
            tuple(keys),
            tuple(index.name for index in indexes if index.name),
            bool(tree.args.get("exists")),
            _name(source) if source is not None else None,
            tuple(columns),
            tuple(indexes),
            _option(options, exp.EngineProperty),
            _option(options, exp.CharacterSetProperty),
            _option(options, exp.CollateProperty),
        ),
    ]


def _read_drop(tree: exp.Drop, statement: str) -> list[Effect]:
    kind = str(tree.args.get("kind") or "").upper()
    tables = [_name(table) for table in tree.args.get("tables") or ()]
    if kind == "TABLE" and tables:
        if tree.args.get("temporary"):
            return [Harmless("")]
        return [DropTable(name, bool(tree.args.get("exists"))) for name in tables]
    if kind == "VIEW" and tables:
        return [DropView(name) for name in tables]
    if kind in ("TRIGGER", "PROCEDURE", "FUNCTION", "EVENT"):
        return [Harmless("")]
    on = tree.args.get("cluster")
    if kind == "INDEX" and len(tables) == 1 and on is not None and on.find(exp.Table):
        return [DropIndex(_name(on.find(exp.Table)), tables[0], bool(tree.args.get("exists")))]
    return [Unread("", statement)]


def _read_alter(tree: exp.Alter, statement: str) -> list[Effect]:
    if not isinstance(tree.this, exp.Table):
        return [Unread("", statement)]
    table = _name(tree.this)
    effects: list[Effect] = []
    for action in tree.args.get("actions") or ():
        effects.extend(_read_action(table, action, statement))
    engine = _option(tree.args.get("options") or (), exp.EngineProperty)
    if engine:
        effects.append(ChangeTable(table, engine))
    effects = effects or [Harmless(table)]
    optional = bool(tree.args.get("exists"))
    return [replace(effect, optional=True) for effect in effects] if optional else effects


def _read_action(table: str, action: exp.Expr, statement: str) -> list[Effect]:
    if isinstance(action, exp.AlterRename):
        return [RenameTable(table, _name(action.this))]
    if isinstance(action, exp.ColumnDef):
        exists = bool(action.args.get("exists"))
        return [
            AddColumn(table, action.name, exists, _column(action)),
            *(AddIndex(table, index.name, index) for index in _column_indexes(action)),
        ]
    if isinstance(action, exp.ModifyColumn):
        new = action.this.name
        old = action.args.get("rename_from")
        return [ChangeColumn(table, old.name if old else new, new, _column(action.this))]
    if isinstance(action, exp.RenameColumn):
        return [ChangeColumn(table, action.this.name, action.args["to"].name)]
    if isinstance(action, exp.AddConstraint):
        return [
            effect
            for item in action.expressions
            for effect in _read_constraint(table, item, statement)
        ]
    if isinstance(action, exp.Drop):
        return _read_alter_drop(table, action, statement)
    if isinstance(action, exp.RenameIndex):
        return [RenameIndex(table, action.name, action.args["to"].name)]
    if isinstance(action, exp.DropPrimaryKey):
        return [DropIndex(table, PRIMARY)]
    if isinstance(action, (exp.AlterColumn, exp.AlterIndex)):
        return [Harmless(table)]
    return [Unread(table, statement)]


def _read_constraint(table: str, item: exp.Expr, statement: str) -> list[Effect]:
    key = _foreign_key(item)
    if key:
        return [AddForeignKey(table, key)]
    index = _index(item)
    if index:
        return [AddIndex(table, index.name or None, index)]
    if isinstance(item, exp.Constraint):
        return [Harmless(table)]
    return [Unread(table, statement)]


def _read_alter_drop(table: str, action: exp.Drop, statement: str) -> list[Effect]:
    kind = str(action.args.get("kind") or "").upper()
    exists = bool(action.args.get("exists"))
    names = [item.name for item in action.args.get("tables") or ()]
    if not names:
        return [Unread(table, statement)]
    if kind in ("FOREIGN KEY", "CONSTRAINT"):
        return [DropForeignKey(table, name, exists) for name in names]
    if kind == "COLUMN":
        return [DropColumn(table, name, exists) for name in names]
    if kind in ("INDEX", "KEY"):
        return [DropIndex(table, name, exists) for name in names]
    return [Unread(table, statement)]


def _read_command(tree: exp.Command, statement: str) -> list[Effect]:
    head = str(tree.this).upper()
    if head in ("LOCK TABLES", "UNLOCK TABLES"):
        return [Harmless("")]
    try:
        # sqlglot hands over what follows the first word as one string.
        tokens = sqlglot.tokenize(str(tree.expression.name), dialect=DIALECT)
    except (AttributeError, SqlglotError):
        return [Unread("", statement)]
    words = [token.text.upper() for token in tokens]
    if head == "RENAME" and words[:1] in (["TABLE"], ["TABLES"]):
        return _read_rename(tokens[1:]) or [Unread("", statement)]
    if head == "ALTER" and words[:1] == ["TABLE"] and words[2:4] == ["CONVERT", "TO"]:
        return [ChangeTable(tokens[1].text, converted=True)]
    return [Unread("", statement)]


def _read_rename(tokens: list[Token]) -> list[Effect] | None:
    """Read `a TO b, c TO d`; None when the tokens are not of that form."""
    effects: list[Effect] = []
    names: list[str] = []
    part: list[Token] = []
    end = Token(TokenType.COMMA, ",")
    for token in [*tokens, end]:
        if token.token_type == TokenType.SEMICOLON:
            continue
        # A quoted name may itself read "TO" or ",": only bare tokens separate.
        bare = token.token_type not in (TokenType.IDENTIFIER, TokenType.STRING)
        if bare and token.text.upper() in ("TO", ","):
            if not part or len(part) > 3:
                return None
            names.append(part[-1].text)
            part = []
            if token.text == ",":
                if len(names) != 2:
                    return None
                effects.append(RenameTable(names[0], names[1]))
                names = []
        else:
            part.append(token)
    return None if names or part else effects


def _foreign_key(item: exp.Expr) -> ForeignKey | None:
    name = item.name if isinstance(item, exp.Constraint) else None
    node = item if isinstance(item, exp.ForeignKey) else item.find(exp.ForeignKey)
    if node is None:
        return None
    reference = node.args["reference"].this
    table = reference.this if isinstance(reference, exp.Schema) else reference
    return ForeignKey(
        name or None,
        tuple(column.name for column in node.expressions),
        table.name,
        tuple(column.name for column in getattr(reference, "expressions", ())),
        table.db or None,
        **_rules(node.args["reference"]),
    )


def _rules(reference: exp.Expr) -> dict[str, str]:
    """Return on_delete and on_update of a REFERENCES clause, as far as it names them."""
    rules = {}
    for option in reference.args.get("options") or ():
        words = str(option).upper().split(maxsplit=2)
        if len(words) == 3 and words[0] == "ON" and words[1] in ("DELETE", "UPDATE"):
            rules[f"on_{words[1].lower()}"] = words[2]
    return rules


def _column(item: exp.Expr) -> Column:
    """Read the definition of a column."""
    kind = item.args.get("kind")
    found: dict = {"type": kind.sql(dialect=DIALECT).casefold() if kind is not None else None}
    for constraint in item.args.get("constraints") or ():
        what = constraint.args.get("kind")
        if isinstance(what, exp.NotNullColumnConstraint):
            found["nullable"] = bool(what.args.get("allow_null"))
        elif isinstance(what, exp.PrimaryKeyColumnConstraint):
            found["nullable"] = False
        elif isinstance(what, exp.CharacterSetColumnConstraint):
            found["charset"] = what.name.casefold()
        elif isinstance(what, exp.CollateColumnConstraint):
            found["collation"] = what.this.name.casefold()
        elif isinstance(what, exp.DefaultColumnConstraint):
            value = what.this
            if isinstance(value, exp.Collate):
                # DEFAULT 'x' COLLATE y is read as one expression.
                found["collation"] = value.expression.name.casefold()
                value = value.this
            if isinstance(value, exp.Literal):
                found["default"] = value.name
    return Column(item.name, **found)


def _column_indexes(item: exp.Expr) -> list[Index]:
    """Return the indexes that the definition of a column asks for."""
    kinds = [constraint.args.get("kind") for constraint in item.args.get("constraints") or ()]
    indexes = []
    if any(isinstance(kind, exp.PrimaryKeyColumnConstraint) for kind in kinds):
        indexes.append(Index(PRIMARY, (item.name,), True))
    if any(isinstance(kind, exp.UniqueColumnConstraint) for kind in kinds):
        indexes.append(Index(item.name, (item.name,), True))
    return indexes


def _index(item: exp.Expr) -> Index | None:
    """Read an index of a CREATE TABLE or ALTER TABLE; None when it is none."""
    if isinstance(item, exp.Constraint):
        # CONSTRAINT name UNIQUE (...) or PRIMARY KEY (...)
        inner = next((_index(part) for part in item.expressions if _index(part)), None)
        return Index(inner.name or item.name, inner.columns, inner.unique) if inner else None
    if isinstance(item, exp.PrimaryKey):
        return Index(PRIMARY, _parts(item.expressions), True)
    if not isinstance(item, (exp.IndexColumnConstraint, exp.UniqueColumnConstraint)):
        return None
    this, unique = item.this, isinstance(item, exp.UniqueColumnConstraint)
    if isinstance(this, exp.Schema):
        name = this.this.name if this.this is not None else ""
        return Index(name, _parts(this.expressions), unique)
    kind = str(item.args.get("kind") or "").upper()
    kind = kind if kind in ("FULLTEXT", "SPATIAL") else ""
    return Index(this.name if this else "", _parts(item.expressions), unique, kind)


def _parts(items) -> tuple[str, ...]:
    """Return the columns of an index."""
    parts = []
    for item in items:
        inner = item.this if isinstance(item, exp.Ordered) else item
        if isinstance(inner, exp.ColumnPrefix):
            parts.append(f"{inner.this.name}({inner.expression.name})")
        else:
            parts.append(inner.name)
    return tuple(parts)


def _option(options, kind: type[exp.Expr]) -> str | None:
    """Return the value of one of a table's options."""
    return next((option.this.name for option in options if isinstance(option, kind)), None)


def _name(table: exp.Expr) -> str:
    return table.name


# --- what Laravel writes about a failed statement -------------------------------------------


@dataclass(frozen=True)
class FailedStatement:
    """An SQLSTATE message of Laravel, taken apart.

    `code` is the server's error number, `errno` the storage engine's (121, 150) or None,
    `sql` the statement that failed ("" when the message carries none).
    """

    code: int
    errno: int | None
    reason: str
    sql: str

    @property
    def shown(self) -> str:
        """The reason, fit to be shown: some of the server's messages quote the row's value."""
        if self.code not in _QUOTING:
            return self.reason
        masked, values = _VALUE.subn("'?'", self.reason)
        if values or _NO_VALUE.search(self.reason):
            return masked
        before, *rest = self.reason.split("'")
        # What stands between two apostrophes; a value may hold some itself.
        return f"{before}'?'{rest[-1]}" if len(rest) > 1 else before


# The value, before the key or column that the message names, or no value at all.
_VALUE = re.compile(r"'.*'(?=\s+for\s+(?:key|column)\b)", re.DOTALL | re.IGNORECASE)
_NO_VALUE = re.compile(r"^[^']*\bfor column '[^']*' at row \d+$", re.IGNORECASE)
# Duplicate entry 'x' for key 'y', Incorrect value: 'x' for column 'y', Truncated ..., out of range.
_QUOTING = frozenset((1062, 1265, 1292, 1366, 1367, 1411, 1525, 1526, 1582, 1586, 1690, 1859, 3140))

# Shapes: "(SQL: ...)" in Laravel 8 and 9, "(Connection: mysql, SQL: ...)" in 10 and 11, more
# details before "SQL:" from 12 on.
_MESSAGE = re.compile(
    r"SQLSTATE\[\w+\](?: \[(?P<connect>\d+)\])?:?\s*(?:[^:\n]*:)?\s*(?P<code>\d{3,5})?\s*"
    r"(?P<reason>.*?)\s*(?:\((?:Connection: .*?)?SQL: (?P<sql>.*)\))?\s*$",
    re.DOTALL,
)


def read_message(message: str) -> FailedStatement | None:
    """Take Laravel's message of a failed statement apart; None when it is not one."""
    found = _MESSAGE.search(message)
    if not found:
        return None
    code = found["code"] or found["connect"]
    if not code:
        return None
    errno = re.search(r"errno: (\d+)", found["reason"])
    return FailedStatement(
        int(code), int(errno[1]) if errno else None, found["reason"], found["sql"] or ""
    )
