# SPDX-License-Identifier: GPL-3.0-or-later
"""What the dump of one schema may say. A statement is let through only when the dump clients write
such a one, and it stays in the schema that is filled.

    fence = Fence("schema of the dump", "schema to fill")
    fence.check(kind, statement)      # kind: of Splitter.feed() or of a Program; bytes
    fence.definers                    # {"view v": "root@localhost", ...}
    fence.programs                    # {"view v", "procedure p", ...}
    fence.versioned                   # names of the tables WITH SYSTEM VERSIONING

check() raises Astray, or returns whether the statement has to be sent. Rows are read only as far as
it takes to see that they are literals, without taking them apart. The body of a view, trigger,
routine or event is not read: nothing runs it here, and it may well be about other schemas.

It holds for connections that take one statement at a time and begin with a sql_mode in which "a" is
a string and a backslash escapes.
"""

from __future__ import annotations

import re

from ansible.module_utils.fix_fk.schema.sql import quote_identifier

# How much of a statement is shown, in bytes.
SHOWN = 200

QUOTED = rb"`(?:[^`\0]|``)+`"
# As somebody typed them: in triggers, and with ANSI_QUOTES.
NAME = re.compile(QUOTED + rb'|"(?:[^"\0]|"")+"|[0-9A-Za-z$_\x80-\xff]+')
ACCOUNT_PART = re.compile(NAME.pattern + rb"|'(?:[^'\\\0]|'')*'|``")
# Between words. The comments that servers look into are those that every supported one does look
# into; otherwise what is read here would not be what is run.
GAP = re.compile(
    rb"(?:\s|/\*!(?:4\d{4}|50[0-6]\d\d)(?=\s)|\*/|/\*(?!M?!)(?:[^*]|\*(?!/))*\*/|(?:--\s|\#)[^\n]*\n)*"
)
WORD = re.compile(rb"\w+")
KINDS = ("VIEW", "TRIGGER", "EVENT", "FUNCTION", "PROCEDURE", "PACKAGE", "PACKAGE BODY")
ROUTINES = KINDS[3:]

# A comment that is around a whole statement, whichever server looks into it.
WRAPPED = re.compile(rb"/\*M?!\d{5,6}\s((?:[^*]|\*(?!/))*)\*/", re.DOTALL)
SANDBOX = re.compile(rb"/\*M!999999\\- enable the sandbox mode \*/\s*")

# Statements with nothing in them but names of the schema itself.
_ASSIGNMENT = (
    rb"(?:@(?:old|saved?)_\w+\s*=\s*@@(?:session\.)?\w+"
    rb"|(?:@@(?:session\.)?)?(?:character_set_client|character_set_results|collation_connection"
    rb"|time_zone|unique_checks|foreign_key_checks|sql_mode|sql_notes|note_verbosity|autocommit"
    rb"|system_versioning_insert_history)\s*=\s*(?:@(?:old|saved?)_\w+|\d+|'[^'\\]*'|\w+))"
)
SET = re.compile(
    rb"SET\s+(?:NAMES\s+\w+|" + _ASSIGNMENT + rb"(?:\s*,\s*" + _ASSIGNMENT + rb")*)", re.IGNORECASE
)
CHARSET = re.compile(rb"(?:NAMES|\bcharacter_set_client\s*=)\s*'?(\w+)", re.IGNORECASE)
SQL_MODE = re.compile(rb"\bsql_mode\s*=\s*([^\s,]+)", re.IGNORECASE)
TRANSACTION = re.compile(rb"COMMIT|SET\s.*\bAUTOCOMMIT\s*=.*", re.IGNORECASE)
# Percona's client asks in its own way whether the server has another engine's setting.
BULK_LOAD = re.compile(
    rb"(?:SELECT COUNT\(\*\) INTO @rocksdb_has_p_s_session_variables FROM .*"
    rb"|SET @rocksdb_\w+ ?= ?IF ?\(.*|(?:DEALLOCATE )?PREPARE s(?: FROM @rocksdb_\w+)?|EXECUTE s"
    rb"|SET SESSION rocksdb_bulk_load ?= ?.*)",
    re.IGNORECASE,
)
NOT_SENT = (TRANSACTION, BULK_LOAD)

DROP = re.compile(
    rb"DROP (?:TABLE|SEQUENCE|VIEW|TRIGGER|EVENT|FUNCTION|PROCEDURE|PACKAGE|PACKAGE BODY)"
    rb" IF EXISTS " + QUOTED
)
KEYS = re.compile(rb"ALTER TABLE " + QUOTED + rb" (?:DISABLE|ENABLE) KEYS")
SEQUENCE = re.compile(rb"CREATE SEQUENCE " + QUOTED + rb"[\w\s=-]*")
SETVAL = re.compile(rb"(?:DO|SELECT) SETVAL\(" + QUOTED + rb", ?-?\d+, ?[01]\)")
SIMPLE = {
    "settings": (SET,),
    "statement": (SET, DROP, KEYS, SEQUENCE, SETVAL),
    "program": (SET, DROP),
}

INSERT = re.compile(
    rb"INSERT INTO (" + QUOTED + rb")(?: \((?:(?:" + QUOTED + rb"|row_start|row_end)(?:, ?)?)+\))?"
    rb" VALUES\s"
)
# What numbers, 0x1F, NULL and _binary are made of. NEXT VALUE FOR, which would change something
# without a bracket, is not.
LITERALS = b"0123456789abcdefABCDEFxNULL_inry(),.+- \n"

TABLE = re.compile(rb"CREATE TABLE (" + QUOTED + rb") \(")
STRING = rb"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\""
TOKEN = re.compile(rb"(?P<string>" + STRING + rb")|(?P<name>" + QUOTED + rb")|[^'\"`]+", re.DOTALL)
ENGINE = re.compile(rb"\bENGINE ?= ?(\w+)", re.IGNORECASE)
VERSIONED = re.compile(rb"\bWITH SYSTEM VERSIONING\b")
# Those whose rows are the schema's own. The clients write no rows of others.
ENGINES = (
    b"innodb", b"myisam", b"aria", b"memory", b"rocksdb", b"archive", b"csv", b"blackhole",
    b"tokudb", b"columnstore", b"mroonga",
)  # fmt: skip
# In these the second byte of a letter may be a backslash or a backtick.
MISLEADING = (b"big5", b"cp932", b"gb18030", b"gbk", b"sjis")
PLAIN = (b"ascii", b"binary", b"latin1", b"utf8", b"utf8mb3", b"utf8mb4")


class Astray(Exception):
    """A statement that is not what the dump of one schema says; str() has it, and why."""


class Fence:
    """source: name of the schema that the dump is of; target: of the one that is filled.

    literals: whether rows are looked at, and not just how their statement begins.
    """

    def __init__(self, source, target):
        self.literals = True
        self.source, self.same = source, source == target
        self.definers = {}
        self.programs = set()
        self.versioned = set()
        self._elsewhere = set()
        self._misleading = False
        database = re.escape(quote_identifier(source).encode("utf-8"))
        self._alter = re.compile(
            rb"ALTER DATABASE " + database + rb" CHARACTER SET \w+ COLLATE \w+", re.IGNORECASE
        )

    def check(self, kind, statement):
        """kind: "settings", "create", "statement", or of what is not a table "program"."""
        if kind == "statement" and statement.startswith(b"INSERT"):
            self._rows(statement)
            return True
        sandbox = SANDBOX.match(statement)
        text = statement[sandbox.end() if sandbox else 0 :].strip()
        if kind == "create":
            self._table(text)
            return True
        wrapped = WRAPPED.fullmatch(text)
        plain = (wrapped.group(1) if wrapped else text).strip()
        if any(known.fullmatch(plain) for known in NOT_SENT):
            return False
        if not text or text.startswith(b"/*M!999999"):
            return False
        kind = kind if kind in SIMPLE else "program"
        if not any(known.fullmatch(plain) for known in SIMPLE[kind]):
            if kind != "program":
                raise Astray(_shown("no dump of a schema has it", statement))
            if not self._alter.fullmatch(plain):
                self.programs.add(self._program(text))
        elif plain[:3].upper() == b"SET":
            self._setting(kind, plain)
        return True

    def definition(self, kinds, text):
        """Check a CREATE of one of these kinds, ("VIEW",) for instance, that is kept as text."""
        self._program(text.encode("utf-8").strip(), kinds)

    @staticmethod
    def named(statement):
        """Return what check() adds to programs; None of a statement that creates none."""
        try:
            kind, name, _definer = _Head(statement.strip()).read()
        except ValueError:
            return None
        return f"{kind.lower()} {name}"

    def _setting(self, kind, text):
        charsets = {name.lower() for name in CHARSET.findall(text)}
        self._misleading = self._misleading or not charsets.isdisjoint(MISLEADING)
        modes = set(SQL_MODE.findall(text))
        # What begins with @ is what the session had.
        if kind != "program" and not (
            charsets <= set(PLAIN) and modes <= {b"'NO_AUTO_VALUE_ON_ZERO'", b"@OLD_SQL_MODE"}
        ):
            raise Astray(_shown("rows would be read in another way", text))

    def _rows(self, text):
        head = INSERT.match(text)
        if not head:
            raise Astray(_shown("no dump has rows like that", text))
        if head.group(1).lower() in self._elsewhere:
            raise Astray(_shown("the table keeps its rows elsewhere", text))
        if not self.literals:
            return
        # An escape stands in a string only; anywhere else the server does not take it.
        values = text[head.end() :].replace(b"\\\\", b"").replace(b"\\'", b"")
        between = b"".join(values.split(b"'")[::2])
        # Anything but a row that begins with ( would be a function.
        rows = between.count(b",(") + between.count(b",\n(") + between.startswith(b"(")
        if between.translate(None, LITERALS) or b"--" in between or between.count(b"(") != rows:
            raise Astray(_shown("its values are not all literals", text))

    def _table(self, text):
        """Let a CREATE TABLE through that names no other schema, but for what a key refers to."""
        head = TABLE.match(text)
        parts, names, end = [], [], 0
        for token in TOKEN.finditer(text):
            if token.start() != end:
                break
            end = token.end()
            if token.group("name"):
                names.append(token.group("name"))
                parts.append(b"`")
            else:
                parts.append(b"''" if token.group("string") else token.group())
        if not head or end != len(text):
            raise Astray(_shown("no dump has a table like that", text))
        bare = b"".join(parts)
        inside = b"".join(re.findall(STRING + rb"|" + QUOTED, text, re.DOTALL))
        # A server that skips a comment ends it at the first */, wherever that stands.
        plain = re.sub(rb"/\*M?!\d{5,6}\s|\*/", b" ", bare)
        if (b"/*" in bare and b"*/" in inside) or b"/*" in plain or b"--" in plain or b"#" in plain:
            raise Astray(_shown("it has comments that no dump has", text))
        if re.search(rb"\bSELECT\b", bare, re.IGNORECASE):
            raise Astray(_shown("it is made from another table", text))
        self._qualified(bare, names, text)
        engines = {name.lower() for name in ENGINE.findall(bare)}
        if not engines or not engines <= set(ENGINES):
            self._elsewhere.add(head.group(1).lower())
        if VERSIONED.search(bare):
            self.versioned.add(_unquoted(head.group(1)))

    def _qualified(self, bare, names, text):
        """bare: a CREATE TABLE with ` for each of the names."""
        own = quote_identifier(self.source).encode("utf-8")
        for found in re.finditer(rb"`|(?<!\d)\.|\.(?!\d)", bare):
            if found.group() == b"`":
                continue
            number = bare.count(b"`", 0, found.start())
            allowed = bare[: found.start()].endswith(b"`") and (
                names[number - 1] == own
                or bare[: found.start() - 1].endswith(b" REFERENCES ")
                or re.search(rb"UNION=\([`.,]*\Z", bare[: found.start() - 1])
            )
            if not allowed:
                raise Astray(_shown("it names another schema", text))

    def _program(self, text, kinds=KINDS):
        """Let a CREATE of a view, trigger, routine or event through, as far as its body, and return
        "view v"."""
        head = _Head(text)
        try:
            kind, name, definer = head.read()
        except ValueError:
            kind = None
        if kind not in kinds:
            raise Astray(_shown("no dump of a schema has it", text))
        for schema in head.schemas:
            if not self.same or schema != self.source:
                raise Astray(_shown(f"it is for the schema {schema}", text))
        if self._misleading and not head.text[: head.at].isascii():
            raise Astray(_shown("its names cannot be told in its character set", text))
        if definer:
            self.definers[f"{kind.lower()} {name}"] = definer
        return f"{kind.lower()} {name}"


class _Head:
    """Reads a CREATE statement up to its body; ValueError where it is none that is known."""

    def __init__(self, text):
        self.text, self.at = text, 0
        self.schemas = []

    def read(self):
        """Return (kind, name, definer or None)."""
        definer = None
        self.need("CREATE")
        if self.have("OR"):
            self.need("REPLACE")
        while True:
            if self.have("ALGORITHM"):
                self.sign(b"=")
                self.take(WORD)
            elif self.have("DEFINER"):
                self.sign(b"=")
                definer = self.account()
            elif self.have("SQL"):
                self.need("SECURITY")
                self.take(WORD)
            elif not self.have("AGGREGATE"):
                break
        kind = next((kind for kind in KINDS if self.have(kind)), None)
        if kind is None:
            raise ValueError
        if kind == "PACKAGE" and self.have("BODY"):
            kind = "PACKAGE BODY"
        if self.have("IF"):
            self.need("NOT")
            self.need("EXISTS")
        name = self.own_name()
        if kind == "TRIGGER":
            self.trigger()
        elif kind in ("FUNCTION", "PROCEDURE"):
            # Without it, it would be a library's function.
            self.sign(b"(")
        return kind, name, definer

    def trigger(self):
        if not self.have("BEFORE"):
            self.need("AFTER")
        while True:
            if not any(self.have(event) for event in ("INSERT", "UPDATE", "DELETE")):
                raise ValueError
            if self.have("OF"):
                self.take(NAME)
                while self.sign(b",", False):
                    self.take(NAME)
            if not self.have("OR"):
                break
        self.need("ON")
        self.own_name()
        self.need("FOR")

    def gap(self):
        found = GAP.match(self.text, self.at)
        return found.end() if found else self.at

    def have(self, word):
        """Take this word, if it is the next."""
        found = WORD.match(self.text, self.gap())
        if not found or found.group().upper() != word.encode("ascii"):
            return False
        self.at = found.end()
        return True

    def need(self, word):
        if not self.have(word):
            raise ValueError

    def take(self, pattern):
        found = pattern.match(self.text, self.gap())
        if not found:
            raise ValueError
        self.at = found.end()
        return found.group()

    def sign(self, sign, needed=True):
        start = self.gap()
        if self.text[start : start + 1] == sign:
            self.at = start + 1
            return True
        if needed:
            raise ValueError
        return False

    def own_name(self):
        """Return a name, and remember the schema that stands before it."""
        name = self.take(NAME)
        if self.text[self.at : self.at + 1] == b".":
            self.at += 1
            self.schemas.append(_unquoted(name))
            found = NAME.match(self.text, self.at)
            if not found:
                raise ValueError
            self.at, name = found.end(), found.group()
        if self.text[self.gap() : self.gap() + 1] == b".":
            raise ValueError
        return _unquoted(name)

    def account(self):
        name = _unquoted(self.take(ACCOUNT_PART))
        if self.text[self.at : self.at + 1] != b"@":
            return name
        self.at += 1
        return f"{name}@{_unquoted(self.take(ACCOUNT_PART))}"


def _unquoted(name):
    mark = name[:1]
    if mark in (b"`", b'"', b"'"):
        name = name[1:-1].replace(mark * 2, mark)
    return name.decode("utf-8", "replace")


def _shown(why, statement):
    words = " ".join(statement[: SHOWN * 4].decode("utf-8", "replace").split())
    return f"{why}: {words[:SHOWN]}{'...' if len(words) > SHOWN else ''}"
