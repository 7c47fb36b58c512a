# SPDX-License-Identifier: GPL-3.0-or-later
"""Works on a clone of the application's schema, on its server or on another.

rehearse() takes the steps of a plan there before they are taken for real, replay() runs the
recorded migrations on an empty one. The clone is dropped however that ends, and the application's
own schema is then the same as before.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from . import carrying_out, checklist, engine, verification
from .carrying_out import Failed, Send
from .facts import Laravel
from .inputs import read_inputs
from .learning import no_history
from .schema.statements import altered
from .steps import KINDS, arguments

from ansible.module_utils.fix_fk.refusal import refused  # isort: skip

# With these the application uses the clone, and nothing else that lasts.
KEPT_IN = {
    "BROADCAST_CONNECTION": "log",
    "BROADCAST_DRIVER": "log",
    "CACHE_DRIVER": "array",
    "CACHE_STORE": "array",
    "LOG_CHANNEL": "stderr",
    "MAIL_MAILER": "array",
    "QUEUE_CONNECTION": "sync",
    "SESSION_DRIVER": "array",
}


class Clone:
    """A clone while it is there.

    send runs a module with the options that it is given and `connection`, which is that of the
    application; server and other are those of schema_clone.
    """

    def __init__(self, send: Send, laravel: dict, schema: dict, connection: dict, where: dict):
        self._send, self.laravel, self.connection, self.where = send, laravel, connection, where
        self.embedded = where["server"] == "embedded"
        self.environment = {
            "DB_DATABASE": schema["rehearsal"]["schema"],
            # Of a file that is not there: a cached configuration would win over the environment.
            "APP_CONFIG_CACHE": (
                f"{connection['laravel_path']}/bootstrap/cache/fix_fk_no_cached_configuration.php"
            ),
            **KEPT_IN,
            **({"MYSQL_ATTR_SSL_CA": ""} if self.embedded else {}),
        }
        self.made: dict = {}
        self.ours = True

    def make(
        self,
        level: str,
        kept_columns: dict[str, list[str]] | None = None,
        window_tables: list[str] | None = None,
    ) -> dict:
        """Make it, and return what schema_clone says of it; `refused` is why there is none."""
        try:
            result = self._schema_clone(
                level=level,
                laravel_env_clone=self.environment,
                kept_columns=kept_columns or {},
                window_tables=window_tables,
            )
        except Failed as failed:
            # Another run's clone is not this one's to drop.
            self.ours = "held_by" not in failed.result
            raise
        self.made = result["clone"]
        return self.made

    def drop(self) -> None:
        """Drop it, and see that the application's own schema was not touched."""
        if self.ours and not self.made.get("refused"):
            self._schema_clone(state="absent", expected=self.made.get("untouched"))

    def _schema_clone(self, **options) -> dict:
        return self._send(
            "schema_clone",
            connection=self.connection,
            migrations_table=self.laravel["migrations_table"],
            **self.where,
            **options,
        )

    def send(self, module: str, **options) -> dict:
        """Run a module on the clone instead of the application's schema."""
        elsewhere = {}
        if self.where["server"] != "same":
            password = (self.where.get("other") or {}).get("password") or ""
            elsewhere = {**self.made["connection"], "database_password": password}
        connection = {
            **self.connection,
            "laravel_env": {**(self.connection.get("laravel_env") or {}), **self.environment},
            "database_name": self.made["schema"],
            **elsewhere,
        }
        if connection.get("run"):
            connection["run"] = {**connection["run"], "rehearses": True}
        return self._send(module, connection=connection, **options)


def rehearse(clone: Clone, plan: dict, inputs: dict, route_pattern: str = "") -> dict:
    """Take the steps of the plan on a clone and return how that went.

    {failed, msg (what failed), said (by what was run, "" when a check failed), level, server
    (where the clone was), refused (why there can be none), left_out (of the clone), times
    ([[step, s since the epoch at its end]], "" for the begin), digest ({rows, seconds} of reading
    once the rows that are read in the window, or None), altered (the tables whose rows a statement
    may have to go through), checks, backup_in_window, and step (that failed)}. Raises Failed when
    another run has the schema, which is no fault of the plan, and when the clone could not be
    dropped.
    """
    steps = [step["id"] for step in plan["steps"]]
    level = arguments(plan, "rehearse")["level"]  # type: ignore[index]
    outcome: dict = {"failed": False, "msg": "", "said": "", "step": "", "refused": None}
    outcome |= {"level": level, "server": "", "left_out": [], "times": [], "checks": []}
    outcome["backup_in_window"], outcome["digest"] = "prove" in steps, None
    pending = plan.get("pending") or () if "remigrate" in steps else ()
    laravel = Laravel(clone.laravel)
    if not any(laravel.conditional(name) for name in pending):
        outcome["altered"] = altered(text for name in pending for text in laravel.up(name))
    try:
        touched = plan["expected"].get("touched") or {"whole": "not known"}
        read = None if touched["whole"] else touched["tables"]
        made = clone.make(level, plan["expected"].get("kept_columns"), read)
        outcome |= {name: made.get(name) for name in ("refused", "server", "digest")}
        outcome["left_out"] = made.get("left_out") or []
        if not made.get("refused"):
            outcome["times"].append(["", time.time()])
            _steps(clone, plan, inputs, route_pattern, outcome)
    except Failed as failed:
        if "held_by" in failed.result:
            raise
        title = next((s["title"] for s in plan["steps"] if s["id"] == outcome["step"]), "")
        told = str(failed) + (f" (In: {title}.)" if title else "")
        said = failed.result.get("said") or str(failed)
        outcome |= {"failed": True, "msg": told, "said": said}
    finally:
        clone.drop()
    return outcome


def _steps(clone: Clone, plan: dict, inputs: dict, route_pattern: str, outcome: dict) -> None:
    expected = plan["expected"]
    steps = [step["id"] for step in plan["steps"] if step["id"] in (*KINDS, "verify")]
    for step in steps:
        if step == "ids" and "remigrate" in steps:
            continue
        outcome["step"] = step
        if step == "verify":
            checks = checklist.go_through(
                clone.send,
                expected,
                clone.laravel,
                inputs,
                plan=plan,
                before=clone.made["contents"],
                structure=clone.made["structure"],
                route_pattern=route_pattern,
            )
            outcome["checks"] = checks
            told = checklist.not_met(checks)
            if told:
                schema = clone.made["schema"]
                way_out = verification.way_out(checks, "", schema, None)
                raise Failed({"msg": f"The clone does not verify: {told} ({way_out})"})
        else:
            result = carrying_out.take(clone.send, plan, step, {"schema": clone.made["schema"]})
            if result.get("left_out"):
                expected = carrying_out.without(expected, result["left_out"])
        outcome["times"].append([step, time.time()])


def another(
    laravel: dict, schema: dict, inputs: dict, plan: dict, outcome: dict
) -> tuple[dict, dict]:
    """Return (what the operator decides, with what does not hold; the plan without it).

    Only Option 1 rolls back, and so has other strategies; without one the plan has no steps.
    """
    tried = f"tried on a clone, it does not hold: {outcome['said']}"
    unproven = {one["strategy"]: tried for one in plan["strategies"] if one["chosen"]}
    given = {**inputs, "unproven": {**(inputs.get("unproven") or {}), **unproven}}
    if not given["unproven"]:
        return given, {"strategies": [], "steps": []}
    return given, engine.diagnose(laravel, schema, read_inputs(given))


def in_vain(other: dict, given: dict, outcome: dict, schema: str) -> dict:
    """Return what is said when no strategy holds on the clone: {msg, refusal}."""
    closed = [one for one in other["strategies"] if one["strategy"] not in given["unproven"]]
    others = "; ".join(f"{one['strategy']}: {one['reason']}" for one in closed)
    seeder = ", or leave the seeder out (-e fresh_seed=false)," if outcome["step"] == "seed" else ""
    return refused(
        f"The plan was rehearsed on a clone and is not carried out: {outcome['msg']} That was on "
        "the clone, which was dropped." + (f" Not open either: {others}." if others else ""),
        f"Clear what it says{seeder} and run this again; playbooks/support_bundle.yml packs what a "
        "developer needs to see",
        f"{schema} is as it was: Nothing was changed there.",
        again=False,
    )


def proven(
    clone: Callable[[], Clone], laravel: dict, schema: dict, plan: dict, inputs: dict, routes: str
) -> tuple[dict, dict, dict]:
    """Rehearse the plan, and where it does not hold the next one.

    Returns (plan, outcome, {strategy: why it does not hold}). Where none holds, the
    outcome has `failed`, and `msg` and `refusal` say what to do.
    """
    given = inputs
    while True:
        outcome = rehearse(clone(), plan, given, routes)
        if not outcome["failed"]:
            return plan, outcome, given.get("unproven") or {}
        given, other = another(laravel, schema, given, plan, outcome)
        if not any(step["id"] == "rehearse" for step in other["steps"]):
            told = in_vain(other, given, outcome, schema["name"])
            return plan, {**outcome, **told}, given["unproven"]
        plan = other


def replay(
    clone: Clone, laravel: dict, learns: list[str] | tuple = (), careful: bool = False
) -> dict:
    """Run the recorded migrations on an empty schema; return the application's facts with what
    they made there, as `replay`, or with where that ended, as `replay_error`.

    learns: pending migrations that are run after them, and once more on the definitions as they are
    now; what they sent is in `learned`, by migration, as `before` and as `now`. careful: the
    recorded ones are not run where one of them names what may reach out of the schema.
    """
    files = {item["name"]: item["path"] for item in laravel["migrations"]["files"]}
    names = {row["name"] for row in laravel["migrations"]["recorded"] or ()}
    recorded = {name: path for name, path in sorted(files.items()) if name in names}
    found = dict(laravel)
    if learns:
        found["learned"] = {"before": {}, "now": _sent_now(clone, learns)}
    if no_history(Laravel(laravel), careful):
        return found
    try:
        made = clone.make("empty")
        if made.get("refused"):
            return {**found, "replay_error": made["refused"]}
        # Without a path, artisan would run those that are pending.
        if recorded:
            result = clone.send(
                "migrate",
                arguments=["--realpath", *(f"--path={path}" for path in recorded.values())],
                migrations=list(recorded),
                inspect={},
            )
            found["replay"] = result["schema"]
    except Failed as failed:
        if "held_by" in failed.result:
            raise
        ran = (failed.result.get("effect") or {}).get("recorded") or ()
        left = next((name for name in recorded if name not in ran), "")
        said = failed.result.get("said") or str(failed)
        found["replay_error"] = f"at {left}: {said}"
    else:
        if learns:
            found["learned"]["before"] = _sent(clone, learns)
    finally:
        clone.drop()
    return found


def _sent_now(clone: Clone, migrations: list[str] | tuple) -> dict:
    """Return what migrations send on the definitions as they are now, as far as it is known."""
    try:
        made = clone.make("structure")
        return {} if made.get("refused") else _sent(clone, migrations)
    except Failed as failed:
        return _not_held(failed)
    finally:
        clone.drop()


def _sent(clone: Clone, migrations: list[str] | tuple) -> dict:
    """Return what migrations send on the clone, by migration, to the first that fails."""
    try:
        sent = clone.send("migration_statements", migrations=list(migrations))["sent"]
    except Failed as failed:
        return _not_held(failed)
    own, scratch = clone.laravel["connection"]["database"], clone.made["schema"]
    return {name: as_if_in(own, scratch, answer) for name, answer in sent.items()}


def _not_held(failed: Failed) -> dict:
    """Return nothing in the place of what failed, unless another run has the schema."""
    if "held_by" in failed.result:
        raise failed
    return {}


def as_if_in(own: str, scratch: str, answer: dict) -> dict:
    """Return what a migration sent as it would be sent in the application's own schema."""
    statements = [{**one, "sql": one["sql"].replace(scratch, own)} for one in answer["statements"]]
    error = answer["error"] and answer["error"].replace(scratch, own)
    return {**answer, "statements": statements, "error": error}
