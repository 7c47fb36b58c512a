# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain text 100 columns wide: labels, paragraphs beside them, and what is copied in one piece."""

from __future__ import annotations

import re
import textwrap

WIDTH = 100
RULE = "-" * WIDTH
# Where text begins behind a label.
LABEL = 12

# A CREATE TABLE longer than this is shortened; the page and the data of a run hold it whole.
LONG = 150
# Renames are shortened only when they are a wall: they are undo statements as well.
LONG_RENAME = 600

# How an item begins that is a command and nothing else, and a line of typed() within one.
COMMAND, TYPED = "ansible-playbook ", " " * 4
# What is not broken: a command with its options, a GRANT, a `name` or a 'value' (an apostrophe in a
# word opens nothing). Pasted in two, it would be two.
TOGETHER = re.compile(
    r"""ansible-playbook[ ]\S+"""
    r"""(?:[ ]-(?:i|-limit|-vault-\S+)[ ]\S+|[ ]-e[ ](?:'[^']*'|\S+)|[ ]--[a-z-]+)*"""
    r"""|-e[ ](?:'[^']*'|\S+)|(?:\S*php\S*[ ])?artisan[ ][a-z]+(?::[a-z]+)?(?:[ ]--\S+)*"""
    r"""|GRANT[ ][A-Z, ]+[ ]ON[ ]\S+[ ]TO[ ]`[^`]*`@`[^`]*`;?"""
    r"""|`[^`]*`|(?<!\w)(['"]).*?\1"""
)
# Stands for a blank that is no place for a line break: no text that is shown has it.
NO_BREAK = "\0"


def title_lines(*parts: str) -> list[str]:
    return [RULE, title(*parts), RULE]


def title(*parts: str) -> str:
    """Return one line of those of these parts that there are."""
    return plain("   ".join(part for part in parts if part))


def labelled(label: str, items) -> list[str]:
    """Return a label with its paragraphs beside it; nothing when there are none."""
    lines: list[str] = []
    for item in items:
        hanging = 2 if len(items) > 1 or item.startswith("- ") else 0
        for line in filter(str.strip, item.split("\n")):
            if line.startswith(TYPED):
                lines.append(" " * LABEL + plain(line))
            else:
                lines += wrap(line, " " * LABEL, " " * (LABEL + hanging))
    if lines:
        lines[0] = f"{label:<{LABEL}}" + lines[0][LABEL:]
    return lines


def shortened(item: str) -> str:
    """Return a statement in a length that a screen has room for; renames undo something."""
    kind = item[:12].casefold()
    if len(item) <= {"create table": LONG, "rename table": LONG_RENAME}.get(kind, len(item)):
        return item
    return f"{item[: LONG - 30]} ... ({len(item)} characters)"


def wrap(item: str, first: str, rest: str) -> list[str]:
    """Wrap at blanks; never inside a word, a quoted name or a command, which are to be copied."""
    line = plain(item)
    if item.startswith(COMMAND):
        return [f"{first}{line}"]
    together = TOGETHER.sub(lambda quoted: quoted[0].replace(" ", NO_BREAK), line)
    lines = textwrap.wrap(
        " ".join(together.split()),
        WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(NO_BREAK, " ") for line in lines]


def plain(item: str) -> str:
    """Return one line of text; what a terminal would act upon is spelled out."""
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1]
        for character in " ".join(item.splitlines())
    )


def shown(lines: list[str]) -> str:
    return "\n".join(lines).strip("\n") + "\n"
