# SPDX-License-Identifier: GPL-3.0-or-later
"""Running PHP in an application's folder, bounded in time."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time

from ansible.module_utils.fix_fk.refusal import refuse

# Characters of a program's output that a message may carry.
EXCERPT = 600


def run_php(module, path, php, env, arguments, timeout, source=None, descriptors=(), watch=None):
    """Run php in the folder path and return {rc, stdout, stderr, timed_out, stopped, seconds}.

    env adds to the environment. source: a program for its standard input. descriptors: open ones
    that it inherits. After timeout seconds it is ended with all it started; rc is then negative.
    So it is when watch, called about every second, returns a reason to, which is stopped then.
    """
    for needed in ("artisan", "vendor/autoload.php", "bootstrap/app.php"):
        if not os.path.isfile(os.path.join(path, needed)):
            refuse(
                module,
                f"There is no Laravel application in {path}: {os.path.join(path, needed)} is not "
                "there or may not be read by this user.",
                "Set laravel_path to the folder that artisan is in",
            )
    binary = module.get_bin_path(php) if os.sep not in php else php
    if not binary or not os.access(binary, os.X_OK):
        refuse(
            module,
            f"There is no PHP to run '{php}' with on this host.",
            "Set laravel_php to the path of the command line PHP that runs the application",
        )
    # The version and its settings are the application's affair, but a debugger's are not.
    # COLUMNS keeps messages on one line. Without LINES artisan starts `stty` to ask for it, and
    # what it starts has the whole of .env in its environment.
    environment = dict(os.environ, XDEBUG_MODE="off", COLUMNS="4000", LINES="100")
    environment.update({str(name): str(value) for name, value in (env or {}).items()})
    started = time.monotonic()
    with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as stdout, (
        tempfile.TemporaryFile()
    ) as stderr:
        # Files, so that neither a long output nor a process left behind can block the reading.
        stdin.write((source or "").encode())
        stdin.seek(0)
        process = subprocess.Popen(
            [binary, *arguments],
            cwd=path,
            env=environment,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            pass_fds=descriptors,
            start_new_session=True,
        )
        timed_out, stopped = False, None
        while not timed_out and not stopped:
            left = started + timeout - time.monotonic()
            try:
                process.wait(max(0, min(1, left)))
                break
            except subprocess.TimeoutExpired:
                timed_out = left <= 0
                stopped = watch() if watch else None
        else:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        texts = []
        for file in (stdout, stderr):
            file.seek(0)
            texts.append(file.read().decode("utf-8", "replace"))
    return {
        "rc": process.returncode,
        "stdout": texts[0],
        "stderr": texts[1],
        "timed_out": timed_out,
        "stopped": stopped,
        "seconds": round(time.monotonic() - started, 3),
    }


def excerpt(text):
    """Return the end of a program's output as one line of at most EXCERPT characters."""
    line = " ".join(text.split())
    return line if len(line) <= EXCERPT else "..." + line[-EXCERPT:]
