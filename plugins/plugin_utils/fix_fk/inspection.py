# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the server about one application, and judges: what a run does before its first step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import elsewhere, engine, facts, overtaken, prediction
from .aside import pairs, rows
from .carrying_out import Failed
from .case import counted_as
from .facts import Laravel
from .inputs import Inputs, read_inputs
from .verdict import NOT_CHANGED
from .wording import SHOWN, few

from ansible.module_utils.fix_fk.schema import inspect as schemas  # isort: skip

# Takes options of the module fk_constraint_info, returns its `schema`.
Ask = Callable[..., dict]
# How often a diagnosis is made again because rows were counted for it.
ROUNDS = 4
# Verdicts that are only well so far.
NOTHING_FAILED = "No migration has failed so far."
SO_FAR = ("healthy", "rows_aside", "migration_would_lose_rows")


@dataclass(frozen=True)
class Inspection:
    """What was found; None is what was not asked for.

    `schema` is fk_constraint_info's, `database` the same for every host that uses it.
    """

    schema: dict | None = None
    database: str | None = None
    diagnosis: dict | None = None
    prediction: dict | None = None

    def as_dict(self) -> dict:
        return dict(self.__dict__)


def patient(ask: Ask, inputs: Inputs) -> Ask:
    """Return the same question, with as much time for what is counted as the operator gives."""

    def asking(**options) -> dict:
        more = {"count_seconds": inputs.count_seconds} if options.get("counts") else {}
        return ask(**options, **more)

    return asking


def requested(laravel: Laravel, inputs: Inputs) -> dict:
    """Return what to ask the server, as options of fk_constraint_info."""
    asked = facts.requested(laravel, inputs)
    return {
        "names": list(asked["names"]),
        "tables": asked["tables"],
        "expected": list(inputs.expected_constraints),
    }


def schema_facts(ask: Ask, laravel: dict, whole: dict | None, inputs: Inputs) -> dict:
    """Return the schema's facts. `whole` is what is known of a small schema already."""
    application = Laravel(laravel)
    asked = requested(application, inputs)
    if whole:
        more = pairs.suspects(application, whole["tables"], every=True)
        found = restrict(whole, {**asked, "tables": [*asked["tables"], *more]})
    else:
        found = ask(**asked)
        more = pairs.suspects(application, found["tables"], every=False)
        lacking = sorted(set(more) - set(found["details"]))
        if lacking:
            found["details"] = {**found["details"], **ask(tables=lacking)["details"]}
    return counted(ask, laravel, found)


def counted(ask: Ask, laravel: dict, found: dict) -> dict:
    """Return the schema's facts with the rows counted that may be aside."""
    questions = rows.questions(laravel, found)
    if not questions:
        return found
    return {**found, "aside_counts": ask(tables=[], counts=questions)["counts"]}


def diagnosed(ask: Ask, laravel: dict, schema: dict, given: Inputs) -> tuple[dict, dict]:
    """Return (the diagnosis, the schema's facts with the rows that were counted for it)."""
    diagnosis = engine.diagnose(laravel, schema, given)
    # What is counted may lead to other questions.
    for _ in range(ROUNDS):
        if not diagnosis["uncounted"]:
            break
        counts = ask(tables=[], counts=diagnosis["uncounted"])["counts"]
        answers = dict(zip(map(counted_as, diagnosis["uncounted"]), counts, strict=True))
        schema = {**schema, "counted": {**(schema.get("counted") or {}), **answers}}
        diagnosis = engine.diagnose(laravel, schema, given)
    return diagnosis, schema


def restrict(whole: dict, asked: dict) -> dict:
    """Return the part of what is known of a whole schema that is asked for."""
    # As the module takes it: a list may be given as one text.
    lists = ("columns", "referenced_columns")
    expected = [
        {
            part: value.split(",") if part in lists and isinstance(value, str) else value
            for part, value in wish.items()
        }
        for wish in asked["expected"]
    ]
    return schemas.restrict(whole, dict(asked, expected=expected))


def inspect(
    ask: Ask,
    laravel: dict | None,
    whole: dict | None,
    inputs: dict,
    *,
    refusal: dict | None = None,
    judges: bool = True,
    predicts: bool = False,
) -> Inspection:
    """Ask the server and come to a diagnosis.

    refusal: why neither can be done. judges: whether to come to a diagnosis. predicts: whether to
    foresee what the pending migrations will run into whatever the diagnosis is; otherwise that is
    done where none has failed.
    """
    if refusal or laravel is None:
        ahead = prediction.predict(laravel or {}, None, [], refusal or {}) if predicts else None
        return Inspection(diagnosis=refusal, prediction=ahead)
    given = read_inputs(inputs)
    ask = patient(ask, given)
    schema = schema_facts(ask, laravel, whole, given)
    database = f"{schema['server']['id']}/{schema['name']}"
    if not judges:
        return Inspection(schema, database)
    if not given.incident_migration and not given.rollback_only:
        laravel = overtaken.judged(laravel, schema)
    diagnosis, schema = diagnosed(ask, laravel, schema, given)
    pending = laravel["migrations"].get("pending")
    well = diagnosis["verdict"] in SO_FAR and not diagnosis["migration"]
    if not predicts and not (pending and well):
        return Inspection(schema, database, diagnosis)
    accepted = given.remigrate_accept_loss
    questions = prediction.questions(laravel, schema, accepted)
    counts = ask(tables=[], counts=questions)["counts"] if questions else []
    ahead = prediction.predict(laravel, schema, counts, diagnosis, accepted)
    ahead = elsewhere.foreseen(laravel, ahead, ask, Failed)
    told = overtaken.said(laravel) or NOTHING_FAILED
    return Inspection(schema, database, merge(diagnosis, ahead, told), ahead)


def merge(diagnosis: dict, foreseen: dict, told: str = NOTHING_FAILED) -> dict:
    """Return the diagnosis for a reader of the prediction: what is well only so far is not well.

    told: what has failed so far, in words.
    """
    outcome = foreseen["outcome"]
    if outcome == "would_lose":
        losses = [f["brief"] for f in foreseen["findings"] if f["loses"]]
        more = len(losses) - SHOWN
        found = f"{told} {' '.join(losses[:SHOWN])}"
        found += f" {more} more would lose rows." if more > 0 else ""
        return {**diagnosis, "found": found}
    well = diagnosis["verdict"] in ("healthy", "rows_aside")
    if outcome == "refused" and well and foreseen.get("unknown"):
        return {
            **diagnosis,
            "verdict": "another_connection",
            "refused": True,
            "not_changed": NOT_CHANGED,
            "found": f"{told} {' '.join(foreseen['notes'])}",
            "next": f"See what they meet in the {', '.join(foreseen['unknown'])}.",
        }
    if outcome not in ("will_fail", "may_fail") or not well:
        return diagnosis
    aside = [diagnosis["found"]] if diagnosis["verdict"] == "rows_aside" else []
    ahead = [finding for finding in foreseen["findings"] if finding["may_fail"]]
    ahead.sort(key=lambda finding: not finding["will_fail"])
    names = list(dict.fromkeys(finding["migration"] for finding in ahead))
    verb = "will" if outcome == "will_fail" else "may"
    return {
        **diagnosis,
        "verdict": outcome,
        "notes": [*diagnosis.get("notes", ()), *aside],
        "found": (
            f"{told} {verb.capitalize()} fail when deployed: {few(names)}. {ahead[0]['brief']}"
        ),
        "next": (
            "Correct the migration, or the rows or tables that are named, before it is deployed; "
            "then run this again."
            if outcome == "will_fail"
            else "Read the findings. Where it matters, let the migrations run on a copy first."
        ),
    }
