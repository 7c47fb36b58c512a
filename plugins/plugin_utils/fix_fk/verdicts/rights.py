# SPDX-License-Identifier: GPL-3.0-or-later
"""An account that sees too little, or may do too little."""

from __future__ import annotations

from ..case import Case
from ..verdict import DATABASE, Cause, Refusal, Verdict

from ansible.module_utils.fix_fk.refusal import typed  # isort: skip


def rights(case: Case) -> None:
    """Refuse an account that may not see, or may not do, all that a repair needs."""
    account = case.schema["account"]
    if not account["sees_all"]:
        raise Refusal(
            "cannot_see",
            f"The account {account['name']} cannot see every constraint of schema "
            f'{case.schema["name"]} ({account["reason"]}), so "nobody holds the name" '
            'cannot be told from "not allowed to see who does".',
            f"Let an administrator run:{typed(case.grant('ALL PRIVILEGES', account) + ';')}Or pass "
            "database_user and database_password of an account that has it. Then run this "
            "again.",
        )
    # Artisan has the application's own account, whatever account repairs the rest.
    for each, needless in (
        (account, ()),
        (case.schema.get("application_account") or {}, ("LOCK TABLES",)),
    ):
        missing = [right for right in each.get("missing_rights") or () if right not in needless]
        if missing:
            raise Refusal(
                "missing_rights",
                f"The account {each['name']} lacks {', '.join(missing)} on schema "
                f"{case.schema['name']}; the repair would stop half-way.",
                f"Let an administrator run:{typed(case.grant(', '.join(missing), each) + ';')}"
                "Then run this again.",
            )


VERDICTS = (
    Verdict(
        "cannot_see",
        DATABASE,
        'The account may not see every constraint, so "nobody holds it" proves nothing.',
        "Let an administrator grant the rights, or give `database_user` and "
        "`database_password`. Run it again.",
        proof=(
            "integration/test_refusals.py::rights_on_tables_only",
            "integration/test_refusals.py::right_to_select_only",
        ),
    ),
    Verdict(
        "missing_rights",
        DATABASE,
        "The account lacks rights, so the repair would stop half-way. They are named.",
        "Let an administrator grant them. Run it again.",
        causes=(
            Cause(
                "The account lacked a right",
                "1142, 1044, 1227, 1005 (13)",
                "The right is named; whether it is there now is looked at.",
                (
                    "integration/test_refusals.py::rights_missing",
                    "integration/test_causes.py::right_was_missing",
                ),
                also=("right_was_missing",),
            ),
        ),
    ),
)
