# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts that may not see or do enough; no server."""

from __future__ import annotations

from cases import refused, repaired


def test_nothing_visible_is_not_taken_for_nothing_there(laravel, schema):
    schema["constraints"] = []
    schema["account"].update(sees_all=False, reason="it has SELECT on one table only")
    result = refused(laravel, schema, "cannot_see")
    assert "GRANT ALL PRIVILEGES ON `gaspulco_lkbkanwil`.* TO `u`@`h`" in result["next"]


def test_a_missing_right_is_refused_before_anything_is_done(laravel, schema):
    schema["account"]["missing_rights"] = ["DROP"]
    assert "DROP" in refused(laravel, schema, "missing_rights")["found"]


def test_artisans_own_account_needs_its_rights_whoever_repairs_the_rest(laravel, schema):
    own = {"name": "app@h", "sees_all": True, "reason": "", "missing_rights": ["LOCK TABLES"]}
    schema["application_account"] = own
    repaired(laravel, schema, "renamed_table_kept_the_name")
    own["missing_rights"] = ["DROP", "LOCK TABLES"]
    result = refused(laravel, schema, "missing_rights")
    assert "app@h lacks DROP on" in result["found"] and "GRANT DROP ON" in result["next"]
