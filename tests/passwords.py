# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords that a template, .env, a shell, SQL, an option file or a URL could trip over."""

ALL = ' {{ it\'s }} {% "odd" %} {# \\ #} $HOME ${HOME} #;%s 100% é `x` & {{ '
AWKWARD = {
    "braces": "a{{b",
    "template": "a{{ 7*7 }}b",
    "statement": "a{%b%}c{%",
    "comment": "a{#b#}c",
    "quotes": 'it\'s "quoted" `x`',
    "backslash": "back\\slash\\n\\",
    "dollar": "$HOME ${HOME} $x",
    "hash": "#hash #; 100% %s %41",
    "spaces": "  at both ends  ",
    "letters": "kata sandí é ü",
    "all": ALL,
}
# Given without !unsafe, these are no template, or one that drops a part of them.
NO_TEMPLATE = ("braces", "statement", "comment", "all")
