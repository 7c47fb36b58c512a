# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of displaced tables, brought into those that took their places."""
