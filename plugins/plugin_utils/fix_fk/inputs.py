# SPDX-License-Identifier: GPL-3.0-or-later
"""What the operator decides, and what the variables may hold that have more than a type."""

from __future__ import annotations

from dataclasses import dataclass, field, fields


@dataclass(frozen=True)
class Inputs:
    """What the operator decides. Every field has the safe value as its default."""

    incident_migration: str | None = None
    rollback_strategy: str = "auto"
    rollback_migration: str | None = None
    fk_drop_from: tuple[str, ...] = ()
    rollback_only: bool = False
    forward: bool = False
    rollback_accept_loss: tuple[str, ...] = ()
    remigrate_accept_loss: tuple[str, ...] = ()
    remigrate_accept_repeat: tuple[str, ...] = ()
    verify_accept_changed: tuple[str, ...] = ()
    verify_accept_unknown: str | None = None
    # Of which tables all rows are digested: "touched" or "full".
    verify_contents: str = "full"
    accept_rows_aside: tuple[str, ...] = ()
    # What becomes of an application that would not find its rows: "come_up" or "stay_down".
    rows_aside: str = "come_up"
    accept_fault_in_code: tuple[str, ...] = ()
    carry_over: bool = False
    # Whether that is all that is to be done.
    carry_only: bool = False
    carry_map: dict[str, str] = field(default_factory=dict)
    carry_default: dict = field(default_factory=dict)
    carry_drop: tuple[str, ...] = ()
    carry_triggers: tuple[str, ...] = ()
    carry_missing: tuple[str, ...] = ()
    carry_over_drop_old: tuple[str, ...] = ()
    # Seconds that counting some rows may take.
    count_seconds: int = 10
    skip_accept: str | None = None
    expected_constraints: tuple[dict, ...] = ()
    expected_tables: tuple = ()
    rehearsal_level: str = "structure"
    rehearsal_required: bool = False
    rehearsal_server: str = "same"
    rehearsal_host: str | None = None
    rehearsal_socket: str | None = None
    rehearsal_user: str | None = None
    # {strategy: what went wrong with it on the clone}: of this run, not the operator's.
    unproven: dict[str, str] = field(default_factory=dict)
    laravel_php: str = "php"
    laravel_path: str = ""

    @property
    def loses_rows(self) -> bool:
        """Whether rows may go that are accepted to be lost, or dropped where they were."""
        return bool(
            self.rollback_accept_loss or self.remigrate_accept_loss or self.carry_over_drop_old
        )


def read_inputs(values: dict) -> Inputs:
    """Read the operator's variables, which variables.py has checked."""
    known = {field.name for field in fields(Inputs)}
    given = {name: values[name] for name in known & values.keys() if values[name] is not None}
    lists = {name: tuple(value) for name, value in given.items() if isinstance(value, list)}
    return Inputs(**{**given, **lists})


def relations(values: dict) -> dict[str, str]:
    """Return {variable: a sentence} of those that lack another one beside them."""
    named = values.get("rehearsal_host") or values.get("rehearsal_socket")
    found = {}
    if values.get("rehearsal_server") == "other" and not (named and values.get("rehearsal_user")):
        found["rehearsal_server"] = (
            "rehearsal_server is other, which takes rehearsal_host or rehearsal_socket, and "
            "rehearsal_user"
        )
    if _is_true(values.get("forward")) and _is_true(values.get("rollback_only")):
        found["forward"] = (
            "forward sends what the failed migration has left to do, and rollback_only takes back "
            "what it has done: they contradict each other, so give one of them alone"
        )
    applied = values.get("permanent_fix_apply") or values.get("permanent_fix_branch_in")
    if applied and values.get("permanent_fix_source") not in (None, "patch"):
        found["permanent_fix_source"] = (
            "permanent_fix_apply and permanent_fix_branch_in are about the patch, and "
            "permanent_fix_source is not patch: leave it out"
        )
    if values.get("permanent_fix_source") == "git" and not values.get("permanent_fix_branch"):
        found["permanent_fix_branch"] = (
            "permanent_fix_source is git, which takes permanent_fix_branch, the branch to pull"
        )
    return found


def _is_true(value) -> bool:
    return str(value).lower() in ("true", "yes", "on", "1")


def table_names(value) -> None:
    """Raise ValueError for what is no list of names, or of lists of alternatives."""
    if not isinstance(value, (list, tuple)):
        raise ValueError("expected_tables takes a list of table names")
    for entry in value:
        names = [entry] if isinstance(entry, str) else entry
        if not (isinstance(names, (list, tuple)) and all(isinstance(name, str) for name in names)):
            raise ValueError(
                f"expected_tables has the entry {entry!r}; it takes names, or a list of names of "
                "which one must exist"
            )


def outcomes(name: str, value, known: tuple[str, ...]) -> list[str]:
    """Read a variable that names outcomes, as a list or with commas between them.

    Raises ValueError, in a sentence, for one that is not known.
    """
    given = value.split(",") if isinstance(value, str) else value
    if not isinstance(given, (list, tuple)):
        raise ValueError(f"{name} takes a list of outcomes")
    names = [one.strip() if isinstance(one, str) else one for one in given if one != ""]
    for one in names:
        if one not in known:
            raise ValueError(f"{name} has {one!r}; it takes {', '.join(known)}, or is empty")
    return names


def environment(value: dict) -> None:
    """Raise ValueError for a variable of PHP's environment that has no text."""
    for name, text in value.items():
        if not isinstance(name, str) or isinstance(text, (dict, list, tuple)):
            raise ValueError(f"laravel_env takes names with a text each, and {name} has none")


def comma_names(value) -> None:
    """Raise ValueError for what is neither a list of names nor names with commas between them."""
    names = value.split(",") if isinstance(value, str) else value
    if not (isinstance(names, (list, tuple)) and all(isinstance(name, str) for name in names)):
        raise ValueError(
            "restore_accept_different takes a list of table names, or names with commas between"
        )
