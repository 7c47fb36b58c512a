# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdicts of a diagnosis, and the order in which they are asked.

A question returns True when it has come to a verdict, and raises a Refusal when it has come to one
that speaks against a repair. What it finds on the way it leaves in the case, for the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..case import Case
from ..rollback import no_safe_rollback
from . import (
    corrected,
    exchanged,
    expectations,
    followers,
    holders,
    look_alikes,
    losses,
    made_already,
    names,
    nothing_failed,
    nothing_pending,
    other_connection,
    own_code,
    rights,
    rows_in_the_way,
    schema_dump,
    server,
    stopped,
    which,
    wrong_records,
)

Question = Callable[[Case], "bool | None"]

# About the server and the schema, whatever has failed.
PRELIMINARY: tuple[Question, ...] = (
    server.fresh_unfinished,
    server.orphan_dictionary_rows,
    server.not_writable,
    server.tables_differ_in_case,
)
# Whether one has failed, and which: for a repair and for a rollback alone.
WHICH_FAILED: tuple[Question, ...] = (
    *PRELIMINARY,
    schema_dump.would_load_schema_dump,
    wrong_records.wrong_records,
    followers.followed,
    nothing_pending.unfinished,
    which.which_failed,
    other_connection.stopped_elsewhere,
    own_code.passed_over,
    # Nothing is pending, or nothing has failed.
    nothing_pending.given_twice,
    nothing_pending.recorded_half_run,
    nothing_pending.constraints_missing,
    nothing_pending.all_is_well,
    own_code.would_not_load,
    other_connection.would_fail_elsewhere,
    nothing_failed.would_lose_rows,
    nothing_failed.nothing_failed,
    # A migration has failed.
    own_code.deployment_has_the_lock,
    made_already.made_by_whom,
    rights.rights,
    other_connection.failed_elsewhere,
)
ORDER: tuple[Question, ...] = (
    *WHICH_FAILED,
    own_code.does_not_load,
    own_code.passes_itself_over,
    other_connection.would_run_elsewhere,
    exchanged.tables_exchanged,
    look_alikes.look_alikes,
    own_code.migration_threw,
    own_code.migration_unreadable,
    made_already.made_by_a_recorded_migration,
    look_alikes.another_error,
    made_already.has_run_and_is_not_recorded,
    corrected.half_run_before_it_was_corrected,
    holders.names_and_holders,
    stopped.stopped_half_way,
    holders.not_to_be_freed,
    no_safe_rollback,
    losses.migration_would_write_again,
    names.names_collide_in_the_code,
    rows_in_the_way.rows_in_the_way,
    losses.migration_would_lose_rows,
    expectations.would_not_verify,
)


def ask(case: Case, order: Iterable[Question] = ORDER) -> bool:
    """Tell whether one of the questions, asked in this order, has come to a verdict."""
    return any(question(case) for question in order)
