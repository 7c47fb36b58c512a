# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup and restore beside mysqldump | gzip and gunzip | mysql: medians and ratios, in one go.

    python tests/bench/backup_restore.py [rounds] [megabytes]

A schema of at least 500 MB of data and indexes is made in an embedded server of its own, and
backed up and restored in turns: by the bare pipes, which check nothing, and by the modules with
everything they check. A restore begins with the filled schema in place in both cases. The memory
is that of the module's own process, at its largest, for the whole schema and for a tenth of it.

The rows are made up. Most of them are daily reports of fourteen words: half repeat one of 2000
sentences, as people report the same work again, half have words of their own, drawn at random from
48, which packs worse than speech. The server has the settings that MariaDB comes with.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(PROJECT / "tests"))

from sandbox import shared  # noqa: E402

WORDS = """
    menyusun laporan kegiatan bulanan untuk seksi bimbingan masyarakat di kantor wilayah provinsi
    melaksanakan rapat koordinasi bersama kepala bidang memeriksa berkas permohonan mutasi pegawai
    menyiapkan bahan evaluasi kinerja triwulan menginput data kepegawaian ke dalam aplikasi
    melakukan verifikasi dokumen perjalanan dinas membuat surat undangan sosialisasi peraturan
    baru mengikuti pelatihan teknis
""".split()  # noqa: SIM905
LIST = ", ".join(f"'{word}'" for word in WORDS)
SENTENCE = ", ".join(
    f"ELT(1 + CRC32(CONCAT(IF(seq % 2, CRC32(seq) % 2000, seq), '{place}')) % {len(WORDS)}, {LIST})"
    for place in "abcdefghijklmn"
)
# The columns of the application's own largest tables; about 280 bytes with their indexes.
TABLES = (
    "CREATE TABLE users (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,"
    " name VARCHAR(255) NOT NULL, email VARCHAR(255) NOT NULL, created_at TIMESTAMP NULL,"
    " UNIQUE KEY users_email_unique (email))",
    "CREATE TABLE progres_harian (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,"
    " user_id BIGINT UNSIGNED NOT NULL, uraian TEXT, nilai DECIMAL(10,2), tanggal DATE,"
    " status VARCHAR(20), created_at TIMESTAMP NULL, KEY progres_tanggal (tanggal),"
    " CONSTRAINT fk_progres_user FOREIGN KEY (user_id) REFERENCES users (id))",
    "CREATE TABLE rencana_aksi_bulanan (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,"
    " user_id BIGINT UNSIGNED, isi TEXT,"
    " CONSTRAINT fk_rencana_user FOREIGN KEY (user_id) REFERENCES users (id))",
)
ROWS = (
    ("users (name, email, created_at) SELECT CONCAT('Pegawai ', seq),"
     " CONCAT('pegawai', seq, '@example.org'), '2026-01-01' + INTERVAL seq SECOND", 0.04),
    ("progres_harian (user_id, uraian, nilai, tanggal, status, created_at) SELECT 1 + seq % 1000,"
     f" CONCAT_WS(' ', {SENTENCE}),"
     " seq / 7, '2026-01-01' + INTERVAL seq % 365 DAY,"
     " ELT(1 + seq % 3, 'draft', 'diajukan', 'disetujui'), NOW() - INTERVAL seq SECOND", 0.8),
    ("rencana_aksi_bulanan (user_id, isi) SELECT 1 + seq % 1000,"
     " REPEAT(CONCAT('rencana ', seq, ' '), 10)", 0.3),
)  # fmt: skip
ROWS_OF_A_MEGABYTE = 4200
# What the sandbox's server is started with less of.
DEFAULTS = {
    "innodb_buffer_pool_size": 128 * 2**20,
    "innodb_log_file_size": 96 * 2**20,
    "innodb_flush_log_at_trx_commit": 1,
}

ALONE = """
import contextlib, importlib, io, json, resource, sys
sys.path.insert(0, sys.argv[1] + "/library")
import ansible.module_utils
ansible.module_utils.__path__.append(sys.argv[1] + "/module_utils")
from ansible.module_utils.testing import patch_module_args
output = io.StringIO()
with patch_module_args(json.load(sys.stdin)), contextlib.redirect_stdout(output):
    try:
        importlib.import_module(sys.argv[2]).main()
    except SystemExit:
        pass
result = json.loads(output.getvalue())
result["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps(result))
"""


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    megabytes = int(sys.argv[2]) if len(sys.argv) > 2 else 550
    with tempfile.TemporaryDirectory(prefix="fix_fk_bench_") as folder:
        server = shared.Server(os.path.join(folder, "server"), outlive=False)
        server.start()
        with contextlib.closing(server.connect()) as connection, connection.cursor() as cursor:
            for variable, value in DEFAULTS.items():
                cursor.execute(f"SET GLOBAL {variable} = {value}")
        try:
            Bench(server, Path(folder)).measure(rounds, megabytes)
        finally:
            server.stop()


class Bench:
    """One server, and a folder for what is written."""

    def __init__(self, server: shared.Server, folder: Path):
        self.server, self.folder = server, folder
        self.options = folder / "client.cnf"
        self.options.write_text(
            f"[client]\nsocket={server.socket}\nuser={server.user}\n", encoding="utf-8"
        )

    def sql(self, *statements: str):
        with contextlib.closing(self.server.connect()) as connection:
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall()

    def fill(self, schema: str, megabytes: int) -> float:
        """Make a schema of that size; return its real one in MB."""
        count = megabytes * ROWS_OF_A_MEGABYTE
        self.sql(
            f"CREATE DATABASE {schema}",
            f"USE {schema}",
            "SET foreign_key_checks = 0",
            *TABLES,
            *(
                f"INSERT INTO {rows} FROM seq_1_to_{max(1000, int(count * share))}"
                for rows, share in ROWS
            ),
            "ANALYZE TABLE users, progres_harian, rencana_aksi_bulanan",
        )
        ((size,),) = self.sql(
            "SELECT SUM(DATA_LENGTH + INDEX_LENGTH) FROM information_schema.TABLES"
            f" WHERE TABLE_SCHEMA = '{schema}'"
        )
        return float(size) / 1e6

    def shell(self, command: str) -> float:
        began = time.perf_counter()
        subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=self.folder, check=True)
        return time.perf_counter() - began

    def module(self, name: str, schema: str, **arguments) -> tuple[float, dict]:
        given = {
            "database_socket": self.server.socket,
            "database_user": self.server.user,
            "database_name": schema,
            **arguments,
        }
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", ALONE, str(PROJECT), name],
            input=json.dumps(given), stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
        took = time.perf_counter() - began
        result = json.loads(done.stdout)
        if result.get("failed"):
            sys.exit(f"bench: {name}: {result['msg']}")
        return took, result

    def measure(self, rounds: int, megabytes: int) -> None:
        size = self.fill("bench", megabytes)
        self.fill("small", megabytes // 10)
        backups = str(self.folder / "backups")
        defaults = f"--defaults-file={self.options}"
        took: dict[str, list[float]] = {}
        memory: dict[str, int] = {}

        def note(what: str, seconds: float, result: dict | None = None):
            took.setdefault(what, []).append(seconds)
            if result:
                memory[what] = max(memory.get(what, 0), result["memory"])

        for _round in range(rounds):
            for path in Path(backups).glob("*"):
                path.unlink()
            note("dump", self.shell(f"mariadb-dump {defaults} --single-transaction --quick bench"
                                    " | gzip > bare.sql.gz"))  # fmt: skip
            seconds, result = self.module("schema_backup", "bench", dir=backups)
            note("backup", seconds, result)
            seconds, result = self.module("schema_backup", "bench", dir=backups, contents=True)
            note("digests", seconds, result)
            backup = result["backup"]
            note("load", self.shell(f"gunzip -c bare.sql.gz | mariadb {defaults} bench"))
            # One row less, or there is nothing to do.
            self.sql("DELETE FROM bench.rencana_aksi_bulanan LIMIT 1")
            seconds, result = self.module("schema_restore", "bench", backup=backup["path"])
            note("restore", seconds, result)
            parts = result["restore"]["seconds"]
        _, result = self.module("schema_backup", "small", dir=backups, contents=True)
        memory["backup of a tenth"] = result["memory"]
        self.sql("DELETE FROM small.rencana_aksi_bulanan LIMIT 1")
        _, result = self.module("schema_restore", "small", backup=result["backup"]["path"])
        memory["restore of a tenth"] = result["memory"]

        median = {what: statistics.median(seconds) for what, seconds in took.items()}
        bare = (self.folder / "bare.sql.gz").stat().st_size / 1e6
        print(f"Medians of {rounds} rounds, {os.cpu_count()} cores, schema of {size:.0f} MB")
        print(f"{'':36}{'module':>9}{'bare pipe':>11}{'ratio':>7}")
        for label, mine, other in (
            ("backup with file proof, s", median["backup"], median["dump"]),
            ("backup with digests of rows, s", median["digests"], median["dump"]),
            ("size of the backup, MB", backup["bytes"] / 1e6, bare),
            ("restore with all its checks, s", median["restore"], median["load"]),
        ):
            print(f"{label:36}{mine:9.1f}{other:11.1f}{other / mine:7.2f}")
        print("A ratio above 1: faster, or smaller, than the bare pipe.")
        print(f"{'largest module, MB':36}{'whole':>9}{'a tenth':>11}")
        for what in ("digests", "restore"):
            tenth = memory[f"{'backup' if what == 'digests' else what} of a tenth"]
            print(f"{what:36}{memory[what] / 1024:9.0f}{tenth / 1024:11.0f}")
        print("last restore:", ", ".join(f"{part} {value} s" for part, value in parts.items()))


if __name__ == "__main__":
    main()
