#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""One set of rules for every dialect: each file of dialects/ converts to the
.out of each, which differ in names alone."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TOOL = os.path.dirname(HERE)
CASES = os.path.join(HERE, "dialects")
sys.path[:0] = [TOOL, os.path.join(TOOL, "..", "..", "overlay")]

import dialect  # noqa: E402
import tap      # noqa: E402


def read(*parts):
    """Return the text of a file."""
    with open(os.path.join(*parts), encoding="utf-8") as stream:
        return stream.read()


class Dialects(unittest.TestCase):
    """The same input, in each dialect."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="mmap-dialect-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.maxDiff = None

    def convert(self, name):
        """Return {file: text} of the inputs, converted to dialect @name."""
        folder = os.path.join(self.folder, name)
        os.mkdir(folder)
        inputs = [case for case in os.listdir(CASES) if case.endswith(".c")]
        for case in inputs:
            shutil.copy(os.path.join(CASES, case), folder)
        subprocess.run([os.path.join(TOOL, "convert.py"), "dir", "--in-place",
                        "--dialect", name, folder], check=True,
                       stderr=subprocess.PIPE)
        return {case: read(folder, case) for case in inputs}

    def check(self, name):
        """Each input must become its .out of dialect @name."""
        made = self.convert(name)
        self.assertTrue(made)
        for case, text in made.items():
            self.assertEqual(text, read(CASES, f"{case[:-2]}.{name}.out"))

    def test_mmap_proto(self):
        """dialect: mmap_proto(), of this series"""
        self.check("mmap_proto")

    def test_mmap_prepare(self):
        """dialect: mmap_prepare(), of mainline"""
        self.check("mmap_prepare")

    def test_all(self):
        """dialect: each has an expected output"""
        self.assertEqual({name.split(".")[1] for name in os.listdir(CASES)
                          if name.endswith(".out")}, set(dialect.DIALECTS))

    def test_rules(self):
        """dialect: the rules name no hook, structure, parameter or flags"""
        text = re.sub(r"//.*", "", read(TOOL, "plain.cocci"))
        added = [line for line in text.splitlines() if line.startswith("+")
                 # For coccicheck, which adds the header of its own tree.
                 and not line.startswith("+#include")]
        self.assertGreater(len(added), 20)
        for one in dialect.DIALECTS.values():
            named = [line for line in added if re.search(
                rf"\b{one.hook}\b|\b{one.struct}\b"
                rf"|->{one.fields['vm_flags']}\b", line)]
            self.assertEqual(named, [])


if __name__ == "__main__":
    tap.main()
