#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Each small file of plain/ converts to the .out beside it, and each one of
refused/ is left alone for the reason that its second line gives."""

import csv
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TOOL = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(TOOL, "..", "..", "overlay"))
sys.path.insert(0, TOOL)

import body  # noqa: E402
import tap  # noqa: E402


# What the judge calls a hook, and the shapes that the report says it has.
SHAPES = {
    "plain": {"plain", "generic"},
    "generic": {"generic"},
    "action": {"remap_pfn", "io_remap", "iomap", "vmalloc", "insert",
               "map_pages", "dma_mmap"},
}


def read(*parts):
    """Return the text of a file."""
    with open(os.path.join(*parts), encoding="utf-8") as stream:
        return stream.read()


def names(folder):
    """Return the cases of @folder."""
    return sorted(name[:-2] for name in os.listdir(os.path.join(HERE, folder))
                  if name.endswith(".c"))


class Cases(unittest.TestCase):
    """All cases are files of one tree that is converted once."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="mmap-cases-")
        for kind in ("plain", "refused", "shared"):
            shutil.copytree(os.path.join(HERE, kind),
                            os.path.join(cls.folder, "tree", kind))
        subprocess.run(
            [os.path.join(TOOL, "convert.py"), "tree",
             "--tree", os.path.join(cls.folder, "tree"),
             "--report", os.path.join(cls.folder, "report"),
             "--cache", os.path.join(cls.folder, "cache")], check=True)
        with open(os.path.join(cls.folder, "report", "hooks.csv"),
                  encoding="utf-8", newline="") as stream:
            cls.rows = list(csv.DictReader(stream))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def rows_of(self, path):
        """Return the report's lines on the file @path."""
        return [row for row in self.rows if row["file"] == path]

    def check_plain(self, name):
        """The file is as expected, and its hooks are reported."""
        self.maxDiff = None
        self.assertEqual(read(self.folder, "tree", "plain", name + ".c"),
                         read(HERE, "plain", name + ".out"))
        text = read(HERE, "plain", name + ".c")
        hooks = text.count(".mmap") - text.count("= NULL")
        results = [(row["result"], row["reason"])
                   for row in self.rows_of(f"plain/{name}.c")]
        self.assertEqual(results, [("converted", "")] * hooks)
        shape = re.search("^// Shape: (.*)", text, re.MULTILINE)
        for row in self.rows_of(f"plain/{name}.c"):
            self.assertIn(row["shape"],
                          SHAPES[shape.group(1) if shape else "plain"])

    def check_refused(self, name):
        """The file is as it was, and the hook has the reason it states."""
        text = read(HERE, "refused", name + ".c")
        self.assertEqual(read(self.folder, "tree", "refused", name + ".c"),
                         text)
        reason = text.splitlines()[1].split("Refused: ")[1]
        rows = [row for row in self.rows_of(f"refused/{name}.c")
                if row["hook"] != "y_mmap_proto"
                and row["result"] != "listed"]
        self.assertEqual([(row["result"], row["reason"]) for row in rows],
                         [("refused", reason)])

    def test_shared(self):
        """hooks that several files name are converted in all or in none"""
        changed = 0
        for name in sorted(os.listdir(os.path.join(HERE, "shared"))):
            if name.endswith(".out"):
                continue
            text = read(HERE, "shared", name)
            expected = text
            if os.path.exists(os.path.join(HERE, "shared", name + ".out")):
                expected = read(HERE, "shared", name + ".out")
                changed += 1
            refused = re.search("^// Refused: (.*)", text, re.MULTILINE)
            with self.subTest(name):
                self.assertEqual(read(self.folder, "tree", "shared", name),
                                 expected)
                for row in self.rows_of(f"shared/{name}"):
                    self.assertEqual(
                        (row["result"], row["reason"]),
                        ("refused", refused.group(1)) if refused
                        else ("converted", ""))
        self.figures = f"{changed} files converted"


def add(kind, name):
    """Make a test method of one case."""
    def method(self):
        getattr(self, "check_" + kind)(name)
    method.__doc__ = f"{kind}: {name.replace('_', ' ')}"
    setattr(Cases, f"test_{kind}_{name}", method)


for folder in ("plain", "refused"):
    for case in names(folder):
        add(folder, case)

class Flags(unittest.TestCase):
    """The core refuses, with a warning, what the judge must not let pass."""

    def mask(self, name):
        """Return the flags in the definition of @name in the core."""
        text = read(TOOL, "..", "..", "..", "mm", "vma_proto.c")
        match = re.search(rf"#define {name}\b((?:.*\\\n)*.*)", text)
        flags = set(re.findall(r"VM_\w+", match.group(1)))
        if "VM_ACCESS_FLAGS" in flags:
            flags |= {"VM_READ", "VM_WRITE", "VM_EXEC"}
        self.figures = f"{len(flags)} flags"
        return flags

    def test_set(self):
        """what a hook may set, the core lets it set"""
        self.assertLessEqual(body.MAY_SET, self.mask("VMA_PROTO_MAY_SET"))

    def test_clear(self):
        """what a hook may take away, the core lets it take away"""
        self.assertLessEqual(body.MAY_CLEAR, self.mask("VMA_PROTO_MAY_CLEAR"))


if __name__ == "__main__":
    tap.main()
