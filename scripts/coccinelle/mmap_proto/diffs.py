# SPDX-License-Identifier: GPL-2.0-only
"""Changes of files as diffs that `git apply` and `patch -p1` take."""

import difflib
import re

_CONTEXT = 3


def _lines(text):
    """Return the lines of @text; only a newline ends one."""
    lines = text.split("\n")
    last = lines.pop()
    return [line + "\n" for line in lines] + ([last] if last else [])


def unified(path, old, new):
    """Return the diff that makes @new of @old, the texts of file @path."""
    made = [f"diff --git a/{path} b/{path}\n"]
    for line in difflib.unified_diff(_lines(old), _lines(new), "a/" + path,
                                     "b/" + path, n=_CONTEXT):
        made.append(line)
        if not line.endswith("\n"):
            made.append("\n\\ No newline at end of file\n")
    return "".join(made) if len(made) > 1 else ""


def split(text):
    """Return {path: diff} of the diffs that are joined in @text."""
    parts = re.split(r"^(?=diff --git a/)", text, flags=re.MULTILINE)
    return {re.match(r"diff --git a/(.*) b/", part).group(1): part
            for part in parts if part}
