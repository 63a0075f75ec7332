# SPDX-License-Identifier: GPL-2.0-only
"""Lists that a person can extend, one entry a line, `#` for comments."""

import os

HERE = os.path.dirname(os.path.abspath(__file__))


def read(path):
    """Return the entries of the list @path; raises OSError."""
    with open(path, encoding="utf-8") as lines:
        entries = [line.split("#", 1)[0].strip() for line in lines]
    return [entry for entry in entries if entry]


def own(name):
    """Return the entries of list @name, which lies beside this module."""
    return read(os.path.join(HERE, name))


def counterparts():
    """Return {function that takes a VMA: (counterpart, kind)}."""
    return {function: (other, kind) for function, other, kind in
            (entry.split() for entry in own("counterparts"))}


def pairs():
    """Return {function that takes a lock: the one that releases it}."""
    return dict(entry.split() for entry in own("locks"))


def calls():
    """Return {function that a hook may call: word or ""}.

    A word is one that must be among the arguments; functions that are called
    through a pointer have "->" before their name.
    """
    found = {}
    for entry in own("calls"):
        name, bracket, word = entry.rstrip(")").partition("(")
        found[name] = word if bracket else ""
    return found
