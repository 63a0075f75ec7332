#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Converts .mmap hooks to prototype hooks, and accounts for every one.

Three steps, each a module of its own: scan finds the hooks, judge decides
which of them may be converted, rewrite converts those.
"""

import argparse
import os
import signal
import stat
import sys

import cache as caching
import ctext
import dialect as dialects
import judge
import report
import rewrite
import scan
import shared
import spatch
import tables

# What a verdict depends on, besides the programs.
_TABLES = ("calls", "counterparts", "locks", "reviewed")
HERE = os.path.dirname(os.path.abspath(__file__))


class ConvertError(Exception):
    """The conversion cannot be done; the text is a sentence for the user."""


def _fingerprint(dialect):
    """Return a key for the tool itself, its tables, and spatch."""
    parts = [dialect.hook, spatch.version()]
    for name in sorted(os.listdir(HERE)):
        path = os.path.join(HERE, name)
        # The scope and the subsystems' names are looked at after the caches.
        if name.endswith((".py", ".cocci")) or name in _TABLES:
            with open(path, "rb") as stream:
                parts += [name, stream.read()]
    return caching.digest(*parts)


def _candidates(tree):
    """Yield (path, content) of the C files of @tree that name mmap."""
    for folder, folders, names in os.walk(tree):
        folders[:] = sorted(f for f in folders if f != ".git")
        for name in sorted(names):
            path = os.path.join(folder, name)
            if name.endswith((".c", ".h")) and os.path.isfile(path):
                with open(path, "rb") as stream:
                    content = stream.read()
                if b"mmap" in content:
                    yield os.path.relpath(path, tree), content


def _source(content):
    return ctext.Source(content.decode("utf-8", "surrogateescape"))


class Tree:
    """The files of a tree, with the hooks that were found and judged."""

    def __init__(self, root, dialect, cache, jobs):
        self.root = root
        self.dialect = dialect
        self.cache = cache
        self.jobs = jobs
        self.fingerprint = _fingerprint(dialect)
        self.contents = {}      # path -> bytes, of files with a hook
        self.keys = {}          # path -> key of its content, the same
        self.found = {}         # path -> [(Hook, Verdict or None)]
        self.shared = {}        # path -> names of shared hooks to convert

    def examine(self):
        """Find and judge every hook; files seen before cost nothing."""
        cache = caching.Cache(self.cache, "examined", self.fingerprint)
        new = {}
        results = {}
        for path, content in _candidates(self.root):
            key = caching.digest(content)
            result = cache.get(key)
            if result is None:
                new[path] = content
            else:
                results[path] = result
            if result is None or result:
                self.contents[path] = content
                self.keys[path] = key
        results.update(self._examine_new(new))
        for path in new:
            cache.put(self.keys[path], results[path])
        for path in sorted(results):
            self.found[path] = [
                (scan.Hook(**hook),
                 judge.Verdict(*verdict) if verdict else None)
                for hook, verdict in results[path]]
        cache.save()
        self._settle_shared(results)

    def _settle_shared(self, results):
        """Judge the hooks that several files name."""
        everything = {path: content for path, content
                      in _candidates(self.root)}
        verdicts, places = shared.settle(everything, self.found, self.dialect)
        for path, hooks in self.found.items():
            self.found[path] = [
                (hook, verdicts[hook.hook]
                 if shared.is_open(verdict) else verdict)
                for hook, verdict in hooks]
        for name, verdict in verdicts.items():
            for path in places[name] if verdict.shape else ():
                self.shared.setdefault(path, []).append(name)
                if path not in self.contents:
                    self.contents[path] = everything[path]
                    self.keys[path] = caching.digest(everything[path])

    def _examine_new(self, contents):
        """Return {path: [[hook, verdict]]} for @contents, as JSON keeps it."""
        by_cocci = scan.cocci(self.root, sorted(contents), self.dialect,
                              self.jobs)
        results = {}
        for path, content in contents.items():
            source = _source(content)
            hooks = scan.merge(
                scan.lexical(source, (scan.LIVE, self.dialect.hook)),
                by_cocci[path])
            verdicts = judge.judge(source, hooks, self.dialect)
            results[path] = []
            for hook in hooks:
                verdict = verdicts.get(hook.hook) \
                    if hook.member == scan.LIVE else None
                results[path].append([
                    hook.as_dict(),
                    verdict.as_list() if verdict else None])
        return results

    def rewrite(self, paths):
        """Rewrite the accepted hooks of @paths.

        Returns ({path: new text}, {path: why nothing was done}).
        """
        cache = caching.Cache(self.cache, "rewritten", self.fingerprint)
        keys = {path: caching.digest(self.keys[path],
                                     *sorted(self.shared.get(path, ())))
                for path in paths}
        wanted = {path: cache.get(keys[path]) for path in paths}
        texts = {path: self.contents[path].decode("utf-8", "surrogateescape")
                 for path in paths if wanted[path] is None}
        made = rewrite.rewrite(texts, self._shared_names(), self.dialect,
                               self.jobs)
        for path, text in texts.items():
            names = {hook.hook: self.dialect.new_name(hook.hook)
                     for hook, verdict in self.found.get(path, ())
                     if verdict and verdict.shape}
            names.update({name: self.dialect.new_name(name)
                          for name in self.shared.get(path, ())})
            carriers = {carrier for _, verdict in self.found.get(path, ())
                        if verdict and verdict.shape
                        for carrier in verdict.carriers}
            try:
                new = rewrite.finish(text, made[path], names, carriers,
                                     self.dialect)
                wanted[path] = [new, ""]
            except rewrite.Incomplete as problem:
                wanted[path] = [text, str(problem)]
            cache.put(keys[path], wanted[path])
        cache.save()
        return self._all_or_none(wanted)

    def _shared_names(self):
        return {name for names in self.shared.values() for name in names}

    def _all_or_none(self, wanted):
        """Return what rewrite() does: a file that shares a hook with one that
        failed is left alone too."""
        failed = {p: why for p, (_, why) in wanted.items() if why}
        while True:
            names = {name for path in failed
                     for name in self.shared.get(path, ())}
            more = [path for path in wanted if path not in failed
                    and names & set(self.shared.get(path, ()))]
            if not more:
                return ({p: text for p, (text, _) in wanted.items()
                         if p not in failed}, failed)
            for path in more:
                failed[path] = "a file that shares its hook is refused"

    def replace(self, path, text):
        """Give file @path the content @text: a new file, then a rename."""
        target = os.path.join(self.root, path)
        mode = stat.S_IMODE(os.stat(target).st_mode)
        with open(target + ".new", "w", encoding="utf-8", newline="",
                  errors="surrogateescape") as stream:
            stream.write(text)
        os.chmod(target + ".new", mode)
        os.replace(target + ".new", target)


def _in_scope(path, scope):
    return any(entry == "." or path == entry
               or path.startswith(entry.rstrip("/") + "/")
               for entry in scope)


def _row(path, hook, verdict, scope, failed):
    """Return the line of the report about @hook."""
    row = {"file": path, "line": hook.line, "ops_struct": hook.struct,
           "instance": hook.instance, "hook": hook.hook, "shape": "",
           "result": report.REFUSED, "reason": ""}
    if verdict is None:
        row["result"] = report.CONVERTED
        row["reason"] = "was converted already"
        return row
    row["shape"] = verdict.shape
    if not verdict.shape:
        row["reason"] = verdict.reason
    elif not _in_scope(path, scope):
        row["reason"] = "outside scope"
    elif path in failed:
        row["reason"] = failed[path]
    else:
        row["result"] = report.CONVERTED
    return row


def convert_tree(arguments):
    """Convert what can be converted in a tree, in place; write the report."""
    if not os.path.isdir(arguments.tree):
        raise ConvertError(f"There is no folder {arguments.tree}; give the "
                           "tree to convert with --tree.")
    dialect = dialects.of(arguments.dialect)
    scope = tables.read(arguments.scope)
    tree = Tree(arguments.tree, dialect, arguments.cache, arguments.jobs)
    tree.examine()
    wanted = [path for path, found in tree.found.items()
              if _in_scope(path, scope)
              and any(verdict and verdict.shape for _, verdict in found)]
    wanted += [path for path in tree.shared if path not in wanted]
    converted, failed = tree.rewrite(wanted)
    rows = [_row(path, hook, verdict, scope, failed)
            for path, found in tree.found.items()
            for hook, verdict in found]
    report.write(arguments.report, rows, converted, dialect)
    for path in sorted(converted):
        tree.replace(path, converted[path])


def show_status(arguments):
    """Print the table of a report."""
    try:
        rows = report.read(arguments.report)
    except FileNotFoundError as error:
        raise ConvertError(f"There is no report in {arguments.report}; "
                           "convert a tree first.") from error
    sys.stdout.write(report.status(rows))


def _parser():
    parser = argparse.ArgumentParser(
        description="Convert .mmap hooks to prototype hooks.")
    commands = parser.add_subparsers(dest="command", required=True)
    tree = commands.add_parser("tree", help="convert a tree in place")
    tree.add_argument("--tree", required=True, help="the folder to convert")
    tree.add_argument("--report", required=True,
                      help="folder for hooks.csv, summary.json, commits.json")
    tree.add_argument("--cache", required=True,
                      help="folder for results of earlier runs")
    tree.add_argument("--jobs", type=int,
                      default=len(os.sched_getaffinity(0)),
                      help="processes at a time (default: one per CPU)")
    tree.add_argument("--dialect", default=dialects.DEFAULT,
                      choices=sorted(dialects.DIALECTS))
    tree.add_argument("--scope", default=os.path.join(HERE, "scope"),
                      help="list of the files and folders to convert "
                           "(default: the one beside this program)")
    tree.set_defaults(run=convert_tree)
    status = commands.add_parser("status", help="print a report's table")
    status.add_argument("--report", required=True,
                        help="folder of the report")
    status.set_defaults(run=show_status)
    return parser


def _interrupt(number, _frame):
    """Be interrupted once: what is started is ended without a second one.

    Who started this program can end thread by thread, with a signal each.
    """
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def main():
    """Run the command line; return the exit status."""
    arguments = _parser().parse_args()
    signal.signal(signal.SIGINT, _interrupt)
    try:
        arguments.run(arguments)
    except (ConvertError, spatch.SpatchError, OSError) as error:
        print(f"convert.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
