# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""Lets ansible-playbook end with a code that says what playbooks/diagnose.yml found."""

from __future__ import annotations

import sys

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: fix_fk_exit_code
type: aggregate
short_description: Tell by the exit code what playbooks/diagnose.yml found
description:
  - Ansible ends with 2 for whatever fails on a host. When all that failed are hosts on which the
    diagnosis foresees or finds a failed migration, this ends the playbook with 13 (a pending
    migration would destroy rows), 11 (one has failed), 10 (one will fail), 12 (one may fail, where
    O(ignore:diagnose_fail_on) asks for that) or 14 (rows are aside, where it asks for that). Any
    other failure, and hosts that cannot be reached, keep Ansible's own code.
  - It is only loaded for the playbooks that it lies beside, or where C(callbacks_enabled) names it
    as a part of a collection, and does nothing for playbooks that make no prediction.
"""

# The gravest first: of several hosts the worst counts.
CODES = {"would_lose": 13, "has_failed": 11, "will_fail": 10, "may_fail": 12, "rows_aside": 14}


def exit_code(failed, unreachable, artifacts):
    """Return the exit code, or None where Ansible's own is right.

    failed and unreachable are names of hosts, artifacts what set_stats handed on.
    """
    outcomes = {
        artifact["host"]: artifact["prediction"]["outcome"]
        for artifact in artifacts.values()
        if isinstance(artifact, dict) and artifact.get("prediction")
    }
    found = [outcomes.get(host) for host in failed]
    if not found or unreachable or any(outcome not in CODES for outcome in found):
        return None
    return next(code for outcome, code in CODES.items() if outcome in found)


class CallbackModule(CallbackBase):
    """Ends the process once everything has been said."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "fix_fk_exit_code"

    def v2_playbook_on_stats(self, stats):
        """Replace the exit code of a playbook that has come to its end."""
        code = exit_code(list(stats.failures), list(stats.dark), stats.custom.get("_run", {}))
        if code is not None:
            sys.exit(code)
