# SPDX-License-Identifier: GPL-2.0-only
"""What the semantic patches ask from inside spatch.

Python's state is one per spatch process and file; every answer is worked out
from the file's text as it is on the disk, before any rule has changed it.
"""

import os

import ctext
import dialect
import judge
import scan

# Environment variable with the hooks that rewrite.py has found to be shared.
SHARED = "MMAP_PROTO_SHARED"
# The name of no function.
NOBODY = "__nobody"

_parsed = {}
_judged = {}


def parsed(path, line, function):
    """Take note that an initialiser with @function stands at @line.

    To be called for every one of a file before accepts() is.
    """
    _parsed.setdefault(path, set()).add((int(line), function))


def _verdicts(path, member):
    if (path, member) not in _judged:
        with open(path, encoding="utf-8", errors="surrogateescape") as stream:
            source = ctext.Source(stream.read())
        hooks = scan.merge(
            scan.lexical(source, (scan.LIVE, member)),
            [scan.Hook(line, scan.LIVE, scan.OPS, "", function, "", ["cocci"])
             for line, function in _parsed.get(path, ())])
        _judged.clear()
        _judged[path, member] = judge.judge(
            source, hooks, dialect.of(member),
            os.environ.get(SHARED, "").split())
    return _judged[path, member]


def accepts(path, function, member):
    """Tell whether the rules may rewrite hook @function of the file @path."""
    verdict = _verdicts(path, member).get(function)
    return bool(verdict) and bool(verdict.shape)


def carries(path, function, member):
    """Tell whether @function is given the prototype by such a hook."""
    return any(function in verdict.carriers
               for verdict in _verdicts(path, member).values()
               if verdict.shape)


def new_name(function, member):
    """Return the name that @function has after conversion."""
    return dialect.of(member).new_name(function)


def message(function, member):
    """Return what report mode says about hook @function."""
    return f"opportunity for .{member}: {function} only describes the mapping"


def counterpart(function, member, kinds):
    """Return the counterpart of the helper @function if it is one of @kinds,
    or the name of nobody."""
    other, kind = dialect.of(member).counterparts.get(function, ("", ""))
    return other if kind in kinds else NOBODY
