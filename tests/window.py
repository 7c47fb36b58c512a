# SPDX-License-Identifier: GPL-3.0-or-later
"""How long an application is down, seen from outside, beside what a report says of it."""

from __future__ import annotations

import threading
import time
from pathlib import Path


class Watched:
    """Polls Laravel's own maintenance file inside the block; one that stands already counts too."""

    def __init__(self, sandbox):
        self.down = Path(sandbox.app, "storage", "framework", "down")
        self.seconds = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self):
        self._began = self.down.stat().st_mtime if self.down.exists() else None
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()

    def _watch(self):
        while not self._ended.wait(0.02):
            if self.down.exists():
                self._began = self._began or time.time()
            elif self._began:
                self.seconds, self._began = time.time() - self._began, None

    def agrees_with(self, report):
        """See that the report tells the window that was seen, within a second."""
        assert self.seconds is not None, "the application was not down, or is still"
        assert abs(report["window"] - self.seconds) < 1, (report["window"], self.seconds)
        assert f"after a window of {report['window']:.0f} s" in report["state"], report["state"]
