# SPDX-License-Identifier: GPL-3.0-or-later
"""What the operator reads: the plan before, the report after, as plain text."""

from __future__ import annotations

import textwrap

WIDTH = 96


def paragraph(text: str, indent: str = "") -> str:
    """Wrap one paragraph; long words (names, paths) are never broken."""
    return textwrap.fill(
        " ".join(text.split()),
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def refusal(diagnosis: dict) -> str:
    """Return the one paragraph of a run that stops before it began."""
    return " ".join(
        [
            f"[{diagnosis['verdict']}] Found: {diagnosis['found']}",
            diagnosis["not_changed"],
            f"Next: {diagnosis['next']}",
        ]
    )


def plan(diagnosis: dict, host: str) -> str:
    """Return the diagnosis and the plan of one host, to be read before anything is done."""
    lines = [f"{host}: {diagnosis['verdict']}", "", paragraph(diagnosis["found"]), ""]
    if diagnosis["names"]:
        lines.append("Constraint names in the way")
        lines.extend(
            f"  {name['name']}: held by {name['holder']} ({name['is']}), "
            f"wanted by {name['wanted_by']}; learned from {', '.join(name['learned_from'])}"
            for name in diagnosis["names"]
        )
        lines.append("")
    for title, items in (("Evidence", diagnosis["evidence"]), ("Note", diagnosis["notes"])):
        if items:
            lines.append(title)
            lines.extend(_item(item) for item in items)
            lines.append("")
    if diagnosis["ways"]:
        lines.append("Ways to roll back, best first")
        lines.extend(
            _item(f"{'->' if way['chosen'] else 'no'} {way['way']}: {way['reason']}")
            for way in diagnosis["ways"]
        )
        lines.append("")
    if diagnosis["refused"]:
        lines.extend([paragraph(refusal(diagnosis)), ""])
    elif diagnosis["steps"]:
        lines.append(f"Plan, {len(diagnosis['steps'])} steps")
        for number, step in enumerate(diagnosis["steps"], 1):
            lines.extend(_step(number, step))
    else:
        lines.append("Plan: nothing to do.")
        if diagnosis["next"]:
            lines.append(paragraph(f"Next: {diagnosis['next']}"))
    return "\n".join(lines).rstrip() + "\n"


def _item(text: str) -> str:
    return paragraph(text, "    ").replace("    ", "  - ", 1)


def _step(number: int, step: dict) -> list[str]:
    lines = [f"  {number}. {step['title']}: {step['reason']}"]
    for label, items in (("do", step["do"]), ("undo", step["undo"]), ("proof", [step["proof"]])):
        for position, item in enumerate(items):
            lines.append(f"       {label if position == 0 else '':<6} {item}")
    return lines


def report(data: dict) -> str:
    """Return the report of one host's run; `data` is what `fix_fk_report` builds."""
    diagnosis = data["diagnosis"]
    lines = [
        f"{data['host']}: {data['outcome']}    (run {data['run_id']})",
        "",
        paragraph(data["summary"]),
        "",
    ]
    if data["done"]:
        lines.append("Done")
        for entry in data["done"]:
            mark = "changed" if entry["changed"] else "ok"
            lines.append(f"  {entry['title']} [{mark}]")
            lines.extend(f"      {query}" for query in entry["queries"])
            lines.extend(f"      undo: {undo}" for undo in entry["undo"])
        lines.append("")
    if data["checks"]:
        lines.append("Checked")
        lines.extend(
            f"  {'ok  ' if check['ok'] else 'FAIL'} {check['check']}: {check['detail']}"
            for check in data["checks"]
        )
        lines.append("")
    if data.get("backup"):
        backup = data["backup"]
        lines.append(
            f"Backup: {backup['path']} ({backup['bytes']} bytes, proof level "
            f"{backup['proof_level']}, sha256 {backup['sha256'][:16]}...)"
        )
    for note in diagnosis.get("notes", ()):
        lines.append(paragraph(f"Note: {note}"))
    for path in data.get("files", ()):
        lines.append(f"Report: {path}")
    return "\n".join(lines).rstrip() + "\n"
