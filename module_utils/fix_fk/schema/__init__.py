# SPDX-License-Identifier: GPL-3.0-or-later
"""A schema: what is in it, and the SQL for it."""
