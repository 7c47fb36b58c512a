# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pending migrations will run into on the live schema: pure functions, facts to findings.

The statements that `--pretend` shows are carried out, in order, on the schema in memory, so that a
later migration meets what an earlier one leaves. A finding is plain data:

    kind       one of outcome.KINDS, or orphans, duplicates, nulls, ignored, lock, unseen, unloaded,
               loss, met
    migration  the pending migration that meets it; None for a lock on no known table
    table      the table concerned, with the name that it has by then; None when there is none
    constraint the foreign key concerned, or None
    statement  the statement, with the values of rows taken out; "" when it is about no statement
    errors     the server's error numbers for it, the likely one first
    sentence   all of it in words
    detail     what it meets, without the migration and without what makes it uncertain
    brief      the sentence for a screen
    guarded    whether it is only said because the migration decides by what it finds
    query      SQL that lists the rows concerned, or None
    rows       how many they are, or None
    will_fail  whether the migration fails for certain
    may_fail   whether it fails for all that can be told from here
    loses      whether it destroys rows, for all that can be told from here
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from . import error_numbers, facts, migrator, overtaken, pending
from .facts import Laravel
from .inputs import outcomes
from .pending import Danger
from .schema.messages import read_message
from .schema.outcome import Problem, Question
from .schema.redaction import redact
from .schema.statements import tables_of
from .verdict import FORESEEN, Verdict

from ansible.module_utils.fix_fk.server.locks import describe_lock  # isort: skip

# What a nightly job can tell apart; docs/awx.md has their exit codes.
OUTCOMES = (
    "clean",
    "rows_aside",
    "may_fail",
    "will_fail",
    "would_lose",
    "has_failed",
    "refused",
)

# Those that are about migrations which have not failed so far.
AHEAD = ("may_fail", "will_fail", "would_lose")

# Those after which a run is a failure, unless something else is said.
FAIL_ON = ("will_fail", "would_lose", "has_failed", "refused")

# Verdicts that are only reached when a migration did fail, log or no log.
_FAILED = (
    "constraints_missing",
    "goes_forward",
    "names_per_table",
    "orphan_dictionary_rows",
    "recorded_without_having_run",
    "renamed_table_kept_the_name",
    "renamed_table_kept_the_name_retried",
    "rolled_back_too_far",
    "unfinished",
)

# Verdicts after which it is not known what `migrate` would send here.
_BLIND = ("would_load_schema_dump",)

# How it is said that a migration is not sure to send what is shown.
DECIDES = "It decides by what it finds"
# How laravel_info says that a migration asks for rows.
ASKS = "() asks the database: "

# Seconds from which a session is worth a word: one on a table that is to be changed, and one of
# which it is not known what it has locked.
HELD = 1
LONG = 10


@dataclass(frozen=True)
class _Met:
    """What a pending migration meets, and why it is not certain ("" when it is). `said` is with
    what it ended in a scratch schema, at `statement`."""

    migration: str
    problem: Problem | None = None
    question: Question | None = None
    doubt: str = ""
    said: str = ""
    statement: str = ""

    @property
    def guarded(self) -> bool:
        return self.doubt.startswith(DECIDES)


def questions(laravel_facts: dict, schema_facts: dict, accepted: Iterable[str] = ()) -> list[dict]:
    """Return what has to be counted on the server, as fk_constraint_info takes it.

    `accepted` are the tables whose rows may go.
    """
    asked = [count_of(met.question) for met in _walk(laravel_facts, schema_facts) if met.question]
    dangers = pending.dangers(Laravel(laravel_facts, "now"), facts.live(schema_facts), accepted)
    tables = _in_danger(dangers)
    return asked + [
        {"kind": "rows", "table": table, "columns": [], "values": {}} for table in tables
    ]


def _in_danger(dangers: list[Danger]) -> list[str]:
    """Return the tables whose rows are counted, in the order in which they are."""
    return list(dict.fromkeys(danger.table for danger in dangers if danger.table))


def predict(
    laravel_facts: dict,
    schema_facts: dict | None,
    counts: list[dict],
    diagnosis: dict,
    accepted: Iterable[str] = (),
) -> dict:
    """Return {outcome, findings, notes}.

    `counts` answers `questions`, in their order. `diagnosis` is what diagnose() said; without
    `schema_facts` it is a refusal to look at all.
    """
    if schema_facts is None or diagnosis["verdict"] in _BLIND:
        return {"outcome": "refused", "findings": [], "notes": []}
    laravel = Laravel(laravel_facts, "now")
    mariadb = schema_facts["server"].get("flavour") != "mysql"
    answers = iter(counts)
    findings: list[dict] = []
    said: set[str] = set()
    for met in _walk(laravel_facts, schema_facts):
        if met.said:
            findings.append(_of_scratch(met))
        elif met.problem:
            found = _of_problem(met, met.problem, mariadb)
            # Of rows that are written one by one, each meets the same.
            if found["sentence"] not in said:
                findings.append(found)
            said.add(found["sentence"])
        elif met.question:
            rows_found = _of_rows(met, met.question, next(answers), mariadb)
            findings += [rows_found] if rows_found else []
    findings += _again(laravel_facts, findings)
    dangers = pending.dangers(laravel, facts.live(schema_facts), accepted)
    rows = dict(zip(_in_danger(dangers), (answer["rows"] for answer in answers)))
    findings.extend(_of_loss(danger, rows.get(danger.table)) for danger in dangers)
    findings.extend(_unloaded(laravel))
    findings.extend(_unseen(laravel))
    findings.extend(_locks(laravel, schema_facts))
    return {
        "outcome": _outcome(laravel, schema_facts, findings, diagnosis),
        "findings": findings,
        "notes": _notes(laravel, schema_facts),
    }


def fail_on(value) -> list[str]:
    """Read the variable diagnose_fail_on, a list or names with commas between them.

    Raises ValueError, in a sentence, for what is none of OUTCOMES.
    """
    return outcomes("diagnose_fail_on", value, OUTCOMES[1:])


# --- the walk through the pending migrations -------------------------------------------------


def _walk(laravel_facts: dict, schema_facts: dict) -> Iterator[_Met]:
    """Carry the pending migrations out in memory and yield what they meet, in order."""
    laravel, state = Laravel(laravel_facts, "now"), facts.live(schema_facts)
    own = (schema_facts.get("defaults") or {}).get("sql_mode")
    state.server = replace(state.server, modes=laravel.modes(own))
    unread = ""
    for migration in laravel.pending:
        known = laravel.statements(migration)
        reasons = known.get("up_conditional") or []
        decides = _decides(known, reasons)
        # Up to the first answer that it gets, one that only reads rows does what is shown.
        asked = laravel.learned(migration) or not all(ASKS in reason for reason in reasons)
        met = laravel.met(migration)
        if met and not known["up_certain"]:
            yield _Met(migration, said=met)
        uncertain: set[str] = set()
        for number, statement in enumerate(known.get("up") or (), 1):
            sure = laravel.certain(migration, number) or not asked
            doubt = unread if sure else decides
            outcome = state.apply([statement])
            foreseen = any(problem.kind != "unread" for problem in outcome.problems)
            if met and number == known["up_certain"] and not foreseen:
                yield _Met(migration, said=met, statement=statement)
            for problem in outcome.problems:
                if problem.kind == "unread":
                    yield _Met(migration, problem)
                    unread = (
                        f"A statement of {migration} before it could not be read "
                        f"({redact(problem.statement)})."
                    )
                    doubt = doubt or unread
                elif problem.table.casefold() not in uncertain or problem.kind == "name_taken":
                    yield _Met(migration, problem, doubt=doubt)
                if problem.kind == "table_exists":
                    # What that table looks like by then is not what the migration thinks.
                    uncertain.add(problem.table.casefold())
            for problem in outcome.ignored:
                yield _Met(migration, problem, doubt=doubt)
            for question in outcome.questions:
                own = "" if question.sure else "It changes rows of these tables before that."
                yield _Met(migration, question=question, doubt=doubt or own)
            asked = asked or bool(outcome.reads)


def rows_met(migration: str, question: Question, answer: dict, mariadb: bool) -> dict | None:
    """Return the finding of the rows over which a statement of `migration` fails; None without any.

    answer: {rows, query} to count_of(question).
    """
    doubt = "" if question.sure else "It changes rows of these tables before that."
    return _of_rows(_Met(migration, question=question, doubt=doubt), question, answer, mariadb)


def count_of(question: Question) -> dict:
    """Return a question as fk_constraint_info takes it."""
    asked: dict = {
        "kind": question.kind,
        "table": question.table,
        "columns": list(question.columns),
        "values": dict(question.values),
    }
    if question.condition:
        asked["condition"] = question.condition
    if question.referenced_table:
        asked["referenced_table"] = question.referenced_table
        asked["referenced_columns"] = list(question.referenced_columns)
    return asked


def _decides(known: dict, reasons: list[str]) -> str:
    """Say why it is not certain what a migration sends."""
    found = f"{DECIDES} ({', '.join(reasons)})"
    if "up_certain" in known and not known.get("up_met"):
        return f"{found}; it was run in a scratch schema, which has no rows."
    return f"{found}, so --pretend may show what it does not send."


# --- findings --------------------------------------------------------------------------------


def _finding(met: _Met, kind: str, statement: str, detail: str, errors, **more) -> dict:
    fails = bool(errors)
    verb = f" {'may' if met.doubt else 'will'} fail with {_said(errors, kind)}" if fails else ""
    said = f"Migration {met.migration}{verb}: {detail}."
    doubt = met.doubt if fails else ""
    return {
        "kind": kind,
        "migration": met.migration,
        "table": None,
        "constraint": None,
        "statement": redact(statement) if statement else "",
        "errors": list(errors),
        "sentence": f"{said} {doubt}".strip(),
        "detail": detail,
        "brief": f"{said} {DECIDES + '.' if met.guarded else doubt}".strip(),
        "guarded": met.guarded,
        "query": None,
        "rows": None,
        "will_fail": fails and not met.doubt,
        "may_fail": fails,
        "loses": False,
        **more,
    }


def _of_scratch(met: _Met) -> dict:
    failed = read_message(met.said)
    found = _finding(met, "met", met.statement, "", (failed.code,) if failed else ())
    said = failed.shown if failed else met.said
    number = f" with error {failed.code}" if failed else ""
    sentence = (
        f"Migration {met.migration} will fail{number}, whatever the rows: run in a scratch schema "
        f"with the definitions of this one, it ended with: {said.rstrip('.')}."
    )
    return {**found, "sentence": sentence, "will_fail": True, "may_fail": True}


def _again(laravel_facts: dict, findings: list[dict]) -> list[dict]:
    """Return the finding of a migration that failed, was undone, and will fail as it did."""
    ends = overtaken.stays(laravel_facts)
    if not ends or any(f["migration"] == ends[0] and f["will_fail"] for f in findings):
        return []
    migration, number, told = ends
    found = _finding(_Met(migration), "met", "", "", (number,) if number else ())
    return [{**found, "sentence": told, "brief": told, "will_fail": True, "may_fail": True}]


def _of_loss(danger: Danger, rows: int | None) -> dict:
    met = _Met(danger.migration, doubt=danger.doubt)
    table = danger.table or None
    found = _finding(met, "loss", danger.statement, danger.does, (), table=table, rows=rows)
    doubt = f"{DECIDES}." if met.guarded else danger.doubt
    said = {
        "sentence": danger.sentence(rows),
        "brief": replace(danger, doubt=doubt).sentence(rows),
    }
    return {**found, **said, "loses": True}


def _said(errors, kind: str) -> str:
    """Name the first error, with the engine's own number where the server's says little."""
    text = f"error {errors[0]}"
    if errors[0] == 1005:
        text += " (errno 121)" if kind == "name_taken" else " (errno 150)"
    return text


def _of_problem(met: _Met, problem: Problem, mariadb: bool) -> dict:
    named = problem.name and problem.kind in error_numbers.OF_CONSTRAINTS
    return _finding(
        met,
        problem.kind,
        problem.statement,
        problem.detail,
        error_numbers.of_problem(problem, mariadb),
        table=problem.table or None,
        constraint=problem.name if named else None,
    )


def _of_rows(met: _Met, question: Question, answer: dict, mariadb: bool) -> dict | None:
    """Return the finding of rows that were counted; None when there are none."""
    rows, columns = answer["rows"], ", ".join(question.columns)
    if rows is not None and (rows > 0 if question.least == 0 else rows < question.least):
        return None
    table = question.table
    one = rows == 1
    number = "It could not be counted in time how many rows" if rows is None else str(rows)
    if question.kind == "orphans":
        to = question.referenced_table or "a table that is only being made"
        what = (
            f"of {table} have a value in {columns} to which no row of {to} belongs"
            if rows is None
            else f"{'row' if one else 'rows'} of {table} {'has' if one else 'have'} a value in "
            f"{columns} to which no row of {to} belongs"
        )
        what += f", as the foreign key {question.name} demands"
    elif question.kind == "duplicates":
        what = (
            f"of {table} share their value of {columns}"
            if rows is None
            else f"{'value' if one else 'values'} of {columns} in {table} "
            f"{'is' if one else 'are'} there more than once"
        )
        what += f", and the index {question.name} is to be unique"
    elif question.kind == "matching":
        what = f"of {table} {question.said}"
        if rows is not None:
            what = f"{'row' if one else 'rows'} {what}"
    else:
        what = (
            f"of {table} have NULL in {columns}"
            if rows is None
            else f"{'row' if one else 'rows'} of {table} {'has' if one else 'have'} NULL in "
            f"{columns}"
        )
        what += ", which is to become NOT NULL"
    if rows is None:
        doubt = f"{met.doubt} Run the query to know.".strip()
        met = _Met(met.migration, doubt=doubt)
    return _finding(
        met,
        question.about or question.kind,
        question.statement,
        f"{number} {what}",
        error_numbers.of_question(question, mariadb),
        table=table,
        constraint=question.name if question.kind == "orphans" else None,
        query=None if question.secret else answer["query"],
        rows=rows,
    )


def _unloaded(laravel: Laravel) -> Iterator[dict]:
    """Say at which file `migrate` ends."""
    if laravel.raw.get("loading"):
        found = _finding(_Met(laravel.raw["loading"]["migration"]), "unloaded", "", "", ())
        yield {
            **found,
            "sentence": migrator.does_not_load(laravel),
            "will_fail": True,
            "may_fail": True,
        }


def _unseen(laravel: Laravel) -> Iterator[dict]:
    """Say what --pretend does not show."""
    for migration in laravel.pending:
        known = laravel.statements(migration)
        reasons = known.get("up_conditional") or []
        error = known.get("up_error")
        if error:
            detail = f"what it sends could not be learned to the end ({error}); its rest was not"
            detail += " compared with the schema"
            # What nobody has seen is not called well.
            yield _finding(_Met(migration), "unseen", "", detail, (), may_fail=True)
        elif reasons:
            detail = (
                f"it decides by what it finds ({', '.join(reasons)}), and --pretend answers every "
                "question with nothing: statements that it will send may not have been seen. "
                "Letting it run on a copy of the schema shows them"
            )
            brief = f"Migration {migration} decides by what it finds: not all that it will send"
            brief += " may have been seen."
            more = {"guarded": True, "brief": brief}
            yield _finding(_Met(migration), "unseen", "", detail, (), **more)


def _locks(laravel: Laravel, schema_facts: dict) -> Iterator[dict]:
    """Name the sessions for which a migration would have to wait now."""
    # A transaction of which it is not known what it uses may be in the way of the first.
    first = dict.fromkeys([""], next(iter(laravel.pending), None))
    for migration in laravel.pending:
        for statement in laravel.up(migration):
            for table in tables_of(statement):
                first.setdefault(table.casefold(), migration)
    for lock in schema_facts.get("locks") or ():
        waiting = first.get((lock["table"] or "").casefold())
        if not waiting or lock["seconds"] < (HELD if lock["table"] else LONG):
            continue
        detail = f"it would have to wait for {describe_lock(lock)}"
        if not lock["table"]:
            detail += ", if that transaction has used a table of its"
        yield _finding(_Met(waiting), "lock", "", detail, (), table=lock["table"])


def _notes(laravel: Laravel, schema_facts: dict) -> list[str]:
    notes = []
    if laravel.pending and schema_facts.get("locks") is None:
        notes.append("Whether anybody holds a lock now is not for this account to see (PROCESS).")
    account = schema_facts["account"]
    if laravel.pending and not account["sees_all"]:
        notes.append(
            f"Not every constraint is visible ({account['reason']}), so a taken name may not have "
            "been seen."
        )
    return notes


def _outcome(laravel: Laravel, schema_facts: dict, findings: list[dict], diagnosis: dict) -> str:
    failed = laravel.failed_migration() or diagnosis["verdict"] in _FAILED
    failed = failed or bool(diagnosis.get("stopped"))
    # The original renamed away stands under its other name only after the migration has run.
    if failed or any(name["is"] == "displaced" for name in diagnosis.get("names") or ()):
        return "has_failed"
    if any(finding["loses"] for finding in findings):
        return "would_lose"
    if any(finding["will_fail"] for finding in findings):
        return "will_fail"
    blind = laravel.pending and not schema_facts["account"]["sees_all"]
    if diagnosis["refused"] or blind:
        return "refused"
    if any(finding["may_fail"] for finding in findings):
        return "may_fail"
    return "rows_aside" if diagnosis.get("aside") else "clean"


VERDICTS = (
    Verdict(
        "will_fail",
        FORESEEN,
        "No migration has failed so far. One that is pending will.",
        "Correct the migration, or the rows or tables that are named, before it is deployed.",
        proof=(
            "integration/test_diagnose.py::test_a_collision_is_foreseen_before_a_deployment",
            "integration/test_diagnose.py::test_a_host_that_cannot_be_judged_outweighs_one_that_will_fail",
        ),
    ),
    Verdict(
        "may_fail",
        FORESEEN,
        "Like `will_fail`, but it is not certain that the migration gets to that "
        "statement: it decides by what it finds, or changes these rows first.",
        "Read the findings. Let the migrations run on a copy.",
        proof=(
            "integration/test_half_run.py::test_a_migration_that_would_lose_rows_is_not_healthy",
            "integration/test_half_run.py::test_a_branch_that_may_not_be_taken_is_no_incident",
        ),
    ),
)
