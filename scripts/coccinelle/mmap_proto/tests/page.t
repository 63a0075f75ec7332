#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The page of a report: what is on it, and that it needs nothing else."""

import csv
import html.parser
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TOOL = os.path.dirname(HERE)
sys.path[:0] = [TOOL, os.path.join(TOOL, "..", "..", "overlay")]

import dialect  # noqa: E402
import diffs    # noqa: E402
import report   # noqa: E402
import tap      # noqa: E402

OLD = "int a;\n<b>&amp;</b>\n\"c\"\n"
NEW = "int a;\n<i>&amp;</i>\n\"c\"\n"
VOID = {"meta", "input", "link", "br", "img"}


def row(path, hook, result, reason="", shape="plain", struct="file_operations"):
    """Return a line of a report."""
    return {"file": path, "line": 7, "ops_struct": struct, "instance": "i",
            "hook": hook, "shape": shape, "result": result, "reason": reason}


ROWS = [
    row("drivers/a b.c", "a_mmap", "converted"),
    row("drivers/gpu/drm/c.c", "c_mmap", "converted"),
    row("fs/e.c", "e_mmap_proto", "converted", "by hand in mmap-e"),
    row("fs/x.c", "<x>", "refused", "takes the VMA elsewhere: <f>"),
    row("net/l.c", "l_mmap", "listed", "", "dispatch", "proto_ops"),
]


class Reader(html.parser.HTMLParser):
    """Reads a page: its elements must nest, as a strict reader has it."""

    def __init__(self):
        super().__init__()
        self.open = []
        self.ids = []
        self.links = []
        self.other = []         # attributes that would load something
        self.cells = []         # of the tables, as lists of texts
        self.words = []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        self.ids += [values["id"]] if "id" in values else []
        if tag == "a":
            self.links.append(values["href"])
        self.other += [values[name] for name in ("src", "data", "action")
                       if name in values]
        if tag == "link" or tag == "a" and re.match(r"\w+:", values["href"]):
            self.other.append(values["href"])
        if tag == "tr":
            self.cells.append([])
        if tag in ("td", "th"):
            self.cells[-1].append("")

    def handle_endtag(self, tag):
        if self.open.pop() != tag:
            raise AssertionError(f"</{tag}> in {self.open} at {self.getpos()}")

    def handle_data(self, data):
        self.words.append(data)
        if "td" in self.open or "th" in self.open:
            self.cells[-1][-1] += data


class Page(unittest.TestCase):
    """A report of five hooks."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="mmap-page-")
        self.addCleanup(shutil.rmtree, self.folder)

    def write(self, changed=None):
        """Write the report; return the text of its page."""
        if changed is None:
            changed = {"drivers/a b.c": (OLD, NEW),
                       "drivers/gpu/drm/c.c": (OLD, NEW)}
        report.write(self.folder, ROWS, changed, dialect.of("mmap_proto"),
                     "../linux")
        return self.text()

    def text(self):
        """Return the text of the page."""
        with open(os.path.join(self.folder, "index.html"),
                  encoding="utf-8") as stream:
            return stream.read()

    def table(self, name, head, lines):
        """Write a table that tests make."""
        with open(os.path.join(self.folder, name), "w", encoding="utf-8",
                  newline="") as stream:
            csv.writer(stream).writerows([head, *lines])

    def again(self):
        """Have the page written again; return what a Reader has read."""
        subprocess.run([os.path.join(TOOL, "convert.py"), "page", "--report",
                        self.folder], check=True)
        return self.read(self.text())

    @staticmethod
    def read(text):
        """Return a Reader of @text."""
        reader = Reader()
        reader.feed(text)
        reader.close()
        if reader.open:
            raise AssertionError(f"not closed: {reader.open}")
        return reader

    def test_alone(self):
        """page: it needs no other file, for what it shows"""
        text = self.write()
        reader = self.read(text)
        self.assertEqual(reader.other, [])
        self.assertNotRegex(text, r"url\(|@import|https?:")
        for part in ("@media print", "prefers-color-scheme: dark",
                     'name="viewport"', "max-width: 45rem"):
            self.assertIn(part, text)

    def test_totals(self):
        """page: the totals, by subsystem, by shape, by reason"""
        reader = self.read(self.write())
        words = " ".join(" ".join(reader.words).split())
        self.assertIn("4 hooks of struct file_operations 3 converted "
                      "1 refused 1 hooks of other structures", words)
        for line in (["drm", "1", "–", "–"], ["net", "–", "–", "1"],
                     ["plain", "3", "1", "–"],
                     ["takes the VMA elsewhere", "1"]):
            self.assertIn(line, reader.cells)

    def test_hooks(self):
        """page: a line for every hook, with its place and its diff"""
        reader = self.read(self.write())
        self.assertIn(["<x>", "fs/x.c:7", "i", "plain", "refused",
                       "takes the VMA elsewhere: <f>"], reader.cells)
        self.assertIn(["l_mmap", "net/l.c:7", "proto_ops", "dispatch"],
                      reader.cells)
        self.assertIn("../linux/fs/x.c#:~:text=%3Cx%3E", reader.links)
        self.assertIn("../linux/drivers/a%20b.c#:~:text=a_mmap", reader.links)
        self.assertIn("#drivers/a%20b.c", reader.links)
        self.assertIn("drivers/a b.c", reader.ids)
        self.assertEqual(len(reader.ids), len(set(reader.ids)))

    def test_links(self):
        """page: each link within it leads somewhere"""
        reader = self.read(self.write())
        inner = {link[1:].replace("%20", " ") for link in reader.links
                 if link.startswith("#")}
        self.assertLessEqual(inner, set(reader.ids))
        self.assertEqual(len(inner), 5)

    def test_diffs(self):
        """page: each diff, as text, with the subject of its commit"""
        text = self.write()
        self.assertIn('<span class="del">-&lt;b&gt;&amp;amp;&lt;/b&gt;</span>'
                      '<span class="add">+&lt;i&gt;&amp;amp;&lt;/i&gt;</span>',
                      text)
        self.assertIn("drm: describe mappings by mmap_proto</summary>", text)
        self.assertEqual(text.count("<details id=\"drivers/"), 2)

    def test_tested(self):
        """page: what was compiled and reached, when tests have said so"""
        self.assertNotIn("Compiled", self.write())
        self.table(report.COMPILED, ["file", "configuration"],
                   [["fs/e.c", "x86"], ["fs/e.c", "arm"], ["fs/e.c", "x86"]])
        reader = self.again()
        self.assertIn(["e_mmap_proto", "fs/e.c:7", "i", "plain", "converted",
                       "by hand in mmap-e", "arm, x86"], reader.cells)
        words = " ".join(" ".join(reader.words).split())
        self.assertIn("1 of 3 converted files compiled", words)
        self.table(report.REACHED, ["file", "hook", "reached"],
                   [["fs/e.c", "e_mmap", "yes"], ["fs/x.c", "<x>", "0"],
                    ["drivers/a b.c", "a_mmap_proto", "1"]])
        reader = self.again()
        words = " ".join(" ".join(reader.words).split())
        self.assertIn("2 hooks reached in a running kernel", words)
        self.assertEqual([cells[-1] for cells in reader.cells
                          if len(cells) == 8],
                         ["Reached", "yes", "no", "yes", "no"])

    def test_same(self):
        """page: the same report makes the same page, and touches no file"""
        first = self.write()
        names = sorted(os.listdir(self.folder))
        before = [os.stat(os.path.join(self.folder, name)).st_ino
                  for name in names]
        self.assertEqual(self.write(), first)
        self.again()
        self.assertEqual([os.stat(os.path.join(self.folder, name)).st_ino
                          for name in names], before)

    def test_none(self):
        """page: of a tree where nothing was converted"""
        reader = self.read(self.write({}))
        self.assertNotIn("#drivers/a%20b.c", reader.links)
        with open(os.path.join(self.folder, "commits.json"),
                  encoding="utf-8") as stream:
            self.assertEqual(json.load(stream), [])

    def test_no_report(self):
        """page: without a report there is none"""
        done = subprocess.run([os.path.join(TOOL, "convert.py"), "page",
                               "--report", self.folder], capture_output=True,
                              text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("There is no report in", done.stderr)


class Split(unittest.TestCase):
    """Diffs that were joined come apart again."""

    def test_split(self):
        """diffs: of several files, one of which holds a diff"""
        inner = diffs.unified("inner", "a\n", "b\n")
        parts = {"x y": diffs.unified("x y", "", inner),
                 "z": diffs.unified("z", "a", "b")}
        self.assertEqual(diffs.split("".join(parts.values())), parts)

    def test_same(self):
        """diffs: none of what is the same"""
        self.assertEqual(diffs.unified("a", "x\n", "x\n"), "")


if __name__ == "__main__":
    tap.main()
