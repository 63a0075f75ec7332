# SPDX-License-Identifier: GPL-2.0-only
"""Settles the hooks that are defined in one file and initialise in others.

Such a hook is converted in all files or in none: where it is defined, where
it is declared, where it is exported, and in every initialiser.
"""

import re

import ctext
import judge
import scan


class _Use:
    """What one file has of a shared hook."""

    def __init__(self, path, source, hooks):
        self.path = path
        self.source = source
        self.hooks = hooks      # Hooks, all of the file


def is_open(verdict):
    """Tell whether @verdict, on a hook of one file, waits for the others."""
    return bool(verdict) and verdict.reason in (judge.ELSEWHERE,
                                                judge.NOT_STATIC)


def _is_static(source, name):
    """Tell whether @name is the file's own, whatever others call so."""
    return any(definition.is_static()
               for definition in source.definitions(name))


def _settle(name, uses, dialect):
    """Return the Verdict on hook @name, which the files of @uses name."""
    homes = [use for use in uses if use.source.definitions(name)]
    if len(homes) != 1:
        return judge.Verdict("", judge.ELSEWHERE if not homes else
                             "defined in several files")
    for use in uses:
        mine = [h for h in use.hooks
                if h.member == scan.LIVE and h.hook == name]
        verdict = judge.judge_shared(use.source, name, mine, use.hooks,
                                     dialect)
        if not verdict.shape:
            return verdict
        if use is homes[0]:
            shape = verdict.shape
    return judge.Verdict(shape, "")


def settle(contents, found, dialect):
    """Return ({name: Verdict}, {name: [path]}) of the hooks that are shared.

    @contents  {path: bytes} of all files that may name one
    @found     {path: [(Hook, Verdict or None)]} of each file by itself
    """
    names = {hook.hook for hooks in found.values()
             for hook, verdict in hooks if is_open(verdict)}
    if not names:
        return {}, {}
    pattern = re.compile(rb"\b(?:" + b"|".join(
        re.escape(name).encode() for name in sorted(names)) + rb")\b")
    uses = {name: [] for name in names}
    for path, content in contents.items():
        here = {match.decode() for match in pattern.findall(content)}
        if not here:
            continue
        source = ctext.Source(content.decode("utf-8", "surrogateescape"))
        use = _Use(path, source, [hook for hook, _ in found.get(path, ())])
        for name in here:
            if source.uses(name) and not _is_static(source, name):
                uses[name].append(use)
    verdicts = {name: _settle(name, uses[name], dialect) for name in names}
    return verdicts, {name: [use.path for use in uses[name]]
                      for name in names}
