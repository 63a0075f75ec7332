# SPDX-License-Identifier: GPL-2.0-only
"""The report of a conversion: written for machines, read out for people."""

import collections
import csv
import io
import json
import os
import textwrap

import tables

COLUMNS = ("file", "line", "ops_struct", "instance", "hook", "shape",
           "result", "reason")
CONVERTED = "converted"
REFUSED = "refused"
_WIDTH = 78


def category(reason):
    """Return @reason without what is particular to one hook."""
    return reason.split(":", 1)[0]


def summary(rows):
    """Return the counts of @rows, each a dict with COLUMNS."""
    results = collections.Counter(row["result"] for row in rows)
    reasons = collections.Counter(category(row["reason"]) for row in rows
                                  if row["result"] == REFUSED)
    return {"found": len(rows), "converted": results[CONVERTED],
            "refused": results[REFUSED], "reasons": dict(sorted(
                reasons.items(), key=lambda item: (-item[1], item[0])))}


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
    what = ("These hooks only set flags, operations, private data or the page "
            "protection, or refuse the mapping. Say so by giving them a "
            f"struct {dialect.struct}; nothing changes for user space:")
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
                        and row["result"] == CONVERTED and row["shape"]})
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


def write(folder, rows, changed, dialect):
    """Write hooks.csv, summary.json and commits.json; raises OSError."""
    os.makedirs(folder, exist_ok=True)
    rows = sorted(rows, key=lambda row: (row["file"], row["line"],
                                         row["hook"]))
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    _store(os.path.join(folder, "hooks.csv"), text.getvalue())
    for name, value in (("summary.json", summary(rows)),
                        ("commits.json", commits(rows, changed, dialect))):
        _store(os.path.join(folder, name), json.dumps(value, indent=1) + "\n")


def read(folder):
    """Return the rows of the report in @folder; raises OSError."""
    with open(os.path.join(folder, "hooks.csv"), encoding="utf-8",
              errors="surrogateescape", newline="") as stream:
        return list(csv.DictReader(stream))


def _table(title, counts):
    lines = [f"{title}:"]
    for name, count in sorted(counts.items(), key=lambda i: (-i[1], i[0])):
        lines += textwrap.wrap(name, _WIDTH, initial_indent=f"{count:6}  ",
                               subsequent_indent=" " * 8)
    return lines


def status(rows):
    """Return a page about @rows, at most 80 columns wide."""
    counts = summary(rows)
    lines = [f"{counts['found']} hooks: {counts['converted']} converted, "
             f"{counts['refused']} refused"]
    if counts["reasons"]:
        lines += ["", *_table("Refused because", counts["reasons"])]
    folders = collections.defaultdict(collections.Counter)
    for row in rows:
        folders[row["file"].split("/")[0]][row["result"]] += 1
    if folders:
        width = min(40, max(len("Folder"), *map(len, folders)))
        lines += ["", f"{'Folder':{width}}  {'found':>6}{CONVERTED:>11}"
                  f"{REFUSED:>9}"]
    for name in sorted(folders):
        results = folders[name]
        lines.append(f"{name[:width]:{width}}  {sum(results.values()):6}"
                     f"{results[CONVERTED]:11}{results[REFUSED]:9}")
    return "\n".join(lines) + "\n"
