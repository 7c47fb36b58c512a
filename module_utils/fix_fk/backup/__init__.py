# SPDX-License-Identifier: GPL-3.0-or-later
"""Dumps of a schema: made, read, judged and loaded."""
