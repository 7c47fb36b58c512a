# SPDX-License-Identifier: GPL-3.0-or-later
"""The fault in the application's code, and what ends it.

A migration that fails on an empty schema fails again on every new machine, whatever was repaired
here. `fault.py` sees it in memory, `edits.py` says what to change, `diff.py` makes the patch;
proving.py, beside this folder, runs all that on scratch schemas.
"""
