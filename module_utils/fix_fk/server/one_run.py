# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time on one schema: a named lock on the server, kept by a process on this host.

A run is many module calls, and a lock of the server ends with its connection. So the first call
that writes takes the lock and leaves a process behind that keeps the connection: the holder. Every
call of the run is joined to it while it works, by a socket without a file. The holder lets go when
it is told to, and when nobody has been joined to it for `idle` seconds: then the run was killed.

    name = lock_name(schema, lower_case)
    if take(connection, name): hold(module, connection, again, name)
    else: who(connection, name)                  # {run, host, since, idle, connection, said}
    join(module)                                 # whether this run's holder is there
    release(module)

The server's process list shows who holds it: the holder's only statement says so.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import os
import re
import select
import signal
import socket
import struct
import threading
import time
import weakref

# What the holder is called in the list of processes (at most 15 letters).
PROCESS = "fix_fk_lock"

# Seconds. A statement that the holder sends over and over takes this long: below a second, so that
# the usual slow query log does not list it.
PULSE = 0.9
# Seconds that a lock is waited for: the server notices only then that a killed holder is gone.
WAIT = 1
# Seconds that a holder may take to answer.
PATIENCE = 5
# Seconds after which a connection that says nothing is taken for dead.
SILENCE = 10

HELD, RELEASE = b"held\n", b"release\n"

MARK = re.compile(r"/\* fix_fk run (\S+) host (\S+) since (\S+) idle (\d+) \*/")


def lock_name(schema, lower_case):
    """Return the name of a schema's lock: at most 64 characters, and for the whole server.

    lower_case: whether the server compares names of schemas without case.
    """
    known = schema.lower() if lower_case else schema
    return "fix_fk." + hashlib.sha256(known.encode("utf-8")).hexdigest()[:32]


def claim(module, name):
    """Return a socket that only one process of this host has for this lock and application; None
    when another one has it.

    A lock of the server may be that of one node (Galera), or of one of a proxy's connections; this
    one keeps apart what works on one host, whatever is behind it. It ends with its process.
    """
    # One that has let go of the server's lock may still be about to end.
    for _attempt in range(10):
        claimed = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            claimed.bind(_claim_address(module, name))
            claimed.listen(16)
        except OSError:
            claimed.close()
            time.sleep(WAIT / 10)
        else:
            return claimed
    return None


def who_claims(module, name):
    """Return who has claimed a lock on this host, as read_mark() does, or None."""
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as client:
        client.settimeout(PATIENCE)
        try:
            client.connect(_claim_address(module, name))
            # Of whoever says it: nothing but what a mark can hold is taken from it.
            text = client.recv(1024).decode("ascii", "replace")
        except ConnectionRefusedError:
            return None
        except OSError:
            text = ""
    return dict(
        read_mark(text, 0), **({} if MARK.search(text) else {"said": "a process on this host"})
    )


def _claim_address(module, name):
    given = module.params
    path = given.get("laravel_path")
    server = [str(given.get(f"database_{part}")) for part in ("host", "port", "socket")]
    key = "\0".join([name, *([os.path.realpath(path)] if path else server)])
    digest = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
    return f"\0fix_fk/lock/{digest[:32]}"


def mark(run, host, since, idle):
    """Return the comment that tells who holds a lock. since: UTC, "2026-01-30T08:15:00Z"."""
    words = [re.sub(r"[^A-Za-z0-9_.:-]", "_", str(word)) or "_" for word in (run, host, since)]
    return f"/* fix_fk run {words[0]} host {words[1]} since {words[2]} idle {int(idle)} */"


def read_mark(text, connection):
    """Return {run, host, since, idle, connection, said} of a holder's statement.

    run is None where it does not tell; said is who that is, in words.
    """
    found = MARK.search(text or "")
    holder = dict.fromkeys(("run", "host", "since", "idle"))
    holder.update(
        connection=connection,
        said=f"connection {connection} of the database server, of which this account may not "
        "see more",
    )
    if found:
        run, host, since, idle = found.groups()
        said = f"run {run} on host {host}, since {since.replace('T', ' ').replace('Z', ' UTC')}"
        holder.update(run=run, host=host, since=since, idle=int(idle), said=said)
    return holder


def take(connection, name):
    """Take a lock for this connection, and return whether that was possible."""
    return _rows(connection, "SELECT GET_LOCK(%s, %s)", (name, WAIT))[0][0] == 1


def who(connection, name):
    """Return who holds a lock, as read_mark() does, or None when nobody does."""
    # Between two of the holder's statements there is nothing to read.
    for _attempt in range(5):
        number = _rows(connection, "SELECT IS_USED_LOCK(%s)", (name,))[0][0]
        if number is None:
            return None
        for row in _rows(connection, "SHOW FULL PROCESSLIST"):
            if int(row[0]) == int(number) and MARK.search(row[7] or ""):
                return read_mark(row[7], int(number))
        time.sleep(0.05)
    return read_mark("", int(number))


def _rows(connection, query, values=None):
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall()


# By module run, what makes it a part of its run: the socket to the holder, or, where there can be
# no holder, the connection that has the lock as long as the module works.
_parts: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def is_held(module):
    """Return whether the module's run has the lock."""
    return module in _parts


def descriptors(module):
    """Return the descriptors that a program which may outlive the module has to inherit."""
    part = _parts.get(module)
    return (part.fileno(),) if isinstance(part, socket.socket) else ()


def join(module):
    """Join the module to its run's holder until it ends; return whether there is one."""
    part = _join(_address(module))
    if part is not None:
        _parts[module] = part
    return part is not None


def _address(module):
    run = module.params["run"]["id"]
    key = f"{run}\0{module.params.get('laravel_path') or ''}".encode("utf-8", "surrogateescape")
    # With a zero byte in front it is no file, and gone with the process.
    return f"\0fix_fk/{os.geteuid()}/{hashlib.sha256(key).hexdigest()[:32]}"


def _join(address):
    """Return a socket that is joined to the holder, or None."""
    client = None
    try:
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.settimeout(PATIENCE)
        client.connect(address)
        # Anybody may listen at a name that is free, and see which ones have been used.
        if _peer(client) == os.geteuid() and client.recv(len(HELD)) == HELD:
            client.settimeout(None)
            return client
    except (OSError, AttributeError):
        pass
    if client:
        client.close()
    return None


def _peer(client):
    """Return the id of the user at the other end."""
    size = struct.calcsize("3i")
    return struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))[1]


def release(module):
    """Let the run's holder let go, and return whether there was one. It is done on return."""
    part = _parts.pop(module, None)
    if part is None:
        return False
    if isinstance(part, socket.socket):
        with contextlib.suppress(OSError):
            part.settimeout(PATIENCE)
            part.sendall(RELEASE)
            while part.recv(len(HELD)):
                pass
    part.close()
    return True


def hold(module, connection, again, name, claimed):
    """Leave a holder behind that keeps this connection, which has the lock `name`, and the claim.

    again: opens another connection to the same server. Where no process can be left behind, the
    module has the lock itself, for as long as it works; then is_held() tells whether it has.
    """
    run = module.params["run"]
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    told = mark(run["id"], socket.gethostname(), since, run["idle"])
    address = _address(module)
    _parts[module] = connection
    try:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(address)
        listener.listen(16)
        child = os.fork()
    except OSError:
        # As long as the connection.
        connection.fix_fk_claimed = claimed
        return
    if child == 0:
        try:
            os.setsid()
            if os.fork() == 0:
                kept = (listener, claimed)
                _Holder(kept, connection, again, name, told, max(1, run["idle"])).live()
        finally:
            # Nothing of the module may run twice.
            os._exit(0)
    os.waitpid(child, 0)
    listener.close()
    claimed.close()
    # The holder has it; to say goodbye would end it there, too.
    connection._force_close()
    del _parts[module]
    if not join(module):
        connection = again()
        if take(connection, name):
            _parts[module] = connection


class _Holder:
    """The process that keeps the lock."""

    def __init__(self, sockets, connection, again, name, told, idle):
        self.listener, self.claimed = sockets
        self.connection, self.again = connection, again
        self.name, self.told, self.idle = name, told, idle
        self.ending = threading.Event()

    def live(self):
        self.let_go_of_the_module()
        threading.Thread(target=self.listen, daemon=True).start()
        while not self.ending.is_set():
            try:
                _rows(self.connection, f"{self.told} DO SLEEP({PULSE})")
            except Exception:
                if not self.ending.is_set() and not self.take_again():
                    return
        with contextlib.suppress(Exception):
            _rows(self.connection, "DO RELEASE_LOCK(%s)", (self.name,))

    def let_go_of_the_module(self):
        """Keep nothing of what the module has open: whoever started it waits for that."""
        # Objects whose descriptors are closed below must not close them once more, later.
        gc.disable()
        for ignored in (signal.SIGHUP, signal.SIGINT):
            signal.signal(ignored, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.chdir("/")
        nothing = os.open(os.devnull, os.O_RDWR)
        for number in range(3):
            os.dup2(nothing, number)
        kept = {0, 1, 2, self.listener.fileno(), self.claimed.fileno()}
        kept.add(self.connection._sock.fileno())
        for number in map(int, os.listdir("/proc/self/fd")):
            if number not in kept:
                with contextlib.suppress(OSError):
                    os.close(number)
        with contextlib.suppress(OSError), open("/proc/self/comm", "w", encoding="ascii") as file:
            file.write(PROCESS)

    def take_again(self):
        """Open the connection anew and take the lock; return whether that was possible."""
        with contextlib.suppress(Exception):
            self.connection.close()
        try:
            self.connection = self.again()
            return take(self.connection, self.name)
        except Exception:
            return False

    def listen(self):
        """Wait for calls of the run, until they have been away for too long or one says so."""
        joined: set = set()
        try:
            left = time.monotonic()
            while True:
                wait = None if joined else max(0, left + self.idle - time.monotonic())
                ready = select.select([self.listener, self.claimed, *joined], [], [], wait)[0]
                if not ready:
                    break
                for one in ready:
                    if one is self.claimed:
                        with contextlib.suppress(OSError):
                            client = self.claimed.accept()[0]
                            client.sendall(self.told.encode("ascii"))
                            client.close()
                        continue
                    if one is self.listener:
                        with contextlib.suppress(OSError):
                            self.greet(joined)
                        continue
                    said = b""
                    with contextlib.suppress(OSError):
                        said = one.recv(len(RELEASE))
                    if said == RELEASE:
                        return
                    if not said:
                        joined.remove(one)
                        one.close()
                        left = time.monotonic()
        finally:
            # Before the server's lock, which the next run waits for.
            self.claimed.close()
            # Those that are joined see the end when the process is gone, and the lock with it.
            self.kept = joined
            self.ending.set()
            self.interrupt()

    def greet(self, joined):
        client = self.listener.accept()[0]
        if _peer(client) == os.geteuid():
            client.sendall(HELD)
            joined.add(client)
        else:
            client.close()

    def interrupt(self):
        """End the statement that the holder is waiting for."""
        with contextlib.suppress(Exception):
            number = int(self.connection.thread_id())
            other = self.again()
            _rows(other, f"KILL QUERY {number:d}")
            other.close()
