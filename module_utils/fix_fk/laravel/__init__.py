# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking a Laravel application, running its artisan, reading its log and its files."""

from ansible.module_utils.fix_fk.laravel.records import ROLLBACK_BATCH as ROLLBACK_BATCH
