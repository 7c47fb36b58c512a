# SPDX-License-Identifier: GPL-3.0-or-later
"""A migration whose own code fails."""

from __future__ import annotations

from .. import advice, migrator
from ..case import Case
from ..verdict import CODE, STATE, Cause, Refusal, Verdict

# In PHP: takes the lock of `migrate --isolated` away, wherever the application keeps it.
RELEASE = (
    'require "vendor/autoload.php"; $app = require "bootstrap/app.php"; '
    '$app->make("Illuminate\\Contracts\\Console\\Kernel")->bootstrap(); '
    '$app->make("Illuminate\\Console\\CacheCommandMutex")->forget('
    '$app->make("Illuminate\\Database\\Console\\Migrations\\MigrateCommand"));'
)


def passed_over(case: Case) -> None:
    """Note the files that `migrate` never takes."""
    case.diagnosis.notes += migrator.passed_over(case.laravel)


def deployment_has_the_lock(case: Case) -> None:
    """Refuse to undo what a deployment may be doing at this moment."""
    if migrator.isolated(case.laravel):
        raise Refusal(
            "deployment_has_the_lock",
            f"Migration {case.migration} has begun. {migrator.isolated(case.laravel)} What it is "
            f"doing must not be undone meanwhile.{case.stopped_text(case.migration)}",
            "See that no deployment is running, and wait until one that is has ended. If it was "
            f"killed, take its lock away, in {case.laravel.raw.get('path')}: "
            f"{case.inputs.laravel_php} -r '{RELEASE}' ; then run this again.",
        )


def would_not_load(case: Case) -> None:
    """Refuse pending migrations, none of which has failed, at whose files `migrate` would end."""
    if migrator.ends_at(case.laravel) and not case.migration:
        raise Refusal(
            "migration_does_not_load",
            f"No migration has failed so far. {migrator.does_not_load(case.laravel)}",
            f"Correct {migrator.ends_at(case.laravel)}, deploy it, and run this again.",
        )


def does_not_load(case: Case) -> None:
    """Refuse a repair after which `migrate` would end at a file."""
    file = migrator.ends_at(case.laravel)
    if file:
        raise Refusal(
            "migration_does_not_load",
            f"{migrator.does_not_load(case.laravel)}{case.stopped_text(case.migration)}",
            f"{advice.way_out(case, f'Correct {file}', asks=True)}.",
        )


def passes_itself_over(case: Case) -> None:
    """Refuse to repair a migration that `migrate` would not run again."""
    if (case.laravel.raw["migrations"].get("should_run") or {}).get(case.migration) is not False:
        return
    left = case.stopped_text(case.migration) or " Nothing tells that it has begun."
    way = advice.way_out(
        case, "Correct shouldRun() if the migration is to run, or leave it as it is", asks=True
    )
    raise Refusal(
        "migration_skips_itself",
        f"Migration {case.migration} says itself that it is not to run (shouldRun()), so artisan "
        f"migrate passes it over and ends with 0.{left}",
        f"{way}.",
    )


def migration_threw(case: Case) -> None:
    """Refuse a migration whose own code failed, and say what it left."""
    migration = case.migration
    error = case.laravel.raw.get("last_error") or {}
    if error.get("migration") != migration or not error.get("place"):
        return
    if case.inputs.incident_migration:
        return
    message = " ".join(error["message"].split())
    message = message if len(message) <= 300 else f"{message[:297]}..."
    raise Refusal(
        "migration_threw",
        f"Migration {migration} failed in its own code ({error['place']}): "
        f"{message.rstrip('.')}.{case.stopped_text(migration)}",
        f"{advice.way_out(case, 'Correct that line')}. If it has been corrected and "
        f"the log is out of date, name the migration: fix_fk.yml -e incident_migration={migration}",
    )


def migration_unreadable(case: Case) -> None:
    """Refuse a migration of which it cannot be learned what it sends."""
    migration = case.migration
    known = case.laravel.statements(migration)
    if known.get("up_error") and not known.get("up"):
        raise Refusal(
            "migration_unreadable",
            f"What migration {migration} would send could not be learned: "
            f"{known['up_error']}. Without it no one can say which names it needs.",
            f"Run {case.artisan} migrate --pretend {migrator.path_option(case.laravel, migration)} "
            "to see the same error, correct the migration, and run this again.",
        )


VERDICTS = (
    Verdict(
        "deployment_has_the_lock",
        STATE,
        "A migration has begun and is not recorded, and somebody has the lock of `artisan migrate "
        "--isolated`: a deployment that is running, or one that was killed.",
        "Wait until it has ended, or take the lock of a killed one away with the command that is "
        "shown. Run it again.",
        proof=("integration/test_migrator.py::test_what_a_deployment_is_doing_is_not_undone",),
    ),
    Verdict(
        "migration_skips_itself",
        CODE,
        "The migration has stopped half-way, and now says itself that it is not to run "
        "(`shouldRun()`, Laravel 12.4 and newer): `artisan migrate` passes it over, with exit code "
        "0, and what it left stays.",
        "Undo what it has done with the command that is shown, or correct `shouldRun()`.",
        causes=(
            Cause(
                "A migration that failed has got a `shouldRun()` that says no",
                "nothing; `migrate` says SKIPPED",
                "Refused: what it left is listed, with what undoes it. One that has not begun is "
                "no failure.",
                ("integration/test_migrator.py::test_what_a_skipped_migration_left_is_told",),
            ),
        ),
    ),
    Verdict(
        "migration_does_not_load",
        CODE,
        "PHP cannot take the file of a pending migration: a syntax error, a class that another "
        "pending one declares too, or no class of the name that the file's name says. `artisan "
        "migrate` ends at it, most often before any migration has run.",
        "Correct the file and the line that are named. Run it again.",
        causes=(
            Cause(
                "A syntax error in a pending migration, one class in two of them, or a class that "
                "is not called as its file says",
                "no number: `syntax error`, `Cannot declare class`, `Cannot redeclare class`, "
                "`Class ... not found`",
                "The file and the line are named, before the deployment too.",
                ("integration/test_migrator.py::test_what_ends_migrate_at_a_file_is_foreseen",),
            ),
        ),
    ),
    Verdict(
        "migration_threw",
        CODE,
        "An error in the migration's own PHP code stopped it. What it left is listed.",
        "Correct the line that is named. What comes next is said.",
        causes=(
            Cause(
                "An error in the migration's own PHP code",
                "no number; the file and the line",
                "What it left is listed.",
                (
                    "integration/test_half_run.py::test_an_error_in_the_migrations_own_code_is_a_failure",
                ),
            ),
        ),
    ),
    Verdict(
        "migration_unreadable",
        CODE,
        "What the migration would send could not be learned: it fails under `--pretend`.",
        "Correct what the message says. Run it again.",
        causes=(
            Cause(
                "What a migration would send cannot be learned",
                "any, under `--pretend` as well",
                "The error is shown.",
                ("integration/test_refusals.py::migration_unreadable",),
            ),
        ),
    ),
)
