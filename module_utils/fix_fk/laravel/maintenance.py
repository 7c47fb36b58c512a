# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the application is down, and the marker that says whose doing that is."""

from __future__ import annotations

import contextlib
import json
import os
import time

MARKER = "framework/down_by_fix_fk.json"


def is_down(facts):
    """Return whether the application is down now; None when only PHP could tell."""
    path = facts["maintenance"]["file"]
    return os.path.exists(path) if path else None


def maintenance_state(facts, down):
    """Return {down, by_this_tool, run_id, migration, baseline, structure, marks, expected, since,
    lifted},
    by the marker that this tool leaves.

    down is as given: True, False, or None where the application cannot tell. run_id is that of an
    unfinished run, by_this_tool whether it was the one that took the application down, baseline
    the content of tables when it began ({table: {rows, digest, columns}}, or null), structure that
    of every table then, marks those of the tables without a content, expected what was to come of
    it (these null if not noted), since when
    it took the application down (seconds since 1970, by this host's clock). The marker counts only
    for the maintenance period it was written in: one that was lifted by hand, and entered again by
    someone else, is not this tool's to lift. Of such a run lifted has {run_id, migration, carried},
    carried being the old tables whose rows it was to carry over.
    """
    parts = ("run_id", "migration", "baseline", "structure", "marks", "expected", "since", "lifted")
    state = dict.fromkeys(parts)
    state.update(down=down, by_this_tool=False)
    try:
        with open(os.path.join(facts["storage"], MARKER), encoding="utf-8") as file:
            marker = json.load(file)
        noted = {name: marker[name] for name in ("run_id", "migration", "baseline")}
        # A run of an earlier version did not note these.
        noted.update({name: marker.get(name) for name in ("structure", "marks", "expected")})
        took_down, since, written = marker["took_down"], marker["since"], int(marker["written"])
        # A marker of an earlier version does not have it.
        entered = float(marker.get("entered") or (since or written) / 1e9)
    except (OSError, ValueError, KeyError, TypeError):
        return state
    begun = _down_since(facts)
    # Without "since" the run was interrupted while it took the application down.
    if down and (begun is None or begun == since or (since is None and begun >= written)):
        state.update(noted, by_this_tool=bool(took_down))
        state["since"] = entered if took_down else None
    else:
        carried = (noted["expected"] or {}).get("carried") or ()
        state["lifted"] = {
            "run_id": noted["run_id"],
            "migration": noted["migration"],
            "carried": [pair["old"] for pair in carried],
        }
    return state


def _down_since(facts):
    """Return what tells one maintenance period from another, or None where nothing does."""
    path = facts["maintenance"]["file"]
    try:
        return os.stat(path).st_mtime_ns if path else None
    except OSError:
        return None


def went_down(facts, begun):
    """Return when the application went down (seconds since 1970): between `begun` and now."""
    now, written = time.time(), _down_since(facts)
    return now if written is None else min(max(written / 1e9, begun), now)


def write_marker(facts, run_id, migration, took_down=True, baseline=None, entered=None, **noted):
    """Note that a run has begun on an application that is down, or is just being taken down.

    entered: when this tool took it down (seconds since 1970). Raises OSError.
    """
    path = os.path.join(facts["storage"], MARKER)
    marker = {
        "run_id": run_id,
        "migration": migration,
        "took_down": took_down,
        "baseline": baseline,
        "structure": noted.get("structure"),
        "marks": noted.get("marks"),
        "expected": noted.get("expected"),
        "since": _down_since(facts),
        "written": time.time_ns(),
        "entered": entered,
    }
    handle = os.open(path + ".partial", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(marker, file)
    os.replace(path + ".partial", path)


def remove_marker(facts):
    """Forget that this tool took the application down. Raises OSError."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(facts["storage"], MARKER))
