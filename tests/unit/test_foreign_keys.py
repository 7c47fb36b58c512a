# SPDX-License-Identifier: GPL-3.0-or-later
"""Names, rights and comparisons, without a server."""

from __future__ import annotations

import pytest
from ansible.module_utils.fix_fk.schema.foreign_keys import (
    ForeignKey,
    add_statement,
    compare,
    holders,
)
from ansible.module_utils.fix_fk.schema.sql import (
    quote_columns,
    quote_identifier,
    quote_table,
)
from ansible.module_utils.fix_fk.server.about import (
    RIGHTS_NEEDED,
    TABLE_RIGHTS,
    matches,
    rights_on,
    settable,
)
from ansible.module_utils.fix_fk.server.flavour import name_key, version_number

SCHEMA = "gaspulco_lkbkanwil"
USER = "`u`@`localhost`"


def test_quoting():
    assert quote_identifier("a`b c") == "`a``b c`"
    assert quote_table("s`", "t") == "`s```.`t`"
    assert quote_table(None, "t") == "`t`"
    assert quote_columns(["a", "b"]) == "`a`, `b`"


@pytest.mark.parametrize("name", ["", "a\0b", None, 7])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(ValueError, match="not a name"):
        quote_identifier(name)


def test_which_names_a_server_takes_for_one():
    assert name_key("FK_Skp", "mariadb") == name_key("fk_skp", "mariadb")
    assert name_key("fk_ü", "mariadb") != name_key("FK_Ü", "mariadb")
    assert name_key("fk_ü", "mysql") == name_key("FK_U", "mysql")
    assert name_key("fk_a", "mysql") != name_key("fk_b", "mysql")


def key(name="fk", table="skp", **changes):
    about = {
        "referenced_schema": SCHEMA,
        "referenced_table": "users",
        "columns": ["user_id"],
        "referenced_columns": ["id"],
        "on_update": "RESTRICT",
        "on_delete": "CASCADE",
    }
    return ForeignKey(name, table, **dict(about, **changes))


def same(one, other):
    return one == other


def test_holders_on_a_server_where_names_belong_to_tables():
    assert holders([key(), key("FK", "other")], ["fk", "x"], "mariadb") == {
        "fk": ["skp", "other"],
        "x": [],
    }


@pytest.mark.parametrize(
    ("wanted", "agrees"),
    [
        ({}, True),
        ({"table": "skp", "columns": ["USER_ID"], "referenced_table": "users"}, True),
        ({"table": "other"}, False),
        ({"referenced_table": "other"}, False),
        ({"columns": ["id"]}, False),
        ({"columns": ["user_id", "id"]}, False),
        ({"referenced_columns": ["user_id"]}, False),
        ({"on_update": "no  action"}, True),
        ({"on_update": "cascade"}, False),
        ({"on_delete": "cascade"}, True),
        ({"on_delete": None}, True),
    ],
)
def test_compare_looks_at_what_is_given(wanted, agrees):
    missing, differing = compare([key()], [dict(wanted, name="FK")], "mariadb", same)
    assert missing == []
    assert (differing == []) is agrees


def test_compare_shows_the_constraint_on_the_expected_table():
    keys = [key(table="backup"), key(table="skp", columns=["other"])]
    wanted = {"name": "fk", "table": "skp", "columns": ["user_id"]}
    _missing, (entry,) = compare(keys, [wanted], "mariadb", same)
    assert entry["expected"] == wanted
    assert (entry["found"]["table"], entry["found"]["columns"]) == ("skp", ["other"])
    assert compare([*keys, key()], [wanted], "mariadb", same) == ([], [])
    assert compare([], [wanted], "mariadb", same) == (["fk"], [])


ALL = TABLE_RIGHTS | set(RIGHTS_NEEDED)


@pytest.mark.parametrize(
    ("grants", "rights"),
    [
        (["GRANT USAGE ON *.* TO {u} IDENTIFIED BY PASSWORD '*7B'"], set()),
        (["GRANT ALL PRIVILEGES ON *.* TO {u} WITH GRANT OPTION"], ALL),
        (["GRANT SELECT, LOCK TABLES ON `{s}`.* TO {u}"], {"SELECT", "LOCK TABLES"}),
        (["GRANT ALL PRIVILEGES ON `gaspulco\\_lkbkanwil`.* TO {u}"], ALL),
        (["GRANT ALTER ON `gaspulco\\_%`.* TO {u}"], {"ALTER"}),
        (["GRANT ALTER ON `gaspul\\_%`.* TO {u}"], set()),
        (["GRANT ALTER ON `other`.* TO {u}"], set()),
        (["GRANT ALTER ON `{s}`.`t` TO {u}"], set()),
        (["GRANT EXECUTE ON PROCEDURE `{s}`.`p` TO {u}", "GRANT `r`@`%` TO {u}"], set()),
        # The most exact pattern hides the others, for each grantee on its own.
        (["GRANT ALL PRIVILEGES ON `gas%`.* TO {u}", "GRANT SELECT ON `{s}`.* TO {u}"], {"SELECT"}),
        (["GRANT ALTER ON `gas%`.* TO `r`", "GRANT SELECT ON `{s}`.* TO {u}"], {"ALTER", "SELECT"}),
        (["GRANT SELECT, DROP ON *.* TO {u}", "REVOKE DROP ON `{s}`.* FROM {u}"], {"SELECT"}),
    ],
)
def test_rights_on_the_schema(grants, rights):
    lines = [grant.replace("{s}", SCHEMA).replace("{u}", USER) for grant in grants]
    assert rights_on(lines, SCHEMA)[0] == rights


def test_rights_of_a_mysql_account_with_an_active_role():
    lines = [f"GRANT ALTER ON `gas%`.* TO {USER}", f"GRANT SELECT ON `{SCHEMA}`.* TO {USER}"]
    assert rights_on(lines, SCHEMA, merged=True)[0] == {"ALTER", "SELECT"}
    lines = [f"GRANT ALTER ON `plain%`.* TO {USER}", f"GRANT SELECT ON `plain`.* TO {USER}"]
    assert rights_on(lines, "plain", merged=True)[0] == {"SELECT"}


def test_rights_with_partial_revokes_take_names_literally():
    lines = [f"GRANT ALTER ON `gaspulco%`.* TO {USER}"]
    assert rights_on(lines, SCHEMA, wildcards=False)[0] == set()
    assert rights_on(lines, "gaspulco%", wildcards=False)[0] == {"ALTER"}


def test_rights_on_single_tables_are_noticed():
    assert rights_on([f"GRANT ALTER ON `a ``b`.`t` TO {USER}"], "a `b") == (set(), True)


@pytest.mark.parametrize(
    "grants, session, everywhere",
    [
        (["GRANT USAGE ON *.* TO `u`@`h`", "GRANT SUPER ON `app`.* TO `u`@`h`"], False, False),
        (["GRANT SESSION_VARIABLES_ADMIN ON *.* TO `u`@`h`"], True, False),
        (["GRANT PROCESS, SYSTEM_VARIABLES_ADMIN ON *.* TO `u`@`h`"], True, True),
        (["GRANT BINLOG ADMIN ON *.* TO `u`@`h`"], True, True),
        (["GRANT ALL PRIVILEGES ON *.* TO `u`@`h` WITH GRANT OPTION"], True, True),
    ],
)
def test_which_variables_may_be_set(grants, session, everywhere):
    assert settable(grants) == {"session": session, "global": everywhere}


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("a_c", "abc", True),
        ("a\\_c", "abc", False),
        ("a\\_c", "a_c", True),
        ("%", "", True),
        ("a%c%", "abcd", True),
        ("a%", "b", False),
        ("abc", "ab", False),
        ("ab", "abc", False),
        ("a\\\\b", "a\\b", True),
        ("a\\", "a\\", True),
    ],
)
def test_patterns(pattern, name, fits):
    assert matches(pattern, name) is fits


@pytest.mark.parametrize(
    ("version", "number"),
    [
        ("10.11.19-MariaDB-0+deb12u1", [10, 11, 19]),
        ("12.1.2-MariaDB-log", [12, 1, 2]),
        ("8.0.36", [8, 0, 36]),
        ("9.7.4-2", [9, 7, 4]),
        ("5.7.mysql_aurora.2.11.1", [5, 7, 0]),
        ("8", [8, 0, 0]),
    ],
)
def test_version_number(version, number):
    assert version_number(version) == number


@pytest.mark.parametrize(
    "flavour, rule, clause",
    [("mariadb", "RESTRICT", ""), ("mariadb", "NO ACTION", " ON DELETE NO ACTION"),
     ("mysql", "NO ACTION", ""), ("mysql", "RESTRICT", " ON DELETE RESTRICT")],
)  # fmt: skip
def test_the_rule_that_a_server_names_for_none_is_not_written(flavour, rule, clause):
    key = ForeignKey("fk`a", "child", "here", "parent", ["x", "y"], ["a", "b"], None, rule)
    assert add_statement(key, "here", flavour) == (
        "ALTER TABLE `child` ADD CONSTRAINT `fk``a` FOREIGN KEY (`x`, `y`)"
        f" REFERENCES `parent` (`a`, `b`){clause}"
    )


def test_a_reference_to_another_schema_names_it():
    key = ForeignKey("fk", "child", "there", "parent", ["x"], ["a"])
    assert "REFERENCES `there`.`parent` (`a`)" in add_statement(key, "here", "mysql")
