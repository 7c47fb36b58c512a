# SPDX-License-Identifier: GPL-3.0-or-later
"""All verdicts, and the pages that are made of them.

    python plugins/plugin_utils/fix_fk/catalogue.py

writes docs/causes.md, and the tables of docs/verdicts.md, whose prose is written there.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass

if __name__ == "__main__":
    sys.path.insert(0, os.path.abspath(os.path.join(__file__, os.pardir, os.pardir)))

from fix_fk import conclusion, forward, prediction, rollback, verdict, verdicts
from fix_fk.plans import (
    carry_over,
    database_access,
    fresh,
    patch,
    permanent_fix,
    rehearsal,
    rollback_only,
    skip,
)
from fix_fk.plans import forward as forward_plan
from fix_fk.verdict import Cause, Verdict

PAGE = "docs/verdicts.md"


@dataclass(frozen=True)
class Group:
    """A table of docs/verdicts.md; `no_cause` is why its verdicts need no cause, "" if they do."""

    columns: tuple[str, str] = ("What it means", "What you do next")
    no_cause: str = ""


_RUN = "it is about this run, whatever has failed"
GROUPS = {
    verdict.REPAIRS: Group(("What it means", "What the tool does")),
    verdict.WELL: Group(no_cause="nothing has failed"),
    verdict.FORESEEN: Group(no_cause="nothing has failed yet"),
    verdict.DATA: Group(),
    verdict.CODE: Group(),
    verdict.ALIKE: Group(),
    verdict.DATABASE: Group(no_cause="it is about the way to the database, whatever has failed"),
    verdict.STATE: Group(no_cause=_RUN),
    verdict.OPTION_2: Group(no_cause=_RUN),
    verdict.OPTION_3: Group(no_cause=_RUN),
    verdict.PERMANENT_FIX: Group(no_cause=_RUN),
    verdict.CARRIED: Group(no_cause="no migration has failed"),
    verdict.DATABASE_ACCESS: Group(no_cause="no migration has failed"),
}
# An interrupted run is repaired, and no cause why a migration fails.
WITHOUT_CAUSE = ("unfinished",)

# The files of verdicts/ by their names, that of the holders before all.
_FILES = sorted(
    (file.name for file in pkgutil.iter_modules([os.path.dirname(verdicts.__file__)])),
    key=lambda name: (name != "holders", name),
)
VERDICTS: tuple[Verdict, ...] = tuple(
    one
    for module in (
        *(importlib.import_module(f"{verdicts.__name__}.{name}") for name in _FILES),
        conclusion,
        prediction,
        rollback,
        rollback_only,
        forward,
        forward_plan,
        rehearsal,
        skip,
        fresh,
        patch,
        permanent_fix,
        carry_over,
        database_access,
    )
    for one in getattr(module, "VERDICTS", ())
)
BY_ID = {one.id: one for one in VERDICTS}


def anchor(name: str) -> str:
    """Return where a verdict is explained: "docs/verdicts.md#orphan_rows"; "" for none."""
    return f"{PAGE}#{name}" if name in BY_ID else ""


def verdicts_page(text: str) -> str:
    """Return docs/verdicts.md with its tables as they are to be."""

    def table(found: re.Match) -> str:
        return f"{found[1]}{_table(found[2])}{found[3]}"

    marked = re.compile(r"(<!-- verdicts: (\w+) -->\n\n).*?(\n<!-- end -->)", re.DOTALL)
    return marked.sub(table, text)


def _table(group: str) -> str:
    means, next_ = GROUPS[group].columns
    rows = [
        f'| <a id="{one.id}"></a>`{one.id}` | {one.means} | {one.next} |\n'
        for one in VERDICTS
        if one.group == group
    ]
    return f"| Verdict | {means} | {next_} |\n|---|---|---|\n{''.join(rows)}"


CAUSES_HEAD = """\
# Causes

Why a migration stops at a foreign key name, or seems to: how it shows (error, with the engine's own
number in brackets), what the tool calls it, what it does, and which test makes it for real.
[verdicts.md](verdicts.md) says what to do next for each verdict.

Made by `python plugins/plugin_utils/fix_fk/catalogue.py`.
"""


def causes() -> dict[str, list[tuple[Verdict, Cause]]]:
    """Return {heading: [(verdict, cause)]}."""
    found: dict[str, list[tuple[Verdict, Cause]]] = {
        "Repaired": [],
        "Refused, with the way out": [],
    }
    repaired, refused = found.values()
    for one in VERDICTS:
        for cause in one.causes:
            done = one.group == verdict.REPAIRS and not cause.refused
            (repaired if done else refused).append((one, cause))
    return found


def causes_page() -> str:
    """Return docs/causes.md."""
    parts = [CAUSES_HEAD]
    for title, pairs in causes().items():
        parts.append(f"\n## {title}\n\n| Cause | Shows | Verdict | What is done | Proof |\n")
        parts.append("|---|---|---|---|---|\n")
        parts += [
            f"| {cause.cause} | {cause.shows} | {_links([one.id, *cause.also])} | {cause.done} "
            f"| {_spans(name.rpartition('/')[2] for name in cause.proof)} |\n"
            for one, cause in pairs
        ]
    return "".join(parts)


def _links(names_: Iterable[str]) -> str:
    return ", ".join(f"[`{name}`](verdicts.md#{name})" for name in names_)


def _spans(names_: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names_)


def main() -> None:
    """Write both pages."""
    docs = os.path.abspath(os.path.join(__file__, *[os.pardir] * 4, "docs"))
    path = os.path.join(docs, "verdicts.md")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for name, page in (("verdicts.md", verdicts_page(text)), ("causes.md", causes_page())):
        with open(os.path.join(docs, name), "w", encoding="utf-8") as file:
            file.write(page)


if __name__ == "__main__":
    main()
