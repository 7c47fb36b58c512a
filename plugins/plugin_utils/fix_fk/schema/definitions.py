# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what a statement says of columns, indexes and constraints from the parser's trees."""

from __future__ import annotations

from sqlglot import exp

from .conditions import DIALECT, columns_in, condition, literal
from .effects import PRIMARY, Check, Column, ForeignKey, Index


def foreign_key(item: exp.Expr) -> ForeignKey | None:
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


def column(item: exp.Expr) -> Column:
    """Read the definition of a column."""
    kind = item.args.get("kind")
    found: dict = {"type": _type(kind) if kind is not None else None}
    given = False
    for constraint in item.args.get("constraints") or ():
        what = constraint.args.get("kind")
        if isinstance(what, exp.NotNullColumnConstraint):
            found["nullable"] = bool(what.args.get("allow_null"))
        elif isinstance(what, exp.PrimaryKeyColumnConstraint):
            found["nullable"] = False
        elif isinstance(what, exp.AutoIncrementColumnConstraint):
            found["auto"] = True
        elif isinstance(
            what, exp.ComputedColumnConstraint | exp.GeneratedAsIdentityColumnConstraint
        ):
            found["generated"] = True
            found["made_of"] = columns_in(what.this) if what.this is not None else ()
            found["stored"] = bool(what.args.get("persisted"))
        elif isinstance(what, exp.CharacterSetColumnConstraint):
            found["charset"] = what.name.casefold()
        elif isinstance(what, exp.CollateColumnConstraint):
            found["collation"] = what.this.name.casefold()
        elif isinstance(what, exp.DefaultColumnConstraint):
            value, given = what.this, True
            if isinstance(value, exp.Collate):
                # DEFAULT 'x' COLLATE y is read as one expression.
                found["collation"] = value.expression.name.casefold()
                value = value.this
            found["null_default"] = isinstance(value, exp.Null)
            if isinstance(value, exp.CurrentTimestamp):
                digits = literal(value.this)
                found["now"] = int(digits) if isinstance(digits, str) else 0
            told = literal(value)
            if isinstance(told, str):
                found["default"] = told
    if (found["type"] or "").startswith("serial"):
        found |= {"nullable": False, "auto": True}
    position = item.args.get("position")
    if position is not None and position.this is not None:
        found["after"] = position.this.name
    of_itself = found.get("auto") or found.get("generated") or found["type"] == "timestamp"
    found["required"] = not (found.get("nullable", True) or given or of_itself)
    return Column(item.name, **found)


def _type(kind: exp.Expr) -> str:
    """Return a type folded, but for the values of an ENUM, which may differ in case only."""
    text = kind.sql(dialect=DIALECT)
    head, bracket, rest = text.partition("(")
    return head.casefold() + bracket + (rest if "'" in rest else rest.casefold())


def checks(item: exp.Expr) -> list[Check]:
    """Return the CHECK constraints of a column's definition or of a clause."""
    found: list[tuple[str, exp.Expr | None, str | None]] = [("", item, None)]
    if isinstance(item, exp.ColumnDef):
        found = [
            (constraint.name, constraint.args.get("kind"), item.name)
            for constraint in item.args.get("constraints") or ()
        ]
    elif isinstance(item, exp.Constraint):
        found = [(item.name, part, None) for part in item.expressions]
    return [
        Check(name, columns_in(kind.this), condition(kind.this), column)
        for name, kind, column in found
        if isinstance(kind, exp.CheckColumnConstraint)
    ]


def column_indexes(item: exp.Expr) -> list[Index]:
    """Return the indexes that the definition of a column asks for."""
    kinds = [constraint.args.get("kind") for constraint in item.args.get("constraints") or ()]
    indexes = []
    if any(isinstance(kind, exp.PrimaryKeyColumnConstraint) for kind in kinds):
        indexes.append(Index(PRIMARY, (item.name,), True))
    if any(isinstance(kind, exp.UniqueColumnConstraint) for kind in kinds):
        indexes.append(Index(item.name, (item.name,), True))
    return indexes


def index(item: exp.Expr) -> Index | None:
    """Read an index of a CREATE TABLE or ALTER TABLE; None when it is none."""
    if isinstance(item, exp.Constraint):
        # CONSTRAINT name UNIQUE (...) or PRIMARY KEY (...)
        inner = next((index(part) for part in item.expressions if index(part)), None)
        return Index(inner.name or item.name, inner.columns, inner.unique) if inner else None
    if isinstance(item, exp.PrimaryKey):
        return Index(PRIMARY, parts(item.expressions), True, made_of=expressions(item.expressions))
    if not isinstance(item, (exp.IndexColumnConstraint, exp.UniqueColumnConstraint)):
        return None
    this, unique = item.this, isinstance(item, exp.UniqueColumnConstraint)
    if isinstance(this, exp.Schema):
        name = this.this.name if this.this is not None else ""
        made_of = expressions(this.expressions)
        return Index(name, parts(this.expressions), unique, made_of=made_of)
    kind = str(item.args.get("kind") or "").upper()
    kind = kind if kind in ("FULLTEXT", "SPATIAL") else ""
    made_of = expressions(item.expressions)
    name = this.name if this else ""
    return Index(name, parts(item.expressions), unique, kind, made_of=made_of)


def expressions(items) -> tuple[str, ...]:
    """Return the SQL of those parts of an index that are no columns."""
    inner = (item.this if isinstance(item, exp.Ordered) else item for item in items)
    return tuple(
        part.sql(dialect=DIALECT)
        for part in inner
        if not part.name and not isinstance(part, exp.ColumnPrefix)
    )


def parts(items) -> tuple[str, ...]:
    """Return the columns of an index."""
    parts = []
    for item in items:
        inner = item.this if isinstance(item, exp.Ordered) else item
        if isinstance(inner, exp.ColumnPrefix):
            parts.append(f"{inner.this.name}({inner.expression.name})")
        else:
            parts.append(inner.name)
    return tuple(parts)


def option(options, kind: type[exp.Expr]) -> str | None:
    """Return the value of one of a table's options."""
    return next((option.this.name for option in options if isinstance(option, kind)), None)


def name(table: exp.Expr) -> str:
    return table.name
