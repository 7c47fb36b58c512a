# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows aside: a table that a migration renamed away has them, and the one in its place has not.

The application then looks into a table without its rows, children refer to the old table, and new
rows may get ids that old ones have.
"""
