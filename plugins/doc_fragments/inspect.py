# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""The documentation of the option with which a module asks what fk_constraint_info asks."""

from __future__ import annotations


class ModuleDocFragment:
    """Used with extends_documentation_fragment: inspect."""

    DOCUMENTATION = r"""
options:
  inspect:
    description:
      - Ask the server, last of all and in the same call, what M(fk_constraint_info) would ask
        with these options. The answer is RV(ignore:schema).
    type: dict
    suboptions:
      names:
        description: Constraint names whose holders are wanted.
        type: list
        elements: str
        default: []
      tables:
        description: Tables to return details for.
        type: list
        elements: str
      expected:
        description: Constraints that ought to exist.
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
            description: The columns they refer to, in the order of the columns.
            type: list
            elements: str
          on_delete:
            description: The rule for deletes.
            type: str
          on_update:
            description: The rule for updates.
            type: str
      contents:
        description: Also count the rows of every table and compute a digest of them.
        type: bool
        default: false
      contents_columns:
        description: Which columns the digest covers, by table.
        type: dict
        default: {}
      marks:
        description:
          - "With O(contents): tables of which a mark is returned instead, which tells later
            whether they were written."
        type: list
        elements: str
        default: []
      marks_counted:
        description: Those of O(marks) whose rows are counted all the same.
        type: list
        elements: str
        default: []
      migrations_table:
        description: Name of the migrations table, with its prefix, to return its rows.
        type: str
"""
