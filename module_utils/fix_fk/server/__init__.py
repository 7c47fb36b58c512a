# SPDX-License-Identifier: GPL-3.0-or-later
"""The server: how to reach it, what it is, who stands in the way."""
