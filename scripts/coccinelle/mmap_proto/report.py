# SPDX-License-Identifier: GPL-2.0-only
"""The report of a conversion: written for machines, read out for people."""

import collections
import csv
import io
import json
import os
import textwrap

import diffs
import tables
import webpage

COLUMNS = ("file", "line", "ops_struct", "instance", "hook", "shape",
           "result", "reason")
CONVERTED = "converted"
REFUSED = "refused"
LISTED = "listed"       # of another structure than file_operations
RESULTS = (CONVERTED, REFUSED, LISTED)
# What tests add to a report: columns (file, configuration), and
# (file, hook, reached).
COMPILED = "compiled.csv"
REACHED = "reached.csv"
_WIDTH = 78


def category(reason):
    """Return @reason without what is particular to one hook."""
    return reason.split(":", 1)[0]


def _counts(rows, key):
    """Return {key(row): {result: number}} of @rows, in order of the keys."""
    counts = collections.defaultdict(lambda: dict.fromkeys(RESULTS, 0))
    for row in rows:
        counts[key(row)][row["result"]] += 1
    return dict(sorted(counts.items()))


def summary(rows):
    """Return the counts of @rows, each a dict with COLUMNS."""
    results = collections.Counter(row["result"] for row in rows)
    reasons = collections.Counter(category(row["reason"]) for row in rows
                                  if row["result"] == REFUSED)
    table = _subsystems()
    return {"found": results[CONVERTED] + results[REFUSED],
            "converted": results[CONVERTED],
            "refused": results[REFUSED],
            "listed": results[LISTED],
            "reasons": dict(sorted(reasons.items(),
                                   key=lambda item: (-item[1], item[0]))),
            "shapes": _counts(rows, lambda row: row["shape"]),
            "subsystems": _counts(
                rows, lambda row: subsystem(row["file"], table))}


def _subsystems():
    pairs = [line.split(None, 1) for line in tables.own("subsystems")]
    return sorted(pairs, key=lambda pair: -len(pair[0]))


def subsystem(path, table):
    """Return what the subject of a commit to the file @path begins with."""
    for prefix, name in table:
        if path == prefix or path.startswith(prefix + "/"):
            return name
    parts = path.split("/")
    if parts[0] in ("drivers", "fs", "arch") and len(parts) > 1:
        return os.path.splitext(parts[1])[0]
    return parts[0] if len(parts) > 1 else os.path.splitext(parts[0])[0]


def _message(name, converted, dialect):
    """Return the message of a subsystem's commit."""
    why = (f"An .mmap hook is handed a VMA that is half built, after the range "
           f"has been cleared and memory has been charged. Whatever it changes "
           f"there comes too late for the checks, and has to be undone if a "
           f"later step fails. .{dialect.hook} is asked first: the hook only "
           f"describes the mapping, and the core does the rest.")
    what = ("These hooks check the mapping, say what its flags, operations, "
            "private data and page protection are, and map memory, if any, "
            "that stays where it is. Give them a "
            f"struct {dialect.struct} to say so in:")
    hooks = [f"  {path}: {hook}" for path, hook in converted]
    return "\n".join([f"{name}: describe mappings by {dialect.hook}", "",
                      textwrap.fill(why, 72), "", textwrap.fill(what, 72), "",
                      *hooks]) + "\n"


def commits(rows, changed, dialect):
    """Return the commits to make of the files @changed, one per subsystem."""
    table = _subsystems()
    files = collections.defaultdict(list)
    for path in sorted(changed):
        files[subsystem(path, table)].append(path)
    made = []
    for name in sorted(files):
        hooks = sorted({(row["file"], row["hook"]) for row in rows
                        if row["file"] in files[name]
                        and row["result"] == CONVERTED
                        and not row["reason"]})
        made.append({"message": _message(name, hooks, dialect),
                     "files": files[name]})
    return made


def _store(path, text):
    """Write @text to @path; leave a file that holds it already alone."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape",
                  newline="") as stream:
            if stream.read() == text:
                return
    except FileNotFoundError:
        pass
    with open(path + ".new", "w", encoding="utf-8", newline="",
              errors="surrogateescape") as stream:
        stream.write(text)
    os.replace(path + ".new", path)


def _load(folder, name):
    """Return the text of the file @name of a report."""
    with open(os.path.join(folder, name), encoding="utf-8",
              errors="surrogateescape", newline="") as stream:
        return stream.read()


def _tested(folder, name):
    """Return the lines of a table that tests make, None if there is none."""
    try:
        return list(csv.DictReader(io.StringIO(_load(folder, name))))
    except FileNotFoundError:
        return None


def write_page(folder):
    """Write the page index.html of the report in @folder; raises OSError."""
    rows = read(folder)
    _store(os.path.join(folder, "index.html"), webpage.page(
        rows, summary(rows), json.loads(_load(folder, "source.json")),
        json.loads(_load(folder, "commits.json")),
        diffs.split(_load(folder, "conversions.diff")),
        _tested(folder, COMPILED), _tested(folder, REACHED)))


def write(folder, rows, changed, dialect, source):
    """Write a report; raises OSError.

    @changed  {path: (text before, text after)} of the converted files
    @source   the way from @folder to the converted tree
    """
    os.makedirs(folder, exist_ok=True)
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    _store(os.path.join(folder, "hooks.csv"), text.getvalue())
    for name, value in (("summary.json", summary(rows)),
                        ("source.json", source),
                        ("commits.json", commits(rows, changed, dialect))):
        _store(os.path.join(folder, name), json.dumps(value, indent=1) + "\n")
    _store(os.path.join(folder, "conversions.diff"), "".join(
        diffs.unified(path, *changed[path]) for path in sorted(changed)))
    write_page(folder)


def read(folder):
    """Return the rows of the report in @folder; raises OSError."""
    return list(csv.DictReader(io.StringIO(_load(folder, "hooks.csv"))))


def _table(title, counts):
    lines = [f"{title}:"]
    for name, count in sorted(counts.items(), key=lambda i: (-i[1], i[0])):
        lines += textwrap.wrap(name, _WIDTH, initial_indent=f"{count:6}  ",
                               subsequent_indent=" " * 8)
    return lines


def _results(title, counts):
    """Return lines that say what became of each kind of hook of @counts."""
    if not counts:
        return []
    width = min(36, max(len(title), *map(len, counts)))
    lines = ["", f"{title:{width}}" + "".join(f"{r:>11}" for r in RESULTS)]
    for name, results in counts.items():
        lines.append(f"{name[:width]:{width}}" + "".join(
            f"{results[r] or '-':>11}" for r in RESULTS))
    return lines


def status(rows):
    """Return a page about @rows, at most 80 columns wide."""
    counts = summary(rows)
    lines = [f"{counts['found']} hooks: {counts['converted']} converted, "
             f"{counts['refused']} refused"]
    if counts["listed"]:
        lines.append(f"{counts['listed']} hooks of other structures are "
                     "listed")
    if counts["reasons"]:
        lines += ["", *_table("Refused because", counts["reasons"])]
    lines += _results("Shape", counts["shapes"])
    lines += _results("Subsystem", counts["subsystems"])
    return "\n".join(lines) + "\n"
