#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE)
"""An application's checkout, moved forward to its branch."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: git_forward
short_description: Inspect what git pull --ff-only would bring, and bring exactly that
description:
  - Without O(revision), asks the remote where the branch is and returns what is new, and changes
    no file of the application. New commits are fetched into the object store for that, except in
    check mode, where only what is known already can be told.
  - With O(revision), moves the checkout forward to it (C(git merge --ff-only), the second half of
    C(git pull --ff-only)), so that what was shown is what comes.
  - Refuses without git or a checkout, on a detached head, on another branch than O(branch), with
    changed or untracked files, and where branch and remote have diverged. Never asks for a
    password.
options:
  path:
    description: Folder of the application.
    type: path
    required: true
  remote:
    description: Name of the remote.
    type: str
    default: origin
  branch:
    description: Name of the branch. It must be the one that is checked out.
    type: str
    required: true
  revision:
    description: The commit to move to, as this module returned it.
    type: str
attributes:
  check_mode:
    support: full
    description: Inspects and does not write, not even into the object store.
  diff_mode:
    support: none
    description: RV(git.commits) says what comes.
extends_documentation_fragment:
  - refusal
author:
  - The fix_fk authors
"""

EXAMPLES = r"""
- name: See what is new
  git_forward:
    path: /home/app/gaspul_api
    branch: main
  register: new

- name: Bring it
  git_forward:
    path: /home/app/gaspul_api
    branch: main
    revision: "{{ new.git.target }}"
"""

RETURN = r"""
git:
  description:
    - C(remote) and C(branch), the C(revision) that was checked out, and the C(target) to move to.
    - "C(behind): number of new commits; C(commits): the newest of them, a line each;
      C(migrations): names of migrations that they add; C(composer_lock): whether they change the
      packages. These are null when the commits are not here yet (check mode)."
  returned: success
  type: dict
  sample:
    remote: origin
    branch: main
    revision: 5f0c0d3e0a6b8f9d7c1e2b3a4d5e6f708192a3b4
    target: 9a8b7c6d5e4f30210fedcba9876543210abcdef0
    behind: 1
    commits: ["9a8b7c6d5e4f Repair the foreign keys"]
    migrations: [2026_01_30_000000_fix_duplicate_foreign_key_constraint]
    composer_lock: false
queries:
  description: The command that was run, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: [git merge --ff-only 9a8b7c6d5e4f30210fedcba9876543210abcdef0]
undo:
  description: The command that takes it back.
  returned: success
  type: list
  elements: str
  sample: [git reset --hard 5f0c0d3e0a6b8f9d7c1e2b3a4d5e6f708192a3b4]
"""

import os
import re
import subprocess

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.fix_fk.laravel.php import excerpt
from ansible.module_utils.fix_fk.refusal import refuse

# Seconds.
TIMEOUT = 300
SHOWN = 20
# A token in a remote's address is a password.
CREDENTIALS = re.compile(r"(://)[^/@\s]+@")


def main():
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "remote": {"type": "str", "default": "origin"},
            "branch": {"type": "str", "required": True},
            "revision": {"type": "str"},
        },
        supports_check_mode=True,
    )
    checkout = Checkout(module)
    old = checkout.refuse_unfit()
    target = module.params["revision"] or checkout.target()
    result: dict = {"changed": False, "queries": [], "undo": []}
    result["git"] = checkout.describe(old, target)
    if module.params["revision"] and old != target:
        command = ["merge", "--ff-only", "--quiet", target]
        result["queries"].append(f"git merge --ff-only {target}")
        result["undo"].append(f"git reset --hard {old}")
        result["changed"] = True
        if not module.check_mode:
            checkout.git(*command)
    module.exit_json(**result)


class Checkout:
    """The application's folder as git sees it."""

    def __init__(self, module):
        self.module, self.given = module, module.params
        self.program = module.get_bin_path("git")
        if not self.program:
            self.refuse(
                "there is no git on this host",
                "Install git, or render the fix instead: -e permanent_fix_source=render",
            )

    def refuse(self, found, advice):
        refuse(self.module, f"The code in {self.given['path']} was not pulled: {found}.", advice)

    def run(self, *arguments):
        """Run git; return the CompletedProcess, its output without credentials."""
        environment = dict(os.environ, GIT_TERMINAL_PROMPT="0", LC_ALL="C")
        environment.setdefault("GIT_SSH_COMMAND", "ssh -o BatchMode=yes")
        try:
            result = subprocess.run(
                [self.program, "-C", self.given["path"], *arguments],
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=TIMEOUT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            self.refuse(
                f"git {arguments[0]} did not end within {TIMEOUT} s",
                f"See that the remote {self.given['remote']} answers",
            )
        for name in ("stdout", "stderr"):
            text = getattr(result, name).decode("utf-8", "replace")
            setattr(result, name, CREDENTIALS.sub(r"\1***@", text))
        return result

    def git(self, *arguments):
        """Run git and return its output; end the module when it fails."""
        result = self.run(*arguments)
        if result.returncode != 0:
            self.refuse(
                f"git {arguments[0]} said: {excerpt(result.stderr or result.stdout)}",
                f"Run git {arguments[0]} by hand there to see the same, and correct what it names",
            )
        return result.stdout

    def refuse_unfit(self):
        """End the module unless the checkout can be moved; return its revision."""
        branch = self.given["branch"]
        if branch.startswith("-") or self.given["remote"].startswith("-"):
            self.refuse("a branch or remote does not begin with a hyphen", "Correct the name")
        inside = self.run("rev-parse", "--is-inside-work-tree")
        if inside.returncode != 0 or inside.stdout.strip() != "true":
            self.refuse(
                f"it is no git checkout that this user may use ({excerpt(inside.stderr)})",
                "Deploy the code the way it came there, or render the fix instead: "
                "-e permanent_fix_source=render",
            )
        head = self.run("symbolic-ref", "--quiet", "--short", "HEAD")
        if head.returncode != 0:
            self.refuse(
                "its head is detached, at " + self.git("rev-parse", "HEAD").strip()[:12],
                f"Check a branch out there: git checkout {branch}",
            )
        if head.stdout.strip() != branch:
            self.refuse(
                f"branch {head.stdout.strip()} is checked out, and {branch} is to be pulled",
                f"Check {branch} out there, or name the other: -e permanent_fix_branch="
                f"{head.stdout.strip()}",
            )
        # What an application writes there while it runs, its maintenance mode for one, is no code.
        status = self.git(
            *("status", "--porcelain", "-z", "--untracked-files=all", "--no-renames", "--"),
            *(".", ":(exclude)storage/framework"),
        )
        files = [line[3:] for line in status.split("\0") if line]
        if files:
            more = f" and {len(files) - SHOWN} more" if len(files) > SHOWN else ""
            self.refuse(
                f"its work tree is not clean: {', '.join(files[:SHOWN])}{more}",
                "Commit these files, put them aside (git stash -u), or, if they belong to this "
                "host alone, name them in .git/info/exclude",
            )
        return self.git("rev-parse", "HEAD").strip()

    def target(self):
        """Return the commit that the branch is at on the remote."""
        remote, branch = self.given["remote"], self.given["branch"]
        listed = self.git("ls-remote", "--exit-code", "--heads", remote, f"refs/heads/{branch}")
        target = listed.split()[0]
        if not self.module.check_mode and not self.has(target):
            self.git("fetch", "--quiet", "--no-tags", remote, f"refs/heads/{branch}")
        return target

    def has(self, revision):
        return self.run("cat-file", "-e", revision + "^{commit}").returncode == 0

    def describe(self, old, target):
        """Return `git` as documented; end the module when this is no way forward."""
        names = {name: self.given[name] for name in ("remote", "branch")}
        facts: dict = dict(names, revision=old, target=target, behind=None, commits=None)
        facts.update(migrations=None, composer_lock=None)
        if not self.has(target):
            return facts
        if self.run("merge-base", "--is-ancestor", old, target).returncode != 0:
            if self.run("merge-base", "--is-ancestor", target, old).returncode == 0:
                found = f"it is ahead of {self.given['remote']}/{self.given['branch']}"
            else:
                found = f"it and {self.given['remote']}/{self.given['branch']} have diverged"
            mine = self.git("log", "--oneline", "--no-decorate", f"-{SHOWN}", f"{target}..{old}")
            self.refuse(
                f"{found}; only here: {'; '.join(mine.splitlines())}",
                "Push or merge these commits where the code is developed",
            )
        span = f"{old}..{target}"
        facts["behind"] = int(self.git("rev-list", "--count", span))
        facts["commits"] = self.git(
            "log", "--oneline", "--no-decorate", f"-{SHOWN}", span
        ).splitlines()
        added = self.git(
            *("diff", "--name-only", "-z", "--relative", "--diff-filter=A", span),
            *("--", "database/migrations"),
        )
        facts["migrations"] = sorted(
            os.path.basename(path)[: -len(".php")]
            for path in added.split("\0")
            if path.endswith(".php")
        )
        facts["composer_lock"] = bool(
            self.git("diff", "--name-only", span, "--", "composer.lock").strip()
        )
        return facts


if __name__ == "__main__":
    main()
