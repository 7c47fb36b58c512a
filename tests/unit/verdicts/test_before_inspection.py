# SPDX-License-Identifier: GPL-3.0-or-later
"""What ends the diagnosis before the server is looked at; no server."""

from __future__ import annotations

from fix_fk.verdicts.before_inspection import before_inspection


def test_a_cached_configuration_that_differs_is_refused(laravel):
    laravel["configuration"]["differences"] = [
        {"key": "host", "cached": "10.0.0.1", "dotenv": "127.0.0.1"}
    ]
    result = before_inspection(laravel)
    assert result["refused"] and "10.0.0.1" in result["found"] and "127.0.0.1" in result["found"]


def test_an_artisan_that_is_still_running_is_waited_for(laravel):
    laravel["busy"] = True
    result = before_inspection(laravel)
    assert result["refused"] and result["verdict"] == "artisan_is_running"


def test_another_run_is_waited_for(laravel):
    laravel["busy"] = True
    laravel["another_run"] = {"said": "run r2 on host app1", "idle": 30}
    result = before_inspection(laravel)
    assert result["refused"] and result["verdict"] == "another_run"
    assert "run r2 on host app1" in result["found"] and "within 30 s" in result["next"]


def test_no_connection_is_refused(laravel):
    laravel["database_error"] = {"code": 1045, "message": "Access denied"}
    assert "1045" in before_inspection(laravel)["found"]
    laravel["database_error"] = None
    assert before_inspection(laravel) is None
