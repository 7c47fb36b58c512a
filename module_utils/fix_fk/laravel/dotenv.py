# SPDX-License-Identifier: GPL-3.0-or-later
"""Change one value of an .env file, in the words of phpdotenv 5, which Laravel reads it with.

put(text, "DB_PASSWORD", "it's")    # the text with that one value changed
get(text, "DB_PASSWORD")            # "it's"
"""

from __future__ import annotations

import re

LINE_END = re.compile(r"(\r\n|\n|\r)")
# What phpdotenv counts to see whether a quoted value ends on its line.
CLOSING = re.compile(r'(?=[^\\]")')
VALID_KEY = re.compile(r"[a-zA-Z0-9_.]+\Z")
# What Laravel's env() turns into a boolean, nothing or null.
WORDS = frozenset(("true", "(true)", "false", "(false)", "empty", "(empty)", "null", "(null)"))
# env() takes one pair of quotes off that is left when phpdotenv is done.
QUOTED = re.compile(r"(['\"])(.*)\1\Z")
ESCAPES = {"f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def put(text, key, value):
    """Return text with key set to value wherever it is assigned, or added at the end.

    What else is on the line (export, a comment) stays. Raises ValueError, in a sentence without
    the value, when phpdotenv could not read the result.
    """
    if not VALID_KEY.match(key):
        raise ValueError(f"{key!r} is not a name that .env can have")
    if "\0" in value:
        raise ValueError("the value holds a NUL character")
    pieces, found = [], False
    for entry in entries(text):
        name, equals, raw = entry.partition("=")
        if key_of(name) == key:
            found = True
            body = LINE_END.split(raw if equals else name)
            end = "".join(body[-2:]) if len(body) > 1 and not body[-1] else ""
            _, comment = read_value(raw[: len(raw) - len(end)])
            entry = f"{name if equals else name.rstrip()}={quote(value)}"
            entry += (f" {comment}" if comment else "") + end
        pieces.append(entry)
    result = "".join(pieces)
    if not found:
        line_end = "\r\n" if "\r\n" in text else "\n"
        if result and not LINE_END.search(result[-1]):
            result += line_end
        result += f"{key}={quote(value)}{line_end}"
    return result


def get(text, key):
    """Return the value that env() gives for key as a string, or None.

    None also where it depends on other variables (${...}) or cannot be read. Raises ValueError
    as entries() does.
    """
    value = None
    for entry in entries(text):
        name, equals, raw = entry.partition("=")
        if key_of(name) == key:
            value = read_value(raw)[0] if equals else None
    if value is None or value.lower() in WORDS:
        return None
    quoted = QUOTED.match(value)
    return quoted.group(2) if quoted else value


def quote(value):
    """Return value in double quotes as phpdotenv and env() read it back: a"b$c -> "a\\"b\\$c"."""
    if value.lower() in WORDS or QUOTED.match(value):
        value = f'"{value}"'
    for character in ("\\", '"', "$"):
        value = value.replace(character, "\\" + character)
    for letter in "nr":
        value = value.replace(ESCAPES[letter], "\\" + letter)
    return f'"{value}"'


def entries(text):
    """Split text into its assignments and what is between them, each with its line end.

    "".join(entries(text)) is text. A value in double quotes may go over several lines. Raises
    ValueError when one is not closed: phpdotenv then ignores the rest of the file.
    """
    pieces = LINE_END.split(text)
    result, buffer, open_ = [], "", False
    for at in range(0, len(pieces), 2):
        line = pieces[at]
        whole = line + "".join(pieces[at + 1 : at + 2])
        started = '="' in line and not _closes(line, True)
        open_ = open_ or started
        buffer += whole
        if open_ and not _closes(line, started):
            continue
        result.append(buffer)
        buffer, open_ = "", False
    if open_:
        number = text[: len(text) - len(buffer)].count("\n") + 1
        raise ValueError(f"the quoted value that begins on line {number} is not closed")
    return [entry for entry in result if entry]


def _closes(line, started):
    if line == '"':
        return True
    found = len(CLOSING.findall(line.replace("\\\\", "")))
    return found > 1 if started else found >= 1


def key_of(name):
    """Return the key in what stands before "=", or None in a comment or an empty line."""
    name = name.strip()
    if len(name) > 8 and name.startswith("export") and name[6].isspace():
        name = name[6:].lstrip()
    if len(name) > 2 and name[0] == name[-1] and name[0] in "'\"":
        name = name[1:-1]
    return name if VALID_KEY.match(name) else None


def read_value(raw):
    """Return (value, comment) of what stands behind "="; value is None where it is not fixed."""
    raw = raw.strip()
    mark = raw[:1] if raw[:1] in ("'", '"') else ""
    value, fixed, at = "", True, len(mark)
    while at < len(raw):
        character = raw[at]
        at += 1
        if mark and character == mark:
            break
        if not mark and (character == "#" or character.isspace()):
            at -= 1
            break
        if character == "$" and mark != "'":
            fixed = False
        elif character == "\\" and mark == '"' and at < len(raw):
            character = ESCAPES.get(raw[at], raw[at])
            at += 1
        value += character
    rest = raw[at:].strip()
    comment = rest if rest.startswith("#") else ""
    return (value if fixed else None), comment
