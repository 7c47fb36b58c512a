# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server makes of a column's definition, and when it lets one column refer to another.

Where something is not known (facts that are missing, a type that is not listed here) the answer is
None and never a guess: what is built on it is a prediction of failure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from .effects import Column

_INTEGERS = {"tinyint": 1, "smallint": 2, "mediumint": 3, "int": 4, "bigint": 8}
_ALIASES = {"integer": "int", "bool": "tinyint", "boolean": "tinyint", "serial": "bigint unsigned"}
_STRINGS = ("char", "varchar")
_BYTES = ("binary", "varbinary")
# InnoDB keeps these as bytes of a fixed length.
_FIXED = ("decimal", "bit", "datetime", "timestamp", "time")
_LONG = (
    *("tinytext", "text", "mediumtext", "longtext", "json"),
    *("tinyblob", "blob", "mediumblob", "longblob"),
)


@dataclass(frozen=True)
class Server:
    """What a server does with definitions that leave something open; None when not known.

    `exact_names`: tables a and A differ. `unique_parent`: a foreign key may refer to the columns of
    a unique index only (MySQL 8.4 and newer). `collations` gives the default collation of a
    character set. `modes` is the SQL mode of the connection that sends the statements.
    """

    flavour: str = "mariadb"
    engine: str | None = None
    collation: str | None = None
    exact_names: bool = False
    unique_parent: bool = False
    collations: dict[str, str] = field(default_factory=dict)
    modes: tuple[str, ...] | None = None
    row_format: str | None = None
    innodb_strict: bool = False
    primary_key: bool = False
    # The bytes that a statement may have; 0 when not known.
    packet: int = 0
    # Whether the account may set a variable of its session that takes a right, and of the server.
    sets_session: bool = True
    sets_global: bool = True

    @property
    def mysql(self) -> bool:
        return self.flavour == "mysql"

    @property
    def strict(self) -> bool:
        """Tell whether a value that does not fit is an error and not made to fit."""
        return any(mode.startswith("STRICT_") for mode in self.modes or ())

    @property
    def lenient(self) -> bool:
        """Tell whether a value that does not fit is made to fit."""
        return self.modes is not None and not self.strict

    @property
    def zero_dates(self) -> bool:
        return not self.strict or "NO_ZERO_DATE" not in (self.modes or ())

    def of(self, one: int, other: int) -> int:
        """Return the error number of this server: one is MariaDB's, other MySQL's."""
        return other if self.mysql else one

    def collation_of(self, charset: str | None, collation: str | None) -> str | None:
        """Return the collation that these two, either of which may be left out, come to."""
        if collation:
            name = _charset(collation)
            if charset and name not in (_utf8(charset), "binary"):
                # MariaDB's short form: uca1400_ai_ci stands for utf8mb4_uca1400_ai_ci.
                return f"{_utf8(charset)}_{collation}"
            return collation if name == "binary" else name + collation[len(_head(collation)) :]
        if charset:
            return self.collations.get(_utf8(charset))
        return None

    def resolve(self, column: Column, collation: str | None) -> Column:
        """Return a column of a statement with the collation of a table that has this default."""
        if family(column.type) not in ("string", "long"):
            return column
        own = self.collation_of(column.charset, column.collation)
        if own is None and not (column.charset or column.collation):
            own = collation
        return replace(column, collation=own)


def family(text: str | None) -> str | None:
    """Return what kind of value a type has: integer, string, bytes, fixed, long or its name."""
    if text is None:
        return None
    name = base(text)
    for kind, names in (
        ("integer", tuple(_INTEGERS)),
        ("string", _STRINGS),
        ("bytes", _BYTES),
        ("fixed", _FIXED),
        ("long", _LONG),
    ):
        if name in names:
            return kind
    return name if name in ("float", "double", "date") else None


def difference(child: Column, parent: Column) -> str | None:
    """Return in what a column differs from the one it is to refer to, or None.

    What does not keep a foreign key from being added (lengths of strings, for one) is not told.
    """
    kinds = family(child.type), family(parent.type)
    if None in kinds or child.type is None or parent.type is None:
        return None
    if kinds[0] != kinds[1]:
        # Both are plain bytes to InnoDB, and MySQL compares them more closely than MariaDB.
        return None if set(kinds) == {"bytes", "fixed"} else "type"
    if kinds[0] == "integer":
        if _integer(child.type)[0] != _integer(parent.type)[0]:
            return "type"
        return None if _integer(child.type) == _integer(parent.type) else "sign"
    if kinds[0] == "string" and child.collation and parent.collation:
        one, other = (_utf8_collation(column.collation or "") for column in (child, parent))
        if _charset(one) != _charset(other):
            return "character set"
        return None if one == other else "collation"
    return None


def change_refused(old: Column, new: Column, server: Server, checked: bool) -> int | None:
    """Return MySQL's error number where a column that is part of a foreign key may not be changed
    from old to new, any number on MariaDB; checked: whether foreign keys are."""
    if difference(new, old):
        return 3780
    if not checked or not changes_type(old, new):
        return None
    shorter = old.type and new.type and length(new.type) < length(old.type)
    return 1832 if shorter or not server.mysql else None


def same_place(old: Column, new: Column) -> bool:
    """Tell whether MySQL changes a column without copying its rows."""
    if not old.type or not new.type or base(old.type) != base(new.type):
        return False
    if base(old.type) == "varchar":
        width = letter_bytes(old) or 4
        one, other = length(old.type), length(new.type)
        return one <= other and (one * width < 256) == (other * width < 256)
    return _plain(old.type).replace(" ", "") == _plain(new.type).replace(" ", "")


def changes_type(old: Column, new: Column) -> bool:
    """Tell whether a column that is part of a foreign key may not be changed from old to new."""
    if difference(new, old):
        return True
    if family(old.type) == "string" and old.type and new.type:
        return base(old.type) != base(new.type) or length(new.type) != length(old.type)
    return False


_TEXTS = (*_STRINGS, "tinytext", "text", "mediumtext", "longtext", "enum", "set")
_BLOBS = ("varbinary", "tinyblob", "blob", "mediumblob", "longblob")
_MOMENTS = ("datetime", "timestamp", "time")


def keeps(old: str | None, new: str | None) -> bool:
    """Tell whether no value of one type is rounded or shortened without a word when it becomes the
    other, where the server is strict; a value that does not fit is an error then."""
    if not old or not new:
        return False
    if normal(old) == normal(new):
        return True
    before, after = base(old), base(new)
    for kind in (_TEXTS, _BLOBS, _INTEGERS):
        if before in kind and after in kind:
            return True
    if before in _INTEGERS:
        return after == "decimal" or after in _TEXTS
    if before == after == "decimal":
        return _decimals(new) >= _decimals(old)
    if before == "date":
        return after == "datetime"
    return before == after and after in _MOMENTS and _digits(new) >= _digits(old)


def _decimals(text: str) -> int:
    return int(normal(text).partition(",")[2].partition(")")[0])


def _digits(text: str) -> int:
    return length(text) if "(" in text else 0


_LENGTHS = {"decimal": "10,0", "bit": "1", "char": "1", "binary": "1"}


def normal(text: str) -> str:
    """Return a type in one form, whether a statement or a server says it: int for int(11)."""
    text = re.sub(r"\s*,\s*", ",", text.casefold())
    if family(text) == "integer":
        return _plain(text)
    name, _, rest = text.partition("(")
    length, _, words = rest.rpartition(")")
    if not rest:
        name, _, words = text.partition(" ")
    name = "longtext" if name == "json" else base(name)
    length = "" if name == "year" else length or _LENGTHS.get(name, "")
    if name == "float" and length.isdigit():
        # So many bits are asked for, and more than a float has make it a double.
        name, length = ("double" if int(length) > 24 else "float"), ""
    if name in ("datetime", "timestamp", "time") and length == "0":
        length = ""
    if name == "decimal" and "," not in length:
        length += ",0"
    return " ".join([f"{name}({length})" if length else name, *words.split()])


def implicit_default(column: Column) -> str | None:
    """Return the value that rows get in a new column: None for NULL or when it is not known."""
    if column.default is not None:
        return column.default
    if column.nullable:
        return None
    return {"integer": "0", "string": "", "float": "0", "double": "0"}.get(
        family(column.type) or ""
    )


def describe(column: Column) -> str:
    """Return a column's type in words, with its collation where that matters."""
    text = _plain(column.type)
    if family(column.type) == "string" and column.collation:
        text += f" {_utf8_collation(column.collation)}"
    return text


def _plain(text: str | None) -> str:
    """Return a type without the display width of integers, which means nothing."""
    if text is None:
        return "of a type not known"
    if family(text) != "integer":
        return text
    size, unsigned = _integer(text)
    name = next(name for name, width in _INTEGERS.items() if width == size)
    return f"{name} unsigned" if unsigned else name


def base(text: str) -> str:
    """Return the first word of a type, in the form in which it is kept."""
    word = text.casefold().replace("(", " ").split()[0]
    return _ALIASES.get(word, word).split()[0]


def _integer(text: str) -> tuple[int, bool]:
    words = text.casefold().replace(")", " ").split()
    return _INTEGERS[base(text)], "unsigned" in words or "zerofill" in words or "serial" in words


def length(text: str) -> int:
    """Return how many letters a type takes."""
    digits = text.partition("(")[2].partition(")")[0].strip()
    return int(digits) if digits.isdigit() else 1


def size(text: str) -> int:
    """Return the bytes of an integer type."""
    return _integer(text)[0]


def charset_of(column: Column) -> str | None:
    """Return the character set of a column whose collation is known."""
    return _charset(column.collation) if column.collation else None


def letter_bytes(column: Column) -> int | None:
    """Return the bytes that a letter of a column takes at most."""
    charset = charset_of(column)
    widths = {"utf8mb4": 4, "utf8mb3": 3, "latin1": 1, "ascii": 1, "binary": 1, "ucs2": 2}
    return widths.get(charset or "")


def _utf8(charset: str) -> str:
    name = charset.casefold()
    return "utf8mb3" if name == "utf8" else name


def _head(collation: str) -> str:
    return collation.partition("_")[0]


def _charset(collation: str) -> str:
    """Return the character set that a collation belongs to: its name says so."""
    return _utf8(_head(collation.casefold()))


def _utf8_collation(collation: str) -> str:
    """Return a collation with its present name: utf8_... is called utf8mb3_... by now."""
    return _charset(collation) + collation[len(_head(collation)) :].casefold()
