# SPDX-License-Identifier: GPL-3.0-or-later
"""The strategies of rolling a failed migration back, and which of them is taken."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, replace

from .. import facts, forward, leftovers, prediction, taken, undo
from ..case import Case
from ..holders import Holder
from ..position import Position
from ..schema.effects import CreateTable
from ..schema.outcome import Loss, Outcome, Question
from ..schema.redaction import redact
from ..schema.simulation import Schema
from ..verdict import DATA, Refusal, Verdict
from . import down, inverse, literal, nothing, rename_back

IN_WORDS = {
    "nothing": "leave it as it is",
    "down": "run the migration's own down()",
    "rename_back": "rename the tables back",
    "inverse": "undo each of its statements",
    "literal": "run migrate:rollback --step=1 as it stands",
}
STRATEGIES = {
    "nothing": nothing.strategy,
    "down": down.strategy,
    "rename_back": rename_back.strategy,
    "inverse": inverse.strategy,
    "literal": literal.strategy,
}


def no_safe_rollback(case: Case) -> None:
    """Choose the first strategy that loses nothing and gets through, or refuse."""
    if case.strategy:
        return
    found = choose(case, case.holders, again=not case.inputs.rollback_only)
    if found.strategy:
        case.strategy, case.repaired = found.strategy, found.state
        return
    case.diagnosis.strategies = found.considered
    reasons = "; ".join(
        f"to {IN_WORDS[item['strategy']]}: {item['reason']}" for item in found.considered
    )
    raise Refusal(
        "no_safe_rollback",
        f"{case.diagnosis.found} No way back to the schema before the migration is safe: "
        f"{reasons}.",
        f"{_onward(case)}{_given_up(case)}{_back_alone(case)}Take these reasons to the "
        "migration's author. Anything that clears one of them (rows moved out of a leftover, a "
        "correct down()) opens that way; then run this again. Or put a backup back that "
        "was made before: playbooks/restore.yml lists them."
        if case.inputs.rollback_strategy == "auto"
        else "Clear the reason, or leave rollback_strategy out, so that every strategy is "
        "considered; then run this again.",
    )


def _onward(case: Case) -> str:
    """Say how to go on instead of back, where that loses nothing; nothing where it does."""
    onward = forward.instead(case)
    return f"Going on loses nothing: {onward}. Or: " if onward else ""


def _back_alone(case: Case) -> str:
    """Say how to undo what the migration has done where only running it again is in the way."""
    if case.inputs.rollback_only or case.inputs.rollback_strategy != "auto" or not undone(case):
        return ""
    named = case.inputs.incident_migration
    option = f" -e incident_migration={named}" if named else ""
    return (
        "First undo what it has done; nothing is lost by that, and the release of before works "
        f"again: ansible-playbook playbooks/rollback.yml{option} ; then clear what would still "
        "stop it, and run this again. Otherwise: "
    )


def _given_up(case: Case) -> str:
    """Say by which names somebody may give up what is in the way of a rollback, where that opens a
    way; nothing where it does not."""
    position, inputs = case.begun(case.migration), case.inputs
    if not (inputs.rollback_only and position):
        return ""
    names = _at_stake(case, position)
    if not names or not _opens(case, [*names]):
        return ""
    for name in list(names):
        others = {one: said for one, said in names.items() if one != name}
        if _opens(case, [*others]):
            names = others
    accepted = json.dumps({"rollback_accept_loss": [*inputs.rollback_accept_loss, *names]})
    option = f" -e incident_migration={case.migration}" if inputs.incident_migration else ""
    return (
        f"If this may be missing afterwards ({'; '.join(names.values())}), say so by name: "
        f"playbooks/rollback.yml{option} -e "
        f"{shlex.quote(accepted)}. Otherwise: "
    )


def _at_stake(case: Case, position: Position) -> dict[str, str]:
    """Return {name: in words} of what the migration has destroyed, or of what has been written into
    that which it made. Not of both: what it made may have the only copy of what it destroyed."""
    inverses = undo.of(position, case.schema)
    found = undo.destroyed(inverses, case.inputs.rollback_accept_loss)
    outcome = case.live.copy().apply([text for one in inverses for text in one.send])
    written = {
        f"{loss.table}.{loss.column}" if loss.column else loss.table: said
        for loss in outcome.losses
        for said in [_lost(case, loss)]
        if said
    }
    return {} if found and written else found or written


def _opens(case: Case, names: list[str]) -> bool:
    """Tell whether there is a way back where these are given up."""
    given, asked = case.inputs, list(case.diagnosis.uncounted)
    accepted = (*given.rollback_accept_loss, *names)
    case.inputs = replace(given, rollback_accept_loss=accepted)
    try:
        return choose(case, case.holders, again=False).strategy is not None
    finally:
        case.inputs, case.diagnosis.uncounted = given, asked


@dataclass
class Choice:
    """The strategy that is taken, None where none can be; the schema that it leads to; and what
    was considered, [{strategy, chosen, reason}]."""

    strategy: dict | None
    state: Schema
    considered: list[dict]


def choose(case: Case, holders: Iterable[Holder], again: bool) -> Choice:
    """Return the first strategy that loses nothing and leads back.

    again: whether the migrations have to get through afterwards. That is asked as well where the
    schema does not tell how far the failed one has come, and so not whether it leads back.
    """
    considered: list[dict] = []
    displaced = [holder for holder in holders if holder.kind == "displaced"]
    given = case.inputs.rollback_strategy
    order = ["nothing", "down", "rename_back", "inverse"] if given == "auto" else [given]
    if case.records and case.records.redo and given == "auto":
        # down() may drop what the other migration made when it was tried again.
        order.remove("down")
    again = again or case.position(case.migration) is None
    for name in order:
        state = case.live.copy()
        strategy, reason = STRATEGIES[name](case, displaced)
        if strategy is not None:
            reason = case.inputs.unproven.get(name) or trial(
                case, state, strategy, displaced, again
            )
            if not reason:
                considered.append({"strategy": name, "chosen": True, "reason": strategy["reason"]})
                return Choice(
                    {**strategy, "name": name, "considered": considered}, state, considered
                )
        considered.append({"strategy": name, "chosen": False, "reason": reason})
    return Choice(None, case.live, considered)


def undone(case: Case) -> Schema | None:
    """Return the schema without what the half-run migration has done; None where that is not known,
    or would lose something."""
    if not case.begun(case.migration):
        return None
    found = choose(case, case.holders or taken.find(case), again=False)
    return found.state if found.strategy and found.strategy["steps"] else None


def trial(case: Case, state: Schema, strategy: dict, displaced: list[Holder], again: bool) -> str:
    """Carry `strategy` out on `state`; return why it will not do, or "" when it does."""
    outcome = _carry_out(state, strategy)
    losses = [_lost(case, loss) for loss in outcome.losses]
    if any(losses):
        return f"it would lose data: {', '.join(filter(None, losses))}"
    # The last recorded migration is undone only when it is named, and an inverse is about nothing
    # but what the migration has done.
    told = strategy["steps"] in (["literal"], ["inverse"])
    foreign = "" if told else _not_its_own(case, state, displaced)
    if foreign:
        return foreign
    if outcome.problems:
        return f"it would fail: {outcome.problems[0].detail}"
    for question in outcome.questions:
        rows = _rows_met(case, question)
        if rows:
            return f"it would fail over rows: {rows}"
    written = [t.name for t in state.tables.values() if t.written]
    if written:
        return f"it writes rows of {', '.join(written)}"
    # Of several at once the schema does not tell which has done what.
    alone = leftovers.begun(case, case.migration) == [case.migration]
    position = case.begun(case.migration) if alone else None
    if position:
        mirror = position.now.copy()
        _carry_out(mirror, strategy)
        differs = position.differs(mirror)
    if position and differs:
        return f"afterwards {_named(differs[0])} would not be as it was before the migration"
    if position and not again:
        # Run again, the migration does that again; rolled back alone, it would stay.
        for statement in undo.unclear(position, case.schema):
            return f"the schema does not tell whether it has done this: {redact(statement)}"
        inverses, accepted = undo.of(position, case.schema), case.inputs.rollback_accept_loss
        # A down() may have its own way to bring back all but rows and values.
        if strategy["steps"] == ["down"]:
            lost = [*undo.destroyed(inverses, accepted).values()]
        else:
            lost = undo.lost(inverses, accepted)
        if lost:
            return f"only a backup has what it took away: {', '.join(lost)}"
    left = case.obstacles(state) if again else []
    if left:
        return f"afterwards the migration would still fail: {left[0].detail}"
    return ""


def _carry_out(state: Schema, strategy: dict) -> Outcome:
    for pair in strategy["tables"]:
        original, displaced = pair["original"], pair["displaced"]
        if pair["leftover"] and state.get(original):
            state.drop(original)
        if displaced and state.get(displaced):
            state.rename(displaced, original)
        if state.get(facts.quarantine(original)):
            state.drop(facts.quarantine(original))
    return state.apply(strategy["statements"])


def _rows_met(case: Case, question: Question) -> str:
    """Say over which rows a statement of a rollback fails for certain, "" for none."""
    mariadb = case.schema["server"].get("flavour") != "mysql"
    answer = case.counted(prediction.count_of(question))
    found = prediction.rows_met(case.migration, question, answer, mariadb)
    if not found or not found["will_fail"]:
        return ""
    return found["detail"] + (f" (list them: {found['query']})" if found["query"] else "")


def _named(thing: tuple[str, str, str]) -> str:
    what, table, name = thing
    return f"table {table}" if what == "table" else f"{what} {name} of {table}"


def _lost(case: Case, loss: Loss) -> str:
    """Say what a statement of a rollback would lose, or nothing."""
    accepted = {name.casefold() for name in case.inputs.rollback_accept_loss}
    if loss.kind != "column":
        return "" if loss.table.casefold() in accepted else f"{loss.detail}, which has rows"
    if f"{loss.table}.{loss.column}".casefold() in accepted:
        return ""
    rows = case.filled(loss.table, loss.column)
    if rows == 0:
        return ""
    return f"{loss.detail}, which has {'values' if rows is None else f'values in {rows} rows'}"


def _not_its_own(case: Case, state: Schema, holders: list[Holder]) -> str:
    """Return which table goes or is renamed on the way to `state` that is not the migration's."""
    begun = [name for name in case.laravel.pending if case.laravel.up(name)]
    if case.records and case.records.redo:
        begun.append(case.records.redo)
    displaced = {name.casefold() for one in begun for name in leftovers.renamed_by(case, one)}
    displaced |= {holder.original.casefold() for holder in holders if holder.original}
    made = {
        effect.table.casefold()
        for one in begun
        for effect in case.laravel.effects(one)
        if isinstance(effect, CreateTable)
    }
    aside = {facts.quarantine(name).casefold() for name in case.live.tables}
    for table in case.live.tables.values():
        now, known = state.by_identity(table.name), case.laravel.history.schema.get(table.name)
        if now and now.name == table.name:
            continue
        does = f"rename {table.name} to {now.name}" if now else f"drop {table.name}"
        if known and table.name.casefold() not in displaced:
            maker = case.laravel.history.creators.get(table.name.casefold())
            return f"it would {does}, which {maker or 'a recorded migration'} makes"
        if not now and table.name.casefold() not in made | aside:
            return f"it would {does}, which the failed migration does not create"
    return ""


VERDICTS = (
    Verdict(
        "no_safe_rollback",
        DATA,
        "Each way back would lose rows or would not get through. The reasons are listed.",
        "Clear one of the reasons, with the migration's author. Run it again.",
        proof=(
            "integration/test_refusals.py::migration_drops_a_parent",
            "integration/test_refusals.py::leftover_is_referred_to",
        ),
    ),
)
