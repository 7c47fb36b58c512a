# SPDX-License-Identifier: GPL-3.0-or-later
"""The fault in the code on a real server, with real artisan: proven, patched, and proven again."""

from __future__ import annotations

from pathlib import Path

import pytest
from action import fault_in_code
from driver import Run, act
from sandbox import ON_MARIADB, PROJECT

REFACTOR = "2026_01_25_000000_total_refactor_skp_system"
PROGRAM = PROJECT / "module_utils" / "fix_fk" / "laravel" / "patch.php"


def prove(sandbox, **inputs):
    """Return what the action comes to; the application's own schema is not touched."""
    run = Run(sandbox, rehearsal_level="structure", **inputs)
    run.inspect()
    before = sandbox.schema_dump(), sandbox.files()
    found = act(
        fault_in_code,
        run.send,
        inputs=run.inputs,
        program=PROGRAM.read_text(encoding="utf-8"),
        **run.place(),
    )["code"]
    assert (sandbox.schema_dump(), sandbox.files()) == before
    scratch = [name for (name,) in sandbox.sql("SHOW DATABASES") if "__fix_fk" in name]
    assert scratch == []
    return found


def patch_file(sandbox, patch):
    """Put what was made in the place of the file, and return it as it was."""
    path = Path(sandbox.app, patch["path"])
    assert path.read_text(encoding="utf-8") == patch["source"]
    path.write_text(patch["patched"], encoding="utf-8")


def test_a_renamed_table_kept_explicit_names(kept):
    kept.present()
    found = prove(kept)
    fault, (patch,) = found["fault"], found["patch"]
    assert (fault["migration"], fault["number"], fault["statement"]) == (REFACTOR, 13, 4), fault
    assert "skp_tahunan_user" in fault["sql"] and ("121" in fault["error"]) == ON_MARIADB
    assert "dropForeign('fk_skp_tahunan_user')" in patch["patched"]
    assert "->foreign('approved_by', 'fk_skp_tahunan_approved_by')" in patch["patched"]
    assert found["proof"]["round_trip"] and found["proof"]["before"] == "live"
    patch_file(kept, patch)
    assert kept.artisan("migrate", "--force").returncode == 0


# --- five faults, and others --------------------------------------------------------------------

TABLE = "Schema::create('{}', function (Blueprint $table) {{\n{}\n        }});"
COLUMNS = "$table->id();\n$table->unsignedBigInteger('user_id');"
KEY = "$table->foreign('user_id', '{}')->references('id')->on('users');"
LATER = "2026_03_01_000000_later"


def table(name, *lines):
    return TABLE.format(name, "\n".join([COLUMNS, *lines]))


@pytest.fixture
def written(kept):
    """Put migrations, {name: up or (up, down)}, in the place of the failing release."""

    def write(migrations):
        kept.present()
        kept.withdraw()
        for name, bodies in migrations.items():
            kept.add_migration(name, *(bodies if isinstance(bodies, tuple) else (bodies,)))
        return kept

    return write


def proven(sandbox, migration):
    """See that the patch is made and proven, that patch(1) takes it, and that it then migrates."""
    found = prove(sandbox)
    assert found["fault"]["migration"] == migration, found
    assert found["patch"], found
    (patch,) = found["patch"]
    patch_file(sandbox, patch)
    assert prove(sandbox)["fault"] is None
    result = sandbox.artisan("migrate", "--force")
    assert result.returncode == 0, result.stdout
    return found, patch["patched"]


def test_two_migrations_make_tables_with_one_name(written):
    first, second = "2026_02_01_000000_first", "2026_02_02_000000_second"
    sandbox = written({
        first: table("invoices", KEY.format("fk_owner")),
        second: (
            table("receipts", KEY.format("fk_owner")),
            "Schema::table('receipts', function (Blueprint $table) {\n"
            "$table->dropForeign('fk_owner');\n});\nSchema::dropIfExists('receipts');",
        ),
    })  # fmt: skip
    found, source = proven(sandbox, second)
    assert "$table->foreign('user_id', 'receipts_user_id_foreign')" in source
    assert "dropForeign('receipts_user_id_foreign')" in source
    assert found["fault"]["statement"] == 2 and found["proof"]["round_trip"] is True


def test_two_migrations_are_guilty_and_one_patch_is_over_both(written):
    """The second is met only once the first is patched."""
    names = [f"2026_02_0{number}_000000_{word}" for number, word in enumerate(("a", "b", "c"), 1)]
    tables = ("invoices", "receipts", "bills")
    sandbox = written({
        name: (
            table(made, KEY.format("fk_owner")),
            f"Schema::table('{made}', function (Blueprint $table) {{\n"
            f"$table->dropForeign('fk_owner');\n}});\nSchema::dropIfExists('{made}');",
        )
        for name, made in zip(names, tables)
    })  # fmt: skip
    found = prove(sandbox)
    assert found["fault"]["migration"] == names[1], found
    assert [patch["migration"] for patch in found["patch"] or ()] == names[1:], found
    assert found["proof"]["round_trip"] is True, found
    for patch, made in zip(found["patch"], tables[1:]):
        assert f"'{made}_user_id_foreign'" in patch["patched"]
        patch_file(sandbox, patch)
    assert prove(sandbox)["fault"] is None
    result = sandbox.artisan("migrate", "--force")
    assert result.returncode == 0, result.stdout
    assert sandbox.holders("fk_owner") == ["invoices"]
    assert sandbox.holders("bills_user_id_foreign") == ["bills"]


def test_the_second_of_two_has_no_patch(written):
    """A patch of the first alone would end at the second: none is made, and that is named."""
    first, second = "2026_02_01_000000_first", "2026_02_02_000000_second"
    sandbox = written({
        first: table("invoices", KEY.format("fk_skp_tahunan_user")),
        second: table("receipts", "$table->integer('a');\n"
                      "$table->foreign('a', 'fk_b')->references('id')->on('users');"),
    })  # fmt: skip
    found = prove(sandbox)
    assert found["fault"]["migration"] == first and found["patch"] is None, found
    assert f"behind it {second} fails as well" in found["fault"]["why_not"], found


def test_a_child_of_the_same_migration_has_the_name(written):
    sandbox = written({LATER: f"{table('invoices', KEY.format('fk_owner'))}\n        "
                              f"{table('receipts', KEY.format('FK_Owner'))}"})  # fmt: skip
    _, source = proven(sandbox, LATER)
    assert source.count("'receipts_user_id_foreign'") == source.count("'fk_owner'") == 1


def test_index_names_two_foreign_keys_alike(written):
    key = "$table->foreign('user_id')->references('id')->on('users')->index();"
    first, second = "2026_02_01_000000_first", "2026_02_02_000000_second"
    sandbox = written({first: table("invoices", key), second: table("receipts", key)})
    _, source = proven(sandbox, second)
    assert "->on('users');" in source
    assert sandbox.holders("1") == ["invoices"]
    assert sandbox.holders("receipts_user_id_foreign") == ["receipts"]


def test_a_generated_name_is_too_long(written):
    name = "laporan_penilaian_kinerja_tahunan_per_unit_organisasi"
    sandbox = written({
        LATER: table(name, "$table->foreign('user_id')->references('id')->on('users');",
                     "$table->unique(['id', 'user_id']);")
    })  # fmt: skip
    _, source = proven(sandbox, LATER)
    assert "$table->foreign('user_id', 'lapor_penil_kiner_tahun_per_unit_organ" in source
    assert "$table->unique(['id', 'user_id'], 'lapor_" in source


def test_where_the_migration_has_run_it_counts_what_is_there(kept):
    """Repaired by Option 1: the applied schema decides which patch is the right one."""
    kept.broken()
    Run(kept).go()
    found = prove(kept)
    assert found["proof"]["ran"] == "live" and found["proof"]["before"] == "made", found
    assert "dropForeign('fk_skp_tahunan_user')" in found["patch"][0]["patched"]


def test_where_the_names_were_changed_by_hand_the_patch_changes_them(kept):
    """The old table has kept its names, and the new one has the names that Laravel gives."""
    kept.present()
    path = Path(kept.app, "database", "migrations", f"{REFACTOR}.php")
    text = path.read_text(encoding="utf-8")
    named = text.replace("'fk_skp_tahunan_user'", "'skp_tahunan_user_id_foreign'")
    path.write_text(
        named.replace("'fk_skp_tahunan_approved_by'", "'skp_tahunan_approved_by_foreign'"), "utf-8"
    )
    assert kept.artisan("migrate", "--force").returncode == 0
    path.write_text(text, encoding="utf-8")
    found = prove(kept)
    assert found["patch"] and "dropForeign" not in found["patch"][0]["patched"], found
    assert found["patch"][0]["patched"] == path.read_text().replace(text, "") or (
        "'skp_tahunan_user_id_foreign'" in found["patch"][0]["patched"]
    )


def test_a_schema_that_was_changed_by_hand_gets_no_patch(kept):
    kept.broken()
    Run(kept).go()
    kept.sql("ALTER TABLE skp_tahunan DROP FOREIGN KEY fk_skp_tahunan_user")
    found = prove(kept)
    assert found["patch"] is None
    assert "foreign key fk_skp_tahunan_user of skp_tahunan" in found["fault"]["why_not"], found


@pytest.mark.parametrize(
    "up, words",
    [
        (
            table("b", "$table->foreign('user_id', 'fk_skp_tahunan_'.'user')"
                  "->references('id')->on('users');"),
            "skp_tahunan_user is not written out in up() itself",
        ),
        (
            table("b", "$table->integer('a');\n"
                  "$table->foreign('a', 'fk_b_a')->references('id')->on('users');"),
            "its fault is of another kind",
        ),
        (
            table("b", "$table->foreign('user_id', 'fk_b')->references('id')->on('later');"),
            "its fault is of another kind",
        ),
        ("Schema::table('users', function (Blueprint $table) {\n$table->string('email');\n});",
         "its fault is of another kind"),
        ("throw new \\Exception('not here');", "its fault is of another kind"),
    ],
)  # fmt: skip
def test_without_a_certain_patch_it_says_what_to_change(written, up, words):
    sandbox = written({LATER: up})
    found = prove(sandbox)
    assert found["patch"] is None and words in found["fault"]["why_not"], found
    assert found["advice"].startswith(f"In database/migrations/{LATER}.php, line "), found
    assert found["fault"]["number"] == 13


def test_a_history_without_a_fault(written):
    sandbox = written({LATER: table("b", KEY.format("fk_b_user"))})
    found = prove(sandbox)
    assert found == {**found, "fault": None, "now": None, "patch": None, "refused": ""}


def test_what_only_the_schema_as_it_is_stops(written):
    sandbox = written({LATER: table("b", KEY.format("fk_b_user"))})
    sandbox.sql("CREATE TABLE b (id INT)")
    found = prove(sandbox)
    assert found["fault"] is None and found["now"]["migration"] == LATER
