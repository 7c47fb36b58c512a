# SPDX-License-Identifier: GPL-3.0-or-later
"""The PHP program that changes a migration's source, by itself."""

from __future__ import annotations

import base64
import difflib
import json
import subprocess
import tempfile
from pathlib import Path

import pytest
from sandbox import PROJECT, suite

PROGRAM = PROJECT / "module_utils" / "fix_fk" / "laravel" / "patch.php"
RELEASE = PROJECT / "roles" / "sandbox" / "files" / "release" / "database" / "migrations"

HEAD = """<?php

use Illuminate\\Database\\Migrations\\Migration;
use Illuminate\\Database\\Schema\\Blueprint;
use Illuminate\\Support\\Facades\\DB;
use Illuminate\\Support\\Facades\\Schema;

"""
KEY = {
    "name": "fk_a",
    "generated": False,
    "columns": ["user_id"],
    "referenced_table": "users",
    "prefixed": "users",
    "referenced_columns": ["id"],
    "on_delete": "CASCADE",
    "on_update": None,
}
GENERATED = {**KEY, "name": "orders_user_id_foreign", "generated": True}
FREE = {
    "do": "free",
    "table": "orders",
    "to": "orders_old",
    "statement": "",
    "back": "",
    "why": "The renamed table would keep this name.",
    "keys": [KEY],
}
NAME = {
    "do": "name",
    "kind": "foreign",
    "table": "orders",
    "columns": ["user_id"],
    "old": "fk_a",
    "new": "fk_b",
    "statement": "",
    "takes_name": False,
}


def php(*arguments, **options):
    return subprocess.run(
        [suite().php, *arguments], capture_output=True, text=True, check=False, **options
    )


def edit(source, *edits):
    """Return what the program answers; what it makes of a source is PHP."""
    with tempfile.TemporaryFile("w+") as answer:
        request = {"descriptor": answer.fileno(), "source": source, "edits": edits}
        encoded = base64.b64encode(json.dumps(request).encode()).decode()
        program = PROGRAM.read_text(encoding="utf-8").replace("@REQUEST@", encoded)
        ran = php("-d", "display_errors=stderr", input=program, pass_fds=[answer.fileno()])
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
        answer.seek(0)
        told = json.load(answer)
    if "source" in told:
        read = php("-l", input=told["source"])
        assert read.returncode == 0, f"{read.stdout}{told['source']}"
    return told


def changed(source, *edits):
    """Return the lines that are new, and those that are gone, each with its sign."""
    told = edit(source, *edits)
    assert "source" in told, told
    return [
        line
        for line in difflib.ndiff(source.splitlines(), told["source"].splitlines())
        if line[0] in "+-"
    ]


def migration(up, down=None):
    """Return a migration in the style of `artisan make:migration`."""
    methods = [("up", up), *([("down", down)] if down is not None else [])]
    body = "\n\n".join(
        f"    public function {name}()\n    {{\n{text}\n    }}" for name, text in methods
    )
    return f"{HEAD}return new class extends Migration\n{{\n{body}\n}};\n"


def test_the_program_is_php():
    assert php("-l", str(PROGRAM)).returncode == 0


def test_names_are_freed_before_the_rename_and_given_back():
    source = migration(
        "        // Aside.\n        Schema::rename('orders', 'orders_old');\n",
        "        Schema::dropIfExists('orders');\n        Schema::rename('orders_old', 'orders');",
    )
    assert changed(source, FREE) == [
        "+         // The renamed table would keep this name.",
        "+         Schema::table('orders', function (Blueprint $table) {",
        "+             $table->dropForeign('fk_a');",
        "+         });",
        "+ ",
        "+ ",
        "+         Schema::table('orders', function (Blueprint $table) {",
        "+             $table->foreign('user_id', 'fk_a')",
        "+                 ->references('id')->on('users')->onDelete('cascade');",
        "+         });",
    ]
    assert edit(source, FREE)["lines"] == [13]


def test_a_generated_name_is_written_as_laravel_generates_it():
    source = migration("        Schema::rename('orders', 'orders_old');")
    assert "+             $table->dropForeign(['user_id']);" in changed(
        source, {**FREE, "keys": [GENERATED]}
    )


@pytest.mark.parametrize(
    "up, words",
    [
        # The style of the file: its own closure, its brace, its connection, tabs.
        (
            "Schema::connection('x')->rename('orders', 'orders_old');\n"
            "Schema::create('a', static function ($table)\n{\n$table->id();\n});",
            ["Schema::connection('x')->table('orders', static function ($table)", "{"],
        ),
        (
            "Schema::table('orders', function (Blueprint $t) { $t->rename('orders_old'); });",
            ["Schema::table('orders', function (Blueprint $table) {"],
        ),
        (
            "DB::statement('RENAME TABLE orders  TO orders_old');",
            ["DB::statement('alter table `orders` drop foreign key `fk_a`');"],
        ),
        (
            "if (Schema::hasTable('orders')) {\n    Schema::rename('orders', 'orders_old');\n}",
            ["    Schema::table('orders', function (Blueprint $table) {"],
        ),
    ],
)
def test_the_ways_to_rename(up, words):
    source = migration(up)
    found = changed(source, {**FREE, "statement": "RENAME TABLE orders TO orders_old"})
    assert not any(line.startswith("-") for line in found), found
    for word in words:
        assert f"+ {word}" in found, found


@pytest.mark.parametrize(
    "up, lines",
    [
        ("        Schema::rename($from, 'orders_old');", [12]),
        ("        $this->aside();\n    }\n    private function aside() {\n"
         "        Schema::rename('orders', 'orders_old');", [15]),
        ("        if (true) Schema::rename('orders', 'orders_old');", [12]),
        ("        Schema::rename('orders', 'orders_old'); Schema::rename('orders', 'orders_old');",
         [12]),
        ("        foreach (['orders'] as $t) Schema::rename($t, $t.'_old');", [12]),
    ],
)  # fmt: skip
def test_what_is_not_certain_is_refused_with_its_line(up, lines):
    told = edit(migration(up), FREE)
    assert told["refused"]["lines"] == lines, told


CREATE = "        Schema::create('{}', function (Blueprint $table) {{\n{}\n        }});"


@pytest.mark.parametrize(
    "line, new",
    [
        (
            "$table->foreign('user_id', 'fk_a')->references('id')->on('users');",
            "$table->foreign('user_id', 'fk_b')->references('id')->on('users');",
        ),
        (
            "$table->foreign(['user_id'], \"fk_a\")->references('id')->on('users');",
            "$table->foreign(['user_id'], \"fk_b\")->references('id')->on('users');",
        ),
        (
            "$table->foreignId('user_id')->constrained('users', indexName: 'FK_A');",
            "$table->foreignId('user_id')->constrained('users', indexName: 'fk_b');",
        ),
        (
            "$table->foreign('user_id')->references('id')->on('users')->index('fk_a');",
            "$table->foreign('user_id')->references('id')->on('users')->index('fk_b');",
        ),
    ],
)
def test_a_name_that_is_written_gets_another(line, new):
    other = CREATE.format("others", "$table->foreign('user_id', 'fk_a')->references('id');")
    down = "        Schema::table('orders', fn ($table) => $table->dropForeign('fk_a'));"
    source = migration(f"{other}\n{CREATE.format('orders', line)}", down)
    dropped = "        Schema::table('orders', fn ($table) => $table->dropForeign('{}'));"
    assert changed(source, NAME) == [
        f"- {line}", f"+ {new}", f"- {dropped.format('fk_a')}", f"+ {dropped.format('fk_b')}",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "line, new, kind",
    [
        ("$table->foreign('user_id')->on('x');", "$table->foreign('user_id', 'fk_b')->on('x');",
         "foreign"),
        ("$table->foreignId('user_id')->constrained('x');",
         "$table->foreignId('user_id')->constrained('x', indexName: 'fk_b');", "foreign"),
        ("$table->foreignId('user_id')->constrained();",
         "$table->foreignId('user_id')->constrained(indexName: 'fk_b');", "foreign"),
        ("$table->unique(['user_id']);", "$table->unique(['user_id'], 'fk_b');", "unique"),
        ("$table->string('user_id')->unique();", "$table->string('user_id')->unique('fk_b');",
         "unique"),
        ("$table->string('user_id')->index();", "$table->string('user_id')->index('fk_b');",
         "index"),
    ],
)  # fmt: skip
def test_a_generated_name_gets_an_explicit_one(line, new, kind):
    source = migration(CREATE.format("orders", line))
    edits = {**NAME, "old": None, "kind": kind, "takes_name": True}
    assert changed(source, edits) == [f"- {line}", f"+ {new}"]


def test_constrained_of_an_older_laravel_takes_no_name():
    source = migration(CREATE.format("orders", "$table->foreignId('user_id')->constrained();"))
    told = edit(source, {**NAME, "old": None})["refused"]
    assert "takes no name" in told["why"] and told["lines"] == [13]


def test_a_name_in_sql_gets_another():
    statement = "ALTER TABLE orders ADD CONSTRAINT fk_a FOREIGN KEY (a) REFERENCES b (fk_ab)"
    source = migration(f"        DB::statement('{statement}');")
    assert changed(source, {**NAME, "statement": statement}) == [
        f"-         DB::statement('{statement}');",
        f"+         DB::statement('{statement.replace('fk_a ', 'fk_b ')}');",
    ]


@pytest.mark.parametrize(
    "line, new",
    [
        ("$table->foreign('user_id')->references('id')->on('x')->index();",
         "$table->foreign('user_id')->references('id')->on('x');"),
        ("$table->foreign('user_id')->references('id')\n    ->on('x')\n    ->index();",
         "$table->foreign('user_id')->references('id')\n    ->on('x');"),
    ],
)  # fmt: skip
def test_the_index_of_a_foreign_key_goes(line, new):
    source = migration(CREATE.format("orders", f"$table->string('a')->index();\n{line}"))
    told = edit(source, {"do": "unindex", "table": "orders", "columns": ["user_id"]})
    assert told["source"] == source.replace(line, new)


def test_line_ends_are_kept():
    source = migration("        Schema::rename('orders', 'orders_old');").replace("\n", "\r\n")
    told = edit(source, FREE)["source"]
    assert told.count("\n") == told.count("\r\n") == source.count("\n") + 5


def test_a_class_of_the_sandbox():
    name = "2026_01_25_000000_total_refactor_skp_system.php"
    source = Path(RELEASE, name).read_text(encoding="utf-8")
    names = {"table": "skp_tahunan", "to": "skp_tahunan_backup_v1"}
    assert changed(source, {**FREE, **names})[1:3] == [
        "+         Schema::table('skp_tahunan', function (Blueprint $table) {",
        "+             $table->dropForeign('fk_a');",
    ]
    named = source.replace("return new class", "class TotalRefactor").replace("};\n", "}\n")
    assert changed(named, {**FREE, **names}) == changed(source, {**FREE, **names})
