# SPDX-License-Identifier: GPL-3.0-or-later
"""The PHP program that asks an application, by itself, and how it gets to a host."""

from __future__ import annotations

import base64
import json
import subprocess
import tempfile
from unittest import mock

import pytest
from ansible.module_utils.fix_fk.laravel import probe
from ansible.plugins.loader import lookup_loader
from sandbox import PROJECT, suite

# An application of two methods, in place of Laravel.
APPLICATION = """<?php return new class {
    public function afterBootstrapping($class, $callback) {}
    public function make($class) { return $this; }
    public function bound($name) { return false; }
    public function bootstrap() { %s }
};
"""


def php(*arguments, **options):
    return subprocess.run(
        [suite().php, *arguments], capture_output=True, text=True, check=False, **options
    )


@pytest.fixture
def ask(tmp_path):
    """Feed the program to PHP in an application with this bootstrap/app.php; return its answers."""

    def run(bootstrap, **request):
        for name, text in (("vendor/autoload.php", "<?php"), ("bootstrap/app.php", bootstrap)):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        with open(probe.PROGRAM, encoding="utf-8") as file:
            program = file.read()
        with tempfile.TemporaryFile("w+") as answer:
            request = {"descriptor": answer.fileno(), "connection": None, **request}
            encoded = base64.b64encode(json.dumps(request).encode()).decode()
            result = php(
                input=program.replace("@REQUEST@", encoded),
                cwd=tmp_path,
                pass_fds=[answer.fileno()],
            )
            answer.seek(0)
            return result, [json.loads(line) for line in answer]

    return run


def test_the_program_is_php():
    result = php("-l", probe.PROGRAM)
    assert result.returncode == 0, result.stdout + result.stderr


def test_what_keeps_an_application_from_starting_is_told(ask):
    result, answers = ask(APPLICATION % "throw new RuntimeException('no key');")
    assert answers[0] == {"boot_error": "RuntimeException: no key"}
    ended: dict = {"error": None, "file": None, "line": None, "queries": [], "elsewhere": {}}
    assert answers[1:] == [{"ended": ended}]
    assert result.stdout == ""


def test_what_ends_php_is_told(ask):
    _result, answers = ask("<?php echo 'noise'; nowhere();")
    ((ended,),) = (answer.values() for answer in answers)
    assert "nowhere()" in ended["error"]


def test_what_the_application_prints_spoils_no_answer(ask):
    result, answers = ask(APPLICATION % "echo '{\"done\": true}'; throw new Exception('x');")
    assert [list(answer) for answer in answers] == [["boot_error"], ["ended"]]
    assert result.stdout == ""


def test_the_lookup_brings_it_where_it_does_not_lie_beside_the_module(monkeypatch):
    with open(probe.PROGRAM, encoding="utf-8") as file:
        text = file.read()
    lookup_loader.add_directory(str(PROJECT / "plugins" / "lookup"))
    sent = lookup_loader.get("laravel_probe").run([])
    assert sent == [text]
    monkeypatch.setattr(probe, "PROGRAM", "/nowhere/probe.php")
    assert probe.program(mock.Mock(params={"laravel_probe": sent[0]})) == text
    module = mock.Mock(params={"laravel_probe": None})
    probe.program(module)
    assert "lookup('laravel_probe')" in module.fail_json.call_args.kwargs["msg"]
