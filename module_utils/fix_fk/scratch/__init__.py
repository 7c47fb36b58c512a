# SPDX-License-Identifier: GPL-3.0-or-later
"""Schemas and servers that are made for a time."""
