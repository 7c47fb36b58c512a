# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the statements of migrations into the effects they have on a schema.

`read` takes one SQL text and returns its effects (`effects.py`), which `simulation.py` applies to a
schema. What cannot be read comes back as `Unread`, never as silence: a caller that must be sure
refuses when it meets one.

Laravel's statements are read with sqlglot's MySQL dialect. `RENAME TABLE` and
`ALTER TABLE ... CONVERT TO` reach us as opaque commands there, so they are read from
sqlglot's tokens.
"""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokens import Token, TokenType

from . import definitions, writes
from .conditions import DIALECT, literal
from .effects import (
    PRIMARY,
    AddCheck,
    AddColumn,
    AddForeignKey,
    AddIndex,
    ChangeColumn,
    ChangeTable,
    Check,
    Column,
    CreateProgram,
    CreateTable,
    CreateTemporary,
    CreateView,
    DropCheck,
    DropColumn,
    DropForeignKey,
    DropIndex,
    DropTable,
    DropView,
    Effect,
    ForeignKey,
    ForeignKeyChecks,
    Harmless,
    Index,
    RenameIndex,
    RenameTable,
    SetDefault,
    SetVariable,
    Unread,
    WriteRows,
)

logging.getLogger("sqlglot").setLevel(logging.ERROR)

# What the parser does not know, and what it stands for: comments that the server carries out, SET
# STATEMENT ... FOR, ALTER ONLINE TABLE, how long to wait, RENAME AS or = for RENAME TO, in which
# system a column's points are. What IGNORE lets happen to rows is no other way to write something.
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
    (
        re.compile(
            r"\b(geom\w*|point|linestring|polygon|multi\w+)(\s+(?:not\s+)?null)?\s+"
            r"(?:srid\s+\d+|ref_system_id\s*=\s*\d+)",
            re.IGNORECASE,
        ),
        r"\1\2",
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


def count(statement: str) -> int:
    """Return how many statements a text holds; 0 where that cannot be told."""
    try:
        return sum(tree is not None for tree in sqlglot.parse(statement, dialect=DIALECT))
    except (SqlglotError, RecursionError):
        return 0


def online(statement: str) -> tuple[str, str]:
    """Return the ALGORITHM and the LOCK that an ALTER TABLE asks for; "" where it says none."""
    try:
        tree = sqlglot.parse_one(_plain(statement), dialect=DIALECT)
    except (SqlglotError, RecursionError):
        return "", ""
    options = tree.args.get("options") or () if isinstance(tree, exp.Alter) else ()
    kinds = (exp.AlgorithmProperty, exp.LockProperty)
    algorithm, lock = ((definitions.option(options, kind) or "").upper() for kind in kinds)
    return algorithm, lock


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
        return [WriteRows(definitions.name(table), "truncate") for table in tree.expressions]
    written = writes.read(tree, statement)
    if written is not None:
        return written
    if isinstance(tree, exp.Query):
        return [writes.query(tree)]
    if isinstance(tree, exp.Set):
        return _read_set(tree)
    if isinstance(tree, (exp.Use, exp.Transaction, exp.Commit, exp.Rollback)):
        return [Harmless("")]
    return [Unread("", statement)]


def _read_set(tree: exp.Set) -> list[Effect]:
    effects: list[Effect] = []
    for pair in tree.find_all(exp.EQ):
        name, value = pair.this.name.casefold(), pair.expression.name.casefold()
        scope = pair.parent.args.get("kind") if isinstance(pair.parent, exp.SetItem) else ""
        if isinstance(pair.this, exp.SessionParameter):
            scope = pair.this.args.get("kind")
        shared = str(scope or "").upper() in ("GLOBAL", "PERSIST", "PERSIST_ONLY")
        if isinstance(pair.this, exp.Parameter):
            continue
        if name == "foreign_key_checks" and not shared:
            effects.append(ForeignKeyChecks("", value not in ("0", "off")))
        else:
            effects.append(SetVariable("", name=name, value=value, shared=shared))
    return effects or [Harmless("")]


def _read_create(tree: exp.Create, statement: str) -> list[Effect]:
    kind = str(tree.kind).upper()
    if kind == "INDEX":
        name, parameters = tree.this.name, tree.this.args.get("params")
        parts = parameters.args.get("columns") if parameters else None
        unique, made_of = bool(tree.args.get("unique")), definitions.expressions(parts or ())
        index = Index(name, definitions.parts(parts or ()), unique, made_of=made_of)
        return [
            AddIndex(
                definitions.name(tree.this.args["table"]), name, index if index.columns else None
            )
        ]
    if kind == "VIEW" and not tree.args["replace"]:
        view = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
        exists = bool(tree.args.get("exists"))
        return [CreateView(definitions.name(view), exists, writes.reads(tree.expression))]
    if kind in ("TRIGGER", "PROCEDURE", "FUNCTION", "EVENT") and not tree.args["replace"]:
        return [CreateProgram("")]
    if kind != "TABLE":
        return [Unread("", statement)]
    body = tree.this
    table = body.this if isinstance(body, exp.Schema) else body
    if tree.find(exp.TemporaryProperty):
        return [CreateTemporary(definitions.name(table))]
    columns: list[Column] = []
    keys: list[ForeignKey] = []
    indexes: list[Index] = []
    checks: list[Check] = []
    for item in body.expressions if isinstance(body, exp.Schema) else ():
        checks.extend(definitions.checks(item))
        if isinstance(item, exp.ColumnDef):
            columns.append(definitions.column(item))
            indexes.extend(definitions.column_indexes(item))
            continue
        found = definitions.foreign_key(item)
        if found:
            keys.append(found)
        else:
            indexes.extend(filter(None, [definitions.index(item)]))
    properties = tree.args.get("properties")
    options = properties.expressions if properties else ()
    source = tree.expression.find(exp.Table) if tree.expression else None
    like = tree.find(exp.LikeProperty)
    if like is not None:
        source = like.this
    return [
        *([DropTable(definitions.name(table), True)] if tree.args.get("replace") else []),
        CreateTable(
            definitions.name(table),
            tuple(column.name for column in columns),
            tuple(keys),
            tuple(index.name for index in indexes if index.name),
            bool(tree.args.get("exists")),
            definitions.name(source) if source is not None else None,
            tuple(columns),
            tuple(indexes),
            definitions.option(options, exp.EngineProperty),
            definitions.option(options, exp.CharacterSetProperty),
            definitions.option(options, exp.CollateProperty),
            definitions.option(options, exp.RowFormatProperty),
            tuple(checks),
            None if source is not None or tree.expression else isinstance(body, exp.Schema),
        ),
    ]


def _read_drop(tree: exp.Drop, statement: str) -> list[Effect]:
    kind = str(tree.args.get("kind") or "").upper()
    tables = [definitions.name(table) for table in tree.args.get("tables") or ()]
    if kind == "TABLE" and tables:
        if tree.args.get("temporary"):
            return [Harmless("")]
        return [DropTable(name, bool(tree.args.get("exists"))) for name in tables]
    if kind == "VIEW" and tables:
        return [DropView(name, bool(tree.args.get("exists"))) for name in tables]
    if kind in ("TRIGGER", "PROCEDURE", "FUNCTION", "EVENT"):
        return [Harmless("")]
    on = tree.args.get("cluster")
    if kind == "INDEX" and len(tables) == 1 and on is not None and on.find(exp.Table):
        return [
            DropIndex(
                definitions.name(on.find(exp.Table)), tables[0], bool(tree.args.get("exists"))
            )
        ]
    return [Unread("", statement)]


def _read_alter(tree: exp.Alter, statement: str) -> list[Effect]:
    if not isinstance(tree.this, exp.Table):
        return [Unread("", statement)]
    table = definitions.name(tree.this)
    effects: list[Effect] = []
    for action in tree.args.get("actions") or ():
        effects.extend(_read_action(table, action, statement))
    options = tree.args.get("options") or ()
    engine = definitions.option(options, exp.EngineProperty)
    row_format = definitions.option(options, exp.RowFormatProperty)
    if engine or row_format:
        effects.append(ChangeTable(table, engine, row_format=row_format))
    effects = effects or [Harmless(table)]
    optional = bool(tree.args.get("exists"))
    return [replace(effect, optional=True) for effect in effects] if optional else effects


def _read_action(table: str, action: exp.Expr, statement: str) -> list[Effect]:
    if isinstance(action, exp.AlterRename):
        return [RenameTable(table, definitions.name(action.this))]
    if isinstance(action, exp.ColumnDef):
        exists = bool(action.args.get("exists"))
        return [
            AddColumn(table, action.name, exists, definitions.column(action)),
            *(AddIndex(table, index.name, index) for index in definitions.column_indexes(action)),
            *(AddCheck(table, check=check) for check in definitions.checks(action)),
        ]
    if isinstance(action, exp.ModifyColumn):
        new = action.this.name
        old = action.args.get("rename_from")
        return [
            ChangeColumn(table, old.name if old else new, new, definitions.column(action.this)),
            # The server takes a name that is free for any other index.
            *(
                AddIndex(table, index.name, index)
                for index in definitions.column_indexes(action.this)
                if index.name == PRIMARY
            ),
        ]
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
    if isinstance(action, exp.AlterColumn):
        default = literal(action.args.get("default"))
        if isinstance(default, str):
            return [SetDefault(table, column=action.name, default=default)]
    if isinstance(action, (exp.AlterColumn, exp.AlterIndex)):
        return [Harmless(table)]
    return [Unread(table, statement)]


def _read_constraint(table: str, item: exp.Expr, statement: str) -> list[Effect]:
    key = definitions.foreign_key(item)
    if key:
        return [AddForeignKey(table, key)]
    index = definitions.index(item)
    if index:
        return [AddIndex(table, index.name or None, index)]
    checks = definitions.checks(item)
    if checks:
        return [AddCheck(table, check=check) for check in checks]
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
        any_kind = kind == "CONSTRAINT"
        return [DropForeignKey(table, name, exists, any_kind) for name in names]
    if kind == "CHECK":
        return [DropCheck(table, name=name, if_exists=exists) for name in names]
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
