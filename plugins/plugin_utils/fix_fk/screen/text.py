# SPDX-License-Identifier: GPL-3.0-or-later
"""What the operator reads: the plan before, the report after, as plain text.

The report ends with its four answers (what happened, what was done, how things stand, what is
next), because the end is what is on the screen when a run is over.
"""

from __future__ import annotations

from ..rollback import IN_WORDS
from ..steps import KINDS
from ..wording import few
from . import brief
from . import foreseen as foreseen_words
from .layout import LABEL, labelled, shortened, shown, title, title_lines, wrap
from .lede import clock

from ansible.module_utils.fix_fk.refusal import one_line  # isort: skip

# Where the parts of a step begin.
PART = 12
# Outcomes of a run that only inspected: a plan was made and not begun.
NOT_BEGUN = ("may_fail", "will_fail", "would_lose", "needs_repair")
# Of more notes than these, where there is no plan, the report has the rest.
NOTES = 15

SOURCES = {
    "pretend": "migrate --pretend",
    "scratch": "its run in a scratch schema",
    "log": "the log",
    "inventory": "the inventory",
}
PROOFS = {
    "L0": "the file was read back",
    "L1": "it was loaded once",
    "L2": "it was loaded once, and every row compared",
}


def refusal(diagnosis: dict) -> str:
    """Return the one paragraph of a run that stops before it began."""
    return " ".join(
        [
            f"[{diagnosis['verdict']}] Found: {diagnosis['found']}",
            diagnosis["not_changed"],
            f"Next: {one_line(diagnosis['next'])}",
        ]
    )


def plan(diagnosis: dict, host: str) -> str:
    """Return the diagnosis and the plan of one host, to be read before anything is done.

    Where there is no plan, only what the report, a few lines further down, does not say; that may
    be nothing.
    """
    steps = diagnosis["steps"]
    title = f"PLAN, {len(steps)} steps" if steps else "NO PLAN"
    head = title_lines("REFUSED" if diagnosis["refused"] else title, host, diagnosis["verdict"])
    lines = labelled("Found", [diagnosis["found"]]) if steps else []
    lines += labelled("In the way", _list(_name(name) for name in diagnosis["names"]))
    lines += labelled("Evidence", _list(diagnosis["evidence"]))
    notes = diagnosis["notes"]
    if not steps and len(notes) > NOTES + 1:
        notes = [*notes[:NOTES], f"{len(notes) - NOTES} more are in the report."]
    lines += labelled("Notes", _list(notes))
    lines += labelled(
        "Roll back",
        [
            f"- {'taken' if one['chosen'] else 'not taken'}: {IN_WORDS[one['strategy']]}: "
            f"{one['reason']}"
            for one in diagnosis["strategies"]
        ],
    )
    if not lines:
        return ""
    lines = head + lines
    for number, step in enumerate(steps, 1):
        lines += ["", *wrap(step["title"], f" {number:>2}  ", " " * 5)]
        lines += _part("why", [step["reason"]])
        lines += _part("do", step["do"])
        lines += _part("undo", step["undo"])
        lines += _part("proof", [step["proof"]])
    return shown(lines)


def counted(checks: list[dict]) -> list[str]:
    """Say how many checks passed, and how many want a person's eye."""
    look = sum(bool(check.get("look")) for check in checks)
    passed = sum(not check.get("look") and not check.get("skipped") for check in checks)
    counted = []
    if passed:
        counted.append(f"{passed} check{'s' if passed > 1 else ''} passed")
    if look:
        counted.append(f"{look} to look at")
    return counted


def rehearsal(result: dict, host: str, verbose: bool = True) -> str:
    """Return how a rehearsal that did not fail went: roles/rehearse/vars/main.yml has the shape."""
    said = rehearsal_parts(result)
    if not verbose:
        return brief.rehearsal(result, host, said, counted(result.get("checks") or []))
    if result["refused"]:
        lines = title_lines("NOT REHEARSED", host, "")
        return shown(lines + wrap(said["Why"][0], "", ""))
    lines = title_lines("REHEARSED", host, f"on the clone {', '.join(counted(result['checks']))}")
    for label, items in said.items():
        lines += labelled(label, items)
    return shown(lines)


def rehearsal_parts(result: dict) -> dict[str, list[str]]:
    """Return {label: sentences} about a rehearsal."""
    if result["refused"]:
        return {"Why": [f"There can be no clone: {result['refused']}."]}
    if result["failed"]:
        return {"Why": [result["msg"]]}
    times = result["times"]
    took = ", ".join(
        f"{KINDS[step].told if step in KINDS else step} {end - begin:.1f} s"
        for (_, begin), (step, end) in zip(times, times[1:], strict=False)
    )
    window = expected_window(result)
    return {
        "Where": [result["server"]] if result["server"] else [],
        "Took": [took],
        "Window": [window],
        "Left out": result["left_out"],
    }


def expected_window(result: dict) -> str:
    """Return how long the application will be down, by how a rehearsal went.

    In the window the rows that the plan touches are read twice, before the first step and after the
    last. The clone had the second time in it, of all tables, if it had the rows.
    """
    times, full = result["times"], result["level"] == "full"
    digest = result.get("digest") or {"rows": 0, "seconds": 0}
    reading = digest["seconds"] * 2
    if full:
        reading -= digest.get("whole", digest["seconds"])
    # 1: artisan down and up.
    seconds = 1 + max(times[-1][1] - times[0][1] + reading, 0)
    read = f"of it {digest['seconds'] * 2:.0f} s to read {digest['rows']} rows twice"
    if full:
        window = f"expect about {seconds:.0f} s, {read} (this was with all rows)"
    else:
        window = f"expect about {seconds:.0f} s, {read}{_without_rows(result)}"
    if result["backup_in_window"]:
        window += "; and as long as the backup and its proof take"
    return window


def _without_rows(result: dict) -> str:
    """Say what is not in the time of a rehearsal without rows."""
    known = result.get("altered") is not None
    sizes = {name.casefold(): rows for name, rows in _sizes(result).items()}
    wanted = {name: sizes.get(name.casefold(), 0) for name in result.get("altered") or ()}
    tables = sorted((name for name in wanted if wanted[name]), key=lambda name: -wanted[name])
    if sizes and known and not tables:
        return ". The clone had no rows, and no statement changes a table that has some"
    on = f" ({few([f'{name}: about {wanted[name]}' for name in tables])})" if tables else ""
    return (
        f", and what the statements take with these rows{on}: this was without them, "
        "-e rehearsal_level=full measures it"
    )


def _sizes(result: dict) -> dict[str, int]:
    return (result.get("digest") or {}).get("tables") or {}


def report(data: dict, verbose: bool = False) -> str:
    """Return the report of one host's run; verbose: with every step, check and finding.

    `data` is what `fix_fk_report` builds, with `files` and why others were not written, `problems`.
    """
    lines: list[str] = []
    if bool(data["steps"]) and data["outcome"] not in ("refused", "planned", *NOT_BEGUN):
        lines += _steps(data["steps"] if verbose else brief.steps(data))
    foreseen = data.get("prediction")
    foreseen_lines = foreseen_words.every if verbose else foreseen_words.lines
    if foreseen and (foreseen["findings"] or foreseen["notes"]):
        lines += ["Foreseen"]
        for word, told in foreseen_lines(foreseen):
            first = f"  {word:<11}  " if word else " " * 15
            lines += wrap(told, first, " " * (15 if word else 17))
        lines.append("")
    lines += backups(data["diagnosis"].get("backups") or [])
    lines += _checks(data["checks"] if verbose else brief.checks(data))
    lines += _patch(data.get("patch"))
    lines += title_lines(*headline(data))
    for label, answer in (
        ("Happened", data["happened"] if verbose else brief.happened(data)),
        ("Stopped", data.get("stopped") or ""),
        ("Done", data["did"]),
        ("Down", _down(data)),
        ("Rows", [] if verbose or data.get("stopped") else brief.rows(data)),
        ("Now", data["state"]),
        ("Next", data["next"]),
        ("Undo", data["undo"]),
        ("About", data.get("about") or ""),
        ("Backup", _backup(data.get("backup"))),
        ("Report", [*data.get("files", ()), *data.get("problems", ())]),
    ):
        lines += labelled(label, [answer] if isinstance(answer, str) else answer)
        if label == "Next":
            # A new file is no part of what is next here; the page has its commands.
            patch = data.get("patch") or {}
            lines += _whole("Commit", patch["commands"] if patch.get("brief") else [])
    return shown(lines)


def of_many(data: dict) -> str:
    """Return what is said of one host among many: how it ended, and where the rest of it stands."""
    files = [file for file in data.get("files", ()) if file.endswith(".html")]
    return shown([title(headline(data)[0], data["host"], *files)])


def _steps(steps: list[dict]) -> list[str]:
    """Return steps as they ended, with what was sent."""
    lines = ["Steps"] if steps else []
    for step in steps:
        lines.append(f"  {step['state']:<11}  {step['title']}")
        if step["state"] == "failed":
            # Why it is in the plan tells what to do without it.
            lines += wrap(step["reason"], " " * 15, " " * 17)
        for line in [*map(shortened, step["queries"]), *step["details"]]:
            lines += wrap(line, " " * 15, " " * 17)
    return [*lines, ""] if lines else []


def _checks(checks: list[dict]) -> list[str]:
    lines = ["Checks"] if checks else []
    for check in checks:
        lines += wrap(f"{check['check']}: {check['detail']}", f"  {_mark(check):<11}  ", " " * 15)
    return [*lines, ""] if lines else []


def _down(data: dict) -> list[str]:
    """Return from when to when the application was down, in the time of the controller."""
    down = data.get("down")
    if not down:
        return []
    since, until = clock(down["since"]), clock(down["until"])
    return [f"{since:%H:%M:%S} to {until:%H:%M:%S %Z}, {down['until'] - down['since']:.0f} s"]


def backups(found: list[dict]) -> list[str]:
    """Return a table of backups: a line of figures each, and below it what it is a backup of."""
    if not found:
        return []
    rows = [("made", "rows", "size", "proof", "id")]
    for one in found:
        made, rest = one["created"].replace("T", " ")[:19], one["rows"]
        figures = (made or "?", "?" if rest is None else str(rest), size(one["bytes"]))
        rows.append((*figures, one["proof_level"] or "-", one["id"]))
    widths = [max(len(row[at]) for row in rows) for at in range(4)]
    lines = ["Backups"]
    for row, of in zip(rows, ["", *map(backup_of, found)], strict=True):
        made, *rest, id_ = row
        cells = [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        lines.append("  " + "  ".join([made.ljust(widths[0]), *cells, id_]))
        lines += wrap(of, " " * 6, " " * 8)
    lines.append(f"  together {size(sum(one['bytes'] for one in found))}")
    return [*lines, ""]


def backup_of(one: dict) -> str:
    """Return what a backup is of, and who made it; of one that cannot be used, why."""
    if one["problem"]:
        return f"cannot be used: {one['problem']}"
    about = one["about"]
    parts = [about.get("verdict") or "what the schema was then is not noted"]
    if about.get("recorded"):
        parts.append(f"{about['recorded']} migrations recorded, the last {about['last']}")
    parts.append(f"made by the run {one['run_id']}" if one["run_id"] else "made by no run")
    kept = one.get("kept")
    if kept != "none is removed":
        parts.append(f"kept, as it is {kept}" if kept else "goes when the next one has been made")
    return "; ".join(parts)


def size(number: float) -> str:
    """Return a number of bytes as a person reads it."""
    for unit in ("bytes", "KiB", "MiB"):
        if number < 1024:
            return f"{number:.0f} {unit}"
        number /= 1024
    return f"{number:.1f} GiB"


def _patch(patch: dict | None) -> list[str]:
    """Return what the patch changes, each line whole."""
    return [*_whole("Patch", [patch["file"], *patch["brief"]]), ""] if patch else []


def _whole(label: str, items: list[str]) -> list[str]:
    """Return a label with lines beside it that are copied, or read, as they are."""
    lines = [" " * LABEL + _plain_line(item) for item in items]
    return [f"{label:<{LABEL}}{lines[0][LABEL:]}", *lines[1:]] if lines else []


def _plain_line(item: str) -> str:
    """Return a line with its blanks; what a terminal would act upon is spelled out."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in item.expandtabs(4))


def headline(data: dict) -> tuple[str, str, str]:
    """Return the parts of the line that says how a run ended."""
    return data["outcome"].upper().replace("_", " "), data["host"], f"run {data['run_id']}"


def _mark(check: dict) -> str:
    if not check["ok"]:
        return "FAILED"
    if check.get("skipped"):
        return "skipped"
    return "look" if check.get("look") else "passed"


def _backup(backup: dict | None) -> list[str]:
    if not backup:
        return []
    return [
        backup["path"],
        f"{backup['bytes']} bytes, proof level {backup['proof_level']} "
        f"({PROOFS[backup['proof_level']]}), sha256 {backup['sha256'][:16]}...",
    ]


def _name(name: dict) -> str:
    return (
        f"{name['name']}: held by {name['holder']} ({name['is']}), wanted by {name['wanted_by']}; "
        f"learned from {', '.join(SOURCES[source] for source in name['learned_from'])}"
    )


def _list(items) -> list[str]:
    return [f"- {item}" for item in items]


def _part(label: str, items) -> list[str]:
    """Return one part of a step; an item that is indented is what the one before it sends."""
    lines: list[str] = []
    for item in items:
        indent = PART + len(item) - len(item.lstrip())
        lines += wrap(shortened(item.strip()), " " * indent, " " * (indent + 2))
    if lines:
        lines[0] = f"     {label:<{PART - 5}}" + lines[0][PART:]
    return lines
