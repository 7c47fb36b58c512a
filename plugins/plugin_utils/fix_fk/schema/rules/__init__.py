# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server does, and does not do, with one clause of a statement."""
