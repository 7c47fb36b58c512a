# SPDX-License-Identifier: GPL-3.0-or-later
"""The demonstration: a server and an application in one folder. No other module needs it."""
