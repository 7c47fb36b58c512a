#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""Inspect the foreign keys of a schema: who holds which name, and what stands around them."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: fk_constraint_info
short_description: Read the foreign keys of a MySQL or MariaDB schema and who holds their names
description:
  - Returns, in one call, what is needed to judge a foreign key name that is already taken (errors
    1005 with errno 121, 1826, 1022). This is every foreign key that matters with its columns in
    order and its rules, the tables that hold the names asked for, the expected constraints that
    are missing or differ, constraints whose table no longer exists, facts about the server, and
    whether the account can see enough for "none" to mean none.
  - It only reads, and is safe to run on a schedule. A schema with 10,000 tables and 20,000
    constraints takes about a second for some names or tables, not counting O(contents) and
    O(counts). The first inspection after the server's start takes longer, as it opens the tables.
extends_documentation_fragment:
  - connection
  - refusal
options:
  names:
    description:
      - Constraint names whose holders are wanted. They are looked up in the whole schema and
        compared as the server compares them, that is, without regard to case.
    type: list
    elements: str
    default: []
  tables:
    description:
      - Tables to return RV(schema.details) for, besides the holders of O(names). Tables that do
        not exist are left out of the result. Write names as the server stores them.
      - Without it, and without O(names), all tables.
    type: list
    elements: str
  expected:
    description:
      - Constraints that ought to exist. What an entry leaves out is not compared. Pairs of columns
        may come in any order; V(NO ACTION) and V(RESTRICT) are the same rule.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the constraint.
        type: str
        required: true
      table:
        description: The table it ought to be on.
        type: str
      columns:
        description: Its columns.
        type: list
        elements: str
      referenced_table:
        description: The table it ought to refer to.
        type: str
      referenced_columns:
        description: The columns they refer to, in the order of O(expected[].columns).
        type: list
        elements: str
      on_delete:
        description: The rule for deletes, for example V(CASCADE).
        type: str
      on_update:
        description: The rule for updates.
        type: str
  contents:
    description:
      - Also count the rows of every table of the schema and compute a digest of them, in one
        consistent snapshot. Every row is read, about 300,000 small ones a second. And read the
        structure of every table.
    type: bool
    default: false
  contents_columns:
    description:
      - "Which columns the digest covers, as C({table: [columns]}). Give the columns of an earlier
        RV(schema.contents) to compare a table that has gained columns since."
    type: dict
    default: {}
  marks:
    description:
      - "With O(contents): tables of which a mark is returned instead, which tells later whether
        they were written."
    type: list
    elements: str
    default: []
  marks_counted:
    description: Those of O(marks) whose rows are counted all the same.
    type: list
    elements: str
    default: []
  migrations_table:
    description:
      - Name of the application's migrations table, with its prefix. When given, its rows are
        returned.
    type: str
  counts:
    description:
      - Rows to count that a statement may fail on.
    type: list
    elements: dict
    default: []
    suboptions:
      kind:
        description:
          - V(absent) are rows whose O(counts[].columns) no row of O(counts[].referenced_table) has,
            NULL being a value like others.
          - V(orphans) are rows whose O(counts[].columns), none of them NULL, refer to no row of
            O(counts[].referenced_table); without one, all rows with values in these columns.
          - V(duplicates) are values of the columns, none of them NULL, that more than one row has;
            of C(name(length)) the first letters are compared.
          - V(filled) are rows that have something else in one of the columns than a row has that
            was there before the column was.
          - V(matching) are rows for which O(counts[].condition) is true.
          - V(nulls) are rows with NULL in one of the columns.
          - V(rows) are all rows of the table.
          - V(users) are the views, triggers, routines and events whose text names the table, or
            cannot be read.
        type: str
        required: true
        choices: [absent, duplicates, filled, matching, nulls, orphans, rows, users]
      table:
        description: The table whose rows are counted.
        type: str
        required: true
      columns:
        description: Its columns.
        type: list
        elements: str
        required: true
      values:
        description:
          - "For columns that are not there yet, the value that every row will have in them, as
            C({column: value})."
        type: dict
      condition:
        description: For V(matching), SQL over the columns of the table.
        type: str
      listed:
        description: For V(matching), SQL of a value of each row C(c); the values are returned where
          there are at most a thousand.
        type: str
      referenced_table:
        description: For V(absent) and V(orphans), the table that they are looked for in.
        type: str
      referenced_columns:
        description: The columns they refer to, in the order of O(counts[].columns).
        type: list
        elements: str
  count_seconds:
    description: How long one of O(counts) may take; then it is given up.
    type: int
    default: 10
attributes:
  check_mode:
    description: Runs in check mode as it does otherwise, since it changes nothing.
    support: full
notes:
  - "The account needs a right on the whole schema besides V(SELECT), or MariaDB shows it no
    constraints: see RV(schema.account.sees_all). The right C(PROCESS) adds RV(schema.orphans),
    RV(schema.referred_from_outside) and RV(schema.locks)."
  - "Rows and digests of tables of engines without transactions (MyISAM) are of the moment each
    table was read, not of one moment for all."
author:
  - The fix_fk authors
"""

EXAMPLES = r"""
- name: Who holds these names in the application's schema?
  fk_constraint_info:
    laravel_path: /home/gaspulco/gaspul_api
    names: [fk_skp_tahunan_user, fk_skp_tahunan_approved_by]
  register: seen

- name: Stop when the answer cannot be believed
  ansible.builtin.assert:
    that: seen.schema.account.sees_all
    fail_msg: "{{ seen.schema.account.reason }}"

- name: Check that the expected constraints are in place, with an account of one's own
  fk_constraint_info:
    database_socket: /run/mysqld/mysqld.sock
    database_user: dba
    database_password: "{{ dba_password }}"
    database_name: gaspulco_lkbkanwil
    expected:
      - name: fk_skp_tahunan_user
        table: skp_tahunan
        columns: [user_id]
        referenced_table: users
        referenced_columns: [id]
        on_delete: CASCADE
  register: seen
  failed_when: seen.schema.missing or seen.schema.differing

- name: Remember what is in two tables
  fk_constraint_info:
    laravel_path: /home/gaspulco/gaspul_api
    tables: [skp_tahunan, skp_tahunan_backup_v1]
    contents: true
  register: before

- name: Compare later, over the columns the table had then
  fk_constraint_info:
    laravel_path: /home/gaspulco/gaspul_api
    tables: [skp_tahunan]
    contents: true
    contents_columns:
      skp_tahunan: "{{ before.schema.contents.skp_tahunan_backup_v1.columns }}"
"""

RETURN = r"""
schema:
  description: What was seen.
  returned: success
  type: dict
  contains:
    server:
      description: The server that answered.
      type: dict
      contains:
        flavour:
          description: V(mariadb), or V(mysql) for MySQL and what descends from it.
          type: str
        version:
          description: The version as the server says it.
          type: str
          sample: 10.11.19-MariaDB-0+deb12u1
        version_number:
          description: The version as three numbers.
          type: list
          elements: int
          sample: [10, 11, 19]
        name_scope:
          description:
            - Within what a constraint name must be unique. V(schema) on every MySQL and on MariaDB
              before 12.1, V(table) on MariaDB from 12.1.
          type: str
        read_only:
          description: Whether the server refuses writes of ordinary accounts.
          type: bool
        replica:
          description:
            - Whether it copies from another server. V(null) when the account may not ask.
          type: bool
        galera:
          description: Whether it is a node of a Galera cluster.
          type: bool
        id:
          description: The same for every address (host, socket) that reaches this server.
          type: str
        lower_case_table_names:
          description: The server's variable of that name; 0 means that tables a and A differ.
          type: int
    account:
      description: The account that looked.
      type: dict
      contains:
        name:
          description: The account as the server knows it, C(user@host).
          type: str
        sees_all:
          description:
            - Whether every constraint of the schema is visible to the account, so that "none" may
              be believed. It takes a right other than V(SELECT) on the whole schema.
          type: bool
        reason:
          description: Why, in words.
          type: str
        missing_rights:
          description:
            - Those of SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX, REFERENCES and
              LOCK TABLES that the account does not hold on the whole schema.
          type: list
          elements: str
        sets:
          description:
            - As C(session) and C(global), whether it may set those variables of its session that
              take a right of their own, and variables of the server.
          type: dict
    rehearsal:
      description:
        - The C(schema) in which a plan would be rehearsed, the C(pattern) that a GRANT on all such
          schemas names, and, as C(lacking), those of the accounts (its own, artisan's) that may not
          make and use it, each as C(account) with the C(rights) that it lacks.
      type: dict
      sample:
        schema: gaspulco_lkbkanwil__fix_fk_1a2b_20260130_081500_3f2a
        pattern: gaspulco\_lkbkanwil\_\_fix\_fk%
        lacking: []
    application_account:
      description: With O(database_user), the same about the application's own account, which
        artisan has in any case; else null.
      type: dict
    name:
      description: Name of the schema.
      type: str
    exists:
      description: Whether the schema exists. When not, the lists are empty.
      type: bool
    defaults:
      description: What the server makes of a new table that leaves it open.
      type: dict
      contains:
        engine:
          description: Its engine.
          type: str
        collation:
          description: Its collation, that of the schema.
          type: str
        collations:
          description: The default collation of each character set.
          type: dict
        innodb_strict:
          description: Whether InnoDB refuses what it cannot keep as it is defined.
          type: bool
        primary_key:
          description: Whether every table must have a primary key.
          type: bool
        row_format:
          description: The row format of a new InnoDB table.
          type: str
        sql_mode:
          description: The SQL mode of connections that set none.
          type: list
          elements: str
        packet:
          description: The bytes that a statement may have at most (max_allowed_packet).
          type: int
        unique_parent:
          description:
            - Whether a foreign key may refer to the columns of a unique index only, as on MySQL
              from 8.4.
          type: bool
    tables:
      description: All base tables, by name.
      type: list
      elements: str
    views:
      description: All views, by name.
      type: list
      elements: str
    broken_views:
      description: Those of them that refer to a table or column that is not there. V(null) unless
        O(contents).
      type: list
      elements: str
    objects:
      description: The names of every C(trigger), C(procedure), C(function) and C(event) of the
        schema that the account sees.
      type: dict
      sample: {trigger: [], procedure: [close_month], function: [], event: []}
    details:
      description:
        - "By table name, for the tables asked for and the holders of the names asked for:
          C(engine), C(row_format), C(rows) (whether it has any, V(null) when it cannot be read),
          C(columns) (a list of C(name), C(type), C(nullable), C(collation), C(generated), C(auto),
          whether it counts by itself, and C(required), whether a row must give it), C(indexes) (a
          list of C(name), C(columns) in order, C(unique), C(kind)), C(checks) (names of CHECK
          constraints), C(conditions) (what each of them demands, by name), C(triggers) (whether
          one changes rows before they are written), C(partitioned), C(collation) of new columns,
          and C(ids) of a table that counts by itself: its C(column) and C(type), the C(next) id and
          the C(highest) there is."
        - A column that is generated has C(made_of), the expression, and C(stored) as well.
        - An index on the first 9 characters of a column has it as C(column(9)). C(kind) is
          V(FULLTEXT), V(SPATIAL) or empty.
      type: dict
      sample:
        skp_tahunan_backup_v1:
          engine: InnoDB
          rows: true
          columns:
            - name: id
              type: bigint(20) unsigned
              nullable: false
              generated: false
              auto: true
              required: false
              collation: null
          indexes: [{name: PRIMARY, columns: [id], unique: true, kind: ""}]
          checks: []
          conditions: {}
          triggers: false
          partitioned: false
          row_format: Dynamic
          collation: utf8mb4_unicode_ci
          ids: {column: id, type: bigint(20) unsigned, next: 501, highest: 500}
    constraints:
      description:
        - The foreign keys that have a name asked for, or are on a table in RV(schema.details), or
          refer to one; all of the schema when neither O(names) nor O(tables) is given. Ordered by
          table and name.
        - RV(schema.constraints[].on_update) and on_delete are V(null) when the account may not see
          them.
      type: list
      elements: dict
      sample:
        - name: fk_skp_tahunan_user
          table: skp_tahunan_backup_v1
          columns: [user_id]
          referenced_schema: gaspulco_lkbkanwil
          referenced_table: users
          referenced_columns: [id]
          on_update: RESTRICT
          on_delete: CASCADE
    holders:
      description: By name asked for, the tables that own a constraint of that name.
      type: dict
      sample: {fk_skp_tahunan_user: [skp_tahunan_backup_v1]}
    missing:
      description: Names of expected constraints that no table holds.
      type: list
      elements: str
    differing:
      description:
        - Expected constraints whose name is held by a constraint that is not as expected, with
          what was C(expected) and what was C(found).
      type: list
      elements: dict
    orphans:
      description:
        - Constraints in InnoDB's dictionary whose table does not exist, as C(name) and C(table).
          They keep their name taken and can only be removed by a DBA. V(null) without the right
          PROCESS.
      type: list
      elements: dict
    referred_from_outside:
      description:
        - Constraints in other schemas that refer to this one, as C(name), C(schema), C(table) and
          C(referenced_table). V(null) without the right PROCESS.
      type: list
      elements: dict
    recorded:
      description:
        - The rows of O(migrations_table) as C(name) and C(batch), in the order they ran. V(null)
          when it was not given or does not exist.
      type: list
      elements: dict
    locks:
      description:
        - "Other sessions that hold a metadata lock on a table in RV(schema.details) or have a
          transaction open, longest first: C(table) (V(null) where the server does not tell which),
          C(connection), C(user) and C(host) (V(null) for a session that the account may not look
          at), C(seconds), C(statement) (V(null) between two)."
        - V(null) when the account may not see others' locks, so that nothing is known.
      type: list
      elements: dict
    contents:
      description:
        - "By table of the schema: C(rows) (exact), C(digest) (32 hexadecimal digits, equal
          for equal rows in any order and under any table name), C(columns) (those it covers; not
          the generated ones). V(null) unless O(contents)."
      type: dict
      sample:
        skp_tahunan_backup_v1:
          rows: 500
          digest: 0fe8efa82f5bfc90931d56c35644c709
          columns: [approved_by, id, tahun, user_id]
    marks:
      description:
        - Of the tables in O(marks) what M(maintenance) returns as C(marks), with C(rows) of those
          in O(marks_counted) (V(null) where it takes too long). V(null) unless O(contents).
      type: dict
    structure:
      description:
        - "By table of the schema a text that differs when a column (name, type, default and all but
          its comment), an index or a foreign key does: JSON of C(columns), C(indexes) and C(keys).
          V(null) unless O(contents)."
      type: dict
    counts:
      description:
        - "For each entry of O(counts), in their order: C(rows), the number (V(null) when they could
          not be counted, or not in time), and C(query), the SQL that lists them. C(values), where
          O(counts[].listed) was given, and for V(users) what names the table."
      type: list
      elements: dict
      sample:
        - rows: 3
          query: >-
            SELECT c.* FROM `app`.`posts` c WHERE NOT EXISTS (SELECT 1 FROM `app`.`users` p WHERE
            p.`id` = c.`user_id`) AND c.`user_id` IS NOT NULL
"""

from ansible.module_utils.fix_fk.schema.inspect import COUNT_SECONDS, INSPECT_SPEC, inspect
from ansible.module_utils.fix_fk.server.connection import connected_module

COUNTS_SPEC: dict = {
    "type": "list",
    "elements": "dict",
    "default": [],
    "options": {
        "kind": {
            "type": "str",
            "required": True,
            "choices": [
                "absent",
                "duplicates",
                "filled",
                "matching",
                "nulls",
                "orphans",
                "rows",
                "users",
            ],
        },
        "table": {"type": "str", "required": True},
        "columns": {"type": "list", "elements": "str", "required": True},
        "values": {"type": "dict"},
        "condition": {"type": "str"},
        "listed": {"type": "str"},
        "referenced_table": {"type": "str"},
        "referenced_columns": {"type": "list", "elements": "str"},
    },
}


def main():
    counting = {"counts": COUNTS_SPEC, "count_seconds": {"type": "int", "default": COUNT_SECONDS}}
    module = connected_module({**INSPECT_SPEC, **counting}, supports_check_mode=True)
    module.exit_json(changed=False, schema=inspect(module, module.params))


if __name__ == "__main__":
    main()
