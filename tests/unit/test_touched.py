# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose rows statements may write, copy or alter, and what follows from it; no server."""

from __future__ import annotations

import pytest
from ansible.module_utils.fix_fk.schema import marks, proof
from fix_fk.schema.simulation import Schema
from fix_fk.schema.tables import Table


def after(*statements, views=()):
    schema = Schema([Table(name, name, ["id", "what"]) for name in ("a", "b", "c")], views=views)
    schema.apply(statements)
    return schema


def touched(*statements):
    schema = after(*statements)
    tables = [*schema.tables.values(), *schema.dropped]
    return sorted(t.identity for t in tables if t.touched and t.identity)


@pytest.mark.parametrize(
    ("statement", "tables"),
    [
        ("RENAME TABLE a TO d", []),
        ("ALTER TABLE a RENAME TO d", []),
        ("ALTER TABLE a DROP FOREIGN KEY fk", []),
        ("CREATE TABLE d (id INT)", []),
        ("CREATE TABLE d AS SELECT * FROM a", []),
        ("CREATE TABLE IF NOT EXISTS a (id INT)", ["a"]),
        ("INSERT INTO a (id) SELECT id FROM b", ["a"]),
        ("UPDATE a SET id = 1", ["a"]),
        ("UPDATE a JOIN b ON a.id = b.id SET b.what = 1", ["a", "b"]),
        ("DELETE b FROM a JOIN b ON a.id = b.id", ["a", "b"]),
        ("TRUNCATE a", ["a"]),
        ("ALTER TABLE a ADD x INT", ["a"]),
        ("ALTER TABLE a DROP COLUMN what", ["a"]),
        ("ALTER TABLE a MODIFY what INT", ["a"]),
        ("ALTER TABLE a ADD INDEX i (what)", ["a"]),
        ("ALTER TABLE a ADD CONSTRAINT fk FOREIGN KEY (id) REFERENCES b (id)", ["a"]),
        ("ALTER TABLE a ENGINE = InnoDB", ["a"]),
        ("DROP TABLE a", ["a"]),
    ],
)
def test_what_a_statement_touches(statement, tables):
    schema = after(statement)
    assert touched(statement) == tables and schema.reach == ""


def test_a_table_is_touched_under_whatever_name_it_has():
    assert touched("RENAME TABLE a TO d", "CREATE TABLE a (id INT)", "UPDATE a SET id = 1") == []
    assert touched("RENAME TABLE a TO d", "UPDATE d SET id = 1") == ["a"]


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("CALL tidy()", "could not be read"),
        ("REPLACE INTO a VALUES (1)", "could not be read"),
        ("UPDATE v SET id = 1", "view v"),
        ("CREATE TRIGGER t AFTER INSERT ON a FOR EACH ROW DELETE FROM b", "could not be read"),
        ("CREATE PROCEDURE p() DELETE FROM b", "routine"),
    ],
)
def test_what_may_write_any_table(statement, why):
    schema = after(statement, views=["v"])
    assert why in schema.reach
    assert schema.copy().reach == schema.reach


def structure(keys=(), indexes=(("PRIMARY", True, "BTREE", ["id"]),)):
    return {"columns": [], "indexes": [*indexes], "keys": [*keys]}


def key(name, parent, rule="CASCADE", elsewhere=None):
    return [name, ["x"], elsewhere, parent, ["id"], "RESTRICT", rule]


def test_rules_of_foreign_keys_reach_children():
    structures = {
        "a": structure(),
        "b": structure([key("fk_b", "A", "SET NULL")]),
        "c": structure([key("fk_c", "b")]),
        "d": structure([key("fk_d", "a", "RESTRICT")]),
        "e": structure([key("fk_e", "a", elsewhere="other")]),
    }
    assert [*proof.reach(structures, ["A", "gone"])] == ["a", "b", "c"]
    assert proof.reach(structures, ["d"]) == {"d": "the plan touches it"}


def test_rows_are_read_in_the_order_of_a_primary_key_that_has_one():
    assert marks.key_of(structure()) == ["id"]
    for parts in (["name(10)"], ["id DESC"], [""]):
        assert marks.key_of(structure(indexes=[["PRIMARY", True, "BTREE", parts]])) == []
    assert marks.key_of(structure(indexes=[["other", True, "BTREE", ["id"]]])) == []
