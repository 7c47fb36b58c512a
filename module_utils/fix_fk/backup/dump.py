# SPDX-License-Identifier: GPL-3.0-or-later
"""Streaming a schema through the server's own dump client and a compressor, without a shell.

    client = find_dump_client(module, "mariadb")
    compressor = find_compressor(module, "auto")
    outcome = stream(command, compressor, file, folder, stall_timeout)   # Outcome
    proof = read_back(path, compressor, folder)                         # ReadBack

A dump is whole when every exit code is 0, its last line is the client's own "-- Dump completed",
every table expected is in it, and the file read back from disk says the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import select
import signal
import subprocess
import tempfile
import threading
from dataclasses import dataclass

from ansible.module_utils.fix_fk.refusal import refuse
from ansible.module_utils.fix_fk.server.flavour import (
    DUMP_PROGRAMS,
    NAMES,
    client_tls,
    dump_options,
    flavour_of,
)

CHUNK = 1024 * 1024
# Bytes of an unfinished line that are kept: more than a marker and the longest quoted name take.
LINE_HEAD = 4096
COMPRESSORS = ("zstd", "gzip")
NOT_MADE = "No backup was made and nothing was changed."
TRAILER = b"-- Dump completed"
# The tail of what a program wrote to stderr that is worth showing, in bytes.
MESSAGES = 4000

# MySQL's clients read ~/.mylogin.cnf even with --defaults-file, and zstd, gzip and the clients
# take defaults from the environment; so they get this one and nothing else.
ENVIRONMENT = {
    "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
    "LC_ALL": "C",
    "MYSQL_TEST_LOGIN_FILE": "/nonexistent",
}


@dataclass(frozen=True)
class Client:
    """A dump program. version is its own words; options is its --help, for what it knows."""

    path: str
    version: str
    options: str


@dataclass(frozen=True)
class Compressor:
    """A compressor; all commands read stdin and write stdout.

    seal: what encrypts what is packed, open: what decrypts it before it is unpacked; () without.
    """

    name: str
    suffix: str
    pack: tuple
    unpack: tuple
    seal: tuple = ()
    open: tuple = ()

    @property
    def packing(self):
        return [command for command in (self.pack, self.seal) if command]

    @property
    def unpacking(self):
        return [command for command in (self.open, self.unpack) if command]


@dataclass(frozen=True)
class Outcome:
    """How a stream ended. problem: None, or what went wrong in words, without secrets.

    written: the Measure of the file, when it is encrypted.
    """

    problem: str | None
    stalled: bool
    messages: str
    content: Scanner
    written: Measure | None


@dataclass(frozen=True)
class ReadBack:
    """A file read again from disk. sha256 and bytes are the file's, content is what is in it."""

    problem: str | None
    sha256: str
    bytes: int
    content: Measure


class Measure:
    """Length (bytes) and SHA-256 (hexadecimal) of what goes by."""

    def __init__(self):
        self.bytes = 0
        self._digest = hashlib.sha256()

    def feed(self, chunk):
        self.bytes += len(chunk)
        self._digest.update(chunk)

    @property
    def sha256(self):
        return self._digest.hexdigest()


class Scanner(Measure):
    """What goes by in a dump: its digest, length, tables and last line, in constant memory.

    tables: names of CREATE TABLE statements outside of routine bodies;
    longest_line: bytes of the longest line seen, which is the longest row or statement (lines
    shorter than a chunk are not measured); whole: whether the last line is the client's trailer.
    """

    def __init__(self):
        super().__init__()
        self.tables = set()
        self.longest_line = 0
        self._in_body = False
        self._line = 0
        self._rest = b"\n"
        self._last = b""

    def feed(self, chunk):
        super().feed(chunk)
        first, last = chunk.find(b"\n"), chunk.rfind(b"\n")
        self._line += len(chunk) if first < 0 else first
        self.longest_line = max(self.longest_line, self._line)
        if last >= 0:
            self._line = len(chunk) - last - 1

        # Only whole lines are looked at. Data never begins a line with these words: the clients
        # write line feeds in values as \n, and bodies of triggers, routines and events stand
        # between two DELIMITER lines.
        text = self._rest + chunk
        end = text.rfind(b"\n")
        if end > 0:
            self._last = text[text.rfind(b"\n", 0, end) + 1 : end]
            first_part, *others = text[:end].split(b"\nDELIMITER ")
            self._tables_in(first_part)
            for part in others:
                self._in_body = part.partition(b"\n")[0] != b";"
                self._tables_in(part)
        self._rest = text[end : end + LINE_HEAD]

    def _tables_in(self, text):
        if not self._in_body:
            for piece in text.split(b"\nCREATE TABLE `")[1:]:
                name = piece[:LINE_HEAD].replace(b"``", b"\0").partition(b"`")[0]
                self.tables.add(name.replace(b"\0", b"`").decode("utf-8", "replace"))

    @property
    def whole(self):
        return self._rest == b"\n" and self._last.startswith(TRAILER)


def find_dump_client(module, flavour):
    """Return the Client made for the server's flavour ("mariadb" or "mysql"), or end the module."""
    names, package = DUMP_PROGRAMS[flavour]
    others = []
    for name in names:
        path = module.get_bin_path(name)
        if not path:
            continue
        version = output_of([path, "--no-defaults", "--version"]).strip()
        if flavour_of(version) == flavour:
            return Client(path, version, output_of([path, "--no-defaults", "--help"]))
        others.append(f"{path} is {version or 'a program that does not run'}")
    found = f" ({'; '.join(others)})" if others else ""
    vendor = NAMES[flavour]
    return refuse(
        module,
        f"The server is {vendor}, and no dump program of {vendor} is on this host's PATH: "
        f"{' or '.join(names)} is missing{found}. The other vendor's program is not used, as it "
        "loses what it does not know.",
        f"Install the package {package}, or add the program's folder to PATH",
        NOT_MADE,
    )


def find_compressor(module, wanted):
    """Return the Compressor asked for: "zstd", "gzip", or the better one present with "auto"."""
    for name in COMPRESSORS if wanted == "auto" else (wanted,):
        path = module.get_bin_path(name)
        if path and name == "zstd":
            # What rows have in common lies further apart than the level looks back. 2^24 bytes are
            # what it costs in memory, here and when it is unpacked.
            pack = (path, "-3", "--long=24", "-q", "-c")
            return Compressor(name, "zst", pack, (path, "-d", "-q", "-c"))
        if path:
            return Compressor(name, "gz", (path, "-c"), (path, "-d", "-c"))
    missing = "neither zstd nor gzip is" if wanted == "auto" else f"{wanted} is not"
    return refuse(
        module,
        f"The backup is to be compressed, and {missing} on this host's PATH.",
        "Install one of them, or name the other in the option compression",
        NOT_MADE,
    )


def option_value(text):
    """Return a value as the clients' option files want it: a"b\\c -> "a\\"b\\\\c"."""
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b"}
    return '"' + "".join(escapes.get(character, character) for character in text) + '"'


def option_file(parameters, flavour, encrypted):
    """Return the text of an option file that connects as ConnectionParameters say.

    encrypted: whether the connection already open to this server is; the client's is then, too.
    """
    lines = ["[client]", "user=" + option_value(parameters.user)]
    lines.append("password=" + option_value(parameters.password))
    if parameters.socket:
        lines += ["protocol=socket", "socket=" + option_value(parameters.socket)]
    else:
        lines += ["protocol=tcp", "host=" + option_value(parameters.host)]
        lines.append(f"port={int(parameters.port)}")
    tls = parameters.tls
    verify = bool(tls and (tls.ca is not None if tls.verify is None else tls.verify))
    for option in ("ca", "cert", "key"):
        if tls and getattr(tls, option):
            lines.append(f"ssl-{option}=" + option_value(getattr(tls, option)))
    lines += client_tls(flavour, encrypted, verify, parameters.socket)
    return "\n".join(lines) + "\n"


@contextlib.contextmanager
def secret_options(text, folder):
    """Give the path of an option file without a name, which no kill can leave behind.

    It is there for this process, and for the programs of start_program().
    """
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(text.encode("utf-8"))
        file.flush()
        os.set_inheritable(file.fileno(), True)
        yield f"/proc/self/fd/{file.fileno()}"


def dump_command(
    client,
    flavour,
    schema,
    options_path,
    leave_out=(),
    routines=True,
    events=True,
    history=False,
):
    """Return the client's command line as a list; it holds no secret.

    leave_out: names of views that cannot be read. --defaults-file comes first, or it is ignored.
    """
    command = [
        client.path,
        f"--defaults-file={options_path}",
        "--single-transaction",
        "--quick",
        "--triggers",
        "--routines" if routines else "--skip-routines",
        "--events" if events else "--skip-events",
        "--hex-blob",
        "--default-character-set=utf8mb4",
        "--max-allowed-packet=1G",
    ]
    command += dump_options(flavour, client.options)
    command += ["--dump-history"] if history else []
    command += [f"--ignore-table={schema}.{name}" for name in leave_out]
    return [*command, "--", schema]


def stream(command, compressor, file, folder, stall_timeout):
    """Run command | compressor into the open file and return the Outcome.

    folder: a private one for what the programs say on stderr; stall_timeout: seconds without a
    single byte after which the dump is taken to be waiting for a lock and is stopped.
    """
    content = Scanner()
    stalled = abandoned = False
    with stderr_file(folder) as dump_says, stderr_file(folder) as pack_says:
        dump = start_program(command, stdout=subprocess.PIPE, stderr=dump_says)
        processes = [dump]
        try:
            # What is encrypted cannot be unpacked afterwards, so what goes into it is measured.
            sink = subprocess.PIPE if compressor.seal else file
            pack = Chain(compressor.packing, stdin=subprocess.PIPE, stdout=sink, stderr=pack_says)
            processes.append(pack)
            copy = Copy(pack.stdout, file) if compressor.seal else None
            try:
                while not stalled:
                    if not select.select([dump.stdout], [], [], stall_timeout)[0]:
                        stalled = True
                        break
                    chunk = os.read(dump.stdout.fileno(), CHUNK)
                    if not chunk:
                        break
                    content.feed(chunk)
                    pack.stdin.write(chunk)
                pack.stdin.close()
            except BrokenPipeError:
                # The compressor is gone; its exit code will say why. The dump has nowhere to
                # write to.
                abandoned = True
            if stalled or abandoned:
                dump.kill()
                with contextlib.suppress(BrokenPipeError):
                    pack.stdin.close()
            pack_code, dump_code = pack.wait(), dump.wait()
            if copy:
                copy.join()
        finally:
            for process in processes:
                if process.poll() is None:
                    process.kill()
                    process.wait()
            dump.stdout.close()
        problem = None
        said = last_words(dump_says)
        if stalled:
            problem = f"the dump sent nothing for {stall_timeout} seconds and was stopped"
        elif copy and copy.problem:
            problem = f"the file cannot be written: {copy.problem}"
        elif pack_code:
            problem = how_it_ended(compressor.name, pack_code, last_words(pack_says))
        elif dump_code:
            problem = how_it_ended(os.path.basename(command[0]), dump_code, said)
        elif not content.whole:
            problem = "the dump ended without its last line '-- Dump completed'"
    return Outcome(problem, stalled, said, content, copy.measure if copy else None)


class Chain:
    """Programs of which each reads what the one before it writes; as a Popen of all of them."""

    def __init__(self, commands, stdin, stdout, stderr):
        self.processes: list = []
        for number, command in enumerate(commands):
            last = number == len(commands) - 1
            self.processes.append(
                start_program(
                    command,
                    stdin=self.processes[-1].stdout if self.processes else stdin,
                    stdout=stdout if last else subprocess.PIPE,
                    stderr=stderr,
                )
            )
        # So that one whose reader is gone gets to know that.
        for process in self.processes[:-1]:
            process.stdout.close()
        self.stdin, self.stdout = self.processes[0].stdin, self.processes[-1].stdout

    def poll(self):
        codes = [process.poll() for process in self.processes]
        return None if None in codes else self._code(codes)

    def wait(self):
        return self._code([process.wait() for process in self.processes])

    def kill(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()

    @staticmethod
    def _code(codes):
        """Return the exit code of the first that failed by itself, not for want of a reader."""
        failed = [code for code in codes if code]
        return next((code for code in failed if code != -signal.SIGPIPE), (failed or [0])[0])


class Copy(threading.Thread):
    """Writes what a pipe gives into a file; measure: of what that was, problem: None or OSError."""

    def __init__(self, pipe, file):
        super().__init__(daemon=True)
        self.pipe, self.file = pipe, file
        self.measure = Measure()
        self.problem: OSError | None = None
        self.start()

    def run(self):
        try:
            for chunk in iter(lambda: os.read(self.pipe.fileno(), CHUNK), b""):
                self.file.write(chunk)
                self.measure.feed(chunk)
            self.file.flush()
        except OSError as error:
            self.problem = error
        finally:
            # Whoever writes on has nobody to write to.
            self.pipe.close()


def read_back(path, compressor, folder, content=None):
    """Read the file from disk again, unpack it, and return the ReadBack.

    One that is encrypted, and that cannot be read here, is not unpacked: content is empty.

    content: a Scanner, for one who does not know yet what is in it; otherwise a Measure, as what
    has the same digest is the same.
    """
    content = content or Measure()
    digest = hashlib.sha256()
    with open(path, "rb") as file, stderr_file(folder) as says:
        # What was just written is still in memory; the proof is about what is on the disk.
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        code = 0
        if compressor.open or not compressor.seal:
            unpack = Chain(compressor.unpacking, stdin=file, stdout=subprocess.PIPE, stderr=says)
            try:
                for chunk in iter(lambda: unpack.stdout.read1(CHUNK), b""):
                    content.feed(chunk)
                code = unpack.wait()
            finally:
                if unpack.poll() is None:
                    unpack.kill()
                    unpack.wait()
                unpack.stdout.close()
        file.seek(0)
        for chunk in iter(lambda: file.read(CHUNK), b""):
            digest.update(chunk)
        problem = how_it_ended(compressor.name, code, last_words(says)) if code else None
        return ReadBack(problem, digest.hexdigest(), file.tell(), content)


def start_program(command, **streams):
    streams.setdefault("stdin", subprocess.DEVNULL)
    # Names go out in UTF-8 whatever the locale of the login. Python opens every file as one that
    # is not inherited; the secret options are the exception.
    return subprocess.Popen(
        [part.encode("utf-8") for part in command], env=ENVIRONMENT, close_fds=False, **streams
    )


def stderr_file(folder):
    """Return an open file without a name for a program's stderr: a pipe could fill up and block."""
    return tempfile.TemporaryFile(dir=folder)


def last_words(file):
    """Return the end of what a program wrote to stderr, on one line."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - MESSAGES))
    lines = file.read().decode("utf-8", "replace").splitlines()
    return "; ".join(line.strip() for line in lines if line.strip())


def how_it_ended(name, code, said):
    how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    return f"{name} {how}" + (f" and said: {said}" if said else " and said nothing")


def output_of(command):
    """Return what a short command writes to stdout; "" when it does not run."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=ENVIRONMENT,
            timeout=30,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("utf-8", "replace")
