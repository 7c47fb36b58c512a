# SPDX-License-Identifier: GPL-3.0-or-later
"""Option 1 beside a shell script of the same correct commands: medians and ratios, in one go.

    python tests/bench/option_1.py [--rounds 5] [--rows 0 250000 1000000] [--json FILE]

Both repair the same incident in the same sandbox, in turns. The window is the time during which
Laravel's own maintenance file exists, watched from outside, for both alike. With --rows it is
measured beside so many rows of a table that no migration names. Where the playbook's time goes is
read from the events of one more run.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import yaml

PROJECT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(PROJECT / "tests"))

from playbook import play  # noqa: E402
from sandbox import Sandbox  # noqa: E402

FAILED = "2026_01_25_000000_total_refactor_skp_system"

# What an operator who knows the traps would type: nothing less, nothing more.
SCRIPT = """
set -euo pipefail
cd {app}
mysql() {{ mariadb --defaults-file={options} -N {database} "$@"; }}
mariadb-dump --defaults-file={options} --single-transaction --routines --triggers {database} \
    | gzip > {backup}
php artisan down
mysql -e "INSERT INTO migrations (migration, batch)
          SELECT '{failed}', MAX(batch) + 1 FROM migrations"
php artisan migrate:rollback --step=1 --force
mysql -e "SET lock_wait_timeout = 5;
          ALTER TABLE skp_tahunan DROP FOREIGN KEY fk_skp_tahunan_user;
          ALTER TABLE skp_tahunan DROP FOREIGN KEY fk_skp_tahunan_approved_by"
php artisan migrate --force
test "$(mysql -e "SELECT COUNT(*) FROM skp_tahunan_backup_v1")" = 500
test "$(mysql -e "SELECT COUNT(*) FROM information_schema.REFERENTIAL_CONSTRAINTS
                  WHERE CONSTRAINT_SCHEMA = DATABASE() AND TABLE_NAME = 'skp_tahunan'")" = 2
php artisan migrate:status
php artisan up
"""


class Watch:
    """Measures one command: seconds, seconds of the window, largest module in MB."""

    def __init__(self, sandbox: Sandbox):
        self.down = Path(sandbox.app, "storage", "framework", "down")
        self.window = 0.0
        self.memory = 0
        self.ended = threading.Event()

    def run(self, command: list[str], **options) -> float:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
        )
        threads = [
            threading.Thread(target=self._watch_window),
            threading.Thread(target=self._watch_memory, args=(process.pid,)),
        ]
        for thread in threads:
            thread.start()
        output, _ = process.communicate()
        took = time.perf_counter() - began
        self.ended.set()
        for thread in threads:
            thread.join()
        if process.returncode:
            sys.exit(f"bench: {shlex.join(command)} ended with {process.returncode}:\n{output}")
        return took

    def _watch_window(self) -> None:
        began = None
        while not self.ended.wait(0.005):
            now = time.perf_counter()
            if self.down.exists():
                began = began or now
            elif began:
                self.window, began = now - began, None

    def _watch_memory(self, root: int) -> None:
        while not self.ended.wait(0.05):
            parents = {}
            for entry in os.listdir("/proc"):
                try:
                    status = Path("/proc", entry, "status").read_text(encoding="utf-8")
                    fields = dict(
                        line.split(":\t", 1) for line in status.splitlines() if ":" in line
                    )
                    command = Path("/proc", entry, "cmdline").read_text(encoding="utf-8")
                    parents[int(entry)] = (
                        int(fields["PPid"]), int(fields["VmHWM"].split()[0]), command
                    )  # fmt: skip
                except (OSError, KeyError, ValueError):
                    continue
            for pid, (_, size, command) in parents.items():
                if "ansible-playbook" not in command and self._descends(pid, root, parents):
                    self.memory = max(self.memory, size)

    @staticmethod
    def _descends(pid: int, root: int, parents: dict) -> bool:
        while pid in parents and pid != root:
            pid = parents[pid][0]
        return pid == root


# A table as applications have them: numbers, times, short and long text; about 250 bytes a row.
BIG = """
CREATE TABLE {} (
    id BIGINT UNSIGNED PRIMARY KEY AUTO_INCREMENT, user_id BIGINT UNSIGNED NOT NULL,
    amount DECIMAL(12, 2) NOT NULL, state VARCHAR(20) NOT NULL, title VARCHAR(120) NOT NULL,
    notes TEXT, created_at TIMESTAMP NULL, updated_at TIMESTAMP NULL, KEY (user_id)
) ENGINE=InnoDB
"""
FILL = """
INSERT INTO {} (user_id, amount, state, title, notes, created_at, updated_at)
SELECT 1 + seq % 5000, seq / 7, ELT(1 + seq % 3, 'open', 'done', 'late'), CONCAT('Row ', MD5(seq)),
    REPEAT(MD5(seq), 4), '2026-01-01' + INTERVAL seq SECOND, '2026-02-01' + INTERVAL seq SECOND
FROM {}
"""
CHUNK = 250_000


class Beside:
    """A table with many rows, which is moved into the application's schema for each round."""

    # The sandbox drops all schemas but the server's own when it is made anew.
    SCHEMA, TABLE = "mysql", "measurements"

    def __init__(self, sandbox: Sandbox, rows: int):
        self.sandbox, self.rows = sandbox, rows
        self.there = f"{self.SCHEMA}.{self.TABLE}"
        self.here = f"{sandbox.database}.{self.TABLE}"
        if not rows:
            return
        sandbox.sql(f"DROP TABLE IF EXISTS {self.there}, {self.here}")
        sandbox.sql(BIG.format(self.there))
        for begin in range(1, rows + 1, CHUNK):
            series = f"seq_{begin}_to_{min(begin + CHUNK - 1, rows)}"
            sandbox.sql(FILL.format(self.there, series))

    def broken(self) -> None:
        """Bring the incident about, beside these rows."""
        if not self.rows:
            self.sandbox.broken()
            return
        if self.sandbox.sql(
            "SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
            self.sandbox.database, self.TABLE,
        ):  # fmt: skip
            self.sandbox.sql(f"RENAME TABLE {self.here} TO {self.there}")
        self.sandbox.broken()
        self.sandbox.sql(f"RENAME TABLE {self.there} TO {self.here}")
        # The application has not written it in the last second.
        time.sleep(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, nargs="*", default=[])
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    told: dict = {"rounds": given.rounds, "cores": os.cpu_count(), "window": []}
    with tempfile.TemporaryDirectory(prefix="fix_fk_bench_") as folder:
        sandbox = Sandbox(Path(folder, "sandbox"))
        sandbox.present()
        try:
            commands = commands_of(sandbox, Path(folder))
            if given.rows:
                windows(sandbox, commands, given.rows, given.rounds, told["window"])
            else:
                measure(sandbox, commands, given.rounds, told)
        finally:
            sandbox.absent()
    if given.json:
        given.json.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def commands_of(sandbox: Sandbox, folder: Path) -> dict[str, list[str]]:
    options = folder / "client.cnf"
    password = sandbox.password.replace("\\", "\\\\").replace('"', '\\"')
    options.write_text(
        f'[client]\nsocket={sandbox.socket}\nuser={sandbox.user}\npassword="{password}"\n',
        encoding="utf-8",
    )
    options.chmod(0o600)
    script = SCRIPT.format(
        app=shlex.quote(sandbox.app),
        options=shlex.quote(str(options)),
        database=sandbox.database,
        backup=shlex.quote(str(folder / "backup.sql.gz")),
        failed=FAILED,
    )
    inventory = folder / "hosts.yml"
    inventory.write_text(
        yaml.safe_dump({"laravel": {"hosts": {"sandbox": sandbox.variables()}}}), encoding="utf-8"
    )
    playbook = [
        "ansible-playbook", str(PROJECT / "fix_fk.yml"), "-i", str(inventory),
        "-e", f"report_dir={folder}",
    ]  # fmt: skip
    return {
        "script": ["bash", "-c", script],
        "check": [*playbook, "--check"],
        # The script rehearses nothing.
        "playbook": [*playbook, "-e", "rehearsal_level=none"],
        "rehearsed": playbook,
        "full": [*playbook, "-e", "verify_contents=full"],
    }


def run_all(sandbox: Sandbox, commands: dict[str, list[str]], rounds: int, begin=None) -> tuple:
    """Return ({name: seconds of each round}, {name: the Watch of each round})."""
    environment = {**os.environ, "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    results: dict[str, list[Watch]] = {name: [] for name in commands}
    took: dict[str, list[float]] = {name: [] for name in commands}
    for _round in range(rounds):
        for name, command in commands.items():
            (begin or sandbox.broken)()
            watch = Watch(sandbox)
            took[name].append(watch.run(command, env=environment, cwd=PROJECT))
            results[name].append(watch)
    return took, results


def windows(sandbox: Sandbox, commands: dict, sizes: list[int], rounds: int, told: list) -> None:
    """Measure the window beside more and more rows: the script's, ours, and with all rows read."""
    names = ("script", "playbook", "rehearsed", "full")
    print(f"Window in seconds, medians of {rounds} rounds, {os.cpu_count()} cores")
    heads = ("script", "no rehearsal", "rehearsed", "all rows read")
    print(f"{'rows':>10}" + "".join(f"{head:>15}" for head in heads) + f"{'ratio':>8}")
    for rows in sizes:
        beside = Beside(sandbox, rows)
        chosen = {name: commands[name] for name in names}
        _took, results = run_all(sandbox, chosen, rounds, beside.broken)
        medians = {
            name: statistics.median(watch.window for watch in watches)
            for name, watches in results.items()
        }
        told.append({"rows": rows, **{name: round(s, 3) for name, s in medians.items()}})
        ratio = medians["rehearsed"] / medians["script"]
        print(f"{rows:>10}" + "".join(f"{medians[n]:15.2f}" for n in names) + f"{ratio:8.1f}")


def measure(sandbox: Sandbox, commands: dict, rounds: int, told: dict) -> None:
    chosen = {name: command for name, command in commands.items() if name != "full"}
    took, results = run_all(sandbox, chosen, rounds)
    run, rehearsed, check, alone = (
        statistics.median(took[name]) for name in ("playbook", "rehearsed", "check", "script")
    )
    window = statistics.median(watch.window for watch in results["playbook"])
    window_alone = statistics.median(watch.window for watch in results["script"])
    window_rehearsed = statistics.median(watch.window for watch in results["rehearsed"])
    memory = max(watch.memory for watch in results["playbook"]) / 1024
    print(f"Medians of {rounds} rounds, {os.cpu_count()} cores")
    print(f"{'':24}{'playbook':>10}{'script':>10}{'ratio':>8}")
    print(f"{'whole run, s':24}{run:10.2f}{alone:10.2f}{run / alone:8.1f}")
    print(f"{'window, s':24}{window:10.2f}{window_alone:10.2f}{window / window_alone:8.1f}")
    print(f"{'with a rehearsal, s':24}{rehearsed:10.2f}{'':10}{rehearsed / alone:8.1f}")
    ratio = window_rehearsed / window_alone
    print(f"{'  its window, s':24}{window_rehearsed:10.2f}{'':10}{ratio:8.1f}")
    told |= {name: round(statistics.median(seconds), 3) for name, seconds in took.items()}
    told["windows"] = {
        name: round(statistics.median(watch.window for watch in watches), 3)
        for name, watches in results.items()
        if name != "check"
    }
    print(f"{'--check, s':24}{check:10.2f}")
    print(f"{'largest module, MB':24}{memory:10.0f}")
    sandbox.broken()
    print("\nWhere the playbook's time goes, s")
    events = play(sandbox).events
    tasks = [
        (event["event_data"]["duration"], event["event_data"]["task"])
        for event in events
        if event["event"] == "runner_on_ok"
    ]
    for seconds, name in sorted(tasks, reverse=True)[:12]:
        print(f"{seconds:6.2f}  {name}")
    print(f"{sum(seconds for seconds, _ in tasks):6.2f}  all {len(tasks)} tasks")


if __name__ == "__main__":
    main()
