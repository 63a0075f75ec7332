#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Converts .mmap hooks to prototype hooks, and accounts for every one.

Three steps, each a module of its own: scan finds the hooks, judge decides
which of them may be converted, rewrite converts those.
"""

import argparse
import json
import os
import signal
import sys
import tempfile

import conversion
import dialect as dialects
import diffs
import meter
import report
import spatch

ERROR = 1
SOME_REFUSED = 2


class ConvertError(Exception):
    """The conversion cannot be done; the text is a sentence for the user."""


def _row(path, hook, shape, result, reason):
    """Return the line of the report about @hook."""
    return {"file": path, "line": hook.line, "ops_struct": hook.struct,
            "instance": hook.instance, "hook": hook.hook, "shape": shape,
            "result": result, "reason": reason}


def _judged_row(tree, path, hook, verdict, failed, steps):
    """Return the line about a hook of file_operations."""
    result, reason = report.REFUSED, ""
    if verdict is None:
        result = report.CONVERTED
        reason = f"by hand in {steps[path]}" if path in steps else \
            "was converted already"
    elif not verdict.shape:
        reason = verdict.reason
    elif path in failed:
        reason = failed[path]
    else:
        result = report.CONVERTED
    return _row(path, hook, tree.shapes.of(path, hook.hook), result, reason)


def _rows(tree, failed, steps):
    """Return the lines of the report about all hooks of @tree."""
    rows = [_judged_row(tree, path, hook, verdict, failed, steps)
            for path, found in tree.found.items() for hook, verdict in found]
    rows += [_row(path, hook, tree.shapes.of(path, hook.hook), report.LISTED,
                  "") for path, hooks in tree.others.items() for hook in hooks]
    return sorted(rows, key=lambda row: (row["file"], row["line"],
                                         row["hook"]))


def _steps(path):
    """Return {file: step that edited it by hand}, as the file @path says."""
    if not path:
        return {}
    try:
        with open(path, encoding="utf-8") as stream:
            return dict(json.load(stream))
    except (ValueError, TypeError) as error:
        raise ConvertError(f"{path} is no list of steps: {error}.") from error


def convert_tree(arguments):
    """Convert what can be converted in a tree, in place; write the report."""
    if not os.path.isdir(arguments.tree):
        raise ConvertError(f"There is no folder {arguments.tree}; give the "
                           "tree to convert with --tree.")
    dialect = dialects.of(arguments.dialect)
    steps = _steps(arguments.steps)
    progress = meter.Meter(arguments.progress)
    try:
        tree = conversion.Tree(arguments.tree, dialect, arguments.cache,
                               arguments.jobs, progress)
        tree.examine()
        converted, failed = tree.rewrite(tree.accepted())
        progress.say("writing the report")
        report.write(arguments.report, _rows(tree, failed, steps),
                     {path: (tree.old_text(path), text)
                      for path, text in converted.items()}, dialect,
                     arguments.source or os.path.relpath(
                         arguments.tree, arguments.report))
        for path in sorted(converted):
            tree.replace(path, converted[path])
    finally:
        progress.close()
    return 0


def _whole_files(tree, failed):
    """Return {path: why} of the files of which not every hook is accepted."""
    left = dict(failed)
    for path, found in tree.found.items():
        if any(verdict and not verdict.shape for _, verdict in found):
            left[path] = "another hook of the file is refused"
    return left


def convert_driver(arguments):
    """Print what converts the driver in a folder, or convert it in place.

    A file is changed whole or not at all. Returns SOME_REFUSED if a hook
    stays as it is.
    """
    if not os.path.isdir(arguments.folder):
        raise ConvertError(f"There is no folder {arguments.folder}; give the "
                           "one that holds the driver.")
    progress = meter.Meter()
    try:
        with tempfile.TemporaryDirectory(prefix="mmap-driver-") as cache:
            tree = conversion.Tree(
                arguments.folder, dialects.of(arguments.dialect), cache,
                arguments.jobs, progress)
            tree.examine()
            left = _whole_files(tree, {})
            converted, failed = tree.rewrite(
                [path for path in tree.accepted() if path not in left])
    finally:
        progress.close()
    for path in sorted(converted):
        if arguments.in_place:
            tree.replace(path, converted[path])
        else:
            text = diffs.unified(path, tree.old_text(path), converted[path])
            sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    rows = [row for row in _rows(tree, _whole_files(tree, failed), {})
            if row["result"] != report.LISTED]
    return _tell(arguments.folder, rows)


def _tell(folder, rows):
    """Say on the standard error what became of @rows; return the status."""
    refused = [row for row in rows if row["result"] == report.REFUSED]
    for row in refused:
        print(f"{row['file']}:{row['line']}: {row['hook']}: {row['reason']}",
              file=sys.stderr)
    if not rows:
        print(f"convert.py: {folder} has no .mmap hook of struct "
              "file_operations.", file=sys.stderr)
    else:
        print(f"convert.py: {len(rows)} found, {len(rows) - len(refused)} "
              f"converted, {len(refused)} refused", file=sys.stderr)
    return SOME_REFUSED if refused else 0


def _rows_of(folder):
    try:
        return report.read(folder)
    except FileNotFoundError as error:
        raise ConvertError(f"There is no report in {folder}; convert a tree "
                           "first.") from error


def show_status(arguments):
    """Print the table of a report."""
    sys.stdout.write(report.status(_rows_of(arguments.report)))
    return 0


def write_page(arguments):
    """Write a report's page again, with what tests have added meanwhile."""
    _rows_of(arguments.report)
    report.write_page(arguments.report)
    return 0


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are not taken for refused hooks."""

    def error(self, message):
        self.print_usage(sys.stderr)
        self.exit(ERROR, f"convert.py: {message}\n")


def _jobs(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least one process is needed")
    return number


def _add_common(parser):
    parser.add_argument("--jobs", type=_jobs,
                        default=len(os.sched_getaffinity(0)),
                        help="processes at a time (default: one per CPU)")
    parser.add_argument("--dialect", default=dialects.DEFAULT,
                        choices=sorted(dialects.DIALECTS),
                        help="the prototype hook that the kernel has "
                             f"(default: {dialects.DEFAULT})")


def _parser():
    parser = _Parser(
        description="Convert .mmap hooks to prototype hooks.",
        epilog="Exit status: 0 done, 1 error; of `dir`, 2 if a hook was "
               "refused.")
    commands = parser.add_subparsers(dest="command", required=True)
    tree = commands.add_parser("tree", help="convert a tree in place")
    tree.add_argument("--tree", required=True, help="the folder to convert")
    tree.add_argument("--report", required=True,
                      help="folder for hooks.csv, summary.json, commits.json, "
                           "conversions.diff, index.html")
    tree.add_argument("--cache", required=True,
                      help="folder for results of earlier runs")
    tree.add_argument("--steps",
                      help="JSON object: which step edited a file by hand")
    tree.add_argument("--source",
                      help="the way from the report to the converted tree, if "
                           "that will be elsewhere")
    tree.add_argument("--progress", action="store_true",
                      help="say on the standard output what is done")
    _add_common(tree)
    tree.set_defaults(run=convert_tree)
    driver = commands.add_parser(
        "dir", help="print the diff that converts the driver in a folder")
    driver.add_argument("folder", metavar="DIR", help="the driver's folder")
    driver.add_argument("--in-place", action="store_true",
                        help="change the files instead")
    _add_common(driver)
    driver.set_defaults(run=convert_driver)
    for name, run, text in (
            ("status", show_status, "print a report's table"),
            ("page", write_page, "write a report's index.html again")):
        command = commands.add_parser(name, help=text)
        command.add_argument("--report", required=True,
                             help="folder of the report")
        command.set_defaults(run=run)
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
        status = arguments.run(arguments)
        sys.stdout.flush()
        return status
    except (ConvertError, spatch.SpatchError, OSError) as error:
        print(f"convert.py: {error}", file=sys.stderr)
        return ERROR


if __name__ == "__main__":
    sys.exit(main())
