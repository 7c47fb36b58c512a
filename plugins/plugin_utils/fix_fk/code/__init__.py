# SPDX-License-Identifier: GPL-3.0-or-later
"""The fault in the application's code: proven, and what ends it.

A migration that fails on an empty schema fails again on every new machine, whatever was repaired
here. `fault.py` sees it in memory, `proving.py` on scratch schemas, `edits.py` says what to change.
"""
