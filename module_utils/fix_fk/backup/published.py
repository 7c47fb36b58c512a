# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a web server publishes a folder, as far as the files tell: its configuration is not read.

published_by("/home/app/backups", "/home/app/gaspul_api")   # None, or why it does, in words
"""

from __future__ import annotations

import os

# What hosts call the folder that they publish, of which every account has one.
ROOTS = ("public_html", "htdocs", "httpdocs", "wwwroot")
# What lies in a folder that is published.
INDEXES = ("index.php", "index.html", "index.htm")

# Folders that are looked into for links, of one that is published.
MOST = 50000


def published_by(path, laravel_path):
    """path: a real path, of a folder that need not be there."""
    parents = _parents(path)
    known = next((parent for parent in parents if os.path.basename(parent) in ROOTS), None)
    if known:
        return f"below a folder {os.path.basename(known)}"
    index = next((at for parent in parents[:-1] for at in _indexes(parent)), None)
    if index:
        return f"beside or below {index}"
    roots = [os.path.join(parent, name) for parent in parents for name in ROOTS]
    if laravel_path:
        public = os.path.join(laravel_path, "public")
        # storage:link publishes it, today or tomorrow.
        linked = os.path.join(laravel_path, "storage", "app", "public")
        for folder in (public, linked):
            if _is_in(path, os.path.realpath(folder)):
                return os.path.realpath(folder)
        roots.insert(0, public)
    return next((found for root in roots for found in _links(root, path)), None)


def _parents(path):
    """Return the folder itself and all that it lies in, the root of the system last."""
    parents = [path]
    while os.path.dirname(parents[-1]) != parents[-1]:
        parents.append(os.path.dirname(parents[-1]))
    return parents


def _indexes(folder):
    return [
        os.path.join(folder, name) for name in INDEXES if os.path.isfile(os.path.join(folder, name))
    ]


def _is_in(path, folder):
    return os.path.commonpath([folder, path]) == folder


def _links(root, path):
    """Yield in words each link by which `path` is reached from the published folder `root`."""
    seen: set[str] = set()
    waiting = [os.path.realpath(root)]
    while waiting and len(seen) < MOST:
        folder = waiting.pop()
        if folder in seen:
            continue
        seen.add(folder)
        try:
            entries = list(os.scandir(folder))
        except OSError:
            # What this login may not read, the web server of this login does not either.
            continue
        for entry in entries:
            if entry.is_symlink():
                target = os.path.realpath(entry.path)
                if _is_in(path, target):
                    yield f"{target}, by the link {entry.path}"
                if os.path.isdir(target):
                    waiting.append(target)
            elif entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)
