# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking a Laravel application, running its artisan, reading its log and its files."""
