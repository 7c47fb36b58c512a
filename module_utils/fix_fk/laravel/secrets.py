# SPDX-License-Identifier: GPL-3.0-or-later
"""The secrets that are known on the target, and how they are taken out of a text.

    remember(module, "a password that was given to the module")
    hide = hider(module, path, environment, "one more password")
    hide("Access denied: mysql://user:se%20cret@host")     # "Access denied: mysql://user:***@host"

What PHP, artisan or a server said goes through it before it is returned. The secrets are read from
where they are: the application may not have come far enough to be asked for its password.
"""

from __future__ import annotations

import glob
import html
import os
import re
import urllib.parse
import weakref

from ansible.module_utils.fix_fk.laravel.dotenv import (
    WORDS,
    entries,
    key_of,
    read_value,
)

SHOWN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"  # what Ansible shows
TELLING = ("KEY", "SECRET", "PASS", "TOKEN", "DSN", "CREDENTIAL")
# Laravel's AUTH_PASSWORD_BROKER, for one, is the name of a table.
NOT_TELLING = ("_BROKER", "_TABLE", "_TIMEOUT")
# Shorter ones are part of ordinary words; redact() takes them out where they stand alone.
SHORT = 4
# In the login's environment, shorter ones are switches, such as a desktop's ..._KEYS=1.
SHORT_IN_ENVIRONMENT = 8
CACHED = "bootstrap/cache/config.php"
# 'password' => 'it\'s', as var_export() writes it.
EXPORTED = re.compile(
    r"'((?:\w+_)?(?:password|secret|token|key|url|dsn))'\s*=>\s*'((?:[^'\\]|\\.)*)'",
    re.DOTALL | re.IGNORECASE,
)
# Longer ones are keys over many lines, and searched for as they stand.
LONG = 500
# In what is read for names afterwards, a secret as short as a name is left.
SHORT_AS_A_NAME = 8

# By module run, what was given to it.
_given: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def remember(module, *secrets):
    """Note secrets that were given to a module; None is none."""
    _given.setdefault(module, set()).update(secret for secret in secrets if secret)


def shown(environment):
    """Return {name: value} of an environment as it may be shown."""
    return {
        name: SHOWN if secrets_of({name: value}) else value for name, value in environment.items()
    }


def known(path, environment=None):
    """Return the secrets of the application in the folder `path`, each in every form it may have.

    Of its .env and the variants of it, its cached configuration, `environment` (what PHP gets
    besides the login's), and the login's environment.
    """
    secrets = _of_files(path) | _of_cache(path) | secrets_of(environment or {})
    return secrets | secrets_of(
        {key: value for key, value in os.environ.items() if len(value) >= SHORT_IN_ENVIRONMENT}
    )


def hider(module, path, environment=None, *more):
    """Return a function that takes what is secret out of a text; None stays None.

    more: passwords that are known besides. Files are read when there is a first text. Of a text
    that is to be parsed (hide(text, parsed=True)), a secret that may be a name there stays, unless
    it is one of those that were given.
    """
    found: list = []

    def hide(text, parsed=False):
        if not text:
            return text
        given = {*_given.get(module, ()), *more}
        if not found:
            found.append(known(path, environment))
        secrets = {one for one in found[0] if not parsed or len(one) >= SHORT_AS_A_NAME} | given
        return without(text, longest_first(secrets))

    return hide


def longest_first(secrets):
    """Return secrets in the order in which they are taken out: one may be a part of another."""
    return sorted({secret for secret in secrets if secret}, key=lambda one: (-len(one), one))


def without(text, secrets):
    """Return text without any of the secrets, which are in the order of longest_first()."""
    for secret in secrets:
        text = redact(text, secret)
    return text


def redact(text, password):
    """Return text without the password, also where it is escaped for a shell, a URL, JSON, HTML."""
    if not password or not text:
        return text
    if len(password) > LONG:
        return text.replace(password, "***")
    parts = []
    for character in password:
        forms = [
            r"\\{0,4}" + re.escape(character),
            re.escape(html.escape(character)),
            rf"\\u(?i:{ord(character):04x})",
        ]
        in_url = urllib.parse.quote(character, safe="", errors="replace")
        if in_url != character:
            forms.append(f"(?i:{in_url})")
        if character == " ":
            forms.append(r"\+")
        if character == "'":
            forms += [r"'\\''", "'\"'\"'"]
        parts.append("(?:" + "|".join(forms) + ")")
    pattern = "".join(parts)
    if len(password) < SHORT:
        # Anything shorter is a part of ordinary words as well.
        pattern = rf"(?<!\w){pattern}(?!\w)"
    return re.sub(pattern, "***", text)


def secrets_of(values):
    """Return those of {key: value} that are secret, in each form in which they may be met."""
    secrets = set()
    for key, value in values.items():
        value = str(value)
        url = password_of_url(value)
        if url:
            secrets |= {value, url, urllib.parse.unquote(url)}
        name = str(key).upper().split(" ")[0]
        if not any(word in name for word in TELLING) or name.endswith(NOT_TELLING):
            continue
        if value.lower() in WORDS:
            continue
        secrets.add(value)
        # APP_KEY; and of a key over several lines, each line that could stand alone.
        secrets.add(value[7:] if value.startswith("base64:") else "")
        if "\n" in value:
            secrets |= {line for line in value.splitlines() if len(line) > 2 * SHORT}
    return secrets - {""}


def password_of_url(value):
    """Return the password in a URL as it is written there, or None."""
    try:
        return urllib.parse.urlsplit(value).password if "://" in value else None
    except ValueError:
        return None


def _of_files(path):
    """Return the secret values of the application's .env and its variants (.env.production)."""
    secrets = set()
    for name in glob.glob(os.path.join(glob.escape(path), ".env*")):
        text = _read(name)
        try:
            lines = entries(text)
        except ValueError:
            lines = text.splitlines()
        values: dict = {}
        for line in lines:
            key, _, raw = line.partition("=")
            key = key_of(key)
            if key:
                for value in _readings(raw.strip()):
                    values[f"{key} {len(values)}"] = value
        secrets |= secrets_of(values)
    return secrets


def _readings(raw):
    """Return what the value of a line of .env may be; of one with a "$" in it, more than one."""
    value = read_value(raw)[0]
    if value is not None:
        return [value]
    # Only "${" begins a reference; any other "$" is one.
    literal = re.sub(r"(?<!\\)\$", r"\\$", raw) if raw[:1] == '"' else raw
    return [raw.strip("'\""), read_value(literal)[0] or raw.split()[0]]


def _of_cache(path):
    """Return the secret values of the cached configuration, where there is one."""
    found = EXPORTED.findall(_read(os.path.join(path, CACHED)))
    values = {
        f"{key} {number}": re.sub(r"\\([\\'])", r"\1", value)
        for number, (key, value) in enumerate(found)
        if len(value) >= SHORT_AS_A_NAME or key.lower().endswith("password")
    }
    return secrets_of(values)


def _read(name):
    try:
        with open(name, encoding="utf-8", errors="surrogateescape", newline="") as file:
            return file.read()
    except OSError:
        return ""
